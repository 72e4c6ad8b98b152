"""Tracing: run a plain NumPy function once on arrays that write down what is done to them."""

import inspect
import math
import operator
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from scalarloss.errors import DtypeError, ShapeError, TracingError
from scalarloss.primitives import COMPARISONS, PRIMITIVES, Array, Shape
from scalarloss.program import Operation, Program, float_array
from scalarloss.verify import verify


def trace(f: Callable[..., Any], /, **arrays: Any) -> Program:
    """Run f(**arrays) on recording arrays and return what it did as a Program of those arrays.

    `arrays` hold real floats of any shape (float32 is promoted to float64) and f returns one
    array made from them. What f reads from elsewhere becomes a constant. The program is then
    compared with f itself, run as plain NumPy on the same arrays and, where that is cheap, on
    others near them. Raises DtypeError for arrays of anything else, ShapeError for an empty one,
    TracingError where f does something a program cannot hold: a branch on a value, an assignment
    into an array, a function that has no rule, a value that is another at the next call.
    """
    if not arrays:
        raise TracingError("there is nothing to differentiate by: pass arrays, as trace(f, W=W).")
    for name, array in arrays.items():
        if not name.isidentifier():
            raise TracingError(f"the name {name!r} is no identifier: name arrays as arguments are.")
        if isinstance(array, TracedArray):
            raise TracingError(
                f"{name} is an array of another trace: trace one function at a time, and "
                "differentiate the whole of it."
            )
    inputs = {name: float_array(name, array) for name, array in arrays.items()}
    tape = Tape(inputs)
    try:
        result = f(**tape.recorders)
    except ValueError as error:  # NumPy's own, which hides ours when an entry is assigned
        if isinstance(error.__cause__, TracingError):
            raise TracingError(str(error.__cause__)) from error
        raise
    if isinstance(result, tuple | list | dict):
        raise TracingError(
            f"the function returned a {type(result).__name__} of {len(result)}, and a program has "
            "one output: return one array, or trace a function for each part."
        )
    if not (isinstance(result, TracedArray) and result.tape is tape):
        raise TracingError(
            f"the function returned {result!r:.60}, which does not depend on "
            f"{' or '.join(arrays)}: return something computed from them."
        )
    program = tape.program(result.slot)
    verify(
        program,
        f,
        {n: x if isinstance(arrays[n], np.ndarray) else x[()] for n, x in inputs.items()},
    )
    return program


DType: TypeAlias = np.dtype[Any]
Kind: TypeAlias = DType | type
FLOAT, WHOLE, BOOL = np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.bool_)


