"""Exercises mark fairly: right is right, and what is wrong is said truly."""

import re

import numpy as np
import pytest

from scalarloss.exercises.base import Exercise, Search, distinct, normal

# What marks


def draw_dense(rng):
    batch, m, n = distinct(rng, 3)
    return {"g": normal(rng, batch, m), "x": normal(rng, batch, n), "W": normal(rng, m, n)}


def dense_backward(g, x, W):
    return g @ W, g.T @ x


check_dense = Exercise(
    truth=dense_backward,
    draw=draw_dense,
    parts=("dL_dx", "dL_dW"),
    mistakes={"the last example alone": lambda g, x, W: {"dL_dW": np.outer(g[-1], x[-1])}},
)
check_square = Exercise(truth=lambda x: x**2, draw=lambda rng: {"x": normal(rng, 4)})
check_number = Exercise(
    truth=lambda x: float(x @ x), draw=lambda rng: {"x": normal(rng, 1 + rng.integers(3))}
)
check_shifts = Exercise(
    truth=lambda n: n % 2 == 0, draw=lambda rng: {"n": int(rng.integers(100))}, cases=20
)
check_across = Search(
    flaw=lambda u, x: "" if abs(u @ x) < 1e-9 else f"u @ x is {u @ x:.2f}, and 0 is asked for",
    draw=lambda rng: {"x": normal(rng, 2)},
)


def your_function(x): ...


def changes(x):
    x *= x
    return x


def whole(x):
    found = np.zeros_like(x, dtype=int)
    found[:] = x**2
    return found


RIGHT = [
    (check_dense, dense_backward),
    (check_dense, lambda g, x, W: list(dense_backward(g, x, W))),
    (check_square, lambda x: x * x),
    (check_square, lambda z: (z * z).tolist()),
    (check_number, lambda x: np.sum(x * x)),
    (check_shifts, lambda n: not n % 2),
    (check_across, lambda x: np.array([-x[1], x[0]])),
]
WRONG = [
    (check_square, your_function, "not written", "Not written yet: your_function returns nothing"),
    (check_square, lambda x: ..., "not written", "Not written yet"),
    (check_dense, lambda g, x, W: (None, ...), "not written", "Not written yet"),
    (check_square, lambda x: 2 * ..., "not written", "Not written yet"),
    (check_square, lambda x: x / [], "error", "raised ValueError: operands could not"),
    (check_square, lambda: 1, "error", "raised TypeError"),
    (check_square, np.ones(4), "error", "Pass your function itself"),
    (check_square, changes, "changed", "changes changes its argument x"),
    (check_square, whole, "dtype", "of dtype int64, so every fraction is cut off"),
    (check_square, lambda x: x**2 + 0j, "dtype", "real numbers are asked for"),
    (check_square, lambda x: x / 0 * 0, "dtype", "with a NaN or an infinity"),
    (check_square, lambda x: str(x), "dtype", "gives a word"),
    (check_square, lambda x: np.array([1.0, 2, 3, 4]), "hard-coded", "the same|in every case"),
    (check_square, lambda x: 0 * x, "zeros", "zero"),
    (check_square, lambda x: -(x**2), "sign", "sign"),
    (check_square, lambda x: 2 * x**2, "factor", "2 times too large"),
    (check_square, lambda x: np.exp(x), "unsure", "no single mistake"),
    (check_square, lambda x: x[:, None] ** 2, "shape", "shape"),
    (check_number, lambda x: x[0] ** 2 + len(x) - 1, "unsure", "Wrong in [1-5] of 5"),
    (check_number, lambda x: 2 * float(x @ x), "factor", "2 times too large"),
    (check_dense, lambda g, x, W: g @ W, "shape", "return dL_dx, dL_dW"),
    (check_dense, lambda g, x, W: (g @ W, 0), "shape", "dL_dW"),
    (
        check_dense,
        lambda g, x, W: (g @ W, np.outer(g[-1], x[-1])),
        "mistake",
        "dL_dW: the last example alone. With",
    ),
    (check_shifts, lambda n: n % 2, "dtype", "True or False is asked for"),
    (check_shifts, lambda n: True, "hard-coded", "gives True in every case"),
    (check_across, lambda x: np.array([0.0, 1.0]), "flaw", "and 0 is asked for"),
    (check_across, lambda x: "across", "flaw", "does not fit"),
]


@pytest.mark.parametrize(("check", "function"), RIGHT)
def test_a_right_function_is_right_every_time(check, function):
    for _ in range(20):
        assert repr(check(function)) == f"Right: {check.cases} fresh cases."


@pytest.mark.parametrize(("check", "function", "kind", "words"), WRONG)
def test_a_wrong_function_is_told_what_is_wrong(check, function, kind, words):
    with np.errstate(all="ignore"):
        mark = check(function)
    assert not mark.right
    assert mark.kind == kind, mark
    assert re.search(words, mark.words), mark


def test_a_mark_holds_the_case_that_went_wrong():
    mark = check_square(lambda x: x**2 + (x > 0))
    assert np.any(mark.case["x"] > 0)
    assert "x = " in mark.words


def test_a_function_that_is_right_at_one_point_only_is_refused():
    once = check_square.draw(np.random.default_rng())["x"]
    assert not check_square(lambda x: x * once).right


def test_numbers_are_fresh_each_time():
    seen = []
    for _ in range(2):
        check_square(lambda x: seen.append(x.copy()) or x**2)
    assert len({tuple(x) for x in seen}) == 2 * check_square.cases
