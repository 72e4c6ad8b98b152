"""Every rule against central differences with random cotangents and tangents, and as an adjoint."""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from scalarloss import Program, jacobian, jvp, vjp
from scalarloss.primitives import COMPARISONS, PRIMITIVES
from scalarloss.program import Operation
from scalarloss.rules import RULES, Rule


@dataclass(frozen=True)
class Case:
    """One primitive on arrays of given shapes, with parameters and a seed for the numbers."""

    name: str
    shapes: tuple[tuple[int, ...], ...]
    params: dict[str, Any]
    seed: int

    def arrays(self) -> dict[str, np.ndarray]:
        """Distinct numbers in [-2, 2], then moved to where the primitive is smooth."""
        rng = np.random.default_rng(self.seed)
        found = {}
        for i, shape in enumerate(self.shapes):
            size = max(1, math.prod(shape))
            spread = (rng.permutation(size) + 0.5) / size * 4 - 2 + 0.0137 * (i + 1)
            found[f"x{i}"] = DOMAINS.get((self.name, i), lambda x: x)(spread.reshape(shape))
        return found

    def program(self) -> Program:
        xs = list(self.arrays().values())
        shape = np.shape(PRIMITIVES[self.name].function(*xs, **self.params))
        operation = Operation(self.name, tuple(range(len(xs))), self.params, shape)
        return Program(dict(zip(self.arrays(), self.shapes, strict=True)), [], [operation], len(xs))


def positive(x):
    return np.abs(x) + 0.5


def away_from_zero(x):
    return np.where(x < 0, x - 0.5, x + 0.5)


DOMAINS = {
    ("log", 0): positive,
    ("sqrt", 0): positive,
    ("log1p", 0): positive,
    ("reciprocal", 0): away_from_zero,
    ("divide", 1): away_from_zero,
    ("power", 0): positive,
    ("where", 0): lambda x: (x > 0).astype(float),
}

seeds = st.integers(0, 2**32 - 1)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=3)
solid = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3)


@st.composite
def broadcasting(draw, name):
    count = PRIMITIVES[name].arity
    found = draw(hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, max_side=3))
    return Case(name, found.input_shapes, {}, draw(seeds))


@st.composite
def reductions(draw, name):
    shape = draw(shapes)
    axes = draw(st.sets(st.sampled_from(range(len(shape))))) if shape else set()
    params = {"axis": tuple(sorted(axes)), "keepdims": draw(st.booleans())}
    return Case(name, (shape,), params, draw(seeds))


@st.composite
def cumsums(draw):
    shape = draw(solid)
    axis = draw(st.sampled_from(range(len(shape))))
    return Case("cumsum", (shape,), {"axis": axis}, draw(seeds))


@st.composite
def matmuls(draw):
    found = draw(
        hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, max_side=3)
    )
    return Case("matmul", found.input_shapes, {}, draw(seeds))


@st.composite
def einsums(draw):
    sizes = dict(zip("ijkl", draw(st.tuples(*[st.integers(1, 3)] * 4)), strict=True))
    terms = draw(st.lists(st.lists(st.sampled_from("ijkl"), unique=True), min_size=1, max_size=3))
    seen = sorted({k for term in terms for k in term})
    result = draw(st.lists(st.sampled_from(seen), unique=True)) if seen else []
    subscripts = ",".join("".join(t) for t in terms) + "->" + "".join(result)
    dims = tuple(tuple(sizes[k] for k in term) for term in terms)
    return Case("einsum", dims, {"subscripts": subscripts}, draw(seeds))


@st.composite
def transposes(draw):
    shape = draw(shapes)
    axes = tuple(draw(st.permutations(range(len(shape)))))
    return Case("transpose", (shape,), {"axes": axes}, draw(seeds))


@st.composite
def reshapes(draw):
    shape = draw(solid)
    wanted = draw(st.sampled_from([(math.prod(shape),), shape[::-1], (1, *shape), (*shape, 1)]))
    return Case("reshape", (shape,), {"shape": wanted}, draw(seeds))


@st.composite
def broadcasts(draw):
    found = draw(hnp.mutually_broadcastable_shapes(num_shapes=1, max_dims=3, max_side=3))
    wide = draw(st.tuples(st.integers(1, 3))) + found.result_shape
    return Case("broadcast_to", found.input_shapes, {"shape": wide}, draw(seeds))


@st.composite
def indices(draw):
    shape = draw(solid)
    index: list[Any] = []
    for size in shape[: draw(st.integers(0, len(shape)))]:
        if draw(st.booleans()):
            index.append(None)
        if draw(st.booleans()):
            index.append(draw(st.integers(0, size - 1)))
        else:
            start, stop, step = draw(st.slices(size)).indices(size)
            start = min(start, size - 1) if start >= 0 else 0
            index.append((start, None if stop < 0 else stop, step))
    return Case("index", (shape,), {"index": tuple(index)}, draw(seeds))


