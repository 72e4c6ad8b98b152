"""StepSize in the page: every number as NumPy's, by mouse, finger, keys and typing."""

import math

import numpy as np
import pytest
from operate import (
    across,
    arrays_of,
    assert_a_drag_costs_little,
    drag,
    frame,
    shown,
    states,
    time_frames,
    touch,
)

from scalarloss import Program
from scalarloss.differences import STEPS, Differences
from scalarloss.layers import cross_entropy, dense, softmax, squared_error
from scalarloss.live import StepSize

X, T, FIRST = np.array([1.0, 2.0]), np.array([0.5, 1.2]), np.array([1.0, 0.0])
LAYER = {"W": np.array([[0.2, 0.5], [0.8, 0.1]]), "b": np.array([0.3, 0.7])}
METHODS = ("forward", "central", "complex")


def entropy(W, b):
    return cross_entropy(dense(X, W, b), FIRST)


def parabola(W, b):
    return squared_error(dense(X, W, b), T)


def kinked(W, b):
    return np.sum(np.abs(W) ** 3) + b[0] ** 2


def step_of(figure):
    return float(figure.get_by_label("exact h").input_value())


def settled(figure):
    """What it shows once all its curves are sampled, which may take a busy machine some frames."""
    figure.page.wait_for_function(
        "f => ![...f.querySelectorAll('output')].some((o) => o.textContent === '…')",
        arg=figure.element_handle(),
    )
    return shown(figure)


def assert_right(figure, widget, entry="W[0, 0]", precision="float64"):
    """Truth, estimates, errors and best steps are NumPy's at the point and step that it shows."""
    found = settled(figure)
    program = Program.from_dict(widget.program)
    arrays = arrays_of(program, found["entry"])
    name, _, index = entry.rstrip("]").partition("[")
    place = tuple(int(i) for i in index.split(",")) if index else ()
    expected = Differences(program, arrays, (name, place), precision)
    numbers, h, eps = found["quantity"], step_of(figure), expected.eps
    assert numbers["value"] == found["entry"][entry]
    exact = found["gradient"][entry]
    assert numbers["truth"] == (float(np.float32(exact)) if precision == "float32" else exact)
    np.testing.assert_allclose(numbers["truth"], expected.truth, rtol=1e-12, atol=1e-15)
    estimates = expected.estimates(h)
    size = max(abs(float(expected.at(expected._real(expected._x + s)))) for s in (h, -h, 0))
    for method, estimate in estimates.items():
        rounding = 0 if method == "complex" else 8 * eps * size / h
        bound = 16 * eps if precision == "float32" else 1e-12
        assert abs(numbers[method] - estimate) <= rounding + bound * abs(estimate)
        off = abs(numbers[method] - numbers["truth"]) / abs(numbers["truth"])
        assert numbers[f"{method}-error"] == pytest.approx(off, rel=1e-12)
        best, theirs = (numbers[f"{method}-best"], expected.best(expected.errors()[method]))
        assert best in STEPS
        assert abs(math.log10(best / theirs)) < 1.2
    return numbers


def by_mouse(page, figure):
    drag(page, figure.locator("svg.live-plot"), (0.7, 0.5), (0.5, 0.4), (0.43, 0.6))


def by_touch(page, figure):
    touch(page, figure.locator("svg.live-plot"), (0.7, 0.5), (0.6, 0.5), (0.35, 0.5))


def by_keyboard(page, figure):
    figure.get_by_label("move step h").focus()
    for key in ("ArrowLeft", "PageDown", "PageDown", "ArrowRight"):
        page.keyboard.press(key)


def by_typing(page, figure):
    figure.get_by_label("exact h").fill("0.00123456789")
    page.keyboard.press("Enter")


def by_the_best(page, figure):
    figure.get_by_role("button", name="take the best h of the forward").click()


@pytest.mark.parametrize("operate", [by_mouse, by_touch, by_keyboard, by_typing, by_the_best])
@pytest.mark.parametrize("f", [entropy, parabola, kinked])
def test_the_step_moves_and_every_number_is_numpys(page, show, f, operate):
    widget = StepSize(f, **LAYER)
    figure = show(states(widget), [widget.model_id])
    assert step_of(figure) == 1e-5
    before = assert_right(figure, widget)
    operate(page, figure)
    frame(page)
    after = assert_right(figure, widget)
    assert step_of(figure) != 1e-5
    assert after["forward"] != before["forward"]
    assert after["truth"] == before["truth"]
    if operate is by_typing:
        assert step_of(figure) == 0.00123456789
    if operate is by_the_best:
        assert step_of(figure) == after["forward-best"]


