"""Training: a network learns the digits, in the page, by the right gradient or a published one."""

import json
import math
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import traitlets
from matplotlib.figure import Figure
from numpy.typing import NDArray

from scalarloss import plot
from scalarloss.data import DARKEST, split
from scalarloss.derivatives import Traceable, vjp
from scalarloss.errors import ShapeError
from scalarloss.layers import cross_entropy, cross_entropy_backward, softmax, softmax_backward
from scalarloss.live.base import LiveFigure
from scalarloss.live.function import Positive
from scalarloss.live.seeded import SEEDS, normal
from scalarloss.primitives import Array, Shape
from scalarloss.program import Program
from scalarloss.tracing import trace

CLASSES = 10
MOST_STEPS = 5000
MOST_WEIGHTS = 20_000
DRAWN = 120  # steps of each gradient in the picture of a figure that has not learned yet

Weights: TypeAlias = dict[str, Array]


class Run(NamedTuple):
    """`steps` in a row at one learning rate, with the Jacobian of softmax once, or `twice`."""

    twice: bool
    rate: float
    steps: int


class Learner:
    """Gradient descent on the digits to learn from, batch after batch, from seeded weights."""

    def __init__(self, program: Program, seed: int) -> None:
        (_, inside), *shapes = program.inputs.items()
        self.program, self.batch = program, inside[0]
        self.data = split()
        draw = normal(seed, sum(math.prod(shape) for _, shape in shapes))
        self.weights: Weights = {}
        for name, shape in shapes:
            mine, draw = np.split(draw, [math.prod(shape)])
            spread = math.sqrt(2 / math.prod(shape[1:])) if len(shape) > 1 else 0.0
            self.weights[name] = spread * mine.reshape(shape)
        self.losses: list[float] = []
        self.taken: list[tuple[bool, float]] = []

    def step(self, twice: bool, rate: float) -> None:
        """Move every weight against its gradient of the next batch's mean cross-entropy.

        With `twice` the cotangent of the logits, p − t, goes through softmax's Jacobian once more.
        """
        rows = self._rows(len(self.losses), len(self.data.labels))
        x, t = self.data.images[rows], self.data.labels[rows]
        z, pullback = vjp(self.program, *self.weights, x=x, **self.weights)
        self.losses.append(float(cross_entropy(z, t, "mean")))
        g = cross_entropy_backward(z, t, "mean")
        if twice:
            g = softmax_backward(g, softmax(z))
        for name, slope in pullback(g).items():
            self.weights[name] = self.weights[name] - rate * slope
        self.taken.append((twice, rate))

    def right(self) -> NDArray[np.int_]:
        """How many of the held-out digits are named right, by digit, shape (10,)."""
        images, labels = self.data.held_images, self.data.held_labels
        batches = range(math.ceil(len(labels) / self.batch))
        rows = [self._rows(k, len(labels)) for k in batches]
        logits = [self.program(x=images[r], **self.weights) for r in rows]
        named = np.concatenate(logits).argmax(axis=1)[: len(labels)]
        return np.bincount(labels[named == labels], minlength=CLASSES)

    def _rows(self, number: int, count: int) -> NDArray[np.int_]:
        """The places of batch `number` among `count` digits, which come round again and again."""
        return (np.arange(self.batch) + number * self.batch) % count


class Runs(traitlets.TraitType[list[Run], Any]):
    """A list of runs, at most MOST_STEPS steps in all; anything else is refused as it comes in."""

    def validate(self, obj: Any, value: Any) -> list[Run]:
        try:
            runs = [Run(bool(twice), float(rate), int(steps)) for twice, rate, steps in value]
            fits = all(0 < run.rate < math.inf and run.steps > 0 for run in runs)
        except (TypeError, ValueError):
            fits = False
        if not fits or sum(run.steps for run in runs) > MOST_STEPS:
            raise ShapeError(
                f"done is {value!r:.60}: give a list of (twice, rate, steps), with positive rates "
                f"and {MOST_STEPS} steps at most."
            )
        return runs


def write_runs(runs: Iterable[Run], _widget: Any) -> list[list[Any]]:
    return [list(run) for run in runs]


