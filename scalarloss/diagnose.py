"""Diagnosis: what kind of mistake do the numbers of a wrong gradient show?

`diagnose` looks at two gradients. `diagnose_backward` asks the function itself, at more points and
with more cotangents, and so can tell an accident from a kink, and a right rule from a lucky one. It
asks `check_vjp` first, and has nothing to say against a backward pass that passes there.
A cause is named only where the numbers support it; else the diagnosis is "unsure".
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from scalarloss.check import (
    Array,
    Arrays,
    Limits,
    Question,
    check_vjp,
    epsilon,
    label,
    slopes,
    step_at,
)
from scalarloss.diagnosis import (
    ASKED,
    COARSE,
    PRECISE,
    Certainty,
    Diagnosis,
    Kind,
    closeness,
    exact,
    fits,
    fitting,
    named,
    tiny,
)
from scalarloss.errors import GradientCheckError, ScalarLossError
from scalarloss.marking import HALVES, NONE, TRANSPOSED, by_sizes, factor, turned
from scalarloss.structure import MOST, Suspect, of_linearity, of_matrix, suspects

__all__ = ["Certainty", "Diagnosis", "Kind", "diagnose", "diagnose_backward"]

ROUNDED = ((np.float32, 1e-4), (np.float16, 1e-2))  # how far off the largest entry each may be
RATES = (0.1, 0.01, 0.001, 0.0001)


def diagnose(
    given: Any,
    numerical: Any,
    *,
    sizes: Mapping[str, int] | None = None,
    known: Mapping[str, Any] | None = None,
) -> Diagnosis:
    """Say what turns the right gradient, `numerical`, into the one `given`.

    Each is one array, a tuple of arrays, or a dict of them by name. `sizes` names the numbers of
    things that a sum may run over, such as {"N": 64}; `known` holds wrong gradients, of the shape
    of `numerical`, by the name of the mistake that leads to each. Entries agree within 1e-6 of the
    larger one, or 1e-8 of the array's largest: central differences in float64 do.
    Raises ValueError where the two hold different arrays.
    """
    if isinstance(numerical, Mapping | tuple | list):
        return join(diagnose_parts(given, numerical, sizes))
    right = np.asarray(numerical)
    counted = right.dtype.kind in "iub"  # no sum or half makes a count 2 times too large
    wrong: list[Suspect] = [("known", why, np.asarray(a)) for why, a in (known or {}).items()]
    return of_array(
        np.asarray(given), right.astype(np.float64), None if counted else dict(sizes or {}), wrong
    )


def diagnose_backward(
    f: Callable[..., Any],
    backward: Callable[..., Any],
    x: Any,
    *,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    points: int = 2,
) -> Diagnosis:
    """Say what is wrong with a backward pass, called as in `check_vjp`: backward(g, x).

    A pass that `check_vjp` accepts, with this seed and its own tolerances, is right at x, and is
    asked at `points` more: x plus a normal draw. One that it refuses is asked with two random
    cotangents and, where these leave more than one cause, with a cotangent for each entry of f's
    value; a second point must not show another cause. Single precision is asked again in double,
    where f computes in it. Three kinds say that the fault is not in the pass, or cannot be seen:
    "kink" (f has one nearer to x than the step), "coarse" (another step changes the differences by
    as much as they are off) and "random" (f, or what comes back, changes from call to call).
    Raises what `check_vjp` raises, but for GradientCheckError.
    """
    here = Question(f, x)
    here.require_free_name(backward)
    if not np.array_equal(here.value(), here.value()):
        return Diagnosis("random", "sure", "f gives another value each time: fix its seed first.")
    rng = np.random.default_rng(seed)
    found = at_point(here, backward, seed, sizes)
    if found.kind in ("random", "state", "shape", "not finite"):
        return found
    for _ in range(points if found.right or found.kind in ASKED else 1):
        there = elsewhere(here, backward, rng, seed, sizes)
        if there is None or there.kind in ASKED:
            continue
        if found.right:
            if not there.right:
                words = f"right at this point, by accident, and wrong at another: {there.words}"
                return Diagnosis("by accident", "sure", words)
        elif there.right:
            if found.kind not in ASKED:
                doubt = Seen(in_double(here) or here, backward, seed).doubt()
                if doubt and doubt.kind == "kink":
                    return Diagnosis("kink", "likely", doubt.words)
                words = f"wrong at this point and right at another: {found.words}"
                return Diagnosis("unsure", "unsure", words)
        elif found.kind in ASKED:
            return replace(
                there, words=f"{found.words} At another point it is wrong: {there.words}"
            )
        elif there.kind == "unsure":
            return found if found.kind == "unsure" else replace(found, certainty="likely")
        elif there.kind != found.kind:
            words = f"{NONE}: at this point, {found.words} At another, {there.words}"
            return Diagnosis("unsure", "unsure", words)
        elif found.kind == "factor" and not found.agrees(there):
            words = "every entry off by one factor, which differs from point to point."
            return Diagnosis("local", "sure", words)
    return found


def elsewhere(
    here: Question,
    backward: Callable[..., Any],
    rng: np.random.Generator,
    seed: int,
    sizes: Mapping[str, int] | None,
) -> Diagnosis | None:
    """What shows at another point: all entries moved by normal draws, or by shares of themselves.

    None where neither can be asked: f or backward may not be defined there.
    """
    for near in (False, True):
        moved = {
            n: (a * (1 + rng.uniform(-0.3, 0.3, a.shape)) if near else a + rng.normal(size=a.shape))
            for n, a in here.arrays.items()
        }
        moved = {n: np.asarray(a, here.arrays[n].dtype) for n, a in moved.items()}
        there = Question(here.f, moved if here.by_name else moved["x"])
        try:
            with np.errstate(all="ignore"):
                there.value()
                return at_point(there, backward, seed, sizes)
        except (ScalarLossError, ArithmeticError, ValueError, LookupError):
            continue
    return None


def at_point(
    question: Question,
    backward: Callable[..., Any],
    seed: int,
    sizes: Mapping[str, int] | None,
) -> Diagnosis:
    """What a backward pass shows at one point."""
    try:
        check_vjp(question.f, backward, question.point, seed=seed)
        return Diagnosis("right", "sure", "right.")
    except GradientCheckError:
        pass
    if double := in_double(question):
        doubled = at_point(double, backward, seed, sizes)
        if not doubled.right:
            return doubled
        words = "right in double precision. In single, differences are too coarse to tell here."
        return Diagnosis("rounding", "sure", words)
    seen = Seen(question, backward, seed)
    if found := seen.of_repetition():
        return found
    with closeness(COARSE if seen.single else PRECISE):
        return seen.diagnosis(sizes)


def in_double(question: Question) -> Question | None:
    """The same question in double precision, if it is in single and f computes in double, too."""
    singles = [n for n, a in question.arrays.items() if a.dtype == np.float32]
    if not singles:
        return None
    arrays = {n: a.astype(np.float64) for n, a in question.arrays.items()}
    double = Question(question.f, arrays if question.by_name else arrays["x"])
    try:
        return double if double.value().dtype == np.float64 else None
    except ScalarLossError:
        return None


@dataclass(frozen=True)
class Doubt:
    """An entry at which differences are no witness: a kink nearer than the step, or rounding."""

    kind: Kind
    words: str


class Seen:
    """What came back at one point for two random cotangents, those of `check_vjp`."""

    def __init__(self, question: Question, backward: Callable[..., Any], seed: int) -> None:
        self.question, self.backward = question, backward
        self.y = question.value()
        rng = np.random.default_rng(seed)
        self.gs = [np.asarray(rng.normal(size=self.y.shape), dtype=self.y.dtype) for _ in range(2)]
        self.given = [self.back(g) for g in self.gs]
        every = [a for came in self.given for a in came.values() if a.dtype.kind == "f"]
        coarse = max(map(epsilon, [self.y, *question.arrays.values(), *every]))
        self.moves = {name: jacobian(question, name, self.y) for name in question.arrays}
        self.single = epsilon(1.0) < coarse <= epsilon(np.float32(1))

    def back(self, g: Array) -> Arrays:
        given = self.question.call(self.backward, np.array(g, dtype=self.y.dtype))
        if not isinstance(given, Mapping):
            parts = given if isinstance(given, tuple) else (given,)
            given = dict(zip(self.question.arrays, parts, strict=False))
        return {name: np.array(given[name]) for name in self.question.arrays if name in given}

    def of_repetition(self) -> Diagnosis | None:
        """Whether a gradient is missing, or the same g brings something else the next time."""
        if missing := [name for name in self.question.arrays if name not in self.given[0]]:
            return Diagnosis("shape", "sure", f"no gradient came back for {', '.join(missing)}.")
        first, calls = self.given[0], [self.back(self.gs[0]) for _ in range(2)]
        if all(same(first[n], call[n]) for n in first for call in calls):
            return None
        calls = [calls[1], *(self.back(self.gs[0]) for _ in range(2))]
        if all(adds_up([call[n] for call in calls]) for n in first):
            words = "for the same g something else comes back the second time: it keeps a state."
            return Diagnosis("state", "sure", words)
        words = (
            "for the same g something else comes back each time, and not by equal steps: it draws "
            "at random, or keeps a state. Fix its seed first."
        )
        return Diagnosis("random", "likely", words)

    def diagnosis(self, sizes: Mapping[str, int] | None) -> Diagnosis:
        question, y = self.question, self.y
        names = dict(sizes) if sizes else sizes_of([*question.arrays.values(), y])
        moves = {name: clean for name, (_, clean) in self.moves.items()}
        rights = self.rights(moves)
        found = dict[str, Diagnosis]()
        doubts = list[Doubt]()
        for name, x in question.arrays.items():
            off = self.off(name)
            doubt, wrong = self.doubts(name, off)
            doubts += doubt
            if not wrong:
                found[name] = Diagnosis("right", "sure", "right.")
                continue
            each = [
                of_array(
                    came[name],
                    right[name],
                    names,
                    [*others(right, name), *suspects(moves[name], g, x, y)],
                )
                for g, came, right in zip(self.gs, self.given, rights, strict=True)
            ]
            found[name] = agree(*each)
            if found[name].kind == "zeros":
                words = "all zeros: nothing came back along this path."
                found[name] = replace(found[name], words=words)
            if found[name].right or found[name].certainty == "sure":
                continue
            shown = self.of_structure(name, rights, moves[name])
            if shown and (shown.certainty == "sure" or found[name].kind == "unsure"):
                found[name] = shown
            if found[name].kind == "unsure":
                doubts += self.doubts(name, off, whole=True)[0]
        kinds = {part.kind for part in found.values()}
        if doubts and kinds <= {"right", "rounding", "unsure"}:
            return Diagnosis(doubts[0].kind, "likely", doubts[0].words)
        if kinds == {"right"}:
            words = "off by hardly more than rounding, in entries that are small beside others."
            return Diagnosis("rounding", "likely", words)
        return join(found if question.by_name else {"": found["x"]})

    def rights(self, moves: Arrays) -> list[Arrays]:
        """The gradients that differences give for each cotangent."""
        arrays = self.question.arrays
        return [
            {n: (moves[n] @ g.ravel()).reshape(a.shape) for n, a in arrays.items()} for g in self.gs
        ]

    def doubt(self) -> Doubt | None:
        """The first reason to doubt the differences here, whatever else is wrong."""
        found = (self.doubts(name, self.off(name), whole=True)[0] for name in self.question.arrays)
        return next((doubts[0] for doubts in found if doubts), None)

    def off(self, name: str) -> dict[tuple[int, ...], list[float]]:
        """How far off each entry is that `check_vjp` refuses, for each cotangent; worst first.

        The one at (-1,) stands for an array that cannot be compared entry by entry.
        """
        x = self.question.arrays[name]
        given = [came[name] for came in self.given]
        if any(a.shape != x.shape or a.dtype.kind not in "fiu" for a in given):
            return {(-1,): [math.inf, math.inf]}
        asked = list(zip(self.gs, self.given, strict=True))
        limits = Limits.of(self.question, self.y, asked, "central")
        rights = self.rights({n: raw for n, (raw, _) in self.moves.items()})
        eps, found = max(epsilon(x), epsilon(self.y)), {}
        for index in np.ndindex(x.shape):
            noise = eps / step_at(self.question, name, self.y, index)
            pairs = [
                (float(a[index]), float(right[name][index]))
                for a, right in zip(given, rights, strict=True)
            ]
            if any(
                not abs(a - n) <= limits.bound(a, n, g, self.y, noise)
                for g, (a, n) in zip(self.gs, pairs, strict=True)
            ):
                found[index] = [abs(a - n) for a, n in pairs]
        return dict(sorted(found.items(), key=lambda pair: -max(pair[1])))

    def doubts(
        self, name: str, off: dict[tuple[int, ...], list[float]], whole: bool = False
    ) -> tuple[list[Doubt], bool]:
        """Why differences are no witness at some entries, and whether any other is wrong.

        Not `whole`, it stops at the first of these.
        """
        found, wrong = list[Doubt](), False
        for index, errors in off.items():
            near = Near(self.question, name, index, self.y) if index != (-1,) else None
            if near and (kind := near.doubt(self.gs, errors)):
                found += [] if found else [Doubt(kind, near.words(kind))]
                continue
            wrong = True
            if not whole:
                break
        return found, wrong

    def of_structure(self, name: str, rights: list[Arrays], moves: Array) -> Diagnosis | None:
        """What more cotangents show, where two left more than one cause."""
        x, y = self.question.arrays[name], self.y
        given = [came[name] for came in self.given]
        if any(a.shape != x.shape or a.dtype.kind not in "fiub" for a in given):
            return None
        given = [a.astype(np.float64) for a in given]

        def back(g: Array) -> Array:
            return np.asarray(self.back(g)[name], dtype=np.float64)

        if curved := of_linearity(back, self.gs, given, moves):
            return curved
        off = [a - right[name] for a, right in zip(given, rights, strict=True)]
        if x.size > 2 and all(is_multiple(a, x) for a in off):
            words = "off by a multiple of the array itself: is weight decay missing, or too large?"
            return Diagnosis("decay", "likely", words)
        if y.size > MOST:
            return None
        units = np.eye(y.size).reshape(y.size, *y.shape)
        matrix = np.stack([back(unit).ravel() for unit in units], axis=1)
        if not np.all(np.isfinite(matrix)):
            return None
        return next(of_matrix(matrix, moves, x.shape, y.shape), None)


class Near:
    """f within a step of x, as one entry moves: four slopes, between x and h/2 and h either way.

    bend      how far apart the slopes are, where a kink parts them; else 0. Shaped like f's value
    scatter   how much the quotient changes when its step is halved
    """

    PARTS = 0.05  # of the slopes' range: where one turns from its neighbours by more, f bends here
    SUDDEN = 0.15  # and by more than this between two of 32 slopes, it does so at once, at a kink

    def __init__(self, question: Question, name: str, index: tuple[int, ...], y: Array) -> None:
        self.question, self.name, self.index, self.y = question, name, index, y
        self.x = question.arrays[name]
        self.h = step_at(question, name, y, index)
        slopes = self.between(np.linspace(-self.h, self.h, 5))
        turns = np.abs(np.diff(slopes, n=2, axis=0)).max(axis=0)
        span = slopes.max(axis=0) - slopes.min(axis=0)
        noise = 64 * max(epsilon(self.x), epsilon(y)) * np.maximum(1.0, np.abs(y)) / self.h
        uneven = turns > self.PARTS * span
        self.bend = np.where(uneven & (span > noise), span, 0.0)
        if np.any(self.bend):
            fine = np.abs(np.diff(self.between(np.linspace(-self.h, self.h, 33)), axis=0))
            sudden = fine.max(axis=0) > self.SUDDEN * span
            lasting = self.spread(8 * self.h) > span / 2
            self.bend = np.where(sudden & lasting, self.bend, 0.0)
        scatter = 3 * np.abs(slopes.mean(axis=0) - slopes[1:3].mean(axis=0))
        self.scatter = np.where(uneven, np.maximum(span, scatter), scatter)

    def spread(self, h: float) -> Array:
        """How far apart the slopes are with a longer step: as far at a kink, less far in noise."""
        try:
            slopes = self.between(np.linspace(-h, h, 5))
        except ScalarLossError:
            return np.full(self.y.shape, np.inf)
        return np.asarray(slopes.max(axis=0) - slopes.min(axis=0))

    def doubt(self, gs: list[Array], errors: list[float]) -> Kind | None:
        """Why these errors, one for each cotangent, say nothing against what came back."""
        if np.any(self.bend):
            return "kink"
        loose = [float(np.sum(np.abs(g) * self.scatter)) for g in gs]
        return "coarse" if all(e <= s for e, s in zip(errors, loose, strict=True)) else None

    def between(self, moves: Array) -> Array:
        """The slopes between neighbouring moves, one row of f's shape for each."""
        x = self.x[self.index]
        places = [x + self.x.dtype.type(move) for move in moves]
        values = [np.asarray(self.value(place), np.float64) for place in places]
        widths = np.diff(np.array(places, np.float64))
        rises = np.diff(np.array(values), axis=0)
        return np.asarray(rises / widths.reshape(-1, *(1 for _ in self.y.shape)))

    def value(self, place: Any) -> Array:
        return self.question.beside(self.name, self.index, place)

    def words(self, kind: Kind) -> str:
        entry = label(self.name, self.index)
        if kind == "coarse":
            return (
                f"the differences cannot tell: with half the step, those of {entry} change by as "
                "much as this is off. Take double precision, smaller values, or another point."
            )
        low, high = -self.h, self.h
        worst = np.argmax(self.bend)
        for _ in range(4 if epsilon(self.x) < 1e-10 else 2):
            moves = np.linspace(low, high, 9)
            turns = np.abs(np.diff(self.between(moves).reshape(8, -1)[:, worst]))
            at = int(np.argmax(turns))
            low, high = moves[at], moves[at + 2]
        away = (low + high) / 2
        if abs(away) < self.h / 100:
            return f"{self.name} is at a kink or a tie: {entry} has two slopes. Move it, ask again."
        return (
            f"{self.name} is near a kink or a tie: moved by {away:+.1e}, {entry} meets another "
            f"slope, and the step is {self.h:.1e}. Move it away, ask again."
        )


