"""Diagnosis: what kind of mistake do the numbers of a wrong gradient show?

`diagnose` looks at two gradients. `diagnose_backward` asks the function itself, at more points and
with more cotangents, and so can tell an accident from a kink, and a right rule from a lucky one.
A cause is named only where the numbers support it; else the diagnosis is "unsure".
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from scalarloss.check import Array, Arrays, Question, label, slopes
from scalarloss.diagnosis import EXACT, Certainty, Diagnosis, Kind, fits, fitting, named, tiny
from scalarloss.errors import NonFiniteError
from scalarloss.marking import NONE, factor, turned
from scalarloss.structure import MOST, Suspect, of_linearity, of_matrix, suspects

__all__ = ["Certainty", "Diagnosis", "Kind", "diagnose", "diagnose_backward"]

ROUNDED = ((np.float32, 1e-4), (np.float16, 1e-2))  # how far off the largest entry each may be
AHEAD = 1e-4  # of the largest entry: two one-sided slopes that differ by more make a kink
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
    right = np.asarray(numerical, dtype=np.float64)
    wrong: list[Suspect] = [("known", why, np.asarray(a)) for why, a in (known or {}).items()]
    return of_array(np.asarray(given), right, dict(sizes or {}), wrong)


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

    It is asked at x with two random cotangents and, where these leave more than one cause, with a
    cotangent for each entry of f's value. A second point, x plus a normal draw, must not show
    another cause; a backward pass that is right at x is asked at `points` more. Raises what
    `check_vjp` raises, but for GradientCheckError.
    """
    rng = np.random.default_rng(seed)
    here = Question(f, x)
    if not np.array_equal(here.value(), here.value()):
        return Diagnosis("random", "sure", "f gives another value each time: fix its seed first.")
    found = at_point(here, backward, rng, sizes)
    if found.kind in ("kink", "state", "shape", "not finite"):
        return found
    for _ in range(points if found.right else 1):
        there = at_point(beside(here, rng), backward, rng, sizes)
        if there.kind == "kink":
            continue
        if found.right and not there.right:
            words = f"right at this point, by accident, and wrong at another: {there.words}"
            return Diagnosis("by accident", "sure", words)
        if there.right and not found.right:
            words = f"wrong at this point and right at another: {found.words}"
            return Diagnosis("unsure", "unsure", words)
        if there.kind == "unsure":
            return found if found.kind == "unsure" else replace(found, certainty="likely")
        if there.kind != found.kind:
            words = f"{NONE}: at this point, {found.words} At another, {there.words}"
            return Diagnosis("unsure", "unsure", words)
        if found.kind == "factor" and there.words != found.words:
            words = "every entry off by one factor, which differs from point to point."
            return Diagnosis("local", "sure", words)
    return found


def beside(here: Question, rng: np.random.Generator) -> Question:
    """Another point: all entries moved by normal draws, or by shares where f needs that."""
    arrays = here.arrays
    for near in (False, True):
        moved = {
            n: (a * (1 + rng.uniform(-0.3, 0.3, a.shape)) if near else a + rng.normal(size=a.shape))
            for n, a in arrays.items()
        }
        moved = {n: np.asarray(a, arrays[n].dtype) for n, a in moved.items()}
        there = Question(here.f, moved if here.by_name else moved["x"])
        try:
            with np.errstate(all="ignore"):
                there.value()
            return there
        except NonFiniteError:
            if near:
                raise
    raise AssertionError


