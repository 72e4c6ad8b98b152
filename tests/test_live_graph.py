"""A program as a graph: layers, room, few crossings; and its operations in words that are true."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_rules import STRATEGIES

from scalarloss import trace
from scalarloss.live.graph import crossings, graph_of, in_order, layers_of, monotone
from scalarloss.live.words import words_of
from scalarloss.primitives import PRIMITIVES
from scalarloss.program import Operation, Program
from scalarloss.rules import RULES


def softmax(W, b):
    z = W @ np.array([1.0, 2.0]) + b
    top = np.max(z)
    return top + np.log(np.sum(np.exp(z - top))) - np.sum(np.array([1.0, 0.0]) * z)


def random_graph(seed, inputs=3, operations=20):
    """A program of sums of two random earlier values each."""
    rng = np.random.default_rng(seed)
    pairs = [tuple(int(a) for a in rng.integers(0, inputs + k, 2)) for k in range(operations)]
    steps = [Operation("add", pair, {}, ()) for pair in pairs]
    names = [f"x{i}" for i in range(inputs)]
    return Program(dict.fromkeys(names, ()), [], steps, inputs + operations - 1)


PROGRAMS = {
    "softmax": trace(softmax, W=np.eye(2), b=np.ones(2)),
    "a fork": trace(lambda x: x * (1 - x), x=0.5),
    "a square of itself": trace(lambda x: x * x, x=0.5),
    "an input that is the loss": trace(lambda x: x, x=0.5),
    "an input for nothing": Program({"x": (), "y": ()}, [], [Operation("exp", (0,), {}, ())], 2),
    "a constant": Program({"x": ()}, [np.array(1.0)], [], 1),
    **{f"random {seed}": random_graph(seed) for seed in range(8)},
}
each = pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)


@each
def test_every_operation_stands_behind_what_it_takes(program):
    graph = graph_of(program)
    for a, slot, bends in graph.edges(program):
        layers = [graph.places[a][0], *(layer for layer, _ in bends), graph.places[slot][0]]
        assert layers == list(range(layers[0], layers[-1] + 1))
        assert len(layers) > 1


@each
def test_inputs_operations_and_the_output_have_places_and_constants_none(program):
    constants = range(len(program.inputs), program.first_operation)
    expected = set(range(len(program.shapes))) - set(constants) | {program.output}
    assert set(graph_of(program).places) == expected


@each
def test_no_two_stand_closer_than_one(program):
    graph = graph_of(program)
    for layer in range(graph.size[0]):
        row = sorted(across for at, across in graph.places.values() if at == layer)
        assert np.all(np.diff(row) >= 1 - 1e-3)
        assert all(across >= 0 for across in row)


def test_an_edge_that_passes_a_layer_keeps_clear_of_its_nodes():
    for seed in range(8):
        program = random_graph(seed)
        graph = graph_of(program)
        for _, _, bends in graph.edges(program):
            for layer, across in bends:
                row = [other for at, other in graph.places.values() if at == layer]
                assert min(abs(across - other) for other in row) > 0.7


def test_a_graph_without_need_for_crossings_has_none():
    rows = [[(0, -1), (1, -1), (2, -1)], [(3, -1), (4, -1), (5, -1)], [(6, -1)]]
    ends = [(0, 5), (1, 4), (2, 3), (0, 4), (3, 6), (4, 6), (5, 6)]
    links = [((a, -1), (b, -1)) for a, b in ends]
    assert crossings(rows, links) == 4
    assert crossings(in_order(rows, links), links) == 0


def test_a_chain_is_straight_and_an_input_stands_before_its_first_use():
    program = PROGRAMS["softmax"]
    graph = graph_of(program)
    names = {operation.name: slot for slot, operation in enumerate(program.operations, 4)}
    assert len({graph.places[names[name]][1] for name in ("exp", "log")}) == 1
    layers = layers_of(program)
    users = [layers[slot] for a, slot, _ in graph.edges(program) if a == 1]
    assert layers[1] == min(users) - 1


def test_the_same_program_has_the_same_graph():
    for program in PROGRAMS.values():
        assert graph_of(program) == graph_of(Program.from_dict(program.to_dict()))


def test_sixty_operations_are_laid_out_at_once():
    program = random_graph(3, operations=57)
    start = time.process_time()
    graph_of(program)
    assert time.process_time() - start < 1.0


def test_monotone_is_the_nearest_rising_list():
    np.testing.assert_allclose(monotone([1.0, 2.0, 3.0], [1.0] * 3), [1, 2, 3])
    np.testing.assert_allclose(monotone([3.0, 1.0, 5.0], [1.0] * 3), [2, 2, 5])
    np.testing.assert_allclose(monotone([3.0, 1.0], [3.0, 1.0]), [2.5, 2.5])


# Words.


def test_every_primitive_is_put_into_words():
    assert set(STRATEGIES) == set(PRIMITIVES)


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_words_name_each_argument_and_what_it_is_sent(name, data):
    program = data.draw(STRATEGIES[name]).program()
    operation = next(o for o in program.operations if o.name == name)
    shapes = [program.shapes[a] for a in operation.args]
    words = words_of(operation, shapes)
    assert words.sign
    assert all(f"{{{i}}}" in words.formula for i in range(len(shapes)))
    assert len(words.sends) == len(shapes)
    for i, sends in enumerate(words.sends):
        assert (sends is None) == (RULES[name].vjp(i) is None)
        assert sends is None or "{g}" in sends
        assert "{" not in (sends or "").format(*"abcdefgh", g="g", y="y")


def as_python(text):
    """Words such as −{g} × {y} / {1} as an expression."""
    signs = {"−": "-", "×": "*", "÷": "/", "²": "**2", "^": "**", "cos {0}": "cos(x0)"}
    signs |= {"sin {0}": "sin(x0)", "log {0}": "log(x0)", "sign {0}": "sign(x0)"}
    signs |= {"exp {0}": "exp(x0)", "tanh {0}": "tanh(x0)", "√{0}": "sqrt(x0)", "|{0}|": "abs(x0)"}
    signs |= {"{0}": "x0", "{1}": "x1", "{g}": "g", "{y}": "y"}
    for sign, python in signs.items():
        if " " in sign or "|" in sign or "√" in sign:
            text = text.replace(sign, python)
    for sign, python in signs.items():
        text = text.replace(sign, python)
    return text


TRUE = {name: getattr(math, name) for name in ("sin", "cos", "tanh", "log", "exp", "sqrt")}
TRUE |= {"log1p": math.log1p, "sign": np.sign, "abs": abs}
FORMULAS = [
    *("negative", "exp", "log", "log1p", "expm1", "sqrt", "square", "tanh", "sin", "cos"),
    *("absolute", "reciprocal", "add", "subtract", "multiply", "divide", "power"),
]


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_and_rules_in_words_are_true(name):
    """The words, read as arithmetic, give what the primitive and its rule give."""
    primitive, x, g = PRIMITIVES[name], (0.7, 1.9), 1.3
    xs = [np.array(v) for v in x[: primitive.arity]]
    words = words_of(Operation(name, tuple(range(len(xs))), {}, ()), [()] * len(xs))
    y = primitive.function(*xs)
    known = {"x0": x[0], "x1": x[1], "g": g, "y": float(y), **TRUE}
    assert eval(as_python(words.formula), known) == pytest.approx(float(y), rel=1e-14)
    for i, sends in enumerate(words.sends):
        expected = float(RULES[name].vjp(i)(np.array(g), y, *xs))
        assert eval(as_python(sends), known) == pytest.approx(expected, rel=1e-13)


def test_a_rule_of_a_matrix_product_says_which_side_was_a_vector():
    def sends(a, b):
        shape = (np.ones(a) @ np.ones(b)).shape
        return words_of(Operation("matmul", (0, 1), {}, shape), [a, b]).sends

    assert sends((2, 3), (3,)) == ("{g} {1}ᵀ", "{0}ᵀ {g}")
    assert sends((3,), (3, 2)) == ("{1} {g}", "{0} {g}ᵀ")
    assert sends((3,), (3,)) == ("{g} × {1}", "{g} × {0}")


def test_a_reduction_says_its_axes_and_a_mean_its_count():
    mean = Operation("mean", (0,), {"axis": (1,), "keepdims": False}, (2,))
    words = words_of(mean, [(2, 5)])
    assert (words.sign, words.formula) == ("mean axis 1", "mean {0} over axis 1")
    assert words.sends == ("{g} / 5, copied to every entry",)
    whole = Operation("sum", (0,), {"axis": (0, 1), "keepdims": False}, ())
    assert words_of(whole, [(2, 5)]).formula == "Σ {0}"


def test_what_was_copied_is_added_up():
    added = words_of(Operation("add", (0, 1), {}, (3, 2)), [(3, 2), (2,)])
    assert added.sends == ("{g}", "{g}, its copies added up")


def test_indices_are_written_as_in_python():
    operation = Operation("index", (0,), {"index": (0, None, (1, 4, 2), (3, None, -1))}, (1, 2, 4))
    assert words_of(operation, [(2, 5, 4)]).formula == "{0}[0, new, 1:4:2, 3::-1]"
