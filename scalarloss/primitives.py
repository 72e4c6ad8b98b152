"""The primitives: what each operation is. Its NumPy function, how many arguments, which parameters."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Shape: TypeAlias = tuple[int, ...]
Test: TypeAlias = Callable[[object], bool]


@dataclass(frozen=True)
class Primitive:
    """A NumPy function of `arity` arrays (None: any number) and parameters, each with its test.

    Parameters are numbers, strings, tuples and integer arrays: what JSON can hold.
    """

    function: Callable[..., Array]
    arity: int | None = 1
    parameters: Mapping[str, Test] = field(default_factory=dict)


def is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def are_counts(value: object) -> bool:
    return isinstance(value, tuple) and all(is_count(v) for v in value)


def are_axes(value: object) -> bool:
    return isinstance(value, tuple) and are_counts(value) and list(value) == sorted(set(value))


def is_slice(value: object) -> bool:
    if not (isinstance(value, tuple) and len(value) == 3):
        return False
    start, stop, step = value
    whole = isinstance(step, int) and not isinstance(step, bool) and step != 0
    return whole and is_count(start) and (is_count(stop) or (stop is None and step < 0))


def is_index(value: object) -> bool:
    return isinstance(value, tuple) and all(i is None or is_count(i) or is_slice(i) for i in value)


def are_widths(value: object) -> bool:
    return isinstance(value, tuple) and all(are_counts(w) and len(w) == 2 for w in value)


def are_subscripts(value: object) -> bool:
    """Explicit, in letters, and no letter twice within one operand or in the result."""
    if not (isinstance(value, str) and value.count("->") == 1):
        return False
    terms = value.replace("->", ",").split(",")
    return all(t.isascii() and (t.isalpha() or not t) and len(set(t)) == len(t) for t in terms)


def is_finite_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_integer_array(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.intp and bool((value >= 0).all())


def is_bool(value: object) -> bool:
    return isinstance(value, bool)


def truth(comparison: np.ufunc) -> Callable[..., Array]:
    """A comparison or logical ufunc that answers in 0.0 and 1.0."""
    return lambda *xs: comparison(*xs).astype(np.float64)


add_up: Callable[..., Array] = np.add.reduce


def mean(x: Array, axis: Shape, keepdims: bool) -> Array:
    count = math.prod(x.shape[a] for a in axis)
    result: Array = add_up(x, axis=axis, keepdims=keepdims) / count
    return result


@lru_cache(maxsize=4096)
def as_key(index: tuple[Any, ...]) -> tuple[Any, ...]:
    """Turn an index as data, such as (0, None, (0, 4, 2)), into one that NumPy takes."""
    return tuple(slice(*i) if isinstance(i, tuple) else i for i in index)


def take(x: Array, indices: NDArray[np.intp]) -> Array:
    return x.reshape(-1)[indices]


def pad(x: Array, widths: tuple[tuple[int, int], ...], value: float) -> Array:
    sizes = [before + n + after for n, (before, after) in zip(x.shape, widths, strict=True)]
    wide = np.full(sizes, value)
    wide[tuple(slice(w, w + n) for n, (w, _) in zip(x.shape, widths, strict=True))] = x
    return wide


def einsum(*xs: Array, subscripts: str) -> Array:
    return np.asarray(np.einsum(subscripts, *xs, optimize=True))


def windows(x: Array, window: Shape, axis: Shape) -> Array:
    return np.asarray(sliding_window_view(x, window, axis))


def unary(function: Callable[..., Array]) -> Primitive:
    return Primitive(function)


def binary(function: Callable[..., Array]) -> Primitive:
    return Primitive(function, 2)


def reduction(function: Callable[..., Array]) -> Primitive:
    return Primitive(function, 1, {"axis": are_axes, "keepdims": is_bool})


COMPARISONS: dict[str, Primitive] = {
    "greater": binary(truth(np.greater)),
    "greater_equal": binary(truth(np.greater_equal)),
    "less": binary(truth(np.less)),
    "less_equal": binary(truth(np.less_equal)),
    "equal": binary(truth(np.equal)),
    "not_equal": binary(truth(np.not_equal)),
    "logical_and": binary(truth(np.logical_and)),
    "logical_or": binary(truth(np.logical_or)),
    "logical_not": unary(truth(np.logical_not)),
}

PRIMITIVES: dict[str, Primitive] = {
    "negative": unary(np.negative),
    "exp": unary(np.exp),
    "log": unary(np.log),
    "log1p": unary(np.log1p),
    "expm1": unary(np.expm1),
    "sqrt": unary(np.sqrt),
    "square": unary(np.square),
    "tanh": unary(np.tanh),
    "sin": unary(np.sin),
    "cos": unary(np.cos),
    "absolute": unary(np.absolute),
    "sign": unary(np.sign),
    "reciprocal": unary(np.reciprocal),
    "add": binary(np.add),
    "subtract": binary(np.subtract),
    "multiply": binary(np.multiply),
    "divide": binary(np.divide),
    "power": binary(np.power),
    "maximum": binary(np.maximum),
    "minimum": binary(np.minimum),
    **COMPARISONS,
    "where": Primitive(np.where, 3),
    "sum": reduction(add_up),
    "mean": reduction(mean),
    "max": reduction(np.maximum.reduce),
    "min": reduction(np.minimum.reduce),
    "cumsum": Primitive(np.cumsum, 1, {"axis": is_count}),
    "matmul": binary(np.matmul),
    "einsum": Primitive(einsum, None, {"subscripts": are_subscripts}),
    "transpose": Primitive(np.transpose, 1, {"axes": are_counts}),
    "reshape": Primitive(np.reshape, 1, {"shape": are_counts}),
    "broadcast_to": Primitive(np.broadcast_to, 1, {"shape": are_counts}),
    "index": Primitive(lambda x, index: x[as_key(index)], 1, {"index": is_index}),
    "take": Primitive(take, 1, {"indices": is_integer_array}),
    "concatenate": Primitive(lambda *xs, axis: np.concatenate(xs, axis), None, {"axis": is_count}),
    "stack": Primitive(lambda *xs, axis: np.stack(xs, axis), None, {"axis": is_count}),
    "pad": Primitive(pad, 1, {"widths": are_widths, "value": is_finite_number}),
    "sliding_window_view": Primitive(windows, 1, {"window": are_counts, "axis": are_axes}),
}
