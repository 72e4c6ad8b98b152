"""ConvolutionGradient in Python: shares that add up to the gradient, and the adjoint identity."""

import json

import numpy as np
import pytest

from scalarloss import DtypeError, NonFiniteError, NotScalarError, ShapeError, grad
from scalarloss.layers import conv2d, conv2d_backward
from scalarloss.live import ConvolutionGradient

X = np.array([[2.0, 3.0, 1.0], [4.0, 5.0, 2.0], [1.0, 6.0, 3.0]])
W, T = np.array([[1.0, 0.0], [0.0, -1.0]]), np.eye(2)


def loss(y):
    return 0.5 * np.sum((y - T) ** 2)


def figure(**state):
    return ConvolutionGradient(loss, x=X, w=W, b=1.0, **state)


def test_the_articles_numbers():
    fig = figure(seen=4)
    np.testing.assert_array_equal(fig.cotangent, [[-3, 2], [-1, 2]])
    np.testing.assert_array_equal(fig.so_far["w"], [[6, -8], [9, -11]])
    assert fig.so_far["b"] == 0
    assert fig.loss == 9
    for name, expected in fig.gradient.items():
        np.testing.assert_allclose(fig.so_far[name], expected, atol=1e-14)


@pytest.mark.parametrize("f", [loss, lambda y: np.sum(np.tanh(y)), lambda y: np.max(y)])
def test_the_shares_of_all_outputs_are_the_gradient(f):
    rng = np.random.default_rng(0)
    shapes = ((3, 3), (2, 2)) if f is loss else ((6, 8), (3, 2))
    x, w = (rng.normal(size=shape) for shape in shapes)
    fig = ConvolutionGradient(f, x=x, w=w, b=0.3)
    count = fig.output.size
    fig.seen = count
    expected = grad(lambda x, w, b: f(conv2d(x, w, b)), x=x, w=w, b=0.3)
    for name, gradient in expected.items():
        np.testing.assert_allclose(fig.so_far[name], gradient, rtol=1e-12, atol=1e-14)
    forward, backward = fig.pairings
    assert forward == pytest.approx(backward, rel=1e-12)
    shares = {name: np.zeros_like(gradient) for name, gradient in expected.items()}
    for place in range(count):
        g = np.zeros(fig.output.shape)
        g.flat[place] = fig.cotangent.flat[place]
        for name, share in zip("xwb", conv2d_backward(g, x, w, np.array(0.3)), strict=True):
            shares[name] += share
        fig.seen = place + 1
        for name, share in shares.items():
            np.testing.assert_allclose(fig.so_far[name], share, rtol=1e-12, atol=1e-14)


def test_state_goes_both_ways():
    fig = figure()
    fig.set_state({"seen": 3, "entry": {"name": "w", "index": [1, 0]}})
    assert (fig.seen, fig.entry) == (3, ("w", (1, 0)))
    moved = X.copy()
    moved[0, 0] = 3.0
    fig.params = {"x": moved, "w": W, "b": np.array(1.0)}
    fig.seen = 4
    assert fig.so_far["b"] == 1  # one pixel moved, and the bias hears it
    sent = json.loads(json.dumps(fig.get_state(), allow_nan=False))
    assert sent["seen"] == 4
    assert sent["params"]["x"]["data"][0] == 3.0
    assert sent["tail"]["inputs"] == [{"name": "y", "shape": [2, 2]}]


