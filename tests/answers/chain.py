"""What readers answer in chapter 02, Chain the rule."""

from itertools import pairwise

import numpy as np

from answers import Answers

# 1. Where does it stand?


def compare(x):
    slopes = 2 * x / np.cosh(x**2) ** 2
    return slopes, np.isclose(slopes, 2 * x / np.cosh(x) ** 2)


def entry_by_entry(x):
    return [(1 - np.tanh(a * a) ** 2) * 2 * a for a in x], [abs(a) in (0, 1) for a in x]


def steps_of(x):
    s = x**2
    return (1 - np.tanh(s) ** 2) * 2 * x, (x == s) | (-x == s)


def with_slopes(agrees):
    return lambda x: ((1 - np.tanh(x**2) ** 2) * 2 * x, agrees(x))


def with_agrees(slopes):
    return lambda x: (slopes(x), np.isin(x, [-1, 0, 1]))


# 2. A bottleneck


def count(shapes):
    total, rows = 0, shapes[0][0]
    for _, (inner, columns) in pairwise(shapes):
        total += rows * inner * columns
    return total


def from_both_ends(n, k):
    back = [(1, n), (n, k), (k, n)]
    return count(back), count([shape[::-1] for shape in back[::-1]])


# 3. One row at a time


def row_by_row(back, m):
    rows = []
    for i in range(m):
        v = np.zeros(m)
        v[i] = 1
        rows.append(back(v))
    return np.array(rows)


def solved(back, m):  # any m independent cotangents will do
    V = np.eye(m) + np.ones((m, m))
    return np.linalg.solve(V, np.stack([back(v) for v in V]))


def differences(back, m):
    V = np.tril(np.ones((m, m)))
    return np.diff([np.zeros_like(back(V[0])), *map(back, V)], axis=0)


# 4. Many forks


def walked(times):
    paths, additions = 1, 0
    for _ in range(times):
        paths, additions = paths + paths, additions + 1
    return paths, additions


# 5. A way round


def by_matrix(g, x, W):
    J = (W + np.eye(len(x))) @ np.diag(1 - np.tanh(x) ** 2)
    return g @ J


def two_paths(g, x, W):
    slope = 1 - np.tanh(x) ** 2
    return slope * (g @ W) + slope * g


def by_rows(g, x, W):
    through = [sum(g[i] * W[i, j] for i in range(len(g))) + g[j] for j in range(len(x))]
    return np.array(through) / np.cosh(x) ** 2


ANSWERS = {
    "check_slope_of_square": Answers(
        right=[compare, entry_by_entry, steps_of],
        wrong=[
            (with_agrees(lambda x: (1 - np.tanh(x) ** 2) * 2 * x), "slopes: the outer slope is"),
            (with_agrees(lambda x: 1 - np.tanh(x**2) ** 2), "the inner slope is missing"),
            (with_agrees(lambda x: 2 * np.tanh(x) / np.cosh(x) ** 2), "other way round"),
            (with_agrees(lambda x: 2 * x), "the outer slope is missing"),
            (with_agrees(lambda x: x / np.cosh(x**2) ** 2), "2 times too small"),
            (with_slopes(lambda x: np.isin(x, [0, 1])), "agrees: at 0 and 1"),
            (with_slopes(lambda x: abs(x) == 1), "there is a third x"),
            (with_slopes(lambda x: x == 0), "two more x"),
            (with_slopes(lambda x: x != x), "False everywhere"),
            (with_slopes(lambda x: ~np.isin(x, [-1, 0, 1])), "swapped"),
            (lambda x: (1 - np.tanh(x**2) ** 2) * 2 * x, "return slopes, agrees"),
        ],
    ),
    "check_multiplications": Answers(
        right=[
            lambda n, k: (n * k + k * n, n * k * n + n * n),
            from_both_ends,
            lambda n, k: [2.0 * n * k, n**2 * (k + 1.0)],
        ],
        wrong=[
            (lambda n, k: (n * k, n * n * k), "the last product is missing"),
            (lambda n, k: (n * n * (k + 1), 2 * n * k), "the count from the other end"),
            (lambda n, k: (2 * n * k, 2 * n * k), "from the input: this is the count"),
            (lambda n, k: (2 * n * n, n**3 + n * n), "as wide as the ends"),
            (lambda n, k: (n + 2 * n * k,) * 2, "the entries of the three Jacobians"),
            (lambda n, k: (4 * n * k, 2 * n * n * (k + 1)), "2 times too large. With"),
        ],
    ),
    "check_jacobian_by_rows": Answers(
        right=[
            lambda back, m: np.stack([back(v) for v in np.eye(m)]),
            row_by_row,
            solved,
            differences,
        ],
        wrong=[
            (lambda back, m: np.stack([back(v) for v in np.eye(m)], axis=1), "as columns"),
            (lambda back, m: back(np.ones(m)), "one cotangent of ones, which"),
            (lambda back, m: np.stack([back(np.ones(m))] * m), "ones for every row"),
            (lambda back, m: back(np.eye(m)[0]), "the first row alone"),
            (lambda back, m: np.array([back(v) for v in np.eye(m)[::-1]]), "another order"),
            (lambda back, m: np.concatenate([back(v) for v in np.eye(m)]), "one long row"),
            (lambda back, m: back(np.eye(m)), "raised ShapeError: v has shape"),
        ],
    ),
    "check_doublings": Answers(
        right=[
            lambda times: (2**times, times),
            walked,
            lambda times: [np.exp2(times), float(times)],
        ],
        wrong=[
            (lambda times: (2 * times, times), "each fork doubles"),
            (lambda times: (times, times), "one for each fork"),
            (lambda times: (2**times, 2**times), "one for each path"),
            (lambda times: (2**times, 2**times - 1), "one less than the paths"),
            (lambda times: (2 ** (times + 1), times), "one doubling too many"),
            (lambda times: (2**times, 2 * times), "where two cotangents meet"),
            (lambda times: (2 ** (times - 1), times - 1), "one short"),
        ],
    ),
    "check_residual_backward": Answers(
        right=[by_matrix, two_paths, by_rows],
        wrong=[
            (lambda g, x, W: W.T @ g * (1 - np.tanh(x) ** 2), "the path round it is missing"),
            (lambda g, x, W: g * (1 - np.tanh(x) ** 2), "the path through it is missing"),
            (lambda g, x, W: (W @ g + g) * (1 - np.tanh(x) ** 2), "through W once more"),
            (lambda g, x, W: W.T @ g + g, "it stops at a"),
            (lambda g, x, W: W.T @ g / np.cosh(x) ** 2 + g, "goes round tanh too"),
            (lambda g, x, W: W.T @ (g / np.cosh(x) ** 2) + g, "on that path alone"),
            (lambda g, x, W: (W + np.eye(len(g))).T @ (g / np.cosh(x) ** 2), "meets tanh last"),
            (lambda g, x, W: -by_matrix(g, x, W), "the sign"),
        ],
    ),
}
