"""Chapter 12, Train a network: a first loss, a way back, a step, a cotangent and a shift."""

from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, distinct, normal
from scalarloss.layers import softmax

Generator = np.random.Generator

check_first_loss = Exercise(
    truth=lambda m: float(np.log(m)),
    draw=lambda rng: {"m": int(rng.integers(3, 1000))},
    mistakes={
        "the share of the right class itself, without its logarithm": lambda m: 1 / m,
        "below 0, and a cross-entropy is never": lambda m: -float(np.log(m)),
        "counted in bits, and the loss takes the natural logarithm": lambda m: float(np.log2(m)),
        "counted in tens, and the loss takes the natural logarithm": lambda m: float(np.log10(m)),
        "the mean over all classes, and the target names one": lambda m: float(np.log(m)) / m,
        "the sum over all classes, and the target names one": lambda m: m * float(np.log(m)),
    },
)


def draw_two_layers(rng: Generator) -> Arguments:
    """A ReLU that blocks some entries, and others because of the bias alone."""
    while True:
        arguments = some_two_layers(rng)
        _, x, V, a, _ = arguments.values()
        k, without = x @ V.T + a, x @ V.T
        if 0 < np.mean(k > 0) < 1 and np.any((k > 0) != (without > 0)):
            return arguments


def some_two_layers(rng: Generator) -> Arguments:
    batch, n, hidden, m = distinct(rng, 4, range(3, 8))
    return {
        "g": normal(rng, batch, m),
        "x": normal(rng, batch, n),
        "V": normal(rng, hidden, n),
        "a": normal(rng, hidden),
        "W": normal(rng, m, hidden),
    }


def two_layers_backward(g: Any, x: Any, V: Any, a: Any, W: Any) -> Any:
    k = x @ V.T + a
    return ((g @ W) * (k > 0)).T @ x, g.T @ np.maximum(k, 0)


check_two_layers_backward = Exercise(
    truth=two_layers_backward,
    draw=draw_two_layers,
    parts=("dV", "dW"),
    mistakes={
        "the ReLU lets everything back, and it let only part of it through": lambda g, x, V, a, W: {
            "dV": (g @ W).T @ x
        },
        "switched where the cotangent is positive, and the ReLU switched by its input": (
            lambda g, x, V, a, W: {"dV": np.maximum(g @ W, 0).T @ x}
        ),
        "switched by an input without its bias": lambda g, x, V, a, W: {
            "dV": ((g @ W) * (x @ V.T > 0)).T @ x
        },
        "multiplied by what the ReLU gave, and its slope is 1 or 0": lambda g, x, V, a, W: {
            "dV": ((g @ W) * np.maximum(x @ V.T + a, 0)).T @ x
        },
        "turned round where the ReLU blocks, and there its slope is 0": lambda g, x, V, a, W: {
            "dV": ((g @ W) * np.sign(x @ V.T + a)).T @ x
        },
        "transposed": lambda g, x, V, a, W: {
            "dV": x.T @ ((g @ W) * (x @ V.T + a > 0)),
            "dW": np.maximum(x @ V.T + a, 0).T @ g,
        },
        "the layer was given relu(z1), and z1 has its bias": lambda g, x, V, a, W: {
            "dW": g.T @ np.maximum(x @ V.T, 0)
        },
        "what the layer was given is z1 after the ReLU, not before": lambda g, x, V, a, W: {
            "dW": g.T @ (x @ V.T + a)
        },
    },
)


def draw_step(rng: Generator) -> Arguments:
    n = int(rng.integers(2, 5))
    w, v, slope = normal(rng, n), normal(rng, n), normal(rng, n)
    return {"w": w, "v": v, "slope": slope, "rate": 0.1, "keep": float(rng.choice([0.5, 0.8, 0.9]))}


def momentum(w: Any, v: Any, slope: Any, rate: float, keep: float) -> Any:
    velocity = keep * v + slope
    return w - rate * velocity, velocity


