"""Chapter 13, Ask the frameworks: a blind spot of one-hot cotangents, and three of their tools."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, Search, distinct, normal

Generator = np.random.Generator


def answers(function: Callable[..., Any], g: Any, W: Any) -> tuple[Any, Any]:
    """What a backward pass of W x gives for a g, and for each one-hot."""
    return function(g, W), np.stack([function(row, W) for row in np.eye(len(W))])


def flaw_of_slip(answer: Any, g: Any, W: Any) -> str:
    given, rows = (np.asarray(part, dtype=float) for part in answer)
    if given.shape != W.shape[1:] or rows.shape != W.shape:
        return f"it gives shape {given.shape}, and x has {W.shape[1:]}"
    if np.abs(rows - W).max() > 1e-9:
        return "a one-hot g catches it: it should give a row of W, and gives something else"
    return "this one is right, and a wrong one is asked for" if np.allclose(given, g @ W) else ""


def draw_slip(rng: Generator) -> Arguments:
    m, n = distinct(rng, 2)
    return {"g": normal(rng, m), "W": normal(rng, m, n)}


check_one_hot_blind = Search(flaw=flaw_of_slip, draw=draw_slip, use=answers)


def draw_broadcast(rng: Generator) -> Arguments:
    a, b, c = distinct(rng, 3)
    shapes = [(b, c), (1, c), (c,), (a, 1, c), (b, 1), (1,), ()]
    return {"g": normal(rng, a, b, c), "shape": shapes[rng.integers(len(shapes))]}


def sum_to(g: Any, shape: tuple[int, ...]) -> Any:
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


check_sum_to = Exercise(
    truth=sum_to,
    draw=draw_broadcast,
    cases=30,
    mistakes={
        "the mean of the copies, and they add": lambda g, shape: (
            sum_to(g, shape) * np.prod(shape) / g.size
        ),
        "only the axes in front are summed": lambda g, shape: g.sum(
            axis=tuple(range(g.ndim - len(shape)))
        ),
    },
)


def cheaper(m: int, n: int, c: int) -> str:
    return "jacrev" if c * m < n else "jacfwd"


def draw_choice(rng: Generator) -> Arguments:
    m, n = (int(k) for k in rng.integers(1, 400, 2))
    c = int(rng.integers(2, 5))
    return {"m": m, "n": n + (c * m == n), "c": c}


check_jacobian_choice = Exercise(
    truth=cheaper,
    draw=draw_choice,
    cases=60,
    mistakes={
        "c is left out: a pass back costs more": lambda m, n, c: cheaper(m, n, 1),
        "turned round: jacrev makes a pass for each output": lambda m, n, c: (
            "jacfwd" if c * m < n else "jacrev"
        ),
    },
)


@dataclass(frozen=True)
class Curve:
    """tanh(A x), (n,) to (m,)."""

    A: Any

    def __call__(self, x: Any) -> Any:
        return np.tanh(self.A @ x)


def draw_curve(rng: Generator) -> Arguments:
    m, n = distinct(rng, 2)
    return {
        "f": Curve(normal(rng, m, n) / 2),
        "x": normal(rng, n) / 2,
        "u": normal(rng, n),
        "v": normal(rng, m),
    }


def fast_side(f: Any, x: Any, u: Any, v: Any) -> Any:
    slope = (1 - np.tanh(f.A @ x) ** 2)[:, None] * f.A
    return v @ slope @ u


check_fast_side = Exercise(
    truth=fast_side,
    draw=draw_curve,
    rtol=1e-6,  # a difference has no more digits to give
    mistakes={
        "v is left out: this is the sum of Ju": lambda f, x, u, v: fast_side(
            f, x, u, np.ones_like(v)
        ),
        "divided by h, and the two points are 2h apart": lambda f, x, u, v: (
            2 * fast_side(f, x, u, v)
        ),
        "along ones, and not along u": lambda f, x, u, v: fast_side(f, x, np.ones_like(u), v),
    },
)
