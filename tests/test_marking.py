"""Marking: typed numbers are read, and mistakes are named by what the numbers show, no other."""

import numpy as np
import pytest

from scalarloss.marking import NONE, close, kind_of_mistake, last_place, read_number

RIGHT = np.array([[1.0, 2.0, -3.0], [4.0, 0.5, 6.0], [-7.0, 8.0, 9.0]])
OTHER = RIGHT @ RIGHT

READ = {
    "1": 1.0, " -1.5 ": -1.5, "−2": -2.0, "+.5": 0.5, "2e-3": 0.002, "1/3": 1 / 3, "-2 / 4": -0.5,
    "3.": 3.0, "": None, "1,5": None, "1/0": None, "1e999": None, "abc": None, "1/2/3": None,
    "--1": None, "0x10": None, "Infinity": None, "1_000": None, "٣": None,
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
    "transposed, and the sign": -RIGHT.T,
    "the other thing, and the sign": -OTHER,
    "every entry 2 times too large (a half forgotten?)": 2 * RIGHT,
    "every entry 2 times too small (a half too many?)": 0.5 * RIGHT,
    "every entry 7 times too large (a sum over 7, not the mean?)": 7 * RIGHT,
    "every entry 7 times too small (a mean over 7, not the sum?)": RIGHT / 7,
    "every entry 1.13 times too large": 1.125 * RIGHT,
    "every entry 1.0025 times too large": 1.0025 * RIGHT,
    "the sign, and every entry 3 times too large": -3 * RIGHT,
    "the sign of 3 entries": RIGHT * [[1, 1, 1], [-1, -1, -1], [1, 1, 1]],
    "the sign of one entry": RIGHT * [[1, 1, 1], [1, 1, 1], [1, 1, -1]],
    "the rows in another order": RIGHT[[1, 2, 0]],
    "the columns in another order": RIGHT[:, [1, 2, 0]],
    "the right numbers in wrong places": np.roll(RIGHT, 1),
    "one entry, and the others are right": RIGHT + np.diag([0, 0, 1.0]),
    "no single mistake that these numbers show": RIGHT + 1,
}


@pytest.mark.parametrize(("kind", "answer"), KINDS.items())
def test_a_kind_is_named(kind, answer):
    assert kind_of_mistake(answer, RIGHT, {"the other thing": OTHER}, [7]) == kind


def test_nothing_is_named_that_the_numbers_do_not_support():
    rng = np.random.default_rng(0)
    for _ in range(300):
        right = rng.normal(size=(2, 2)) * 5
        answer = right + rng.normal(size=(2, 2))
        assert kind_of_mistake(answer, right, {}, [2, 3]) == NONE


def test_one_number_alone_supports_no_factor_but_a_reasoned_one():
    def kind(answer, right):
        return kind_of_mistake(np.array(answer), np.array(right), {}, [3])

    assert kind(7.0, 5.0) == NONE
    assert kind(10.0, 5.0) == "every entry 2 times too large (a half forgotten?)"
    assert kind(15.0, 5.0) == "every entry 3 times too large (a sum over 3, not the mean?)"
    assert kind([0, 5.0], [0, 4.0]) == "one entry, and the others are right"
    assert kind([0.02, -0.01], [0.03, -0.03]) == NONE  # too few digits for a factor


def test_a_transpose_of_other_sides_is_known_by_its_order():
    right = np.arange(6.0).reshape(2, 3)
    assert kind_of_mistake(right.T.reshape(2, 3), right, {}) == (
        "transposed, and read off row by row"
    )


def test_where_two_mistakes_fit_both_are_named():
    right, other = np.array([1.0, 2.0, 4.0]), np.array([4.0, 2.0, 1.0])
    assert kind_of_mistake(other, right, {"that": other}) == (
        "that, or the entries in reverse order"
    )


def test_the_places_asked_for_follow_the_largest_entry():
    for largest, place in ((1e4, 0.01), (0.1, 0.01), (0.09, 1e-3), (2e-5, 1e-6), (0, 0.01)):
        assert last_place(np.array([largest, 0.0])) == pytest.approx(place)
    assert not close(np.zeros(2), np.array([0.004, -0.003])).any()


def test_two_decimals_are_enough_and_large_numbers_need_four_digits():
    assert close(np.array([0.33, 12345.0]), np.array([1 / 3, 12344.0])).all()
    assert not close(np.array([0.3, 123.0]), np.array([1 / 3, 123.4])).any()


def test_a_vector_and_a_number_are_marked_too():
    assert kind_of_mistake(np.array([2.0, 1.0]), np.array([1.0, 2.0]), {}) == (
        "the entries in reverse order"
    )
    assert kind_of_mistake(np.array(-2.0), np.array(2.0), {}) == "the sign"
