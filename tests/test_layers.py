"""Every layer: its forward by loops, its gradients three ways over, its refusals by name."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings

from scalarloss import trace, vjp
from scalarloss.check import check_gradient, check_vjp
from scalarloss.errors import DtypeError, GradientCheckError, NotScalarError, ShapeError
from scalarloss.layers import (
    attention,
    attention_backward,
    conv2d,
    conv2d_backward,
    cross_entropy,
    cross_entropy_backward,
    dense,
    dense_backward,
    layer_norm,
    layer_norm_backward,
    log_softmax,
    log_softmax_backward,
    max_pool,
    max_pool_backward,
    recurrent_step,
    recurrent_step_backward,
    relu,
    relu_backward,
    softmax,
    softmax_backward,
    squared_error,
    squared_error_backward,
)


@dataclass
class Case:
    """A layer at some arrays: its forward, backward(g, **arrays), and the same forward by loops."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    plain: Callable[..., Any]
    arrays: dict[str, np.ndarray]

    def gradients(self, g):
        found = self.backward(g, **self.arrays)
        return dict(zip(self.arrays, found if isinstance(found, tuple) else (found,), strict=True))


def plain_dense(x, W, b):
    rows = [[sum(W[i, j] * r[j] for j in range(len(r))) + b[i] for i in range(len(b))] for r in x]
    return np.array(rows)


def plain_softmax(z, axis):
    return np.exp(z) / np.exp(z).sum(axis, keepdims=True)


def plain_conv2d(x, w, b):
    (count, _, height, width), (filters, _, kh, kw) = x.shape, w.shape
    y = np.zeros((count, filters, height - kh + 1, width - kw + 1), np.result_type(x, w, b))
    for n, f, i, j in np.ndindex(y.shape):
        y[n, f, i, j] = np.sum(x[n, :, i : i + kh, j : j + kw] * w[f]) + b[f]
    return y


seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 4)


def normal(draw, *shapes):
    rng = np.random.default_rng(draw(seeds))
    return [rng.normal(size=shape) for shape in shapes]


@st.composite
def dense_cases(draw):
    n, m, batch = draw(sides), draw(sides), draw(st.sampled_from([(), (1,), (3,), (2, 3)]))
    x, W, b = normal(draw, (*batch, n), (m, n), (m,))

    def plain(x, W, b):
        return plain_dense(x.reshape(-1, n), W, b).reshape(*batch, m)

    return Case(dense, dense_backward, plain, {"x": x, "W": W, "b": b})


@st.composite
def softmax_cases(draw, logarithm):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    (z,) = normal(draw, shape)
    forward, back = (
        (log_softmax, log_softmax_backward) if logarithm else (softmax, softmax_backward)
    )

    def backward(g, z):
        return back(g, forward(z, axis), axis)

    def plain(z):
        return np.log(plain_softmax(z, axis)) if logarithm else plain_softmax(z, axis)

    return Case(lambda z: forward(z, axis), backward, plain, {"z": z})


@st.composite
def cross_entropy_cases(draw):
    count, batch = draw(sides), draw(st.sampled_from([(), (1,), (3,), (2, 3)]))
    reduction = draw(st.sampled_from(["sum", "mean", "none"]))
    z, t = normal(draw, (*batch, count), (*batch, count))
    labels = np.abs(t).argmax(axis=-1)
    one_hot = (np.arange(count) == labels[..., None]).astype(int)
    weights, target = draw(
        st.sampled_from([(one_hot, labels), (one_hot, one_hot), (softmax(t), softmax(t)), (t, t)])
    )

    def plain(z):
        losses = -np.sum(weights * np.log(plain_softmax(z, -1)), axis=-1)
        return {"sum": np.sum, "mean": np.mean, "none": np.asarray}[reduction](losses)

    return Case(
        lambda z: cross_entropy(z, target, reduction),
        lambda g, z: cross_entropy_backward(z, target, reduction, g),
        plain,
        {"z": z},
    )


@st.composite
def squared_error_cases(draw):
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, max_side=4))
    y, t = normal(draw, shape, shape)

    def backward(g, y, t):
        return g * squared_error_backward(y, t), -g * squared_error_backward(y, t)

    def plain(y, t):
        pairs = zip(y.reshape(-1), t.reshape(-1), strict=True)
        return np.asarray(sum((a - b) * (a - b) / 2 for a, b in pairs))

    return Case(squared_error, backward, plain, {"y": y, "t": t})


