"""Forty more broken backward passes, learned from public code that the diagnosis was not built on.

Each is a mistake that somebody made in a network written by hand, or in a framework's own rules,
and that somebody else reported; `source` links to where. The mistake was learned and written anew,
small, in NumPy; no line is theirs, and most are mended there by now.

FOUND      all of them
FIRST      how many `diagnose_backward` named truly, not at all and falsely when it first met them
measure()  which it names truly, which not at all, and which falsely, now
"""

import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarloss.check import Array, Arrays
from scalarloss.diagnose import Diagnosis, diagnose_backward
from scalarloss.diagnosis import Kind
from scalarloss.gallery.base import Backward, Draw, away
from scalarloss.gallery.dense import sigmoid
from scalarloss.layers import (
    attention,
    attention_backward,
    conv2d,
    conv2d_backward,
    cross_entropy,
    cross_entropy_backward,
    dense,
    layer_norm,
    layer_norm_backward,
    log_softmax,
    log_softmax_backward,
    normal_form,
    softmax,
    softmax_backward,
)

GITHUB = "https://github.com/"
FIRST = (30, 7, 3)


@dataclass(frozen=True, eq=False)
class Found:
    """A backward pass with one mistake, and where it was met.

    source    where the mistake was reported, or stands
    mistake   what it is
    kinds     what it may truly be called, one or more
    f, right  the forward f(**arrays), and its right backward(g, **arrays): gradients by name
    wrong     what the broken one returns for some arrays, by name: a function of (g, **arrays)
    draw      random arrays
    """

    source: str
    mistake: str
    kinds: tuple[Kind, ...]
    f: Callable[..., Any]
    right: Backward
    wrong: Backward
    draw: Draw

    @property
    def backward(self) -> Backward:
        """The broken backward pass, new: what an earlier one has kept in mind is forgotten."""
        wrong = deepcopy(self.wrong)
        return lambda g, **arrays: {**self.right(g, **arrays), **wrong(g, **arrays)}

    def diagnosis(self, seed: int = 0) -> Diagnosis:
        return diagnose_backward(
            self.f, self.backward, self.draw(np.random.default_rng(seed)), seed=seed
        )

    def __repr__(self) -> str:
        return f"{self.mistake} ({self.source.removeprefix(GITHUB)})"


def measure(seed: int = 0) -> tuple[list[Found], list[Found], list[Found]]:
    """The forty in three lists: named truly, not named, and named falsely."""
    named, unsure, false = list[Found](), list[Found](), list[Found]()
    for found in FOUND:
        kind = found.diagnosis(seed).kind
        (named if kind in found.kinds else unsure if kind == "unsure" else false).append(found)
    return named, unsure, false


def normals(**shapes: tuple[int, ...]) -> Draw:
    """Draws normal arrays of these shapes, by name."""
    return lambda rng: {name: rng.normal(size=shape) for name, shape in shapes.items()}


def positive(**shapes: tuple[int, ...]) -> Draw:
    return lambda rng: {name: rng.uniform(0.3, 2, shape) for name, shape in shapes.items()}


def entrywise(slope: Callable[[Array], Any]) -> Backward:
    return lambda g, x: {"x": g * slope(x)}


def named(backward: Callable[..., Any]) -> Callable[..., Arrays]:
    """A backward pass of the layers', its gradients by name."""

    def by_name(g: Array, **arrays: Array) -> Arrays:
        return dict(zip(arrays, backward(g, **arrays), strict=True))

    return by_name


# Arithmetic, and what an engine does


def product_right(g: Array, A: Array, B: Array) -> Arrays:
    return {"A": g @ B.T, "B": A.T @ g}


def weigh_right(g: Array, x: Array, mask: Array) -> Arrays:
    return {"x": g * mask, "mask": np.sum(g * x, axis=-1, keepdims=True)}


def sigmoid_layer(x: Array, W: Array, b: Array) -> Array:
    return sigmoid(x @ W.T + b)