def move_by_slider(page, figure):
    figure.get_by_label("move W[1, 0]").focus()
    for key in ("ArrowRight", "PageUp", "ArrowLeft"):
        page.keyboard.press(key)


def move_by_mouse(page, figure):
    drag(page, figure.get_by_label("move W[1, 0]"), (0.7, 0.5), (0.8, 0.5), (0.31, 0.5))


def move_by_touch(page, figure):
    touch(page, figure.get_by_label("move W[1, 0]"), (0.7, 0.5), (0.8, 0.5), (0.31, 0.5))


def move_by_typing(page, figure):
    figure.get_by_label("exact W[1, 0]").fill("-0.123456789012345")
    page.keyboard.press("Enter")


@pytest.mark.parametrize("operate", [move_by_slider, move_by_mouse, move_by_touch, move_by_typing])
def test_the_point_moves_in_both_precisions(page, show, operate):
    widget = StepSize(entropy, **LAYER)
    figure = show(states(widget), [widget.model_id])
    figure.locator('[data-entry="W[1, 0]"]').click()
    frame(page)
    before = assert_right(figure, widget, "W[1, 0]")
    curve = figure.locator("path.live-error").first.get_attribute("d")
    operate(page, figure)
    frame(page)
    after = assert_right(figure, widget, "W[1, 0]")
    assert after["value"] != before["value"]
    assert figure.locator("path.live-error").first.get_attribute("d") != curve
    figure.get_by_label("computed in").select_option("float32")
    frame(page)
    single = assert_right(figure, widget, "W[1, 0]", "float32")
    for method in METHODS:
        assert single[method] == float(np.float32(single[method]))
    figure.get_by_role("button", name="Reset").click()
    figure.get_by_label("computed in").select_option("float64")
    frame(page)
    assert assert_right(figure, widget, "W[1, 0]") == before


def test_in_float32_the_floor_rises_and_the_best_step_moves(page, show):
    widget = StepSize(entropy, **LAYER)
    figure = show(states(widget), [widget.model_id])
    double, floor = (
        settled(figure)["quantity"],
        figure.locator("path.live-floor").get_attribute("d"),
    )
    figure.get_by_label("computed in").select_option("float32")
    frame(page)
    single = settled(figure)["quantity"]
    assert single["forward-best"] > 300 * double["forward-best"]
    assert single["central-best"] > 30 * double["central-best"]
    heights = [
        float(d.split("H")[0].split()[1])
        for d in (floor, figure.locator("path.live-floor").get_attribute("d"))
    ]
    assert heights[1] < heights[0] - 50


def points(figure, method):
    """A curve as the page draws it: each step's error, read back from the axes' own pixels."""
    d = figure.locator("path.live-error").nth(METHODS.index(method)).get_attribute("d")
    inner = figure.locator("svg.live-plot > svg")
    width, height = (float(inner.get_attribute(key)) for key in ("width", "height"))
    pixels = [tuple(map(float, pair.split())) for pair in d.replace("L", "M").split("M")[1:]]
    return [(10 ** (16 * (x / width - 1)), 10 ** (2 - 20 * y / height)) for x, y in pixels]


@pytest.mark.parametrize(("f", "u"), [(entropy, True), (parabola, False)])
def test_the_curves_are_numpys_and_the_u_is_there_or_not(page, show, f, u):
    widget = StepSize(f, **LAYER)
    figure = show(states(widget), [widget.model_id])
    settled(figure)
    found = widget.differences
    errors = found.errors()
    for method in METHODS:
        drawn = points(figure, method)
        assert len(drawn) == 97
        for (h, error), step, right in zip(
            sorted(drawn, reverse=True), STEPS, errors[method], strict=True
        ):
            assert h == pytest.approx(step, rel=0.01)
            rounding = 40 * found.eps / step if method != "complex" else 8 * found.eps
            assert error == pytest.approx(max(right, found.eps / 4), rel=0.02, abs=rounding)
    central = [error for _, error in sorted(points(figure, "central"), reverse=True)]
    assert (central[0] > 1e3 * central[STEPS.index(1e-5)]) is u
    note = figure.locator(".live-note").inner_text()
    assert ("parabola" in note) is not u


def test_it_says_in_words_what_spoils_which(page, show):
    widget = StepSize(entropy, **LAYER)
    figure = show(states(widget), [widget.model_id])
    note = figure.locator(".live-note")
    for h, words in {
        "0.1": "At this h truncation spoils both differences.",
        "0.00001": "At this h truncation spoils the forward difference, "
        "and the central difference is near its best.",
        "2e-8": "At this h the forward difference is near its best, "
        "and rounding spoils the central difference.",
        "1e-13": "At this h rounding spoils both differences.",
    }.items():
        figure.get_by_label("exact h").fill(h)
        page.keyboard.press("Enter")
        frame(page)
        settled(figure)
        assert note.inner_text() == words


