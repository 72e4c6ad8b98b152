"""Broken backward passes of a convolution and of max-pooling."""

from typing import Any

import numpy as np

from scalarloss.check import Array, Arrays
from scalarloss.gallery.base import Broken, Generator, Layer
from scalarloss.layers import (
    conv2d,
    conv2d_backward,
    max_pool,
    max_pool_backward,
    squared_error,
    squared_error_backward,
)


def draw_conv(rng: Generator, c: int = 2, f: int = 3) -> Arrays:
    """Two small images of c channels, and f filters of 2 by 3 or 3 by 2."""
    kh, kw = rng.permutation([2, 3])
    shapes = {"x": (2, c, 4, 3), "w": (f, c, kh, kw), "b": (f,)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def tidy_conv() -> Arrays:
    """One image, one filter that is its own half turn."""
    return {
        "x": np.arange(1.0, 10).reshape(1, 1, 3, 3),
        "w": np.array([[[[1.0, 0], [0, 1]]]]),
        "b": np.zeros(1),
    }


CONV = Layer("convolution", conv2d, conv2d_backward, draw_conv, tidy_conv)
TARGET = np.array([[1.0, 0], [0, 1]])


def article_loss(x: Array, w: Array, b: Array) -> Any:
    return squared_error(conv2d(x, w, b), TARGET)


def article_backward(g: Array, x: Array, w: Array, b: Array) -> tuple[Array, Array, Array]:
    return conv2d_backward(g * squared_error_backward(conv2d(x, w, b), TARGET), x, w, b)


def article() -> Arrays:
    """The numbers of the source article's third example."""
    return {
        "x": np.array([[2.0, 3, 1], [4, 5, 2], [1, 6, 3]]),
        "w": np.array([[1.0, 0], [0, -1]]),
        "b": np.array(1.0),
    }


CONV_LOSS = Layer(
    "convolution and squared error",
    article_loss,
    article_backward,
    lambda rng: {n: np.asarray(rng.normal(size=a.shape)) for n, a in article().items()},
    article,
)
MAX_POOL = Layer(
    "max-pool",
    max_pool,
    max_pool_backward,
    lambda rng: {"x": rng.permutation(48).reshape(1, 3, 4, 4) / 10 - 2},
    lambda: {"x": np.array([[1.0, 0], [0, 0]])},
)


def unflipped(g: Array, x: Array, w: Array, b: Array) -> Array:
    return np.asarray(conv2d_backward(g, x, w[:, :, ::-1, ::-1], b)[0])


def last_example(g: Array, x: Array, w: Array, b: Array) -> Array:
    return np.asarray(conv2d_backward(g[-1:], x[-1:], w, b)[1])


def one_row_short(g: Array, x: Array, w: Array, b: Array) -> Array:
    g = g.copy()
    g[..., -1, :] = 0
    return np.asarray(conv2d_backward(g, x, w, b)[0])


def row_for_column(g: Array, x: Array) -> Array:
    turned = np.swapaxes(tiles(max_pool_backward(g, x)), -1, -2)
    return np.asarray(np.swapaxes(turned, -3, -2).reshape(x.shape))


def tiles(x: Array) -> Array:
    """The windows of two by two: (..., H, W) to (..., H / 2, W / 2, 2, 2)."""
    *batch, height, width = x.shape
    return np.swapaxes(x.reshape(*batch, height // 2, 2, width // 2, 2), -3, -2)


def to_all(g: Array, x: Array) -> Array:
    return np.asarray(g.repeat(2, axis=-2).repeat(2, axis=-1))


BROKEN = (
    Broken(
        CONV,
        "the filter is not flipped on the way back",
        "flipped",
        {"x": unflipped},
        "The first layer's input needs no gradient, and a symmetric filter is its own flip.",
    ),
    Broken(
        CONV,
        "the filter's gradient is flipped",
        "flipped",
        {"w": lambda g, x, w, b: conv2d_backward(g, x, w, b)[1][:, :, ::-1, ::-1]},
        "Right for a true convolution, which textbooks write and no framework computes.",
    ),
    Broken(
        CONV,
        "the bias is averaged over the picture",
        "factor",
        {"b": lambda g, x, w, b: g.mean(axis=(2, 3)).sum(axis=0)},
        "One number a filter, of the right sign: it learns, slowly.",
    ),
    Broken(
        CONV,
        "the bias gradient keeps the picture",
        "broadcast",
        {"b": lambda g, x, w, b: g.sum(axis=0)},
        "With an output of one pixel it broadcasts back to the right numbers.",
    ),
    Broken(
        CONV,
        "assigned in the loop over the batch, and not added",
        "batch",
        {"w": last_example},
        "Tests with one image cannot see it.",
    ),
    Broken(
        CONV,
        "filters and channels change places",
        "transposed",
        {"w": lambda g, x, w, b: np.swapaxes(conv2d_backward(g, x, w, b)[1], 0, 1)},
        "With as many filters as channels the shape is right; with one of each, all is.",
        lambda rng: draw_conv(rng, c=2, f=2),
    ),
    Broken(
        CONV,
        "the loop over rows stops one short",
        "part",
        {"x": one_row_short},
        "Most pixels are right, and the last rows of a picture are often blank.",
    ),
    Broken(
        CONV_LOSS,
        "the bias gradient is zero",
        "by accident",
        {"b": lambda g, x, w, b: np.zeros(b.shape)},
        "With the article's numbers the residuals add up to 0, and so the right one is 0, too.",
    ),
    Broken(
        MAX_POOL,
        "the whole window gets the gradient",
        "mask",
        {"x": to_all},
        "Each window's winner is right; in a blank one all are equal anyway.",
    ),
    Broken(
        MAX_POOL,
        "row for column inside the window",
        "order",
        {"x": row_for_column},
        "Half of all winners lie on the diagonal, where the two agree.",
    ),
)