def sigmoid_layer_right(g: Array, x: Array, W: Array, b: Array) -> Arrays:
    y = sigmoid_layer(x, W, b)
    return through_dense(g * y * (1 - y), x, W, b)


def through_dense(g: Array, x: Array, W: Array, b: Array) -> Arrays:
    return {"x": g @ W, "W": g.T @ x, "b": g.sum(axis=0)}


class KeptBetween:
    """A dense layer after a tanh, whose inner node keeps what the last call left in it."""

    inner: Any = 0.0

    def __call__(self, g: Array, x: Array, W: Array) -> Arrays:
        self.inner = self.inner + g @ W
        return {"x": self.inner * (1 - np.tanh(x) ** 2)}


WORDS = np.array([[0, 2, 2], [1, 1, 3]])  # each row names a word twice


def look_up_right(g: Array, C: Array) -> Arrays:
    dC = np.zeros_like(C)
    np.add.at(dC, WORDS, g)
    return {"C": dC}


def look_up_wrong(g: Array, C: Array) -> Arrays:
    dC = np.zeros_like(C)
    for words, each in zip(WORDS, g, strict=True):
        dC[words] += each
    return {"C": dC}


BASES = np.array([0.0, 0.7, 2.0])


def powers_right(g: Array, p: Array) -> Arrays:
    logs = np.log(np.where(BASES, BASES, 1.0))
    return {"p": g * BASES**p * logs}


def powers_wrong(g: Array, p: Array) -> Arrays:
    with np.errstate(all="ignore"):
        return {"p": g * BASES**p * np.log(BASES)}


def every_other(g: Array, x: Array) -> Arrays:
    dx = np.zeros_like(x)
    dx[:, ::2] = g
    return {"x": dx}


TURN = (1, 2, 0)

