"""Chapter 07, Catch the broken gradient: a blind spot, two repairs, tools to find the rest."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, Search, distinct, normal
from scalarloss.layers import max_pool_backward, softmax, softmax_backward

Generator = np.random.Generator


def answers(function: Callable[..., Any], g: Any, z: Any) -> tuple[Any, Any]:
    """What a backward pass of softmax gives for a g, and for ones."""
    return function(g, z), function(np.ones_like(g), z)


def flaw_of_blind(answer: Any, g: Any, z: Any) -> str:
    given, ones = (np.asarray(part, dtype=float) for part in answer)
    if given.shape != z.shape or ones.shape != z.shape:
        return f"it gives shape {given.shape}, and z has {z.shape}"
    if np.abs(ones).max() > 1e-9:
        return "the sum catches it: for g = 1 the right answer is 0, and it gives something else"
    if np.abs(given - softmax_backward(g, softmax(z))).max() < 1e-9:
        return "this one is right, and a wrong one is asked for"
    return "" if np.abs(given).max() > 1e-9 else "zeros for every g: find one that looks alive"


check_blind_spot = Search(
    flaw=flaw_of_blind,
    draw=lambda rng: {"g": normal(rng, 4) + np.arange(4), "z": normal(rng, 4)},
    use=answers,
)


def draw_rows(rng: Generator) -> Arguments:
    count, width, words = distinct(rng, 3)
    rows = rng.integers(count, size=words + 2)
    rows[-1] = rows[0]
    return {"g": normal(rng, words + 2, width), "rows": rows, "count": count}


def embedding_backward(g: Any, rows: Any, count: int) -> Any:
    dE = np.zeros((count, g.shape[1]))
    np.add.at(dE, rows, g)
    return dE


def overwritten(g: Any, rows: Any, count: int) -> Any:
    dE = np.zeros((count, g.shape[1]))
    dE[rows] += g
    return dE


def averaged(g: Any, rows: Any, count: int) -> Any:
    times = np.bincount(rows, minlength=count)
    return embedding_backward(g, rows, count) / np.maximum(times, 1)[:, None]


check_embedding_backward = Exercise(
    truth=embedding_backward,
    draw=draw_rows,
    mistakes={
        "a row that is named twice keeps one of its two cotangents": overwritten,
        "a row that is named twice gets the mean of its cotangents": averaged,
    },
)


def draw_picture(rng: Generator) -> Arguments:
    h, w = (int(n) for n in rng.integers(1, 4, 2))
    x = rng.permutation(4 * h * w).reshape(2 * h, 2 * w) / 2
    x[:2, :2] = 7.5  # a tie, as a blank corner is
    return {"g": normal(rng, h, w), "x": x}


def to_all(g: Any, x: Any) -> Any:
    return g.repeat(2, axis=0).repeat(2, axis=1)


def winners(x: Any) -> Any:
    tops = x.reshape(x.shape[0] // 2, 2, -1, 2).max(axis=(1, 3))
    return x == to_all(tops, x)


def shared(g: Any, x: Any) -> Any:
    won = winners(x)
    blocks = won.reshape(x.shape[0] // 2, 2, -1, 2).sum(axis=(1, 3))
    return won * to_all(g / blocks, x)


check_max_pool_backward = Exercise(
    truth=max_pool_backward,
    draw=draw_picture,
    mistakes={
        "every pixel of the window gets g, and only its largest should": to_all,
        "in a tie each winner gets all of g, so that more comes back than was sent": (
            lambda g, x: winners(x) * to_all(g, x)
        ),
        "a tie is shared, and the first of equal pixels is asked for": shared,
        "g is spread evenly, as by a mean": lambda g, x: to_all(g, x) / 4,
    },
)


@dataclass(frozen=True)
class Pass:
    """A backward pass of y = tanh(A x), or one with a mistake, called with g alone."""

    A: Any
    x: Any
    way: str = "right"

    def __call__(self, g: Any) -> Any:
        slope = 1 - np.tanh(self.A @ self.x) ** 2
        right = self.A.T @ (slope * g)
        return {
            "right": right,
            "no slope": self.A.T @ g,
            "double": 2 * right,
            "ones": self.A.T @ slope,
            "mask": self.A.T @ (slope * np.maximum(g, 0)),
            "shift": right + 0.1,
            "length": right / np.linalg.norm(right),
        }[self.way]


LINEAR = ("right", "no slope", "double")
CURVED = ("ones", "shift", "length", *3 * ("mask",))  # most answers that fail miss a mask


def draw_pass(rng: Generator) -> Arguments:
    n, k = distinct(rng, 2)
    return {"back": Pass(normal(rng, k, n), normal(rng, n) / 2), "k": k}


def as_matrix(back: Pass, k: int) -> Any:
    return np.stack([back(row) for row in np.eye(k)], axis=1)


check_backward_matrix = Exercise(
    truth=as_matrix,
    draw=draw_pass,
    mistakes={
        "a row for each entry of g, and a column is asked for": lambda back, k: (
            as_matrix(back, k).T
        ),
        "one call, with ones, gives the sum of the columns": lambda back, k: back(np.ones(k)),
    },
)


def draw_suspect(rng: Generator) -> Arguments:
    n, k = distinct(rng, 2)
    ways = LINEAR if rng.random() < 0.5 else CURVED
    return {"back": Pass(normal(rng, k, n), normal(rng, n) / 2, str(rng.choice(ways))), "k": k}


def is_homogeneous(back: Pass, k: int) -> bool:
    g = np.arange(1.0, k + 1)
    return bool(np.allclose(back(2 * g), 2 * back(g)))


check_is_linear = Exercise(
    truth=lambda back, k: back.way in LINEAR,
    draw=draw_suspect,
    cases=40,
    mistakes={
        "twice a positive g is not enough: a mask of g passes that": is_homogeneous,
        "the answer is turned round: True is for a pass that is linear": lambda back, k: (
            back.way not in LINEAR
        ),
    },
)


def cosine(given: Any, right: Any) -> Any:
    return np.sum(given * right) / (np.linalg.norm(given) * np.linalg.norm(right))


check_downhill = Exercise(
    truth=cosine,
    draw=lambda rng: {"given": normal(rng, 2, 3), "right": normal(rng, 2, 3)},
    mistakes={
        "the lengths are left in: divide by both": lambda given, right: np.sum(given * right),
        "divided by the length of one alone": lambda given, right: (
            cosine(given, right) * np.linalg.norm(given)
        ),
        "the share of entries with the right sign": lambda given, right: np.mean(given * right > 0),
        "the mean of the entries' product, and not its sum": lambda given, right: (
            cosine(given, right) / given.size
        ),
    },
)
