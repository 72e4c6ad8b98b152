"""The page's arithmetic against NumPy's, in the browser that readers use."""

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scalarloss import Program, ProgramError, trace, value_and_grad, vjp
from scalarloss.primitives import PRIMITIVES
from scalarloss.program import Operation

sys.path.insert(0, str(Path(__file__).parents[1]))
from test_rules import STRATEGIES, Case

CALL = """async (jobs) => {
    const { load } = await import("/js/program.js");
    const typed = (arrays) => Object.fromEntries(
        Object.entries(arrays).map(([name, data]) => [name, Float64Array.from(data, Number)]));
    const text = (array) => Array.from(array, String);
    return jobs.map(({ program, arrays, cotangent }) => {
        const g = Float64Array.from(cotangent, Number);
        const { output, grad } = load(program).vjp(typed(arrays), g);
        const entries = Object.entries(grad).map(([name, g]) => [name, text(g)]);
        return { output: text(output), grad: Object.fromEntries(entries) };
    });
}"""

REFUSALS = """async (jobs) => {
    const { load, ProgramError } = await import("/js/program.js");
    return jobs.map((job) => {
        try {
            load(job);
            return "";
        } catch (error) {
            return error instanceof ProgramError ? error.message : `not ours: ${error.stack}`;
        }
    });
}"""


def texts(array):
    """Every number in words that JavaScript reads, NaN and Infinity among them."""
    return [repr(v).replace("inf", "Infinity") for v in np.ravel(array).tolist()]


def numbers(texts, like):
    return np.array([float(text) for text in texts]).reshape(np.shape(like))


def assert_agrees(found, expected, what):
    found = numbers(found, expected)
    scale = np.max(np.abs(expected), initial=1e-3)
    error = np.max(np.abs(found - expected), initial=0.0)
    assert error <= 1e-12 * scale, f"{what}: {error:.3g} on a scale of {scale:.3g}"


def both(page, cases):
    """Run (program, arrays, cotangent) in the page and in NumPy: value and gradients of each."""
    jobs = [
        {
            "program": program.to_dict(),
            "arrays": {name: texts(x) for name, x in arrays.items()},
            "cotangent": texts(g),
        }
        for program, arrays, g in cases
    ]
    for (program, arrays, g), shown in zip(cases, page.evaluate(CALL, jobs), strict=True):
        y, pullback = vjp(program, **arrays)
        yield f"value of\n{program}", shown["output"], y
        for name, expected in pullback(g).items():
            yield f"gradient by {name} of\n{program}", shown["grad"][name], expected


