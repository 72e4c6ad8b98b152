"""Chapter 06, Check a gradient: steps, blind tests, kinks, and one number for a Jacobian."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, normal
from scalarloss.layers import softmax, softmax_backward

Generator = np.random.Generator
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Growth:
    """f(x) = a exp(k x), whose second derivative is k² f(x)."""

    a: float
    k: float

    def __call__(self, x: Any) -> Any:
        return self.a * np.exp(self.k * x)


def second(f: Growth, x: float, h: float) -> float:
    return float((f(x + h) - 2 * f(x) + f(x - h)) / h**2)


def draw_growth(rng: Generator) -> Arguments:
    a, k = rng.uniform(0.5, 2), rng.uniform(0.8, 1.6)
    return {"f": Growth(float(a), float(k)), "x": round(float(rng.uniform(0.2, 1)), 2)}


check_second_derivative_by_steps = Exercise(
    truth=lambda f, x: f.k**2 * f(x),
    draw=draw_growth,
    cases=20,  # rounding is kind now and then
    rtol=1e-6,
    mistakes={
        "the step is best for a forward difference, and far too small here": lambda f, x: second(
            f, x, EPS ** (1 / 2)
        ),
        "the step is best for a central difference, and too small here": lambda f, x: second(
            f, x, EPS ** (1 / 3)
        ),
        "a step of 1e-5: rounding, divided by h², is larger than the error that is allowed": (
            lambda f, x: second(f, x, 1e-5)
        ),
        "a step of 1e-6: rounding, divided by h², leaves four digits at most": (
            lambda f, x: second(f, x, 1e-6)
        ),
        "a step of 0.01: the truncation error, h², is larger than what is allowed": (
            lambda f, x: second(f, x, 1e-2)
        ),
        "a step of 0.1: the truncation error, h², is larger than what is allowed": (
            lambda f, x: second(f, x, 1e-1)
        ),
    },
)


def normalise_backward(g: Any, x: Any) -> Any:
    sigma = np.std(x)
    y = (x - np.mean(x)) / sigma
    return (g - np.mean(g) - y * np.mean(g * y)) / sigma


def draw_normalised(rng: Generator) -> Arguments:
    n = int(rng.integers(3, 7))
    return {"g": normal(rng, n), "x": normal(rng, n)}


check_normalise_backward = Exercise(
    truth=normalise_backward,
    draw=draw_normalised,
    mistakes={
        "the mean and the deviation are held still, and both move with x": lambda g, x: (
            g / np.std(x)
        ),
        "the path through the deviation is missing": lambda g, x: (g - np.mean(g)) / np.std(x),
        "the path through the mean is missing": lambda g, x: (
            normalise_backward(g, x) + np.mean(g) / np.std(x)
        ),
        "the division by the deviation is missing": lambda g, x: (
            normalise_backward(g, x) * np.std(x)
        ),
        "divided by the variance, and the deviation is its root": lambda g, x: (
            normalise_backward(g, x) / np.std(x)
        ),
    },
)


def through_complex_step(cube: Callable[..., Any], x: float) -> Any:
    """The value at x, and the slope by a complex step."""
    return float(np.real(cube(x))), float(np.imag(cube(x + 1e-20j)) / 1e-20)


check_cube = Exercise(
    truth=lambda x: (x * np.sign(np.real(x))) ** 3,
    draw=lambda rng: {"x": round(float(rng.uniform(0.3, 2) * rng.choice([-1, 1])), 2)},
    use=through_complex_step,
    cases=12,
    parts=("the value", "the slope by a complex step"),
    mistakes={
        "0, for the length of a complex number is real": lambda x: np.abs(x) ** 3,
        "without the bars, so it is wrong at a negative x": lambda x: x**3,
        "the root of the square is right, and the square is not cubed": lambda x: (
            x * np.sign(np.real(x))
        ),
    },
)


@dataclass(frozen=True)
class Softmax:
    """A backward pass of softmax, right or wrong, called with g and z."""

    way: str

    def __call__(self, g: Any, z: Any) -> Any:
        p = softmax(z)
        return {
            "right": softmax_backward(g, p),
            "zeros": 0 * g,
            "five times": 5 * softmax_backward(g, p),
            "without p": g - g @ p,
            "the diagonal alone": g * p * (1 - p),
        }[self.way]


def draw_backward(rng: Generator) -> Arguments:
    ways = ["right", "zeros", "five times", "without p", "the diagonal alone"]
    way = str(rng.choice(ways))
    return {"f": softmax, "backward": Softmax(way), "x": normal(rng, int(rng.integers(3, 6)))}


def quick_check(f: Any, backward: Any, x: Any, v: Any, u: Any) -> bool:
    rise = v @ (f(x + 6e-6 * u) - f(x - 6e-6 * u)) / 1.2e-5
    return bool(np.isclose(backward(v, x) @ u, rise, rtol=1e-6))


check_quick_check = Exercise(
    truth=lambda f, backward, x: backward.way == "right",
    draw=draw_backward,
    cases=60,
    mistakes={
        "the outputs are weighed equally, and softmax's sum never moves": lambda f, backward, x: (
            quick_check(f, backward, x, np.ones(x.shape), np.arange(1.0, len(x) + 1))
        ),
        "the answer is turned round: True is for a backward pass that is right": (
            lambda f, backward, x: backward.way != "right"
        ),
    },
)
