"""Make the built pages light and sealed: one style sheet, few scripts, small fonts, one policy.

The theme brings 860 kB to a page that uses a twentieth of it. After the build, all style sheets
become `site.css`, less the names that no page and no script mentions; the theme's scripts become
`site.js`; the figures' stand beside it; and each font keeps the characters that the pages show in
it. The pages ask for them by a hash of what is in them. Nothing comes from another host, and each
page's Content-Security-Policy says so.
"""

import hashlib
import html
import io
import logging
import re
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lightningcss
import rjsmin
from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

logging.getLogger("fontTools").setLevel(logging.WARNING)
ROOT = Path(__file__).parents[2]
LIVE = ROOT / "scalarloss" / "live" / "static"
PAGE = LIVE / "page"
KINDS = sorted(path.stem for path in (PAGE / "figures").glob("*.js"))  # each has a script
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"

# Before anything is painted: light or dark, as the reader chose, or as the device does; and paper
# is light, whatever the screen is.
THEME_SCRIPT = """(d=>{let t;d.mode="auto";try{d.mode=localStorage.mode||d.mode}catch{}
d.theme=d.mode!="auto"?d.mode:matchMedia("(prefers-color-scheme:dark)").matches?"dark":"light"
addEventListener("beforeprint",()=>{t=d.theme;d.theme="light"})
addEventListener("afterprint",()=>{d.theme=t})
})(document.documentElement.dataset)"""

THEME_HASH = b64encode(hashlib.sha256(THEME_SCRIPT.encode()).digest()).decode()
POLICY = "; ".join(
    [
        "default-src 'none'",
        f"script-src 'self' 'sha256-{THEME_HASH}'",
        "style-src 'self'",
        "style-src-attr 'unsafe-inline'",  # KaTeX sets heights in style attributes
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
    ]
)

SCRIPTS = (  # in the order in which they need each other
    "_static/documentation_options.js",
    "_static/doctools.js",
    "_static/sphinx_highlight.js",
    "_static/clipboard.min.js",
    "_static/copybutton.js",
    "_static/scripts/pydata-sphinx-theme.js",
    "_static/scripts/sphinx-book-theme.js",
    "_static/scrolling.js",
)
# Where a script of the theme holds a reader up: what is written there, in how many places, and what
# stands there instead.
SLOW = {
    # Boxes that scroll, measured one by one as the page changes: scrolling.js does it at once.
    r'\["pre",[^]]*"\.pst-scrollable-table-container"\]': (1, '[":not(*)"]'),
    # All that waited for the page, in one go: each is a task now, and a tap is answered in between.
    r"""(readyState *!==? *["']loading["']\)[\s{]*|"loading"!=document\.readyState\?)(\w+)\(\)""": (
        4,
        r"\1setTimeout(\2)",
    ),
}
THEME_STYLES = ("_static/basic.css", "_static/styles/pydata-sphinx-theme.css")
ICONS = "fonts/fa-solid-900.woff2"
# Made by a script as a page is read: words that no page and no script spells out.
DYNAMIC = {"show", "scrolled", "highlighted", "success"}
# What the live figures write in the mathematics' font, and of that in bold.
FIGURES_TEXT = "".join(map(chr, range(32, 127))) + "−×·∂…ᵀ∞⁻⁰¹²³⁴⁵⁶⁷⁸⁹√ε "
FIGURES_BOLD = "0123456789.,+−×…∞⁻⁰¹²³⁴⁵⁶⁷⁸⁹ []()eNa"
PIXELS = 96 / 72  # in a point, the unit of a drawing


