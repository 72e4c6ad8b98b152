"""Right backward passes, drawn at random, of which the diagnosis must accuse none.

A third are in single precision and a third at kinks and ties, or within a step of one. Run as a
program, it asks as many as it is told to: python tests/test_right_passes.py 10000.
"""

import collections
import sys

import numpy as np
import pytest

from scalarloss.diagnose import diagnose_backward
from scalarloss.diagnosis import ASKED

# Each layer takes x and its parameters, and returns y and a function that takes g back: to x first,
# and then to each parameter.


def entrywise(f, slope):
    return lambda x: (f(x), lambda g: (g * slope(x),))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


SMOOTH = {
    "tanh": entrywise(np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "sigmoid": entrywise(sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))),
    "softplus": entrywise(lambda x: np.logaddexp(x, 0 * x), sigmoid),
    "swish": entrywise(lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x)))),
    "sine": entrywise(np.sin, np.cos),
    "square": entrywise(lambda x: x * x, lambda x: 2 * x),
    "exp": entrywise(lambda x: np.exp(x / 2), lambda x: np.exp(x / 2) / 2),
    "log": entrywise(lambda x: np.log(x * x + 1), lambda x: 2 * x / (x * x + 1)),
}
KINKED = {
    "relu": entrywise(lambda x: np.maximum(x, 0), lambda x: x > 0),
    "relu, 1 at 0": entrywise(lambda x: np.maximum(x, 0), lambda x: x >= 0),
    "leaky": entrywise(
        lambda x: np.where(x > 0, x, x / 8), lambda x: np.where(x > 0, x * 0 + 1, x * 0 + 1 / 8)
    ),
    "abs": entrywise(np.abs, np.sign),
    "clip": entrywise(lambda x: np.clip(x, -1, 1), lambda x: abs(x) < 1),
}


def dense(x, W, b):
    return x @ W.T + b, lambda g: (g @ W, g.T @ x, g.sum(axis=0))


def scale(x, s):
    return x * s, lambda g: (g * s, (g * x).sum(axis=0))


def residual(x, W):
    h = np.tanh(x @ W.T)

    def back(g):
        a = g * (1 - h * h)
        return g + a @ W, a.T @ x

    return x + h, back


def norm(axis, centred):
    def layer(x):
        c = x - x.mean(axis=axis, keepdims=True) if centred else x
        r = np.sqrt((c * c).mean(axis=axis, keepdims=True) + x.dtype.type(0.01))
        y = c / r

        def back(g):
            d = (g - y * (g * y).mean(axis=axis, keepdims=True)) / r
            return ((d - d.mean(axis=axis, keepdims=True)) if centred else d,)

        return y, back

    return layer


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return p, lambda g: (p * (g - (g * p).sum(axis=-1, keepdims=True)),)


def log_softmax(x):
    s = x - x.max(axis=-1, keepdims=True)
    y = s - np.log(np.exp(s).sum(axis=-1, keepdims=True))
    return y, lambda g: (g - np.exp(y) * g.sum(axis=-1, keepdims=True),)


def transpose(x):
    return x.T, lambda g: (g.T,)


def largest(x):
    y = x.max(axis=1)
    ties = x == y[:, None]
    return y, lambda g: (g[:, None] * ties / ties.sum(axis=1, keepdims=True).astype(x.dtype),)


def total(axis):
    return lambda x: (x.sum(axis=axis), lambda g: (np.ones_like(x) * np.expand_dims(g, axis),))


def mean(x):
    return x.mean(), lambda g: (np.full_like(x, g / x.size),)


def half_squares(x):
    r = x - 1
    return (r * r).sum() / 2, lambda g: (g * r,)


def huber(x):
    a = np.abs(x)
    y = np.where(a < 1, x * x / 2, a - x.dtype.type(0.5))
    return y.sum(axis=1), lambda g: (g[:, None] * np.clip(x, -1, 1),)


def cross_entropy(x):
    y, back = log_softmax(x)
    rows, labels = np.arange(len(x)), np.arange(len(x)) % x.shape[1]

    def of(g):
        each = np.zeros_like(x)
        each[rows, labels] = -g / len(x)
        return back(each)

    return -y[rows, labels].mean(), of