def test_one_row_is_a_correlation_with_a_signal():
    rng = np.random.default_rng(1)
    x, w, t = rng.normal(size=6), rng.normal(size=3), rng.normal(size=4)
    fig = ConvolutionGradient(lambda y: 0.5 * np.sum((y - t) ** 2), x=x, w=w, b=0.5, seen=4)
    g = np.correlate(x, w, "valid") + 0.5 - t
    np.testing.assert_allclose(fig.cotangent, g, rtol=1e-12)
    expected = {"x": np.convolve(g, w, "full"), "w": np.correlate(x, g, "valid"), "b": np.sum(g)}
    for name, gradient in expected.items():
        np.testing.assert_allclose(fig.so_far[name], gradient, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(fig.gradient[name], gradient, rtol=1e-12, atol=1e-14)


def test_the_output_looked_at_goes_both_ways():
    fig = figure(pixel=(1, 0))
    assert json.loads(json.dumps(fig.get_state()))["pixel"] == [1, 0]
    fig.set_state({"pixel": [0, 1], "seen": 3})
    assert (fig.pixel, fig.seen) == ((0, 1), 3)
    fig.set_state({"pixel": None})
    assert fig.pixel is None


WRONG = {
    "a picture too large": ({"x": np.ones((9, 3))}, ShapeError),
    "a filter too large": ({"w": np.ones((4, 1))}, ShapeError),
    "a row": ({"x": np.ones(3)}, ShapeError),
    "two biases": ({"b": np.ones(2)}, ShapeError),
    "integers": ({"w": np.array([[1, 0], [0, -1]])}, DtypeError),
    "a NaN": ({"x": np.full((3, 3), np.nan)}, NonFiniteError),
    "more outputs than there are": ({"seen": 5}, ShapeError),
    "fewer than none": ({"seen": -1}, ShapeError),
    "an output beyond the last": ({"pixel": (0, 2)}, ShapeError),
    "an output with one axis": ({"pixel": (0,)}, ShapeError),
    "an output between two": ({"pixel": (0, 0.5)}, ShapeError),
    "an output by its number": ({"pixel": 1}, ShapeError),
    "a signal with a filter too long": ({"x": np.ones(2), "w": np.ones(3)}, ShapeError),
    "a batch": ({"x": np.ones((2, 3, 3)), "w": np.ones((2, 2, 2))}, ShapeError),
    "nothing": ({"x": np.ones((0, 3)), "w": np.ones((0, 2))}, ShapeError),
}


@pytest.mark.parametrize(("state", "error"), WRONG.values(), ids=WRONG)
def test_nonsense_is_refused(state, error):
    with pytest.raises(error):
        ConvolutionGradient(loss, **({"x": X, "w": W, "b": 1.0} | state))


def test_a_loss_that_is_no_number_is_refused():
    with pytest.raises(NotScalarError):
        ConvolutionGradient(lambda y: y, x=X, w=W)


@pytest.mark.parametrize("state", [{"seen": 9}, {"seen": -1}, {"pixel": [2, 0]}, {"pixel": "a"}])
def test_a_wrong_state_leaves_the_figure_as_it_was(state):
    fig = figure(seen=2, pixel=(1, 1))
    with pytest.raises(ShapeError):
        fig.set_state(state)
    for name, value in state.items():
        with pytest.raises(ShapeError, match="pass"):
            setattr(fig, name, value)
    assert (fig.seen, fig.pixel) == (2, (1, 1))


def test_its_words_and_its_picture():
    fig = figure(seen=2)
    assert repr(fig) == "ConvolutionGradient(loss=9, 2 of 4 outputs counted, ∂L/∂b = -1 so far)"
    data, _ = fig._repr_mimebundle_()
    svg = data["image/svg+xml"]
    assert all(f">{name}</text>" in svg for name in ("∂L/∂x", "∂L/∂w", "∂L/∂b", "g = ∂L/∂y"))
    assert ">loss 9, 2 of 4 outputs counted</text>" in svg
    assert f">{-11}</text>".replace("-", "−") in svg
    assert figure(seen=4)._repr_mimebundle_()[0]["image/svg+xml"] != svg


def test_what_is_not_a_number_is_drawn_too():
    with np.errstate(invalid="ignore"):
        fig = ConvolutionGradient(lambda y: np.sum(np.sqrt(y)), x=-X[0], w=X[0, :2], seen=1)
        data, _ = fig._repr_mimebundle_()
    assert ">nan</text>" in data["image/svg+xml"]