class Tape:
    """What has been recorded: a value for every slot, and the operations that made them."""

    def __init__(self, inputs: Mapping[str, Array]) -> None:
        for name, array in inputs.items():
            if array.size == 0:
                raise ShapeError(
                    f"{name} is empty, of shape {array.shape}: pass at least one entry."
                )
        self.inputs = {name: array.shape for name, array in inputs.items()}
        self.values = list(inputs.values())
        self.made_by: dict[int, Operation] = {}
        self.constants: dict[tuple[Shape, bytes], int] = {}
        self.shared: set[int] = set()  # slots whose memory NumPy would share with another's
        self.recorders = {name: TracedArray(self, i) for i, name in enumerate(inputs)}

    def slot(self, value: Any) -> int:
        """The slot of a traced array, or of a constant, which is given one."""
        if isinstance(value, TracedArray):
            if value.tape is not self:
                raise TracingError(
                    "an array of another trace came in: trace one function at a time, and call "
                    "the inner one as plain NumPy."
                )
            return value.slot
        array = np.asarray(float(value) if isinstance(value, int) else value)
        if array.dtype.kind not in "fiub":
            raise DtypeError(
                f"a constant has dtype {array.dtype}, and a program holds real floats: "
                "pass numbers."
            )
        array = np.array(array, dtype=np.float64)
        key = (array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = len(self.values)
            self.values.append(array)
        return self.constants[key]

    def record(
        self, name: str, *operands: Any, dtype: DType | None = None, **params: Any
    ) -> "TracedArray":
        """Apply a primitive to traced arrays and constants, and write it down.

        `dtype` is what NumPy would hold the result as; without it, the operands tell.
        """
        args = tuple(self.slot(x) for x in operands)
        xs = [self.values[a] for a in args]
        try:
            shape = PRIMITIVES[name].shape(*(x.shape for x in xs), **params)
            value = np.asarray(PRIMITIVES[name].function(*xs, **params))
        except (ValueError, IndexError) as error:
            shapes = " and ".join(str(x.shape) for x in xs)
            raise ShapeError(f"{name} cannot take shape {shapes}: {error}") from error
        slot = len(self.values)
        self.made_by[slot] = Operation(name, args, params, shape)
        self.values.append(value)
        if name in VIEWS and shape:
            self.shared.update((slot, *args))
        return TracedArray(self, slot, dtype or dtype_of_result(name, operands))

    def program(self, output: int) -> Program:
        """The operations that slot `output` needs, renumbered: inputs, constants, operations."""
        needed = {output}
        for slot in sorted(self.made_by, reverse=True):
            if slot in needed:
                needed.update(self.made_by[slot].args)
        constants = [slot for slot in self.constants.values() if slot in needed]
        made = [slot for slot in self.made_by if slot in needed]
        order = [*range(len(self.inputs)), *constants, *made]
        number = {slot: i for i, slot in enumerate(order)}
        operations = [
            Operation(o.name, tuple(number[a] for a in o.args), o.params, o.shape)
            for o in (self.made_by[slot] for slot in made)
        ]
        kept = [self.values[slot] for slot in constants]
        return Program(self.inputs, kept, operations, number[output])


VIEWS = {"transpose", "reshape", "broadcast_to", "index", "sliding_window_view"}


def refuse(what: str, way: str) -> NoReturn:
    raise TracingError(f"{what} a recording array, and the recording would be lost: {way}.")


class TracedArray(NDArrayOperatorsMixin):
    """An array that writes what is done to it on a tape; it stands where an ndarray would."""

    def __init__(self, tape: Tape, slot: int, dtype: DType = FLOAT) -> None:
        self.tape = tape
        self.slot = slot
        self.dtype = dtype  # NumPy's; the tape itself holds floats, a truth value as 0.0 or 1.0

    @property
    def shape(self) -> Shape:
        return self.tape.values[self.slot].shape

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def T(self) -> "TracedArray":  # noqa: N802
        return self.transpose()

    def __repr__(self) -> str:
        return f"TracedArray(shape={self.shape})"

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array of shape ()")
        return self.shape[0]

    def __iter__(self) -> Iterator["TracedArray"]:
        return (self[i] for i in range(len(self)))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *xs: Any, **kwargs: Any) -> Any:
        for target in kwargs.pop("out", ()):
            if not isinstance(target, TracedArray):
                refuse("a plain array cannot hold", "write `a = a + b`, or collect with np.stack")
            return target.become(self.__array_ufunc__(ufunc, method, *xs, **kwargs))
        if method == "reduce" and ufunc in REDUCTIONS:
            return reduce(REDUCTIONS[ufunc], *xs, **{"axis": 0, **kwargs})
        if method == "outer" and ufunc.nin == 2:
            a, b = (x if isinstance(x, TracedArray) else np.asarray(x) for x in xs)
            xs = (a.reshape(a.shape + (1,) * b.ndim), b)
        elif method != "__call__":
            no_rule(f"{ufunc.__name__}.{method}")
        if kwargs:
            unknown(ufunc.__name__, kwargs)
        if not (ufunc in LOWERED_UFUNCS or ufunc in TRUTH_UFUNCS or ufunc.__name__ in PRIMITIVES):
            no_rule(ufunc.__name__)
        dtype = dtype_of_ufunc(self.tape, ufunc, xs)
        if ufunc in TRUTH_UFUNCS and dtype == BOOL:
            return self.tape.record(TRUTH_UFUNCS[ufunc].__name__, *xs)
        if ufunc is np.matmul and dtype == BOOL:
            return self.tape.record("not_equal", self.tape.record("matmul", *xs), 0.0)
        if ufunc in LOWERED_UFUNCS:
            xs = tuple(x.astype(float) if isinstance(x, TracedArray) else x for x in xs)
            found = LOWERED_UFUNCS[ufunc](*xs)
            return TracedArray(self.tape, found.slot, dtype)
        if ufunc.__name__ not in PRIMITIVES:
            no_rule(ufunc.__name__)
        return self.tape.record(ufunc.__name__, *xs, dtype=dtype)

    def become(self, result: "TracedArray") -> "TracedArray":
        """Take the value of `result`, as `a += b` has it: every name for this array sees it."""
        if self.shape == ():
            return result  # a number is replaced, not changed
        if result.shape != self.shape:
            raise ShapeError(
                f"an array of shape {self.shape} cannot become one of shape {result.shape} in "
                "place: write `a = a + b`."
            )
        if self.slot in self.tape.shared:
            refuse("a view shares the memory of", "write `a = a + b` instead of `a += b`")
        if not np.can_cast(result.dtype, self.dtype, "same_kind"):
            raise TracingError(
                f"an array of dtype {self.dtype} cannot become one of {result.dtype} in place: "
                "write `a = a + b`."
            )
        self.slot = result.slot
        return self

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        name = getattr(function, "__name__", str(function))
        if kwargs.pop("out", None) is not None:
            refuse("out= cannot hold", "use the value that the function returns")
        if function is np.copyto:
            self.__array__()
        if function in REARRANGEMENTS:
            return rearrange(function, *args, **kwargs)
        if function not in FUNCTIONS:
            no_rule(name)
        try:
            inspect.signature(FUNCTIONS[function]).bind(*args, **kwargs)
        except TypeError:
            unknown(name, kwargs)
        return FUNCTIONS[function](*args, **kwargs)

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        refuse(
            "a plain array cannot hold",
            "collect the parts in a list and join them with np.stack or np.concatenate, leave out "
            "np.array and np.asarray, and index by whole numbers known beforehand",
        )

    def __float__(self) -> NoReturn:
        refuse(
            "a plain array or number cannot hold",
            "collect the parts in a list, join them with np.stack, and write np.exp for math.exp",
        )

    def __index__(self) -> NoReturn:
        refuse("an index or a count cannot be", "use whole numbers known beforehand, or np.where")

    __int__ = __complex__ = __float__

    def __bool__(self) -> NoReturn:
        refuse("a branch cannot depend on", "choose between two values with np.where")

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        refuse("nothing can be assigned into", "build the result with np.where, or with np.stack")

    def __getitem__(self, key: Any) -> "TracedArray":
        items = key if isinstance(key, tuple) else (key,)
        for item in items:
            if isinstance(item, TracedArray):
                item.__index__()
        if all(is_basic(i) for i in items):
            return self.tape.record("index", self, index=basic_index(items, self.shape))
        return rearrange(lambda places: places[key], self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"a recording array has no attribute {name!r}")
        no_rule(f"ndarray.{name}")

    def transpose(self, *axes: Any) -> "TracedArray":
        given = axes[0] if len(axes) == 1 and np.ndim(axes[0]) else axes
        order = given if len(given) and given[0] is not None else range(self.ndim)[::-1]
        axes = tuple(axis_of(a, self.ndim) for a in order)
        return self.tape.record("transpose", self, axes=axes)

    def reshape(self, *shape: Any, order: str = "C") -> "TracedArray":
        if order != "C":
            no_rule(f"reshape(order={order!r})")
        wanted = shape[0] if len(shape) == 1 else shape
        try:
            found = np.broadcast_to(0.0, self.shape).reshape(wanted).shape
        except ValueError as error:
            raise ShapeError(
                f"an array of shape {self.shape} cannot be reshaped: {error}"
            ) from None
        return self.tape.record("reshape", self, shape=found)

    def sum(self, axis: Any = None, **kwargs: Any) -> "TracedArray":
        return reduce("sum", self, axis, **kwargs)

    def mean(self, axis: Any = None, **kwargs: Any) -> "TracedArray":
        return reduce("mean", self, axis, **kwargs)

    def max(self, axis: Any = None, **kwargs: Any) -> "TracedArray":
        return reduce("max", self, axis, **kwargs)

    def min(self, axis: Any = None, **kwargs: Any) -> "TracedArray":
        return reduce("min", self, axis, **kwargs)

    def var(self, axis: Any = None, *, ddof: float = 0, **kwargs: Any) -> Any:
        squares: Any = np.square(self - self.mean(axis, keepdims=True))
        if ddof == 0:
            return squares.mean(axis, **kwargs)
        count = math.prod(self.shape[a] for a in axes_of(axis, self.ndim))
        return squares.sum(axis, **kwargs) / (count - ddof)

    def std(self, axis: Any = None, *, ddof: float = 0, **kwargs: Any) -> Any:
        return np.sqrt(self.var(axis, ddof=ddof, **kwargs))

    def cumsum(self, axis: int | None = None) -> "TracedArray":
        if axis is None:
            return self.ravel().cumsum(0)
        return self.tape.record("cumsum", self, axis=axis_of(axis, self.ndim))

    def ravel(self) -> "TracedArray":
        return self.reshape(-1)

    flatten = ravel

    def squeeze(self, axis: Any = None) -> "TracedArray":
        return self.reshape(np.squeeze(np.broadcast_to(0.0, self.shape), axis).shape)

    def swapaxes(self, axis1: int, axis2: int) -> "TracedArray":
        a, b = axis_of(axis1, self.ndim), axis_of(axis2, self.ndim)
        order = list(range(self.ndim))
        order[a], order[b] = b, a
        return self.transpose(order)

    def dot(self, other: Any) -> Any:
        return dot(self, other)

    def clip(self, *bounds: Any, **named: Any) -> Any:
        return clip(self, *bounds, **named)

    def copy(self) -> "TracedArray":
        return TracedArray(self.tape, self.slot, self.dtype)

    def astype(self, dtype: Any, copy: bool = True) -> "TracedArray":
        """The same numbers held otherwise: as float64, as truth values, or, where they are whole
        already, as whole numbers."""
        wanted = np.dtype(dtype)
        if wanted == self.dtype:
            return self.copy() if copy else self
        if wanted == BOOL:
            return self.tape.record("not_equal", self, 0.0)
        whole = wanted.kind == "i" and wanted.itemsize >= 4 and self.dtype.kind in "bi"
        if wanted != FLOAT and not whole:
            raise TracingError(
                f"a program holds {self.dtype} as float64 throughout, and astype({dtype!r}) would "
                "lose digits: leave it out."
            )
        return TracedArray(self.tape, self.slot, wanted)


