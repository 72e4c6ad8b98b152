"""The page's programs on complex and on single numbers against NumPy's, primitive by primitive."""

import itertools
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scalarloss import Program, trace
from scalarloss.differences import NOT_ANALYTIC, PRECISIONS, STEPS, Differences
from scalarloss.layers import conv2d, cross_entropy, dense, squared_error
from scalarloss.primitives import PRIMITIVES
from scalarloss.program import Operation

sys.path.insert(0, str(Path(__file__).parents[1]))
from test_rules import STRATEGIES, Case

COMPLEX = """async (jobs) => {
    const { load } = await import("/js/program.js");
    const { ComplexProgram } = await import("/js/complex.js");
    const typed = (data) => Float64Array.from(data, Number);
    const text = (array) => Array.from(array, String);
    return jobs.map(({ program, arrays, name, imaginary }) => {
        const real = load(program);
        real.run(Object.fromEntries(Object.entries(arrays).map(([n, a]) => [n, typed(a)])));
        const complex = new ComplexProgram(real, name);
        complex.input.re.set(typed(arrays[name]));
        complex.input.im.set(typed(imaginary));
        for (const step of complex.steps) step();
        return [text(complex.result.re), text(complex.result.im)];
    });
}"""

SINGLE = """async (jobs) => {
    const { load } = await import("/js/program.js");
    return jobs.map(({ program, arrays }) => {
        const typed = Object.entries(arrays).map(([n, a]) => [n, Float64Array.from(a, Number)]);
        const single = load(program, { precision: Float32Array });
        return Array.from(single.run(Object.fromEntries(typed)), String);
    });
}"""

DIFFERENCES = """async (jobs) => {
    const { load } = await import("/js/program.js");
    const { Differences, STEPS } = await import("/js/differences.js");
    return jobs.map(({ program, arrays, name, place, precision }) => {
        const values = Object.fromEntries(
            Object.entries(arrays).map(([n, a]) => [n, Float64Array.from(a, Number)]));
        const slope = load(program).valueAndGrad(values).grad[name][place];
        const kind = precision === "float32" ? Float32Array : Float64Array;
        const found = new Differences(load(program, { precision: kind }), name);
        found.stand(values, place, slope);
        const rows = STEPS.map((h) => found.estimates(h));
        const errors = (m) => rows.map((row) => found.error(row[m]));
        return {
            steps: STEPS, rows, value: found.value, truth: found.truth, shape: found.shape(),
            absolute: found.absolute, refusal: found.refusal ?? "",
            best: ["forward", "central"].map((m) => STEPS[found.best(errors(m))]),
        };
    });
}"""


def texts(array):
    return [repr(v).replace("inf", "Infinity") for v in np.ravel(array).tolist()]


def drawn(name, examples=12):
    """Cases of one primitive, the same ones every time."""
    cases = []

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def collect(data):
        cases.append(data.draw(STRATEGIES[name]))

    collect()
    return cases


def one_input(case):
    """The case's operation on slices of one input u, so that all its arguments move together."""
    operations, start = [], 0
    for k, shape in enumerate(case.shapes):
        size = math.prod(shape)
        index = ((start, start + size, 1),)
        operations.append(Operation("index", (0,), {"index": index}, (size,)))
        operations.append(Operation("reshape", (1 + 2 * k,), {"shape": shape}, shape))
        start += size
    (last,) = case.program().operations
    args = tuple(2 + 2 * k for k in range(len(case.shapes)))
    operations.append(Operation(last.name, args, last.params, last.shape))
    return Program({"u": (start,)}, [], operations, len(operations))


def in_numpy(program, arrays):
    """The program's output by NumPy's own functions on the arrays as they are, complex too."""
    values = [*arrays.values(), *program.constants]
    with np.errstate(all="ignore"):
        for operation in program.operations:
            values.append(operation.bind()(*(values[a] for a in operation.args)))
    return np.asarray(values[program.output])


