"""value_and_grad, grad, vjp, jvp and jacobian: against differences, and against each other."""

import math
import threading

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from scalarloss import (
    DtypeError,
    NotScalarError,
    Program,
    ScalarLossError,
    ShapeError,
    TracingError,
    grad,
    jacobian,
    jvp,
    trace,
    value_and_grad,
    vjp,
)
from scalarloss.primitives import PRIMITIVES
from scalarloss.program import Operation
from scalarloss.rules import RULES, Rule

W = np.array([[0.2, 0.5], [0.8, 0.1], [-0.3, 0.4]])
B = np.array([0.3, 0.7])
INPUT = np.array([1.0, -2.0, 0.5])


def loss(W, b):
    return np.log(np.exp(INPUT @ W + b).sum()) - b[1]


def layer(W, b):
    return np.tanh(INPUT @ W + b)


# Random programs: a function that makes up its operations from a seed, the same for plain arrays.


def with_axes_alike(a, b):
    """b summed down or copied out to where it broadcasts with a."""
    return b if b.ndim == 0 or b.shape == a.shape else b.sum() if b.size > 3 else b.mean()


UNARY = [
    np.tanh, np.sin, np.cos, np.negative, lambda a: np.exp(-a * a), lambda a: np.sqrt(1 + a * a),
    lambda a: np.log1p(a * a), lambda a: np.reciprocal(2 + np.square(a)), lambda a: a**3 / 5,
    lambda a: np.expm1(-np.abs(a)), lambda a: np.where(a > 0.3, a, 0.1 * a),
    lambda a: 2 ** np.sin(a), lambda a: np.maximum(a, -0.37), lambda a: (a * a + 0.5) ** 0.7,
    lambda a: a.T, np.copy,
]  # fmt: skip
BINARY = [
    np.add, np.subtract, np.multiply, lambda a, b: a / (1.5 + b * b), np.maximum, np.minimum,
    lambda a, b: np.where(a < b, np.sin(a), b), lambda a, b: (1 + a * a) ** np.tanh(b),
    np.logaddexp,
]  # fmt: skip
SHAPED = [
    lambda a: a.sum(axis=0), lambda a: a.mean(axis=-1, keepdims=True), lambda a: a.max(axis=-1),
    lambda a: a.min(axis=0, keepdims=True), lambda a: a[::-1], lambda a: a[..., :1], lambda a: a[0],
    lambda a: a[..., None], lambda a: a.reshape(-1), lambda a: np.cumsum(a, axis=0),
    lambda a: np.concatenate([a, a[:1] * 2]), lambda a: np.stack([a, -a], axis=-1),
    lambda a: a[np.arange(len(a)) % 2], lambda a: np.pad(a, 1)[1:], lambda a: np.roll(a, 1),
    lambda a: np.einsum("i...,i...->...", a, a), lambda a: np.tensordot(a, a, (0, 0)),
    lambda a: a @ a.T if a.ndim == 2 else a * a, lambda a: np.broadcast_to(a, (2, *a.shape)),
    lambda a: sliding_window_view(a, 1, axis=0),
]  # fmt: skip


def random_function(seed, scalar):
    def f(**arrays):
        rng = np.random.default_rng(seed)
        pool = list(arrays.values())
        for _ in range(rng.integers(3, 16)):
            a = pool[rng.integers(len(pool))]
            kind = rng.integers(3)
            if kind == 0:
                made = UNARY[rng.integers(len(UNARY))](a)
            elif kind == 1:
                b = with_axes_alike(a, pool[rng.integers(len(pool))])
                made = BINARY[rng.integers(len(BINARY))](a, b)
            else:
                made = SHAPED[rng.integers(len(SHAPED))](a) if a.ndim else a * a
            if made.size <= 60 and made.ndim <= 4:
                pool.append(made)
        last = pool[-1]
        return sum((p * p).mean() for p in pool[-3:]) if scalar else last + last * pool[0].mean()

    return f


def random_arrays(seed):
    rng = np.random.default_rng((seed, 1))
    shapes = [tuple(rng.integers(1, 4, size=rng.integers(0, 4))) for _ in range(3)]
    return {name: np.asarray(rng.normal(size=s)) for name, s in zip("xyz", shapes, strict=True)}


