"""Chapter 13, Ask the frameworks."""

import numpy as np

from answers import Answers


def sum_to_by_padding(g, shape):
    padded = (1,) * (g.ndim - len(shape)) + tuple(shape)
    axes = tuple(i for i in range(g.ndim) if padded[i] == 1)
    return g.sum(axis=axes, keepdims=True).reshape(shape)


def sum_to_by_loop(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for axis, n in enumerate(shape):
        if n == 1:
            g = g.sum(axis=axis, keepdims=True)
    return g


def sum_to_by_counting(g, shape):
    place = np.broadcast_to(np.arange(int(np.prod(shape))).reshape(shape), g.shape)
    return np.bincount(place.ravel(), g.ravel(), int(np.prod(shape))).reshape(shape)


def everything_kept(g, shape):
    axes = tuple(i for i in range(-len(shape), 0) if shape[i] == 1)
    return g.sum(axis=axes, keepdims=True)


ANSWERS = {
    "check_one_hot_blind": Answers(
        right=[
            lambda g, W: g**2 @ W,
            lambda g, W: np.abs(g) @ W,
            lambda g, W: np.maximum(g, 0) @ W,
            lambda g, W: np.clip(g, 0, 1) @ W,
            lambda g, W: np.minimum(g, 1) @ W,
            lambda g, W: W[np.argmax(g)],
            lambda g, W: g @ W / np.sum(g**2),
            lambda g, W: np.concatenate([np.abs(g[:1]), g[1:]]) @ W,
            lambda g, W: g @ W * (g.max() == 1),
        ],
        wrong=[
            (lambda g, W: g @ W, "this one is right"),
            (lambda g, W: 2 * g @ W, "a one-hot g catches it"),
            (lambda g, W: (g + g**2) @ W, "a one-hot g catches it"),
            (lambda g, W: np.zeros(W.shape[1]), "a one-hot g catches it"),
            (lambda g, W: np.trunc(g @ W), "a one-hot g catches it"),
            (lambda g, W: g**2, "it gives shape"),
            (lambda g, W: W @ g, "raised ValueError"),
        ],
    ),
    "check_sum_to": Answers(
        right=[sum_to_by_padding, sum_to_by_loop, sum_to_by_counting],
        wrong=[
            (lambda g, shape: sum_to_by_loop(g, shape) * np.prod(shape) / g.size, "the mean of"),
            (lambda g, shape: g.sum(axis=tuple(range(g.ndim - len(shape)))), "axes in front"),
            (lambda g, shape: g.sum() * np.ones(shape), "only copies add"),
            (lambda g, shape: np.squeeze(sum_to_by_loop(g, shape)), "the axes of size 1 are gone"),
            (everything_kept, "shape"),
            (lambda g, shape: -sum_to_by_loop(g, shape), "sign"),
            (lambda g, shape: g, "shape"),
        ],
    ),
    "check_jacobian_choice": Answers(
        right=[
            lambda m, n, c: "jacrev" if c * m < n else "jacfwd",
            lambda m, n, c: "jacfwd" if n <= c * m else "jacrev",
            lambda m, n, c: min((n, "jacfwd"), (c * m, "jacrev"))[1],
            lambda m, n, c: ["jacfwd", "jacrev"][n / m > c],
        ],
        wrong=[
            (lambda m, n, c: "jacrev" if m < n else "jacfwd", "c is left out"),
            (lambda m, n, c: "jacfwd" if c * m < n else "jacrev", "turned round"),
            (lambda m, n, c: "jacrev" if m < c * n else "jacfwd", "c stands with the forward"),
            (lambda m, n, c: "jacrev" if c * n < m else "jacfwd", "m and n are swapped"),
            (lambda m, n, c: "jacrev", "in every case"),
            (lambda m, n, c: c * m < n, "True or False"),
        ],
    ),
    "check_fast_side": Answers(
        right=[
            lambda f, x, u, v: v @ (f(x + 1e-6 * u) - f(x - 1e-6 * u)) / 2e-6,
            lambda f, x, u, v: (v @ f(x + 1e-6 * u) - v @ f(x - 1e-6 * u)) / 2e-6,
            lambda f, x, u, v: np.sum(v * (f(x + 1e-6 * u) - f(x - 1e-6 * u))) / 2 * 1e6,
            lambda f, x, u, v: v @ (f(x + 1e-5 * u) - f(x - 1e-5 * u)) / 2e-5,
            lambda f, x, u, v: v @ np.imag(f(x + 1e-20j * u)) / 1e-20,
        ],
        wrong=[
            (lambda f, x, u, v: v @ (f(x + 1e-6 * u) - f(x)) / 1e-6, "difference, forwards"),
            (lambda f, x, u, v: v @ (f(x) - f(x - 1e-6 * u)) / 1e-6, "difference, backwards"),
            (lambda f, x, u, v: v @ (f(x + 1e-6 * u) - f(x - 1e-6 * u)) / 1e-6, "2h apart"),
            (lambda f, x, u, v: np.sum(f(x + 1e-6 * u) - f(x - 1e-6 * u)) / 2e-6, "v is left out"),
            (lambda f, x, u, v: v @ (f(x + 1e-6) - f(x - 1e-6)) / 2e-6, "along ones"),
            (
                lambda f, x, u, v: (
                    v
                    @ np.stack(
                        [(f(x + 1e-6 * e) - f(x - 1e-6 * e)) / 2e-6 for e in np.eye(len(x))], 1
                    )
                    @ u
                ),
                "column by column",
            ),
            (lambda f, x, u, v: (f(x + 1e-6 * u) - f(x - 1e-6 * u)) / 2e-6, "shape"),
            (lambda f, x, u, v: v @ (f(x - 1e-6 * u) - f(x + 1e-6 * u)) / 2e-6, "sign"),
        ],
    ),
}
