"""ChainRule: a function's operations as a graph; values go forward, cotangents come back."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path

from scalarloss import plot
from scalarloss.derivatives import ONE, Gradients, Traceable, sweep
from scalarloss.errors import ProgramError, ShapeError
from scalarloss.live.function import Entry, LossFigure
from scalarloss.live.graph import Place, graph_of
from scalarloss.live.words import Words, words_of
from scalarloss.primitives import Array
from scalarloss.program import Program

MOST = 60  # nodes that an eye can follow


class Position(traitlets.Int[int, int]):
    """How far the reader has come: a step forward and one back for each operation."""

    def validate(self, obj: Any, value: Any) -> int:
        at = super().validate(obj, value)
        last = 2 * len(obj._traced.operations)
        if isinstance(value, bool) or not 0 <= at <= last:
            raise ShapeError(
                f"there is no step {value!r}: 0 is before the first operation, {last // 2} knows "
                f"the loss, and {last}, the last, knows every cotangent."
            )
        return int(at)


class ChainRule(LossFigure):
    """The traced program of a loss as a graph, worked forward and swept back step by step.

    `f` is a traceable function of the named `arrays` (or a Program) whose output has shape ().
    `entry` is a name and an index, ("W", (0, 1)); what depends on it is lit. With n operations,
    `at` runs from 0, where the inputs alone are known, by way of n, where the loss is, to 2n,
    where every cotangent is. In a kernel the state is Python too: set `params`, `entry` or `at`,
    read `loss`, `gradient`, `values` and `cotangents`. Raises NotScalarError for another output,
    ProgramError for more than 60 inputs and operations, ShapeError for a name, a shape, an entry
    or a step that does not exist, DtypeError for anything but real floats, NonFiniteError for a
    NaN or an infinity; after an error the figure is as it was.
    """

    _kind = traitlets.Unicode("chain-rule").tag(sync=True)
    at = Position(0).tag(sync=True)
    graph = traitlets.Dict(read_only=True).tag(sync=True)

    def __init__(
        self,
        f: Traceable,
        /,
        *,
        entry: Entry | None = None,
        at: int = 0,
        caption: str = "",
        **arrays: Any,
    ) -> None:
        super().__init__(f, arrays, entry, at=at, caption=caption)

    def _admit(self) -> None:
        super()._admit()
        nodes = len(self._traced.inputs) + len(self._traced.operations)
        if nodes > MOST:
            raise ProgramError(
                f"the program has {nodes} inputs and operations, and a graph of more than {MOST} "
                "cannot be read: show a smaller case of it, or its loss with LossResponse."
            )

    @traitlets.default("graph")
    def _default_graph(self) -> dict[str, Any]:
        program = self._traced
        graph = graph_of(program)
        operations = list(enumerate(program.operations, program.first_operation))
        return {
            "places": [graph.places.get(slot) for slot in range(len(program.shapes))],
            "bends": [
                [graph.bends.get((slot, i), []) for i in range(len(operation.args))]
                for slot, operation in operations
            ],
            "words": [
                [words.sign, words.formula, list(words.sends)]
                for words in (words_at(program, slot) for slot, _ in operations)
            ],
        }

    @property
    def values(self) -> Gradients:
        """Every value of the run at the current arrays, by its name in the trace: W, c0, v0."""
        return dict(zip(names_of(self._traced), self._traced.slots(self.params), strict=True))

    @property
    def cotangents(self) -> Gradients:
        """The derivative of the loss by each value that an input reaches it through, by name."""
        slots = self._traced.slots(self.params)
        names = names_of(self._traced)
        return {names[slot]: g for slot, g in cotangents_of(self._traced, slots).items()}

    def picture(self) -> Figure:
        return draw(self._traced, self.params, self.entry)

    def __repr__(self) -> str:
        name, index = self.entry
        label = f"{name}[{', '.join(map(str, index))}]" if index else name
        inputs = ", ".join(f"{name}: {shape}" for name, shape in self._traced.inputs.items())
        steps = ", ".join(operation.name for operation in self._traced.operations)
        slope = self.gradient[name][index]
        parts = inputs, steps, f"loss={self.loss:.6g}, dL/d{label}={slope:.6g}"
        return f"ChainRule({'; '.join(filter(None, parts))})"


def names_of(program: Program) -> list[str]:
    """The name of each slot, as the program prints it."""
    names = [*program.inputs, *(f"c{i}" for i in range(len(program.constants)))]
    return names + [f"v{i}" for i in range(len(program.operations))]


def words_at(program: Program, slot: int) -> Words:
    operation = program.operations[slot - program.first_operation]
    return words_of(operation, [program.shapes[a] for a in operation.args])


def cotangents_of(program: Program, slots: list[Array]) -> dict[int, Array]:
    """The cotangent of each slot between the inputs and the loss, by reverse sweep."""
    found: dict[int, Array] = {program.output: ONE}
    for slot, args, rules in sweep(program, tuple(program.inputs)):
        for a, rule in rules:
            if slot in found:
                part = rule(found[slot], slots[slot], *(slots[b] for b in args))
                found[a] = found[a] + part if a in found else part
    return {slot: np.broadcast_to(g, program.shapes[slot]) for slot, g in found.items()}


def moved_by(program: Program, arrays: Mapping[str, Array], entry: Entry) -> set[int]:
    """The slots that depend on one entry: a NaN put there spreads to them and to no other."""
    name, index = entry
    probe = np.array(arrays[name])
    probe[index] = np.nan
    with np.errstate(all="ignore"):
        slots = program.slots({**arrays, name: probe})
    found = {list(program.inputs).index(name)}
    for slot, operation in enumerate(program.operations, program.first_operation):
        if found.intersection(operation.args) and np.isnan(slots[slot]).any():
            found.add(slot)
    return found


# The still picture.

ROW, HALF = 0.82, 0.3  # inches between layers, and from a node's middle to its edges
WIDTH = 6.4


def draw(program: Program, arrays: Mapping[str, Array], entry: Entry) -> Figure:
    """Draw the graph after the whole sweep: values in blue, cotangents in orange behind a ∂."""
    graph = graph_of(program)
    with np.errstate(all="ignore"):
        slots = program.slots(arrays)
        cotangents = cotangents_of(program, slots)
    lit = moved_by(program, arrays, entry)
    layers, widest = graph.size
    apart = min(2.2, 0.8 * WIDTH / max(widest, 1.0))
    figure, axes = plot.axes_of_page(layers * ROW)
    axes.set(xlim=(-WIDTH / 2, WIDTH / 2), ylim=((0.5 - layers) * ROW, ROW / 2))
    axes.axis("off")

    def spot(place: Place) -> tuple[float, float]:
        return (place[1] - widest / 2) * apart, -place[0] * ROW

    for a, slot, bends in graph.edges(program):
        ends = [spot(place) for place in (graph.places[a], *bends, graph.places[slot])]
        draw_edge(axes, ends, strong=a in lit and slot in lit)
    for slot, place in graph.places.items():
        lines = [(sign_at(program, slot, slots), "black"), (summary(slots[slot]), plot.BLUE)]
        if slot in cotangents:
            lines.append((f"∂ {summary(cotangents[slot])}", plot.ORANGE))
        for i, (words, colour) in enumerate(lines):
            x, y = spot(place)
            size = 12 if i == 0 else 11
            axes.text(x, y + 0.18 * (1 - i), words, color=colour, fontsize=size, **MIDDLE)
    return figure


MIDDLE: dict[str, Any] = {"ha": "center", "va": "center"}


def draw_edge(axes: Axes, ends: Sequence[tuple[float, float]], strong: bool) -> None:
    """A line downwards from node to node, upright where it leaves, bends and arrives."""
    ends = [(ends[0][0], ends[0][1] - HALF), *ends[1:-1], (ends[-1][0], ends[-1][1] + HALF)]
    points, codes = [ends[0]], [Path.MOVETO]
    for (x, y), (to_x, to_y) in pairwise(ends):
        middle = (y + to_y) / 2
        points += [(x, middle), (to_x, middle), (to_x, to_y)]
        codes += [Path.CURVE4] * 3
    colour, width = ("black", 1.8) if strong else (plot.GREY, 0.8)
    line = Path(points, codes)
    arrow = FancyArrowPatch(path=line, arrowstyle="-|>", mutation_scale=9, color=colour, lw=width)
    axes.add_patch(arrow)


def sign_at(program: Program, slot: int, slots: Sequence[Array]) -> str:
    """An input's name; an operation's sign, or its formula with constants in it and a · for the
    values that come along an edge."""
    if slot < program.first_operation:
        return names_of(program)[slot]
    args = program.operations[slot - program.first_operation].args
    words = words_at(program, slot)
    first, last = len(program.inputs), program.first_operation
    if not any(first <= a < last for a in args):
        return words.sign
    return words.formula.format(*(summary(slots[a]) if first <= a < last else "·" for a in args))


def summary(array: Array) -> str:
    """A number, a short row of numbers, or a shape."""
    array = array + 0.0  # without the sign of a zero
    if array.ndim == 0:
        return f"{array:.4g}".replace("-", "−")
    if array.ndim == 1 and array.size <= 3:
        return f"[{', '.join(f'{x:.3g}' for x in array)}]".replace("-", "−")
    return f"({', '.join(map(str, array.shape))}{',' * (array.ndim == 1)})"