ENGINE = (
    Found(
        "https://github.com/KhawajaAbaid/micrograd_c/issues/1",
        "a − b gives g to b too",
        ("sign",),
        lambda a, b: a - b,
        lambda g, a, b: {"a": g, "b": -g},
        lambda g, a, b: {"b": g},
        normals(a=(3, 2), b=(3, 2)),
    ),
    Found(
        "https://github.com/Shubham-cyber-prog/100-Days-Of-Web-Development-ECWoC26/pull/1378",
        "a product takes its output where its gradient is meant",
        ("cotangent",),
        lambda A, B: A @ B,
        product_right,
        lambda g, A, B: product_right(A @ B, A, B),
        normals(A=(2, 3), B=(3, 4)),
    ),
    Found(
        "https://github.com/deeplearning4j/nd4j/issues/2424",
        "a row that was broadcast gets a gradient that is not summed",
        ("batch", "broadcast"),
        lambda a, row: a + row,
        lambda g, a, row: {"a": g, "row": g.sum(axis=0, keepdims=True)},
        lambda g, a, row: {"row": g},
        normals(a=(3, 4), row=(1, 4)),
    ),
    Found(
        "https://github.com/tenstorrent/tt-metal/issues/40008",
        "a mask with one column gets a column for each feature",
        ("broadcast",),
        lambda x, mask: x * mask,
        weigh_right,
        lambda g, x, mask: {"mask": g * x},
        normals(x=(2, 3, 4), mask=(2, 3, 1)),
    ),
    Found(
        "https://github.com/rust0258/Deeplearning.ai-Natural-Language-Processing-Specialization/pull/70",
        "the bias gets the gradient of the weights, summed over the inputs",
        ("local",),
        dense,
        through_dense,
        lambda g, x, W, b: {"b": (g.T @ x).sum(axis=1)},
        normals(x=(3, 4), W=(2, 4), b=(2,)),
    ),
    Found(
        "https://github.com/Bot-Academy/NeuralNetworkFromScratch/pull/3",
        "the last layer's slope is left out",
        ("local",),
        sigmoid_layer,
        sigmoid_layer_right,
        through_dense,
        normals(x=(4, 3), W=(2, 3), b=(2,)),
    ),
    Found(
        "https://github.com/harvard-edge/cs249r_book/pull/1781",
        "a matrix times a vector, where .T of the vector does nothing",
        ("shape", "broadcast", "axis"),
        lambda A, b: A @ b,
        lambda g, A, b: {"A": np.outer(g, b), "b": A.T @ g},
        lambda g, A, b: {"A": np.matmul(g, b.T)},
        normals(A=(3, 3), b=(3,)),
    ),
    Found(
        "https://github.com/karpathy/nn-zero-to-hero/issues/52",
        "exp assigns its gradient, and what the product has left there is lost",
        ("local", "path"),
        lambda x: x * np.exp(x),
        entrywise(lambda x: (1 + x) * np.exp(x)),
        entrywise(lambda x: x * np.exp(x)),
        normals(x=(5,)),
    ),
    Found(
        "https://github.com/karpathy/micrograd/pull/102",
        "an inner node is never set to zero",
        ("state",),
        lambda x, W: np.tanh(x) @ W.T,
        lambda g, x, W: {"x": g @ W * (1 - np.tanh(x) ** 2), "W": g.T @ np.tanh(x)},
        KeptBetween(),
        normals(x=(3, 4), W=(2, 4)),
    ),
    Found(
        "https://github.com/karpathy/nn-zero-to-hero/issues/57",
        "row by row, a word that is named twice is counted once",
        ("part",),
        lambda C: C[WORDS],
        look_up_right,
        look_up_wrong,
        normals(C=(5, 2)),
    ),
    Found(
        "https://github.com/tinygrad/tinygrad/issues/155",
        "0 to the power p, differentiated with a logarithm of 0",
        ("not finite",),
        lambda p: BASES**p,
        powers_right,
        powers_wrong,
        positive(p=(2, 3)),
    ),
    Found(
        "https://github.com/tinygrad/tinygrad/pull/377",
        "every second column is taken on the way back as well",
        ("shape",),
        lambda x: x[:, ::2],
        every_other,
        lambda g, x: {"x": g[:, ::2]},
        normals(x=(2, 6)),
    ),
    Found(
        "https://github.com/flexflow/flexflow-train/pull/1676",
        "a transpose of three axes goes back by the same turn, not the inverse",
        ("transposed", "order"),
        lambda x: np.transpose(x, TURN),
        lambda g, x: {"x": np.transpose(g, np.argsort(TURN))},
        lambda g, x: {"x": np.transpose(g, TURN)},
        normals(x=(3, 3, 3)),
    ),
)

# Entry by entry

KEPT = np.random.default_rng(0).random((3, 4)) > 0.4  # a dropout's draw, fixed


def margins_right(g: Array, d: Array) -> Arrays:
    return {"d": g * np.where(d >= 1, 0.0, np.where(d < -1, -4.0, -2 * (1 - d)))}


def margins(d: Array) -> Array:
    return np.where(d < -1, -4 * d, np.maximum(1 - d, 0) ** 2)


def huber(y: Array, t: Array) -> Array:
    r = np.abs(y - t)
    return np.asarray(np.where(r < 1, 0.5 * r**2, r - 0.5).sum(axis=1))


def huber_right(g: Array, y: Array, t: Array) -> Arrays:
    dy = g[:, None] * np.clip(y - t, -1, 1)
    return {"y": dy, "t": -dy}