class Training(LiveFigure):
    """A network that learns the digits when its reader presses Train, and what it has learned.

    `network` is a traceable function of `x`, a batch of images (batch, 8, 8), and of arrays of the
    given `shapes` (or a Program of these), with an output of shape (batch, 10), the logits. Each
    array with more than one axis starts normal with variance 2 / fan-in, from the `seed`; others
    start at 0. A step is one of plain gradient descent at the learning `rate` on the next batch of
    `scalarloss.data.split`, and `twice` sends it through softmax's Jacobian once more than is
    right. `done` lists the runs of steps since the start: all that has been learned follows from
    them. Raises ShapeError for an output of another shape, for no array or too many weights;
    NonFiniteError for a rate that is not positive.

    Source of the start: He, Zhang, Ren and Sun (2015), Delving deep into rectifiers, section 2.2.
    """

    _kind = traitlets.Unicode("training").tag(sync=True)
    program = traitlets.Dict(read_only=True).tag(sync=True)
    source = traitlets.Unicode().tag(sync=True)  # where a built page finds the digits
    seed = traitlets.Int(1, min=0, max=SEEDS - 1).tag(sync=True)
    rate = Positive(0.5).tag(sync=True)
    twice = traitlets.Bool(False).tag(sync=True)
    done = Runs([]).tag(sync=True, to_json=write_runs)

    def __init__(
        self,
        network: Traceable,
        /,
        *,
        batch: int = 50,
        seed: int = 1,
        rate: float = 0.5,
        twice: bool = False,
        caption: str = "",
        **shapes: Shape,
    ) -> None:
        zeros = {name: np.zeros(shape) for name, shape in shapes.items()}
        if not isinstance(network, Program):
            network = trace(network, x=np.zeros((batch, 8, 8)), **zeros)
        self._network = network
        self._admit()
        self._learner: Learner | None = None
        self.set_trait("program", self._network.to_dict())
        super().__init__(seed=seed, rate=rate, twice=twice, caption=caption)
        self.on_msg(self._send_digits)

    def _admit(self) -> None:
        (x, shape), *weights = self._network.inputs.items()
        batch = shape[0] if shape else 0
        if x != "x" or shape != (batch, 8, 8) or self._network.output_shape != (batch, CLASSES):
            raise ShapeError(
                f"the network takes {x} {shape} and gives {self._network.output_shape}: "
                "take x (batch, 8, 8) first, and give logits (batch, 10)."
            )
        count = sum(math.prod(shape) for _, shape in weights)
        if not 1 <= count <= MOST_WEIGHTS:
            raise ShapeError(f"the network has {count} weights: give it 1 to {MOST_WEIGHTS}.")

    def _send_digits(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if content == {"ask": "digits"}:
            self.send({"digits": page_digits()})

    def _learned(self) -> Learner:
        """The learner after all runs that are done, from where it last stood if they go on."""
        wanted = [(run.twice, run.rate) for run in self.done for _ in range(run.steps)]
        learner = self._learner
        if learner is None or learner.taken != wanted[: len(learner.taken)]:
            learner = self._learner = Learner(self._network, self.seed)
        with np.errstate(all="ignore"):
            for twice, rate in wanted[len(learner.taken) :]:
                learner.step(twice, rate)
        return learner

    @traitlets.observe("seed")
    def _begin_anew(self, _change: Any) -> None:
        self._learner = None

    @property
    def losses(self) -> Array:
        """The mean cross-entropy of each step's batch, before the step, shape (steps,)."""
        return np.array(self._learned().losses)

    @property
    def params(self) -> Weights:
        """The weights as they stand, by name."""
        return {name: np.array(array) for name, array in self._learned().weights.items()}

    @property
    def right(self) -> NDArray[np.int_]:
        """How many of the held-out digits are named right, by digit, shape (10,)."""
        return self._learned().right()

    @property
    def accuracy(self) -> float:
        """The share of the held-out digits that are named right."""
        return float(np.sum(self.right)) / len(split().held_labels)

    def train(self, steps: int = 1) -> None:
        """Take `steps` more, by the rate and the gradient that are set."""
        self.done = [*self.done, Run(self.twice, self.rate, steps)]

    def reset(self) -> None:
        """Forget all that was learned; the seed stays."""
        self.done = []

    def picture(self) -> Figure:
        figure, axes = plot.axes_of_page()
        found = {"this run": self._learned().losses} if self.done else self._both()
        for (name, losses), colour in zip(found.items(), plot.COLOURS, strict=False):
            axes.plot(losses, color=colour, label=name)
        axes.set(xlabel="step", ylabel="loss of a batch", yscale="log")
        axes.legend(frameon=False, fontsize=12)
        return figure

    def _both(self) -> dict[str, list[float]]:
        """The losses of the first steps by either gradient."""
        found = {}
        for name, twice in {"right gradient": False, "Jacobian applied twice": True}.items():
            learner = Learner(self._network, self.seed)
            with np.errstate(all="ignore"):
                for _ in range(DRAWN):
                    learner.step(twice, self.rate)
            found[name] = learner.losses
        return found

    def __repr__(self) -> str:
        _, *weights = self._network.inputs.values()
        count = sum(math.prod(shape) for shape in weights)
        steps = sum(run.steps for run in self.done)
        return f"Training({count} weights, {steps} steps)"


@cache
def page_digits() -> dict[str, Any]:
    """The digits as the page reads them: how many are held out, those last; a letter from A to Q
    for each pixel, white to black; and the labels as a row of digits."""
    found = split()
    pixels = np.concatenate([found.images, found.held_images]) * DARKEST + ord("A")
    labels = np.concatenate([found.labels, found.held_labels])
    return {
        "held": len(found.held_labels),
        "pixels": pixels.astype(np.uint8).tobytes().decode("ascii"),
        "labels": "".join(map(str, labels)),
    }


def page_script() -> str:
    """The digits as a script, which also loads where a folder is opened without a server: it hands
    them to the element that asked for it."""
    sent = json.dumps({"detail": page_digits()})
    return f'document.currentScript.dispatchEvent(new CustomEvent("digits",{sent}))\n'
