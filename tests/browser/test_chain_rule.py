"""ChainRule on a page: every node at every step against NumPy, its words, paths, keys, damage."""

import copy

import numpy as np
import pytest
from operate import READY, arrays_of, drag, entry_name, frame, shown, states, touch

from scalarloss import Program, value_and_grad
from scalarloss.live import ChainRule
from scalarloss.rules import RULES

X, T, FIRST = np.array([1.0, 2.0]), np.array([0.5, 1.2]), np.array([1.0, 0.0])


def dense(W, b):
    return 0.5 * np.sum((np.dot(W, X) + b - T) ** 2)


def softmax(W, b):
    z = np.dot(W, X) + b
    top = np.max(z)
    return top + np.log(np.sum(np.exp(z - top))) - np.sum(FIRST * z)


def relu(w):
    return np.sum(np.where(w > 0, w, 0.1 * w) * np.maximum(w, 0.25)) + w[0]


def layer():
    return {"W": np.array([[0.2, 0.5], [0.8, 0.1]]), "b": np.array([0.3, 0.7])}


EXAMPLES = {
    "a fork": (lambda x: x * (1 - x), {"x": 0.2}),
    "a square of itself": (lambda x: (x * x) * x, {"x": 1.5}),
    "two numbers": (lambda a, b: np.sin(a * b) + b, {"a": 3.0, "b": 4.0}),
    "dense": (dense, layer()),
    "softmax": (softmax, layer()),
    "a choice": (relu, {"w": np.array([0.5, -1.0, 2.0])}),
    "no operation": (lambda x: x, {"x": 0.5}),
}
each = pytest.mark.parametrize(("f", "arrays"), EXAMPLES.values(), ids=EXAMPLES)


def reference(program, arrays, at):
    """What each node holds at a position, from the rules, one operation at a time: value and
    cotangent by slot, those that have been reached."""
    slots, n = program.slots(arrays), len(program.operations)
    wanted = set(range(len(program.inputs)))
    for slot, operation in enumerate(program.operations, program.first_operation):
        vjp = RULES[operation.name].vjp
        if any(a in wanted and vjp(k) is not None for k, a in enumerate(operation.args)):
            wanted.add(slot)
    values = {slot: slots[slot] for slot in range(len(program.inputs))}
    values |= {program.first_operation + i: slots[program.first_operation + i] for i in range(n)}
    values = {s: v for s, v in values.items() if s < program.first_operation + at}
    cotangents = {program.output: np.ones(())} if at >= n else {}
    for i in range(n - 1, max(-1, 2 * n - at - 1), -1):
        slot, operation = program.first_operation + i, program.operations[i]
        if slot not in cotangents:
            continue
        xs = [slots[a] for a in operation.args]
        for k, a in enumerate(operation.args):
            rule = RULES[operation.name].vjp(k)
            if rule is not None and a in wanted:
                part = rule(cotangents[slot], slots[slot], *xs, **operation.params)
                cotangents[a] = cotangents.get(a, 0.0) + part
    return values, cotangents


def nodes(figure):
    """Each node's value and cotangent by slot, those that it shows."""
    found = figure.locator("[data-node]").evaluate_all(
        "nodes => nodes.map(({ dataset: d }) => [d.node, d.value ?? null, d.cotangent ?? null])"
    )
    values, cotangents = (
        {int(row[0]): np.array(row[i].split(), float) for row in found if row[i] is not None}
        for i in (1, 2)
    )
    return values, cotangents


def assert_right(figure, program, at, entry):
    numbers = shown(figure)
    arrays = arrays_of(program, numbers["entry"])
    expected = reference(program, arrays, at)
    for found, wanted, what in zip(nodes(figure), expected, ("value", "cotangent"), strict=True):
        assert set(found) == set(wanted), f"{what}s known at step {at}"
        for slot, array in wanted.items():
            scale = 1e-12 * max(1.0, np.max(np.abs(array)))
            array = np.broadcast_to(array, program.shapes[slot])
            np.testing.assert_allclose(found[slot], np.ravel(array), rtol=1e-12, atol=scale)
    quantity, n = numbers["quantity"], len(program.operations)
    assert quantity["at"] == at
    assert quantity["value"] == numbers["entry"][entry]
    loss, gradient = value_and_grad(program, **arrays)
    assert ("loss" in quantity) == (at >= n)
    if at >= n:
        np.testing.assert_allclose(quantity["loss"], loss, rtol=1e-12)
    if at == 2 * n:
        assert quantity["slope"] == numbers["gradient"][entry]
        for name, array in gradient.items():
            scale = 1e-12 * max(1.0, np.max(np.abs(array)))
            for index in np.ndindex(array.shape):
                found = numbers["gradient"][entry_name(name, index)]
                np.testing.assert_allclose(found, array[index], rtol=1e-12, atol=scale)


