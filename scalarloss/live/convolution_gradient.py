"""ConvolutionGradient: each output of a convolution sends its share back, one at a time."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from scalarloss import plot
from scalarloss.derivatives import Gradients, grad
from scalarloss.errors import ShapeError
from scalarloss.layers import conv2d, conv2d_backward
from scalarloss.live.function import Entry, LossFigure
from scalarloss.primitives import Array
from scalarloss.program import float_array
from scalarloss.tracing import trace

MOST = 8  # rows or columns of a picture that is shown whole


class Count(traitlets.Int[int, int]):
    """How many outputs are counted: none to all."""

    def validate(self, obj: Any, value: Any) -> int:
        seen, most = super().validate(obj, value), math.prod(obj._places)
        if isinstance(value, bool) or not 0 <= seen <= most:
            raise ShapeError(f"seen is {value!r}: there are {most} outputs, pass 0 to {most}.")
        return int(seen)


class Output(traitlets.TraitType[tuple[int, ...] | None, Any]):
    """The index of an output, or None."""

    def validate(self, obj: Any, value: Any) -> tuple[int, ...] | None:
        if value is None:
            return None
        places = obj._places
        if (
            isinstance(value, list | tuple)
            and len(value) == len(places)
            and all(type(i) is int and 0 <= i < n for i, n in zip(value, places, strict=True))
        ):
            return tuple(value)
        raise ShapeError(f"there is no output {value!r:.60}: pass an index of y {places}, or None.")


class ConvolutionGradient(LossFigure):
    """A picture x, a filter w and a bias b, and how their gradients build up output by output.

    The outputs are y = conv2d(x, w, b), y[i, j] = Σ w[a, c] x[i + a, j + c] + b, for x of shape
    (H, W) with at most 8 rows and columns, w of shape (kh, kw) and b of shape (); or one row of it,
    x (n,) and w (k,). `loss` is any traceable function of y whose output has shape (). `seen`
    counts the outputs, row by row, whose shares are in the gradients shown; `pixel` is the index of
    the output looked at, and None looks at the last one counted. `entry` and the errors are those
    of LossResponse; ShapeError also for a picture too large or too small for the filter.
    """

    _kind = traitlets.Unicode("convolution-gradient").tag(sync=True)
    tail = traitlets.Dict(read_only=True).tag(sync=True)
    seen = Count(0).tag(sync=True)
    pixel = Output(None, allow_none=True).tag(
        sync=True, to_json=lambda pixel, _: None if pixel is None else list(pixel)
    )

    def __init__(
        self,
        loss: Callable[..., Any],
        /,
        *,
        x: Any,
        w: Any,
        b: Any = 0.0,
        seen: int = 0,
        pixel: tuple[int, ...] | None = None,
        entry: Entry | None = None,
        caption: str = "",
    ) -> None:
        arrays = {name: float_array(name, a) for name, a in {"x": x, "w": w, "b": b}.items()}
        high, wide = arrays["x"].shape, arrays["w"].shape
        fits = len(high) == len(wide) in (1, 2) and all(
            0 < n <= m <= MOST for n, m in zip(wide, high, strict=True)
        )
        if not fits or arrays["b"].shape:
            raise ShapeError(
                f"x has shape {high}, w {wide} and b {arrays['b'].shape}: pass a picture of at "
                f"most {MOST} by {MOST}, or one row, a filter that fits into it, and one number."
            )
        y = conv(**arrays)
        self._places = y.shape
        self._tail = trace(lambda y: loss(y), y=y)
        self.set_trait("tail", self._tail.to_dict())
        program = trace(lambda x, w, b: loss(conv(x, w, b)), **arrays)
        super().__init__(program, arrays, entry, seen=seen, pixel=pixel, caption=caption)

    @property
    def output(self) -> Array:
        """y, shape (H - kh + 1, W - kw + 1)."""
        return np.asarray(conv(**self.params))

    @property
    def cotangent(self) -> Array:
        """g = ∂L/∂y, shaped like y."""
        return grad(self._tail, y=self.output)["y"]

    @property
    def so_far(self) -> Gradients:
        """The gradients as the first `seen` outputs make them, by name."""
        g = self.cotangent
        g.flat[self.seen :] = 0.0
        return conv_backward(g, **self.params)

    @property
    def pairings(self) -> tuple[float, float]:
        """⟨g, conv(x, w)⟩ and ⟨convᵀ(g, w), x⟩, without the bias: always equal."""
        x, w, g = self.params["x"], self.params["w"], self.cotangent
        none = np.zeros(())
        forward, back = np.sum(g * conv(x, w, none)), conv_backward(g, x, w, none)["x"]
        return float(forward), float(np.sum(back * x))

    def picture(self) -> Figure:
        with np.errstate(all="ignore"):
            return draw(self)

    def __repr__(self) -> str:
        return (
            f"ConvolutionGradient(loss={self.loss:.6g}, {self.seen} of {math.prod(self._places)} "
            f"outputs counted, ∂L/∂b = {float(self.so_far['b']):.6g} so far)"
        )


def conv(x: Any, w: Any, b: Any) -> Any:
    """conv2d, and for a signal x (n,) and a filter w (k,) the same of one row."""
    if len(x.shape) == 2:
        return conv2d(x, w, b)
    return conv2d(x.reshape(1, -1), w.reshape(1, -1), b).reshape(-1)


def conv_backward(g: Array, x: Array, w: Array, b: Array) -> Gradients:
    """The gradients of `conv` by name, each shaped like its array; g as the output."""
    found = conv2d_backward(np.atleast_2d(g), np.atleast_2d(x), np.atleast_2d(w), b)
    shapes = {"x": x.shape, "w": w.shape, "b": b.shape}
    return {name: a.reshape(shapes[name]) for name, a in zip(shapes, found, strict=True)}


# The still picture: arrays above, their gradients below.

WIDTH, CELL, GAP = 6.2, 0.5, 0.8  # inches; inches of the largest cell; cells between two arrays


def draw(figure: ConvolutionGradient) -> Figure:
    """Draw the arrays above and their gradients so far below, the window of the output framed."""
    gradients, y = figure.so_far, figure.output
    above = {**figure.params, "y": y}
    below = [*gradients.values(), figure.cotangent]
    place = figure.pixel or np.unravel_index(max(0, figure.seen - 1), y.shape)
    i, j = (0, *map(int, place))[-2:]
    frames = {"x": np.atleast_2d(above["w"]).shape, "y": (1, 1)}
    columns = [np.atleast_2d(array).shape[1] for array in above.values()]
    down = np.atleast_2d(above["x"]).shape[0] + 1.0
    cell = min(CELL, WIDTH / (sum(columns) + 3 * GAP))
    drawn, axes = plot.axes_of_page((2 * down + 0.9) * cell + 0.5)
    axes.set(xlim=(0, WIDTH / cell), ylim=(2 * down, -0.9), aspect="equal")
    axes.axis("off")
    left = 0.0
    for (name, array), gradient, wide in zip(above.items(), below, columns, strict=True):
        slope = f"{'g = ' * (name == 'y')}∂L/∂{name}"
        for title, shown, top in ((name, array, 0.0), (slope, gradient, down)):
            draw_cells(axes, title, np.atleast_2d(shown), left, top, cell)
            if name in frames:
                size = frames[name][::-1]
                axes.add_patch(Rectangle((left + j, top + i), *size, fill=False, lw=2.5))
        left += wide + GAP
    words = f"loss {figure.loss:.4g}, {figure.seen} of {y.size} outputs counted"
    axes.set_title(words.replace("-", "−"), loc="left", fontsize=12)
    return drawn


def draw_cells(axes: Axes, name: str, array: Array, left: float, top: float, cell: float) -> None:
    """An array as pixels with their numbers, orange above 0 and violet below."""
    rows, columns = array.shape
    sizes = np.abs(array[np.isfinite(array)])
    deepest = 2 * float(np.max(sizes, initial=0.0)) or 1.0
    extent = (left, left + columns, top + rows, top)
    axes.imshow(array, cmap="PuOr_r", vmin=-deepest, vmax=deepest, extent=extent, origin="upper")
    axes.add_patch(Rectangle((left, top), columns, rows, fill=False, lw=0.8, ec=plot.GREY))
    for (i, j), value in np.ndenumerate(array):
        place = left + j + 0.5, top + i + 0.5
        axes.text(*place, short(value), ha="center", va="center", fontsize=min(11, 21 * cell))
    axes.text(left, top - 0.1, name, ha="left", va="bottom", fontsize=min(12, 30 * cell))


def short(value: float) -> str:
    """Two decimals at most; a large number in three digits."""
    text = f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < 1000 else f"{value:.2e}"
    return "0" if text in ("-0", "0") else text.replace("-", "−")
