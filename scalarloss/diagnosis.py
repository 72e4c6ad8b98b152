"""What a diagnosis is, and when two arrays count as equal in one."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
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
    "jacobian twice", "identity", "diagonal", "swapped", "path", "decay", "cotangent", "not linear",
    "state", "by accident",
    # of what was asked
    "kink", "coarse", "random",
    "unsure",
]  # fmt: skip
Certainty: TypeAlias = Literal["sure", "likely", "unsure"]
ASKED = ("kink", "coarse", "random")  # kinds that are no mistake of the backward pass

# Of the larger of two entries, what central differences leave of a right gradient; and of the
# array's largest entry, what is rounding. The second pair is for single precision.
PRECISE, COARSE = (1e-6, 1e-8), (2e-3, 1e-4)
_closeness: ContextVar[tuple[float, float]] = ContextVar("closeness", default=PRECISE)


@dataclass(frozen=True)
class Diagnosis:
    """A kind of mistake, how sure it is, and a sentence that says so.

    `about` is what the sentence is about, as data: axes, a factor, a name. Two diagnoses name one
    cause if their kind and what they are about agree.
    """

    kind: Kind
    certainty: Certainty
    words: str
    about: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return self.words

    @property
    def right(self) -> bool:
        return self.kind in ("right", "rounding")

    def agrees(self, other: "Diagnosis") -> bool:
        """Whether both name one cause."""
        return (
            self.kind == other.kind
            and len(self.about) == len(other.about)
            and all(
                math.isclose(a, b, rel_tol=1e-4) if isinstance(a, float) else a == b
                for a, b in zip(self.about, other.about, strict=True)
            )
        )


@contextmanager
def closeness(pair: tuple[float, float]) -> Iterator[None]:
    """Within this, entries agree to that precision: PRECISE or COARSE."""
    token = _closeness.set(pair)
    try:
        yield
    finally:
        _closeness.reset(token)


def exact() -> float:
    """How far off an entry may be, relative to the larger of the two."""
    return _closeness.get()[0]


def fitting(given: Array, right: Array) -> Array:
    """For each entry, whether the two agree."""
    size = np.maximum(np.abs(given), np.abs(right))
    return np.asarray(np.abs(given - right) <= np.maximum(exact() * size, tiny(right)))


def fits(given: Array, right: Array) -> bool:
    return bool(np.all(fitting(given, right)))


def tiny(right: Array) -> float:
    """Below this an entry of the array is rounding."""
    floor = _closeness.get()[1]
    return floor * float(np.abs(right).max(initial=0)) or floor


def named(axes: tuple[Any, ...]) -> str:
    return f"{'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}"