def same(one: Array, other: Array) -> bool:
    """Whether two calls brought the same, up to the rounding of another order of sums."""
    if one.shape != other.shape or one.dtype.kind not in "fiub" or other.dtype.kind not in "fiub":
        return repr(one.tolist()) == repr(other.tolist())
    size = 64 * epsilon(one) * np.abs(one).max(initial=0, where=np.isfinite(one))
    with np.errstate(invalid="ignore"):
        return bool(
            np.all(
                (np.abs(one - other * 1.0) <= size)
                | (one == other)
                | ((one != one) & (other != other))
            )
        )


def adds_up(calls: list[Array]) -> bool:
    """Whether each call adds the same to the one before, or nothing more."""
    if any(a.shape != calls[0].shape or a.dtype.kind not in "fiu" for a in calls):
        return False
    steps = np.diff(np.array(calls, np.float64), axis=0)
    return bool(np.all(np.abs(steps - steps[0]) <= 1e-5 * np.abs(calls[-1]).max(initial=1e-300)))


def jacobian(question: Question, name: str, y: Array) -> tuple[Array, Array]:
    """Jᵀ, (n, k), by central differences: as they come, and with 0 for what may be rounding."""
    rows, clean = [], []
    for slope, noise in slopes(question, name, y, "central"):
        rounding = np.abs(slope) <= 10 * noise * np.maximum(1.0, np.abs(y))
        rows.append(slope.ravel())
        clean.append(np.where(rounding, 0.0, slope).ravel())
    return np.array(rows), np.array(clean)


