"""ChainRule in Python: its position, what each value is owed, refusals, words and a picture."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import traitlets

from scalarloss import NotScalarError, ProgramError, ShapeError, trace, value_and_grad
from scalarloss.check import numerical_gradient
from scalarloss.live import ChainRule
from scalarloss.live.chain_rule import moved_by

X, T = np.array([1.0, 2.0]), np.array([0.5, 1.2])


def loss(W, b):
    return 0.5 * np.sum((np.dot(W, X) + b - T) ** 2)


def arrays():
    return {"W": np.array([[0.2, 0.5], [0.8, 0.1]]), "b": np.array([0.3, 0.7])}


@pytest.fixture
def figure():
    return ChainRule(loss, **arrays(), entry=("W", (0, 1)), caption="One dense layer.")


def state(figure):
    """What the page is sent, through JSON, as the kernel sends it."""
    return json.loads(json.dumps(figure.get_state(), allow_nan=False))


def test_it_starts_before_the_first_operation(figure):
    assert figure.at == 0
    assert (figure.loss, figure.entry) == (0.625, ("W", (0, 1)))
    sent = state(figure)
    assert (sent["_kind"], sent["at"]) == ("chain-rule", 0)
    assert sent["program"] == trace(loss, **arrays()).to_dict()


def test_the_page_is_sent_a_place_and_words_for_everything(figure):
    sent = state(figure)["graph"]
    program = trace(loss, **arrays())
    constants = range(2, program.first_operation)
    for slot, place in enumerate(sent["places"]):
        assert (place is None) == (slot in constants)
    assert [words[1] for words in sent["words"]] == [
        *("{0} @ {1}", "{0} + {1}", "{0} − {1}", "{0}²", "Σ {0}", "{0} × {1}"),
    ]
    assert [len(bends) for bends in sent["bends"]] == [len(o.args) for o in program.operations]
    assert sent["words"][0] == ["@", "{0} @ {1}", ["{g} {1}ᵀ", "{0}ᵀ {g}"]]


def test_a_position_goes_both_ways(figure):
    heard = []
    figure.observe(lambda change: heard.append(change.new), names="at")
    figure.set_state({"at": 7})
    figure.at += 1
    assert heard == [7, 8]
    assert state(figure)["at"] == 8
    figure.at = 12


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (-1, ShapeError),
        (13, ShapeError),
        (True, ShapeError),
        (1.5, traitlets.TraitError),
        ("last", traitlets.TraitError),
        (None, traitlets.TraitError),
    ],
)
@pytest.mark.parametrize("way", ["python", "page", "start"])
def test_a_step_that_does_not_exist_is_refused_and_nothing_changes(figure, value, error, way):
    figure.at = 3
    before = state(figure)
    with pytest.raises(error):  # noqa: PT012
        if way == "python":
            figure.at = value
        elif way == "page":
            figure.set_state({"at": value})
        else:
            ChainRule(loss, **arrays(), at=value)
    assert state(figure) == before


def test_the_refusal_says_which_steps_there_are(figure):
    with pytest.raises(ShapeError, match=r"no step 99: 0 is before .*, 6 knows the loss, and 12"):
        figure.at = 99


def test_values_and_cotangents_have_the_names_of_the_trace(figure):
    """Each cotangent is the gradient of what comes after: cut the program there, and compare."""
    values, cotangents = figure.values, figure.cotangents
    assert list(values) == ["W", "b", "c0", "c1", "c2", *(f"v{i}" for i in range(6))]
    assert float(values["v5"]) == figure.loss
    np.testing.assert_array_equal(values["v2"], values["v1"] - T)
    after = {
        "v4": lambda v: 0.5 * v,
        "v3": lambda v: 0.5 * np.sum(v),
        "v2": lambda v: 0.5 * np.sum(v**2),
        "v1": lambda v: 0.5 * np.sum((v - T) ** 2),
        "v0": lambda v: 0.5 * np.sum((v + arrays()["b"] - T) ** 2),
    }
    for name, rest in after.items():
        assert cotangents[name].shape == values[name].shape
        expected = numerical_gradient(rest, values[name])
        np.testing.assert_allclose(cotangents[name], expected, rtol=1e-7, atol=1e-9)
    for name, expected in figure.gradient.items():
        np.testing.assert_allclose(cotangents[name], expected, rtol=1e-15)
    assert float(cotangents["v5"]) == 1.0


def test_a_fork_adds():
    figure = ChainRule(lambda x: x * (1 - x), x=0.2)
    assert float(figure.cotangents["v0"]) == 0.2
    np.testing.assert_allclose(figure.cotangents["x"], 0.8 - 0.2, rtol=1e-15)


def test_what_depends_on_an_entry_is_found_entry_by_entry():
    program = trace(lambda a: a[0] * a[1] + np.sin(a[0]), a=np.ones(2))
    names = [operation.name for operation in program.operations]
    first = {names[slot - 1] for slot in moved_by(program, {"a": np.ones(2)}, ("a", (0,))) - {0}}
    second = moved_by(program, {"a": np.ones(2)}, ("a", (1,)))
    assert first == {"index", "multiply", "sin", "add"}
    assert {names[slot - 1] for slot in second - {0}} == {"index", "multiply", "add"}


def long(count):
    def f(x):
        for _ in range(count):
            x = np.tanh(x)
        return x

    return f


def test_a_program_too_long_for_the_eye_is_refused():
    assert ChainRule(long(59), x=0.5).at == 0
    with pytest.raises(ProgramError, match=r"61 inputs and operations.*LossResponse"):
        ChainRule(long(60), x=0.5)


def test_a_vector_is_no_loss():
    with pytest.raises(NotScalarError, match=r"\(2,\)"):
        ChainRule(lambda b: b - T, b=T)


def test_arrays_and_entries_are_checked_as_in_every_figure(figure):
    before = state(figure)
    with pytest.raises(ShapeError):
        figure.entry = "W", (0, 2)
    with pytest.raises(ShapeError):
        figure.params = {"W": np.ones((2, 2))}
    assert state(figure) == before
    figure.params = {"W": np.ones((2, 2)), "b": np.zeros(2)}
    assert figure.loss == value_and_grad(loss, W=np.ones((2, 2)), b=np.zeros(2))[0]
    figure.reset()
    assert figure.loss == 0.625


def test_a_program_will_do_for_a_function():
    assert ChainRule(trace(loss, **arrays()), **arrays()).loss == 0.625


def test_its_words_say_what_it_shows(figure):
    assert repr(figure) == (
        "ChainRule(W: (2, 2), b: (2,); matmul, add, subtract, square, sum, multiply; "
        "loss=0.625, dL/dW[0, 1]=2)"
    )
    assert repr(ChainRule(lambda x: x, x=0.5)) == "ChainRule(x: (); loss=0.5, dL/dx=1)"


def test_its_picture_is_small_the_same_each_time_and_of_text(figure):
    first, again = (figure._repr_mimebundle_()[0] for _ in range(2))
    picture = first["image/svg+xml"]
    assert (picture, first["image/png"]) == (again["image/svg+xml"], again["image/png"])
    assert len(picture) < 25_000
    words = [text for text in ET.fromstring(picture).itertext() if text.strip()]
    for expected in ("W", "b", "· @ [1, 2]", "· − [0.5, 1.2]", "0.5 × ·", "0.625", "∂ [1, 0.5]"):
        assert expected in words
    figure.params = {"W": np.ones((2, 2)), "b": np.zeros(2)}
    assert figure._repr_mimebundle_()[0]["image/svg+xml"] != picture


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("f", "given"),
    [
        (lambda x: x, {"x": 0.5}),
        (lambda x: np.log(x), {"x": -1.0}),
        (lambda x, y: np.exp(np.exp(x)), {"x": 9.0, "y": np.ones(3)}),
        (lambda x: np.sum(np.where(x > 0, x, 0.1 * x)), {"x": np.array([-1.0, 2.0])}),
        (lambda A, c: np.sum((A @ c) ** 2), {"A": np.ones((3, 40, 30)), "c": np.ones(30)}),
        (long(59), {"x": 0.5}),
    ],
)
def test_whatever_is_traced_is_drawn(f, given):
    assert "<svg" in ChainRule(f, **given)._repr_mimebundle_()[0]["image/svg+xml"]
