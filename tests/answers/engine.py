"""Chapter 11: a power's rule, a running total's, the tree walk, forward mode, curvature."""

from functools import cache

import numpy as np

from answers import Answers
from scalarloss import handmade, jvp, vjp


def power_by_product(g, y, x, n):
    return g * n * np.prod([x] * (n - 1), axis=0)


def power_by_choice(g, y, x, n):
    return g * np.where(x == 0, 0, n * y / np.where(x == 0, 1, x))


def cumsum_by_loops(g, y, x):
    back = np.zeros_like(x)
    for i in range(len(x)):
        for j in range(i, len(x)):
            back[i] += g[j]
    return back


@cache
def visits_by_recursion(k):
    return 1 if k < 2 else 1 + visits_by_recursion(k - 1) + visits_by_recursion(k - 2)


def visits_by_walking(k):
    waiting, seen = [k], 0
    while waiting:
        here = waiting.pop()
        seen += 1
        waiting += [here - 1, here - 2] if here > 1 else []
    return seen


def visits_by_formula(k):
    golden = (1 + 5**0.5) / 2
    return 2 * round(golden ** (k + 1) / 5**0.5) - 1


def lines(k):
    return k + 1


VALUES = {"sum": lambda x, axis: x.sum(axis=axis)}
MOVES = {
    "matmul": lambda a, b, da, db, y: da @ b + a @ db,
    "add": lambda a, b, da, db, y: da + db,
    "subtract": lambda a, b, da, db, y: da - db,
    "multiply": lambda a, b, da, db, y: da * b + a * db,
    "divide": lambda a, b, da, db, y: (da - y * db) / b,
    "tanh": lambda a, da, y: da * (1 - y**2),
    "exp": lambda a, da, y: da * y,
}


def run(program, arrays):
    values = []
    for name, args, params in program:
        if name == "input":
            values.append(arrays[params["name"]])
        elif name == "constant":
            values.append(params["value"])
        else:
            f = VALUES.get(name, getattr(np, name))
            values.append(f(*[values[a] for a in args], **params))
    return values


def forward(program, arrays, tangents, moves=MOVES):
    values, moving = run(program, arrays), []
    for (name, args, params), y in zip(program, values, strict=True):
        x, dx = [values[a] for a in args], [moving[a] for a in args]
        if name == "input":
            moving.append(tangents[params["name"]])
        elif name == "constant":
            moving.append(np.zeros(np.shape(y)))
        elif name == "sum":
            moving.append(VALUES["sum"](*dx, **params))
        else:
            moving.append(moves[name](*x, *dx, y))
    return moving[-1]


def forward_by_imaginary_step(program, arrays, tangents):
    h = 1e-20
    return run(program, {n: a + 1j * h * tangents[n] for n, a in arrays.items()})[-1].imag / h


def forward_by_package(program, arrays, tangents):
    return jvp(lambda **xs: run(program, xs)[-1], tangents, **arrays)[1]


def forward_by_rows(program, arrays, tangents):
    y, pullback = vjp(lambda **xs: run(program, xs)[-1], **arrays)
    rows = [pullback(v) for v in np.eye(len(y))]
    return np.array([sum((row[n] * tangents[n]).sum() for n in tangents) for row in rows])


def second_only(name):
    rule = MOVES[name]
    return lambda a, b, da, db, y: rule(a, b, 0 * da, db, y)


def first_only(name):
    rule = MOVES[name]
    return lambda a, b, da, db, y: rule(a, b, da, 0 * db, y)


TWO = ("matmul", "add", "subtract", "multiply", "divide")
OVERWRITTEN = {**MOVES, **{name: second_only(name) for name in TWO}}
FIRST = {**MOVES, **{name: first_only(name) for name in TWO}}
UNSIGNED = {**MOVES, "subtract": MOVES["add"]}


def slope(A, w):
    y = np.tanh(A @ w)
    return A.T @ (2 * y * (1 - y**2))


def curvature_by_jvp(A, w, v):
    y = np.tanh(A @ w)
    dy = (1 - y**2) * (A @ v)
    return A.T @ (2 * dy * (1 - y**2) - 4 * y * y * dy)


def curvature_by_vjp(A, w, v):
    def slope(w):
        y = np.tanh(A @ w)
        return (2 * y * (1 - y * y)) @ A

    return handmade.vjp(slope, w=w)[1](v)["w"]


def curvature_by_grad(A, w, v):
    def along(w):
        y = np.tanh(A @ w)
        return (2 * y * (1 - y * y)) @ (A @ v)

    return handmade.grad(along, w=w)["w"]


def curvature_by_imaginary_step(A, w, v):
    return slope(A, w + 1e-20j * v).imag / 1e-20


def matrix(A, w):
    y = np.tanh(A @ w)
    return A.T @ np.diag((1 - y**2) * (2 - 6 * y**2)) @ A


