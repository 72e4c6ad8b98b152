"""Chapter 13, Ask the frameworks: a blind spot of one-hot cotangents, and three of their tools."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, Search, distinct, normal

Generator = np.random.Generator


def answers(function: Callable[..., Any], g: Any, W: Any) -> tuple[Any, Any]:
    """What a backward pass of W x gives for each row of g, and for each one-hot."""
    return tuple(np.stack([function(row, W) for row in rows]) for rows in (g, np.eye(len(W))))  # type: ignore[return-value]


def flaw_of_slip(answer: Any, g: Any, W: Any) -> str:
    given, rows = (np.asarray(part, dtype=float) for part in answer)
    if rows.shape != W.shape or given.shape != (len(g), *W.shape[1:]):
        return f"it gives shape {rows.shape[1:]}, and x has {W.shape[1:]}"
    if not np.abs(rows - W).max() <= 1e-9:
        return "a one-hot g catches it: it should give a row of W, and gives something else"
    if np.allclose(given, g @ W):
        return "this one is right for every g that was tried, and a wrong one is asked for"
    return ""


def draw_slip(rng: Generator) -> Arguments:
    """Many g: of either sign in every entry, small, large and halved, so that some g exposes it."""
    m, n = distinct(rng, 2)
    halves = np.array([-1.0, -0.5, 0.5, 2.0])[:, None] * np.ones(m)
    return {"g": np.concatenate([3 * normal(rng, 12, m), halves]), "W": normal(rng, m, n)}


check_one_hot_blind = Search(flaw=flaw_of_slip, draw=draw_slip, use=answers)


def draw_broadcast(rng: Generator) -> Arguments:
    a, b, c = distinct(rng, 3)
    shapes = [(b, c), (1, c), (c,), (a, 1, c), (a, 1, 1), (b, 1), (1,), ()]
    return {"g": normal(rng, a, b, c), "shape": shapes[rng.integers(len(shapes))]}


def sum_to(g: Any, shape: tuple[int, ...]) -> Any:
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


def fronts(g: Any, shape: tuple[int, ...]) -> Any:
    return g.sum(axis=tuple(range(g.ndim - len(shape))))


def first_copy(g: Any, shape: tuple[int, ...]) -> Any:
    g = g[(0,) * (g.ndim - len(shape))]
    return g[tuple(slice(0, 1) if n == 1 else slice(None) for n in shape)]


def without_axes(g: Any, shape: tuple[int, ...]) -> Any:
    found = sum_to(g, shape)
    return found.reshape([n for n in shape if n != 1])


check_sum_to = Exercise(
    truth=sum_to,
    draw=draw_broadcast,
    cases=20,
    mistakes={
        "the mean of the copies, and they add": lambda g, shape: (
            sum_to(g, shape) * np.prod(shape) / g.size
        ),
        "only the axes in front are summed": fronts,
        "one of the copies, and they add": first_copy,
        "the axes of size 1 are gone: keep them": without_axes,
        "the sum of all, and only copies add": lambda g, shape: g.sum() * np.ones(shape),
    },
)


def cheaper(m: int, n: int, c: int) -> str:
    return "jacrev" if c * m < n else "jacfwd"


def draw_choice(rng: Generator) -> Arguments:
    """Few or many inputs for m outputs, in four regions that c and 1 / c bound; no tie."""
    m, c = int(rng.integers(12, 100)), int(rng.integers(2, 5))
    bounds = (0, m // c, m, c * m, 6 * m)
    region = rng.integers(4)
    return {"m": m, "n": int(rng.integers(bounds[region] + 1, bounds[region + 1])), "c": c}


check_jacobian_choice = Exercise(
    truth=cheaper,
    draw=draw_choice,
    cases=40,
    mistakes={
        "c is left out: a pass back costs more": lambda m, n, c: cheaper(m, n, 1),
        "c stands with the forward passes, and a pass back costs more": lambda m, n, c: (
            "jacrev" if m < c * n else "jacfwd"
        ),
        "turned round: jacrev makes a pass for each output": lambda m, n, c: (
            "jacfwd" if c * m < n else "jacrev"
        ),
        "m and n are swapped: jacrev makes a pass for each output": lambda m, n, c: cheaper(
            n, m, c
        ),
    },
)


@dataclass(frozen=True)
class Curve:
    """tanh(A x), (n,) to (m,)."""

    A: Any

    def __call__(self, x: Any) -> Any:
        return np.tanh(self.A @ x)


def jvp_of(f: Curve, x: Any, u: Any) -> Any:
    return (1 - np.tanh(f.A @ x) ** 2) * (f.A @ u)


def bend_of(f: Curve, x: Any, u: Any) -> Any:
    """The second derivative of f along u, which a one-sided difference takes in."""
    y = np.tanh(f.A @ x)
    return -2 * y * (1 - y**2) * (f.A @ u) ** 2


def draw_curve(rng: Generator) -> Arguments:
    """A curve of which a one-sided difference is seen: bent along u, and neither steep nor flat."""
    while True:
        m, n = distinct(rng, 2)
        f, x = Curve(normal(rng, m, n) / 2), normal(rng, n) / 2
        u, v = normal(rng, n), normal(rng, m)
        slope, bend = v @ jvp_of(f, x, u), v @ bend_of(f, x, u)
        if 0.3 < abs(slope) < 10 and abs(bend) > 0.2 * max(1, abs(slope)):
            return {"f": f, "x": x, "u": u, "v": v}


def count_calls(function: Callable[..., Any], f: Any, x: Any, u: Any, v: Any) -> tuple[Any, int]:
    """What the function gives, and whether it called f more often than a difference needs to."""
    calls = []

    def counted(x: Any) -> Any:
        calls.append(x)
        return f(x)

    return function(counted, x, u, v), max(2, len(calls))


def central(f: Any, x: Any, u: Any, v: Any, h: float = 1e-6) -> Any:
    return v @ (f(x + h * u) - f(x - h * u)) / (2 * h)


def row_by_row(f: Any, x: Any, u: Any, v: Any) -> Any:
    h = 1e-6
    columns = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(len(x))]
    return v @ np.stack(columns, axis=1) @ u


check_fast_side = Exercise(
    truth=central,
    draw=draw_curve,
    use=count_calls,
    parts=("vᵀJu", "calls of f"),
    rtol=2e-8,  # a central difference keeps some nine digits here, a one-sided one some six
    mistakes={
        "v is left out: this is the sum of Ju": lambda f, x, u, v: central(
            f, x, u, np.ones_like(v)
        ),
        "divided by h, and the two points are 2h apart": lambda f, x, u, v: 2 * central(f, x, u, v),
        "along ones, and not along u": lambda f, x, u, v: central(f, x, np.ones_like(u), v),
        "a one-sided difference, forwards: its error is of the order of h": (
            lambda f, x, u, v: v @ (f(x + 1e-6 * u) - f(x)) / 1e-6
        ),
        "a one-sided difference, backwards: its error is of the order of h": (
            lambda f, x, u, v: v @ (f(x) - f(x - 1e-6 * u)) / 1e-6
        ),
        "the whole Jacobian, column by column: one difference along u is enough": row_by_row,
    },
)
