"""Chapter 04, Differentiate softmax and cross-entropy: targets, temperature, curvature, safety."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, normal

Generator = np.random.Generator


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max())
    return e / e.sum()


def draw_targets(rng: Generator) -> Arguments:
    """Targets of which the sum is at least a tenth away from 1, and from their number."""
    m = int(rng.integers(2, 5))
    t = np.round(rng.uniform(0.1, 2, m), 1)
    while min(abs(t.sum() - 1), abs(t.sum() - m)) < 0.05:
        t = np.round(rng.uniform(0.1, 2, m), 1)
    return {"z": 2 * normal(rng, m), "t": t}


def twice(g: Any, z: Any) -> Any:
    """Softmax's Jacobian, applied to what has it already."""
    p = softmax(z)
    return p * (g - g @ p)


check_logit_gradient = Exercise(
    truth=lambda z, t: t.sum() * softmax(z) - t,
    draw=draw_targets,
    mistakes={
        "p − t, which needs targets that add up to 1": lambda z, t: softmax(z) - t,
        "the sum of t multiplies both, and it belongs to p alone": lambda z, t: (
            t.sum() * (softmax(z) - t)
        ),
        "the targets are divided by their sum, which changes the loss": lambda z, t: (
            softmax(z) - t / t.sum()
        ),
        "p is counted once for every class, and not once for every unit of target": lambda z, t: (
            len(t) * softmax(z) - t
        ),
        "softmax's Jacobian applied twice": lambda z, t: twice(t.sum() * softmax(z) - t, z),
        "softmax's Jacobian applied to p − t, which has it already": lambda z, t: twice(
            softmax(z) - t, z
        ),
        "the derivative with respect to the probabilities": lambda z, t: -t / softmax(z),
        "the target is left out": lambda z, t: t.sum() * softmax(z),
        "p alone, without the target and its sum": lambda z, t: softmax(z),
        "divided by the number of classes, which the loss is not": lambda z, t: (
            (t.sum() * softmax(z) - t) / len(t)
        ),
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
        "this is the gradient with respect to z / tau, and one more step leads back to z": (
            lambda z, t, tau: softmax(z / tau) - t
        ),
        "p of the undivided logits": lambda z, t, tau: (softmax(z) - t) / tau,
        "the temperature is left out": lambda z, t, tau: softmax(z) - t,
        "multiplied by tau on the way back": lambda z, t, tau: (softmax(z / tau) - t) * tau,
        "the logits are multiplied by tau": lambda z, t, tau: (softmax(z * tau) - t) * tau,
        "p is divided by tau, and t is not": lambda z, t, tau: softmax(z / tau) / tau - t,
        "t is divided by tau, and p is not": lambda z, t, tau: softmax(z / tau) - t / tau,
        "the target is left out": lambda z, t, tau: softmax(z / tau) / tau,
        "the derivative with respect to tau, in parts, and that of z is asked for": (
            lambda z, t, tau: (t - softmax(z / tau)) * z / tau**2
        ),
        "divided by tau twice on the way back": lambda z, t, tau: (softmax(z / tau) - t) / tau**2,
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
        "1 stands on the diagonal for p": lambda z: (
            np.eye(len(z)) - np.outer(softmax(z), softmax(z))
        ),
        "the square of one p in each column, and the product of two is meant": lambda z: (
            np.diag(softmax(z)) - softmax(z) ** 2
        ),
        "the diagonal's case stands everywhere": lambda z: np.outer(softmax(z), 1 - softmax(z)),
        "a 1 is subtracted on the diagonal for t, which does not depend on z": lambda z: (
            softmax_jacobian(z) - np.eye(len(z))
        ),
        "the sum over the classes, where both axes are asked for": lambda z: np.sum(
            softmax_jacobian(z), axis=0
        ),
    },
)


def logistic(d: float) -> Any:
    return np.logaddexp(0, -d), -np.exp(-np.logaddexp(0, d))


def clipped(least: float) -> Callable[[float], Any]:
    """The loss by way of a probability that is held away from 0."""
    return lambda d: {"loss": -np.log(max(np.exp(-np.logaddexp(0, -d)), least))}


def draw_logit(rng: Generator) -> Arguments:
    """A logit far out on either side, three times in ten each, or one near 0."""
    side = rng.uniform()
    return {"d": -1000.0 if side < 0.3 else 1000.0 if side < 0.6 else 2 * normal(rng)}


check_logistic = Exercise(
    truth=logistic,
    draw=draw_logit,
    cases=20,
    parts=("loss", "slope"),
    mistakes={
        "the chance of being right": lambda d: {"slope": np.exp(-np.logaddexp(0, -d))},
        "minus the chance of being right": lambda d: {"slope": -np.exp(-np.logaddexp(0, -d))},
        "the derivative of the probability, and of minus its logarithm is asked for": lambda d: {
            "slope": np.exp(-np.logaddexp(0, -d) - np.logaddexp(0, d))
        },
        "minus the derivative of the probability, and of its logarithm is asked for": lambda d: {
            "slope": -np.exp(-np.logaddexp(0, -d) - np.logaddexp(0, d))
        },
        "the chance of being wrong, without its sign": lambda d: {"slope": -logistic(d)[1]},
        "the logarithm of the probability, and the loss is minus that": lambda d: {
            "loss": -logistic(d)[0]
        },
        "the loss when the second class is right": lambda d: {"loss": np.logaddexp(0, d)},
        "log(1 + exp(−|d|)), and where d is below 0 the loss is −d more": lambda d: {
            "loss": np.log1p(np.exp(-abs(d)))
        },
        "the larger of 0 and −d, which is the loss far from d = 0 only": lambda d: {
            "loss": max(-d, 0.0)
        },
        "a logarithm to the base 2": lambda d: {"loss": np.logaddexp(0, -d) / np.log(2)},
    }
    | {
        f"the probability is held above {least:.2g}, and there the loss stops growing": clipped(
            least
        )
        for least in (
            1e-6,
            1e-7,
            1e-8,
            1e-9,
            1e-10,
            1e-12,
            1e-15,
            1e-16,
            float(np.finfo(float).eps),
        )
    },
)
