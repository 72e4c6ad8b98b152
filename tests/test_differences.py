"""Difference quotients of a program: the formulas, the truth, the best step, the shape."""

import numpy as np
import pytest

from scalarloss import NotScalarError, ShapeError, grad, trace
from scalarloss.check import numerical_gradient
from scalarloss.differences import NOT_ANALYTIC, PRECISIONS, STEPS, Differences
from scalarloss.layers import cross_entropy, dense, softmax, squared_error
from scalarloss.primitives import COMPARISONS, PRIMITIVES
from scalarloss.program import Operation, Program

X, T, FIRST = np.array([1.0, 2.0]), np.array([0.5, 1.2]), np.array([1.0, 0.0])
POINT = {"W": np.array([[0.2, 0.5], [0.8, 0.1]]), "b": np.array([0.3, 0.7])}
ENTRY = ("W", (0, 1))


def entropy(W, b):
    return cross_entropy(dense(X, W, b), FIRST)


def parabola(W, b):
    return squared_error(dense(X, W, b), T)


def differences(f, entry=ENTRY, precision="float64", **point):
    point = point or POINT
    return Differences(trace(f, **point), point, entry, precision)


@pytest.mark.parametrize("h", [1.0, 1e-3, 1e-5, 1e-8, 1e-12])
@pytest.mark.parametrize("f", [entropy, parabola])
def test_estimates_are_the_formulas(f, h):
    def at(x):
        W = POINT["W"].astype(type(x))
        W[0, 1] = x
        return f(W, POINT["b"])

    x = 0.5
    found = differences(f).estimates(h)
    eps = np.finfo(float).eps
    assert found["forward"] == pytest.approx((at(x + h) - at(x)) / h, rel=1e-9, abs=8 * eps / h)
    central = (at(x + h) - at(x - h)) / (2 * h)
    assert found["central"] == pytest.approx(central, rel=1e-9, abs=8 * eps / h)
    assert found["complex"] == pytest.approx(at(complex(x, h)).imag / h, rel=1e-13)


def test_a_complex_step_is_the_checkers():
    for name, index in (("W", (1, 0)), ("b", (1,))):
        found = differences(entropy, (name, index)).estimates(1e-20)["complex"]
        program = trace(entropy, **POINT)
        expected = numerical_gradient(
            lambda a, n=name: entropy(**(POINT | {n: a})), POINT[name], "complex"
        )
        np.testing.assert_allclose(found, expected[index], rtol=1e-14)
        np.testing.assert_allclose(found, grad(program, **POINT)[name][index], rtol=1e-14)


def test_in_float32_every_number_is_a_float32():
    found = differences(entropy, precision="float32")
    assert found.truth == float(np.float32(grad(entropy, **POINT)["W"][0, 1]))
    assert found.at(np.float32(0.5)).dtype == np.float32
    assert found.at(np.complex64(0.5 + 1e-5j)).dtype == np.complex64
    W, h = np.float32(POINT["W"]), np.float32(1e-3)
    ahead = W + h * np.float32([[0, 1], [0, 0]])
    f = lambda W: entropy(W, np.float32(POINT["b"]))  # noqa: E731
    quotient = (f(ahead) - f(W)) / h
    assert found.estimates(1e-3)["forward"] == pytest.approx(float(quotient), abs=1e-3)
    for estimate in found.estimates(1e-3).values():
        assert estimate == float(np.float32(estimate))
    for method, errors in found.errors().items():
        assert errors.min() >= 0
        off = errors[(errors > 0) & (errors < 1)]
        assert off.min() >= found.eps / 2, method  # no error stands between the floor and exact


def test_comparisons_and_padding_keep_the_precision():
    f = lambda x: np.sum(np.pad(x * (x > 0), 1, constant_values=0.5) ** 2)  # noqa: E731
    for precision, (real, kind) in PRECISIONS.items():
        found = differences(f, ("x", (0,)), precision, x=np.array([0.7, -0.3]))
        assert found.at(real(0.7)).dtype == real
        assert found.estimates(1e-10)["complex"] == pytest.approx(1.4, rel=4 * found.eps)
        assert found.at(kind(0.7 + 1e-10j)).dtype == kind


