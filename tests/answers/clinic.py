"""Chapter 10: the mean over tokens, devices that average, coupling, the diagonal, one shape."""

import numpy as np

from answers import Answers
from scalarloss import grad, jacobian


def mean_by_loops(losses, mask):
    total = count = 0.0
    for row, there in zip(losses, mask, strict=True):
        for loss, is_real in zip(row, there, strict=True):
            if is_real:
                total, count = total + loss, count + 1
    return total / count


def kept(losses, mask):
    return np.where(mask, losses, 0.0)


def scale_by_rows(counts):
    return 1 / np.mean([row.sum() for row in counts])


def scale_by_loops(counts):
    return sum(1 for _ in counts) / sum(int(n) for row in counts for n in row)


def others_moved(f, x):
    """Whether output k stays, bit by bit, while all inputs but k are moved."""
    rng = np.random.default_rng(0)
    for k in range(len(x)):
        moved = x + rng.normal(size=len(x))
        moved[k] = x[k]
        if abs(f(moved)[k] - f(x)[k]) > 1e-9:
            return False
    return True


def pointwise_by_jacobian(f, x):
    J = jacobian(f, x=x)["x"]
    return np.count_nonzero(np.abs(J - np.diag(np.diag(J))) > 1e-9) == 0


def pointwise_by_weights(f, x):
    """Whether weighing what goes in weighs what comes out: two passes forwards."""
    u, h = 1 + np.sqrt(np.arange(len(x))), 1e-20j
    return bool(np.allclose(f(x + h * u).imag / 1e-20, u * f(x + h).imag / 1e-20))


def moves_of(f, x):
    return np.stack([f(x + 0.1 * e) - f(x) for e in np.eye(len(x))], axis=1)


def symmetric_by_moves(f, x):
    moves = moves_of(f, x)
    off = moves - np.diag(np.diag(moves))
    return np.allclose(off, off.T)


def mse_by_grad(guess, target):
    def loss(y):
        return ((y - target[:, None]) ** 2).mean()

    return loss(guess), grad(loss, y=guess)["y"]


def mse_by_loops(guess, target):
    N, loss, gradient = len(target), 0.0, np.zeros_like(guess)
    for i in range(N):
        loss += (guess[i, 0] - target[i]) ** 2 / N
        gradient[i, 0] = 2 * (guess[i, 0] - target[i]) / N
    return loss, gradient


def right_loss(guess, target):
    return ((guess[:, 0] - target) ** 2).mean()


