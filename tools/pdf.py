"""The whole book as one PDF: every page printed by Chromium, joined in the order of the contents.

    python tools/pdf.py [_build/down-to-a-scalar.pdf]

Chromium sets each page and tags it; pikepdf joins them, so that links between chapters lead to
pages, every heading is a bookmark, and a reader of tags meets one document.
"""

import html
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import yaml
from browser import find
from pikepdf import Array, Dictionary, Name, ObjectStreamMode, OutlineItem, Pdf
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build" / "html"
READY = """async () => {
    await document.fonts.ready;
    for (const mount of document.querySelectorAll(".live-mount")) {
        mount.scrollIntoView();
        while (!mount.querySelector("figure[data-ready=true]")) {
            await new Promise(requestAnimationFrame);
        }
    }
    for (const image of document.images) image.loading = "eager";
    const pictures = [...document.images].map((image) => image.decode());
    await Promise.all(pictures);
    // Only what is drawn can be tagged: of a formula's two forms, the one that is not MathML.
    for (const drawn of document.querySelectorAll(".katex-html")) {
        drawn.removeAttribute("aria-hidden");
        drawn.previousElementSibling.ariaHidden = "true";
    }
}"""
HEADINGS = """() => [...document.querySelectorAll("article section[id]")].flatMap((section) => {
    const heading = section.querySelector(":scope > :is(h1, h2)");
    if (!heading) return [];
    const words = [...heading.childNodes].filter((node) => !node.matches?.(".headerlink"));
    const text = words.map((n) => n.querySelector?.("annotation")?.textContent ?? n.textContent);
    return [[Number(heading.tagName[1]), section.id, text.join("").trim()]];
})"""


class Quiet(SimpleHTTPRequestHandler):
    """Serve files and print nothing."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript"}

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which this machine, and no other, is served `folder`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@dataclass
class Chapter:
    """One page of the site, printed: its headings (level, anchor, words), its first page."""

    name: str
    pdf: Pdf
    headings: list[tuple[int, str, str]]
    start: int

    @property
    def title(self) -> str:
        return self.headings[0][2]


def contents() -> tuple[dict[str, str], list[tuple[str, list[str]]]]:
    """Title and author, and the parts in order: a name, and the pages that stand in it."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    parts = [
        (p["caption"], [f["file"] for c in p["chapters"] for f in (c, *c.get("sections", []))])
        for p in toc["parts"]
    ]
    return {"title": config["title"], "author": config["author"]}, [("", [toc["root"]]), *parts]


def paper(page: Page) -> Pdf:
    printed = Pdf.open(io.BytesIO(page.pdf(tagged=True, prefer_css_page_size=True)))
    if "/StructTreeRoot" not in printed.Root:
        sys.exit(
            f"Chromium drew no letter of {page.title()!r}, so there is nothing to tag. Has this "
            "machine a font? Install one: on Debian, fonts-dejavu-core."
        )
    return printed


def print_chapter(page: Page, site: str, name: str, start: int) -> Chapter:
    """Print one page of the site, its first sheet numbered `start` + 1."""
    page.goto(f"{site}{name}.html", wait_until="load")
    page.evaluate(READY)
    page.evaluate("n => { document.documentElement.style.counterReset = `page ${n}`; }", start)
    return Chapter(name, paper(page), page.evaluate(HEADINGS), start)


