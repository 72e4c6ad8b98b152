"""What the gallery is made of: a layer that is right, and a mistake that people make in it."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from scalarloss.check import Array, Arrays
from scalarloss.diagnosis import Kind

Generator: TypeAlias = np.random.Generator
Draw: TypeAlias = Callable[[Generator], Arrays]
Backward: TypeAlias = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Layer:
    """A forward f(**arrays), its right backward(g, **arrays), and arrays to ask it with.

    draw   random arrays, of a shape and a size that differ from call to call
    tidy   the arrays of a worked example: small whole numbers, one example, symmetric matrices
    """

    name: str
    f: Callable[..., Any]
    backward: Backward
    draw: Draw
    tidy: Callable[[], Arrays]

    def right(self, g: Array, **arrays: Array) -> Arrays:
        """The right gradients by name."""
        found = self.backward(g, **arrays)
        parts = found if isinstance(found, tuple) else (found,)
        return dict(zip(arrays, parts, strict=True))


@dataclass(frozen=True, eq=False)
class Broken:
    """A backward pass with one mistake.

    wrong  what it returns for some arrays, by name: functions of (g, **arrays). The others are
           right
    kind   what `diagnose_backward` should call it
    hides  why the mistake can live for a long time
    draw   arrays with room for the mistake, where those of the layer have none
    """

    layer: Layer
    name: str
    kind: Kind
    wrong: Mapping[str, Backward]
    hides: str
    draw: Draw | None = None

    @property
    def backward(self) -> Backward:
        """The backward pass, new: what an earlier one has kept in mind is forgotten."""
        wrong = deepcopy(dict(self.wrong))

        def backward(g: Array, **arrays: Array) -> Arrays:
            mistaken = {name: slip(g, **arrays) for name, slip in wrong.items()}
            return self.layer.right(g, **arrays) | mistaken

        return backward

    def arrays(self, rng: Generator) -> Arrays:
        return (self.draw or self.layer.draw)(rng)

    def __repr__(self) -> str:
        return f"{self.layer.name}: {self.name}"


def sides(rng: Generator, count: int) -> list[int]:
    """Lengths from 2 to 5, no two alike, so that no transpose can hide."""
    return [int(n) for n in rng.permutation([2, 3, 4, 5])[:count]]


def away(rng: Generator, *shape: int) -> Array:
    """Random numbers between 0.2 and 2 in size, of either sign: far from a kink at 0."""
    return np.asarray(rng.uniform(0.2, 2, shape) * rng.choice([-1.0, 1.0], shape))
