"""The still figures: what chapters draw, and what a live figure is without script."""

import io
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats

from scalarloss.derivatives import value_and_grad
from scalarloss.primitives import Array
from scalarloss.program import Program

BLUE, ORANGE, GREY = "#0072b2", "#b34700", "#666666"  # told apart by colour-blind readers
COLOURS = (BLUE, ORANGE, GREY)
SVG: Any = {
    "svg.hashsalt": "scalarloss",
    "svg.fonttype": "none",
    "path.simplify_threshold": 1.0,  # a pixel
}


def axes_of_page(height: float = 3.4) -> tuple[Figure, Axes]:
    """Axes as wide as a column of text, without a box around them."""
    with mpl.rc_context({"font.size": 12}):
        figure, axes = plt.subplots(figsize=(6.4, height), layout="constrained")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def show() -> None:
    """Show the drawing: in a notebook as SVG, which is sharp on paper and light on a page."""
    if "inline" in mpl.get_backend():
        set_matplotlib_formats("svg", metadata={"Date": None})  # type: ignore[no-untyped-call]
    with mpl.rc_context(SVG):
        plt.show()


def as_svg(figure: Figure) -> str:
    """The figure as SVG, the same bytes every time, and closed."""
    with mpl.rc_context(SVG):
        return written(figure, "svg").decode()


def as_png(figure: Figure) -> bytes:
    """The figure as PNG, and closed."""
    return written(figure, "png")


def written(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(buffer, format=kind, dpi=144, metadata=metadata)
    plt.close(figure)
    return buffer.getvalue()


def loss_response(
    program: Program, arrays: Mapping[str, Array], entry: tuple[str, tuple[int, ...]], step: float
) -> Figure:
    """Draw the loss along one entry, the tangent there, and the secant of a forward difference."""
    name, index = entry
    label = f"{name}[{', '.join(map(str, index))}]" if index else name

    def at(value: float) -> float:
        moved = np.array(arrays[name])
        moved[index] = value
        return float(program(**{**arrays, name: moved}))

    here = float(arrays[name][index])
    loss, gradient = value_and_grad(program, name, **arrays)
    slope = float(gradient[name][index])
    reach = max(1.0, 2 * abs(here), 1.5 * step)
    xs = np.linspace(here - reach, here + reach, 121)
    with np.errstate(all="ignore"):
        ys = np.array([at(x) for x in xs])
        ahead = at(here + step)
    figure, axes = axes_of_page()
    axes.plot(xs, ys, color=BLUE, linewidth=2, label="loss")
    low, high = axes.get_ylim()
    tangent, secant = f"tangent, slope {slope:.4g}", f"secant, h = {step:.3g}"
    axes.plot(xs, loss + slope * (xs - here), color=ORANGE, linewidth=1.5, label=tangent)
    ends = [here, here + step], [loss, ahead]
    axes.plot(*ends, color=GREY, linewidth=1.5, linestyle="--", marker="o", mfc="w", label=secant)
    axes.plot([here], [loss], "o", color=ORANGE)
    axes.set(xlabel=label, ylabel="loss", ylim=(low, high), xlim=(xs[0], xs[-1]))
    axes.set_title(f"{label} = {here:.4g}   loss {loss:.4g}", loc="left", fontsize=12)
    axes.legend(frameon=False, labelcolor=COLOURS, fontsize=12)
    return figure


def loss_histories(histories: Mapping[str, Sequence[float]], log: bool = False) -> None:
    """Draw each run's loss against its steps; `log` draws losses of very different sizes."""
    _, axes = axes_of_page()
    looks = zip(COLOURS, ("-", "--", "-."), strict=True)
    for (name, history), (colour, style) in zip(histories.items(), looks, strict=False):
        axes.plot(history, color=colour, linestyle=style, linewidth=2, label=name)
    if log:
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, None)
    axes.set(xlabel="step", ylabel="loss")
    axes.margins(x=0)
    axes.legend(frameon=False)
    show()


