"""The gallery as a bench: what each check catches, and that no right gradient is refused."""

import inspect

import numpy as np
import pytest

from scalarloss import gallery
from scalarloss.check import check_vjp
from scalarloss.diagnose import diagnose_backward
from scalarloss.errors import GradientCheckError
from scalarloss.gallery import BROKEN, CHECKS, LAYERS, caught

every_broken = pytest.mark.parametrize("broken", BROKEN, ids=repr)
every_layer = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
CASES = 10_000
SEEDS = range(3)


def arrays_of(broken, seed):
    """Where a broken backward pass is asked: an accident happens at the worked example."""
    if broken.kind == "by accident":
        return broken.layer.tidy()
    return broken.arrays(np.random.default_rng(seed))


def diagnosis(broken, seed):
    arrays = arrays_of(broken, seed)
    return diagnose_backward(broken.layer.f, broken.backward, arrays, seed=seed)


def test_the_gallery_is_large_and_covers_the_layers():
    assert len(BROKEN) >= 40
    covered = " ".join(layer.name for layer in LAYERS)
    for layer in ("dense", "softmax", "cross-entropy", "convolution", "max-pool", "layer norm"):
        assert layer in covered
    for layer in ("recurrent", "attention", "squared error"):
        assert layer in covered
    assert len({repr(broken) for broken in BROKEN}) == len(BROKEN)
    assert all(broken.hides.endswith(".") for broken in BROKEN)
    modules = [gallery.dense, gallery.softmax, gallery.convolution, gallery.sequence]
    modules += [gallery.losses]
    assert sum((module.BROKEN for module in modules), ()) == BROKEN


@every_broken
def test_a_broken_backward_pass_names_arrays_and_breaks_no_other(broken):
    arrays = broken.arrays(np.random.default_rng(0))
    assert set(broken.wrong) <= set(arrays)
    g = np.random.default_rng(1).normal(size=np.shape(broken.layer.f(**arrays)))
    right, given = broken.layer.right(g, **arrays), broken.backward(g, **arrays)
    for name in set(arrays) - set(broken.wrong):
        np.testing.assert_array_equal(given[name], right[name])
    for slip in broken.wrong.values():
        taken = list(inspect.signature(slip).parameters)
        assert taken in (["g", *arrays], ["g", "x", "w", "b"], ["g", "x", "gamma", "beta"])


@pytest.mark.parametrize("seed", SEEDS)
@every_broken
def test_check_vjp_refuses_every_one_at_random_points(broken, seed):
    with pytest.raises(GradientCheckError):
        check_vjp(broken.layer.f, broken.backward, broken.arrays(np.random.default_rng(seed)))


@every_layer
def test_check_vjp_refuses_no_right_one_in_ten_thousand(layer):
    rng = np.random.default_rng(1)
    for _ in range(-(-CASES // len(LAYERS))):
        check_vjp(layer.f, layer.backward, layer.draw(rng), seed=rng)


@every_layer
def test_the_right_one_passes_every_check(layer):
    for check in CHECKS.values():
        check(layer, layer.right, layer.draw(np.random.default_rng(0)))


@every_layer
def test_the_right_one_is_found_right(layer):
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        assert (
            diagnose_backward(layer.f, layer.backward, layer.draw(rng), seed=seed).kind == "right"
        )


@pytest.mark.parametrize("seed", SEEDS)
@every_broken
def test_a_diagnosis_is_true_or_unsure(broken, seed):
    found = diagnosis(broken, seed)
    assert found.kind in (broken.kind, "unsure"), found.words


def test_nine_in_ten_are_named():
    for seed in SEEDS:
        named = [broken for broken in BROKEN if diagnosis(broken, seed).kind == broken.kind]
        assert len(named) >= 0.9 * len(BROKEN), set(BROKEN) - set(named)


def test_each_check_but_the_last_is_blind_to_something_that_it_should_see():
    table = gallery.table()
    missed = {
        check: {repr(broken) for broken, row in table.items() if not row[check]} for check in CHECKS
    }
    assert missed["check_vjp"] == set()
    assert {
        "softmax: zeros",
        "softmax: the factor p is missing",
        "softmax: keepdims is forgotten",
        "cross-entropy of each example: g is taken to be 1",
    } <= missed["sum"]
    assert {
        "max-pool: row for column inside the window",
        "convolution: filters and channels change places",
    } <= missed["first entry"]
    assert {
        "dense: Wᵀ in place of W, back to the input",
        "cross-entropy: the mean is forgotten",
        "convolution and squared error: the bias gradient is zero",
        "attention: p in place of pᵀ, back to the values",
    } <= missed["worked example"]
    assert {
        "gelu: the slope of another formula for the same curve",
        "dense: sent in half precision",
        "layer norm: ε is left out of σ on the way back",
    } <= missed["one in a hundred"]
    assert "dense: never set to zero between two calls" in missed["sum"] & missed["first entry"]


def test_state_is_forgotten_between_two_looks():
    broken = gallery.find("never set to zero")
    arrays = broken.arrays(np.random.default_rng(0))
    g = np.ones(np.shape(broken.layer.f(**arrays)))
    first = broken.backward(g, **arrays)["W"]
    np.testing.assert_array_equal(broken.backward(g, **arrays)["W"], first)
    backward = broken.backward
    backward(g, **arrays)
    np.testing.assert_array_equal(backward(g, **arrays)["W"], 2 * first)


def test_a_crash_counts_as_caught():
    broken = gallery.find("keepdims")
    logits = {"z": np.ones((2, 3))}
    with pytest.raises(ValueError, match="broadcast"):
        broken.backward(np.ones((2, 3)), **logits)
    assert caught("check_vjp", broken)


def test_one_is_found_by_its_words():
    assert gallery.find("filter is not flipped").kind == "flipped"
    with pytest.raises(LookupError, match="0 of the gallery"):
        gallery.find("no such mistake")
    with pytest.raises(LookupError, match=r"\d+ of the gallery"):
        gallery.find("dense")
