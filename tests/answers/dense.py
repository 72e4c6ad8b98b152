"""What readers answer in chapter 03, Differentiate a dense layer."""

import numpy as np

from answers import Answers

# 1. Before you compute


def by_columns(r, W):
    return [sum(W[i, j] * r[i] for i in range(len(r))) for j in range(W.shape[1])]


# 2. All three, and a transpose


def row_by_row(g, x, W):
    dx, dW, db = np.zeros_like(x), np.zeros_like(W), np.zeros(len(W))
    for k in range(len(g)):
        dx[k] = W.T @ g[k]
        dW += np.outer(g[k], x[k])
        db += g[k]
    return dx, dW, db


def by_einsum(g, x, W):
    return (
        np.einsum("ki,ij->kj", g, W),
        np.einsum("ki,kj->ij", g, x),
        np.einsum("ki->i", g),
    )


def by_transposes(g, x, W):
    return (W.T @ g.T).T, (x.T @ g).T, np.ones(len(g)) @ g


def with_part(**parts):
    def backward(g, x, W):
        right = {"dx": g @ W, "dW": g.T @ x, "db": g.sum(axis=0)}
        return tuple((right | {name: part(g, x, W) for name, part in parts.items()}).values())

    return backward


# 3. Norms without gradients


def one_by_one(R, X):
    return [np.sum(np.outer(r, x) ** 2) for r, x in zip(R, X, strict=True)]


def with_gradients(R, X):
    return np.sum(np.einsum("ki,kj->kij", R, X) ** 2, axis=(1, 2))


# 4. How fast is too fast?


def of_both(x):
    return 2 / np.sum(np.append(x, 1.0) ** 2)


def by_curvature(x):
    c = np.append(x, 1.0)
    return 2 / np.linalg.eigvalsh(np.outer(c, c))[-1]


ANSWERS = {
    "check_input_gradient": Answers(
        right=[
            lambda r, W: W.T @ r,
            lambda r, W: r @ W,
            lambda r, W: (W * r[:, None]).sum(axis=0),
            by_columns,
        ],
        wrong=[
            (lambda r, W: W @ r, "raised ValueError: matmul"),
            (lambda r, W: W * r[:, None], "not yet added up"),
            (lambda r, W: W.sum(axis=0), "r is missing"),
            (lambda r, W: -r @ W, "the sign"),
            (lambda r, W: W.sum(axis=0) * r.sum(), "before they meet their weights"),
            (lambda r, W: (W * r[:, None]).sum(axis=1), "one number for each output"),
            (lambda r, W: W.T @ r[:, None], "one column"),
            (lambda r, W: 2 * r @ W, "2 times too large"),
        ],
    ),
    "check_dense_backward": Answers(
        right=[lambda g, x, W: (g @ W, g.T @ x, g.sum(0)), row_by_row, by_einsum, by_transposes],
        wrong=[
            (with_part(dW=lambda g, x, W: x.T @ g), "dW: transposed"),
            (with_part(db=lambda g, x, W: g.sum(axis=1)), "db: summed over the outputs"),
            (with_part(db=lambda g, x, W: g), "db: one gradient for each example"),
            (with_part(db=lambda g, x, W: g.sum()), "db: summed over everything"),
            (with_part(db=lambda g, x, W: g.sum(axis=0, keepdims=True)), "kept as a row"),
            (
                with_part(dW=lambda g, x, W: g.T @ x / len(g), db=lambda g, x, W: g.mean(axis=0)),
                "dW and db: the mean over the batch",
            ),
            (
                with_part(dW=lambda g, x, W: np.einsum("ki,kj->kij", g, x)),
                "dW: one gradient for each example",
            ),
            (with_part(dx=lambda g, x, W: -g @ W), "dx: the sign"),
            (lambda g, x, W: (g @ W, g.T @ x), "return dx, dW, db"),
        ],
    ),
    "check_norms": Answers(
        right=[
            lambda R, X: (R**2).sum(axis=1) * (X**2).sum(axis=1),
            lambda R, X: (np.linalg.norm(R, axis=1) * np.linalg.norm(X, axis=1)) ** 2,
            lambda R, X: np.einsum("ki,ki,kj,kj->k", R, R, X, X),
            lambda R, X: np.diag(R @ R.T) * np.diag(X @ X.T),
            one_by_one,
        ],
        wrong=[
            (with_gradients, "frugal: an array as large as all gradients"),
            (lambda R, X: (R**2).sum(axis=1) + (X**2).sum(axis=1), "norms: the two squared norms"),
            (lambda R, X: np.sqrt((R**2).sum(1) * (X**2).sum(1)), "the norm, and its square"),
            (lambda R, X: np.sum((R.T @ X) ** 2), "the whole batch's gradient"),
            (lambda R, X: np.sum(R**2) * np.sum(X**2), "the norms of all of R"),
            (lambda R, X: (R**2).sum(1) @ (X**2).sum(1), "summed over the batch"),
            (lambda R, X: (R**2).sum(axis=1), "the norm of R alone"),
            (lambda R, X: (R.sum(axis=1) * X.sum(axis=1)) ** 2, "each is squared and then"),
        ],
    ),
    "check_largest_rate": Answers(
        right=[lambda x: 2 / (x @ x + 1), of_both, by_curvature],
        wrong=[
            (lambda x: 2 / (x @ x), "b steps too"),
            (lambda x: 1 / (x @ x + 1), "to 0 in one step"),
            (lambda x: 1 / (x @ x), "b is left out"),
            (lambda x: 2 / (np.linalg.norm(x) + 1), "its square is what counts"),
            (lambda x: (x @ x + 1) / 2, "upside down"),
            (lambda x: 2 / (np.sum(x) + 1), "not by r times the sum of x"),
            (lambda x: 0.1, "in every case"),
        ],
    ),
}
