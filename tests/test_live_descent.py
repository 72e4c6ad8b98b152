"""Descent in Python: its path is gradient descent's, its stable rate divides calm from storm."""

import json

import numpy as np
import pytest
import traitlets

from scalarloss import NonFiniteError, NotScalarError, ShapeError, grad
from scalarloss.layers import cross_entropy, dense, softmax, squared_error
from scalarloss.live import Descent

X, T, FIRST = np.array([1.0, 2.0]), np.array([0.5, 1.2]), np.array([1.0, 0.0])
BATCH, GOAL = np.array([[1.0, 2.0], [2.0, -1.0], [0.5, 1.0]]), np.array([1.0, 0.0, 0.5])


def layer():
    return {"W": np.array([[0.2, 0.5], [0.8, 0.1]]), "b": np.array([0.3, 0.7])}


def entropy(W, b):
    return cross_entropy(dense(X, W, b), FIRST)


def doubled(W, b):
    """Half the squared error of the probabilities: its gradient has softmax's Jacobian twice."""
    return squared_error(softmax(dense(X, W, b)), FIRST)


def bowl(w):
    return squared_error(np.matmul(BATCH, w), GOAL)


def by_hand(f, arrays, entries, rate, steps):
    """Gradient descent on two entries, everything else fixed."""
    arrays = {name: np.array(array) for name, array in arrays.items()}
    places = []
    for k in range(steps + 1):
        places.append([arrays[name][index] for name, index in entries])
        if k < steps:
            gradient = grad(f, **arrays)
            for name, index in entries:
                arrays[name][index] -= rate * gradient[name][index]
    return np.array(places)


def test_its_path_is_gradient_descents():
    entries = ("W", (0, 1)), ("b", (1,))
    figure = Descent(
        entropy, entry=entries[0], other=("b", 1), rate=0.7, steps=9, rival=doubled, **layer()
    )
    np.testing.assert_array_equal(figure.path, by_hand(entropy, layer(), entries, 0.7, 9))
    np.testing.assert_array_equal(figure.rival_path, by_hand(doubled, layer(), entries, 0.7, 9))
    assert figure.losses(figure.path)[0] == figure.loss
    assert figure.losses(figure.path)[-1] < figure.losses(figure.rival_path)[-1] < figure.loss


def test_the_rival_has_the_jacobian_twice():
    z = dense(X, **layer())
    p = softmax(z)
    jacobian = np.diag(p) - np.outer(p, p)
    expected = np.outer(jacobian @ (p - FIRST), X)
    np.testing.assert_allclose(grad(doubled, "W", **layer())["W"], expected, rtol=1e-12)


def test_the_stable_rate_parts_calm_from_storm():
    figure = Descent(bowl, w=np.array([-1.5, 1.2]), steps=60)
    expected = 2 / np.linalg.eigvalsh(BATCH.T @ BATCH)[-1]
    assert figure.stable_rate == pytest.approx(expected, rel=1e-9)
    for share, grows in ((0.97, False), (1.03, True)):
        figure.rate = share * expected
        first, last = figure.losses(figure.path)[[30, 60]]
        assert bool(last > first) is grows


@pytest.mark.parametrize(
    "f", [lambda w: np.sum(w**4), lambda w: np.sum(w), lambda w: -np.sum(w**2)]
)
def test_where_there_is_no_bowl_there_is_no_stable_rate(f):
    assert Descent(f, w=np.array([0.5, -1.0])).stable_rate is None


def test_state_goes_both_ways():
    figure = Descent(entropy, **layer())
    assert (figure.entry, figure.other) == (("W", (0, 0)), ("W", (0, 1)))
    figure.set_state({"other": {"name": "b", "index": [0]}, "rate": 2.5, "steps": 3})
    assert (figure.other, figure.rate, figure.steps) == (("b", (0,)), 2.5, 3)
    figure.entry = "b", 1
    sent = json.loads(json.dumps(figure.get_state(), allow_nan=False))
    assert sent["entry"] == {"name": "b", "index": [1]}
    assert sent["rival"] == {}
    assert figure.path.shape == (4, 2)


WRONG = {
    "one entry twice": ({"entry": ("b", 0), "other": ("b", 0)}, ShapeError),
    "an entry that is not there": ({"other": ("b", 7)}, ShapeError),
    "no rate": ({"rate": 0.0}, NonFiniteError),
    "too many steps": ({"steps": 61}, traitlets.TraitError),
    "half a step": ({"steps": 0.5}, traitlets.TraitError),
    "a rival with many outputs": ({"rival": lambda W, b: W}, NotScalarError),
}


@pytest.mark.parametrize(("state", "error"), WRONG.values(), ids=WRONG)
def test_nonsense_is_refused(state, error):
    with pytest.raises(error):
        Descent(entropy, **layer(), **state)
    figure = Descent(entropy, **layer(), entry=("b", 0))
    before = figure.get_state()
    key, value = list(state.items())[-1]
    if key != "rival":
        with pytest.raises(error):
            setattr(figure, key, value)
        assert figure.get_state() == before


def test_what_has_no_plane_is_refused():
    with pytest.raises(ShapeError, match="two to move along"):
        Descent(lambda w: w**2, w=1.0)
    with pytest.raises(ShapeError, match="1024 at most"):
        Descent(lambda w: np.sum(w**2), w=np.ones(1025))
    with pytest.raises(NotScalarError):
        Descent(lambda w: w**2, w=np.ones(2))


def test_its_words_and_its_picture():
    figure = Descent(bowl, w=np.array([-1.5, 1.2]), rate=0.1, steps=12)
    losses = figure.losses(figure.path)
    assert repr(figure) == (
        f"Descent(w[0] and w[1], 12 steps at rate 0.1: loss {losses[0]:.4g} to {losses[-1]:.4g})"
    )
    data, _ = figure._repr_mimebundle_()
    assert data["image/svg+xml"].count("<path") > 20
