"""LossResponse on a page as the build leaves it: operated, doubled, linked, damaged."""

import re

import ipywidgets
import numpy as np
import pytest
from operate import READY, arrays_of, entry_name, frame, shown, states, touch

from scalarloss import Program, value_and_grad
from scalarloss.live import LossResponse

X, T, FIRST = np.array([1.0, 2.0]), np.array([0.5, 1.2]), np.array([1.0, 0.0])
IMAGE = np.array([[2.0, 3.0, 1.0], [4.0, 5.0, 2.0], [1.0, 6.0, 3.0]])


def dense(W, b):
    return 0.5 * np.sum((np.dot(W, X) + b - T) ** 2)


def softmax(W, b):
    z = np.dot(W, X) + b
    top = np.max(z)
    return top + np.log(np.sum(np.exp(z - top))) - np.sum(FIRST * z)


def convolution(filter, b):
    out = [np.sum(filter * IMAGE[i : i + 2, j : j + 2]) for i in range(2) for j in range(2)]
    return 0.5 * np.sum((np.reshape(np.stack(out), (2, 2)) + b[0] - np.eye(2)) ** 2)


def layer():
    return {"W": np.array([[0.2, 0.5], [0.8, 0.1]]), "b": np.array([0.3, 0.7])}


EXAMPLES = {
    "dense": (dense, layer()),
    "softmax": (softmax, layer()),
    "convolution": (
        convolution,
        {"filter": np.array([[1.0, 0.0], [0.0, -1.0]]), "b": np.array([1.0, 0.5])},
    ),
}


def assert_right(figure, program, entry, step=0.5):
    """Loss, slope, secant and the whole gradient are NumPy's, to 1e-12 of their size."""
    numbers = shown(figure)
    arrays = arrays_of(program, numbers["entry"])
    loss, gradient = value_and_grad(program, **arrays)
    np.testing.assert_allclose(numbers["quantity"]["loss"], loss, rtol=1e-12)
    for name, expected in gradient.items():
        scale = 1e-12 * np.max(np.abs(expected))
        for index in np.ndindex(expected.shape):
            found = numbers["gradient"][entry_name(name, index)]
            np.testing.assert_allclose(found, expected[index], rtol=1e-12, atol=scale)
    assert numbers["quantity"]["value"] == numbers["entry"][entry]
    assert numbers["quantity"]["slope"] == numbers["gradient"][entry]
    name, index = re.fullmatch(r"(\w+)(?:\[(.*)\])?", entry).groups()
    arrays[name][tuple(int(i) for i in index.split(",")) if index else ()] += step
    secant = (program(**arrays) - loss) / step
    np.testing.assert_allclose(numbers["quantity"]["secant"], secant, rtol=1e-11, atol=1e-12)


