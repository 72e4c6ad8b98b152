"""Chapter 05, Differentiate a convolution: visits, pixels, flips, strides and a step."""

from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, distinct, normal
from scalarloss.layers import conv2d, conv2d_backward

Generator = np.random.Generator


def draw_sizes(rng: Generator) -> Arguments:
    return {"n": int(rng.integers(4, 8)), "k": int(rng.integers(2, 4))}


def visits(n: int, k: int) -> Any:
    ones = np.ones((n - k + 1, n - k + 1))
    return conv2d_backward(ones, np.zeros((n, n)), np.ones((k, k)), np.zeros(()))[0]


check_visits = Exercise(
    truth=visits,
    draw=draw_sizes,
    mistakes={
        "as often as there are taps, which is true only away from the edges": lambda n, k: np.full(
            (n, n), k * k
        ),
        "the outputs' shape, and one number for each pixel is asked for": lambda n, k: np.full(
            (n - k + 1, n - k + 1), k * k
        ),
        "counted along one axis only": lambda n, k: np.tile(
            np.convolve(np.ones(n - k + 1), np.ones(k)), (n, 1)
        ),
    },
)


def draw_picture(rng: Generator) -> Arguments:
    height, width = distinct(rng, 2, range(3, 7))
    return {"x": normal(rng, height, width), "w": normal(rng, 2, 3)}


def by_pixel(x: Any, w: Any) -> Any:
    g = np.ones((x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1))
    return conv2d_backward(g, x, w, np.zeros(()))[0]


check_bias_slope_by_pixel = Exercise(
    truth=by_pixel,
    draw=draw_picture,
    mistakes={
        "the filter is turned by half a turn": lambda x, w: by_pixel(x, w[::-1, ::-1]),
        "the sum of all taps, as if each pixel lay under all of them": lambda x, w: np.full(
            x.shape, w.sum()
        ),
        "how often each pixel is used, and by which taps counts too": lambda x, w: by_pixel(
            x, np.ones_like(w)
        ),
        "the residuals, and their sum's derivative by each pixel is asked for": lambda x, w: conv2d(
            x, w, np.zeros(())
        ),
    },
)


def draw_signal(rng: Generator) -> Arguments:
    n, k = int(rng.integers(6, 10)), int(rng.integers(2, 5))
    x, w, b = normal(rng, n), normal(rng, k), normal(rng)
    return {"g": normal(rng, n - k + 1), "x": x, "w": w, "b": b}


def convolve_backward(g: Any, x: Any, w: Any, b: Any) -> Any:
    return np.correlate(g, w, "full"), np.correlate(x, g, "valid")[::-1], np.sum(g)


check_convolve_backward = Exercise(
    truth=convolve_backward,
    draw=draw_signal,
    parts=("dx", "dw", "db"),
    mistakes={
        "turned round, as a correlation's is": lambda g, x, w, b: {"dx": np.convolve(g, w)},
        "not turned round: this is a correlation's": lambda g, x, w, b: {
            "dw": np.correlate(x, g, "valid")
        },
        "it lacks the edges, where the filter meets g only in part": lambda g, x, w, b: {
            "dx": np.correlate(g, w, "valid")
        },
        "one for each place, not yet summed": lambda g, x, w, b: {"db": g},
    },
)


def draw_strided(rng: Generator) -> Arguments:
    arguments = draw_signal(rng)
    return arguments | {"g": normal(rng, len(arguments["g"][::2]))}


def strided_backward(g: Any, x: Any, w: Any, b: Any) -> Any:
    spread = np.zeros(len(x) - len(w) + 1)
    spread[::2] = g
    return np.convolve(spread, w), np.correlate(x, spread, "valid"), np.sum(g)


def packed(g: Any, x: Any, w: Any) -> Any:
    """g at the first places, where it should stand at every second one."""
    return np.concatenate([g, np.zeros(len(x) - len(w) + 1 - len(g))])


def doubled(g: Any, x: Any, w: Any) -> Any:
    """g at every second place and again at the place after."""
    return np.repeat(g, 2)[: len(x) - len(w) + 1]


check_strided_backward = Exercise(
    truth=strided_backward,
    draw=draw_strided,
    parts=("dx", "dw", "db"),
    mistakes={
        "g is not spread: the filter has moved by two places for each entry of it": (
            lambda g, x, w, b: {
                "dx": np.convolve(g, w),
                "dw": np.correlate(x, g, "valid"),
            }
        ),
        "g stands at the first places, and not at every second one": lambda g, x, w, b: {
            "dx": np.convolve(packed(g, x, w), w),
            "dw": np.correlate(x, packed(g, x, w), "valid"),
        },
        "g is repeated at the places that were thrown away, which get 0": lambda g, x, w, b: {
            "dx": np.convolve(doubled(g, x, w), w),
            "dw": np.correlate(x, doubled(g, x, w), "valid"),
            "db": np.sum(doubled(g, x, w)),
        },
        "turned round: this is a true convolution's": lambda g, x, w, b: {
            "dw": strided_backward(g, x, w, b)[1][::-1]
        },
    },
)


def longest(x: Any, D: Any) -> Any:
    moved = conv2d(x, D, np.zeros(()))
    return 2 * np.sum(D**2) / np.sum(moved**2)


def draw_descent(rng: Generator) -> Arguments:
    return {"x": normal(rng, 3, 4), "D": normal(rng, 2, 2)}


check_longest_step = Exercise(
    truth=longest,
    draw=draw_descent,
    mistakes={
        "this is the bottom of the parabola, and it comes back up at twice that": lambda x, D: (
            longest(x, D) / 2
        ),
        "twice too long: the square of the move is halved in the loss": lambda x, D: (
            2 * longest(x, D)
        ),
        "upside down": lambda x, D: 1 / longest(x, D),
        "the gradient's size without the curvature": lambda x, D: 2 * np.sum(D**2),
    },
)