ENTRIES = (
    Found(
        "https://github.com/pjreddie/darknet/pull/252",
        "swish: a slope in terms of the output is handed the input",
        ("local",),
        lambda x: x * sigmoid(x),
        entrywise(lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x)))),
        entrywise(lambda x: x + sigmoid(x) * (1 - x)),
        normals(x=(3, 2)),
    ),
    Found(
        "https://github.com/apache/tvm/pull/7340",
        "tanh: g · 1 − y² for g (1 − y²)",
        ("not linear",),
        lambda x: np.tanh(x),
        entrywise(lambda x: 1 - np.tanh(x) ** 2),
        lambda g, x: {"x": g - np.tanh(x) ** 2},
        normals(x=(3, 2)),
    ),
    Found(
        "https://github.com/ddbourgin/numpy-ml/issues/94",
        "dropout: scaled on the way back, and not masked",
        ("mask",),
        lambda x: x * KEPT / 0.6,
        entrywise(lambda x: KEPT / 0.6),
        entrywise(lambda x: 1 / 0.6),
        normals(x=(3, 4)),
    ),
    Found(
        "https://github.com/tenstorrent/tt-metal/pull/52144",
        "3 to the power x, differentiated as x to the power 3",
        ("local",),
        lambda x: 3.0**x,
        entrywise(lambda x: 3.0**x * math.log(3)),
        entrywise(lambda x: 3 * x**2),
        normals(x=(4,)),
    ),
    Found(
        "https://github.com/ahrefs/ocannl/issues/73",
        "x to the power 3, with the slope of a ReLU",
        ("local",),
        lambda x: x**3,
        entrywise(lambda x: 3 * x**2),
        entrywise(lambda x: x > 0),
        lambda rng: {"x": away(rng, 3, 2)},
    ),
    Found(
        "https://github.com/chainer/chainer/issues/1175",
        "Huber's loss: g is ignored",
        ("cotangent",),
        huber,
        huber_right,
        lambda g, y, t: huber_right(np.ones_like(g), y, t),
        normals(y=(3, 4), t=(3, 4)),
    ),
    Found(
        "https://github.com/stdlib-js/stdlib/issues/13111",
        "modified Huber loss: a 2 forgotten in the middle, and no end on the right",
        ("local",),
        margins,
        margins_right,
        lambda g, d: {"d": g * np.where(d < -1, -4.0, d - 1)},
        lambda rng: {"d": rng.permutation(np.array([-2.0, -0.5, 0.3, 1.8])) + rng.uniform(0, 0.1)},
    ),
)

# Softmax and losses

LABELS = np.array([1, 0, 2])


def softmax_right(g: Array, z: Array) -> Arrays:
    return {"z": softmax_backward(g, softmax(z))}


def lost_axis(g: Array, z: Array) -> Arrays:
    p = softmax(z)
    return {"z": p * (g - np.sum(g * p, axis=-1))}


SOFTMAX = (
    Found(
        "https://github.com/xinghaow99/transformer_from_scratch",
        "softmax of three axes: keepdims is forgotten",
        ("broadcast",),
        softmax,
        softmax_right,
        lost_axis,
        normals(z=(3, 3, 3)),
    ),
    Found(
        "https://github.com/hellobilllee/CNN_from_scratch",
        "softmax: p − g, as if g were the target",
        ("not linear",),
        softmax,
        softmax_right,
        lambda g, z: {"z": softmax(z) - g},
        normals(z=(3, 4)),
    ),
    Found(
        "https://github.com/mlpack/mlpack/pull/3469",
        "log-softmax: exp y + g",
        ("not linear",),
        log_softmax,
        lambda g, z: {"z": log_softmax_backward(g, log_softmax(z))},
        lambda g, z: {"z": softmax(z) + g},
        normals(z=(3, 4)),
    ),
    Found(
        "https://github.com/fetchai/ledger/pull/1580",
        "a sum of losses, divided by the batch on the way back",
        ("factor",),
        lambda z: cross_entropy(z, LABELS),
        lambda g, z: {"z": g * cross_entropy_backward(z, LABELS)},
        lambda g, z: {"z": g * cross_entropy_backward(z, LABELS) / 3},
        normals(z=(3, 4)),
    ),
)

# Norms


def batch_norm(x: Array, gamma: Array, beta: Array) -> Array:
    return np.asarray(gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-3) + beta)


