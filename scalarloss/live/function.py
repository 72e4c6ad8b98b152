"""Live figures of one function: its program, and its arrays, which move here and on the page."""

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets

from scalarloss.derivatives import Gradients, Traceable, value_and_grad
from scalarloss.errors import NonFiniteError, NotScalarError, ShapeError
from scalarloss.live.base import LiveFigure
from scalarloss.primitives import Array
from scalarloss.program import Program, array_from_dict, array_to_dict, float_array
from scalarloss.tracing import trace

Entry = tuple[str, tuple[int, ...]]


def written(entry: Entry) -> str:
    """W[0, 1] for ("W", (0, 1))."""
    name, index = entry
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def write_arrays(arrays: Mapping[str, Array], _widget: Any) -> dict[str, Any]:
    return {name: array_to_dict(array) for name, array in arrays.items()}


def read_arrays(data: Any, _widget: Any) -> Any:
    if not isinstance(data, dict):
        return data
    return {name: array_from_dict(item, name) for name, item in data.items()}


def write_entry(entry: Entry, _widget: Any) -> dict[str, Any]:
    return {"name": entry[0], "index": list(entry[1])}


def read_entry(data: Any, _widget: Any) -> Any:
    return (data.get("name"), data.get("index")) if isinstance(data, dict) else data


class Arrays(traitlets.TraitType[Gradients, Mapping[str, Any]]):
    """The figure's arrays by name. Checked as they come in, from Python or from the page: a
    validator of traitlets' own may be put off until later, and then a wrong value stays."""

    def validate(self, obj: Any, value: Any) -> Gradients:
        fitted: Gradients = obj._fit(value)
        return fitted


class ArrayEntry(traitlets.TraitType[Entry, Any]):
    """A name and an index; one that is not there is refused."""

    def validate(self, obj: Any, value: Any) -> Entry:
        entry: Entry = obj._fit_entry(value)
        return entry


class Positive(traitlets.Float[float, float]):
    """A finite number above 0."""

    def validate(self, obj: Any, value: Any) -> float:
        number = super().validate(obj, value)
        if not 0 < number < np.inf:
            raise NonFiniteError(f"{self.name} is {number}: pass a positive number.")
        return float(number)


class FunctionFigure(LiveFigure):
    """A live figure of `f`, a traceable function of the named `arrays`, or a Program.

    `params` are the arrays as they stand and `initial` as they began; `entry` is the chosen one, a
    name and an index, ("W", (0, 1)), the first entry of the first array if left out. In a kernel
    the state is Python too. Raises ShapeError for a name, a shape or an entry that does not exist,
    DtypeError for anything but real floats, NonFiniteError for a NaN or an infinity; after an error
    the figure is as it was.
    """

    program = traitlets.Dict(read_only=True).tag(sync=True)
    params = Arrays().tag(sync=True, to_json=write_arrays, from_json=read_arrays)
    initial = Arrays(read_only=True).tag(sync=True, to_json=write_arrays, from_json=read_arrays)
    entry = ArrayEntry().tag(sync=True, to_json=write_entry, from_json=read_entry)

    def __init__(
        self, f: Traceable, arrays: Mapping[str, Any], entry: Entry | None = None, **state: Any
    ) -> None:
        self._traced = f if isinstance(f, Program) else trace(f, **arrays)
        self._admit()
        start = self._fit(arrays)
        name, shape = next(iter(self._traced.inputs.items()))
        self.set_trait("program", self._traced.to_dict())
        self.set_trait("initial", start)
        super().__init__(params=start, entry=entry or (name, (0,) * len(shape)), **state)

    def _admit(self) -> None:
        """Raise the error that says why this figure cannot show the function, if it cannot."""

    def _fit(self, arrays: Mapping[str, Any]) -> Gradients:
        """The arrays as the program takes them, copied, read-only; refused unless they fit."""
        if not isinstance(arrays, Mapping):
            raise ShapeError(f"params is {arrays!r:.60}: pass a dict of one array for each name.")
        self._traced.slots(arrays)
        fitted = {name: np.array(float_array(name, arrays[name])) for name in self._traced.inputs}
        for name, array in fitted.items():
            if not np.isfinite(array).all():
                raise NonFiniteError(f"{name} holds a NaN or an infinity: a figure moves numbers.")
            array.flags.writeable = False  # an entry set in place would reach no page
        return fitted

    def _fit_entry(self, entry: Any) -> Entry:
        try:
            name, index = entry
            place = tuple(map(operator.index, index if np.iterable(index) else (index,)))
            shape = self._traced.inputs[name]
            inside = (0 <= i < size for i, size in zip(place, shape, strict=True))
            if all(inside):
                return name, place
        except (TypeError, ValueError, KeyError):
            pass
        arrays = ", ".join(f"{n} {s}" for n, s in self._traced.inputs.items())
        raise ShapeError(
            f"there is no entry {entry!r:.60}: name one of {arrays} and an index of its shape, "
            'as ("W", (0, 1)).'
        )

    def reset(self) -> None:
        """Put every array back to where it began."""
        self.params = self.initial


class LossFigure(FunctionFigure):
    """A live figure of a function whose output has shape (); NotScalarError for another one."""

    def _admit(self) -> None:
        if self._traced.output_shape != ():
            raise NotScalarError(self._traced.output_shape)

    @property
    def loss(self) -> float:
        """The loss at the current arrays."""
        return float(self._traced(**self.params))

    @property
    def gradient(self) -> Gradients:
        """The gradient at the current arrays, by name, each shaped like its array."""
        return value_and_grad(self._traced, **self.params)[1]
