"""Cotangent: a function of many outputs, and the vector v that chooses what its gradient is of."""

import math
from typing import Any

import numpy as np
import traitlets
from matplotlib.figure import Figure

from scalarloss import plot
from scalarloss.derivatives import Gradients, Traceable, jacobian, vjp
from scalarloss.errors import NonFiniteError, ShapeError
from scalarloss.live.function import Entry, FunctionFigure, written
from scalarloss.live.seeded import SEEDS, normal
from scalarloss.primitives import Array
from scalarloss.program import Program, array_from_dict, array_to_dict, float_array
from scalarloss.tracing import trace

MOST = 400  # entries of a Jacobian that is shown
NEARLY = 2**20 * float(np.finfo(float).eps)  # of the sizes summed: what a sum leaves of nothing


class OutputWeights(traitlets.TraitType[Array, Any]):
    """One finite float for each entry of the output."""

    def validate(self, obj: Any, value: Any) -> Array:
        weights = np.array(float_array("v", value))
        if weights.shape != obj._traced.output_shape:
            raise ShapeError(
                f"v has shape {weights.shape}, and the output has {obj._traced.output_shape}: "
                "pass one weight for each entry of the output."
            )
        if not np.isfinite(weights).all():
            raise NonFiniteError("v holds a NaN or an infinity: pass finite weights.")
        weights.flags.writeable = False  # an entry set in place would reach no page
        return weights


class Plane(traitlets.TraitType[tuple[int, int], Any]):
    """Two outputs, by their places in the flattened output."""

    def validate(self, obj: Any, value: Any) -> tuple[int, int]:
        size = math.prod(obj._traced.output_shape)
        try:
            first, second = value
            if all(type(i) is int and 0 <= i < size for i in (first, second)) and (
                first != second or size == 1
            ):
                return first, second
        except (TypeError, ValueError):
            pass
        raise ShapeError(
            f"the plane is {value!r:.60}: pass two different outputs by their places in the "
            f"flattened output, 0 to {size - 1}."
        )


