"""The built site, as a reader has it: each figure answers as NumPy does, and asks no one else."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from operate import wake

import scalarloss.live
from scalarloss import Program, value_and_grad, vjp
from scalarloss.layers import (
    conv2d,
    conv2d_backward,
    cross_entropy,
    cross_entropy_backward,
    dense,
    dense_backward,
    squared_error,
)
from scalarloss.program import array_from_dict

SITE = Path(__file__).parents[2] / "_build" / "html"
PAGES = sorted(path.name for path in SITE.glob("*.html") if path.name[:2].isdigit())
CONTENTS = (SITE.parents[1] / "_toc.yml").read_text()
NESTED = [f"{name}.html" for name in re.findall(r"^ {10}- file: (\S+)", CONTENTS, re.M)]
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


def script_bodies(html, kind):
    return re.findall(rf'<script type="{re.escape(kind)}">(.*?)</script>', html, re.S)


def figures_of(name):
    """The state of every figure on a page, in the order in which they stand there."""
    html = (SITE / name).read_text()
    states = {}
    for body in script_bodies(html, STATE):
        states |= json.loads(body)["state"]
    models = [json.loads(body)["model_id"] for body in script_bodies(html, VIEW)]
    return [states[model]["state"] for model in models]


def of_kind(kind):
    """The pages that hold figures of a kind, and the state of each."""
    found = {
        name: [state for state in figures_of(name) if state["_kind"] == kind]
        for name in ("index.html", *PAGES, *NESTED)
    }
    return [pytest.param(name, states, id=name) for name, states in found.items() if states]


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
        wake(page)
        return page

    return open_page


def test_every_chapter_is_built():
    chapters = {path.stem for path in (SITE.parents[1] / "book").glob("[0-9]*.ipynb")}
    assert {Path(name).stem for name in PAGES} == chapters


@pytest.mark.parametrize("name", ["index.html", *PAGES, "search.html", "genindex.html"])
def test_a_page_opens_without_complaint_and_asks_no_other_host(visit, name):
    assert visit(name).locator("h1").count() >= 1


@pytest.mark.parametrize(("name", "states"), of_kind("loss-response"))
def test_every_entry_of_every_loss_answers_a_drag_as_numpy_does(visit, name, states):
    page = visit(name)
    figures = ready(page, "loss-response", len(states))
    rng = np.random.default_rng(0)
    for i, state in enumerate(states):
        figure, program = figures.nth(i), Program.from_dict(state["program"])
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


def ready(page, kind, count):
    figures = page.locator(f"figure[data-figure={kind}][data-ready=true]")
    figures.nth(count - 1).wait_for()
    assert figures.count() == count
    return figures


def arrays_after(page, figure, program, state):
    """Choose an entry and move it, by typing, by key and by finger; the arrays that then stand."""
    arrays = {name: array_from_dict(item, name) for name, item in state["params"].items()}
    name, index = state["entry"]["name"], tuple(state["entry"]["index"])
    if figure.locator("[data-entry]").count():
        label = f"{name}[{', '.join(map(str, index))}]" if index else name
        figure.locator(f'[data-entry="{label}"]').click()
    settle(page)
    exact = figure.get_by_label(re.compile("^exact")).first
    slider = figure.get_by_role("slider", name=re.compile("^move (?!step)")).first
    exact.fill("0.3141592653589793")
    exact.press("Enter")
    settle(page)
    slider.press("ArrowRight")
    settle(page)
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for kind, share in (("Start", 0.55), ("Move", 0.6), ("Move", 0.66), ("End", None)):
        point = {"x": box["x"] + box["width"] * (share or 0), "y": box["y"] + box["height"] / 2}
        points = [] if share is None else [point]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
        settle(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
    moved = float(exact.input_value())
    assert moved not in (0.3141592653589793, float(arrays[name][index]))
    arrays[name][index] = moved
    return arrays, name, index


def settle(page):
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


@pytest.mark.parametrize(
    ("kind", "name", "states"),
    [
        pytest.param(kind, *found.values, id=f"{kind} {found.id}")
        for kind in ("chain-rule", "convolution-gradient", "step-size", "descent", "cotangent")
        for found in of_kind(kind)
    ],
)
def test_every_other_figure_answers_on_its_page_as_numpy_does(visit, kind, name, states):
    page = visit(name)
    figures = ready(page, kind, len(states))
    for i, state in enumerate(states):
        figure, program = figures.nth(i), Program.from_dict(state["program"])
        arrays, array, index = arrays_after(page, figure, program, state)
        for press in {
            "chain-rule": ["back to the inputs"],
            "convolution-gradient": ["All outputs"],
        }.get(kind, []):
            figure.get_by_role("button", name=press, exact=True).click()
        settle(page)
        shown = read(figure)
        if kind == "cotangent":
            weights = figure.locator("[data-cotangent]").evaluate_all(
                "cells => cells.map((cell) => Number(cell.value ?? cell.dataset.value))"
            )
            v = np.reshape(np.array(weights, float), program.output_shape)
            expected = vjp(program, array, **arrays)[1](v)[array]
            found = as_array(array, expected.shape, shown["gradient"])
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
            continue
        value, gradient = value_and_grad(program, **arrays)
        slope = gradient[array][index]
        where = {"descent": "slope-across", "step-size": "truth", "chain-rule": "slope"}
        if kind in where:
            np.testing.assert_allclose(
                shown["quantity"][where[kind]], slope, rtol=1e-12, atol=1e-13
            )
        else:
            found = as_array(array, gradient[array].shape, shown["gradient"])
            np.testing.assert_allclose(found, gradient[array], rtol=1e-12, atol=1e-12)
        if "loss" in shown["quantity"]:
            np.testing.assert_allclose(shown["quantity"]["loss"], value, rtol=1e-12)


@pytest.mark.parametrize(("name", "states"), of_kind("drill"))
def test_every_drill_takes_the_right_gradient_and_no_other(visit, name, states):
    page = visit(f"{name}?seed=5")
    figures = ready(page, "drill", len(states))
    for i, state in enumerate(states):
        figure, program = figures.nth(i), Program.from_dict(state["program"])
        arrays = {n: array_from_dict(item, n) for n, item in state["params"].items()}
        for table in figure.locator("table").all():
            cells = table.locator("td").all_text_contents()
            numbers = np.array([float(cell.replace("−", "-")) for cell in cells])
            shape = arrays[table.get_attribute("aria-label")].shape
            arrays[table.get_attribute("aria-label")] = numbers.reshape(shape)
        right = value_and_grad(program, state["wrt"], **arrays)[1][state["wrt"]]
        for answer, words in ((right + 1, "Not yet."), (right, "All right.")):
            for field, number in zip(
                figure.locator("[data-answer]").all(), answer.flat, strict=True
            ):
                field.fill(repr(float(number)))
            settle(page)
            assert words in figure.locator(".live-drill-says").text_content()


def test_each_kind_of_figure_stands_on_some_page():
    kinds = {state["_kind"] for name in ("index.html", *PAGES) for state in figures_of(name)}
    classes = (getattr(scalarloss.live, name) for name in scalarloss.live.__all__)
    assert kinds == {kind._kind.default_value for kind in classes}


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
