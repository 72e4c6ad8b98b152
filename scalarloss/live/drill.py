"""Drill: new numbers at a press, a gradient to work out, and a page that knows what went wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets
from matplotlib.figure import Figure

from scalarloss import plot
from scalarloss.derivatives import Traceable, value_and_grad
from scalarloss.errors import NonFiniteError, ShapeError
from scalarloss.live.function import LossFigure
from scalarloss.live.seeded import SEEDS, uniforms
from scalarloss.marking import close, kind_of_mistake, read_number, turned
from scalarloss.primitives import Array
from scalarloss.program import Program
from scalarloss.tracing import trace

MOST = 36  # entries that a reader is asked to type
MOST_DRAWN = 1000  # numbers that an entry is drawn from
TRIES = 64  # sheets of numbers that are drawn for a seed, until one hides no mistake


class Drill(LossFigure):
    """A sheet of small whole numbers, and the gradient of `f` by the array `wrt` to be typed.

    `f` is a traceable function of the named `arrays`, or a Program, with an output of shape ().
    `draw` says which arrays get new numbers from each `seed`: {name: (lowest, highest)} for whole
    numbers between, {name: [1, 2, 4]} for these; if it is left out all do, from -3 to 3. `mistakes`
    names wrong ways by functions of the same arrays that give what each leads to, in the shape of
    `wrt`. On a built page `?seed=7` in the address sets the seed of its drills. `typed` holds what
    was typed, a text for each entry in order. Raises ShapeError for a name or a shape that does not
    fit, for more than 36 entries to type and for nothing to draw from, NonFiniteError if no sheet
    has a finite loss and gradient, and otherwise as LossResponse does.
    """

    _kind = traitlets.Unicode("drill").tag(sync=True)
    wrt = traitlets.Unicode(read_only=True).tag(sync=True)
    question = traitlets.Unicode().tag(sync=True)
    choices = traitlets.Dict(read_only=True).tag(sync=True)
    mistakes = traitlets.Dict(read_only=True).tag(sync=True)
    seed = traitlets.Int(1, min=0, max=SEEDS - 1).tag(sync=True)
    typed = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self,
        f: Traceable,
        /,
        wrt: str,
        *,
        draw: Mapping[str, Sequence[float]] | None = None,
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
        if draw is None:
            draw = {name: (-3, 3) for name in inputs}
        choices = {name: _choices(name, given, inputs) for name, given in draw.items()}
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
        self.set_trait("choices", choices)
        self.set_trait("mistakes", {name: way.to_dict() for name, way in self._mistakes.items()})
        place = (wrt, (0,) * len(inputs[wrt]))
        state: dict[str, Any] = {"question": question, "seed": seed, "typed": [""] * count}
        super().__init__(self._traced, arrays, place, caption=caption, **state)
        self._new_numbers()
        if self._sheet() is None:
            raise NonFiniteError(
                f"none of {TRIES} sheets has a finite loss and gradient: draw from numbers where "
                "the function has both."
            )

    @traitlets.observe("seed")
    def _new_numbers(self, _change: Any = None) -> None:
        if "params" not in self._trait_values:
            return
        self.params = self._sheet() or self.initial
        self.typed = [""] * len(self.typed)

    @traitlets.validate("typed")
    def _each_entry(self, proposal: dict[str, Any]) -> list[str]:
        texts = list(proposal["value"])
        count = int(np.prod(self._traced.inputs[self.wrt]))
        if len(texts) != count:
            raise ShapeError(f"typed has {len(texts)} texts: give one for each of {count} entries.")
        return texts

    def _sheet(self) -> dict[str, Array] | None:
        """The first sheet of the seed that hides fewest mistakes; None if none can be worked."""
        draw = uniforms(self.seed)
        best, fewest = None, np.inf
        for _ in range(TRIES):
            arrays = {
                name: np.array([pick[int(next(draw) * len(pick))] for _ in start.flat], float)
                if (pick := self.choices.get(name))
                else start
                for name, start in self.initial.items()
            }
            sheet = {
                name: array.reshape(self.initial[name].shape) for name, array in arrays.items()
            }
            if (hidden := self._hidden_at(sheet)) < fewest:
                best, fewest = sheet, hidden
            if not hidden:
                break
        return best

    @np.errstate(all="ignore")
    def _hidden_at(self, arrays: Mapping[str, Array]) -> float:
        """How many kinds of mistake lead to the right answer, where they would go unseen."""
        loss, gradient = value_and_grad(self._traced, **arrays)
        right = gradient[self.wrt]
        if not np.isfinite([loss, *right.flat]).all():
            return np.inf
        others = [*self._known_at(arrays).values(), *turned(right).values(), -right, 0 * right]
        return sum(bool(close(other, right).all()) for other in others)

    @np.errstate(all="ignore")
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
        sizes = sorted({n for shape in self._traced.inputs.values() for n in shape if n > 1})
        return kind_of_mistake(self.answer, self.gradient[self.wrt], known, sizes)

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


def _choices(name: str, given: Sequence[float], inputs: Mapping[str, Any]) -> list[float]:
    """The numbers that an array is drawn from: a list as it stands, a pair from low to high."""
    numbers: Sequence[float] = given
    if isinstance(given, tuple):
        whole = len(given) == 2 and all(float(n).is_integer() for n in given)
        numbers = range(int(given[0]), int(given[1]) + 1) if whole else ()
    fits = 2 <= len(numbers) <= MOST_DRAWN and np.isfinite(numbers).all()
    if name not in inputs or not fits:
        raise ShapeError(
            f"draw has {name!r:.60}: {given!r:.60}. Name an array of the function, and two whole "
            f"numbers (low, high) or a list of 2 to {MOST_DRAWN} numbers."
        )
    return [float(number) for number in numbers]