@st.composite
def takes(draw):
    shape, wanted = draw(solid), draw(shapes)
    rng = np.random.default_rng(draw(seeds))
    places = np.asarray(rng.integers(0, math.prod(shape), size=wanted), dtype=np.intp)
    return Case("take", (shape,), {"indices": places}, draw(seeds))


@st.composite
def joins(draw, name):
    shape, count = draw(solid), draw(st.integers(1, 3))
    axis = draw(st.integers(0, len(shape) - (name == "concatenate")))
    parts = [shape] * count
    if name == "concatenate":
        widths = draw(st.tuples(*[st.integers(1, 3)] * count))
        parts = [(*shape[:axis], width, *shape[axis + 1 :]) for width in widths]
    return Case(name, tuple(parts), {"axis": axis}, draw(seeds))


@st.composite
def pads(draw):
    shape = draw(shapes)
    widths = tuple(draw(st.tuples(st.integers(0, 2), st.integers(0, 2))) for _ in shape)
    return Case("pad", (shape,), {"widths": widths, "value": 1.5}, draw(seeds))


@st.composite
def windows(draw):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    axis = tuple(sorted(draw(st.sets(st.sampled_from(range(len(shape))), min_size=1))))
    window = tuple(draw(st.integers(1, shape[a])) for a in axis)
    params = {"window": window, "axis": axis}
    return Case("sliding_window_view", (shape,), params, draw(seeds))


STRATEGIES = {
    **{name: reductions(name) for name in ("sum", "mean", "max", "min")},
    "cumsum": cumsums(),
    "matmul": matmuls(),
    "einsum": einsums(),
    "transpose": transposes(),
    "reshape": reshapes(),
    "broadcast_to": broadcasts(),
    "index": indices(),
    "take": takes(),
    "concatenate": joins("concatenate"),
    "stack": joins("stack"),
    "pad": pads(),
    "sliding_window_view": windows(),
}
STRATEGIES |= {name: broadcasting(name) for name in PRIMITIVES if name not in STRATEGIES}
FLAT = {*COMPARISONS, "sign"}
SMOOTH = sorted(set(PRIMITIVES) - FLAT)


def nudged(program, arrays, directions, step=1e-5):
    """The central difference of the program's output along `directions`, of the output's shape."""
    ahead = program(**{name: x + step * directions[name] for name, x in arrays.items()})
    behind = program(**{name: x - step * directions[name] for name, x in arrays.items()})
    return (np.asarray(ahead) - behind) / (2 * step)


def assert_near(found, expected, scale, tolerance, what):
    error = np.max(np.abs(np.subtract(found, expected)), initial=0.0)
    assert error <= tolerance * scale, f"{what}: off by {error:.3g} on a scale of {scale:.3g}"


def check_rule(case):
    """Compare a rule's vjp and jvp with central differences, and with each other."""
    program, arrays = case.program(), case.arrays()
    rng = np.random.default_rng(case.seed + 1)
    chosen = {name: rng.normal(size=x.shape) for name, x in arrays.items()}
    if case.name == "where":
        chosen["x0"] = np.zeros(case.shapes[0])  # a condition is not nudged
    y, pullback = vjp(program, **arrays)
    g = rng.normal(size=np.shape(y))
    back = pullback(g)
    for name, x in arrays.items():
        expected = np.zeros(x.shape)
        for place in itertools.product(*map(range, x.shape)):
            one = {n: np.zeros(a.shape) for n, a in arrays.items()}
            one[name][place] = float((case.name, name) != ("where", "x0"))
            expected[place] = np.sum(g * nudged(program, arrays, one))
        scale = np.max(np.abs(expected), initial=0.0) + 1e-3 * np.sum(np.abs(g))
        assert back[name].shape == x.shape
        assert_near(back[name], expected, scale, 1e-6, f"vjp of {case.name} by {name}")
    y_again, forward = jvp(program, chosen, **arrays)
    expected = nudged(program, arrays, chosen)
    scale = np.max(np.abs(expected), initial=0.0) + 1e-3
    assert np.array_equal(y_again, y)
    assert_near(forward, expected, scale, 1e-6, f"jvp of {case.name}")
    left = np.sum(g * forward)
    right = sum(np.sum(back[name] * chosen[name]) for name in arrays)
    scale = sum(np.sum(np.abs(back[name] * chosen[name])) for name in arrays) + 1e-3
    scale += np.sum(np.abs(g * forward))
    assert_near(left, right, scale, 1e-13, f"adjoint identity of {case.name}")


def test_every_primitive_has_a_rule_and_no_rule_lacks_a_primitive():
    assert RULES.keys() == PRIMITIVES.keys()


