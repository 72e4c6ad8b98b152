"""What traces has NumPy's value and the slope of central differences, here and in the page."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from random_programs import BINARY, UNARY, draw, run

from scalarloss import value_and_grad
from scalarloss.errors import ShapeError, TracingError
from scalarloss.tracing import trace

COUNT = 2000
STEPS = (1e-5, 2.3e-6)  # of the differences: where they disagree, a kink lies between


@pytest.fixture(scope="module")
def traced():
    """The random functions that trace: (steps, function, arrays, program)."""
    found = []
    for seed in range(COUNT):
        steps, arrays = draw(seed)

        def f(x, y, steps=steps):
            return run(steps, [x, y])

        try:
            found.append((steps, f, arrays, trace(f, **arrays)))
        except (TracingError, ShapeError) as error:
            if "what was recorded gives" in str(error):  # refused by its value alone: a fault
                raise
    return found


def slopes(f, arrays, name, h):
    found = np.zeros(arrays[name].shape)
    for place in np.ndindex(found.shape):
        ahead, behind = np.array(arrays[name]), np.array(arrays[name])
        ahead[place] += h
        behind[place] -= h
        rise = f(**{**arrays, name: ahead}) - f(**{**arrays, name: behind})
        found[place] = rise / (2 * h)
    return found


def test_nearly_all_of_them_trace_and_every_kind_of_step_is_among_them(traced):
    assert len(traced) > 0.7 * COUNT
    assert {name for steps, *_ in traced for name, *_ in steps} == {*BINARY, *UNARY}


def test_each_has_the_value_that_numpy_gives(traced):
    for steps, f, arrays, program in traced:
        np.testing.assert_allclose(program(**arrays), f(**arrays), 1e-12, 1e-9, err_msg=steps)


def test_each_has_the_gradient_that_differences_give(traced):
    compared = kinks = 0
    for steps, f, arrays, program in traced:
        gradients = value_and_grad(program, **arrays)[1]
        for name, gradient in gradients.items():
            near, nearer = (slopes(f, arrays, name, h) for h in STEPS)
            scale = 1 + np.max(np.abs(near))
            if np.max(np.abs(near - nearer)) > 1e-5 * scale:
                kinks += 1
                continue
            compared += 1
            np.testing.assert_allclose(gradient, near, 0, 1e-5 * scale, err_msg=steps)
    assert kinks < 0.01 * compared


def test_the_page_gives_the_same_value_and_gradient(traced):
    cases = [
        {
            "program": program.to_dict(),
            "arrays": {name: array.ravel().tolist() for name, array in arrays.items()},
        }
        for _, _, arrays, program in traced
    ]
    script = Path(__file__).with_name("run_programs.mjs")
    ran = subprocess.run(
        ["node", script], input=json.dumps(cases), capture_output=True, text=True, check=True
    )
    answers = json.loads(ran.stdout)
    assert len(answers) == len(traced)
    for (steps, _, arrays, program), answer in zip(traced, answers, strict=True):
        value, gradients = value_and_grad(program, **arrays)
        np.testing.assert_allclose(answer["value"], value, 1e-12, 1e-9, err_msg=steps)
        for name, gradient in gradients.items():
            scale = 1 + np.max(np.abs(gradient))
            given = np.reshape(answer["grad"][name], gradient.shape)
            np.testing.assert_allclose(given, gradient, 0, 1e-12 * scale, err_msg=steps)


def refused(f, **arrays):
    with pytest.raises(TracingError) as caught:
        trace(f, **arrays)
    return str(caught.value)


def test_a_frozen_draw_is_refused_with_both_numbers():
    rng = np.random.default_rng(0)
    words = refused(lambda x: np.sum(x * rng.normal()), x=np.ones(2))
    first, second = np.random.default_rng(0).normal(size=2)
    assert f"gives {2 * second:.6g} as plain NumPy" in words
    assert f"was recorded gives {2 * first:.6g}" in words
    assert "draws random numbers" in words


def test_a_closure_that_changes_is_refused():
    count = [0.0]

    def f(x):
        count[0] += 1
        return np.sum(x) * count[0]

    assert "what it closes over" in refused(f, x=np.ones(2))


def test_an_array_of_another_shape_at_the_next_call_is_refused():
    sizes = [2, 3, 3]
    words = refused(lambda x: x * np.ones(sizes.pop(0)), x=np.ones(()))
    assert "an array of shape (3,) as plain NumPy" in words
    assert "what was recorded gives one of shape (2,)" in words


def test_a_branch_by_the_plain_value_is_seen_at_a_second_point():
    there = np.array([1.0, 2.0])

    def f(x):  # what it does hangs on its input being the very array of before
        same = isinstance(x, np.ndarray) and not np.array_equal(x, there)
        return np.sum(x * x) if same else np.sum(x + x * 0.5 - 0.5 + x * x * 0.5) * 1.0

    words = refused(f, x=there)
    assert "at a point near the one it was traced at" in words


def test_what_is_not_defined_nearby_is_compared_at_one_point():
    def f(x):
        if isinstance(x, np.ndarray):
            assert np.array_equal(x, [1.0, 2.0]), "at these numbers only"
        return np.sum(x)

    assert trace(f, x=np.array([1.0, 2.0]))(x=np.array([3.0, 4.0])) == 7.0


def test_what_a_function_prints_is_printed_once(capsys):
    def f(x):
        print("here")
        return np.sum(x)

    trace(f, x=np.ones(2))
    assert capsys.readouterr().out == "here\n"


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: np.exp(x > 0) * x, "NumPy holds this exp as float16"),
        (lambda x: ((x > 0) - (x > 1)) * x, "NumPy refuses this subtract: numpy boolean subtract"),
        (lambda x: -(x > 0) * x, "NumPy refuses this negative"),
        (lambda x: (x > 0).astype(int) ** -1 * x, "cuts this power of whole numbers off"),
        (lambda x: np.reciprocal((x > 0) + 1) * x, "cuts this reciprocal of whole numbers off"),
        (lambda x: x.astype(int) * x, "float64 throughout"),
        (lambda x: x.astype("float32") * x, "float64 throughout"),
        (lambda x: (x > 0).astype(np.int8) * x, "float64 throughout"),
        (
            lambda x: np.multiply(x > 0, np.ones(2, "f4")) * x,
            "NumPy holds this multiply as float32",
        ),
    ],
)
def test_what_numpy_would_hold_with_fewer_digits_is_refused(f, words):
    assert words in refused(f, x=np.array([0.5, 1.5]))


def test_a_mask_cannot_become_numbers_in_place():
    def f(x):
        mask = x > 0
        mask += x
        return mask

    assert "dtype bool cannot become one of float64 in place" in refused(f, x=np.ones(2))
