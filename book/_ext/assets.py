"""Three files for all pages: one style sheet, one script, and what live figures share.

After the build the style sheets become `site.css` and the scripts `site.js`; each font keeps the
characters that the pages show in it. The pages ask for them by a hash of what is in them.
"""

import re
from pathlib import Path
from typing import Any

import lightningcss
import rjsmin
from fonts import letters, shrink_fonts, stamp
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
LIVE = ROOT / "scalarloss" / "live" / "static"
PAGE = LIVE / "page"
KINDS = sorted(path.stem for path in (PAGE / "figures").glob("*.js"))  # each has a script
SCRIPTS = (  # in the order in which they need each other
    "documentation_options.js",
    "doctools.js",
    "sphinx_highlight.js",
    "clipboard.min.js",
    "copybutton.js",
    "scalar.js",
)
STYLES = ("copybutton.css", "katex/katex.min.css", "scalar.css")
PIXELS = 96 / 72  # in a point, the unit of a drawing


def join(app: Sphinx, exception: Exception | None) -> None:
    """Write `site.css`, `site.js`, the fonts and the figures' scripts; stamp their addresses."""
    if exception or app.builder.name != "html":
        return
    site = Path(app.outdir)
    static = site / "_static"
    pages = [page for page in site.rglob("*.html") if "_static" not in page.relative_to(site).parts]
    texts = {page: page.read_text("utf-8") for page in pages}
    style = "\n".join(absolute(static, name) for name in STYLES)
    style += (LIVE / "figures.css").read_text("utf-8")
    style = lightningcss.process_stylesheet(style, error_recovery=True, minify=True)
    for folder in ("fonts", "figures"):
        (static / folder).mkdir(exist_ok=True)
    style, stamps = shrink_fonts(static, style, letters(texts.values()))
    script = ";\n".join((static / name).read_text("utf-8") for name in SCRIPTS)
    names = ("live.js", *(f"figures/{kind}.js" for kind in KINDS))
    files = {name: (PAGE / name).read_text("utf-8") for name in names}
    for name, text in {"site.css": style, "site.js": rjsmin.jsmin(script), **files}.items():
        (static / name).write_text(text, "utf-8")
        stamps[name] = stamp(text.encode())
    sizes = picture_sizes(site / "_images")
    address = "|".join(map(re.escape, stamps))
    for page, text in texts.items():
        stamped = re.sub(
            rf'(_static/({address}))(?:\?v=\w+)?"',
            lambda found: f'{found[1]}?v={stamps[found[2]]}"',
            text,
        )
        stamped = re.sub(
            r'(<img [^>]*src="(?:[^"]*/)?_images/([^"/]+)")(?: width[^>]*)? />',
            lambda found: f"{found[1]}{sizes.get(found[2], '')} />",
            stamped,
        )
        if stamped != text:
            page.write_text(stamped, "utf-8")


def absolute(static: Path, name: str) -> str:
    """A style sheet with the addresses in it as seen from `_static`."""
    folder = Path(name).parent.as_posix()
    text = (static / name).read_text("utf-8")
    return re.sub(r"url\(['\"]?(?!data:|#)([^)'\"?#]+)[^)]*\)", rf"url({folder}/\1)", text)


def thin(drawing: str) -> str:
    """A drawing to a hundredth of a pixel, without a word of who drew it."""

    def rounded(place: re.Match[str]) -> str:
        return re.sub(r"(\d+\.\d\d)\d+", r"\1", place[0])

    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.S)
    return re.sub(r' (?:d|x|y|points)="[^"]*"', rounded, drawing)


def picture_sizes(folder: Path) -> dict[str, str]:
    """Thin each drawing; its size, and its turn, as an image's attributes."""
    found = {}
    for path in folder.glob("*.svg"):
        found[path.name] = ' loading="lazy"'
        drawing = thin(path.read_text("utf-8"))
        path.write_text(drawing, "utf-8")
        if box := re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawing):
            width, height = (round(float(side) * PIXELS) for side in box.groups())
            found[path.name] += f' width="{width}" height="{height}"'
    return found


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("build-finished", join, priority=900)
    return {"parallel_read_safe": True}