def no_rule(name: str) -> NoReturn:
    raise TracingError(
        f"{name} has no rule, so no gradient could come through it: write it with the functions "
        "that have one, listed in scalarloss.rules.RULES."
    )


def unknown(name: str, kwargs: Mapping[str, Any]) -> NoReturn:
    raise TracingError(
        f"{name} was called with {', '.join(kwargs) or 'arguments'}, which no rule covers: "
        "leave it out, or write it another way, such as with np.where."
    )


def kind_of(x: Any) -> Kind:
    """The dtype of an operand; of a Python number its type, which gives way to any array's."""
    if isinstance(x, TracedArray):
        return x.dtype
    return type(x) if type(x) in (int, float) else np.asarray(x).dtype


@lru_cache(maxsize=1024)
def resolved(ufunc: np.ufunc, kinds: tuple[Kind, ...]) -> DType:
    """The dtype of a ufunc's result. Raises TypeError where NumPy has no such loop."""
    found: DType = ufunc.resolve_dtypes((*kinds, None))[-1]
    return found


@lru_cache(maxsize=1024)
def common(kinds: tuple[Kind, ...]) -> DType:
    """The dtype that holds them all, as NumPy joins arrays."""
    return np.result_type(*(kind(0) if isinstance(kind, type) else kind for kind in kinds))


