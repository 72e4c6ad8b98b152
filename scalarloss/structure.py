"""Structure: what a backward pass shows as a matrix, and with cotangents made up to catch it.

A right backward pass takes g to Jᵀ g. Here J is known from differences, as `moves`: Jᵀ of shape
(n, k), for an array of n entries and k entries of f's value. What a mistake makes of Jᵀ or of g is
compared with what came back.
"""

from collections.abc import Callable, Iterator

import numpy as np

from scalarloss.check import Array
from scalarloss.diagnosis import Diagnosis, Kind, exact, fits, fitting, named, tiny

MOST = 1024  # entries of f's value, for each of which a backward pass is asked
CURVED = (
    "for a sum of two g comes back something else than the sum of what each gives",
    "for seven times the g comes back something else than seven times as much",
)
Suspect = tuple[Kind, str, Array]


def suspects(moves: Array, g: Array, x: Array, y: Array) -> Iterator[Suspect]:
    """What mistakes in the use of g or of the Jacobian lead to: gradients shaped like x."""
    n, k = moves.shape

    def back(g: Array) -> Array:
        return np.asarray((moves @ g.ravel()).reshape(x.shape))

    if n == k > 1:
        across = (moves.T @ g.ravel()).reshape(x.shape)
        yield "transposed", "the Jacobian in place of its transpose", across
        if x.shape == g.shape and not one_to_one(moves):
            yield "identity", "g itself, as if f changed nothing", g
        yield "jacobian twice", "the Jacobian applied twice", back(back(g))
    elif x.ndim:
        p = np.exp(x - x.max(axis=-1, keepdims=True))
        p = p / p.sum(axis=-1, keepdims=True)
        right = back(g)
        again = p * (right - np.sum(p * right, axis=-1, keepdims=True))
        yield "jacobian twice", "softmax's Jacobian applied twice", again
    for a in range(g.ndim):
        for b in range(a):
            if g.shape[a] == g.shape[b] > 1:
                words = f"axis {a} of g is taken for axis {b}"
                yield "axis" if n < k else "transposed", words, back(np.swapaxes(g, a, b))
    for axis in range(g.ndim if g.size > 1 else 0):
        for how, what in ((np.sum, "summed"), (np.mean, "averaged")):
            flat = np.broadcast_to(how(g, axis=axis, keepdims=True), g.shape)
            yield "axis", f"g is {what} over axis {axis} first", back(flat)
    if g.ndim > 2 and x.ndim > 1:
        turned = back(g[..., ::-1, ::-1])[..., ::-1, ::-1]
        yield "flipped", "as with a filter turned by half a turn", turned
    yield from softmax_slips(g, x, y)


def softmax_slips(g: Array, x: Array, y: Array) -> Iterator[Suspect]:
    """p (g − Σ g p) with a slip in its sum, where f's value p adds up to 1 along its last axis."""
    if x.shape == y.shape and y.ndim and np.all(y > 0) and np.allclose(y.sum(axis=-1), 1):
        for axis in range(y.ndim - 1):
            slip = y * (g - np.sum(g * y, axis=axis, keepdims=True))
            yield "axis", f"softmax's sum runs over axis {axis}, and should over the last", slip
        sums = np.sum(g * y, axis=-1)
        if y.ndim > 1 and all(n in (1, m) for n, m in zip(sums.shape, y.shape[1:], strict=True)):
            words = "softmax's sum is taken along rows and spread along columns"
            yield "broadcast", words, y * (g - sums)


def of_linearity(
    back: Callable[[Array], Array], gs: list[Array], given: list[Array], moves: Array
) -> Diagnosis | None:
    """Whether what comes back is not linear in g, as Jᵀ g is; `given` came back for `gs`."""
    if all(fits(given[0], a) for a in (given[1], back(-gs[0]))):
        sums = fits(given[0].ravel(), moves.sum(axis=1))
        words = "the gradient of the sum of f" if sums else "the same"
        return Diagnosis("cotangent", "sure", f"g is not used: {words} comes back for every g.")
    if not fits(given[0] + back(0 * gs[0]), given[0]):
        return Diagnosis("not linear", "sure", "not linear in g: for g = 0 something comes back.")
    for a, b in ((2, -3), (7, 0)):
        if not fits(back(a * gs[0] + b * gs[1]), a * given[0] + b * given[1]):
            return Diagnosis("not linear", "sure", f"not linear in g: {CURVED[b == 0]}.")
    return None


def of_matrix(
    given: Array, moves: Array, x_shape: tuple[int, ...], y_shape: tuple[int, ...]
) -> Iterator[Diagnosis]:
    """What a linear backward pass, as a matrix like `moves`, shows.

    Both have a row for each entry of the array, whose shape is `x_shape`, and a column for each
    entry of g, which is what comes back for that entry alone.
    """
    n, k = moves.shape
    if k < 2:
        return
    if n == k and fits(given, np.diag(np.diag(moves))) and not one_to_one(moves):
        words = "the diagonal of the Jacobian alone, as if entries did not meet."
        yield Diagnosis("diagonal", "sure", words)
    yield from of_columns(given, moves, y_shape)
    yield from of_crossing(given, moves, x_shape, y_shape)
    yield from of_scales(given, moves)
    yield from of_places(given, moves)
    if n == k and fits(np.abs(given - moves), np.eye(n)):
        yield Diagnosis("path", "sure", "the path that leads past everything is not counted once.")
    rank, off = ranks(moves), ranks(given - moves)
    if 0 < 2 * off < rank:
        words = f"off by a term of rank {off}, of a Jacobian of rank {rank}: one path missing, "
        yield Diagnosis("path", "likely", words + "or counted wrongly.")


