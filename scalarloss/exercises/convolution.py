"""Chapter 05, Differentiate a convolution: visits, pixels, flips, strides and a step."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from scalarloss.exercises.base import Arguments, Exercise, distinct, normal

Generator = np.random.Generator


def draw_sizes(rng: Generator) -> Arguments:
    """As often as not a filter so large that no pixel lies under all of its taps in a row."""
    if rng.integers(2):
        k = int(rng.integers(3, 6))
        return {"n": int(rng.integers(k, 2 * k - 2)), "k": k}
    k = int(rng.integers(2, 4))
    return {"n": int(rng.integers(2 * k + 1, 2 * k + 4)), "k": k}


def ramp(n: int, k: int, top: int) -> Any:
    """Counts that grow from both edges, up to `top`, along both axes."""
    i = np.arange(n)
    along = np.minimum(np.minimum(i + 1, n - i), top)
    return np.outer(along, along)


def visits(n: int, k: int) -> Any:
    return ramp(n, k, min(k, n - k + 1))


check_visits = Exercise(
    truth=visits,
    draw=draw_sizes,
    cases=12,
    mistakes={
        "a filter of more than half the picture is forgotten, and it has only n − k + 1 places": (
            lambda n, k: ramp(n, k, k)
        ),
        "the number of places is the most that is allowed, and a filter of k has k taps": (
            lambda n, k: ramp(n, k, n - k + 1)
        ),
        "as often as there are taps, which is true only away from the edges": lambda n, k: np.full(
            (n, n), k * k
        ),
        "how many pixels each output uses, and the question goes the other way": lambda n, k: (
            np.full((n - k + 1, n - k + 1), k * k)
        ),
        "counted along one axis only": lambda n, k: np.tile(
            np.convolve(np.ones(n - k + 1), np.ones(k)), (n, 1)
        ),
        "the counts along the two axes are added, and they multiply": lambda n, k: np.add.outer(
            *[np.convolve(np.ones(n - k + 1), np.ones(k))] * 2
        ),
    },
)


def draw_picture(rng: Generator) -> Arguments:
    height, width = distinct(rng, 2, range(3, 7))
    return {"x": normal(rng, height, width), "w": normal(rng, 2, 3)}


def slide(x: Any, w: Any) -> Any:
    """The filter's outputs, tap by tap."""
    rows, columns = x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1
    y = np.zeros((rows, columns))
    for i, j in np.ndindex(w.shape):
        y += w[i, j] * x[i : i + rows, j : j + columns]
    return y


def ones_for(x: Any, w: Any) -> Any:
    return np.ones((x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1))


def spread_back(g: Any, w: Any) -> Any:
    """Each g hands the filter back to the window that it came from."""
    rows, columns = g.shape
    dx = np.zeros((rows + w.shape[0] - 1, columns + w.shape[1] - 1))
    for i, j in np.ndindex(w.shape):
        dx[i : i + rows, j : j + columns] += g * w[i, j]
    return dx


def by_pixel(x: Any, w: Any) -> Any:
    return spread_back(ones_for(x, w), w)


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
        "each output is weighed by its own value, and a sum weighs them alike": lambda x, w: (
            spread_back(slide(x, w), w)
        ),
        "the derivative with respect to the filter, and each pixel's is asked for": lambda x, w: (
            slide(x, ones_for(x, w))
        ),
        "the outputs, and the derivative of their sum with respect to each pixel is asked for": (
            slide
        ),
    },
)


def signal_of(rng: Generator, n: int, k: int, places: int) -> Arguments:
    return {
        "g": normal(rng, places),
        "x": normal(rng, n),
        "w": normal(rng, k),
        "b": normal(rng),
    }


def draw_signal(rng: Generator) -> Arguments:
    n, k = int(rng.integers(6, 10)), int(rng.integers(2, 5))
    return signal_of(rng, n, k, n - k + 1)


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
        "g is turned round, and it is x that turns": lambda g, x, w, b: {
            "dw": np.convolve(x, g, "valid")
        },
        "it lacks the edges, where the filter meets g only in part": lambda g, x, w, b: {
            "dx": np.correlate(g, w, "valid")
        },
        "one for each place, not yet summed": lambda g, x, w, b: {"db": g},
        "the bias is not under the filter: its slope is the sum of g": lambda g, x, w, b: {
            "db": np.sum(g) * np.sum(w)
        },
    },
)


def draw_strided(rng: Generator) -> Arguments:
    """As often as not a last place that is thrown away: an even number of places."""
    k, even = int(rng.integers(2, 5)), int(rng.integers(2))
    n = 2 * int(rng.integers(4, 6)) - (k - even) % 2
    return signal_of(rng, n, k, (n - k + 2) // 2)


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


def cut_short(g: Any) -> Any:
    """g with a zero between each two entries, and none after the last."""
    spread = np.zeros(2 * len(g) - 1)
    spread[::2] = g
    return spread


check_strided_backward = Exercise(
    truth=strided_backward,
    draw=draw_strided,
    cases=12,
    parts=("dx", "dw", "db"),
    mistakes={
        "the last place is thrown away too where their number is even, and needs its 0": (
            lambda g, x, w, b: {
                "dx": np.convolve(cut_short(g), w),
                "dw": np.correlate(x, cut_short(g), "valid"),
            }
        ),
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
        "the filter is turned, and on the way back each tap meets the sample it was under": (
            lambda g, x, w, b: {"dx": strided_backward(g, x, w[::-1], b)[0]}
        ),
    },
)


def longest(x: Any, D: Any) -> Any:
    moved = slide(x, D)
    return 2 * np.sum(D**2) / np.sum(moved**2)


def patches(x: Any, D: Any) -> Any:
    """Each window of x as a row: the map from the filter to the outputs, as a matrix."""
    return sliding_window_view(x, D.shape).reshape(-1, D.size)


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
        "the size of D is squared in the parabola's slope and in its curvature alike: the roots of "
        "the sums are not enough": lambda x, D: np.sqrt(2 * longest(x, D)),
        "short enough for any direction, and along D a longer one will do": lambda x, D: (
            2 / np.linalg.norm(patches(x, D), 2) ** 2
        ),
        "the picture's sum of squares stands for the curvature, whatever D is": lambda x, D: (
            2 / np.sum(patches(x, D) ** 2)
        ),
        "the moves are added and then squared, and each is squared by itself": lambda x, D: (
            2 * np.sum(D**2) / np.sum(slide(x, D)) ** 2
        ),
        "the slope along D is the sum of its squares, and not 1": lambda x, D: (
            longest(x, D) / np.sum(D**2)
        ),
        "upside down": lambda x, D: 1 / longest(x, D),
        "the gradient's size without the curvature": lambda x, D: 2 * np.sum(D**2),
    },
)
