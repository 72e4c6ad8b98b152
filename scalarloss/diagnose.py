"""Diagnosis: what kind of mistake do the numbers of a wrong gradient show?

`diagnose` looks at two gradients. `diagnose_backward` asks the function itself, at more points and
with more cotangents, and so can tell an accident from a kink, and a right rule from a lucky one.
A cause is named only where the numbers support it; else the diagnosis is "unsure".
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, TypeAlias

import numpy as np

from scalarloss.check import Array, Arrays, Question, label, slopes
from scalarloss.marking import NONE, factor, near, turned

Kind: TypeAlias = Literal[
    "right", "rounding", "shape", "not finite", "zeros", "transposed", "flipped", "sign", "factor",
    "batch", "broadcast", "axis", "one entry", "part", "order", "offset", "jacobian twice", "known",
    "by accident", "kink", "random", "unsure",
]  # fmt: skip
Certainty: TypeAlias = Literal["sure", "likely", "unsure"]

EXACT = 1e-6  # of the larger of two entries: what central differences leave of a right gradient
FLOOR = 1e-8  # of the largest entry: an entry below this is rounding
ROUNDING = 1e-4  # of the larger of two entries: as far as single precision goes astray
AHEAD = 1e-4  # of the largest entry: two one-sided slopes that differ by more make a kink
RATES = (0.1, 0.01, 0.001, 0.0001)


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
    return of_array(np.asarray(given), right, dict(sizes or {}), dict(known or {}))


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

    It is asked at x with two random cotangents, and at `points` other points, x plus a normal
    draw. A cause is named where all cotangents agree on it. Raises what `check_vjp` raises, but
    for GradientCheckError.
    """
    rng = np.random.default_rng(seed)
    here = Question(f, x)
    if not np.array_equal(here.value(), here.value()):
        return Diagnosis("random", "sure", "f gives another value each time: fix its seed first.")
    names = dict(sizes or {}) or sizes_of(here.arrays)
    found = ask(here, backward, rng, names)
    if not found.right:
        return found
    for _ in range(points):
        moved = {n: a + rng.normal(size=a.shape).astype(a.dtype) for n, a in here.arrays.items()}
        there = ask(Question(f, moved if here.by_name else moved["x"]), backward, rng, names)
        if not there.right:
            words = f"right at this point, by accident, and wrong at another: {there.words}"
            return Diagnosis("by accident", "sure", words)
    return found


def ask(
    question: Question,
    backward: Callable[..., Any],
    rng: np.random.Generator,
    sizes: Mapping[str, int],
) -> Diagnosis:
    """The diagnosis on which two random cotangents agree at one point."""
    y = question.value()
    moves = {
        n: np.array([s for s, _ in slopes(question, n, y, "central")]) for n in question.arrays
    }
    both = []
    for _ in range(2):
        g = np.asarray(rng.normal(size=y.shape), dtype=y.dtype)
        given = question.call(backward, g.copy())
        if not isinstance(given, Mapping):
            parts = given if isinstance(given, tuple) else (given,)
            given = dict(zip(question.arrays, parts, strict=True))
        both.append(
            {
                name: of_array(
                    np.asarray(given[name]),
                    np.tensordot(moves[name], g, axes=g.ndim).reshape(a.shape),
                    sizes,
                    twice(question, name, moves[name], g),
                )
                for name, a in question.arrays.items()
            }
        )
    agreed = {name: agree(one, both[1][name]) for name, one in both[0].items()}
    for name, diagnosis in agreed.items():
        kinked = [] if diagnosis.right else kinks(question, name, y)
        if kinked:
            words = f"{name} is at a kink or a tie: {kinked[0]} has two slopes. Move it, ask again."
            agreed[name] = Diagnosis("kink", "likely", words)
    return join(agreed if question.by_name else {"": agreed["x"]})


def agree(one: Diagnosis, other: Diagnosis) -> Diagnosis:
    """What two cotangents say: the cause that both name, or neither."""
    if one.kind == other.kind and (one.words == other.words or one.kind in ("one entry", "unsure")):
        return one
    if one.right or other.right:
        wrong = other if one.right else one
        words = f"right for one cotangent and wrong for another: {wrong.words}"
        return one if wrong.right else Diagnosis("unsure", "unsure", words)
    return Diagnosis("unsure", "unsure", f"{NONE}; two cotangents show different ones.")


