"""What every live figure owes its page: fits a phone, cleans up, fails alone, costs little."""

import copy

import numpy as np
import pytest
from operate import (
    READY,
    across,
    assert_a_drag_costs_little,
    frame,
    shown,
    states,
    time_frames,
)

import scalarloss.live
from scalarloss.live import (
    ChainRule,
    ConvolutionGradient,
    Cotangent,
    Descent,
    Drill,
    LossResponse,
    StepSize,
    Training,
)

X, T, FIRST = np.array([1.0, 2.0]), np.array([0.5, 1.2]), np.array([1.0, 0.0])
W, B = np.array([[0.2, 0.5], [0.8, 0.1]]), np.array([0.3, 0.7])


def dense(W, b):
    return 0.5 * np.sum((np.dot(W, X) + b - T) ** 2)


def softmax(W, b):
    z = np.dot(W, X) + b
    top = np.max(z)
    return top + np.log(np.sum(np.exp(z - top))) - np.sum(FIRST * z)


def probabilities(W, b):
    z = np.exp(np.dot(W, X) + b)
    return z / np.sum(z)


def logits(x, W, b):
    return np.reshape(x, (len(x), 64)) @ np.reshape(W, (10, 64)).T + b


FIGURES = {
    "ChainRule": lambda **state: ChainRule(softmax, W=W, b=B, **state),
    "ConvolutionGradient": lambda **state: ConvolutionGradient(
        lambda y: 0.5 * np.sum((y - W) ** 2), x=np.arange(9.0).reshape(3, 3), w=W, seen=2, **state
    ),
    "Cotangent": lambda **state: Cotangent(probabilities, W=W, b=B, **state),
    "Descent": lambda **state: Descent(dense, W=W, b=B, rival=softmax, **state),
    "Drill": lambda **state: Drill(
        lambda W, b: np.sum(np.dot(W, X) * b),
        "W",
        W=W,
        b=B,
        mistakes={"b": lambda W, b: W * b},
        **state,
    ),
    "LossResponse": lambda **state: LossResponse(softmax, W=W, b=B, **state),
    "StepSize": lambda **state: StepSize(softmax, W=W, b=B, **state),
    "Training": lambda **state: Training(logits, batch=20, W=(10, 8, 8), b=(10,), **state),
}
every = pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES)


def neighbour():
    return LossResponse(dense, W=W, b=B)


def test_each_figure_is_tested():
    assert set(FIGURES) == set(scalarloss.live.__all__)


@every
def test_a_phones_width_holds_it_and_fingers_find_it(page, show, make):
    page.set_viewport_size({"width": 360, "height": 740})
    widget = make()
    figure = show(states(widget), [widget.model_id])
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for control in figure.locator("button, input, select, [role=slider], [tabindex='0']").all():
        size = control.bounding_box()
        assert size is None or min(size["width"], size["height"]) >= 24


@every
def test_colours_follow_the_page(page, show, make):
    widget = make()
    ink = "figure => getComputedStyle(figure).color"
    light = show(states(widget), [widget.model_id]).evaluate(ink)
    dark = show(states(widget), [widget.model_id], theme="dark").evaluate(ink)
    page.emulate_media(media="print")
    printed = page.locator("figure.live-figure").evaluate(ink)
    page.emulate_media(media="screen")
    assert light == printed != dark


@every
def test_it_returns_its_clean_up(page, show, make):
    widget = make()
    models = states(widget)
    show(models, [widget.model_id])
    left = page.evaluate(
        """async (state) => {
            const { default: figures } = await import("./figures.js");
            const heard = new Set();
            const model = {
                get: (key) => state[key], set() {}, save_changes() {}, send() {},
                on: (name, f) => heard.add(f), off: (name, f) => heard.delete(f),
            };
            const el = document.createElement("div");
            document.body.append(el);
            const stop = figures.render({ model, el });
            const before = heard.size;
            stop();
            return [before > 0, heard.size, el.childNodes.length];
        }""",
        models[widget.model_id]["state"],
    )
    assert left == [True, 0, 0]


