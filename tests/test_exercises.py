"""Exercises mark fairly: right is right, and what is wrong is said truly."""

import ast
import json
import re
import symtable
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

from scalarloss import exercises
from scalarloss.exercises.base import Exercise, Search, distinct, normal
from scalarloss.exercises.cotangent import mask_of
from scalarloss.layers import conv2d, softmax

BOOK = Path(__file__).parents[1] / "book"

# What marks


def draw_dense(rng):
    batch, m, n = distinct(rng, 3)
    return {"g": normal(rng, batch, m), "x": normal(rng, batch, n), "W": normal(rng, m, n)}


def dense_backward(g, x, W):
    return g @ W, g.T @ x


check_dense = Exercise(
    truth=dense_backward,
    draw=draw_dense,
    parts=("dL_dx", "dL_dW"),
    mistakes={"the last example alone": lambda g, x, W: {"dL_dW": np.outer(g[-1], x[-1])}},
)
check_square = Exercise(truth=lambda x: x**2, draw=lambda rng: {"x": 2 * normal(rng, 4)})
check_number = Exercise(
    truth=lambda x: float(x @ x), draw=lambda rng: {"x": normal(rng, 1 + rng.integers(3))}
)
check_shifts = Exercise(
    truth=lambda n: n % 2 == 0, draw=lambda rng: {"n": int(rng.integers(100))}, cases=20
)
check_across = Search(
    flaw=lambda u, x: "" if abs(u @ x) < 1e-9 else f"u @ x is {u @ x:.2f}, and 0 is asked for",
    draw=lambda rng: {"x": normal(rng, 2)},
)


check_draw = Exercise(
    truth=lambda rng: rng.normal(),
    draw=lambda rng: {"rng": np.random.default_rng(int(rng.integers(1000)))},
)


def your_function(x): ...


def changes(x):
    x *= x
    return x


def whole(x):
    found = np.zeros_like(x, dtype=int)
    found[:] = x**2
    return found


RIGHT = [
    (check_dense, dense_backward),
    (check_dense, lambda g, x, W: list(dense_backward(g, x, W))),
    (check_square, lambda x: x * x),
    (check_square, lambda z: (z * z).tolist()),
    (check_number, lambda x: np.sum(x * x)),
    (check_shifts, lambda n: not n % 2),
    (check_draw, lambda rng: rng.normal(size=1)[0]),
    (check_across, lambda x: np.array([-x[1], x[0]])),
]
WRONG = [
    (check_square, your_function, "not written", "Not written yet: your_function returns nothing"),
    (check_square, lambda x: ..., "not written", "Not written yet"),
    (check_dense, lambda g, x, W: (None, ...), "not written", "Not written yet"),
    (check_square, lambda x: 2 * ..., "not written", "Not written yet"),
    (check_square, lambda x: x / [], "error", "raised ValueError: operands could not"),
    (check_square, lambda: 1, "error", "raised TypeError"),
    (check_square, np.ones(4), "error", "Pass your function itself"),
    (check_square, changes, "changed", "changes changes its argument x"),
    (check_square, whole, "dtype", "whole numbers, every fraction cut off"),
    (check_square, lambda x: x**2 + 0j, "dtype", "real numbers are asked for"),
    (check_square, lambda x: x / 0 * 0, "not finite", "with a NaN or an infinity"),
    (check_square, lambda x: str(x), "dtype", "gives a word"),
    (check_square, lambda x: np.array([1.0, 2, 3, 4]), "hard-coded", "the same|in every case"),
    (check_square, lambda x: 0 * x, "zeros", "zero"),
    (check_square, lambda x: -(x**2), "sign", "sign"),
    (check_square, lambda x: 2 * x**2, "factor", "2 times too large"),
    (check_square, lambda x: np.exp(x), "unsure", "no single mistake"),
    (check_square, lambda x: x[:, None] ** 2, "shape", r"shape \(4, 1\), and \(4,\) is right"),
    (check_number, lambda x: x[0] ** 2 + len(x) - 1, "unsure", "Wrong in [1-5] of 5"),
    (check_number, lambda x: 2 * float(x @ x), "factor", "2 times too large"),
    (check_dense, lambda g, x, W: g @ W, "shape", "return dL_dx, dL_dW"),
    (check_dense, lambda g, x, W: (g @ W, 0), "shape", "dL_dW"),
    (
        check_dense,
        lambda g, x, W: (g @ W, np.outer(g[-1], x[-1])),
        "known",
        "dL_dW: the last example alone. With",
    ),
    (check_shifts, lambda n: n % 2, "dtype", "True or False is asked for"),
    (check_shifts, lambda n: n % 3 == 0, "unsure", "not what is asked for"),
    (check_square, lambda x: (y for y in x), "error", "raised TypeError"),
    (check_shifts, lambda n: True, "hard-coded", "gives True in every case"),
    (check_across, lambda x: np.array([0.0, 1.0]), "flaw", "and 0 is asked for"),
    (check_across, lambda x: "across", "flaw", "does not fit"),
]


