"""Live figures in a test's page: their states, what they show, and how a reader works them."""

import json

import numpy as np
from ipywidgets.embed import dependency_state

READY = "figure[data-ready=true]"


def states(*widgets):
    """The models of a page, as a kernel leaves them and the build rewrites them."""
    found = {}
    for widget in widgets:
        found |= dependency_state([widget], drop_defaults=False)
    for model in found.values():
        if model["state"].pop("_css", None):
            del model["state"]["_esm"]
    return json.loads(json.dumps(found, allow_nan=False))


def wake(page):
    """Come near each figure of the page, and wait until it answers; then go back to the top."""
    for mount in page.locator(".live-mount").all():
        mount.scroll_into_view_if_needed()
        mount.locator(READY).wait_for()
    page.evaluate("scrollTo(0, 0)")


def frame(page):
    page.evaluate("() => new Promise((f) => requestAnimationFrame(() => requestAnimationFrame(f)))")


def shown(figure):
    """Every number that a figure shows, with all its digits: arrays, gradient, quantities."""
    found = figure.evaluate(
        """figure => Object.fromEntries(["entry", "gradient", "quantity"].map((kind) =>
            [kind, Object.fromEntries([...figure.querySelectorAll(`[data-${kind}][data-value]`)]
                .map((node) => [node.dataset[kind], node.dataset.value]))]))"""
    )
    return {kind: {k: float(v) for k, v in numbers.items()} for kind, numbers in found.items()}


def arrays_of(program, entries):
    found = {name: np.empty(shape) for name, shape in program.inputs.items()}
    for name, array in found.items():
        for index in np.ndindex(array.shape):
            array[index] = entries[entry_name(name, index)]
    return found


def entry_name(name, index):
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def time_frames(page):
    """Let the page that is opened next note in `spent` how many milliseconds each frame worked."""
    page.add_init_script(
        """window.spent = [];
        const real = window.requestAnimationFrame.bind(window);
        window.requestAnimationFrame = (f) => real((time) => {
            const start = performance.now();
            f(time);
            spent.push(performance.now() - start);
        });"""
    )


def across(node):
    """Sixty places in pixels, along the middle of a node from three tenths of its width."""
    node.scroll_into_view_if_needed()
    box = node.bounding_box()
    y = box["y"] + box["height"] / 2
    return [(box["x"] + box["width"] * (0.3 + i / 150), y) for i in range(60)]


def assert_a_drag_costs_little(page, places):
    """Compute and draw, in the frames of a drag through sixty places, on a busy machine."""
    page.mouse.move(*places[0])
    page.mouse.down()
    page.evaluate("spent.length = 0")
    for place in places:
        page.mouse.move(*place)
        page.evaluate("() => new Promise((done) => setTimeout(done, 16))")
    page.mouse.up()
    spent = page.evaluate("spent")
    assert len(spent) >= 30
    assert np.median(spent) <= 4


def touch(page, node, *places):
    """Put a finger on `node` at the first place, shares of its width and height, and lead it on."""
    node.scroll_into_view_if_needed()
    box = node.bounding_box()
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for i, (across, down) in enumerate(places):
        point = {"x": box["x"] + box["width"] * across, "y": box["y"] + box["height"] * down}
        kind = "touchMove" if i else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        frame(page)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    frame(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": False})


def drag(page, node, *places):
    """Press the mouse on `node` at the first place, shares of its size, and lead it on."""
    node.scroll_into_view_if_needed()
    box = node.bounding_box()
    for i, (across, down) in enumerate(places):
        page.mouse.move(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
        if not i:
            page.mouse.down()
        frame(page)
    page.mouse.up()
    frame(page)