def others(rights: Arrays, name: str) -> Iterator[Suspect]:
    """The gradients of the other arrays."""
    for other, right in rights.items():
        if other != name:
            yield "swapped", f"this is the gradient of {other}", right


def is_multiple(a: Array, of: Array) -> bool:
    share = float(np.sum(a * of)) / float(np.sum(of * of) or np.nan)
    return bool(np.abs(a - share * of).max() <= 1e-4 * np.abs(a).max())


def agree(one: Diagnosis, other: Diagnosis) -> Diagnosis:
    """What two cotangents say: the cause that both name, or neither."""
    loose = ("one entry", "unsure", "right", "rounding", "cut off")
    if one.agrees(other) or one.kind == other.kind in loose:
        return one
    if one.right and other.right:
        return one if one.kind == "rounding" else other
    if one.right or other.right:
        wrong = other if one.right else one
        words = f"right for one cotangent and wrong for another: {wrong.words}"
        return Diagnosis("unsure", "unsure", words)
    return Diagnosis("unsure", "unsure", f"{NONE}; two cotangents show different ones.")


def diagnose_parts(
    given: Any, numerical: Any, sizes: Mapping[str, int] | None
) -> dict[str, Diagnosis]:
    if not isinstance(numerical, Mapping):
        given, numerical = (dict(enumerate(parts)) for parts in (given, numerical))
    if given.keys() != numerical.keys():
        raise ValueError(
            f"gradients were given for {', '.join(map(str, given))}, and there are right ones for "
            f"{', '.join(map(str, numerical))}: give one for each."
        )
    return {str(n): diagnose(given[n], right, sizes=sizes) for n, right in numerical.items()}


