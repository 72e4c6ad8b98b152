"""The exercises of "Reduce with care": rates, pieces of a batch, masks and a clipped gradient."""

from collections.abc import Callable

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, distinct, normal
from scalarloss.primitives import Array

# 1. The largest rate.


def draw_examples(rng: np.random.Generator) -> Arguments:
    n, N = sorted(distinct(rng, 2, range(2, 8)))
    return {"X": normal(rng, N + 2, n)}


def rates(of: Callable[[Array], float]) -> Callable[[Array], tuple[float, float]]:
    """2 / λ for a sum and for a mean, with λ taken `of` the eigenvalues, in rising order."""

    def both(X: Array) -> tuple[float, float]:
        rate = 2 / of(np.linalg.eigvalsh(X.T @ X).astype(np.float64))
        return rate, rate * len(X)

    return both


largest = rates(lambda eigenvalues: eigenvalues[-1])

check_stable_rates = Exercise(
    truth=largest,
    draw=draw_examples,
    parts=("of the sum", "of the mean"),
    mistakes={
        "this is 1 / λ, and a step may be twice as long before it grows": (
            rates(lambda eigenvalues: 2 * eigenvalues[-1])
        ),
        "this is 2 over the largest singular value of X, and λ is its square": (
            rates(lambda eigenvalues: np.sqrt(eigenvalues[-1]))
        ),
        "this is λ itself, or λ / N, and the limit is 2 / λ": lambda X: (
            2 / largest(X)[0],
            2 / largest(X)[1],
        ),
        "the smallest eigenvalue is taken, and the largest bounds the rate": (
            rates(lambda eigenvalues: eigenvalues[0])
        ),
        "the trace is taken, which is the sum of the eigenvalues": (
            rates(lambda eigenvalues: eigenvalues.sum())
        ),
        "the mean's curvature is the sum's divided by N, so its rate is N times larger": (
            lambda X: {"of the mean": largest(X)[0]}
        ),
        "divided by N, where a flatter bowl bears a higher rate": (
            lambda X: {"of the mean": largest(X)[0] / len(X)}
        ),
        "this is the limit of the mean": lambda X: {"of the sum": largest(X)[1]},
    },
)

# 2. Accumulate.


def draw_pieces(rng: np.random.Generator) -> Arguments:
    k, n = distinct(rng, 2)
    sizes = rng.permutation(np.arange(1, 9))[:k]
    return {"gradients": normal(rng, k, n), "sizes": sizes}


check_accumulation = Exercise(
    truth=lambda gradients, sizes: sizes @ gradients / np.sum(sizes),
    draw=draw_pieces,
    mistakes={
        "this is the mean of the means, so an example in a small piece counts for more": (
            lambda gradients, sizes: gradients.mean(axis=0)
        ),
        "this is the sum of the means": lambda gradients, sizes: gradients.sum(axis=0),
        "this is the gradient of the sum: the division by the number of examples is missing": (
            lambda gradients, sizes: sizes @ gradients
        ),
        "the sums are divided by the number of pieces, and not of examples": (
            lambda gradients, sizes: sizes @ gradients / len(sizes)
        ),
    },
)

# 3. Words, not padding. 4. The last word.


def draw_sentences(rng: np.random.Generator) -> Arguments:
    N, T = distinct(rng, 2, range(3, 7))
    lengths = rng.integers(1, T, size=N)  # so that every row is padded
    lengths[0], lengths[1] = 1, T - 1
    y, t = normal(rng, N, T), normal(rng, N, T)
    return {"y": y, "t": t, "lengths": rng.permutation(lengths)}


def weighed(table: Callable[[Array, Array], Array]) -> Callable[[Array, Array, Array], Array]:
    """The gradient for a table of weights, made from the mask and the lengths."""

    def gradient(y: Array, t: Array, lengths: Array) -> Array:
        mask = (np.arange(y.shape[1]) < lengths[:, None]).astype(float)
        return (y - t) * table(mask, lengths)

    return gradient


def first_words(mask: Array, lengths: Array) -> Array:
    """The mask of the first `lengths` words in each row."""
    first: Array = 0 * mask + (np.arange(mask.shape[1]) < lengths[:, None])
    return first


def word_at(mask: Array, place: Array) -> Array:
    """The mask of one word in each row."""
    one: Array = 0 * mask + (np.arange(mask.shape[1]) == place[:, None])
    return one


def last_of(mask: Array, lengths: Array) -> Array:
    return word_at(mask, lengths - 1)