def opened(show, f, arrays, **given):
    widget = ChainRule(f, **arrays, **given)
    figure = show(states(widget), [widget.model_id])
    name, index = widget.entry
    return figure, Program.from_dict(widget.program), entry_name(name, index)


def press(figure, name):
    figure.get_by_role("button", name=name, exact=True).click()


def said(figure):
    return figure.locator(".live-said").inner_text()


@each
def test_every_step_there_and_back(page, show, f, arrays):
    figure, program, entry = opened(show, f, arrays)
    last = 2 * len(program.operations)
    for at in range(last + 1):
        assert_right(figure, program, at, entry)
        if at < last:
            press(figure, "step ▸")
            frame(page)
    for at in range(last, -1, -1):
        assert_right(figure, program, at, entry)
        if at > 0:
            press(figure, "◂ step")
            frame(page)


@each
def test_all_at_once(page, show, f, arrays):
    figure, program, entry = opened(show, f, arrays)
    n = len(program.operations)
    for name, at in (("forward", n), ("back to the inputs", 2 * n), ("restart", 0)):
        if at != shown(figure)["quantity"]["at"]:
            press(figure, name)
            frame(page)
        assert_right(figure, program, at, entry)


def by_mouse(page, figure):
    drag(page, figure.get_by_label("move"), (0.5, 0.5), (0.6, 0.5), (0.7, 0.5))


def by_touch(page, figure):
    touch(page, figure.get_by_label("move"), (0.5, 0.5), (0.45, 0.5), (0.35, 0.5))


def by_keyboard(page, figure):
    figure.get_by_label("move").focus()
    for key in ("ArrowRight", "PageUp", "ArrowLeft"):
        page.keyboard.press(key)


def by_typing(page, figure):
    figure.get_by_label("exact").fill("-0.123456789012345")
    page.keyboard.press("Enter")


@pytest.mark.parametrize("operate", [by_mouse, by_touch, by_keyboard, by_typing])
@pytest.mark.parametrize("name", ["a fork", "dense", "softmax"])
def test_every_entry_moves_every_number(page, show, name, operate):
    f, arrays = EXAMPLES[name]
    figure, program, _ = opened(show, f, arrays)
    n = len(program.operations)
    for i, entry in enumerate(shown(figure)["entry"]):
        figure.locator(f'[data-entry="{entry}"]').click()
        at = (2 * n, n + 1, n)[i % 3]
        figure.get_by_label("step", exact=True).fill(str(at))
        frame(page)
        before = shown(figure)["entry"]
        operate(page, figure)
        frame(page)
        after = shown(figure)["entry"]
        assert {key for key in after if after[key] != before[key]} == {entry}
        assert_right(figure, program, at, entry)
    press(figure, f"Reset {', '.join(arrays)}")
    frame(page)
    for name, array in arrays_of(program, shown(figure)["entry"]).items():
        np.testing.assert_array_equal(array, arrays[name])


def test_the_position_is_a_slider_for_keys_and_fingers(page, show):
    figure, program, entry = opened(show, dense, layer())
    wheel = figure.get_by_label("step", exact=True)
    wheel.focus()
    page.keyboard.press("End")
    frame(page)
    assert_right(figure, program, 12, entry)
    page.keyboard.press("ArrowLeft")
    frame(page)
    assert_right(figure, program, 11, entry)
    touch(page, wheel, (0.9, 0.5), (0.6, 0.5), (0.5, 0.5))
    assert_right(figure, program, 6, entry)