def gradient_norms(times: Sequence[int], norms: Mapping[str, Sequence[float]]) -> None:
    """Draw the length of a gradient against that of its sequences, with a name at each end."""
    _, axes = axes_of_page()
    shapes = zip(COLOURS, "os^", strict=True)
    lowest = min(lengths[-1] for lengths in norms.values())
    for (name, lengths), (colour, mark) in zip(norms.items(), shapes, strict=False):
        above = -16 if lengths[-1] == lowest else 8
        axes.loglog(times, lengths, color=colour, linewidth=2, marker=mark, markersize=5)
        axes.annotate(
            name, (times[-1], lengths[-1]), (0, above), textcoords="offset points",
            color=colour, ha="right",
        )  # fmt: skip
    axes.set_xticks(times, [str(n) for n in times])
    axes.minorticks_off()
    axes.set(xlabel="moments in a sequence", ylabel="norm of the gradient")
    axes.margins(y=0.15)
    show()


def tables_of_weights(tables: Mapping[str, Any]) -> None:
    """Draw tables of weights, (N, T) each, under each other: each weight is written as a fraction.

    The heavier a place, the darker, by the heaviest of its own table; a place of weight 0 is blank.
    """
    with mpl.rc_context({"font.size": 12}):
        _, column = plt.subplots(
            len(tables), 1, figsize=(6.4, 1.55 * len(tables)), layout="constrained"
        )
    for axes, (name, table) in zip(np.atleast_1d(column), tables.items(), strict=True):
        axes.pcolormesh(table, cmap="Blues", vmin=0, vmax=2 * np.max(table), edgecolor="white")
        for (row, place), weight in np.ndenumerate(table):
            if weight:
                share = str(Fraction(float(weight)).limit_denominator(1000))
                axes.text(place + 0.5, row + 0.5, share, ha="center", va="center")
        axes.set_title(name, loc="left", fontsize=12)
        axes.set(xticks=[], yticks=[], ylim=(len(table), 0))
    show()


def what_slips_through(missed: Mapping[str, Sequence[bool]]) -> None:
    """Draw a row for each check: a bar for every mistake that it misses, a tick for the caught."""
    _, axes = axes_of_page(0.6 + 0.42 * len(missed))
    for row, slips in enumerate(missed.values()):
        places = np.arange(len(slips))
        let = np.asarray(slips, dtype=bool)
        axes.vlines(places[~let], row - 0.06, row + 0.06, color=GREY, linewidth=0.8)
        axes.vlines(places[let], row - 0.34, row + 0.34, color=ORANGE, linewidth=3)
        axes.text(len(slips) + 1, row, f"{int(let.sum())} missed", va="center", color=ORANGE)
    axes.set_yticks(range(len(missed)), missed)
    axes.set(ylim=(len(missed) - 0.5, -0.5), xticks=[], xlabel="the mistakes of the gallery")
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    show()


def multiplication_counts(outputs: Any, counts: Mapping[str, Sequence[int]]) -> None:
    """Draw how many multiplications a chain takes from either end, against its outputs."""
    _, axes = axes_of_page()
    for (name, numbers), colour, above in zip(counts.items(), COLOURS, (-16, 9), strict=False):
        axes.loglog(outputs, numbers, color=colour, linewidth=2, marker="o", markersize=4)
        axes.annotate(
            name, (outputs[1], numbers[1]), (6, above), textcoords="offset points", color=colour
        )
    axes.set(xlabel="outputs", ylabel="multiplications")
    axes.margins(y=0.15)
    show()


def gradients_on_contours(
    loss: Callable[[Array], Any],
    gradients: Sequence[tuple[Array, Array]],
    reach: float,
    apart: float,
) -> None:
    """Draw the contours of a loss of two weights, `apart` in height, and gradients across them.

    `gradients` are pairs of a place (2,) and the gradient there. Each place lies on its own
    contour, in a heavy line, and a small square marks the right angle. Arrows are half as long as
    the gradients. The window goes `reach` to each side of 0, with one scale on both axes.
    """
    sides = np.linspace(-reach, reach, 81)
    heights = np.array([[float(loss(np.array([a, b]))) for a in sides] for b in sides])
    levels = np.arange(0, heights.max(), apart)
    _, axes = axes_of_page(5.2)
    axes.contour(sides, sides, heights, levels, colors=GREY, linewidths=0.7)
    own = sorted(float(loss(place)) for place, _ in gradients)
    lines = axes.contour(sides, sides, heights, own, colors=BLUE, linewidths=2)
    axes.clabel(lines, fmt="%.2f", fontsize=12)
    for place, gradient in gradients:
        ahead = gradient / np.linalg.norm(gradient)
        aside = np.array([-ahead[1], ahead[0]])
        square = np.array([place + 0.08 * u for u in (ahead, ahead + aside, aside)])
        axes.plot(*square.T, color=ORANGE, linewidth=1)
        axes.annotate(
            "", tuple(place + gradient / 2), tuple(place),
            arrowprops={"arrowstyle": "-|>", "color": ORANGE, "linewidth": 2, "shrinkA": 0},
        )  # fmt: skip
        axes.plot(*place, "o", color=ORANGE, markersize=5)
    axes.set(xlabel="w[0]", ylabel="w[1]", aspect="equal")
    show()