def by_mouse(page, figure):
    """Pull the point along the curve itself."""
    plot = figure.locator("svg.live-plot")
    plot.scroll_into_view_if_needed()
    box, dot = plot.bounding_box(), figure.locator(".live-point").bounding_box()
    y = dot["y"] + dot["height"] / 2
    page.mouse.move(dot["x"] + dot["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, y)
    frame(page)
    page.mouse.move(box["x"] + box["width"] * 0.71, y + 20)
    page.mouse.up()


def by_touch(page, figure):
    """The same with a finger."""
    touch(page, figure.locator("svg.live-plot"), (0.5, 0.5), (0.55, 0.5), (0.3, 0.5))


def by_keyboard(page, figure):
    figure.locator(".live-left input[type=range]").first.focus()
    for key in ("ArrowRight", "ArrowRight", "PageUp", "ArrowLeft"):
        page.keyboard.press(key)


def by_typing(page, figure):
    figure.get_by_label("exact").fill("-0.123456789012345")
    page.keyboard.press("Enter")


@pytest.mark.parametrize("operate", [by_mouse, by_touch, by_keyboard, by_typing])
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_entry_answers_as_numpy_does(page, show, name, operate):
    f, arrays = EXAMPLES[name]
    widget = LossResponse(f, **arrays)
    figure = show(states(widget), [widget.model_id])
    program = Program.from_dict(widget.program)
    for entry in shown(figure)["entry"]:
        figure.locator(f'[data-entry="{entry}"]').click()
        frame(page)
        before = shown(figure)["entry"]
        operate(page, figure)
        frame(page)
        after = shown(figure)["entry"]
        assert {key for key in after if after[key] != before[key]} == {entry}
        assert_right(figure, program, entry)
    assert all(v == -0.123456789012345 for v in after.values()) or operate is not by_typing


def test_a_click_on_the_curve_moves_the_point_there(page, show):
    widget = LossResponse(dense, **layer())
    figure = show(states(widget), [widget.model_id])
    box = figure.locator("svg.live-plot").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.5)
    frame(page)
    dot = figure.locator(".live-point").bounding_box()
    assert abs(dot["x"] + dot["width"] / 2 - (box["x"] + box["width"] * 0.8)) < 3
    assert_right(figure, Program.from_dict(widget.program), "W[0, 0]")


def test_the_curve_stands_still_while_its_entry_is_held(page, show):
    widget = LossResponse(softmax, **layer())
    figure = show(states(widget), [widget.model_id])
    curve = figure.locator("path.live-loss")
    box = figure.locator("svg.live-plot").bounding_box()
    y = box["y"] + box["height"] / 2
    frame(page)
    before = curve.get_attribute("d")
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    for share in (0.6, 0.9, 0.99, 0.2):
        page.mouse.move(box["x"] + box["width"] * share, y)
        frame(page)
        assert curve.get_attribute("d") == before
    page.mouse.move(box["x"] + box["width"] * 0.99, y)
    page.mouse.up()
    frame(page)
    assert curve.get_attribute("d") != before  # let go at the edge: the range follows


def test_arrow_keys_walk_the_grid_and_one_tab_leaves_it(page, show):
    widget = LossResponse(dense, **layer())
    figure = show(states(widget), [widget.model_id])
    figure.locator('[data-entry="W[0, 0]"]').focus()
    for key, expected in (
        ("ArrowRight", "W[0, 1]"),
        ("ArrowRight", "W[0, 1]"),
        ("ArrowDown", "W[1, 1]"),
        ("Home", "W[1, 0]"),
        ("ArrowUp", "W[0, 0]"),
        ("Tab", "b[0]"),
    ):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.dataset.entry") == expected
    page.keyboard.press("Enter")
    frame(page)
    assert figure.locator('[aria-pressed="true"]').get_attribute("data-entry") == "b[0]"
    assert_right(figure, Program.from_dict(widget.program), "b[0]")


def test_a_gradient_step_and_reset(page, show):
    widget = LossResponse(softmax, **layer(), rate=0.3)
    figure = show(states(widget), [widget.model_id])
    start = shown(figure)["entry"]
    figure.get_by_role("button", name="One gradient step").click()
    figure.get_by_label("learning rate").fill("0.05")
    figure.get_by_role("button", name="One gradient step").click()
    frame(page)
    widget.take_step()
    widget.rate = 0.05
    widget.take_step()
    for name, array in arrays_of(Program.from_dict(widget.program), shown(figure)["entry"]).items():
        np.testing.assert_allclose(array, widget.params[name], rtol=1e-12)
    assert "fell from" in figure.locator(".live-note").inner_text()
    figure.get_by_role("button", name="Reset").click()
    frame(page)
    assert shown(figure)["entry"] == start


def test_the_secants_own_step(page, show):
    widget = LossResponse(dense, **layer())
    figure = show(states(widget), [widget.model_id])
    slider = figure.get_by_label("finite-difference step")
    slider.focus()
    page.keyboard.press("Home")
    frame(page)
    numbers = shown(figure)["quantity"]
    assert numbers["secant"] == pytest.approx(numbers["slope"], rel=1e-6)
    page.keyboard.press("End")
    frame(page)
    assert_right(figure, Program.from_dict(widget.program), "W[0, 0]", step=10.0)


def test_what_is_no_number_is_given_back(page, show):
    widget = LossResponse(dense, **layer())
    figure = show(states(widget), [widget.model_id])
    before = shown(figure)
    field = figure.get_by_label("exact")
    for words in ("", "e"):
        field.focus()
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        page.keyboard.type(words)
        page.keyboard.press("Tab")
        frame(page)
        assert field.input_value() == "0.2"
    rate = figure.get_by_label("learning rate")
    rate.fill("-3")
    page.keyboard.press("Tab")
    assert rate.input_value() == "0.1"
    assert shown(figure) == before


def test_a_change_is_told_once_it_rests(page, show):
    widget = LossResponse(dense, **layer())
    figure = show(states(widget), [widget.model_id])
    told = figure.locator("[aria-live=polite]")
    assert told.inner_text() == ""
    by_typing(page, figure)
    page.wait_for_function("document.querySelector('[aria-live=polite]').textContent")
    numbers = shown(figure)["quantity"]
    loss, slope = (f"{numbers[key]:.4f}" for key in ("loss", "slope"))
    assert told.inner_text() == f"W[0, 0] = −0.1235: loss {loss}, slope +{slope}."
    assert figure.locator("output:not([aria-live=off])").count() == 0


def test_two_figures_stand_apart_and_two_views_of_one_in_step(page, show):
    one, other = LossResponse(dense, **layer()), LossResponse(softmax, **layer())
    figures = show(states(one, other), [one.model_id, other.model_id, one.model_id])
    untouched = shown(figures.nth(1))
    figures.nth(2).locator('[data-entry="b[1]"]').click()
    by_keyboard(page, figures.nth(2))
    frame(page)
    assert shown(figures.nth(0)) == shown(figures.nth(2))
    assert shown(figures.nth(0))["entry"]["b[1]"] != 0.7
    assert shown(figures.nth(1)) == untouched
    for i in (0, 2):
        assert_right(figures.nth(i), Program.from_dict(one.program), "b[1]")


def test_linked_figures_share_a_trait(page, show):
    one, other = LossResponse(dense, **layer(), rate=0.4), LossResponse(softmax, **layer())
    link = ipywidgets.jslink((one, "rate"), (other, "rate"))
    figures = show(states(link, one, other), [one.model_id, other.model_id])
    rates = [figures.nth(i).get_by_label("learning rate") for i in range(2)]
    frame(page)
    assert [rate.input_value() for rate in rates] == ["0.4", "0.4"]
    rates[1].fill("0.7")
    page.keyboard.press("Enter")
    frame(page)
    assert [rate.input_value() for rate in rates] == ["0.7", "0.7"]


def test_an_overflow_is_a_gap_and_a_sentence(page, show):
    widget = LossResponse(lambda w: np.exp(np.exp(w)), w=3.0)
    figure = show(states(widget), [widget.model_id])
    frame(page)
    assert "not a finite number" in figure.locator(".live-note").inner_text()
    figure.get_by_label("exact").fill("9")
    page.keyboard.press("Enter")
    frame(page)
    assert "too large" in figure.locator(".live-note").inner_text()
    assert shown(figure)["quantity"]["loss"] == np.inf
    assert figure.locator(".live-point").get_attribute("visibility") == "hidden"
    figure.get_by_role("button", name="One gradient step").click()
    frame(page)
    assert "No step was taken" in figure.locator(".live-note").inner_text()


def test_a_large_array_shows_a_part_and_goes_anywhere(page, show):
    rng = np.random.default_rng(0)
    stack = {"A": rng.normal(size=(3, 40, 30)), "c": rng.normal(size=30), "d": np.float64(2.0)}
    widget = LossResponse(lambda A, c, d: 0.5 * np.sum(np.matmul(A, c) ** 2) + d, **stack)
    figure = show(states(widget), [widget.model_id])
    assert figure.locator("[data-entry]:visible").count() == 16 * 16
    for axis, at in enumerate((2, 39, 15)):
        figure.get_by_label(f"axis {axis}").first.fill(str(at))
        page.keyboard.press("Enter")
    figure.locator('[data-entry="A[2, 39, 15]"]').focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.entry") == "A[2, 39, 24]"
    frame(page)
    numbers = shown(figure)["quantity"]
    loss, gradient = value_and_grad(Program.from_dict(widget.program), **stack)
    np.testing.assert_allclose(numbers["slope"], gradient["A"][2, 39, 24], rtol=1e-12)
    np.testing.assert_allclose(numbers["loss"], loss, rtol=1e-12)
    figure.locator("select").select_option("d")
    frame(page)
    assert figure.locator("[data-entry]:visible").get_attribute("data-entry") == "d"
    assert shown(figure)["quantity"]["slope"] == 1.0


def changed(path, value):
    """Damage: the state with `value` at `path`, or without it where `value` is None."""

    def damage(state):
        *way, last = path
        holder = state
        for key in way:
            holder = holder[key]
        if value is None:
            del holder[last]
        else:
            holder[last] = value

    return damage


DAMAGE = {
    "no program": (changed(["program"], None), "not a program"),
    "words for a program": (changed(["program"], "rm -rf"), ""),
    "another version": (changed(["program", "version"], 99), "version"),
    "an unknown operation": (changed(["program", "operations", 0, "op"], "eval"), "eval"),
    "a slot to come": (changed(["program", "operations", 0, "args"], [0, 99]), "damaged"),
    "a false shape": (changed(["program", "operations", 0, "shape"], [7]), "damaged"),
    "lost numbers": (changed(["program", "constants", 0, "data"], [1]), "damaged"),
    "no arrays": (changed(["params"], None), "holds no W"),
    "another shape": (changed(["params", "W", "shape"], [4]), "holds no W"),
    "too few numbers": (changed(["params", "W", "data"], [0.1]), "holds no W"),
    "words for numbers": (changed(["params", "b", "data"], ["toString", "x"]), "holds no b"),
    "no loss": (changed(["program", "output"], 0), "belongs to one number"),
    "an unknown kind": (changed(["_kind"], "constructor"), "constructor"),
    "no kind": (changed(["_kind"], None), "kernel"),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_figure_says_so_and_its_neighbour_lives(page, show, damage, words):
    good, bad = LossResponse(dense, **layer()), LossResponse(softmax, **layer(), caption="Mine.")
    models = states(good, bad)
    damage(models[bad.model_id]["state"])
    show(models, [bad.model_id, good.model_id], wait=False)
    note = page.locator(".live-note").first
    note.wait_for()
    assert words in note.inner_text()
    assert len(note.inner_text()) > 30
    page.locator(READY).wait_for()
    assert_right(page.locator(READY), Program.from_dict(good.program), "W[0, 0]")


def test_without_an_entry_or_a_start_it_still_answers(page, show):
    widget = LossResponse(dense, **layer(), entry=("b", 1))
    models = states(widget)
    models[widget.model_id]["state"] |= {
        "entry": {"name": "__proto__", "index": [5]},
        "rate": "fast",
        "step": -1,
    }
    figure = show(models, [widget.model_id])
    assert_right(figure, Program.from_dict(widget.program), "W[0, 0]")


@pytest.mark.parametrize("state", ['{"state": {"cut', "", '{"state": null}', "[]", "7"])
def test_a_page_whose_state_is_damaged_shows_words_and_the_picture(page, show, state):
    show({}, ["one", "toString"], state=state or " ", wait=False)
    page.locator(".live-note").nth(1).wait_for()
    assert "cannot run here" in page.locator(".live-note").first.inner_text()
    assert page.get_by_text("Picture of one").is_visible()


def test_a_widget_of_another_kind_asks_for_a_kernel(page, show):
    slider, figure = ipywidgets.FloatSlider(), LossResponse(dense, **layer())
    models = states(slider, figure)
    show(models, [slider.model_id, figure.model_id], wait=False)
    page.locator(READY).wait_for()
    assert "kernel" in page.locator(".live-note").first.inner_text()


def test_hostile_names_and_words_stay_words(page, show):
    names = ["__proto__", "constructor", "hasOwnProperty", "toString"]
    arrays = {name: np.array([0.5 + i]) for i, name in enumerate(names)}
    program = LossResponse(
        lambda **parts: sum(np.sum(part**2) for part in parts.values()),
        **arrays,
        caption="</script><script>document.title='taken'</script><img src=x onerror=alert(1)>",
    )
    figure = show(states(program), [program.model_id])
    assert page.title() == ""
    assert "<img" in figure.locator("figcaption").inner_text()
    for name in names:
        figure.locator(f'[data-entry="{name}[0]"]').click()
        by_keyboard(page, figure)
        frame(page)
        assert_right(figure, Program.from_dict(program.program), f"{name}[0]")
