"""Chapter 05: how often a pixel is used, flips, strides, and the longest step."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from answers import Answers
from scalarloss.layers import conv2d_backward


def visits_by_loops(n, k):
    found = np.zeros((n, n))
    for i in range(n - k + 1):
        for j in range(n - k + 1):
            found[i : i + k, j : j + k] += 1
    return found


def visits_by_ranges(n, k):
    along = [min(m, n - k) - max(0, m - k + 1) + 1 for m in range(n)]
    return [[a * b for b in along] for a in along]


def visits_by_padding(n, k):
    ones = np.pad(np.ones((n - k + 1, n - k + 1), dtype=int), k - 1)
    return sliding_window_view(ones, (k, k)).sum(axis=(2, 3))


def visits_clipped(n, k, top):
    i = np.arange(n)
    along = np.minimum(np.minimum(i + 1, n - i), top)
    return along[:, None] * along


def pixels_by_loops(x, w):
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1):
        dx[i : i + w.shape[0], j : j + w.shape[1]] += w
    return dx


def pixels_by_layer(x, w):
    ones = np.ones((x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1))
    return conv2d_backward(ones, x, w, np.zeros(()))[0]


def pixels_turned(x, w):
    return pixels_by_loops(x, w[::-1, ::-1])


def convolve_by_matrix(g, x, w, b):
    places = len(x) - len(w) + 1
    C = np.zeros((places, len(x)))
    for i in range(places):
        C[i, i : i + len(w)] = w[::-1]
    return C.T @ g, np.array([g @ x[j : j + places] for j in range(len(w))])[::-1], g.sum()


def convolve_by_loops(g, x, w, b):
    dx, dw, k = np.zeros(len(x)), np.zeros(len(w)), len(w)
    for i in range(len(g)):
        for j in range(k):
            dx[i + k - 1 - j] += g[i] * w[j]
            dw[j] += g[i] * x[i + k - 1 - j]
    return dx, dw, sum(g)


def strided_by_loops(g, x, w, b):
    dx, dw = np.zeros(len(x)), np.zeros(len(w))
    for i, g_i in enumerate(g):
        dx[2 * i : 2 * i + len(w)] += g_i * w
        dw += g_i * x[2 * i : 2 * i + len(w)]
    return dx, dw, g.sum()


def strided_by_matrix(g, x, w, b):
    windows = sliding_window_view(np.arange(len(x)), len(w))[::2]
    dx = np.zeros(len(x))
    np.add.at(dx, windows, np.outer(g, w))
    return dx, g @ x[windows], np.sum(g)


def strided_by_spreading(g, x, w, b):
    spread = np.zeros(len(x) - len(w) + 1)
    spread[::2] = g
    return np.convolve(spread, w), np.correlate(x, spread), spread.sum()


def cut_short(g):
    spread = np.zeros(2 * len(g) - 1)
    spread[::2] = g
    return spread


def doubled(g, x, w):
    return np.repeat(g, 2)[: len(x) - len(w) + 1]


def packed(g, x, w):
    return np.pad(g, (0, len(x) - len(w) + 1 - len(g)))


def conv(x, w):
    return np.sum(sliding_window_view(x, w.shape) * w, axis=(2, 3))


def curvature(x, D):
    A = sliding_window_view(x, D.shape).reshape(-1, D.size)
    return D.ravel() @ (A.T @ A) @ D.ravel()


def longest_by_losses(x, D):
    """Three losses along D, of which the residual is one with D for its gradient."""
    A = sliding_window_view(x, D.shape).reshape(-1, D.size)
    r = np.linalg.lstsq(A.T, D.ravel(), rcond=None)[0]
    losses = [0.5 * np.sum((r - step * A @ D.ravel()) ** 2) for step in (-1, 0, 1)]
    slope, bend = (losses[2] - losses[0]) / 2, losses[2] - 2 * losses[1] + losses[0]
    return -2 * slope / bend


def hessian(x, D):
    A = sliding_window_view(x, D.shape).reshape(-1, D.size)
    return A.T @ A


ANSWERS = {
    "check_visits": Answers(
        right=[
            visits_by_loops,
            visits_by_ranges,
            visits_by_padding,
            lambda n, k: visits_clipped(n, k, min(k, n - k + 1)),
            lambda n, k: np.outer(*[np.convolve(np.ones(n - k + 1), np.ones(k))] * 2),
        ],
        wrong=[
            (lambda n, k: visits_clipped(n, k, k), "n − k + 1 places"),
            (lambda n, k: visits_clipped(n, k, n - k + 1), "a filter of k has k taps"),
            (lambda n, k: np.full((n, n), k * k), "only away from the edges"),
            (lambda n, k: np.full((n - k + 1, n - k + 1), k * k), "goes the other way"),
            (
                lambda n, k: np.tile(np.convolve(np.ones(n - k + 1), np.ones(k)), (n, 1)),
                "counted along one axis only",
            ),
            (lambda n, k: np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]), "in every case"),
            (
                lambda n, k: np.add.outer(*[np.convolve(np.ones(n - k + 1), np.ones(k))] * 2),
                "and they multiply",
            ),
        ],
    ),
    "check_bias_slope_by_pixel": Answers(
        right=[
            pixels_by_loops,
            pixels_by_layer,
            lambda x, w: conv(np.pad(np.ones(conv(x, w).shape), ((1, 1), (2, 2))), w[::-1, ::-1]),
        ],
        wrong=[
            (pixels_turned, "turned by half a turn"),
            (lambda x, w: np.full(x.shape, w.sum()), "as if each pixel lay under all of them"),
            (lambda x, w: pixels_by_loops(x, np.ones(w.shape)), "by which taps counts too"),
            (
                lambda x, w: conv2d_backward(conv(x, w), x, w, np.zeros(()))[0],
                "a sum weighs them alike",
            ),
            (
                lambda x, w: conv2d_backward(np.ones(conv(x, w).shape), x, w, np.zeros(()))[1],
                "with respect to the filter",
            ),
            (conv, "the outputs, and the derivative of their sum"),
            (lambda x, w: -pixels_by_loops(x, w), "sign"),
        ],
    ),
    "check_convolve_backward": Answers(
        right=[
            lambda g, x, w, b: (
                np.correlate(g, w, "full"),
                np.correlate(x, g, "valid")[::-1],
                np.sum(g),
            ),
            lambda g, x, w, b: (
                np.convolve(g, w[::-1], "full"),
                np.convolve(x[::-1], g, "valid"),
                np.sum(g),
            ),
            convolve_by_matrix,
            convolve_by_loops,
        ],
        wrong=[
            (
                lambda g, x, w, b: (np.convolve(g, w), np.correlate(x, g)[::-1], np.sum(g)),
                "dx: turned round, as a correlation's is",
            ),
            (
                lambda g, x, w, b: (np.convolve(g, w[::-1]), np.correlate(x, g), np.sum(g)),
                "dw: not turned round",
            ),
            (
                lambda g, x, w, b: (np.convolve(g, w), np.correlate(x, g), np.sum(g)),
                "dx: turned round, as a correlation's is; dw: not turned round",
            ),
            (
                lambda g, x, w, b: (
                    np.correlate(g, w, "full"),
                    np.correlate(x, g)[::-1],
                    g,
                ),
                "db: one for each place",
            ),
            (
                lambda g, x, w, b: (
                    np.correlate(g, w, "full"),
                    np.correlate(x, g)[::-1],
                    np.sum(g) * np.sum(w),
                ),
                "db: the bias is not under the filter",
            ),
            (
                lambda g, x, w, b: (
                    np.correlate(g, w, "valid"),
                    np.correlate(x, g)[::-1],
                    np.sum(g),
                ),
                "dx: it lacks the edges",
            ),
            (
                lambda g, x, w, b: (
                    np.correlate(g, w, "full"),
                    np.convolve(x, g, "valid"),
                    np.sum(g),
                ),
                "dw: g is turned round",
            ),
            (
                lambda g, x, w, b: (np.correlate(g, w, "full"), np.correlate(x, g)[::-1]),
                "3 answers are asked for",
            ),
        ],
    ),
    "check_strided_backward": Answers(
        right=[strided_by_loops, strided_by_matrix, strided_by_spreading],
        wrong=[
            (
                lambda g, x, w, b: (np.convolve(g, w), np.correlate(x, g), np.sum(g)),
                "g is not spread",
            ),
            (
                lambda g, x, w, b: (
                    np.convolve(cut_short(g), w),
                    np.correlate(x, cut_short(g)),
                    np.sum(g),
                ),
                "where their number is even",
            ),
            (
                lambda g, x, w, b: (
                    np.convolve(doubled(g, x, w), w),
                    np.correlate(x, doubled(g, x, w)),
                    np.sum(doubled(g, x, w)),
                ),
                "which get 0",
            ),
            (
                lambda g, x, w, b: (
                    np.convolve(packed(g, x, w), w),
                    np.correlate(x, packed(g, x, w)),
                    np.sum(g),
                ),
                "at the first places",
            ),
            (
                lambda g, x, w, b: (
                    strided_by_loops(g, x, w[::-1], b)[0],
                    strided_by_loops(g, x, w, b)[1],
                    np.sum(g),
                ),
                "dx: the filter is turned",
            ),
            (
                lambda g, x, w, b: (
                    strided_by_loops(g, x, w, b)[0],
                    strided_by_loops(g, x, w, b)[1][::-1],
                    np.sum(g),
                ),
                "dw: turned round",
            ),
        ],
    ),
    "check_longest_step": Answers(
        right=[
            lambda x, D: 2 * np.sum(D**2) / np.sum(conv(x, D) ** 2),
            lambda x, D: 2 * np.sum(D * D) / curvature(x, D),
            lambda x, D: 2 * (np.linalg.norm(D) / np.linalg.norm(conv(x, D))) ** 2,
            longest_by_losses,
        ],
        wrong=[
            (lambda x, D: np.sum(D**2) / np.sum(conv(x, D) ** 2), "the bottom of the parabola"),
            (lambda x, D: 4 * np.sum(D**2) / np.sum(conv(x, D) ** 2), "twice too long"),
            (lambda x, D: np.sum(conv(x, D) ** 2) / np.sum(D**2) / 2, "upside down"),
            (
                lambda x, D: 2 * np.linalg.norm(D) / np.linalg.norm(conv(x, D)),
                "the roots of the sums",
            ),
            (lambda x, D: 2 * np.sum(D**2), "without the curvature"),
            (lambda x, D: 2 * np.sum(D**2) / np.sum(conv(x, D)) ** 2, "each is squared by itself"),
            (lambda x, D: 2 / np.sum(conv(x, D) ** 2), "and not 1"),
            (
                lambda x, D: 2 / np.linalg.eigvalsh(hessian(x, D)).max(),
                "short enough for any direction",
            ),
            (lambda x, D: 2 / np.trace(hessian(x, D)), "whatever D is"),
        ],
    ),
}
