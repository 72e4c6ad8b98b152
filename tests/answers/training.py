"""Chapter 12, Train a network."""

import numpy as np

from answers import Answers
from scalarloss.layers import cross_entropy, softmax, softmax_backward


def layers(g, x, V, a, W):
    k = x @ V.T + a
    return g @ W, k, np.maximum(k, 0)


def two_layers_by_examples(g, x, V, a, W):
    dV, dW = np.zeros_like(V), np.zeros_like(W)
    for row, given in zip(g, x, strict=True):
        k = V @ given + a
        dW += np.outer(row, np.maximum(k, 0))
        dV += np.outer((row @ W) * (k > 0), given)
    return dV, dW


def two_layers_by_einsum(g, x, V, a, W):
    dh, k, h = layers(g, x, V, a, W)
    dh[k <= 0] = 0
    return np.einsum("Nh,Nn->hn", dh, x), np.einsum("Nm,Nh->mh", g, h)


def two_layers(dV):
    def backward(g, x, V, a, W):
        dh, k, h = layers(g, x, V, a, W)
        return dV(dh, k, x, V), g.T @ h

    return backward


def momentum_in_place(w, v, slope, rate, keep):
    w, v = w.copy(), v.copy()
    v *= keep
    v += slope
    w -= rate * v
    return w, v


def doubled_by_rows(z, t):
    rows = []
    for p, target in zip(softmax(z), t, strict=True):
        rows.append((np.diag(p) - np.outer(p, p)) @ (p - target))
    return np.array(rows) / len(z)


def doubled_by_hand(z, t):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    r = p - t
    return (p * r - p * (p * r).sum(1)[:, None]) / z.shape[0]


def shift_by_loop(g, down):
    found = np.zeros_like(g)
    for i in range(down, len(g)):
        found[i - down] = g[i]
    return found


def shift_by_roll(g, down):
    found = np.roll(g, -down, axis=0)
    found[-down:] = 0
    return found


