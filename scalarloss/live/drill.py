"""Drill: new numbers at a press, a gradient to work out, and a page that knows what went wrong."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets
from matplotlib.figure import Figure

from scalarloss import plot
from scalarloss.derivatives import Traceable, grad
from scalarloss.errors import ShapeError
from scalarloss.live.function import LossFigure
from scalarloss.live.seeded import SEEDS, uniforms
from scalarloss.marking import close, kind_of_mistake, read_number, turned
from scalarloss.primitives import Array
from scalarloss.program import Program
from scalarloss.tracing import trace

MOST = 36  # entries that a reader is asked to type
TRIES = 64  # sheets of numbers that are drawn for a seed, until one is fair


class Drill(LossFigure):
    """A sheet of small whole numbers, and the gradient of `f` by the array `wrt` to be typed.

    `f` is a traceable function of the named `arrays`, or a Program, with an output of shape ().
    `draw` says which arrays get new numbers from each `seed`, as {name: (lowest, highest)}; if it
    is left out all do, from -3 to 3. `mistakes` names wrong ways by functions of the same arrays
    that give what each leads to, in the shape of `wrt`. On a built page `?seed=7` in the address
    sets the seed of its drills. `typed` holds what was typed, a text for each entry in order.
    Raises ShapeError for a name or a shape that does not fit, for more than 36 entries to type and
    for an empty range, and otherwise as LossResponse does.
    """

    _kind = traitlets.Unicode("drill").tag(sync=True)
    wrt = traitlets.Unicode(read_only=True).tag(sync=True)
    question = traitlets.Unicode().tag(sync=True)
    ranges = traitlets.Dict(read_only=True).tag(sync=True)
    mistakes = traitlets.Dict(read_only=True).tag(sync=True)
    seed = traitlets.Int(1, min=0, max=SEEDS - 1).tag(sync=True)
    typed = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self,
        f: Traceable,
        /,
        wrt: str,
        *,
        draw: Mapping[str, tuple[int, int]] | None = None,
        mistakes: Mapping[str, Traceable] | None = None,
        question: str = "",
        seed: int = 1,
        caption: str = "",
        **arrays: Any,
    ) -> None:
        self._traced = f if isinstance(f, Program) else trace(f, **arrays)
        inputs = self._traced.inputs
        if wrt not in inputs or not 1 <= (count := int(np.prod(inputs[wrt]))) <= MOST:
            raise ShapeError(
                f"wrt is {wrt!r:.60}: name one of {', '.join(inputs)} with 1 to {MOST} entries."
            )
        ranges = {name: (-3, 3) for name in inputs} if draw is None else dict(draw)
        for name, (low, high) in ranges.items():
            if name not in inputs or not int(low) == low < high == int(high):
                raise ShapeError(
                    f"draw has {name!r:.60} from {low} to {high}: name an array of the function "
                    "and two whole numbers, the lower first."
                )
        self._mistakes = {
            name: way if isinstance(way, Program) else trace(way, **arrays)
            for name, way in (mistakes or {}).items()
        }
        for name, way in self._mistakes.items():
            if way.output_shape != inputs[wrt] or way.inputs != inputs:
                raise ShapeError(
                    f"the mistake {name!r:.60} gives shape {way.output_shape}, and {wrt} has "
                    f"{inputs[wrt]}: give what the reader would type."
                )
        self.set_trait("wrt", wrt)
        self.set_trait(
            "ranges", {name: [int(low), int(high)] for name, (low, high) in ranges.items()}
        )
        self.set_trait("mistakes", {name: way.to_dict() for name, way in self._mistakes.items()})
        place = (wrt, (0,) * len(inputs[wrt]))
        state: dict[str, Any] = {"question": question, "seed": seed, "typed": [""] * count}
        super().__init__(self._traced, arrays, place, caption=caption, **state)
        self._new_numbers()

    @traitlets.observe("seed")
    def _new_numbers(self, _change: Any = None) -> None:
        if "params" not in self._trait_values:
            return
        self.params = self._sheet()
        self.typed = [""] * len(self.typed)

    @traitlets.validate("typed")
    def _each_entry(self, proposal: dict[str, Any]) -> list[str]:
        texts = list(proposal["value"])
        count = int(np.prod(self._traced.inputs[self.wrt]))
        if len(texts) != count:
            raise ShapeError(f"typed has {len(texts)} texts: give one for each of {count} entries.")
        return texts

    def _sheet(self) -> dict[str, Array]:
        """The numbers of the seed: the first sheet drawn from it that hides no mistake."""
        draw = uniforms(self.seed)
        arrays = {name: np.array(array) for name, array in self.initial.items()}
        for _ in range(TRIES):
            for name in self._traced.inputs:
                if name in self.ranges:
                    low, high = self.ranges[name]
                    for place in range(arrays[name].size):
                        arrays[name].flat[place] = low + int(next(draw) * (high - low + 1))
            if self._is_fair(arrays):
                break
        return arrays

    def _is_fair(self, arrays: Mapping[str, Array]) -> bool:
        right = self._gradient_at(arrays)
        others = [*self._known_at(arrays).values(), *turned(right).values(), -right, 0 * right]
        return bool(np.isfinite(right).all()) and all(not close(o, right).all() for o in others)

    def _gradient_at(self, arrays: Mapping[str, Array]) -> Array:
        return grad(self._traced, self.wrt, **arrays)[self.wrt]

    def _known_at(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: np.asarray(way(**arrays)) for name, way in self._mistakes.items()}

    @property
    def answer(self) -> Array:
        """What was typed, in the shape of `wrt`; NaN where there is no number yet."""
        numbers = [read_number(text) for text in self.typed]
        found = [np.nan if number is None else number for number in numbers]
        return np.array(found).reshape(self._traced.inputs[self.wrt])

    @answer.setter
    def answer(self, numbers: Any) -> None:
        given = np.asarray(numbers, float)
        if given.shape != self._traced.inputs[self.wrt]:
            raise ShapeError(
                f"the answer has shape {given.shape}, and {self.wrt} has "
                f"{self._traced.inputs[self.wrt]}: give one number for each entry."
            )
        self.typed = ["" if np.isnan(x) else repr(float(x)) for x in given.flat]

    @property
    def right(self) -> bool:
        """Whether every entry is right."""
        return bool(close(self.answer, self.gradient[self.wrt]).all())

    @property
    def mistake(self) -> str:
        """The kind of mistake that the answer shows, once every entry has a number; else ""."""
        if np.isnan(self.answer).any():
            return ""
        known = self._known_at(self.params)
        return kind_of_mistake(self.answer, self.gradient[self.wrt], known)

    def picture(self) -> Figure:
        figure, axes = plot.axes_of_page(3.2)
        axes.set_axis_off()
        lines = [
            f"{name} = {np.array2string(array, precision=3)}" for name, array in self.params.items()
        ]
        words = "\n".join([*lines, "", f"∂L/∂{self.wrt} = ?"])
        axes.text(0, 1, words, va="top", family="monospace", fontsize=11)
        return figure

    def __repr__(self) -> str:
        shape = self._traced.inputs[self.wrt]
        return f"Drill(work out the gradient by {self.wrt}, shape {shape}, sheet {self.seed})"
