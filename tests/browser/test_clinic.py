"""The clinic is what a search for an error's message finds, and its links lead to their cases."""

import re
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import pytest

CLINIC = "10_find_your_error.html"
TOC = (Path(__file__).parents[2] / "_toc.yml").read_text("utf-8")
BELOW = re.search(r"10_find_your_error\n +sections:\n((?: +- file: \w+\n)+)", TOC)[1]
CASES = [f"{name}.html" for name in re.findall(r"file: (\w+)", BELOW)]  # the pages below it
MESSAGES = {
    "PyTorch": "grad can be implicitly created only for scalar outputs",
    "PyTorch, torch.func": "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor",
    "PyTorch, a cotangent": "Mismatch in shape: grad_output[0] has a shape of torch.Size([3])",
    "PyTorch, twice": "Trying to backward through the graph a second time",
    "PyTorch, in place": "one of the variables needed for gradient computation has been modified",
    "PyTorch, unrecorded": "element 0 of tensors does not require grad and does not have a grad_fn",
    "PyTorch, a tuple": "'tuple' object has no attribute 'backward'",
    "PyTorch, a float": "'float' object has no attribute 'backward'",
    "PyTorch, torch.func, a tuple": (
        "grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got <class 'tuple'>"
    ),
    "PyTorch, a Hessian": (
        "The Tensor returned by the function given to hessian should contain a single element"
    ),
    "PyTorch, not used": "One of the differentiated Tensors appears to not have been used",
    "PyTorch, whole numbers": "Only Tensors of floating point and complex dtype can require",
    "PyTorch, a backward's shape": "returned an invalid gradient at index 0",
    "PyTorch, complex": "grad can be implicitly created only for real scalar outputs",
    "PyTorch, shapes": "Using a target size (torch.Size([4])) that is different to the input size",
    "PyTorch, refused shapes": "Target size (torch.Size([4])) must be the same as input size",
    "PyTorch, devices": "Was asked to gather along dimension 0, but all input tensors were scalars",
    "JAX": "Gradient only defined for scalar-output functions. Output had shape:",
    "JAX, a pair": "Gradient only defined for scalar-output functions. Output was (",
    "JAX, has_aux": "expected function with aux output to return a two-element tuple",
    "JAX, complex": "grad requires real-valued outputs (output dtype that is a sub-dtype",
    "JAX, whole numbers": "grad requires real- or complex-valued inputs (input dtype",
    "JAX, a cotangent": "unexpected JAX type (e.g. shape/dtype) for argument to VJP function",
    "older JAX, a cotangent": "Shape of cotangent input to vjp pullback function",
    "HIPS autograd": "Grad only applies to real scalar-output functions. Try jacobian",
    "TensorFlow": "A non-persistent GradientTape can only be used to compute one set of gradients",
    "TensorFlow, no gradients": "No gradients provided for any variable",
    "TensorFlow.js": "The f passed in variableGrads(f) must return a scalar",
    "MLX": "[vjp] Output shape (1) does not match cotangent shape ()",
}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
@pytest.mark.parametrize("words", [5, 99], ids=["five words", "all of it"])
def test_the_clinic_is_found_first(page, site, message, words):
    query = " ".join(message.split()[:words])
    page.goto(f"{site}/search.html")
    page.locator("#search-input, input[name=q]").first.wait_for(state="attached")
    page.goto(f"{site}/search.html?{page.evaluate('q => new URLSearchParams({ q })+``', query)}")
    first = page.locator("#search-results li a").first
    first.wait_for()
    assert first.get_attribute("href").split("#")[0].split("?")[0] in (CLINIC, *CASES)


def test_every_message_stands_on_the_page_and_leads_to_a_case(page, site):
    page.goto(f"{site}/{CLINIC}")
    text = " ".join(page.locator("article").text_content().split())
    for message in MESSAGES.values():
        assert " ".join(message.split()[:5]) in text
    lines = page.locator("section#start-from-the-message li")
    assert lines.count() >= 28
    led = set()
    for line in lines.all():
        addresses = [link.get_attribute("href") for link in line.locator("a.internal").all()]
        led |= {urljoin(page.url, address) for address in addresses}
        assert addresses or line.locator("a").count()
    assert_there(page, led)


def test_the_old_address_of_a_case_stands_beside_a_link_to_it(page, site):
    page.goto(f"{site}/{CLINIC}")
    led = set()
    for number in range(1, 25):
        link = page.locator(f"li:has(span[id='case-{number}']) a")
        assert link.count() == 1
        address = link.get_attribute("href")
        assert address.endswith(f"#case-{number}")
        assert not address.startswith("#")
        led.add(urljoin(page.url, address))
    assert_there(page, led)


def assert_there(page, addresses):
    """Open each page and look for its anchors."""
    for address, anchor in map(urldefrag, sorted(addresses)):
        if page.url != address:
            page.goto(address)
        assert not anchor or page.locator(f"[id='{anchor}']").count() == 1, anchor