@pytest.mark.parametrize("name", SMOOTH)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_rule(name, data):
    check_rule(data.draw(STRATEGIES[name]))


@pytest.mark.parametrize("name", SMOOTH)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_all_rows_of_a_jacobian_move_back_together(name, data):
    case = data.draw(STRATEGIES[name])
    program, arrays = case.program(), case.arrays()
    y, pullback = vjp(program, **arrays)
    rows = jacobian(program, **arrays)
    for place in np.ndindex(np.shape(y)):
        one = np.zeros(np.shape(y))
        one[place] = 1.0
        for array_name, row in pullback(one).items():
            np.testing.assert_allclose(rows[array_name][place], row, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", sorted(FLAT))
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_nothing_flows_through_a_step_function(name, data):
    case = data.draw(STRATEGIES[name])
    y, pullback = vjp(case.program(), **case.arrays())
    assert not any(g.any() for g in pullback(np.ones(np.shape(y))).values())
    assert not np.any(jvp(case.program(), case.arrays(), **case.arrays())[1])


@pytest.mark.parametrize("side", ["vjp", "jvp"])
@pytest.mark.parametrize("name", SMOOTH)
def test_a_rule_wrong_by_a_thousandth_is_refused(name, side, monkeypatch):
    right = RULES[name]

    def scaled(i):
        rule = getattr(right, side)(i)
        return rule and (lambda *xs, **params: 1.001 * rule(*xs, **params))

    wrong = Rule(scaled, right.jvp) if side == "vjp" else Rule(right.vjp, scaled)
    monkeypatch.setitem(RULES, name, wrong)
    dims = {"matmul": ((2, 3), (3, 2)), "einsum": ((2, 3), (3, 2))}
    shapes = dims.get(name, ((2, 3),) * (PRIMITIVES[name].arity or 2))
    case = Case(name, shapes, WHOLE.get(name, {}), 7)
    with pytest.raises(AssertionError, match=f"{side} of {name}"):
        check_rule(case)


WHOLE: dict[str, dict[str, Any]] = {
    **{key: {"axis": (0, 1), "keepdims": False} for key in ("sum", "mean", "max", "min")},
    **{key: {"axis": 1} for key in ("cumsum", "concatenate", "stack")},
    "einsum": {"subscripts": "ij,jk->ki"},
    "transpose": {"axes": (1, 0)},
    "reshape": {"shape": (6,)},
    "broadcast_to": {"shape": (2, 2, 3)},
    "index": {"index": ((0, 2, 1), None, 1)},
    "take": {"indices": np.array([0, 5, 5], dtype=np.intp)},
    "pad": {"widths": ((1, 0), (0, 2)), "value": 0.0},
    "sliding_window_view": {"window": (2, 2), "axis": (0, 1)},
}


@pytest.mark.parametrize(
    ("name", "xs", "expected"),
    [
        ("maximum", ([1.0], [1.0]), ([0.5], [0.5])),
        ("minimum", ([1.0], [1.0]), ([0.5], [0.5])),
        ("absolute", ([0.0],), ([0.0],)),
        ("power", ([0.0, 0.0, -2.0], [0.0, 2.0, 3.0]), ([0.0, 0.0, 12.0], None)),
    ],
)
def test_conventions_at_kinks(name, xs, expected):
    arrays = {f"x{i}": np.array(x) for i, x in enumerate(xs)}
    shape = arrays["x0"].shape
    operation = Operation(name, tuple(range(len(xs))), {}, shape)
    program = Program({n: x.shape for n, x in arrays.items()}, [], [operation], len(xs))
    wrt = [n for n, e in zip(arrays, expected, strict=True) if e is not None]
    _, pullback = vjp(program, *wrt, **arrays)
    found = pullback(np.ones(shape))
    for n, e in zip(arrays, expected, strict=True):
        if e is not None:
            np.testing.assert_array_equal(found[n], e)


def test_ties_share_the_cotangent_of_a_maximum():
    program = Case("max", ((4,),), {"axis": (0,), "keepdims": False}, 0).program()
    _, pullback = vjp(program, x0=np.array([3.0, 1.0, 3.0, 3.0]))
    np.testing.assert_allclose(pullback(1.0)["x0"], [1 / 3, 0, 1 / 3, 1 / 3])


def test_a_maximum_that_is_nan_has_a_nan_gradient_and_ties_elsewhere_still_share():
    program = Case("max", ((2, 2),), {"axis": (1,), "keepdims": False}, 0).program()
    _, pullback = vjp(program, x0=np.array([[1.0, 1.0], [np.nan, 2.0]]))
    np.testing.assert_array_equal(pullback(np.ones(2))["x0"], [[0.5, 0.5], [np.nan, np.nan]])
