"""Drill in the page: the sheets of Python, the marks of Python, typed by hand and by finger."""

import json

import numpy as np
import pytest
from operate import READY, frame, states

from scalarloss.layers import conv2d, cross_entropy, dense, softmax, squared_error
from scalarloss.live import Drill
from scalarloss.marking import kind_of_mistake, read_number


def dense_drill(**state):
    return Drill(
        lambda W, x, t: squared_error(dense(x, W, np.zeros(2)), t),
        "W",
        W=np.zeros((2, 2)),
        x=np.zeros(2),
        t=np.zeros(2),
        mistakes={"the target left out": lambda W, x, t: np.outer(np.dot(W, x), x)},
        **state,
    )


def twice(z, t):
    p = softmax(z)
    return p * (p - t - np.sum(p * (p - t)))


def softmax_drill(**state):
    return Drill(
        lambda z, t: cross_entropy(z, t),
        "z",
        draw={"z": (-2, 2)},
        z=np.zeros(3),
        t=np.array([0.0, 1.0, 0.0]),
        mistakes={"the softmax Jacobian applied twice": twice},
        **state,
    )


def filter_drill(**state):
    return Drill(
        lambda g, x, w: np.sum(g * conv2d(x, w, np.zeros(()))),
        "w",
        g=np.zeros((2, 2)),
        x=np.zeros((3, 3)),
        w=np.zeros((2, 2)),
        **state,
    )


MAKE = {"dense": dense_drill, "softmax": softmax_drill, "filter": filter_drill}
every = pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)


def sheet(figure):
    """The numbers that the page shows, by array."""
    return figure.evaluate(
        """figure => Object.fromEntries([...figure.querySelectorAll("table")].map((table) =>
            [table.ariaLabel, [...table.querySelectorAll("td")].map((cell) =>
                Number(cell.textContent.replace("−", "-")))]))"""
    )


def says(figure):
    return figure.locator(".live-drill-says").inner_text()


def fill(page, figure, numbers):
    for field, number in zip(figure.locator("[data-answer]").all(), np.ravel(numbers), strict=True):
        field.fill(repr(float(number)))
    page.keyboard.press("Tab")
    frame(page)


def marks(figure):
    return figure.locator(".live-typing > div").evaluate_all("ds => ds.map((d) => d.dataset.mark)")


@every
def test_the_sheets_are_pythons(page, show, make):
    widget = make(seed=1)
    figure = show(states(widget), [widget.model_id])
    for seed in (1, 2, 3, 4, 77, 2**32 - 1):
        if seed > 4:
            figure.get_by_label("sheet").fill(str(seed))
            page.keyboard.press("Enter")
        elif seed > 1:
            figure.get_by_role("button", name="New numbers").click()
        frame(page)
        widget.seed = seed
        for name, numbers in sheet(figure).items():
            np.testing.assert_allclose(numbers, widget.params[name].ravel(), atol=1e-4)


@every
def test_a_right_answer_is_right_and_each_wrong_one_is_named_as_python_names_it(page, show, make):
    widget = make(seed=3)
    figure = show(states(widget), [widget.model_id])
    right = widget.gradient[widget.wrt]
    known = widget._known_at(widget.params)
    wrong = [*known.values(), -right, 2 * right, 0 * right, right + 1, right.T, right[::-1]]
    for answer in wrong:
        fill(page, figure, answer)
        kind = kind_of_mistake(np.asarray(answer), right, known)
        assert (f"Looks like: {kind}." in says(figure)) if kind else says(figure) == "All right."
    fill(page, figure, np.round(right, 2))
    assert says(figure) == "All right."
    assert set(marks(figure)) == {"right"}
    assert figure.locator("[data-quantity=streak]").inner_text() == "1"


