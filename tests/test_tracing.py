"""Tracing against plain NumPy: every function that the tracer knows, and everything it refuses."""

import math
import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from scalarloss import DtypeError, ShapeError, TracingError, grad, jvp, trace, value_and_grad, vjp
from scalarloss.primitives import PRIMITIVES
from scalarloss.tracing import (
    FUNCTIONS,
    LOWERED_UFUNCS,
    REARRANGEMENTS,
    REDUCTIONS,
    TRUTH_UFUNCS,
    TracedArray,
)


def numbers(*shape: int, seed: int = 0, positive: bool = False) -> np.ndarray:
    """Distinct numbers up to 2.3 in size and not near 0, or positive ones."""
    size = math.prod(shape)
    rng = np.random.default_rng((seed, *shape))
    x = ((rng.permutation(size) + 0.5) / size * 4 - 2 + 0.0137 * (seed + 1)).reshape(shape)
    return np.asarray(np.abs(x) + 0.5 if positive else x + 0.2 * np.sign(x))


def arrays_for(shapes: dict[str, tuple[int, ...]], seed: int, positive: bool):
    return {
        name: numbers(*shape, seed=seed + i, positive=positive)
        for i, (name, shape) in enumerate(shapes.items())
    }


def central_gradient(f, g, arrays, step=1e-5):
    """The central differences of <g, f(**arrays)> in each entry of each array, in plain NumPy."""
    found = {}
    for name, x in arrays.items():
        found[name] = np.zeros(x.shape)
        for place in np.ndindex(x.shape):
            ahead, behind = np.array(x), np.array(x)
            ahead[place] += step
            behind[place] -= step
            rise = np.subtract(
                f(**{**arrays, name: ahead}), f(**{**arrays, name: behind}), dtype=float
            )
            found[name][place] = np.sum(g * rise) / (2 * step)
    return found


def check(f: Callable[..., Any], positive: bool = False, **shapes: tuple[int, ...]) -> None:
    """f traced is f in plain NumPy, here and on new numbers, and its gradient is f's slope."""
    program = trace(f, **arrays_for(shapes, 0, positive))
    for seed in (0, 7):
        arrays = arrays_for(shapes, seed, positive)
        plain = np.asarray(f(**arrays), dtype=float)
        y, pullback = vjp(program, **arrays)
        assert np.shape(y) == plain.shape == program.output_shape
        np.testing.assert_allclose(y, plain, rtol=1e-14, atol=1e-15)
        np.testing.assert_array_equal(program(**arrays), y)
        g = np.random.default_rng(seed).normal(size=plain.shape)
        expected = central_gradient(f, g, arrays)
        for name, found in pullback(g).items():
            scale = np.max(np.abs(expected[name])) + np.sum(np.abs(g)) * 1e-3
            assert found.shape == arrays[name].shape
            np.testing.assert_allclose(found, expected[name], rtol=0, atol=1e-7 * scale)


X = {"x": (2, 3)}
XY = {"x": (2, 3), "y": (2, 3)}
CUBE = {"x": (2, 3, 4)}
SQUARE = {"x": (3, 3)}
LINE = {"x": (4,)}
PLACES = np.array([[2, 0], [1, 1]])

