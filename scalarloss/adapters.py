"""Adapters: objects that hold their own arrays, as the functions and arrays of the checks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from inspect import Parameter, signature
from typing import Any, TypeAlias

import numpy as np

from scalarloss.check import Array, Arrays
from scalarloss.errors import GradientCheckError

Pair: TypeAlias = tuple[Callable[..., Any], Callable[..., Arrays], Arrays]

GRADIENTS = ("d{}", "d_{}", "grad_{}", "{}_grad")  # what the gradient of an attribute may be called
HOLDERS = (("params", "grads"), ("parameters", "gradients"), ("parameters", "grads"))


def from_layer(
    layer: Any,
    *inputs: Any,
    params: Mapping[str, str] | None = None,
    rate: float | None = None,
) -> Pair:
    """An object with forward(x) and backward(g) as f, backward and arrays, by name.

        check_vjp(*from_layer(layer, x))
        diagnose_backward(*from_layer(layer, x))

    layer    forward(*inputs) returns y, of any shape; backward(g), with g shaped like y, returns
             the gradient of the input, shaped like it, or a tuple of them in the inputs' order, or
             leaves each in an attribute d<name>. The layer is copied for every call and is not
             changed: what it keeps from an earlier call is what it held when it came here
    inputs   the arrays that forward takes, named as its arguments are
    params   names of attributes that hold a parameter, each with the name of the attribute where
             backward leaves its gradient, of the same shape: {"W": "dW"}. Left out, they are
             found: float arrays W that forward reads and does not set, with dW, d_W, grad_W or
             W_grad beside them after backward, or, under the same name or place, in the dict or
             list `grads` beside `params` (or `gradients` beside `parameters`)
    rate     for a layer whose backward(g, rate) takes the step itself and keeps no gradient: the
             gradient of each array that has changed is (before − after) / rate

    The arrays that come back are the inputs and the parameters by name, those of the parameters
    with their present values.
    Raises TypeError for an object without forward or backward, or a backward pass that wants more
    than g; GradientCheckError for a parameter without a gradient.
    """
    for method in ("forward", "backward"):
        if not callable(getattr(layer, method, None)):
            raise TypeError(
                f"a {type(layer).__name__} has no {method}: pass an object with forward(x) and "
                "backward(g), or a pair of functions to the check itself."
            )
    if rate is None and (more := required(layer.backward)[1:]):
        raise TypeError(
            f"backward wants {' and '.join(more)} besides g: if that is the rate of a step that it "
            "takes itself, pass rate=1.0; else give it a default."
        )
    names = names_of(layer.forward, len(inputs))
    arrays = {name: np.array(x) for name, x in zip(names, inputs, strict=True)}
    held = dict(held_arrays(layer))

    def run(moved: Arrays) -> tuple[Any, Any]:
        """A copy of the layer that holds these arrays, and its output."""
        copy = deepcopy(layer)
        places = dict(held_arrays(copy))
        for name in moved.keys() & places.keys() - set(names):
            places[name][...] = moved[name]
        return copy, copy.forward(*(moved[name].copy() for name in names))

    def gradients(g: Any, moved: Arrays) -> Arrays:
        copy, _ = run(moved)
        before = {name: a.copy() for name, a in held_arrays(copy)}
        returned = copy.backward(g) if rate is None else copy.backward(g, rate)
        found = of_inputs(returned, copy, names)
        if rate is not None:
            after = dict(held_arrays(copy))
            return found | {n: (before[n] - after[n]) / rate for n in held if n in after}
        for name in held:
            gradient = gradient_of(copy, name, (params or {}).get(name))
            found |= {} if gradient is None else {name: np.array(gradient)}
        return found

    y = np.asarray(run(arrays)[1])
    probe = gradients(np.random.default_rng(0).normal(size=y.shape).astype(y.dtype), arrays)
    if params is not None:
        wanted = list(params)
    elif rate is not None:
        wanted = [name for name in held if np.any(probe.get(name, 0))]
    else:
        wanted = [name for name in held if name in probe and name not in names]
        wanted = [name for name in wanted if is_kept(name, run, arrays, held)]
    for name in wanted:
        if name not in held or name not in probe:
            raise GradientCheckError(
                f"{type(layer).__name__} has no float array {name} with a gradient after backward: "
                "say in params where each is, as in {'W': 'dW'}."
            )
    arrays |= {name: held[name].copy() for name in wanted}

    def f(**moved: Array) -> Any:
        return run(moved)[1]

    def backward(cotangent: Array, /, **moved: Array) -> Arrays:
        found = gradients(cotangent, moved)
        return {name: found[name] for name in arrays if name in found}

    return f, backward, arrays


def held_arrays(layer: Any) -> Iterator[tuple[str, Array]]:
    """The float arrays that an object holds, each once, by the name of its attribute or place."""
    seen = set[int]()
    attributes = dict(getattr(layer, "__dict__", {}))
    places = list(attributes.items())
    for holder in dict.fromkeys(params for params, _ in HOLDERS):
        inside = attributes.get(holder)
        if isinstance(inside, Mapping):
            places += list(inside.items())
        elif isinstance(inside, Sequence) and not isinstance(inside, str):
            places += [(f"{holder}[{i}]", a) for i, a in enumerate(inside)]
    for name, a in places:
        if isinstance(a, np.ndarray) and a.dtype.kind == "f" and id(a) not in seen:
            seen.add(id(a))
            yield str(name), a


def gradient_of(layer: Any, name: str, place: str | None) -> Any:
    """Where backward has left the gradient of what an object holds by that name, or None."""
    for attribute in [place] if place else [form.format(name) for form in GRADIENTS]:
        if (found := getattr(layer, attribute, None)) is not None:
            return found
    for holder, gradients in HOLDERS:
        inside = getattr(layer, gradients, None)
        if isinstance(inside, Mapping):
            for key in (name, f"d{name}"):
                if key in inside:
                    return inside[key]
        elif isinstance(inside, Sequence) and name.startswith(f"{holder}["):
            return inside[int(name[len(holder) + 1 : -1])]
    return None


def of_inputs(returned: Any, layer: Any, names: list[str]) -> Arrays:
    """The gradients of the inputs: returned, or left in attributes."""
    if returned is None:
        found = {name: gradient_of(layer, name, None) for name in names}
        return {name: np.asarray(a) for name, a in found.items() if a is not None}
    if isinstance(returned, Mapping):
        return {str(name): np.asarray(a) for name, a in returned.items()}
    parts = returned if isinstance(returned, tuple | list) else (returned,)
    return {name: np.asarray(a) for name, a in zip(names, parts, strict=False)}


def is_kept(name: str, run: Callable[[Arrays], Any], arrays: Arrays, held: Arrays) -> bool:
    """Whether forward leaves an array as it was set: it is a parameter then, and not a result."""
    moved = held[name] + 0.5
    return bool(np.array_equal(dict(held_arrays(run({**arrays, name: moved})[0]))[name], moved))


def names_of(forward: Callable[..., Any], count: int) -> list[str]:
    """The names of the first arguments of a method."""
    named = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    found = [p.name for p in signature(forward).parameters.values() if p.kind in named][:count]
    return found + [f"x{i}" for i in range(len(found), count)]


def required(method: Callable[..., Any]) -> list[str]:
    """The names of the arguments that a method cannot do without."""
    several = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    every = signature(method).parameters.values()
    return [p.name for p in every if p.default is Parameter.empty and p.kind not in several]
