"""Chapter 07, Catch the broken gradient: a blind spot, two repairs, tools to find the rest."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalarloss.exercises.base import Arguments, Exercise, Search, distinct, normal
from scalarloss.layers import max_pool_backward, softmax, softmax_backward

Generator = np.random.Generator


def answers(function: Callable[..., Any], g: Any, z: Any) -> tuple[Any, Any]:
    """What a backward pass of softmax gives at z, and at equal logits."""
    return function(g, z), function(g, np.zeros_like(z))


def flaw_of_blind(answer: Any, g: Any, z: Any) -> str:
    given, tidy = (np.asarray(part, dtype=float) for part in answer)
    if given.shape != z.shape or tidy.shape != z.shape:
        return f"it gives shape {given.shape}, and z has {z.shape}"
    if not (np.all(np.isfinite(given)) and np.all(np.isfinite(tidy))):
        return "it gives a NaN or an infinity, which no check passes"
    right, flat = softmax_backward(g, softmax(z)), softmax_backward(g, softmax(0 * z))
    if np.abs(tidy - flat).max() > 1e-9:
        words = "the check catches it: it is wrong at z = 0 already"
        if not tidy.any():
            return f"{words}, where it gives zeros, and (g - g.mean()) / n is right"
        share = np.sum(tidy * flat) / np.sum(flat * flat)
        if np.abs(tidy - share * flat).max() < 1e-9:
            return f"{words}, where every entry is {share:.4g} times what is right"
        return f"{words}, where p is 1/n in every entry"
    if np.abs(given - right).max() < 1e-9:
        return "this one is right at every z, and a wrong one is asked for"
    return ""


check_blind_spot = Search(
    flaw=flaw_of_blind,
    draw=lambda rng: {"g": normal(rng, 4) + np.arange(4), "z": normal(rng, 4) + 3 * np.eye(4)[3]},
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
        "in a tie the last of equal pixels gets g, and the first is asked for": lambda g, x: (
            max_pool_backward(g[::-1, ::-1], x[::-1, ::-1])[::-1, ::-1]
        ),
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
        slope, way = 1 - np.tanh(self.A @ self.x) ** 2, self.way
        if way == "no slope":
            return self.A.T @ g
        if way == "g forgotten":
            g = np.ones_like(g)
        if way == "masked by g":
            g = np.maximum(g, 0)
        if way == "clipped":
            g = np.clip(g, -0.5, 0.5)
        if way == "signs times a mean":
            g = np.sign(g) * np.mean(np.abs(g))
        came = self.A.T @ (slope * g)
        if way == "divided by its length":
            return came / (np.linalg.norm(came) or 1.0)
        if way == "a constant added":
            return came + 0.1
        return came * {"double": 2.0, "zeros": 0.0}.get(way, 1.0)


LINEAR = ("right", "no slope", "double", "zeros")
CURVED = (
    "g forgotten",
    "masked by g",
    "clipped",
    "a constant added",
    "divided by its length",
    "signs times a mean",
)


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
        "one after the other, in one long array: stack the columns": lambda back, k: as_matrix(
            back, k
        ).T.ravel(),
        "every column is there, and in the wrong order": lambda back, k: as_matrix(back, k)[
            :, ::-1
        ],
    },
)


@dataclass(frozen=True)
class Suspects:
    """Gives a backward pass of y = tanh(A x) with a mistake, by its name."""

    A: Any
    x: Any

    def __call__(self, way: str) -> Pass:
        return Pass(self.A, self.x, way)


def ask_of_each(is_linear: Callable[..., Any], suspects: Suspects, k: int) -> Any:
    """What is said of each backward pass, by the name of its mistake."""
    return {way: is_linear(suspects(way), k) for way in (*LINEAR, *CURVED)}


def draw_suspects(rng: Generator) -> Arguments:
    n, k = distinct(rng, 2, range(6, 10))
    return {"suspects": Suspects(normal(rng, k, n), normal(rng, n) / 4), "k": k}


def taken(*ways: str) -> Callable[..., bool]:
    """What takes these for linear, beside those that are."""
    return lambda back, k: back.way in (*LINEAR, *ways)


check_is_linear = Exercise(
    truth=taken(),
    draw=draw_suspects,
    use=ask_of_each,
    cases=3,
    mistakes={
        "a linear pass gives 0 for 0, and so do many others: a mask of g, a clip, a length": taken(
            "masked by g", "clipped", "divided by its length", "signs times a mean"
        ),
        "a positive factor, or positive cotangents, are not enough: a mask of g passes that": taken(
            "masked by g", "signs times a mean"
        ),
        "one-hot cotangents are all positive: a mask of g passes that": taken("masked by g"),
        "small positive cotangents are not enough: a mask and a clip of g pass that": taken(
            "masked by g", "clipped"
        ),
        "one cotangent and its multiples are not enough: add two": taken("signs times a mean"),
        "one cotangent with its sign turned is not enough: add two": taken(
            "clipped", "divided by its length", "signs times a mean"
        ),
        "that g is used at all is not enough": lambda back, k: (
            back.way not in ("g forgotten", "zeros")
        ),
        "True whatever it is given": taken(*CURVED),
        "False whatever it is given": lambda back, k: False,
        "the answer is turned round: True is for a pass that is linear": lambda back, k: (
            back.way not in LINEAR
        ),
        "it asks whether the pass is right, and a wrong pass may be linear": lambda back, k: (
            back.way == "right"
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
        "divided by the length of one alone, the given one's": lambda given, right: (
            cosine(given, right) * np.linalg.norm(right)
        ),
        "this is the angle, and its cosine is asked for": lambda given, right: np.arccos(
            cosine(given, right)
        ),
        "this is the angle in degrees, and its cosine is asked for": lambda given, right: (
            np.degrees(np.arccos(cosine(given, right)))
        ),
        "the share of entries with the right sign": lambda given, right: np.mean(given * right > 0),
        "the mean of the entries' product, and not its sum": lambda given, right: (
            cosine(given, right) / given.size
        ),
    },
)