def join(parts: Mapping[str, Diagnosis]) -> Diagnosis:
    """One diagnosis of several arrays: the first that is wrong gives its kind."""
    wrong = {name: part for name, part in parts.items() if not part.right}
    if not wrong:
        return max(parts.values(), key=lambda part: part.kind == "rounding")
    first = next(iter(wrong.values()))
    said = [f"{name}: {part.words}" if name else part.words for name, part in wrong.items()]
    about = tuple(thing for part in wrong.values() for thing in part.about)
    return Diagnosis(first.kind, first.certainty, " ".join(said), about)


def sizes_of(arrays: list[Array]) -> dict[str, int]:
    """What a sum may run over: each axis of these arrays, and each picture's places."""
    found = {n for a in arrays for n in a.shape}
    found |= {math.prod(a.shape[-2:]) for a in arrays if a.ndim > 2}
    return {str(n): n for n in sorted(found) if n > 1}


# One array


@np.errstate(all="ignore")
def of_array(
    given: Array, right: Array, sizes: Mapping[str, int] | None, known: list[Suspect]
) -> Diagnosis:
    if given.dtype.kind not in "fiub":
        return Diagnosis("unsure", "sure", f"its dtype is {given.dtype}: give real numbers.")
    given = given.astype(np.float64)
    if not np.all(np.isfinite(given)):
        at = tuple(np.argwhere(~np.isfinite(given))[0].tolist())
        return Diagnosis("not finite", "sure", f"{label('its entry ', at)} is {given[at]}.")
    if given.shape != right.shape:
        return of_shape(given, right)
    if fits(given, right):
        return Diagnosis("right", "sure", "right.")
    if not given.any():
        return Diagnosis("zeros", "sure", "all zeros.")
    found = next(causes(given, right, sizes, known), None)
    return found or Diagnosis("unsure", "unsure", unsure(given, right))


