"""ConvolutionGradient: each output of a convolution sends its share back, one at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import traitlets
from matplotlib.figure import Figure

from scalarloss import plot
from scalarloss.derivatives import Gradients, grad
from scalarloss.errors import ShapeError
from scalarloss.layers import conv2d, conv2d_backward
from scalarloss.live.function import Entry, LossFigure
from scalarloss.primitives import Array
from scalarloss.program import float_array
from scalarloss.tracing import trace

MOST = 8  # rows or columns of a picture that is shown whole


class ConvolutionGradient(LossFigure):
    """A picture x, a filter w and a bias b, and how their gradients build up output by output.

    The outputs are y = conv2d(x, w, b), y[i, j] = Σ w[a, c] x[i + a, j + c] + b, for x of shape
    (H, W) with at most 8 rows and columns, w of shape (kh, kw) and b of shape (). `loss` is any
    traceable function of y whose output has shape (). `seen` counts the outputs, row by row, whose
    shares are in the gradients shown. `entry` and the errors are those of LossResponse; ShapeError
    also for a picture too large or too small for the filter.
    """

    _kind = traitlets.Unicode("convolution-gradient").tag(sync=True)
    tail = traitlets.Dict(read_only=True).tag(sync=True)
    seen = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        loss: Callable[..., Any],
        /,
        *,
        x: Any,
        w: Any,
        b: Any = 0.0,
        seen: int = 0,
        entry: Entry | None = None,
        caption: str = "",
    ) -> None:
        arrays = {name: float_array(name, a) for name, a in {"x": x, "w": w, "b": b}.items()}
        shapes = {name: array.shape for name, array in arrays.items()}
        (rows, columns), (high, wide) = (
            shape if len(shape := shapes[name]) == 2 else (0, 0) for name in "xw"
        )
        if not (0 < high <= rows <= MOST and 0 < wide <= columns <= MOST and shapes["b"] == ()):
            raise ShapeError(
                f"x has shape {shapes['x']}, w {shapes['w']} and b {shapes['b']}: pass a picture "
                f"of at most {MOST} by {MOST}, a filter that fits into it, and one number."
            )
        self._tail = trace(lambda y: loss(y), y=conv2d(**arrays))
        self.set_trait("tail", self._tail.to_dict())
        program = trace(lambda x, w, b: loss(conv2d(x, w, b)), **arrays)
        super().__init__(program, arrays, entry, seen=seen, caption=caption)

    @traitlets.validate("seen")
    def _count(self, proposal: dict[str, Any]) -> int:
        seen, most = int(proposal["value"]), self.output.size
        if not 0 <= seen <= most:
            raise ShapeError(f"seen is {seen}: there are {most} outputs, pass 0 to {most}.")
        return seen

    @property
    def output(self) -> Array:
        """y, shape (H - kh + 1, W - kw + 1)."""
        return np.asarray(conv2d(**self.params))

    @property
    def cotangent(self) -> Array:
        """g = ∂L/∂y, shaped like y."""
        return grad(self._tail, y=self.output)["y"]

    @property
    def so_far(self) -> Gradients:
        """The gradients as the first `seen` outputs make them, by name."""
        g = self.cotangent
        g.flat[self.seen :] = 0.0
        return dict(zip("xwb", conv2d_backward(g, **self.params), strict=True))

    @property
    def pairings(self) -> tuple[float, float]:
        """⟨g, conv(x, w)⟩ and ⟨convᵀ(g, w), x⟩, without the bias: always equal."""
        x, w, g = self.params["x"], self.params["w"], self.cotangent
        none = np.zeros(())
        forward = np.sum(g * conv2d(x, w, none))
        return float(forward), float(np.sum(conv2d_backward(g, x, w, none)[0] * x))

    def picture(self) -> Figure:
        gradients = self.so_far
        shown = {
            "x": self.params["x"], "w": self.params["w"], "y": self.output,
            "∂L/∂x": gradients["x"], "∂L/∂w": gradients["w"], "g = ∂L/∂y": self.cotangent,
        }  # fmt: skip
        figure, _ = plot.axes_of_page(4.6)
        figure.clear()
        for axes, (name, array) in zip(figure.subplots(2, 3).flat, shown.items(), strict=True):
            deepest = float(np.max(np.abs(array))) or 1.0
            axes.imshow(array, cmap="PuOr_r", vmin=-2 * deepest, vmax=2 * deepest)
            for (i, j), value in np.ndenumerate(array):
                axes.text(j, i, f"{value:.3g}", ha="center", va="center", fontsize=10)
            axes.set_title(name, fontsize=12)
            axes.set(xticks=[], yticks=[])
        return figure

    def __repr__(self) -> str:
        high, wide = self.output.shape
        return (
            f"ConvolutionGradient(loss={self.loss:.6g}, {self.seen} of {high * wide} outputs "
            f"counted, ∂L/∂b = {float(self.so_far['b']):.6g} so far)"
        )