@pytest.mark.parametrize(("check", "function"), RIGHT)
def test_a_right_function_is_right_every_time(check, function):
    for _ in range(20):
        assert repr(check(function)) == f"Right: {check.cases} fresh cases."


@pytest.mark.parametrize(("check", "function", "kind", "words"), WRONG)
def test_a_wrong_function_is_told_what_is_wrong(check, function, kind, words):
    with np.errstate(all="ignore"):
        mark = check(function)
    assert not mark.right
    assert mark.kind == kind, mark
    assert re.search(words, mark.words), mark


def test_a_mark_holds_the_case_that_went_wrong():
    mark = check_square(lambda x: x**2 + (x > 0))
    assert np.any(mark.case["x"] > 0)
    assert "x = " in mark.words


def test_a_function_that_is_right_at_one_point_only_is_refused():
    once = check_square.draw(np.random.default_rng())["x"]
    assert not check_square(lambda x: x * once).right


def test_a_long_array_is_shown_by_its_worst_entry():
    long = Exercise(truth=lambda x: x**2, draw=lambda rng: {"x": normal(rng, 4, 5)})
    spoiled = long(lambda x: x**2 * (1 + 1e-9) + 2 * (np.arange(20).reshape(4, 5) == 7))
    assert re.search(
        r"With x = an array of shape \(4, 5\) .* gave entry\[1, 2\] = \d", spoiled.words
    )


def test_a_factor_has_the_reason_that_all_cases_share():
    half = check_dense(lambda g, x, W: (g @ W / 2, g.T @ x / len(g)))
    assert "dL_dx: every entry 2 times too small (a half too many?)" in half.words
    assert re.search(r"dL_dW: every entry (\d) times too small .*a mean over \1", half.words)


def test_numbers_are_fresh_each_time():
    seen = []
    for _ in range(2):
        check_square(lambda x: seen.append(x.copy()) or x**2)
    assert len({tuple(x) for x in seen}) == 2 * check_square.cases


# What the book asks


def code_of(path):
    """The source and the tags of each code cell."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return [
        ("".join(cell["source"]), cell["metadata"].get("tags", []))
        for cell in cells
        if cell["cell_type"] == "code"
    ]


def marked(source):
    """The check and the function of a cell that ends in `exercises.check_...(function)`."""
    found = re.search(r"^exercises\.(check_\w+)\((\w+)\)\Z", source, re.M)
    return found and (found[1], found[2])


def of_the_book():
    """Each exercise: the chapter, the check, and the cells of the stub and of the solution."""
    for path in sorted(BOOK.glob("[0-9]*.ipynb")):
        found = {}
        for index, (source, _) in enumerate(code_of(path)):
            if name := marked(source):
                found.setdefault(name[0], []).append(index)
        for check, cells in found.items():
            assert len(cells) == 2, f"{path.stem}: {check} marks {len(cells)} cells, not 2"
            yield pytest.param(path, check, *cells, id=f"{path.stem[:2]}-{check}")


def bound(statement):
    """The names that a statement binds, or changes an entry of."""
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        elif isinstance(getattr(node, "ctx", None), ast.Store):
            while isinstance(node, ast.Subscript | ast.Attribute):
                node = node.value
            if isinstance(node, ast.Name):
                yield node.id


def read(source):
    """The names that a piece of code looks up outside its functions' own."""
    tables = [symtable.symtable(source, "cell", "exec")]
    for table in tables:
        tables += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module"):
                yield symbol.get_name()


def run(path, index):
    """Run a cell, after only what it needs of the cells before it; return its names."""
    cells = code_of(path)
    statements = [
        (statement, "raises-exception" in tags)
        for source, tags in cells[:index]
        for statement in ast.parse(source).body
    ]
    needed, before = set(read(cells[index][0])), None
    while needed != before:
        before = set(needed)
        for statement, _ in statements:
            if before & set(bound(statement)):
                needed |= set(read(ast.unparse(statement)))
    names = {}
    for statement, may_raise in statements:
        if needed & set(bound(statement)):
            with suppress(*[Exception] * may_raise):
                exec(ast.unparse(statement), names)
    exec(cells[index][0], names)
    return names