def held(name: str, dtype: DType) -> DType:
    """`dtype`, if a float64 holds what it can hold. Raises TracingError if not."""
    if dtype in (FLOAT, BOOL) or (dtype.kind == "i" and dtype.itemsize >= 4):
        return dtype
    raise TracingError(
        f"NumPy holds this {name} as {dtype}, and a program is float64 throughout: write "
        "x.astype(float) before it."
    )


def dtype_of_ufunc(tape: Tape, ufunc: np.ufunc, xs: Sequence[Any]) -> DType:
    """What NumPy holds a ufunc's result as. Raises TracingError where it has no such loop, or
    one that loses digits."""
    try:
        dtype = resolved(ufunc, tuple(kind_of(x) for x in xs))
    except TypeError as error:
        for x in xs:
            tape.slot(x)  # which says what is wrong with a constant
        raise TracingError(f"NumPy refuses this {ufunc.__name__}: {error}") from None
    if dtype == FLOAT:
        return dtype
    for x in xs:
        tape.slot(x)
    cut_off = ufunc is np.reciprocal or (ufunc is np.power and has_negative(xs[1]))
    if dtype.kind == "i" and cut_off:
        raise TracingError(
            f"NumPy cuts this {ufunc.__name__} of whole numbers off to whole numbers: write "
            "x.astype(float) before it."
        )
    return held(ufunc.__name__, dtype)