ANSWERS = {
    "check_token_mean": Answers(
        right=[
            lambda losses, mask: kept(losses, mask).sum() / mask.sum(),
            lambda losses, mask: losses[mask == 1].mean(),
            lambda losses, mask: np.mean(losses, where=mask.astype(bool)),
            mean_by_loops,
        ],
        wrong=[
            (lambda losses, mask: (losses * mask).sum() / mask.sum(), "0 times a NaN is a NaN"),
            (lambda losses, mask: np.nansum(losses * mask) / mask.size, "below the line"),
            (lambda losses, mask: kept(losses, mask).mean(), "below the line"),
            (lambda losses, mask: np.nansum(losses) / mask.sum(), "np.nansum passes over a NaN"),
            (lambda losses, mask: losses.sum() / mask.sum(), "above the line"),
            (lambda losses, mask: losses.mean(), "counted everywhere"),
            (
                lambda losses, mask: (kept(losses, mask).sum(1) / mask.sum(1)).mean(),
                "a short one counts as much as a long one",
            ),
            (lambda losses, mask: kept(losses, mask).sum(), "the sum, and not the mean"),
            (lambda losses, mask: kept(losses, mask).sum() / len(mask), "count of sequences"),
            (lambda losses, mask: kept(losses, mask).sum(1) / mask.sum(1), "shape"),
        ],
    ),
    "check_token_scale": Answers(
        right=[
            lambda counts: counts.shape[0] / np.sum(counts),
            scale_by_rows,
            scale_by_loops,
        ],
        wrong=[
            (lambda counts: 1 / counts.sum(), "that divides by R once more"),
            (lambda counts: 1 / counts.mean(), "added up, and not averaged"),
            (lambda counts: 1 / (len(counts) * counts.sum()), "where the average does so already"),
            (lambda counts: counts.sum(axis=1).mean(), "upside down"),
            (lambda counts: counts.shape[1] / counts.sum(), "K in the place of R"),
            (lambda counts: 1 / counts.size, "the tokens are not counted"),
            (lambda counts: 1 / counts, "a number of its own"),
            (lambda counts: -len(counts) / counts.sum(), "sign"),
        ],
    ),
    "check_pointwise": Answers(
        right=[
            lambda f, x: bool(np.allclose(moves_of(f, x), np.diag(np.diag(moves_of(f, x))))),
            others_moved,
            pointwise_by_jacobian,
            pointwise_by_weights,
        ],
        wrong=[
            (
                lambda f, x: not np.any(np.abs(moves_of(f, x)[1:, 0]) > 1e-9),
                "only input 0 was moved",
            ),
            (
                lambda f, x: not np.any(np.abs(moves_of(f, x)[0, 1:]) > 1e-9),
                "only output 0 was looked at",
            ),
            (lambda f, x: not others_moved(f, x), "turned round"),
            (
                lambda f, x: np.allclose(moves_of(f, x).sum(0), np.diag(moves_of(f, x))),
                "compared with the sum",
            ),
            (
                symmetric_by_moves,
                "compared with the transpose",
            ),
            (lambda f, x: True, "True, whatever f is"),
            (lambda f, x: moves_of(f, x), "is asked for"),
        ],
    ),
    "check_diagonal": Answers(
        right=[
            lambda pullback, n: [pullback(e)[k] for k, e in enumerate(np.eye(n))],
            lambda pullback, n: np.diag(np.stack([pullback(e) for e in np.eye(n)])),
            lambda pullback, n: sum(e * pullback(e) for e in np.eye(n)),
            lambda pullback, n: np.array([pullback(e) @ e for e in np.eye(n)]),
        ],
        wrong=[
            (lambda pullback, n: pullback(np.ones(n)), "the sum of the rows"),
            (lambda pullback, n: pullback(np.ones(n)) / n, "the mean of the rows"),
            (
                lambda pullback, n: np.array([pullback(e).sum() for e in np.eye(n)]),
                "each row added up",
            ),
            (lambda pullback, n: np.stack([pullback(e) for e in np.eye(n)]), "the whole Jacobian"),
            (lambda pullback, n: pullback(np.eye(n)[0]), "the first row"),
            (lambda pullback, n: [pullback(e)[0] for e in np.eye(n)], "the first entry"),
            (lambda pullback, n: sum(pullback(e)[k] for k, e in enumerate(np.eye(n))), "shape"),
        ],
    ),
    "check_mse": Answers(
        right=[
            mse_by_grad,
            mse_by_loops,
            lambda guess, target: (
                np.square(guess.ravel() - target).mean(),
                (guess - target.reshape(-1, 1)) * 2 / guess.size,
            ),
        ],
        wrong=[
            (
                lambda guess, target: (
                    ((guess - target) ** 2).mean(),
                    2 * (guess - target).mean(axis=1, keepdims=True) / len(target),
                ),
                "every prediction is compared with every target",
            ),
            (
                lambda guess, target: (
                    ((guess[:, 0] - target) ** 2).sum(),
                    2 * (guess - target[:, None]),
                ),
                "the sum of squares, and not the mean",
            ),
            (
                lambda guess, target: (
                    right_loss(guess, target) / 2,
                    (guess - target[:, None]) / len(target),
                ),
                "half the mean square",
            ),
            (
                lambda guess, target: (
                    right_loss(guess, target),
                    2 * (target[:, None] - guess) / len(target),
                ),
                "gradient: turned round",
            ),
            (
                lambda guess, target: (
                    right_loss(guess, target),
                    2 * (guess[:, 0] - target) / len(target),
                ),
                "gradient: the axis of the predictions is missing",
            ),
            (
                lambda guess, target: (
                    right_loss(guess, target),
                    2 * (guess - target) / len(target),
                ),
                "gradient: ",
            ),
            (lambda guess, target: right_loss(guess, target), "loss, gradient"),
        ],
    ),
}
