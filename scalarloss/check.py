"""Checks: is this gradient right? Ask the function itself, one nudged entry at a time.

Everything here takes a function f and its arrays: one array x, for f(x), or several by name in a
dict, for f(**arrays), as a Program is called. f gets copies; the caller's arrays never change.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scalarloss.errors import (
    DtypeError,
    GradientCheckError,
    NonFiniteError,
    NotScalarError,
    ShapeError,
)

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = dict[str, Array]
Method: TypeAlias = Literal["central", "forward", "complex"]


class Quotient(NamedTuple):
    """A method's best step, from the machine epsilon, and the relative error that passes."""

    step: Callable[[float], float]
    rtol: float
    rtol_float32: float


# At its best step a central difference keeps a relative error of about eps^(2/3) (4e-11, in
# float32 2e-5), a forward one √eps (1e-8, 3e-4), a complex step eps. The room above that is for
# functions whose higher derivatives are large. A rule wrong by a thousandth stays outside, but
# for forward differences in float32, which cannot see it.
METHODS = {
    "central": Quotient(lambda eps: float(np.cbrt(eps)), 1e-6, 5e-4),
    "forward": Quotient(math.sqrt, 1e-5, 5e-3),
    "complex": Quotient(lambda eps: 1e-20, 1e-10, 1e-5),
}


