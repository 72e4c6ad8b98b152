"""Chapter 01, Nudge a weight: slopes, corners, directions and units."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, Search, distinct, normal

Generator = np.random.Generator


def draw_target(rng: Generator) -> Arguments:
    return {"t": round(float(rng.uniform(0.1, 0.9) * rng.choice([-1, 1])), 2)}


check_resting_sum = Exercise(
    truth=lambda t: np.arctanh(t),
    draw=draw_target,
    mistakes={
        "this is the output y that is asked for, not the sum that leads to it": lambda t: t,
        "tanh, where the way back through tanh is asked for": lambda t: np.tanh(t),
    },
)


def ramp(w: Any) -> Any:
    return np.maximum(w, 0.0)


def draw_corner(rng: Generator) -> Arguments:
    losses: list[Callable[..., Any]] = [np.abs, ramp, np.exp, np.square]
    w = float(rng.choice([0.0, normal(rng)]))
    return {"loss": losses[rng.integers(len(losses))], "w": w, "h": 0.01}


check_slopes = Exercise(
    truth=lambda loss, w, h: ((loss(w + h) - loss(w)) / h, (loss(w - h) - loss(w)) / -h),
    draw=draw_corner,
    cases=20,
    rtol=1e-6,
    parts=("up", "down"),
    mistakes={
        "divided by the size of the nudge, without its sign": lambda loss, w, h: {
            "down": (loss(w - h) - loss(w)) / h
        },
        "the mean of the two sides, which is the same for both": lambda loss, w, h: {
            side: (loss(w + h) - loss(w - h)) / (2 * h) for side in ("up", "down")
        },
        "the rise itself, not divided by the nudge": lambda loss, w, h: {
            "up": loss(w + h) - loss(w),
            "down": loss(w - h) - loss(w),
        },
    },
)


def flaw_of_direction(u: Any, x: Any) -> str:
    u = np.asarray(u, float)
    if u.shape != x.shape:
        return f"a direction has the shape of w, {x.shape}, and this has {u.shape}"
    if not u.any():
        return "this stays where it is, and a direction must lead somewhere"
    length, moved = float(np.linalg.norm(u) * np.linalg.norm(x)), float(u @ x)
    if abs(moved) <= 1e-9 * length:
        return ""
    if abs(moved) >= (1 - 1e-9) * length:
        return "this points along x, and so along the gradient, where the loss moves most"
    return f"along this the sum moves by u @ x = {moved:.3g}, and it should not move"


check_free_direction = Search(flaw=flaw_of_direction, draw=lambda rng: {"x": normal(rng, 2)})


def draw_units(rng: Generator) -> Arguments:
    n = int(rng.integers(2, 5))
    return {"g": normal(rng, n), "units": 10.0 ** rng.permutation(range(-2, 3))[:n], "rate": 0.5}


check_step_in_w = Exercise(
    truth=lambda g, units, rate: -rate * g / units**2,
    draw=draw_units,
    mistakes={
        "the step as it would be without the new units": lambda g, units, rate: -rate * g,
        "the step in v, not yet taken back to w": lambda g, units, rate: -rate * g / units,
        "multiplied by the units, where v's slope is smaller": lambda g, units, rate: (
            -rate * g * units
        ),
    },
)


def slopes_by_nudging(loss: Callable[..., Any], w: Any, h: float) -> Any:
    found = np.zeros(w.shape)
    for index in np.ndindex(w.shape):
        nudged = w.copy()
        nudged[index] += h
        found[index] = (loss(nudged) - loss(w)) / h
    return found


def draw_loss(rng: Generator) -> Arguments:
    shape = tuple(distinct(rng, int(rng.integers(1, 3))))
    c = normal(rng, *shape)
    return {"loss": lambda w: np.sum(np.tanh(c * w) ** 2), "w": normal(rng, *shape), "h": 1e-4}


check_nudges = Exercise(
    truth=slopes_by_nudging,
    draw=draw_loss,
    rtol=1e-6,
    mistakes={
        "all weights nudged at once, and one slope for all of them": lambda loss, w, h: np.full(
            w.shape, (loss(w + h) - loss(w)) / h
        ),
        "the rise itself, not divided by the nudge": lambda loss, w, h: (
            slopes_by_nudging(loss, w, h) * h
        ),
    },
)
