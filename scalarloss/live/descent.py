"""Descent: steps down a loss over two of its entries, and the rate at which they fly apart."""

from typing import Any

import numpy as np
import traitlets
from matplotlib.figure import Figure

from scalarloss import plot
from scalarloss.derivatives import Traceable, value_and_grad
from scalarloss.errors import NotScalarError, ShapeError
from scalarloss.live.function import (
    ArrayEntry,
    Entry,
    LossFigure,
    Positive,
    read_entry,
    write_entry,
    written,
)
from scalarloss.primitives import Array
from scalarloss.program import Program
from scalarloss.tracing import trace

MOST_ENTRIES = 1024  # that a list to choose from holds
MOST_STEPS = 60


class Direction(ArrayEntry):
    """An entry to move along, another one than the trait `opposite` holds."""

    def __init__(self, opposite: str) -> None:
        super().__init__()
        self.opposite = opposite

    def validate(self, obj: Any, value: Any) -> Entry:
        entry = super().validate(obj, value)
        if entry == obj._trait_values.get(self.opposite):
            raise ShapeError(f"{written(entry)} is taken: two directions need two entries.")
        return entry


class Descent(LossFigure):
    """Contours of the loss over two entries, and the path of gradient descent on them.

    `f` is a traceable function of the named `arrays` (or a Program) whose output has shape ().
    `entry` runs across and `other` up, each a name and an index; the first two entries if left out.
    All else stands still: a step moves these two against their part of the gradient, times the
    learning `rate`, `steps` times (60 at most), from where `params` stands. `rival` is another
    loss of the same arrays, whose gradient leads a second path, called `rival_name`; both paths
    are judged by `f`. Raises as LossResponse does, and ShapeError where the two entries are one.
    """

    _kind = traitlets.Unicode("descent").tag(sync=True)
    rival = traitlets.Dict(read_only=True).tag(sync=True)
    rival_name = traitlets.Unicode().tag(sync=True)
    entry = Direction("other").tag(sync=True, to_json=write_entry, from_json=read_entry)
    other = Direction("entry").tag(sync=True, to_json=write_entry, from_json=read_entry)
    rate = Positive(0.1).tag(sync=True)
    steps = traitlets.Int(20, min=0, max=MOST_STEPS).tag(sync=True)

    def __init__(
        self,
        f: Traceable,
        /,
        *,
        entry: Entry | None = None,
        other: Entry | None = None,
        rate: float = 0.1,
        steps: int = 20,
        rival: Traceable | None = None,
        rival_name: str = "rival",
        caption: str = "",
        **arrays: Any,
    ) -> None:
        self._rival: Program | None = None
        if rival is not None:
            self._rival = rival if isinstance(rival, Program) else trace(rival, **arrays)
            if self._rival.output_shape != ():
                raise NotScalarError(self._rival.output_shape)
            self.set_trait("rival", self._rival.to_dict())
        self._traced = f if isinstance(f, Program) else trace(f, **arrays)
        self._admit()
        across, up = (e and self._fit_entry(e) for e in (entry, other))
        across = across or next(e for e in self._entries() if e != up)
        up = up or next(e for e in self._entries() if e != across)
        state: dict[str, Any] = {"rate": rate, "steps": steps, "rival_name": rival_name}
        super().__init__(self._traced, arrays, across, other=up, caption=caption, **state)

    def _admit(self) -> None:
        super()._admit()
        count = len(self._entries())
        if not 2 <= count <= MOST_ENTRIES:
            raise ShapeError(
                f"the arrays hold {count} numbers: Descent needs two to move along, and lists "
                f"{MOST_ENTRIES} at most. Fix the other arrays inside the function."
            )
        if self._rival is not None and self._rival.inputs != self._traced.inputs:
            raise ShapeError(
                f"the rival takes {self._rival.inputs} and the loss {self._traced.inputs}: "
                "give both the same arrays."
            )

    def _entries(self) -> list[Entry]:
        shapes = self._traced.inputs.items()
        return [(name, index) for name, shape in shapes for index in np.ndindex(shape)]

    def _at(self, place: Array) -> dict[str, Array]:
        """The arrays with the two entries at `place`, shape (2,)."""
        arrays = {name: np.array(array) for name, array in self.params.items()}
        for (name, index), value in zip((self.entry, self.other), place, strict=True):
            arrays[name][index] = value
        return arrays

    def _slopes(self, program: Program, place: Array) -> Array:
        """The two entries of the gradient of `program` at `place`, shape (2,)."""
        gradient = value_and_grad(program, **self._at(place))[1]
        return np.array([gradient[name][index] for name, index in (self.entry, self.other)])

    def _descend(self, program: Program) -> Array:
        places = [np.array([self.params[name][index] for name, index in (self.entry, self.other)])]
        with np.errstate(all="ignore"):
            for _ in range(self.steps):
                places.append(places[-1] - self.rate * self._slopes(program, places[-1]))
        return np.array(places)

    @property
    def path(self) -> Array:
        """Where the two entries stand at the start and after each step, shape (steps + 1, 2)."""
        return self._descend(self._traced)

    @property
    def rival_path(self) -> Array | None:
        """The same, led by the rival's gradient; None where there is no rival."""
        return None if self._rival is None else self._descend(self._rival)

    def losses(self, path: Array) -> Array:
        """The loss at each place of a path, shape (steps + 1,)."""
        with np.errstate(all="ignore"):
            return np.array([float(self._traced(**self._at(place))) for place in path])

    @property
    def stable_rate(self) -> float | None:
        """The largest learning rate whose steps do not grow, 2 / λ, where λ is the largest
        curvature of the loss along the two entries. None unless the loss is quadratic in them, and
        curved upwards.

        Source: LeCun, Bottou, Orr & Müller, Efficient BackProp (1998), section 5.
        """
        start = self.path[0]
        here = self._slopes(self._traced, start)
        size = 1 + np.max(np.abs(start))
        rows = [(self._slopes(self._traced, start + size * e) - here) / size for e in np.eye(2)]
        curvature = np.array(rows)
        for far in ([-1.7, 0.6], [0.4, 2.3], [1.1, -1.3]):
            move = size * np.array(far)
            found = self._slopes(self._traced, start + move) - here
            if not np.allclose(
                found, curvature @ move, rtol=1e-9, atol=1e-9 * np.max(np.abs(found))
            ):
                return None
        largest = float(np.linalg.eigvalsh((curvature + curvature.T) / 2)[-1])
        return 2 / largest if largest > 1e-12 * (1 + np.max(np.abs(curvature))) else None

    def picture(self) -> Figure:
        path, rival = self.path, self.rival_path
        figure, axes = plot.axes_of_page(4.2)
        reach = max(1.0, 2 * float(np.max(np.abs(path[0]))))
        across, up = (np.linspace(p - reach, p + reach, 61) for p in path[0])
        with np.errstate(all="ignore"):
            heights = np.array([self.losses(np.stack([across, np.full(61, y)], 1)) for y in up])
        low, high = np.nanmin(heights), np.nanmax(heights)
        levels = low + (high - low) * (np.arange(1, 13) / 13) ** 2
        if high > low:
            axes.contour(across, up, heights, levels, colors=plot.BLUE, linewidths=0.8)
        axes.plot(*path.T, "o-", color=plot.ORANGE, markersize=4, label=f"rate {self.rate:.3g}")
        if rival is not None:
            axes.plot(*rival.T, "s--", color=plot.GREY, markersize=4, label=self.rival_name)
        axes.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
        axes.set(xlabel=written(self.entry), ylabel=written(self.other))
        axes.set_title(self._words(), loc="left", fontsize=12)
        axes.legend(frameon=False, fontsize=12)
        return figure

    def _words(self) -> str:
        losses = self.losses(self.path)
        return (
            f"{self.steps} steps at rate {self.rate:.3g}: loss {losses[0]:.4g} to {losses[-1]:.4g}"
        )

    def __repr__(self) -> str:
        return f"Descent({written(self.entry)} and {written(self.other)}, {self._words()})"