def print_front(
    page: Page, site: str, book: dict[str, str], parts: list[tuple[str, list[Chapter]]]
) -> Chapter:
    """Print the title page, and a page with the contents."""
    lines = []
    for part, chapters in parts:
        lines += [f"<h2>{html.escape(part)}</h2>"] if part else []
        for chapter in chapters:
            title, number = html.escape(chapter.title), chapter.start + 1
            lines.append(f'<p><a href="{site}{chapter.name}.html">{title}</a><b>{number}</b></p>')
    title, author = html.escape(book["title"]), html.escape(book["author"])
    page.goto("about:blank")  # away from the site's Content-Security-Policy, which bars <style>
    page.set_content(
        f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>
        @page {{ size: A4; margin: 30mm 25mm }}
        body {{ font: 11pt/1.5 system-ui, sans-serif; color: #1b2230 }}
        h1 {{ font: 34pt/1.2 Georgia, "DejaVu Serif", serif; margin: 35mm 0 0 }}
        h2 {{ font-size: 9.5pt; font-weight: 400; color: #586173; margin: 6mm 0 0 }}
        h2 {{ break-after: avoid }}
        h1 + p {{ color: #586173 }} main {{ break-before: page; columns: 2; column-gap: 12mm }}
        p {{ display: flex; justify-content: space-between; margin: 0.6mm 0 }}
        a {{ color: inherit; text-decoration: none }} b {{ font-weight: 400 }}
        </style><h1>{title}</h1><p>{author}</p><main>{"".join(lines)}</main></html>"""
    )
    return Chapter("", paper(page), [], 0)


Place = tuple[int, list[Any]]  # a sheet of the book, and where on it, as PDF 32000-1, 12.3.2.2


def anchors(chapter: Chapter) -> dict[str, Place]:
    """Each anchor's sheet in the book and place on it; the empty one is the chapter's beginning."""
    numbers = {sheet.objgen: number for number, sheet in enumerate(chapter.pdf.pages)}
    found: dict[str, Place] = {"": (chapter.start, [Name.FitH])}
    for name, (sheet, *place) in chapter.pdf.Root.get("/Dests", {}).items():
        if sheet is not None and sheet.objgen in numbers:
            found[name.lstrip("/")] = (chapter.start + numbers[sheet.objgen], place)
    return found


def relink(whole: Pdf, chapter: Chapter, places: dict[str, dict[str, Place]], site: str) -> None:
    """Let the links of one chapter that stay in the book lead to its sheets."""
    for number in range(chapter.start, chapter.start + len(chapter.pdf.pages)):
        for link in whole.pages[number].get("/Annots", []):
            action = link.get("/A", {})
            address = str(action.get("/URI", ""))
            if address.startswith(site):
                name, _, anchor = address.removeprefix(site).partition(".html")
            elif "/URI" not in action:
                name, anchor = chapter.name, str(link.get("/Dest", action.get("/D", "")))
            else:
                continue
            known = places.get(name)
            if known is None:
                continue
            target, place = known.get(anchor.lstrip("#/"), known[""])
            if "/A" in link:
                del link.A
            link.Dest = Array([whole.pages[target].obj, *place])


def add_tags(whole: Pdf, chapter: Chapter) -> None:
    """Hang the structure of one chapter into the whole's.

    PDF 32000-1, 14.7: each sheet and link names a number, and the parent tree says which tags
    these stand for, so numbers of a later document begin where those of the one before end.
    """
    tree, part = whole.Root.StructTreeRoot, whole.copy_foreign(chapter.pdf.Root.StructTreeRoot)
    shift = int(tree.ParentTreeNextKey)
    part.K.P = tree
    tree.K.append(part.K)
    numbers = part.ParentTree.Nums
    for number, tags in zip(numbers[::2], numbers[1::2], strict=True):
        tree.ParentTree.Nums.extend([shift + number, tags])
    tree.ParentTreeNextKey = shift + int(part.ParentTreeNextKey)
    for sheet in whole.pages[chapter.start :]:
        if "/StructParents" in sheet:  # a sheet with nothing but its number has none
            sheet.StructParents = shift + int(sheet.StructParents)
        for link in sheet.get("/Annots", []):
            if "/StructParent" in link:
                link.StructParent = shift + int(link.StructParent)


def join(front: Chapter, chapters: list[Chapter], book: dict[str, str], site: str) -> Pdf:
    """All sheets in one document, with bookmarks, links and tags that hold in it."""
    whole = Pdf.new()
    whole.Root.Lang = "en"
    whole.Root.MarkInfo = Dictionary(Marked=True)
    whole.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
    whole.Root.StructTreeRoot = whole.make_indirect(
        Dictionary(
            Type=Name.StructTreeRoot,
            K=[],
            ParentTree=Dictionary(Nums=[]),
            ParentTreeNextKey=0,
        )
    )
    whole.docinfo.Title, whole.docinfo.Author = book["title"], book["author"]
    for chapter in (front, *chapters):
        for sheet in chapter.pdf.pages:
            whole.pages.append(sheet)
        add_tags(whole, chapter)
    places = {chapter.name: anchors(chapter) for chapter in chapters}
    for chapter in (front, *chapters):
        relink(whole, chapter, places, site)
    with whole.open_outline() as outline:
        for chapter in chapters:
            for level, anchor, words in chapter.headings:
                known = places[chapter.name]
                sheet, place = known.get(anchor, known[""])
                item = OutlineItem(words, Array([whole.pages[sheet].obj, *place]))
                (outline.root if level == 1 else outline.root[-1].children).append(item)
    return whole


def main(out: Path) -> None:
    chromium = os.environ.get("CHROMIUM") or find()
    if not (SITE / "index.html").exists():
        sys.exit("There is no built site to print: run `make book` first.")
    book, parts = contents()
    with served(SITE) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(color_scheme="light", reduced_motion="reduce")
        printed: list[tuple[str, list[Chapter]]] = []
        start = 2  # the title page and the contents
        for part, names in parts:
            printed.append((part, []))
            for name in names:
                printed[-1][1].append(print_chapter(page, site, name, start))
                start += len(printed[-1][1][-1].pdf.pages)
        front = print_front(page, site, book, printed)
        browser.close()
    if len(front.pdf.pages) != 2:
        sys.exit("The contents need more than one sheet: make them smaller.")
    chapters = [chapter for _, group in printed for chapter in group]
    join(front, chapters, book, site).save(out, object_stream_mode=ObjectStreamMode.generate)
    print(f"{out}: {start} sheets")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "_build" / "down-to-a-scalar.pdf"))