def twice(question: Question, name: str, moves: Array, g: Array) -> dict[str, Array]:
    """The gradients of a backward pass that applies a Jacobian once more than it should."""
    x = question.arrays[name]
    n = moves.shape[0]
    right = np.tensordot(moves, g, axes=g.ndim)
    found = {}
    if g.size == n:
        jacobian = moves.reshape(n, n).T
        found["the Jacobian applied twice"] = jacobian.T @ right
    elif x.ndim:
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        p, r = e / e.sum(axis=-1, keepdims=True), right.reshape(x.shape)
        found["softmax's Jacobian applied twice"] = p * (r - np.sum(p * r, axis=-1, keepdims=True))
    return {why: a.reshape(x.shape) for why, a in found.items()}


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
        return next(iter(parts.values()))
    first = next(iter(wrong.values()))
    said = [f"{name}: {part.words}" if name else part.words for name, part in wrong.items()]
    return Diagnosis(first.kind, first.certainty, " ".join(said))


def sizes_of(arrays: Arrays) -> dict[str, int]:
    return {str(n): n for a in arrays.values() for n in a.shape if n > 1}


# One array


@np.errstate(all="ignore")
def of_array(
    given: Array, right: Array, sizes: Mapping[str, int], known: Mapping[str, Any]
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
    given: Array, right: Array, sizes: Mapping[str, int], known: Mapping[str, Any]
) -> Iterator[Diagnosis]:
    """What the numbers support, the surest first."""
    wrong = ~fitting(given, right)
    count = int(np.count_nonzero(wrong))
    several = int(np.count_nonzero(np.abs(right) > tiny(right))) > 1
    for why, other in known.items():
        other = np.asarray(other)
        if other.shape == given.shape and fits(given, other) and not fits(right, other):
            kind: Kind = "jacobian twice" if "applied twice" in why else "known"
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
    if count == 1 and right.size > 2:
        at = tuple(np.argwhere(wrong)[0].tolist())
        words = f"one entry, {list(at)}, is {given[at]:.6g} in place of {right[at]:.6g}."
        yield Diagnosis("one entry", "sure", words)
    yield from partial(wrong)
    yield from by_index(given, right)
    worst = float(np.abs(given - right).max() / np.abs(right).max())
    if worst <= ROUNDING and np.array_equal(given, given.astype(np.float32)):
        words = (
            f"off by {worst:.0e} of the largest entry, in numbers of single precision: rounding."
        )
        yield Diagnosis("rounding", "likely", words)
    if several and count > 1 and fits(np.abs(given), np.abs(right)):
        yield Diagnosis("sign", "likely", f"the sign of {count} of {right.size} entries.")
    if several and fits(np.sort(given, axis=None), np.sort(right, axis=None)):
        yield Diagnosis("order", "likely", "the right numbers in wrong places.")
    offset = np.mean(given - right)
    if right.size > 2 and fits(given - right, np.full(right.shape, offset)):
        yield Diagnosis("offset", "likely", f"every entry too large by {offset:.6g}.")


def scaled(
    given: Array, right: Array, sizes: Mapping[str, int], several: bool
) -> Iterator[Diagnosis]:
    """A constant factor."""
    share = float(np.sum(given * right)) / float(np.sum(right * right) or np.nan)
    if fits(given, share * right) and abs(abs(share) - 1) > ROUNDING:
        words = factor(given, right, tiny(right), dict.fromkeys(sizes.values()))
        reason = next((f" (a learning rate of {r:g}?)" for r in RATES if near_to(share, r)), "")
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
            words = f"each index of axis {axis} has a factor of its own: a sum or a share"
            yield Diagnosis("axis", "likely", f"{words} along the wrong axis.")


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
            yield Diagnosis("part", "sure", words)


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
    return Diagnosis("shape", "sure", f"{shapes}.")


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


def fitting(given: Array, right: Array) -> Array:
    size = np.maximum(np.abs(given), np.abs(right))
    return np.asarray(np.abs(given - right) <= np.maximum(EXACT * size, tiny(right)))


def fits(given: Array, right: Array) -> bool:
    return bool(np.all(fitting(given, right)))


def tiny(right: Array) -> float:
    return FLOOR * float(np.abs(right).max(initial=0)) or FLOOR


def near_to(number: float, other: float) -> bool:
    return bool(near(np.asarray(number), np.asarray(other), FLOOR))


def named(axes: tuple[int, ...]) -> str:
    return f"{'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}"