@dataclass(frozen=True)
class GradientCheck:
    """A check that passed: how many entries were compared, and how far off the worst one was.

    `worst` is the largest |a − n| / max(|a|, |n|, atol / rtol), at most `rtol`. It is not printed,
    for its digits are rounding and differ from machine to machine. `symmetric` names the arrays
    whose Jacobian equals its transpose at this point, without being diagonal: there J v and vᵀ J
    are the same numbers, and no check can tell one from the other. `print` says so.
    """

    entries: int
    rtol: float
    worst: float = field(repr=False)
    symmetric: tuple[str, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        words = f"{self.entries} entries agree within {self.rtol:g}."
        if self.symmetric:
            words += (
                f" With respect to {' and '.join(self.symmetric)} the Jacobian is symmetric here, "
                "and J v in place of vᵀ J would pass as well."
            )
        return words


def numerical_gradient(
    f: Callable[..., Any], x: Any, method: Method = "central", step: float | None = None
) -> Any:
    """Return the gradient of the scalar f at x by differences: float64, shaped like x.

    method     quotient                     step h            error
    "central"  (f(x + h) − f(x − h)) / 2h   ∛eps  = 6.1e-6    h² + eps / h
    "forward"  (f(x + h) − f(x)) / h        √eps  = 1.5e-8    h + eps / h
    "complex"  Im f(x + ih) / h             1e-20             h² + eps

    A complex step subtracts nothing, so nothing cancels: h may be so small that h² is below any
    rounding, and is still far above underflow. f must then be analytic NumPy: no abs, no .real.
    Each entry moves by step · √max(1, |x|), rounded so that (x + h) − x is h: large weights move in
    larger steps, and logits near 1000 still in small ones. Where x or f's value is float32, eps is
    float32's (h = 4.9e-3 and 3.5e-4), which leaves 4 or 3 digits: for more, pass x.astype(float).
    If x is a dict of arrays, so is the result.

    Raises DtypeError for any other dtype (nudging an integer array by 1e-6 changes nothing, and
    every difference would be 0), ShapeError for an empty x, NotScalarError unless f's value has
    shape (), NonFiniteError where x or f's value is NaN or infinite, ValueError for a step that
    is not positive, or that rounding swallows.
    Source: Nocedal and Wright (2006), Numerical Optimization, section 8.1; Squire and Trapp
    (1998), Using complex variables to estimate derivatives of real functions, SIAM Review 40.
    """
    question = Question(f, x)
    y = question.scalar()
    found = {
        name: np.array([slope for slope, _ in slopes(question, name, y, method, step)])
        for name in question.arrays
    }
    shaped = {name: found[name].reshape(a.shape) for name, a in question.arrays.items()}
    return shaped if question.by_name else shaped["x"]


def check_gradient(
    f: Callable[..., Any],
    x: Any,
    gradient: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    method: Method = "central",
) -> GradientCheck:
    """Compare the gradient of the scalar f at x, shaped like x, with differences, entry by entry.

    For a dict of arrays `gradient` is a dict with the same names, or a tuple in the same order.
    With a the entry given and n the difference quotient, the relative error is
    |a − n| / max(|a|, |n|), and 0 where both are 0. An entry passes when
    |a − n| ≤ max(rtol · max(|a|, |n|), atol), where by default

        rtol = 1e-6 central, 1e-5 forward, 1e-10 complex; 5e-4, 5e-3, 1e-5 where float32 occurs
        atol = 10 · max(1, |f(x)|) · eps / h, the rounding error of the quotient itself

    (eps alone for a complex step; the eps of `gradient`, if that is more). So a true zero passes,
    and a rule wrong by 0.1 % does not, for entries above 4e-7 · max(1, |f(x)|) in float64. Scale a
    function whose slopes are smaller.

    Raises GradientCheckError, with a table of the worst entries, for a gradient that disagrees,
    lacks an array or has another shape; and what `numerical_gradient` raises.
    """
    question = Question(f, x)
    y = question.scalar()
    given = [(np.ones(()), question.gradients(gradient))]
    return compare(question, y, given, method, rtol, atol)


def check_vjp(
    f: Callable[..., Any],
    backward: Callable[..., Any],
    x: Any,
    *,
    seed: int | np.random.Generator = 0,
    trials: int = 2,
    rtol: float | None = None,
    atol: float | None = None,
    method: Method = "central",
) -> GradientCheck:
    """Compare backward(g, x) with the gradient of Σ g f(x) at x, for random cotangents g.

    f returns one array of any shape, and g has that shape. For a dict of arrays the calls are
    f(**arrays) and backward(g, **arrays), which returns one gradient for each array: a tuple in
    the order of the dict, or a dict. Why random: Σ f(x) is the case g = 1, and for softmax, among
    others, its gradient is 0, so that a backward that returns zeros would pass.
    Tolerances as in `check_gradient`, with Σ |g f(x)| for |f(x)|. J v passes for vᵀ J only where
    they are the same numbers: where J is symmetric, as softmax's is.

    Raises as `check_gradient` does, except that f's value may have any shape but an empty one; and
    TypeError where backward calls its cotangent by the name of one of the arrays.
    """
    if trials < 1:
        raise ValueError(f"trials is {trials}: a check needs at least one cotangent.")
    question = Question(f, x)
    question.require_free_name(backward)
    y = question.value()
    return compare(question, y, asked(question, backward, y, seed, trials), method, rtol, atol)


Asked: TypeAlias = list[tuple[Array, Arrays]]


def asked(
    question: "Question",
    backward: Callable[..., Any],
    y: Array,
    seed: int | np.random.Generator,
    trials: int,
) -> Asked:
    """Random cotangents, each with the gradients that came back for it."""
    rng = np.random.default_rng(seed)
    gs = [np.asarray(rng.normal(size=y.shape), dtype=y.dtype) for _ in range(trials)]
    return [(g, question.gradients(question.call(backward, g.copy()))) for g in gs]


class Question:
    """A function and the arrays at which it is asked, each of which can be nudged."""

    def __init__(self, f: Callable[..., Any], x: Any) -> None:
        self.f = f
        self.by_name = isinstance(x, Mapping)
        self.arrays: Arrays = {
            name: np.asarray(a) for name, a in (x if self.by_name else {"x": x}).items()
        }
        if not self.arrays:
            raise ShapeError("there is no array to nudge: pass at least one.")
        for name, a in self.arrays.items():
            if a.dtype not in (np.float32, np.float64):
                why = "a nudge needs real floats of single or double precision"
                if a.dtype.kind in "iub":
                    why = "a nudge of 1e-6 would be cut off to a whole number"
                way = f"{name}.real" if a.dtype.kind == "c" else f"{name}.astype(float)"
                raise DtypeError(f"{name} has dtype {a.dtype}, and {why}: pass {way}.")
            if a.size == 0:
                raise ShapeError(f"{name} is empty, of shape {a.shape}: pass at least one entry.")
            require_finite(a, name, "")

    def call(self, function: Callable[..., Any], *first: Any, moved: Arrays | None = None) -> Any:
        """The function's value at copies of the arrays, of which some have `moved`."""
        copies = {name: a.copy() for name, a in (self.arrays | (moved or {})).items()}
        return function(*first, **copies) if self.by_name else function(*first, copies["x"])

    @property
    def point(self) -> Any:
        """The arrays as they are passed to a check."""
        return self.arrays if self.by_name else self.arrays["x"]

    def require_free_name(self, backward: Callable[..., Any]) -> None:
        """Refuse a backward pass whose cotangent has the name of one of the arrays."""
        try:
            first = next(iter(signature(backward).parameters.values()))
        except (TypeError, ValueError, StopIteration):
            return
        if self.by_name and first.kind is first.POSITIONAL_OR_KEYWORD and first.name in self.arrays:
            raise TypeError(
                f"backward calls its cotangent {first.name}, and one of the arrays has that name "
                f"too: call the cotangent something else, as in def backward(v, "
                f"{', '.join(self.arrays)})."
            )

    def value(self, moved: Arrays | None = None, where: str = "") -> Array:
        """f's value as an array, refused unless made of finite floats, as f's arguments are."""
        result = self.call(self.f, moved=moved)
        if result is None or isinstance(result, tuple | list | dict):
            raise DtypeError(f"f returned a {type(result).__name__}: return one array or number.")
        y = np.asarray(result)
        stepping = any(a.dtype.kind == "c" for a in (moved or {}).values())
        if stepping and y.dtype.kind != "c":
            raise DtypeError(
                f"f returned {y.dtype} for a complex step: something in it, such as np.abs or "
                '.real, drops the imaginary part. Take it out, or take method="central".'
            )
        if not stepping and y.dtype.kind in "iub":
            raise DtypeError(
                f"f returned {y.dtype}, and a difference needs real floats. A function that counts "
                "is constant between its jumps: its gradient is 0 wherever it has one. If these "
                "numbers are whole by accident, return y.astype(float)."
            )
        if not stepping and y.dtype.kind != "f":
            raise DtypeError(f"f returned {y.dtype}, and a difference needs real floats.")
        if y.size == 0:
            raise ShapeError(f"f returned an empty array, of shape {y.shape}: it has no slope.")
        require_finite(y, "f's value", where)
        return y

    def beside(self, name: str, index: tuple[int, ...], there: Any) -> Array:
        """f's value with one entry moved to `there`."""
        x = self.arrays[name]
        moved = x.astype(complex if isinstance(there, complex) else x.dtype)
        moved[index] = there
        return self.value({name: moved}, f" with {label(name, index)} moved to {there}")

    def scalar(self) -> Array:
        y = self.value()
        if y.shape:
            raise NotScalarError(y.shape)
        return y

    def gradients(self, given: Any) -> Arrays:
        """The gradients by name, refused unless there is one for each array, of its shape."""
        if not isinstance(given, Mapping):
            parts = given if isinstance(given, tuple) else (given,)
            if len(parts) != len(self.arrays):
                raise GradientCheckError(
                    f"{len(parts)} gradients were given for {len(self.arrays)} arrays: "
                    f"give a tuple with one for each of {', '.join(self.arrays)}."
                )
            given = dict(zip(self.arrays, parts, strict=True))
        if given.keys() != self.arrays.keys():
            raise GradientCheckError(
                f"gradients were given for {', '.join(given)}, and the arrays are "
                f"{', '.join(self.arrays)}: give one for each."
            )
        found = {name: np.asarray(given[name]) for name in self.arrays}
        for name, a in found.items():
            shape = self.arrays[name].shape
            if a.dtype.kind not in "fiu":
                raise GradientCheckError(
                    f"the gradient of {name} has dtype {a.dtype}: give real numbers."
                )
            if a.shape != shape:
                hint = (
                    "it looks transposed" if a.shape == shape[::-1] else "give one for each entry"
                )
                raise GradientCheckError(
                    f"the gradient of {name} has shape {a.shape}, and {name} has {shape}: {hint}."
                )
        return found


class Row(NamedTuple):
    """One entry of a gradient, as given and by differences, and how far apart they may be."""

    entry: str
    given: float
    numerical: float
    bound: float

    @property
    def absolute(self) -> float:
        return abs(self.given - self.numerical)

    @property
    def relative(self) -> float:
        size = max(abs(self.given), abs(self.numerical))
        return self.absolute / size if size else 0.0

    @property
    def excess(self) -> float:
        """The error as a multiple of its bound: above 1 it is refused, as is a NaN."""
        if self.given == self.numerical:
            return 0.0
        wild = self.bound == 0 or not math.isfinite(self.given)
        return math.inf if wild else self.absolute / self.bound

    @property
    def rank(self) -> tuple[float, float]:
        """Worst last, and not by digits that are rounding: a table is the same on every machine."""
        return float(f"{self.excess:.2e}"), float(f"{self.absolute:.2e}")

    @property
    def ratio(self) -> str:
        """Given ÷ numerical, where it says more than a relative error: it has a sign and a size."""
        telling = self.numerical and math.isfinite(self.given) and self.relative >= TELLING
        return f"{self.given / self.numerical:.4g}" if telling else ""

    def __str__(self) -> str:
        numbers = f"{self.given:>12.6g} {self.numerical:>12.6g}"
        errors = f"{self.absolute:>9.1e} {self.relative:>9.1e}"
        return f"{self.entry:<12} {numbers} {errors} {self.ratio:>17}".rstrip()


TELLING = 1e-3  # a smaller relative error is a ratio of 1.000
HEADING = (
    f"{'entry':<12} {'given':>12} {'numerical':>12} {'absolute':>9} {'relative':>9} "
    "given ÷ numerical"
)
WORST = 5


def compare(
    question: Question,
    y: Array,
    given: Asked,
    method: str,
    rtol: float | None,
    atol: float | None,
) -> GradientCheck:
    """Hold the gradients given for each cotangent against differences; refuse them by a table."""
    limits = Limits.of(question, y, given, method, rtol, atol)
    rows, symmetric = [], []
    for name, x in question.arrays.items():
        moves = []
        for index, (slope, noise) in zip(
            np.ndindex(x.shape), slopes(question, name, y, method), strict=True
        ):
            trials = []
            for g, gradients in given:
                a, n = float(gradients[name][index]) + 0.0, float(np.sum(g * slope)) + 0.0
                bound = limits.bound(a, n, g, y, noise)
                trials.append(Row(label(name, index), a, n, bound))
            rows.append(max(trials, key=lambda row: row.excess))
            moves += [slope.ravel()] if 1 < x.size == y.size <= SQUARE else []
        if is_symmetric(np.array(moves)):
            symmetric.append(name)
    rows.sort(key=lambda row: row.rank, reverse=True)
    refused = sum(row.excess > 1 for row in rows)
    if refused:
        table = "\n".join([HEADING, *map(str, rows[: min(refused, WORST)])])
        if not any(row.ratio for row in rows[: min(refused, WORST)]):
            table = table.replace(" given ÷ numerical", "")
        raise GradientCheckError(
            f"the gradient disagrees with {method} differences in {refused} of {len(rows)} entries "
            f"(rtol {limits.rtol:g}). The worst:\n{table}"
            "\nAt a kink or a tie (ReLU at 0, two equal maxima) a right rule disagrees too: "
            "move the point and ask again."
        )
    worst = limits.rtol * max(row.excess for row in rows)
    return GradientCheck(len(rows), limits.rtol, worst, tuple(symmetric))


class Limits(NamedTuple):
    """How far a gradient may be from differences."""

    rtol: float
    atol: float | None
    coarse: float

    @classmethod
    def of(
        cls,
        question: Question,
        y: Array,
        given: Asked,
        method: str,
        rtol: float | None = None,
        atol: float | None = None,
    ) -> "Limits":
        coarse = max(epsilon(a) for _, gradients in given for a in gradients.values())
        if rtol is None:
            single = max(coarse, *map(epsilon, question.arrays.values()), epsilon(y)) > epsilon(1.0)
            rtol = quotient(method).rtol_float32 if single else quotient(method).rtol
        return cls(rtol, atol, coarse)

    def bound(self, a: float, n: float, g: Array, y: Array, noise: float) -> float:
        """For an entry a and its quotient n, whose rounding error is `noise` a unit of f."""
        size = max(1.0, float(np.sum(np.abs(g * y))))
        floor = 10 * size * max(noise, self.coarse) if self.atol is None else self.atol
        return max(self.rtol * max(abs(a), abs(n)), floor)


SQUARE = 400  # entries: a Jacobian that is larger is not held against its transpose


def is_symmetric(moves: Array) -> bool:
    """Whether a Jacobian, as rows of slopes, is its own transpose up to rounding, not diagonal."""
    if not moves.size:
        return False
    small = 1e-6 * float(np.abs(moves).max())
    across = moves - np.diag(np.diag(moves))
    return bool(np.abs(across).max() > small and np.abs(moves - moves.T).max() <= small)


def slopes(
    question: Question, name: str, y: Array, method: str, step: float | None = None
) -> Iterator[tuple[Array, float]]:
    """For each entry of an array, how f's value y moves with it, and the rounding error eps / h."""
    x = question.arrays[name]
    eps = max(epsilon(x), epsilon(y))
    for index in np.ndindex(x.shape):
        here = x[index]
        h = step_at(question, name, y, index, method, step)
        if method == "complex":
            yield question.beside(name, index, complex(here, h)).imag / h, eps
            continue
        ahead, behind, below = here + x.dtype.type(h), here, y
        if ahead == here:
            raise ValueError(
                f"a step of {h:.1e} vanishes beside {label(name, index)} = {here}, where it is "
                "rounded away: take a larger step, or smaller numbers."
            )
        if method == "central":
            behind = here - (ahead - here)
            below = question.beside(name, index, behind)
        rise = np.subtract(question.beside(name, index, ahead), below, dtype=np.float64)
        yield rise / (float(ahead) - float(behind)), eps / h


def step_at(
    question: Question,
    name: str,
    y: Array,
    index: tuple[int, ...],
    method: str = "central",
    step: float | None = None,
) -> float:
    """How far an entry is moved: the method's step, or the one given, larger for large entries."""
    if step is not None and not 0 < step < math.inf:
        raise ValueError(f"step is {step}: pass a positive number.")
    x = question.arrays[name]
    step = step or quotient(method).step(max(epsilon(x), epsilon(y)))
    return step * math.sqrt(max(1.0, abs(float(x[index]))))


def quotient(method: str) -> Quotient:
    if method not in METHODS:
        raise ValueError(f'method is {method!r}: pass "central", "forward" or "complex".')
    return METHODS[method]


def epsilon(a: Any) -> float:
    """The spacing of floats at 1 in the array's dtype; whole numbers count as float64."""
    dtype = np.asarray(a).dtype
    return float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)


def label(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def require_finite(a: Array, name: str, where: str) -> None:
    for index in np.argwhere(~np.isfinite(a))[:1]:
        place = tuple(index.tolist())
        raise NonFiniteError(f"{label(name, place)} is {a[place]}{where}: a check needs numbers.")
