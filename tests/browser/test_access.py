"""The built site for every reader: axe finds nothing, keys reach everything, nothing is cut off."""

import re
from pathlib import Path

import pytest
from operate import READY, drag, frame

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
PAGES = sorted(path.name for path in SITE.glob("*.html"))
WITH_FIGURES = [name for name in PAGES if 'class="live-mount"' in (SITE / name).read_text("utf-8")]
WIDTHS = (360, 768, 1280)
THEMES = ("light", "dark")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
CONTROLS = "button:enabled, input:enabled, select:enabled"

every_page = pytest.mark.parametrize("name", PAGES)
every_figure = pytest.mark.parametrize("name", WITH_FIGURES)


@pytest.fixture(scope="module")
def themes(browser):
    """One page for each theme, for all tests of this file."""
    contexts = [
        browser.new_context(color_scheme=theme, reduced_motion="reduce") for theme in THEMES
    ]
    script = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    for context in contexts:
        context.add_init_script(script)
    yield dict(zip(THEMES, (context.new_page() for context in contexts), strict=True))
    for context in contexts:
        context.close()


def visit(page, address):
    page.goto(address, wait_until="load")
    figures = page.locator(".live-mount").count()
    if figures:
        page.locator(READY).nth(figures - 1).wait_for()
    return page


def widen(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    frame(page)


def start_axe(page, place):
    """Let axe begin, without waiting for its end: both themes are then looked at together."""
    page.evaluate(
        "([place, options]) => { window.found = axe.run(place, options); }",
        [place, {"runOnly": RULES, "resultTypes": ["violations"]}],
    )


def end_axe(page):
    """What axe has found: a rule, and the element that breaks it."""
    return page.evaluate(
        """async () => (await found).violations.flatMap(({ id, nodes }) =>
            nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))"""
    )


def axe(pages, place="html"):
    for page in pages.values():
        start_axe(page, place)
    return {theme: found for theme, page in pages.items() if (found := end_axe(page))}


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
        elif kind == "number":
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


@every_page
def test_axe_finds_nothing_before_and_after_every_figure_is_operated(themes, site, name):
    for page in themes.values():
        visit(page, f"{site}/{name}")
    found = {}
    for width in WIDTHS:
        for page in themes.values():
            widen(page, width)
        found[width, "before"] = axe(themes)
    if name in WITH_FIGURES:
        for page in themes.values():
            for figure in page.locator(READY).all():
                operate(page, figure)
        for page in themes.values():
            page.evaluate(
                "document.querySelectorAll('article :is(.katex, pre)').forEach(n => n.remove())"
            )
        for width in reversed(WIDTHS):
            for page in themes.values():
                widen(page, width)
            found[width, "after"] = axe(themes, "figure.live-figure")
    assert {state: problems for state, problems in found.items() if problems} == {}


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
def test_axe_finds_what_is_broken(themes, site, broken, rule):
    page = visit(themes["light"], f"{site}/{WITH_FIGURES[0]}")
    page.evaluate(broken)
    start_axe(page, "html")
    assert {re.match(r"[\w-]+", line)[0] for line in end_axe(page)} >= {rule}
