"""Chapter 06, Check a gradient: steps, blind tests, kinks, and one number for a Jacobian."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, Search, Wrong, distinct, normal
from scalarloss.layers import softmax, softmax_backward

Generator = np.random.Generator
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Growth:
    """f(x) = a exp(k x), whose second derivative is k² f(x); `asked` holds its points."""

    a: float
    k: float
    asked: list[float] = field(default_factory=list, compare=False)

    def __call__(self, x: Any) -> Any:
        self.asked.append(float(np.real(x)))
        return self.a * np.exp(self.k * x)

    def __deepcopy__(self, memo: object) -> "Growth":
        return self  # so that the list is filled, whoever asks

    def step(self, x: float) -> float:
        """The smallest distance from x at which f was asked, or 0."""
        return min((abs(point - x) for point in self.asked if point != x), default=0.0)


def is_first_derivative(found: Wrong, part: str) -> bool:
    f, x = found.case.arguments.values()
    return bool(abs(found.parts[part][0] / (f.k * f(x)) - 1) < 1e-2)


def errors_of(found: Wrong, part: str) -> str:
    """What the step does to the answer, where its two errors explain it, or ""."""
    f, x = found.case.arguments.values()
    given, right = found.parts[part]
    h = f.step(x)
    if h == 0:
        return ""
    truncation, rounding = (h * f.k) ** 2 / 12, 4 * EPS / (h * f.k) ** 2
    if abs(given / right - 1) > 2 * (truncation + rounding):
        return ""
    if truncation > rounding:
        return (
            f"a step of {h:.2g} is too large: the truncation error, of order h², is "
            f"{truncation:.0e} of the answer, and 1e-6 is allowed"
        )
    return (
        f"a step of {h:.2g} is too small: rounding, divided by h², is up to {rounding:.0e} of the "
        "answer, and 1e-6 is allowed"
    )


class Steps(Exercise):
    """Knows a wrong step by the points that the reader's function has asked for."""

    def explain_part(self, part: str, wrong: list[Wrong]) -> tuple[str, str]:
        if all(np.shape(found.parts[part][0]) == () for found in wrong):
            if all(is_first_derivative(found, part) for found in wrong):
                return "known", "this is the first derivative, and the second is asked for"
            if all(errors_of(found, part) for found in wrong):
                return "known", errors_of(wrong[0], part)
        return super().explain_part(part, wrong)


def draw_growth(rng: Generator) -> Arguments:
    a, k = rng.uniform(0.5, 2), rng.uniform(1.1, 1.6)
    return {"f": Growth(float(a), float(k)), "x": round(float(rng.uniform(0.2, 1)), 2)}


check_second_derivative_by_steps = Steps(
    truth=lambda f, x: f.k**2 * f(x),
    draw=draw_growth,
    cases=20,  # rounding is kind now and then
    rtol=1e-6,
)


def normalise(x: Any) -> Any:
    return (x - np.mean(x)) / np.std(x)


def normalise_backward(g: Any, x: Any) -> Any:
    y = normalise(x)
    return (g - np.mean(g) - y * np.mean(g * y)) / np.std(x)


def flaw_of_cotangents(answer: Any, x: Any) -> str:
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return "two cotangents are asked for: return a tuple of two arrays"
    v, w = (np.asarray(part, dtype=float) for part in answer)
    for place, one in (("first", v), ("second", w)):
        if one.shape != x.shape:
            return f"the {place} has shape {one.shape}, and y has {x.shape}"
        if not np.all(np.isfinite(one)):
            return f"the {place} holds a NaN or an infinity"
        size = np.abs(one).max()
        if size == 0:
            return f"the {place} is all zeros, and with v = 0 every check is blind"
        back = np.abs(normalise_backward(one / size, x)).max() * np.std(x)
        if back > 1e-7:
            if (
                np.abs(one / size - normalise(x) ** 2 / np.abs(normalise(x) ** 2).max()).max()
                < 1e-9
            ):
                return f"the {place} is y², and the cotangent of (y**2).sum() is its gradient, 2y"
            return f"the {place} is not blind: with it Jᵀv is not 0, so a pass of zeros is refused"
    share = np.sum(v * w) / np.sum(v * v)
    if np.abs(w - share * v).max() <= 1e-7 * np.abs(w).max():
        return "one is a multiple of the other, and so sees nothing new: find another direction"
    return ""


