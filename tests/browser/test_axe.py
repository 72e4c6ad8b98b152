"""The built site and axe-core: it finds nothing, in either theme, at any width, used or not."""

import re

import pytest
from operate import READY
from test_access import WIDTHS, WITH_FIGURES, every_page, operate, themes, visit, widen

__all__ = ["themes"]  # a fixture
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]


# What no width and no figure changes: formulas and code, line by line, once is enough.
STILL = ".katex, pre > span, pre > a"


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
        page.evaluate("scrollTo(0, 0)")  # nothing lies under the header
        start_axe(page, place)
    return {theme: found for theme, page in pages.items() if (found := end_axe(page))}


def remove(page, still):
    page.evaluate(
        "(still) => document.querySelectorAll(`article :is(${still})`).forEach((n) => n.remove())",
        still,
    )


@every_page
def test_axe_finds_nothing_before_and_after_every_figure_is_operated(themes, site, name):
    for page in themes.values():
        visit(page, f"{site}/{name}")
    found = {}
    for width in WIDTHS:
        for page in themes.values():
            widen(page, width)
        found[width, "before"] = axe(themes)
        for page in themes.values():
            remove(page, STILL)
    if name in WITH_FIGURES:
        for page in themes.values():
            for figure in page.locator(READY).all():
                operate(page, figure)
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
