"""The gallery: backward passes with the mistakes that people make, and what each check makes of it.

BROKEN    all of them, each a layer, a mistake, its kind, and why it can hide
LAYERS    the layers, with backward passes that are right
CHECKS    ways to check, by name; all but the last are in use, and blind to something
table()   which check catches which
"""

from collections.abc import Callable, Mapping

import numpy as np

from scalarloss.check import Arrays, check_gradient, check_vjp
from scalarloss.errors import GradientCheckError
from scalarloss.gallery import convolution, dense, losses, sequence, softmax
from scalarloss.gallery.base import Backward, Broken, Layer

__all__ = ["BROKEN", "CHECKS", "LAYERS", "Broken", "Layer", "caught", "find", "table"]

BROKEN: tuple[Broken, ...] = (
    *dense.BROKEN,
    *softmax.BROKEN,
    *convolution.BROKEN,
    *sequence.BROKEN,
    *losses.BROKEN,
)
LAYERS: tuple[Layer, ...] = tuple(dict.fromkeys(broken.layer for broken in BROKEN))

Check = Callable[[Layer, Backward, Arrays], object]


def by_sum(layer: Layer, backward: Backward, arrays: Arrays) -> None:
    """The gradient of the sum of all outputs: g = 1."""
    given = backward(np.ones(np.shape(layer.f(**arrays))), **arrays)
    check_gradient(lambda **moved: np.sum(layer.f(**moved)), arrays, given)


def by_first_entry(layer: Layer, backward: Backward, arrays: Arrays) -> None:
    """The first entry of each gradient, with a random g."""
    g = np.random.default_rng(0).normal(size=np.shape(layer.f(**arrays)))
    given = layer.right(g, **arrays) | backward(g, **arrays)
    right = layer.right(g, **arrays)
    for name, a in arrays.items():
        if np.shape(given[name]) != a.shape:
            raise GradientCheckError(f"the gradient of {name} has shape {np.shape(given[name])}.")
        right[name] = np.array(right[name], float)
        right[name].flat[0] = np.ravel(given[name])[0]
    check_gradient(lambda **moved: np.sum(g * layer.f(**moved)), arrays, right)


CHECKS: Mapping[str, Check] = {
    "sum": by_sum,
    "first entry": by_first_entry,
    "worked example": lambda layer, backward, _: check_vjp(layer.f, backward, layer.tidy()),
    "one in a hundred": lambda layer, backward, arrays: check_vjp(
        layer.f, backward, arrays, rtol=1e-2, atol=1e-2
    ),
    "check_vjp": lambda layer, backward, arrays: check_vjp(layer.f, backward, arrays),
}


def caught(check: str, broken: Broken, seed: int = 0) -> bool:
    """Whether a check refuses it, or it fails of itself, as two shapes that do not fit do."""
    arrays = broken.arrays(np.random.default_rng(seed))
    try:
        CHECKS[check](broken.layer, broken.backward, arrays)
    except (GradientCheckError, ValueError, IndexError):
        return True
    return False


def table(seed: int = 0) -> dict[Broken, dict[str, bool]]:
    """For each broken backward pass and each check, whether the one is caught by the other."""
    return {b: {check: caught(check, b, seed) for check in CHECKS} for b in BROKEN}


def find(words: str) -> Broken:
    """The one broken backward pass that has these words in its name, as "layer: mistake"."""
    found = [broken for broken in BROKEN if words in repr(broken)]
    if len(found) != 1:
        raise LookupError(f"{len(found)} of the gallery have {words!r} in their name: {found}")
    return found[0]