WORDS = {
    "parabola": (StepSize(parabola, **LAYER), "there is no U, and a smaller h is only worse"),
    "line": (StepSize(lambda W, b: np.sum(W * b), **LAYER), "is a straight line"),
    "flat": (
        StepSize(lambda z: np.sum(softmax(z)), z=np.array([0.3, -1.2, 2.0])),
        "does not answer to z[0]",
    ),
    "abs": (StepSize(kinked, **LAYER), "No complex step: abs is not analytic."),
}


@pytest.mark.parametrize("name", ["parabola", "line", "flat", "abs"])
def test_it_says_in_words_what_the_numbers_show(page, show, name):
    widget, words = WORDS[name]
    figure = show(states(widget), [widget.model_id])
    settled(figure)
    assert words in figure.locator(".live-note").inner_text()
    rows = figure.locator(".live-quotients tbody tr:visible").count()
    assert rows == (3 if name == "abs" else 4)
    heading = "absolute error" if name == "flat" else "relative error"
    assert figure.locator(".live-axis-name").text_content() == heading
    assert figure.locator("path.live-error").nth(2).get_attribute("d") == "" or name != "abs"


def test_the_parabolas_words_go_when_the_entry_is_another(page, show):
    def f(w, v):
        return w**2 + np.exp(v)

    widget = StepSize(f, w=np.float64(0.5), v=np.float64(0.5))
    figure = show(states(widget), [widget.model_id])
    settled(figure)
    assert "parabola" in figure.locator(".live-note").inner_text()
    figure.locator('[data-entry="v"]').click()
    frame(page)
    assert "parabola" not in figure.locator(".live-note").inner_text()
    assert_right(figure, widget, "v")


def test_digits_that_are_wrong_are_struck_out_and_no_others(page, show):
    widget = StepSize(entropy, **LAYER)
    figure = show(states(widget), [widget.model_id])
    truth = figure.locator("[data-quantity=truth]").inner_text()
    assert truth.replace("−", "-") == f"{widget.truth:.16f}"
    for h in ("0.1", "1e-5", "1e-13"):
        figure.get_by_label("exact h").fill(h)
        page.keyboard.press("Enter")
        frame(page)
        for method in METHODS:
            output = figure.locator(f"[data-quantity={method}]")
            right = output.locator(".live-right-digits").inner_text()
            wrong = output.locator(".live-wrong-digits").inner_text()
            assert output.inner_text() == right + wrong
            assert truth.startswith(right)
            assert not wrong or not truth.startswith(right + wrong[0])


def test_an_estimate_of_nines_keeps_them(page, show):
    widget = StepSize(parabola, **LAYER, step=3e-7)
    figure = show(states(widget), [widget.model_id])
    assert widget.truth == 1.0
    for method in ("forward", "central"):
        numbers = shown(figure)["quantity"]
        right = figure.locator(f"[data-quantity={method}] .live-right-digits").inner_text()
        digits = len(right.replace(".", "").lstrip("0"))
        assert digits >= math.floor(-math.log10(numbers[f"{method}-error"])) - 1


def test_an_exact_hit_lies_on_the_floor(page, show):
    widget = StepSize(parabola, **LAYER, step=1.0)
    figure = show(states(widget), [widget.model_id])
    assert shown(figure)["quantity"]["complex-error"] == 0
    assert figure.locator("[data-quantity=complex-error]").inner_text() == "exact"
    mark = figure.locator("path.live-mark").nth(2).bounding_box()
    floor = figure.locator("path.live-floor").bounding_box()
    assert abs(mark["y"] + mark["height"] / 2 - floor["y"]) < 2
    assert figure.locator(".live-plot text", has_text="exact").is_visible()


def test_a_step_beyond_the_axis_is_still_taken(page, show):
    widget = StepSize(entropy, **LAYER)
    figure = show(states(widget), [widget.model_id])
    figure.get_by_label("exact h").fill("1e-200")
    page.keyboard.press("Enter")
    frame(page)
    numbers = shown(figure)["quantity"]
    assert numbers["forward"] == numbers["central"] == 0
    np.testing.assert_allclose(numbers["complex"], numbers["truth"], rtol=1e-14)
    assert figure.locator("path.live-run").get_attribute("d") == ""
    field = figure.get_by_label("exact h")
    for words in ("0", "-1", ""):
        field.fill(words)
        page.keyboard.press("Tab")
        frame(page)
        assert field.input_value() in ("1e-200", "0")
        assert shown(figure)["quantity"] == numbers


