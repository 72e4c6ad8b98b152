"""The exercises of "Build the engine": rules, counts and modes of an engine written by hand."""

from collections import namedtuple
from typing import Any

import numpy as np

from scalarloss.derivatives import jvp
from scalarloss.exercises.base import Arguments, Exercise, distinct, normal
from scalarloss.primitives import Array

# 1. A power.


def draw_power(rng: np.random.Generator) -> Arguments:
    (size,) = distinct(rng, 1)
    x, n = normal(rng, size), int(rng.integers(2, 5))
    return {"g": normal(rng, size), "y": x**n, "x": x, "n": n}


check_power_back = Exercise(
    truth=lambda g, y, x, n: g * n * x ** (n - 1),
    draw=draw_power,
    mistakes={
        "the power is not lowered by one": lambda g, y, x, n: g * n * y,
        "the factor n is missing": lambda g, y, x, n: g * x ** (n - 1),
        "the cotangent g is missing": lambda g, y, x, n: n * x ** (n - 1),
        "this is the slope of nˣ, in which x is the exponent": (
            lambda g, y, x, n: g * float(n) ** x * np.log(n)
        ),
    },
)

# 2. A running total.


def draw_total(rng: np.random.Generator) -> Arguments:
    (size,) = distinct(rng, 1, range(4, 8))
    x = normal(rng, size)
    return {"g": normal(rng, size), "y": np.cumsum(x), "x": x}


check_cumsum_back = Exercise(
    truth=lambda g, y, x: np.cumsum(g[::-1])[::-1],
    draw=draw_total,
    mistakes={
        "a running total from the first entry: the last x reaches one y only": (
            lambda g, y, x: np.cumsum(g)
        ),
        "turned round: the last x reaches one y only, its own": lambda g, y, x: np.cumsum(g[::-1]),
        "x[i] reaches y[i] too": lambda g, y, x: np.cumsum(g[::-1])[::-1] - g,
        "every x gets all of g: x[i] reaches only what follows": (
            lambda g, y, x: np.full(x.shape, g.sum())
        ),
        "g is handed back as it came": lambda g, y, x: g,
    },
)

# 3. A slower explosion.


def visits(k: int) -> int:
    before, here = 1, 1
    for _ in range(k - 1):
        before, here = here, 1 + here + before
    return here


check_tree_visits = Exercise(
    truth=visits,
    draw=lambda rng: {"k": int(rng.integers(4, 30))},
    mistakes={
        "the paths to u₀ and u₁ are counted, and not the values passed on the way": (
            lambda k: (visits(k) + 1) // 2
        ),
        "the value itself is left out of its visits": lambda k: visits(k) - 1,
        "this counts doublings, u + u": lambda k: 2 ** (k + 1) - 1,
        "this counts the lines of the list": lambda k: k + 1,
    },
)

# 4. The other mode.

Line = namedtuple("Line", "name args params")


def draw_program(rng: np.random.Generator) -> Arguments:
    """A network of two layers whose hidden one is used twice, as lines, and a tangent."""
    m, n, k = distinct(rng, 3)
    shapes = {"x": (m, n), "W": (n, k), "b": (k,)}
    inputs = [Line("input", (), {"name": name}) for name in shapes]
    program = [
        *inputs,
        Line("matmul", (0, 1), {}),
        Line("add", (3, 2), {}),
        Line("tanh", (4,), {}),
        Line("constant", (), {"value": normal(rng, m, k)}),
        Line("subtract", (5, 6), {}),
        Line("multiply", (7, 5), {}),
        Line("sum", (8,), {"axis": 0}),
    ]
    arrays = {name: normal(rng, *shape) for name, shape in shapes.items()}
    tangents = {name: normal(rng, *shape) for name, shape in shapes.items()}
    return {"program": program, "arrays": arrays, "tangents": tangents}


def network(program: Any) -> Any:
    t = program[6].params["value"]

    def f(x: Array, W: Array, b: Array) -> Array:
        h = np.tanh(x @ W + b)
        y: Array = np.sum((h - t) * h, axis=0)
        return y

    return f


def moved(program: Any, arrays: Any, tangents: Any) -> Array:
    return jvp(network(program), tangents, **arrays)[1]


check_forward_mode = Exercise(
    truth=moved,
    draw=draw_program,
    mistakes={
        "this is the value, and not how it moves": (
            lambda program, arrays, tangents: network(program)(**arrays)
        ),
        "the tangent of W is lost": (
            lambda program, arrays, tangents: moved(
                program, arrays, {**tangents, "W": 0 * tangents["W"]}
            )
        ),
        "the tangent of b is lost": (
            lambda program, arrays, tangents: moved(
                program, arrays, {**tangents, "b": 0 * tangents["b"]}
            )
        ),
        "all entries move by 1, whatever the tangents are": (
            lambda program, arrays, tangents: moved(
                program, arrays, {name: np.ones_like(t) for name, t in tangents.items()}
            )
        ),
    },
)

# 5. Curvature without a matrix.


def draw_curvature(rng: np.random.Generator) -> Arguments:
    m, n = distinct(rng, 2)
    return {"A": normal(rng, m, n), "w": normal(rng, n), "v": normal(rng, n)}


def curvature(A: Array, w: Array, v: Array) -> Array:
    y = np.tanh(A @ w)
    product: Array = A.T @ ((1 - y**2) * (2 - 6 * y**2) * (A @ v))
    return product


check_curvature = Exercise(
    truth=curvature,
    draw=draw_curvature,
    mistakes={
        "this is the gradient, and v is not used": (
            lambda A, w, v: A.T @ (2 * np.tanh(A @ w) * (1 - np.tanh(A @ w) ** 2))
        ),
        "the slope of 1 − tanh² is missing": (
            lambda A, w, v: A.T @ (2 * (1 - np.tanh(A @ w) ** 2) ** 2 * (A @ v))
        ),
        "H is multiplied by w, and not by v": lambda A, w, v: curvature(A, w, w),
    },
)