@st.composite
def conv2d_cases(draw):
    kh, kw, count = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    size = kh + draw(st.integers(0, 3)), kw + draw(st.integers(0, 3))
    c, f = draw(sides), draw(st.integers(1, 3))
    batch = draw(st.sampled_from([(), (count,)]))
    one = draw(st.booleans())
    if one:
        c = f = 1
        x, w, b = normal(draw, (*batch, *size), (kh, kw), ())
        b = np.asarray(b)
    else:
        x, w, b = normal(draw, (*batch, c, *size), (f, c, kh, kw), (f,))

    def plain(x, w, b):
        y = plain_conv2d(x.reshape(-1, c, *size), w.reshape(f, c, kh, kw), b.reshape(f))
        return y.reshape(*batch, *(() if one else (f,)), *y.shape[2:])

    return Case(conv2d, conv2d_backward, plain, {"x": x, "w": w, "b": b})


@st.composite
def relu_cases(draw):
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, max_side=4))
    (x,) = normal(draw, shape)
    x = np.asarray(x + 0.1 * np.sign(x))  # away from the kink
    return Case(relu, relu_backward, lambda x: (x + np.sqrt(x * x)) / 2, {"x": x})


@st.composite
def max_pool_cases(draw):
    size, batch = draw(st.integers(1, 3)), draw(st.sampled_from([(), (2,), (2, 3)]))
    height, width = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    (x,) = normal(draw, (*batch, size * height, size * width))

    def plain(x):
        y = np.zeros((*batch, height, width), x.dtype)
        for *k, i, j in np.ndindex(y.shape):
            rows, columns = slice(size * i, size * (i + 1)), slice(size * j, size * (j + 1))
            y[*k, i, j] = max(x[*k, rows, columns].ravel(), key=np.real)
        return y

    return Case(
        lambda x: max_pool(x, size), lambda g, x: max_pool_backward(g, x, size), plain, {"x": x}
    )


@st.composite
def layer_norm_cases(draw):
    n, batch = draw(st.integers(2, 5)), draw(st.sampled_from([(), (1,), (3,), (2, 3)]))
    x, gamma, beta = normal(draw, (*batch, n), (n,), (n,))
    x = x + np.arange(n)  # no example is of one value only

    def plain(x, gamma, beta):
        y = np.zeros(x.shape, np.result_type(x, gamma, beta))
        for k in np.ndindex(batch):
            mean = sum(x[k]) / n
            sigma = np.sqrt(sum((x[k] - mean) ** 2) / n + 1e-5)
            y[k] = [gamma[i] * (x[k][i] - mean) / sigma + beta[i] for i in range(n)]
        return y

    return Case(layer_norm, layer_norm_backward, plain, {"x": x, "gamma": gamma, "beta": beta})


@st.composite
def recurrent_step_cases(draw):
    n, m, batch = draw(sides), draw(sides), draw(st.sampled_from([(), (1,), (3,)]))
    x, h, Wx, Wh, b = normal(draw, (*batch, n), (*batch, m), (m, n), (m, m), (m,))

    def plain(x, h, Wx, Wh, b):
        both = plain_dense(
            np.concatenate([x.reshape(-1, n), h.reshape(-1, m)], 1), np.concatenate([Wx, Wh], 1), b
        )
        return np.tanh(both).reshape(*batch, m)

    arrays = {"x": x, "h": h, "Wx": Wx, "Wh": Wh, "b": b}
    return Case(recurrent_step, recurrent_step_backward, plain, arrays)


@st.composite
def attention_cases(draw):
    t, s, d, e = (draw(sides) for _ in range(4))
    batch = draw(st.sampled_from([(), (2,)]))
    q, k, v = normal(draw, (*batch, t, d), (*batch, s, d), (*batch, s, e))

    def plain(q, k, v):
        y = np.zeros((*batch, t, e), np.result_type(q, k, v))
        for *n, i in np.ndindex(*batch, t):
            weights = [np.exp(sum(q[*n, i] * k[*n, j]) / np.sqrt(d)) for j in range(s)]
            y[*n, i] = sum(weights[j] * v[*n, j] for j in range(s)) / sum(weights)
        return y

    return Case(attention, attention_backward, plain, {"q": q, "k": k, "v": v})


