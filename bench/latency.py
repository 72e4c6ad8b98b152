"""From a pointer's move to the frame that shows what it did: the figures, and a kernel's slider."""

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lab import running_lab
from operate import wake
from playwright.sync_api import Browser, Locator, Page

PROBE = Path(__file__).with_name("probe.js")
READY = "figure.live-figure[data-ready=true]"
HANDLES = "svg.live-plot, svg[role=slider], input[type=range]"
MOVES = 200
TIMES = ("latency", "whole", "script")  # in milliseconds; probe.js says what they are
IDLE = 20  # moves after which a control that changes nothing is no handle

Sample = dict[str, float]

KERNEL_CELLS = [
    """
%matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import FloatSlider, interact

x, t = np.array([1.0, 2.0]), np.array([0.5, 1.2])
W, b = np.array([[0.2, 0.5], [0.8, 0.1]]), np.array([0.3, 0.7])
""",
    """
def loss(w):
    moved = W.copy()
    moved[0, 1] = w
    return 0.5 * np.sum((moved @ x + b - t) ** 2)

@interact(w=FloatSlider(0.5, min=-2, max=3, step=0.001))
def show(w):
    line = np.linspace(-2, 3, 193)
    slope = (W[0, 0] * x[0] + w * x[1] + b[0] - t[0]) * x[1]
    plt.plot(line, [loss(v) for v in line])
    plt.plot(line, loss(w) + slope * (line - w))
    plt.plot(w, loss(w), "o")
    plt.ylim(0, 15)
    plt.show()
""",
]


def places(count: int) -> Iterator[float]:
    """To and fro between two shares of a control's width, 7 % at a time."""
    for i in range(count):
        yield 0.12 + 0.76 * abs((0.07 / 0.76 * i + 0.5) % 2 - 1)


def drag(page: Page, figure: Locator, handle: Locator, count: int) -> list[Sample]:
    """Drag a control; what each of the moves that changed the figure took."""
    figure.evaluate("(figure) => watch(figure)")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box
    found: list[Sample] = []
    for i, place in enumerate(places(2 * count)):
        x, y = box["x"] + box["width"] * place, box["y"] + box["height"] * (0.5 + place * 0.2)
        if i == 0:
            page.mouse.move(x, y)
            page.mouse.down()
            page.evaluate("new Promise((f) => requestAnimationFrame(() => setTimeout(f, 50)))")
            continue
        page.evaluate("() => { window.took = nextMove(); }")
        page.mouse.move(x, y)
        sample = page.evaluate("() => took")
        if sample["changed"]:
            found.append(sample)
        if len(found) == count or (i == IDLE and not found):
            break
    page.mouse.up()
    return found


def summary(samples: Sequence[Sample], key: str) -> dict[str, float]:
    values = sorted(sample[key] for sample in samples)
    return {"median": statistics.median(values), "p95": values[int(0.95 * (len(values) - 1))]}


def figures(browser: Browser, address: str, pages: Sequence[str]) -> list[dict[str, Any]]:
    """Of each figure of the site, the control whose moves take longest to be shown."""
    found = []
    for name in pages:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_init_script(path=PROBE)
        page = context.new_page()
        page.goto(f"{address}/{name}", wait_until="load")
        wake(page)
        for figure in page.locator(READY).all():
            controls = []
            for handle in figure.locator(HANDLES).all():
                if not handle.is_visible():
                    continue
                samples = drag(page, figure, handle, MOVES)
                if len(samples) < MOVES:
                    continue
                parts = {key: summary(samples, key) for key in TIMES}
                words = handle.evaluate("(n) => n.closest('label')?.innerText ?? n.classList.value")
                controls.append({"control": words, "moves": len(samples), **parts})
            if not controls:
                continue
            slowest = max(controls, key=lambda control: control["latency"]["p95"])
            kind = figure.get_attribute("data-figure")
            found.append({"kind": kind, "page": name, "controls": controls, **slowest})
        context.close()
    return found


def kernel_slider(browser: Browser, moves: int) -> dict[str, Any]:
    """The same of `interact` with a slider and matplotlib, in JupyterLab with a kernel here."""
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder)) as lab:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_init_script(path=PROBE)
        page = context.new_page()
        lab.open(page, "slider.ipynb", KERNEL_CELLS)
        output = page.locator(".widget-interact, .widget-vbox").last
        output.locator("img").wait_for()
        track = output.locator(".noUi-target")
        box = track.bounding_box()
        assert box
        y = box["y"] + box["height"] / 2
        handle = output.locator(".noUi-handle").bounding_box()
        assert handle
        page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
        page.mouse.down()
        samples = []
        for i, place in enumerate(list(places(moves + 4))[1:]):  # the first is where it stands
            output.evaluate("(node) => { window.took = nextImage(node); }")
            page.mouse.move(box["x"] + box["width"] * place, y)
            sample = page.evaluate("() => took")
            if i >= 3:  # the first images warm the kernel up
                samples.append(sample)
        page.mouse.up()
        context.close()
    return {"moves": len(samples), **{key: summary(samples, key) for key in ("latency", "whole")}}
