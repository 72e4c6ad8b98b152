"""The built site and axe-core: it finds nothing, in either theme, at any width, used or not."""

import re

import pytest
from operate import READY, frame
from test_access import (
    THEMES,
    WIDTHS,
    WITH_FIGURES,
    every_page,
    operate,
    themes,
    visit,
    widen,
)

__all__ = ["themes"]  # a fixture
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]


# What no width and no figure changes: formulas and code, line by line, once is enough.
STILL = ".katex, pre > span, pre > a"


def axe(page, place="html"):
    """What axe finds: a rule, and the element that breaks it."""
    page.evaluate("scrollTo(0, 0)")  # nothing lies under the header
    return page.evaluate(
        """async ([place, options]) => (await axe.run(place, options)).violations.flatMap(
            ({ id, nodes }) => nodes.map(({ html, failureSummary: why }) => `${id}: ${html} ${why}`)
        )""",
        [place, {"runOnly": RULES, "resultTypes": ["violations"]}],
    )


def in_both(page, place="html"):
    """What axe finds in either theme, as the device's light goes off and on."""
    found = {}
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        page.locator(f"html[data-theme={theme}]").wait_for()
        frame(page)
        found[theme] = axe(page, place)
    return {theme: problems for theme, problems in found.items() if problems}


def remove(page, still):
    page.evaluate(
        "(still) => document.querySelectorAll(`article :is(${still})`).forEach((n) => n.remove())",
        still,
    )


@every_page
def test_axe_finds_nothing_before_and_after_every_figure_is_operated(themes, site, name):
    page = visit(themes["light"], f"{site}/{name}")
    found = {}
    for width in WIDTHS:
        widen(page, width)
        found[width, "before"] = in_both(page)
        remove(page, STILL)
    if name in WITH_FIGURES:
        for figure in page.locator(READY).all():
            operate(page, figure)
        for width in reversed(WIDTHS):
            widen(page, width)
            found[width, "after"] = in_both(page, "figure.live-figure")
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
    page = themes["light"]
    page.emulate_media(color_scheme="light")
    visit(page, f"{site}/{WITH_FIGURES[0]}")
    page.evaluate(broken)
    assert {re.match(r"[\w-]+", line)[0] for line in axe(page)} >= {rule}