def causes(
    given: Array, right: Array, sizes: Mapping[str, int] | None, known: list[Suspect]
) -> Iterator[Diagnosis]:
    """What the numbers support, the surest first."""
    wrong = ~fitting(given, right)
    count = int(np.count_nonzero(wrong))
    several = int(np.count_nonzero(np.abs(right) > tiny(right))) > 1
    for kind, why, other in known:
        if kind == "known" and is_like(given, other, right):
            yield Diagnosis(kind, "sure" if several else "likely", f"{why}.", (why,))
    if fits(given, -right):
        yield Diagnosis("sign", "sure" if several else "likely", "the sign.")
    for turn, name, other in moved(right):
        for sign, also in ((1, ""), (-1, ", and the sign")):
            if fits(given, sign * other) and not fits(other, right):
                yield Diagnosis(turn, "sure", f"{name}{also}.", (name, sign))
    yield from scaled(given, right, sizes, several)
    yield from spread(given, right)
    for kind, why, other in known:
        if kind != "known" and is_like(given, other, right):
            yield Diagnosis(kind, "sure" if several else "likely", f"{why}.", (why,))
    if several and fits(given, np.trunc(right)) and np.array_equal(given, np.trunc(given)):
        yield Diagnosis("cut off", "sure", "whole numbers: every fraction is cut off.")
    yield from masked(given, right, wrong)
    if count == 1 and right.size > 2:
        at = tuple(np.argwhere(wrong)[0].tolist())
        words = f"one entry, {list(at)}, is {given[at]:.6g} in place of {right[at]:.6g}."
        yield Diagnosis("one entry", "sure", words)
    yield from partial(wrong)
    yield from by_index(given, right)
    worst = float(np.abs(given - right).max() / np.abs(right).max())
    for precision, most in ROUNDED:
        if worst <= most and np.array_equal(given, given.astype(precision)):
            words = f"off by {worst:.0e} of the largest entry, in numbers that {precision.__name__}"
            yield Diagnosis("rounding", "likely", f"{words} holds: rounding.")
    if several and count > 1 and fits(np.abs(given), np.abs(right)):
        yield Diagnosis("sign", "likely", f"the sign of {count} of {right.size} entries.")
    if several and fits(np.sort(given, axis=None), np.sort(right, axis=None)):
        sure = np.unique(right[np.abs(right) > tiny(right)]).size > 3
        words = "the right numbers in wrong places."
        yield Diagnosis("order", "sure" if sure else "likely", words)
    offset = np.mean(given - right)
    if right.size > 2 and fits(given - right, np.full(right.shape, offset)):
        yield Diagnosis("offset", "likely", f"every entry too large by {offset:.6g}.")


