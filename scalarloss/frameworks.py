"""PyTorch, JAX and HIPS autograd: which are here, and the gallery's layers as functions of theirs.

A reader needs none of them. A chapter that does calls `need` first, and its stored outputs stand
where they are missing.
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