@pytest.mark.parametrize("name", [n for n, p in PRIMITIVES.items() if p.arity and not p.parameters])
def test_each_primitive_has_a_complex_step_that_is_its_rule_or_is_named(name):
    arity = PRIMITIVES[name].arity
    shape = (2,)
    step = Operation(name, tuple(range(arity)), {}, () if name == "matmul" else shape)
    total = Operation(
        "sum", (arity,), {"axis": tuple(range(len(step.shape))), "keepdims": False}, ()
    )
    program = Program({f"x{k}": shape for k in range(arity)}, [], [step, total], arity + 1)
    point = {f"x{k}": np.array([1.3, 0.4]) + 0.1 * k for k in range(arity)}
    found = Differences(program, point, (f"x{arity - 1}", (0,)))
    if name in NOT_ANALYTIC:
        assert found.refusal == f"{NOT_ANALYTIC[name]} is not analytic"
        assert "complex" not in found.estimates(1e-3)
    else:
        estimate = found.estimates(1e-20)["complex"]
        assert estimate == pytest.approx(found.truth, rel=1e-14, abs=0)
        assert (found.truth == 0) == (name in COMPARISONS or name in ("minimum", "where"))


def test_what_the_entry_does_not_pass_through_refuses_nothing():
    f = lambda a, b: np.sum(a**2) * np.abs(b) + 0 * np.sum(a)  # noqa: E731
    point = {"a": np.array([0.5, 2.0]), "b": np.array(-3.0)}
    found = differences(f, ("a", (1,)), **point)
    assert found.refusal == ""
    assert found.estimates(1e-20)["complex"] == pytest.approx(12.0, rel=1e-15)
    assert differences(f, ("b", ()), **point).refusal == "abs is not analytic"


def test_an_abs_that_leads_nowhere_refuses_nothing():
    steps = [Operation("absolute", (0,), {}, ()), Operation("square", (0,), {}, ())]
    found = Differences(Program({"x": ()}, [], steps, 2), {"x": np.array(3.0)}, ("x", ()))
    assert found.refusal == ""
    assert found.estimates(1e-20)["complex"] == 6.0


def test_the_steps_fall_from_1_to_1e16_six_to_a_decade():
    assert (STEPS[0], STEPS[6], STEPS[30], STEPS[-1], len(STEPS)) == (1.0, 0.1, 1e-5, 1e-16, 97)
    np.testing.assert_allclose(np.diff(np.log10(STEPS)), -1 / 6, atol=3e-3)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_best_steps_are_where_the_theory_has_them(precision):
    found = differences(entropy, precision=precision)
    eps = found.eps
    errors = found.errors()
    assert eps**0.5 / 20 < found.best(errors["forward"]) < 20 * eps**0.5
    assert eps ** (1 / 3) / 20 < found.best(errors["central"]) < 20 * eps ** (1 / 3)
    best = found.best(errors["complex"])
    assert best < 20 * eps**0.5
    assert errors["complex"][STEPS.index(best) :].max() < 8 * eps


def test_on_a_parabola_a_smaller_step_is_only_worse():
    found = differences(parabola)
    errors = found.errors()
    assert found.best(errors["central"]) == 1.0
    assert errors["central"][0] < 4 * found.eps
    assert errors["central"][48:60].max() > 1e-10
    assert errors["complex"].max() < 4 * found.eps


SHAPES = {
    "parabola": (parabola, "parabola"),
    "softmax": (entropy, ""),
    "line": (lambda W, b: np.sum(W * b), "line"),
    "flat": (lambda W, b: np.sum(softmax(b)), "line"),
    "cube": (lambda W, b: W[0, 1] ** 3 + b[0], ""),
    "nearly a parabola": (lambda W, b: W[0, 1] ** 2 + 1e-9 * W[0, 1] ** 3 + b[0], ""),
    "even": (lambda W, b: np.cos(W[0, 1] - 0.5) + b[0], ""),
    "a kink": (lambda W, b: np.maximum(W[0, 1], 0) + b[0], ""),
    "a wall": (lambda W, b: np.log(W[0, 1]) + b[0], ""),
}


@pytest.mark.parametrize(("f", "shape"), SHAPES.values(), ids=SHAPES)
def test_the_shape_is_read_from_the_numbers(f, shape):
    assert differences(f).shape() == shape


def test_where_the_slope_is_nothing_errors_are_absolute():
    flat = differences(lambda z: np.sum(softmax(z)), ("z", (0,)), z=np.array([0.3, -1.2, 2.0]))
    assert flat.absolute
    assert flat.error(1e-3) == abs(1e-3 - flat.truth)
    steep = differences(entropy)
    assert not steep.absolute
    assert steep.error(2 * steep.truth) == 1.0


def test_what_is_no_number_is_no_best():
    program = trace(lambda W, b: np.log(W[0, 1]) + b[0], **POINT)
    found = Differences(program, POINT | {"W": -POINT["W"]}, ENTRY)
    assert np.isnan(found.truth)
    assert all(np.isnan(found.best(errors)) for errors in found.errors().values())


def test_it_needs_one_number_and_fitting_arrays():
    with pytest.raises(NotScalarError):
        differences(lambda W, b: W @ b)
    with pytest.raises(ShapeError):
        Differences(trace(entropy, **POINT), {"W": POINT["W"]}, ENTRY)
