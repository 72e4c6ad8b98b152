"""A program: a short list of primitive operations, as data; run it, write it as JSON, read it."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from scalarloss.errors import DtypeError, ProgramError, ShapeError
from scalarloss.primitives import PRIMITIVES, Array, Shape, are_counts, is_count

FORMAT, VERSION = "scalarloss-program", 1
MAX_SIZE = 2**26  # entries in one array of a program read from JSON: half a gigabyte
MAX_RANK = 32


def float_array(name: str, value: Any) -> Array:
    """Return `value` as a float64 array; float16 and float32 are promoted.

    Raises DtypeError for integers, booleans, complex numbers and objects: they have no
    derivative that a float could hold, and promoting them would hide the mistake.
    """
    array = np.asarray(value)
    if array.dtype == np.float64:
        return array
    if array.dtype.kind != "f":
        way = f"{name}.real" if array.dtype.kind == "c" else f"{name}.astype(float)"
        raise DtypeError(
            f"{name} has dtype {array.dtype}, and a derivative needs real floats: pass {way}."
        )
    return array.astype(np.float64)


@dataclass(frozen=True)
class Operation:
    """One primitive applied to earlier slots: its name, their numbers, parameters and shape."""

    name: str
    args: tuple[int, ...]
    params: Mapping[str, Any]
    shape: Shape

    def bind(self) -> Callable[..., Array]:
        """The NumPy function of this operation with its parameters filled in."""
        function = PRIMITIVES[self.name].function
        return partial(function, **self.params) if self.params else function


class Program:
    """Inputs, constants and operations, each filling one slot, and the slot that is the output.

    Slots are numbered: inputs first, then constants, then operations in order. `shapes` has the
    shape of each, `output_shape` that of the output; `first_operation` is where operations begin.
    """

    def __init__(
        self,
        inputs: Mapping[str, Shape],
        constants: Iterable[Array],
        operations: Iterable[Operation],
        output: int,
    ) -> None:
        self.inputs = dict(inputs)
        self.constants = tuple(constants)
        self.operations = tuple(operations)
        self.output = output
        self.first_operation = len(self.inputs) + len(self.constants)
        shapes = [*self.inputs.values(), *(c.shape for c in self.constants)]
        self.shapes = [*shapes, *(o.shape for o in self.operations)]
        self.output_shape = self.shapes[output]
        self._steps = [(operation.bind(), operation.args) for operation in self.operations]

    def slots(self, arrays: Mapping[str, Any]) -> list[Array]:
        """Run on `arrays`, one for each input, and return the value of every slot.

        Raises ShapeError for a name or a shape that is not the program's, DtypeError for
        anything but real floats.
        """
        if arrays.keys() != self.inputs.keys():
            raise ShapeError(
                f"this program takes {', '.join(self.inputs)}; it was given "
                f"{', '.join(arrays) or 'nothing'}. Pass one array for each name."
            )
        values: list[Array] = []
        for name, shape in self.inputs.items():
            array = float_array(name, arrays[name])
            if array.shape != shape:
                raise ShapeError(
                    f"{name} has shape {array.shape}, and this program was traced with {shape}: "
                    "pass that shape, or trace the function again."
                )
            values.append(array)
        values.extend(self.constants)
        for function, args in self._steps:
            values.append(function(*[values[i] for i in args]))
        return values

    def __call__(self, /, **arrays: Any) -> Any:
        """Run on one array for each input; return an array, or a NumPy number for shape ()."""
        return np.array(self.slots(arrays)[self.output])[()]

    def __reduce__(self) -> tuple[type["Program"], tuple[Any, ...]]:
        return Program, (self.inputs, self.constants, self.operations, self.output)

    def __repr__(self) -> str:
        inputs = ", ".join(f"{name}: {shape}" for name, shape in self.inputs.items())
        count = len(self.operations)
        return f"Program({inputs} -> {self.output_shape}, {count} operation{'s' * (count != 1)})"

    def __str__(self) -> str:
        names = [*self.inputs, *(f"c{i}" for i in range(len(self.constants)))]
        names += [f"v{i}" for i in range(len(self.operations))]
        lines = []
        for operation, name in zip(self.operations, names[self.first_operation :], strict=True):
            words = [names[i] for i in operation.args]
            words += [
                f"{key}={' '.join(str(value).split())}" for key, value in operation.params.items()
            ]
            lines.append(f"{name} = {operation.name}({', '.join(words)})")
        width = max((len(line) for line in lines), default=0)
        rows = zip(lines, self.operations, strict=True)
        return "\n".join(f"{line:<{width}}  {operation.shape}" for line, operation in rows)

    def to_dict(self) -> dict[str, Any]:
        """The program as JSON-ready data; float64 survives to the last bit."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "inputs": [{"name": n, "shape": list(s)} for n, s in self.inputs.items()],
            "constants": [array_to_dict(c) for c in self.constants],
            "operations": [
                {
                    "op": o.name,
                    "args": list(o.args),
                    "params": {key: plain(value) for key, value in o.params.items()},
                    "shape": list(o.shape),
                }
                for o in self.operations
            ],
            "output": self.output,
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Program":
        """Read a program back. Raises ProgramError for whatever is not one."""
        try:
            data = json.loads(text)
        except (TypeError, ValueError, RecursionError) as error:
            raise ProgramError(
                f"this is not JSON ({error}): write it again with to_json."
            ) from None
        return cls.from_dict(data)

    @classmethod
    def from_dict(cls, data: Any) -> "Program":
        """Read a program from JSON-ready data, checking every part of it.

        Raises ProgramError for a damaged one, another version, or an unknown operation.
        """
        try:
            return read_program(data)
        except ProgramError:
            raise
        except (ValueError, RecursionError):  # from writing the message, for one
            raise damaged("it is nested too deeply, or has a number of too many digits") from None


