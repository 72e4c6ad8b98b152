"""Chapter 04: targets of any sum, temperature, the Jacobian once more, the logistic loss."""

import numpy as np

from answers import Answers
from scalarloss import grad
from scalarloss.layers import cross_entropy, cross_entropy_backward, log_softmax, softmax


def by_loops(z, t):
    p = np.exp(z) / np.sum(np.exp(z))
    dz = np.zeros(len(z))
    for i in range(len(z)):
        for j in range(len(z)):
            dz[j] -= t[i] / p[i] * p[i] * ((i == j) - p[j])
    return dz


def tempered_by_jacobian(z, t, tau):
    p = softmax(z / tau)
    return (-t / p) @ (np.diag(p) - np.outer(p, p)) / tau


def jacobian_by_loops(z):
    e = np.exp(z)
    S, n = e.sum(), len(z)
    return [
        [e[i] * (S - e[i]) / S**2 if i == j else -e[i] * e[j] / S**2 for j in range(n)]
        for i in range(n)
    ]


def jacobian_by_steps(z):
    steps = 1e-20j * np.eye(len(z))
    return np.stack([softmax(z + step).imag / 1e-20 for step in steps], axis=1)


def logistic_by_cases(d):
    if d >= 0:
        e = np.exp(-d)
        return np.log1p(e), -e / (1 + e)
    e = np.exp(d)
    return np.log1p(e) - d, -1 / (1 + e)


def logistic_by_layers(d):
    z, t = np.array([d, 0.0]), np.array([1.0, 0.0])
    return cross_entropy(z, t), cross_entropy_backward(z, t)[0]


def logistic_naive_slope(d):
    return np.maximum(-d, 0) + np.log1p(np.exp(-np.abs(d))), -1 / (1 + np.exp(d))


def logistic_by_tanh(d):
    return np.logaddexp(-d / 2, d / 2) - d / 2, (np.tanh(d / 2) - 1) / 2


ANSWERS = {
    "check_logit_gradient": Answers(
        right=[
            lambda z, t: t.sum() * softmax(z) - t,
            lambda z, t: np.exp(z) / np.sum(np.exp(z)) * np.sum(t) - t,
            by_loops,
            lambda z, t: list(cross_entropy_backward(z, t)),
        ],
        wrong=[
            (lambda z, t: softmax(z) - t, "needs targets that add up to 1"),
            (lambda z, t: t.sum() * (softmax(z) - t), "belongs to p alone"),
            (lambda z, t: softmax(z) - t / t.sum(), "divided by their sum"),
            (lambda z, t: len(t) * softmax(z) - t, "once for every unit of target"),
            (lambda z, t: t - t.sum() * softmax(z), "sign"),
            (lambda z, t: -t / softmax(z), "with respect to the probabilities"),
            (lambda z, t: t.sum() * softmax(z), "the target is left out"),
            (lambda z, t: (t.sum() * softmax(z) - t) / len(z), "by the number of classes"),
            (lambda z, t: t.sum() * np.exp(z) - t, "no single mistake"),
            (lambda z, t: np.sum(t.sum() * softmax(z) - t), "shape"),
        ],
    ),
    "check_tempered_gradient": Answers(
        right=[
            lambda z, t, tau: (softmax(z / tau) - t) / tau,
            tempered_by_jacobian,
            lambda z, t, tau: grad(lambda z: cross_entropy(z / tau, t), z=z)["z"],
            lambda z, t, tau: np.exp(log_softmax(z / tau) - np.log(tau)) - t / tau,
        ],
        wrong=[
            (lambda z, t, tau: softmax(z / tau) - t, "one more step leads back to z"),
            (lambda z, t, tau: (softmax(z) - t) / tau, "p of the undivided logits"),
            (lambda z, t, tau: softmax(z) - t, "the temperature is left out"),
            (lambda z, t, tau: (softmax(z / tau) - t) * tau, "multiplied by tau"),
            (lambda z, t, tau: softmax(z / tau) / tau - t, "and t is not"),
            (lambda z, t, tau: (softmax(z / tau) - t) / tau**2, "twice on the way back"),
            (lambda z, t, tau: softmax(z / tau) - t / tau, "and p is not"),
            (lambda z, t, tau: softmax(z / tau) / tau, "the target is left out"),
            (lambda z, t, tau: (t - softmax(z / tau)) / tau, "sign"),
        ],
    ),
    "check_second_derivative": Answers(
        right=[
            lambda z: np.diag(softmax(z)) - np.outer(softmax(z), softmax(z)),
            jacobian_by_loops,
            jacobian_by_steps,
            lambda z: softmax(z) * (np.eye(len(z)) - softmax(z)[:, None]),
        ],
        wrong=[
            (lambda z: np.diag(softmax(z) * (1 - softmax(z))), "depends on every logit"),
            (lambda z: softmax(z) * (1 - softmax(z)), "its diagonal as a vector"),
            (lambda z: np.diag(softmax(z)), "the part off the diagonal is missing"),
            (lambda z: -np.outer(softmax(z), softmax(z)), "on the diagonal is missing"),
            (lambda z: np.outer(softmax(z), 1 - softmax(z)), "stands everywhere"),
            (
                lambda z: np.diag(softmax(z) - 1) - np.outer(softmax(z), softmax(z)),
                "which does not depend on z",
            ),
            (lambda z: np.diag(softmax(z)) - softmax(z) ** 2, "the product of two is meant"),
            (lambda z: np.outer(softmax(z), softmax(z)) - np.diag(softmax(z)), "sign"),
            (
                lambda z: (np.diag(softmax(z)) - np.outer(softmax(z), softmax(z))).sum(0),
                "both axes are asked for",
            ),
        ],
    ),
    "check_logistic": Answers(
        right=[
            lambda d: (np.logaddexp(0, -d), -np.exp(-np.logaddexp(0, d))),
            logistic_by_cases,
            logistic_by_layers,
            logistic_naive_slope,
            logistic_by_tanh,
        ],
        wrong=[
            (lambda d: (np.log(1 + np.exp(-d)), 0.0), "in it, where d = -1000"),
            (
                lambda d: (np.logaddexp(0, -d), -np.exp(-d) / (1 + np.exp(-d))),
                "for slope with a NaN or an infinity in it, where d = -1000",
            ),
            (
                lambda d: (np.logaddexp(0, -d), -np.exp(-np.logaddexp(0, -d))),
                "slope: minus the chance of being right",
            ),
            (
                lambda d: (np.logaddexp(0, -d), np.exp(-np.logaddexp(0, d))),
                "slope: the chance of being wrong, without its sign",
            ),
            (
                lambda d: (np.logaddexp(0, d), np.exp(-np.logaddexp(0, -d))),
                "loss: the loss when the second class is right; slope: the chance of being right",
            ),
            (
                lambda d: (np.log1p(np.exp(-abs(d))), -np.exp(-np.logaddexp(0, d))),
                "where d is below 0 the loss is −d more",
            ),
            (
                lambda d: (-np.log(np.clip(1 / (1 + np.exp(-d)), 1e-12, 1)), -1 / (1 + np.exp(d))),
                "held above 1e-12",
            ),
            (
                lambda d: (np.logaddexp(0, -d), 1 / (1 + np.exp(-d)) / (1 + np.exp(d))),
                "the derivative of the probability",
            ),
            (
                lambda d: (max(-d, 0.0), -np.exp(-np.logaddexp(0, d))),
                "far from d = 0 only",
            ),
            (lambda d: np.logaddexp(0, -d), "2 answers are asked for: return loss, slope"),
        ],
    ),
}
