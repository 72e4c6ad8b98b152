"""Where frameworks are missing, pages that need them show stored outputs, and say so."""

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from scalarloss import frameworks

WORDS = (
    "This copy of the book was built without {}. The outputs on this page are those stored with "
    "the chapter, computed with the versions that it names."
)


def names_of(missing: list[str]) -> str:
    *others, last = (frameworks.NAMES[name] for name in missing)
    return f"{', '.join(others)} and {last}" if others else last


def set_aside(app: Sphinx, config: Config) -> None:
    """Leave what cannot be executed out of execution."""
    chapters = [path.name for path in frameworks.chapters(Path(app.srcdir))]
    app.missing_frameworks = frameworks.missing() if chapters else []  # type: ignore[attr-defined]
    if app.missing_frameworks:  # type: ignore[attr-defined]
        config.nb_execution_excludepatterns = [*config.nb_execution_excludepatterns, *chapters]


def say_so(app: Sphinx, doctree: nodes.document) -> None:
    missing = app.missing_frameworks  # type: ignore[attr-defined]
    path = Path(app.env.doc2path(app.env.docname))
    if missing and path in frameworks.chapters(Path(app.srcdir)):
        note = nodes.note("", nodes.paragraph(text=WORDS.format(names_of(missing))))
        title = next(iter(doctree.findall(nodes.title)))
        title.parent.insert(title.parent.index(title) + 1, note)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", set_aside, priority=100)
    app.connect("doctree-read", say_so)
    return {"parallel_read_safe": True}
