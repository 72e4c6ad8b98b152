"""Cotangent on a page: every number against NumPy, by mouse, keys, finger and typing."""

import re
from io import BytesIO

import numpy as np
import pytest
from conftest import ROOT
from matplotlib.image import imread
from operate import (
    READY,
    arrays_of,
    assert_a_drag_costs_little,
    drag,
    entry_name,
    frame,
    shown,
    states,
    time_frames,
    touch,
)

from scalarloss import Program, jacobian, vjp
from scalarloss.live import Cotangent
from scalarloss.live.cotangent import normal

X = np.array([1.0, 2.0])
Z = np.array([0.5, 1.5, -0.3])


def softmax(z):
    e = np.exp(z - np.max(z))
    return e / np.sum(e)


def table(W, b):
    return np.stack([np.tanh(np.dot(W, X) + b), np.dot(W, X) * b])


def layer():
    return {"W": np.array([[0.2, 0.5], [0.8, 0.1]]), "b": np.array([0.3, 0.7])}


EXAMPLES = {
    "softmax": (softmax, {"z": Z}),
    "table": (table, layer()),
    "scalar": (lambda w: np.sum(np.sin(w)), {"w": Z}),
    "many": (lambda x: np.outer(np.arange(10.0), x) ** 2, {"x": np.array([0.4, -1.1])}),
}


def cotangent(figure):
    found = figure.locator("[data-cotangent]").evaluate_all(
        "nodes => nodes.map((n) => [n.dataset.cotangent, n.dataset.value, n.value])"
    )
    assert [int(place) for place, _, _ in found] == list(range(len(found)))
    assert all(value == text for _, value, text in found)
    return np.array([float(value) for _, value, _ in found])


def assert_right(figure, program, tolerance=1e-12):
    """v, J, its product with v, the sums and the moves are NumPy's, to 1e-12 of what is summed."""
    numbers = shown(figure)
    arrays = arrays_of(program, numbers["entry"])
    v = cotangent(figure)
    entry = figure.locator(".live-entries [aria-pressed=true]").get_attribute("data-entry")
    name, index = re.fullmatch(r"(\w+)(?:\[(.*)\])?", entry).groups()
    here = tuple(int(i) for i in index.split(",")) if index else ()
    y, pullback = vjp(program, **arrays)
    rows = jacobian(program, name, **arrays)[name].reshape(v.size, -1)
    cells = figure.locator("[data-jacobian]").evaluate_all(
        "nodes => Object.fromEntries(nodes.map((n) => [n.dataset.jacobian, +n.dataset.value]))"
    )
    assert set(cells) == {f"{i},{j}" for i, j in np.ndindex(rows.shape)}
    found = np.array([cells[f"{i},{j}"] for i, j in np.ndindex(rows.shape)]).reshape(rows.shape)
    size = np.max(np.abs(rows))
    np.testing.assert_allclose(found, rows, rtol=tolerance, atol=tolerance * size)
    summed = tolerance * np.sum(np.abs(v)) * size
    for other, expected in pullback(v.reshape(program.output_shape)).items():
        scale = max(summed, tolerance * np.max(np.abs(expected)))
        for place in np.ndindex(expected.shape):
            product = numbers["gradient"][entry_name(other, place)]
            np.testing.assert_allclose(product, expected[place], rtol=tolerance, atol=scale)
    quantity, y = numbers["quantity"], np.asarray(y)
    column = rows[:, np.ravel_multi_index(here, program.inputs[name]) if here else 0]
    scale = tolerance * max(np.max(np.abs(y)), np.sum(np.abs(v) * np.abs(y.ravel())))
    assert quantity["value"] == arrays[name][here]
    assert quantity["slope"] == numbers["gradient"][entry]
    np.testing.assert_allclose(quantity["weighted"], v @ y.ravel(), rtol=tolerance, atol=scale)
    if v.size == 1:
        return
    atol = tolerance * np.sum(np.abs(column))
    np.testing.assert_allclose(quantity["sum"], column.sum(), rtol=tolerance, atol=atol)
    assert quantity["moved"] == quantity["sum"]
    np.testing.assert_allclose(quantity["total"], y.sum(), rtol=tolerance, atol=scale)
    for place, level, move in zip(np.ndindex(y.shape), y.flat, column, strict=True):
        out = entry_name("y", place)
        np.testing.assert_allclose(quantity[out], level, rtol=tolerance, atol=scale)
        np.testing.assert_allclose(quantity[f"d{out}"], move, rtol=tolerance, atol=atol)
    product = v @ rows
    np.testing.assert_allclose(quantity["length"], np.hypot.reduce(product), atol=summed * 4)