def directional(f, arrays, tangents, step):
    ahead = f(**{n: a + step * tangents[n] for n, a in arrays.items()})
    behind = f(**{n: a - step * tangents[n] for n, a in arrays.items()})
    return np.subtract(ahead, behind) / (2 * step)


@pytest.mark.parametrize("scalar", [True, False], ids=["loss", "array"])
@pytest.mark.parametrize("seed", range(150))
def test_a_random_program(seed, scalar):
    f, arrays = random_function(seed, scalar), random_arrays(seed)
    rng = np.random.default_rng((seed, 2))
    tangents = {n: np.asarray(rng.normal(size=a.shape)) for n, a in arrays.items()}
    program = trace(f, **arrays)
    y, pullback = vjp(program, **arrays)
    np.testing.assert_allclose(y, f(**arrays), rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(Program.from_json(program.to_json())(**arrays), y)

    g = np.asarray(rng.normal(size=np.shape(y)))
    back = pullback(g)
    y_again, forward = jvp(program, tangents, **arrays)
    assert np.array_equal(y_again, y)
    assert np.shape(forward) == np.shape(y)
    there, here = g * forward, {n: back[n] * tangents[n] for n in arrays}
    size = np.sum(np.abs(there)) + sum(np.sum(np.abs(h)) for h in here.values())
    assert abs(np.sum(there) - sum(np.sum(h) for h in here.values())) <= 1e-12 * size + 1e-15

    # A step may cross a kink, and then halving it again does not: the best of three counts.
    errors = [
        np.max(np.abs(directional(f, arrays, tangents, h) - forward)) for h in (1e-4, 1e-5, 1e-6)
    ]
    assert min(errors) <= 1e-6 * (1 + np.max(np.abs(forward)))

    if scalar:
        value, gradient = value_and_grad(f, **arrays)
        np.testing.assert_allclose(value, y, rtol=1e-14)
        for n, whole in vjp(program, **arrays)[1](1.0).items():
            np.testing.assert_array_equal(gradient[n], whole)
    rows = jacobian(program, **arrays)
    for n, a in arrays.items():
        assert rows[n].shape == np.shape(y) + a.shape
        np.testing.assert_allclose(
            np.tensordot(g, rows[n], np.ndim(y)), back[n], rtol=1e-9, atol=1e-11 * (1 + size)
        )


def test_the_random_programs_have_most_operations():
    seen = set()
    for seed in range(150):
        for scalar in (True, False):
            program = trace(random_function(seed, scalar), **random_arrays(seed))
            seen |= {o.name for o in program.operations}
    assert len(seen) >= 30, set(PRIMITIVES) - seen


# The five functions.


def test_value_and_grad_of_a_loss():
    value, gradient = value_and_grad(loss, W=W, b=B)
    z = INPUT @ W + B
    p = np.exp(z) / np.exp(z).sum()
    assert type(value) is float
    np.testing.assert_allclose(value, np.log(np.exp(z).sum()) - B[1], rtol=1e-14)
    np.testing.assert_allclose(gradient["W"], np.outer(INPUT, p), rtol=1e-13)
    np.testing.assert_allclose(gradient["b"], p - [0, 1], rtol=1e-13)
    assert list(gradient) == ["W", "b"]


def test_a_function_and_its_program_give_the_same():
    program = trace(loss, W=W * 3, b=B - 1)
    for names in ((), ("W",), ("b", "W")):
        value, gradient = value_and_grad(loss, *names, W=W, b=B)
        again, gradient_again = value_and_grad(program, *names, W=W, b=B)
        assert value == again
        assert list(gradient) == list(gradient_again) == list(names or ("W", "b"))
        for name, g in gradient.items():
            np.testing.assert_array_equal(g, gradient_again[name])
            np.testing.assert_array_equal(g, grad(program, W=W, b=B)[name])


def test_only_the_named_arrays_are_differentiated(monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("a gradient that nobody asked for")

    calls = Rule(lambda i: never, lambda i: never)
    monkeypatch.setitem(RULES, "sin", calls)
    found = grad(lambda x, y: (x * np.sin(y)).sum(), "x", x=B, y=B)
    np.testing.assert_allclose(found["x"], np.sin(B))
    assert list(found) == ["x"]


def test_jacobian_is_every_vjp_and_every_jvp():
    program = trace(layer, W=W, b=B)
    _, pullback = vjp(program, W=W, b=B)
    rows = jacobian(program, W=W, b=B)
    assert rows["W"].shape == (2, 3, 2)
    assert rows["b"].shape == (2, 2)
    for i, g in enumerate(np.eye(2)):
        for name, row in pullback(g).items():
            np.testing.assert_allclose(rows[name][i], row, rtol=1e-14, atol=1e-16)
    arrays = {"W": W, "b": B}
    for name, a in arrays.items():
        for place in np.ndindex(a.shape):
            one = np.zeros(a.shape)
            one[place] = 1.0
            column = jvp(program, {name: one}, **arrays)[1]
            np.testing.assert_allclose(rows[name][(..., *place)], column, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("shape", [(), (1,), (4,), (2, 3), (2, 1, 3)])
def test_jacobian_of_the_identity_is_the_identity(shape):
    x = np.asarray(np.random.default_rng(0).normal(size=shape))
    eye = np.eye(x.size).reshape(shape + shape)
    np.testing.assert_array_equal(jacobian(lambda x: x, x=x)["x"], eye)
    np.testing.assert_array_equal(jacobian(lambda x: x * 2, x=x)["x"], 2 * eye)


def test_jacobian_of_a_scalar_is_the_gradient():
    rows = jacobian(loss, W=W, b=B)
    for name, g in grad(loss, W=W, b=B).items():
        np.testing.assert_allclose(rows[name], g, rtol=1e-14)
    assert list(jacobian(loss, "b", W=W, b=B)) == ["b"]


def test_jacobian_moves_all_rows_at_once(monkeypatch):
    calls = []
    right = RULES["sin"]

    def counted(i):
        rule = right.jvp(i)
        return lambda *args: calls.append(1) or rule(*args)

    monkeypatch.setitem(RULES, "sin", Rule(counted, counted, diagonal=True))
    found = jacobian(lambda x: np.sin(x), x=np.ones(7))["x"]
    np.testing.assert_allclose(found, np.eye(7) * np.cos(1.0), rtol=1e-15)
    assert len(calls) == 1


def test_a_fork_adds_what_comes_back():
    def f(x):
        return (x * x + x + np.stack([x, x]).sum(axis=0) + x @ x).sum()

    x = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(grad(f, x=x)["x"], 2 * x + 3 + 6 * x, rtol=1e-14)
    np.testing.assert_array_equal(grad(lambda x: (x + x).sum(), x=x)["x"], [2, 2, 2])
    np.testing.assert_array_equal(grad(lambda x: (x - x).sum(), x=x)["x"], [0, 0, 0])
    np.testing.assert_array_equal(grad(lambda x: x[0] * x[0] + x[0], x=x)["x"], [3, 0, 0])
    square = np.einsum("ij,ij,ij->", W, W, W)
    found = value_and_grad(lambda W: np.einsum("ij,ij,ij->", W, W, W), W=W)
    np.testing.assert_allclose(found[0], square, rtol=1e-14)
    np.testing.assert_allclose(found[1]["W"], 3 * W * W, rtol=1e-14)


def test_forks_do_not_multiply_the_work():
    def f(x):
        for _ in range(60):
            x = 0.5 * (x + x)  # a walk of the tree would take 2^60 steps
        return x

    assert grad(f, x=1.0)["x"] == 1.0
    assert jvp(f, {"x": 1.0}, x=1.0)[1] == 1.0


def test_a_long_chain_needs_no_recursion():
    def f(x):
        for _ in range(3000):
            x = x + 1e-3 * np.sin(x)
        return x

    value, gradient = value_and_grad(f, x=0.1)
    slope = (f(0.1 + 1e-6) - f(0.1 - 1e-6)) / 2e-6
    np.testing.assert_allclose(gradient["x"], slope, rtol=1e-7)
    assert value == f(np.float64(0.1))


def test_an_unused_array_has_a_gradient_of_zeros():
    value, gradient = value_and_grad(lambda x, y: x.sum(), x=B, y=W)
    assert value == B.sum()
    np.testing.assert_array_equal(gradient["y"], np.zeros((3, 2)))
    assert jacobian(lambda x, y: x, "y", x=B, y=W)["y"].shape == (2, 3, 2)
    still = jvp(lambda x, y: x * 2, {"y": W}, x=B, y=W)[1]
    np.testing.assert_array_equal(still, [0, 0])


def test_nothing_flows_through_a_comparison():
    gradient = grad(lambda x, y: ((x > 0) * y + np.sign(x)).sum(), x=B, y=B)
    np.testing.assert_array_equal(gradient["x"], [0, 0])
    np.testing.assert_array_equal(gradient["y"], [1, 1])
    np.testing.assert_array_equal(jvp(lambda x: np.sign(x) + (x > 0), {"x": B}, x=B)[1], [0, 0])


def test_a_tangent_for_some_arrays_leaves_the_others_still():
    y, both = jvp(layer, {"W": W, "b": B}, W=W, b=B)
    _, one = jvp(layer, {"W": W}, W=W, b=B)
    _, other = jvp(layer, {"b": B}, W=W, b=B)
    _, none = jvp(layer, {}, W=W, b=B)
    np.testing.assert_allclose(one + other, both, rtol=1e-14)
    np.testing.assert_array_equal(none, [0, 0])
    np.testing.assert_allclose(y, layer(W, B), rtol=1e-15)


def test_scalars_come_out_as_numbers():
    y, pullback = vjp(lambda x: x * 3, x=2.0)
    assert (type(y), y) == (np.float64, 6.0)
    assert pullback(1.0)["x"].shape == ()
    assert [type(v) for v in jvp(lambda x: x * 3, {"x": 1.0}, x=2.0)] == [np.float64] * 2


def test_float32_is_promoted():
    gradient = grad(lambda x: (x * x).sum(), x=np.float32([0.5, 1.5]))["x"]
    assert gradient.dtype == np.float64
    np.testing.assert_array_equal(gradient, [1, 3])
    back = vjp(lambda x: x * 2, x=B)[1](np.float32([1, 2]))["x"]
    np.testing.assert_array_equal(back, [2, 4])


def test_nan_and_infinity_go_where_numpy_takes_them():
    x = np.array([np.nan, np.inf, 1.0])
    value, gradient = value_and_grad(lambda x: (x * x).sum(), x=x)
    assert math.isnan(value)
    np.testing.assert_array_equal(gradient["x"], 2 * x)
    with np.errstate(divide="ignore"):
        assert grad(lambda x: np.sqrt(x), x=0.0)["x"] == np.inf


# Memory.

SHARING = {
    "the input": lambda x, y: x,
    "its transpose": lambda x, y: x.T,
    "a reshape": lambda x, y: x.reshape(-1),
    "a sum": lambda x, y: x + y,
    "a difference": lambda x, y: x - y,
    "a sum of views": lambda x, y: x.T.reshape(2, 3) + y[::-1],
    "twice the same": lambda x, y: (x + y) + (x + y),
    "parts": lambda x, y: np.concatenate([x, y]),
    "a stack": lambda x, y: np.stack([x, y]),
    "a spread": lambda x, y: np.broadcast_to(x, (2, 2, 3)) + y,
    "an einsum": lambda x, y: np.einsum("ij->ji", x) + np.einsum("ij->ji", y),
    "windows": lambda x, y: sliding_window_view(x, (1, 1)) + y[..., None, None],
    "where": lambda x, y: np.where(x > 0, x, y),
}  # fmt: skip


@pytest.mark.parametrize("name", SHARING)
def test_gradients_own_their_memory(name):
    f = SHARING[name]
    rng = np.random.default_rng(4)
    arrays = {"x": rng.normal(size=(2, 3)), "y": rng.normal(size=(2, 3))}
    y, pullback = vjp(f, **arrays)
    g = rng.normal(size=np.shape(y))
    rows = list(jacobian(f, **arrays).values())
    y_forward, forward = jvp(f, {"x": arrays["x"]}, **arrays)
    results = [y, *pullback(g).values(), *pullback(g).values(), *rows, y_forward, forward]
    others = [*arrays.values(), g]
    for i, a in enumerate(results):
        assert a.flags.writeable
        for b in (*results[:i], *others):
            assert not np.shares_memory(a, b)
    kept = [np.array(a) for a in (*results, *others)]
    for i, a in enumerate(results):
        a += 1
        for j, b in enumerate((*results, *others)):
            np.testing.assert_array_equal(b, kept[j] + (j <= i))


def test_gradients_of_numbers_own_their_memory_too():
    first = grad(lambda x, y: x + y, x=1.0, y=2.0)
    first["x"][...] = 7
    assert first["y"] == 1.0
    assert grad(lambda x, y: x + y, x=1.0, y=2.0) == {"x": 1.0, "y": 1.0}
    again = grad(lambda x: x, "x", "x", x=1.0)["x"]
    again += 1
    assert grad(lambda x: x, x=1.0)["x"] == 1.0


def test_a_step_between_a_vjp_and_its_pullback_changes_nothing():
    x, scale = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    y, pullback = vjp(lambda x: x * x * scale, x=x)
    y *= 0
    x -= 1
    scale[:] = 0
    np.testing.assert_array_equal(pullback(np.ones(2))["x"], [6, 16])
    np.testing.assert_array_equal(pullback(np.ones(2))["x"], [6, 16])


@pytest.mark.parametrize("array_like", [[1.0, 2.0], (1.0, 2.0)])
def test_lists_are_taken_for_arrays(array_like):
    np.testing.assert_array_equal(grad(lambda x: (x * x).sum(), x=array_like)["x"], [2, 4])
    np.testing.assert_array_equal(vjp(lambda x: x, x=array_like)[1]([3.0, 4.0])["x"], [3, 4])


def test_nothing_is_changed():
    arrays = {"W": W.copy(), "b": B.copy()}
    for a in arrays.values():
        a.flags.writeable = False
    g = np.ones(2)
    g.flags.writeable = False
    value_and_grad(loss, **arrays)
    vjp(layer, **arrays)[1](g)
    jvp(layer, arrays, **arrays)
    jacobian(layer, **arrays)
    np.testing.assert_array_equal(arrays["W"], W)


# Refused.


@pytest.mark.parametrize("ask", [grad, value_and_grad])
@pytest.mark.parametrize("shape", [(2,), (1,), (2, 3), (1, 1)])
def test_a_gradient_of_more_than_one_number(ask, shape):
    x = np.ones(shape)
    program = trace(lambda x: x * 2, x=x)
    for f in (lambda x: x * 2, program):
        with pytest.raises(NotScalarError) as caught:
            ask(f, x=x)
        words = str(caught.value)
        assert caught.value.shape == shape
        assert f"shape {shape}" in words
        assert "Three ways on" in words
        assert "reduce it (.sum(), .mean(), a loss)" in words
        assert "pass a cotangent" in words
        assert "pullback(v)" in words
        assert "jacobian(f, ...)" in words
        assert isinstance(caught.value, TypeError)
        assert isinstance(caught.value, ScalarLossError)
    np.testing.assert_array_equal(x, np.ones(shape))
    assert grad(lambda x: (x * 2).sum(), x=x)["x"].shape == shape  # the first way
    assert vjp(program, x=x)[1](np.ones(shape))["x"].shape == shape  # the second
    assert jacobian(program, x=x)["x"].shape == shape + shape  # the third


ASK = {
    "grad": lambda f, *names, **arrays: grad(f, *names, **arrays),
    "vjp": lambda f, *names, **arrays: vjp(f, *names, **arrays),
    "jacobian": lambda f, *names, **arrays: jacobian(f, *names, **arrays),
}


@pytest.mark.parametrize("ask", ASK)
@pytest.mark.parametrize("name", ["v", "", 0, None, ["W"], np.ones(2)], ids=repr)
def test_a_name_that_does_not_exist(ask, name):
    for f in (loss, trace(loss, W=W, b=B)):
        with pytest.raises(ShapeError, match=r"no array named .*: the function takes W, b"):
            ASK[ask](f, name, W=W, b=B)


@pytest.mark.parametrize("ask", ASK)
@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([1, 2]), r"b has dtype int64.*pass b\.astype\(float\)"),
        (np.array([True, False]), "b has dtype bool"),
        (np.array([1j, 2]), r"b has dtype complex128.*pass b\.real"),
        (np.array([1.0, 2.0], dtype=object), "b has dtype object"),
    ],
)
def test_arrays_that_are_no_floats(ask, array, words):
    for f in (loss, trace(loss, W=W, b=B)):
        with pytest.raises(DtypeError, match=words):
            ASK[ask](f, W=W, b=array)


