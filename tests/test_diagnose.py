"""Diagnosis: every kind is named where it is so, and none where the numbers do not support it."""

import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings

from scalarloss.diagnose import diagnose, diagnose_backward
from scalarloss.diagnosis import ASKED
from scalarloss.errors import DtypeError
from scalarloss.layers import (
    attention,
    attention_backward,
    dense,
    dense_backward,
    layer_norm,
    layer_norm_backward,
    softmax,
    softmax_backward,
)

RIGHT = np.random.default_rng(3).normal(size=(4, 3))
A = np.random.default_rng(6).normal(size=(4, 4))
SQUARE = np.random.default_rng(4).normal(size=(3, 3))
PICTURE = np.random.default_rng(5).normal(size=(2, 3, 4, 4))

MISTAKES = {
    "transposed": (SQUARE, SQUARE.T),
    "transposed, of another shape": (RIGHT, RIGHT.T),
    "transposed, of pictures": (PICTURE, PICTURE.swapaxes(2, 3)),
    "flipped": (PICTURE, PICTURE[..., ::-1, ::-1]),
    "sign": (RIGHT, -RIGHT),
    "sign, of some": (RIGHT, np.abs(RIGHT)),
    "factor": (RIGHT, 2 * RIGHT),
    "factor, unnamed": (RIGHT, 3.7 * RIGHT),
    "axis": (RIGHT, np.broadcast_to(RIGHT.sum(axis=0), RIGHT.shape)),
    "axis, of another shape": (RIGHT, RIGHT.mean(axis=1)),
    "local": (RIGHT, RIGHT * np.array([[1.5], [2], [-1], [3]])),
    "one entry": (RIGHT, np.where(np.arange(12).reshape(4, 3) == 5, 9.0, RIGHT)),
    "part": (RIGHT, np.where(np.arange(4)[:, None] == 2, RIGHT**2 + 1, RIGHT)),
    "order": (RIGHT, np.random.default_rng(0).permuted(RIGHT)),
    "offset": (RIGHT, RIGHT + 0.25),
    "zeros": (RIGHT, np.zeros((4, 3))),
    "cut off": (5 * RIGHT, np.trunc(5 * RIGHT)),
    "not finite": (RIGHT, np.full((4, 3), np.nan)),
    "right, in single precision": (RIGHT, RIGHT.astype(np.float32)),
    "rounding": (RIGHT, RIGHT.astype(np.float16)),
    "right": (RIGHT, RIGHT * (1 + 1e-9)),
    "shape": (RIGHT, RIGHT.reshape(2, 6)),
    "shape, unlike": (RIGHT, np.ones(7)),
    "unsure": (RIGHT, RIGHT**3 + 1),
    "mask": (np.maximum(RIGHT, 0), RIGHT),
    "mask, of zeros": (RIGHT, np.maximum(RIGHT, 0)),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_kind_is_named(name):
    right, wrong = MISTAKES[name]
    found = diagnose(wrong, right)
    assert found.kind == name.split(",")[0], found
    assert str(found) == found.words
    assert found.words.endswith(".")
    assert (found.certainty == "unsure") == (found.kind == "unsure")
    assert found.right == (found.kind in ("right", "rounding"))


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (64, "64 times too large (a sum over 64, not the mean?)"),
        (1 / 64, "64 times too small (a mean over 64, not the sum?)"),
        (2, "2 times too large (a half forgotten?)"),
        (-2, "the sign, and every entry 2 times too large (a half forgotten?)"),
        (8, "8 times too large (the root of 64?)"),
        (0.001, "1000 times too small (a learning rate of 0.001?)"),
        (3.7, "3.7 times too large."),
    ],
)
def test_a_factor_gets_its_likely_name(share, words):
    assert words in diagnose(share * RIGHT, RIGHT, sizes={"N": 64}).words


def test_a_batch_that_is_not_summed():
    examples = np.random.default_rng(0).normal(size=(5, 4, 3))
    found = diagnose(examples, examples.sum(axis=0))
    assert (found.kind, found.certainty) == ("batch", "sure")
    assert "the sum over axis 0 is missing" in found.words
    found = diagnose(examples, examples.sum(axis=(1, 2)))
    assert found.kind == "broadcast"
    pairs = diagnose(np.arange(16.0).reshape(4, 4), np.ones((4, 1)))
    assert (pairs.kind, pairs.certainty) == ("broadcast", "likely")