def program_of(widget):
    return Program.from_dict(widget.program)


def opened(show, make):
    widget = make()
    return show(states(widget), [widget.model_id]), program_of(widget)


def by_mouse(page, figure):
    drag(page, figure.locator(".live-inputs input[type=range]"), (0.5, 0.5), (0.62, 0.5))


def by_touch(page, figure):
    slider = figure.locator(".live-inputs input[type=range]")
    touch(page, slider, (0.5, 0.5), (0.55, 0.5), (0.3, 0.5))


def by_keyboard(page, figure):
    figure.locator(".live-inputs input[type=range]").focus()
    for key in ("ArrowRight", "ArrowRight", "PageUp", "ArrowLeft"):
        page.keyboard.press(key)


def by_typing(page, figure):
    figure.get_by_label("exact").fill("-0.123456789012345")
    page.keyboard.press("Enter")


@pytest.mark.parametrize("operate", [by_mouse, by_touch, by_keyboard, by_typing])
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_entry_moves_and_every_number_follows(page, show, name, operate):
    f, arrays = EXAMPLES[name]
    figure, program = opened(show, lambda: Cotangent(f, **arrays))
    fill_v(page, figure)
    for entry in shown(figure)["entry"]:
        figure.locator(f'[data-entry="{entry}"]').click()
        frame(page)
        assert_right(figure, program)
        before = shown(figure)["entry"]
        operate(page, figure)
        frame(page)
        after = shown(figure)["entry"]
        assert {key for key in after if after[key] != before[key]} == {entry}
        assert_right(figure, program)


def fill_v(page, figure):
    """Type something unlike anything else into each entry of v."""
    for i, field in enumerate(figure.locator("[data-cotangent]").all()):
        field.fill(str(round(0.7 - 0.3 * i, 3)))
        page.keyboard.press("Enter")
    frame(page)


@pytest.mark.parametrize("name", EXAMPLES)
def test_v_moves_entry_by_entry_by_typing_and_by_its_sliders(page, show, name):
    f, arrays = EXAMPLES[name]
    figure, program = opened(show, lambda: Cotangent(f, **arrays))
    still = shown(figure)["entry"]
    fill_v(page, figure)
    count = figure.locator("[data-cotangent]").count()
    expected = [round(0.7 - 0.3 * i, 3) for i in range(count)]
    np.testing.assert_array_equal(cotangent(figure), expected)
    assert_right(figure, program)
    sliders = figure.locator(".live-v input[type=range]")
    assert sliders.count() == (count if count <= 6 else 0)
    for i, slider in enumerate(sliders.all()):
        slider.focus()
        page.keyboard.press("ArrowRight")
        frame(page)
        expected[i] = round(expected[i] + 0.01, 3)
        np.testing.assert_allclose(cotangent(figure), expected, rtol=1e-14)
        drag(page, slider, (0.5, 0.5), (0.9, 0.5))
        expected[i] = cotangent(figure)[i]
        assert 1.2 < expected[i] <= 2
        np.testing.assert_allclose(cotangent(figure), expected, rtol=1e-14)
        assert_right(figure, program)
        touch(page, slider, (0.5, 0.5), (0.2, 0.5))
        expected[i] = cotangent(figure)[i]
        assert -2 <= expected[i] < -0.8
        assert_right(figure, program)
    assert shown(figure)["entry"] == still


def words(figure):
    return figure.locator(".live-sentence").inner_text().strip()


def pressed(figure):
    return figure.locator(".live-choices [aria-pressed=true]").all_inner_texts()


