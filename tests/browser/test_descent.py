"""Descent in the page: every path and number as NumPy's, by mouse, finger, keys and typing."""

import re
from itertools import pairwise

import numpy as np
import pytest
from operate import drag, frame, shown, states, touch

from scalarloss.layers import cross_entropy, dense, softmax, squared_error
from scalarloss.live import Descent

X, FIRST = np.array([1.0, 2.0]), np.array([1.0, 0.0])
BATCH, GOAL = np.array([[1.0, 2.0], [2.0, -1.0], [0.5, 1.0]]), np.array([1.0, 0.0, 0.5])
W, B = np.array([[0.2, 0.5], [0.8, 0.1]]), np.array([0.3, 0.7])


def entropy(W, b):
    return cross_entropy(dense(X, W, b), FIRST)


def doubled(W, b):
    return squared_error(softmax(dense(X, W, b)), FIRST)


def bowl(w):
    return squared_error(np.matmul(BATCH, w), GOAL)


def valley(**state):
    return Descent(bowl, w=np.array([-1.5, 1.2]), rate=0.2, steps=12, **state)


def assert_as(figure, widget):
    """The page shows what `widget`, at the state that the page shows, says in NumPy."""
    found = shown(figure)["quantity"]
    path = widget.path
    losses = widget.losses(path)
    np.testing.assert_allclose(found["loss"], losses[0], rtol=1e-12)
    np.testing.assert_allclose(found["end-loss"], losses[-1], rtol=1e-9, atol=1e-15)
    slopes = widget._slopes(widget._traced, path[0])
    np.testing.assert_allclose([found["slope-across"], found["slope-up"]], slopes, rtol=1e-12)
    if widget.rival_path is not None:
        expected = widget.losses(widget.rival_path)[-1]
        np.testing.assert_allclose(found["rival-loss"], expected, rtol=1e-9)
    stable = widget.stable_rate
    np.testing.assert_allclose(found["stable-rate"], stable or np.nan, rtol=1e-9)


def starts(figure):
    return [float(f.input_value()) for f in figure.get_by_label("exact", exact=False).all()[:2]]


def follow(figure, widget):
    """Set the widget's two entries to what the page's number inputs hold."""
    params = {name: np.array(array) for name, array in widget.params.items()}
    for (name, index), value in zip((widget.entry, widget.other), starts(figure), strict=True):
        params[name][index] = value
    widget.params = params


def by_mouse(page, figure):
    drag(page, figure.locator(".live-plane svg.live-plot"), (0.5, 0.5), (0.4, 0.3), (0.61, 0.72))


def by_touch(page, figure):
    touch(page, figure.locator(".live-handle"), (0.5, 0.5), (0.9, 1.2), (1.3, 1.6))


def by_keyboard(page, figure):
    for slider in figure.locator(".live-controls input[type=range]").all():
        slider.focus()
        for key in ("ArrowRight", "PageUp", "ArrowLeft"):
            page.keyboard.press(key)


def by_typing(page, figure):
    for field, text in zip(
        figure.get_by_label("exact").all(), ("-0.123456789012345", "0.7"), strict=False
    ):
        field.fill(text)
        page.keyboard.press("Enter")


MAKE = {"a bowl": valley, "softmax": lambda: Descent(entropy, W=W, b=B, rival=doubled, rate=1.0)}


@pytest.mark.parametrize("operate", [by_mouse, by_touch, by_keyboard, by_typing])
@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_the_start_moves_and_every_number_is_numpys(page, show, make, operate):
    widget = make()
    figure = show(states(widget), [widget.model_id])
    assert_as(figure, widget)
    before = starts(figure)
    operate(page, figure)
    frame(page)
    assert all(np.not_equal(starts(figure), before))
    follow(figure, widget)
    assert_as(figure, widget)
    figure.get_by_role("button", name="Reset").click()
    frame(page)
    assert starts(figure) == before


def test_the_rate_and_the_steps_move_by_key(page, show):
    widget = valley()
    figure = show(states(widget), [widget.model_id])
    for label, key, presses in (("learning rate", "ArrowRight", 40), ("steps", "ArrowLeft", 5)):
        figure.get_by_role("slider", name=label).focus()
        for _ in range(presses):
            page.keyboard.press(key)
    figure.get_by_role("button", name="One more step").click()
    frame(page)
    widget.steps, widget.rate = 8, float(figure.get_by_label("exact rate").input_value())
    assert widget.rate > widget.stable_rate
    assert "farther" in figure.locator(".live-note").inner_text()
    assert_as(figure, widget)
    marks = figure.locator(".live-dots").last.get_attribute("d")
    assert marks.count("h0") == 8