def test_each_entry_is_marked_at_once_by_sign_and_word(page, show):
    widget = dense_drill(seed=2)
    figure = show(states(widget), [widget.model_id])
    right = widget.gradient["W"]
    figure.locator("[data-answer='0']").fill(repr(float(right[0, 0])))
    figure.locator("[data-answer='1']").fill(repr(float(right[0, 1]) + 1))
    frame(page)
    assert marks(figure) == ["right", "wrong", "", ""]
    assert figure.locator(".live-mark").all_inner_texts() == ["✓", "✗", "", ""]
    assert figure.locator("[data-answer='1']").get_attribute("aria-label") == "∂L/∂W[0, 1], wrong"
    figure.locator("[data-answer='2']").fill("one")
    frame(page)
    assert "“one” is no number" in says(figure)


def test_the_keyboard_walks_the_entries(page, show):
    widget = dense_drill()
    figure = show(states(widget), [widget.model_id])
    figure.locator("[data-answer='0']").focus()
    for key, at in (("Enter", "1"), ("ArrowDown", "3"), ("ArrowUp", "1"), ("Enter", "2")):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.dataset.answer") == at


def test_a_finger_presses_and_help_is_no_merit(page, show):
    widget = softmax_drill(seed=3)
    figure = show(states(widget), [widget.model_id])
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for name in ("Show one entry", "Show all"):
        box = figure.get_by_role("button", name=name).bounding_box()
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        for kind, points in (("touchStart", [point]), ("touchEnd", [])):
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        frame(page)
        page.wait_for_timeout(50)
        assert marks(figure).count("right") == (1 if name == "Show one entry" else 3)
    assert says(figure) == "All there, with help."
    assert figure.locator("[data-quantity=streak]").inner_text() == "0"


def test_a_seed_in_the_address_sends_the_same_sheet_to_all(page, show):
    widget = dense_drill(seed=1)
    figure = show(states(widget), [widget.model_id])
    page.goto(page.url.split("?")[0] + "?seed=7#here", wait_until="load")
    page.locator(READY).wait_for()
    frame(page)
    widget.seed = 7
    assert sheet(figure)["W"] == widget.params["W"].ravel().tolist()
    figure.get_by_role("button", name="New numbers").click()
    frame(page)
    assert page.url.endswith("?seed=8#here")
    page.reload(wait_until="load")
    page.locator(READY).wait_for()
    frame(page)
    widget.seed = 8
    assert sheet(figure)["W"] == widget.params["W"].ravel().tolist()
    page.context.grant_permissions(["clipboard-write", "clipboard-read"])
    figure.get_by_role("button", name="Copy link").click()
    page.wait_for_function(
        "document.querySelector('.live-drill-says').textContent.includes('link')"
    )
    for nonsense in ("?seed=-1", "?seed=x", "?seed=99999999999", "?seed="):
        page.goto(page.url.split("?")[0] + nonsense, wait_until="load")
        page.locator(READY).wait_for()
        frame(page)
        assert figure.get_by_label("sheet").input_value() == "1"


def test_with_a_kernel_the_address_is_left_alone(page, show):
    widget = dense_drill(seed=5)
    models = states(widget)
    show(models, [widget.model_id])
    address = page.url
    seen = page.evaluate(
        """async (state) => {
            const { default: figures } = await import("./figures.js");
            const sent = {};
            const model = {
                get: (key) => state[key], set: (key, value) => { state[key] = sent[key] = value; },
                save_changes() {}, send() {}, on() {}, off() {},
            };
            const el = document.body.appendChild(document.createElement("div"));
            figures.render({ model, el });
            [...el.querySelectorAll("button")].find((b) => b.textContent === "New numbers").click();
            return [sent.seed, location.href, el.textContent.includes("Copy link")];
        }""",
        json.loads(json.dumps(models[widget.model_id]["state"])),
    )
    assert seen == [6, address, False]


def test_two_views_of_one_share_sheet_and_answer(page, show):
    widget = dense_drill(seed=1)
    figures = show(states(widget), [widget.model_id] * 2)
    figures.nth(0).get_by_role("button", name="New numbers").click()
    fill(page, figures.nth(0), np.arange(4.0))
    frame(page)
    assert sheet(figures.nth(0)) == sheet(figures.nth(1))
    typed = figures.nth(1).locator("[data-answer]").evaluate_all("fs => fs.map((f) => f.value)")
    assert [read_number(text) for text in typed] == [0, 1, 2, 3]