def answer_of(path, index):
    """The function that a cell marks."""
    return run(path, index)[marked(code_of(path)[index][0])[1]]


each_exercise = pytest.mark.parametrize(("path", "check", "stub", "solution"), list(of_the_book()))


def test_every_check_is_used_in_the_book():
    used = {parameters.values[1] for parameters in of_the_book()}
    assert used == {name for name in exercises.__all__ if name.startswith("check_")}


@each_exercise
def test_an_untouched_stub_is_not_written_yet(path, check, stub, solution):
    function = answer_of(path, stub)
    mark = getattr(exercises, check)(function)
    assert function.__name__.startswith("your_")
    assert not mark.right
    assert mark.words == f"Not written yet: {function.__name__} returns nothing."


@each_exercise
def test_a_solution_is_right_and_its_first_answer_repeated_is_not(path, check, stub, solution):
    check, function, answers = getattr(exercises, check), answer_of(path, solution), []

    def recorded(*arguments):
        answers.append(deepcopy(function(*arguments)))
        return answers[-1]

    for _ in range(5):
        assert check(recorded).words == f"Right: {check.cases} fresh cases."
    repeated = check(lambda *arguments: deepcopy(answers[0]))
    assert not repeated.right


def with_mistake(exercise, mistake):
    """A function that makes the mistake, and is right in the parts that the mistake leaves out."""

    def function(*arguments):
        wrong = mistake(*arguments)
        if isinstance(wrong, Mapping):
            parts = exercise.split(exercise.truth(*arguments))
            assert wrong.keys() <= parts.keys()
            return tuple((parts | wrong).values())
        return wrong

    return function


def known_mistakes():
    for parameters in of_the_book():
        path, check, *_ = parameters.values
        for mistake in getattr(getattr(exercises, check), "mistakes", {}):
            yield pytest.param(check, mistake, id=f"{path.stem[:2]}-{check}-{mistake}")


@pytest.mark.parametrize(("check", "mistake"), list(known_mistakes()))
def test_a_known_mistake_is_told_by_its_name(check, mistake):
    exercise = getattr(exercises, check)
    mark = exercise(with_mistake(exercise, exercise.mistakes[mistake]))
    assert mark.kind == "known", mark
    assert mistake in mark.words


def test_each_chapter_knows_at_least_three_mistakes():
    chapters = {parameters.values[0].stem for parameters in of_the_book()}
    known = [parameters.id[:2] for parameters in known_mistakes()]
    assert min(known.count(chapter[:2]) for chapter in chapters) >= 3


# What readers write: the kind, and words of what they are told


def last_column(y, t, lengths):
    g = np.zeros_like(y)
    g[:, -1] = (y - t)[:, -1] / len(y)
    return g


