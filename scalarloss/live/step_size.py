"""StepSize: how far off difference quotients are, against their step."""

from typing import Any

import numpy as np
import traitlets
from matplotlib.figure import Figure

from scalarloss import plot
from scalarloss.derivatives import Traceable
from scalarloss.differences import PRECISIONS, STEPS, Differences
from scalarloss.live.function import Entry, LossFigure, Positive, written

LOOKS = {
    "forward": (plot.BLUE, "-", "o"),
    "central": (plot.ORANGE, "-", "s"),
    "complex": (plot.GREY, "--", "D"),
}


class StepSize(LossFigure):
    """The errors of three difference quotients of one entry's derivative, against their step h.

    `f` is a traceable function of the named `arrays` (or a Program) whose output has shape ().
    `entry` is a name and an index, the first entry of the first array if left out. `step` is the h
    at which `estimates` are taken, positive, and `precision` "float64" or "float32", in which the
    function is computed. The truth is the gradient by rules. A function with abs or sign on the way
    from the entry to the output has no complex step: these are not analytic. Raises as LossResponse
    does, and TraitError for another precision; after an error the figure is as it was.
    """

    _kind = traitlets.Unicode("step-size").tag(sync=True)
    step = Positive(1e-5).tag(sync=True)
    precision = traitlets.Enum(list(PRECISIONS), "float64").tag(sync=True)

    def __init__(
        self,
        f: Traceable,
        /,
        *,
        entry: Entry | None = None,
        step: float = 1e-5,
        precision: str = "float64",
        caption: str = "",
        **arrays: Any,
    ) -> None:
        super().__init__(f, arrays, entry, step=step, precision=precision, caption=caption)

    @property
    def differences(self) -> Differences:
        """The difference quotients at the current arrays, in the current precision."""
        return Differences(self._traced, self.params, self.entry, self.precision)

    @property
    def truth(self) -> float:
        """The gradient's entry by rules, rounded to the precision."""
        return self.differences.truth

    @property
    def estimates(self) -> dict[str, float]:
        """The estimate of each method at the current step."""
        return self.differences.estimates(self.step)

    @property
    def errors(self) -> dict[str, float]:
        """How far off each estimate is, as a share of the truth; absolute where that is 0."""
        found = self.differences
        return {m: found.error(estimate) for m, estimate in found.estimates(self.step).items()}

    @property
    def best(self) -> dict[str, float]:
        """The step at which each method errs least, of six in each decade from 1 to 1e-16."""
        found = self.differences
        return {method: found.best(errors) for method, errors in found.errors().items()}

    def picture(self) -> Figure:
        found = self.differences
        floor = found.eps / 4
        figure, axes = plot.axes_of_page(4.2)
        for method, errors in found.errors().items():
            colour, style, marker = LOOKS[method]
            shown = np.maximum(errors, floor)
            best = found.best(errors)
            name = f"{method}, best near h = {best:.0e}"
            axes.loglog(STEPS, shown, color=colour, linestyle=style, linewidth=1.75, label=name)
            if best in STEPS:
                height = shown[STEPS.index(best)]
                axes.plot(best, height, marker, color=colour, mfc="w", markersize=8)
        axes.axhline(floor, color=plot.GREY, linewidth=1, linestyle=":")
        axes.text(1, floor / 2, "exact", color=plot.GREY, ha="right", va="top")
        kind = "absolute" if found.absolute else "relative"
        axes.set(xlabel="step h", ylabel=f"{kind} error", ylim=(1e-18, 1e2))
        axes.margins(x=0.02)
        axes.set_title(self._words(found), loc="left", fontsize=12)
        axes.legend(frameon=False, fontsize=11)
        return figure

    def _words(self, found: Differences) -> str:
        return f"∂L/∂{written(self.entry)} = {found.truth:.6g}, {self.precision}"

    def __repr__(self) -> str:
        found = self.differences
        shape = Differences(self._traced, self.params, self.entry).shape()
        why = f"; no complex step: {found.refusal}" if found.refusal else ""
        what = f"; along it the loss is a {shape}" if shape else ""
        return f"StepSize({self._words(found)}, h = {self.step:.3g}{what}{why})"
