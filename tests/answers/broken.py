"""Answers to the exercises of chapter 07."""

import numpy as np

from answers import Answers


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def right_pass(g, z):
    p = softmax(z)
    return p * (g - g @ p)


def by_loop(g, rows, count):
    dE = np.zeros((count, g.shape[1]))
    for i, row in enumerate(rows):
        dE[row] += g[i]
    return dE


def by_add(g, rows, count):
    dE = np.zeros((count, g.shape[1]))
    np.add.at(dE, rows, g)
    return dE


def overwritten(g, rows, count):
    dE = np.zeros((count, g.shape[1]))
    dE[rows] = g
    return dE


def once(g, rows, count):
    dE = np.zeros((count, g.shape[1]))
    dE[rows] += g
    return dE


def blocks(x):
    h, w = np.array(x.shape) // 2
    return x.reshape(h, 2, w, 2).transpose(0, 2, 1, 3).reshape(h, w, 4)


def back_from_blocks(d):
    h, w, _ = d.shape
    return d.reshape(h, w, 2, 2).transpose(0, 2, 1, 3).reshape(2 * h, 2 * w)


def pool_by_blocks(g, x):
    return back_from_blocks(np.eye(4)[blocks(x).argmax(axis=2)] * g[:, :, None])


def pool_by_windows(g, x):
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(g.shape):
        window = dx[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        place = np.argmax(x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2])
        window[np.unravel_index(place, (2, 2))] = g[i, j]
    return dx


def pool_by_search(g, x):
    dx = 0 * x
    for i, j in np.ndindex(g.shape):
        places = [(2 * i + a, 2 * j + b) for a in (0, 1) for b in (0, 1)]
        dx[max(places, key=lambda place: x[place])] += g[i, j]
    return dx


def big(g):
    return g.repeat(2, axis=0).repeat(2, axis=1)


def winners(x):
    return back_from_blocks(blocks(x) == blocks(x).max(axis=2, keepdims=True))


def shared(g, x):
    won = blocks(x) == blocks(x).max(axis=2, keepdims=True)
    return back_from_blocks(won / won.sum(axis=2, keepdims=True) * g[:, :, None])


def last_of_equals(g, x):
    return pool_by_blocks(g[::-1, ::-1], x[::-1, ::-1])[::-1, ::-1]


def pairs_of(k):
    return np.random.default_rng(4).normal(size=(3, 2, k))


def superposed(back, k):
    return all(np.allclose(back(2 * g - 3 * h), 2 * back(g) - 3 * back(h)) for g, h in pairs_of(k))


def added(back, k):
    return bool(all(np.allclose(back(g + h), back(g) + back(h)) for g, h in pairs_of(k)))


def is_its_matrix(back, k):
    B = np.column_stack([back(e) for e in np.eye(k)])
    return all(np.allclose(back(g), B @ g) for pair in pairs_of(k) for g in pair)


def positive(k):
    return np.abs(pairs_of(k)[0])


def ramp(k):
    return np.arange(1.0, k + 1)


def doubled(back, factor, k):
    g = pairs_of(k)[0, 0]
    return np.allclose(back(factor * g), factor * back(g))


def added_when_positive(back, k):
    g, h = positive(k)
    return np.allclose(back(g + h), back(g) + back(h))


