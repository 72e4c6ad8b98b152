"""LossResponse: move any entry of any array and see one number answer."""

from typing import Any

import traitlets
from matplotlib.figure import Figure

from scalarloss import plot
from scalarloss.derivatives import Traceable
from scalarloss.live.function import Entry, LossFigure, Positive


class LossResponse(LossFigure):
    """The loss along one entry, with its tangent, a secant, and the gradient of every array.

    `f` is a traceable function of the named `arrays` (or a Program) whose output has shape ().
    `entry` is a name and an index, ("W", (0, 1)); the first entry of the first array if left out.
    `rate` is the learning rate of a gradient step and `step` the finite difference's h, both
    positive. In a kernel the state is Python too: set `params` or `entry`, read `loss` and
    `gradient`. Raises NotScalarError for another output, ShapeError for a name, a shape or an
    entry that does not exist, DtypeError for anything but real floats, NonFiniteError for a NaN
    or an infinity; after an error the figure is as it was.
    """

    _kind = traitlets.Unicode("loss-response").tag(sync=True)
    rate = Positive(0.1).tag(sync=True)
    step = Positive(0.5).tag(sync=True)

    def __init__(
        self,
        f: Traceable,
        /,
        *,
        entry: Entry | None = None,
        rate: float = 0.1,
        step: float = 0.5,
        caption: str = "",
        **arrays: Any,
    ) -> None:
        super().__init__(f, arrays, entry, rate=rate, step=step, caption=caption)

    def take_step(self) -> None:
        """Move every array against its gradient by the learning rate."""
        gradient = self.gradient
        self.params = {n: a - self.rate * gradient[n] for n, a in self.params.items()}

    def picture(self) -> Figure:
        return plot.loss_response(self._traced, self.params, self.entry, self.step)

    def __repr__(self) -> str:
        arrays = ", ".join(f"{name}: {shape}" for name, shape in self._traced.inputs.items())
        return f"LossResponse(loss={self.loss:.6g}, {arrays})"
