"""Answers to the exercises of chapter 06."""

import numpy as np

from answers import Answers

EPS = np.finfo(float).eps


def second(h):
    return lambda f, x: (f(x + h) - 2 * f(x) + f(x - h)) / h**2


def fourth_order(f, x, h=1e-3):
    sides = 16 * (f(x + h) + f(x - h)) - f(x + 2 * h) - f(x - 2 * h)
    return (sides - 30 * f(x)) / (12 * h**2)


def difference_of_slopes(f, x, h=1e-4):
    return ((f(x + h) - f(x)) / h - (f(x) - f(x - h)) / h) / h


def normalise(x):
    return (x - x.mean()) / x.std()


def null_space(x):
    d, n = x - x.mean(), len(x)
    J = (np.eye(n) - 1 / n - np.outer(d, d) / (d @ d)) / x.std()
    return tuple(np.linalg.svd(J)[0].T[-2:])


def at_sides(x):
    return -(x**3) if np.real(x) < 0 else x**3


def checked(f, backward, x, v, u, rtol=1e-5, h=6e-6):
    rise = v @ (f(x + h * u) - f(x - h * u)) / (2 * h)
    return np.isclose(backward(v, x) @ u, rise, rtol=rtol)


def seeded(f, backward, x):
    rng = np.random.default_rng(0)
    return checked(f, backward, x, rng.normal(size=f(x).shape), rng.normal(size=x.shape))


def forward_alone(f, backward, x):
    rng = np.random.default_rng(5)
    v, u = rng.choice([-2, -1, 1, 3], f(x).shape) + rng.random(f(x).shape), rng.random(x.shape)
    given, rise = backward(v, x) @ u, v @ (f(x + 1e-7 * u) - f(x)) / 1e-7
    return bool(abs(given - rise) <= 1e-4 * max(abs(given), abs(rise)) + 1e-8)


def thrice(f, backward, x):
    rng = np.random.default_rng(7)
    found = [
        checked(f, backward, x, rng.normal(size=f(x).shape), rng.normal(size=x.shape), 1e-4, 1e-5)
        for _ in range(3)
    ]
    return all(found)


def draws(f, x):
    rng = np.random.default_rng(3)
    return rng.normal(size=f(x).shape), rng.normal(size=x.shape)


def one_hot(a):
    return np.eye(len(a))[0]


def coarse(f, backward, x):
    return checked(f, backward, x, *draws(f, x), h=0.3)


def loose(f, backward, x):
    return checked(f, backward, x, *draws(f, x), rtol=5e-3)


ANSWERS = {
    "check_second_derivative_by_steps": Answers(
        right=[second(EPS ** (1 / 4)), second(3e-4), fourth_order, difference_of_slopes],
        wrong=[
            (second(1e-6), "a step of 1e-06 is too small"),
            (second(EPS**0.5), "is too small"),
            (second(3e-3), "a step of 0.003 is too large"),
            (second(0.1), "a step of 0.1 is too large"),
            (lambda f, x: (f(x + 1e-5) - f(x - 1e-5)) / 2e-5, "this is the first derivative"),
            (lambda f, x: second(1e-4)(f, x) / 4, "4 times too small"),
            (lambda f, x: -second(1e-4)(f, x), "sign"),
        ],
    ),
    "check_blind_cotangents": Answers(
        right=[
            lambda x: (np.ones_like(x), normalise(x)),
            lambda x: (x, np.full(len(x), -3.0)),
            lambda x: [x - np.mean(x), 2 * x + 1],
            null_space,
        ],
        wrong=[
            (lambda x: (np.ones_like(x), normalise(x) ** 2), "the second is y²"),
            (lambda x: (np.ones_like(x), -2 * np.ones_like(x)), "a multiple of the other"),
            (lambda x: (np.zeros_like(x), normalise(x)), "the first is all zeros"),
            (lambda x: (np.eye(len(x))[0], normalise(x)), "the first is not blind"),
            (lambda x: (np.ones_like(x), x**2), "the second is not blind"),
            (lambda x: normalise(x), "two cotangents are asked for"),
            (lambda x: (1.0, normalise(x)), "the first has shape ()"),
        ],
    ),
    "check_cube": Answers(
        right=[
            lambda x: (x * np.sign(np.real(x))) ** 3,
            lambda x: np.sqrt(x * x) ** 3,
            at_sides,
            lambda x: np.maximum(x, -x) ** 3,
        ],
        wrong=[
            (lambda x: np.abs(x) ** 3, "the length of a complex number is real"),
            (lambda x: x**2 * np.abs(x), "two thirds of it"),
            (lambda x: (x * np.sign(x)) ** 3, "np.sign of a complex number is z / |z|"),
            (lambda x: np.sign(x) * x**3, "np.sign of a complex number is z / |z|"),
            (lambda x: x**3, "without the bars"),
            (lambda x: np.sqrt(x * x), "it is not cubed"),
            (lambda x: np.sqrt(x * np.conj(x)) ** 3, "the length of a complex number is real"),
        ],
    ),
    "check_quick_check": Answers(
        right=[seeded, forward_alone, thrice],
        wrong=[
            (
                lambda f, b, x: checked(f, b, x, np.ones(len(f(x))), draws(f, x)[1]),
                "the outputs are weighed equally",
            ),
            (
                lambda f, b, x: checked(f, b, x, draws(f, x)[0], np.ones(len(x))),
                "the inputs move equally",
            ),
            (
                lambda f, b, x: checked(f, b, x, np.ones(len(f(x))), np.ones(len(x))),
                "the outputs are weighed equally",
            ),
            (
                lambda f, b, x: checked(f, b, x, one_hot(f(x)), draws(f, x)[1]),
                "one output alone",
            ),
            (lambda f, b, x: checked(f, b, x, draws(f, x)[0], one_hot(x)), "one input alone"),
            (coarse, "is the step too large"),
            (loose, "the tolerance is too large"),
            (lambda f, b, x: checked(f, b, x, *draws(f, x)[::-1]), "raised ValueError"),
            (lambda f, b, x: not seeded(f, b, x), "turned round"),
            (lambda f, b, x: True, "True whatever"),
        ],
    ),
}