def margins(x):
    m = np.maximum(0, x - x[:, :1] + 1)

    def back(g):
        d = g[:, None] * (m > 0)
        d[:, 0] -= d.sum(axis=1)
        return (d,)

    return m.sum(axis=1), back


NORMS = [norm(1, True), norm(0, True), norm(1, False)]
ENDS = [total(0), total(1), mean, half_squares, huber, cross_entropy, largest, margins]


def draw(rng, kinks, single):
    """A function, its right backward pass, and arrays by name, at kinks or not, single or not."""
    dtype = np.float32 if single else np.float64
    count, width = (int(n) for n in rng.integers(1, 5, size=2))
    small = [0.0, 1e-8, -1e-7, 1e-6, -3e-6] if not single else [0.0, 1e-5, -1e-4, 1e-3, -2e-3]

    def numbers(*shape):
        a = rng.normal(size=shape)
        if kinks and rng.random() < 0.7:
            a = np.round(2 * a) / 2
        if kinks and rng.random() < 0.5:
            a = np.where(rng.random(shape) < 0.3, rng.choice(small, shape), a)
        return a.astype(dtype)

    arrays, layers = {"x": numbers(count, width)}, []
    for depth in range(int(rng.integers(1, 4))):
        kind, names = rng.choice(["dense", "smooth", "kinked", "norm", "other"]), []
        if kind == "kinked" and not kinks and rng.random() < 0.5:
            kind = "smooth"
        if depth == 0 and kinks and rng.random() < 0.5:
            kind = "kinked"
        if kind == "dense":
            wide = int(rng.integers(1, 5))
            names = [f"W{depth}", f"b{depth}"]
            arrays |= dict(zip(names, (numbers(wide, width), numbers(wide)), strict=True))
            layer, width = dense, wide
        elif kind in ("smooth", "kinked"):
            table = SMOOTH if kind == "smooth" else KINKED
            layer = table[rng.choice(list(table))]
        elif kind == "norm":
            layer = NORMS[rng.integers(len(NORMS))]
        else:
            layer = [softmax, log_softmax, transpose, scale, residual][rng.integers(5)]
            if layer is transpose:
                count, width = width, count
            if layer in (scale, residual):
                names = [f"s{depth}" if layer is scale else f"V{depth}"]
                arrays[names[0]] = numbers(width) if layer is scale else numbers(width, width)
        layers.append((layer, names))
    if rng.random() < 0.5:
        layers.append((ENDS[rng.integers(len(ENDS))], []))

    def forward(arrays):
        y, backs = arrays["x"], []
        for layer, names in layers:
            y, back = layer(y, *(arrays[name] for name in names))
            backs.append((back, names))
        return y, backs

    def backward(g, **arrays):
        found = {}
        for back, names in reversed(forward(arrays)[1]):
            g, *rest = back(g)
            found |= dict(zip(names, rest, strict=True))
        return found | {"x": g}

    return (lambda **arrays: forward(arrays)[0]), backward, arrays


def ask(case):
    """What the diagnosis says of the right backward pass with this number."""
    rng = np.random.default_rng(case)
    f, backward, arrays = draw(rng, kinks=case % 3 == 0, single=case // 3 % 3 == 0)
    return diagnose_backward(f, backward, arrays, seed=case)


def accused(found):
    return not found.right and found.kind not in ASKED


@pytest.mark.parametrize("part", range(6))
def test_no_right_backward_pass_is_accused(part):
    with np.errstate(all="ignore"):
        found = {case: ask(case) for case in range(100 * part, 100 * part + 100)}
    assert {case: str(one) for case, one in found.items() if accused(one)} == {}
    kinds = collections.Counter(one.kind for one in found.values())
    assert kinds["right"] + kinds["rounding"] >= 60
    assert kinds["kink"] >= 5
    assert kinds["coarse"] <= 5


if __name__ == "__main__":
    kinds = collections.Counter()
    first, last = map(int, sys.argv[1:3]) if len(sys.argv) > 2 else (0, int(sys.argv[1]))
    with np.errstate(all="ignore"):
        for case in range(first, last):
            one = ask(case)
            kinds[one.kind] += 1
            if accused(one):
                print(case, one.kind, one, flush=True)
    print(kinds)