def test_a_step_says_what_it_did_with_its_numbers(page, show):
    figure, _, _ = opened(show, lambda a, b: 2.0 * (a * b), {"a": 4.0, "b": 3.0})
    assert said(figure) == "Only the inputs are known. Each step forward does one operation."
    told = []
    for _ in range(4):
        press(figure, "step ▸")
        frame(page)
        told.append(said(figure))
    assert told == [
        "Multiply: v0 = a × b = 4 × 3 = 12.",
        "Multiply: v1 = 2 × v0 = 2 × 12 = 24. This is the loss L. The way back starts here, with "
        "∂L/∂L = 1.",
        "Multiply: its cotangent 1 goes to v0 as 1 × 2 = 2.",
        "Multiply: its cotangent 2 goes to a as 2 × 3 = 6 and to b as 2 × 4 = 8. The sweep is "
        "done, and each operation knew only itself.",
    ]


def test_a_fork_says_what_it_adds(page, show):
    figure, _, _ = opened(show, lambda x: x * (1 - x), {"x": 0.2}, at=3)
    assert said(figure) == (
        "Multiply: its cotangent 1 goes to x as 1 × 0.8 = 0.8 and to v0 as 1 × 0.2 = 0.2. "
        "More will come to x."
    )
    node = figure.locator('[aria-description^="x: value 0.2, cotangent 0.8 so far"]')
    assert "∂ 0.8 + …" in node.inner_text()
    press(figure, "step ▸")
    frame(page)
    assert "At x they add up: 0.8 − 0.2 = 0.6." in said(figure)
    figure.locator('[aria-description^="x: value 0.2, cotangent 0.6"]').click()
    frame(page)
    assert figure.locator(".live-panel").get_by_text("0.8 − 0.2 = 0.6").is_visible()
    labels = figure.locator(".live-edges text").all_text_contents()
    assert sorted(filter(None, labels)) == ["0.8", "−0.2"]


def test_arrays_have_their_rule_in_words(page, show):
    figure, _, _ = opened(show, dense, layer(), at=12)
    assert said(figure).startswith(
        "Matmul: its cotangent g = [1, 0.5] goes to W as g [1, 2]ᵀ, shape (2, 2)."
    )
    press(figure, "◂ step")
    frame(page)
    assert said(figure) == (
        "Add: its cotangent g = [1, 0.5] goes to v0 as g = [1, 0.5] and to b as g = [1, 0.5]."
    )
    figure.get_by_label("step", exact=True).fill("8")
    frame(page)
    assert said(figure) == (
        "Sum: its cotangent 0.5 goes to v3 as 0.5, copied to every entry = [0.5, 0.5]."
    )


def test_arrays_add_where_they_fork(page, show):
    figure, _, _ = opened(show, softmax, layer())
    press(figure, "back to the inputs")
    z = figure.locator('[aria-description^="add v1, shape (2,):"]')
    z.click()
    frame(page)
    names = figure.locator(".live-panel table").evaluate_all("ts => ts.map((t) => t.ariaLabel)")
    assert names == ["v1", "∂L/∂v1", "from v8", "from v3", "from v2"]
    tables = figure.locator(".live-panel table").evaluate_all(
        "ts => ts.map((t) => [...t.querySelectorAll('td')].map((c) => Number(c.dataset.value)))"
    )
    np.testing.assert_allclose(np.sum(tables[2:], axis=0), tables[1], rtol=1e-12)
    np.testing.assert_allclose(tables[1], nodes(figure)[1][5], rtol=1e-15)


def test_what_sends_nothing_says_so(page, show):
    figure, program, entry = opened(show, relu, {"w": np.array([0.5, -1.0, 2.0])})
    names = [operation.name for operation in program.operations]
    at = 2 * len(names) - names.index("greater")
    figure.get_by_label("step", exact=True).fill(str(at))
    frame(page)
    assert "sends nothing back" in said(figure)
    assert_right(figure, program, at, entry)


def test_each_path_is_a_product_and_their_sum_is_the_slope(page, show):
    figure, _, _ = opened(show, lambda a, b: np.sin(a * b) + b, {"a": 3.0, "b": 4.0})
    assert figure.locator(".live-paths p").inner_text() == "One path leads from a to the loss."
    figure.locator('[data-entry="b"]').click()
    assert figure.locator("[data-path][data-value]").count() == 0
    press(figure, "back to the inputs")
    frame(page)
    products = {
        path.get_attribute("data-path"): float(path.get_attribute("data-value"))
        for path in figure.locator("[data-path]").all()
    }
    assert set(products) == {"v2", "v0 v1 v2"}
    np.testing.assert_allclose(products["v0 v1 v2"], 3 * np.cos(12.0), rtol=1e-15)
    slope = shown(figure)["quantity"]["slope"]
    np.testing.assert_allclose(sum(products.values()), slope, rtol=1e-15)
    assert figure.locator(".live-paths p").inner_text() == (
        "2 paths: 1 + 2.532 = 3.532, the slope ∂L/∂b"
    )