def dtype_of_result(name: str, operands: Sequence[Any]) -> DType:
    """What NumPy holds the result of a primitive as, from what it holds the operands as."""
    if name in COMPARISONS:
        return BOOL
    if name == "mean":
        return FLOAT
    kinds = tuple(kind_of(x) for x in (operands[1:] if name == "where" else operands))
    if name in ("sum", "cumsum") and kinds != (FLOAT,):
        kinds = (*kinds, WHOLE)  # truth values are counted
    return held(name, common(kinds))


def has_negative(exponent: Any) -> bool:
    return not isinstance(exponent, TracedArray) and bool(np.any(np.asarray(exponent) < 0))


def axis_of(axis: Any, ndim: int) -> int:
    axis = operator.index(axis)
    if not -ndim <= axis < ndim:
        raise ShapeError(f"axis {axis} does not exist in an array of {ndim} axes")
    return int(axis % ndim)


def axes_of(axis: Any, ndim: int) -> Shape:
    """An axis argument as NumPy takes it (None, one, or several), sorted and non-negative."""
    given = range(ndim) if axis is None else axis if isinstance(axis, tuple | list) else [axis]
    return tuple(sorted(axis_of(a, ndim) for a in given))


def shape_of(x: Any) -> Shape:
    return x.shape if isinstance(x, TracedArray) else np.shape(x)


def tape_of(*values: Any) -> Tape:
    return next(v.tape for v in values if isinstance(v, TracedArray))


def is_basic(item: Any) -> bool:
    whole = isinstance(item, int | np.integer) and not isinstance(item, bool)
    return whole or item is None or item is Ellipsis or isinstance(item, slice)


def basic_index(items: tuple[Any, ...], shape: Shape) -> tuple[Any, ...]:
    """An index of whole numbers, slices, None and ... as data: every number counted from the
    front, every slice as (start, stop, step) within its axis."""
    dots = [at for at, item in enumerate(items) if item is Ellipsis]
    used = sum(i is not None for i in items) - len(dots)
    if used > len(shape) or len(dots) > 1:
        raise ShapeError(f"{items} has too many indices, or more than one ..., for shape {shape}")
    fill = [slice(None)] * (len(shape) - used)
    if dots:
        items = (*items[: dots[0]], *fill, *items[dots[0] + 1 :])
    index: list[Any] = []
    sizes = iter(shape)
    for item in items:
        if item is None:
            index.append(None)
        elif isinstance(item, slice):
            start, stop, step = item.indices(next(sizes))
            empty = not range(start, stop, step)
            index.append((0, 0, 1) if empty else (start, None if stop < 0 else stop, step))
        else:
            size = next(sizes)
            if not -size <= item < size:
                raise IndexError(f"index {item} does not exist on an axis of {size} entries")
            index.append(int(item) % size)
    return tuple(index)


def reduce(
    name: str, x: TracedArray, axis: Any = None, *, keepdims: bool = False, **kwargs: Any
) -> TracedArray:
    if kwargs:
        unknown(name, kwargs)
    return x.tape.record(name, x, axis=axes_of(axis, x.ndim), keepdims=bool(keepdims))