def read_program(data: Any) -> Program:
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ProgramError(f'this is not a program: it lacks "format": "{FORMAT}".')
    version = data.get("version")
    if not is_count(version) or version != VERSION:
        raise ProgramError(
            f"the program is of version {version!r:.60}, and this package reads version "
            f"{VERSION}: write it again with this package's to_json."
        )
    inputs: dict[str, Shape] = {}
    for item in entries(data, "inputs"):
        name = field(item, "name", str, "an input")
        if not name.isidentifier() or name in inputs:
            raise damaged(f"the input name {name!r:.60} is no identifier, or stands there twice")
        inputs[name] = read_shape(item, f"input {name}")
    if not inputs:
        raise damaged("it has no inputs")
    constants = [
        array_from_dict(item, f"constant {i}") for i, item in enumerate(entries(data, "constants"))
    ]
    shapes = [*inputs.values(), *(c.shape for c in constants)]
    operations: list[Operation] = []
    for i, item in enumerate(entries(data, "operations")):
        operation = read_operation(item, f"operation {i}", shapes)
        operations.append(operation)
        shapes.append(operation.shape)
    output = field(data, "output", int, "the program")
    if not is_count(output) or output >= len(shapes):
        raise damaged(f"its output is slot {output!r}, and it has {len(shapes)} slots")
    return Program(inputs, constants, operations, output)


def damaged(what: str) -> ProgramError:
    return ProgramError(f"the program is damaged: {what}. Trace the function and write it again.")


def entries(data: dict[str, Any], key: str) -> list[Any]:
    found = field(data, key, list, "the program")
    return list(found)


def field(item: Any, key: str, kind: type, where: str) -> Any:
    value = item.get(key) if isinstance(item, dict) else None
    if not isinstance(value, kind):
        raise damaged(f"{where} has {value!r:.60} for {key!r}, where a {kind.__name__} is needed")
    return value


def read_shape(item: Any, where: str) -> Shape:
    shape = tuple(field(item, "shape", list, where))
    small = are_counts(shape) and len(shape) <= MAX_RANK and max(shape, default=0) <= MAX_SIZE
    if not small or math.prod(shape) > MAX_SIZE:
        raise damaged(f"{where} has the shape {list(shape)!r:.60}, which no array here can have")
    return shape