ANSWERS = {
    "check_power_back": Answers(
        right=[
            lambda g, y, x, n: g * n * np.power(x, n - 1),
            power_by_product,
            power_by_choice,
            lambda g, y, x, n: g * ((x + 1e-20j) ** n).imag / 1e-20,
        ],
        wrong=[
            (lambda g, y, x, n: g * n * y / x, "0 / 0 where x is 0"),
            (lambda g, y, x, n: g * n * y, "the power is not lowered"),
            (lambda g, y, x, n: g * x ** (n - 1), "the factor k is missing"),
            (lambda g, y, x, n: n * x ** (n - 1), "the cotangent g is missing"),
            (lambda g, y, x, n: g * (n - 1) * x ** (n - 1), "the factor is k, and not k - 1"),
            (lambda g, y, x, n: g * n**x * np.log(n), "x is the exponent"),
            (lambda g, y, x, n: -g * n * x ** (n - 1), "sign"),
            (lambda g, y, x, n: g * y, "no multiple of y"),
            (lambda g, y, x, n: np.sum(g * n * x ** (n - 1)), "shape"),
        ],
    ),
    "check_cumsum_back": Answers(
        right=[
            cumsum_by_loops,
            lambda g, y, x: g.sum() - np.cumsum(g) + g,
            lambda g, y, x: np.tril(np.ones((len(x), len(x)))).T @ g,
            lambda g, y, x: np.flip(np.cumsum(np.flip(g))),
        ],
        wrong=[
            (lambda g, y, x: np.cumsum(g), "from the first entry"),
            (lambda g, y, x: np.cumsum(g[::-1]), "turned round"),
            (lambda g, y, x: g.sum() - np.cumsum(g), "x[i] reaches y[i] too"),
            (lambda g, y, x: np.full(x.shape, g.sum()), "every x gets all of g"),
            (lambda g, y, x: g, "handed back as it came"),
            (lambda g, y, x: np.diff(g, prepend=0), "the differences of g"),
            (lambda g, y, x: -np.cumsum(g[::-1])[::-1], "sign"),
            (lambda g, y, x: g.sum(), "shape"),
        ],
    ),
    "check_tree_visits": Answers(
        right=[visits_by_recursion, visits_by_walking, visits_by_formula],
        wrong=[
            (lambda k: visits_by_walking(k) - 1, "left out of its visits"),
            (lambda k: (visits_by_walking(k) + 1) // 2, "the paths to"),
            (lambda k: 2 ** (k + 1) - 1, "this counts doublings"),
            (lines, "the lines of the list"),
            (lambda k: visits_by_walking(k + 1), "for the value after"),
            (lambda k: visits_by_walking(max(k - 1, 0)), "for the value before"),
            (lambda k: str(visits_by_walking(k)), "gives a word"),
        ],
    ),
    "check_forward_mode": Answers(
        right=[forward, forward_by_imaginary_step, forward_by_package, forward_by_rows],
        wrong=[
            (lambda program, arrays, tangents: run(program, arrays)[-1], "this is the value"),
            (
                lambda program, arrays, tangents: forward(
                    program, arrays, {n: np.ones_like(t) for n, t in tangents.items()}
                ),
                "all entries move by 1",
            ),
            (
                lambda program, arrays, tangents: forward(program, arrays, tangents, OVERWRITTEN),
                "the last argument's part is kept",
            ),
            (
                lambda program, arrays, tangents: forward(program, arrays, tangents, FIRST),
                "the first argument's part alone",
            ),
            (
                lambda program, arrays, tangents: forward(program, arrays, tangents, UNSIGNED),
                "the other way",
            ),
            (
                lambda program, arrays, tangents: forward(
                    program, arrays, {**tangents, "b": 0 * tangents["b"]}
                ),
                "the tangent of b is lost",
            ),
            (lambda program, arrays, tangents: sum(t.sum() for t in tangents.values()), "shape"),
        ],
    ),
    "check_curvature": Answers(
        right=[curvature_by_jvp, curvature_by_vjp, curvature_by_grad, curvature_by_imaginary_step],
        wrong=[
            (lambda A, w, v: matrix(A, w) @ v, "H was built"),
            (lambda A, w, v: slope(A, w), "this is the gradient"),
            (
                lambda A, w, v: A.T @ (2 * (1 - np.tanh(A @ w) ** 2) ** 2 * (A @ v)),
                "the slope of 1 − tanh² is missing",
            ),
            (lambda A, w, v: curvature_by_jvp(A, w, w), "H is multiplied by w"),
            (lambda A, w, v: -curvature_by_jvp(A, w, v), "sign"),
            (lambda A, w, v: 2 * curvature_by_jvp(A, w, v), "2 times too large"),
            (lambda A, w, v: v @ curvature_by_jvp(A, w, v), "shape"),
            (
                lambda A, w, v: curvature_by_jvp(A, w, np.ones_like(v)) * v,
                "Hv: ",
            ),
        ],
    ),
}
