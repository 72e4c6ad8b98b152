"""Chapter 08, Choose a cotangent: rows or columns, two means, a lottery and a mask."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarloss.errors import ShapeError
from scalarloss.exercises.base import Arguments, Exercise, distinct, normal

Generator = np.random.Generator


def count_passes(build: Callable[..., Any], tall: Any, wide: Any) -> Any:
    """Two Jacobians that a function builds from pushes and pulls, and how many each took."""
    (of_tall, m), (of_wide, n) = (count_passes_of(build, A) for A in (tall, wide))
    return of_tall, of_wide, np.array([m, n])


def count_passes_of(build: Callable[..., Any], A: Any) -> tuple[Any, int]:
    passes = 0

    def push(u: Any) -> Any:
        nonlocal passes
        passes += 1
        return A @ np.asarray(u, float)

    def pull(v: Any) -> Any:
        nonlocal passes
        passes += 1
        return np.asarray(v, float) @ A

    return build(push, pull, *A.shape), passes


def draw_shapes(rng: Generator) -> Arguments:
    (n, m), (k, j) = sorted(distinct(rng, 2)), sorted(distinct(rng, 2))
    return {"tall": normal(rng, m, n), "wide": normal(rng, k, j)}


def by_rows(push: Any, pull: Any, m: int, n: int) -> Any:
    return np.stack([pull(v) for v in np.eye(m)])


def by_columns(push: Any, pull: Any, m: int, n: int) -> Any:
    return np.stack([push(u) for u in np.eye(n)], axis=1)


def cheapest(push: Any, pull: Any, m: int, n: int) -> Any:
    return (by_columns if n < m else by_rows)(push, pull, m, n)


def one_more(push: Any, pull: Any, m: int, n: int) -> Any:
    push(np.zeros(n))
    return cheapest(push, pull, m, n)


def both_ways(push: Any, pull: Any, m: int, n: int) -> Any:
    by_columns(push, pull, m, n)
    return by_rows(push, pull, m, n)


check_jacobian_by_few_passes = Exercise(
    truth=cheapest,
    draw=draw_shapes,
    use=count_passes,
    parts=("J with more outputs", "J with more inputs", "passes for the two"),
    mistakes={
        "the sides are swapped: the jvps are cheaper where the inputs are fewer": (
            lambda push, pull, m, n: (by_rows if n < m else by_columns)(push, pull, m, n)
        ),
        "a pass more than needed": one_more,
        "a vjp and a jvp for everything, and one of the two is enough": both_ways,
        "a vjp for each output, also where the inputs are fewer": by_rows,
        "a jvp for each input, also where the outputs are fewer": by_columns,
        "transposed": lambda push, pull, m, n: cheapest(push, pull, m, n).T,
    },
)


def draw_sentences(rng: Generator) -> Arguments:
    lengths = distinct(rng, int(rng.integers(2, 4)))
    return {"sentence": np.repeat(np.arange(len(lengths)), lengths)}


def over_sentences(sentence: Any) -> Any:
    return 1 / (sentence.max() + 1) / np.bincount(sentence)[sentence]


check_mean_over_sentences = Exercise(
    truth=over_sentences,
    draw=draw_sentences,
    cases=10,
    mistakes={
        "the mean over words": lambda sentence: np.full(len(sentence), 1 / len(sentence)),
        "the sentences' means are added and divided by the number of words: a mean of them divides "
        "by the number of sentences": lambda sentence: (
            1 / np.bincount(sentence)[sentence] / len(sentence)
        ),
        "each word has its sentence's weight, divided by the number of words once more": (
            lambda sentence: over_sentences(sentence) / len(sentence)
        ),
        "each sentence's mean, and then their sum": lambda sentence: (
            1 / np.bincount(sentence)[sentence]
        ),
        "one weight for each sentence, and one for each word is asked for": lambda sentence: (
            1 / (sentence.max() + 1) / np.bincount(sentence)
        ),
        "the longer a sentence, the more each of its words counts": lambda sentence: (
            np.bincount(sentence)[sentence] / len(sentence)
        ),
        "each sentence's words share nothing: they all have the sentence's whole weight": (
            lambda sentence: np.full(len(sentence), 1 / (sentence.max() + 1))
        ),
    },
)


def draw_lottery(rng: Generator) -> Arguments:
    """A Jacobian and draws, of which neither the first nor their mean gives the trace itself."""
    n, k = distinct(rng, 2)
    while True:
        J, V = normal(rng, n, n), rng.choice([-1.0, 1.0], size=(k, n))
        found = np.einsum("ki,ij,kj->k", V, J, V)
        if np.all(np.abs(found.mean() - [found[0], found[-1], np.trace(J), 0]) > 1e-3):
            break

    def pullback(v: Any) -> Any:
        return np.asarray(v, float) @ J

    return {"pullback": pullback, "V": V}


def exact_trace(pullback: Callable[..., Any], V: Any) -> Any:
    return sum(pullback(e)[i] for i, e in enumerate(np.eye(V.shape[1])))


def guesses(pullback: Callable[..., Any], V: Any) -> Any:
    return np.array([pullback(v) @ v for v in V])


check_trace_by_lottery = Exercise(
    truth=lambda pullback, V: np.mean(guesses(pullback, V)),
    draw=draw_lottery,
    mistakes={
        "the guesses' sum, and their mean is asked for": lambda pullback, V: np.sum(
            guesses(pullback, V)
        ),
        "the guesses, not yet their mean": guesses,
        "this is the trace itself, from a pass for each entry, and the mean over the draws in V is "
        "asked for": exact_trace,
        "the last draw alone": lambda pullback, V: guesses(pullback, V)[-1],
        "the first draw alone": lambda pullback, V: guesses(pullback, V)[0],
        "divided by the number of entries, and there are as many guesses as rows": (
            lambda pullback, V: np.sum(guesses(pullback, V)) / V.shape[1]
        ),
        "the sum of vᵀJ, not yet weighed by v": lambda pullback, V: np.mean(
            [np.sum(pullback(v)) for v in V]
        ),
        "the draws are averaged before they are used": lambda pullback, V: (
            pullback(V.mean(axis=0)) @ V.mean(axis=0)
        ),
    },
)


def draw_map(rng: Generator) -> Arguments:
    (height, width), taps = distinct(rng, 2, range(4, 7)), normal(rng, 2, 2)
    shape = height - 1, width - 1
    side = min(shape)  # no index is too large where rows and columns are mixed up
    while True:
        chosen = rng.choice(side**2, size=int(rng.integers(2, 5)), replace=False)
        places = [divmod(int(place), side) for place in chosen]
        if {(column, row) for row, column in places} != set(places):
            break

    def pullback(v: Any) -> Any:
        v, dx = np.asarray(v, float), np.zeros((height, width))
        if v.shape != shape:
            raise ShapeError(f"the cotangent has shape {v.shape}, and the map has {shape}")
        for i, j in np.ndindex(2, 2):
            dx[i : i + shape[0], j : j + shape[1]] += taps[i, j] * v
        return dx

    return {"pullback": pullback, "shape": shape, "places": places}


def mask_of(shape: tuple[int, int], places: list[tuple[int, int]]) -> Any:
    mask = np.zeros(shape)
    for place in places:
        mask[place] = 1.0
    return mask


def mask_by_list(shape: tuple[int, int], places: list[tuple[int, int]]) -> Any:
    mask = np.zeros(shape)
    mask[places] = 1.0
    return mask


check_heat_map = Exercise(
    truth=lambda pullback, shape, places: pullback(mask_of(shape, places)),
    draw=draw_map,
    mistakes={
        "every place of the map counts, and only the object's should": (
            lambda pullback, shape, places: pullback(np.ones(shape))
        ),
        "the first place alone": lambda pullback, shape, places: pullback(
            mask_of(shape, places[:1])
        ),
        "the last place alone": lambda pullback, shape, places: pullback(
            mask_of(shape, places[-1:])
        ),
        "everything but the object": lambda pullback, shape, places: pullback(
            1 - mask_of(shape, places)
        ),
        "the mean over the places, where their sum is asked for": (
            lambda pullback, shape, places: pullback(mask_of(shape, places) / len(places))
        ),
        "mask[places] with a list of pairs marks whole rows: mark each mask[i, j], or "
        "mask[rows, columns]": lambda pullback, shape, places: pullback(
            mask_by_list(shape, places)
        ),
        "rows and columns are swapped": lambda pullback, shape, places: pullback(
            mask_of(shape, [(column, row) for row, column in places])
        ),
        "the absolute value is taken, and the gradient has signs": (
            lambda pullback, shape, places: np.abs(pullback(mask_of(shape, places)))
        ),
        "this is the mask, and not what comes back from it": (
            lambda pullback, shape, places: mask_of(shape, places)
        ),
    },
)