def test_parts_are_told_by_name_and_the_first_wrong_one_gives_the_kind():
    found = diagnose({"W": RIGHT, "b": -RIGHT[0]}, {"W": RIGHT, "b": RIGHT[0]})
    assert (found.kind, found.words) == ("sign", "b: the sign.")
    assert diagnose((RIGHT, SQUARE.T), (RIGHT, SQUARE)).words == "1: transposed."
    assert diagnose((RIGHT,), (RIGHT,)).kind == "right"
    assert diagnose((RIGHT, SQUARE.astype(np.float16)), (RIGHT, SQUARE)).kind == "rounding"
    with pytest.raises(ValueError, match="gradients were given for W, and there are right ones"):
        diagnose({"W": RIGHT}, {"V": RIGHT})


def test_what_is_known_comes_first():
    found = diagnose(2 * RIGHT, RIGHT, known={"the half of the loss": 2 * RIGHT})
    assert (found.kind, found.words) == ("known", "the half of the loss.")


def test_one_number_supports_no_cause_without_a_name():
    assert diagnose(np.array(3.7), np.array(1.0)).kind == "unsure"
    named = diagnose(np.array(2.0), np.array(1.0))
    assert (named.kind, named.certainty) == ("factor", "likely")


# What is never claimed

seeds = st.integers(0, 2**32 - 1)


def agrees(a, b):
    a, b = np.asarray(a, float), np.asarray(b, float)
    size = np.abs(b).max(initial=0) + 1e-300
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= 1e-5 * np.abs(b) + 1e-7 * size))


def wrong(a, b):
    return np.abs(a - b) > 1e-7 * np.abs(b).max()


def multiple(a, b, axis=None):
    norm = np.sum(b * b, axis=axis, keepdims=axis is not None)
    return agrees(
        a, np.sum(a * b, axis=axis, keepdims=axis is not None) / np.where(norm, norm, 1) * b
    )


def spread(b, axes):
    sums = np.broadcast_to(b.sum(axis=axes, keepdims=True), b.shape)
    return sums, sums * sums.size / b.size / max(1, np.prod([b.shape[i] for i in axes]))


SUPPORTED = {
    "transposed": lambda a, b: (
        any(agrees(s * a.T, b) for s in (1, -1))
        or any(agrees(s * a, b.T.reshape(b.shape)) for s in (1, -1))
    ),
    "flipped": lambda a, b: any(
        agrees(s * a, t) for s in (1, -1) for t in (b[::-1], b[..., ::-1], b[::-1][..., ::-1])
    ),
    "sign": lambda a, b: agrees(np.abs(a), np.abs(b)),
    "factor": multiple,
    "local": lambda a, b: any(multiple(a, b, axis=(1 - i,)) for i in range(2)),
    "axis": lambda a, b: (
        any(
            agrees(a, t)
            for axes in ((0,), (1,), (0, 1))
            if b.ndim > max(axes)
            for t in spread(b, axes)
        )
        or (b.ndim == 1 and any(agrees(a, t) for t in spread(b, (0,))))
    ),
    "one entry": lambda a, b: np.sum(wrong(a, b)) == 1,
    "part": lambda a, b: any(
        np.sum(np.any(wrong(a, b), axis=1 - i)) == 1 for i in range(2) if b.ndim == 2
    ),
    "mask": lambda a, b: not np.any(a[wrong(a, b)]) or agrees(0 * b[wrong(a, b)], b[wrong(a, b)]),
    "order": lambda a, b: agrees(np.sort(a, axis=None), np.sort(b, axis=None)),
    "offset": lambda a, b: agrees(a - np.mean(a - b), b),
    "zeros": lambda a, b: not np.any(a),
    "cut off": lambda a, b: agrees(a, np.trunc(b)),
    "rounding": lambda a, b: np.abs(a - b).max() <= 1e-2 * np.abs(b).max(),
    "right": agrees,
    "unsure": lambda a, b: bool(np.any(wrong(a, b))),
}

SLIPS = [
    lambda a, rng: a,
    lambda a, rng: -a,
    lambda a, rng: a.T if a.shape == a.T.shape else a,
    lambda a, rng: a[::-1],
    lambda a, rng: rng.choice([2, 0.5, 3, 0.1]) * a,
    lambda a, rng: a * rng.integers(1, 3, size=(*a.shape[:1], *(1 for _ in a.shape[1:]))),
    lambda a, rng: np.where(rng.random(a.shape) < 0.3, 0, a),
    lambda a, rng: np.where(rng.random(a.shape) < 0.2, a + 1, a),
    lambda a, rng: np.broadcast_to(a.sum(axis=0, keepdims=True), a.shape),
    lambda a, rng: rng.permuted(a),
    lambda a, rng: a.astype(np.float32).astype(float),
    lambda a, rng: a + rng.choice([0.0, 1e-9, 1e-4]) * rng.normal(size=a.shape),
    lambda a, rng: rng.normal(size=a.shape),
    lambda a, rng: np.trunc(a),
]