ANSWERS = {
    "check_blind_spot": Answers(
        right=[
            lambda g, z: (g - g.mean()) / len(g),
            lambda g, z: softmax(z) * (g - g.mean()),
            lambda g, z: right_pass(g, 2 * z),
            lambda g, z: 3 * right_pass(g, z) if z.any() else right_pass(g, z),
        ],
        wrong=[
            (right_pass, "this one is right at every z"),
            (lambda g, z: 0 * g, "gives zeros"),
            (lambda g, z: g - g.mean(), "every entry is 4 times"),
            (lambda g, z: 5 * right_pass(g, z), "every entry is 5 times"),
            (lambda g, z: softmax(z) * g, "wrong at z = 0 already"),
            (lambda g, z: g * softmax(z) * (1 - softmax(z)), "wrong at z = 0 already"),
            (lambda g, z: (g - g.mean()) / z, "a NaN or an infinity"),
        ],
    ),
    "check_embedding_backward": Answers(
        right=[
            by_loop,
            by_add,
            lambda g, rows, count: np.eye(count)[rows].T @ g,
        ],
        wrong=[
            (once, "keeps one of its two cotangents"),
            (overwritten, "keeps one of its two cotangents"),
            (
                lambda g, rows, count: (
                    by_add(g, rows, count)
                    / np.maximum(np.bincount(rows, minlength=count), 1)[:, None]
                ),
                "the mean of its cotangents",
            ),
            (lambda g, rows, count: -by_add(g, rows, count), "sign"),
            (lambda g, rows, count: np.zeros((count, g.shape[1])), "zeros"),
            (lambda g, rows, count: by_add(g, rows, count).T, "transposed"),
            (lambda g, rows, count: g[rows % len(g)], "shape"),
        ],
    ),
    "check_max_pool_backward": Answers(
        right=[pool_by_blocks, pool_by_windows, pool_by_search],
        wrong=[
            (lambda g, x: big(g), "every pixel of the window gets g"),
            (lambda g, x: winners(x) * big(g), "more comes back than was sent"),
            (shared, "a tie is shared"),
            (lambda g, x: big(g) / 4, "as by a mean"),
            (last_of_equals, "the last of equal pixels"),
            (lambda g, x: -pool_by_blocks(g, x), "sign"),
        ],
    ),
    "check_backward_matrix": Answers(
        right=[
            lambda back, k: np.stack([back(e) for e in np.eye(k)], axis=1),
            lambda back, k: np.array([back(e) for e in np.eye(k)]).T,
            lambda back, k: np.column_stack([(back(2 * e) - back(0 * e)) / 2 for e in np.eye(k)]),
        ],
        wrong=[
            (lambda back, k: np.stack([back(e) for e in np.eye(k)]), "a row for each entry"),
            (lambda back, k: back(np.ones(k)), "the sum of the columns"),
            (lambda back, k: np.concatenate([back(e) for e in np.eye(k)]), "one long array"),
            (lambda back, k: np.stack([back(e) for e in np.eye(k)[::-1]], axis=1), "wrong order"),
            (lambda back, k: -np.stack([back(e) for e in np.eye(k)], axis=1), "sign"),
        ],
    ),
    "check_is_linear": Answers(
        right=[superposed, added, is_its_matrix],
        wrong=[
            (lambda back, k: np.allclose(back(np.zeros(k)), 0), "gives 0 for 0"),
            (
                lambda back, k: np.allclose(back(2 * ramp(k)), 2 * back(ramp(k))),
                "a positive factor",
            ),
            (added_when_positive, "positive cotangents"),
            (lambda back, k: doubled(back, -2, k), "add two"),
            (lambda back, k: doubled(back, -1, k), "its sign turned"),
            (lambda back, k: not superposed(back, k), "turned round"),
            (lambda back, k: True, "True whatever"),
            (
                lambda back, k: not np.allclose(back(pairs_of(k)[0, 0]), back(pairs_of(k)[0, 0])),
                "that g is used at all",
            ),
        ],
    ),
    "check_downhill": Answers(
        right=[
            lambda a, b: np.sum(a * b) / np.sqrt(np.sum(a**2) * np.sum(b**2)),
            lambda a, b: a.ravel() @ b.ravel() / (np.linalg.norm(a) * np.linalg.norm(b)),
            lambda a, b: np.sum((a / np.linalg.norm(a)) * (b / np.linalg.norm(b))),
        ],
        wrong=[
            (lambda a, b: np.sum(a * b), "divide by both"),
            (lambda a, b: np.sum(a * b) / np.linalg.norm(b), "the length of one alone"),
            (lambda a, b: np.sum(a * b) / np.linalg.norm(a), "the length of one alone"),
            (lambda a, b: np.mean(np.sign(a) == np.sign(b)), "the share of entries"),
            (
                lambda a, b: np.mean(a * b) / (np.linalg.norm(a) * np.linalg.norm(b)),
                "and not its sum",
            ),
            (
                lambda a, b: np.arccos(np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b))),
                "the angle",
            ),
        ],
    ),
}