def rearrange(
    move: Callable[..., NDArray[np.intp]], x: Any, *args: Any, **kwargs: Any
) -> TracedArray:
    """Record anything that only moves or repeats entries, by doing it to their places."""
    for item in (*args, *kwargs.values()):
        if isinstance(item, TracedArray):
            item.__index__()
    places = np.arange(x.size).reshape(x.shape)
    found = np.array(move(places, *args, **kwargs), dtype=np.intp)
    return tape_of(x).record("take", x, indices=found)


def power(x: Any, exponent: Any) -> Any:
    """x**2 as a square and x**0.5 as a root, which are faster and as NumPy does them."""
    if not isinstance(exponent, TracedArray) and np.ndim(exponent) == 0:
        known = {2.0: np.square, 1.0: np.positive, 0.5: np.sqrt, -1.0: np.reciprocal}
        if np.asarray(exponent).item() in known:
            return known[np.asarray(exponent).item()](x)
    return tape_of(x, exponent).record("power", x, exponent)


def logaddexp(a: Any, b: Any) -> Any:
    apart = np.where(np.equal(a, b), 0.0, np.subtract(a, b))  # infinities less themselves are 0
    return np.maximum(a, b) + np.log1p(np.exp(-np.abs(apart)))


def clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    above = +x if low is None else np.maximum(x, low)
    return above if high is None else np.minimum(above, high)


def dot(a: Any, b: Any) -> Any:
    if not shape_of(a) or not shape_of(b):
        return a * b
    return a @ b if len(shape_of(b)) <= 2 else tensordot(a, b, ([-1], [-2]))


def outer(a: Any, b: Any) -> Any:
    return np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


def inner(a: Any, b: Any) -> Any:
    return a * b if not shape_of(a) or not shape_of(b) else tensordot(a, b, ([-1], [-1]))


def vdot(a: Any, b: Any) -> Any:
    return np.reshape(a, -1) @ np.reshape(b, -1)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    shapes = shape_of(a), shape_of(b)
    left, right = (len(shape) for shape in shapes)
    if isinstance(axes, int):
        axes = (range(-axes, 0), range(axes))
    pairs = [[x] if isinstance(x, int) else list(x) for x in axes]
    from_a, from_b = ([axis_of(i, n) for i in p] for p, n in zip(pairs, (left, right), strict=True))
    if len(from_a) != len(from_b):
        raise ShapeError(f"tensordot over axes {from_a} and {from_b}: name as many of each")
    letters = iter(string.ascii_letters)
    a_term = [next(letters) for _ in range(left)]
    b_term = [next(letters) for _ in range(right)]
    for i, j in zip(from_a, from_b, strict=True):
        b_term[j] = a_term[i]
    summed = {a_term[i] for i in from_a}
    result = [k for k in a_term + b_term if k not in summed]
    subscripts = f"{''.join(a_term)},{''.join(b_term)}->{''.join(result)}"
    return contract(subscripts, a, b)


def contract(subscripts: str, *operands: Any) -> TracedArray:
    """Record an einsum; of truth values it says whether any product is true, as NumPy has it."""
    product = tape_of(*operands).record("einsum", *operands, subscripts=subscripts)
    return product.tape.record("not_equal", product, 0.0) if product.dtype == BOOL else product