def batch_norm_right(g: Array, x: Array, gamma: Array, beta: Array) -> Arrays:
    z = batch_norm(x, np.ones_like(gamma), np.zeros_like(beta))
    u = g * gamma
    dx = (u - u.mean(axis=0) - z * (u * z).mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-3)
    return {"x": dx, "gamma": (g * z).sum(axis=0), "beta": g.sum(axis=0)}


def layer_norm_dx(g: Array, x: Array, gamma: Array, how: str) -> Arrays:
    z, sigma = normal_form(x, 1e-5)
    u = g * gamma
    mean, along = u.mean(axis=-1, keepdims=True), (u * z).mean(axis=-1, keepdims=True)
    if how == "twice":
        mean = 2 * mean
    if how == "last block":
        along = (u * z)[:, -2:].sum(axis=-1, keepdims=True) / x.shape[-1]
    if how == "all rows":
        mean, along = u.sum() / x.shape[-1], (u * z).sum() / x.shape[-1]
    return {"x": (u - mean - z * along) / sigma}


GROUPS = 2


def group_form(x: Array) -> tuple[Array, Array]:
    """The mean and deviation of each group, (N, G, 1)."""
    parts = x.reshape(len(x), GROUPS, -1)
    return parts.mean(axis=-1, keepdims=True), np.sqrt(parts.var(axis=-1, keepdims=True) + 1e-3)


def group_norm(x: Array, gamma: Array) -> Array:
    mu, sigma = group_form(x)
    z = (x.reshape(len(x), GROUPS, -1) - mu) / sigma
    return z.reshape(x.shape) * gamma[:, None]


def group_norm_right(g: Array, x: Array, gamma: Array) -> Arrays:
    mu, sigma = group_form(x)
    z = (x.reshape(len(x), GROUPS, -1) - mu) / sigma
    u = (g * gamma[:, None]).reshape(z.shape)
    mean = u.mean(axis=-1, keepdims=True)
    dx = (u - mean - z * (u * z).mean(axis=-1, keepdims=True)) / sigma
    return {"x": dx.reshape(x.shape), "gamma": (g * z.reshape(x.shape)).sum(axis=(0, 2))}


def group_of_another(g: Array, x: Array, gamma: Array) -> Arrays:
    mu, sigma = group_form(x)
    group = np.arange(len(gamma)) % GROUPS
    z = (x - mu[:, group]) / sigma[:, group]
    return {"gamma": (g * z).sum(axis=(0, 2))}


def layer_norm_right(g: Array, x: Array, gamma: Array, beta: Array) -> Arrays:
    return named(layer_norm_backward)(g, x=x, gamma=gamma, beta=beta)


NORM = normals(x=(3, 6), gamma=(6,), beta=(6,))
NORMS = (
    Found(
        "https://github.com/denizyuret/Knet.jl/issues/288",
        "batch norm: the scale γ is forgotten on the way to x",
        ("local",),
        batch_norm,
        batch_norm_right,
        lambda g, x, gamma, beta: {"x": batch_norm_right(g, x, np.ones_like(gamma), beta)["x"]},
        normals(x=(5, 3), gamma=(3,), beta=(3,)),
    ),
    Found(
        "https://github.com/tenstorrent/tt-metal/issues/53204",
        "layer norm: the mean of g γ is taken off twice",
        ("path",),
        layer_norm,
        layer_norm_right,
        lambda g, x, gamma, beta: layer_norm_dx(g, x, gamma, "twice"),
        NORM,
    ),
    Found(
        "https://github.com/tenstorrent/tt-metal/pull/53215",
        "layer norm: of the mean of g γ z only the last block is left",
        ("path",),
        layer_norm,
        layer_norm_right,
        lambda g, x, gamma, beta: layer_norm_dx(g, x, gamma, "last block"),
        NORM,
    ),
    Found(
        "https://github.com/flagos-ai/FlagGems/pull/59",
        "layer norm: the sums run over all rows of a block",
        ("batch", "axis"),
        layer_norm,
        layer_norm_right,
        lambda g, x, gamma, beta: layer_norm_dx(g, x, gamma, "all rows"),
        NORM,
    ),
    Found(
        "https://github.com/tenstorrent/tt-metal/pull/56202",
        "group norm: a channel takes its mean from another group",
        ("local",),
        group_norm,
        group_norm_right,
        group_of_another,
        normals(x=(2, 4, 3), gamma=(4,)),
    ),
    Found(
        "https://github.com/paiml/aprender/pull/2200",
        "batch norm: γ and β never receive a gradient",
        ("zeros",),
        batch_norm,
        batch_norm_right,
        lambda g, x, gamma, beta: {"gamma": 0 * gamma, "beta": 0 * beta},
        normals(x=(5, 3), gamma=(3,), beta=(3,)),
    ),
)