CASES = {
    "dense": dense_cases(),
    "relu": relu_cases(),
    "softmax": softmax_cases(logarithm=False),
    "log_softmax": softmax_cases(logarithm=True),
    "cross_entropy": cross_entropy_cases(),
    "squared_error": squared_error_cases(),
    "conv2d": conv2d_cases(),
    "max_pool": max_pool_cases(),
    "layer_norm": layer_norm_cases(),
    "recurrent_step": recurrent_step_cases(),
    "attention": attention_cases(),
}


def complex_step(f, arrays, g):
    """The gradient of Σ g f at the arrays, from nothing but f on complex numbers."""
    found = {}
    for name, x in arrays.items():
        found[name] = np.zeros(x.shape)
        for index in np.ndindex(x.shape):
            moved = {n: a.astype(complex) for n, a in arrays.items()}
            moved[name][index] += 1e-100j
            found[name][index] = np.sum(g * f(**moved)).imag / 1e-100
    return found


def assert_near(found, expected, scale=0.0):
    assert np.shape(found) == np.shape(expected)
    size = max(scale, np.max(np.abs(expected)))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13 + 1e-13 * size)


every_layer = pytest.mark.parametrize("layer", CASES)


@every_layer
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_gradients_agree_with_differences_a_complex_step_and_the_tracer(layer, data):
    case = data.draw(CASES[layer])
    y = case.forward(**case.arrays)
    assert_near(y, case.plain(**case.arrays))
    check_vjp(case.forward, case.backward, case.arrays)
    check_vjp(case.forward, case.backward, case.arrays, method="complex")

    g = np.asarray(np.random.default_rng(1).normal(size=np.shape(y)))
    expected = complex_step(case.plain, case.arrays, g)
    traced, pullback = vjp(trace(case.forward, **case.arrays), **case.arrays)
    assert_near(traced, y)
    for name, found in case.gradients(g).items():
        assert_near(found, expected[name], np.sum(np.abs(g)))
        assert_near(pullback(g)[name], found, np.sum(np.abs(g)))


@every_layer
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_gradient_wrong_by_a_thousandth_is_refused(layer, data):
    case = data.draw(CASES[layer])
    wrong = data.draw(st.sampled_from(list(case.arrays)))
    g = np.asarray(np.random.default_rng(0).normal(size=np.shape(case.forward(**case.arrays))))
    assume(np.max(np.abs(case.gradients(g)[wrong])) > 1e-3)  # a softmax of one class stands still

    def backward(g, **arrays):
        right = case.gradients(g)
        return {**right, wrong: 1.001 * right[wrong]}

    with pytest.raises(GradientCheckError, match=rf"\n{wrong}[\[ ]"):
        check_vjp(case.forward, backward, case.arrays)


def test_relu_lets_through_what_is_positive_and_nothing_at_its_kink():
    x = np.array([-2.0, -0.0, 0.0, 1e-300, 3.0])
    np.testing.assert_array_equal(relu(x), [0, 0, 0, 1e-300, 3])
    for seen in (x, relu(x)):  # its output says as much as its input
        np.testing.assert_array_equal(relu_backward(np.full(5, 7.0), seen), [0, 0, 0, 7, 7])
    with pytest.raises(GradientCheckError, match="kink"):
        check_vjp(relu, relu_backward, x)


@settings(max_examples=50, deadline=None)
@given(case=conv2d_cases(), seed=seeds)
def test_the_input_gradient_of_a_convolution_is_its_adjoint(case, seed):
    x, w, b = case.arrays.values()
    zero = np.zeros_like(b)
    y = conv2d(x, w, zero)
    g = np.random.default_rng(seed).normal(size=y.shape)
    dx, dw, _ = conv2d_backward(g, x, w, b)
    scale = np.sum(np.abs(g)) * np.max(np.abs(y))
    assert np.sum(g * y) == pytest.approx(np.sum(dx * x), abs=1e-13 * scale)
    assert np.sum(g * y) == pytest.approx(np.sum(dw * w), abs=1e-13 * scale)