def on_the_page(page, jobs):
    sent = [
        {
            "program": program.to_dict(),
            "arrays": {n: texts(np.real(a)) for n, a in arrays.items()},
            "name": name,
            "imaginary": texts(np.imag(arrays[name])),
        }
        for program, arrays, name in jobs
    ]
    for (program, *_), (re, im) in zip(jobs, page.evaluate(COMPLEX, sent), strict=True):
        parts = [np.array([float(v) for v in part]) for part in (re, im)]
        yield [part.reshape(program.output_shape) for part in parts]


def complex_jobs(case, size):
    """Every argument moving at once, then each alone, by imaginary parts of about `size`."""
    rng = np.random.default_rng(case.seed)
    arrays = case.arrays()
    u = np.concatenate([a.ravel() for a in arrays.values()])
    yield one_input(case), {"u": u + 1j * size * rng.normal(size=u.shape)}, "u"
    for name, a in arrays.items():
        yield case.program(), arrays | {name: a + 1j * size * rng.normal(size=a.shape)}, name


def test_each_primitive_has_a_complex_form_or_a_reason(modules):
    known = modules.evaluate(
        "async () => [...(await import('/js/complex.js')).COMPLEX.keys()]",
    )
    assert len(known) == len(set(known))
    assert set(known) == set(PRIMITIVES) - set(NOT_ANALYTIC)


@pytest.mark.parametrize("name", sorted(set(PRIMITIVES) - set(NOT_ANALYTIC)))
def test_each_primitive_on_complex_numbers(modules, name):
    jobs = [j for case in drawn(name) for size in (0.5, 1e-20) for j in complex_jobs(case, size)]
    assert len(jobs) >= 20
    for (program, arrays, _), (re, im) in zip(jobs, on_the_page(modules, jobs), strict=True):
        expected = in_numpy(program, arrays)
        for found, part in ((re, expected.real), (im, expected.imag)):
            scale = np.max(np.abs(part), initial=0.0)
            np.testing.assert_allclose(found, part, rtol=0, atol=1e-12 * scale, err_msg=program)


EDGES = [0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, 30.0]


def test_ties_poles_and_cuts(modules):
    """Elementwise, at every pair of edges, beside which an imaginary part stands, or none."""
    rng = np.random.default_rng(0)
    jobs = []
    for name, primitive in PRIMITIVES.items():
        if not primitive.arity or primitive.parameters or name in {"matmul", *NOT_ANALYTIC}:
            continue
        grid = [x.ravel() for x in np.meshgrid(*[EDGES] * primitive.arity)]
        case = Case(name, tuple(x.shape for x in grid), {}, 0)
        for size in (0.0, 1e-20, 1.0):
            u = np.concatenate(grid)
            beside = size * rng.choice(
                [-1, 0, 1], u.shape
            )  # where the real parts tie, these decide
            jobs.append((one_input(case), {"u": u + 1j * beside}, "u"))
    compared = 0
    for (program, arrays, _), (re, im) in zip(jobs, on_the_page(modules, jobs), strict=True):
        expected = in_numpy(program, arrays)
        with np.errstate(invalid="ignore"):  # 1j times an infinity
            found = re + 1j * im
        known = np.isfinite(expected)
        compared += known.sum()
        bound = 1e-12 * np.abs(expected[known])
        assert (np.abs(found[known] - expected[known]) <= bound).all(), program
    assert compared > 3000


def test_whole_powers_of_negative_numbers_keep_their_slope(modules):
    bases, powers = (a.ravel() for a in np.meshgrid([-2.5, -0.3, 0.7], np.arange(-5.0, 6.0)))
    program = Case("power", (bases.shape, powers.shape), {}, 0).program()
    arrays = {"x0": bases + 1e-30j, "x1": powers}
    ((_, im),) = on_the_page(modules, [(program, arrays, "x0")])
    np.testing.assert_allclose(im / 1e-30, powers * bases ** (powers - 1), rtol=1e-14)
    np.testing.assert_allclose(im, in_numpy(program, arrays).imag, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(NOT_ANALYTIC))