def scaled(
    given: Array, right: Array, sizes: Mapping[str, int] | None, several: bool
) -> Iterator[Diagnosis]:
    """A constant factor, and why, if a reason fits: none does where a count is off."""
    share = float(np.sum(given * right)) / float(np.sum(right * right) or np.nan)
    if not fits(given, share * right) or abs(abs(share) - 1) <= 10 * exact():
        return
    simple, more = [], []
    if sizes is not None:
        counts = list(dict.fromkeys(sizes.values()))
        simple = [*HALVES, *by_sizes(counts)]
        more = [(rate, f"a learning rate of {rate:g}") for rate in RATES]
        for n in counts:
            more += [(root, f"the root of {n}") for root in (n**0.5, n**-0.5)]
        if len(counts) < 4:
            pairs = [(m, n) for m in counts for n in counts if m != n]
            more += [(m / n, f"divided by {n} in place of {m}") for m, n in pairs]
    for reasons in (simple, more):
        sharp = [(f, why) for f, why in reasons if abs(abs(share) / f - 1) <= 10 * exact()]
        found = factor(given, right, tiny(right), sharp)
        if found and (found.reasons or (several and reasons is more)):
            certainty: Certainty = "sure" if several else "likely"
            yield Diagnosis("factor", certainty, f"{found}.", (found.by, bool(found.reasons)))
            return


