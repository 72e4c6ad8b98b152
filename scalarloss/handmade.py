"""The engine that chapter 11 builds, line for line, for the pages that go on from it."""

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

Line = namedtuple("Line", "name args params")


class Traced(NDArrayOperatorsMixin):
    """A value, and its place on the tape where it was written down."""

    def __init__(self, tape: Any, line: Line, value: Any) -> None:
        self.tape, self.slot, self.value = tape, len(tape), value
        tape.append(line)

    def __array_ufunc__(self, ufunc: Any, method: str, *xs: Any, **params: Any) -> Any:
        if method != "__call__" or params:
            raise TypeError(f"{ufunc.__name__}.{method} is too clever for these notes.")
        return record(self.tape, ufunc.__name__, xs, {})

    def __array_function__(self, function: Any, types: Any, xs: Any, params: Any) -> Any:
        return record(self.tape, function.__name__, xs, params)

    shape = property(lambda self: np.shape(self.value))
    ndim = property(lambda self: len(self.shape))
    T = property(lambda self: np.transpose(self))


def record(tape: Any, name: str, xs: Any, params: Any) -> Traced:
    """Do it, and write it down."""
    if name not in PRIMITIVES:
        raise TypeError(f"{name} has no rule, so nothing could come back through it.")
    xs = [x if isinstance(x, Traced) else constant(tape, x) for x in xs]
    value = PRIMITIVES[name](*[x.value for x in xs], **params)
    return Traced(tape, Line(name, tuple(x.slot for x in xs), params), value)


def constant(tape: Any, x: Any) -> Traced:
    x = np.asarray(x, dtype=float)
    return Traced(tape, Line("constant", (), {"value": x}), x)


UFUNCS = (
    np.negative, np.exp, np.log, np.tanh, np.square, np.sign,
    np.add, np.subtract, np.multiply, np.divide, np.maximum, np.matmul,
)  # fmt: skip
PRIMITIVES: dict[str, Callable[..., Any]] = {function.__name__: function for function in UFUNCS}
PRIMITIVES |= {"sum": np.sum, "transpose": np.transpose, "reshape": np.reshape}
PRIMITIVES["constant"] = lambda value: value


def trace(f: Callable[..., Any], **arrays: Any) -> list[Line]:
    """What f does to the arrays, as a list of lines; the last one is what it returns."""
    tape: list[Line] = []
    inputs = {
        name: Traced(tape, Line("input", (), {"name": name}), np.asarray(a, dtype=float))
        for name, a in arrays.items()
    }
    y = f(**inputs)
    return tape[: y.slot + 1]


def run(program: Any, arrays: Any) -> list[Any]:
    """The value of every line."""
    values: list[Any] = []
    for name, args, params in program:
        if name == "input":
            values.append(arrays[params["name"]])
        else:
            values.append(PRIMITIVES[name](*[values[a] for a in args], **params))
    return values


SLOPES: dict[str, list[Callable[..., Any]]] = {
    "negative": [lambda g, y, x: -g],
    "exp": [lambda g, y, x: g * y],
    "log": [lambda g, y, x: g / x],
    "tanh": [lambda g, y, x: g * (1 - y * y)],
    "square": [lambda g, y, x: g * (2 * x)],
    "sign": [lambda g, y, x: 0 * g],
    "add": [lambda g, y, a, b: g, lambda g, y, a, b: g],
    "subtract": [lambda g, y, a, b: g, lambda g, y, a, b: -g],
    "multiply": [lambda g, y, a, b: g * b, lambda g, y, a, b: g * a],
    "divide": [lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b],
    "maximum": [
        lambda g, y, a, b: g * (0.5 + 0.5 * np.sign(a - b)),
        lambda g, y, a, b: g * (0.5 + 0.5 * np.sign(b - a)),
    ],
}


def unbroadcast(g: Any, shape: Any) -> Any:
    """Sum g over what broadcasting had copied, down to `shape`."""
    new = g.ndim - len(shape)
    copied = [new + i for i, n in enumerate(shape) if n == 1 and g.shape[new + i] != 1]
    axes = (*range(new), *copied)
    return np.reshape(np.sum(g, axis=axes), shape=shape) if axes else g


def sum_back(g: Any, y: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    kept = np.zeros(x.shape).sum(axis=axis, keepdims=True).shape
    return np.zeros(x.shape) + np.reshape(g, shape=kept)


def transpose_back(g: Any, y: Any, x: Any, axes: Any = None) -> Any:
    return np.transpose(g, axes=None if axes is None else tuple(np.argsort(axes)))


def swap(x: Any) -> Any:
    return np.transpose(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def matmul_back(i: int) -> Callable[..., Any]:
    def back(g: Any, y: Any, a: Any, b: Any) -> Any:
        rows = a if a.ndim > 1 else np.reshape(a, shape=(1, *a.shape))
        columns = b if b.ndim > 1 else np.reshape(b, shape=(*b.shape, 1))
        high = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
        g = np.reshape(g, shape=(*high, rows.shape[-2], columns.shape[-1]))
        if i == 0:
            return np.reshape(unbroadcast(g @ swap(columns), rows.shape), shape=a.shape)
        return np.reshape(unbroadcast(swap(rows) @ g, columns.shape), shape=b.shape)

    return back


TRANSPOSES: dict[str, list[Callable[..., Any]]] = {
    "sum": [sum_back],
    "transpose": [transpose_back],
    "reshape": [lambda g, y, x, shape: np.reshape(g, shape=x.shape)],
    "matmul": [matmul_back(0), matmul_back(1)],
}


def back(line: Line, i: int, g: Any, y: Any, xs: Any) -> Any:
    """The cotangent of argument i, for the cotangent g of the line's value y."""
    if line.name in TRANSPOSES:
        return TRANSPOSES[line.name][i](g, y, *xs, **line.params)
    return unbroadcast(SLOPES[line.name][i](g, y, *xs), xs[i].shape)


def pull_back(program: Any, values: Any, g: Any) -> dict[str, Any]:
    """Take a cotangent g of the last value back to the inputs, by name."""
    cotangents = {len(program) - 1: g}
    found: dict[str, Any] = {}
    for slot in reversed(range(len(program))):
        line = program[slot]
        if line.name == "input":
            found[line.params["name"]] = cotangents.get(slot, np.zeros(values[slot].shape))
        elif slot in cotangents:
            xs = [values[a] for a in line.args]
            for i, a in enumerate(line.args):
                part = back(line, i, cotangents[slot], values[slot], xs)
                cotangents[a] = cotangents[a] + part if a in cotangents else part
    return found


def vjp(f: Any, **arrays: Any) -> tuple[Any, Callable[[Any], dict[str, Any]]]:
    """The output of f, a function or a program, and the map from its cotangent to the inputs'."""
    program = trace(f, **arrays) if callable(f) else f
    values = run(program, arrays)
    return values[-1], lambda g: pull_back(program, values, np.asarray(g, dtype=float))


def grad(f: Any, **arrays: Any) -> dict[str, Any]:
    y, pullback = vjp(f, **arrays)
    if y.shape != ():
        raise TypeError(
            f"the output has shape {y.shape}: reduce it, pass a cotangent to vjp, "
            "or ask for every row of the Jacobian."
        )
    return pullback(1.0)
