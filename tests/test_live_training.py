"""Training in Python: gradient descent, by the right cotangent or the doubled one."""

import json

import numpy as np
import pytest
import traitlets

from scalarloss import NonFiniteError, ShapeError, grad, trace
from scalarloss.data import split
from scalarloss.layers import cross_entropy, dense, relu, softmax, squared_error
from scalarloss.live import Training
from scalarloss.live.seeded import normal
from scalarloss.live.training import MOST_STEPS, page_digits, page_script

SHAPES = {"V": (12, 8, 8), "a": (12,), "W": (10, 12), "b": (10,)}


def network(x, V, a, W, b):
    hidden = relu(dense(np.reshape(x, (len(x), 64)), np.reshape(V, (12, 64)), a))
    return dense(hidden, W, b)


def small(**state):
    return Training(network, batch=30, **SHAPES, **state)


def by_hand(seed, runs):
    """The losses and the weights, from the engine's gradient of each loss."""
    draw = normal(seed, 12 * 64 + 12 + 120 + 10)
    weights = {
        "V": np.sqrt(2 / 64) * draw[:768].reshape(12, 8, 8),
        "a": np.zeros(12),
        "W": np.sqrt(2 / 12) * draw[780:900].reshape(10, 12),
        "b": np.zeros(10),
    }
    data, losses = split(), []
    for twice, rate, steps in runs:
        for _ in range(steps):
            rows = (np.arange(30) + 30 * len(losses)) % 1438
            x, t = data.images[rows], np.eye(10)[data.labels[rows]]

            def entropy(x=x, t=t, **w):
                return cross_entropy(network(x, **w), t, "mean")

            def doubled(x=x, t=t, **w):  # the loss whose gradient the doubled Jacobian is
                return squared_error(softmax(network(x, **w)), t) / 30

            losses.append(float(entropy(**weights)))
            f = doubled if twice else entropy
            slopes = grad(lambda V, a, W, b, f=f: f(V=V, a=a, W=W, b=b), **weights)
            weights = {name: w - rate * slopes[name] for name, w in weights.items()}
    return losses, weights


def test_its_steps_are_gradient_descents_of_two_losses():
    runs = [(False, 0.4, 8), (True, 0.9, 60), (False, 0.2, 3)]
    figure = small(seed=5)
    figure.done = runs
    losses, weights = by_hand(5, runs)
    np.testing.assert_allclose(figure.losses, losses, rtol=1e-10)
    for name, array in figure.params.items():
        np.testing.assert_allclose(array, weights[name], rtol=1e-8, atol=1e-12)


def test_batches_come_round_again():
    """Fifty batches of thirty are more than all the digits: none is short, none is left out."""
    figure = small()
    figure.train(60)
    assert len(figure.losses) == 60
    losses, _ = by_hand(1, figure.done)
    np.testing.assert_allclose(figure.losses, losses, rtol=1e-9)


def test_it_learns_and_counts_what_is_right_by_digit():
    figure = small(rate=0.5)
    before = figure.accuracy
    figure.train(300)
    held = split()
    named = network(held.held_images, **figure.params).argmax(axis=1)
    hits = [int(np.sum(named[held.held_labels == k] == k)) for k in range(10)]
    assert figure.right.tolist() == hits
    assert figure.accuracy == sum(hits) / 359
    assert before < 0.3
    assert figure.accuracy > 0.9


def test_training_on_takes_up_where_it_stood_and_reset_forgets():
    one, other = small(seed=3), small(seed=3)
    one.train(20)
    first = one.losses
    one.twice = True
    one.train(5)
    other.done = [(False, 0.5, 20), (True, 0.5, 5)]
    np.testing.assert_array_equal(one.losses, other.losses)
    np.testing.assert_array_equal(one.losses[:20], first)
    assert one.done == other.done
    one.reset()
    assert len(one.losses) == 0
    one.seed = 4
    one.train(1)
    assert one.losses[0] != first[0]


def test_its_state_is_small_and_without_weights_or_digits():
    figure = small()
    figure.train(100)
    state = json.dumps(
        figure.get_state(drop_defaults=False, key=set(figure.keys) - {"_esm", "_css"}), default=str
    )
    assert len(state) < 4000
    assert repr(figure) == "Training(910 weights, 100 steps)"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Training(lambda x, w: np.reshape(x, (len(x), 64)) @ w, w=(64, 9)), r"\(50, 9\)"),
        (lambda: Training(lambda x: np.reshape(x, (len(x), 64))[:, :10]), "0 weights"),
        (
            lambda: Training(lambda x, w: (np.reshape(x, (len(x), 64)) @ w)[:, :10], w=(64, 400)),
            "25600",
        ),
        (
            lambda: Training(trace(lambda z, w: z @ w, z=np.ones((5, 3)), w=np.ones((3, 10)))),
            "x .batch",
        ),
    ],
)
def test_a_network_that_does_not_fit_is_refused(make, words):
    with pytest.raises(ShapeError, match=words):
        make()


@pytest.mark.parametrize(
    "done",
    [
        3,
        [(False, 0.5)],
        [(False, -1, 3)],
        [(False, np.nan, 3)],
        [(False, 0.5, 0)],
        [("x", "y", "z")],
        [(False, 0.5, MOST_STEPS), (True, 0.5, 1)],
    ],
)
def test_runs_of_nonsense_are_refused_and_change_nothing(done):
    figure = small()
    figure.train(2)
    with pytest.raises(ShapeError, match="done is"):
        figure.done = done
    assert len(figure.losses) == 2


def test_a_rate_that_is_no_step_is_refused():
    with pytest.raises(NonFiniteError):
        small(rate=0.0)
    with pytest.raises(traitlets.TraitError):
        small(seed=-1)


def test_a_rate_too_large_ends_in_no_number_and_no_error():
    figure = small(rate=1e200)
    figure.train(5)
    assert not np.isfinite(figure.losses[-1])


def test_the_kernel_sends_the_digits_when_asked():
    figure, sent = small(), []
    figure.send = sent.append
    figure._handle_custom_msg({"ask": "weather"}, [])
    assert sent == []
    figure._handle_custom_msg({"ask": "digits"}, [])
    assert sent == [{"digits": page_digits()}]


def test_the_page_gets_every_digit_to_learn_from_and_then_those_held_out():
    sent, found = page_digits(), split()
    pixels = np.array([ord(c) - ord("A") for c in sent["pixels"]]).reshape(-1, 8, 8) / 16
    np.testing.assert_array_equal(pixels, np.concatenate([found.images, found.held_images]))
    labels = np.concatenate([found.labels, found.held_labels])
    assert [int(c) for c in sent["labels"]] == labels.tolist()
    assert sent["held"] == 359
    assert json.dumps(sent) in page_script()


def test_its_picture_shows_both_gradients_until_it_has_learned():
    figure = small()
    assert [line.get_label() for line in figure.picture().axes[0].lines] == [
        "right gradient",
        "Jacobian applied twice",
    ]
    figure.train(12)
    (line,) = figure.picture().axes[0].lines
    np.testing.assert_array_equal(line.get_ydata(), figure.losses)
