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
        "arctan, which belongs to tan and not to tanh": lambda t: np.arctan(t),
        "s = 0, where tanh is steepest: y must be t there, and it is 0": lambda t: 0.0,
        "this is where -t is the output": lambda t: -np.arctanh(t),
    },
)


def ramp(w: Any) -> Any:
    return np.maximum(w, 0.0)


def draw_corner(rng: Generator) -> Arguments:
    losses: list[Callable[..., Any]] = [np.abs, ramp, np.exp, np.square]
    w = float(rng.choice([0.0, normal(rng)]))
    h = float(rng.choice([0.01, 0.02]))
    return {"loss": losses[rng.integers(len(losses))], "w": w, "h": h}


check_slopes = Exercise(
    truth=lambda loss, w, h: ((loss(w + h) - loss(w)) / h, (loss(w - h) - loss(w)) / -h),
    draw=draw_corner,
    cases=12,
    rtol=1e-6,
    parts=("up", "down"),
    mistakes={
        "this is the slope on the other side": lambda loss, w, h: {
            "up": (loss(w - h) - loss(w)) / -h,
            "down": (loss(w + h) - loss(w)) / h,
        },
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
    if not np.isfinite(u).all():
        return "a direction is made of finite numbers, and this holds a NaN or an infinity"
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


def draw_inputs(rng: Generator) -> Arguments:
    x = normal(rng, 2)
    while abs(abs(x[0]) - abs(x[1])) < 0.2:  # where they are alike, a wrong direction is free too
        x = normal(rng, 2)
    return {"x": x}


check_free_direction = Search(flaw=flaw_of_direction, draw=draw_inputs)


def draw_units(rng: Generator) -> Arguments:
    n = int(rng.integers(2, 5))
    return {
        "dL_dw": normal(rng, n),
        "units": 10.0 ** rng.permutation(range(-2, 3))[:n],
        "rate": float(rng.choice([0.1, 0.2, 0.5])),
    }


check_step_in_w = Exercise(
    truth=lambda dL_dw, units, rate: -rate * dL_dw / units**2,
    draw=draw_units,
    mistakes={
        "the step as it would be without the new units": lambda dL_dw, units, rate: -rate * dL_dw,
        "the step in q, not yet taken back to w": lambda dL_dw, units, rate: -rate * dL_dw / units,
        "multiplied by the units, where q's slope is smaller": lambda dL_dw, units, rate: (
            -rate * dL_dw * units
        ),
        "multiplied by the units twice, where both times they divide": lambda dL_dw, units, rate: (
            -rate * dL_dw * units**2
        ),
        "the learning rate is missing": lambda dL_dw, units, rate: -dL_dw / units**2,
    },
)


def slopes_by_nudging(loss: Callable[..., Any], w: Any, h: float) -> Any:
    found = np.zeros(w.shape)
    for index in np.ndindex(w.shape):
        nudged = w.copy()
        nudged[index] += h
        found[index] = (loss(nudged) - loss(w)) / h
    return found


def central(loss: Callable[..., Any], w: Any, h: float) -> Any:
    """By a step each way."""
    return (slopes_by_nudging(loss, w, h) + slopes_by_nudging(loss, w, -h)) / 2


def piling_up(loss: Callable[..., Any], w: Any, h: float, since_last: bool = False) -> Any:
    """All nudges in one copy: the slopes from the weights as given, or from the last nudge."""
    found, nudged = np.zeros(w.shape), w.copy()
    for index in np.ndindex(w.shape):
        before = loss(nudged) if since_last else loss(w)
        nudged[index] += h
        found[index] = (loss(nudged) - before) / h
    return found


def draw_loss(rng: Generator) -> Arguments:
    shape = tuple(distinct(rng, int(rng.integers(1, 3))))
    c, w, h = normal(rng, *shape), normal(rng, *shape), float(rng.choice([1e-3, 2e-3]))
    while np.array_equal(w + h - h, w):  # or w += h; w -= h would leave no trace
        w = normal(rng, *shape)

    def loss(w: Any) -> Any:  # of which each slope depends on all weights, or no pile would show
        return np.sum(np.tanh(c * w) ** 2) + np.sum(c * w) ** 2 / 2

    return {"loss": loss, "w": w, "h": h}


check_nudges = Exercise(
    truth=slopes_by_nudging,
    draw=draw_loss,
    rtol=1e-6,
    mistakes={
        "all weights nudged at once, and one slope for all of them": lambda loss, w, h: np.full(
            w.shape, (loss(w + h) - loss(w)) / h
        ),
        "all weights nudged at once, and one slope, a single number": lambda loss, w, h: (
            (loss(w + h) - loss(w)) / h
        ),
        "the nudges pile up: a weight once nudged stays nudged, and the next slope counts it too": (
            piling_up
        ),
        "the nudges pile up: each slope is right, but at weights that earlier nudges have moved": (
            lambda loss, w, h: piling_up(loss, w, h, since_last=True)
        ),
        "the same loss twice: is the nudged array a second name for the other?": (
            lambda loss, w, h: np.zeros(w.shape)
        ),
        "a step to each side, or one much smaller than h, and a step up by h is asked for": central,
        "a step down, and a step up is asked for": lambda loss, w, h: slopes_by_nudging(
            loss, w, -h
        ),
        "the rise itself, not divided by the nudge": lambda loss, w, h: (
            slopes_by_nudging(loss, w, h) * h
        ),
        "the slopes in a row, and the shape of the weights is asked for": lambda loss, w, h: (
            slopes_by_nudging(loss, w, h).ravel()
        ),
    },
)