def test_the_buttons_choose_v_and_say_what_it_asks(page, show):
    figure, program = opened(show, lambda: Cotangent(softmax, z=Z))

    def press(name):
        figure.get_by_role("button", name=name, exact=True).click()
        frame(page)

    assert "v = one-hot: the gradient of y[0], which is its row of J." in words(figure)
    for i in (1, 2, 0, 1):
        press("one-hot")
        np.testing.assert_array_equal(cotangent(figure), np.eye(3)[i])
        assert f"the gradient of y[{i}]" in words(figure)
        assert pressed(figure) == ["one-hot"]
        assert shown(figure)["quantity"]["angle"] % 90 == 0
        assert_right(figure, program)
    for name, v, said in (
        ("ones", np.ones(3), "v = ones: the gradient of the sum of the outputs."),
        ("1/N", np.full(3, 1 / 3), "v = 1/3: the gradient of the mean of the outputs."),
        ("random", normal(0, 3), "v = random, seed 0"),
        ("random", normal(1, 3), "v = random, seed 1"),
    ):
        press(name)
        np.testing.assert_allclose(cotangent(figure), v, rtol=1e-14)
        assert said in words(figure)
        assert pressed(figure) == [name]
        assert_right(figure, program)
    figure.get_by_label("seed").fill("0")
    page.keyboard.press("Enter")
    frame(page)
    np.testing.assert_allclose(cotangent(figure), normal(0, 3), rtol=1e-14)
    figure.get_by_label("v[1]", exact=True).fill("0.25")
    page.keyboard.press("Enter")
    frame(page)
    assert pressed(figure) == []
    assert words(figure).startswith("v = your own: the gradient of 1.626 y[0] + 0.25 y[1] − ")


@pytest.mark.parametrize("seed", [0, 1, 12, 2**31, 2**32 - 1])
def test_a_seed_draws_the_same_v_on_the_page_as_in_python(modules, server, seed):
    found = modules.evaluate(
        """async ([address, seed]) => {
            const { normal } = await import(address);
            return [...normal(seed, 50)];
        }""",
        [f"{server}/js/random.js", seed],
    )
    np.testing.assert_allclose(found, normal(seed, 50), rtol=1e-12)


def test_the_sum_of_probabilities_sees_nothing_and_says_what_it_missed(page, show):
    figure, program = opened(show, lambda: Cotangent(softmax, z=np.array([1.5, 1.7])))
    assert "cannot see" not in words(figure)
    figure.get_by_role("button", name="ones").click()
    frame(page)
    assert words(figure) == (
        "v = ones: the gradient of the sum of the outputs. The sum cannot see this: "
        "per unit of z[0], y[0] rises by 0.25, y[1] falls by 0.25. "
        "All of vᵀJ is zero, and J is not."
    )
    for move in (by_keyboard, by_mouse, by_typing):
        move(page, figure)
        frame(page)
        assert "The sum cannot see this" in words(figure)
        assert_right(figure, program)
    for product in ("tfoot td", ".live-array [data-gradient]"):
        assert figure.locator(product).all_inner_texts() == ["0.000"] * 2
    figure.get_by_role("button", name="1/N").click()
    frame(page)
    assert "The mean cannot see this" in words(figure)
    for key, blind in (("ArrowRight", False), ("ArrowLeft", True)):
        figure.get_by_role("slider", name="Turn v").focus()
        page.keyboard.press(key)
        frame(page)
        assert ("cannot see" in words(figure)) == blind
    figure.get_by_role("button", name="random").click()
    frame(page)
    assert "cannot see" not in words(figure)


def test_one_blind_entry_is_told_from_a_blind_v(page, show):
    def f(a):
        return np.stack([a[0] + a[1], a[1] - a[0], a[2] ** 3])

    figure, _ = opened(show, lambda: Cotangent(f, a=Z, v=np.ones(3)))
    said = words(figure)
    assert "The sum cannot see this: per unit of a[0], y[0] rises by 1, y[1] falls by 1." in said
    assert "All of vᵀJ is zero" not in said
    figure.locator('[data-entry="a[1]"]').click()
    frame(page)
    assert "cannot see" not in words(figure)


def test_of_one_output_one_is_the_natural_choice(page, show):
    figure, program = opened(show, lambda: Cotangent(lambda w: np.sum(w**2), w=Z))
    assert "v = 1: the output is one number, 1 is the natural choice" in words(figure)
    assert figure.get_by_role("slider", name="Turn v").count() == 0
    figure.get_by_label("v", exact=True).fill("-2")
    page.keyboard.press("Enter")
    frame(page)
    assert "v = −2: −2 times the gradient" in words(figure)
    assert_right(figure, program)
    figure.get_by_role("button", name="v = 1").click()
    frame(page)
    np.testing.assert_array_equal(cotangent(figure), [1.0])