def test_where_there_is_no_slope_it_says_so(page, show):
    widget = StepSize(lambda w: np.log(w), w=1.0)
    figure = show(states(widget), [widget.model_id])
    figure.get_by_label("exact w").fill("-1")
    page.keyboard.press("Enter")
    frame(page)
    assert "no finite slope" in figure.locator(".live-note").inner_text()
    assert math.isnan(shown(figure)["quantity"]["truth"])
    assert "NaN" not in figure.evaluate("f => f.outerHTML.replace(/data-value=.NaN./g, '')")
    figure.get_by_label("exact w").fill("2")
    page.keyboard.press("Enter")
    frame(page)
    assert_right(figure, widget, "w")


def test_a_change_is_told_once_it_rests(page, show):
    widget = StepSize(entropy, **LAYER)
    figure = show(states(widget), [widget.model_id])
    by_typing(page, figure)
    page.wait_for_function("document.querySelector('[aria-live=polite]').textContent")
    told = figure.locator("[aria-live=polite]").inner_text()
    assert told.startswith("W[0, 0] = 0.2000, h = 0.001235, float64: forward is off by 0.00028, ")


def test_two_views_of_one_stand_in_step(page, show):
    widget = StepSize(entropy, **LAYER)
    figures = show(states(widget), [widget.model_id] * 2)
    by_keyboard(page, figures.nth(1))
    figures.nth(0).locator('[data-entry="b[1]"]').click()
    figures.nth(1).get_by_label("computed in").select_option("float32")
    frame(page)
    assert settled(figures.nth(0)) == settled(figures.nth(1))
    assert_right(figures.nth(0), widget, "b[1]", "float32")


def test_a_large_array_is_sampled_over_several_frames(page, show):
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(64, 100)), rng.integers(0, 10, 64)
    arrays = {"V": rng.normal(size=(10, 100)) / 10, "c": np.zeros(10)}

    def loss(V, c):
        return cross_entropy(dense(inputs, V, c), labels, reduction="mean")

    widget = StepSize(loss, **arrays, entry=("V", (3, 7)))
    figure = show(states(widget), [widget.model_id])
    numbers = settled(figure)["quantity"]
    found = widget.differences
    np.testing.assert_allclose(numbers["truth"], found.truth, rtol=1e-12)
    np.testing.assert_allclose(numbers["complex"], found.estimates(1e-5)["complex"], rtol=1e-12)
    assert len(points(figure, "central")) == 97


@pytest.mark.parametrize("f", [entropy, parabola])
def test_a_drag_of_the_point_costs_little(page, show, f):
    """All three curves anew in each frame of a drag, on a busy machine."""
    time_frames(page)
    widget = StepSize(f, **LAYER)
    figure = show(states(widget), [widget.model_id])
    assert_a_drag_costs_little(page, across(figure.get_by_label("move W[0, 0]")))


def test_hostile_traits_fall_back(page, show):
    widget = StepSize(entropy, **LAYER)
    models = states(widget)
    models[widget.model_id]["state"] |= {
        "step": "tiny",
        "precision": "__proto__",
        "entry": {"name": "constructor", "index": [0]},
    }
    figure = show(models, [widget.model_id])
    assert step_of(figure) == 1e-5
    assert figure.get_by_label("computed in").input_value() == "float64"
    assert_right(figure, widget)


def test_a_gradient_that_scrolls_is_reached_by_keys(page, show):
    widget = StepSize(lambda c, d: np.sum(np.exp(c)) * np.sum(d), c=np.zeros(10), d=np.ones(3))
    page.set_viewport_size({"width": 360, "height": 740})
    figure = show(states(widget), [widget.model_id])
    for box in figure.locator(".live-slopes").all():
        scrolls = box.evaluate("box => box.scrollWidth > box.clientWidth")
        assert not scrolls or box.get_attribute("tabindex") == "0"
    assert figure.locator(".live-slopes[tabindex='0']").get_attribute("aria-label")


def test_the_chosen_entry_is_legible_in_forced_colours(page, show):
    page.emulate_media(forced_colors="active")
    widget = StepSize(entropy, **LAYER)
    figure = show(states(widget), [widget.model_id])
    ink, paper, plate = figure.locator('[aria-pressed="true"]').evaluate(
        "b => { const s = getComputedStyle(b);"
        " return [s.color, s.backgroundColor, s.forcedColorAdjust]; }"
    )
    assert ink != paper
    assert plate == "none"  # "auto" lays a plate of the paper's colour under words of that colour
