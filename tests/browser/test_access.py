"""The built site for every reader: keys reach everything, nothing is cut off, all is said."""

from pathlib import Path

import pytest
from operate import READY, drag, frame, wake

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
PAGES = sorted(path.name for path in SITE.glob("*.html"))
WITH_FIGURES = [name for name in PAGES if 'class="live-mount"' in (SITE / name).read_text("utf-8")]
WIDTHS = (360, 768, 1280)
THEMES = ("light", "dark")
# Every section as it is laid out when a reader has come to it.
NEAR = """article > section > section {
    content-visibility: visible !important; contain: layout style paint !important; }"""
CONTROLS = "button:enabled, input:enabled, select:enabled"

every_page = pytest.mark.parametrize("name", PAGES)
every_figure = pytest.mark.parametrize("name", WITH_FIGURES)


@pytest.fixture(scope="module")
def themes(browser):
    """One page for each theme, for all tests of this file."""
    contexts = [
        browser.new_context(color_scheme=theme, reduced_motion="reduce", bypass_csp=True)
        for theme in THEMES
    ]
    for context in contexts:
        context.add_init_script(path=ROOT / "node_modules" / "axe-core" / "axe.min.js")
        context.add_init_script(path=Path(__file__).with_name("access.js"))
    yield dict(zip(THEMES, (context.new_page() for context in contexts), strict=True))
    for context in contexts:
        context.close()


def visit(page, address):
    page.goto(address, wait_until="load")
    wake(page)
    style(page, NEAR)
    page.evaluate("document.fonts.ready.then(() => {})")
    frame(page)
    return page


