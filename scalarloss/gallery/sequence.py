"""Broken backward passes of what sequences are made of: layer norm, a recurrent step, attention."""

import math
from typing import Any

import numpy as np

from scalarloss.check import Array, Arrays
from scalarloss.gallery.base import Broken, Generator, Layer, sides
from scalarloss.layers import (
    attention,
    attention_backward,
    layer_norm,
    layer_norm_backward,
    normal_form,
    recurrent_step,
    recurrent_step_backward,
    softmax,
    softmax_backward,
)

EPS = 1e-3  # what a layer norm adds to its variance


def draw_norm(rng: Generator) -> Arrays:
    count, n = int(rng.integers(2, 4)), int(rng.integers(4, 6))
    spread = rng.permuted(np.tile(np.arange(n) - (n - 1) / 2, (count, 1)), axis=1)
    return {
        "x": spread + rng.normal(scale=0.3, size=(count, n)),
        "gamma": rng.normal(size=n),
        "beta": rng.normal(size=n),
    }


LAYER_NORM = Layer(
    "layer norm",
    lambda x, gamma, beta: layer_norm(x, gamma, beta, EPS),
    lambda g, x, gamma, beta: layer_norm_backward(g, x, gamma, beta, EPS),
    draw_norm,
    lambda: {"x": np.array([[1.0, 2, 3]]), "gamma": np.ones(3), "beta": np.zeros(3)},
)


def normed(g: Array, x: Array, gamma: Array, *, mean: int = 1, deviation: int = 1) -> Array:
    """A layer norm's dx, with or without the paths through the mean and the deviation."""
    z, sigma = normal_form(x, EPS)
    u = gamma * g
    through = mean * np.mean(u, axis=-1, keepdims=True)
    along = deviation * z * np.mean(u * z, axis=-1, keepdims=True)
    return np.asarray((u - through - along) / sigma)


def without_eps(g: Array, x: Array, gamma: Array) -> Array:
    return np.asarray(normed(g, x, gamma) * normal_form(x, EPS)[1] / x.std(axis=-1, keepdims=True))


def draw_step(rng: Generator, m: int = 0) -> Arrays:
    n, other, count = sides(rng, 3)
    m = m or other
    shapes = {"x": (count, n), "h": (count, m), "Wx": (m, n), "Wh": (m, m), "b": (m,)}
    return {name: rng.normal(scale=0.7, size=shape) for name, shape in shapes.items()}


STEP = Layer(
    "recurrent step",
    recurrent_step,
    recurrent_step_backward,
    draw_step,
    lambda: {
        "x": np.array([[1.0, 2]]) / 4,
        "h": np.zeros((1, 2)),
        "Wx": np.eye(2),
        "Wh": np.eye(2),
        "b": np.zeros(2),
    },
)


def unrolled(xs: Array, W: Array) -> Array:
    """All states of h' = tanh(x + W h), from h = 0."""
    states = [np.zeros(W.shape[0])]
    for x in xs:
        states.append(np.tanh(x + W @ states[-1]))
    return np.stack(states[1:])


def unrolled_backward(
    g: Array, xs: Array, W: Array, carry: int = 1, first: int = 0
) -> tuple[Array, Array]:
    """Back through all steps, or without what a state `carry`s back, or from the `first` on."""
    states, dh = unrolled(xs, W), np.zeros(W.shape[0])
    before = np.concatenate([np.zeros((1, len(W))), states[:-1]])
    dxs, dW = np.zeros(xs.shape), np.zeros(W.shape)
    for t in range(len(xs) - 1, -1, -1):
        a = (g[t] + carry * dh) * (1 - states[t] ** 2)
        dxs[t], dh = a, W.T @ a
        dW += np.outer(a, before[t]) * (t >= first)
    return dxs, dW


UNROLLED = Layer(
    "recurrent network",
    unrolled,
    unrolled_backward,
    lambda rng: {"xs": rng.normal(size=(4, 3)), "W": rng.normal(scale=0.7, size=(3, 3))},
    lambda: {"xs": np.array([[0.5, -0.5]]), "W": np.array([[0.5, 0], [0, 0.5]])},
)