def test_what_is_not_analytic_is_named_where_the_entry_passes_through_it(modules, name):
    def f(a, b):
        return np.sum(a * a) * (np.abs(b) if name == "absolute" else np.sign(b))

    program = trace(f, a=np.ones(2), b=np.array(-2.0))
    said = modules.evaluate(
        """async (program) => {
            const { load } = await import("/js/program.js");
            const { Differences } = await import("/js/differences.js");
            return ["a", "b"].map((name) => new Differences(load(program), name).refusal ?? "");
        }""",
        program.to_dict(),
    )
    point = {"a": np.ones(2), "b": np.array(-2.0)}
    expected = [Differences(program, point, e).refusal for e in (("a", (0,)), ("b", ()))]
    assert said == expected == ["", f"{NOT_ANALYTIC[name]} is not analytic"]


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_each_primitive_in_single_precision(modules, name):
    eps = np.finfo(np.float32).eps
    jobs, expected = [], []
    for case in drawn(name):
        arrays = {n: np.float32(a) for n, a in case.arrays().items()}
        jobs.append({"program": case.program().to_dict()} | {"arrays": {}})
        jobs[-1]["arrays"] = {n: texts(a) for n, a in arrays.items()}
        expected.append(np.asarray(in_numpy(case.program(), arrays)))
    for found, right in zip(modules.evaluate(SINGLE, jobs), expected, strict=True):
        found = np.array([float(v) for v in found]).reshape(right.shape)
        np.testing.assert_array_equal(found, np.float32(found))
        scale = np.max(np.abs(right), initial=0.0)
        np.testing.assert_allclose(found, right, rtol=0, atol=4 * eps * scale)


def test_long_sums_in_single_precision_keep_their_digits(modules):
    x = np.full(20_000, 0.1, np.float32)  # added one by one these are off by thousands of eps
    program = trace(lambda x: np.sum(x) + np.mean(x), x=x)
    ((found,),) = modules.evaluate(
        SINGLE, [{"program": program.to_dict(), "arrays": {"x": texts(x)}}]
    )
    exact = 20_001 * float(np.float32(0.1))
    np.testing.assert_allclose(float(found), exact, rtol=2 * np.finfo(np.float32).eps)


X, T, FIRST = np.array([1.0, 2.0]), np.array([0.5, 1.2]), np.array([1.0, 0.0])
IMAGE = np.array([[2.0, 3.0, 1.0], [4.0, 5.0, 2.0], [1.0, 6.0, 3.0]])
LAYER = {"W": np.array([[0.2, 0.5], [0.8, 0.1]]), "b": np.array([0.3, 0.7])}
EXAMPLES = {
    "parabola": (lambda W, b: squared_error(dense(X, W, b), T), LAYER, ("W", (0, 0))),
    "softmax": (lambda W, b: cross_entropy(dense(X, W, b), FIRST), LAYER, ("W", (1, 0))),
    "line": (lambda W, b: np.sum(W * b) - 3 * b[1], LAYER, ("b", (1,))),
    "flat": (lambda W, b: np.sum(W) + 0 * b[0], LAYER, ("b", (0,))),
    "abs": (lambda W, b: np.sum(np.abs(W) ** 3) + b[0], LAYER, ("W", (0, 1))),
    "network": (
        lambda W, b: np.sum(np.tanh(np.maximum(W @ b, 0.1 * b) + np.where(b > 0.5, b, b**2))),
        LAYER,
        ("b", (1,)),
    ),
    "convolution": (
        lambda k, c: np.log1p(np.mean(conv2d(IMAGE, k, c) ** 2)),
        {"k": np.array([[1.0, 0.5], [0.25, -1.0]]), "c": np.array(0.5)},
        ("k", (1, 1)),
    ),
}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("f", "arrays", "entry"), EXAMPLES.values(), ids=EXAMPLES)
def test_differences_are_numpys_but_for_rounding(modules, f, arrays, entry, precision):
    program = trace(f, **arrays)
    name, index = entry
    place = int(np.ravel_multi_index(index, arrays[name].shape)) if index else 0
    job = {"program": program.to_dict(), "arrays": {n: texts(a) for n, a in arrays.items()}}
    (found,) = modules.evaluate(
        DIFFERENCES, [job | {"name": name, "place": place, "precision": precision}]
    )
    expected = Differences(program, arrays, entry, precision)
    eps = expected.eps
    assert tuple(found["steps"]) == STEPS
    np.testing.assert_allclose(found["truth"], expected.truth, rtol=1e-12 + 2 * eps, atol=1e-15)
    np.testing.assert_allclose(found["value"], expected.value, rtol=8 * eps)
    assert found["refusal"] == expected.refusal
    assert found["absolute"] == expected.absolute
    if precision == "float64":
        assert found["shape"] == expected.shape()
    for h, row in zip(STEPS, found["rows"], strict=True):
        right = expected.estimates(h)
        for estimate in row.values():
            assert math.isnan(estimate) or estimate == float(expected._real(estimate))
        size = max(abs(float(expected.at(expected._real(expected._x + s)))) for s in (h, -h, 0))
        for method in ("forward", "central"):
            assert abs(row[method] - right[method]) <= 16 * eps * (size / h + abs(right[method]))
        if "complex" in right:
            bound = 16 * eps if precision == "float32" else 1e-12
            np.testing.assert_allclose(row["complex"], right["complex"], rtol=bound, atol=4 * eps)
        else:
            assert row["complex"] is None or math.isnan(row["complex"])
    errors = expected.errors()
    for ours, method in zip(found["best"], ("forward", "central"), strict=True):
        theirs = errors[method][STEPS.index(expected.best(errors[method]))]
        near = errors[method][STEPS.index(ours)]
        assert (
            near <= 30 * theirs + 30 * eps
            or abs(math.log10(ours / expected.best(errors[method]))) < 1
        )


