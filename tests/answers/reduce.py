"""What readers answer in "Reduce with care"."""

import numpy as np

from answers import Answers


def eigenvalues(X):
    return np.linalg.eigvalsh(X.T @ X)


def by_singular_values(X):
    s = np.linalg.svd(X, compute_uv=False)[0]
    return 2 / s**2, 2 * len(X) / s**2


def by_hessians(X):
    H = X.T @ X
    return tuple(2 / np.max(np.linalg.eigvals(h).real) for h in (H, H / X.shape[0]))


def by_the_other_product(X):
    top = np.linalg.eigvalsh(X @ X.T)[-1]
    return [2 / top, 2 / (top / len(X))]


def by_loop(gradients, sizes):
    total = np.zeros(gradients.shape[1])
    for gradient, size in zip(gradients, sizes, strict=True):
        total += size * gradient
    return total / sum(sizes)


def mask_of(y, lengths):
    return np.arange(y.shape[1])[None] < np.asarray(lengths)[:, None]


def masked_by_loop(y, t, lengths):
    g = np.zeros(y.shape)
    for k, n in enumerate(lengths):
        g[k, :n] = y[k, :n] - t[k, :n]
    return g / sum(lengths)


def masked_by_index(y, t, lengths):
    mask = mask_of(y, lengths)
    g = np.zeros_like(y)
    g[mask] = (y - t)[mask] / np.count_nonzero(mask)
    return g


def off_by(places):
    def backward(y, t, lengths):
        mask = mask_of(y, lengths + places)
        return np.where(mask, y - t, 0) / mask.sum()

    return backward


def last_by_loop(y, t, lengths):
    g = np.zeros(y.shape)
    for k, n in enumerate(lengths):
        g[k, n - 1] = (y[k, n - 1] - t[k, n - 1]) / len(y)
    return g


def last_by_mask(y, t, lengths):
    return (y - t) * (np.arange(y.shape[1]) == lengths[:, None] - 1) / len(lengths)


def last_by_indicator(y, t, lengths):
    mask = mask_of(y, lengths)
    last = mask & ~np.pad(mask, ((0, 0), (0, 1)))[:, 1:]
    return np.where(last, y - t, 0) / y.shape[0]


def at(place):
    """The gradient where the word at `place(lengths)` is judged."""

    def backward(y, t, lengths):
        g, rows = np.zeros_like(y), np.arange(len(y))
        g[rows, place(lengths)] = (y - t)[rows, place(lengths)] / len(y)
        return g

    return backward


def norm(*arrays):
    return np.linalg.norm(np.concatenate([np.ravel(a) for a in arrays]))


def clip_by_branch(dW, db, limit):
    length = np.sqrt((dW**2).sum() + (db**2).sum())
    return (dW * limit / length, db * limit / length) if length > limit else (dW, db)


def clip_as_pytorch(dW, db, limit):
    factor = limit / (norm(dW, db) + 1e-6)
    factor = factor if factor < 1 else 1
    return dW * factor, db * factor


def clip_by_divisor(dW, db, limit):
    divisor = max(1, np.hypot(np.linalg.norm(dW), np.linalg.norm(db)) / limit)
    return [dW / divisor, db / divisor]