def widen(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    frame(page)
    frame(page)


def style(page, rules):
    """Add rules to the page's style, and let the figures answer."""
    page.add_style_tag(content=rules)
    frame(page)
    frame(page)


def operate(page, figure):
    """Use every control once, by keys, and drag in every plot."""
    for control in figure.locator(CONTROLS).element_handles():
        if not control.is_visible():
            continue
        kind = control.evaluate("node => node.type")
        control.focus()
        if kind == "range":
            for key in ("ArrowRight", "PageUp", "ArrowLeft", "ArrowDown"):
                control.press(key)
        elif kind in ("number", "text"):
            control.fill("1")
            control.press("Enter")
        elif kind == "select-one":
            for option in control.query_selector_all("option:enabled"):
                control.select_option(option.get_attribute("value"))
        else:
            control.press("Space")
        frame(page)
    for plot in figure.locator("svg.live-plot:visible").all():
        drag(page, plot, (0.4, 0.4), (0.7, 0.6))


# Keys, and where the focus is


@every_page
@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_tab_reaches_everything_in_order_and_shows_where_it_is(themes, site, name, theme, width):
    page = themes[theme]
    widen(page, width)
    visit(page, f"{site}/{name}")
    expected, reached = page.evaluate("access.start()"), []
    for _ in range(len(expected) + 1):  # round, past the window's own controls
        page.keyboard.press("Tab")
        if stop := page.evaluate("access.stop()"):
            reached.append(stop)
    first = [stop["at"] for stop in reached].index(0)
    around = [*reached[first:], *reached[:first]]
    assert [expected[stop["at"]] for stop in around[: len(expected)]] == expected
    assert [stop["name"] for stop in reached if not stop["marked"]] == []
    assert [stop["name"] for stop in reached if not stop["seen"]] == []


def test_a_focus_that_does_not_show_is_found(themes, site):
    page = visit(themes["light"], f"{site}/index.html")
    style(page, ":focus-visible { outline: none !important; box-shadow: none !important }")
    page.evaluate("access.start()")
    page.keyboard.press("Tab")
    assert not page.evaluate("access.stop()")["marked"]


@every_figure
def test_arrow_keys_move_in_a_grid_that_is_one_stop(themes, site, name):
    page = visit(themes["light"], f"{site}/{name}")
    focused = "cells => cells.findIndex((cell) => cell === document.activeElement)"
    for grid in page.locator(".live-entries:visible").all():
        cells = grid.locator("button")
        stop = grid.locator("button[tabindex='0']")
        assert stop.count() == 1
        stop.focus()
        page.keyboard.press("Home")
        columns = len(grid.evaluate("g => getComputedStyle(g).gridTemplateColumns").split())
        for key, step, room in (
            ("ArrowRight", 1, columns > 1),
            ("ArrowDown", columns, cells.count() > columns),
        ):
            before = cells.evaluate_all(focused)
            page.keyboard.press(key)
            frame(page)
            assert cells.evaluate_all(focused) == (before + step if room else before), key
            assert page.evaluate("document.activeElement.tabIndex") == 0


@every_page
def test_every_target_is_24_pixels_wide_and_high(themes, site, name):
    page = visit(themes["light"], f"{site}/{name}")
    for width in WIDTHS:
        widen(page, width)
        assert page.evaluate("access.small()") == []
    style(page, "button { height: 10px !important; min-height: 0 !important }")
    assert page.evaluate("access.small()") != []


# What moves, what is said


@every_figure
def test_nothing_moves_unasked(themes, site, name):
    page = visit(themes["light"], f"{site}/{name}")
    page.evaluate("access.watch()")
    for figure in page.locator(READY).all():
        operate(page, figure)
    page.locator(".theme-switch-button:visible").click()
    frame(page)
    assert page.evaluate("access.moved()") == []
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    style(page, "h1 { transition: padding 5s !important } html h1 { padding: 9px }")
    frame(page)
    assert page.evaluate("access.moved()") != []


@every_figure
def test_a_figure_says_one_sentence_when_it_rests(browser, site, name):
    context = browser.new_context(bypass_csp=True)
    context.add_init_script(path=Path(__file__).with_name("access.js"))
    page = visit(context.new_page(), f"{site}/{name}")
    page.evaluate("access.listen()")
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    loud = "[aria-live=assertive], [role=alert], [role=status], output:not([aria-live=off])"
    for figure in page.locator(READY).all():
        assert figure.locator("[aria-live=polite]").count() == 1
        assert figure.locator(loud).count() == 0
        moved = figure.locator("input[type=range]:enabled:visible")
        typed = figure.locator("input[type=text]:visible")
        (moved if moved.count() else typed).first.focus()
        for key in ["ArrowRight"] * 6 if moved.count() else "31.416":
            page.keyboard.press(key)
            page.clock.run_for(100)
        if not moved.count():
            page.keyboard.press("Enter")
        assert figure.evaluate("figure => figure.said") == []
        page.clock.run_for(2000)
        (sentence,) = figure.evaluate("figure => figure.said")
        assert len(sentence.split()) > 3
    context.close()


# Zoom


@every_page
def test_zoom_cuts_nothing_off(themes, site, name):
    """A window of 1280 pixels at 200 and 400 percent; then letters alone twice as large."""
    page = visit(themes["light"], f"{site}/{name}")
    for width, text in ((640, 100), (320, 100), (768, 200), (1280, 200)):
        page.set_viewport_size({"width": width, "height": 512})
        style(page, f"html {{ font-size: {text}% !important }}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("access.cut()") == []
        assert page.evaluate("access.overlapping()") == []


def test_what_scrolls_sideways_fades_where_it_goes_on(page, site):
    page.goto(f"{site}/02_chain_the_rule.html")
    code = page.locator("main pre").first
    fade = "box => getComputedStyle(box).maskImage.split(',')[0]"
    widen(page, 1280)
    assert code.evaluate(fade) == "none"  # nothing is hidden
    widen(page, 360)
    assert code.evaluate(fade) == "linear-gradient(270deg"
    code.evaluate("box => box.scrollTo(box.scrollWidth, 0)")
    frame(page)
    assert code.evaluate(fade) == "linear-gradient(90deg"


@every_page
def test_pictures_keep_their_shape_where_it_is_narrow(themes, site, name):
    page = visit(themes["light"], f"{site}/{name}")
    widen(page, 360)
    page.evaluate("for (const image of document.images) image.loading = 'eager'")
    page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")
    assert page.evaluate("access.bent()") == []


def test_what_zoom_cuts_off_is_found(themes, site):
    page = visit(themes["light"], f"{site}/{WITH_FIGURES[0]}")
    style(page, "article p { height: 5px; overflow: hidden } output { margin: -1em }")
    assert page.evaluate("access.cut()") != []
    assert page.evaluate("access.overlapping()") != []


# Colours


@every_figure
@pytest.mark.parametrize("theme", THEMES)
def test_every_line_of_a_plot_stands_out_from_the_paper(themes, site, name, theme):
    page, faint = visit(themes[theme], f"{site}/{name}"), []
    for scheme in THEMES:
        page.emulate_media(forced_colors="active", color_scheme=scheme)
        faint += page.evaluate("access.faint()")
    page.emulate_media(forced_colors="none", color_scheme=theme)
    assert faint + page.evaluate("access.faint()") == []
    pale = "color-mix(in srgb, gray 10%, Canvas) !important"
    style(page, f".live-figure svg * {{ fill: none !important; stroke: {pale} }}")
    assert page.evaluate("access.faint()") != []


def test_a_chosen_entry_shows_where_colours_are_forced(themes, site):
    page, looks = themes["light"], []
    page.emulate_media(forced_colors="active")
    for name in WITH_FIGURES:
        looks += visit(page, f"{site}/{name}").evaluate("access.chosen()")
    page.emulate_media(forced_colors="none")
    chosen, others = ({look for was, look in looks if was is kind} for kind in (True, False))
    assert chosen
    assert others
    assert not chosen & others