def lit(figure):
    return set(
        figure.locator(".live-node.live-lit").evaluate_all("ns => ns.map(n => n.dataset.node)")
    )


def test_one_path_can_be_lit_alone(page, show):
    figure, _, _ = opened(show, lambda x: x * (1 - x), {"x": 0.2}, at=4)
    assert lit(figure) == {"0", "2", "3"}
    direct = figure.get_by_role("button", name="x → v1")
    direct.click()
    frame(page)
    assert lit(figure) == {"0", "3"}
    assert direct.get_attribute("aria-pressed") == "true"
    assert figure.locator("path.live-edge.live-lit").count() == 1
    direct.click()
    frame(page)
    assert lit(figure) == {"0", "2", "3"}


def test_an_entry_lights_what_depends_on_it(page, show):
    figure, program, _ = opened(show, lambda a: a[0] * a[1] + np.sin(a[0]), {"a": np.ones(2)})
    names = {str(slot): o.name for slot, o in enumerate(program.operations, 1)}
    for entry, expected in (("a[0]", 5), ("a[1]", 3)):
        figure.locator(f'[data-entry="{entry}"]').click()
        frame(page)
        assert len(lit(figure) - {"0"}) == expected
        assert ("sin" in {names[s] for s in lit(figure) - {"0"}}) == (entry == "a[0]")
        assert f"{expected} of 6 operations depend on {entry}." in figure.inner_text()


def test_more_paths_than_can_be_walked_are_counted(page, show):
    def doubled(x):
        for _ in range(16):
            x = x + x
        return x

    figure, _, _ = opened(show, doubled, {"x": 1.0}, at=32)
    assert "65,536 paths lead from x to the loss." in figure.locator(".live-paths").inner_text()
    assert shown(figure)["quantity"]["slope"] == 65536


def focused(page):
    return page.evaluate("document.activeElement.dataset.node")


@pytest.mark.parametrize(
    ("width", "keys"),
    [
        (1280, ("ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown")),
        (360, ("ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight")),
    ],
)
def test_arrow_keys_follow_the_edges_and_one_tab_leaves(page, show, width, keys):
    page.set_viewport_size({"width": width, "height": 740})
    figure, program, _ = opened(show, dense, layer())
    go, back, side, other = keys
    figure.locator('[data-node="0"]').focus()
    walk = []
    for key in (go, go, go, back, back, "End", "Home"):
        page.keyboard.press(key)
        walk.append(focused(page))
    assert walk[:3] == ["5", "6", "7"]
    assert walk[3] == "6"
    assert walk[4] in ("1", "5")
    assert walk[5:] == [str(program.output), "0"]
    page.keyboard.press(go)
    seen = {focused(page)}
    for key in (side, other, side, other):
        page.keyboard.press(key)
        seen.add(focused(page))
    assert seen == {"1", "5"}
    frame(page)
    assert figure.locator('[data-node][tabindex="0"]').count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.node ?? 'none'") == "none"


def test_a_node_says_its_name_and_numbers(page, show):
    figure, _, _ = opened(show, lambda a, b: 2.0 * (a * b), {"a": 4.0, "b": 3.0}, at=3)
    names = figure.locator("[data-node]").evaluate_all("ns => ns.map((n) => n.ariaDescription)")
    assert names == [
        "a: value 4",
        "b: value 3",
        "multiply v0: value 12, cotangent 2",
        "multiply v1: value 24, cotangent 1",
    ]
    press(figure, "restart")
    frame(page)
    assert figure.locator('[aria-description^="multiply v0: not yet computed"]').is_visible()


def test_an_inputs_node_chooses_it(page, show):
    figure, _, _ = opened(show, dense, layer())
    figure.locator('[data-node="1"]').click()
    frame(page)
    assert figure.get_by_label("exact b[0]").input_value() == "0.3"
    assert figure.locator('[data-entry="b[0]"]').get_attribute("aria-pressed") == "true"


