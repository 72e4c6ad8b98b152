"""ConvolutionGradient in the page: every share as NumPy's, by mouse, finger, keys and typing."""

import numpy as np
import pytest
from operate import drag, entry_name, frame, shown, states, touch

from scalarloss import grad
from scalarloss.live import ConvolutionGradient
from scalarloss.live.convolution_gradient import conv, conv_backward

X = np.array([[2.0, 3.0, 1.0], [4.0, 5.0, 2.0], [1.0, 6.0, 3.0]])
W, T = np.array([[1.0, 0.0], [0.0, -1.0]]), np.eye(2)


def half_squares(y):
    return 0.5 * np.sum((y - T) ** 2)


def tanhs(y):
    return np.sum(np.tanh(y))


def article(**state):
    return ConvolutionGradient(half_squares, x=X, w=W, b=1.0, **state)


def of_shapes(x, w, **state):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=x), rng.normal(size=w)
    return ConvolutionGradient(tanhs, x=x, w=w, b=0.5, **state)


def larger(**state):
    return of_shapes((5, 6), (3, 2), **state)


def one_row(**state):
    return of_shapes(6, 3, **state)


MAKE = {"the article's": article, "a larger one": larger, "one row": one_row}
LOSS = {"the article's": half_squares, "a larger one": tanhs, "one row": tanhs}
every = pytest.mark.parametrize("kind", MAKE)


def open_figure(show, widget, **settings):
    return show(states(widget), [widget.model_id], **settings)


def names(name, shape):
    return [entry_name(name, index) for index in np.ndindex(shape)]


def cell(figure, entry):
    return figure.locator(f'button[data-entry="{entry}"]')


def press(page, figure, name, times=1):
    for _ in range(times):
        figure.get_by_role("button", name=name).click()
    frame(page)


def words(figure):
    return figure.locator(".live-ledger").inner_text().replace("\u2060", "")


def windows(figure):
    return figure.locator("button[data-window]").evaluate_all(
        "cells => cells.map((c) => c.dataset.entry)"
    )


def follow(figure, widget):
    """Set the widget to what the page shows."""
    entries = shown(figure)["entry"]
    widget.params = {
        name: np.array([entries[e] for e in names(name, array.shape)]).reshape(array.shape)
        for name, array in widget.params.items()
    }
    widget.seen = int(figure.get_by_role("slider", name="outputs counted").input_value())


def assert_as(figure, widget):
    """Every number on the page is the widget's."""
    found = shown(figure)
    close = {"rtol": 1e-12, "atol": 1e-12}
    y, g = widget.output, widget.cotangent
    for name, expected in {**widget.so_far, "y": g}.items():
        values = [found["gradient"][e] for e in names(name, expected.shape)]
        np.testing.assert_allclose(values, expected.ravel(), **close)
    for name, expected in {**widget.params, "y": y}.items():
        values = [found["entry"][e] for e in names(name, expected.shape)]
        np.testing.assert_allclose(values, expected.ravel(), **close)
    assert set(found["gradient"]) == set(found["entry"])
    quantities = found["quantity"]
    assert quantities.pop("counted") == min(widget.seen, g.size)
    assert set(quantities) == {"loss", "cotangent-sum", "forward-pairing", "backward-pairing"}
    np.testing.assert_allclose(quantities["loss"], widget.loss, **close)
    np.testing.assert_allclose(quantities["cotangent-sum"], np.sum(g), **close)
    pairings = quantities["forward-pairing"], quantities["backward-pairing"]
    np.testing.assert_allclose(pairings, widget.pairings, **close)
    np.testing.assert_allclose(*pairings, **close)


def by_mouse(page, figure, entry):
    drag(page, cell(figure, entry), (0.5, 0.5), (0.5, -1.0), (0.9, -1.5), (0.9, 0.1))


def by_touch(page, figure, entry):
    touch(page, cell(figure, entry), (0.5, 0.5), (0.0, 0.5), (-1.0, 0.6), (-1.2, 0.4))


def by_keyboard(page, figure, entry):
    cell(figure, entry).press("Enter")
    figure.get_by_role("slider", name="move").focus()
    for key in ("ArrowRight", "PageUp", "ArrowLeft", "ArrowLeft", "PageUp"):
        page.keyboard.press(key)


def by_typing(page, figure, entry):
    cell(figure, entry).click()
    frame(page)
    figure.get_by_label("exact").fill("-0.123456789012345")
    page.keyboard.press("Enter")


