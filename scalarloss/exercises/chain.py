"""Chapter 02, Chain the rule: where a slope is asked, what an order costs, what a fork adds."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarloss.errors import ShapeError
from scalarloss.exercises.base import Arguments, Exercise, distinct, normal

Generator = np.random.Generator

AGREE = (-1.0, 0.0, 1.0)  # where tanh is as steep at x as at x**2, or the slope of x**2 is 0


def draw_places(rng: Generator) -> Arguments:
    return {"x": rng.permutation([*AGREE, *normal(rng, 2)])}


def slope_of_square(x: Any) -> Any:
    return (1 - np.tanh(x**2) ** 2) * 2 * x


check_slope_of_square = Exercise(
    truth=lambda x: (slope_of_square(x), np.isin(x, AGREE)),
    draw=draw_places,
    parts=("slopes", "agrees"),
    mistakes={
        "the outer slope is asked for at x, and tanh stands at x**2": lambda x: {
            "slopes": (1 - np.tanh(x) ** 2) * 2 * x
        },
        "the inner slope is missing": lambda x: {"slopes": 1 - np.tanh(x**2) ** 2},
        "the outer slope is missing": lambda x: {"slopes": 2 * x},
        "the slope of tanh(x)**2, with the two functions the other way round": lambda x: {
            "slopes": 2 * np.tanh(x) * (1 - np.tanh(x) ** 2)
        },
        "at 0 and 1 the two places are one, and there is a third x": lambda x: {
            "agrees": np.isin(x, AGREE[1:])
        },
        "right at -1 and 1, and there is a third x: what does the inner slope do to both?": (
            lambda x: {"agrees": np.isin(x, AGREE[::2])}
        ),
        "right at 0, where both slopes are 0, and there are two more x": lambda x: {
            "agrees": x == 0
        },
        "right at 1, and there are two more x": lambda x: {"agrees": x == 1},
        "False everywhere, and there are x where the two agree": lambda x: {
            "agrees": np.zeros(x.shape, dtype=bool)
        },
        "True and False are swapped": lambda x: {"agrees": ~np.isin(x, AGREE)},
    },
)


def draw_bottleneck(rng: Generator) -> Arguments:
    return {"n": int(rng.integers(20, 100)), "k": int(rng.integers(2, 10))}


check_multiplications = Exercise(
    truth=lambda n, k: (2 * n * k, n * n * k + n * n),
    draw=draw_bottleneck,
    parts=("from the output", "from the input"),
    mistakes={
        "the last product is missing": lambda n, k: {
            "from the output": n * k,
            "from the input": n * n * k,
        },
        "this is the count from the other end": lambda n, k: {
            "from the output": n * n * k + n * n,
            "from the input": 2 * n * k,
        },
        "counted as if the middle were as wide as the ends": lambda n, k: {
            "from the output": 2 * n * n,
            "from the input": n * n * n + n * n,
        },
        "the entries of the three Jacobians, and not the multiplications": lambda n, k: {
            "from the output": n + 2 * n * k,
            "from the input": n + 2 * n * k,
        },
        "the two products are multiplied, and their counts add": lambda n, k: {
            "from the output": n * k * k * n,
            "from the input": n * n * k * n * n,
        },
    },
)


def draw_pullback(rng: Generator) -> Arguments:
    m, n = distinct(rng, 2)
    J = normal(rng, m, n)

    def pullback(v: Any) -> Any:
        v = np.asarray(v, float)
        if v.shape != (m,):
            raise ShapeError(f"v has shape {v.shape}, and it takes one of shape ({m},)")
        return v @ J

    return {"pullback": pullback, "m": m}


def rows_of(pullback: Callable[..., Any], m: int) -> Any:
    return np.stack([pullback(v) for v in np.eye(m)])


check_jacobian_by_rows = Exercise(
    truth=rows_of,
    draw=draw_pullback,
    mistakes={
        "the rows stand as columns": lambda pullback, m: rows_of(pullback, m).T,
        "one cotangent of ones, which adds up the rows": lambda pullback, m: pullback(np.ones(m)),
        "one cotangent of ones for every row, and it adds up the rows": lambda pullback, m: (
            np.stack([pullback(np.ones(m))] * m)
        ),
        "the first row alone": lambda pullback, m: pullback(np.eye(m)[0]),
        "the rows in another order": lambda pullback, m: rows_of(pullback, m)[::-1],
        "the rows one after the other, in one long row": lambda pullback, m: rows_of(
            pullback, m
        ).ravel(),
    },
)

check_doublings = Exercise(
    truth=lambda times: (2**times, times),
    draw=lambda rng: {"times": int(rng.integers(3, 30))},
    parts=("paths", "additions"),
    mistakes={
        "two more for each fork, where each fork doubles them": lambda times: {"paths": 2 * times},
        "one for each fork, where each fork doubles them": lambda times: {"paths": times},
        "one doubling too many: x itself is not doubled yet": lambda times: {
            "paths": 2 ** (times + 1),
            "additions": times + 1,
        },
        "two for each doubling, and where two cotangents meet there is one addition": (
            lambda times: {"additions": 2 * times}
        ),
        "one for each path: the way back meets a value once, whatever the paths": lambda times: {
            "additions": 2**times
        },
        "one less than the paths, as if each path came back alone": lambda times: {
            "additions": 2**times - 1
        },
        "one short": lambda times: {"paths": 2 ** (times - 1), "additions": times - 1},
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
        "1 - x**2, and the slope of tanh is 1 - tanh(x)**2": lambda g, x, W: (
            (W.T @ g + g) * (1 - x**2)
        ),
        "tanh itself, and its slope is asked for": lambda g, x, W: (W.T @ g + g) * np.tanh(x),
        "it stops at a, and tanh lies between a and x": lambda g, x, W: W.T @ g + g,
        "the path round W goes round tanh too, and it starts behind it": lambda g, x, W: (
            W.T @ g * (1 - np.tanh(x) ** 2) + g
        ),
        "tanh's slope is taken before W, and on that path alone: the way back meets tanh last": (
            lambda g, x, W: W.T @ (g * (1 - np.tanh(x) ** 2)) + g
        ),
        "tanh's slope is taken before W: the way back meets tanh last": lambda g, x, W: (
            W.T @ (g * (1 - np.tanh(x) ** 2)) + g * (1 - np.tanh(x) ** 2)
        ),
        "the slope of tanh is taken at y, and tanh stands at x": lambda g, x, W: (
            (W.T @ g + g) * (1 - np.tanh(W @ np.tanh(x) + np.tanh(x)) ** 2)
        ),
        "the slope of tanh is taken at tanh(x), and tanh stands at x": lambda g, x, W: (
            (W.T @ g + g) * (1 - np.tanh(np.tanh(x)) ** 2)
        ),
    },
)
