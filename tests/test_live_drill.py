"""Drill in Python: the same sheets for the same seed, answers marked, mistakes named."""

import json

import numpy as np
import pytest

from scalarloss import NotScalarError, ShapeError, grad
from scalarloss.layers import cross_entropy, dense, softmax, squared_error
from scalarloss.live import Drill
from scalarloss.live.drill import close


def loss(W, x, t):
    return squared_error(dense(x, W, np.zeros(2)), t)


def without_target(W, x, t):
    return np.outer(np.dot(W, x), x)


def layer(**state):
    arrays = {"W": np.zeros((2, 2)), "x": np.zeros(2), "t": np.zeros(2)}
    return Drill(loss, "W", **arrays, mistakes={"the target left out": without_target}, **state)


def test_a_seed_makes_its_sheet_and_no_other():
    one, same, other = layer(seed=5), layer(seed=5), layer(seed=6)
    for name, array in one.params.items():
        np.testing.assert_array_equal(array, same.params[name])
        assert np.array_equal(array, np.round(array))
        assert np.abs(array).max() <= 3
    assert any(not np.array_equal(a, other.params[n]) for n, a in one.params.items())
    other.seed = 5
    np.testing.assert_array_equal(other.params["W"], one.params["W"])


def test_no_sheet_hides_a_mistake():
    for seed in range(60):
        drill = layer(seed=seed)
        right = drill.gradient["W"]
        for wrong in (without_target(**drill.params), right.T, -right, 0 * right):
            assert not close(np.asarray(wrong), right).all(), seed


def test_only_what_is_to_be_drawn_is_drawn():
    t = np.array([0.0, 1.0, 0.0])
    drill = Drill(lambda z, t: cross_entropy(z, t), "z", draw={"z": (0, 2)}, z=np.ones(3), t=t)
    np.testing.assert_array_equal(drill.params["t"], t)
    assert set(drill.params["z"]) <= {0.0, 1.0, 2.0}


def test_an_answer_is_marked():
    drill = layer()
    assert not drill.right
    assert drill.mistake == ""
    right = grad(loss, "W", **drill.params)["W"]
    drill.answer = right
    assert drill.right
    assert drill.mistake == ""
    drill.answer = right.T
    assert (drill.right, drill.mistake) == (False, "transposed")
    drill.answer = without_target(**drill.params)
    assert drill.mistake == "the target left out"
    drill.seed += 1
    assert np.isnan(drill.answer).all()


def test_the_softmax_jacobian_applied_twice_is_known_by_its_numbers():
    def twice(z):
        p = softmax(z)
        e = p - np.array([0.0, 1.0, 0.0])
        return p * (e - np.sum(p * e))

    drill = Drill(
        lambda z: cross_entropy(z, np.array([0.0, 1.0, 0.0])),
        "z",
        z=np.zeros(3),
        mistakes={"the softmax Jacobian applied twice": twice},
    )
    drill.answer = twice(drill.params["z"])
    assert drill.mistake == "the softmax Jacobian applied twice"
    drill.answer = np.round(drill.gradient["z"], 2)
    assert drill.right


def test_state_goes_both_ways():
    drill = layer()
    drill.set_state({"typed": ["1", "1/2", "", "-3"]})
    np.testing.assert_array_equal(drill.answer, [[1, 0.5], [np.nan, -3]])
    drill.seed = 9
    sent = json.loads(json.dumps(drill.get_state(), allow_nan=False))
    assert sent["seed"] == 9
    assert sent["typed"] == [""] * 4
    assert sent["ranges"] == {"W": [-3, 3], "x": [-3, 3], "t": [-3, 3]}


def test_nonsense_is_refused():
    arrays = {"W": np.zeros((2, 2)), "x": np.zeros(2), "t": np.zeros(2)}
    with pytest.raises(ShapeError):
        Drill(loss, "Q", **arrays)
    for wrong in (
        {"draw": {"Q": (0, 1)}},
        {"draw": {"x": (2, 2)}},
        {"mistakes": {"of another shape": lambda W, x, t: x}},
    ):
        with pytest.raises(ShapeError):
            Drill(loss, "W", **wrong, **arrays)
    with pytest.raises(ShapeError, match="1 to 36"):
        Drill(lambda W: np.sum(W), "W", W=np.zeros((7, 7)))
    with pytest.raises(NotScalarError):
        Drill(lambda W: W, "W", W=np.zeros(2))
    drill = layer()
    with pytest.raises(ShapeError):
        drill.typed = ["1"]
    with pytest.raises(ShapeError):
        drill.answer = np.ones(3)


def test_its_words():
    assert repr(layer(seed=4)) == "Drill(work out the gradient by W, shape (2, 2), sheet 4)"
    data, _ = layer()._repr_mimebundle_()
    assert "∂L/∂W = ?" in data["image/svg+xml"]
