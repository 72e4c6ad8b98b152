"""Correct the theme's HTML where a reader of keys or of ears is lost, as each page is written."""

import re
from collections.abc import Callable
from typing import Any

from sphinx.application import Sphinx
from sphinx.jinja2glue import BuiltinTemplateLoader


def folded(found: re.Match[str]) -> str:
    """A summary that knows what it stands for on paper, where nothing is folded."""
    return f'<summary data-print="{found[1].capitalize()}">'


def columns(found: re.Match[str]) -> str:
    """Text with each line that has columns, two spaces apart or an array's, marked as a row."""
    row = r'<span class="text-row">\1</span>'
    return found[1] + re.sub(r"^((?=.*\S {2,}\S| *\[).*)$", row, found[2], flags=re.M)


CORRECTIONS: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
    # Every dialog, landmark and button says what it is.
    (r'<dialog id="pst-search-dialog"', r'\g<0> aria-label="Search"'),
    (r'<dialog id="pst-primary-sidebar-modal"', r'\g<0> aria-label="The book"'),
    (r'<dialog id="pst-secondary-sidebar-modal"', r'\g<0> aria-label="On this page"'),
    (r'<form class="bd-search', r'<form role="search" class="bd-search'),
    (r'<div id="pst-primary-sidebar"', r'\g<0> role="navigation" aria-label="The book"'),
    (r'(<nav class="bd-links[^>]*) aria-label="Main"', r'\1 aria-label="Chapters"'),
    (r'title="Toggle primary sidebar"', 'title="Chapters" aria-label="Chapters"'),
    (r'title="Toggle secondary sidebar"', 'title="On this page" aria-label="On this page"'),
    (r'aria-label="Color mode"( data-bs-title=)"Color mode"', r'aria-label="Colours"\1"Colours"'),
    # A name is what is seen: no other name over it.
    (r'(<button class="btn search-button-field[^>]*?) title="Search" aria-label="Search"', r"\1"),
    (r'(<i class="theme-switch[^>]*?)\s+title="[^"]*"', r"\1"),
    (r'<summary aria-label="Toggle hidden content">', "<summary>"),
    (r'<summary>(?=\s*<p class="collapsed admonition-title">Show (.*?)<)', folded),
    (r'(<a class="headerlink"[^>]*) title=', r'\1 aria-label="Link to this heading" title='),
    # Where no script chooses, the colours are the light ones.
    (r'<html([^>]*) data-theme="auto"', r'<html\1 data-theme="light"'),
    # The page in the list of pages is this one.
    (r'<a class="current reference internal"', r'\g<0> aria-current="page"'),
    # One title a page: the theme adds a second one, with a list of contents, for print.
    (r'<div id="jb-print-docs-body".*?(?=<div id="searchbox">)', ""),
    # Columns of what is printed or raised stand: their lines scroll, sentences wrap.
    (
        r'(<div class="output [^>]*>\s*<div class="highlight"><pre>(?:<span></span>)?)'
        r"(.*?)(?=</pre>)",
        columns,
    ),
]


def correct(page: str) -> str:
    """The page with every correction made."""
    for pattern, replacement in CORRECTIONS:
        page = re.sub(pattern, replacement, page, flags=re.S)
    return page


class Pages(BuiltinTemplateLoader):
    """The theme's templates, corrected."""

    def render(self, template: str, context: dict[str, Any]) -> str:
        return correct(super().render(template, context))


def use(app: Sphinx, config: Any) -> None:
    config.template_bridge = f"{__name__}.{Pages.__name__}"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", use)
    return {"parallel_read_safe": True}
