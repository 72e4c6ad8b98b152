"""The primitives: what each operation is. Its NumPy function, its arguments, parameters, shape."""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    `shape(*shapes, **params)` is the shape of the result; it computes no number, and raises
    ValueError, IndexError or OverflowError where the function would not take such arrays.
    """

    function: Callable[..., Array]
    arity: int | None
    parameters: Mapping[str, Test]
    shape: Callable[..., Shape]


def is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


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
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


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
    wide = np.full(padded(x.shape, widths, value), value, dtype=x.dtype)
    wide[tuple(slice(w, w + n) for n, (w, _) in zip(x.shape, widths, strict=True))] = x
    return wide


def einsum(*xs: Array, subscripts: str) -> Array:
    return np.asarray(np.einsum(subscripts, *xs, optimize=True))


def windows(x: Array, window: Shape, axis: Shape) -> Array:
    return np.asarray(sliding_window_view(x, window, axis))


def reduced(x: Shape, axis: Shape, keepdims: bool) -> Shape:
    if axis and axis[-1] >= len(x):
        raise ValueError(f"axis {axis[-1]} does not exist")
    return tuple(1 if a in axis else n for a, n in enumerate(x) if keepdims or a not in axis)


def reduced_extreme(x: Shape, axis: Shape, keepdims: bool) -> Shape:
    result = reduced(x, axis, keepdims)
    if 0 in x and 0 not in result:
        raise ValueError("an empty axis has no extreme")
    return result


def summed_along(x: Shape, axis: int) -> Shape:
    if axis >= len(x):
        raise ValueError(f"axis {axis} does not exist")
    return x


def product(a: Shape, b: Shape) -> Shape:
    """The shape of a matmul: a vector on the left is a row, on the right a column."""
    if not a or not b or a[-1] != b[max(0, len(b) - 2)]:
        raise ValueError("the last axis of one is not the next to last of the other")
    return (*np.broadcast_shapes(a[:-2], b[:-2]), *a[-2:-1], *(b[-1:] if len(b) > 1 else ()))


def contracted(*shapes: Shape, subscripts: str) -> Shape:
    sources, result = subscripts.split("->")
    sizes: dict[str, int] = {}
    for term, shape in zip(sources.split(","), shapes, strict=True):
        for letter, size in zip(term, shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise ValueError(f"{letter} is {sizes[letter]} in one array and {size} in another")
    if not sizes.keys() >= set(result):
        raise ValueError(f"a letter of {result} is in no array")
    return tuple(sizes[letter] for letter in result)


def concatenated(*shapes: Shape, axis: int) -> Shape:
    first = summed_along(shapes[0], axis)
    if len({(len(s), s[:axis], s[axis + 1 :]) for s in shapes}) > 1:
        raise ValueError(f"they differ in more than axis {axis}")
    return (*first[:axis], sum(s[axis] for s in shapes), *first[axis + 1 :])


def stacked(*shapes: Shape, axis: int) -> Shape:
    first = shapes[0]
    if len(set(shapes)) > 1 or axis > len(first):
        raise ValueError(f"they differ, or have no place for axis {axis}")
    return (*first[:axis], len(shapes), *first[axis:])


def padded(x: Shape, widths: tuple[tuple[int, int], ...], value: float) -> Shape:
    return tuple(before + n + after for n, (before, after) in zip(x, widths, strict=True))


def elementwise(function: Callable[..., Array], arity: int = 1) -> Primitive:
    return Primitive(function, arity, {}, np.broadcast_shapes)


def binary(function: Callable[..., Array]) -> Primitive:
    return elementwise(function, 2)


def reduction(function: Callable[..., Array], shape: Callable[..., Shape] = reduced) -> Primitive:
    return Primitive(function, 1, {"axis": are_axes, "keepdims": is_bool}, shape)


def view(function: Callable[..., Array], **parameters: Test) -> Primitive:
    """A function of one array that copies no entry, so that its shape is NumPy's answer for an
    array that is one number seen from many places."""

    def shape(x: Shape, **params: Any) -> Shape:
        return np.shape(function(np.broadcast_to(0.0, x), **params))

    return Primitive(function, 1, parameters, shape)


COMPARISONS: dict[str, Primitive] = {
    "greater": binary(truth(np.greater)),
    "greater_equal": binary(truth(np.greater_equal)),
    "less": binary(truth(np.less)),
    "less_equal": binary(truth(np.less_equal)),
    "equal": binary(truth(np.equal)),
    "not_equal": binary(truth(np.not_equal)),
    "logical_and": binary(truth(np.logical_and)),
    "logical_or": binary(truth(np.logical_or)),
    "logical_not": elementwise(truth(np.logical_not)),
}

PRIMITIVES: dict[str, Primitive] = {
    "negative": elementwise(np.negative),
    "exp": elementwise(np.exp),
    "log": elementwise(np.log),
    "log1p": elementwise(np.log1p),
    "expm1": elementwise(np.expm1),
    "sqrt": elementwise(np.sqrt),
    "square": elementwise(np.square),
    "tanh": elementwise(np.tanh),
    "sin": elementwise(np.sin),
    "cos": elementwise(np.cos),
    "absolute": elementwise(np.absolute),
    "sign": elementwise(np.sign),
    "reciprocal": elementwise(np.reciprocal),
    "add": binary(np.add),
    "subtract": binary(np.subtract),
    "multiply": binary(np.multiply),
    "divide": binary(np.divide),
    "power": binary(np.power),
    "maximum": binary(np.maximum),
    "minimum": binary(np.minimum),
    **COMPARISONS,
    "where": elementwise(np.where, 3),
    "sum": reduction(add_up),
    "mean": reduction(mean),
    "max": reduction(np.maximum.reduce, reduced_extreme),
    "min": reduction(np.minimum.reduce, reduced_extreme),
    "cumsum": Primitive(np.cumsum, 1, {"axis": is_count}, summed_along),
    "matmul": Primitive(np.matmul, 2, {}, product),
    "einsum": Primitive(einsum, None, {"subscripts": are_subscripts}, contracted),
    "transpose": view(np.transpose, axes=are_counts),
    "reshape": view(np.reshape, shape=are_counts),
    "broadcast_to": view(np.broadcast_to, shape=are_counts),
    "index": view(lambda x, index: x[as_key(index)], index=is_index),
    "take": view(take, indices=is_integer_array),
    "concatenate": Primitive(
        lambda *xs, axis: np.concatenate(xs, axis), None, {"axis": is_count}, concatenated
    ),
    "stack": Primitive(lambda *xs, axis: np.stack(xs, axis), None, {"axis": is_count}, stacked),
    "pad": Primitive(pad, 1, {"widths": are_widths, "value": is_finite_number}, padded),
    "sliding_window_view": view(windows, window=are_counts, axis=are_axes),
}
