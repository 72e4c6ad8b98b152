"""Cut KaTeX's fonts to the characters that the book's formulas, figures and titles show."""

import hashlib
import html
import io
import logging
import re
from collections.abc import Iterable
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

logging.getLogger("fontTools").setLevel(logging.WARNING)
# What titles and live figures write in the mathematics' font, and of that in bold.
WRITTEN = "".join(map(chr, range(32, 127))) + "−×·∂…ᵀ∞⁻⁰¹²³⁴⁵⁶⁷⁸⁹√ε– ’“”"
BOLD = "0123456789.,+−×…∞⁻⁰¹²³⁴⁵⁶⁷⁸⁹ []()eNa"


def letters(pages: Iterable[str]) -> dict[str, str]:
    """The characters that formulas and figures show, by KaTeX's font; "" for all its rarer ones."""
    found = {"Main-Regular": set(WRITTEN), "Math-Italic": set(), "": set(BOLD)}
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
        rarer = everything if name.startswith("Size") else letters[""]
        cut = cut_font(path, letters.get(name, rarer))
        (static / "fonts" / path.name).write_bytes(cut)
        stamps[f"fonts/{path.name}"] = stamp(cut)
        address = f"url(fonts/{path.name}?v={stamp(cut)})"
        face = re.sub(r"src:[^;}]+", f'src:{address}format("woff2")', face)
        kept.append(face if "font-display" in face else f"{face[:-1]};font-display:swap}}")
    return "".join(dict.fromkeys(kept)) + rules, stamps


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
