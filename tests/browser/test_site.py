"""The built site, as a reader has it: each figure answers as NumPy does, and asks no one else."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from scalarloss import Program, value_and_grad
from scalarloss.layers import (
    conv2d,
    conv2d_backward,
    cross_entropy,
    cross_entropy_backward,
    dense,
    dense_backward,
    squared_error,
)

SITE = Path(__file__).parents[2] / "_build" / "html"
PAGES = sorted(path.name for path in SITE.glob("*.html") if path.name[:2].isdigit())
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


def script_bodies(html, kind):
    return re.findall(rf'<script type="{re.escape(kind)}">(.*?)</script>', html, re.S)


def programs(name):
    """The program of every figure on a page, in the order in which they stand there."""
    html = (SITE / name).read_text()
    states = {}
    for body in script_bodies(html, STATE):
        states |= json.loads(body)["state"]
    models = [json.loads(body)["model_id"] for body in script_bodies(html, VIEW)]
    return [Program.from_dict(states[model]["state"]["program"]) for model in models]


def read(figure):
    """What a figure shows, with all its digits: arrays, gradient, loss and slope."""
    shown = figure.evaluate(
        """figure => {
            const nodes = (what) => [...figure.querySelectorAll(`[data-${what}]`)];
            const numbers = (what) => nodes(what).map((n) => [n.dataset[what], n.dataset.value]);
            const kinds = ["entry", "gradient", "quantity"];
            return Object.fromEntries(kinds.map((k) => [k, Object.fromEntries(numbers(k))]));
        }"""
    )
    return {
        kind: {key: float(value) for key, value in found.items()} for kind, found in shown.items()
    }


def as_array(name, shape, entries):
    found = np.empty(shape)
    for index in np.ndindex(shape):
        found[index] = entries[f"{name}[{', '.join(map(str, index))}]" if index else name]
    return found


def drag(page, figure, to):
    """Take the slider's thumb and pull it to the share `to` of its track."""
    slider = figure.locator("input[type=range]").first
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    share = slider.evaluate("s => (s.value - s.min) / (s.max - s.min)")
    y = box["y"] + box["height"] / 2
    inset = 8
    x = lambda part: box["x"] + inset + part * (box["width"] - 2 * inset)  # noqa: E731
    page.mouse.move(x(share), y)
    page.mouse.down()
    page.mouse.move(x((share + to) / 2), y)
    page.mouse.move(x(to), y)
    page.mouse.up()
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


@pytest.fixture
def visit(page, site):
    """Open a page of the site."""

    def open_page(name):
        page.goto(f"{site}/{name}", wait_until="load")
        return page

    return open_page


def test_every_chapter_is_built():
    chapters = {path.stem for path in (SITE.parents[1] / "book").glob("[0-9]*.ipynb")}
    assert {Path(name).stem for name in PAGES} == chapters


@pytest.mark.parametrize("name", ["index.html", *PAGES, "search.html", "genindex.html"])
def test_a_page_opens_without_complaint_and_asks_no_other_host(visit, name):
    assert visit(name).locator("h1").count() >= 1


@pytest.mark.parametrize("name", ["index.html", *PAGES])
def test_every_entry_of_every_figure_answers_a_drag_as_numpy_does(visit, name):
    expected = programs(name)
    assert expected, f"{name} has no live figure"
    page = visit(name)
    figures = page.locator("figure.live-figure[data-ready=true]")
    figures.nth(len(expected) - 1).wait_for()
    assert figures.count() == len(expected)
    rng = np.random.default_rng(0)
    for i, program in enumerate(expected):
        figure = figures.nth(i)
        for entry in read(figure)["entry"]:
            figure.locator(f'[data-entry="{entry}"]').click()
            before = read(figure)["entry"]
            drag(page, figure, rng.uniform(0.1, 0.9))
            shown = read(figure)
            moved = {key for key, value in shown["entry"].items() if value != before[key]}
            assert moved == {entry}
            arrays = {n: as_array(n, s, shown["entry"]) for n, s in program.inputs.items()}
            value, gradient = value_and_grad(program, **arrays)
            assert_same(shown, value, gradient, entry)
            if (by_hand := HAND.get((name, *arrays))) is not None:
                assert_same(shown, *by_hand(arrays), entry)


def assert_same(shown, value, gradient, entry):
    np.testing.assert_allclose(shown["quantity"]["loss"], value, rtol=1e-12, atol=1e-15)
    for name, expected in gradient.items():
        found = as_array(name, expected.shape, shown["gradient"])
        scale = np.max(np.abs(expected))
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * scale + 1e-15)
    assert shown["quantity"]["slope"] == shown["gradient"][entry]


X, B_DENSE = np.array([1.0, 2.0]), np.array([0.5, 1.2])


def dense_by_hand(arrays):
    """Example 1: half the sum of squares of W x + b - t."""
    y = dense(X, **arrays)
    _, dW, db = dense_backward(y - B_DENSE, X, **arrays)
    return squared_error(y, B_DENSE), {"W": dW, "b": db}


def softmax_by_hand(arrays):
    """Example 2: cross-entropy of softmax(W x + b) with the first class."""
    z, t = dense(X, **arrays), np.array([1.0, 0.0])
    _, dW, db = dense_backward(cross_entropy_backward(z, t), X, **arrays)
    return cross_entropy(z, t), {"W": dW, "b": db}


def convolution_by_hand(arrays):
    """Example 3: half the sum of squares of what a filter and b[0] miss on one picture."""
    x, w, b = arrays["x"], arrays["w"], arrays["b"]
    residual = conv2d(x, w, b[0]) - np.eye(2)
    dx, dw, db = conv2d_backward(residual, x, w, b[0])
    return 0.5 * np.sum(residual**2), {"x": dx, "w": dw, "b": np.array([db, 0.0])}


HAND = {
    ("03_differentiate_a_dense_layer.html", "W", "b"): dense_by_hand,
    ("04_differentiate_softmax_and_cross_entropy.html", "W", "b"): softmax_by_hand,
    ("05_differentiate_a_convolution.html", "b", "w", "x"): convolution_by_hand,
}