def of_crossing(
    given: Array, moves: Array, x_shape: tuple[int, ...], y_shape: tuple[int, ...]
) -> Iterator[Diagnosis]:
    """Indices that have nothing to do with each other in f, such as examples, and meet here."""

    def crosses(matrix: Array, a: int, b: int) -> bool:
        whole = np.abs(matrix).reshape(x_shape + y_shape)
        blocks = np.moveaxis(whole, (a, len(x_shape) + b), (0, 1))
        blocks = blocks.reshape(*blocks.shape[:2], -1).max(axis=-1)
        return bool(np.any(blocks * (1 - np.eye(len(blocks))) > tiny(moves)))

    for a, length in enumerate(x_shape):
        for b in range(len(y_shape)):
            if length == y_shape[b] > 1 and not crosses(moves, a, b) and crosses(given, a, b):
                words = (
                    f"g at one index of axis {b} reaches another index of axis {a}, and in f they "
                    "do not meet: something is summed over too much, or broadcast."
                )
                yield Diagnosis("axis", "likely", words, (a, b))


def of_places(given: Array, moves: Array) -> Iterator[Diagnosis]:
    """For each entry of g the right numbers, or the right total, in wrong places."""
    several = np.count_nonzero(np.abs(moves) > tiny(moves)) > len(moves)
    if fits(np.sort(given, axis=0), np.sort(moves, axis=0)):
        words = "for each entry of g the right numbers come back, in wrong places."
        yield Diagnosis("order", "sure" if several else "likely", words)
    totals, sizes = moves.sum(axis=0), np.abs(moves).sum(axis=0)
    if np.all(np.abs(totals) > 0.05 * sizes) and fits(given.sum(axis=0), totals):
        words = "for each entry of g the right total comes back, in wrong places."
        yield Diagnosis("order", "likely", words)


def of_columns(given: Array, moves: Array, shape: tuple[int, ...]) -> Iterator[Diagnosis]:
    """Some entries of g count as they should, and the others not at all."""
    matter = np.any(np.abs(moves) > tiny(moves), axis=0)
    kept = np.all(fitting(given, moves), axis=0) & matter
    lost = np.all(np.abs(given) <= tiny(moves), axis=0) & matter
    if not (kept.any() and lost.any() and np.all(kept | lost | ~matter)):
        return
    if one_to_one(moves):
        words = (
            f"{int(lost.sum())} of the {lost.size} slopes are taken to be 0; the others are right."
        )
        yield Diagnosis("mask", "sure", words)
    kept, lost = kept.reshape(shape), lost.reshape(shape)
    for axis in range(len(shape)):
        others = tuple(i for i in range(len(shape)) if i != axis)
        counting, missing = np.any(kept, axis=others), np.any(lost, axis=others)
        if np.any(counting & missing):
            continue
        if axis == 0 and len(shape) > 1 and counting.sum() == 1 < matter.size:
            words = f"of the batch only example {int(np.argmax(counting))} counts."
            yield Diagnosis("batch", "sure", words)
        where = np.flatnonzero(missing).tolist()
        yield Diagnosis("part", "sure", f"{named((axis,))} of g: {where} does not count.")
    yield Diagnosis("part", "sure", f"{int(lost.sum())} of {lost.size} entries of g do not count.")


def of_scales(given: Array, moves: Array) -> Iterator[Diagnosis]:
    """A factor for each entry that comes back, or for each entry of g; or slopes that are wrong."""
    full = np.abs(moves) > tiny(moves)
    extra = np.any(~full & (np.abs(given) > tiny(moves)))
    if one_to_one(moves) and full.sum() > 1 and (not extra or is_diagonal(given, moves)):
        words = "each entry has a factor of its own, the same for every g: its slope is wrong."
        yield Diagnosis("local", "sure", words)
        return
    if extra:
        return
    for axis, what in ((1, "each entry"), (0, "each entry of g")):
        norm = np.sum(moves * moves, axis=axis, keepdims=True)
        shares = np.sum(given * moves, axis=axis, keepdims=True) / np.where(norm, norm, 1)
        if np.all(full.sum(axis=axis) != 1) and fits(given, shares * moves):
            words = "has a factor of its own, the same every time: a slope is missing, or one "
            yield Diagnosis("local", "sure", f"{what} {words}too many.", (axis,))
    if any(np.all(full.sum(axis=axis) <= 1) for axis in (0, 1)) and full.sum() > 3:
        words = "g goes where it should, by other factors than it should: a slope is wrong, or "
        yield Diagnosis("local", "likely", f"{words}lacks a factor or a term.")


def is_diagonal(given: Array, moves: Array) -> bool:
    """Whether neither has anything off its diagonal."""
    if moves.shape[0] != moves.shape[1]:
        return False
    most = np.maximum(np.abs(given), np.abs(moves))
    return bool(np.all(most - np.diag(np.diag(most)) <= tiny(moves)))


def one_to_one(moves: Array) -> bool:
    """Whether each entry of f's value looks at one entry of the array, and no two at the same."""
    full = np.abs(moves) > tiny(moves)
    return bool(np.all(full.sum(axis=0) <= 1) and np.all(full.sum(axis=1) <= 1))


def ranks(matrix: Array) -> int:
    """How many singular values stand out of the rounding of differences."""
    sizes = np.linalg.svd(matrix, compute_uv=False)
    return int(np.sum(sizes > exact() * max(sizes[0], 1e-12)))
