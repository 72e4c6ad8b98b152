"""Chapter 04, Differentiate softmax and cross-entropy: targets, temperature, curvature, safety."""

from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, normal
from scalarloss.layers import softmax, softmax_backward

Generator = np.random.Generator


def draw_targets(rng: Generator) -> Arguments:
    m = int(rng.integers(2, 5))
    return {"z": 2 * normal(rng, m), "t": np.round(rng.uniform(0.1, 2, m), 1)}


check_logit_gradient = Exercise(
    truth=lambda z, t: t.sum() * softmax(z) - t,
    draw=draw_targets,
    mistakes={
        "p − t, which needs targets that add up to 1": lambda z, t: softmax(z) - t,
        "softmax's Jacobian applied twice": lambda z, t: softmax_backward(
            t.sum() * softmax(z) - t, softmax(z)
        ),
        "softmax's Jacobian applied to p − t, which has it already": lambda z, t: softmax_backward(
            softmax(z) - t, softmax(z)
        ),
        "the derivative by the probabilities": lambda z, t: -t / softmax(z),
        "the target is left out": lambda z, t: t.sum() * softmax(z),
        "the logits, where the probabilities are meant": lambda z, t: t.sum() * z - t,
    },
)


def draw_tempered(rng: Generator) -> Arguments:
    m = int(rng.integers(2, 5))
    t = np.eye(m)[rng.integers(m)]
    return {"z": 2 * normal(rng, m), "t": t, "tau": round(float(rng.uniform(1.5, 4)), 1)}


check_tempered_gradient = Exercise(
    truth=lambda z, t, tau: (softmax(z / tau) - t) / tau,
    draw=draw_tempered,
    mistakes={
        "this is the gradient by z / tau, and one more arrow leads back to z": lambda z, t, tau: (
            softmax(z / tau) - t
        ),
        "p of the undivided logits": lambda z, t, tau: (softmax(z) - t) / tau,
        "the temperature is left out": lambda z, t, tau: softmax(z) - t,
        "multiplied by tau on the way back": lambda z, t, tau: (softmax(z / tau) - t) * tau,
        "the logits are multiplied by tau": lambda z, t, tau: (softmax(z * tau) - t) * tau,
    },
)


def softmax_jacobian(z: Any) -> Any:
    p = softmax(z)
    return np.diag(p) - np.outer(p, p)


check_second_derivative = Exercise(
    truth=softmax_jacobian,
    draw=lambda rng: {"z": 2 * normal(rng, int(rng.integers(2, 5)))},
    mistakes={
        "its diagonal alone, and each probability depends on every logit": lambda z: np.diag(
            softmax(z) * (1 - softmax(z))
        ),
        "its diagonal as a vector": lambda z: softmax(z) * (1 - softmax(z)),
        "the part off the diagonal is missing": lambda z: np.diag(softmax(z)),
        "the part on the diagonal is missing": lambda z: -np.outer(softmax(z), softmax(z)),
        "the two parts are added": lambda z: np.diag(softmax(z)) + np.outer(softmax(z), softmax(z)),
    },
)


def logistic(d: float) -> Any:
    return np.logaddexp(0, -d), -np.exp(-np.logaddexp(0, d))


check_logistic = Exercise(
    truth=logistic,
    draw=lambda rng: {"d": float(rng.choice([-1000.0, 1000.0, normal(rng), 3 * normal(rng)]))},
    cases=40,
    parts=("loss", "slope"),
    mistakes={
        "the chance of being right": lambda d: {"slope": np.exp(-np.logaddexp(0, -d))},
        "minus the chance of being right": lambda d: {"slope": -np.exp(-np.logaddexp(0, -d))},
        "the sign": lambda d: {"slope": -logistic(d)[1], "loss": -logistic(d)[0]},
        "the loss when the second class is right": lambda d: {"loss": np.logaddexp(0, d)},
    },
)