# Sequences


def lstm(a: Array, c: Array) -> Array:
    """The output of an LSTM cell, from its four gates before their curves, (N, 4, m)."""
    i, f, o = np.moveaxis(sigmoid(a[:, :3]), 1, 0)
    return np.asarray(o * np.tanh(f * c + i * np.tanh(a[:, 3])))


def lstm_gates(g: Array, a: Array, c: Array, how: str = "") -> Arrays:
    i, f, o = np.moveaxis(sigmoid(a[:, :3]), 1, 0)
    n = np.tanh(a[:, 3])
    cell = np.tanh(f * c + i * n)
    slope = 1 - np.tanh(cell) ** 2 if how == "tanh twice" else 1 - cell**2
    dc = g * o * slope
    forget = dc * c * (f if how == "no slope" else f * (1 - f))
    da = [dc * n * i * (1 - i), forget, g * cell * o * (1 - o), dc * i * (1 - n**2)]
    return {"a": np.stack(da, axis=1), "c": dc * f}


def two_steps(h: Array, W: Array) -> Array:
    return np.asarray(np.tanh(np.tanh(h @ W.T) @ W.T))


def two_steps_right(g: Array, h: Array, W: Array, late: bool = False) -> Arrays:
    one = np.tanh(h @ W.T)
    two = np.tanh(one @ W.T)
    a = g * (1 - two**2)
    b = a @ W * (1 - (two if late else one) ** 2)
    return {"h": b @ W, "W": a.T @ one + b.T @ h}


def crossed(g: Array, q: Array, k: Array, v: Array) -> Arrays:
    dq, dk, _ = attention_backward(g, q, k, v)
    return {"q": dk, "k": dq}


def scaled_the_other_way(g: Array, q: Array, k: Array, v: Array) -> Arrays:
    dq, dk, _ = attention_backward(g, q, k, v)
    return {"q": dq * q.shape[-1], "k": dk * q.shape[-1]}


SEQUENCES = (
    Found(
        "https://github.com/CaptainE/RNN-LSTM-in-numpy/pull/2",
        "LSTM: the forget gate itself in place of its slope",
        ("local", "part"),
        lstm,
        lstm_gates,
        lambda g, a, c: {"a": lstm_gates(g, a, c, "no slope")["a"]},
        normals(a=(2, 4, 3), c=(2, 3)),
    ),
    Found(
        "https://github.com/nicklashansen/rnn_lstm_from_scratch/issues/1",
        "LSTM: the slope of tanh is taken at the tanh of tanh",
        ("local", "part"),
        lstm,
        lstm_gates,
        lambda g, a, c: lstm_gates(g, a, c, "tanh twice"),
        normals(a=(2, 4, 3), c=(2, 3)),
    ),
    Found(
        "https://github.com/hanbt/learn_dl/issues/7",
        "through time: the slope of the next step",
        ("local",),
        two_steps,
        two_steps_right,
        lambda g, h, W: two_steps_right(g, h, W, late=True),
        normals(h=(2, 3), W=(3, 3)),
    ),
    Found(
        "https://github.com/ooples/AiDotNet.Tensors/issues/49",
        "attention: queries and keys get each other's gradient",
        ("swapped",),
        attention,
        named(attention_backward),
        crossed,
        normals(q=(3, 4), k=(3, 4), v=(3, 2)),
    ),
    Found(
        "https://github.com/esceptico/perceiver-io/issues/9",
        "attention: divided by 1 / √d, which is to be multiplied by",
        ("factor",),
        attention,
        named(attention_backward),
        scaled_the_other_way,
        normals(q=(2, 5), k=(3, 5), v=(3, 2)),
    ),
)