check_blind_cotangents = Search(
    flaw=flaw_of_cotangents, draw=lambda rng: {"x": normal(rng, int(rng.integers(4, 8))) + 1.5}
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
        "two thirds of it, for one of the three factors still goes through a length": (
            lambda x: x**2 * np.abs(x)
        ),
        "a third of it, for two of the three factors still go through a length": (
            lambda x: x * np.sign(np.real(x)) * np.abs(x) ** 2
        ),
        "np.sign of a complex number is z / |z|, no sign, and moves with z: take that of its real "
        "part": lambda x: (x * x / np.abs(x)) ** 3,
        "np.sign of a complex number is z / |z|, no sign, and moves with z: take that of the real "
        "part": lambda x: x**3 * x / np.abs(x),
        "without the bars, so it is wrong at a negative x": lambda x: x**3,
        "the sign is turned at a positive x, too": lambda x: -(x**3),
        "|x| is right, and it is not cubed": lambda x: x * np.sign(np.real(x)),
    },
)


@dataclass(frozen=True)
class Layer:
    """p = softmax(A x), called with x: (n,) to (m,)."""

    A: Any

    def __call__(self, x: Any) -> Any:
        return softmax(self.A @ x)


@dataclass(frozen=True)
class Backward:
    """A backward pass of a Layer, right or with a mistake, called with v and x."""

    A: Any
    way: str

    def __call__(self, v: Any, x: Any) -> Any:
        p, way = softmax(self.A @ x), self.way
        if way == "the last output forgotten":
            v = np.where(np.arange(len(p)) < len(p) - 1, v, 0.0)
        if way == "without p":
            return self.A.T @ (v - v @ p)
        if way == "the diagonal alone":
            return self.A.T @ (v * p * (1 - p))
        came = self.A.T @ softmax_backward(v, p)
        if way == "the wrong order":
            return np.roll(came, 1)
        if way == "halved but for x[0]":
            return came * np.where(np.arange(len(x)) > 0, 0.5, 1.0)
        return came * {"zeros": 0.0, "five times": 5.0, "a thousandth too large": 1.001}.get(way, 1)


WAYS = (
    "right",
    "zeros",
    "five times",
    "a thousandth too large",
    "without p",
    "the diagonal alone",
    "the wrong order",
    "halved but for x[0]",
    "the last output forgotten",
)


@dataclass(frozen=True)
class Passes:
    """Gives the layer's backward pass with a mistake, by its name."""

    A: Any

    def __call__(self, way: str) -> Backward:
        return Backward(self.A, way)


def ask_of_each(check: Callable[..., Any], f: Layer, passes: Passes, x: Any) -> Any:
    """What a check says of each backward pass, by the name of its mistake."""
    return {way: check(f, passes(way), x) for way in WAYS}


def draw_layer(rng: Generator) -> Arguments:
    """A layer that no mistake hides in: no output is nearly 0, and no two inputs are alike."""
    m, n = distinct(rng, 2, range(3, 6))
    while True:
        A, x = normal(rng, m, n), normal(rng, n)
        spread = np.abs(A - np.roll(A, 1, axis=1)).max(axis=0).min()
        if softmax(A @ x).min() > 0.05 and spread > 0.5:
            return {"f": Layer(A), "passes": Passes(A), "x": x}


def passing(*ways: str) -> Callable[..., bool]:
    """A check that calls these right, whatever the numbers."""
    return lambda f, backward, x: backward.way in ways


check_quick_check = Exercise(
    truth=passing("right"),
    draw=draw_layer,
    use=ask_of_each,
    cases=3,
    mistakes={
        "True whatever it is given": passing(*WAYS),
        "False for the right pass as well: is the step too large, the tolerance too small, or the "
        "quotient another product than the backward pass gives?": passing(),
        "the answer is turned round: True is for a backward pass that is right": passing(*WAYS[1:]),
        "the outputs are weighed equally, and softmax's sum never moves: draw v": passing(
            *(way for way in WAYS if way not in ("the diagonal alone", "the last output forgotten"))
        ),
        "the inputs move equally, so that only the sum of the gradient is compared: draw u": (
            passing("right", "the wrong order")
        ),
        "one output alone is looked at: draw v": passing("right", "the last output forgotten"),
        "one input alone moves: draw u": passing("right", "halved but for x[0]"),
        "one input and one output alone are looked at: draw v and u": passing(
            "right", "the last output forgotten", "halved but for x[0]"
        ),
        "the tolerance is too large: a thousandth is to be refused": passing(
            "right", "a thousandth too large"
        ),
    },
)