# (what is called, a function that gets it and the arrays, their shapes): the function is handed
# what it calls, so that the table cannot name one thing and call another.
FUNCTION_CASES: list[tuple[Callable[..., Any], Callable[..., Any], dict[str, tuple[int, ...]]]] = [
    (np.sum, lambda f, x: f(x), X),
    (np.sum, lambda f, x: f(x, axis=-1), CUBE),
    (np.sum, lambda f, x: f(x, 0, keepdims=True), X),
    (np.sum, lambda f, x: f(x, axis=(-1, 0)), CUBE),
    (np.sum, lambda f, x: f(x, axis=()), X),
    (np.mean, lambda f, x: f(x, (0, 2), keepdims=True), CUBE),
    (np.mean, lambda f, x: f(x), LINE),
    (np.max, lambda f, x: f(x, axis=-2), CUBE),
    (np.max, lambda f, x: f(x), X),
    (np.min, lambda f, x: f(x, axis=(0, 1), keepdims=True), CUBE),
    (np.amax, lambda f, x: f(x, 1), X),
    (np.amin, lambda f, x: f(x, 0), X),
    (np.var, lambda f, x: f(x), X),
    (np.var, lambda f, x: f(x, axis=-1, ddof=1, keepdims=True), CUBE),
    (np.std, lambda f, x: f(x, axis=(0, -1), ddof=1), CUBE),
    (np.cumsum, lambda f, x: f(x), X),
    (np.cumsum, lambda f, x: f(x, axis=-2), CUBE),
    (np.dot, lambda f, x, y: f(x, y), {"x": (3,), "y": (3,)}),
    (np.dot, lambda f, x, y: f(x, y), {"x": (2, 3), "y": (3,)}),
    (np.dot, lambda f, x, y: f(x, y), {"x": (3,), "y": (3, 2)}),
    (np.dot, lambda f, x, y: f(x, y), {"x": (2, 3), "y": (3, 4)}),
    (np.dot, lambda f, x, y: f(x, y), {"x": (2, 2, 3), "y": (3,)}),
    (np.dot, lambda f, x, y: f(x, y), {"x": (2, 2, 3), "y": (3, 2)}),
    (np.dot, lambda f, x, y: f(x, y), {"x": (2, 3), "y": (2, 3, 2)}),
    (np.dot, lambda f, x, y: f(x, y), {"x": (3,), "y": (2, 3, 2)}),
    (np.dot, lambda f, x, y: f(x, y), {"x": (), "y": (2, 2)}),
    (np.dot, lambda f, x: f(np.array([[1.0, -2.0]]), x), X),
    (np.dot, lambda f, x: f(x, [1.0, -2.0, 3.0]), X),
    (np.vdot, lambda f, x, y: f(x, y), XY),
    (np.inner, lambda f, x, y: f(x, y), {"x": (2, 3), "y": (4, 3)}),
    (np.inner, lambda f, x, y: f(x, y), {"x": (3,), "y": (2, 2, 3)}),
    (np.inner, lambda f, x: f(2.0, x), X),
    (np.outer, lambda f, x, y: f(x, y), {"x": (2, 2), "y": (3,)}),
    (np.outer, lambda f, x: f([1.0, 2.0], x), LINE),
    (np.tensordot, lambda f, x, y: f(x, y), {"x": (2, 2, 3), "y": (2, 3, 2)}),
    (np.tensordot, lambda f, x, y: f(x, y, 0), {"x": (2,), "y": (3,)}),
    (np.tensordot, lambda f, x, y: f(x, y, axes=(0, -1)), {"x": (3, 2), "y": (2, 3)}),
    (np.tensordot, lambda f, x, y: f(x, y, ([0, 2], [-1, 0])), {"x": (2, 3, 4), "y": (4, 3, 2)}),
    (np.einsum, lambda f, x, y: f("ij,kj->ik", x, y), {"x": (2, 3), "y": (4, 3)}),
    (np.einsum, lambda f, x, y: f("ji,jk", x, y), {"x": (3, 2), "y": (3, 2)}),
    (np.einsum, lambda f, x: f("ba", x), X),
    (np.einsum, lambda f, x: f("Ba", x), X),
    (np.einsum, lambda f, x: f("ij -> ", x), X),
    (np.einsum, lambda f, x: f("ii", x), SQUARE),
    (np.einsum, lambda f, x: f("ii->i", x), SQUARE),
    (np.einsum, lambda f, x, y: f("iij,ij->j", x, y), {"x": (2, 2, 3), "y": (2, 3)}),
    (np.einsum, lambda f, x: f("ii,i->i", np.arange(9.0).reshape(3, 3), x), {"x": (3,)}),
    (np.einsum, lambda f, x: f("...ii->...i", x), {"x": (2, 3, 3)}),
    (np.einsum, lambda f, x, y: f("...ij,...jk", x, y), {"x": (2, 2, 3), "y": (2, 3, 2)}),
    (np.einsum, lambda f, x, y: f("...ij,...jk->...ik", x, y), {"x": (1, 2, 3), "y": (4, 3, 2)}),
    (np.einsum, lambda f, x, y: f("...ij,jk->...ik", x, y), {"x": (2, 1, 2, 3), "y": (3, 2)}),
    (np.einsum, lambda f, x, y: f("...,...->...", x, y), {"x": (3,), "y": (2, 1)}),
    (np.einsum, lambda f, x, y: f("i...,i->...", x, y), {"x": (2, 3), "y": (2,)}),
    (np.einsum, lambda f, x, y: f("i,i->i", x, y), {"x": (1,), "y": (3,)}),
    (np.einsum, lambda f, x, y: f("ij,ij->", x, y, optimize=False), {"x": (2, 1), "y": (2, 3)}),
    (np.einsum, lambda f, x, y: f("i,j,ij->", x, x, y), {"x": (2,), "y": (2, 2)}),
    (np.transpose, lambda f, x: f(x), CUBE),
    (np.transpose, lambda f, x: f(x, (1, -1, 0)), CUBE),
    (np.transpose, lambda f, x: f(x, axes=[2, 0, 1]), CUBE),
    (np.transpose, lambda f, x: f(x), {"x": ()}),
    (np.swapaxes, lambda f, x: f(x, 0, -1), CUBE),
    (np.swapaxes, lambda f, x: f(x, axis1=1, axis2=0), X),
    (np.moveaxis, lambda f, x: f(x, 0, -1), CUBE),
    (np.moveaxis, lambda f, x: f(x, [0, 1], [-1, 0]), CUBE),
    (np.reshape, lambda f, x: f(x, (3, -1)), X),
    (np.reshape, lambda f, x: f(x, 6), X),
    (np.ravel, lambda f, x: f(x), X),
    (np.squeeze, lambda f, x: f(x), {"x": (1, 3, 1)}),
    (np.squeeze, lambda f, x: f(x, axis=-1), {"x": (1, 3, 1)}),
    (np.expand_dims, lambda f, x: f(x, (0, -1)), X),
    (np.broadcast_to, lambda f, x: f(x, (2, 2, 3)), {"x": (2, 1)}),
    (np.broadcast_to, lambda f, x: f(x, 3), {"x": ()}),
    (np.atleast_1d, lambda f, x: f(x), {"x": ()}),
    (np.atleast_1d, lambda f, x: f(x), X),
    (np.atleast_2d, lambda f, x: f(x), LINE),
    (np.concatenate, lambda f, x, y: f([x, y]), {"x": (1, 3), "y": (2, 3)}),
    (np.concatenate, lambda f, x, y: f((x, np.ones((2, 1)), y, x), axis=-1), XY),
    (np.concatenate, lambda f, x, y: f([x, y], axis=None), {"x": (2, 2), "y": (3,)}),
    (np.concatenate, lambda f, x: f(x), CUBE),
    (np.stack, lambda f, x, y: f([x, y, x]), XY),
    (np.stack, lambda f, x, y: f([x, y], axis=-1), XY),
    (np.stack, lambda f, x: f([x[0], 3.0, x[1]]), LINE),
    (np.vstack, lambda f, x, y: f([x, y]), {"x": (3,), "y": (2, 3)}),
    (np.hstack, lambda f, x, y: f([x, y, 1.0]), {"x": (3,), "y": ()}),
    (np.hstack, lambda f, x, y: f([x, y]), {"x": (2, 3), "y": (2, 1)}),
    (np.pad, lambda f, x: f(x, 1), X),
    (np.pad, lambda f, x: f(x, (1, 2), constant_values=-0.5), X),
    (np.pad, lambda f, x: f(x, pad_width=((0, 1), (2, 0))), X),
    (np.pad, lambda f, x: f(x, ((0, 0), (1, 0)), constant_values=-np.inf).max(1), X),
    (np.pad, lambda f, x: f(x, ((1, 0), (2, 1)), mode="edge"), X),
    (np.pad, lambda f, x: f(x, 1, mode="reflect"), X),
    (np.pad, lambda f, x: f(x, 2, mode="symmetric"), X),
    (np.pad, lambda f, x: f(x, 1, "wrap"), X),
    (sliding_window_view, lambda f, x: f(x, (2, 2)), SQUARE),
    (sliding_window_view, lambda f, x: f(x, 3, axis=-1), CUBE),
    (sliding_window_view, lambda f, x: f(x, np.int64(2)), LINE),
    (sliding_window_view, lambda f, x: f(x, [1, 2], axis=(0, 2)), CUBE),
    (np.where, lambda f, x, y: f(x > 0, x, y), XY),
    (np.where, lambda f, x: f([[True], [False]], 0, x * x), X),
    (np.where, lambda f, x, y: f(y < 0, 2.0, x), {"x": (3,), "y": (2, 1)}),
    (np.clip, lambda f, x: f(x, -1, 1), X),
    (np.clip, lambda f, x: f(x, None, 0.3), X),
    (np.clip, lambda f, x: f(x, a_min=-0.4, a_max=None), X),
    (np.clip, lambda f, x: f(x, min=-1.1, max=0.2), X),
    (np.clip, lambda f, x, y: f(0.1, x, y), {"x": (2, 1), "y": (3,)}),
    (np.linalg.norm, lambda f, x: f(x), X),
    (np.linalg.norm, lambda f, x: f(x, axis=-1), CUBE),
    (np.linalg.norm, lambda f, x: f(x, axis=(0, 1), keepdims=True), CUBE),
    (np.linalg.norm, lambda f, x: f(x, 2), LINE),
    (np.linalg.norm, lambda f, x: f(x, ord=2, axis=0), X),
    (np.trace, lambda f, x: f(x), X),
    (np.trace, lambda f, x: f(x), CUBE),
    (np.trace, lambda f, x: f(x, offset=1, axis1=-1, axis2=0), CUBE),
    (np.copy, lambda f, x: f(x) * x, X),
    (np.shape, lambda f, x: x.reshape(f(x)[::-1]), X),
    (np.ndim, lambda f, x: x * f(x), X),
    (np.size, lambda f, x: x / f(x) + f(x, 0) + f(x, axis=-1), X),
    (np.zeros_like, lambda f, x: np.maximum(x, f(x)), X),
    (np.ones_like, lambda f, x: x / (f(x) + 1), X),
    (np.full_like, lambda f, x: x * f(x, 3), X),
    (np.take, lambda f, x: f(x, PLACES), X),
    (np.take, lambda f, x: f(x, [-1, 0, 0], axis=1), X),
    (np.take, lambda f, x: f(x, 1, axis=-1), CUBE),
    (np.take_along_axis, lambda f, x: f(x, PLACES, axis=-1), X),
    (np.repeat, lambda f, x: f(x, 2), X),
    (np.repeat, lambda f, x: f(x, [1, 0, 2], axis=1), X),
    (np.tile, lambda f, x: f(x, (2, 1, 2)), X),
    (np.roll, lambda f, x: f(x, 1), X),
    (np.roll, lambda f, x: f(x, (1, -1), axis=(0, 1)), X),
    (np.flip, lambda f, x: f(x), X),
    (np.flip, lambda f, x: f(x, -1), X),
    (np.rot90, lambda f, x: f(x, 3), X),
    (np.diagonal, lambda f, x: f(x), X),
    (np.diagonal, lambda f, x: f(x, 1, 2, 0), CUBE),
    (np.delete, lambda f, x: f(x, 1, axis=1), X),
]

