"""Chapter 08, Choose a cotangent: rows or columns, two means, a lottery and a mask."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, distinct, normal
from scalarloss.layers import conv2d_backward

Generator = np.random.Generator


def count_passes(build: Callable[..., Any], A: Any) -> Any:
    """The Jacobian that a function builds from pushes and pulls, and how many it took."""
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


def by_rows(push: Any, pull: Any, m: int, n: int) -> Any:
    return np.stack([pull(v) for v in np.eye(m)])


def by_columns(push: Any, pull: Any, m: int, n: int) -> Any:
    return np.stack([push(u) for u in np.eye(n)], axis=1)


def cheapest(push: Any, pull: Any, m: int, n: int) -> Any:
    return (by_columns if n < m else by_rows)(push, pull, m, n)


check_jacobian_by_few_passes = Exercise(
    truth=cheapest,
    draw=lambda rng: {"A": normal(rng, *distinct(rng, 2))},
    use=count_passes,
    cases=20,
    parts=("J", "passes"),
    mistakes={
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
    n, k = distinct(rng, 2)
    J = normal(rng, n, n)
    return {
        "pullback": lambda v: np.asarray(v, float) @ J,
        "V": rng.choice([-1.0, 1.0], size=(k, n)),
    }


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
    x = np.zeros((height, width))
    shape = height - 1, width - 1
    chosen = rng.choice(shape[0] * shape[1], size=int(rng.integers(2, 5)), replace=False)

    def pullback(v: Any) -> Any:
        return conv2d_backward(np.asarray(v, float), x, taps, np.zeros(()))[0]

    places = [divmod(int(place), shape[1]) for place in chosen]
    return {"pullback": pullback, "shape": shape, "places": places}


def mask_of(shape: tuple[int, int], places: list[tuple[int, int]]) -> Any:
    mask = np.zeros(shape)
    for place in places:
        mask[place] = 1.0
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
        "this is the mask, and not what comes back from it": (
            lambda pullback, shape, places: mask_of(shape, places)
        ),
    },
)
