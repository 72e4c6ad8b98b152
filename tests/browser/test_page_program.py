"""The page's arithmetic against NumPy's, in the browser that readers use."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scalarloss import Program, ProgramError, trace, value_and_grad, vjp

sys.path.insert(0, str(Path(__file__).parents[1]))
from test_rules import STRATEGIES, Case

CALL = """async (jobs) => {
    const { load } = await import("/js/program.js");
    const typed = (arrays) => Object.fromEntries(
        Object.entries(arrays).map(([name, data]) => [name, Float64Array.from(data)]));
    const text = (array) => Array.from(array, String);
    return jobs.map(({ program, arrays, cotangent }) => {
        const { output, grad } = load(program).vjp(typed(arrays), Float64Array.from(cotangent));
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


@pytest.fixture
def modules(page, server):
    """An empty page that can import the repository's modules."""
    empty = f"{server}/empty.html"
    page.route(
        empty, lambda route: route.fulfill(body="<title>-</title>", content_type="text/html")
    )
    page.goto(empty)
    return page


def assert_agrees(found, expected, what):
    found = np.array([float(value) for value in found]).reshape(np.shape(expected))
    scale = np.max(np.abs(expected), initial=1e-3)
    error = np.max(np.abs(found - expected), initial=0.0)
    assert error <= 1e-12 * scale, f"{what}: {error:.3g} on a scale of {scale:.3g}"


def compare(page, cases):
    """Run (program, arrays, cotangent) in the page and in NumPy, values and gradients."""
    jobs = [
        {
            "program": program.to_dict(),
            "arrays": {name: np.ravel(x).tolist() for name, x in arrays.items()},
            "cotangent": np.ravel(g).tolist(),
        }
        for program, arrays, g in cases
    ]
    for (program, arrays, g), shown in zip(cases, page.evaluate(CALL, jobs), strict=True):
        y, pullback = vjp(program, **arrays)
        assert_agrees(shown["output"], y, f"value of\n{program}")
        for name, expected in pullback(g).items():
            assert_agrees(shown["grad"][name], expected, f"gradient by {name} of\n{program}")


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


def random_program(rng):
    """A scalar function of two matrices and a vector, made of ten random steps."""
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
    compare(modules, cases)


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
    yield "a slot ahead", broken(lambda d: first(d).update(args=[0, 9]))
    yield "a negative slot", broken(lambda d: first(d).update(args=[0, -1]))
    yield "a fraction of a slot", broken(lambda d: first(d).update(args=[0, 0.5]))
    yield "too few arguments", broken(lambda d: first(d).update(args=[0]))
    yield "a wrong shape", broken(lambda d: first(d).update(shape=[4]))
    yield "a huge shape", broken(lambda d: d["inputs"][0].update(shape=[10**6, 10**6]))
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


def test_damaged_programs_are_refused_in_the_page_and_in_python(modules):
    texts = dict(damaged())
    said = modules.evaluate(REFUSALS, list(texts.values()))
    for (what, text), message in zip(texts.items(), said, strict=True):
        assert message, f"the page took a program with {what}"
        assert not message.startswith("not ours"), f"{what}: {message}"
        with pytest.raises(ProgramError):
            Program.from_json(text)
    assert modules.evaluate(REFUSALS, [json.dumps(PROGRAM), PROGRAM]) == ["", ""]