POSITIVE = {np.log, np.log1p, np.sqrt, np.reciprocal, np.power, np.float_power, np.log2, np.log10}
UFUNCS = {
    *(vars(np)[name] for name in PRIMITIVES if isinstance(vars(np).get(name), np.ufunc)),
    *LOWERED_UFUNCS,
}

METHOD_CASES: list[tuple[str, Callable[..., Any], dict[str, tuple[int, ...]]]] = [
    ("transpose", lambda m, x: m(x), CUBE),
    ("transpose", lambda m, x: m(x, 1, 0, -1), CUBE),
    ("transpose", lambda m, x: m(x, (2, 0, 1)), CUBE),
    ("transpose", lambda m, x: m(x, None), X),
    ("transpose", lambda m, x: m(x, 0), LINE),
    ("reshape", lambda m, x: m(x, 3, -1), X),
    ("reshape", lambda m, x: m(x, (1, 6)), X),
    ("reshape", lambda m, x: m(x, ()), {"x": (1, 1)}),
    ("sum", lambda m, x: m(x), X),
    ("sum", lambda m, x: m(x, axis=(-1, 0), keepdims=True), CUBE),
    ("mean", lambda m, x: m(x, -1), X),
    ("max", lambda m, x: m(x, axis=(1, 2)), CUBE),
    ("min", lambda m, x: m(x, 0, keepdims=True), X),
    ("var", lambda m, x: m(x, 1, keepdims=True), X),
    ("std", lambda m, x: m(x, ddof=1), X),
    ("cumsum", lambda m, x: m(x, axis=1), X),
    ("cumsum", lambda m, x: m(x), {"x": ()}),
    ("ravel", lambda m, x: m(x), X),
    ("flatten", lambda m, x: m(x), X),
    ("squeeze", lambda m, x: m(x, (0,)), {"x": (1, 2, 1)}),
    ("swapaxes", lambda m, x: m(x, -1, 0), CUBE),
    ("dot", lambda m, x, y: m(x, y), {"x": (2, 3), "y": (3,)}),
    ("clip", lambda m, x: m(x, -1.0), X),
    ("clip", lambda m, x: m(x, min=-1.0, max=0.5), X),
    ("copy", lambda m, x: m(x) * x, X),
    ("astype", lambda m, x: m(x, float) + m(x, np.float64, copy=False), X),
]


def method(name):
    return lambda x, *args, **kwargs: getattr(x, name)(*args, **kwargs)


def test_the_tables_are_covered():
    assert {case[0] for case in FUNCTION_CASES} == {*FUNCTIONS, *REARRANGEMENTS}
    public = {n for n, v in vars(TracedArray).items() if callable(v) and not n.startswith("_")}
    assert {case[0] for case in METHOD_CASES} == public - {"become"}


@pytest.mark.parametrize("case", FUNCTION_CASES, ids=lambda case: case[0].__name__)
def test_function(case):
    function, call, shapes = case
    check(lambda **arrays: call(function, **arrays), **shapes)


@pytest.mark.parametrize("case", METHOD_CASES, ids=lambda case: case[0])
def test_method(case):
    name, call, shapes = case
    check(lambda **arrays: call(method(name), **arrays), **shapes)