@settings(max_examples=600, deadline=None)
@given(
    seed=seeds,
    shape=st.sampled_from([(3,), (1, 1), (2, 2), (3, 3), (2, 3), (4, 1), (5, 2)]),
    slips=st.lists(st.sampled_from(SLIPS), min_size=1, max_size=2),
    whole=st.booleans(),
)
def test_no_cause_is_named_that_the_numbers_do_not_support(seed, shape, slips, whole):
    rng = np.random.default_rng(seed)
    right = rng.integers(-3, 4, shape).astype(float) if whole else rng.normal(size=shape)
    assume(np.any(right))
    wrong = right
    for slip in slips:
        wrong = slip(wrong, rng)
    found = diagnose(wrong, right, sizes={"N": shape[0]})
    assert SUPPORTED[found.kind](wrong, right), (found, wrong, right)


@settings(max_examples=100, deadline=None)
@given(seed=seeds, shape=st.sampled_from([(3,), (2, 3), (4, 4), (2, 3, 4)]))
def test_unrelated_numbers_have_no_cause(seed, shape):
    rng = np.random.default_rng(seed)
    assert diagnose(rng.normal(size=shape), rng.normal(size=shape)).kind == "unsure"


@settings(max_examples=100, deadline=None)
@given(seed=seeds, shape=st.sampled_from([(), (3,), (4, 4), (2, 3, 4)]), size=st.floats(-12, 12))
def test_what_differences_leave_of_a_right_gradient_is_right(seed, shape, size):
    rng = np.random.default_rng(seed)
    right = 10**size * rng.normal(size=shape)
    noise = 1e-9 * np.abs(right).max() * rng.normal(size=shape)
    assert diagnose(right, right + np.clip(noise, -5e-9, 5e-9) * (np.abs(right).max() > 1)).right
    assert diagnose(right * (1 + 1e-10 * rng.normal(size=shape)), right).kind == "right"
    assert diagnose(right.astype(np.float32), right).right


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_a_transpose_with_one_entry_changed_is_not_called_one(seed):
    rng = np.random.default_rng(seed)
    right = rng.normal(size=(3, 3))
    wrong = right.T.copy()
    wrong[0, 1] *= 1.01
    assert diagnose(wrong, right).kind not in ("transposed", "order", "sign", "factor")


# A backward pass, asked


def dense_arrays(seed=0):
    rng = np.random.default_rng(seed)
    shapes = {"x": (3, 4), "W": (2, 4), "b": (2,)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def test_a_right_backward_pass_is_right():
    found = diagnose_backward(dense, dense_backward, dense_arrays())
    assert (found.kind, found.certainty) == ("right", "sure")
    z = np.random.default_rng(0).normal(size=(2, 3))
    found = diagnose_backward(softmax, lambda g, z: softmax_backward(g, softmax(z)), z)
    assert found.words == "right."


def test_right_here_by_accident():
    found = diagnose_backward(lambda x: x**2, lambda g, x: 2 * g, np.array([1.0, 1.0, 1.0]))
    assert (found.kind, found.certainty) == ("by accident", "sure")
    assert found.words.startswith("right at this point, by accident, and wrong at another: ")


@pytest.mark.parametrize("x", [[0.0, 1.0, -1.0], [2.0, 0.0, 0.0]])
def test_a_kink_is_told_from_a_mistake(x):
    found = diagnose_backward(lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0), np.array(x))
    assert (found.kind, found.certainty) == ("kink", "likely")
    at = {f"x[{i}] has two slopes." for i in np.flatnonzero(np.array(x) == 0)}
    assert any(words in found.words for words in at)


def test_a_tie_is_a_kink():
    def backward(g, x):
        return g * (x == x.max()) / np.sum(x == x.max())

    found = diagnose_backward(lambda x: np.max(x), backward, np.array([2.0, 2.0, 2.0]))
    assert found.kind == "kink"
    assert diagnose_backward(np.max, backward, np.array([2.0, 2.5, 1.0])).kind == "right"


def test_a_jacobian_applied_twice():
    def twice(g, z):
        p = softmax(z)
        return softmax_backward(softmax_backward(g, p), p)

    z = np.random.default_rng(0).normal(size=4)
    found = diagnose_backward(softmax, twice, z)
    assert (found.kind, found.words) == ("jacobian twice", "the Jacobian applied twice.")


