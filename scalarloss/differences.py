"""Difference quotients of one entry of a program, in float64 or float32, beside its gradient."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scalarloss.derivatives import value_and_grad
from scalarloss.errors import NotScalarError
from scalarloss.primitives import Array
from scalarloss.program import Operation, Program

PRECISIONS: dict[str, tuple[Any, Any]] = {
    "float64": (np.float64, np.complex128),
    "float32": (np.float32, np.complex64),
}
NOT_ANALYTIC = {"absolute": "abs", "sign": "sign"}  # as a complex step meets them
STEPS = tuple(float(f"{10 ** (-k / 6):.2e}") for k in range(97))  # from 1 to 1e-16


class Differences:
    """Forward, central and complex-step differences of a scalar `program` by one entry.

    `arrays` are the point, `entry` a name and an index; at step h, in the precision chosen,

        forward  (f(x + h) - f(x)) / h
        central  (f(x + h) - f(x - h)) / 2h
        complex  Im f(x + ih) / h

    `value` is f(x), and `truth` the gradient's entry by rules, found in float64, then rounded to
    the precision; NaN where the value is not finite. `refusal` says why there is no complex step,
    and is "" where there is one.
    Raises NotScalarError unless the program's output has shape ().
    """

    def __init__(
        self,
        program: Program,
        arrays: Mapping[str, Array],
        entry: tuple[str, tuple[int, ...]],
        precision: str = "float64",
    ) -> None:
        if program.output_shape != ():
            raise NotScalarError(program.output_shape)
        self._real, self._complex = PRECISIONS[precision]
        self.eps = float(np.finfo(self._real).eps)
        name, self._index = entry
        self._slot, self._output = list(program.inputs).index(name), program.output
        moving = self._moving(program)
        names = [NOT_ANALYTIC[o.name] for _, o in moving if o.name in NOT_ANALYTIC]
        self.refusal = f"{names[0]} is not analytic" if names else ""
        self._steps = [(slot, operation.bind(), operation.args) for slot, operation in moving]
        with np.errstate(all="ignore"):
            slope = value_and_grad(program, name, **arrays)[1][name][self._index]
            known = program.slots(arrays)[: program.first_operation]
            self._values = [np.asarray(x, self._real) for x in known]
            for operation in program.operations:
                found = operation.bind()(*(self._values[a] for a in operation.args))
                self._values.append(np.asarray(found, self._real))
            self.value = float(self._values[self._output])
            self.truth = float(self._real(slope)) if np.isfinite(self.value) else float("nan")
        self._x = self._values[self._slot][self._index]

    def _moving(self, program: Program) -> list[tuple[int, Operation]]:
        """The operations, with their slots, that lie between the entry's array and the output."""
        steps = [*enumerate(program.operations, program.first_operation)]
        needed, moved = {self._output}, {self._slot}
        for slot, operation in reversed(steps):
            needed.update(operation.args if slot in needed else ())
        for slot, operation in steps:
            moved.update([slot] if moved.intersection(operation.args) else [])
        return [step for step in steps if step[0] in needed & moved]

    def at(self, x: Any) -> Any:
        """The program's value with the entry at x, which is a number of the precision."""
        kind = self._complex if np.iscomplexobj(x) else self._real
        values = list(self._values)
        values[self._slot] = values[self._slot].astype(kind)
        values[self._slot][self._index] = x
        with np.errstate(all="ignore"):
            for slot, function, args in self._steps:
                values[slot] = np.asarray(function(*(values[a] for a in args)), kind)
        return values[self._output][()]

    def estimates(self, h: float) -> dict[str, float]:
        """The estimate of each method with step h; no "complex" where that is refused."""
        with np.errstate(all="ignore"):
            step, x = self._real(h), self._x
            ahead, behind = self.at(x + step), self.at(x - step)
            here = self._real(self.value)
            found = {"forward": (ahead - here) / step, "central": (ahead - behind) / (2 * step)}
            if not self.refusal:
                found["complex"] = self.at(self._complex(complex(x, step))).imag / step
        return {method: float(estimate) for method, estimate in found.items()}

    @property
    def absolute(self) -> bool:
        """Whether the slope is 0, or rounding beside the value, and errors are absolute."""
        return abs(self.truth) <= self.eps * abs(self.value)

    def error(self, estimate: float) -> float:
        """How far off an estimate is, as a share of the slope, unless `absolute`."""
        off = abs(estimate - self.truth)
        return off if self.absolute else off / abs(self.truth)

    def errors(self, steps: Sequence[float] = STEPS) -> dict[str, Array]:
        """The error of each method at each step, shape (len(steps),)."""
        rows = [self.estimates(h) for h in steps]
        return {m: np.array([self.error(row[m]) for row in rows]) for m in rows[0]}

    def best(self, errors: Array) -> float:
        """The largest of STEPS as good as any, for the errors there, shape (len(STEPS),).

        A step is as bad as the worst one within two places of it, so that a lucky one among
        rounding is not the best; NaN where every error is NaN.
        """
        padded = np.pad(errors, 2, mode="edge")
        worst = np.lib.stride_tricks.sliding_window_view(padded, 5).max(axis=1)
        if np.isnan(worst).all():
            return float("nan")
        floor = 4 * self.eps * (abs(self.value) if self.absolute else 1)
        return STEPS[int(np.flatnonzero(worst <= max(np.nanmin(worst), floor))[0])]

    def shape(self) -> str:
        """ "line" or "parabola" if the loss is one within 1 of x, up to rounding; else ""."""
        x, value, truth = float(self._x), self.value, self.truth

        def at(s: float) -> float:
            return float(self.at(self._real(x + s)))

        bend = at(1) - 2 * value + at(-1)
        size = max(map(abs, (at(1), at(-1), value))) + (1 + abs(x)) * (abs(truth) + abs(bend))
        small = 64 * self.eps * size
        for s in (1, -1, 0.5, -0.5, 0.25, -0.25):
            if not abs(at(s) - value - s * truth - s * s * bend / 2) <= small:
                return ""
        return "line" if abs(bend) <= small else "parabola"
