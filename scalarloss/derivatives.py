"""Derivatives of a program: value_and_grad, grad, vjp, jvp and jacobian.

Each takes a plain NumPy function, which is traced, or a Program, which is run again.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from scalarloss.errors import NotScalarError, ShapeError
from scalarloss.primitives import Array, Shape
from scalarloss.program import Program, float_array
from scalarloss.rules import RULES
from scalarloss.tracing import trace

Traceable: TypeAlias = Program | Callable[..., Any]
Gradients: TypeAlias = dict[str, Array]


def value_and_grad(f: Traceable, /, *wrt: str, **arrays: Any) -> tuple[float, Gradients]:
    """Return the scalar f(**arrays) and its gradient with respect to each array.

    Names in `wrt` choose the arrays to differentiate by; none means all. Each gradient has the
    shape of its array. Raises NotScalarError unless f's output has shape ().
    """
    program, wrt = prepare(f, wrt, arrays)
    if program.output_shape != ():
        raise NotScalarError(program.output_shape)
    slots = program.slots(arrays)
    return float(slots[program.output]), pull_back(program, wrt, slots, ONE)


def grad(f: Traceable, /, *wrt: str, **arrays: Any) -> Gradients:
    """Return the gradient of the scalar f(**arrays); see value_and_grad."""
    return value_and_grad(f, *wrt, **arrays)[1]


def vjp(f: Traceable, /, *wrt: str, **arrays: Any) -> tuple[Array, Callable[[Any], Gradients]]:
    """Return y = f(**arrays) and the function that takes a cotangent g of y to gᵀJ.

    `g` has y's shape; each result has the shape of its array. What is done to `arrays` between
    the two calls changes nothing. Raises ShapeError for a g of another shape.
    """
    program, wrt = prepare(f, wrt, arrays)
    slots = program.slots({name: np.array(array) for name, array in arrays.items()})

    def pullback(g: Any) -> Gradients:
        g = float_array("the cotangent", g)
        if g.shape != program.output_shape:
            raise ShapeError(
                f"the cotangent has shape {g.shape}, and the output has {program.output_shape}: "
                "pass one weight for each entry of the output."
            )
        return pull_back(program, wrt, slots, g)

    return np.array(slots[program.output])[()], pullback


def jvp(f: Traceable, tangents: Mapping[str, Any], /, **arrays: Any) -> tuple[Array, Array]:
    """Return y = f(**arrays) and Jt, how y moves when each named array moves along its tangent.

    Each tangent has the shape of its array; an array without one stands still. Both results
    have the shape of y. Raises ShapeError for a tangent that fits no array.
    """
    program, _ = prepare(f, tuple(tangents), arrays)
    slots = program.slots(arrays)
    moving: dict[int, Array] = {}
    for slot, name in enumerate(program.inputs):
        if name in tangents:
            moving[slot] = float_array(f"the tangent of {name}", tangents[name])
            if moving[slot].shape != program.inputs[name]:
                raise ShapeError(
                    f"the tangent of {name} has shape {moving[slot].shape}, and {name} has "
                    f"{program.inputs[name]}: pass one number for each entry of {name}."
                )
    for slot, operation in enumerate(program.operations, program.first_operation):
        xs = [slots[a] for a in operation.args]
        for i, a in enumerate(operation.args):
            rule = RULES[operation.name].jvp(i) if a in moving else None
            if rule is not None:
                part = rule(moving[a], slots[slot], *xs, **operation.params)
                moving[slot] = moving.get(slot, 0.0) + np.broadcast_to(part, operation.shape)
    still = np.zeros(program.output_shape)
    return np.array(slots[program.output])[()], np.array(moving.get(program.output, still))[()]


def jacobian(f: Traceable, /, *wrt: str, **arrays: Any) -> Gradients:
    """Return every derivative of every entry of y = f(**arrays), by name.

    Each has shape y.shape + the shape of its array: entry [i, j] is the derivative of y[i] by
    x[j]. All rows move back together, as one cotangent with a leading axis.
    """
    program, wrt = prepare(f, wrt, arrays)
    slots = program.slots(arrays)
    shape = program.output_shape
    size = math.prod(shape)
    rows = pull_back(program, wrt, slots, np.eye(size).reshape(size, *shape))
    return {name: row.reshape(shape + program.inputs[name]) for name, row in rows.items()}


def prepare(
    f: Traceable, wrt: Sequence[str], arrays: Mapping[str, Any]
) -> tuple[Program, tuple[str, ...]]:
    program = f if isinstance(f, Program) else trace(f, **arrays)
    unknown = [name for name in wrt if not (isinstance(name, str) and name in program.inputs)]
    if unknown:
        raise ShapeError(
            f"there is no array named {unknown[0]!r:.60} to differentiate by: "
            f"the function takes {', '.join(program.inputs)}."
        )
    return program, tuple(wrt) or tuple(program.inputs)


ONE = np.ones(())
Pull: TypeAlias = Callable[..., Array]
Sweep: TypeAlias = list[tuple[int, tuple[int, ...], list[tuple[int, Pull]]]]
_sweeps: WeakKeyDictionary[Program, dict[tuple[str, ...], Sweep]] = WeakKeyDictionary()


def sweep(program: Program, wrt: tuple[str, ...]) -> Sweep:
    """The way back: for each operation between `wrt` and the output, last first, its slot, its
    arguments' slots, and the rule for each argument that a wanted gradient comes through."""
    known = _sweeps.setdefault(program, {})
    if wrt not in known:
        wanted = {slot for slot, name in enumerate(program.inputs) if name in wrt}
        steps: Sweep = []
        for slot, operation in enumerate(program.operations, program.first_operation):
            rule = RULES[operation.name]
            rules: list[tuple[int, Pull]] = []
            for i, a in enumerate(operation.args):
                same = rule.diagonal and program.shapes[a] == operation.shape
                pull = rule.jvp(i) if same else rule.vjp(i)
                if a in wanted and pull is not None:
                    rules.append((a, partial(pull, **operation.params)))
            if rules:
                wanted.add(slot)
                steps.append((slot, operation.args, rules))
        known[wrt] = steps[::-1]
    return known[wrt]


def pull_back(
    program: Program, wrt: tuple[str, ...], slots: Sequence[Array], g: Array
) -> Gradients:
    """Move the output's cotangent `g`, of shape rows + y.shape, back to the inputs in `wrt`.

    Where a value was used more than once, its cotangents add up.
    """
    rows: Shape = g.shape[: g.ndim - len(program.output_shape)]
    cotangents: dict[int, Array] = {program.output: g}
    for slot, args, rules in sweep(program, wrt):
        g_here = cotangents.pop(slot, None)
        if g_here is None:
            continue
        xs = [slots[a] for a in args]
        for a, rule in rules:
            part = rule(g_here, slots[slot], *xs)
            cotangents[a] = cotangents[a] + part if a in cotangents else part
    slots_of = {name: slot for slot, name in enumerate(program.inputs)}
    found: Gradients = {}
    lent = {id(g)}
    for name in wrt:
        gradient = cotangents.get(slots_of[name])
        if gradient is None:
            gradient = np.zeros(rows + program.inputs[name])
        owner = isinstance(gradient, np.ndarray) and gradient.base is None
        if not owner or id(gradient) in lent:
            gradient = np.array(gradient)  # so that changing one gradient changes nothing else
        lent.add(id(gradient))
        found[name] = gradient
    return found
