"""The formulas of the table of vjps: written by the rules themselves, bracketed as they must be."""

import inspect

import numpy as np
import pytest

from scalarloss import trace
from scalarloss.formulas import EXAMPLES, Table, entry_by_entry, formula, letter
from scalarloss.primitives import PRIMITIVES
from scalarloss.rules import RULES, elementwise

a, b, c = (letter(name) for name in "abc")
DIAGONAL = [name for name in RULES if RULES[name].diagonal]


def cases(first, last):
    return rf"\begin{{cases}} {first} \\ {last} & \text{{elsewhere}} \end{{cases}}"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((a + b) * c, r"\left(a + b\right) \odot c"),
        (a + b * c, r"a + b \odot c"),
        (a - (b - c), r"a - \left(b - c\right)"),
        (a - b - c, "a - b - c"),
        (-(a + b), r"-\left(a + b\right)"),
        (2 * a, "2 a"),
        (1 - a * a, "1 - a^2"),
        ((a * b) ** c, r"\left(a \odot b\right)^{c}"),
        (np.exp(a + b), "e^{a + b}"),
        (np.exp(a) ** b, r"\left(e^{a}\right)^{b}"),
        (np.square(-a), r"\left(-a\right)^2"),
        (np.sin(a + b), r"\sin \left(a + b\right)"),
        ((a + b) / (a - b), r"\frac{a + b}{a - b}"),
        (np.where(a > b, a, 0.5), cases(r"a & \text{where } a > b", r"\tfrac12")),
        (np.where(a > b, 1.0, np.where(a > b, 2.0, c)), cases(r"1 & \text{where } a > b", "c")),
        (np.where(a == b, 0.0, a > b), cases(r"0 & \text{where } a = b", "[a > b]")),
    ],
    ids=str,
)
def test_a_formula_is_bracketed_where_it_must_be_and_nowhere_else(found, expected):
    assert str(found) == expected


def test_an_operation_without_a_look_is_refused():
    with pytest.raises(KeyError, match="arctan"):
        np.arctan(a)


def test_a_row_says_what_its_rule_does(monkeypatch):
    assert entry_by_entry("tanh") == (r"$\tanh x$", r"$\bar x = g \odot \left(1 - y^2\right)$")
    assert entry_by_entry("subtract") == ("$a - b$", r"$\bar a = g$<br>$\bar b = -g$")
    monkeypatch.setitem(RULES, "tanh", elementwise(lambda g, y, x: g * (1 + y)))
    assert entry_by_entry("tanh")[1] == r"$\bar x = g \odot \left(1 + y\right)$"


@pytest.mark.parametrize("name", DIAGONAL)
def test_a_diagonal_rule_has_one_formula_for_both_ways(name):
    """The table gives the vjp, and says that the jvp is the same with t for g."""
    xs = [letter(f"x_{i}") for i in range(PRIMITIVES[name].arity)]
    for i in range(len(xs)):
        maps = RULES[name].vjp(i), RULES[name].jvp(i)
        assert (maps[0] is None) == (maps[1] is None)
        if None not in maps:
            back, on = (str(formula(map_(a, letter("y"), *xs))) for map_ in maps)
            assert back == on


@pytest.mark.parametrize("name", sorted(RULES.keys() - set(DIAGONAL)))
def test_any_other_rule_says_both_in_words(name):
    if RULES[name].vjp(0) is not None:
        for map_ in (RULES[name].vjp(0), RULES[name].jvp(0)):
            words = inspect.getdoc(map_)
            assert words
            assert "|" not in words


@pytest.mark.parametrize("name", RULES)
def test_an_example_is_its_primitive(name):
    program = trace(EXAMPLES[name].call, **EXAMPLES[name].arrays(np.random.default_rng(0)))
    assert [operation.name for operation in program.operations] == [name]


def test_a_table_links_the_names_that_have_an_address():
    markdown = Table(["sum", "mean"], {"sum": "there"})._repr_markdown_()
    assert "| [`sum`](there) |" in markdown
    assert "| `mean` |" in markdown
    assert len({line.count("|") for line in markdown.splitlines()}) == 1