@pytest.mark.parametrize("ufunc", sorted(UFUNCS, key=lambda u: u.__name__))
def test_ufunc(ufunc):
    positive = ufunc in POSITIVE
    if ufunc is np.matmul:
        check(lambda x, y: ufunc(x, y), x=(2, 3), y=(3, 2))
    elif ufunc.nin == 1:
        check(lambda x: ufunc(x), positive, x=(2, 3))
    else:
        check(lambda x, y: ufunc(x, y), positive, x=(2, 3), y=(3,))
        check(lambda x: ufunc(x, 1.5), positive, x=(2, 1))
        check(lambda y: ufunc([2.0, 1.25], y), positive, y=(3, 2))


@pytest.mark.parametrize("ufunc", sorted(REDUCTIONS, key=lambda u: u.__name__))
def test_ufunc_reduce(ufunc):
    check(lambda x: ufunc.reduce(x), x=(3, 2))
    check(lambda x: ufunc.reduce(x, axis=None), x=(3, 2))
    check(lambda x: ufunc.reduce(x, axis=(0, -1), keepdims=True), x=(3, 2, 2))


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.subtract, np.maximum, np.power])
def test_ufunc_outer(ufunc):
    check(lambda x, y: ufunc.outer(x, y), positive=True, x=(2,), y=(2, 2))
    check(lambda x: ufunc.outer([1.5, 2.5], x), positive=True, x=(3,))
    check(lambda x: ufunc.outer(x, 0.75), positive=True, x=(3,))


@pytest.mark.parametrize("ufunc", sorted(TRUTH_UFUNCS, key=lambda u: u.__name__))
def test_truth_values_combine_as_in_numpy(ufunc):
    if ufunc.nin == 1:
        check(lambda x: x * ufunc(x > 0), x=(2, 3))
    else:
        check(lambda x: x * ufunc(x > 0, x < 1), x=(2, 3))
        check(lambda x: x * ufunc(x > 0, [[True], [False]]), x=(2, 3))