def test_empty_arrays_and_none_at_all():
    with pytest.raises(ShapeError, match=r"x is empty, of shape \(0,\)"):
        grad(lambda x: x.sum(), x=np.zeros(0))
    with pytest.raises(TracingError, match="nothing to differentiate by"):
        grad(loss, W, B)
    with pytest.raises(ShapeError, match="takes W, b; it was given W"):
        grad(trace(loss, W=W, b=B), W=W)
    with pytest.raises(TypeError, match=r"missing 1 required .*'b'"):
        grad(loss, W=W)


@pytest.mark.parametrize(
    ("g", "error", "words"),
    [
        (1.0, ShapeError, r"cotangent has shape \(\), and the output has \(2,\)"),
        (np.ones(3), ShapeError, r"cotangent has shape \(3,\).*one weight for each entry"),
        (np.ones((1, 2)), ShapeError, r"\(1, 2\)"),
        (np.ones(0), ShapeError, r"\(0,\)"),
        ([1, 0], DtypeError, r"the cotangent has dtype int64.*astype\(float\)"),
        (None, DtypeError, "the cotangent has dtype object"),
        ([1j, 0], DtypeError, "the cotangent has dtype complex128"),
    ],
)
def test_a_cotangent_that_does_not_fit(g, error, words):
    _, pullback = vjp(layer, W=W, b=B)
    with pytest.raises(error, match=words):
        pullback(g)


