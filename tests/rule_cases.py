"""What the rule tests put on trial: random cases of each primitive, and what must hold of them.

The package's rules and those of the chapter "Build the engine" stand the same trial.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np

from scalarloss import Program, jvp, vjp
from scalarloss.primitives import COMPARISONS, PRIMITIVES
from scalarloss.program import Operation


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


@dataclass(frozen=True)
class Engine:
    """What is on trial: how it writes a case as a program, runs it and differentiates it."""

    program: Callable[[Case], Any]
    run: Callable[..., Any]  # run(program, arrays): the output
    vjp: Callable[..., Any]  # vjp(program, **arrays): the output and the pullback
    jvp: Callable[..., Any]  # jvp(program, arrays, tangents): the output's tangent


PACKAGE = Engine(
    program=Case.program,
    run=lambda program, arrays: program(**arrays),
    vjp=vjp,
    jvp=lambda program, arrays, tangents: jvp(program, tangents, **arrays)[1],
)


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


def nudged(engine, program, arrays, directions, step=1e-5):
    """The central difference of the program's output along `directions`, of the output's shape."""
    ahead, behind = (
        engine.run(program, {name: x + way * directions[name] for name, x in arrays.items()})
        for way in (step, -step)
    )
    return (np.asarray(ahead) - behind) / (2 * step)


def assert_near(found, expected, scale, tolerance, what):
    error = np.max(np.abs(np.subtract(found, expected)), initial=0.0)
    assert error <= tolerance * scale, f"{what}: off by {error:.3g} on a scale of {scale:.3g}"


def check_rule(case, engine=PACKAGE):
    """Compare a rule's vjp and jvp with central differences, and with each other."""
    program, arrays = engine.program(case), case.arrays()
    rng = np.random.default_rng(case.seed + 1)
    chosen = {name: rng.normal(size=x.shape) for name, x in arrays.items()}
    if case.name == "where":
        chosen["x0"] = np.zeros(case.shapes[0])  # a condition is not nudged
    y, pullback = engine.vjp(program, **arrays)
    g = rng.normal(size=np.shape(y))
    back = pullback(g)
    for name, x in arrays.items():
        expected = np.zeros(x.shape)
        for place in itertools.product(*map(range, x.shape)):
            one = {n: np.zeros(a.shape) for n, a in arrays.items()}
            one[name][place] = float((case.name, name) != ("where", "x0"))
            expected[place] = np.sum(g * nudged(engine, program, arrays, one))
        scale = np.max(np.abs(expected), initial=0.0) + 1e-3 * np.sum(np.abs(g))
        assert back[name].shape == x.shape
        assert_near(back[name], expected, scale, 1e-6, f"vjp of {case.name} by {name}")
    forward = engine.jvp(program, arrays, chosen)
    expected = nudged(engine, program, arrays, chosen)
    scale = np.max(np.abs(expected), initial=0.0) + 1e-3
    assert np.array_equal(engine.run(program, arrays), y)
    assert_near(forward, expected, scale, 1e-6, f"jvp of {case.name}")
    left = np.sum(g * forward)
    right = sum(np.sum(back[name] * chosen[name]) for name in arrays)
    scale = sum(np.sum(np.abs(back[name] * chosen[name])) for name in arrays) + 1e-3
    scale += np.sum(np.abs(g * forward))
    assert_near(left, right, scale, 1e-13, f"adjoint identity of {case.name}")


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


def plain_case(name):
    """A case of one primitive that needs no drawing."""
    dims = {"matmul": ((2, 3), (3, 2)), "einsum": ((2, 3), (3, 2))}
    shapes = dims.get(name, ((2, 3),) * (PRIMITIVES[name].arity or 2))
    return Case(name, shapes, WHOLE.get(name, {}), 7)
