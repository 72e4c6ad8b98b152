"""What is compared with: the pins, the versions that the chapters name, life without them."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

from scalarloss import frameworks, gallery
from scalarloss.check import check_vjp
from scalarloss.diagnose import diagnose_backward
from scalarloss.errors import DtypeError, FrameworksMissingError, GradientCheckError

ROOT = Path(__file__).parents[1]
PINS = dict(
    re.findall(r"^(\w+)==([\d.]+)", (ROOT / "requirements-frameworks.txt").read_text(), re.M)
)
CHAPTERS = frameworks.chapters(ROOT / "book")
HERE = not frameworks.missing()


def test_the_versions_that_a_chapter_names_are_those_of_the_pins():
    assert CHAPTERS
    for path in CHAPTERS:
        cells = nbformat.read(path, as_version=4).cells
        stored = "".join(o.get("text", "") for c in cells for o in c.get("outputs", []))
        for module, name in frameworks.NAMES.items():
            assert f"{name} {PINS[module]}\n" in stored


@pytest.fixture
def without(tmp_path, monkeypatch):
    """A Python in which PyTorch cannot be imported."""
    (tmp_path / "torch.py").write_text("raise ImportError('not here')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")


def say(code):
    command = [sys.executable, "-c", f"from scalarloss import frameworks; {code}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_is_missing_is_named_with_what_to_do(without):
    assert "torch" in say("print(frameworks.missing())").stdout
    refused = say("frameworks.need()").stderr
    for words in ("FrameworksMissingError", "PyTorch", "make frameworks"):
        assert words in refused


def test_a_site_without_them_shows_what_is_stored_and_says_so(without, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Ask"),
            nbformat.v4.new_code_cell(
                "frameworks.need()",
                outputs=[nbformat.v4.new_output("stream", text="stored long ago")],
            ),
        ]
    )
    nbformat.write(notebook, site / "index.ipynb")
    (site / "conf.py").write_text(
        f"import sys; sys.path.insert(0, {str(ROOT / 'book' / '_ext')!r})\n"
        "extensions = ['myst_nb', 'frameworks']\nnb_execution_mode = 'force'\n"
    )
    build = [sys.executable, "-m", "sphinx", "-q", "-b", "html", site, site / "out"]
    result = subprocess.run(build, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    page = (site / "out" / "index.html").read_text("utf-8")
    assert "stored long ago" in page
    assert "built without" in page
    assert "PyTorch" in page


@pytest.mark.parametrize("layer", gallery.LAYERS[:8] if HERE else [], ids=lambda layer: layer.name)
def test_a_wrapped_layer_gives_the_gradients_that_went_in(layer):
    import autograd
    import jax
    import torch

    frameworks.need()
    arrays = {n: np.asarray(a, float) for n, a in layer.draw(np.random.default_rng(0)).items()}
    y = np.asarray(layer.f(**arrays))
    g = np.random.default_rng(1).normal(size=y.shape)
    right = layer.right(g, **arrays)
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays.values()]
    frameworks.as_torch(layer.f, layer.right, list(arrays))(*leaves).backward(torch.tensor(g))
    _, pullback = jax.vjp(frameworks.as_jax(layer.f, layer.right, arrays), *arrays.values())
    by_jax = pullback(jax.numpy.asarray(g))
    of_autograd = frameworks.as_autograd(layer.f, layer.right, list(arrays))
    for i, (name, expected) in enumerate(right.items()):
        np.testing.assert_allclose(leaves[i].grad, expected, rtol=1e-14)
        np.testing.assert_allclose(by_jax[i], expected, rtol=1e-14)
        back, _ = autograd.make_vjp(of_autograd, i)(*arrays.values())
        np.testing.assert_allclose(back(g), expected, rtol=1e-14, err_msg=name)


BACK = ["from_torch", "from_jax", "from_autograd"] if HERE else []


def functions():
    """One function in each framework's words, and an array that it does not look at."""
    import autograd.numpy as anp
    import jax.numpy as jnp
    import torch

    return {
        "from_torch": lambda x, W, unused: torch.tanh(W @ x) * x[0],
        "from_jax": lambda x, W, unused: jnp.tanh(W @ x) * x[0],
        "from_autograd": lambda x, W, unused: anp.tanh(anp.dot(W, x)) * x[0],
    }


@pytest.mark.parametrize("name", BACK)
def test_a_frameworks_function_is_checked_in_arrays(name):
    frameworks.need()
    f, backward = getattr(frameworks, name)(functions()[name])
    rng = np.random.default_rng(2)
    arrays = {"x": rng.normal(size=3), "W": rng.normal(size=(2, 3)), "unused": np.ones(2)}
    assert isinstance(f(**arrays), np.ndarray)
    check_vjp(f, backward, arrays)
    by_place, by_name = backward(np.ones(2), *arrays.values()), backward(np.ones(2), **arrays)
    for place, key in zip(by_place, arrays, strict=True):
        np.testing.assert_array_equal(place, by_name[key])
    assert not by_name["unused"].any()
    assert diagnose_backward(f, backward, arrays).right
    twice = lambda g, **arrays: {n: 2 * a for n, a in backward(g, **arrays).items()}  # noqa: E731
    with pytest.raises(GradientCheckError):
        check_vjp(f, twice, arrays)
    assert diagnose_backward(f, twice, arrays).kind in ("factor", "double")


@pytest.mark.parametrize("name", BACK)
def test_what_is_no_array_is_refused_by_name(name):
    f, backward = getattr(frameworks, name)(lambda x: (x, x))
    with pytest.raises(DtypeError, match="f returned a tuple"):
        check_vjp(f, backward, np.ones(2))


@pytest.mark.parametrize("name", BACK)
def test_a_constant_has_the_gradient_zero(name):
    import jax.numpy as jnp
    import torch

    constants = {"from_torch": torch.ones, "from_jax": jnp.ones, "from_autograd": np.ones}
    f, backward = getattr(frameworks, name)(lambda x: constants[name](2))
    check_vjp(f, backward, np.ones(3))


def test_a_missing_framework_is_an_import_error():
    assert issubclass(FrameworksMissingError, ImportError)


def test_a_refusal_is_printed_and_a_call_that_is_accepted_raises(capsys):
    frameworks.refused(lambda: [][0])
    assert capsys.readouterr().out == "IndexError: list index out of range\n"
    with pytest.raises(AssertionError, match="not refused"):
        frameworks.refused(lambda: 1)