@pytest.mark.parametrize(
    ("tangents", "error", "words"),
    [
        ({"b": np.ones(3)}, ShapeError, r"tangent of b has shape \(3,\), and b has \(2,\)"),
        ({"b": 1.0}, ShapeError, r"tangent of b has shape \(\)"),
        ({"b": [1, 0]}, DtypeError, "the tangent of b has dtype int64"),
        ({"v": np.ones(2)}, ShapeError, "no array named 'v'"),
    ],
)
def test_a_tangent_that_does_not_fit(tangents, error, words):
    with pytest.raises(error, match=words):
        jvp(layer, tangents, W=W, b=B)


def test_errors_of_tracing_come_through():
    def stores(x):
        out = np.zeros(2)
        out[0] = x[0]
        return out.sum()

    for ask in ASK.values():
        with pytest.raises(TracingError, match=r"np\.stack"):
            ask(stores, x=B)
        with pytest.raises(TracingError, match="arctan has no rule"):
            ask(lambda x: np.arctan(x).sum(), x=B)
        with pytest.raises(ShapeError, match=r"matmul cannot take shape \(2,\) and \(3, 2\)"):
            ask(lambda x: x @ W, x=B)


# Threads.


def test_threads_trace_and_differentiate_side_by_side():
    wrong: list[object] = []

    def work(seed):
        try:
            x = np.random.default_rng(seed).normal(size=(3, 2))
            for _ in range(30):
                gradient = grad(lambda W: (np.tanh(W @ B) ** 2).sum(), W=x)["W"]
                t = np.tanh(x @ B)
                np.testing.assert_allclose(gradient, np.outer(2 * t * (1 - t * t), B), rtol=1e-12)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_program_can_be_forgotten():
    import gc
    import weakref

    program = Program({"x": (2,)}, [], [Operation("sin", (0,), {}, (2,))], 1)
    vjp(program, x=B)[1](np.ones(2))
    gone = weakref.ref(program)
    del program
    gc.collect()
    assert gone() is None
