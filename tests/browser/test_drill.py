"""Drill in the page: the sheets of Python, the marks of Python, typed by hand and by finger."""

import json
from itertools import islice

import numpy as np
import pytest
from operate import READY, frame, states

from scalarloss.layers import conv2d, cross_entropy, dense, softmax, squared_error
from scalarloss.live import Drill
from scalarloss.live.seeded import uniforms
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
                Number(cell.dataset.value))]))"""
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
            np.testing.assert_array_equal(numbers, widget.params[name].ravel())


@every
def test_a_right_answer_is_right_and_each_wrong_one_is_named_as_python_names_it(page, show, make):
    widget = make(seed=3)
    figure = show(states(widget), [widget.model_id])
    right = widget.gradient[widget.wrt]
    known = widget._known_at(widget.params)
    wrong = [*known.values(), -right, 2 * right, 0 * right, right + 1, right.T, right[::-1]]
    for answer in wrong:
        fill(page, figure, answer)
        widget.answer = answer
        kind = widget.mistake
        assert (f"Looks like: {kind}." in says(figure)) if kind else says(figure) == "All right."
    fill(page, figure, np.round(right, 2))
    assert says(figure) == "All right."
    assert set(marks(figure)) == {"right"}
    assert figure.locator("[data-quantity=streak]").inner_text() == "1"


def test_the_page_names_what_python_names(modules, server):
    """Right ones, near misses, and answers bent in every way that has a name, and pairs of them."""
    rng = np.random.default_rng(5)
    bends = [
        *(lambda a, f=f: f * a for f in (1, -1, 2, -2, 0.5, 3, 1 / 3, 0, 1.125, 1e7)),
        *(lambda a, s=s: a + s for s in (0.0049, 0.0052, 1)),
        lambda a: a.T.reshape(a.shape),
        lambda a: np.flip(a),
        lambda a: a[::-1],
        lambda a: rng.permutation(a),
        lambda a: rng.permutation(a.ravel()).reshape(a.shape),
        lambda a: a * rng.choice([-1, 1], a.shape),
        lambda a: a + (np.arange(a.size).reshape(a.shape) == 1),
        lambda a: np.round(a, 2),
    ]
    cases, kinds = [], []
    for shape in ((2, 2), (3, 3), (2, 3), (1, 3), (3,), (1,)):
        for scale in (5, 0.3, 1e-3, 1e5):
            for whole in (True, False):
                right = scale * rng.normal(size=shape)
                right = np.round(right) if whole and scale == 5 else right
                other = scale * rng.normal(size=shape)
                for bend in [*bends, lambda a, other=other: other]:
                    answer = bends[rng.integers(len(bends))](bend(right))
                    for typed in (bend(right), answer):
                        kinds.append(kind_of_mistake(typed, right, {"the other": other}, [2, 3]))
                        flat = [a.ravel().tolist() for a in (typed, right, other)]
                        cases.append([*flat, shape])
    found = modules.evaluate(
        """async ([server, cases]) => {
            const { kindOfMistake } = await import(`${server}/js/marking.js`);
            const array = (numbers) => Float64Array.from(numbers);
            return cases.map(([typed, right, other, shape]) => kindOfMistake(
                array(typed), array(right), shape, [["the other", array(other)]], [2, 3]));
        }""",
        [server, cases],
    )
    assert found == kinds
    assert len(set(kinds)) > 30


def test_the_page_reads_what_python_reads(modules, server):
    texts = ["1", " -1.5 ", "−2", "+.5", "2e-3", "1/3", "-2 / 4", "3.", "", "1,5", "1/0", "1e999"]
    texts += ["abc", "1/2/3", "--1", "0x10", "Infinity", "1_000", "٣", ".", "1e", "2E+1", "1/-4"]
    found = modules.evaluate(
        """async ([server, texts]) => {
            const { readNumber } = await import(`${server}/js/marking.js`);
            return texts.map(readNumber);
        }""",
        [server, texts],
    )
    assert found == [read_number(text) for text in texts]


def test_the_generator_is_pythons(modules, server):
    seeds = [*range(200), 2**31 - 1, 2**31, 2**32 - 1]
    found = modules.evaluate(
        """async ([server, seeds]) => {
            const { uniforms } = await import(`${server}/js/random.js`);
            return seeds.map((seed) => Array.from({ length: 40 }, uniforms(seed)));
        }""",
        [server, seeds],
    )
    assert found == [list(islice(uniforms(seed), 40)) for seed in seeds]


@every
def test_many_sheets_are_pythons(page, show, make):
    """Where a fair sheet takes several draws, both sides must reject the same ones."""
    widget = make()
    figure = show(states(widget), [widget.model_id])
    for seed in range(2, 60):
        widget.seed = seed
        figure.get_by_role("button", name="New numbers").click()
        frame(page)
        for name, numbers in sheet(figure).items():
            assert numbers == widget.params[name].ravel().tolist(), seed


def test_a_shown_entry_is_tried_out(page, show):
    widget = dense_drill(seed=3)
    figure = show(states(widget), [widget.model_id])
    figure.get_by_role("button", name="Show one entry").click()
    frame(page)
    words = says(figure).replace("−", "-")
    params = {name: array.copy() for name, array in widget.params.items()}
    params["W"][0, 0] += 0.001
    moved = widget._traced(**params) - widget.loss
    assert words.startswith(f"∂L/∂W[0, 0] is {widget.gradient['W'][0, 0]:g}: ")
    assert float(words.split("moves by ")[1].rstrip(".")) == pytest.approx(moved, rel=5e-3)


def test_small_gradients_are_shown_as_they_are_asked_for(page, show):
    widget = Drill(lambda x: np.mean((x / 100) ** 2), "x", x=np.zeros(3))
    figure = show(states(widget), [widget.model_id])
    assert "decimals are enough" in says(figure)
    assert not says(figure).split(". ")[1].startswith("2 ")
    fill(page, figure, np.zeros(3))
    assert says(figure) == "Not yet. Looks like: all zeros."
    figure.get_by_role("button", name="Show all").click()
    frame(page)
    assert set(marks(figure)) == {"right"}


def test_three_in_a_row_are_counted_and_a_skipped_sheet_ends_the_row(page, show):
    widget = dense_drill(seed=1)
    figure = show(states(widget), [widget.model_id])
    score = figure.locator("[data-quantity=streak]")
    for seed in (1, 2, 3):
        widget.seed = seed
        fill(page, figure, widget.gradient["W"])
        assert score.inner_text() == str(seed)
        figure.get_by_role("button", name="New numbers").click()
    frame(page)
    assert score.inner_text() == "3"
    figure.get_by_role("button", name="New numbers").click()
    frame(page)
    assert score.inner_text() == "0"


HOSTILE = {
    "words for mistakes": {"mistakes": {"m": "rm -rf"}},
    "a mistake of another shape": {"mistakes": "of x"},
    "no choices": {"choices": None},
    "choices of nothing": {"choices": {"W": [], "x": "abc", "t": [None, 1]}},
    "choices of no array": {"choices": {"__proto__": [1], "Q": [1, 2]}},
    "a seed of words": {"seed": "<b>"},
    "a seed below": {"seed": -1},
    "typed too little": {"typed": ["1"]},
    "typed numbers": {"typed": [1, 2, 3, 4]},
    "no array of that name": {"wrt": "constructor"},
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_state_says_so_or_is_passed_over(page, show, change):
    widget, good = dense_drill(), softmax_drill()
    models = states(widget, good)
    state = models[widget.model_id]["state"]
    if change == {"mistakes": "of x"}:
        other = Drill(lambda x: np.sum(x**2), "x", x=np.zeros(3), mistakes={"m": lambda x: x})
        change = {"mistakes": states(other)[other.model_id]["state"]["mistakes"]}
    state |= change
    figures = show(models, [widget.model_id, good.model_id], wait=False)
    page.locator(READY).last.wait_for()
    frame(page)
    if "rm -rf" in str(change):
        assert "cannot run" in figures.nth(0).inner_text()
        return
    figures.nth(0).get_by_role("button", name="New numbers").click()
    figures.nth(0).get_by_role("button", name="Show all").click()
    frame(page)
    assert says(figures.nth(0)) == "All there, with help."


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