OPERATORS: dict[str, tuple[Callable[..., Any], dict[str, tuple[int, ...]]]] = {
    "x + y": (lambda x, y: x + y, {"x": (2, 3), "y": (3,)}),
    "x - y": (lambda x, y: x - y, {"x": (2, 1), "y": (3,)}),
    "x * y": (lambda x, y: x * y, {"x": (), "y": (3,)}),
    "x / y": (lambda x, y: x / y, {"x": (2, 1, 2), "y": (3, 1)}),
    "1 - x": (lambda x: 1 - x, X),
    "2 / x": (lambda x: 2 / x, X),
    "array - x": (lambda x: np.arange(3.0) - x, X),
    "list * x": (lambda x: [1, 2, 3] * x, X),
    "number * x": (lambda x: np.float64(2.5) * x, X),
    "-x": (operator.neg, X),
    "+x": (operator.pos, X),
    "abs(x)": (abs, X),
    "x**2": (lambda x: x**2, X),
    "x**2.0": (lambda x: x ** np.array(2.0), X),
    "x**1": (lambda x: x**1, X),
    "x**0": (lambda x: x**0, X),
    "x**3": (lambda x: x**3, X),
    "x**-1": (lambda x: x**-1, X),
    "x**-2": (lambda x: x**-2.0, X),
    "x**[1, 2, 3]": (lambda x: x ** np.array([1, 2, 3]), X),
    "2**x": (lambda x: 2**x, X),
    "array**x": (lambda x: np.array([0.5, 1.0, 2.0]) ** x, X),
    "x @ x": (operator.matmul, {"x": (3,), "y": (3,)}),
    "A @ x": (operator.matmul, {"x": (2, 3), "y": (3,)}),
    "x @ A": (operator.matmul, {"x": (2,), "y": (2, 3)}),
    "A @ B": (operator.matmul, {"x": (2, 3), "y": (3, 1)}),
    "batch @ B": (operator.matmul, {"x": (2, 2, 3), "y": (3, 2)}),
    "A @ batch": (operator.matmul, {"x": (2, 3), "y": (2, 3, 2)}),
    "batch @ x": (operator.matmul, {"x": (2, 2, 3), "y": (3,)}),
    "x @ batch": (operator.matmul, {"x": (3,), "y": (2, 3, 2)}),
    "batch @ batch": (operator.matmul, {"x": (2, 1, 2, 3), "y": (3, 3, 1)}),
    "plain @ x": (lambda x: np.ones((2, 4)) @ x, LINE),
    "relu by maximum": (lambda x: np.maximum(0, x), X),
    "relu by where": (lambda x: np.where(x > 0, x, 0.01 * x), X),
    "relu by mask": (lambda x: (x > 0) * x, X),
    "mask as float": (lambda x: (x >= 0.5).astype(float) * x**3, X),
    "masks": (lambda x: x * ((x > -1) & ~(x > 1)) + x * x * ((x != 0) ^ (x <= 0)), X),
    "comparisons": (lambda x, y: x * (x == y) + y * (x != y) + (x < y) - 2 * (y >= x), XY),
    "sum of a list": (lambda x: sum([row.sum() for row in x]) + sum(x), X),
    "T": (lambda x: x.T @ x, X),
    "len, shape, ndim, size": (lambda x: x * len(x) * x.shape[1] * x.ndim / x.size, X),
    "unpacked": (lambda x: (lambda a, b, c, d: a * b - c / d)(*x), LINE),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operator(name):
    f, shapes = OPERATORS[name]
    check(lambda **arrays: f(*arrays.values()), **shapes)


@pytest.mark.parametrize(
    "f", [lambda x, y: x**y, lambda x, y: x**0.5 + y**-0.5, lambda x, y: np.float_power(y, x)]
)
def test_power_of_positive_numbers(f):
    check(f, positive=True, x=(2, 3), y=(3,))


KEYS: list[Any] = [
    0, -1, np.int64(1), (1, -2), (0, 0, 0), slice(None), slice(1, None), slice(None, -1),
    slice(None, None, -1), slice(5, None, -2), slice(-10, 10), slice(-10, None, -1),
    slice(2, 2), (slice(None, None, 2), slice(3, 0, -1)), ..., (..., 0), (0, ...), (..., -1),
    (slice(1, 2), ..., 1), None, (None, 0, None), (..., None), (slice(None), None, slice(1)),
    (), [0, 1], [-1, 0, 0], [[0, 1], [1, 0]], (0, [1, 2]), ([0, 1], [2, -1]), (slice(None), [2, 0]),
    ([[0], [1]], [0, 2]), ([0, 1], slice(None), [3, 3]), (..., [1, 0]), (None, [1], ..., 0),
    np.array([1, 0]), np.array(1), np.array([], dtype=int), range(2), ((0, 1),),
    np.array([True, False]), [False, True], (slice(None), np.array([True, False, True])),
    np.arange(24).reshape(2, 3, 4) % 3 == 0, True,
    (0, np.array([[True] * 4, [False] * 4, [True] * 4])),
    (np.int8(1), slice(np.int64(0), np.int64(2))),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_index(key):
    check(lambda x: x[key] * 1.5, x=(2, 3, 4))


def test_every_slice_of_a_short_axis():
    x = numbers(3)
    ends = [None, *range(-5, 6)]
    for start in ends:
        for stop in ends:
            for step in (None, 1, 2, 3, -1, -2, -4):
                key = slice(start, stop, step)
                np.testing.assert_array_equal(trace(lambda x, k=key: x[k], x=x)(x=x), x[key])


@pytest.mark.parametrize(
    "key",
    [3, -4, (0, 0, 0), 1.5, "a", (..., ...), [5], ([0], [0], [0]), np.array([0.5]), slice(0.5)],
)
def test_an_index_that_numpy_refuses_is_refused(key):
    x = numbers(3, 2)
    with pytest.raises((IndexError, TypeError)):
        x[key]
    with pytest.raises((IndexError, TypeError, ShapeError)):
        trace(lambda x: x[key], x=x)


def test_a_missing_entry_is_named():
    with pytest.raises(IndexError, match="index 5 does not exist on an axis of 3 entries"):
        trace(lambda x: x[1, 5], x=numbers(2, 3))
    with pytest.raises(ShapeError, match=r"too many indices.*shape \(3,\)"):
        trace(lambda x: x[0, 0], x=numbers(3))


# The article's three forward passes.

W, B = np.array([[0.2, 0.5], [0.8, 0.1]]), np.array([0.3, 0.7])
DENSE_INPUT = np.array([1.0, 2.0])


def test_the_articles_dense_layer():
    x, y_true = DENSE_INPUT, np.array([0.5, 1.2])

    def example(W, b):
        z = np.dot(W, x) + b
        y_predicted = z
        loss = 0.5 * np.sum((y_predicted - y_true) ** 2)
        return loss

    loss, gradient = value_and_grad(example, W=W, b=B)
    np.testing.assert_allclose(loss, 0.625, rtol=1e-15)
    np.testing.assert_allclose(gradient["W"], [[1, 2], [0.5, 1]], rtol=1e-14)
    np.testing.assert_allclose(gradient["b"], [1, 0.5], rtol=1e-14)
    np.testing.assert_allclose(W - 0.1 * gradient["W"], [[0.1, 0.3], [0.75, 0.0]], atol=1e-15)
    np.testing.assert_allclose(B - 0.1 * gradient["b"], [0.2, 0.65], rtol=1e-14)


def test_the_articles_softmax_layer():
    x, y_true = DENSE_INPUT, np.array([1, 0])

    def example(W, b):
        z = np.dot(W, x) + b
        exp_z = np.exp(z)
        y_predicted = exp_z / np.sum(exp_z)
        loss = -np.sum(y_true * np.log(y_predicted))
        return loss

    loss, gradient = value_and_grad(example, W=W, b=B)
    dz = 0.549833997312
    np.testing.assert_allclose(loss, 0.798138869381592, rtol=1e-14)
    np.testing.assert_allclose(gradient["W"], [[-dz, -2 * dz], [dz, 2 * dz]], rtol=1e-11)
    np.testing.assert_allclose(gradient["b"], [-dz, dz], rtol=1e-11)


def test_the_articles_convolution():
    input_feature_map = np.array([[2, 3, 1], [4, 5, 2], [1, 6, 3]])
    y_true = np.array([[1, 0], [0, 1]])

    def example(filter, b):
        rows = []
        for i in range(2):
            row = []
            for j in range(2):
                row.append(np.sum(filter * input_feature_map[i : i + 2, j : j + 2]) + b[0])
            rows.append(np.stack(row))
        output_feature_map = np.stack(rows)
        loss = 0.5 * np.sum((output_feature_map - y_true) ** 2)
        return loss

    taps, b = np.array([[1.0, 0.0], [0.0, -1.0]]), np.array([1, 0.5])
    loss, gradient = value_and_grad(example, filter=taps, b=b)
    assert loss == 9
    np.testing.assert_array_equal(gradient["filter"], [[6, -8], [9, -11]])
    np.testing.assert_array_equal(gradient["b"], [0, 0])
    np.testing.assert_allclose(taps - 0.1 * gradient["filter"], [[0.4, 0.8], [-0.9, 0.1]])
    input_feature_map[0, 0] = 4  # one changed pixel shows the bias that was right by accident
    np.testing.assert_array_equal(grad(example, filter=taps, b=b)["b"], [2, 0])


# In place, as NumPy has it.


def test_in_place_operators():
    def f(x, y):
        h = x * 2
        same = h
        h += y
        h -= 1
        h *= x
        h /= 3
        h **= 3
        np.maximum(h, -0.5, out=h)
        return same - h + h * y

    check(f, x=(2, 3), y=(3,))


def test_in_place_on_a_number_replaces_it():
    def f(x):
        total = x[0] * 1
        first = total
        total += x[1]
        total += x.sum()
        return total * first

    check(f, x=(3,))


def test_in_place_leaves_a_copy_alone():
    for copy in (lambda x: x.copy(), np.copy, lambda x: +x, lambda x: x.astype(float)):

        def f(x, copy=copy):
            h = x * 2
            kept = copy(h)
            h += x
            return kept * h

        check(f, x=(2, 3))


def test_in_place_on_an_argument_leaves_the_callers_array_alone():
    def f(x):
        x -= 1
        return (x * x).sum()

    x = numbers(3)
    before = x.copy()
    np.testing.assert_allclose(grad(f, x=x)["x"], 2 * (before - 1), rtol=1e-15)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize(
    "view", [lambda h: h.T, lambda h: h[0], lambda h: h.reshape(6), lambda h: np.ravel(h)]
)
def test_in_place_beside_a_view_is_refused(view):
    def through_the_view(x):
        h = x * 2
        part = view(h)
        part += 1
        return h

    def behind_the_view(x):
        h = x * 2
        part = view(h)
        h += 1
        return part

    for f in (through_the_view, behind_the_view):
        with pytest.raises(TracingError, match=r"a view shares the memory.*`a = a \+ b`"):
            trace(f, x=numbers(2, 3))


def test_in_place_cannot_change_a_shape():
    def f(b):
        h = b * 1
        h += np.ones((2, 3))
        return h

    with pytest.raises(ValueError, match="shape"):
        f(numbers(3))
    with pytest.raises(ShapeError, match=r"\(3,\).*\(2, 3\).*in place"):
        trace(f, b=numbers(3))


# Constants, closures, what is returned.


@pytest.mark.parametrize(
    "constant",
    [2, True, 10**30, -1.5, np.int32(3), np.float32(0.5), np.array([1, 2, 3]),
     np.array([True, False, True]),
     np.array([1, 2, 3], dtype=np.uint8), [1, 2, 3], (0.5, 1.5, 2.5), np.arange(3, dtype=">f8")],
)  # fmt: skip
def test_constants_of_every_kind_of_number(constant):
    check(lambda x: x * constant + constant, x=(2, 3))
    program = trace(lambda x: x * constant, x=numbers(2, 3))
    assert all(c.dtype == np.float64 and c.dtype.isnative for c in program.constants)


def test_a_constant_is_copied_and_kept_once():
    scale = np.array([1.0, 2.0, 3.0])
    program = trace(lambda x: (x * scale + scale.copy()) * 2 + 2, x=numbers(3))
    assert len(program.constants) == 2
    scale[:] = 0
    np.testing.assert_array_equal(program(x=np.ones(3)), [6, 10, 14])


def test_negative_zero_is_another_constant():
    program = trace(lambda x: np.stack([x * 0.0, x * -0.0]), x=np.ones(()))
    np.testing.assert_array_equal(np.signbit(program(x=1.0)), [False, True])


@pytest.mark.parametrize(
    "constant", [1j, "a", None, np.array([1], dtype=object), np.datetime64(0, "D")]
)
def test_a_constant_of_something_else_is_refused(constant):
    with pytest.raises(DtypeError, match=r"a constant has dtype .*real floats"):
        trace(lambda x: np.add(x, constant), x=numbers(2))


def test_closures_and_helpers_and_default_arguments():
    depth = 3

    def layer(x, w=0.5):
        return np.tanh(w * x)

    def f(x):
        for _ in range(depth):
            x = layer(x)
        return x if depth > 2 else -x

    check(f, x=(2, 2))


def test_the_input_itself_can_be_the_output():
    x = numbers(2, 3)
    program = trace(lambda x, y: x, x=x, y=x)
    assert program.operations == ()
    assert program.output == 0
    found = program(x=x, y=x)
    found[0, 0] = 9
    assert x[0, 0] != 9
    y, pullback = vjp(program, x=x, y=x)
    back = pullback(np.ones((2, 3)))
    np.testing.assert_array_equal(back["x"], np.ones((2, 3)))
    np.testing.assert_array_equal(back["y"], np.zeros((2, 3)))
    assert not np.shares_memory(y, x)


def test_what_the_output_does_not_need_is_left_out():
    def f(x, y):
        np.exp(y) * 17.5
        unused = x @ x
        del unused
        return x * 2

    program = trace(f, x=numbers(2), y=numbers(2))
    assert [o.name for o in program.operations] == ["multiply"]
    assert [c.tolist() for c in program.constants] == [2.0]
    assert program.inputs == {"x": (2,), "y": (2,)}


def test_float32_and_lists_are_promoted():
    program = trace(lambda x, y: x * y, x=np.float32([0.5, 1.5]), y=[0.25, 2.0])
    assert program(x=np.float32([0.5, 1.5]), y=[0.25, 2.0]).tolist() == [0.125, 3.0]


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.array([1, 2]), "int64"),
        (np.array([True]), "bool"),
        (np.array([1j]), "complex128"),
        (np.array([1.0, None]), "object"),
        (np.array(["1.0"]), "<U3"),
        (3, "int64"),
    ],
)
def test_arrays_without_derivatives_are_refused_by_name(array, dtype):
    with pytest.raises(
        DtypeError, match=f"^W has dtype {dtype}, and a derivative needs real floats"
    ):
        trace(lambda W: W, W=array)
    with pytest.raises(DtypeError, match=r"pass W\.(astype\(float\)|real)\.$"):
        trace(lambda W: W, W=array)