def test_an_f_that_draws_at_random_is_not_asked():
    rng = np.random.default_rng(0)
    found = diagnose_backward(lambda x: x * rng.random(), lambda g, x: g, np.ones(2))
    assert found.kind == "random"


def test_a_factor_that_differs_from_point_to_point_is_a_slope():
    def f(x):
        return np.sum(x**2) ** 2

    def backward(g, x):
        return g * 4 * x

    x = np.array([0.5, -1.0, 2.0])
    assert diagnose_backward(f, backward, x).kind == "local"
    assert diagnose_backward(f, lambda g, x: backward(g, x) * np.sum(x**2), x).kind == "right"


def test_a_domain_is_respected():
    x = np.array([0.1, 0.01, 0.5])
    with np.errstate(invalid="raise"):
        found = diagnose_backward(np.log, lambda g, x: g / x, x)
    assert found.kind == "right"
    assert diagnose_backward(np.log, lambda g, x: g * x, x).kind == "local"


def test_single_precision_is_asked_in_single_precision():
    x = np.float32([0.3, -0.4, 0.8])
    found = diagnose_backward(lambda x: np.tanh(x), lambda g, x: g * (1 - np.tanh(x) ** 2), x)
    assert found.right


def test_what_check_vjp_refuses_at_the_door_is_refused():
    with pytest.raises(DtypeError, match="dtype int64"):
        diagnose_backward(np.sum, lambda g, x: g, np.arange(3))
    found = diagnose_backward(dense, lambda g, x, W, b: (g, g), dense_arrays())
    assert (found.kind, found.words) == ("shape", "no gradient came back for b.")
    found = diagnose_backward(dense, lambda g, x, W, b: {"x": g}, dense_arrays())
    assert (found.kind, found.words) == ("shape", "no gradient came back for W, b.")


# What was said of right code, and must not be


def relu_network(rng, near, dtype=float):
    """Two layers with a ReLU between, of which some activations lie within `near` of 0."""
    x, W, V = (rng.normal(size=shape) for shape in ((5, 3), (4, 3), (2, 4)))
    b = -(x[0] @ W.T) + near * rng.uniform(-1, 1, 4)
    arrays = {"x": x, "W": W, "b": b, "V": V}
    return {name: a.astype(dtype) for name, a in arrays.items()}


def network(x, W, b, V):
    return np.maximum(x @ W.T + b, 0) @ V.T


def network_backward(g, x, W, b, V, slip=1.0):
    h = x @ W.T + b
    a = g @ V * (h > 0) * slip
    return a @ W, a.T @ x, a.sum(axis=0), g.T @ np.maximum(h, 0)


@pytest.mark.parametrize("seed", range(12))
def test_a_kink_nearer_than_the_step_is_named_with_its_distance(seed):
    arrays = relu_network(np.random.default_rng(seed), 2e-6)
    found = diagnose_backward(network, network_backward, arrays)
    assert found.kind == "kink"
    words = re.search(r"moved by ([-+][\d.e-]+), \w\[[\d, ]+\] meets another slope", found.words)
    if words:  # or it is nearer than a hundredth of the step
        assert 0 < abs(float(words[1])) < 2e-5


def test_a_kink_does_not_hide_a_mistake():
    arrays = relu_network(np.random.default_rng(0), 1e-6)
    found = diagnose_backward(network, lambda g, **a: network_backward(g, **a, slip=2.0), arrays)
    assert found.kind == "factor", found
    assert "every entry 2 times too large" in found.words


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize(
    ("f", "backward", "shapes"),
    [
        (dense, dense_backward, {"x": (3, 4), "W": (2, 4), "b": (2,)}),
        (softmax, lambda g, z: softmax_backward(g, softmax(z)), {"z": (3, 4)}),
        (layer_norm, layer_norm_backward, {"x": (3, 5), "gamma": (5,), "beta": (5,)}),
        (lambda x: np.tanh(x), lambda g, x: g * (1 - np.tanh(x) ** 2), {"x": (3, 4)}),
        (lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0), {"x": (4, 5)}),
        (attention, attention_backward, {"q": (3, 4), "k": (2, 4), "v": (2, 3)}),
    ],
)
def test_single_precision_is_no_mistake(f, backward, shapes, seed):
    rng = np.random.default_rng(seed)
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    assert diagnose_backward(f, backward, arrays).right


