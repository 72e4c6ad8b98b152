"""Broken backward passes of a dense layer, and of what is done entry by entry."""

import math
from typing import Any

import numpy as np

from scalarloss.check import Array, Arrays
from scalarloss.gallery.base import Broken, Generator, Layer, away, sides
from scalarloss.layers import dense, dense_backward


def draw_dense(rng: Generator, n: int = 0, m: int = 0, count: int = 0) -> Arrays:
    a, b, c = sides(rng, 3)
    n, m, count = n or a, m or b, count or c
    shapes = {"x": (count, n), "W": (m, n), "b": (m,)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


DENSE = Layer(
    "dense",
    dense,
    dense_backward,
    draw_dense,
    lambda: {"x": np.array([[1.0, 2]]), "W": np.array([[1.0, 2], [2, 1]]), "b": np.zeros(2)},
)


class Accumulated:
    """A gradient that is added to what the last call left."""

    total: Any = 0.0

    def __call__(self, g: Array, x: Array, W: Array, b: Array) -> Array:
        self.total = self.total + g.T @ x
        return np.asarray(self.total)


def entrywise(name: str, f: Any, slope: Any) -> Layer:
    """A function of one array, entry by entry, with its slope."""
    return Layer(
        name,
        f,
        lambda g, x: g * slope(x),
        lambda rng: {"x": away(rng, *sides(rng, 2))},
        lambda: {"x": np.array([[1.0, 2], [3, 4]])},
    )


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def gelu(x: Array) -> Array:
    return np.asarray(0.5 * x * (1 + np.tanh(bent(x))))


def bent(x: Array) -> Array:
    return np.asarray(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))


def gelu_slope(x: Array) -> Array:
    t, inner = np.tanh(bent(x)), math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
    return np.asarray(0.5 * (1 + t) + 0.5 * x * (1 - t**2) * inner)


def exact_gelu_slope(x: Array) -> Array:
    phi = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return np.asarray(0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) + x * phi)


def cumulated(g: Array, x: Array) -> Array:
    dx = g.copy()
    for i in range(len(g) - 2, 0, -1):
        dx[i] += dx[i + 1]
    return dx


RELU = entrywise("relu", lambda x: np.maximum(x, 0.0), lambda x: x > 0)
LEAKY = entrywise(
    "leaky relu", lambda x: np.where(x > 0, x, 0.01 * x), lambda x: np.where(x > 0, 1, 0.01)
)
TANH = entrywise("tanh", lambda x: np.tanh(x), lambda x: 1 - np.tanh(x) ** 2)
SIGMOID = entrywise("sigmoid", sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)))
GELU = entrywise("gelu", gelu, gelu_slope)
RESIDUAL = Layer(
    "residual",
    lambda x, W: x + np.tanh(x @ W),
    lambda g, x, W: (
        g + (g * (1 - np.tanh(x @ W) ** 2)) @ W.T,
        x.T @ (g * (1 - np.tanh(x @ W) ** 2)),
    ),
    lambda rng: {"x": rng.normal(size=(3, 4)), "W": rng.normal(size=(4, 4))},
    lambda: {"x": np.array([[1.0, 2]]), "W": np.array([[1.0, 2], [2, 1]])},
)
CUMSUM = Layer(
    "cumulative sum",
    lambda x: np.cumsum(x),
    lambda g, x: np.cumsum(g[::-1])[::-1],
    lambda rng: {"x": rng.normal(size=int(rng.integers(4, 7)))},
    lambda: {"x": np.array([1.0, 2, 3])},
)
WORDS = np.array([0, 2, 2, 1, 0])  # the words of a sentence, two of them twice
EMBEDDING = Layer(
    "embedding",
    lambda E: E[WORDS],
    lambda g, E: np.stack([g[k == WORDS].sum(axis=0) for k in range(len(E))]),
    lambda rng: {"E": rng.normal(size=(4, sides(rng, 1)[0]))},
    lambda: {"E": np.eye(4)},
)


def overwritten(g: Array, E: Array) -> Array:
    dE = np.zeros(E.shape)
    dE[WORDS] += g
    return dE


def square(rng: Generator) -> Arrays:
    return draw_dense(rng, n=3, m=3, count=4)