def error_against_step(
    steps: Any,
    errors: Mapping[str, Sequence[float]],
    labels: Mapping[str, tuple[float, float]],
    marks: Mapping[str, float] | None = None,
) -> None:
    """Draw each difference quotient's relative error against its step, on logarithmic axes.

    `labels` says where each quotient's name begins, as (step, error); `marks` are steps to point
    out, by name. An error of 0 lies on the floor, a quarter of the spacing of floats at 1.
    """
    looks = zip(COLOURS, ("-", "-", "--"), strict=True)
    with mpl.rc_context({"font.size": 13}):  # 7 on a phone, where the drawing is half as wide
        _, axes = axes_of_page(4.2)
        for (name, found), (colour, style) in zip(errors.items(), looks, strict=False):
            shown = np.maximum(found, np.finfo(float).eps / 4)
            axes.loglog(steps, shown, color=colour, linestyle=style, linewidth=2)
            axes.text(*labels[name], name, color=colour)
        for name, step in (marks or {}).items():
            axes.axvline(step, color=GREY, linewidth=1, linestyle=":")
            place = axes.get_xaxis_transform()
            axes.text(step, 1.02, name, color=GREY, ha="center", transform=place)
        axes.set(xlabel="step h", ylabel="relative error", ylim=(1e-17, 10))
        axes.margins(x=0.02)
        show()


def durations(seconds: Mapping[str, float]) -> None:
    """Draw how long each of several took, with its name before its bar."""
    _, axes = axes_of_page(1.8)
    bars = axes.barh(list(seconds), list(seconds.values()), color=BLUE)
    axes.bar_label(bars, fmt=" %.2g s")
    axes.invert_yaxis()
    axes.set(xlabel="seconds")
    axes.margins(x=0.12)
    show()


def scans(images: Any, captions: Sequence[str]) -> None:
    """Draw small images in a row, (k, h, w), dark on white, each over its caption."""
    with mpl.rc_context({"font.size": 12}):
        _, row = plt.subplots(1, len(images), figsize=(6.4, 1.5), layout="constrained")
    for axes, image, caption in zip(np.atleast_1d(row), images, captions, strict=True):
        axes.imshow(image, cmap="gray_r")
        axes.set(xticks=[], yticks=[], xlabel=caption)
    show()


def taylor_remainders(steps: Any, remainders: Mapping[str, Sequence[float]]) -> None:
    """Draw what a gradient's promise leaves over against the step, on logarithmic axes."""
    _, axes = axes_of_page()
    looks = zip(COLOURS, ("-", "--", "-."), strict=True)
    for (name, left), (colour, style) in zip(remainders.items(), looks, strict=False):
        axes.loglog(steps, left, color=colour, linestyle=style, linewidth=2, label=name)
    axes.set(xlabel="step h", ylabel="remainder")
    axes.margins(x=0)
    axes.legend(frameon=False)
    show()


def heat_maps(pairs: Mapping[str, Sequence[Any]]) -> None:
    """Draw a column for each pair of matrices, in its own scale: violet below 0, orange above."""
    with mpl.rc_context({"font.size": 12}):
        _, grid = plt.subplots(2, len(pairs), figsize=(6.4, 4.2), layout="constrained")
    for column, (name, matrices) in zip(grid.T, pairs.items(), strict=True):
        most = max(float(np.abs(matrix).max()) for matrix in matrices)
        for axes, matrix in zip(column, matrices, strict=True):
            axes.imshow(matrix, cmap="PuOr_r", vmin=-most, vmax=most)
            axes.set(xticks=[], yticks=[])
        column[0].set_title(name, fontsize=12)
    grid[0, 0].set_ylabel("right: Jᵀ")
    grid[1, 0].set_ylabel("broken: B")
    show()
