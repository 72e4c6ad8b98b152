"""What the landing page and an error page say of other frameworks: examples that run, claims."""

import contextlib
import io
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import reading

from scalarloss import frameworks

PAGE = Path(__file__).parents[1] / "book" / "index.ipynb"
PROSE = "\n\n".join(
    cell.source for cell in nbformat.read(PAGE, as_version=4).cells if cell.cell_type == "markdown"
)
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", re.M | re.S)
EXAMPLES = EXAMPLE.findall(PROSE)
HERE = not frameworks.missing()


def run(code):
    """What a reader's code prints, and the names that it leaves."""
    names = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code, names)
    return printed.getvalue(), names


def test_each_way_on_has_a_short_example_with_what_it_prints():
    of_torch = [code for code, _ in EXAMPLES if code.startswith("import torch\n")]
    assert len(of_torch) == 3
    assert PROSE.count("```python") == PROSE.count("```text") == len(EXAMPLES)
    assert all(len(code.splitlines()) <= 7 for code, _ in EXAMPLES)


def test_the_landing_page_is_read_in_twelve_minutes():
    assert reading.minutes(PAGE) <= 12


@pytest.mark.parametrize(("code", "shown"), EXAMPLES if HERE else [])
def test_an_example_prints_what_the_page_shows(code, shown):
    assert run(code)[0] == shown


@pytest.mark.parametrize("examples", [EXAMPLES] if HERE else [])
def test_what_the_page_says_of_its_examples_is_so(examples):
    import jax
    import torch

    mean, weighed, by_jax, rows = (run(code)[1] for code, _ in examples)
    J, v = rows["J"], torch.tensor([1.0, 0.0, 2.0])
    assert torch.equal(mean["w"].grad, J.mean(0))
    assert torch.equal(weighed["w"].grad, v @ J)
    np.testing.assert_array_equal(by_jax["dL_dw"], v @ J)
    np.testing.assert_array_equal(jax.jacrev(by_jax["f"])(jax.numpy.array([1.0, 2.0])), J)

    w, X = weighed["w"], weighed["X"]
    losses = (X @ w - torch.tensor([-1.0, 6.0, 2.0])) ** 2
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar"):
        losses.backward()
    (dL_dw,) = torch.autograd.grad(losses, w, grad_outputs=v, retain_graph=True)
    assert torch.equal(dL_dw, v @ J)
    losses.backward(gradient=v)
    assert torch.equal(w.grad, 2 * (v @ J)), "backward adds to what w.grad holds"
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        losses.backward(gradient=v)

    loss = (w**2).sum()
    (implicit,) = torch.autograd.grad(loss, w, retain_graph=True)
    (explicit,) = torch.autograd.grad(loss, w, torch.tensor(1.0))
    assert torch.equal(implicit, explicit)


@pytest.mark.parametrize("numbers", [[0.0, 4.0]] if HERE else [])
def test_an_infinite_slope_that_was_not_chosen_leaves_a_nan_in_pytorch_and_jax(numbers):
    import jax
    import torch

    x = torch.tensor(numbers, requires_grad=True)
    torch.where(x > 0, torch.sqrt(x), 0.0).sum().backward()
    by_jax = jax.grad(lambda x: jax.numpy.where(x > 0, jax.numpy.sqrt(x), 0.0).sum())
    for given in (x.grad, by_jax(jax.numpy.array(numbers))):
        np.testing.assert_array_equal(given, [np.nan, 0.25])