BROKEN = (
    Broken(
        DENSE,
        "Wᵀ in place of W, back to the input",
        "transposed",
        {"x": lambda g, x, W, b: g @ W.T},
        "A square layer has room for either, and a symmetric test matrix is its own transpose.",
        square,
    ),
    Broken(
        DENSE,
        "the outer product the wrong way round",
        "transposed",
        {"W": lambda g, x, W, b: x.T @ g},
        "Only a layer with as many inputs as outputs takes it without an error.",
        square,
    ),
    Broken(
        DENSE,
        "a gradient shaped like Wᵀ",
        "transposed",
        {"W": lambda g, x, W, b: x.T @ g},
        "The update W -= rate * dW fails at once; a hand-written comparison may broadcast.",
    ),
    Broken(
        DENSE,
        "the mean over the batch, in a layer whose loss takes it already",
        "factor",
        {"W": lambda g, x, W, b: g.T @ x / len(x)},
        "The direction is right, and a larger learning rate makes up for it.",
    ),
    Broken(
        DENSE,
        "the bias is averaged over the batch, the weights are summed",
        "factor",
        {"b": lambda g, x, W, b: g.mean(axis=0)},
        "The loss still falls: a bias that learns slowly is seldom missed.",
    ),
    Broken(
        DENSE,
        "the bias gradient is not summed over the batch",
        "batch",
        {"b": lambda g, x, W, b: g},
        "b - rate * db broadcasts: each example gets a bias of its own, and fits all the better.",
    ),
    Broken(
        DENSE,
        "the bias gradient is summed over the outputs",
        "axis",
        {"b": lambda g, x, W, b: g.sum(axis=1)},
        "With as many examples as outputs, the shape is right.",
        lambda rng: draw_dense(rng, n=2, m=3, count=3),
    ),
    Broken(
        DENSE,
        "the bias gradient is summed over everything",
        "axis",
        {"b": lambda g, x, W, b: np.full(b.shape, g.sum())},
        "g.sum() without an axis is one number, and broadcasts over the bias.",
    ),
    Broken(
        DENSE,
        "assigned in the loop over the batch, and not added",
        "batch",
        {"W": lambda g, x, W, b: np.outer(g[-1], x[-1])},
        "One example's gradient is a fair sample of the batch's: noisy, and it trains.",
    ),
    Broken(
        DENSE,
        "the weights are updated before they are used",
        "not linear",
        {"x": lambda g, x, W, b: g @ (W - 0.01 * g.T @ x)},
        "The error shrinks with the learning rate.",
    ),
    Broken(
        DENSE,
        "never set to zero between two calls",
        "state",
        {"W": Accumulated()},
        "The first call is right, and most tests make one call.",
    ),
    Broken(
        DENSE,
        "stored in an array of whole numbers",
        "cut off",
        {"b": lambda g, x, W, b: g.sum(axis=0).astype(int)},
        "np.zeros_like of whole numbers is whole; assigning to it cuts off without a warning.",
        lambda rng: draw_dense(rng, m=6, count=8),
    ),
    Broken(
        DENSE,
        "sent in half precision",
        "rounding",
        {"W": lambda g, x, W, b: (g.T @ x).astype(np.float16).astype(np.float64)},
        "Three digits are right, and noise in the fourth does not stop training.",
    ),
    Broken(
        RELU,
        "the mask is asked of the output, with >=",
        "mask",
        {"x": lambda g, x: g * (np.maximum(x, 0) >= 0)},
        "The output is nowhere negative, so all pass: the layer learns as if it were linear.",
    ),
    Broken(
        RELU,
        "the mask is asked of g",
        "not linear",
        {"x": lambda g, x: g * (g > 0)},
        "Where all inputs and all of g are positive, as in a first test, nothing is masked.",
    ),
    Broken(
        LEAKY,
        "the small slope is forgotten",
        "mask",
        {"x": lambda g, x: g * (x > 0)},
        "A slope of 0.01 is within the tolerance of many a check.",
    ),
    Broken(
        TANH,
        "1 − x² for 1 − y²",
        "local",
        {"x": lambda g, x: g * (1 - x**2)},
        "Near 0 tanh is the identity, and small weights keep it there.",
    ),
    Broken(
        SIGMOID,
        "the slope is taken at the output",
        "local",
        {"x": lambda g, x: g * sigmoid(sigmoid(x)) * (1 - sigmoid(sigmoid(x)))},
        "It is positive either way, so no sign is wrong.",
    ),
    Broken(
        GELU,
        "the slope of another formula for the same curve",
        "local",
        {"x": lambda g, x: g * exact_gelu_slope(x)},
        "The two slopes differ by less than a thousandth.",
    ),
    Broken(
        RESIDUAL,
        "= for += where two paths meet",
        "path",
        {"x": lambda g, x, W: (g * (1 - np.tanh(x @ W) ** 2)) @ W.T},
        "What is left is a gradient, of a network without the path.",
    ),
    Broken(
        CUMSUM,
        "the loop stops one short",
        "one entry",
        {"x": cumulated},
        "One entry among many, at the edge, where nobody looks.",
    ),
    Broken(
        EMBEDDING,
        "dE[rows] += g, which adds once where a row is named twice",
        "part",
        {"E": overwritten},
        "A test sentence in which no word comes twice is not enough.",
    ),
)
