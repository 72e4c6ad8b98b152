"""Chapter 02, Chain the rule: where a slope is asked, what an order costs, what a fork adds."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, distinct, normal

Generator = np.random.Generator

check_slope_of_square = Exercise(
    truth=lambda x: (1 - np.tanh(x**2) ** 2) * 2 * x,
    draw=lambda rng: {"x": normal(rng, int(rng.integers(2, 5)))},
    mistakes={
        "the outer slope is asked for at x, and tanh stands at x**2": lambda x: (
            (1 - np.tanh(x) ** 2) * 2 * x
        ),
        "the inner slope is missing": lambda x: 1 - np.tanh(x**2) ** 2,
        "the slope of tanh(x)**2, with the two functions the other way round": lambda x: (
            2 * np.tanh(x) * (1 - np.tanh(x) ** 2)
        ),
    },
)


def draw_bottleneck(rng: Generator) -> Arguments:
    return {"n": int(rng.integers(20, 100)), "k": int(rng.integers(2, 10))}


check_multiplications = Exercise(
    truth=lambda n, k: (2 * n * k, n * n * k + n * n),
    draw=draw_bottleneck,
    parts=("from the output", "from the input"),
    mistakes={
        "the last product is missing": lambda n, k: (n * k, n * n * k),
        "the counts are in the other order": lambda n, k: (n * n * k + n * n, 2 * n * k),
        "the first product goes through the middle, and leaves an array (n, n)": lambda n, k: {
            "from the input": 2 * n * k
        },
    },
)


def draw_pullback(rng: Generator) -> Arguments:
    k, n = distinct(rng, 2)
    J = normal(rng, k, n)
    return {"pullback": lambda v: np.asarray(v, float) @ J, "k": k}


def rows_of(pullback: Callable[..., Any], k: int) -> Any:
    return np.stack([pullback(v) for v in np.eye(k)])


check_jacobian_by_rows = Exercise(
    truth=rows_of,
    draw=draw_pullback,
    mistakes={
        "the rows stand as columns": lambda pullback, k: rows_of(pullback, k).T,
        "one cotangent of ones, which adds up the rows": lambda pullback, k: pullback(np.ones(k)),
        "the rows in another order": lambda pullback, k: rows_of(pullback, k)[::-1],
    },
)

check_doublings = Exercise(
    truth=lambda n: (2**n, n),
    draw=lambda rng: {"n": int(rng.integers(3, 30))},
    parts=("paths", "additions"),
    mistakes={
        "two more for each fork, where each fork doubles them": lambda n: {"paths": 2 * n},
        "one for each path: the way back meets a value once, whatever the paths": lambda n: {
            "additions": 2**n
        },
        "one less than the paths, as if each path came back alone": lambda n: {
            "additions": 2**n - 1
        },
        "one short": lambda n: {"paths": 2 ** (n - 1), "additions": n - 1},
    },
)


def residual_backward(g: Any, x: Any, W: Any) -> Any:
    return (W.T @ g + g) * (1 - np.tanh(x) ** 2)


def draw_residual(rng: Generator) -> Arguments:
    n = int(rng.integers(2, 5))
    return {"g": normal(rng, n), "x": normal(rng, n), "W": normal(rng, n, n)}


check_residual_backward = Exercise(
    truth=residual_backward,
    draw=draw_residual,
    mistakes={
        "the path through W is there, and the path round it is missing": lambda g, x, W: (
            W.T @ g * (1 - np.tanh(x) ** 2)
        ),
        "the path round W is there, and the path through it is missing": lambda g, x, W: (
            g * (1 - np.tanh(x) ** 2)
        ),
        "g goes through W once more, and not back through its transpose": lambda g, x, W: (
            (W @ g + g) * (1 - np.tanh(x) ** 2)
        ),
        "it stops at h, and tanh lies between h and x": lambda g, x, W: W.T @ g + g,
        "the path round W goes round tanh too, and it starts behind it": lambda g, x, W: (
            W.T @ g * (1 - np.tanh(x) ** 2) + g
        ),
    },
)
