"""Chapter 10, Find your error: repairs of a loss, and when ones are an honest cotangent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, Shared, distinct, normal

Generator = np.random.Generator


def draw_tokens(rng: Generator) -> Arguments:
    """Losses with padding that may be anything: at least one NaN, and at least one number."""
    N, T = (int(rng.integers(2, 5)), int(rng.integers(5, 8)))
    lengths = rng.permutation(np.arange(1, T))[:N]
    mask = (np.arange(T) < lengths[:, None]).astype(float)
    losses = np.abs(normal(rng, *mask.shape))
    padding = rng.permutation(np.flatnonzero(mask == 0))
    losses.flat[padding[: max(1, len(padding) // 2)]] = np.nan
    return {"losses": losses, "mask": mask}


def with_numbers_and_with_nan(function: Callable[..., Any], losses: Any, mask: Any) -> list[Any]:
    """The answer where all padding is a number, and where some of it is NaN."""
    return [function(np.where(np.isnan(losses), 1.5, losses), mask), function(losses, mask)]


def mean_of(losses: Any, mask: Any) -> Any:
    return np.where(mask == 1, losses, 0.0).sum() / mask.sum()


check_token_mean = Exercise(
    truth=mean_of,
    draw=draw_tokens,
    use=with_numbers_and_with_nan,
    mistakes={
        "0 times a NaN is a NaN: choose with np.where, and do not multiply by the mask": (
            lambda losses, mask: (losses * mask).sum() / mask.sum()
        ),
        "np.nansum passes over a NaN, and counts padding that is a number": (
            lambda losses, mask: np.nansum(losses) / mask.sum()
        ),
        "padding is counted below the line": lambda losses, mask: (losses * mask).mean(),
        "padding counts below the line": lambda losses, mask: np.where(
            mask == 1, losses, 0.0
        ).mean(),
        "padding is counted above the line": lambda losses, mask: losses.sum() / mask.sum(),
        "padding is counted everywhere": lambda losses, mask: losses.mean(),
        "the mean of the sequences' means: a short one counts as much as a long one": (
            lambda losses, mask: (
                np.where(mask == 1, losses, 0.0).sum(axis=1) / mask.sum(axis=1)
            ).mean()
        ),
        "the mean of the sequences' means, and 0 times a NaN is a NaN": (
            lambda losses, mask: ((losses * mask).sum(axis=1) / mask.sum(axis=1)).mean()
        ),
        "the sum over the count of sequences, and not of tokens": lambda losses, mask: (
            np.where(mask == 1, losses, 0.0).sum() / len(mask)
        ),
        "the sum, and not the mean": lambda losses, mask: np.where(mask == 1, losses, 0.0).sum(),
        "the sum, and not the mean, and 0 times a NaN is a NaN": lambda losses, mask: (
            losses * mask
        ).sum(),
    },
)


def draw_counts(rng: Generator) -> Arguments:
    R, K = distinct(rng, 2)
    return {"counts": rng.permutation(np.arange(1, 1 + R * K)).reshape(R, K)}


check_token_scale = Exercise(
    truth=lambda counts: len(counts) / counts.sum(),
    draw=draw_counts,
    mistakes={
        "the devices are averaged, and that divides by R once more": lambda counts: (
            1 / counts.sum()
        ),
        "the pieces are added up, and not averaged": lambda counts: counts.size / counts.sum(),
        "divided by R, where the average does so already": lambda counts: (
            1 / len(counts) / counts.sum()
        ),
        "upside down": lambda counts: counts.sum() / len(counts),
        "K in the place of R: the pieces of a device are added up, the devices averaged": (
            lambda counts: counts.shape[1] / counts.sum()
        ),
        "the tokens are not counted": lambda counts: 1 / counts.size,
        "each piece has a number of its own: it makes the mean of the pieces' means": (
            lambda counts: 1 / counts
        ),
    },
)


@dataclass(frozen=True)
class Mixing(Shared):
    """M x + x³, (n,) to (n,): entry by entry where M is diagonal."""

    M: Any

    def __call__(self, x: Any) -> Any:
        return self.M @ x + x**3


def draw_mixings(rng: Generator) -> Arguments:
    """M off the diagonal: nothing; one entry; a symmetric pair; a pair of which the sum is 0."""
    n = int(rng.integers(3, 6))
    kinds = []
    for kind in range(4):
        M, size = np.diag(normal(rng, n)), 0.5 + np.round(rng.random(), 2)
        i, j, k = rng.permutation(n)[:3]
        if kind:
            M[i, j] = size
        if kind == 2:
            M[j, i] = size
        if kind == 3:
            M[k, j] = -size
        kinds.append(Mixing(M))
    alone, one, pair, opposites = kinds
    arguments = {"alone": alone, "one": one, "pair": pair, "opposites": opposites}
    return {**arguments, "x": normal(rng, n) / 4}


def of_each(function: Callable[..., Any], *arguments: Any) -> tuple[Any, ...]:
    *functions, x = arguments
    return tuple(function(f, x) for f in functions)


def is_pointwise(f: Mixing, x: Any) -> bool:
    return bool(np.array_equal(f.M, np.diag(np.diag(f.M))))


check_pointwise = Exercise(
    truth=is_pointwise,
    draw=draw_mixings,
    use=of_each,
    cases=4,
    parts=(
        "where each output stands alone",
        "where one output depends on another's input",
        "where two outputs depend on each other's input",
        "where an input moves two others' outputs by opposite amounts",
    ),
    mistakes={
        "only input 0 was moved: the coupling may sit elsewhere": lambda f, x: not f.M[1:, 0].any(),
        "only output 0 was looked at: the coupling may sit elsewhere": lambda f, x: (
            not f.M[0, 1:].any()
        ),
        "turned round: True is for outputs that stand alone": lambda f, x: not is_pointwise(f, x),
        "True, whatever f is": lambda f, x: True,
        "False, whatever f is": lambda f, x: False,
        "compared with the sum: what leaves the diagonal may add up to 0": lambda f, x: bool(
            np.allclose(f.M.sum(axis=0), np.diag(f.M))
        ),
        "compared with the transpose: a symmetric Jacobian need not be diagonal": lambda f, x: bool(
            np.array_equal(f.M, f.M.T)
        ),
    },
)


@dataclass(frozen=True)
class Pullback(Shared):
    """v to vJ."""

    J: Any

    def __call__(self, v: Any) -> Any:
        return np.asarray(v, float) @ self.J


def draw_pullback(rng: Generator) -> Arguments:
    n = int(rng.integers(3, 6))
    return {"pullback": Pullback(normal(rng, n, n)), "n": n}


check_diagonal = Exercise(
    truth=lambda pullback, n: np.diag(pullback.J).copy(),
    draw=draw_pullback,
    mistakes={
        "one call with ones: the sum of the rows, and not the diagonal": lambda pullback, n: (
            pullback(np.ones(n))
        ),
        "each row added up: entry k of row k is wanted": lambda pullback, n: pullback.J.sum(axis=1),
        "the whole Jacobian: entry k of row k is wanted": lambda pullback, n: pullback.J,
        "the first row: row k is pullback of one-hot k": lambda pullback, n: pullback.J[0],
        "the first entry of each row: entry k of row k is wanted": lambda pullback, n: pullback.J[
            :, 0
        ],
        "the mean of the rows: one call cannot tell them apart": lambda pullback, n: (
            pullback.J.mean(axis=0)
        ),
    },
)


def draw_guess(rng: Generator) -> Arguments:
    N = int(rng.integers(3, 7))
    return {"guess": normal(rng, N, 1), "target": normal(rng, N)}


def mean_square(guess: Any, target: Any) -> tuple[Any, Any]:
    r = guess[:, 0] - target
    return (r**2).mean(), (2 * r / len(r))[:, None]


check_mse = Exercise(
    truth=mean_square,
    draw=draw_guess,
    parts=("loss", "gradient"),
    mistakes={
        "every prediction is compared with every target: (N, 1) - (N,) is (N, N)": (
            lambda guess, target: {
                "loss": ((guess - target) ** 2).mean(),
                "gradient": 2 * (guess - target.mean()) / len(target),
            }
        ),
        "the sum of squares, and not the mean": lambda guess, target: {
            "loss": mean_square(guess, target)[0] * len(target),
            "gradient": mean_square(guess, target)[1] * len(target),
        },
        "half the mean square": lambda guess, target: {
            "loss": mean_square(guess, target)[0] / 2,
            "gradient": mean_square(guess, target)[1] / 2,
        },
        "turned round: the predictions are to be moved, and not the targets": (
            lambda guess, target: {"gradient": -mean_square(guess, target)[1]}
        ),
        "the axis of the predictions is missing: (N, 1) is asked for": lambda guess, target: {
            "gradient": mean_square(guess, target)[1][:, 0]
        },
    },
)