ANSWERS = {
    "check_first_loss": Answers(
        right=[
            lambda m: np.log(m),
            lambda m: -np.log(1 / m),
            lambda m: cross_entropy(np.zeros(m), 0),
            lambda m: np.log(np.sum(np.exp(np.zeros(m)))),
        ],
        wrong=[
            (lambda m: 1 / m, "without its logarithm"),
            (lambda m: np.log(1 / m), "below 0"),
            (lambda m: np.log2(m), "in bits"),
            (lambda m: np.log10(m), "in tens"),
            (lambda m: np.log(m) / m, "the mean over all classes"),
            (lambda m: m * np.log(m), "the sum over all classes"),
            (lambda m: 2.303, "in every case"),
        ],
    ),
    "check_two_layers_backward": Answers(
        right=[
            two_layers_by_examples,
            two_layers_by_einsum,
            two_layers(lambda dh, k, x, V: np.where(k > 0, dh, 0).T @ x),
        ],
        wrong=[
            (two_layers(lambda dh, k, x, V: dh.T @ x), "the ReLU lets everything back"),
            (two_layers(lambda dh, k, x, V: np.maximum(dh, 0).T @ x), "where the cotangent is"),
            (two_layers(lambda dh, k, x, V: (dh * (x @ V.T > 0)).T @ x), "without its bias"),
            (two_layers(lambda dh, k, x, V: (dh * np.maximum(k, 0)).T @ x), "what the ReLU gave"),
            (two_layers(lambda dh, k, x, V: (dh * np.sign(k)).T @ x), "turned round where"),
            (two_layers(lambda dh, k, x, V: x.T @ (dh * (k > 0))), "dV: transposed"),
            (
                lambda g, x, V, a, W: (two_layers_by_einsum(g, x, V, a, W)[0], g.T @ (x @ V.T + a)),
                "z1 after the ReLU, not before",
            ),
            (lambda g, x, V, a, W: two_layers_by_einsum(g, x, V, a, W)[::-1], "shape"),
        ],
    ),
    "check_momentum": Answers(
        right=[
            momentum_in_place,
            lambda w, v, s, rate, keep: (w - rate * (keep * v + s), keep * v + s),
            lambda w, v, s, rate, keep: (w - rate * keep * v - rate * s, s + v * keep),
            lambda w, v, s, rate, keep: [w - rate * (keep * v + s), v - (1 - keep) * v + s],
        ],
        wrong=[
            (lambda w, v, s, rate, keep: (w - rate * v, keep * v + s), "w: moved by the old"),
            (lambda w, v, s, rate, keep: (w - rate * s, keep * v + s), "w: moved by the slope"),
            (lambda w, v, s, rate, keep: (w + rate * (keep * v + s), keep * v + s), "w: uphill"),
            (
                lambda w, v, s, rate, keep: (w + keep * v - rate * s, keep * v - rate * s),
                "w and v: the rate stands in the velocity",
            ),
            (
                lambda w, v, s, rate, keep: (
                    w - rate * (keep * v + (1 - keep) * s),
                    keep * v + (1 - keep) * s,
                ),
                "v: an average",
            ),
            (lambda w, v, s, rate, keep: (w - rate * (v + s), v + s), "kept whole"),
            (
                lambda w, v, s, rate, keep: (w - rate * (s + keep * (keep * v + s)), keep * v + s),
                "Nesterov",
            ),
            (lambda w, v, s, rate, keep: w - rate * (keep * v + s), "return w, v"),
            (lambda w, v, s, rate, keep: (np.subtract(w, s, out=w), v), "changes its argument w"),
        ],
    ),
    "check_doubled_cotangent": Answers(
        right=[
            doubled_by_rows,
            doubled_by_hand,
            lambda z, t: softmax_backward((softmax(z) - t) / len(z), softmax(z)),
        ],
        wrong=[
            (lambda z, t: (softmax(z) - t) / len(z), "the Jacobian is in it once"),
            (lambda z, t: len(z) * doubled_by_hand(z, t), "N times too large"),
            (
                lambda z, t: (
                    softmax(z) * (softmax(z) - t - np.sum(softmax(z) * (softmax(z) - t))) / len(z)
                ),
                "over the batch as well",
            ),
            (
                lambda z, t: (
                    softmax(z)
                    * (softmax(z) - t - np.sum(softmax(z) * (softmax(z) - t), axis=0))
                    / len(z)
                ),
                "over the batch, and it runs",
            ),
            (
                lambda z, t: softmax(z) * (1 - softmax(z)) * (softmax(z) - t) / len(z),
                "the diagonal",
            ),
            (lambda z, t: softmax(z) * (softmax(z) - t) / len(z), "only multiplied by p"),
            (lambda z, t: doubled_by_hand(z, 0 * t), "the target is left out"),
            (lambda z, t: -doubled_by_hand(z, t), "sign"),
        ],
    ),
    "check_shift_backward": Answers(
        right=[
            shift_by_loop,
            shift_by_roll,
            lambda g, down: np.vstack([g[down:], 0 * g[:down]]),
            lambda g, down: np.eye(len(g), k=down) @ g,
        ],
        wrong=[
            (lambda g, down: np.eye(len(g), k=-down) @ g, "shifted down once more"),
            (lambda g, down: np.roll(g, -down, axis=0), "rolled round"),
            (lambda g, down: g[down:], "cut off"),
            (lambda g, down: g, "left as it is"),
            (lambda g, down: g * (np.arange(len(g)) >= down)[:, None], "the top rows are 0"),
            (
                lambda g, down: g * (np.arange(len(g)) < len(g) - down)[:, None],
                "the bottom rows are 0",
            ),
            (lambda g, down: g @ np.eye(g.shape[1], k=-down), "sideways"),
            (lambda g, down: -shift_by_loop(g, down), "sign"),
        ],
    ),
}
