"""The engine that chapter 11 builds in its cells: on trial as the package's is, and beside it."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from rule_cases import SMOOTH, STRATEGIES, Engine, check_rule, plain_case

import scalarloss

BOOK = Path(__file__).parents[1] / "book"
CHAPTER = BOOK / "11_build_the_engine.ipynb"
BELOW = BOOK / "send_the_list_elsewhere.ipynb"


def sources(path):
    """A page's code cells, but for those that raise and those that only glue."""
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        tags = set(cell["metadata"].get("tags", []))
        if cell["cell_type"] == "code" and not tags & {"raises-exception", "remove-cell"}:
            yield "".join(cell["source"])


def read(path):
    """Run a page's cells, without the figure, and return the names that they define."""
    names = {}
    with redirect_stdout(io.StringIO()):
        for source in sources(path):
            if not source.startswith("ChainRule("):
                exec(compile(source, path.name, "exec"), names)
    return SimpleNamespace(**names)


chapter = read(CHAPTER)


def lines_of(case):
    """A case as the chapter's engine writes it."""
    inputs = [chapter.Line("input", (), {"name": name}) for name in case.arrays()]
    return [*inputs, chapter.Line(case.name, tuple(range(len(inputs))), case.params)]


ENGINE = Engine(
    program=lines_of,
    run=lambda program, arrays: chapter.run(program, arrays)[-1],
    vjp=chapter.vjp,
    jvp=chapter.jvp,
)
TAUGHT = sorted(set(chapter.PRIMITIVES) & set(SMOOTH) - {"power"})  # whose exponent stands still


def test_the_chapter_has_a_rule_for_each_of_its_primitives_and_all_are_tried():
    rules = chapter.SLOPES.keys() | chapter.TRANSPOSES.keys()
    assert rules == chapter.PRIMITIVES.keys() - {"constant"}
    assert rules == {*TAUGHT, "sign", "power"}
    assert len(TAUGHT) >= 14


@pytest.mark.parametrize("name", TAUGHT)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_rule_of_the_chapter(name, data):
    check_rule(data.draw(STRATEGIES[name]), ENGINE)


@pytest.mark.parametrize("name", TAUGHT)
def test_a_rule_of_the_chapter_wrong_by_a_thousandth_is_refused(name, monkeypatch):
    table = chapter.SLOPES if name in chapter.SLOPES else chapter.TRANSPOSES
    wrong = [lambda *xs, rule=rule, **params: 1.001 * rule(*xs, **params) for rule in table[name]]
    monkeypatch.setitem(table, name, wrong)
    with pytest.raises(AssertionError, match=f"vjp of {name}"):
        check_rule(plain_case(name), ENGINE)


def test_nothing_flows_through_a_sign():
    _, pullback = chapter.vjp(lambda x: np.sign(x), x=np.array([-2.0, 0.5]))
    np.testing.assert_array_equal(pullback(np.ones(2))["x"], 0)


# Beside the package's engine.


def attention(Q, K, V):
    scores = Q @ K.T / np.sqrt(3.0)
    p = np.exp(scores) / np.sum(np.exp(scores), axis=1, keepdims=True)
    return np.sum(np.square(p @ V))


def recurrent(W, U, h):
    for x in (0.3, -0.7, 1.1, 0.2):
        h = np.tanh(h @ W + x * U)
    return np.sum(h * h)


def shared_bias(W, b):
    z = np.maximum(W @ np.transpose(W) + b, b)
    return np.sum(np.log(1 + np.exp(z - b)), axis=(0, 1))


SHAPES = {
    attention: {"Q": (4, 3), "K": (5, 3), "V": (5, 2)},
    recurrent: {"W": (6, 6), "U": (6,), "h": (2, 6)},
    shared_bias: {"W": (4, 3), "b": (4, 1)},
}


@pytest.mark.parametrize("f", SHAPES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("seed", range(8))
def test_both_engines_give_the_same_gradient_to_the_last_bit(f, seed):
    rng = np.random.default_rng(seed)
    arrays = {name: rng.normal(size=shape) for name, shape in SHAPES[f].items()}
    mine, theirs = chapter.grad(f, **arrays), scalarloss.grad(f, **arrays)
    assert mine.keys() == theirs.keys()
    for name in arrays:
        np.testing.assert_array_equal(mine[name], theirs[name])


@pytest.mark.parametrize("f", SHAPES, ids=lambda f: f.__name__)
def test_the_traced_sweep_of_the_traced_sweep_is_the_second_derivative(f):
    rng = np.random.default_rng(1)
    arrays = {name: rng.normal(size=shape) for name, shape in SHAPES[f].items()}
    first, *_ = arrays
    program = chapter.trace(f, **arrays)
    slope = chapter.trace(lambda **xs: chapter.grad(program, **xs)[first], **arrays)
    scalarloss.check.check_vjp(
        lambda **xs: scalarloss.grad(f, **xs)[first],
        lambda g, **xs: chapter.vjp(slope, **xs)[1](g),
        arrays,
    )


def test_the_guard_speaks_of_the_three_ways_on():
    with pytest.raises(TypeError, match=r"shape \(2,\).*reduce.*cotangent.*Jacobian"):
        chapter.grad(lambda x: 2 * x, x=np.ones(2))


def test_what_cannot_be_noted_is_refused():
    def in_place(x):
        x += 1
        return np.sum(x)

    for f in (in_place, lambda x: np.add.reduce(x), lambda x: np.cumsum(x)):
        with pytest.raises(TypeError, match=r"too clever|no rule"):
            chapter.grad(f, x=np.ones(2))


def test_a_published_program_is_the_package_s():
    arrays = {name: np.full(shape, 0.3) for name, shape in SHAPES[shared_bias].items()}
    program = read(BELOW).publish(chapter.trace(shared_bias, **arrays), arrays)
    again = scalarloss.Program.from_json(program.to_json())
    assert again(**arrays) == shared_bias(**arrays)