def by_index(given: Array, right: Array) -> Iterator[Diagnosis]:
    """A factor that differs from row to row, or along another axis."""
    for axis in range(right.ndim if right.ndim > 1 else 0):
        if right.shape[axis] < 2 or right.size == right.shape[axis]:
            continue
        others = tuple(i for i in range(right.ndim) if i != axis)
        norm = np.sum(right * right, axis=others, keepdims=True)
        shares = np.sum(given * right, axis=others, keepdims=True) / np.where(norm, norm, np.nan)
        if fits(given, np.nan_to_num(shares) * right) and not np.allclose(np.abs(shares), 1):
            words = f"each index of axis {axis} has a factor of its own."
            yield Diagnosis("local", "likely", words)


def spread(given: Array, right: Array) -> Iterator[Diagnosis]:
    """Summed or averaged over an axis that should have been kept, and spread over it again."""
    for count in range(1, right.ndim + 1):
        for axes in combinations(range(right.ndim), count):
            if all(right.shape[axis] == 1 for axis in axes):
                continue
            for how, what in ((np.sum, "summed"), (np.mean, "averaged")):
                if fits(given, np.broadcast_to(how(right, axis=axes, keepdims=True), right.shape)):
                    yield Diagnosis(
                        "axis", "sure", f"{what} over {named(axes)}, which is to be kept."
                    )


def partial(wrong: Array) -> Iterator[Diagnosis]:
    """Wrong in one row, one column, one slice, or everywhere but there."""
    for axis in range(wrong.ndim if wrong.ndim > 1 else 0):
        others = tuple(i for i in range(wrong.ndim) if i != axis)
        hit = np.any(wrong, axis=others)
        if hit.sum() == 1 and wrong.shape[axis] > 1:
            words = f"wrong at index {int(np.argmax(hit))} of axis {axis}, right elsewhere."
            yield Diagnosis("part", "likely", words)


