"""Every live figure in JupyterLab with a kernel: what the page does, Python has, and back."""

import ast

import pytest
from conftest import opened
from lab import SECONDS, running_lab, within
from operate import READY, shown

import scalarloss.live

START = """
import numpy as np
from scalarloss.layers import cross_entropy, dense, softmax
from scalarloss.live import *

x, t = np.array([1.0, 2.0]), np.array([1.0, 0.0])
layer = {"W": np.array([[0.2, 0.5], [0.8, 0.1]]), "b": np.array([0.3, 0.7])}

def loss(W, b):
    return cross_entropy(dense(x, W, b), t)

def probabilities(W, b):
    return softmax(dense(x, W, b))

def network(x, W, b):
    return dense(np.reshape(x, (len(x), 64)), np.reshape(W, (10, 64)), b)

def trained(fig):
    fig.train(2)
    return fig

def move(fig):
    fig.params = {name: 1.5 * array for name, array in fig.params.items()}

def entries(arrays):
    return {
        name + (f"[{', '.join(map(str, index))}]" if index else ""): float(array[index])
        for name, array in arrays.items() for index in np.ndindex(array.shape)
    }
"""


def types(label, text):
    def act(figure):
        field = figure.get_by_label(label, exact=True)
        field.fill(text)
        field.press("Enter")

    return act


def presses(name):
    return lambda figure: figure.get_by_role("button", name=name, exact=True).click()


# Of each figure: the constructor; what a reader does in the page; what Python sets after that; and
# quantities that the page shows, as Python has them. Both sides must change every one of these.
FIGURES = {
    "ChainRule": (
        "ChainRule(loss, **layer)",
        [types("exact W[0, 0]", "-0.3"), presses("forward")],
        "move(fig); fig.at = 2 * fig.at",
        {"at": "fig.at", "value": "fig.params['W'][0, 0]"},
    ),
    "ConvolutionGradient": (
        "ConvolutionGradient(lambda y: np.sum(np.tanh(y)), x=np.eye(3), w=layer['W'])",
        [types("exact x[0, 0]", "-0.3"), presses("Next output")],
        "move(fig); fig.seen = 3",
        {
            "loss": "fig.loss",
            "cotangent-sum": "np.sum(fig.cotangent)",
            "counted": "fig.seen",
            "forward-pairing": "fig.pairings[0]",
        },
    ),
    "Cotangent": (
        "Cotangent(probabilities, **layer)",
        [types("exact W[0, 0]", "-0.3"), types("v[1]", "0.75")],
        "move(fig); fig.v = [-1.0, 0.5]",
        {"weighted": "np.sum(fig.v * fig.output)", "slope": "fig.vjp[0, 0]"},
    ),
    "Descent": (
        "Descent(loss, steps=9, **layer)",
        [types("exact W[0, 0]", "-0.3"), types("exact rate", "0.05")],
        "move(fig); fig.steps = 4",
        {"loss": "fig.loss", "end-loss": "fig.losses(fig.path)[-1]"},
    ),
    "Drill": (
        "Drill(loss, 'W', **layer)",
        [presses("Show one entry")],
        "fig.answer = fig.gradient['W']",
        {"right-entries": "np.sum(np.abs(fig.answer - fig.gradient['W']) < 0.0051)"},
    ),
    "LossResponse": (
        "LossResponse(loss, **layer)",
        [types("exact W[0, 0]", "-0.3"), presses("One gradient step")],
        "move(fig); fig.entry = ('b', 1)",
        {"loss": "fig.loss", "slope": "fig.gradient[fig.entry[0]][fig.entry[1]]"},
    ),
    "StepSize": (
        "StepSize(loss, **layer)",
        [types("exact W[0, 0]", "-0.3"), types("exact h", "0.001")],
        "move(fig); fig.step = 0.01",
        {"truth": "fig.truth", "central": "fig.estimates['central']"},
    ),
    "Training": (
        "trained(Training(network, W=(10, 8, 8), b=(10,)))",
        [presses("One step"), presses("One step")],
        "fig.twice = True; fig.train(30)",
        {"steps": "len(fig.losses)", "loss": "fig.losses[-1]"},
    ),
}


def test_each_figure_is_tested():
    assert set(FIGURES) == set(scalarloss.live.__all__)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def notebook(lab, browser):
    """The page of a notebook that makes every figure, all run; its console must stay empty."""
    with opened(browser) as page:
        cells = [f"{name} = {code}\n{name}" for name, (code, *_) in FIGURES.items()]
        lab.open(page, "figures.ipynb", [START, *cells])
        page.locator(READY).nth(len(FIGURES) - 1).wait_for()
        yield page


@pytest.fixture(scope="module")
def kernel(lab, notebook):
    """Run code in the notebook's kernel, and get the value of an expression."""
    with lab.kernel(notebook) as client:

        def ask(code, expression="None"):
            reply = client.execute_interactive(
                code, silent=True, user_expressions={"it": expression}, timeout=SECONDS
            )["content"]
            assert reply["status"] == "ok", reply
            assert reply["user_expressions"]["it"]["status"] == "ok", reply
            return ast.literal_eval(reply["user_expressions"]["it"]["data"]["text/plain"])

        yield ask


@pytest.mark.parametrize("name", FIGURES)
def test_state_goes_both_ways(notebook, kernel, name):
    _, acts, said, quantities = FIGURES[name]
    figure = notebook.locator(READY).nth(list(FIGURES).index(name))
    kernel(f"fig = {name}")
    parts = ", ".join(f"{quantity!r}: float({code})" for quantity, code in quantities.items())

    def apart():
        """Each number that page and kernel do not share, as both have it; and the quantities."""
        page = shown(figure)
        arrays, quantity = kernel("", f"entries(fig.params), {{{parts}}}")
        pairs = {k: (page["quantity"].get(k), v) for k, v in quantity.items()}
        pairs |= {k: (page["entry"][k], arrays[k]) for k in arrays.keys() & page["entry"].keys()}
        near = {k: pytest.approx(b, rel=1e-12, abs=1e-15) for k, (_, b) in pairs.items()}
        return {k: pair for k, pair in pairs.items() if pair[0] != near[k]}, quantity

    def agreed(before):
        """The quantities, once they have moved and page and kernel hold the same numbers."""

        def settled():
            differing, now = apart()
            return not differing and now != before

        assert within(SECONDS, settled), f"page and kernel, and before: {apart()}, {before}"
        return apart()[1]

    first = now = agreed(None)
    for act in acts:
        act(figure)
        now = agreed(now)
    assert not [quantity for quantity in quantities if now[quantity] == first[quantity]]
    kernel(said)
    last = agreed(now)
    assert not [quantity for quantity in quantities if last[quantity] == now[quantity]]