def test_no_line_leaves_its_frame_for_long(page, show):
    """The dashes of one that does take a browser tens of milliseconds of each frame."""
    widget = valley()
    widget.steps = 60
    figure = show(states(widget), [widget.model_id])
    figure.get_by_label("exact rate").fill("9")
    page.keyboard.press("Enter")
    frame(page)
    for line in figure.locator("path.live-path:not([d=''])").all():
        numbers = re.findall(r"-?[\d.]+", line.get_attribute("d"))
        places = np.array(numbers, float).reshape(-1, 2)
        sides = (
            "line => ['width', 'height'].map((k) => Number(line.ownerSVGElement.getAttribute(k)))"
        )
        size = line.evaluate(sides)
        assert len(places) > 1
        assert (places >= -0.5 * np.array(size) - 0.01).all()
        assert (places <= 1.5 * np.array(size) + 0.01).all()


def test_each_press_of_a_key_moves_the_rate(page, show):
    widget = valley()
    widget.rate = 0.1
    figure = show(states(widget), [widget.model_id])
    figure.get_by_role("slider", name="learning rate").focus()
    rates = [0.1]
    for _ in range(100):
        page.keyboard.press("ArrowRight")
        frame(page)
        rates.append(float(figure.get_by_label("exact rate").input_value()))
    assert all(before < after for before, after in pairwise(rates))


def test_the_stable_rate_stands_under_the_slider(page, show):
    widget = valley()
    figure = show(states(widget), [widget.model_id])
    mark = figure.locator(".live-limit")
    assert mark.inner_text() == f"largest stable {widget.stable_rate:.4g}"
    figure.get_by_label("exact rate").fill(repr(widget.stable_rate))
    page.keyboard.press("Enter")
    frame(page)
    thumb = figure.get_by_label("learning rate").evaluate(
        "s => { const b = s.getBoundingClientRect(); const p = (s.value - s.min) / (s.max - s.min);"
        " return b.left + 8 + p * (b.width - 16); }"
    )
    tick = mark.evaluate(
        "m => { const b = m.getBoundingClientRect();"
        " return b.left + b.width * Number(m.style.getPropertyValue('--at')); }"
    )
    assert abs(thumb - tick) < 3
    assert "Exactly" in figure.locator(".live-note").inner_text()


def test_other_entries_can_be_chosen_never_one_twice(page, show):
    widget = MAKE["softmax"]()
    figure = show(states(widget), [widget.model_id])
    assert figure.get_by_role("combobox", name="up").locator(
        "option:disabled"
    ).all_inner_texts() == ["W[0, 0]"]
    figure.get_by_role("combobox", name="across").select_option("b[1]")
    figure.get_by_role("combobox", name="up").select_option("W[1, 0]")
    frame(page)
    widget.entry, widget.other = ("b", 1), ("W", (1, 0))
    assert_as(figure, widget)
    assert figure.locator(".live-note").inner_text().startswith("The loss is no parabola")


def test_the_contours_run_where_the_loss_is_level(page, show):
    widget = valley()
    figure = show(states(widget), [widget.model_id])
    page.wait_for_timeout(300)
    points = figure.evaluate(
        """figure => {
            const d = figure.querySelector(".live-contours").getAttribute("d");
            const inner = figure.querySelector(".live-plane svg.live-plot > svg");
            const [w, h] = [inner.getAttribute("width"), inner.getAttribute("height")].map(Number);
            const ends = d.match(/M[^M]+/g).map((line) => line.match(/[-\\d.]+/g).map(Number));
            const inputs = [...figure.querySelectorAll(".live-controls input[type=range]")];
            const [x, y] = inputs.map((s) => [Number(s.min), Number(s.max)]);
            const to = ([px, py]) => [x[0] + px / w * (x[1] - x[0]), y[1] - py / h * (y[1] - y[0])];
            return ends.map(([a, b, c, e]) => [to([a, b]), to([c, e])]);
        }"""
    )
    assert len(points) > 300
    for one, other in points:
        low, high = sorted(float(bowl(np.array(p))) for p in (one, other))
        assert high - low < 0.02 * high + 0.02


def test_two_views_of_one_stand_in_step(page, show):
    widget = valley()
    figures = show(states(widget), [widget.model_id] * 2)
    by_mouse(page, figures.nth(0))
    frame(page)
    assert shown(figures.nth(0)) == shown(figures.nth(1))
    assert starts(figures.nth(1)) == starts(figures.nth(0)) != [-1.5, 1.2]


def test_a_storm_ends_in_words_not_in_nonsense(page, show):
    widget = Descent(lambda w: np.sum(w**4), w=np.array([2.0, -3.0]), rate=30.0, steps=60)
    figure = show(states(widget), [widget.model_id])
    frame(page)
    assert "rose" in figure.locator(".live-note").inner_text()
    assert "NaN" not in figure.evaluate("f => f.outerHTML.replace(/data-value=.NaN./g, '')")


def test_a_damaged_rival_is_said(page, show):
    widget = MAKE["softmax"]()
    models = states(widget)
    models[widget.model_id]["state"]["rival"]["operations"][0]["op"] = "eval"
    show(models, [widget.model_id], wait=False)
    note = page.locator("[data-damaged] .live-note")
    note.wait_for()
    assert "eval" in note.inner_text()