def test_a_step_is_told_once_it_rests(page, show):
    figure, _, _ = opened(show, lambda x: x * (1 - x), {"x": 0.2}, at=2)
    told = figure.locator("[aria-live=polite]")
    assert told.inner_text() == ""
    press(figure, "step ▸")
    press(figure, "step ▸")
    page.wait_for_function("document.querySelector('[aria-live=polite]').textContent")
    assert told.inner_text() == said(figure)
    assert "0.8 − 0.2 = 0.6" in said(figure)


def test_two_views_of_one_in_step_and_two_figures_apart(page, show):
    one, other = ChainRule(dense, **layer()), ChainRule(softmax, **layer())
    figures = show(states(one, other), [one.model_id, other.model_id, one.model_id])
    untouched = shown(figures.nth(1)), nodes(figures.nth(1))
    figures.nth(2).locator('[data-entry="b[1]"]').click()
    press(figures.nth(2), "back to the inputs")
    by_keyboard(page, figures.nth(2))
    frame(page)
    assert shown(figures.nth(0)) == shown(figures.nth(2))
    assert shown(figures.nth(0))["quantity"]["at"] == 12
    assert str(untouched) == str((shown(figures.nth(1)), nodes(figures.nth(1))))
    for i in (0, 2):
        assert_right(figures.nth(i), Program.from_dict(one.program), 12, "b[1]")


def test_left_to_right_where_there_is_room_and_downwards_on_a_phone(page, show):
    def corners():
        boxes = [figure.locator(f'[data-node="{slot}"]').bounding_box() for slot in (0, 5, 10)]
        return np.array([[box["x"], box["y"]] for box in boxes])

    figure, _, _ = opened(show, dense, layer())
    across = np.diff(corners(), axis=0)
    assert (across[:, 0] > 60).all()
    page.set_viewport_size({"width": 360, "height": 740})
    page.wait_for_function("document.querySelector('.live-tall')")
    frame(page)
    down = np.diff(corners(), axis=0)
    assert (down[:, 1] > 60).all()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("width", [360, 1280])
def test_the_controls_stay_in_sight_beside_a_tall_graph_and_cover_nothing_else(page, show, width):
    page.set_viewport_size({"width": width, "height": 740})
    figure, program, _ = opened(show, softmax, layer(), at=22)
    step = figure.get_by_role("button", name="◂ step")
    figure.locator(f'[data-node="{program.output}"]').focus()
    assert 0 < step.bounding_box()["y"] < 300
    for key in ("ArrowUp",) * 6:
        page.keyboard.press(key)
        node, drive = page.locator(":focus").bounding_box(), figure.locator(".live-drive")
        bar = drive.bounding_box()
        assert node["x"] + node["width"] <= bar["x"] or node["y"] >= bar["y"] + bar["height"]
    figure.get_by_label("exact").scroll_into_view_if_needed()
    drive, detail = (figure.locator(f".live-{part}").bounding_box() for part in ("drive", "detail"))
    assert drive["y"] + drive["height"] <= detail["y"]


@pytest.mark.parametrize("width", [360, 1280])
def test_no_two_nodes_overlap_and_text_keeps_inside(page, show, width):
    page.set_viewport_size({"width": width, "height": 740})
    figure, _, _ = opened(show, softmax, layer(), at=22)
    boxes = [node.bounding_box() for node in figure.locator("[data-node]").all()]
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            apart = a["x"] >= b["x"] + b["width"] or b["x"] >= a["x"] + a["width"]
            assert apart or a["y"] >= b["y"] + b["height"] or b["y"] >= a["y"] + a["height"]
    spill = figure.locator("[data-node]").evaluate_all(
        "ns => ns.filter((n) => n.scrollHeight > n.clientHeight + 1).map((n) => n.ariaLabel)"
    )
    assert spill == []


