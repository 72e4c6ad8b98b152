"""Marking: typed numbers are read, and mistakes are named by what the numbers show, no other."""

import numpy as np
import pytest

from scalarloss.marking import close, kind_of_mistake, read_number

RIGHT = np.array([[1.0, 2.0, -3.0], [4.0, 0.5, 6.0], [-7.0, 8.0, 9.0]])
OTHER = RIGHT @ RIGHT

READ = {
    "1": 1.0, " -1.5 ": -1.5, "−2": -2.0, "+.5": 0.5, "2e-3": 0.002, "1/3": 1 / 3, "-2 / 4": -0.5,
    "3.": 3.0, "": None, "1,5": None, "1/0": None, "1e999": None, "abc": None, "1/2/3": None,
    "--1": None, "0x10": None, "Infinity": None, "1_000": None,
}  # fmt: skip


@pytest.mark.parametrize(("text", "number"), READ.items())
def test_numbers_are_read_as_people_write_them(text, number):
    assert read_number(text) == number


KINDS = {
    "": RIGHT + 0.004,
    "the other thing": OTHER,
    "transposed": RIGHT.T,
    "turned by half a turn, as a flipped filter is": RIGHT[::-1, ::-1],
    "the rows in reverse order": RIGHT[::-1],
    "the columns in reverse order": RIGHT[:, ::-1],
    "all zeros": 0 * RIGHT,
    "the sign": -RIGHT,
    "every entry 2 times too large": 2 * RIGHT,
    "every entry 0.5 times too large": 0.5 * RIGHT,
    "one entry, and the others are right": RIGHT + np.diag([0, 0, 1.0]),
    "no single mistake that these numbers show": RIGHT + 1,
}


@pytest.mark.parametrize(("kind", "answer"), KINDS.items())
def test_a_kind_is_named(kind, answer):
    assert kind_of_mistake(answer, RIGHT, {"the other thing": OTHER}) == kind


def test_nothing_is_named_that_the_numbers_do_not_support():
    rng = np.random.default_rng(0)
    for _ in range(300):
        right = rng.normal(size=(2, 2)) * 5
        answer = right + rng.normal(size=(2, 2))
        assert kind_of_mistake(answer, right, {}) in (
            "no single mistake that these numbers show",
            "one entry, and the others are right",
        )


def test_two_decimals_are_enough_and_large_numbers_need_four_digits():
    assert close(np.array([0.33, 12345.0]), np.array([1 / 3, 12344.0])).all()
    assert not close(np.array([0.3, 123.0]), np.array([1 / 3, 123.4])).any()


def test_a_vector_and_a_number_are_marked_too():
    assert kind_of_mistake(np.array([2.0, 1.0]), np.array([1.0, 2.0]), {}) == (
        "the entries in reverse order"
    )
    assert kind_of_mistake(np.array(-2.0), np.array(2.0), {}) == "the sign"
