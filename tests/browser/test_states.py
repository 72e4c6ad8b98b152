"""Every page in every state, narrow or zoomed, light or dark, used or not: it loses nothing."""

import re

import pytest
from operate import READY, drag, frame
from test_access import PAGES, THEMES, WITH_FIGURES, axe, readers_page, style, turn, visit, widen

WIDTHS = (360, 768, 1280)
CONTROLS = "button:enabled, input:enabled, select:enabled"

# What no width and no figure changes: formulas and code, line by line, once is enough.
STILL = ".katex, pre > span, pre > a"


@pytest.fixture(scope="module", params=PAGES)
def opened(browser, site, request):
    """A page of the site, opened once: a test leaves it as it was, but for the last two."""
    with readers_page(browser, "light") as page:
        yield visit(page, f"{site}/{request.param}")


def test_every_target_is_24_pixels_wide_and_high(opened):
    for width in WIDTHS:
        widen(opened, width)
        assert opened.evaluate("access.small()") == []


def test_pictures_keep_their_shape_where_it_is_narrow(opened):
    widen(opened, 360)
    opened.evaluate("for (const image of document.images) image.loading = 'eager'")
    opened.evaluate("Promise.all([...document.images].map((image) => image.decode()))")
    assert opened.evaluate("access.bent()") == []


def test_zoom_cuts_nothing_off(opened):
    """A window of 1280 pixels at 200 and 400 percent; then letters alone twice as large."""
    letters = "size => document.documentElement.style.setProperty('font-size', size, 'important')"
    for width, text in ((640, "100%"), (320, "100%"), (768, "200%"), (1280, "200%")):
        opened.set_viewport_size({"width": width, "height": 512})
        opened.evaluate(letters, text)
        frame(opened)
        frame(opened)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.evaluate("access.cut()") == []
        assert opened.evaluate("access.overlapping()") == []
    opened.evaluate(letters, "")


def test_every_line_of_a_plot_stands_out_from_the_paper(opened):
    for theme in reversed(THEMES):
        turn(opened, theme)
        assert opened.evaluate("access.faint()") == [], theme
        opened.emulate_media(forced_colors="active")
        assert opened.evaluate("access.faint()") == [], f"{theme}, forced"
        opened.emulate_media(forced_colors="none")


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


def in_both(page, place="html"):
    """What axe finds in either theme, as the device's light goes off and on."""
    found = {}
    for theme in THEMES:
        turn(page, theme)
        found[theme] = axe(page, place)
    return {theme: problems for theme, problems in found.items() if problems}


def remove(page, still):
    page.evaluate(
        "(still) => document.querySelectorAll(`article :is(${still})`).forEach((n) => n.remove())",
        still,
    )


def test_axe_finds_nothing_and_nothing_moves_unasked_while_every_figure_is_operated(opened):
    found = {}
    for theme in THEMES:
        turn(opened, theme)
        opened.evaluate("access.note()")
    opened.evaluate("access.thin()")
    for width in WIDTHS:
        widen(opened, width)
        found[width, "before"] = in_both(opened)
        remove(opened, STILL)
    opened.evaluate("access.watch()")
    figures = opened.locator(READY).all()
    for figure in figures:
        operate(opened, figure)
    for width in reversed(WIDTHS if figures else ()):
        widen(opened, width)
        found[width, "after"] = in_both(opened, "figure.live-figure")
    assert {state: problems for state, problems in found.items() if problems} == {}
    opened.locator(".colours:visible").click()
    frame(opened)
    assert opened.evaluate("access.moved()") == []
    assert opened.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_what_shuts_a_reader_out_is_found(opened):
    opened.evaluate("access.watch()")
    style(opened, "h1 { transition: padding 5s !important } html h1 { padding: 9px }")
    assert opened.evaluate("access.moved()") != []
    style(opened, "h1 { height: 5px; overflow: hidden }")
    assert opened.evaluate("access.cut()") != []
    pale = "color-mix(in srgb, gray 10%, Canvas) !important"
    style(opened, f".live-figure svg * {{ fill: none !important; stroke: {pale} }}")
    assert bool(opened.evaluate("access.faint()")) == bool(
        opened.locator(".live-figure svg").count()
    )
    style(opened, "output { margin: -1em }")
    assert bool(opened.evaluate("access.overlapping()")) == bool(opened.locator("output").count())
    style(opened, "button { height: 10px !important; min-height: 0 !important }")
    assert opened.evaluate("access.small()") != []


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (
            "document.querySelector('figure.live-figure .live-button').textContent = ''",
            "button-name",
        ),
        ("document.querySelector('article p').style.color = '#999'", "color-contrast"),
        ("document.querySelector('h1').outerHTML = '<h4>title</h4>'", "page-has-heading-one"),
        ("document.documentElement.lang = ''", "html-has-lang"),
    ],
)
def test_axe_finds_what_is_broken(browser, site, broken, rule):
    with readers_page(browser, "light") as page:
        visit(page, f"{site}/{WITH_FIGURES[0]}").evaluate(broken)
        assert {re.match(r"[\w-]+", line)[0] for line in axe(page)} >= {rule}