# The dial


def dial_of(figure):
    return figure.get_by_role("slider", name="Turn v")


def degrees(figure):
    return int(dial_of(figure).get_attribute("aria-valuenow"))


def test_the_dial_turns_by_keys(page, show):
    figure, program = opened(show, lambda: Cotangent(softmax, z=Z, v=np.array([0.0, 2.0, 0.3])))
    dial_of(figure).focus()
    at = 90
    for key, step in (
        ("ArrowRight", 5),
        ("ArrowUp", 5),
        ("ArrowLeft", -5),
        ("ArrowDown", -5),
        ("PageUp", 45),
        ("PageDown", -45),
        ("PageDown", -45),
        ("PageDown", -45),
        ("PageDown", -45),
    ):
        page.keyboard.press(key)
        frame(page)
        at = (at + step) % 360
        assert degrees(figure) == at
        turned = np.radians(at)
        expected = [2 * np.cos(turned), 2 * np.sin(turned), 0.3]
        np.testing.assert_allclose(cotangent(figure), expected, rtol=1e-12, atol=1e-15)
        assert_right(figure, program)
        said = dial_of(figure).get_attribute("aria-valuetext")
        assert said.startswith(f"{at}°: v[0] = ")
    page.keyboard.press("Home")
    frame(page)
    np.testing.assert_array_equal(cotangent(figure), [2.0, 0.0, 0.3])
    page.keyboard.press("End")
    frame(page)
    assert degrees(figure) == 359 == int(dial_of(figure).get_attribute("aria-valuemax"))


def test_the_dial_is_exact_at_its_eighths(page, show):
    """After many turns a one-hot v is one-hot to the last bit, and 45° has two equal parts."""
    figure, _ = opened(show, lambda: Cotangent(softmax, z=Z))
    dial_of(figure).focus()
    for _ in range(72):
        page.keyboard.press("ArrowRight")
    for eighth in range(1, 9):
        page.keyboard.press("PageUp")
        frame(page)
        x, y, rest = np.abs(cotangent(figure))
        assert rest == 0
        assert (x == y == np.sqrt(0.5)) if eighth % 2 else sorted((x, y)) == [0.0, 1.0]
    page.keyboard.press("Home")
    frame(page)
    assert pressed(figure) == ["one-hot"]
    page.keyboard.press("PageUp")
    frame(page)
    v = cotangent(figure)
    assert v[0] == v[1] == np.sqrt(0.5)
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    frame(page)
    assert cotangent(figure)[0] == 0.5


@pytest.mark.parametrize("lead", [drag, touch])
def test_the_dial_turns_by_mouse_and_finger(page, show, lead):
    figure, program = opened(show, lambda: Cotangent(softmax, z=Z))
    box = dial_of(figure).bounding_box()
    assert min(box["width"], box["height"]) >= 120
    knob = figure.locator(".live-grip").bounding_box()
    middle = figure.locator(".live-rim").bounding_box()
    centre = [middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2]

    def place(x, y):
        return ((x - box["x"]) / box["width"], (y - box["y"]) / box["height"])

    start = place(knob["x"] + knob["width"] / 2, knob["y"] + knob["height"] / 2)
    for angle, expected in ((30, 30), (43, 45), (200, 200), (271, 270)):
        turned = np.radians(angle)
        end = place(centre[0] + 60 * np.cos(turned), centre[1] - 60 * np.sin(turned))
        lead(page, dial_of(figure), start, end)
        assert abs(degrees(figure) - expected) <= (0 if expected % 45 == 0 else 1)
        turned = np.radians(shown(figure)["quantity"]["angle"])
        v = [np.cos(turned), np.sin(turned), 0.0]
        np.testing.assert_allclose(cotangent(figure), v, rtol=1e-12, atol=1e-15)
        assert_right(figure, program)
        start = end


