"""Live figures in Python: state both ways, refusals that change nothing, words and a picture."""

import base64
import json
import re
import xml.etree.ElementTree as ET

import ipywidgets
import numpy as np
import pytest
import traitlets

from scalarloss import (
    DtypeError,
    NonFiniteError,
    NotScalarError,
    ProgramError,
    ShapeError,
    trace,
    value_and_grad,
)
from scalarloss.live import LossResponse
from scalarloss.live.base import STATIC

X, T = np.array([1.0, 2.0]), np.array([0.5, 1.2])


def loss(W, b):
    return 0.5 * np.sum((np.dot(W, X) + b - T) ** 2)


def arrays():
    return {"W": np.array([[0.2, 0.5], [0.8, 0.1]]), "b": np.array([0.3, 0.7])}


@pytest.fixture
def figure():
    return LossResponse(loss, **arrays(), entry=("W", (0, 1)), caption="One dense layer.")


def state(figure):
    """What the page is sent, through JSON, as the kernel sends it."""
    return json.loads(json.dumps(figure.get_state(), allow_nan=False))


def test_it_starts_at_the_arrays_given(figure):
    value, gradient = value_and_grad(loss, **arrays())
    assert figure.loss == value == 0.625
    assert figure.entry == ("W", (0, 1))
    for name, expected in arrays().items():
        np.testing.assert_array_equal(figure.params[name], expected)
        np.testing.assert_array_equal(figure.gradient[name], gradient[name])


def test_the_page_is_sent_the_program_and_every_digit(figure):
    sent = state(figure)
    assert sent["_kind"] == "loss-response"
    assert sent["program"] == trace(loss, **arrays()).to_dict()
    assert sent["params"]["W"] == {"shape": [2, 2], "data": [0.2, 0.5, 0.8, 0.1]}
    assert sent["initial"] == sent["params"]
    assert sent["entry"] == {"name": "W", "index": [0, 1]}
    assert (sent["rate"], sent["step"]) == (0.1, 0.5)


def test_what_the_page_sends_back_arrives(figure):
    heard = []
    figure.observe(lambda change: heard.append(change.name), names=["params", "entry", "rate"])
    moved = {
        "W": {"shape": [2, 2], "data": [0.2, -0.25, 0.8, 0.1]},
        "b": {"shape": [2], "data": [0.3, 0.7]},
    }
    figure.set_state(
        {"params": moved, "entry": {"name": "b", "index": [1]}, "rate": 0.25, "step": 1e-3}
    )
    expected = arrays()
    expected["W"][0, 1] = -0.25
    assert figure.loss == float(loss(**expected))
    assert (figure.entry, figure.rate, figure.step) == (("b", (1,)), 0.25, 1e-3)
    assert sorted(heard) == ["entry", "params", "rate"]


def test_what_python_sets_reaches_the_page(figure):
    figure.params = {"W": np.ones((2, 2), np.float32), "b": arrays()["b"]}
    figure.entry = "b", 1
    assert state(figure)["params"]["W"] == {"shape": [2, 2], "data": [1.0] * 4}
    assert state(figure)["entry"] == {"name": "b", "index": [1]}
    assert figure.params["W"].dtype == np.float64


def test_one_step_moves_every_array_and_reset_returns(figure):
    figure.rate = 0.5
    _, gradient = value_and_grad(loss, **arrays())
    figure.take_step()
    for name, start in arrays().items():
        np.testing.assert_array_equal(figure.params[name], start - 0.5 * gradient[name])
    figure.reset()
    assert figure.loss == 0.625


def test_an_array_of_the_caller_stays_the_callers(figure):
    given = arrays()
    figure.params = given
    given["W"][0, 1] = 9.0
    assert figure.loss == 0.625


def test_an_entry_set_in_place_is_refused_rather_than_lost(figure):
    with pytest.raises(ValueError, match="read-only"):
        figure.params["W"][0, 0] = 9.0


WRONG = {
    "an unknown name": ("params", {**arrays(), "Q": np.ones(2)}, ShapeError),
    "a missing name": ("params", {"W": np.ones((2, 2))}, ShapeError),
    "another shape": ("params", {**arrays(), "b": np.ones(3)}, ShapeError),
    "integers": ("params", {**arrays(), "b": np.array([1, 2])}, DtypeError),
    "complex numbers": ("params", {**arrays(), "b": np.array([1j, 2])}, DtypeError),
    "objects": ("params", {**arrays(), "b": np.array([None, 2])}, DtypeError),
    "a NaN": ("params", {**arrays(), "b": np.array([np.nan, 1])}, NonFiniteError),
    "no dict": ("params", 3, ShapeError),
    "an entry of no array": ("entry", ("Q", (0,)), ShapeError),
    "an entry outside": ("entry", ("W", (0, 2)), ShapeError),
    "a negative entry": ("entry", ("W", (0, -1)), ShapeError),
    "an entry of too few axes": ("entry", ("W", (0,)), ShapeError),
    "half an index": ("entry", ("b", 0.5), ShapeError),
    "a bare name": ("entry", "W", ShapeError),
    "a rate of zero": ("rate", 0.0, NonFiniteError),
    "an endless step": ("step", np.inf, NonFiniteError),
    "a word for a step": ("step", "small", traitlets.TraitError),
}


