"""Chapter 03, Differentiate a dense layer: three gradients, a batch, norms and a rate."""

import tracemalloc
from collections.abc import Callable
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
        "the residuals are added up before they meet their weights": lambda r, W: (
            W.sum(axis=0) * r.sum()
        ),
        "W with each row's residual added up the wrong way: one number for each output": (
            lambda r, W: W.sum(axis=1) * r
        ),
        "r stands in one column, (n, 1), where the input is (n,)": lambda r, W: W.T @ r[:, None],
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
        "summed over the batch, and kept as a row (1, m)": lambda g, x, W: {
            "db": g.sum(axis=0, keepdims=True)
        },
        "the mean over the batch, where the sum is asked for": lambda g, x, W: {
            "dW": g.T @ x / len(g),
            "db": g.mean(axis=0),
        },
    },
)


def draw_batch(rng: Generator) -> Arguments:
    N, m, n = distinct(rng, 3, range(60, 70))  # so large that a buffer of einsum is small beside it
    return {"R": normal(rng, N, m), "X": normal(rng, N, n)}


def squared_norms(R: Any, X: Any) -> Any:
    return (R**2).sum(axis=1) * (X**2).sum(axis=1)


def frugally(function: Callable[..., Any], R: Any, X: Any) -> tuple[Any, bool]:
    """The answer, and whether it came without an array as large as all gradients together."""
    tracemalloc.start()
    try:
        answer = function(R, X)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return answer, most < 8 * len(R) * R.shape[1] * X.shape[1]


def wastefully(R: Any, X: Any) -> Any:
    np.empty((len(R), R.shape[1], X.shape[1]))
    return squared_norms(R, X)


check_norms = Exercise(
    truth=squared_norms,
    draw=draw_batch,
    use=frugally,
    parts=("norms", "frugal"),
    mistakes={
        "an array as large as all gradients together was built on the way": wastefully,
        "the two squared norms are added": lambda R, X: (R**2).sum(axis=1) + (X**2).sum(axis=1),
        "the norm, and its square is asked for": lambda R, X: np.sqrt(squared_norms(R, X)),
        "the whole batch's gradient, where each example's is asked for": lambda R, X: np.sum(
            (R.T @ X) ** 2
        ),
        "the norms of all of R and all of X, where each example has its own": lambda R, X: (
            np.sum(R**2) * np.sum(X**2)
        ),
        "summed over the batch": lambda R, X: np.sum(squared_norms(R, X)),
        "the norm of R alone": lambda R, X: (R**2).sum(axis=1),
        "the sum of the gradient's entries, squared, where each is squared and then summed": (
            lambda R, X: (R.sum(axis=1) * X.sum(axis=1)) ** 2
        ),
    },
)


def draw_input(rng: Generator) -> Arguments:
    x = normal(rng, int(rng.integers(2, 5)))
    while abs(x @ x - 1) < 0.1 or abs(x.sum() + 1) < 0.1:  # where a wrong rate is right, or none
        x = normal(rng, len(x))
    return {"x": x}


check_largest_rate = Exercise(
    truth=lambda x: 2 / (x @ x + 1),
    draw=draw_input,
    mistakes={
        "b steps too, and moves z by the residual once more": lambda x: 2 / (x @ x),
        "this rate takes the residual to 0 in one step, and it may go to the other side": (
            lambda x: 1 / (x @ x + 1)
        ),
        "b is left out, and this rate takes the residual only to 0": lambda x: 1 / (x @ x),
        "the length of x, and its square is what counts": lambda x: 2 / (np.sqrt(x @ x) + 1),
        "upside down": lambda x: (x @ x + 1) / 2,
        "a step on W moves z by r times x @ x, not by r times the sum of x": lambda x: (
            2 / (x.sum() + 1)
        ),
    },
)