ANSWERS = {
    "check_stable_rates": Answers(
        right=[by_singular_values, by_hessians, by_the_other_product],
        wrong=[
            (
                lambda X: (2 / np.linalg.norm(X, 2), 2 * len(X) / np.linalg.norm(X, 2)),
                "2 over the largest singular value",
            ),
            (
                lambda X: (1 / eigenvalues(X)[-1], len(X) / eigenvalues(X)[-1]),
                "this is 1 / λ, and a step may be twice as long",
            ),
            (
                lambda X: (2 / eigenvalues(X)[0], 2 * len(X) / eigenvalues(X)[0]),
                "the smallest eigenvalue is taken",
            ),
            (
                lambda X: (2 / np.sum(X**2), 2 / np.mean(np.sum(X**2, axis=1))),
                "the trace is taken",
            ),
            (lambda X: (2 / eigenvalues(X)[-1],) * 2, "its rate is N times larger"),
            (
                lambda X: (2 / eigenvalues(X)[-1], 2 / eigenvalues(X)[-1] / len(X)),
                "a flatter bowl bears a higher rate",
            ),
            (lambda X: by_singular_values(X)[::-1], "of the sum: this is the limit of the mean"),
            (lambda X: (eigenvalues(X)[-1], eigenvalues(X)[-1] / len(X)), "this is λ itself"),
        ],
    ),
    "check_accumulation": Answers(
        right=[
            by_loop,
            lambda gradients, sizes: np.average(gradients, axis=0, weights=sizes),
            lambda gradients, sizes: np.sum(sizes[:, None] * gradients, axis=0) / sizes.sum(),
            lambda gradients, sizes: gradients.T @ (sizes / np.sum(sizes)),
        ],
        wrong=[
            (lambda gradients, sizes: np.mean(gradients, axis=0), "the mean of the means"),
            (lambda gradients, sizes: np.sum(gradients, axis=0), "the sum of the means"),
            (lambda gradients, sizes: sizes @ gradients, "the gradient of the sum"),
            (lambda gradients, sizes: sizes @ gradients / len(sizes), "the number of pieces"),
            (lambda gradients, sizes: -by_loop(gradients, sizes), "sign"),
            (lambda gradients, sizes: by_loop(gradients, sizes) * 0, "zero"),
        ],
    ),
    "check_masked_mean_backward": Answers(
        right=[
            masked_by_loop,
            masked_by_index,
            lambda y, t, n: mask_of(y, n) * (y - t) / mask_of(y, n).sum(),
            lambda y, t, n: (
                (np.where(mask_of(y, n), y, 0) - np.where(mask_of(y, n), t, 0)) / sum(n)
            ),
        ],
        wrong=[
            (off_by(1), "one word too long"),
            (off_by(-1), "one word too short"),
            (lambda y, t, n: mask_of(y, n) * (y - t) / y.size, "the padding is counted"),
            (lambda y, t, n: (y - t) / y.size, "there is no mask at all"),
            (lambda y, t, n: (y - t) / n.sum(), "the padding has a gradient"),
            (
                lambda y, t, n: mask_of(y, n) * (y - t) / n[:, None] / len(y),
                "the mean over sentences of the mean over their words",
            ),
            (lambda y, t, n: mask_of(y, n) * (y - t), "not their mean"),
            (lambda y, t, n: mask_of(y, n) * (y - t) / len(y), "the number of sentences"),
            (lambda y, t, n: masked_by_loop(t, y, n), "sign"),
        ],
    ),
    "check_last_word_backward": Answers(
        right=[last_by_loop, last_by_mask, last_by_indicator, at(lambda n: n - 1)],
        wrong=[
            (at(lambda n: n), "one place too late"),
            (at(lambda n: n - 2), "one place too early"),
            (at(lambda n: -1), "the last column is taken, which is padding"),
            (at(lambda n: 0), "the first word is judged"),
            (lambda y, t, n: last_by_mask(y, t, n) * len(y), "number of sentences is missing"),
            (lambda y, t, n: mask_of(y, n) * (y - t) / len(y), "every word is judged"),
            (
                lambda y, t, n: last_by_mask(y, t, n) * len(y) / sum(n),
                "divided by the number of words",
            ),
        ],
    ),
    "check_clipping": Answers(
        right=[clip_by_branch, clip_as_pytorch, clip_by_divisor],
        wrong=[
            (
                lambda dW, db, c: (dW * min(1, c / norm(dW)), db * min(1, c / norm(db))),
                "each array is clipped by its own norm",
            ),
            (
                lambda dW, db, c: (np.clip(dW, -c, c), np.clip(db, -c, c)),
                "each entry is clipped by itself",
            ),
            (
                lambda dW, db, c: (dW * c / norm(dW, db), db * c / norm(dW, db)),
                "stretched to the limit",
            ),
            (
                lambda dW, db, c: tuple(a * min(1, c / norm(dW, db) ** 2) for a in (dW, db)),
                "without its root",
            ),
            (
                lambda dW, db, c: tuple(a * min(1, c / (norm(dW) + norm(db))) for a in (dW, db)),
                "the two norms are added",
            ),
            (
                lambda dW, db, c: tuple(
                    a * min(1, c / max(abs(dW).max(), abs(db).max())) for a in (dW, db)
                ),
                "the largest entry",
            ),
            (lambda dW, db, c: (dW, db), "dW and db"),
        ],
    ),
}