def compare(page, cases):
    for what, found, expected in both(page, cases):
        assert_agrees(found, expected, what)


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_each_primitive(modules, name):
    cases = []

    @settings(
        max_examples=15,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def collect(data):
        case: Case = data.draw(STRATEGIES[name])
        program, arrays = case.program(), case.arrays()
        g = np.random.default_rng(case.seed).normal(size=program.output_shape)
        cases.append((program, arrays, g))

    collect()
    assert len(cases) >= 5
    compare(modules, cases)


EDGES = [0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, 1e-200, np.nan, np.inf, -np.inf]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_kinks_poles_and_numbers_that_are_none(modules):
    cases = []
    for name, primitive in PRIMITIVES.items():
        if primitive.arity and not primitive.parameters and name != "matmul":
            xs = [x.ravel() for x in np.meshgrid(*[EDGES] * primitive.arity)]
            case = Case(name, tuple(x.shape for x in xs), {}, 0)
            arrays = dict(zip(case.arrays(), xs, strict=True))
            cases += [(case.program(), arrays, np.full(xs[0].shape, g)) for g in (1.5, 0.0)]
    rows = np.array(list(itertools.product([1.0, 2.0, np.nan, np.inf, -np.inf], repeat=3)))
    for name, i in itertools.product(("sum", "mean", "max", "min"), range(len(rows))):
        program = Case(name, ((3,),), {"axis": (0,), "keepdims": False}, 0).program()
        cases.append((program, {"x0": rows[i]}, np.array(1.5)))
    assert len(cases) > 500
    for what, found, expected in both(modules, cases):
        np.testing.assert_allclose(numbers(found, expected), expected, rtol=1e-12, err_msg=what)


def test_long_sums_keep_their_digits(modules):
    x = np.full(20_000, 0.1)  # added one by one these are off by 4e-13 of the sum
    program = trace(lambda x: np.sum(x) + np.mean(x), x=x)
    for what, found, expected in both(modules, [(program, {"x": x}, np.array(1.0))]):
        np.testing.assert_allclose(numbers(found, expected), expected, 1e-14, err_msg=what)


def test_what_leads_nowhere_is_not_differentiated(modules):
    """log x at 0, which the output does not use: its infinite slope stays out of the gradient."""
    steps = [Operation("log", (0,), {}, ()), Operation("square", (0,), {}, ())]
    names = ["constructor", "x"]
    program = Program(dict.fromkeys(names, ()), [], steps, 3)
    arrays = dict.fromkeys(names, np.array(0.0))
    with np.errstate(divide="ignore"):
        compare(modules, [(program, arrays, np.array(1.0))])


def random_program(rng):
    """A scalar function of two matrices and a vector, made of ten random steps."""
    seen = np.lib.stride_tricks.sliding_window_view
    steps = {
        "tanh": lambda u, v: np.tanh(u),
        "softmax": lambda u, v: np.exp(u - u.max(axis=1, keepdims=True)),
        "log": lambda u, v: np.log1p(u * u),
        "mix": lambda u, v: u * v + np.sin(u),
        "ratio": lambda u, v: u / (1 + v * v),
        "swap": lambda u, v: u.T @ v / 3,
        "maximum": lambda u, v: np.maximum(u, v + 0.1),
        "where": lambda u, v: np.where(u > v, u, 0.5 * v),
        "mean": lambda u, v: u - v.mean(axis=0),
        "roll": lambda u, v: np.stack([u[2], v[0], u[1]]),
        "einsum": lambda u, v: np.einsum("ij,kj->ik", u, v) / 3,
        "join": lambda u, v: np.concatenate([u[:, 1:], v[:, :1]], axis=1),
        "convolve": lambda u, v: np.sum(seen(np.pad(u, 1), (3, 3)) * v, axis=(2, 3)) / 9,
        "batch": lambda u, v: np.sum(np.stack([u, v])[:, ::-1] @ v.T, axis=0) / 3,
        "scan": lambda u, v: np.cumsum(u, axis=1) / 3 + v[[2, 0, 1], None, 1],
        "root": lambda u, v: np.sqrt(u * u + abs(v) + 0.1),
        "power": lambda u, v: (1 + u * u) ** np.tanh(v),
        "bend": lambda u, v: np.minimum(u.reshape(-1)[::-1].reshape(3, 3), v * v),
    }
    chosen = [rng.choice(list(steps)) for _ in range(10)]
    picks = rng.integers(0, 2**31, size=(10, 2))

    def f(A, B, c):
        values = [A, B, A + c]
        for name, (i, j) in zip(chosen, picks, strict=True):
            values.append(steps[name](values[i % len(values)], values[j % len(values)]))
        return np.sum(values[-1] * values[-2]) + np.sum(values[-3])

    arrays = {
        "A": rng.normal(size=(3, 3)),
        "B": rng.normal(size=(3, 3)),
        "c": rng.normal(size=3),
    }
    return trace(f, **arrays), arrays, np.array(1.0)


def test_random_programs(modules):
    rng = np.random.default_rng(0)
    cases = [random_program(rng) for _ in range(200)]
    sizes = [np.max(np.abs(program(**arrays))) for program, arrays, _ in cases]
    assert np.isfinite(sizes).all()
    used = {operation.name for program, _, _ in cases for operation in program.operations}
    assert len(used) > 25
    compare(modules, cases)


CONTRIBUTIONS = """async (jobs) => {
    const { load } = await import("/js/program.js");
    return jobs.map(({ program, arrays, cotangent }) => {
        const loaded = load(program);
        const typed = Object.fromEntries(
            Object.entries(arrays).map(([name, data]) => [name, Float64Array.from(data, Number)]));
        const sent = loaded.contributions(typed, Float64Array.from(cotangent, Number));
        return sent.map(({ part, ...at }) => ({ ...at, part: Array.from(part, String) }));
    });
}"""


def test_what_each_operation_sends_adds_up_to_the_gradient(modules):
    """Every message once, from an operation to its argument, and no sum but at the argument."""
    rng = np.random.default_rng(2)
    cases = [random_program(rng) for _ in range(40)]
    jobs = [
        {
            "program": program.to_dict(),
            "arrays": {name: texts(x) for name, x in arrays.items()},
            "cotangent": texts(g),
        }
        for program, arrays, g in cases
    ]
    shared = 0
    for (program, arrays, _), sent in zip(
        cases, modules.evaluate(CONTRIBUTIONS, jobs), strict=True
    ):
        _, gradient = value_and_grad(program, **arrays)
        for slot, expected in enumerate(gradient.values()):
            parts = [numbers(m["part"], expected) for m in sent if m["argument"] == slot]
            shared += len(parts) > 1
            total = np.sum(parts, axis=0) if parts else np.zeros(expected.shape)
            scale = max(1.0, *(np.max(np.abs(part)) for part in parts)) if parts else 1.0
            np.testing.assert_allclose(total, expected, rtol=1e-12, atol=1e-12 * scale)
        for message in sent:
            operation = program.operations[message["slot"] - program.first_operation]
            assert operation.args[message["position"]] == message["argument"]
        places = [(m["slot"], m["position"]) for m in sent]
        assert len(set(places)) == len(places)
        assert [slot for slot, _ in places] == sorted((slot for slot, _ in places), reverse=True)
    assert shared > 20


def test_a_batch_through_a_network(modules):
    rng = np.random.default_rng(1)
    arrays = {"W": rng.normal(size=(10, 64)), "b": rng.normal(size=10)}
    x, t = rng.normal(size=(64, 64)), np.eye(10)[rng.integers(0, 10, 64)]

    def loss(W, b):
        z = x @ W.T + b
        z = z - z.max(axis=1, keepdims=True)
        return -np.mean((t * (z - np.log(np.exp(z).sum(axis=1, keepdims=True)))).sum(axis=1))

    program = trace(loss, **arrays)
    compare(modules, [(program, arrays, np.array(1.0))])
    assert value_and_grad(program, **arrays)[0] > 0


PROGRAM = trace(lambda W, b: np.sum((W @ b)[1:] ** 2), W=np.eye(3), b=np.ones(3)).to_dict()


def damaged():
    """Programs broken in one place each, as JSON text."""

    def broken(change):
        data = json.loads(json.dumps(PROGRAM))
        change(data)
        return json.dumps(data)

    first = lambda d: d["operations"][0]  # noqa: E731
    yield "not JSON", "{"
    yield "not an object", "[]"
    yield "no format", broken(lambda d: d.pop("format"))
    yield "another version", broken(lambda d: d.update(version=2))
    yield "no inputs", broken(lambda d: d.update(inputs=[]))
    yield "a prototype's name", broken(lambda d: first(d).update(op="constructor"))
    yield "an unknown operation", broken(lambda d: first(d).update(op="sort"))
    yield "an operation that is a number", broken(lambda d: first(d).update(op=3))
    yield "a prototype", broken(lambda d: first(d).update(op="__proto__"))
    yield "a slot ahead", broken(lambda d: first(d).update(args=[0, 9]))
    yield "a negative slot", broken(lambda d: first(d).update(args=[0, -1]))
    yield "a fraction of a slot", broken(lambda d: first(d).update(args=[0, 0.5]))
    yield "too few arguments", broken(lambda d: first(d).update(args=[0]))
    yield "a wrong shape", broken(lambda d: first(d).update(shape=[4]))
    yield "a huge shape", broken(lambda d: d["inputs"][0].update(shape=[10**6, 10**6]))
    yield "a huge shape of nothing", broken(lambda d: d["inputs"][0].update(shape=[0, 2**40]))
    yield "a shape that is no list", broken(lambda d: first(d).update(shape=3))
    yield "parameters nobody asked for", broken(lambda d: first(d).update(params={"axis": 0}))
    yield (
        "an index outside",
        broken(lambda d: d["operations"][1]["params"].update(index=[[1, 9, 1]])),
    )
    yield "a step of zero", broken(lambda d: d["operations"][1]["params"].update(index=[[1, 3, 0]]))
    yield "an output that is not there", broken(lambda d: d.update(output=99))
    yield "an input twice", broken(lambda d: d["inputs"].append(d["inputs"][0]))
    yield "an input without identifier", broken(lambda d: d["inputs"][0].update(name="a b"))
    yield "constants that are no list", broken(lambda d: d.update(constants={}))
    yield (
        "a constant too short",
        broken(lambda d: d["constants"].append({"shape": [2], "data": [1]})),
    )
    yield (
        "a constant of words",
        broken(lambda d: d["constants"].append({"shape": [1], "data": ["one"]})),
    )

    for subscripts in ("ij,jk->ik,", "ii,j->i", "ij,j", "ij,j->k", "ijk,j->i", "i...,j->i"):
        einsum = {"op": "einsum", "params": {"subscripts": subscripts}}
        yield f"einsum {subscripts}", broken(lambda d, einsum=einsum: first(d).update(einsum))
    last = lambda d: d["operations"][-1]  # noqa: E731
    nothing = [{"name": "x", "shape": [0]}]
    largest = {"op": "max", "args": [0], "params": {"axis": [0], "keepdims": False}, "shape": []}
    yield (
        "the largest of nothing",
        broken(lambda d: d.update(inputs=nothing, constants=[], operations=[largest], output=1)),
    )
    yield "an axis outside", broken(lambda d: last(d)["params"].update(axis=[3]))
    yield "an axis twice", broken(lambda d: last(d)["params"].update(axis=[0, 0]))
    yield "keepdims that is a number", broken(lambda d: last(d)["params"].update(keepdims=1))
    deep = "[" * 9000 + "]" * 9000
    yield "nested lists", broken(lambda d: d.update(version="?")).replace('"?"', deep)


def test_damaged_programs_are_refused_in_the_page_and_in_python(modules):
    texts = dict(damaged())
    said = modules.evaluate(REFUSALS, list(texts.values()))
    for (what, text), message in zip(texts.items(), said, strict=True):
        assert message, f"the page took a program with {what}"
        assert not message.startswith("not ours"), f"{what}: {message}"
        with pytest.raises(ProgramError):
            Program.from_json(text)
    assert modules.evaluate(REFUSALS, [json.dumps(PROGRAM), PROGRAM]) == ["", ""]


def test_the_page_refuses_what_it_could_not_hold(modules):
    """Shapes that are right, one by one, and together more than a page should ask for."""
    x = [{"name": "x", "shape": [1000]}]
    sums = {"op": "sum", "args": [0], "params": {"axis": [0], "keepdims": False}, "shape": []}
    terms = {"op": "einsum", "args": [0] * 4, "params": {"subscripts": "i,j,k,l->"}, "shape": []}
    start = {"format": "scalarloss-program", "version": 1, "constants": [], "output": 1}
    jobs = [start | {"inputs": x, "operations": work} for work in ([terms], [sums] * 40_000)]
    for message in modules.evaluate(REFUSALS, jobs):
        assert "too many for a page" in message


def test_a_name_the_program_lacks_is_refused(modules):
    said = modules.evaluate(
        """async (program) => {
            const { load } = await import("/js/program.js");
            const one = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
            const W = one, b = one.slice(0, 3);
            const say = (f) => {
                try {
                    return f() && "";
                } catch (error) {
                    return `${error.name}: ${error.message}`;
                }
            };
            return [
                () => load(program).valueAndGrad({ W, b }, ["toString"]),
                () => load(program).valueAndGrad({ W }),
                () => load(program).valueAndGrad({ W, b: W }),
                () => load(program).vjp({ W, b }, one),
            ].map(say);
        }""",
        PROGRAM,
    )
    words = ["no input", "b has no numbers", "b has 9 numbers", "the cotangent has 9 numbers"]
    for message, word in zip(said, words, strict=True):
        assert message.startswith("ProgramError: ")
        assert word in message
