"""What readers answer in "Choose a cotangent"."""

import numpy as np

from answers import Answers


def rows(pull, m):
    return np.stack([pull(v) for v in np.eye(m)])


def columns(push, n):
    return np.stack([push(u) for u in np.eye(n)], axis=1)


def by_loops(push, pull, m, n):
    J = np.empty((m, n))
    if n <= m:
        for j in range(n):
            e = np.zeros(n)
            e[j] = 1
            J[:, j] = push(e)
    else:
        for i in range(m):
            J[i] = pull(np.arange(m) == i)
    return J


def by_scaled_bases(push, pull, m, n):
    """Any basis does: twice the unit vectors, and half of what comes."""
    if m > n:
        return np.array([push(2 * u) / 2 for u in np.eye(n)]).T
    return np.array([pull(-v) for v in np.eye(m)]) * -1


def pushes_as_rows(push, pull, m, n):
    return np.stack([push(u) for u in np.eye(n)]) if n < m else rows(pull, m)


def tries_first(push, pull, m, n):
    push(np.zeros(n))
    return columns(push, n) if n < m else rows(pull, m)


def by_counting(sentence):
    return np.array([1 / np.sum(sentence == k) for k in sentence]) / len(set(sentence.tolist()))


def by_unique(sentence):
    _, place, counts = np.unique(sentence, return_inverse=True, return_counts=True)
    return 1.0 / (counts[place] * len(counts))


def by_matrix(sentence):
    member = (sentence == np.unique(sentence)[:, None]).astype(float)
    return np.mean(member / member.sum(axis=1, keepdims=True), axis=0)


def lengths(sentence):
    return np.bincount(sentence)


def by_steps(back, V):
    total = 0.0
    for v in V:
        total += np.dot(v, back(v))
    return total / V.shape[0]


def trace(back, V):
    return sum(back(e) @ e for e in np.eye(V.shape[1]))


def mask_of(shape, places):
    mask = np.zeros(shape)
    for i, j in places:
        mask[i, j] = 1
    return mask


def mask_by_columns(shape, places):
    mask = np.zeros(shape)
    mask[tuple(np.transpose(places))] = 1
    return mask


def mask_by_list(shape, places):
    mask = np.zeros(shape)
    mask[places] = 1
    return mask


def one_by_one(back, shape, places):
    return sum(back(mask_of(shape, [place])) for place in places)


ANSWERS = {
    "check_jacobian_by_few_passes": Answers(
        right=[
            lambda push, pull, m, n: columns(push, n) if n < m else rows(pull, m),
            by_loops,
            by_scaled_bases,
        ],
        wrong=[
            (lambda push, pull, m, n: rows(pull, m), "two: a vjp for each output, also where"),
            (lambda push, pull, m, n: columns(push, n), "two: a jvp for each input, also where"),
            (
                lambda push, pull, m, n: rows(pull, m) if n < m else columns(push, n),
                "the sides are swapped",
            ),
            (
                lambda push, pull, m, n: (columns(push, n) if n < m else rows(pull, m)).T,
                "J with more outputs and J with more inputs: transposed",
            ),
            (pushes_as_rows, "J with more outputs: transposed"),
            (tries_first, "a pass more than needed"),
            (lambda push, pull, m, n: columns(push, n) + 0 * rows(pull, m), "one of the two is"),
        ],
    ),
    "check_mean_over_sentences": Answers(
        right=[by_counting, by_unique, by_matrix],
        wrong=[
            (lambda s: np.ones(len(s)) / len(s), "the mean over words"),
            (lambda s: 1 / lengths(s)[s], "and then their sum"),
            (
                lambda s: 1 / lengths(s)[s] / len(s),
                "a mean of them divides",
            ),
            (lambda s: 1 / lengths(s) / len(lengths(s)), "one weight for each sentence"),
            (lambda s: np.full(len(s), 1 / len(lengths(s))), "share nothing"),
            (lambda s: lengths(s)[s] / len(s), "the longer a sentence"),
            (lambda s: -1 / lengths(s)[s] / len(lengths(s)), "sign"),
        ],
    ),
    "check_trace_by_lottery": Answers(
        right=[
            by_steps,
            lambda back, V: np.mean([np.sum(back(v) * v) for v in V]),
            lambda back, V: np.sum(np.stack([back(v) for v in V]) * V) / len(V),
            lambda back, V: np.einsum("ki,ki->", np.stack(list(map(back, V))), V) / len(V),
        ],
        wrong=[
            (trace, "this is the trace itself"),
            (lambda back, V: sum(back(v) @ v for v in V), "the guesses' sum"),
            (lambda back, V: np.array([back(v) @ v for v in V]), "not yet their mean"),
            (lambda back, V: back(V[0]) @ V[0], "the first draw alone"),
            (
                lambda back, V: back(V.mean(axis=0)) @ V.mean(axis=0),
                "averaged before they are used",
            ),
            (lambda back, V: np.mean([back(v).sum() for v in V]), "not yet weighed by v"),
            (lambda back, V: sum(back(v) @ v for v in V) / V.size, "too small"),
            (lambda back, V: sum(back(v) @ v for v in V) / V.shape[1], "as many guesses as rows"),
        ],
    ),
    "check_heat_map": Answers(
        right=[
            lambda back, shape, places: back(mask_of(shape, places)),
            lambda back, shape, places: back(mask_by_columns(shape, places)),
            one_by_one,
            lambda back, shape, places: back(
                [[float((i, j) in places) for j in range(shape[1])] for i in range(shape[0])]
            ),
        ],
        wrong=[
            (lambda back, shape, places: back(mask_by_list(shape, places)), "marks whole rows"),
            (lambda back, shape, places: back(np.ones(shape)), "every place of the map counts"),
            (lambda back, shape, places: back(mask_of(shape, places[:1])), "first place alone"),
            (lambda back, shape, places: back(1 - mask_of(shape, places)), "everything but the"),
            (lambda back, shape, places: mask_of(shape, places), "this is the mask"),
            (
                lambda back, shape, places: back(mask_of(shape, [(j, i) for i, j in places])),
                "rows and columns are swapped",
            ),
            (lambda back, shape, places: np.abs(one_by_one(back, shape, places)), "absolute value"),
            (lambda back, shape, places: one_by_one(back, shape, places) / len(places), "the mean"),
        ],
    ),
}
