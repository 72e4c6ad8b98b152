"""Broken backward passes of softmax, and of cross-entropy on it."""

import numpy as np

from scalarloss.check import Array, Arrays
from scalarloss.gallery.base import Broken, Generator, Layer
from scalarloss.layers import (
    cross_entropy,
    cross_entropy_backward,
    log_softmax,
    log_softmax_backward,
    softmax,
    softmax_backward,
)


def draw_logits(rng: Generator) -> Arrays:
    """Four or five classes, for two or three examples."""
    return {"z": rng.normal(size=rng.integers([2, 4], [4, 6]))}


def draw_square_logits(rng: Generator) -> Arrays:
    return {"z": rng.normal(size=(3, 3))}


def draw_classified(rng: Generator) -> Arrays:
    """Logits of 4 classes for 3 or 5 examples."""
    return {"z": rng.normal(size=(int(rng.choice([3, 5])), 4))}


def tidy_logits() -> Arrays:
    return {"z": np.array([[1.0, 2, 3]])}


def two_classes() -> Arrays:
    """The logits of the source article's second example."""
    return {"z": np.array([[1.5, 1.7]])}


def labels(z: Array) -> Array:
    """A label for each example: 0, 1, 0, 1, ..."""
    return np.arange(len(z)) % 2


def one_hot(z: Array) -> Array:
    return np.eye(z.shape[-1])[labels(z)]


def padded(z: Array) -> Array:
    """One-hot targets, and none for the last example of two or more, which is padding."""
    return one_hot(z) * (np.arange(len(z)) < max(1, len(z) - 1))[:, None]


def residual(z: Array) -> Array:
    return np.asarray(softmax(z) - one_hot(z))


def at_all_labels(g: Array, z: Array) -> Array:
    p = softmax(z)
    p[:, labels(z)] -= 1
    return np.asarray(g * p / len(z))


SOFTMAX = Layer(
    "softmax", softmax, lambda g, z: softmax_backward(g, softmax(z)), draw_logits, tidy_logits
)
LOG_SOFTMAX = Layer(
    "log-softmax",
    log_softmax,
    lambda g, z: log_softmax_backward(g, log_softmax(z)),
    draw_logits,
    tidy_logits,
)
CROSS_ENTROPY = Layer(
    "cross-entropy",
    lambda z: cross_entropy(z, labels(z), "mean"),
    lambda g, z: cross_entropy_backward(z, labels(z), "mean", g),
    draw_classified,
    two_classes,
)
LOSSES = Layer(
    "cross-entropy of each example",
    lambda z: cross_entropy(z, labels(z), "none"),
    lambda g, z: cross_entropy_backward(z, labels(z), "none", g),
    draw_classified,
    two_classes,
)
PADDED = Layer(
    "cross-entropy with padding",
    lambda z: cross_entropy(z, padded(z)),
    lambda g, z: cross_entropy_backward(z, padded(z), g=g),
    draw_classified,
    two_classes,
)

BROKEN = (
    Broken(
        SOFTMAX,
        "the diagonal alone, as for a sigmoid",
        "diagonal",
        {"z": lambda g, z: g * softmax(z) * (1 - softmax(z))},
        "A sigmoid's rule, well remembered; and the diagonal of the Jacobian is right.",
    ),
    Broken(
        SOFTMAX,
        "zeros",
        "zeros",
        {"z": lambda g, z: np.zeros(z.shape)},
        "The sum of a softmax is always 1, so a check through .sum() expects zeros.",
    ),
    Broken(
        SOFTMAX,
        "the factor p is missing",
        "local",
        {"z": lambda g, z: g - np.sum(g * softmax(z), axis=-1, keepdims=True)},
        "For g = 1 it is zero, as it should be; and it trains, for it never points uphill.",
    ),
    Broken(
        SOFTMAX,
        "the sum runs over the batch",
        "axis",
        {"z": lambda g, z: softmax(z) * (g - np.sum(g * softmax(z), axis=0, keepdims=True))},
        "axis=0 was right before there was a batch.",
    ),
    Broken(
        SOFTMAX,
        "keepdims is forgotten",
        "broadcast",
        {"z": lambda g, z: softmax(z) * (g - np.sum(g * softmax(z), axis=-1))},
        "With as many examples as classes there is no error, and g = 1 still gives zeros.",
        draw_square_logits,
    ),
    Broken(
        SOFTMAX,
        "the mean for the sum",
        "path",
        {"z": lambda g, z: softmax(z) * (g - np.mean(g * softmax(z), axis=-1, keepdims=True))},
        "A smaller share of a small term.",
    ),
    Broken(
        LOG_SOFTMAX,
        "g − p, as if g added up to 1",
        "not linear",
        {"z": lambda g, z: g - softmax(z)},
        "For one example it is right for every one-hot g: row by row it looks perfect.",
    ),
    Broken(
        CROSS_ENTROPY,
        "softmax's Jacobian once more on p − t",
        "jacobian twice",
        {"z": lambda g, z: g * softmax_backward(residual(z), softmax(z)) / len(z)},
        "Published. With two classes it is a factor of at most one half, and it trains.",
    ),
    Broken(
        CROSS_ENTROPY,
        "the mean is forgotten",
        "factor",
        {"z": lambda g, z: g * residual(z)},
        "With one example there is nothing to divide by.",
    ),
    Broken(
        CROSS_ENTROPY,
        "the mean over classes, too",
        "factor",
        {"z": lambda g, z: g * residual(z) / z.size},
        "The direction is right; only the learning rate seems too small.",
    ),
    Broken(
        CROSS_ENTROPY,
        "t − p",
        "sign",
        {"z": lambda g, z: -g * residual(z) / len(z)},
        "Someone then writes W + rate * dW, and both mistakes live happily.",
    ),
    Broken(
        CROSS_ENTROPY,
        "p[:, labels] −= 1 for p[range(N), labels] −= 1",
        "broadcast",
        {"z": at_all_labels},
        "With one example the two are the same.",
    ),
    Broken(
        LOSSES,
        "g is taken to be 1",
        "cotangent",
        {"z": lambda g, z: residual(z)},
        "True as long as the losses are summed, and nobody weighs an example.",
    ),
    Broken(
        LOSSES,
        "each example counts as much as the mean of g",
        "axis",
        {"z": lambda g, z: np.mean(g) * residual(z)},
        "Equal weights are all that a first test tries.",
    ),
    Broken(
        PADDED,
        "padding gets a gradient",
        "mask",
        {"z": lambda g, z: g * residual(z)},
        "The loss masks it, so the curve looks right; a batch of equal lengths has none.",
    ),
)