def at_point(
    question: Question,
    backward: Callable[..., Any],
    rng: np.random.Generator,
    sizes: Mapping[str, int] | None,
) -> Diagnosis:
    """What a backward pass shows at one point."""
    y = question.value()
    gs = [np.asarray(rng.normal(size=y.shape), dtype=y.dtype) for _ in range(2)]

    def back(g: Array) -> Arrays:
        given = question.call(backward, np.array(g, dtype=y.dtype))
        if not isinstance(given, Mapping):
            parts = given if isinstance(given, tuple) else (given,)
            given = dict(zip(question.arrays, parts, strict=False))
        return {name: np.array(given[name]) for name in question.arrays if name in given}

    given, again = [back(g) for g in gs], back(gs[0])
    if missing := [name for name in question.arrays if name not in again]:
        return Diagnosis("shape", "sure", f"no gradient came back for {', '.join(missing)}.")
    if any(repr(given[0][n].tolist()) != repr(again[n].tolist()) for n in again):
        words = "for the same g something else comes back the second time: it keeps a state."
        return Diagnosis("state", "sure", words)
    names = dict(sizes) if sizes else sizes_of([*question.arrays.values(), y])
    moves = {name: jacobian(question, name, y) for name in question.arrays}
    rights = [
        {n: (moves[n] @ g.ravel()).reshape(a.shape) for n, a in question.arrays.items()} for g in gs
    ]
    found = {}
    for name, x in question.arrays.items():
        each = [
            of_array(
                came[name],
                right[name],
                names,
                [*others(right, name), *suspects(moves[name], g, x, y)],
            )
            for g, came, right in zip(gs, given, rights, strict=True)
        ]
        found[name] = agree(*each)
        if found[name].right:
            continue
        if kinked := kinks(question, name, y):
            words = f"{name} is at a kink or a tie: {kinked[0]} has two slopes. Move it, ask again."
            found[name] = Diagnosis("kink", "likely", words)
        elif found[name].certainty != "sure":
            came = [one[name] for one in given]
            wanted = [right[name] for right in rights]
            asked = of_structure(partial_of(back, name), gs, came, wanted, moves[name], x, y)
            found[name] = asked or found[name]
    return join(found if question.by_name else {"": found["x"]})


def jacobian(question: Question, name: str, y: Array) -> Array:
    """Jᵀ, (n, k), by central differences; what may be their rounding is 0, as in `check_vjp`."""
    rows = []
    for slope, noise in slopes(question, name, y, "central"):
        rounding = np.abs(slope) <= 10 * noise * np.maximum(1.0, np.abs(y))
        rows.append(np.where(rounding, 0.0, slope).ravel())
    return np.array(rows)


def partial_of(back: Callable[[Array], Arrays], name: str) -> Callable[[Array], Array]:
    return lambda g: back(g)[name]


def others(rights: Arrays, name: str) -> Iterator[Suspect]:
    """The gradients of the other arrays."""
    for other, right in rights.items():
        if other != name:
            yield "swapped", f"this is the gradient of {other}", right


def of_structure(
    back: Callable[[Array], Array],
    gs: list[Array],
    given: list[Array],
    rights: list[Array],
    moves: Array,
    x: Array,
    y: Array,
) -> Diagnosis | None:
    """What more cotangents show, where two left more than one cause."""
    if curved := of_linearity(back, gs, given, moves):
        return curved
    off = [a - right for a, right in zip(given, rights, strict=True)]
    if x.size > 2 and all(is_multiple(a, x) for a in off):
        words = "off by a multiple of the array itself: is weight decay missing, or too large?"
        return Diagnosis("decay", "likely", words)
    if y.size > MOST:
        return None
    units = np.eye(y.size).reshape(y.size, *y.shape)
    matrix = np.stack([back(unit).ravel() for unit in units], axis=1)
    return next(of_matrix(matrix, moves, y.shape), None)


def is_multiple(a: Array, of: Array) -> bool:
    share = float(np.sum(a * of)) / float(np.sum(of * of) or np.nan)
    return bool(np.abs(a - share * of).max() <= 1e-4 * np.abs(a).max())


def agree(one: Diagnosis, other: Diagnosis) -> Diagnosis:
    """What two cotangents say: the cause that both name, or neither."""
    loose = ("one entry", "unsure", "right", "rounding", "cut off")
    if one.kind == other.kind and (one.words == other.words or one.kind in loose):
        return one
    if one.right and other.right:
        return one if one.kind == "rounding" else other
    if one.right or other.right:
        wrong = other if one.right else one
        words = f"right for one cotangent and wrong for another: {wrong.words}"
        return Diagnosis("unsure", "unsure", words)
    return Diagnosis("unsure", "unsure", f"{NONE}; two cotangents show different ones.")


def kinks(question: Question, name: str, y: Array) -> list[str]:
    """The entries where the slope ahead and the slope behind differ."""
    found = []
    x = question.arrays[name]
    for index, (ahead, noise) in zip(
        np.ndindex(x.shape), slopes(question, name, y, "forward"), strict=True
    ):
        h = np.sqrt(np.finfo(x.dtype).eps) * max(1.0, abs(float(x[index]))) ** 0.5
        behind = (y - question.beside(name, index, x[index] - x.dtype.type(h))) / h
        apart = np.abs(ahead - behind).max()
        if apart > AHEAD * max(np.abs(ahead).max(), np.abs(behind).max()) + 100 * noise:
            found.append(label(name, index))
    return found


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
    return Diagnosis(first.kind, first.certainty, " ".join(said))