def dress(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Give a page's template what `layout.html` asks for, and remember the style sheets."""
    context |= {"policy": POLICY, "theme_script": THEME_SCRIPT, "widget_state": WIDGET_STATE}
    context |= {"icons": ICONS, "kinds": KINDS}
    sheets = (str(sheet.filename) for sheet in context["css_files"])
    app.site_styles = list(dict.fromkeys([*THEME_STYLES, *sheets]))  # type: ignore[attr-defined]


def lighten(app: Sphinx, exception: Exception | None) -> None:
    """Write `site.css`, `site.js` and the fonts, and stamp each page's address of them."""
    if exception or app.builder.name != "html":
        return
    site = Path(app.outdir)
    pages = [page for page in site.rglob("*.html") if "_static" not in page.relative_to(site).parts]
    texts = {page: page.read_text("utf-8") for page in pages}
    static = site / "_static"
    script = ";\n".join((site / path).read_text("utf-8") for path in SCRIPTS)
    for pattern, (places, instead) in SLOW.items():
        script, count = re.subn(pattern, instead, script)
        if count != places:
            raise ExtensionError(
                f"the theme's scripts have {pattern} in {count} places, not in {places}: another "
                "version of the theme? Look there for what it does now, and mend SLOW in light.py"
            )
    script = rjsmin.jsmin(script + (ROOT / "js" / "menus.js").read_text("utf-8"))
    searching = (static / "searchtools.js").read_text("utf-8")
    named = re.findall(r'(?:class|id)="([^"]*)"', "".join(texts.values()))
    figures = (LIVE / "figures.css").read_text("utf-8")
    mentioned = "\n".join([*named, script, rjsmin.jsmin(searching), figures])
    style = join_styles(site, app.site_styles)  # type: ignore[attr-defined]
    style = shrink(style, set(re.findall(r"[\w-]+", mentioned)) | DYNAMIC) + figures
    for folder in ("fonts", "figures"):
        (static / folder).mkdir(exist_ok=True)
    style, stamps = shrink_fonts(static, style, letters(texts.values()))
    names = ("live.js", *(f"figures/{kind}.js" for kind in KINDS))
    live = {name: (PAGE / name).read_text("utf-8") for name in names}
    for name, text in {"site.css": style, "site.js": script, **live}.items():
        (static / name).write_text(text, "utf-8")
        stamps[name] = stamp(text.encode())
    sizes = picture_sizes(site / "_images")
    address = "|".join(map(re.escape, stamps))
    for page, text in texts.items():
        stamped = re.sub(
            rf'(_static/({address}))(?:\?v=\w+)?"',
            lambda found: f'{found[1]}?v={stamps[found[2]]}"',
            text.replace(' onclick="window.print()"', ""),  # menus.js does that
        )
        stamped = re.sub(
            r'(<img [^>]*src="(?:[^"]*/)?_images/([^"/]+)")(?: width[^>]*)? />',
            lambda found: f"{found[1]}{sizes.get(found[2], '')} />",
            stamped,
        )
        if stamped != text:
            page.write_text(stamped, "utf-8")


def join_styles(site: Path, sheets: list[str]) -> str:
    """All style sheets as one, with the addresses in them as seen from `_static`."""
    joined = []
    for sheet in sheets:
        path = site / sheet
        text = path.read_text("utf-8")
        base = path.parent.relative_to(site / "_static").as_posix()

        def absolute(found: re.Match[str], base: str = base) -> str:
            parts: list[str] = []
            for part in f"{base}/{found[1]}".split("/"):
                if part == "..":
                    parts.pop()
                elif part != ".":
                    parts.append(part)
            return f"url({'/'.join(parts)})"

        joined.append(re.sub(r"url\(['\"]?(?!data:|#)([^)'\"?#]+)[^)]*\)", absolute, text))
    return "\n".join(joined)


def shrink(style: str, mentioned: set[str]) -> str:
    """The style less every class, id and variable that is not among the words mentioned."""
    unused = set(re.findall(r"[.#](-?[A-Za-z_][\w-]*)", style)) - mentioned
    before = ""
    while style != before:  # what falls away may have been the last to use a variable
        before, style = (
            style,
            lightningcss.process_stylesheet(
                style, unused_symbols=unused, error_recovery=True, minify=True
            ),
        )
        defined = set(re.findall(r"(?<=[{;])(--[\w-]+)(?=:)", style))
        unused = defined - set(re.findall(r"var\(\s*(--[\w-]+)", style)) - mentioned
    return style


def letters(pages: Iterable[str]) -> dict[str, str]:
    """The characters that formulas and figures show, by KaTeX's font; "" for all its rarer ones."""
    found = {"Main-Regular": set(FIGURES_TEXT), "Math-Italic": set(), "": set(FIGURES_BOLD)}
    for formula in re.findall(r'class="katex-html"(.*?)(?=<p|</p|</div|<h\d|</li)', "".join(pages)):
        for classes, text in re.findall(r'(?:class="([^"]*)"[^<>]*)?>([^<>]+)', formula):
            if "mathnormal" in classes:
                font = "Math-Italic"
            elif re.search(r"\b(math|text)(?!rm)\w\w|boldsymbol|ams", classes):
                font = ""
            else:
                font = "Main-Regular"
            found[font].update(html.unescape(text))
    return {font: "".join(sorted(characters)) for font, characters in found.items()}


def shrink_fonts(static: Path, style: str, letters: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Cut each font to the characters used; forget faces that no rule names.

    Returns the style that asks for them, and the stamp of each font.
    """
    faces = re.findall(r"@font-face\{[^}]*\}", style)
    rules = re.sub(r"@font-face\{[^}]*\}", "", style)
    everything = "".join(letters.values())
    stamps, kept = {}, []
    for face in faces:
        family = re.search(r"font-family:([^;}]+)", face)
        source = re.search(r"url\(([^)]*\.woff2)\)", face)
        if not family or not source or family[1].strip("\"'") not in rules:
            continue
        path = static / source[1].strip("\"'")
        name = path.stem.removeprefix("KaTeX_")
        if name.startswith("fa-"):
            characters = icons(rules)
        elif name.startswith("Size"):
            characters = everything
        else:
            characters = letters.get(name, letters[""])
        cut = cut_font(path, characters)
        (static / "fonts" / path.name).write_bytes(cut)
        stamps[f"fonts/{path.name}"] = stamp(cut)
        address = f"url(fonts/{path.name}?v={stamp(cut)})"
        face = re.sub(r"src:[^;}]+", f'src:{address}format("woff2")', face)
        kept.append(face if "font-display" in face else f"{face[:-1]};font-display:swap}}")
    return "".join(dict.fromkeys(kept)) + rules, stamps


def icons(rules: str) -> str:
    """The icons that the style's rules still name: characters for private use."""
    escaped = re.sub(r"\\([0-9a-f]{4}) ?", lambda found: chr(int(found[1], 16)), rules)
    return "".join(sorted(set(re.findall("[\ue000-\uf8ff]", escaped))))


def picture_sizes(folder: Path) -> dict[str, str]:
    """The size of each drawing, and its turn, as an image's attributes."""
    found = {}
    for path in folder.glob("*.svg"):
        found[path.name] = ' loading="lazy"'
        if box := re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', path.read_text("utf-8")):
            width, height = (round(float(side) * PIXELS) for side in box.groups())
            found[path.name] += f' width="{width}" height="{height}"'
    return found


def cut_font(path: Path, characters: str) -> bytes:
    """A font file less every glyph that these characters do not need."""
    font = TTFont(path, recalcTimestamp=False)
    subsetter = subset.Subsetter(subset.Options(hinting=False))
    subsetter.populate(text=characters)
    subsetter.subset(font)
    font.flavor = "woff2"
    found = io.BytesIO()
    font.save(found)
    return found.getvalue()


def stamp(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", dress, priority=950)
    app.connect("build-finished", lighten, priority=900)
    return {"parallel_read_safe": True}