def test_the_reader_picks_the_plane(page, show):
    figure, program = opened(show, lambda: Cotangent(table, **layer(), wrt="b"))
    across, up = figure.get_by_label("across"), figure.get_by_label("up")
    assert across.locator("option").all_inner_texts() == [
        f"y[{i}, {j}]" for i in (0, 1) for j in (0, 1)
    ]
    up.select_option(label="y[1, 0]")
    dial_of(figure).focus()
    page.keyboard.press("PageUp")
    frame(page)
    np.testing.assert_array_equal(cotangent(figure)[[0, 2]], [np.sqrt(0.5)] * 2)
    np.testing.assert_array_equal(cotangent(figure)[[1, 3]], [0, 0])
    across.select_option(label="y[1, 0]")  # two axes are two outputs: the other one gives way
    frame(page)
    assert (across.input_value(), up.input_value()) == ("2", "0")
    assert_right(figure, program)
    across.select_option(label="y[1, 1]")
    up.select_option(label="y[0, 1]")
    frame(page)
    assert "v is zero here" in dial_of(figure).get_attribute("aria-valuetext")
    dial_of(figure).focus()
    page.keyboard.press("PageUp")
    frame(page)
    np.testing.assert_array_equal(cotangent(figure)[[3, 1]], [np.sqrt(0.5)] * 2)
    assert_right(figure, program)


def test_the_curve_on_the_dial_is_the_length_of_the_product(page, show):
    v = np.array([0.6, 0.8, -0.5])
    figure, program = opened(show, lambda: Cotangent(softmax, z=Z, v=v))
    rows = jacobian(program, z=Z)["z"]
    turns = np.radians(np.arange(0, 360, 3))
    weights = np.stack([np.cos(turns), np.sin(turns), np.full(120, -0.5)], 1)
    lengths = np.linalg.norm(weights @ rows, axis=1)
    path = figure.locator(".live-reach").get_attribute("d")
    points = np.array(re.findall(r"[ML]([\d.]+) ([\d.]+)", path), float)
    rim = figure.locator(".live-rim").evaluate(
        "c => ['cx', 'cy', 'r'].map((key) => Number(c.getAttribute(key)))"
    )
    drawn = np.hypot(points[:, 0] - rim[0], points[:, 1] - rim[1])
    np.testing.assert_allclose(drawn, 0.94 * rim[2] * lengths / lengths.max(), atol=0.02)


def two(w):
    return np.stack([np.tanh(1.5 * w), 0.5 * w**2])


def test_the_dial_halts_where_two_outputs_cancel(page, show):
    """No whole degree is blind here, and a reader who looks for the blind angle finds it."""
    figure, program = opened(show, lambda: Cotangent(two, w=np.array(0.8)))
    rows = jacobian(program, w=np.array(0.8))["w"]
    blind = np.degrees(np.arctan2(rows[0], -rows[1]))
    assert abs(blind - round(blind)) > 0.01
    rim = figure.locator(".live-rim").bounding_box()
    box = dial_of(figure).bounding_box()

    def place(angle):
        x = rim["x"] + rim["width"] / 2 + 60 * np.cos(np.radians(angle))
        y = rim["y"] + rim["height"] / 2 - 60 * np.sin(np.radians(angle))
        return ((x - box["x"]) / box["width"], (y - box["y"]) / box["height"])

    for near in (blind - 2, blind + 182):
        drag(page, dial_of(figure), place(near - 30), place(near))
        np.testing.assert_allclose(shown(figure)["quantity"]["angle"] % 180, blind, rtol=1e-12)
        assert "This v cannot see this: per unit of w, y[0] rises by" in words(figure)
        assert_right(figure, program)
    dial_of(figure).focus()
    for keys in (["ArrowRight"] * 2, ["ArrowLeft"] * 2):
        for key in keys:
            page.keyboard.press(key)
            frame(page)
        assert "cannot see" not in words(figure)
        page.keyboard.press("ArrowLeft" if keys[0] == "ArrowRight" else "ArrowRight")
        frame(page)
        page.keyboard.press("ArrowLeft" if keys[0] == "ArrowRight" else "ArrowRight")
        frame(page)
        assert "cannot see" in words(figure)
    by_keyboard(page, figure)  # the weight moves, and the blind angle with it
    frame(page)
    assert "cannot see" not in words(figure)


# State


