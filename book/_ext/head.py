"""What a page says of itself to those who only read its head: search engines, cards, feeds.

Each page has a description, its own first words. Where the site's address is known, from
`$DOWN_TO_A_SCALAR_SITE`, each page also has its canonical address and a card with a picture, and
the site has a map.
"""

import html
import os
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from docutils import nodes
from matplotlib.figure import Figure
from sphinx.application import Sphinx

CARD = "card.png"
LONGEST = 160  # characters of a description that are shown


def site_address() -> str:
    """The site's address, `https://HOST/PATH/`, or "" where none is set.

    Raises ValueError where `$DOWN_TO_A_SCALAR_SITE` holds something else.
    """
    address = os.environ.get("DOWN_TO_A_SCALAR_SITE", "")
    if address and not re.fullmatch(r"https?://[\w.-]+(:\d+)?(/[\w./~-]*)?", address):
        raise ValueError(
            f"DOWN_TO_A_SCALAR_SITE is {address!r}, which is no site's address: "
            "write https://HOST/PATH/"
        )
    return address and address.rstrip("/") + "/"


def first_words(doctree: nodes.document) -> str:
    """The page's first paragraph, cut at the end of a sentence, or of a word, of 160 characters."""
    outside = (p for p in doctree.findall(nodes.paragraph) if isinstance(p.parent, nodes.section))
    words = " ".join(next(outside, nodes.paragraph()).astext().split())
    if len(words) <= LONGEST:
        return words
    sentences = [end.end() for end in re.finditer(r"[.?!](?= )", words) if end.end() <= LONGEST]
    if sentences:
        return words[: sentences[-1]]
    return words[: words.rindex(" ", 0, LONGEST - 1)] + " …"


def describe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Add the page's description and card to its head."""
    book = app.config.html_title or app.config.project
    title = re.sub("<[^>]+>", "", context.get("title") or book)
    words = first_words(doctree) if doctree else f"{title}: {book}."
    tags = {"description": words}
    if address := app.config.html_baseurl:
        tags |= {
            "og:type": "article",
            "og:site_name": book,
            "og:title": html.unescape(title),
            "og:description": words,
            "og:url": context.get("pageurl") or address,
            "og:image": f"{address}_static/{CARD}",
            "og:image:alt": "The curve of a loss, and the tangent at one weight.",
            "twitter:card": "summary_large_image",
        }
    context.setdefault("metatags", "")
    for name, content in tags.items():
        key = "property" if name.startswith("og:") else "name"
        context["metatags"] += f'\n    <meta {key}="{name}" content="{html.escape(content)}">'


def draw_card(path: Path, title: str) -> None:
    """A picture of 1200 by 630 pixels: the book's title over a loss and its tangent."""
    weights = np.linspace(-2.2, 3.2, 200)
    losses = 0.5 * (np.tanh(weights) - 0.5) ** 2
    here, y = -0.35, np.tanh(-0.35)
    slope = (y - 0.5) * (1 - y**2)
    with mpl.rc_context({"font.family": "serif", "mathtext.fontset": "cm"}):
        figure = Figure(figsize=(12, 6.3), dpi=100, facecolor="white")
        axes = figure.add_axes((0, 0, 1, 0.72), frame_on=False, xticks=[], yticks=[])
        axes.plot(weights, losses, color="#1c5fa8", linewidth=6)
        near = np.array([-1.5, 0.8])
        tangent = 0.5 * (y - 0.5) ** 2 + slope * (near - here)
        axes.plot(near, tangent, color="#bf3f0a", linewidth=4)
        axes.plot([here], [0.5 * (y - 0.5) ** 2], "o", color="#1b2230", markersize=22)
        figure.text(0.06, 0.8, title, fontsize=62, color="#1b2230")
        figure.text(
            0.06, 0.7, "Why does a framework want one number?", fontsize=28, color="#586173"
        )
        figure.savefig(path, metadata={"Software": None})


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Draw the card and write the map, where the site's address is known."""
    address = app.config.html_baseurl
    if exception or not address or app.builder.name != "html":
        return
    site = Path(app.outdir)
    draw_card(site / "_static" / CARD, app.config.html_title or app.config.project)
    pages = sorted(f"{address}{app.builder.get_target_uri(page)}" for page in app.env.found_docs)
    entries = "".join(f"<url><loc>{html.escape(page)}</loc></url>\n" for page in pages)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    schema = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    (site / "sitemap.xml").write_text(f"{head}<urlset {schema}>\n{entries}</urlset>\n", "utf-8")


def configure(app: Sphinx, config: Any) -> None:
    config.html_baseurl = site_address()


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", configure)
    app.connect("html-page-context", describe, priority=940)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True}