def end_of(mask: Array, lengths: Array) -> Array:
    end: Array = 0 * mask + (np.arange(mask.shape[1]) == mask.shape[1] - 1)
    return end


check_masked_mean_backward = Exercise(
    truth=weighed(lambda mask, lengths: mask / mask.sum()),
    draw=draw_sentences,
    mistakes={
        "the padding is counted in the division: N T, where the number of words is meant": (
            weighed(lambda mask, lengths: mask / mask.size)
        ),
        "the mask is one word too long: it takes in the first place of the padding": (
            weighed(lambda mask, n: first_words(mask, n + 1) / first_words(mask, n + 1).sum())
        ),
        "the mask is one word too short: each sentence has lost its last word": (
            weighed(lambda mask, n: first_words(mask, n - 1) / first_words(mask, n - 1).sum())
        ),
        "the padding has a gradient": weighed(lambda mask, lengths: 0 * mask + 1 / mask.sum()),
        "there is no mask at all: this is the mean over everything": (
            weighed(lambda mask, lengths: 0 * mask + 1 / mask.size)
        ),
        "this is the mean over sentences of the mean over their words": (
            weighed(lambda mask, lengths: mask / lengths[:, None] / len(mask))
        ),
        "this is the sum over the words, and not their mean": (weighed(lambda mask, lengths: mask)),
        "the sum over the words is divided by the number of sentences": (
            weighed(lambda mask, lengths: mask / len(mask))
        ),
    },
)

check_last_word_backward = Exercise(
    truth=weighed(lambda mask, lengths: last_of(mask, lengths) / len(mask)),
    draw=draw_sentences,
    mistakes={
        "the last column is taken, which is padding": (
            weighed(lambda mask, lengths: end_of(mask, lengths) / len(mask))
        ),
        "one place too late: this is the first place of the padding": (
            weighed(lambda mask, n: word_at(mask, n) / len(mask))
        ),
        "one place too early: the word before the last, and where there is none, the last column": (
            weighed(lambda mask, n: word_at(mask, (n - 2) % mask.shape[1]) / len(mask))
        ),
        "the first word is judged": weighed(lambda mask, n: word_at(mask, 0 * n) / len(mask)),
        "the division by the number of sentences is missing": weighed(last_of),
        "every word is judged, and not the last alone": (
            weighed(lambda mask, lengths: mask / len(mask))
        ),
        "this is divided by the number of words, and there is one loss for each sentence": (
            weighed(lambda mask, lengths: last_of(mask, lengths) / mask.sum())
        ),
    },
)

# 5. Clip.


def draw_clip(rng: np.random.Generator) -> Arguments:
    m, n = distinct(rng, 2)
    dW, db = normal(rng, m, n), normal(rng, m)
    share = float(rng.choice([0.3, 1.5]))  # of two limits one is slack
    return {"dW": dW, "db": db, "limit": round(share * norm(dW, db), 2)}


def norm(*arrays: Array) -> float:
    return float(np.sqrt(sum(np.sum(a**2) for a in arrays)))


def clipped(dW: Array, db: Array, limit: float) -> tuple[Array, Array]:
    share = min(1.0, limit / norm(dW, db))
    return share * dW, share * db


check_clipping = Exercise(
    truth=clipped,
    draw=draw_clip,
    parts=("dW", "db"),
    cases=14,
    rtol=1e-5,  # so that limit / (norm + 1e-6), as PyTorch has it, is right
    mistakes={
        "the two norms are added, and their squares should be": (
            lambda dW, db, limit: tuple(
                a * min(1.0, limit / (norm(dW) + norm(db))) for a in (dW, db)
            )
        ),
        "the largest entry is held against the limit, and the norm should be": (
            lambda dW, db, limit: tuple(
                a * min(1.0, limit / max(np.abs(dW).max(), np.abs(db).max())) for a in (dW, db)
            )
        ),
        "each array is clipped by its own norm, which turns the direction": (
            lambda dW, db, limit: tuple(a * min(1.0, limit / norm(a)) for a in (dW, db))
        ),
        "each entry is clipped by itself, which turns the direction": (
            lambda dW, db, limit: tuple(np.clip(a, -limit, limit) for a in (dW, db))
        ),
        "a gradient that was short enough is stretched to the limit": (
            lambda dW, db, limit: tuple(a * limit / norm(dW, db) for a in (dW, db))
        ),
        "the square of the norm is taken, without its root": (
            lambda dW, db, limit: tuple(a * min(1.0, limit / norm(dW, db) ** 2) for a in (dW, db))
        ),
    },
)
