"""Marking: is a typed gradient right, and if not, what kind of mistake do its numbers show?

The page marks by the same rules, in js/marking.js.
"""

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from scalarloss.primitives import Array

CENTS = 0.0051  # two decimals are enough
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"


def read_number(text: str) -> float | None:
    """The number that someone typed: -1.5, 2e-3, or a fraction 1/3; None for anything else."""
    found = re.fullmatch(
        rf"({NUMBER})(?:/({NUMBER}))?", text.replace("−", "-").replace(" ", ""), re.I
    )
    if not found or (found[2] and float(found[2]) == 0):
        return None
    number = float(found[1]) / float(found[2] or 1)
    return number if np.isfinite(number) else None


def close(answer: Array, right: Array) -> NDArray[np.bool_]:
    """For each entry, whether it is right to two decimals, or to four digits if it is large."""
    return np.asarray(np.abs(answer - right) <= np.maximum(CENTS, 1e-4 * np.abs(right)))


def kind_of_mistake(answer: Array, right: Array, known: Mapping[str, Array]) -> str:
    """What kind of mistake turns `right` into `answer`, both of one shape; "" if none.

    `known` holds wrong answers by the name of the mistake that leads to each. Only what the numbers
    support is named.
    """
    wrong = ~close(answer, right)
    if not wrong.any():
        return ""
    for name, other in {**known, **turned(right)}.items():
        if other.shape == right.shape and close(answer, other).all():
            return name
    if not answer.any():
        return "all zeros"
    share = float(np.sum(answer * right) / np.sum(right * right)) if right.any() else 0.0
    if share and close(answer, share * right).all():
        return "the sign" if abs(share + 1) < 0.02 else f"every entry {share:.3g} times too large"
    if wrong.sum() == 1:
        return "one entry, and the others are right"
    return "no single mistake that these numbers show"


def turned(right: Array) -> dict[str, Array]:
    """The right numbers in wrong places, by what put them there."""
    found: dict[str, Array] = {}
    if right.size == 1:
        return found
    if right.ndim == 2 and right.shape[0] == right.shape[1]:
        found["transposed"] = right.T
    if right.ndim == 2 and 1 not in right.shape:
        found["turned by half a turn, as a flipped filter is"] = right[::-1, ::-1]
        found["the rows in reverse order"] = right[::-1]
        found["the columns in reverse order"] = right[:, ::-1]
    if right.ndim == 1:
        found["the entries in reverse order"] = right[::-1]
    return found
