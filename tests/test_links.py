"""Links, anchors, references and pictures of the built site: each leads somewhere and is named."""

from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from bs4 import BeautifulSoup

SITE = Path(__file__).parents[1] / "_build" / "html"
REFERENCES = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "aria-owns", "headers")


@cache
def parsed(file):
    return BeautifulSoup(file.read_text("utf-8"), "html.parser")


@cache
def anchors(file):
    return {node["id"] for node in parsed(file).select("[id]")}


def links(file):
    """Links within the site that lead nowhere: to no file, or to no anchor in it."""
    for node in parsed(file).select("a, area, link[href]"):
        address, anchor = urldefrag(node.get("href", ""))
        if urlsplit(address).scheme or address.startswith("//"):
            continue
        if not address and not anchor and node.get("href") != "#":
            yield f"a link without an address: {node}"
            continue
        target = (file.parent / unquote(urlsplit(address).path)).resolve() if address else file
        if not target.is_file():
            yield f"a link to no file: {node}"
        elif anchor and target.suffix == ".html" and unquote(anchor) not in anchors(target):
            yield f"a link to no anchor: {node}"


def names(file):
    """Links without words, and pictures without words or with a file's name for them."""
    page = parsed(file)
    for node in page.select("a"):
        pictures = [image.get("alt", "") for image in node.select("img, svg")]
        if not (node.get_text(strip=True) or node.get("aria-label") or any(pictures)):
            yield f"a link without words: {node}"
    for node in page.select("img"):
        words = node.get("alt", "").strip()
        if len(words) < 10 or words.endswith((".png", ".svg", ".jpg")):
            yield f"a picture without words: {node}"


def references(file):
    """Ids that stand twice, and references to ids that stand nowhere."""
    page = parsed(file)
    for name, count in Counter(node["id"] for node in page.select("[id]")).items():
        if count > 1:
            yield f"an id that stands {count} times: {name}"
    for attribute in REFERENCES:
        for node in page.select(f"[{attribute}]"):
            value = node[attribute]
            for name in value.split() if isinstance(value, str) else value:
                if name not in anchors(file):
                    yield f"{attribute} names no element: {name}"


def outline(file):
    """A page without one title, or with a heading that skips a level."""
    heads = parsed(file).select("main :is(h1, h2, h3, h4, h5, h6)")
    levels = [int(head.name[1]) for head in heads]
    if levels.count(1) != 1 or levels[0] != 1:
        yield f"titles: {[str(head) for head in heads if head.name == 'h1']}"
    for head, before, level in zip(heads[1:], levels, levels[1:], strict=False):
        if level > before + 1:
            yield f"a heading that skips a level: {head}"


CHECKS = (links, names, references, outline)


def problems(file):
    return [problem for check in CHECKS for problem in check(file)]


def pages():
    return sorted(SITE.glob("**/*.html"))


def test_the_site_is_built():
    assert (SITE / "index.html").exists(), "there is no built site: run `make book`"


@pytest.mark.parametrize(
    "file", [p for p in pages() if "_static" not in p.parts], ids=lambda p: p.stem
)
def test_every_link_leads_somewhere_and_everything_is_named(file):
    assert problems(file) == []


SOUND = """<main><h1>Title</h1><a href="#here">here</a><h2 id="here">Here</h2>
<a href="other.html#there">there</a><a href="other%20one.html">that</a><label for="box">Box</label>
<input id="box"><img src="x.png" alt="A curve that rises">
<a href="https://example.org">elsewhere</a></main>"""
BROKEN = {
    "no file": ("other.html#there", "gone.html"),
    "no anchor of this page": ('"#here"', '"#gone"'),
    "no anchor of another page": ("#there", "#gone"),
    "no address": ('href="#here"', ""),
    "an empty address": ('href="#here"', 'href=""'),
    "no words in a link": (">there<", "><"),
    "no words for a picture": ("A curve that rises", ""),
    "a file for words": ("A curve that rises", "curve_that_rises.png"),
    "an id twice": ("<input", '<i id="here"></i><input'),
    "a label of nothing": ('for="box"', 'for="bux"'),
    "two titles": ("<h2", "<h1>Another</h1><h2"),
    "no title": ("<h1>Title</h1>", ""),
    "a level skipped": ("h2", "h3"),
}


def site_of(folder, text):
    (folder / "index.html").write_text(text, "utf-8")
    (folder / "other.html").write_text('<h1 id="there">Other</h1>', "utf-8")
    (folder / "other one.html").write_text("<h1>One</h1>", "utf-8")
    return folder / "index.html"


def test_a_sound_page_passes(tmp_path):
    assert problems(site_of(tmp_path, SOUND)) == []


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_page_fails(tmp_path, broken):
    text = SOUND.replace(*broken)
    assert text != SOUND
    assert len(problems(site_of(tmp_path, text))) == 1