@pytest.mark.parametrize("mistake", ["filter that is not flipped", "pad on one side only"])
def test_a_convolution_with_the_usual_mistakes_is_refused(mistake):
    rng = np.random.default_rng(0)
    arrays = {
        "x": rng.normal(size=(2, 4, 4)),
        "w": rng.normal(size=(2, 2)),
        "b": rng.normal(size=()),
    }

    def backward(g, x, w, b):
        _, dw, db = conv2d_backward(g, x, w, b)
        widths = ((0, 0), (1, 1), (1, 1)) if "flipped" in mistake else ((0, 0), (2, 0), (2, 0))
        used = w if "flipped" in mistake else w[::-1, ::-1]
        return conv2d(np.pad(g, widths), used, np.zeros(())), dw, db

    with pytest.raises(GradientCheckError, match=r"\nx\["):
        check_vjp(conv2d, backward, arrays)


# The source article's examples, with the numbers of its audit.

W = np.array([[0.2, 0.5], [0.8, 0.1]])
x = np.array([1.0, 2.0])
b = np.array([0.3, 0.7])


def test_example_one():
    t = np.array([0.5, 1.2])
    y = dense(x, W, b)
    assert squared_error(y, t) == pytest.approx(0.625, rel=1e-15)
    dx, dW, db = dense_backward(squared_error_backward(y, t), x, W, b)
    np.testing.assert_allclose(dW, [[1, 2], [0.5, 1]], rtol=1e-15)
    np.testing.assert_allclose(db, [1, 0.5], rtol=1e-15)
    np.testing.assert_allclose(dx, W.T @ [1, 0.5], rtol=1e-15)
    np.testing.assert_allclose(W - 0.1 * dW, [[0.1, 0.3], [0.75, 0]], atol=1e-16)
    np.testing.assert_allclose(b - 0.1 * db, [0.2, 0.65], rtol=1e-15)


def test_example_two_and_what_the_article_made_of_it():
    t = np.array([1, 0])
    z = dense(x, W, b)
    p = softmax(z)
    np.testing.assert_allclose(z, [1.5, 1.7], rtol=1e-15)
    np.testing.assert_allclose(p, [0.450166002688, 0.549833997312], atol=5e-13)
    assert cross_entropy(z, t) == pytest.approx(0.798138869381592, rel=1e-15)
    dz = cross_entropy_backward(z, t)
    np.testing.assert_allclose(dz, [-0.549833997312, 0.549833997312], atol=5e-13)
    _, dW, _ = dense_backward(dz, x, W, b)
    expected = [[-0.549833997312, -1.099667994625], [0.549833997312, 1.099667994625]]
    np.testing.assert_allclose(dW, expected, atol=5e-13)

    twice = softmax_backward(dz, p)
    np.testing.assert_allclose(twice, [-0.27218605315, 0.27218605315], atol=5e-12)
    np.testing.assert_allclose(twice / dz, 0.495033145424, atol=5e-13)
    _, dW, db = dense_backward(twice, x, W, b)
    published = [[0.22721861, 0.55443721], [0.77278139, 0.04556279]]
    np.testing.assert_allclose(W - 0.1 * dW, published, atol=5e-9)
    np.testing.assert_allclose(b - 0.1 * db, [0.32721861, 0.67278139], atol=5e-9)
    check_gradient(lambda z: cross_entropy(z, t), z, dz)
    with pytest.raises(GradientCheckError, match=r"2 of 2 entries"):
        check_gradient(lambda z: cross_entropy(z, t), z, twice)


def test_example_three_and_the_bias_that_is_right_by_accident():
    w = np.array([[1.0, 0], [0, -1]])
    image = np.array([[2.0, 3, 1], [4, 5, 2], [1, 6, 3]])
    t = np.array([[1, 0], [0, 1]])
    y = conv2d(image, w, np.array(1.0))
    residual = squared_error_backward(y, t)
    assert squared_error(y, t) == 9
    np.testing.assert_array_equal(residual, [[-3, 2], [-1, 2]])
    _, dw, db = conv2d_backward(residual, image, w, 1.0)
    np.testing.assert_array_equal(dw, [[6, -8], [9, -11]])
    np.testing.assert_allclose(w - 0.1 * dw, [[0.4, 0.8], [-0.9, 0.1]], atol=1e-15)
    assert db == 0

    def loss(b):
        return squared_error(conv2d(image, w, b[0]), t)

    both = np.array([1.0, 0.5])
    published = np.full(2, db)
    check_gradient(loss, both, published)
    image[0, 0] += 1
    _, _, db = conv2d_backward(squared_error_backward(conv2d(image, w, 1.0), t), image, w, 1.0)
    check_gradient(loss, both, np.array([db, 0]))
    with pytest.raises(GradientCheckError, match=r"1 of 2 entries.*\n.*\nx\[1\]"):
        check_gradient(loss, both, np.full(2, db))