def sizes_of(arrays: list[Array]) -> dict[str, int]:
    """What a sum may run over: each axis of these arrays, and each picture's places."""
    found = {n for a in arrays for n in a.shape}
    found |= {math.prod(a.shape[-2:]) for a in arrays if a.ndim > 2}
    return {str(n): n for n in sorted(found) if n > 1}


# One array


@np.errstate(all="ignore")
def of_array(
    given: Array, right: Array, sizes: Mapping[str, int], known: list[Suspect]
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
        return Diagnosis("zeros", "sure", "all zeros: nothing came back along this path.")
    found = next(causes(given, right, sizes, known), None)
    return found or Diagnosis("unsure", "unsure", unsure(given, right))


def causes(
    given: Array, right: Array, sizes: Mapping[str, int], known: list[Suspect]
) -> Iterator[Diagnosis]:
    """What the numbers support, the surest first."""
    wrong = ~fitting(given, right)
    count = int(np.count_nonzero(wrong))
    several = int(np.count_nonzero(np.abs(right) > tiny(right))) > 1
    for kind, why, other in known:
        if kind == "known" and is_like(given, other, right):
            yield Diagnosis(kind, "sure" if several else "likely", f"{why}.")
    if fits(given, -right):
        yield Diagnosis("sign", "sure" if several else "likely", "the sign.")
    for name, other in moved(right).items():
        for sign, also in ((1, ""), (-1, ", and the sign")):
            if fits(given, sign * other) and not fits(other, right):
                turn: Kind = "transposed" if "transposed" in name else "flipped"
                yield Diagnosis(turn, "sure", f"{name}{also}.")
    yield from scaled(given, right, sizes, several)
    yield from spread(given, right)
    for kind, why, other in known:
        if kind != "known" and is_like(given, other, right):
            yield Diagnosis(kind, "sure" if several else "likely", f"{why}.")
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
    given: Array, right: Array, sizes: Mapping[str, int], several: bool
) -> Iterator[Diagnosis]:
    """A constant factor."""
    share = float(np.sum(given * right)) / float(np.sum(right * right) or np.nan)
    if fits(given, share * right) and abs(abs(share) - 1) > 1e-4:
        words = factor(given, right, tiny(right), dict.fromkeys(sizes.values()))
        reasons = [(rate, f" (a learning rate of {rate:g}?)") for rate in RATES]
        for n in sizes.values():
            reasons += [(root, f" (the root of {n}?)") for root in (n**0.5, n**-0.5)]
        reason = next((why for f, why in reasons if abs(abs(share) / f - 1) <= EXACT), "")
        named = "?)" in words or reason
        if words and (several or named):
            words = words if "?)" in words else words + reason
            yield Diagnosis("factor", "sure" if several else "likely", f"{words}.")


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
    for count in range(1, given.ndim + 1):
        for axes in combinations(range(given.ndim), count):
            for how, what in ((np.sum, "sum"), (np.mean, "mean")):
                for keep in (False, True):
                    reduced = how(given, axis=axes, keepdims=keep)
                    if reduced.shape == right.shape and fits(reduced, right):
                        kind: Kind = "batch" if axes == (0,) else "broadcast"
                        words = f"{shapes}: the {what} over {named(axes)} is missing."
                        return Diagnosis(kind, "sure", words)
    for count in range(1, right.ndim + 1):
        for axes in combinations(range(right.ndim), count):
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


def moved(right: Array) -> dict[str, Array]:
    """The right numbers in wrong places, by what put them there."""
    found = turned(right) if right.ndim < 3 else {}
    for a, b in combinations(range(right.ndim), 2):
        if right.ndim > 2 and right.shape[a] == right.shape[b] > 1:
            found[f"axes {a} and {b} transposed"] = np.swapaxes(right, a, b)
    if right.ndim > 2:
        found["turned by half a turn, as a flipped filter is"] = right[..., ::-1, ::-1]
    return found


def unsure(given: Array, right: Array) -> str:
    count = int(np.count_nonzero(~fitting(given, right)))
    most = np.abs(given - right).max()
    return f"{NONE}: {count} of {right.size} entries differ, by up to {most:.3g}."
