"""What readers answer in chapter 01, Nudge a weight."""

from math import atanh, log

import numpy as np

from answers import Answers

# 1. Where it changes its mind


def by_bisection(t):
    low, high = -20.0, 20.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if np.tanh(middle) < t else (low, middle)
    return low


# 2. A corner


def for_both_signs(loss, w, h):
    return [(loss(w + step) - loss(w)) / step for step in (h, -h)]


def by_subtraction(loss, w, h):
    here, above, below = loss(w), loss(w + h), loss(w - h)
    return above / h - here / h, here / h - below / h


# 3. The free direction


def projected(x):
    e = np.array([1.0, 0.0])
    return e - x * (x @ e) / (x @ x)


# 5. The checker, mended


def put_back(loss, w, h):
    found, w = np.empty(w.shape), w.copy()
    here = loss(w)
    for index, old in np.ndenumerate(w.copy()):
        w[index] = old + h
        found[index] = (loss(w) - here) / h
        w[index] = old
    return found


def by_units(loss, w, h):
    units = np.eye(w.size).reshape(-1, *w.shape)
    return np.array([(loss(w + h * e) - loss(w)) / h for e in units]).reshape(w.shape)


def by_flat_places(loss, w, h):
    rises = []
    for k in range(w.size):
        nudged = np.array(w)
        nudged.flat[k] += h
        rises.append(loss(nudged) - loss(w))
    return np.reshape(rises, w.shape) / h


def pile(loss, w, h):
    nudged, found = w.copy(), np.zeros_like(w)
    for index in np.ndindex(w.shape):
        nudged[index] += h
        found[index] = (loss(nudged) - loss(w)) / h
    return found


def pile_and_compare(loss, w, h):
    nudged, found = w.copy(), np.zeros_like(w)
    for index in np.ndindex(w.shape):
        here = loss(nudged)
        nudged[index] += h
        found[index] = (loss(nudged) - here) / h
    return found


def second_name(loss, w, h):
    w = w.copy()
    found = np.zeros_like(w)
    for index in np.ndindex(w.shape):
        nudged = w
        nudged[index] += h
        found[index] = (loss(nudged) - loss(w)) / h
    return found


def on_the_caller(loss, w, h):
    found = np.zeros_like(w)
    for index in np.ndindex(w.shape):
        here = loss(w)
        w[index] += h
        found[index] = (loss(w) - here) / h
    return found


def there_and_back(loss, w, h):
    found, here = np.zeros_like(w), loss(w)
    for index in np.ndindex(w.shape):
        w[index] += h
        found[index] = (loss(w) - here) / h
        w[index] -= h  # not what it was, by rounding
    return found


def each_way(loss, w, h):
    found = np.zeros_like(w)
    for index in np.ndindex(w.shape):
        above, below = w.copy(), w.copy()
        above[index] += h
        below[index] -= h
        found[index] = (loss(above) - loss(below)) / (2 * h)
    return found


ANSWERS = {
    "check_resting_sum": Answers(
        right=[
            lambda t: np.arctanh(t),
            lambda t: atanh(t),
            lambda t: log((1 + t) / (1 - t)) / 2,
            by_bisection,
        ],
        wrong=[
            (lambda t: t, "the output y that is asked for"),
            (lambda t: np.tanh(t), "the way back through tanh"),
            (lambda t: np.arctan(t), "belongs to tan"),
            (lambda t: 0.0, "where tanh is steepest"),
            (lambda t: -np.arctanh(t), "where -t is the output"),
            (lambda t: 20.0, "in every case"),
            (lambda t: [np.arctanh(t)], "the right number in shape (1,)"),
        ],
    ),
    "check_slopes": Answers(
        right=[
            lambda loss, w, h: ((loss(w + h) - loss(w)) / h, (loss(w) - loss(w - h)) / h),
            for_both_signs,
            by_subtraction,
            lambda loss, w, h: (loss(w + np.array([h, -h])) - loss(w)) / [h, -h],
        ],
        wrong=[
            (
                lambda loss, w, h: ((loss(w) - loss(w - h)) / h, (loss(w + h) - loss(w)) / h),
                "up and down: this is the slope on the other side",
            ),
            (
                lambda loss, w, h: ((loss(w + h) - loss(w)) / h, (loss(w - h) - loss(w)) / h),
                "down: divided by the size of the nudge, without its sign",
            ),
            (
                lambda loss, w, h: ((loss(w + h) - loss(w - h)) / (2 * h),) * 2,
                "the mean of the two sides",
            ),
            (
                lambda loss, w, h: (loss(w + h) - loss(w), loss(w - h) - loss(w)),
                "not divided by the nudge",
            ),
            (
                lambda loss, w, h: ((loss(w + h) - loss(w)) / h,) * 2,
                "down: this is the slope on the other side",
            ),
            (lambda loss, w, h: (loss(w + h) - loss(w)) / h, "return up, down"),
        ],
    ),
    "check_free_direction": Answers(
        right=[
            lambda x: np.array([-x[1], x[0]]),
            lambda x: (x[1], -x[0]),
            lambda x: [1.0, -x[0] / x[1]],
            projected,
            lambda x: np.linalg.svd(x[None])[2][1],
            lambda x: 1e-3 * np.array([-x[1], x[0]]) / np.linalg.norm(x),
        ],
        wrong=[
            (lambda x: x, "along the gradient"),
            (lambda x: -x / np.linalg.norm(x), "along the gradient"),
            (lambda x: x[::-1], "it should not move"),
            (lambda x: np.zeros(2), "stays where it is"),
            (lambda x: np.array([-x[0], x[1]]), "it should not move"),
            (lambda x: np.array([1.0, -1.0]), "it should not move"),
            (lambda x: 0.0, "a direction has the shape of w"),
            (lambda x: x / 0, "a NaN or an infinity"),
        ],
    ),
    "check_step_in_w": Answers(
        right=[
            lambda dL_dw, units, rate: -rate * dL_dw / units**2,
            lambda dL_dw, units, rate: -(rate * (dL_dw / units)) / units,
            lambda g, c, rate: [-rate * a / b / b for a, b in zip(g, c, strict=True)],
            lambda g, c, rate: np.linalg.solve(np.diag(c**2), -rate * g),
        ],
        wrong=[
            (lambda g, c, rate: -rate * g, "without the new units"),
            (lambda g, c, rate: -rate * g / c, "not yet taken back to w"),
            (lambda g, c, rate: -rate * g * c, "multiplied by the units, where"),
            (lambda g, c, rate: -rate * g * c**2, "multiplied by the units twice"),
            (lambda g, c, rate: rate * g / c**2, "the sign"),
            (lambda g, c, rate: -g / c**2, "the learning rate is missing"),
        ],
    ),
    "check_nudges": Answers(
        right=[put_back, by_units, by_flat_places],
        wrong=[
            (there_and_back, "changes its argument w"),
            (pile, "pile up: a weight once nudged"),
            (pile_and_compare, "pile up: each slope is right"),
            (second_name, "a second name"),
            (on_the_caller, "changes its argument w"),
            (each_way, "a step to each side"),
            (lambda loss, w, h: -by_units(loss, w, h), "the sign"),
            (lambda loss, w, h: by_units(loss, w, -h), "a step down"),
            (lambda loss, w, h: by_units(loss, w, h) * h, "not divided by the nudge"),
            (lambda loss, w, h: np.full(w.shape, (loss(w + h) - loss(w)) / h), "at once"),
            (lambda loss, w, h: (loss(w + h) - loss(w)) / h, "a single number"),
        ],
    ),
}