def masked(given: Array, right: Array, wrong: Array) -> Iterator[Diagnosis]:
    """Right, but where the right ones are 0; or right, but for zeros."""
    zero, count = np.abs(right) <= tiny(right), int(np.count_nonzero(wrong))
    if count > 1 and not wrong.all():
        if np.all(zero[wrong]):
            words = f"{count} entries are not 0, and should be; the others are right."
            yield Diagnosis("mask", "sure", words)
        if not np.any(given[wrong]):
            words = f"{count} entries are 0, and should not be; the others are right."
            yield Diagnosis("mask", "likely", words)


def is_like(given: Array, other: Array, right: Array) -> bool:
    return given.shape == other.shape and fits(given, other) and not fits(other, right)


def of_shape(given: Array, right: Array) -> Diagnosis:
    """What a gradient of another shape is."""
    shapes = f"shape {given.shape}, and {right.shape} is right"
    if given.shape == right.shape[::-1] and fits(given.T, right):
        return Diagnosis("transposed", "sure", f"transposed: {shapes}.")
    long = [tuple(n for n in shape if n > 1) for shape in (given.shape, right.shape)]
    if long[0] == long[1] and fits(given.ravel(), right.ravel()):
        many = "too many" if given.ndim > right.ndim else "too few, or misplaced"
        words = f"the right numbers in {shapes}: an axis of length 1 {many} (keepdims?)."
        return Diagnosis("shape", "sure", words)
    for count in range(1, given.ndim + 1):
        for axes in combinations(range(given.ndim), count):
            if all(given.shape[axis] == 1 for axis in axes):
                continue
            for how, what in ((np.sum, "sum"), (np.mean, "mean")):
                for keep in (False, True):
                    reduced = how(given, axis=axes, keepdims=keep)
                    if reduced.shape == right.shape and fits(reduced, right):
                        kind: Kind = "batch" if axes == (0,) else "broadcast"
                        words = f"{shapes}: the {what} over {named(axes)} is missing."
                        return Diagnosis(kind, "sure", words)
    for count in range(1, right.ndim + 1):
        for axes in combinations(range(right.ndim), count):
            if all(right.shape[axis] == 1 for axis in axes):
                continue
            for how, what in ((np.sum, "summed"), (np.mean, "averaged")):
                for keep in (False, True):
                    reduced = how(right, axis=axes, keepdims=keep)
                    if reduced.shape == given.shape and fits(given, reduced):
                        words = f"{what} over {named(axes)}, which is to be kept: {shapes}."
                        return Diagnosis("axis", "sure", words)
    if given.size == right.size and fits(given.ravel(), right.ravel()):
        return Diagnosis("shape", "sure", f"the right numbers in {shapes}.")
    if is_spread(right.shape, given.shape):
        words = f"{shapes}: two shapes met and were broadcast, an entry for each pair."
        return Diagnosis("broadcast", "likely", words)
    return Diagnosis("shape", "sure", f"{shapes}.")


def is_spread(shape: tuple[int, ...], over: tuple[int, ...]) -> bool:
    """Whether the one shape broadcasts to the other, along an axis that it has with length 1."""
    return len(shape) == len(over) and all(a in (b, 1) for a, b in zip(shape, over, strict=True))


def moved(right: Array) -> Iterator[Suspect]:
    """The right numbers in wrong places, by what put them there."""
    for name, other in turned(right).items() if right.ndim < 3 else ():
        yield "transposed" if name in TRANSPOSED else "flipped", name, other
    for a, b in combinations(range(right.ndim), 2):
        if right.ndim > 2 and right.shape[a] == right.shape[b] > 1:
            yield "transposed", f"axes {a} and {b} transposed", np.swapaxes(right, a, b)
    if right.ndim > 2:
        yield "flipped", "turned by half a turn, as a flipped filter is", right[..., ::-1, ::-1]


def unsure(given: Array, right: Array) -> str:
    count = int(np.count_nonzero(~fitting(given, right)))
    most = np.abs(given - right).max()
    return f"{NONE}: {count} of {right.size} entries differ, by up to {most:.3g}."