def draw_attention(rng: Generator) -> Arrays:
    t, s = (int(n) for n in rng.permutation([2, 4, 5])[:2])
    s = max(s, 4)
    shapes = {"q": (t, 3), "k": (s, 3), "v": (s, 4)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def draw_self_attention(rng: Generator) -> Arrays:
    return {n: rng.normal(size=(3, 4)) for n in "qkv"}


def tidy_attention() -> Arrays:
    one = np.eye(2)
    return {"q": one, "k": one.copy(), "v": one.copy()}


ATTENTION = Layer("attention", attention, attention_backward, draw_attention, tidy_attention)


def weights(q: Array, k: Array) -> Array:
    return softmax(q @ k.T / math.sqrt(q.shape[-1]))


def by_diagonal(g: Array, q: Array, k: Array, v: Array) -> Array:
    p = weights(q, k)
    return np.asarray(p * (g @ v.T) @ k / math.sqrt(q.shape[-1]))


def along_queries(g: Array, q: Array, k: Array, v: Array) -> Array:
    s = softmax_backward(g @ v.T, weights(q, k), axis=0)
    return np.asarray(s @ k / math.sqrt(q.shape[-1]))


def unscaled(part: int) -> Any:
    def slip(g: Array, q: Array, k: Array, v: Array) -> Array:
        return np.asarray(attention_backward(g, q, k, v)[part] * math.sqrt(q.shape[-1]))

    return slip


def slope_forgotten(g: Array, x: Array, h: Array, Wx: Array, Wh: Array, b: Array) -> Array:
    return np.asarray(g @ Wx)


BROKEN = (
    Broken(
        LAYER_NORM,
        "the deviation is held still",
        "path",
        {"x": lambda g, x, gamma, beta: normed(g, x, gamma, deviation=0)},
        "The remaining term is the larger one.",
    ),
    Broken(
        LAYER_NORM,
        "the mean is held still",
        "path",
        {"x": lambda g, x, gamma, beta: normed(g, x, gamma, mean=0)},
        "A shift of all entries, which the next normalisation takes out again.",
    ),
    Broken(
        LAYER_NORM,
        "the division by σ is forgotten",
        "local",
        {"x": lambda g, x, gamma, beta: normed(g, x, gamma) * normal_form(x, EPS)[1]},
        "With inputs of deviation 1, as after a good initialisation, it is a division by 1.",
    ),
    Broken(
        LAYER_NORM,
        "γ is forgotten on the way back",
        "local",
        {"x": lambda g, x, gamma, beta: normed(g, x, np.ones(gamma.shape))},
        "γ starts at 1: the first steps are right.",
    ),
    Broken(
        LAYER_NORM,
        "dγ gets what dβ should",
        "swapped",
        {"gamma": lambda g, x, gamma, beta: g.sum(axis=0)},
        "The shapes are equal.",
    ),
    Broken(
        LAYER_NORM,
        "ε is left out of σ on the way back",
        "local",
        {"x": lambda g, x, gamma, beta: without_eps(g, x, gamma)},
        "A difference in the fourth digit, unless a row is nearly constant.",
    ),
    Broken(
        STEP,
        "tanh's slope is forgotten",
        "local",
        {"x": slope_forgotten},
        "Near 0 the slope is 1.",
    ),
    Broken(
        STEP,
        "the state's outer product the wrong way round",
        "transposed",
        {"Wh": lambda g, x, h, Wx, Wh, b: recurrent_step_backward(g, x, h, Wx, Wh, b)[3].T},
        "Wh is always square; and from a state of zeros the gradient is zero either way.",
    ),
    Broken(
        STEP,
        "Whᵀ in place of Wh, back to the state",
        "transposed",
        {"h": lambda g, x, h, Wx, Wh, b: recurrent_step_backward(g, x, h, Wx, Wh.T, b)[1]},
        "Wh often starts as the identity, or nearly.",
    ),
    Broken(
        UNROLLED,
        "nothing is carried from step to step",
        "path",
        {"W": lambda g, xs, W: unrolled_backward(g, xs, W, carry=0)[1]},
        "The last step is right, and short memories can still be learnt.",
    ),
    Broken(
        UNROLLED,
        "the weight's gradient of the last step alone",
        "path",
        {"W": lambda g, xs, W: unrolled_backward(g, xs, W, first=len(xs) - 1)[1]},
        "Assigned in the loop over time, and not added: right for a sequence of one.",
    ),
    Broken(
        ATTENTION,
        "1 / √d is forgotten on the way to q",
        "factor",
        {"q": unscaled(0)},
        "A larger learning rate for two matrices of many, and the right direction.",
    ),
    Broken(
        ATTENTION,
        "p in place of pᵀ, back to the values",
        "transposed",
        {"v": lambda g, q, k, v: weights(q, k) @ g},
        "In self-attention p is square.",
        draw_self_attention,
    ),
    Broken(
        ATTENTION,
        "dq and dk change places",
        "swapped",
        {
            "q": lambda g, q, k, v: attention_backward(g, q, k, v)[1],
            "k": lambda g, q, k, v: attention_backward(g, q, k, v)[0],
        },
        "In self-attention all shapes are equal.",
        draw_self_attention,
    ),
    Broken(
        ATTENTION,
        "the diagonal of softmax's Jacobian alone",
        "path",
        {"q": by_diagonal},
        "With sharp attention both terms are small.",
    ),
    Broken(
        ATTENTION,
        "softmax's Jacobian along the queries",
        "axis",
        {"q": along_queries},
        "The shape is right, and the values' gradient is not touched.",
    ),
)