@pytest.mark.parametrize(("name", "value", "error"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("held", [False, True])
def test_a_wrong_value_is_refused_and_nothing_changes(figure, name, value, error, held):
    before = state(figure)
    with pytest.raises(error) as caught:  # noqa: PT012
        if held:
            with figure.hold_trait_notifications():
                setattr(figure, name, value)
        else:
            setattr(figure, name, value)
    assert str(caught.value)
    assert state(figure) == before


FROM_THE_PAGE = {
    "one array missing": {"params": {"W": {"shape": [2, 2], "data": [0.0] * 4}}},
    "too few numbers": {"params": {"W": {"shape": [2, 2], "data": [0.0]}, "b": None}},
    "words": {"params": {"W": {"shape": [2, 2], "data": ["x"] * 4}}},
    "no arrays": {"params": 7},
    "another entry": {"entry": {"name": "W", "index": [5, 5]}},
    "no entry": {"entry": None},
    "a list as a rate": {"rate": [1]},
    "no step": {"step": -1},
}


@pytest.mark.parametrize("message", FROM_THE_PAGE.values(), ids=FROM_THE_PAGE)
def test_a_damaged_message_of_the_page_changes_nothing(figure, message):
    before = state(figure)
    with pytest.raises((ShapeError, ProgramError, NonFiniteError, traitlets.TraitError)):
        figure.set_state(message)
    assert state(figure) == before


def test_a_vector_is_no_loss():
    with pytest.raises(NotScalarError, match=r"\(2,\)"):
        LossResponse(lambda b: b - T, b=T)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"entry": ("W", (2, 0))}, ShapeError),
        ({"b": np.array([1, 2])}, DtypeError),
        ({"b": np.array([])}, ShapeError),
        ({"b": np.array([np.inf, 0.0])}, NonFiniteError),
        ({"rate": -1.0}, NonFiniteError),
    ],
)
def test_it_is_not_made_of_what_does_not_fit(given, error):
    with pytest.raises(error):
        LossResponse(loss, **(arrays() | given))


def test_a_program_will_do_for_a_function():
    assert LossResponse(trace(loss, **arrays()), **arrays()).loss == 0.625


def test_a_number_is_an_array_without_axes():
    figure = LossResponse(lambda w: w * w, w=3.0)
    assert figure.entry == ("w", ())
    assert state(figure)["params"]["w"] == {"shape": [], "data": [3.0]}
    assert float(figure.gradient["w"]) == 6.0


def test_its_words_hold_no_address(figure):
    assert repr(figure) == "LossResponse(loss=0.625, W: (2, 2), b: (2,))"


def test_it_shows_a_view_a_picture_and_words(figure):
    data, metadata = figure._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == figure.model_id
    assert data["text/plain"] == repr(figure)
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert metadata == {}


def test_its_picture_is_small_the_same_each_time_and_of_text(figure):
    first, again = (figure._repr_mimebundle_()[0] for _ in range(2))
    picture = first["image/svg+xml"]
    assert (picture, first["image/png"]) == (again["image/svg+xml"], again["image/png"])
    assert len(picture) < 25_000
    words = "".join(ET.fromstring(picture).itertext())
    assert "W[0, 1]" in words
    assert "loss" in words
    figure.take_step()
    assert figure._repr_mimebundle_()[0]["image/svg+xml"] != picture


def test_a_picture_of_a_loss_that_overflows_is_drawn_all_the_same():
    figure = LossResponse(lambda w: np.exp(np.exp(w)), w=6.0, step=5.0)
    assert "<svg" in figure._repr_mimebundle_()[0]["image/svg+xml"]


def test_each_class_of_the_style_is_spelled_out_in_the_script():
    """The site drops the rules of classes that no page and no script spells out."""
    style = (STATIC / "figures.css").read_text("utf-8")
    classes = set(re.findall(r"\.(live-[\w-]+)", style))
    assert len(classes) > 50
    scripts = [(STATIC / "figures.js").read_text("utf-8")]
    scripts.append("".join(path.read_text("utf-8") for path in (STATIC / "page").rglob("*.js")))
    for script in scripts:
        assert not classes - set(re.findall(r"[\w-]+", script))


def test_two_figures_can_be_linked(figure):
    other = LossResponse(lambda w: w * w, w=3.0)
    sent = ipywidgets.jslink((figure, "step"), (other, "step")).get_state()
    assert sent["source"] == [f"IPY_MODEL_{figure.model_id}", "step"]
    traitlets.link((figure, "rate"), (other, "rate"))
    figure.rate = 0.75
    assert other.rate == 0.75