def test_two_figures_stand_apart_and_two_views_of_one_in_step(page, show):
    one, other = Cotangent(table, **layer(), wrt="b"), Cotangent(softmax, z=Z)
    figures = show(states(one, other), [one.model_id, other.model_id, one.model_id])
    untouched = shown(figures.nth(1)), cotangent(figures.nth(1))
    fill_v(page, figures.nth(2))
    figures.nth(2).locator('[data-entry="W[1, 0]"]').click()
    by_keyboard(page, figures.nth(2))
    figures.nth(2).get_by_label("up").select_option("3")
    frame(page)
    assert shown(figures.nth(0)) == shown(figures.nth(2))
    np.testing.assert_array_equal(cotangent(figures.nth(0)), cotangent(figures.nth(2)))
    assert figures.nth(0).get_by_label("up").input_value() == "3"
    assert shown(figures.nth(0))["entry"]["W[1, 0]"] != 0.8
    for i in (0, 2):
        assert_right(figures.nth(i), program_of(one))
    assert shown(figures.nth(1)) == untouched[0]
    np.testing.assert_array_equal(cotangent(figures.nth(1)), untouched[1])


def test_reset_puts_the_arrays_back_and_leaves_v(page, show):
    figure, program = opened(show, lambda: Cotangent(table, **layer()))
    fill_v(page, figure)
    before = shown(figure)
    by_keyboard(page, figure)
    figure.get_by_role("button", name="Reset").click()
    frame(page)
    assert shown(figure) == before
    assert_right(figure, program)


def test_a_change_is_told_once_it_rests(page, show):
    figure, _ = opened(show, lambda: Cotangent(softmax, z=np.zeros(2)))
    told = figure.locator("[aria-live=polite]")
    assert told.inner_text() == ""
    figure.get_by_role("button", name="ones").click()
    page.wait_for_function("document.querySelector('[aria-live=polite]').textContent")
    assert told.inner_text().startswith("v = ones: the gradient of the sum of the outputs. The sum")
    assert told.inner_text().endswith("z[0] = 0.0000: vᵀJ there is 0.0000.")


def test_what_is_no_number_is_given_back(page, show):
    figure, _ = opened(show, lambda: Cotangent(softmax, z=Z))
    field = figure.get_by_label("v[1]", exact=True)
    field.fill("")
    page.keyboard.press("Tab")
    assert field.input_value() == "0"
    seed = figure.get_by_label("seed")
    for wrong in ("-1", "1.5", "4294967296"):
        seed.fill(wrong)
        page.keyboard.press("Tab")
        assert seed.input_value() == "0"
    np.testing.assert_array_equal(cotangent(figure), [1, 0, 0])


@pytest.mark.parametrize(
    "v",
    [
        None,
        7,
        {"shape": [3], "data": ["x"] * 3},
        {"shape": [2], "data": [1, 2]},
        {"shape": [3], "data": ["NaN", 0, 0]},
        {"shape": [3], "data": [1, 2, 3, 4]},
    ],
)
def test_a_v_that_does_not_fit_is_one_hot(page, show, v):
    widget = Cotangent(softmax, z=Z, v=np.ones(3))
    models = states(widget)
    models[widget.model_id]["state"] |= {"v": v, "plane": [0, 0], "seed": -3}
    figure = show(models, [widget.model_id])
    np.testing.assert_array_equal(cotangent(figure), [1, 0, 0])
    assert_right(figure, program_of(widget))


def test_a_jacobian_too_large_is_refused_in_words(page, show):
    large = {"W": np.ones((20, 20)) / 9, "x": np.linspace(-1, 1, 20)}
    widget = Cotangent(lambda W, x: np.sin(W @ x), wrt="x", **large)
    models = states(widget)
    figure = show(models, [widget.model_id])
    assert figure.locator("[data-jacobian]").count() == 400
    np.testing.assert_array_equal(cotangent(figure), np.eye(20)[0])
    picker = figure.get_by_label("array")
    assert picker.locator("option:disabled").all_inner_texts() == ["W"]
    models[widget.model_id]["state"]["entry"] = {"name": "W", "index": [0, 0]}
    figure = show(models, [widget.model_id])
    assert figure.locator("[data-jacobian]").count() == 400
    sizes = {"W": np.ones((2, 201)) / 9, "b": np.ones(2)}
    fine = Cotangent(lambda W, b: np.sum(W, axis=1) * b, wrt="b", **sizes)
    models = states(fine)
    del models[fine.model_id]["state"]["program"]["inputs"][1]
    show(models, [fine.model_id], wait=False)
    page.locator("[data-damaged] .live-note").wait_for()