@every
def test_it_has_one_caption_a_name_for_each_control_and_one_quiet_voice(page, show, make):
    widget = make(caption="<img src=x onerror=alert(1)>")
    figure = show(states(widget), [widget.model_id])
    assert figure.locator("figcaption").inner_text() == "<img src=x onerror=alert(1)>"
    assert figure.locator("[aria-live=polite]").count() == 1
    assert figure.locator("output:not([aria-live=off])").count() == 0
    nameless = figure.evaluate(
        """figure => [...figure.querySelectorAll("button, input, select, [tabindex], svg[role]")]
            .filter((node) => !(node.ariaLabel || node.textContent.trim()
                || [...(node.labels ?? [])].some((label) => label.textContent.trim())))
            .map((node) => node.outerHTML)"""
    )
    assert nameless == []


@every
def test_two_stand_apart(page, show, make):
    one, other = make(), make()
    figures = show(states(one, other), [one.model_id, other.model_id])
    untouched = shown(figures.nth(1))
    names = figures.evaluate_all(
        "fs => fs.map((f) => [...f.querySelectorAll('[id]')].map((n) => n.id))"
    )
    assert not set(names[0]) & set(names[1])
    for button in figures.nth(0).locator("button:enabled:not([aria-disabled=true])").all()[:4]:
        button.click()
    frame(page)
    assert shown(figures.nth(1)) == untouched


def damaged(path, value):
    def damage(state):
        *way, last = path
        for key in way:
            state = state[key]
        if value is None:
            del state[last]
        else:
            state[last] = value

    return damage


DAMAGE = {
    "no program": damaged(["program"], None),
    "words for a program": damaged(["program"], "rm -rf"),
    "an unknown operation": damaged(["program", "operations", 0, "op"], "eval"),
    "no arrays": damaged(["params"], None),
    "hostile arrays": damaged(["params"], {"__proto__": {"shape": [1e9], "data": "x"}}),
}


# What a Training has learned follows from its seed: its state holds no arrays.
DAMAGED = [
    pytest.param(make, damage, id=f"{name}, {words}")
    for name, make in FIGURES.items()
    for words, damage in DAMAGE.items()
    if not (name == "Training" and words.endswith("arrays"))
]


@pytest.mark.parametrize(("make", "damage"), DAMAGED)
def test_a_damaged_one_says_so_and_its_neighbour_lives(page, show, make, damage):
    good, bad = neighbour(), make()
    models = states(good, bad)
    damage(models[bad.model_id]["state"])
    show(models, [bad.model_id, good.model_id], wait=False)
    note = page.locator("[data-damaged] .live-note").first
    note.wait_for()
    assert len(note.inner_text()) > 30
    page.locator(READY).wait_for()


@every
def test_traits_of_nonsense_leave_it_alive(page, show, make):
    """Every trait but the function and its arrays may hold anything: the figure falls back."""
    widget = make()
    for nonsense in (None, "fast", -1, {"name": "__proto__", "index": [5]}, [[]]):
        models = copy.deepcopy(states(widget))
        state = models[widget.model_id]["state"]
        for key in set(widget.keys) - set(KEPT):
            state[key] = nonsense
        show(models, [widget.model_id])


KEPT = (
    *("_model_module", "_model_module_version", "_model_name", "_view_count", "_view_module"),
    *("_view_module_version", "_view_name", "_esm", "_css", "_anywidget_id", "_kind", "layout"),
    *(
        "program",
        "rival",
        "tail",
        "mistakes",
        "params",
        "comm",
        "tabbable",
        "tooltip",
        "_dom_classes",
    ),
)


@pytest.mark.parametrize("name", sorted(FIGURES.keys() - {"Training"}))  # see test_training.py
def test_a_frame_costs_little(page, show, name):
    time_frames(page)
    widget = FIGURES[name]()
    figure = show(states(widget), [widget.model_id])
    handle = figure.locator("svg.live-plot, input[type=range]:not([step='1'])")
    if handle.count():
        return assert_a_drag_costs_little(page, across(handle.first))
    for _ in range(60):  # nothing to drag: what its first button does
        figure.get_by_role("button").first.click()
        frame(page)
    spent = page.evaluate("spent")
    assert len(spent) >= 30
    assert np.median(spent) <= 4