@pytest.mark.parametrize("operate", [by_mouse, by_touch, by_keyboard, by_typing])
@every
def test_every_number_is_numpys_wherever_the_entries_are(page, show, kind, operate):
    widget = MAKE[kind](seen=3)
    figure = open_figure(show, widget)
    assert_as(figure, widget)
    middle = [entry_name(name, [n // 2 for n in widget.params[name].shape]) for name in "xw"]
    for entry in (*middle, "b"):
        before = shown(figure)["entry"]
        operate(page, figure, entry)
        frame(page)
        after = shown(figure)["entry"]
        assert {key for key in after if after[key] != before[key] and key[0] != "y"} == {entry}
        follow(figure, widget)
        assert_as(figure, widget)
    press(page, figure, "Reset")
    widget.reset()
    assert_as(figure, widget)


@every
def test_the_shares_of_all_outputs_are_the_gradient(page, show, kind):
    widget = MAKE[kind]()
    figure = open_figure(show, widget)
    press(page, figure, "All outputs")
    found = shown(figure)["gradient"]
    exact = grad(lambda x, w, b: LOSS[kind](conv(x, w, b)), **widget.params)
    by_hand = conv_backward(widget.cotangent, **widget.params)
    for expected in (exact, by_hand):
        for name, gradient in expected.items():
            values = [found[e] for e in names(name, gradient.shape)]
            np.testing.assert_allclose(values, gradient.ravel(), rtol=1e-12, atol=1e-12)


def test_a_pointer_raises_an_entry_upwards_and_to_the_right(page, show):
    widget = article()
    figure = open_figure(show, widget)
    for way, sign in {(0.5, -2.0): 1, (2.0, 0.5): 1, (0.5, 3.0): -1, (-2.0, 0.5): -1}.items():
        before = shown(figure)["entry"]["w[0, 1]"]
        drag(page, cell(figure, "w[0, 1]"), (0.5, 0.5), way)
        assert (shown(figure)["entry"]["w[0, 1]"] - before) * sign > 0.1
    assert cell(figure, "w[0, 1]").get_attribute("aria-pressed") == "true"


def test_a_finger_that_scrolls_the_page_moves_no_entry(page, show):
    page.set_viewport_size({"width": 360, "height": 400})
    widget = article()
    figure = open_figure(show, widget)
    node = cell(figure, "x[1, 1]")
    node.scroll_into_view_if_needed()
    top = page.evaluate("scrollY")
    before = shown(figure)["entry"]
    touch(page, node, (0.5, 0.5), (0.5, -0.5), (0.5, -2.0), (0.5, -4.0), (0.5, -5.0))
    assert page.evaluate("scrollY") > top
    assert shown(figure)["entry"] == before
    assert cell(figure, "x[0, 0]").get_attribute("aria-pressed") == "true"


def test_a_drag_that_the_page_takes_back_leaves_the_entry_as_it_was(page, show):
    figure = open_figure(show, article())
    node = cell(figure, "x[1, 1]")
    box = node.bounding_box()
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for kind, way in (("Start", 0), ("Move", 20), ("Move", 60)):
        points = [{"x": box["x"] + 10 + way, "y": box["y"] + 10}]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
        frame(page)
    assert shown(figure)["entry"]["x[1, 1]"] > 5.5
    session.send("Input.dispatchTouchEvent", {"type": "touchCancel", "touchPoints": []})
    frame(page)
    assert shown(figure)["entry"]["x[1, 1]"] == 5


def test_a_drag_keeps_to_the_grain_of_small_and_large_numbers(page, show):
    for size in (1e-3, 1e4):
        widget = ConvolutionGradient(np.sum, x=size * X, w=W)
        figure = open_figure(show, widget)
        drag(page, cell(figure, "x[1, 1]"), (0.5, 0.5), (0.5, -1.0))
        moved = shown(figure)["entry"]["x[1, 1]"] - 5 * size
        assert 0.1 * size < moved < 10 * size


@every
def test_outputs_send_their_shares_one_by_one(page, show, kind):
    widget = MAKE[kind]()
    figure = open_figure(show, widget)
    places = list(np.ndindex(widget.output.shape))
    taps = list(np.ndindex(widget.params["w"].shape))
    for seen in range(len(places) + 1):
        if seen:
            press(page, figure, "Next output")
        widget.seen = seen
        assert_as(figure, widget)
        corner = places[max(0, seen - 1)]
        assert windows(figure) == [entry_name("x", tuple(np.add(corner, tap))) for tap in taps]
        waiting = figure.locator("td[data-waiting]").evaluate_all(
            "cells => cells.map((c) => c.dataset.gradient)"
        )
        assert waiting == [entry_name("y", place) for place in places[seen:]]
    assert figure.get_by_role("button", name="Next output").get_attribute("aria-disabled") == "true"
    press(page, figure, "Restart")
    widget.seen = 0
    assert_as(figure, widget)
    counter = figure.get_by_role("slider", name="outputs counted")
    for key, seen in {"ArrowRight": 1, "End": len(places), "ArrowLeft": len(places) - 1}.items():
        counter.press(key)
        frame(page)
        widget.seen = seen
        assert_as(figure, widget)


def test_a_chosen_output_shows_its_window_and_counts_nothing(page, show):
    widget = article(seen=2)
    figure = open_figure(show, widget)
    cell(figure, "y[1, 1]").click()
    frame(page)
    assert windows(figure) == ["x[1, 1]", "x[1, 2]", "x[2, 1]", "x[2, 2]"]
    assert "y[1, 1] = 1·5 + 0·2 + 0·6 − 1·3 + 1 = 3." in words(figure)
    assert "With g = 2 it will add 2 × its window, [[10, 4], [12, 6]], to ∂L/∂w" in words(figure)
    assert_as(figure, widget)
    cell(figure, "y[1, 1]").press("ArrowUp")
    frame(page)
    assert windows(figure) == ["x[0, 1]", "x[0, 2]", "x[1, 1]", "x[1, 2]"]
    cell(figure, "y[0, 1]").press("Home")
    frame(page)
    assert "With g = −3 it has added −3 × its window, [[−6, −9], [−12, −15]]" in words(figure)
    press(page, figure, "Next output")
    assert windows(figure)[0] == "x[1, 0]"
    widget.seen = 3
    assert_as(figure, widget)


def test_words_say_what_an_output_adds(page, show):
    figure = open_figure(show, article())
    assert "None of the 4 outputs is counted yet." in words(figure)
    press(page, figure, "Next output", 2)
    assert words(figure).split("\n\n") == [
        "y[0, 1] = 1·3 + 0·1 + 0·5 − 1·2 + 1 = 2.",
        "With g = 2 it adds 2 × its window, [[6, 2], [10, 4]], to ∂L/∂w; 2 × the filter, "
        "[[2, 0], [0, −2]], to that window of ∂L/∂x; and 2 to ∂L/∂b.",
        "∂L/∂b so far = −3 + 2 = −1.",
    ]
    assert figure.locator('[data-gradient="w[0, 1]"]').inner_text() == "−7.000"
    press(page, figure, "Next output", 2)
    assert "∂L/∂b = −3 + 2 − 1 + 2 = 0. The outputs pull" in words(figure)
    voice = figure.locator("[aria-live=polite]")
    page.wait_for_function(
        "node => node.textContent.includes('0. The outputs')", arg=voice.element_handle()
    )
    widget = larger(pixel=(1, 2))
    shares = widget.cotangent[1, 2] * widget.params["x"][1:4, 2:4]
    figure = open_figure(show, widget)
    assert f"from {shares.min():.4g} to {shares.max():.4g}, to ∂L/∂w".replace("-", "−") in words(
        figure
    )


def test_one_pixel_wakes_the_bias_and_three_never_do(page, show):
    figure = open_figure(show, article(seen=4))
    asleep = {"x[0, 2]", "x[1, 1]", "x[2, 0]"}
    for entry in names("x", X.shape):
        by_typing(page, figure, entry)
        frame(page)
        total = shown(figure)["quantity"]["cotangent-sum"]
        assert (abs(total) < 1e-12) is (entry in asleep)
        assert ("the pulls cancel" in words(figure)) is (entry in asleep)
        if entry in asleep:  # whatever rounding leaves reads as 0
            assert figure.locator("[data-quantity=cotangent-sum]").inner_text() == "0.0000"
            assert figure.locator('[data-gradient="b"]').inner_text() == "0.000"
        press(page, figure, "Reset")


def test_numbers_that_are_not_finite_are_shown_as_such(page, show):
    widget = ConvolutionGradient(lambda y: np.sum(np.sqrt(y)), x=X + 5, w=abs(W), seen=1)
    figure = open_figure(show, widget)
    by_typing(page, figure, "x[0, 0]")
    figure.get_by_label("exact").fill("-20")
    page.keyboard.press("Enter")
    frame(page)
    assert figure.locator("[data-quantity=loss]").inner_text() == "undefined"
    press(page, figure, "Reset")
    assert_as(figure, widget)


def test_two_views_of_one_stand_in_step(page, show):
    widget = article()
    figures = show(states(widget), [widget.model_id] * 2)
    press(page, figures.nth(0), "All outputs")
    by_mouse(page, figures.nth(0), "w[1, 1]")
    cell(figures.nth(1), "y[1, 0]").click()
    frame(page)
    assert shown(figures.nth(0)) == shown(figures.nth(1))
    assert windows(figures.nth(0)) == windows(figures.nth(1)) != []
    assert words(figures.nth(0)) == words(figures.nth(1))
    follow(figures.nth(1), widget)
    assert widget.seen == 4
    assert_as(figures.nth(1), widget)


def test_x_w_y_and_g_stand_in_one_row_and_on_a_phone_in_a_stack(page, show):
    figure = open_figure(show, article())
    heads = {"x": "x[0, 0]", "w": "w[0, 0]", "y": "y[0, 0]"}

    def boxes():
        found = [cell(figure, entry).bounding_box() for entry in heads.values()]
        return [*found, figure.locator('[data-gradient="y[0, 0]"]').bounding_box()]

    page.locator("body").evaluate("body => { body.style.maxWidth = '688px'; }")
    wide = boxes()
    assert max(box["y"] for box in wide) - min(box["y"] for box in wide) < 4
    assert sorted(box["x"] for box in wide) == [box["x"] for box in wide]
    slope = figure.locator('[data-gradient="x[0, 0]"]').bounding_box()
    assert slope["y"] > wide[0]["y"] + 60
    assert abs(slope["x"] - wide[0]["x"]) < 4
    page.set_viewport_size({"width": 360, "height": 740})
    frame(page)
    narrow = boxes()[:3]
    assert [box["x"] for box in narrow] == [narrow[0]["x"]] * 3
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_columns_keep_their_width_as_a_number_takes_a_digit_more_and_a_digit_less(page, show):
    figure = open_figure(show, article())
    cell(figure, "x[0, 0]").click()
    widths = []
    for value in ("-1.5", "-103.251", "-103.25", "12.5", "1"):
        figure.get_by_label("exact x[0, 0]").fill(value)
        page.keyboard.press("Enter")
        frame(page)
        widths.append(cell(figure, "x[0, 0]").bounding_box()["width"])
    first, most, less, _, least = widths
    assert first < most == less
    assert least < most


def test_a_picture_of_eight_by_eight_is_shown_whole(page, show):
    widget = of_shapes((8, 8), (3, 3), seen=36)
    figure = open_figure(show, widget)
    assert_as(figure, widget)
    assert figure.locator(".live-part").count() == 0
    page.set_viewport_size({"width": 360, "height": 740})
    frame(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    spills = figure.locator("button[data-entry]").evaluate_all(
        "cells => cells.filter((c) => c.scrollWidth > c.clientWidth).map((c) => c.dataset.entry)"
    )
    assert spills == []


@pytest.mark.parametrize("pixel", [[2, 0], [0], [0.5, 0], "1", {"0": 1}])
def test_an_output_that_is_not_there_is_passed_over(page, show, pixel):
    widget = article(seen=2)
    models = states(widget)
    models[widget.model_id]["state"]["pixel"] = pixel
    figure = show(models, [widget.model_id])
    assert windows(figure)[0] == "x[0, 1]"


def test_more_outputs_than_there_are_count_as_all(page, show):
    widget = article()
    models = states(widget)
    models[widget.model_id]["state"]["seen"] = 99
    figure = show(models, [widget.model_id])
    widget.seen = 4
    assert_as(figure, widget)


OTHERS = {"of other shapes": larger, "of other axes": one_row}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_arrays_that_do_not_fit_each_other_are_said(page, show, other):
    widget = article()
    models = states(widget)
    models[widget.model_id]["state"]["tail"] = other().tail
    show(models, [widget.model_id], wait=False)
    note = page.locator("[data-damaged] .live-note")
    note.wait_for()
    assert "do not fit each other" in note.inner_text()