check_momentum = Exercise(
    truth=momentum,
    draw=draw_step,
    parts=("w", "v"),
    mistakes={
        "moved by the old velocity, before the slope was added": lambda w, v, slope, rate, keep: {
            "w": w - rate * v
        },
        "moved by the slope alone: the velocity is not used": lambda w, v, slope, rate, keep: {
            "w": w - rate * slope
        },
        "uphill": lambda w, v, slope, rate, keep: {"w": w + rate * (keep * v + slope)},
        "the rate stands in the velocity, and here it comes in at the step": (
            lambda w, v, slope, rate, keep: {
                "w": w + keep * v - rate * slope,
                "v": keep * v - rate * slope,
            }
        ),
        "moved ahead of the velocity, as Nesterov does": lambda w, v, slope, rate, keep: {
            "w": w - rate * (slope + keep * (keep * v + slope))
        },
        "moved by an average, and here the slope counts in full": (
            lambda w, v, slope, rate, keep: {"w": w - rate * (keep * v + (1 - keep) * slope)}
        ),
        "the old velocity is kept whole": lambda w, v, slope, rate, keep: {"v": v + slope},
        "an average, and here the slope counts in full": lambda w, v, slope, rate, keep: {
            "v": keep * v + (1 - keep) * slope
        },
    },
)


def draw_logits(rng: Generator) -> Arguments:
    batch, m = distinct(rng, 2, range(3, 7))
    return {"z": normal(rng, batch, m), "t": np.eye(m)[rng.integers(0, m, batch)]}


def doubled(z: Any, t: Any) -> Any:
    p = softmax(z)
    return p * (p - t - np.sum(p * (p - t), axis=1, keepdims=True)) / len(z)


check_doubled_cotangent = Exercise(
    truth=doubled,
    draw=draw_logits,
    sizes=lambda z, t: {"N": z.shape[0], "m": z.shape[1]},
    mistakes={
        "the right one: the Jacobian is in it once": lambda z, t: (softmax(z) - t) / len(z),
        "the sum runs over the batch as well, and each example has a Jacobian of its own": (
            lambda z, t: (
                softmax(z) * (softmax(z) - t - np.sum(softmax(z) * (softmax(z) - t))) / len(z)
            )
        ),
        "the sum runs over the batch, and it runs over the classes": lambda z, t: (
            softmax(z)
            * (softmax(z) - t - np.sum(softmax(z) * (softmax(z) - t), axis=0, keepdims=True))
            / len(z)
        ),
        "the target is left out": lambda z, t: doubled(z, np.zeros_like(t)),
        "only multiplied by p: the sum over the classes is missing": lambda z, t: (
            softmax(z) * (softmax(z) - t) / len(z)
        ),
        "the Jacobian is in it once more than published": lambda z, t: (
            softmax(z) * (doubled(z, t) - np.sum(softmax(z) * doubled(z, t), axis=1, keepdims=True))
        ),
        "the diagonal of the Jacobian alone": lambda z, t: (
            softmax(z) * (1 - softmax(z)) * (softmax(z) - t) / len(z)
        ),
        "the mean over the batch is missing: N times too large": lambda z, t: (
            len(z) * doubled(z, t)
        ),
    },
)


def draw_shift(rng: Generator) -> Arguments:
    height, width = distinct(rng, 2, range(4, 8))
    return {"g": normal(rng, height, width), "down": int(rng.integers(1, 3))}


def shift_back(g: Any, down: int) -> Any:
    return np.concatenate([g[down:], np.zeros((down, g.shape[1]))])


check_shift_backward = Exercise(
    truth=shift_back,
    draw=draw_shift,
    mistakes={
        "shifted down once more, and the way back goes up": lambda g, down: np.concatenate(
            [np.zeros((down, g.shape[1])), g[:-down]]
        ),
        "rolled round: what fell off the edge had no effect, and gets 0": lambda g, down: np.roll(
            g, -down, axis=0
        ),
        "cut off, and each pixel needs its slope": lambda g, down: g[down:],
        "not moved: the top rows are 0, and the rest must go up": lambda g, down: np.concatenate(
            [np.zeros((down, g.shape[1])), g[down:]]
        ),
        "not moved: the bottom rows are 0, and the rest must go up": lambda g, down: np.concatenate(
            [g[:-down], np.zeros((down, g.shape[1]))]
        ),
        "sideways, and the picture moved down": lambda g, down: np.concatenate(
            [g[:, down:], np.zeros((len(g), down))], axis=1
        ),
        "left as it is": lambda g, down: g,
    },
)
