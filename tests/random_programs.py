"""Random functions of masks, casts, views and reductions, as data: a list of steps.

Each step takes values that came before, by number, and makes one more; `run` interprets the list
on plain arrays and on recording ones alike. `draw` builds one step by step on plain arrays, so
that each step is one that NumPy takes.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Step = tuple[str, tuple[int, ...], tuple[Any, ...]]


def in_place(a: Any, b: Any) -> Any:
    a = a.copy()
    a += b
    return a


BINARY: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": lambda a, b: a / (1.5 + np.square(np.tanh(b * 1.0))),
    "maximum": np.maximum,
    "minimum": np.minimum,
    "and": operator.and_,
    "or": operator.or_,
    "xor": operator.xor,
    "logical_and": np.logical_and,
    "greater": operator.gt,
    "less_equal": operator.le,
    "matmul": operator.matmul,
    "inner": np.inner,
    "outer": np.outer,
    "einsum": lambda a, b: np.einsum("...i,...i->...", a, b),
    "in place": in_place,
    "where": lambda a, b: np.where(a > 0.105, a, b),
    "stack": lambda a, b: np.stack([a, b]),
    "concatenate": lambda a, b: np.concatenate([a, b]),
}
UNARY: dict[str, Callable[..., Any]] = {
    "above": lambda a, c: a > c,
    "below": lambda a, c: c > a,
    "is": lambda a, c: a == round(c),
    "not": lambda a, c: ~a,
    "logical_not": lambda a, c: np.logical_not(a),
    "float": lambda a, c: a.astype(float),
    "bool": lambda a, c: a.astype(bool),
    "int": lambda a, c: a.astype(int),
    "plus one": lambda a, c: a + 1,
    "plus true": lambda a, c: a + True,
    "scaled": lambda a, c: c * a,
    "less than one": lambda a, c: 1 - a,
    "squared": lambda a, c: a**2,
    "rooted": lambda a, c: np.sqrt(1 + a * a * 1.0),
    "tanh": lambda a, c: np.tanh(a * 1.0),
    "either": lambda a, c: np.where(a, 1, 0),
    "absolute": lambda a, c: abs(a),
    "sum": lambda a, c: a.sum(),
    "sum along": lambda a, c: np.sum(a, axis=-1),
    "sum kept": lambda a, c: a.sum(axis=0, keepdims=True),
    "mean": lambda a, c: a.mean(axis=0),
    "max": lambda a, c: a.max(axis=-1),
    "min": lambda a, c: np.min(a, axis=0),
    "cumsum": lambda a, c: np.cumsum(a, axis=0),
    "var": lambda a, c: a.var(axis=-1),
    "norm": lambda a, c: np.sqrt(1 + np.square(a * 1.0).sum()),
    "reshape": lambda a, c: a.reshape(-1),
    "ravel": lambda a, c: np.ravel(a),
    "T": lambda a, c: a.T,
    "reversed": lambda a, c: a[::-1],
    "first": lambda a, c: a[0],
    "last": lambda a, c: a[..., -1],
    "new axis": lambda a, c: a[:, None],
    "fancy": lambda a, c: a[[0, -1, 0]],
    "broadcast": lambda a, c: np.broadcast_to(a, (2, *a.shape)),
    "windows": lambda a, c: sliding_window_view(a, 2, axis=0),
    "roll": lambda a, c: np.roll(a, 1),
    "repeat": lambda a, c: np.repeat(a, 2, axis=0),
    "tile": lambda a, c: np.tile(a, 2),
    "expand": lambda a, c: np.expand_dims(a, 0),
    "swap": lambda a, c: np.swapaxes(a, 0, -1),
    "pad": lambda a, c: np.pad(a, 1, constant_values=round(10 * c)),
    "copy": lambda a, c: a.copy(),
    "clip": lambda a, c: np.clip(a, -1, 1),
    "ones like": lambda a, c: a * 1.0 + np.ones_like(a),
}
LARGEST, MOST = 60, 1e4  # entries, and their size


def step_of(step: Step, values: list[Any]) -> Any:
    name, places, params = step
    function = BINARY[name] if name in BINARY else UNARY[name]
    return function(*(values[i] for i in places), *params)


def run(steps: list[Step], inputs: list[Any]) -> Any:
    """One number: what each step made, weighed and added up."""
    values = list(inputs)
    for step in steps:
        values.append(step_of(step, values))
    total = 0.0
    for k, value in enumerate(values):
        weights = np.cos(k + np.arange(value.size, dtype=float)).reshape(value.shape)
        total = total + np.sum(value * weights)
    return total


def takes(step: Step, values: list[Any]) -> Any:
    """What NumPy makes of a step, or None where it does not take it, or makes too much."""
    try:
        found = step_of(step, values)
    except (TypeError, ValueError, IndexError):
        return None
    small = isinstance(found, np.ndarray | np.generic) and 0 < found.size <= LARGEST
    if not small or found.dtype not in (float, bool, np.int64):
        return None
    return found if np.all(np.abs(found * 1.0) < MOST) else None


def draw(seed: int, length: int = 9) -> tuple[list[Step], dict[str, np.ndarray]]:
    """Random steps, and arrays x and y to run them on."""
    rng = np.random.default_rng(seed)
    shapes = [(3,), (2, 3), (3, 3), (1, 3), (2, 1), ()]
    drawn = (rng.normal(size=shapes[rng.integers(6)]) for _ in range(2))
    x, y = (np.asarray(np.round(array, 2) + 0.003) for array in drawn)  # none on a step
    values: list[Any] = [x, y]
    steps: list[Step] = []
    names = [*BINARY, *UNARY]
    while len(steps) < length:
        name = names[rng.integers(len(names))]
        recent = len(values) - 1 - int(min(rng.geometric(0.4) - 1, len(values) - 1))
        if name in BINARY:
            step: Step = (name, (recent, int(rng.integers(len(values)))), ())
        else:
            step = (name, (recent,), (round(float(rng.normal()), 2) + 0.005,))
        found = takes(step, values)
        if found is not None:
            steps.append(step)
            values.append(found)
    return steps, {"x": x, "y": y}
