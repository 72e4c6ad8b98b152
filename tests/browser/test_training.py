"""Training in the page: it learns as NumPy does, step for step; the digits come at a press."""

import json

import numpy as np
import pytest
from operate import across, assert_a_drag_costs_little, drag, frame, shown, states, time_frames

from scalarloss.layers import conv2d, dense, relu
from scalarloss.live import Training
from scalarloss.live.training import Run, page_digits, page_script


def network(x, w, b, W, c):
    seen = relu(conv2d(x[:, None], w, b))
    return dense(np.reshape(seen, (len(seen), -1)), np.reshape(W, (10, -1)), c)


def convolutional(**state):
    shapes = {"w": (8, 1, 3, 3), "b": (8,), "W": (10, 8, 6, 6), "c": (10,)}
    return Training(network, **shapes, **state)


def linear(**state):
    return Training(
        lambda x, W, b: dense(np.reshape(x, (len(x), -1)), np.reshape(W, (10, -1)), b),
        **{"W": (10, 8, 8), "b": (10,), "batch": 30, **state},
    )


@pytest.fixture
def learn(page, show, tmp_path):
    """Show figures beside a script with the digits, as the build puts it; count who asks for it."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    (tmp_path / "digits.js").write_text(page_script())

    def open_page(*widgets, **options):
        models = states(*widgets)
        for widget in widgets:
            models[widget.model_id]["state"]["source"] = "./digits.js"
        figures = show(models, [widget.model_id for widget in widgets], **options)
        return figures, lambda: sum("digits.js" in url for url in asked)

    return open_page


def press(figure, name):
    figure.get_by_role("button", name=name, exact=True).click()


def at_rest(page, figure, steps):
    """Wait for `steps` steps and a look at the held-out digits after the last; what is shown."""
    page.wait_for_function(
        """([figure, steps]) => {
            const at = (name) => figure.querySelector(`[data-quantity="${name}"]`).dataset.value;
            return Number(at("steps")) === steps && at("accuracy") !== undefined;
        }""",
        arg=[figure.element_handle(), steps],
    )
    for _ in range(6):
        frame(page)
    return shown(figure)["quantity"]


def assert_as(found, widget):
    np.testing.assert_allclose(found["loss"], widget.losses[-1], rtol=1e-9)
    assert found["accuracy"] == widget.accuracy
    assert [found[f"right-{digit}"] for digit in range(10)] == widget.right.tolist()


@pytest.mark.parametrize("make", [convolutional, linear])
@pytest.mark.parametrize("twice", [False, True])
def test_every_loss_and_weight_is_numpys_step_for_step(modules, make, twice):
    """Four hundred steps, in which the gradient and its rate change on the way."""
    widget = make(seed=12)
    runs = [(twice, 0.7, 150), (not twice, 0.2, 100), (twice, 0.5, 150)]
    found = modules.evaluate(
        """async ([program, seed, digits, runs]) => {
            const { load } = await import("/js/program.js");
            const training = await import("/js/training.js");
            const learner = new training.Learner(load(program), seed);
            learner.digits = training.readDigits(digits);
            for (const [twice, rate, steps] of runs)
                for (let i = 0; i < steps; i++) learner.step(twice, rate);
            const held = [...Array(learner.heldBatches).keys()];
            const named = held.flatMap((k) => learner.name(k));
            const weights = Object.entries(learner.weights).map(([name, w]) => [name, [...w]]);
            return [learner.losses, Object.fromEntries(weights), named];
        }""",
        [widget.program, widget.seed, page_digits(), runs],
    )
    losses, weights, named = found
    widget.done = runs
    assert len(losses) == 400
    np.testing.assert_allclose(losses, widget.losses, rtol=1e-9)
    assert widget.losses[-1] < widget.losses[0] / 4
    for name, array in widget.params.items():
        np.testing.assert_allclose(weights[name], array.ravel(), rtol=1e-7, atol=1e-9)
    right = [one["label"] for one in named if one["label"] == one["named"]]
    assert np.bincount(right, minlength=10).tolist() == widget.right.tolist()
    assert len(named) == 359


def test_the_digits_come_at_the_first_press_and_once(page, learn):
    figures, asked = learn(linear(), linear())
    first = figures.nth(0)
    frame(page)
    assert asked() == 0
    press(first, "One step")
    at_rest(page, first, 1)
    press(first, "One step")
    at_rest(page, first, 2)
    assert asked() == 1
    assert shown(figures.nth(1))["quantity"]["steps"] == 0


def test_single_steps_show_numpys_losses(page, learn):
    widget = convolutional(seed=3)
    figure = learn(widget)[0].first
    for steps in (1, 2, 3):
        if steps == 3:
            figure.get_by_label("gradient").select_option("1")
        press(figure, "One step")
        found = at_rest(page, figure, steps)
        widget.done = [Run(False, 0.5, min(steps, 2)), Run(True, 0.5, 1)][: 1 + steps // 3]
        assert_as(found, widget)


def test_train_runs_until_pause_and_shows_what_numpy_finds(page, learn):
    widget = convolutional(seed=12, rate=0.7, twice=True)
    figure = learn(widget)[0].first
    steps = figure.locator("[data-quantity=steps]")
    train = figure.locator(".live-learn button").first
    train.click()
    page.wait_for_function("node => Number(node.dataset.value) > 60", arg=steps.element_handle())
    assert train.inner_text() == "Pause"
    train.click()
    page.wait_for_timeout(300)
    found = shown(figure)["quantity"]
    page.wait_for_timeout(300)
    assert shown(figure)["quantity"] == found
    assert train.inner_text() == "Train"
    widget.done = [(True, 0.7, int(found["steps"]))]
    assert_as(found, widget)


def test_start_again_keeps_the_last_run_to_compare_with(page, learn):
    widget = linear()
    figure = learn(widget)[0].first
    for steps in (1, 2):
        press(figure, "One step")
        at_rest(page, figure, steps)
    press(figure, "Start again")
    frame(page)
    assert shown(figure)["quantity"]["steps"] == 0
    figure.get_by_label("gradient").select_option("1")
    press(figure, "One step")
    press(figure, "One step")
    found = at_rest(page, figure, 2)
    widget.done = [(True, 0.5, 2)]
    assert_as(found, widget)
    widget.done = [(False, 0.5, 2)]
    np.testing.assert_allclose(found["before-loss"], widget.losses[-1], rtol=1e-12)


def test_start_again_in_the_midst_of_a_step_says_nothing_of_it(page, learn):
    figures, _ = learn(convolutional())
    figure = figures.first
    press(figure, "One step")
    at_rest(page, figure, 1)
    press(figure, "Start again")
    figure.evaluate(
        """async (figure) => {
            const buttons = [...figure.querySelectorAll("button")];
            const button = (words) => buttons.find((one) => one.innerText === words);
            const frames = async (count) => {
                for (let i = 0; i < count; i++) await new Promise(requestAnimationFrame);
            };
            for (let midst = 0; midst < 8; midst++) {
                button("One step").click();
                await frames(midst);
                button("Start again").click();
                await frames(3);
            }
        }"""
    )
    frame(page)
    assert shown(figure)["quantity"]["steps"] == 0  # and nothing stands in the console


def test_the_curve_is_read_by_drag_and_by_keys(page, learn):
    widget = linear()
    figure = learn(widget)[0].first
    drag(page, figure.locator("svg.live-plot"), (0.5, 0.5), (0.18, 0.5))  # nothing to read yet
    assert shown(figure)["quantity"] == {"steps": 0}
    for _ in range(8):
        press(figure, "One step")
    at_rest(page, figure, 8)
    widget.done = [(False, 0.5, 8)]
    figure.get_by_label("read at step").press("Home")
    frame(page)
    found = shown(figure)["quantity"]
    assert found["steps"] == 1
    np.testing.assert_allclose(found["loss"], widget.losses[0], rtol=1e-12)
    drag(page, figure.locator("svg.live-plot"), (0.5, 0.5), (0.18, 0.5))  # of 50 steps' width
    found = shown(figure)["quantity"]
    assert 1 < found["steps"] < 8
    np.testing.assert_allclose(found["loss"], widget.losses[int(found["steps"]) - 1], rtol=1e-12)


def test_a_drag_over_the_curve_costs_little(page, learn):
    time_frames(page)
    figure = learn(convolutional())[0].first
    for _ in range(40):
        press(figure, "One step")
    at_rest(page, figure, 40)
    assert_a_drag_costs_little(page, across(figure.locator("svg.live-plot")))


def test_a_page_stays_responsive_while_it_learns(page, learn):
    """Frames in which it learns and draws stay below 10 ms by far most of the time."""
    time_frames(page)
    figure = learn(convolutional(seed=2))[0].first
    press(figure, "Train")
    page.wait_for_function(
        "node => Number(node.dataset.value) > 300",
        arg=figure.locator("[data-quantity=steps]").element_handle(),
    )
    spent = page.evaluate("spent")
    print(f"{np.median(spent):.1f} ms a frame, {len(spent)} frames for 300 steps")
    assert np.median(spent) < 16


def test_a_step_too_long_stops_and_says_so(page, learn):
    widget = convolutional(rate=1e200)
    figure = learn(widget)[0].first
    press(figure, "Train")
    figure.locator(".live-note", has_text="The loss is no longer a number").wait_for()
    assert figure.get_by_role("button", name="Train", exact=True).is_visible()


@pytest.mark.parametrize("detail", ["null", '{"pixels": "AZ", "labels": "1", "held": 1}', "{}"])
def test_damaged_digits_are_refused_in_words(page, learn, tmp_path, detail):
    figures, _ = learn(linear())
    words = f'document.currentScript.dispatchEvent(new CustomEvent("digits",{{detail:{detail}}}))'
    (tmp_path / "digits.js").write_text(words)
    press(figures.first, "Train")
    if detail == "null":
        frame(page)
        assert shown(figures.first)["quantity"]["steps"] == 0
    else:
        figures.first.locator(".live-note", has_text="arrived damaged").wait_for()


def test_without_the_digits_it_says_so_and_a_second_press_asks_again(page, show):
    widget = linear()
    figure = show(states(widget), [widget.model_id]).first
    for _ in range(2):
        press(figure, "One step")
        figure.locator(".live-note", has_text="could not be fetched").wait_for()
    assert shown(figure)["quantity"]["steps"] == 0


def test_with_reduced_motion_the_curve_stands_still_between_pictures(page, learn):
    page.emulate_media(reduced_motion="reduce")
    figure = learn(convolutional(seed=2))[0].first
    page.evaluate(
        """() => { window.drawn = 0; new MutationObserver(() => drawn++).observe(
            document.querySelector("path.live-loss"), { attributes: true }); }"""
    )
    press(figure, "Train")
    page.wait_for_timeout(2500)
    assert 1 <= page.evaluate("drawn") <= 6
    press(figure, "Pause")


def test_two_views_of_one_figure_stay_in_step(page, learn, show):
    widget = linear()
    models = states(widget)
    models[widget.model_id]["state"]["source"] = "./digits.js"
    learn(linear())  # puts the script there
    figures = show(models, [widget.model_id, widget.model_id])
    press(figures.nth(0), "One step")
    first = at_rest(page, figures.nth(0), 1)
    assert at_rest(page, figures.nth(1), 1) == first


def test_pictures_of_the_weights_have_a_pixel_for_each(page, learn):
    widget = convolutional(seed=5)
    figure = learn(widget)[0].first
    walls = figure.locator(".live-wall canvas")
    assert walls.count() == 2
    pixels = walls.nth(0).evaluate(
        """c => { const { data, width } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
            return [width, [...data]]; }"""
    )
    width, data = pixels
    image = np.array(data).reshape(-1, width, 4)
    assert image.shape[:2] == (3, 8 * 4 - 1)
    w = widget.params["w"][:, 0]
    for k in range(8):
        block = image[:, 4 * k : 4 * k + 3]
        assert (block[..., 3] == 255).all()
        expected = 127.5 * (1 + w[k] / np.max(np.abs(w)))
        np.testing.assert_allclose(block[..., 0], expected, atol=1)
    assert json.dumps(states(widget)).count("0.") < 60  # the state holds no weights