def einsum(subscripts: Any, *operands: Any, optimize: Any = True) -> TracedArray:
    """Record an einsum with its dots spelt out, its result written, no letter twice in a term,
    and no axis of size 1 beside a longer one."""
    if not isinstance(subscripts, str):
        raise TracingError("einsum takes its subscripts as a string here, such as 'ij,jk->ik'.")
    sources, arrow, result = subscripts.replace(" ", "").partition("->")
    terms = sources.split(",")
    if len(terms) != len(operands):
        raise ShapeError(f"einsum {subscripts!r} has {len(terms)} terms for {len(operands)} arrays")
    free = [k for k in string.ascii_letters if k not in subscripts]
    widths = [
        len(shape_of(x)) - len(t.replace("...", "")) if "..." in t else 0
        for t, x in zip(terms, operands, strict=True)
    ]
    dots = "".join(free[: max(widths)])
    if not arrow:
        once = [k for k in sorted(set(sources) - set(",.")) if sources.count(k) == 1]
        result = "..." + "".join(once)
    if dots and "..." not in result:
        raise ShapeError(f"einsum {subscripts!r} leaves out of its result what the dots stand for")
    terms = [t.replace("...", dots[len(dots) - n :]) for t, n in zip(terms, widths, strict=True)]
    xs = list(operands)
    sizes: dict[str, int] = {}
    for i, (term, x) in enumerate(zip(terms, operands, strict=True)):
        if len(term) != len(shape_of(x)) or not all(k.isalpha() for k in term):
            raise ShapeError(f"einsum {subscripts!r} does not fit shape {shape_of(x)}")
        terms[i] = "".join(dict.fromkeys(term))
        if terms[i] != term:
            xs[i] = moved(lambda p, t=term, u=terms[i]: np.einsum(f"{t}->{u}", p), x)
        for k, n in zip(terms[i], shape_of(xs[i]), strict=True):
            sizes[k] = n if n != 1 else sizes.get(k, 1)
    for i, (term, x) in enumerate(zip(terms, xs, strict=True)):
        shape = shape_of(x)
        kept = [at for at, k in enumerate(term) if shape[at] == sizes[k] or shape[at] != 1]
        if len(kept) < len(term):
            xs[i] = np.reshape(x, [shape[at] for at in kept])
            terms[i] = "".join(term[at] for at in kept)
    full = ",".join(terms) + "->" + result.replace("...", dots)
    return contract(full, *xs)


def moved(move: Callable[..., Any], x: Any) -> Any:
    return rearrange(move, x) if isinstance(x, TracedArray) else move(x)


def joined(name: str) -> Callable[..., TracedArray]:
    def join(arrays: Sequence[Any], axis: Any = 0) -> TracedArray:
        if axis is None and name == "concatenate":
            arrays, axis = [np.reshape(a, -1) for a in arrays], 0
        ndim = len(shape_of(arrays[0])) + (name == "stack")
        return tape_of(*arrays).record(name, *arrays, axis=axis_of(axis, ndim))

    return join


def vstack(arrays: Sequence[Any]) -> TracedArray:
    return joined("concatenate")([np.atleast_2d(a) for a in arrays], 0)


def hstack(arrays: Sequence[Any]) -> TracedArray:
    rows = [np.atleast_1d(a) for a in arrays]
    return joined("concatenate")(rows, 0 if rows[0].ndim == 1 else 1)


def at_least(ndim: int) -> Callable[[TracedArray], TracedArray]:
    return lambda x: x.reshape((1,) * max(0, ndim - x.ndim) + x.shape)


pad_places: Callable[..., NDArray[np.intp]] = np.pad


def pad(
    x: TracedArray, pad_width: Any, mode: str = "constant", constant_values: Any = 0
) -> TracedArray:
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        return rearrange(lambda p: pad_places(p, pad_width, mode=mode), x)
    if mode != "constant" or np.ndim(constant_values):
        no_rule(f"pad(mode={mode!r}, constant_values={constant_values!r})")
    widths = np.asarray(pad_width)
    if widths.dtype.kind not in "iu" or (widths < 0).any():
        raise ShapeError(f"pad widths are whole numbers of 0 or more, not {pad_width!r}")
    pairs = tuple((a, b) for a, b in np.broadcast_to(widths, (x.ndim, 2)).tolist())
    value = float(np.asarray(constant_values).astype(x.dtype))  # as NumPy casts it
    if math.isfinite(value):
        return x.tape.record("pad", x, widths=pairs, value=value)
    return where(pad_places(np.ones(x.shape), pairs), pad(x, pairs), value)


def windows(x: TracedArray, window_shape: Any, axis: Any = None) -> TracedArray:
    given = window_shape if isinstance(window_shape, tuple | list) else (window_shape,)
    window = tuple(operator.index(n) for n in given)
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    found = tuple(axis_of(a, x.ndim) for a in axes)
    if list(found) != sorted(set(found)) or len(found) != len(window):
        raise ShapeError(f"windows {window} over axes {found}: name each axis once, in order")
    return x.tape.record("sliding_window_view", x, window=window, axis=found)