@pytest.mark.parametrize("shape", [(0,), (2, 0)])
def test_an_empty_array_is_refused_by_name(shape):
    with pytest.raises(ShapeError, match=f"W is empty, of shape {re.escape(str(shape))}"):
        trace(lambda W: W.sum(), W=np.zeros(shape))


def test_an_empty_slice_is_no_empty_input():
    check(lambda x: x[:0].sum() + x[2:1].sum() + x.sum(), x=(3,))


# What a program cannot hold, refused with a way on.


def stored(x):
    out = np.zeros((2, 2))
    out[0, 0] = x[0]
    return out


def stored_row(x):
    out = np.zeros((2, 3))
    out[0] = x
    return out


def assigned(x):
    x[0] = 1.0
    return x


def added_into_an_entry(x):
    x[0] += 1.0
    return x


def added_into_a_plain_array(x):
    out = np.zeros(3)
    out += x
    return out


REFUSED: dict[str, tuple[Callable[..., Any], type[Exception], str]] = {
    "stored": (stored, TracingError, "a plain array or number cannot hold.*np.stack"),
    "stored row": (stored_row, TracingError, "a plain array cannot hold.*np.stack"),
    "assigned": (assigned, TracingError, "nothing can be assigned into.*np.where.*np.stack"),
    "entry +=": (added_into_an_entry, TracingError, "nothing can be assigned into"),
    "plain +=": (added_into_a_plain_array, TracingError, "a plain array cannot hold.*a = a \\+ b"),
    "out=": (lambda x: np.exp(x, out=np.zeros(3)), TracingError, "a plain array cannot hold"),
    "function out=": (lambda x: np.sum(x, out=np.zeros(())), TracingError, "out= cannot hold"),
    "np.array": (lambda x: np.array([x[0], x[1]]), TracingError, "np.stack.*leave out np.array"),
    "np.asarray": (np.asarray, TracingError, "leave out np.array and np.asarray"),
    "np.full": (lambda x: np.full(2, x[0]), TracingError, "np.stack"),
    "np.full_like": (lambda x: np.full_like(x, x[0]), TracingError, "np.stack"),
    "a list in a list": (lambda x: np.stack([[x[0]], [x[1]]]), TracingError, "np.stack"),
    "float": (lambda x: x * float(x[0]), TracingError, "plain array or number"),
    "math": (lambda x: math.exp(x[0]), TracingError, "np.exp for math.exp"),
    "int": (lambda x: x * int(x[0]), TracingError, "plain array or number"),
    "range": (lambda x: sum(range(x[0])), TracingError, "index or a count cannot be.*beforehand"),
    "if": (lambda x: x if x[0] > 0 else -x, TracingError, "a branch cannot depend on.*np.where"),
    "max()": (lambda x: max(x), TracingError, "a branch cannot depend on"),
    "in": (lambda x: x if 3.0 in x else -x, TracingError, "a branch cannot depend on"),
    "traced index": (lambda x: x[x[0]], TracingError, "an index or a count cannot be"),
    "traced mask": (lambda x: x[x > 0], TracingError, "an index or a count cannot be.*np.where"),
    "plain[traced]": (lambda x: np.ones(3)[x > 0], TracingError, "index by whole numbers known"),
    "np.take by traced": (lambda x: np.take(x, x), TracingError, "index or a count"),
    "no rule: ufunc": (np.arctan, TracingError, "arctan has no rule.*scalarloss.rules.RULES"),
    "no rule: function": (np.sort, TracingError, "sort has no rule"),
    "no rule: method": (lambda x: x.prod(), TracingError, r"ndarray\.prod has no rule"),
    "no rule: ufunc method": (np.multiply.reduce, TracingError, r"multiply\.reduce has no rule"),
    "no rule: accumulate": (np.add.accumulate, TracingError, r"add\.accumulate has no rule"),
    "no rule: at": (lambda x: np.add.at(np.zeros(3), 0, x), TracingError, r"add\.at has no rule"),
    "no rule: two outputs": (np.modf, TracingError, "modf has no rule"),
    "no rule: & of numbers": (lambda x: x & x, TracingError, "NumPy refuses this bitwise_and"),
    "no rule: //": (lambda x: x // 2, TracingError, "floor_divide has no rule"),
    "norm 1": (lambda x: np.linalg.norm(x, 1), TracingError, r"norm\(ord=1\).*no rule"),
    "spectral norm": (lambda x: np.linalg.norm(np.outer(x, x), 2), TracingError, "no rule"),
    "spectral norm by axes": (
        lambda x: np.linalg.norm(np.outer(x, x), 2, axis=(0, 1)), TracingError, "no rule",
    ),
    "sum where=": (lambda x: np.sum(x, where=x > 0), TracingError, "sum was called with where"),
    "sum initial=": (lambda x: np.sum(x, initial=1.0), TracingError, "sum.*with initial"),
    "max initial=": (lambda x: x.max(initial=0.0), TracingError, "max.*with initial"),
    "mean dtype=": (lambda x: x.mean(dtype=np.float32), TracingError, "mean.*with dtype"),
    "var correction=": (lambda x: np.var(x, correction=1), TracingError, "correction"),
    "reduce where=": (lambda x: np.add.reduce(x, where=[True] * 3), TracingError, "where"),
    "ufunc where=": (lambda x: np.exp(x, where=[True] * 3), TracingError, "exp.*with where"),
    "ufunc dtype=": (lambda x: np.add(x, 1, dtype=np.float32), TracingError, "add.*with dtype"),
    "concatenate dtype=": (lambda x: np.concatenate([x], dtype=float), TracingError, "dtype"),
    "positional dtype": (lambda x: np.sum(x, 0, float), TracingError, "sum was called with"),
    "np.where alone": (lambda x: np.where(x > 0), TracingError, r"np\.where\(condition, x, y\)"),
    "reshape order": (lambda x: x.reshape(3, 1, order="F"), TracingError, "order='F'"),
    "astype": (lambda x: x.astype(np.float32), TracingError, "float64 throughout"),
    "pad mode": (lambda x: np.pad(x, 1, mode="mean"), TracingError, "mode='mean'.*no rule"),
    "pad values": (lambda x: np.pad(x, 1, constant_values=(1, 2)), TracingError, "no rule"),
    "einsum lists": (lambda x: np.einsum(x, [0], [0]), TracingError, "'ij,jk->ik'"),
    "a tuple": (lambda x: (x, x), TracingError, "returned a tuple of 2.*one output"),
    "a list": (lambda x: [x], TracingError, "returned a list of 1"),
    "a dict": (lambda x: {"loss": x}, TracingError, "returned a dict of 1"),
    "nothing": (lambda x: None, TracingError, "returned None, which does not depend on x"),
    "a constant": (lambda x: 3.0, TracingError, r"returned 3\.0, which does not depend on x"),
    "a plain array": (lambda x: np.zeros_like(x), TracingError, "does not depend on x"),
    "matmul": (lambda x: np.ones((2, 2)) @ x, ShapeError, r"matmul.*\(2, 2\) and \(3,\)"),
    "add": (lambda x: x + np.ones(2), ShapeError, r"add cannot take.*\(3,\) and \(2,\)"),
    "matmul of a number": (lambda x: np.matmul(x, 2.0), ShapeError, "matmul cannot take"),
    "reshape": (lambda x: x.reshape(2, 2), ShapeError, r"shape \(3,\) cannot be reshaped"),
    "broadcast_to": (lambda x: np.broadcast_to(x, (3, 2)), ShapeError, r"broadcast_to.*\(3,\)"),
    "concatenate": (lambda x: np.concatenate([x, np.ones((1, 3))]), ShapeError, "concatenate"),
    "concatenate numbers": (lambda x: np.concatenate([x[0], x[1]]), ShapeError, "axis 0"),
    "stack": (lambda x: np.stack([x, x[:2]]), ShapeError, r"stack.*\(3,\) and \(2,\)"),
    "axis": (lambda x: x.sum(axis=1), ShapeError, "axis 1 does not exist in an array of 1 axes"),
    "axis twice": (lambda x: np.sum(x, axis=(0, -1)), ShapeError, "sum cannot take"),
    "swapaxes": (lambda x: x.swapaxes(0, 1), ShapeError, "axis 1 does not exist"),
    "transpose": (lambda x: x.transpose(0, 0), ShapeError, "transpose cannot take"),
    "max of nothing": (lambda x: x[:0].max(), ShapeError, "max cannot take.*empty"),
    "einsum sizes": (
        lambda x: np.einsum("i,i->", x, np.ones(2)), ShapeError, "i is 3 in one array and 2",
    ),
    "einsum rank": (lambda x: np.einsum("ij->i", x), ShapeError, r"'ij->i'.*shape \(3,\)"),
    "einsum rank, dots": (lambda x: np.einsum("...ij->...i", x), ShapeError, "fit shape"),
    "einsum terms": (lambda x: np.einsum("i,j->ij", x), ShapeError, "2 terms for 1 arrays"),
    "einsum result": (lambda x: np.einsum("i->j", x), ShapeError, "einsum"),
    "einsum dots lost": (lambda x: np.einsum("...->", x), ShapeError, "what the dots stand for"),
    "einsum letters": (lambda x: np.einsum("1->1", x), ShapeError, "einsum"),
    "tensordot sizes": (
        lambda x: np.tensordot(np.ones((2, 1)), x, 1), ShapeError, r"\(2, 1\) and \(3,\)",
    ),
    "tensordot axes": (lambda x: np.tensordot(x, x, ([0], [])), ShapeError, "as many of each"),
    "tensordot rank": (lambda x: np.tensordot(x, x, 2), ShapeError, "axis -2 does not exist"),
    "pad widths": (lambda x: np.pad(x, -1), ShapeError, "pad widths are whole numbers"),
    "pad half": (lambda x: np.pad(x, 0.5), ShapeError, "pad widths.*not 0.5"),
    "window": (lambda x: sliding_window_view(x, 4), ShapeError, "sliding_window_view"),
    "windows": (lambda x: sliding_window_view(x, (1, 1), (0, 0)), ShapeError, "each axis once"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_way_on(name):
    f, error, words = REFUSED[name]
    x = numbers(3)
    before = x.copy()
    with pytest.raises(error, match=f"(?s){words}"):
        trace(lambda x: f(x), x=x)
    np.testing.assert_array_equal(x, before)


def test_nothing_to_trace():
    with pytest.raises(TracingError, match=r"pass arrays, as trace\(f, W=W\)"):
        trace(lambda: 1.0)


def test_a_name_that_is_no_identifier():
    with pytest.raises(TracingError, match="'a b' is no identifier"):
        trace(lambda **arrays: arrays["a b"], **{"a b": numbers(2)})


def test_the_functions_own_error_comes_through():
    def f(x):
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        trace(f, x=numbers(2))


def test_a_trace_inside_a_trace_is_refused():
    square = lambda v: (v * v).sum()  # noqa: E731
    with pytest.raises(TracingError, match="v is an array of another trace"):
        trace(lambda x: grad(square, v=x)["v"].sum(), x=numbers(2))
    with pytest.raises(TracingError, match="an array of another trace came in"):
        trace(lambda x: grad(lambda v: (v * x).sum(), v=numbers(2))["v"], x=numbers(2))
    with pytest.raises(TracingError):
        trace(lambda x: trace(square, v=numbers(2))(v=x), x=numbers(2))


def test_a_trace_of_plain_arrays_inside_a_trace_is_a_constant():
    def f(x):
        slope = grad(lambda v: (v**3).sum(), v=np.array([1.0, 2.0]))["v"]
        return (slope * x).sum()

    np.testing.assert_array_equal(grad(f, x=numbers(2))["x"], [3, 12])


def test_a_leaked_array_is_of_another_trace():
    leaked = []
    trace(lambda x: leaked.append(x) or x, x=numbers(2))
    with pytest.raises(TracingError, match="another trace"):
        trace(lambda x: x + leaked[0], x=numbers(2))
    with pytest.raises(TracingError, match="does not depend on x"):
        trace(lambda x: leaked[0], x=numbers(2))


def test_a_recording_array_looks_like_an_array():
    seen = []

    def f(x):
        assert (x.shape, x.ndim, x.size, x.dtype, len(x)) == ((2, 3), 2, 6, np.float64, 2)
        seen.append(repr(x))
        assert x.astype(float).shape == x.copy().shape == x.T.T.shape
        assert not hasattr(x, "nonsense")
        with pytest.raises(TypeError):
            len(x[0, 0])
        return x

    trace(f, x=numbers(2, 3))
    assert seen[0] == "TracedArray(shape=(2, 3))"


def test_subgradients_by_the_shape_of_the_tie():
    def both(x):
        return np.maximum(0, x).sum() + np.where(x > 0, x, 0).sum() + np.abs(x).sum()

    np.testing.assert_array_equal(grad(both, x=np.array([-1.0, 0.0, 1.0]))["x"], [-1, 0.5, 3])


def test_where_keeps_the_other_side_out():
    def safe_log(x):
        return np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), 0.0).sum()

    np.testing.assert_array_equal(grad(safe_log, x=np.array([-1.0, 0.5]))["x"], [0, 2])


def test_logaddexp_of_infinities():
    x = np.array([-np.inf, -np.inf, np.inf, 0.0])
    y = np.array([-np.inf, 0.0, 0.0, -np.inf])
    with np.errstate(invalid="ignore"):
        found = trace(lambda x, y: np.logaddexp(x, y), x=x, y=y)(x=x, y=y)
    np.testing.assert_array_equal(found, np.logaddexp(x, y))


def test_a_tangent_goes_through_every_function():
    for function, call, shapes in FUNCTION_CASES:
        arrays = arrays_for(shapes, 3, positive=False)
        rng = np.random.default_rng(3)
        tangents = {name: rng.normal(size=x.shape) for name, x in arrays.items()}
        f = lambda call=call, function=function, **a: call(function, **a)  # noqa: E731
        y, pullback = vjp(f, **arrays)
        g = rng.normal(size=np.shape(y))
        _, forward = jvp(f, tangents, **arrays)
        there = np.sum(g * forward)
        back = sum(np.sum(b * tangents[name]) for name, b in pullback(g).items())
        np.testing.assert_allclose(there, back, rtol=1e-11, atol=1e-11)