class Cotangent(FunctionFigure):
    """The Jacobian of an output of any shape, the cotangent v on it, and vᵀJ.

    `f` is a traceable function of the named `arrays`, or a Program. `wrt` names the array whose
    entries are the Jacobian's columns, the first if left out; `entry` is the chosen one of them.
    `v` has the output's shape and is one-hot at its first entry if left out, 1 for a scalar.
    `plane` holds the two outputs, places in the flattened output, between which the page's dial
    turns v; `seed` is the one of `draw`. Raises ShapeError for a v, a name or an entry that does
    not fit and for a Jacobian of more than 400 entries, DtypeError for anything but real floats,
    NonFiniteError for a NaN or an infinity; after an error the figure is as it was.
    """

    _kind = traitlets.Unicode("cotangent").tag(sync=True)
    v = OutputWeights().tag(
        sync=True,
        to_json=lambda v, _: array_to_dict(v),
        from_json=lambda data, _: array_from_dict(data, "v"),
    )
    plane = Plane().tag(sync=True, to_json=lambda plane, _: list(plane))
    seed = traitlets.Int(0, min=0, max=SEEDS - 1).tag(sync=True)

    def __init__(
        self,
        f: Traceable,
        /,
        *,
        wrt: str | None = None,
        v: Any = None,
        plane: tuple[int, int] | None = None,
        seed: int = 0,
        caption: str = "",
        **arrays: Any,
    ) -> None:
        self._traced = f if isinstance(f, Program) else trace(f, **arrays)
        name = next(iter(self._traced.inputs)) if wrt is None else wrt
        entry = self._fit_entry((name, (0,) * len(self._traced.inputs.get(name, ()))))
        first = np.eye(self._size)[0].reshape(self._traced.output_shape)
        state: dict[str, Any] = {"seed": seed, "caption": caption}
        state["v"] = first if v is None else v
        state["plane"] = (0, min(1, self._size - 1)) if plane is None else plane
        super().__init__(self._traced, arrays, entry, **state)

    @property
    def _size(self) -> int:
        return math.prod(self._traced.output_shape)

    def _fit_entry(self, entry: Any) -> Entry:
        name, index = super()._fit_entry(entry)
        columns = math.prod(self._traced.inputs[name])
        if self._size * columns > MOST:
            raise ShapeError(
                f"the Jacobian by {name} has {self._size} x {columns} entries, and this figure "
                f"shows {MOST} at most: choose another array, or fix {name} inside the function."
            )
        return name, index

    @property
    def wrt(self) -> str:
        """The array whose entries are the columns: that of `entry`."""
        return self.entry[0]

    @wrt.setter
    def wrt(self, name: str) -> None:
        self.entry = (name, (0,) * len(self._traced.inputs.get(name, ())))

    @property
    def output(self) -> Array:
        """The output y at the current arrays."""
        return np.asarray(self._traced(**self.params))

    @property
    def jacobian(self) -> Array:
        """How each entry of the output moves with each entry of `wrt`: y.shape + wrt.shape."""
        return jacobian(self._traced, self.wrt, **self.params)[self.wrt]

    @property
    def vjp(self) -> Array:
        """vᵀJ, shaped like `wrt`: the gradient of the sum of v times the output."""
        return self.gradient[self.wrt]

    @property
    def gradient(self) -> Gradients:
        """vᵀJ for every array, by name, each shaped like its array."""
        return vjp(self._traced, **self.params)[1](self.v)

    @property
    def blind(self) -> bool:
        """Whether v sees nothing of what J does: J is not zero, and vᵀJ is all but zero, by 2²⁰
        roundings of the sizes that are summed."""
        rows, weights = self._rows(), self.v.reshape(-1, 1)
        with np.errstate(all="ignore"):
            sizes = np.sum(np.abs(weights * rows), axis=0)
            seen = np.abs(self.vjp.reshape(-1)) > NEARLY * sizes
        return bool(np.isfinite(rows).all() and np.any(rows) and np.any(weights) and not seen.any())

    def draw(self) -> None:
        """Make v a vector of standard normal numbers: those of `seed`, the same on the page."""
        self.v = normal(self.seed, self._size).reshape(self._traced.output_shape)

    def _rows(self) -> Array:
        return self.jacobian.reshape(self._size, -1)

    def picture(self) -> Figure:
        """The Jacobian as a heat map with numbers, v beside it and vᵀJ below."""
        rows, v, product = self._rows(), self.v.reshape(-1), self.vjp.reshape(-1)
        count, columns = rows.shape
        figure, axes = plot.axes_of_page(min(9.0, 1.3 + 0.42 * (count + 2)))
        most = max((abs(x) for x in rows.flat if np.isfinite(x)), default=0.0) or 1.0
        axes.imshow(rows, cmap="PuOr_r", vmin=-2 * most, vmax=2 * most, aspect="auto")
        size = 12 if columns <= 8 and count <= 12 else 6
        for (i, j), value in np.ndenumerate(rows):
            axes.text(
                j, i, f"{round(value, 2) + 0.0:+.2f}", ha="center", va="center", fontsize=size
            )
        for j, value in enumerate(product):
            text = f"{round(value, 2) + 0.0:+.2f}"
            axes.text(j, count, text, ha="center", va="center", color=plot.ORANGE, fontsize=size)
        name, shape = self.wrt, self._traced.inputs[self.wrt]
        places = [written((name, index)) for index in np.ndindex(shape)]
        outputs = [written(("y", index)) for index in np.ndindex(self._traced.output_shape)]
        names = [f"v = {w:.3g}   {y}" for w, y in zip(v, outputs, strict=True)]
        axes.set_yticks(range(count + 1), [*names, "vᵀJ"], fontsize=size)
        axes.set_xticks(range(columns), places, fontsize=size, rotation=0 if columns <= 6 else 90)
        axes.set_ylim(count + 0.5, -0.5)
        axes.axhline(count - 0.5, color="black", linewidth=1)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, top=True, bottom=False, labeltop=True, labelbottom=False)
        return figure

    def __repr__(self) -> str:
        product = "zero, and J is not" if self.blind else short(self.vjp)
        return f"Cotangent(v = {short(self.v)}, vᵀJ by {self.wrt} = {product})"


def short(array: Array) -> str:
    """At most eight numbers of an array, on one line, without a sign on zero."""
    words = [f"{x + 0.0:.3g}" for x in array.flat[:8]] + ["…"] * (array.size > 8)
    return f"({', '.join(words)})" if array.ndim else words[0]
