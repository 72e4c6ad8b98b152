"""The exercises of "Build the engine": rules, counts and modes of an engine written by hand."""

import tracemalloc
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, distinct, normal
from scalarloss.primitives import Array

# 1. A power.


def draw_power(rng: np.random.Generator) -> Arguments:
    """Numbers of which one is 0, where no rule may divide."""
    (size,) = distinct(rng, 1, range(3, 7))
    x, k = normal(rng, size), int(rng.integers(2, 5))
    x[rng.integers(size)] = 0
    return {"g": normal(rng, size), "y": x**k, "x": x, "k": k}


check_power_back = Exercise(
    truth=lambda g, y, x, k: g * k * x ** (k - 1),
    draw=draw_power,
    mistakes={
        "y / x is 0 / 0 where x is 0": lambda g, y, x, k: g * k * y / x,
        "the power is not lowered by one": lambda g, y, x, k: g * k * y,
        "the factor k is missing": lambda g, y, x, k: g * x ** (k - 1),
        "the factor is k, and not k - 1": lambda g, y, x, k: g * (k - 1) * x ** (k - 1),
        "the cotangent g is missing": lambda g, y, x, k: k * x ** (k - 1),
        "this is the slope of kˣ, in which x is the exponent": (
            lambda g, y, x, k: g * float(k) ** x * np.log(k)
        ),
        "an exponential's slope: this one is no multiple of y": lambda g, y, x, k: g * y,
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
        "the differences of g: they undo a running total, and do not send it back": (
            lambda g, y, x: np.diff(g, prepend=0)
        ),
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
    draw=lambda rng: {"k": int(rng.integers(17))},
    cases=6,
    mistakes={
        "the paths to x₀ and x₁ are counted, and not the values passed on the way": (
            lambda k: (visits(k) + 1) // 2
        ),
        "the value itself is left out of its visits": lambda k: visits(k) - 1,
        "this counts doublings, u + u": lambda k: 2 ** (k + 1) - 1,
        "this counts the lines of the list": lambda k: k + 1,
        "this is for the value before": lambda k: visits(k - 1),
        "this is for the value after": lambda k: visits(k + 1),
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
        Line("subtract", (6, 5), {}),
        Line("multiply", (7, 5), {}),
        Line("exp", (2,), {}),
        Line("divide", (8, 9), {}),
        Line("sum", (10,), {"axis": 0}),
    ]
    arrays = {name: normal(rng, *shape) for name, shape in shapes.items()}
    tangents = {name: normal(rng, *shape) for name, shape in shapes.items()}
    return {"program": program, "arrays": arrays, "tangents": tangents}


def network(program: Any) -> Any:
    t = program[6].params["value"]

    def f(x: Array, W: Array, b: Array) -> Array:
        h = np.tanh(x @ W + b)
        y: Array = np.sum((t - h) * h / np.exp(b), axis=0)
        return y

    return f


PARTIAL: dict[str, Callable[..., list[Array]]] = {  # what each argument's tangent contributes
    "matmul": lambda dx, x, y: [dx[0] @ x[1], x[0] @ dx[1]],
    "add": lambda dx, x, y: [dx[0] + 0 * dx[1], 0 * dx[0] + dx[1]],
    "subtract": lambda dx, x, y: [dx[0], -dx[1]],
    "multiply": lambda dx, x, y: [dx[0] * x[1], x[0] * dx[1]],
    "divide": lambda dx, x, y: [dx[0] / x[1], -y * dx[1] / x[1]],
    "tanh": lambda dx, x, y: [dx[0] * (1 - y * y)],
    "exp": lambda dx, x, y: [dx[0] * y],
    "sum": lambda dx, x, y: [dx[0].sum(axis=0)],
}


def sweep(
    program: Any,
    arrays: Any,
    tangents: Any,
    combine: Callable[..., Any] = lambda name, parts: sum(parts),
) -> Any:
    """Forward mode over the program of `draw_program`, what the arguments contribute combined."""
    functions: dict[str, Callable[..., Any]] = {"sum": lambda x: x.sum(axis=0)}
    values: list[Any] = []
    moving: list[Any] = []
    for name, args, params in program:
        if name == "input":
            values.append(arrays[params["name"]])
            moving.append(tangents[params["name"]])
        elif name == "constant":
            values.append(params["value"])
            moving.append(np.zeros_like(params["value"]))
        else:
            x, dx = [values[a] for a in args], [moving[a] for a in args]
            values.append(functions.get(name, getattr(np, name))(*x))
            moving.append(combine(name, PARTIAL[name](dx, x, values[-1])))
    return moving[-1]


def unsigned(name: str, parts: list[Any]) -> Any:
    return parts[0] - parts[1] if name == "subtract" else sum(parts)


check_forward_mode = Exercise(
    truth=sweep,
    draw=draw_program,
    cases=3,
    mistakes={
        "this is the value, and not how it moves": (
            lambda program, arrays, tangents: network(program)(**arrays)
        ),
        "the tangent of W is lost": (
            lambda program, arrays, tangents: sweep(
                program, arrays, {**tangents, "W": 0 * tangents["W"]}
            )
        ),
        "the tangent of b is lost": (
            lambda program, arrays, tangents: sweep(
                program, arrays, {**tangents, "b": 0 * tangents["b"]}
            )
        ),
        "all entries move by 1, whatever the tangents are": (
            lambda program, arrays, tangents: sweep(
                program, arrays, {name: np.ones_like(t) for name, t in tangents.items()}
            )
        ),
        "the last argument's part is kept, and the others' overwritten: add them up": (
            lambda program, arrays, tangents: sweep(
                program, arrays, tangents, lambda name, parts: parts[-1]
            )
        ),
        "the first argument's part alone: add up over the arguments": (
            lambda program, arrays, tangents: sweep(
                program, arrays, tangents, lambda name, parts: parts[0]
            )
        ),
        "what is subtracted moves the difference the other way": (
            lambda program, arrays, tangents: sweep(program, arrays, tangents, unsigned)
        ),
    },
)

# 5. Curvature without a matrix.

WIDE = 300  # a square of so many numbers takes 0.7 megabytes


def draw_curvature(rng: np.random.Generator) -> Arguments:
    m, n = distinct(rng, 2)
    return {"A": normal(rng, m, n), "w": normal(rng, n), "v": normal(rng, n)}


def hessian(A: Array, w: Array) -> Array:
    y = np.tanh(A @ w)
    H: Array = (A.T * ((1 - y**2) * (2 - 6 * y**2))) @ A
    return H


def curvature_of_each(A: Array, w: Array) -> Array:
    y = np.tanh(A @ w)
    diagonal: Array = ((1 - y**2) * (2 - 6 * y**2)) @ A**2
    return diagonal


def curvature(A: Array, w: Array, v: Array) -> Array:
    y = np.tanh(A @ w)
    product: Array = A.T @ ((1 - y**2) * (2 - 6 * y**2) * (A @ v))
    return product


def product_and_matrix(function: Callable[..., Any], A: Array, w: Array, v: Array) -> Any:
    """The answer, and whether one for WIDE weights takes the memory of half a square."""
    answer = function(A, w, v)
    wide, w, v = np.full((len(A), WIDE), 1 / WIDE), np.linspace(-1, 1, WIDE), np.ones(WIDE)
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    try:
        function(wide, w, v)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        if not tracing:
            tracemalloc.stop()
    return answer, bool(peak - before > 4 * WIDE**2)


check_curvature = Exercise(
    truth=curvature,
    draw=draw_curvature,
    use=product_and_matrix,
    cases=2,
    parts=("Hv", "an (n, n) array"),
    mistakes={
        "H was built: multiply by v before anything has n rows and n columns": (
            lambda A, w, v: hessian(A, w) @ v
        ),
        "this is the gradient, and v is not used": (
            lambda A, w, v: A.T @ (2 * np.tanh(A @ w) * (1 - np.tanh(A @ w) ** 2))
        ),
        "the slope of 1 − tanh² is missing": (
            lambda A, w, v: A.T @ (2 * (1 - np.tanh(A @ w) ** 2) ** 2 * (A @ v))
        ),
        "H is multiplied by w, and not by v": lambda A, w, v: curvature(A, w, w),
        "the diagonal of H alone": lambda A, w, v: curvature_of_each(A, w) * v,
    },
)
