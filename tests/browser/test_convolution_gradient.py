"""ConvolutionGradient in the page: every share as NumPy's, by mouse, finger, keys and typing."""

import numpy as np
import pytest
from operate import frame, shown, states

from scalarloss.live import ConvolutionGradient

X = np.array([[2.0, 3.0, 1.0], [4.0, 5.0, 2.0], [1.0, 6.0, 3.0]])
W, T = np.array([[1.0, 0.0], [0.0, -1.0]]), np.eye(2)


def article(**state):
    return ConvolutionGradient(lambda y: 0.5 * np.sum((y - T) ** 2), x=X, w=W, b=1.0, **state)


def larger(**state):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(5, 6)), rng.normal(size=(3, 2))
    return ConvolutionGradient(lambda y: np.sum(np.tanh(y)), x=x, w=w, b=0.5, **state)


MAKE = {"the article's": article, "a larger one": larger}


def names(name, shape):
    return [f"{name}[{', '.join(map(str, i))}]" if i else name for i in np.ndindex(shape)]


def follow(figure, widget):
    """Set the widget to what the page shows."""
    entries = shown(figure)["entry"]
    widget.params = {
        name: np.array([entries[e] for e in names(name, array.shape)]).reshape(array.shape)
        for name, array in widget.params.items()
    }
    widget.seen = int(figure.get_by_role("slider", name="outputs counted").input_value())


def assert_as(figure, widget):
    found = shown(figure)
    close = {"rtol": 1e-12, "atol": 1e-13}
    for name, expected in widget.so_far.items():
        values = [found["gradient"][e] for e in names(name, expected.shape)]
        np.testing.assert_allclose(values, expected.ravel(), **close)
    y, g = widget.output, widget.cotangent
    np.testing.assert_allclose([found["entry"][e] for e in names("y", y.shape)], y.ravel(), **close)
    np.testing.assert_allclose(
        [found["gradient"][e] for e in names("y", g.shape)], g.ravel(), **close
    )
    quantities = found["quantity"]
    np.testing.assert_allclose(quantities["loss"], widget.loss, **close)
    np.testing.assert_allclose(quantities["bias-gradient"], widget.so_far["b"], **close)
    pairings = quantities["forward-pairing"], quantities["backward-pairing"]
    np.testing.assert_allclose(pairings, widget.pairings, **close)
    np.testing.assert_allclose(*pairings, **close)


def by_mouse(page, figure, entry):
    cell = figure.locator(f'[data-entry="{entry}"]')
    cell.scroll_into_view_if_needed()
    box = cell.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for way in (20, 70, 45):
        page.mouse.move(x + way, y)
        frame(page)
    page.mouse.up()


def by_touch(page, figure, entry):
    cell = figure.locator(f'[data-entry="{entry}"]')
    cell.scroll_into_view_if_needed()
    box = cell.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for kind, way in (("Start", 0), ("Move", -30), ("Move", -80), ("End", None)):
        points = [] if way is None else [{"x": x + way, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
        frame(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": False})


def by_keyboard(page, figure, entry):
    figure.locator(f'[data-entry="{entry}"]').click()
    figure.get_by_role("slider", name="move").focus()
    for key in ("ArrowRight", "PageUp", "ArrowLeft", "ArrowLeft", "PageUp"):
        page.keyboard.press(key)


def by_typing(page, figure, entry):
    figure.locator(f'[data-entry="{entry}"]').click()
    frame(page)
    figure.get_by_label("exact").fill("-0.123456789012345")
    page.keyboard.press("Enter")


@pytest.mark.parametrize("operate", [by_mouse, by_touch, by_keyboard, by_typing])
@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_every_number_is_numpys_wherever_the_entries_are(page, show, make, operate):
    widget = make(seen=3)
    figure = show(states(widget), [widget.model_id])
    assert_as(figure, widget)
    for entry in ("x[1, 1]", "w[0, 1]", "b"):
        before = shown(figure)["entry"]
        operate(page, figure, entry)
        frame(page)
        after = shown(figure)["entry"]
        moved = {key for key in after if after[key] != before[key] and key[0] != "y"}
        assert moved == {entry}
        follow(figure, widget)
        assert_as(figure, widget)
    figure.get_by_role("button", name="Reset").click()
    frame(page)
    widget.reset()
    assert_as(figure, widget)


def test_outputs_send_their_shares_one_by_one(page, show):
    widget = article()
    figure = show(states(widget), [widget.model_id])
    for seen in range(5):
        widget.seen = seen
        assert_as(figure, widget)
        windows = figure.locator("button.live-window").evaluate_all(
            "cells => cells.map((c) => c.dataset.entry)"
        )
        i, j = divmod(seen - 1, 2)
        expected = [f"x[{i + a}, {j + c}]" for a in range(2) for c in range(2)] if seen else []
        assert windows == expected
        figure.get_by_role("button", name="Next output").click()
        frame(page)
    assert "add up to 0" in figure.locator(".live-note").inner_text()
    figure.get_by_role("button", name="None").click()
    figure.locator('[data-entry="y[1, 0]"]').click()
    frame(page)
    widget.seen = 3
    assert_as(figure, widget)
    figure.get_by_role("slider", name="outputs counted").press("End")
    frame(page)
    widget.seen = 4
    assert_as(figure, widget)


def test_one_pixel_wakes_the_bias_and_three_never_do(page, show):
    widget = article(seen=4)
    figure = show(states(widget), [widget.model_id])
    for entry in ("x[0, 2]", "x[1, 1]", "x[2, 0]", "x[0, 0]"):
        by_typing(page, figure, entry)
        frame(page)
        heard = abs(shown(figure)["quantity"]["bias-gradient"])
        assert heard < 1e-12 or entry == "x[0, 0]"
    assert heard > 1


def test_two_views_of_one_stand_in_step(page, show):
    widget = article()
    figures = show(states(widget), [widget.model_id] * 2)
    figures.nth(0).get_by_role("button", name="All").click()
    by_mouse(page, figures.nth(0), "w[1, 1]")
    frame(page)
    assert shown(figures.nth(0)) == shown(figures.nth(1))
    follow(figures.nth(1), widget)
    assert widget.seen == 4
    assert_as(figures.nth(1), widget)


def test_arrays_that_do_not_fit_each_other_are_said(page, show):
    widget = article()
    models = states(widget)
    models[widget.model_id]["state"]["tail"] = larger().tail
    show(models, [widget.model_id], wait=False)
    note = page.locator("[data-damaged] .live-note")
    note.wait_for()
    assert "do not fit each other" in note.inner_text()
