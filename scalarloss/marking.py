"""Marking: is a typed gradient right, and if not, what kind of mistake do its numbers show?

The page marks by the same rules, in js/marking.js.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scalarloss.primitives import Array

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
NONE = "no single mistake that these numbers show"


def read_number(text: str) -> float | None:
    """The number that someone typed: -1.5, 2e-3, or a fraction 1/3; None for anything else."""
    found = re.fullmatch(
        rf"({NUMBER})(?:/({NUMBER}))?", text.replace("−", "-").replace(" ", ""), re.I | re.A
    )
    if not found or (found[2] and float(found[2]) == 0):
        return None
    number = float(found[1]) / float(found[2] or 1)
    return number if np.isfinite(number) else None


def last_place(right: Array) -> float:
    """The decimal place that is asked for: 0.01, or a finer one if all entries are below 0.1."""
    largest, place = float(np.max(np.abs(right), initial=0)), 0.01
    while 0 < largest < 10 * place:
        place /= 10
    return place


def near(answer: Array, other: Array, place: float) -> NDArray[np.bool_]:
    """For each entry, whether the two agree when rounded to `place`, or in four digits."""
    return np.asarray(np.abs(answer - other) <= np.maximum(0.51 * place, 1e-4 * np.abs(other)))


def close(answer: Array, right: Array) -> NDArray[np.bool_]:
    """For each entry, whether it is right to the place that is asked for, or to four digits."""
    return near(answer, right, last_place(right))


@np.errstate(all="ignore")
def kind_of_mistake(
    answer: Array, right: Array, known: Mapping[str, Array], sizes: Iterable[int] = ()
) -> str:
    """What kind of mistake turns `right` into `answer`, both of one shape; "" if none.

    `known` holds wrong answers by the name of the mistake that leads to each, and `sizes` the
    numbers of things that a sum may run over. Only what the numbers support is named; where they
    support more than one kind, each is.
    """
    place = last_place(right)
    wrong = ~near(answer, right, place)
    if not wrong.any():
        return ""
    others = {**known, **turned(right)}
    opposed = near(answer, -right, place).all()
    for sign, also in ((1, ""), (-1, ", and the sign")):
        fitting = [n + also for n, o in others.items() if near(answer, sign * o, place).all()]
        if fitting and sign > 0 and opposed:
            fitting.insert(0, "the sign")
        if fitting and (sign > 0 or not opposed):
            return ", or ".join(fitting)
        if not answer.any():
            return "all zeros"
    if found := factor(answer, right, place, [*HALVES, *by_sizes(sizes)]):
        return str(found)
    count = int(wrong.sum())
    if near(np.abs(answer), np.abs(right), place).all():
        return f"the sign of {count} entries" if count > 1 else "the sign of one entry"
    if count == 1:
        return "one entry, and the others are right" if right.size > 1 else NONE
    if right.ndim == 2 and reordered(answer, right, place):
        return "the rows in another order"
    if right.ndim == 2 and reordered(answer.T, right.T, place):
        return "the columns in another order"
    if reordered(answer.ravel(), right.ravel(), place):
        return "the right numbers in wrong places"
    return NONE


TRANSPOSED = ("transposed", "transposed, and read off row by row")


def turned(right: Array) -> dict[str, Array]:
    """The right numbers in wrong places, by what put them there."""
    found: dict[str, Array] = {}
    if right.ndim == 2 and 1 not in right.shape:
        square = right.shape[0] == right.shape[1]
        found[TRANSPOSED[not square]] = right.T.reshape(right.shape)
        found["turned by half a turn, as a flipped filter is"] = right[::-1, ::-1]
        found["the rows in reverse order"] = right[::-1]
        found["the columns in reverse order"] = right[:, ::-1]
    if right.ndim == 1 and right.size > 1:
        found["the entries in reverse order"] = right[::-1]
    return found


class Factor(NamedTuple):
    """By what every entry is multiplied, and likely reasons for it, if any."""

    by: float
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        size = abs(self.by)
        words = ["the sign"] if self.by < 0 else []
        if size != 1:
            most = max(size, 1 / size)
            times = math.floor(100 * most + 0.5 + 1e-6) / 100
            shown = f"{times:.12g}" if times > 1 else f"{most:.6g}"
            words.append(f"every entry {shown} times too {'large' if size > 1 else 'small'}")
            words[-1] += f" ({', or '.join(self.reasons)}?)" if self.reasons else ""
        return ", and ".join(words)


Reasons: TypeAlias = list[tuple[float, str]]
HALVES: Reasons = [(2.0, "a half forgotten"), (0.5, "a half too many")]


def by_sizes(sizes: Iterable[int]) -> Reasons:
    """Why a gradient may be off by a factor, where a sum may run over these numbers of things."""
    found: Reasons = []
    for n in sizes:
        found += [(n, f"a sum over {n}, not the mean"), (1 / n, f"a mean over {n}, not the sum")]
    return found


def factor(answer: Array, right: Array, place: float, reasons: Reasons) -> Factor | None:
    """How many times too large or small every entry is, and which reasons fit; None if not one.

    A factor of one entry alone is named only if it has a reason: any number is some multiple.
    """
    norm = float(np.sum(right * right))
    share = float(np.sum(answer * right)) / norm if norm else 0.0
    size, sign = abs(share), math.copysign(1, share)
    sharp = 0.51 * place <= 0.05 * size * np.abs(right).max(initial=0) and size <= 1e6
    if not sharp or not near(answer, share * right, place).all():
        return None
    fitting = [
        (f, why) for f, why in [(1.0, ""), *reasons] if near(answer, sign * f * right, place).all()
    ]
    if not fitting and np.count_nonzero(np.abs(right) > 0.51 * place) < 2:
        return None
    size = fitting[0][0] if fitting else size
    return Factor(sign * size, tuple(why for _, why in fitting if why))


def reordered(answer: Array, right: Array, place: float) -> bool:
    """Whether the rows of `answer` are those of `right` in some order."""
    left = list(right)
    for row in answer:
        fits = (i for i, other in enumerate(left) if near(row, other, place).all())
        if (found := next(fits, None)) is None:
            return False
        left.pop(found)
    return True
