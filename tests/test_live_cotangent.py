"""Cotangent in Python: v, the Jacobian and their product, refusals, words and a picture."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import traitlets

from scalarloss import DtypeError, NonFiniteError, ProgramError, ShapeError, jacobian, vjp
from scalarloss.live import Cotangent
from scalarloss.live.cotangent import normal

X = np.array([1.0, 2.0])
Z = np.array([0.5, 1.5, -0.3])


def softmax(z):
    e = np.exp(z - np.max(z))
    return e / np.sum(e)


def table(W, b):
    return np.stack([np.tanh(np.dot(W, X) + b), np.dot(W, X) * b])  # (2, 2)


def arrays():
    return {"W": np.array([[0.2, 0.5], [0.8, 0.1]]), "b": np.array([0.3, 0.7])}


@pytest.fixture
def figure():
    return Cotangent(table, **arrays(), wrt="b", v=np.array([[1.0, -0.5], [2.0, 0.25]]))


def state(figure):
    """What the page is sent, through JSON, as the kernel sends it."""
    return json.loads(json.dumps(figure.get_state(), allow_nan=False))


def test_it_shows_the_jacobian_and_one_product_of_it(figure):
    y, pullback = vjp(table, **arrays())
    np.testing.assert_array_equal(figure.output, y)
    for name in ("b", "W"):
        figure.wrt = name
        expected = jacobian(table, name, **arrays())[name]
        np.testing.assert_array_equal(figure.jacobian, expected)
        np.testing.assert_array_equal(figure.vjp, pullback(figure.v)[name])
        by_hand = np.tensordot(figure.v, figure.jacobian, 2)
        np.testing.assert_allclose(figure.vjp, by_hand, rtol=1e-14)
        assert figure.entry == (name, (0,) * expected[0, 0].ndim)
        assert figure.jacobian.shape == (2, 2, *figure.vjp.shape)


def test_left_out_v_asks_for_the_first_output():
    figure = Cotangent(softmax, z=Z)
    np.testing.assert_array_equal(figure.v, [1.0, 0.0, 0.0])
    np.testing.assert_allclose(figure.vjp, figure.jacobian[0], rtol=1e-14)
    assert (figure.plane, figure.wrt) == ((0, 1), "z")


def test_of_a_scalar_the_natural_v_is_one():
    figure = Cotangent(lambda w: np.sum(w * w), w=Z)
    assert (figure.v.shape, float(figure.v), figure.plane) == ((), 1.0, (0, 0))
    np.testing.assert_allclose(figure.vjp, 2 * Z, rtol=1e-15)
    figure.v = 3.0
    np.testing.assert_allclose(figure.vjp, 6 * Z, rtol=1e-15)


@pytest.mark.parametrize("v", [np.ones(3), np.full(3, 1 / 3), np.full(3, -700.0)])
def test_a_sum_of_probabilities_is_blind_and_a_random_v_is_not(v):
    figure = Cotangent(softmax, z=Z, v=v)
    assert figure.blind
    assert repr(figure).endswith("vᵀJ by z = zero, and J is not)")
    figure.draw()
    assert not figure.blind
    figure.v = v * np.array([1 + 1e-6, 1.0, 1.0])
    assert not figure.blind


def test_nothing_is_hidden_by_a_v_of_zeros_or_where_nothing_moves():
    assert not Cotangent(softmax, z=Z, v=np.zeros(3)).blind
    assert not Cotangent(lambda z: 0 * z, z=Z, v=np.ones(3)).blind


def test_what_the_page_sends_back_arrives(figure):
    heard = []
    figure.observe(lambda change: heard.append(change.name), names=["v", "plane", "seed", "entry"])
    figure.set_state(
        {
            "v": {"shape": [2, 2], "data": [0.0, 1.0, 0.0, -2.0]},
            "plane": [3, 1],
            "seed": 7,
            "entry": {"name": "W", "index": [1, 0]},
        }
    )
    np.testing.assert_array_equal(figure.v, [[0.0, 1.0], [0.0, -2.0]])
    assert (figure.plane, figure.seed, figure.wrt) == ((3, 1), 7, "W")
    assert sorted(heard) == ["entry", "plane", "seed", "v"]


def test_what_python_sets_reaches_the_page(figure):
    figure.v = np.ones((2, 2), np.float32)
    figure.plane = 1, 2
    figure.wrt = "W"
    sent = state(figure)
    assert sent["v"] == {"shape": [2, 2], "data": [1.0] * 4}
    assert sent["plane"] == [1, 2]
    assert sent["entry"] == {"name": "W", "index": [0, 0]}
    assert sent["_kind"] == "cotangent"


WRONG = {
    "v of another shape": ("v", np.ones(4), ShapeError),
    "one number for v": ("v", 1.0, ShapeError),
    "v of integers": ("v", np.ones((2, 2), int), DtypeError),
    "words for v": ("v", [["a", "b"], ["c", "d"]], DtypeError),
    "a NaN in v": ("v", np.full((2, 2), np.nan), NonFiniteError),
    "an infinity in v": ("v", np.full((2, 2), np.inf), NonFiniteError),
    "one output twice": ("plane", (1, 1), ShapeError),
    "an output that is not there": ("plane", (0, 4), ShapeError),
    "a negative output": ("plane", (-1, 0), ShapeError),
    "three outputs": ("plane", (0, 1, 2), ShapeError),
    "no outputs": ("plane", None, ShapeError),
    "a truth for an output": ("plane", (True, 0), ShapeError),
    "a seed below 0": ("seed", -1, traitlets.TraitError),
    "a seed too large": ("seed", 2**32, traitlets.TraitError),
    "an array that is not there": ("wrt", "Q", ShapeError),
    "an entry that is not there": ("entry", ("b", (2,)), ShapeError),
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


@pytest.mark.parametrize(
    "message",
    [
        {"v": {"shape": [4], "data": [1.0] * 4}},
        {"v": {"shape": [2, 2], "data": [1.0]}},
        {"v": {"shape": [2, 2], "data": ["NaN"] * 4}},
        {"v": None},
        {"plane": [0, 9]},
        {"seed": "x"},
    ],
)
def test_a_damaged_message_of_the_page_changes_nothing(figure, message):
    before = state(figure)
    with pytest.raises((ShapeError, ProgramError, NonFiniteError, traitlets.TraitError)):
        figure.set_state(message)
    assert state(figure) == before


def test_v_stays_the_callers_and_is_never_changed_in_place(figure):
    given = np.ones((2, 2))
    figure.v = given
    given[0, 0] = 9.0
    assert figure.v[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        figure.v[0, 0] = 9.0


def test_a_jacobian_too_large_is_refused_by_name():
    large = {"W": np.ones((20, 20)), "x": np.ones(20)}
    with pytest.raises(ShapeError, match=r"Jacobian by W has 20 x 400 entries.*400 at most"):
        Cotangent(lambda W, x: W @ x, **large)
    figure = Cotangent(lambda W, x: W @ x, wrt="x", **large)
    assert figure.jacobian.shape == (20, 20)
    for spoil in ({"wrt": "W"}, {"entry": ("W", (0, 0))}):
        with pytest.raises(ShapeError, match="Jacobian by W"):
            setattr(figure, *next(iter(spoil.items())))
    assert figure.wrt == "x"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"v": np.ones(3)}, ShapeError),
        ({"v": np.ones((2, 2), int)}, DtypeError),
        ({"plane": (0, 0)}, ShapeError),
        ({"wrt": "Q"}, ShapeError),
        ({"seed": -1}, traitlets.TraitError),
        ({"b": np.array([np.nan, 0.0])}, NonFiniteError),
    ],
)
def test_it_is_not_made_of_what_does_not_fit(given, error):
    with pytest.raises(error):
        Cotangent(table, **(arrays() | given))


def test_draws_are_normal_and_the_same_for_a_seed(figure):
    figure.seed = 3
    figure.draw()
    np.testing.assert_array_equal(figure.v.ravel(), normal(3, 4))
    assert len({float(normal(seed, 1)[0]) for seed in (0, 1, 2, 2**32 - 1)}) == 4
    many = np.sort(normal(12, 20_000))
    assert abs(many.mean()) < 0.03
    assert abs(many.std() - 1) < 0.02
    np.testing.assert_allclose(np.mean(np.abs(many) < 1), 0.6827, atol=0.01)
    assert abs(np.corrcoef(normal(12, 20_000)[:-1], normal(12, 20_000)[1:])[0, 1]) < 0.03


def test_its_words_say_what_it_shows():
    figure = Cotangent(softmax, z=np.zeros(2))
    assert repr(figure) == "Cotangent(v = (1, 0), vᵀJ by z = (0.25, -0.25))"
    scalar = Cotangent(lambda w: 3 * w, w=2.0)
    assert repr(scalar) == "Cotangent(v = 1, vᵀJ by w = 3)"
    long = Cotangent(lambda w: 2 * w, w=np.zeros(9))
    zeros = ", 0" * 7
    assert repr(long) == f"Cotangent(v = (1{zeros}, …), vᵀJ by w = (2{zeros}, …))"


def test_its_picture_shows_v_the_jacobian_and_their_product(figure):
    first, again = (figure._repr_mimebundle_()[0] for _ in range(2))
    picture = first["image/svg+xml"]
    assert (picture, first["image/png"]) == (again["image/svg+xml"], again["image/png"])
    assert len(picture) < 40_000
    words = list(ET.fromstring(picture).itertext())
    for number in (*figure.jacobian.flat, *figure.vjp.flat):
        assert f"{round(number, 2) + 0.0:+.2f}".replace("-", "−") in [
            word.replace("-", "−") for word in words
        ]
    for word in ("b[0]", "b[1]", "vᵀJ", "v = -0.5   y[0, 1]"):
        assert any(word in text.replace("−", "-") for text in words)
    figure.wrt = "W"
    assert figure._repr_mimebundle_()[0]["image/svg+xml"] != picture


@pytest.mark.parametrize(
    "figure",
    [
        lambda: Cotangent(lambda x: np.outer(np.arange(1.0, 21), x), x=np.ones(1)),
        lambda: Cotangent(lambda x: np.sqrt(x), x=np.zeros(2)),
        lambda: Cotangent(lambda x: np.sum(x), x=np.ones(400)),
    ],
)
def test_a_picture_is_drawn_of_any_jacobian(figure):
    with np.errstate(all="ignore"):
        assert "<svg" in figure()._repr_mimebundle_()[0]["image/svg+xml"]