def test_an_array_too_large_for_a_jacobian_says_so_when_chosen(page, show):
    def f(W, b):
        return np.concatenate([np.sum(W, axis=0) * b] * 40)

    figure, program = opened(
        show, lambda: Cotangent(f, W=np.ones((4, 3)), b=np.array([1.0, 2.0, 3.0]), wrt="b")
    )
    before = shown(figure)
    figure.locator('[data-entry="W[1, 2]"]').click()
    frame(page)
    assert words(figure) == (
        "The Jacobian by W would have 120 × 12 entries, and this figure shows 400 at most."
    )
    assert shown(figure) == before
    assert_right(figure, program)


def test_what_is_not_finite_is_a_sentence(page, show):
    figure, _ = opened(show, lambda: Cotangent(lambda x: np.log(x), x=np.array([1.0, 2.0])))
    figure.get_by_label("exact").fill("0")
    page.keyboard.press("Enter")
    frame(page)
    assert "not finite here" in words(figure)
    figure.get_by_label("exact").fill("2")
    page.keyboard.press("Enter")
    frame(page)
    assert "v = one-hot" in words(figure)


def test_an_idle_row_differs_by_more_than_its_colour(page, show):
    """v's own number says which rows count; every cell has its sign in words."""
    figure, _ = opened(show, lambda: Cotangent(softmax, z=Z, v=np.array([1.0, 0.0, 0.5])))
    assert figure.locator("tbody tr.live-idle th").all_inner_texts() == ["y[1]"]
    for text in figure.locator("[data-jacobian]").all_inner_texts():
        assert text[0] in "+−"
    share = "n => parseFloat(getComputedStyle(n).getPropertyValue('--share'))"
    strong, idle, weak = (
        figure.locator(f'[data-jacobian="{cell}"]').evaluate(share)
        for cell in ("0,1", "1,0", "2,2")
    )
    assert strong > idle
    assert weak > idle


def test_colours_are_opaque_under_the_row_that_stays_in_sight(page, show):
    widget = Cotangent(lambda x: np.outer(np.arange(1.0, 31), x)[:, 0], x=np.ones(2))
    figure = show(states(widget), [widget.model_id])
    box = figure.locator(".live-jacobian")
    box.evaluate("node => { node.scrollTop = 100; }")
    foot = figure.locator("tfoot td").first.bounding_box()
    outer = box.bounding_box()
    assert foot["y"] + foot["height"] <= outer["y"] + outer["height"] + 1
    for cell in figure.locator("tfoot td").all():
        colour = cell.evaluate("node => getComputedStyle(node).backgroundColor")
        assert not re.search(r"rgba|/ 0", colour)


def test_a_drag_of_the_dial_costs_little(page, show):
    time_frames(page)
    widget = Cotangent(lambda x: np.sin(np.outer(x, x)).reshape(-1)[:40], x=np.linspace(0, 1, 10))
    figure = show(states(widget), [widget.model_id])
    page.locator(READY).wait_for()
    rim = figure.locator(".live-rim").bounding_box()
    x, y = rim["x"] + rim["width"] / 2, rim["y"] + rim["height"] / 2
    turns = (i / 20 for i in range(60))
    assert_a_drag_costs_little(page, [(x + 60 * np.cos(t), y - 60 * np.sin(t)) for t in turns])


@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_in_what_scrolls(page, show, width):
    """Longer and wider than any in a chapter, where test_access.py looks."""
    page.set_viewport_size({"width": width, "height": 900})
    f = np.linspace(-2.0, 2.0, 200).reshape(20, 10)
    widget = Cotangent(lambda x: np.sin(np.dot(f, x)), x=np.linspace(-1, 1, 10))
    figure = show(states(widget), [widget.model_id])
    page.evaluate((ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8"))
    for name in ("ones", "random"):
        figure.get_by_role("button", name=name).click()
        frame(page)
        found = page.evaluate(
            """async () => (await axe.run("figure.live-figure")).violations
                .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))"""
        )
        assert found == []


def test_bars_show_where_colours_are_forced(page, show):
    page.emulate_media(forced_colors="active")
    figure, _ = opened(show, lambda: Cotangent(softmax, z=np.array([0.3, 0.2, 0.1])))
    for bar in figure.locator(".live-bar").all()[:-1]:  # the sum, the last, does not move
        dark = imread(BytesIO(bar.screenshot()))[..., :3].max(axis=2) < 0.5
        assert dark.any(axis=0).sum() > 9  # more than the line in the middle
    page.emulate_media(forced_colors="none")
