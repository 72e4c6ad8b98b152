"""Broken gradients of losses."""

from typing import Any

import numpy as np

from scalarloss.check import Array, Arrays
from scalarloss.gallery.base import Broken, Generator, Layer, away, sides
from scalarloss.gallery.dense import sigmoid
from scalarloss.layers import squared_error, squared_error_backward


def draw_pair(rng: Generator) -> Arrays:
    shape = sides(rng, 2)
    y = rng.normal(size=shape)
    return {"y": y, "t": y - away(rng, *shape)}


def tidy_pair() -> Arrays:
    return {"y": np.array([[1.0, 2]]), "t": np.array([[0.0, 1]])}


def both(residual: Array) -> tuple[Array, Array]:
    return residual, -residual


SQUARED = Layer(
    "squared error",
    squared_error,
    lambda g, y, t: both(g * squared_error_backward(y, t)),
    draw_pair,
    tidy_pair,
)
MEAN_SQUARED = Layer(
    "mean squared error",
    lambda y, t: np.mean((y - t) ** 2),
    lambda g, y, t: both(2 * g * (y - t) / y.size),
    draw_pair,
    tidy_pair,
)
COLUMN = Layer(
    "mean squared error of a column",
    lambda y: np.mean((y - heights(y)[:, None]) ** 2),
    lambda g, y: 2 * g * (y - heights(y)[:, None]) / len(y),
    lambda rng: {"y": rng.normal(size=(int(rng.integers(3, 7)), 1))},
    lambda: {"y": np.array([[2.0]])},
)
ABSOLUTE = Layer(
    "absolute error of each entry",
    lambda y, t: np.abs(y - t),
    lambda g, y, t: both(g * np.sign(y - t)),
    draw_pair,
    tidy_pair,
)


def signs(z: Array) -> Array:
    """The targets of two classes, 1 and −1 in turn."""
    return np.asarray(np.where(np.arange(z.size).reshape(z.shape) % 2, -1.0, 1.0))


def draw_scores(rng: Generator) -> Arrays:
    """Scores of eight examples, of which four are inside the margin, two on either side."""
    z = np.array([2.0, -2, 3, -3, 0.5, 0.5, -1, -0.2])
    return {"z": z + rng.uniform(-0.4, 0.4, 8)}


SCORES: dict[str, Any] = {"draw": draw_scores, "tidy": lambda: {"z": np.array([0.5, 0.0])}}
HINGE = Layer(
    "hinge loss",
    lambda z: np.sum(np.maximum(0.0, 1 - signs(z) * z)),
    lambda g, z: -g * signs(z) * (signs(z) * z < 1),
    **SCORES,
)
LOGISTIC = Layer(
    "logistic loss of each example",
    lambda z: np.log1p(np.exp(-signs(z) * z)),
    lambda g, z: -g * signs(z) * sigmoid(-signs(z) * z),
    **SCORES,
)


def heights(y: Array) -> Array:
    """The targets of a column, as the flat array that they often are, (N,)."""
    return np.asarray(np.arange(len(y)) % 3 + 1.0)


X = np.array([[1.0, 2, 0], [0, 1, -1], [3, 0, 1], [1, 1, 1]])
DECAY = 0.01


def ridge(w: Array) -> Any:
    return 0.5 * np.sum((X[:, : w.size] @ w - 1) ** 2) + 0.5 * DECAY * np.sum(w**2)


def ridge_gradient(w: Array, decay: float = DECAY) -> Array:
    x = X[:, : w.size]
    return np.asarray(x.T @ (x @ w - 1) + decay * w)


RIDGE = Layer(
    "least squares with weight decay",
    ridge,
    lambda g, w: g * ridge_gradient(w),
    lambda rng: {"w": rng.normal(size=3)},
    lambda: {"w": np.zeros(3)},
)


def clipped(a: Array) -> Array:
    return np.asarray(a / max(1.0, 100 * float(np.linalg.norm(a))))


BROKEN = (
    Broken(
        SQUARED,
        "2 (y − t), where the loss has its ½",
        "factor",
        {"y": lambda g, y, t: 2 * g * (y - t)},
        "The rule for a square, by heart. A learning rate of half the size makes up for it.",
    ),
    Broken(
        SQUARED,
        "the target's gradient has the output's sign",
        "sign",
        {"t": lambda g, y, t: g * (y - t)},
        "Targets are seldom learnt. Where they are, they walk away from the output.",
    ),
    Broken(
        MEAN_SQUARED,
        "the mean is forgotten",
        "factor",
        {"y": lambda g, y, t: 2 * g * (y - t)},
        "A batch of one hides it, and so does a learning rate that was tuned with it.",
    ),
    Broken(
        MEAN_SQUARED,
        "the mean over the batch alone",
        "factor",
        {"y": lambda g, y, t: 2 * g * (y - t) / len(y)},
        "With one output a row, the two means are the same.",
    ),
    Broken(
        COLUMN,
        "(N, 1) less (N,)",
        "broadcast",
        {"y": lambda g, y: 2 * g * (y - heights(y)) / len(y)},
        "A batch of one hides it; later the table of pairs may be averaged away.",
    ),
    Broken(
        COLUMN,
        "(N, 1) less (N,), and the mean along the row",
        "broadcast",
        {"y": lambda g, y: (2 * g * (y - heights(y)) / len(y)).mean(axis=1, keepdims=True)},
        "The shape is right. All are pulled to the mean target, and the loss falls.",
    ),
    Broken(
        ABSOLUTE,
        "the difference for its sign",
        "local",
        {"y": lambda g, y, t: g * (y - t)},
        "It has the right sign everywhere: it is the gradient of the squared error.",
    ),
    Broken(
        HINGE,
        "the margin is forgotten",
        "mask",
        {"z": lambda g, z: -g * signs(z)},
        "Before training no example is beyond the margin.",
    ),
    Broken(
        LOGISTIC,
        "σ(t z) for σ(−t z)",
        "local",
        {"z": lambda g, z: -g * signs(z) * sigmoid(signs(z) * z)},
        "At z = 0, where training starts, both are one half.",
    ),
    Broken(
        LOGISTIC,
        "the sigmoid's slope, which the logarithm cancels, is left in",
        "local",
        {"z": lambda g, z: -g * signs(z) * sigmoid(-signs(z) * z) ** 2 * sigmoid(signs(z) * z)},
        "The sign is right; examples that are badly wrong stop learning.",
    ),
    Broken(
        RIDGE,
        "weight decay is forgotten",
        "decay",
        {"w": lambda g, w: g * ridge_gradient(w, 0.0)},
        "Its term is small beside the data's, and weights often start at zero.",
    ),
    Broken(
        RIDGE,
        "weight decay without its two",
        "decay",
        {"w": lambda g, w: g * ridge_gradient(w, 2 * DECAY)},
        "½ λ w² is written by some and λ w² by others.",
    ),
    Broken(
        RIDGE,
        "the learning rate is in the gradient",
        "factor",
        {"w": lambda g, w: 0.1 * g * ridge_gradient(w)},
        "The update is right if it multiplies by nothing; an optimiser multiplies again.",
    ),
    Broken(
        RIDGE,
        "clipped, and then checked",
        "not linear",
        {"w": lambda g, w: clipped(g * ridge_gradient(w))},
        "A small gradient passes untouched, and where it does not, it still points downhill.",
    ),
)