def test_a_graph_too_wide_scrolls_in_its_own_named_box(page, show):
    page.set_viewport_size({"width": 360, "height": 740})
    many = {name: 0.5 for name in "abcdefgh"}

    def f(**xs):
        return sum(np.exp(x) for x in xs.values())

    figure, _, _ = opened(show, f, many)
    box = figure.get_by_role("group", name="Graph of")
    assert box.get_attribute("tabindex") == "0"
    assert box.evaluate("node => node.scrollWidth > node.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    figure.locator('[data-node="7"]').focus()
    assert box.evaluate("node => node.scrollLeft") > 0


def test_a_large_array_shows_a_part(page, show):
    rng = np.random.default_rng(0)
    stack = {"A": rng.normal(size=(3, 40, 30)), "c": rng.normal(size=30), "d": 2.0}
    figure, program, _ = opened(
        show, lambda A, c, d: 0.5 * np.sum(np.matmul(A, c) ** 2) + d, stack, at=0
    )
    press(figure, "back to the inputs")
    frame(page)
    loss, gradient = value_and_grad(program, **stack)
    values, cotangents = nodes(figure)
    np.testing.assert_allclose(values[program.output], loss, rtol=1e-12)
    np.testing.assert_allclose(cotangents[0], np.ravel(gradient["A"]), rtol=1e-11)
    figure.locator('[data-node="0"]').click()
    frame(page)
    assert figure.locator(".live-panel td").count() == 2 * 6 * 6
    assert "the first 6 × 6" in figure.locator(".live-panel").inner_text()
    assert figure.locator("[data-entry]:visible").count() == 16 * 16
    figure.locator('[data-node="2"]').click()
    frame(page)
    assert figure.locator("[data-entry]:visible").get_attribute("data-entry") == "d"


def test_numbers_that_are_none_are_shown_as_such(page, show):
    figure, _, _ = opened(show, lambda x: np.log(x) * x, {"x": 0.5}, at=4)
    figure.get_by_label("exact").fill("-1")
    page.keyboard.press("Enter")
    frame(page)
    assert np.isnan(shown(figure)["quantity"]["loss"])
    assert "undefined" in said(figure)


GRAPHS = {
    "nothing": None,
    "words": "left to right",
    "no places": {"places": [], "bends": [], "words": []},
    "places far off": {"places": [[1e9, 0]] * 11},
    "places of words": {"places": [["0", "1"]] * 11},
    "no numbers": {"places": [[0, None]] * 11},
    "one place for all": {"places": [[0, 0]] * 11},
    "hostile words": {
        "places": 3,
        "words": [["<img src=x onerror=alert(1)>", "{9}{__proto__}", 7]] * 6,
    },
}


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_a_damaged_drawing_leaves_the_numbers_right(page, show, graph):
    widget = ChainRule(dense, **layer())
    models = states(widget)
    models[widget.model_id]["state"]["graph"] = graph
    figure = show(models, [widget.model_id])
    press(figure, "back to the inputs")
    frame(page)
    assert_right(figure, Program.from_dict(widget.program), 12, "W[0, 0]")
    assert figure.locator("img").count() == 0
    boxes = [node.bounding_box() for node in figure.locator("[data-node]").all()]
    assert len({(box["x"], box["y"]) for box in boxes}) == len(boxes)


@pytest.mark.parametrize("at", [None, -1, 13, 2.5, "3", [3], 1e300])
def test_a_position_that_is_none_is_the_start(page, show, at):
    widget = ChainRule(dense, **layer(), at=5)
    models = states(widget)
    models[widget.model_id]["state"]["at"] = at
    figure = show(models, [widget.model_id])
    assert_right(figure, Program.from_dict(widget.program), 0, "W[0, 0]")


def test_a_program_too_long_is_refused_on_the_page(page, show):
    widget = ChainRule(lambda x: np.tanh(x), x=0.5)
    models = states(widget)
    program = copy.deepcopy(models[widget.model_id]["state"]["program"])
    step = program["operations"][0]
    program["operations"] = [step | {"args": [i]} for i in range(60)]
    models[widget.model_id]["state"]["program"] = program | {"output": 60}
    show(models, [widget.model_id], wait=False)
    note = page.locator("[data-damaged] .live-note")
    note.wait_for()
    assert "61 inputs and operations" in note.inner_text()
    assert page.locator(READY).count() == 0


def test_hostile_names_stay_names(page, show):
    names = ["__proto__", "constructor", "toString"]
    arrays = {name: np.array([0.5 + i]) for i, name in enumerate(names)}
    figure, program, _ = opened(show, lambda **xs: sum(np.sum(x**2) for x in xs.values()), arrays)
    press(figure, "back to the inputs")
    for name in names:
        figure.locator(f'[data-entry="{name}[0]"]').click()
        by_keyboard(page, figure)
        frame(page)
        assert_right(figure, program, 2 * len(program.operations), f"{name}[0]")