def read_operation(item: Any, where: str, shapes: list[Shape]) -> Operation:
    name = field(item, "op", str, where)
    if name not in PRIMITIVES:
        raise ProgramError(
            f"{where} is {name!r:.60}, which this package does not know: "
            "it was written by another version, or damaged."
        )
    where = f"{where} ({name})"
    args = tuple(field(item, "args", list, where))
    arity = PRIMITIVES[name].arity
    if not are_counts(args) or any(a >= len(shapes) for a in args):
        raise damaged(
            f"{where} takes slots {list(args)!r:.60}, and only {len(shapes)} come before it"
        )
    if not args or (arity is not None and len(args) != arity):
        raise damaged(f"{where} takes {len(args)} arguments, where {arity or 'some'} are needed")
    given = field(item, "params", dict, where)
    known = PRIMITIVES[name].parameters
    if given.keys() != known.keys():
        raise damaged(f"{where} has parameters {list(given)!r:.60}, where {list(known)} are needed")
    params = {key: native(given[key], where) for key in known}
    for key, is_right in known.items():
        if not is_right(params[key]):
            raise damaged(f"{where} has {given[key]!r:.60} for {key!r}")
    shape = read_shape(item, where)
    sources = [shapes[a] for a in args]
    if name == "index":
        check_slices(params["index"], sources[0], where)
    try:
        found = PRIMITIVES[name].shape(*sources, **params)
    except (ValueError, IndexError, OverflowError) as error:
        raise damaged(f"{where} cannot take shapes {sources!r:.60}: {error}") from None
    if found != shape:
        raise damaged(f"{where} says its shape is {shape}, and it gives {found}")
    return Operation(name, args, params, shape)


def check_slices(index: tuple[Any, ...], shape: Shape, where: str) -> None:
    """Slices in data stay inside their axis, as the tracer writes them."""
    items = [i for i in index if i is not None]
    for item, size in zip(items, shape, strict=False):
        if isinstance(item, tuple):
            start, stop, step = slice(*item).indices(size)
            if item != (start, None if stop < 0 else stop, step):
                raise damaged(f"{where} has the slice {item}, outside an axis of {size}")


def plain(value: Any) -> Any:
    """A parameter as JSON data: tuples become lists, an integer array its shape and entries."""
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "data": value.ravel().tolist()}
    return [plain(v) for v in value] if isinstance(value, tuple) else value


def native(value: Any, where: str) -> Any:
    """The inverse of `plain`."""
    if isinstance(value, dict):
        data = field(value, "data", list, where)
        shape = read_shape(value, where)
        if not all(is_count(v) and v < MAX_SIZE for v in data) or len(data) != math.prod(shape):
            raise damaged(f"{where} has indices that are no whole numbers, or not as many as said")
        return np.array(data, dtype=np.intp).reshape(shape)
    return tuple(native(v, where) for v in value) if isinstance(value, list) else value


NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def array_to_dict(array: Array) -> dict[str, Any]:
    """A float64 array as JSON-ready data: {"shape": [...], "data": [...]}, flat in row order."""
    data = [v if math.isfinite(v) else spell(v) for v in array.ravel().tolist()]
    return {"shape": list(array.shape), "data": data}


def spell(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def array_from_dict(item: Any, where: str) -> Array:
    """The inverse of `array_to_dict`. Raises ProgramError for damaged data."""
    shape = read_shape(item, where)
    data = [
        NON_FINITE.get(v, v) if isinstance(v, str) else v for v in field(item, "data", list, where)
    ]
    if any(isinstance(v, bool) or not isinstance(v, int | float) for v in data):
        raise damaged(f"{where} holds something that is not a number")
    if len(data) != math.prod(shape):
        raise damaged(f"{where} has {len(data)} numbers for the shape {shape}")
    try:
        return np.array(data, dtype=np.float64).reshape(shape)
    except OverflowError:
        raise damaged(f"{where} holds a number too large for float64") from None
