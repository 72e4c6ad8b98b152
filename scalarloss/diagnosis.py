"""What a diagnosis is, and when two arrays count as equal in one."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from scalarloss.check import Array

Kind: TypeAlias = Literal[
    # of two arrays
    "right", "rounding", "shape", "not finite", "cut off", "zeros", "transposed", "flipped", "sign",
    "factor", "local", "batch", "broadcast", "axis", "one entry", "part", "mask", "order", "offset",
    "known",
    # of a backward pass
    "jacobian twice", "diagonal", "swapped", "path", "decay", "cotangent", "not linear", "state",
    "by accident", "kink", "random",
    "unsure",
]  # fmt: skip
Certainty: TypeAlias = Literal["sure", "likely", "unsure"]

EXACT = 1e-6  # of the larger of two entries: what central differences leave of a right gradient
FLOOR = 1e-8  # of the largest entry: an entry below this is rounding


@dataclass(frozen=True)
class Diagnosis:
    """A kind of mistake, how sure it is, and a sentence that says so."""

    kind: Kind
    certainty: Certainty
    words: str

    def __str__(self) -> str:
        return self.words

    @property
    def right(self) -> bool:
        return self.kind in ("right", "rounding")


def fitting(given: Array, right: Array) -> Array:
    """For each entry, whether the two agree."""
    size = np.maximum(np.abs(given), np.abs(right))
    return np.asarray(np.abs(given - right) <= np.maximum(EXACT * size, tiny(right)))


def fits(given: Array, right: Array) -> bool:
    return bool(np.all(fitting(given, right)))


def tiny(right: Array) -> float:
    """Below this an entry of the array is rounding."""
    return FLOOR * float(np.abs(right).max(initial=0)) or FLOOR


def named(axes: tuple[Any, ...]) -> str:
    return f"{'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}"