def where(condition: Any, *choices: Any) -> TracedArray:
    if len(choices) != 2:
        raise TracingError("np.where needs both values here: np.where(condition, x, y).")
    return tape_of(condition, *choices).record("where", condition, *choices)


def moveaxis(x: TracedArray, source: Any, destination: Any) -> TracedArray:
    places = np.moveaxis(np.broadcast_to(0.0, range(1, x.ndim + 1)), source, destination)
    return x.transpose([n - 1 for n in places.shape])


def expand_dims(x: TracedArray, axis: Any) -> TracedArray:
    return x.reshape(np.expand_dims(np.broadcast_to(0.0, x.shape), axis).shape)


def broadcast_to(x: TracedArray, shape: Any) -> TracedArray:
    return x.tape.record("broadcast_to", x, shape=np.broadcast_to(0.0, shape).shape)


def norm(x: TracedArray, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord not in (None, 2) or (ord == 2 and (x.ndim if axis is None else np.size(axis)) != 1):
        no_rule(f"linalg.norm(ord={ord!r}) of a matrix")
    return np.sqrt(np.square(x.astype(float)).sum(axis, keepdims=keepdims))


def diagonal_sum(x: TracedArray, offset: int = 0, axis1: int = 0, axis2: int = 1) -> TracedArray:
    return rearrange(np.diagonal, x, offset, axis1, axis2).sum(-1)


def like(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that looks at a shape and a dtype alone, and so gives a constant."""
    return lambda x, *args, **kwargs: function(
        np.broadcast_to(np.zeros((), x.dtype), x.shape), *args, **kwargs
    )


REDUCTIONS = {np.add: "sum", np.maximum: "max", np.minimum: "min"}

LOWERED_UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.power: power,
    np.float_power: power,
    np.positive: lambda x: x.copy(),
    np.fabs: np.abs,
    np.exp2: lambda x: np.power(2.0, x),
    np.log2: lambda x: np.log(x) / math.log(2),
    np.log10: lambda x: np.log(x) / math.log(10),
    np.logaddexp: logaddexp,
}

TRUTH_UFUNCS = {
    np.add: np.logical_or,
    np.bitwise_or: np.logical_or,
    np.bitwise_and: np.logical_and,
    np.bitwise_xor: np.not_equal,
    np.invert: np.logical_not,
}

REARRANGEMENTS = {
    np.take,
    np.take_along_axis,
    np.repeat,
    np.tile,
    np.roll,
    np.flip,
    np.rot90,
    np.diagonal,
    np.delete,
}

FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: TracedArray.sum,
    np.mean: TracedArray.mean,
    np.max: TracedArray.max,
    np.min: TracedArray.min,
    np.amax: TracedArray.max,
    np.amin: TracedArray.min,
    np.var: TracedArray.var,
    np.std: TracedArray.std,
    np.cumsum: TracedArray.cumsum,
    np.dot: dot,
    np.vdot: vdot,
    np.inner: inner,
    np.outer: outer,
    np.tensordot: tensordot,
    np.einsum: einsum,
    np.transpose: lambda x, axes=None: x.transpose(axes),
    np.swapaxes: TracedArray.swapaxes,
    np.moveaxis: moveaxis,
    np.reshape: lambda x, shape, order="C": x.reshape(shape, order=order),
    np.ravel: TracedArray.ravel,
    np.squeeze: TracedArray.squeeze,
    np.expand_dims: expand_dims,
    np.broadcast_to: broadcast_to,
    np.atleast_1d: at_least(1),
    np.atleast_2d: at_least(2),
    np.concatenate: joined("concatenate"),
    np.stack: joined("stack"),
    np.vstack: vstack,
    np.hstack: hstack,
    np.pad: pad,
    sliding_window_view: windows,
    np.where: where,
    np.clip: clip,
    np.linalg.norm: norm,
    np.trace: diagonal_sum,
    np.copy: TracedArray.copy,
    np.shape: shape_of,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x, axis=None: x.size if axis is None else x.shape[axis],
    np.zeros_like: like(np.zeros_like),
    np.ones_like: like(np.ones_like),
    np.full_like: like(np.full_like),
}
