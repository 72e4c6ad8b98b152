"""What the theme's template asks for: the book's contents, a page's opening, the head's two lines.

Every page's Content-Security-Policy admits its own host, one line of script and nothing else.
"""

import hashlib
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

from docutils import nodes
from launch import binder, repository
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

THEMES = Path(__file__).parents[1] / "_theme"
# Before anything is painted: light or dark, where a reader has chosen.
FIRST_SCRIPT = """(d=>{try{let m=localStorage.mode;if(m=="light"||m=="dark")d.theme=m}catch{}
})(document.documentElement.dataset)"""
HASH = b64encode(hashlib.sha256(FIRST_SCRIPT.encode()).digest()).decode()
POLICY = "; ".join(
    [
        "default-src 'none'",
        f"script-src 'self' 'sha256-{HASH}'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",  # KaTeX sets heights in style attributes
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
    ]
)
CHAPTER = re.compile(r"(?:.*/)?(\d\d)_")
ENTRY = re.compile(r'<a class="(current )?reference internal" href="([^"]*)">')


def parts(app: Sphinx) -> dict[str, str]:
    """The name of the part that each page of the contents stands in."""
    found: dict[str, str] = {}
    for tree in app.env.get_doctree(app.config.root_doc).findall(addnodes.toctree):
        for _, page in tree["entries"]:
            below = app.env.toctree_includes.get(page, [])
            found |= dict.fromkeys([page, *below], tree.get("caption") or "")
    return found


def number_of(page: str) -> str:
    """A chapter's number as the text has it, or "" of another page."""
    number = CHAPTER.match(page)
    return number[1].lstrip("0") if number else ""


def chapters(context: dict[str, Any]) -> str:
    """The book's contents as a list of links, chapters with their numbers."""
    tree = context["toctree"](maxdepth=2, collapse=True, includehidden=True, titles_only=True)

    def numbered(found: re.Match[str]) -> str:
        here = found[2] == "#"
        number = number_of(context["pagename"] if here else found[2])
        link = f'<a href="{found[2]}"{" aria-current=page" if here else ""}>'
        return link + (f'<span class="number">{number}</span>' if number else "")

    return ENTRY.sub(numbered, (tree or "").replace(' role="heading"', ""))


def sections(toc: str) -> str:
    """The page's contents less its title, or "" where it has no sections."""
    inner = re.search(r'<a class="reference internal" href="#">.*?</a>\s*(<ul>.*</ul>)', toc, re.S)
    return inner[1] if inner else ""


def dress(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    context |= {"policy": POLICY, "first_script": FIRST_SCRIPT, "author": app.config.author}
    context["chapters"] = chapters(context)
    context["toc_entries"] = sections(context.get("toc", ""))
    context["opening"] = {"number": number_of(pagename), "part": parts(app).get(pagename, "")}
    address, source = repository(), context.get("sourcename") or ""
    if address and source.endswith(".ipynb"):
        context["launch"] = binder(address, f"book/{source}")


class TablesScroll(SphinxPostTransform):
    """A box around each table, which scrolls where the table is wider than the page."""

    default_priority = 500
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        for table in list(self.document.findall(nodes.table)):
            box = nodes.container(classes=["table-box"])
            table.replace_self(box)
            box += table


def use(app: Sphinx, config: Any) -> None:
    """Jupyter Book's options are for another theme."""
    config.html_theme_options = {}


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_theme("scalar", str(THEMES / "scalar"))
    app.add_post_transform(TablesScroll)
    app.connect("config-inited", use)
    app.connect("html-page-context", dress)
    return {"parallel_read_safe": True}
