"""The checks: right gradients pass, wrong ones are refused with a table, bad questions by name."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalarloss import Program, grad, trace, vjp
from scalarloss.check import GradientCheck, check_gradient, check_vjp, numerical_gradient
from scalarloss.errors import (
    DtypeError,
    GradientCheckError,
    NonFiniteError,
    NotScalarError,
    ShapeError,
)
from scalarloss.layers import (
    cross_entropy,
    cross_entropy_backward,
    dense,
    dense_backward,
    softmax,
    softmax_backward,
)

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(3, 4))
LABELS = np.array([0, 3, 1])
DENSE = {"x": RNG.normal(size=(5, 3)), "W": RNG.normal(size=(2, 3)), "b": RNG.normal(size=2)}


def loss(z):
    return cross_entropy(z, LABELS)


def cubes(x):
    return np.sum(x**3)


# numerical_gradient


@pytest.mark.parametrize(
    ("method", "error"), [("central", 3e-9), ("forward", 1e-6), ("complex", 1e-15)]
)
def test_each_method_comes_as_near_as_it_can(method, error):
    found = numerical_gradient(loss, Z, method)
    assert found.shape == Z.shape
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, cross_entropy_backward(Z, LABELS), atol=error)


def test_a_complex_step_may_be_as_small_as_it_likes():
    right = cross_entropy_backward(Z, LABELS)
    for step in (1e-8, 1e-20, 1e-100, 1e-200):
        np.testing.assert_allclose(numerical_gradient(loss, Z, "complex", step), right, rtol=1e-14)


@pytest.mark.parametrize("step", [1.0, 1e-2, None])
def test_a_parabola_has_no_truncation_error(step):
    x = np.array([[1.0, -2], [300, 0]])
    found = numerical_gradient(lambda x: 0.5 * np.sum(x**2), x, step=step)
    np.testing.assert_allclose(found, x, atol=1e-6 if step is None else 1e-9)


@settings(max_examples=50, deadline=None)
@given(size=st.floats(-12, 12), sign=st.sampled_from([1, -1]))
def test_the_step_grows_with_the_entry_and_is_what_was_taken(size, sign):
    x, seen = np.array(sign * 10.0**size), []

    def f(x):
        seen.append(float(x))
        return np.sum(x)

    assert numerical_gradient(f, x) == pytest.approx(1, rel=1e-9)
    _, *nudged = seen
    h = np.cbrt(np.finfo(float).eps) * np.sqrt(max(1, abs(x)))
    assert sorted(nudged) == pytest.approx(sorted([x - h, x + h]), rel=1e-15, abs=1e-12)


def test_a_dict_of_arrays_is_called_by_name_and_gives_a_dict():
    found = numerical_gradient(lambda **a: np.sum(dense(**a) ** 2), DENSE)
    y = dense(**DENSE)
    for name, right in zip(DENSE, dense_backward(2 * y, **DENSE), strict=True):
        np.testing.assert_allclose(found[name], right, rtol=1e-8)


def test_a_number_is_an_array_too():
    assert numerical_gradient(lambda x: x**2, 3.0) == pytest.approx(6)
    assert numerical_gradient(lambda x: float(x[0]), [3.0]).shape == (1,)


@pytest.mark.parametrize("method", ["central", "forward", "complex"])
def test_the_callers_arrays_never_change(method):
    x = Z.copy()

    def f(z):
        value = loss(z)
        z[...] = np.nan
        return value

    x.flags.writeable = False
    np.testing.assert_allclose(
        numerical_gradient(f, x, method), cross_entropy_backward(Z, LABELS), atol=1e-5
    )
    check_gradient(f, x, cross_entropy_backward(x, LABELS), method=method)
    assert np.array_equal(x, Z)


def test_float32_is_evaluated_in_float32_with_its_own_step():
    seen = []

    def f(x):
        seen.append((x.dtype, float(x[0])))
        return np.sum(np.sin(x))

    x = np.float32([0.5])
    assert numerical_gradient(f, x) == pytest.approx(np.cos(0.5), rel=1e-4)
    assert {dtype for dtype, _ in seen} == {np.dtype(np.float32)}
    assert max(value for _, value in seen) == pytest.approx(0.5 + 4.9e-3, abs=1e-4)


def test_a_float32_inside_f_asks_for_the_float32_step():
    w = np.float32(0.7)
    found = numerical_gradient(lambda x: np.float32(np.sin(w * np.float32(x))), 0.5)
    assert found == pytest.approx(0.7 * np.cos(0.35), rel=1e-3)


def test_at_a_kink_a_central_difference_is_half():
    relu = np.array([0.0])
    assert numerical_gradient(lambda x: np.sum(np.maximum(x, 0)), relu) == [0.5]
    for given_slope in (0.0, 1.0):
        with pytest.raises(GradientCheckError, match="kink"):
            check_gradient(lambda x: np.sum(np.maximum(x, 0)), relu, np.array([given_slope]))


def test_at_a_tie_of_four_the_even_share_is_refused_and_named():
    x = np.array([1.0, 1, 1, 1, 0])
    shared = grad(lambda x: np.max(x), x=x)["x"]
    np.testing.assert_array_equal(shared, [0.25, 0.25, 0.25, 0.25, 0])
    with pytest.raises(GradientCheckError, match=r"4 of 5 entries(?s:.*)0\.25 +0\.5 (?s:.*)tie"):
        check_gradient(np.max, x, shared)
    check_gradient(np.max, np.arange(5.0), np.array([0.0, 0, 0, 0, 1]))


# check_gradient


@pytest.mark.parametrize("method", ["central", "forward", "complex"])
@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e6])
def test_a_right_gradient_passes_and_a_thousandth_does_not(method, scale):
    right = scale * cross_entropy_backward(Z, LABELS)
    seen = check_gradient(lambda z: scale * loss(z), Z, right, method=method)
    assert isinstance(seen, GradientCheck)
    assert seen.entries == 12
    assert 0 <= seen.worst <= seen.rtol
    wrong = right.copy()
    wrong[1, 2] *= 1.001
    with pytest.raises(
        GradientCheckError, match=rf"{method} differences in 1 of 12 (?s:.*)x\[1, 2\]"
    ):
        check_gradient(lambda z: scale * loss(z), Z, wrong, method=method)


def test_what_a_passed_check_prints_has_no_rounding_in_it():
    seen = check_gradient(loss, Z, cross_entropy_backward(Z, LABELS))
    assert repr(seen) == "GradientCheck(entries=12, rtol=1e-06)"
    assert 0 < seen.worst < 1e-8


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float32_is_checked_as_finely_as_it_can_be(dtype):
    z = Z.astype(np.float32)
    right = cross_entropy_backward(Z.astype(np.float32), LABELS, "mean")
    seen = check_gradient(lambda z: cross_entropy(z, LABELS, "mean"), z.astype(dtype), right)
    assert seen.rtol == 5e-4
    with pytest.raises(GradientCheckError):
        check_gradient(lambda z: cross_entropy(z, LABELS, "mean"), z.astype(dtype), 1.01 * right)


def test_true_zeros_are_not_refused():
    seen = check_gradient(
        lambda x: np.sum(x[:2] ** 2), np.array([1.0, 0, 5]), np.array([2.0, 0, 0])
    )
    assert seen.worst < 1e-9
    check_gradient(lambda x: 0.0 * np.sum(x), np.ones(3), np.zeros(3), atol=0)  # 0/0
    check_gradient(cubes, np.zeros(3), np.zeros(3))
    x = np.array([100.0, -100.0])
    check_gradient(lambda z: cross_entropy(z, 0), x, cross_entropy_backward(x, 0))
    residual = np.array([[-3.0, 2], [-1, 2]])  # adds up to 0, as in the article's third example
    check_gradient(lambda b: 0.5 * np.sum((residual + b) ** 2), 0.0, 0.0)


def test_an_entry_that_should_be_zero_is_refused_all_the_same():
    with pytest.raises(GradientCheckError, match=r"x\[2\] +1e-06 +0 "):
        check_gradient(lambda x: np.sum(x[:2] ** 2), np.ones(3), np.array([2.0, 2, 1e-6]))


def test_tolerances_are_the_callers_to_choose():
    right = cross_entropy_backward(Z, LABELS)
    check_gradient(loss, Z, 1.001 * right, rtol=2e-3)
    check_gradient(loss, Z, right + 1e-3, atol=2e-3)
    with pytest.raises(GradientCheckError, match="rtol 1e-12"):
        check_gradient(loss, Z, right, rtol=1e-12, atol=0)


def test_the_table_shows_the_worst_five_worst_first():
    wrong = cross_entropy_backward(Z, LABELS) * np.linspace(1, 1.5, 12).reshape(3, 4)
    with pytest.raises(GradientCheckError) as caught:
        check_gradient(loss, Z, wrong)
    lines = str(caught.value).splitlines()
    assert "11 of 12 entries" in lines[0]
    assert lines[1].split(maxsplit=5)[:5] == ["entry", "given", "numerical", "absolute", "relative"]
    assert lines[1].endswith(" given ÷ numerical")
    entries = [re.match(r"x\[(\d), (\d)\]", line).group() for line in lines[2:7]]
    assert entries == ["x[2, 3]", "x[2, 2]", "x[2, 1]", "x[2, 0]", "x[1, 3]"]
    assert [line.split()[-2:] for line in lines[2:4]] == [["3.3e-01", "1.5"], ["3.1e-01", "1.455"]]
    assert max(map(len, lines[1:7])) <= 80
    assert len(lines) == 8


def test_a_ratio_stands_where_it_says_more_than_a_relative_error():
    def lines(wrong):
        with pytest.raises(GradientCheckError) as caught:
            check_gradient(cubes, np.array([1.0, 2.0]), wrong)
        return str(caught.value).splitlines()

    assert [line.split()[-1] for line in lines(np.array([-3.0, 0.012]))[2:4]] == ["-1", "0.001"]
    assert lines(np.array([3.0, 12.0001]))[1].split()[-1] == "relative"
    assert lines(np.array([3.0, np.nan]))[1].split()[-1] == "relative"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("W", lambda W: W.T),
        ("W", lambda W: W[0]),
        ("W", lambda W: np.nan * W),
        ("W", lambda W: np.inf * W),
        ("b", lambda b: b[:, None]),
        ("b", lambda b: np.float64(1.0)),
        ("b", lambda b: None),
        ("b", lambda b: b + 0j),
        ("b", lambda b: b > 0),
    ],
)
def test_what_is_no_gradient_is_refused_by_name(name, wrong):
    right = grad(lambda **a: np.sum(dense(**a) ** 2), **DENSE)
    with pytest.raises(GradientCheckError, match=rf"(gradient of {name} has|\n{name}\[)"):
        check_gradient(
            lambda **a: np.sum(dense(**a) ** 2), DENSE, {**right, name: wrong(right[name])}
        )


def test_a_transposed_shape_is_recognised():
    with pytest.raises(GradientCheckError, match=r"\(3, 2\), and W has \(2, 3\).*transposed"):
        check_gradient(lambda W: np.sum(W), {"W": np.ones((2, 3))}, np.ones((3, 2)))


def test_every_array_needs_its_gradient():
    def f(**a):
        return np.sum(dense(**a) ** 2)

    right = grad(f, **DENSE)
    assert check_gradient(f, DENSE, right).entries == 23
    assert check_gradient(f, DENSE, tuple(right.values())).entries == 23
    with pytest.raises(GradientCheckError, match="given for x, W, and the arrays are x, W, b"):
        check_gradient(f, DENSE, {name: right[name] for name in "xW"})
    with pytest.raises(GradientCheckError, match=r"2 gradients.* 3 arrays.* x, W, b"):
        check_gradient(f, DENSE, (right["x"], right["W"]))


@pytest.mark.parametrize(
    ("offset", "dtype"),
    [(1000.0, np.float64), (-1000.0, np.float64), (30.0, np.float32), (-30.0, np.float32)],
)
def test_logits_far_from_zero_and_near_each_other_are_nudged_gently(offset, dtype):
    z = np.array([0.0, 0.5, -1.0], dtype) + dtype(offset)
    check_vjp(softmax, lambda g, z: softmax_backward(g, softmax(z)), z)
    check_gradient(lambda z: cross_entropy(z, 0), z, cross_entropy_backward(z, 0))
    with pytest.raises(GradientCheckError):
        check_gradient(lambda z: cross_entropy(z, 0), z, 1.01 * cross_entropy_backward(z, 0))


# check_vjp


def test_a_sum_passes_three_wrong_softmaxes_and_a_random_cotangent_none():
    def softmax_right(g, z):
        return softmax_backward(g, softmax(z))

    def zero(g, z):
        return np.zeros_like(z)

    def five_times(g, z):
        return 5 * softmax_right(g, z)

    def without_p(g, z):
        return g - np.sum(g * softmax(z), axis=-1, keepdims=True)

    check_vjp(softmax, softmax_right, Z)
    for wrong in (zero, five_times, without_p):
        check_gradient(lambda z: np.sum(softmax(z)), Z, wrong(np.ones_like(Z), Z))
        with pytest.raises(GradientCheckError, match="12 of 12"):
            check_vjp(softmax, wrong, Z)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("x", lambda g, x, W, b: 1.001 * (g @ W)),
        ("x", lambda g, x, W, b: -g @ W),
        ("x", lambda g, x, W, b: np.ones_like(g) @ W),
        ("x", lambda g, x, W, b: np.zeros_like(x)),
        ("W", lambda g, x, W, b: x.T @ g),
        ("W", lambda g, x, W, b: g.T @ x / len(x)),
        ("W", lambda g, x, W, b: g.T @ x + 1e-3 * W),
        ("b", lambda g, x, W, b: g),
        ("b", lambda g, x, W, b: g.mean(axis=0)),
        ("b", lambda g, x, W, b: np.full_like(b, g.sum())),
        ("b", lambda g, x, W, b: g[0]),
        ("b", lambda g, x, W, b: np.full_like(b, len(x))),
    ],
)
def test_wrong_backwards_of_a_dense_layer_are_refused(name, wrong):
    def backward(g, **arrays):
        right = dict(zip(arrays, dense_backward(g, **arrays), strict=True))
        return {**right, name: wrong(g, **arrays)}

    with pytest.raises(GradientCheckError, match=rf"(gradient of {name} has|\n{name}\[)") as caught:
        check_vjp(dense, backward, DENSE)
    others = set(DENSE) - {name}
    assert not any(f"\n{other}[" in str(caught.value) for other in others)


def test_square_and_transposed_is_refused_though_the_shape_fits():
    arrays = {**DENSE, "W": RNG.normal(size=(3, 3)), "b": RNG.normal(size=3)}
    with pytest.raises(GradientCheckError, match=r"\nW\["):
        check_vjp(dense, lambda g, x, W, b: (g @ W, x.T @ g, g.sum(0)), arrays)
    with pytest.raises(GradientCheckError, match=r"\nx\["):
        check_vjp(dense, lambda g, x, W, b: (g @ W.T, g.T @ x, g.sum(0)), arrays)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    "f",
    [
        lambda x, A: A @ x,
        lambda x, A: np.tanh(A @ x),
        lambda x, A: np.cumsum(x) * x,
        lambda x, A: softmax(A @ x),
        lambda x, A: x / np.sqrt(np.mean((x - A[0]) ** 2)),
    ],
)
def test_a_jacobian_in_place_of_its_transpose_is_refused(f, seed):
    """J v for vᵀ J, where the Jacobian is square and is not its own transpose."""
    rng = np.random.default_rng(seed)
    A, x = rng.normal(size=(4, 4)), rng.normal(size=4)

    def of(x):
        return f(x, A)

    def jacobian(x):
        rows = [lambda x, i=i: of(x)[i] for i in range(4)]
        return np.array([numerical_gradient(row, x) for row in rows])

    right = check_vjp(of, lambda v, x: v @ jacobian(x), x, rtol=1e-5, atol=1e-7)
    assert right.symmetric == ()
    with pytest.raises(GradientCheckError):
        check_vjp(of, lambda v, x: jacobian(x) @ v, x, rtol=1e-5, atol=1e-7)


def test_where_a_jacobian_is_symmetric_the_check_says_that_it_is_blind():
    A = np.array([[1.0, 2, 3], [2, 5, 4], [3, 4, 6]])
    seen = check_vjp(lambda x: A @ x, lambda v, x: A @ v, np.ones(3))  # J v: right by accident
    assert seen.symmetric == ("x",)
    assert str(seen) == (
        "3 entries agree within 1e-06. With respect to x the Jacobian is symmetric here, and J v "
        "in place of vᵀ J would pass as well."
    )
    seen = check_vjp(softmax, lambda g, z: softmax_backward(g, softmax(z)), {"z": Z})
    assert seen.symmetric == ("z",)
    seen = check_vjp(np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2), Z)  # a diagonal hides nothing
    assert str(seen) == "12 entries agree within 1e-06."


def test_an_array_with_the_name_of_the_cotangent_is_met_with_a_sentence():
    arrays = {"x": np.ones(2), "g": np.array([1.0, 2.0])}
    with pytest.raises(TypeError, match=r"calls its cotangent g, .* as in def backward\(v, x, g\)"):
        check_vjp(lambda x, g: x * g, lambda g, x, **rest: (g, g), arrays)
    check_vjp(lambda x, g: x * g, lambda v, x, g: (v * g, v * x), arrays)
    check_vjp(lambda g: 2 * g, lambda g, x: 2 * g, np.ones(2))  # by position nothing collides
    with pytest.raises(TypeError, match="calls its cotangent W"):
        check_vjp(lambda W: W, lambda W, **arrays: W, {"W": np.ones(2)})


def test_a_function_of_whole_numbers_is_told_that_it_is_constant():
    with pytest.raises(
        DtypeError, match=r"f returned int64.* constant between its jumps: its grad"
    ):
        check_vjp(lambda x: np.where(x > 0, 1, 0), lambda g, x: 0 * x, np.ones(2))


def test_a_program_and_its_pullback_are_checked_by_name():
    program = trace(dense, **DENSE)
    assert isinstance(program, Program)
    seen = check_vjp(program, lambda g, **arrays: vjp(program, **arrays)[1](g), DENSE)
    assert seen.entries == 23


def test_f_may_return_one_number_and_backward_may_write_into_its_arguments():
    def backward(g, x):
        x *= 2 * g
        return x

    x = np.arange(3.0)
    check_vjp(lambda x: x @ x, backward, x)
    assert np.array_equal(x, [0, 1, 2])


def test_the_seed_decides_the_cotangents():
    seen = []

    def backward(g, x):
        seen.append(g)
        return 2 * x * g

    for seed in (0, 0, 1, np.random.default_rng(1)):
        check_vjp(lambda x: x**2, backward, np.ones(2), seed=seed, trials=1)
    check_vjp(lambda x: x**2, backward, np.ones(2), trials=5)
    assert len(seen) == 9
    assert np.array_equal(seen[0], seen[1])
    assert np.array_equal(seen[2], seen[3])
    assert not np.array_equal(seen[0], seen[2])


# Bad questions


@pytest.mark.parametrize("x", [np.ones(2, int), [1, 2], np.ones(2, bool), 1])
def test_an_integer_array_is_refused_because_a_nudge_would_be_lost(x):
    with pytest.raises(
        DtypeError, match=r"x has dtype \w+, and a nudge.*cut off.*x\.astype\(float\)"
    ):
        numerical_gradient(np.sum, x)
    nudged = np.array([1, 2])
    nudged[0] = nudged[0] + 1e-6  # no error, and no change
    assert np.array_equal(nudged, [1, 2])


@pytest.mark.parametrize(
    ("x", "way"),
    [
        (np.ones(2, complex), "W.real"),
        (np.ones(2, object), "W.astype(float)"),
        (np.ones(2, np.float16), "W.astype(float)"),
        (np.array(["1"]), "W.astype(float)"),
    ],
)
def test_other_arrays_are_refused_by_name(x, way):
    for ask in (
        lambda: numerical_gradient(lambda W: np.sum(W), {"W": x}),
        lambda: check_gradient(lambda W: np.sum(W), {"W": x}, np.ones(2)),
        lambda: check_vjp(lambda W: W, lambda g, W: g, {"W": x}),
    ):
        with pytest.raises(DtypeError, match=re.escape(way)):
            ask()


def test_empty_questions_are_refused():
    with pytest.raises(ShapeError, match=r"x is empty, of shape \(0, 3\)"):
        numerical_gradient(np.sum, np.ones((0, 3)))
    with pytest.raises(ShapeError, match="no array"):
        check_gradient(np.sum, {}, {})
    with pytest.raises(ShapeError, match=r"empty array, of shape \(0,\)"):
        check_vjp(lambda x: x[:0], lambda g, x: x, np.ones(2))
    with pytest.raises(ValueError, match="trials is 0"):
        check_vjp(lambda x: x, lambda g, x: g, np.ones(2), trials=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_with_its_place(bad):
    x = np.ones((2, 2))
    x[1, 0] = bad
    with pytest.raises(NonFiniteError, match=rf"W\[1, 0\] is {bad}"):
        numerical_gradient(lambda W: 1.0, {"W": x})
    with pytest.raises(NonFiniteError, match=rf"f's value is {bad}: "):
        check_gradient(lambda x: np.sum(x) + bad, np.ones(2), np.ones(2))
    with pytest.raises(NonFiniteError, match=rf"f's value\[0\] is {bad}"):
        check_vjp(lambda x: x + bad, lambda g, x: g, np.ones(2))


def test_a_value_that_is_not_finite_beside_x_says_which_nudge_led_there():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(
            NonFiniteError, match=r"f's value is nan with x\[1\] moved to -6\.0\d*e-06"
        ):
            numerical_gradient(lambda x: np.sum(np.sqrt(x)), np.array([1.0, 0.0]))


def test_a_vector_is_no_scalar():
    for shape in [(3,), (1,)]:
        with pytest.raises(NotScalarError, match=re.escape(str(shape))):
            numerical_gradient(lambda x: x, np.ones(shape))
        with pytest.raises(NotScalarError, match=re.escape(str(shape))):
            check_gradient(lambda x: x, np.ones(shape), np.ones(shape))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "NoneType"),
        ((1.0, 2.0), "tuple"),
        (np.array(1), "int64"),
        (np.array(True), "bool"),
        (np.array(1j), "complex128"),
        (np.array(1.0, object), "object"),
    ],
)
def test_what_f_must_not_return(value, words):
    with pytest.raises(DtypeError, match=f"f returned.*{words}"):
        numerical_gradient(lambda x: value, np.ones(2))


def test_a_complex_step_refuses_an_f_that_drops_the_imaginary_part():
    with pytest.raises(DtypeError, match=r"np\.abs"):
        numerical_gradient(lambda x: np.sum(np.abs(x)), np.ones(2), "complex")


def test_steps_and_methods_that_make_no_sense():
    for step in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="pass a positive number"):
            numerical_gradient(np.sum, np.ones(2), step=step)
    with pytest.raises(ValueError, match=r"1\.0e-20 vanishes beside x\[0\] = 1\.0"):
        numerical_gradient(np.sum, np.ones(2), step=1e-20)
    for ask in (
        lambda: numerical_gradient(np.sum, np.ones(2), "backward"),
        lambda: check_gradient(np.sum, np.ones(2), np.ones(2), method="backward"),
    ):
        with pytest.raises(ValueError, match=r"method is 'backward': pass \"central\""):
            ask()
