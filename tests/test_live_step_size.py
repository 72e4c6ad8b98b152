"""StepSize in Python: state both ways, refusals that change nothing, words and a picture."""

import base64
import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import traitlets

from scalarloss import NonFiniteError, NotScalarError, ShapeError, trace, value_and_grad
from scalarloss.differences import STEPS
from scalarloss.layers import cross_entropy, dense, squared_error
from scalarloss.live import StepSize

X, T, FIRST = np.array([1.0, 2.0]), np.array([0.5, 1.2]), np.array([1.0, 0.0])


def layer():
    return {"W": np.array([[0.2, 0.5], [0.8, 0.1]]), "b": np.array([0.3, 0.7])}


def entropy(W, b):
    return cross_entropy(dense(X, W, b), FIRST)


def parabola(W, b):
    return squared_error(dense(X, W, b), T)


@pytest.fixture
def figure():
    return StepSize(entropy, entry=("W", (0, 1)), **layer(), caption="One weight.")


def state(figure):
    return json.loads(json.dumps(figure.get_state(), allow_nan=False))


def test_the_page_is_sent_the_program_the_step_and_the_precision(figure):
    sent = state(figure)
    assert sent["_kind"] == "step-size"
    assert sent["program"] == trace(entropy, **layer()).to_dict()
    assert sent["entry"] == {"name": "W", "index": [0, 1]}
    assert (sent["step"], sent["precision"], sent["caption"]) == (1e-5, "float64", "One weight.")


def test_it_answers_in_python(figure):
    slope = value_and_grad(entropy, **layer())[1]["W"][0, 1]
    assert figure.truth == slope == figure.gradient["W"][0, 1]
    assert (
        set(figure.estimates)
        == set(figure.errors)
        == set(figure.best)
        == {
            "forward",
            "central",
            "complex",
        }
    )
    for method, estimate in figure.estimates.items():
        assert figure.errors[method] == abs(estimate - slope) / abs(slope)
    assert 1e-6 < figure.errors["forward"] < 1e-4
    assert figure.errors["central"] < 1e-9
    assert set(figure.best.values()) <= set(STEPS)


def test_state_goes_both_ways(figure):
    before = figure.errors["central"]
    figure.set_state({"step": 0.25, "precision": "float32", "entry": {"name": "b", "index": [1]}})
    assert (figure.step, figure.precision, figure.entry) == (0.25, "float32", ("b", (1,)))
    assert figure.truth == float(np.float32(figure.gradient["b"][1]))
    assert figure.errors["central"] > 1e3 * before
    figure.params = {"W": np.zeros((2, 2)), "b": np.zeros(2)}
    assert figure.truth == 0.5
    assert state(figure)["params"]["b"]["data"] == [0.0, 0.0]
    figure.reset()
    assert figure.truth == float(np.float32(value_and_grad(entropy, **layer())[1]["b"][1]))


def test_the_floor_rises_and_the_best_step_moves_in_float32(figure):
    double = figure.best
    figure.precision = "float32"
    single = figure.best
    assert single["forward"] > 300 * double["forward"]
    assert single["central"] > 30 * double["central"]


WRONG = {
    "no step": ({"step": 0.0}, NonFiniteError),
    "a step back": ({"step": -1e-5}, NonFiniteError),
    "an endless step": ({"step": np.inf}, NonFiniteError),
    "a word for a step": ({"step": "small"}, traitlets.TraitError),
    "another precision": ({"precision": "float16"}, traitlets.TraitError),
    "an entry that is not there": ({"entry": ("b", 7)}, ShapeError),
}


@pytest.mark.parametrize(("given", "error"), WRONG.values(), ids=WRONG)
def test_nonsense_is_refused_and_nothing_changes(figure, given, error):
    with pytest.raises(error):
        StepSize(entropy, **layer(), **given)
    before = state(figure)
    ((key, value),) = given.items()
    with pytest.raises(error):
        setattr(figure, key, value)
    assert state(figure) == before


def test_a_vector_is_refused():
    with pytest.raises(NotScalarError):
        StepSize(lambda W, b: W @ b, **layer())


def test_its_words_hold_no_digit_that_is_rounding(figure):
    assert repr(figure) == "StepSize(∂L/∂W[0, 1] = -1.09967, float64, h = 1e-05)"
    bowl = StepSize(parabola, **layer(), precision="float32", step=0.5)
    words = "∂L/∂W[0, 0] = 1, float32, h = 0.5; along it the loss is a parabola"
    assert repr(bowl) == f"StepSize({words})"
    kinked = StepSize(lambda w: np.sum(np.abs(w) ** 3), w=np.array([0.5]))
    assert repr(kinked).endswith("h = 1e-05; no complex step: abs is not analytic)")


def test_its_picture_has_a_curve_for_each_method_and_a_floor(figure):
    data, _ = figure._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    again = figure._repr_mimebundle_()[0]["image/svg+xml"]
    assert data["image/svg+xml"] == again
    words = " ".join(ET.fromstring(again).itertext())
    for word in ("forward", "central", "complex", "exact", "step h", "relative error", "W[0, 1]"):
        assert word in words
    figure.precision = "float32"
    assert figure._repr_mimebundle_()[0]["image/svg+xml"] != again


def test_a_picture_where_there_is_no_slope_is_drawn_all_the_same():
    figure = StepSize(lambda w: np.log(w), w=1.0)
    figure.params = {"w": -1.0}
    assert "<svg" in figure._repr_mimebundle_()[0]["image/svg+xml"]
    flat = StepSize(lambda w: 0 * w + 1.0, w=1.0)
    assert "absolute error" in flat._repr_mimebundle_()[0]["image/svg+xml"]


def test_a_number_is_an_array_without_axes():
    figure = StepSize(lambda w: np.exp(w), w=0.5)
    assert figure.entry == ("w", ())
    assert figure.errors["complex"] < 1e-9
