"""Correct a page's words where a reader of keys, of ears or of paper is lost."""

import re
from collections.abc import Callable
from typing import Any

from sphinx.application import Sphinx


def folded(found: re.Match[str]) -> str:
    """A summary that knows what it stands for on paper, where nothing is folded."""
    return f'<summary data-print="{found[1].capitalize()}">'


def columns(found: re.Match[str]) -> str:
    """Text with each line that has columns, two spaces apart or an array's, marked as a row."""
    row = r'<span class="text-row">\1</span>'
    return found[1] + re.sub(r"^((?=.*\S {2,}\S| *\[).*)$", row, found[2], flags=re.M)


CORRECTIONS: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
    # A name is what is seen: no other name over it.
    (r'<summary aria-label="Toggle hidden content">', "<summary>"),
    (r'<summary>(?=\s*<p class="collapsed admonition-title">Show (.*?)<)', folded),
    (r'(<a class="headerlink"[^>]*) title=', r'\1 aria-label="Link to this heading" title='),
    # Columns of what is printed or raised stand: their lines scroll, sentences wrap.
    (
        r'(<div class="output [^>]*>\s*<div class="highlight"><pre>(?:<span></span>)?)'
        r"(.*?)(?=</pre>)",
        columns,
    ),
]


def correct(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    for pattern, replacement in CORRECTIONS:
        context["body"] = re.sub(pattern, replacement, context.get("body", ""), flags=re.S)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", correct, priority=910)
    return {"parallel_read_safe": True}
