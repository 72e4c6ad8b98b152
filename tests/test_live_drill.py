"""Drill in Python: the same sheets for the same seed, answers marked, mistakes named."""

import json

import numpy as np
import pytest

from scalarloss import NonFiniteError, NotScalarError, ShapeError, grad
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


def test_a_list_is_drawn_from_as_it_stands():
    seen = set()
    for seed in range(20):
        drill = Drill(
            lambda x: np.sum(x**2), "x", draw={"x": [-1, 0.5, 8]}, x=np.ones(3), seed=seed
        )
        seen |= set(drill.params["x"])
    assert seen == {-1, 0.5, 8}


def test_small_gradients_are_asked_for_in_more_places():
    drill = Drill(lambda x: np.mean((x / 100) ** 2), "x", x=np.zeros(3))
    drill.answer = np.zeros(3)
    assert (drill.right, drill.mistake) == (False, "all zeros")
    drill.answer = 2 * drill.gradient["x"]
    assert drill.mistake == "every entry 2 times too large (a half forgotten?)"
    drill.answer = drill.gradient["x"]
    assert drill.right


def test_a_mistake_that_no_sheet_can_show_does_not_spoil_the_rest():
    """A gradient of equal entries reads the same backwards; it need not be zero for that."""
    for seed in range(40):
        drill = Drill(lambda x, a: np.sum(x) * a, "x", x=np.zeros(2), a=np.zeros(()), seed=seed)
        assert drill.gradient["x"].all()


def test_a_sum_is_told_from_a_mean_by_its_length():
    drill = Drill(lambda x: np.mean(x**3), "x", x=np.ones(5))
    drill.answer = 5 * drill.gradient["x"]
    assert drill.mistake == "every entry 5 times too large (a sum over 5, not the mean?)"


def test_a_function_without_a_finite_sheet_is_refused():
    with pytest.raises(NonFiniteError, match="64 sheets"):
        Drill(lambda x: np.sum(np.log(x)), "x", draw={"x": (-3, -1)}, x=np.ones(3))
    for seed in range(20):  # and where some are, one of them is drawn
        drill = Drill(
            lambda x: np.sum(np.log(x)), "x", draw={"x": (-1, 3)}, x=np.ones(2), seed=seed
        )
        assert np.isfinite(drill.loss)


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
    assert sent["choices"] == {key: [-3, -2, -1, 0, 1, 2, 3] for key in "Wxt"}


def test_nonsense_is_refused():
    arrays = {"W": np.zeros((2, 2)), "x": np.zeros(2), "t": np.zeros(2)}
    with pytest.raises(ShapeError):
        Drill(loss, "Q", **arrays)
    for wrong in (
        {"draw": {"Q": (0, 1)}},
        {"draw": {"x": (2, 2)}},
        {"draw": {"x": (0, 0.5)}},
        {"draw": {"x": (0, 1e9)}},
        {"draw": {"x": [1]}},
        {"draw": {"x": [1, np.nan]}},
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
