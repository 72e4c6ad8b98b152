"""The clinic is what a search for an error's message finds, and its links lead to their cases."""

import re

import pytest

CLINIC = "10_find_your_error.html"
MESSAGES = {
    "PyTorch": "grad can be implicitly created only for scalar outputs",
    "PyTorch, torch.func": "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor",
    "PyTorch, a cotangent": "Mismatch in shape: grad_output[0] has a shape of torch.Size([3])",
    "PyTorch, twice": "Trying to backward through the graph a second time",
    "PyTorch, in place": "one of the variables needed for gradient computation has been modified",
    "PyTorch, unrecorded": "element 0 of tensors does not require grad and does not have a grad_fn",
    "PyTorch, a tuple": "'tuple' object has no attribute 'backward'",
    "PyTorch, shapes": "Using a target size (torch.Size([4])) that is different to the input size",
    "PyTorch, devices": "Was asked to gather along dimension 0, but all input tensors were scalars",
    "JAX": "Gradient only defined for scalar-output functions. Output had shape:",
    "JAX, a pair": "Gradient only defined for scalar-output functions. Output was (",
    "JAX, a cotangent": "unexpected JAX type (e.g. shape/dtype) for argument to VJP function",
    "older JAX, a cotangent": "Shape of cotangent input to vjp pullback function",
    "HIPS autograd": "Grad only applies to real scalar-output functions. Try jacobian",
    "TensorFlow": "A non-persistent GradientTape can only be used to compute one set of gradients",
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
    assert re.match(rf"{CLINIC}\b", first.get_attribute("href")), first.get_attribute("href")


def test_every_message_stands_on_the_page_and_leads_to_a_case(page, site):
    page.goto(f"{site}/{CLINIC}")
    text = " ".join(page.locator("article").text_content().split())
    for message in MESSAGES.values():
        assert " ".join(message.split()[:5]) in text
    index = page.locator("section#start-from-the-message li")
    assert index.count() >= len(MESSAGES)
    for line in index.all():
        for link in line.locator("a[href^='#']").all():
            assert page.locator(f"[id='{link.get_attribute('href')[1:]}']").count()
    for number in range(1, 25):
        assert page.locator(f"section[id='case-{number}'], span[id='case-{number}']").count() == 1