# Large logits, and other edges of arithmetic.


@pytest.mark.parametrize("target", [np.array([[1, 0], [0, 1]]), np.array([0, 1])])
def test_logits_of_a_thousand(target):
    z = np.array([[1000.0, -1000.0], [1000.0, -1000.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(softmax(z), [[1, 0], [1, 0]])
        assert np.array_equal(log_softmax(z), [[0, -2000], [0, -2000]])
        assert np.array_equal(cross_entropy(z, target, "none"), [0, 2000])
        assert str(cross_entropy(z[0], target[0])) == "0.0"  # and not -0.0
        assert np.array_equal(cross_entropy_backward(z, target), [[0, 0], [1, -1]])
        assert np.array_equal(softmax_backward(np.ones((2, 2)), softmax(z)), np.zeros((2, 2)))
        one = np.array([[0.0, 1.0], [0.0, 1.0]])
        assert np.array_equal(log_softmax_backward(one, log_softmax(z)), [[-1, 1], [-1, 1]])
        check_gradient(lambda z: cross_entropy(z, target), z, cross_entropy_backward(z, target))
        check_vjp(log_softmax, lambda g, z: log_softmax_backward(g, log_softmax(z)), z)


def test_equal_logits_are_a_tie_of_the_maximum_alone():
    z, t = np.zeros(10), 3
    assert cross_entropy(z, t) == pytest.approx(2.302585092994046, rel=1e-15)
    dz = cross_entropy_backward(z, t)
    check_gradient(lambda z: cross_entropy(z, t), z, dz)
    _, pullback = vjp(lambda z: cross_entropy(z, t), z=z)
    np.testing.assert_allclose(pullback(1.0)["z"], dz, atol=1e-15)


def test_reductions_differ_by_a_factor_and_none_asks_for_a_cotangent():
    z, t = np.random.default_rng(0).normal(size=(4, 3)), np.array([0, 2, 1, 2])
    losses = cross_entropy(z, t, "none")
    assert losses.shape == (4,)
    assert cross_entropy(z, t) == pytest.approx(losses.sum())
    assert cross_entropy(z, t, "mean") == pytest.approx(losses.mean())
    rows = cross_entropy_backward(z, t)
    np.testing.assert_allclose(cross_entropy_backward(z, t, "mean"), rows / 4, rtol=1e-15)
    g = np.array([1.0, 0, 2, 0])
    np.testing.assert_allclose(cross_entropy_backward(z, t, "none", g), g[:, None] * rows)
    with pytest.raises(NotScalarError, match=r"\(4,\)"):
        cross_entropy_backward(z, t, "none")
    assert cross_entropy_backward(z[0], t[0], "none").shape == (3,)


def test_float32_stays_float32():
    z, t = np.float32([[1, 2, 3]]), np.array([2])
    assert cross_entropy(z, t).dtype == cross_entropy_backward(z, t, "mean").dtype == np.float32
    assert squared_error(z, np.array([[1, 0, 0]])).dtype == np.float32
    weights = np.float32([[1, 0, 2]])
    assert dense(z, weights, np.float32([1])).dtype == np.float32
    assert {d.dtype for d in dense_backward(z[:, :1], z, weights, np.float32([1]))} == {z.dtype}
    image = np.ones((1, 3, 3), np.float32)
    assert conv2d(image, image[0], np.float32(0)).dtype == np.float32


# Refusals.

ones = np.ones


@pytest.mark.parametrize("dtype", [int, bool, object, np.uint8])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("x", lambda a: dense(a((2,)), ones((3, 2)), ones(3))),
        ("W", lambda a: dense(ones(2), a((3, 2)), ones(3))),
        ("b", lambda a: dense(ones(2), ones((3, 2)), a(3))),
        ("g", lambda a: dense_backward(a(3), ones(2), ones((3, 2)), ones(3))),
        ("z", lambda a: softmax(a(3))),
        ("z", lambda a: log_softmax(a(3))),
        ("g", lambda a: softmax_backward(a(3), ones(3))),
        ("p", lambda a: softmax_backward(ones(3), a(3))),
        ("y", lambda a: log_softmax_backward(ones(3), a(3))),
        ("x", lambda a: relu(a(3))),
        ("g", lambda a: relu_backward(a(3), ones(3))),
        ("z", lambda a: cross_entropy(a(3), ones(3))),
        ("z", lambda a: cross_entropy_backward(a(3), ones(3))),
        ("y", lambda a: squared_error(a(3), ones(3))),
        ("y", lambda a: squared_error_backward(a(3), ones(3))),
        ("x", lambda a: conv2d(a((1, 3, 3)), ones((1, 1, 2, 2)), ones(1))),
        ("w", lambda a: conv2d(ones((1, 3, 3)), a((1, 1, 2, 2)), ones(1))),
        ("b", lambda a: conv2d(ones((3, 3)), ones((2, 2)), a(()))),
        ("w", lambda a: conv2d_backward(ones((2, 2)), ones((3, 3)), a((2, 2)), 1.0)),
        ("x", lambda a: max_pool(a((2, 2)))),
        ("g", lambda a: max_pool_backward(a((1, 1)), ones((2, 2)))),
        ("gamma", lambda a: layer_norm(ones(3), a(3), ones(3))),
        ("x", lambda a: layer_norm_backward(ones(3), a(3), ones(3), ones(3))),
        ("h", lambda a: recurrent_step(ones(1), a(2), ones((2, 1)), ones((2, 2)), ones(2))),
        ("Wh", lambda a: recurrent_step(ones(1), ones(2), ones((2, 1)), a((2, 2)), ones(2))),
        ("k", lambda a: attention(ones((1, 2)), a((3, 2)), ones((3, 1)))),
        ("g", lambda a: attention_backward(a((1, 1)), ones((1, 2)), ones((3, 2)), ones((3, 1)))),
    ],
)
def test_what_is_not_a_float_is_refused_by_name(name, call, dtype):
    with pytest.raises(DtypeError, match=rf"^{name} has dtype \w+.*{name}\.astype\(float\)"):
        call(lambda shape: np.ones(shape, dtype))


def test_complex_arrays_pass_forward_for_the_complex_step_and_never_backward():
    z = np.array([1 + 1e-20j, 2])
    assert softmax(z).imag[0] / 1e-20 == pytest.approx(
        softmax_backward(np.eye(2)[0], softmax(z.real))[0]
    )
    for call in [
        lambda: cross_entropy_backward(z, 0),
        lambda: cross_entropy(z.real, z),
        lambda: squared_error_backward(z, z.real),
        lambda: softmax_backward(z, z.real),
        lambda: dense_backward(z, z.real, np.eye(2), np.ones(2)),
    ]:
        with pytest.raises(DtypeError, match=r"complex128.*\.real"):
            call()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dense(ones(3), ones((2, 2)), ones(2)), ["(3,)", "(2, 2)", "(2,)"]),
        (lambda: dense(ones(2), ones((3, 2)), ones((3, 1))), ["b (3, 1)", "(m,)"]),
        (lambda: dense(ones(()), ones((3, 2)), ones(3)), ["x ()"]),
        (lambda: dense(ones((0, 2)), ones((3, 2)), ones(3)), ["x is empty", "(0, 2)"]),
        (lambda: dense_backward(ones(2), ones((4, 2)), ones((3, 2)), ones(3)), ["(2,)", "(4, 3)"]),
        (lambda: softmax(ones(())), ["()", "axis -1"]),
        (lambda: softmax(ones((2, 3)), axis=2), ["(2, 3)", "axis 2"]),
        (lambda: log_softmax(ones((2, 0))), ["z is empty", "(2, 0)"]),
        (lambda: softmax_backward(ones(3), ones((1, 3))), ["(3,)", "(1, 3)"]),
        (lambda: relu_backward(ones(3), ones((1, 3))), ["(3,)", "(1, 3)"]),
        (lambda: squared_error(ones((3, 1)), ones(3)), ["(3, 1)", "(3,)"]),
        (lambda: squared_error(ones(3), ones((3, 1))), ["(3, 1)", "(3,)"]),
        (lambda: squared_error_backward(ones(3), ones(())), ["(3,)", "()"]),
        (lambda: squared_error([], []), ["y is empty"]),
        (lambda: cross_entropy(ones((2, 3)), ones(3)), ["(3,)", "(2, 3)", "(2,)"]),
        (lambda: cross_entropy(ones((2, 3)), np.array([0, 3])), ["labels 0 to 3", "0 to 2"]),
        (lambda: cross_entropy(ones(3), -1), ["labels -1", "0 to 2"]),
        (lambda: cross_entropy(ones(()), 0), ["z has shape ()"]),
        (lambda: cross_entropy_backward(ones(3), 0, "sum", ones(3)), ["(3,)", "()"]),
        (
            lambda: conv2d(ones((2, 4, 4)), ones((1, 3, 2, 2)), ones(1)),
            ["(2, 4, 4)", "(1, 3, 2, 2)"],
        ),
        (lambda: conv2d(ones((1, 4, 4)), ones((2, 1, 2, 2)), ones(1)), ["b (1,)"]),
        (lambda: conv2d(ones((4, 4)), ones((2, 1, 2, 2)), ones(2)), ["x (4, 4)"]),
        (lambda: conv2d(ones((4, 4)), ones((2, 2, 2)), ones(2)), ["w (2, 2, 2)"]),
        (lambda: conv2d(ones((4, 4)), ones((5, 1)), 0.0), ["(5, 1)", "(4, 4)"]),
        (lambda: conv2d(ones((0, 4, 4)), ones((2, 2)), 0.0), ["x is empty"]),
        (
            lambda: conv2d_backward(ones((4, 4)), ones((4, 4)), ones((2, 2)), 0.0),
            ["(4, 4)", "(3, 3)"],
        ),
        (lambda: max_pool(ones((3, 4))), ["(3, 4)", "2 by 2"]),
        (lambda: max_pool(ones(4)), ["(4,)"]),
        (lambda: max_pool(ones((4, 4)), 0), ["0 by 0"]),
        (lambda: max_pool_backward(ones((4, 4)), ones((4, 4))), ["(4, 4)", "(2, 2)"]),
        (lambda: layer_norm(ones(3), ones(2), ones(3)), ["x (3,)", "gamma (2,)"]),
        (lambda: layer_norm(ones(3), ones(3), ones((1, 3))), ["beta (1, 3)"]),
        (lambda: layer_norm_backward(ones((1, 3)), ones(3), ones(3), ones(3)), ["(1, 3)"]),
        (
            lambda: recurrent_step(ones(1), ones((1, 2)), ones((2, 1)), ones((2, 2)), ones(2)),
            ["h (1, 2)", "x (1,)"],
        ),
        (
            lambda: recurrent_step(ones(1), ones(2), ones((2, 1)), ones((2, 1)), ones(2)),
            ["Wh (2, 1)"],
        ),
        (lambda: attention(ones((1, 2)), ones((3, 1)), ones((3, 1))), ["q (1, 2)", "k (3, 1)"]),
        (lambda: attention(ones((1, 2)), ones((3, 2)), ones((2, 1))), ["v (2, 1)"]),
        (lambda: attention(ones(2), ones((3, 2)), ones((3, 1))), ["q (2,)"]),
        (
            lambda: attention_backward(ones((1, 2)), ones((1, 2)), ones((3, 2)), ones((3, 1))),
            ["(1, 2)", "(1, 1)"],
        ),
    ],
)
def test_shapes_that_do_not_fit_are_named(call, words):
    with pytest.raises(ShapeError) as caught:
        call()
    assert all(word in str(caught.value) for word in words), caught.value


def test_labels_must_be_whole_numbers_and_reductions_known():
    with pytest.raises(DtypeError, match=r"t has dtype float64.*whole numbers"):
        cross_entropy(ones((2, 3)), ones(2))
    with pytest.raises(DtypeError, match=r"t has dtype bool"):
        cross_entropy(ones((2, 3)), ones(2, bool))
    with pytest.raises(ValueError, match="reduction is 'average'"):
        cross_entropy(ones(3), 0, "average")


def test_of_equal_entries_the_first_of_the_window_gets_the_gradient():
    blank = np.zeros((2, 4))
    dx = max_pool_backward(np.array([[3.0, 5.0]]), blank)
    np.testing.assert_array_equal(dx, [[3, 0, 5, 0], [0, 0, 0, 0]])
