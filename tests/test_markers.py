"""Every exercise, asked as readers answer it: right is right and wrong is named, 200 times."""

from importlib import import_module
from pkgutil import iter_modules

import answers
import numpy as np
import pytest

from scalarloss import exercises

SEEDS = range(200)
ANSWERS = {
    check: found
    for module in iter_modules(answers.__path__)
    for check, found in import_module(f"answers.{module.name}").ANSWERS.items()
}


def marks(check, function):
    """The marks of a function, one for each seed."""
    marker = getattr(exercises, check)
    with np.errstate(all="ignore"):
        return [marker(function, np.random.default_rng(seed)) for seed in SEEDS]


RIGHT = [
    pytest.param(check, function, id=f"{check}-{i}")
    for check, found in ANSWERS.items()
    for i, function in enumerate(found.right)
]
WRONG = [
    pytest.param(check, function, words, id=f"{check}-{i}")
    for check, found in ANSWERS.items()
    for i, (function, words) in enumerate(found.wrong)
]


def test_every_exercise_has_three_right_answers_and_five_wrong_ones():
    checks = {name for name in exercises.__all__ if name.startswith("check_")}
    enough = {check for check, a in ANSWERS.items() if len(a.right) >= 3 and len(a.wrong) >= 5}
    assert enough == checks


@pytest.mark.parametrize(("check", "function"), RIGHT)
def test_a_right_answer_is_right_with_every_number(check, function):
    refused = [mark for mark in marks(check, function) if not mark.right]
    assert refused == []


@pytest.mark.parametrize(("check", "function", "words"), WRONG)
def test_a_wrong_answer_is_named_with_every_number(check, function, words):
    found = marks(check, function)
    assert [mark for mark in found if mark.right] == []
    assert [mark for mark in found if words not in mark.words] == []