def test_a_best_step_is_one_of_many_good_ones(modules):
    """The same errors give the same best step in Python and in the page, luck or not."""
    rng = np.random.default_rng(0)
    program = trace(lambda x: np.exp(x), x=np.array(0.5))
    found = Differences(program, {"x": np.array(0.5)}, ("x", ()))
    rows = [found.errors()[m] for m in ("forward", "central", "complex")]
    rows += [rng.uniform(size=97) ** k for k in (1, 4, 20)]
    rows += [np.where(np.arange(97) == k, 0.0, rows[0]) for k in (0, 40, 96)]
    rows += [np.full(97, np.nan), np.where(np.arange(97) < 10, np.nan, rows[1])]
    places = modules.evaluate(
        """async ([program, rows]) => {
            const { load } = await import("/js/program.js");
            const { Differences, STEPS } = await import("/js/differences.js");
            const found = new Differences(load(program), "x");
            found.stand({ x: Float64Array.of(0.5) }, 0, Math.exp(0.5));
            return rows.map((row) => found.best(row.map(Number)));
        }""",
        [program.to_dict(), [texts(row) for row in rows]],
    )
    for place, row in zip(places, rows, strict=True):
        best = found.best(row)
        assert (place == -1 and math.isnan(best)) or STEPS[place] == best


def test_many_moving_factors_are_refused_in_words(modules):
    terms = ",".join("i" * 5)
    program = Program(
        {"x": (3,)},
        [],
        [Operation("einsum", (0,) * 5, {"subscripts": f"{terms}->"}, ())],
        1,
    )
    said = modules.evaluate(
        """async (program) => {
            const { load } = await import("/js/program.js");
            const { Differences } = await import("/js/differences.js");
            return new Differences(load(program), "x").refusal;
        }""",
        program.to_dict(),
    )
    assert said == "einsum of 5 moving arrays takes too long"


def test_products_of_up_to_four_moving_factors(modules):
    jobs = []
    for count in itertools.chain((1, 2, 3, 4)):
        terms = ",".join("i" * count)
        step = Operation("einsum", (0,) * count, {"subscripts": f"{terms}->i"}, (3,))
        program = Program({"x": (3,)}, [], [step], 1)
        jobs.append((program, {"x": np.array([0.5 + 1j, -2 + 0.3j, 1 - 1e-20j])}, "x"))
    for (program, arrays, _), (re, im) in zip(jobs, on_the_page(modules, jobs), strict=True):
        np.testing.assert_allclose(re + 1j * im, in_numpy(program, arrays), rtol=1e-13)
