"""Chapter 03, Differentiate a dense layer: three gradients, a batch, norms and a rate."""

from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, distinct, normal

Generator = np.random.Generator


def draw_residual(rng: Generator) -> Arguments:
    m, n = distinct(rng, 2)
    return {"r": normal(rng, m), "W": normal(rng, m, n)}


check_input_gradient = Exercise(
    truth=lambda r, W: W.T @ r,
    draw=draw_residual,
    mistakes={
        "each weight's product with its residual, not yet added up": lambda r, W: W * r[:, None],
        "r is missing: this is what ones in its place give": lambda r, W: W.sum(axis=0),
    },
)


def draw_dense(rng: Generator) -> Arguments:
    N, m, n = distinct(rng, 3)
    return {"g": normal(rng, N, m), "x": normal(rng, N, n), "W": normal(rng, m, n)}


def dense_backward(g: Any, x: Any, W: Any) -> Any:
    return g @ W, g.T @ x, g.sum(axis=0)


check_dense_backward = Exercise(
    truth=dense_backward,
    draw=draw_dense,
    parts=("dx", "dW", "db"),
    sizes=lambda g, x, W: {"N": len(g)},
    mistakes={
        "transposed": lambda g, x, W: {"dW": x.T @ g},
        "one gradient for each example, not yet summed over the batch": lambda g, x, W: {
            "dW": np.einsum("ki,kj->kij", g, x),
            "db": g,
        },
        "the first example alone": lambda g, x, W: {"dW": np.outer(g[0], x[0]), "db": g[0]},
        "the last example alone": lambda g, x, W: {"dW": np.outer(g[-1], x[-1]), "db": g[-1]},
        "summed over the outputs, and the batch is the axis to sum over": lambda g, x, W: {
            "db": g.sum(axis=1)
        },
        "summed over everything": lambda g, x, W: {"db": g.sum()},
        "the mean over the batch, where the sum is asked for": lambda g, x, W: {
            "dW": g.T @ x / len(g),
            "db": g.mean(axis=0),
        },
    },
)


def draw_batch(rng: Generator) -> Arguments:
    N, m, n = distinct(rng, 3)
    return {"R": normal(rng, N, m), "X": normal(rng, N, n)}


check_norms = Exercise(
    truth=lambda R, X: (R**2).sum(axis=1) * (X**2).sum(axis=1),
    draw=draw_batch,
    mistakes={
        "the two squared norms are added": lambda R, X: (R**2).sum(axis=1) + (X**2).sum(axis=1),
        "the norm, and its square is asked for": lambda R, X: np.sqrt(
            (R**2).sum(axis=1) * (X**2).sum(axis=1)
        ),
        "the whole batch's gradient, where each example's is asked for": lambda R, X: np.sum(
            (R.T @ X) ** 2
        ),
        "summed over the batch": lambda R, X: np.sum((R**2).sum(axis=1) * (X**2).sum(axis=1)),
        "the norm of R alone": lambda R, X: (R**2).sum(axis=1),
    },
)

check_largest_rate = Exercise(
    truth=lambda x: 2 / (x @ x + 1),
    draw=lambda rng: {"x": normal(rng, int(rng.integers(2, 5)))},
    mistakes={
        "b steps too, and moves z by the residual once more": lambda x: 2 / (x @ x),
        "this rate takes the residual to 0 in one step, and it may go to the other side": (
            lambda x: 1 / (x @ x + 1)
        ),
        "b is left out, and this rate takes the residual only to 0": lambda x: 1 / (x @ x),
        "the length of x, and its square is what counts": lambda x: 2 / (np.sqrt(x @ x) + 1),
    },
)
