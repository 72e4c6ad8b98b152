"""On paper: a chapter prints whole and clean, and the book is one tagged PDF with bookmarks."""

import re
import subprocess
import sys
import unicodedata
from itertools import pairwise
from pathlib import Path

import pdf
import pytest
from conftest import chromium
from operate import wake
from pypdf import PdfReader
from test_light import ORDER
from test_site import PAGES

ROOT = Path(__file__).parents[2]
SHEET = {"width": 658, "height": 980}  # A4 less its margins, in CSS pixels


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    out = tmp_path_factory.mktemp("pdf") / "book.pdf"
    command = [sys.executable, ROOT / "tools" / "pdf.py", out]
    printed = subprocess.run(
        command, env={"CHROMIUM": chromium()}, capture_output=True, text=True, check=False
    )
    assert printed.returncode == 0, printed.stderr
    return PdfReader(out)


@pytest.fixture(scope="module")
def texts(book):
    """What each sheet says."""
    return [sheet.extract_text() for sheet in book.pages]


def bookmarks(reader):
    """Chapters and their sections as the reader's sidebar shows them: title, sheet, sections."""
    found = []
    for item in reader.outline:
        if isinstance(item, list):
            found[-1][2].extend((i.title, reader.get_destination_page_number(i)) for i in item)
        else:
            found.append((item.title, reader.get_destination_page_number(item), []))
    return found


def headings(page, site, name):
    page.goto(f"{site}/{name}")
    words = "hs => hs.map((h) => h.firstChild.textContent.trim())"
    return [page.locator(f"article {level}").evaluate_all(words) for level in ("h1", "h2")]


def squeezed(text):
    return "".join(unicodedata.normalize("NFKC", text).split())


def test_the_book_holds_every_chapter_with_a_bookmark_that_leads_to_it(book, texts, page, site):
    chapters = bookmarks(book)
    for (title, sheet, sections), name in zip(chapters, ORDER, strict=True):
        (expected,), below = headings(page, site, name)
        assert title == expected
        assert squeezed(title) in squeezed(texts[sheet])
        assert len(sections) == len(below)
        for section, at in sections:
            # Letters of a formula are drawn apart from the words around it.
            parts = re.findall(r"[\w’-]{3,}", section) if "(" in section else [section]
            assert all(squeezed(part) in squeezed(texts[at]) for part in parts), section
    starts = [sheet for _, sheet, _ in chapters]
    assert starts[0] == 2
    assert all(before < after for before, after in pairwise(starts))


def test_sheets_are_numbered_through_and_the_contents_name_them(book, texts):
    for number, text in enumerate(texts[2:], 3):
        words = text.split()
        assert str(number) in (words[0], words[-1])
    assert "Down to a Scalar" in texts[0]
    for title, sheet, _ in bookmarks(book):
        assert f"{squeezed(title)}{sheet + 1}" in squeezed(texts[1])


def test_a_formula_alone_on_its_sheet_is_tagged(page, site):
    page.goto(f"{site}/{ORDER[1]}")
    page.evaluate(pdf.READY)
    lone = "formula => document.querySelector('article').replaceChildren(formula)"
    page.locator(".katex-display").first.evaluate(lone)
    (sheet,) = pdf.paper(page).pages
    assert sheet.resources.Font  # letters are drawn
    assert "/StructParents" in sheet


def test_a_page_without_a_letter_is_refused(page):
    page.set_content("<title>Nothing</title>")
    with pytest.raises(SystemExit, match=r"'Nothing'.*font"):
        pdf.paper(page)


def test_links_between_chapters_lead_to_sheets(book):
    links = [link.get_object() for sheet in book.pages for link in sheet.get("/Annots", [])]
    addresses = [str(link["/A"]["/URI"]) for link in links if "/A" in link]
    assert addresses
    assert [a for a in addresses if not a.startswith("https://")] == []
    inner = [link["/Dest"] for link in links if "/Dest" in link]
    assert len(inner) > len(PAGES)
    sheets = {sheet.indirect_reference.idnum for sheet in book.pages}
    assert {dest[0].indirect_reference.idnum for dest in inner} <= sheets


