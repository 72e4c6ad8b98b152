"""Every rule against central differences with random cotangents and tangents, and as an adjoint."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from rule_cases import FLAT, SMOOTH, STRATEGIES, Case, check_rule, plain_case

from scalarloss import Program, jacobian, jvp, vjp
from scalarloss.primitives import PRIMITIVES
from scalarloss.program import Operation
from scalarloss.rules import RULES, Rule


def test_every_primitive_has_a_rule_and_no_rule_lacks_a_primitive():
    assert RULES.keys() == PRIMITIVES.keys()


@pytest.mark.parametrize("name", SMOOTH)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_rule(name, data):
    check_rule(data.draw(STRATEGIES[name]))


@pytest.mark.parametrize("name", SMOOTH)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_all_rows_of_a_jacobian_move_back_together(name, data):
    case = data.draw(STRATEGIES[name])
    program, arrays = case.program(), case.arrays()
    y, pullback = vjp(program, **arrays)
    rows = jacobian(program, **arrays)
    for place in np.ndindex(np.shape(y)):
        one = np.zeros(np.shape(y))
        one[place] = 1.0
        for array_name, row in pullback(one).items():
            np.testing.assert_allclose(rows[array_name][place], row, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", sorted(FLAT))
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_nothing_flows_through_a_step_function(name, data):
    case = data.draw(STRATEGIES[name])
    y, pullback = vjp(case.program(), **case.arrays())
    assert not any(g.any() for g in pullback(np.ones(np.shape(y))).values())
    assert not np.any(jvp(case.program(), case.arrays(), **case.arrays())[1])


@pytest.mark.parametrize("side", ["vjp", "jvp"])
@pytest.mark.parametrize("name", SMOOTH)
def test_a_rule_wrong_by_a_thousandth_is_refused(name, side, monkeypatch):
    right = RULES[name]

    def scaled(i):
        rule = getattr(right, side)(i)
        return rule and (lambda *xs, **params: 1.001 * rule(*xs, **params))

    wrong = Rule(scaled, right.jvp) if side == "vjp" else Rule(right.vjp, scaled)
    monkeypatch.setitem(RULES, name, wrong)
    with pytest.raises(AssertionError, match=f"{side} of {name}"):
        check_rule(plain_case(name))


@pytest.mark.parametrize(
    ("name", "xs", "expected"),
    [
        ("maximum", ([1.0], [1.0]), ([0.5], [0.5])),
        ("minimum", ([1.0], [1.0]), ([0.5], [0.5])),
        ("absolute", ([0.0],), ([0.0],)),
        ("power", ([0.0, 0.0, -2.0], [0.0, 2.0, 3.0]), ([0.0, 0.0, 12.0], None)),
    ],
)
def test_conventions_at_kinks(name, xs, expected):
    arrays = {f"x{i}": np.array(x) for i, x in enumerate(xs)}
    shape = arrays["x0"].shape
    operation = Operation(name, tuple(range(len(xs))), {}, shape)
    program = Program({n: x.shape for n, x in arrays.items()}, [], [operation], len(xs))
    wrt = [n for n, e in zip(arrays, expected, strict=True) if e is not None]
    _, pullback = vjp(program, *wrt, **arrays)
    found = pullback(np.ones(shape))
    for n, e in zip(arrays, expected, strict=True):
        if e is not None:
            np.testing.assert_array_equal(found[n], e)


def test_ties_share_the_cotangent_of_a_maximum():
    program = Case("max", ((4,),), {"axis": (0,), "keepdims": False}, 0).program()
    _, pullback = vjp(program, x0=np.array([3.0, 1.0, 3.0, 3.0]))
    np.testing.assert_allclose(pullback(1.0)["x0"], [1 / 3, 0, 1 / 3, 1 / 3])


def test_a_maximum_that_is_nan_has_a_nan_gradient_and_ties_elsewhere_still_share():
    program = Case("max", ((2, 2),), {"axis": (1,), "keepdims": False}, 0).program()
    _, pullback = vjp(program, x0=np.array([[1.0, 1.0], [np.nan, 2.0]]))
    np.testing.assert_array_equal(pullback(np.ones(2))["x0"], [[0.5, 0.5], [np.nan, np.nan]])
