"""PyTorch, JAX and HIPS autograd: which are here, and functions carried to them and back.

A reader needs none of them. A chapter that does calls `need` first, and its stored outputs stand
where they are missing. `as_...` takes a forward and a backward pass in NumPy to a framework;
`from_...` takes a framework's function to such a pair, for `check_vjp` and `diagnose_backward`.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from scalarloss.check import Array, Arrays
from scalarloss.errors import FrameworksMissingError

NAMES = {"torch": "PyTorch", "jax": "JAX", "autograd": "HIPS autograd"}
Forward = Callable[..., Any]
Backward = Callable[..., Mapping[str, Any]]


def missing() -> list[str]:
    """The modules of `NAMES` that cannot be imported."""
    absent = []
    for name in NAMES:
        try:
            import_module(name)
        except ImportError:
            absent.append(name)
    return absent


def chapters(book: Path) -> list[Path]:
    """The notebooks of a folder that call `need`."""
    return [
        path for path in sorted(book.glob("*.ipynb")) if "frameworks.need()" in path.read_text()
    ]


def need() -> dict[str, str]:
    """Each framework's version, with JAX set to double precision, as this book computes.

    Raises FrameworksMissingError where one cannot be imported.
    """
    if absent := missing():
        raise FrameworksMissingError([NAMES[name] for name in absent])
    import_module("jax").config.update("jax_enable_x64", True)
    return {NAMES[name]: version(name).partition("+")[0] for name in NAMES}


def refused(ask: Callable[[], Any]) -> None:
    """Make a call and print how its refusal begins. Raises AssertionError where it is accepted."""
    try:
        ask()
    except Exception as error:  # each framework has its own
        print(f"{type(error).__name__}: {str(error).splitlines()[0][:75]}")
    else:
        raise AssertionError("This was not refused.")


def as_torch(f: Forward, backward: Backward, names: list[str]) -> Callable[..., Any]:
    """A forward and a backward pass in NumPy as one function of tensors, differentiated by them."""
    torch = import_module("torch")

    class Layer(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            ctx.arrays = {n: t.detach().numpy() for n, t in zip(names, tensors, strict=True)}
            return torch.tensor(np.asarray(f(**ctx.arrays)))

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            given = backward(g.numpy(), **ctx.arrays)
            return tuple(torch.tensor(np.ascontiguousarray(given[n])) for n in names)

    return Layer.apply  # type: ignore[no-any-return]


def as_jax(f: Forward, backward: Backward, arrays: Arrays) -> Callable[..., Any]:
    """The same as a function of JAX arrays, in shapes like those of `arrays`."""
    jax = import_module("jax")
    names = list(arrays)

    def by_name(values: tuple[Any, ...]) -> Arrays:
        return {n: np.asarray(v) for n, v in zip(names, values, strict=True)}

    def answer(*values: Any) -> Array:
        return np.asarray(f(**by_name(values)), float)

    def gradients(g: Any, *values: Any) -> tuple[Array, ...]:
        given = backward(np.asarray(g), **by_name(values))
        return tuple(np.asarray(given[n], float) for n in names)

    out = jax.ShapeDtypeStruct(np.shape(f(**arrays)), float)
    like = tuple(jax.ShapeDtypeStruct(a.shape, float) for a in arrays.values())

    @jax.custom_vjp  # type: ignore[untyped-decorator]
    def layer(*values: Any) -> Any:
        return jax.pure_callback(answer, out, *values)

    layer.defvjp(
        lambda *values: (layer(*values), values),
        lambda values, g: jax.pure_callback(gradients, like, g, *values),
    )
    return layer  # type: ignore[no-any-return]


def as_autograd(f: Forward, backward: Backward, names: list[str]) -> Callable[..., Any]:
    """The same as a primitive of HIPS autograd."""
    extend = import_module("autograd.extend")

    @extend.primitive  # type: ignore[untyped-decorator]
    def layer(*values: Any) -> Any:
        return np.asarray(f(**dict(zip(names, values, strict=True))), float)

    def rule(name: str) -> Callable[..., Any]:
        def back(ans: Any, *values: Any) -> Callable[[Any], Any]:
            arrays = dict(zip(names, values, strict=True))
            return lambda g: np.asarray(backward(g, **arrays)[name])

        return back

    extend.defvjp(layer, *map(rule, names))
    return layer  # type: ignore[no-any-return]


def from_torch(function: Forward) -> tuple[Forward, Forward]:
    """A function of PyTorch tensors as f and backward, arrays in and arrays out.

    function takes tensors, by position or by name, and returns one tensor of any shape; f calls it
    with detached copies. backward(g, ...) is what PyTorch gives back for the cotangent g, of the
    output's shape: a tuple with a gradient for each array, or a dict by name, and zeros for an
    array that the output does not depend on. A `torch.autograd.Function` is passed as its `apply`,
    which knows no names: wrap it in a lambda to call f by name.
    """
    torch = import_module("torch")

    def f(*arrays: Any, **named: Any) -> Any:
        with torch.no_grad():
            answer = function(
                *map(torch.tensor, arrays), **{n: torch.tensor(a) for n, a in named.items()}
            )
        return answer.numpy() if isinstance(answer, torch.Tensor) else answer

    def backward(g: Any, *arrays: Any, **named: Any) -> Any:
        leaves = [torch.tensor(a, requires_grad=True) for a in (*arrays, *named.values())]
        y = function(*leaves[: len(arrays)], **dict(zip(named, leaves[len(arrays) :], strict=True)))
        if y.requires_grad:
            given = torch.autograd.grad(y, leaves, torch.tensor(g), materialize_grads=True)
        else:
            given = [torch.zeros_like(leaf) for leaf in leaves]
        return by_name([part.numpy() for part in given], named)

    return f, backward


def from_jax(function: Forward) -> tuple[Forward, Forward]:
    """A function of JAX arrays as f and backward, as in `from_torch`."""
    jax = import_module("jax")

    def f(*arrays: Any, **named: Any) -> Any:
        answer = function(*map(jax.numpy.asarray, arrays), **put(named))
        return np.asarray(answer) if isinstance(answer, jax.Array) else answer

    def backward(g: Any, *arrays: Any, **named: Any) -> Any:
        of_both = lambda arrays, named: function(*arrays, **named)  # noqa: E731
        _, pullback = jax.vjp(of_both, tuple(map(jax.numpy.asarray, arrays)), put(named))
        given, of_names = pullback(jax.numpy.asarray(g))
        return by_name([np.asarray(a) for a in (*given, *(of_names[n] for n in named))], named)

    def put(named: Arrays) -> dict[str, Any]:
        return {n: jax.numpy.asarray(a) for n, a in named.items()}

    return f, backward


def from_autograd(function: Forward) -> tuple[Forward, Forward]:
    """A function of HIPS autograd's NumPy as f and backward, as in `from_torch`."""
    autograd = import_module("autograd")

    def backward(g: Any, *arrays: Any, **named: Any) -> Any:
        def of_all(values: Any) -> Any:
            by_place = [values[i] for i in range(len(arrays))]
            return function(*by_place, **{n: values[len(arrays) + i] for i, n in enumerate(named)})

        pullback, _ = autograd.make_vjp(of_all)((*arrays, *named.values()))
        return by_name([np.asarray(a) for a in pullback(g)], named)

    return function, backward


def by_name(given: list[Array], named: Arrays) -> Any:
    """The gradients as the arrays came: a tuple, or a dict where they came by name."""
    return dict(zip(named, given, strict=True)) if named else tuple(given)
