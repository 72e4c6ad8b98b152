"""Chapter 10, Find your error: repairs of a loss, and when ones are an honest cotangent."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, distinct, normal

Generator = np.random.Generator


def draw_tokens(rng: Generator) -> Arguments:
    N, T = (int(rng.integers(2, 5)), int(rng.integers(4, 7)))
    lengths = rng.permutation(np.arange(1, T))[:N]
    mask = (np.arange(T) < lengths[:, None]).astype(float)
    return {"losses": np.abs(normal(rng, len(lengths), T)), "mask": mask}


check_token_mean = Exercise(
    truth=lambda losses, mask: (losses * mask).sum() / mask.sum(),
    draw=draw_tokens,
    mistakes={
        "padding is counted below the line": lambda losses, mask: (losses * mask).mean(),
        "padding is counted above the line": lambda losses, mask: losses.sum() / mask.sum(),
        "padding is counted everywhere": lambda losses, mask: losses.mean(),
        "the mean of the sequences' means: a short one counts as much as a long one": (
            lambda losses, mask: ((losses * mask).sum(axis=1) / mask.sum(axis=1)).mean()
        ),
        "the sum, and not the mean": lambda losses, mask: (losses * mask).sum(),
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
    },
)


@dataclass(frozen=True)
class Mixing:
    """tanh(M x), (n,) to (n,): entry by entry where M is diagonal."""

    M: Any

    def __call__(self, x: Any) -> Any:
        return np.tanh(self.M @ x)


def draw_mixing(rng: Generator) -> Arguments:
    n = int(rng.integers(3, 6))
    M = np.diag(normal(rng, n))
    if rng.random() < 0.5:
        row, column = rng.permutation(n)[:2]  # one entry off the diagonal, anywhere
        M[row, column] = 0.5 + rng.random()
    return {"f": Mixing(M), "x": normal(rng, n) / 4}


def is_pointwise(f: Mixing, x: Any) -> bool:
    return bool(np.array_equal(f.M, np.diag(np.diag(f.M))))


check_pointwise = Exercise(
    truth=is_pointwise,
    draw=draw_mixing,
    cases=60,
    mistakes={
        "only input 0 was moved: the coupling may sit elsewhere": lambda f, x: not f.M[1:, 0].any(),
        "only output 0 was looked at: the coupling may sit elsewhere": lambda f, x: (
            not f.M[0, 1:].any()
        ),
        "turned round: True is for outputs that stand alone": lambda f, x: not is_pointwise(f, x),
    },
)


@dataclass(frozen=True)
class Pullback:
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
    },
)