def test_the_book_is_tagged(book, texts):
    root = book.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    tree = root["/StructTreeRoot"]
    numbers = tree["/ParentTree"]["/Nums"]
    tags = dict(zip(numbers[::2], numbers[1::2], strict=True))
    assert list(tags) == list(range(tree["/ParentTreeNextKey"]))
    for number, (sheet, text) in enumerate(zip(book.pages, texts, strict=True), 1):
        if "/StructParents" not in sheet:
            assert text.split() == [str(number)], f"Sheet {number} says more than its tags."
            continue
        marks = [mark.get_object() for mark in tags[sheet["/StructParents"]].get_object()]
        assert marks
        own = [mark for mark in marks if mark.get("/Pg")]
        assert any(mark["/Pg"].indirect_reference == sheet.indirect_reference for mark in own)
        for link in sheet.get("/Annots", []):
            assert tags[link.get_object()["/StructParent"]].get_object()["/S"] == "/Link"


@pytest.mark.parametrize("name", ORDER)
def test_a_chapter_prints_whole_and_clean(page, site, name):
    page.add_init_script(path=Path(__file__).with_name("access.js"))
    page.set_viewport_size(SHEET)
    page.goto(f"{site}/{name}")
    wake(page)
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= SHEET["width"]
    assert page.evaluate("access.cut()") == []
    # A drill's boxes stay, to write in, and a cotangent's, which show its numbers.
    controls = "input:not(.live-typing *, [data-cotangent])"
    for screen_only in (".bar", ".tools", "nav", "footer", controls):
        assert page.locator(f"{screen_only}:visible").count() == 0, screen_only
    assert page.locator(":is(.copybtn, .headerlink):visible").count() == 0
    assert page.locator("h1:visible").count() == 1
    whole = page.locator(
        "article :is(pre, .katex, table, figure, p:not(:empty, summary p, .start p))"
    )
    hidden = "ns => ns.filter((n) => !n.checkVisibility()).map((n) => n.outerHTML.slice(0, 160))"
    assert whole.evaluate_all(hidden) == []
    scrolling = """ns => ns.filter((n) => getComputedStyle(n).overflowX !== "visible"
        && n.scrollWidth > n.clientWidth + 1).map((n) => n.outerHTML.slice(0, 160))"""
    assert whole.evaluate_all(scrolling) == []
    beyond = """(parts, edge) => parts.filter((part) => part.getBoundingClientRect().right > edge)
        .map((part) => part.textContent)"""
    assert page.locator("article .katex .base").evaluate_all(beyond, SHEET["width"] + 1) == []
    addresses = """links => links.map((link) => getComputedStyle(link, "::after").content)"""
    for address in page.locator("article a.external").evaluate_all(addresses):
        assert "http" in address


def test_what_paper_would_lose_is_found(page, site):
    page.add_init_script(path=Path(__file__).with_name("access.js"))
    page.goto(f"{site}/{PAGES[0]}")
    page.emulate_media(media="print")
    flat = "pre => pre.setAttribute('style', 'height: 5px; overflow: hidden !important')"
    page.locator("article pre").first.evaluate(flat)
    assert page.evaluate("access.cut()") != []


@pytest.mark.parametrize("chosen", ["auto", "dark"])
def test_paper_is_light_on_a_dark_screen(browser, site, chosen):
    context = browser.new_context(color_scheme="dark")
    context.add_init_script(f"localStorage.mode = '{chosen}'")
    page = context.new_page()
    page.goto(f"{site}/index.html")
    wake(page)
    ink = "node => getComputedStyle(node).color"
    words = [
        page.locator(f"{place} >> visible=true").first for place in ("article p", "figcaption")
    ]
    light = [min(map(int, re.findall(r"\d+", word.evaluate(ink)))) for word in words]
    page.emulate_media(media="print")
    dark = [max(map(int, re.findall(r"\d+", word.evaluate(ink)))) for word in words]
    assert min(light) > 150
    assert max(dark) < 120
    context.close()