# Images

FILTER = np.array([0.5, -1.0, 2.0])


def slide(x: Array, step: int = 1) -> Array:
    """A filter of three along the last axis, `step` places at a time."""
    windows = np.lib.stride_tricks.sliding_window_view(x, 3, axis=-1)
    return np.asarray(windows[..., ::step, :] @ FILTER)


def slide_back(
    g: Array, x: Array, step: int = 1, place: Callable[[int, int], int] | None = None
) -> Arrays:
    dx = np.zeros_like(x)
    for m in range(g.shape[-1]):
        for d in range(3):
            dx[..., place(m, d) if place else m * step + d] += g[..., m] * FILTER[d]
    return {"x": dx}


def peaks(x: Array) -> Array:
    """The larger of each two neighbours: windows overlap."""
    return np.maximum(x[:, :-1], x[:, 1:])


def peaks_back(g: Array, x: Array, add: bool = True) -> Arrays:
    dx = np.zeros_like(x)
    rows = np.arange(len(x))
    for j in range(g.shape[1]):
        at = j + (x[:, j + 1] > x[:, j])
        dx[rows, at] = g[:, j] + (dx[rows, at] if add else 0)
    return {"x": dx}


def conv_right(g: Array, x: Array, w: Array, b: Array) -> Arrays:
    return named(conv2d_backward)(g, x=x, w=w, b=b)


CONV: Mapping[str, tuple[int, ...]] = {"x": (2, 2, 4, 3), "w": (2, 2, 2, 2), "b": (2,)}
IMAGES = (
    Found(
        "https://github.com/NervanaSystems/neon/issues/111",
        "convolution: added at the output's place, not at the input's",
        ("order",),
        slide,
        slide_back,
        lambda g, x: slide_back(g, x, 1, lambda m, d: m),
        normals(x=(2, 6)),
    ),
    Found(
        "https://github.com/Kulbear/deep-learning-coursera/pull/34",
        "convolution: the stride is missing on the way back",
        ("order",),
        lambda x: slide(x, 2),
        lambda g, x: slide_back(g, x, 2),
        lambda g, x: slide_back(g, x, 1),
        normals(x=(2, 7)),
    ),
    Found(
        "https://github.com/sebgao/cTensor/issues/3",
        "convolution: the filter's gradient is a mean over batch and places",
        ("factor",),
        conv2d,
        conv_right,
        lambda g, x, w, b: {"w": conv_right(g, x, w, b)["w"] / (g.size / g.shape[1])},
        normals(**CONV),
    ),
    Found(
        "https://github.com/nntrainer/nntrainer/issues/705",
        "convolution: the filter's gradient with filters and channels in the wrong order",
        ("transposed",),
        conv2d,
        conv_right,
        lambda g, x, w, b: {"w": np.swapaxes(conv_right(g, x, w, b)["w"], 0, 1)},
        normals(**CONV),
    ),
    Found(
        "https://github.com/devitocodes/joey/pull/5",
        "max-pooling with windows that overlap: assigned, not added",
        ("part", "path"),
        peaks,
        peaks_back,
        lambda g, x: peaks_back(g, x, add=False),
        lambda rng: {"x": rng.permuted(np.tile(np.arange(6.0), (2, 1)), axis=1)},
    ),
)

FOUND: tuple[Found, ...] = (*ENGINE, *ENTRIES, *SOFTMAX, *NORMS, *SEQUENCES, *IMAGES)