READERS = [
    ("01", "check_resting_sum", lambda t: np.arctan(t), "known", "belongs to tan"),
    ("01", "check_resting_sum", lambda t: np.tanh(t), "known", "the way back through tanh"),
    ("01", "check_resting_sum", lambda t: -np.arctanh(t), "known", "-t is the output"),
    (
        "01",
        "check_slopes",
        lambda loss, w, h: ((loss(w + h) - loss(w)) / h, (loss(w - h) - loss(w)) / h),
        "known",
        "down: divided by the size of the nudge",
    ),
    ("01", "check_slopes", lambda loss, w, h: (loss(w + h) - loss(w)) / h, "shape", "up, down"),
    ("01", "check_free_direction", lambda x: np.array([-x[0], x[1]]), "flaw", "should not move"),
    ("01", "check_free_direction", lambda x: x / np.linalg.norm(x), "flaw", "along the gradient"),
    ("01", "check_free_direction", lambda x: np.zeros(2), "flaw", "stays where it is"),
    ("01", "check_step_in_w", lambda g, units, rate: rate * g / units**2, "sign", "sign"),
    ("01", "check_nudges", lambda loss, w, h: np.zeros(w.shape), "known", "second name"),
    ("02", "check_slope_of_square", lambda x: 2 * x / np.cosh(x) ** 2, "shape", "slopes, agrees"),
    ("02", "check_multiplications", lambda n, k: (2 * n * k, n**3), "unsure", "from the input: "),
    (
        "02",
        "check_jacobian_by_rows",
        lambda back, k: np.stack([back(v) for v in np.eye(k)], axis=1),
        "known",
        "the rows stand as columns",
    ),
    ("02", "check_doublings", lambda n: (2**n, 2**n - 1), "known", "additions: one less"),
    (
        "02",
        "check_residual_backward",
        lambda g, x, W: W.T @ (g * (1 - np.tanh(x) ** 2)) + g,
        "known",
        "tanh's slope is taken before W",
    ),
    (
        "02",
        "check_residual_backward",
        lambda g, x, W: -(W.T @ g + g) * (1 - np.tanh(x) ** 2),
        "sign",
        "sign",
    ),
    ("03", "check_input_gradient", lambda r, W: W @ r, "error", "raised ValueError: matmul"),
    ("03", "check_input_gradient", lambda r, W: 2 * r @ W, "factor", "2 times too large"),
    (
        "03",
        "check_dense_backward",
        lambda g, x, W: (g @ W, x.T @ g, g.sum(axis=0)),
        "known",
        "dW: transposed",
    ),
    (
        "03",
        "check_dense_backward",
        lambda g, x, W: (g @ W, g.T @ x, g.sum(axis=1)),
        "known",
        "db: summed over the outputs",
    ),
    ("03", "check_norms", lambda R, X: (R**2).sum(1) * (X**2).sum(1) / 2, "factor", "2 times"),
    ("04", "check_logit_gradient", lambda z, t: t - t.sum() * softmax(z), "sign", "sign"),
    ("04", "check_logit_gradient", lambda z, t: softmax(z) - t, "known", "which needs targets"),
    (
        "04",
        "check_tempered_gradient",
        lambda z, t, tau: softmax(z / tau) - t,
        "known",
        "one more step",
    ),
    ("04", "check_second_derivative", lambda z: softmax(z) * (1 - softmax(z)), "known", "vector"),
    ("04", "check_logit_gradient", lambda z, t: t.sum() * (softmax(z) - t), "known", "p alone"),
    (
        "04",
        "check_logistic",
        lambda d: (np.log(1 + np.exp(-d)), 0.0),
        "not finite",
        "in it, where d = -1000",
    ),
    ("05", "check_visits", lambda n, k: np.full((n, n), k * k), "known", "from the edges"),
    (
        "05",
        "check_convolve_backward",
        lambda g, x, w, b: (np.convolve(g, w), np.correlate(x, g)[::-1], np.sum(g)),
        "known",
        "dx: turned round",
    ),
    (
        "05",
        "check_strided_backward",
        lambda g, x, w, b: (np.convolve(g, w), np.correlate(x, g), np.sum(g)),
        "known",
        "dx and dw: g is not spread",
    ),
    (
        "05",
        "check_longest_step",
        lambda x, D: np.sum(D**2) / np.sum(conv2d(x, D, np.zeros(())) ** 2),
        "known",
        "the bottom of the parabola",
    ),
    (
        "06",
        "check_second_derivative_by_steps",
        lambda f, x: (f(x + 1e-6) - 2 * f(x) + f(x - 1e-6)) / 1e-12,
        "known",
        "a step of 1e-06 is too small",
    ),
    ("06", "check_blind_cotangents", lambda x: (x, 2 * x), "flaw", "a multiple of the other"),
    ("06", "check_cube", lambda x: np.abs(x) ** 3, "known", "the length of a complex number"),
    ("06", "check_quick_check", lambda f, backward, x: True, "known", "True whatever"),
    (
        "08",
        "check_jacobian_by_few_passes",
        lambda push, pull, m, n: np.stack([pull(v) for v in np.eye(m)]),
        "known",
        "passes for the two: a vjp for each output",
    ),
    (
        "08",
        "check_mean_over_sentences",
        lambda sentence: np.full(len(sentence), 1 / len(sentence)),
        "known",
        "the mean over words",
    ),
    ("08", "check_trace_by_lottery", lambda back, V: V @ back(V[0]), "shape", "shape"),
    ("08", "check_heat_map", lambda back, shape, places: back(np.ones(shape)), "known", "every"),
    (
        "08",
        "check_heat_map",
        lambda back, shape, places: -back(mask_of(shape, places)),
        "sign",
        "sign",
    ),
    ("09", "check_stable_rates", lambda X: (2 / np.linalg.norm(X) ** 2,) * 2, "known", "trace"),
    (
        "09",
        "check_stable_rates",
        lambda X: 2 / np.linalg.eigvalsh(X.T @ X / len(X))[-1],
        "shape",
        "of the sum, of the mean",
    ),
    (
        "09",
        "check_accumulation",
        lambda G, sizes: np.mean(G, axis=0),
        "known",
        "mean of the means",
    ),
    ("09", "check_accumulation", lambda G, sizes: G.T @ (sizes / len(sizes)), "known", "pieces"),
    ("09", "check_masked_mean_backward", lambda y, t, n: (y - t) / y.size, "known", "no mask"),
    ("09", "check_last_word_backward", last_column, "known", "which is padding"),
    (
        "09",
        "check_clipping",
        lambda dW, db, c: (np.clip(dW, -c, c), np.clip(db, -c, c)),
        "known",
        "entry",
    ),
    ("11", "check_power_back", lambda g, y, x, n: n * g * y, "known", "not lowered"),
    ("11", "check_power_back", lambda g, y, x, n: n * g * y / x, "known", "0 / 0"),
    ("11", "check_power_back", lambda g, y, x, n: -g * n * x ** (n - 1), "sign", "sign"),
    ("11", "check_cumsum_back", lambda g, y, x: np.cumsum(g), "known", "from the first entry"),
    ("11", "check_cumsum_back", lambda g, y, x: np.sum(g), "shape", "shape"),
    ("11", "check_tree_visits", lambda k: 2 * 1.618033988749895**k, "unsure", "no single"),
    (
        "11",
        "check_forward_mode",
        lambda program, arrays, tangents: sum(t.sum() for t in tangents.values()),
        "shape",
        "shape",
    ),
    (
        "11",
        "check_curvature",
        lambda A, w, v: (A.T * (1 - np.tanh(A @ w) ** 2) * (2 - 6 * np.tanh(A @ w) ** 2)) @ A @ v,
        "known",
        "H was built",
    ),
    (
        "11",
        "check_curvature",
        lambda A, w, v: A.T @ (2 * np.tanh(A @ w) * (1 - np.tanh(A @ w) ** 2)),
        "known",
        "gradient",
    ),
    ("12", "check_first_loss", lambda m: 1 / m, "known", "without its logarithm"),
    ("12", "check_first_loss", lambda m: 2 * np.log(m), "factor", "2 times too large"),
    (
        "12",
        "check_two_layers_backward",
        lambda g, x, V, a, W: (
            ((g @ W) * np.sign(x @ V.T + a)).T @ x,
            g.T @ np.maximum(x @ V.T + a, 0),
        ),
        "known",
        "dV: turned round where the ReLU blocks",
    ),
    ("12", "check_momentum", lambda w, v, s, rate, keep: (w - rate * v, v), "known", "w: moved"),
    ("12", "check_doubled_cotangent", lambda z, t: (softmax(z) - t) / len(z), "known", "once"),
    ("12", "check_shift_backward", lambda g, n: np.roll(g, -n, axis=0), "known", "fell off"),
    ("12", "check_shift_backward", lambda g, n: g[n:], "known", "each pixel needs"),
    ("10", "check_token_mean", lambda e, m: (e * m).mean(), "known", "below the line"),
    ("10", "check_token_mean", lambda e, m: (e * m).sum() / m.sum(), "known", "0 times a NaN"),
    ("10", "check_token_scale", lambda counts: 1 / counts.sum(), "known", "once more"),
    ("10", "check_diagonal", lambda back, n: back(np.ones(n)), "known", "sum of the rows"),
    (
        "10",
        "check_mse",
        lambda y, t: (((y - t) ** 2).mean(), 2 * (y - t).mean(axis=1, keepdims=True) / len(t)),
        "known",
        "every prediction is compared",
    ),
    (
        "10",
        "check_pointwise",
        lambda f, x: not np.any((f(x + 0.1 * np.eye(len(x))[0]) - f(x))[1:]),
        "known",
        "only input 0 was moved",
    ),
    ("13", "check_one_hot_blind", lambda g, W: g @ W, "flaw", "a wrong one is asked for"),
    ("13", "check_one_hot_blind", lambda g, W: 2 * g @ W, "flaw", "one-hot g catches it"),
    ("13", "check_sum_to", lambda g, shape: g.reshape(-1)[:1], "shape", "shape"),
    ("13", "check_jacobian_choice", lambda m, n, c: "jacrev", "hard-coded", "every case"),
    (
        "13",
        "check_fast_side",
        lambda f, x, u, v: v @ (f(x + 1e-6 * u) - f(x - 1e-6 * u)) / 1e-6,
        "known",
        "2h apart",
    ),
]


@pytest.mark.parametrize(("chapter", "check", "function", "kind", "words"), READERS)
def test_a_plausible_wrong_answer_gets_a_true_diagnosis(chapter, check, function, kind, words):
    with np.errstate(all="ignore"):
        mark = getattr(exercises, check)(function)
    assert not mark.right
    assert mark.kind == kind, mark
    assert words in mark.words, mark