def test_a_function_that_computes_in_single_whatever_it_is_given():
    def f(x):
        return np.tanh(x.astype(np.float32))

    def backward(g, x):
        return g * (1 - np.tanh(x) ** 2)

    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    assert diagnose_backward(f, backward, x).right
    found = diagnose_backward(f, lambda g, x: 2 * backward(g, x), x)
    assert (found.kind, found.words) == (
        "factor",
        "every entry 2 times too large (a half forgotten?).",
    )


def test_what_changes_at_random_is_told_from_a_state():
    rng, calls = np.random.default_rng(0), []
    x = np.ones(4)

    def noisy(g, x):
        return 2 * g + rng.normal(size=4)

    def adding(g, x):
        calls.append(2 * g)
        return sum(calls)

    found = diagnose_backward(lambda x: 2 * x, noisy, x)
    assert (found.kind, found.certainty) == ("random", "likely")
    assert "draws at random, or keeps a state" in found.words
    found = diagnose_backward(lambda x: 2 * x, adding, x)
    assert (found.kind, found.certainty) == ("state", "sure")


def test_an_axis_that_was_kept_is_no_sum_that_is_missing():
    def backward(g, x, W, b):
        dx, dW, db = dense_backward(g, x, W, b)
        return dx, dW, db[None]

    found = diagnose_backward(dense, backward, dense_arrays())
    assert (found.kind, found.certainty) == ("shape", "sure")
    assert (
        "shape (1, 2), and (2,) is right: an axis of length 1 too many (keepdims?)" in found.words
    )
    assert diagnose(np.ones((3,)), np.ones((3, 1))).kind == "shape"


def test_a_function_that_another_step_changes_is_not_held_against_the_pass():
    x = np.array([1.0, 2.0, 3.0])
    frequency = 1e5  # within a step it turns half way round
    found = diagnose_backward(
        lambda x: np.sin(frequency * x), lambda g, x: g * frequency * np.cos(frequency * x), x
    )
    assert found.kind in ASKED


@pytest.mark.parametrize(
    ("f", "backward", "kind"),
    [
        (lambda x: A @ x, lambda g, x: A @ g, "transposed"),
        (lambda x: A @ x, lambda g, x: g, "identity"),
        (lambda x: A @ x, lambda g, x: g - x, "not linear"),
        (softmax, lambda g, x: softmax(x) - g, "not linear"),
        (lambda x: np.cumsum(x), lambda g, x: np.cumsum(g), "transposed"),
    ],
)
def test_more_kinds_of_a_backward_pass(f, backward, kind):
    found = diagnose_backward(f, backward, np.array([0.3, -1.0, 2.0, 0.5]))
    assert found.kind == kind, found


def test_examples_that_meet_are_seen():
    def f(x):
        return np.tanh(x) / np.sum(np.tanh(x) ** 2, axis=1, keepdims=True)

    def right(g, x):
        t = np.tanh(x)
        n = np.sum(t**2, axis=1, keepdims=True)
        return (1 - t**2) * (g / n - 2 * t * np.sum(g * t, axis=1, keepdims=True) / n**2)

    def wrong(g, x):
        t = np.tanh(x)
        n = np.sum(t**2, axis=1, keepdims=True)
        return (1 - t**2) * (g / n - 2 * t * np.sum(g * t) / n**2)

    x = np.random.default_rng(0).normal(size=(3, 4))
    assert diagnose_backward(f, right, x).kind == "right"
    found = diagnose_backward(f, wrong, x)
    assert found.kind == "axis", found
    assert "g at one index of axis 0 reaches another index of axis 0" in found.words


def test_a_count_is_given_no_reason_that_fits_slopes_alone():
    assert diagnose(np.array([8, 4]), np.array([4, 2])).words == "every entry 2 times too large."
    assert diagnose(np.array([8.0, 4]), np.array([4.0, 2])).words.endswith("(a half forgotten?).")


def test_two_sizes_in_each_others_place():
    found = diagnose(RIGHT / 9, RIGHT / 3, sizes={"words": 9, "lines": 3})
    assert found.words == ("every entry 3 times too small (a mean over 3, not the sum?).")
    found = diagnose(RIGHT / 8, RIGHT / 5, sizes={"words": 8, "lines": 5})
    assert found.words == "every entry 1.6 times too small (divided by 8 in place of 5?)."


def test_what_a_diagnosis_is_about_is_data():
    one, other = diagnose(2 * RIGHT, RIGHT), diagnose(3 * RIGHT, RIGHT)
    assert one.agrees(diagnose(-2 * -SQUARE, SQUARE))
    assert not one.agrees(other)
    assert not one.agrees(diagnose(-RIGHT, RIGHT))
