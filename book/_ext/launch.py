"""Binder: a button on every chapter and a badge, wherever the repository's address is known.

`python book/_ext/launch.py README.md` writes the badge between the page's two binder comments,
or empties the place where no address is known.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

BINDER = "https://mybinder.org"
ROOT = Path(__file__).parents[2]


def repository() -> str | None:
    """The repository's address on GitHub, `https://github.com/OWNER/NAME`, or None.

    It is `$DOWN_TO_A_SCALAR_REPOSITORY`, or else the git remote `origin`, or else what GitHub's
    workflows say of themselves. Raises ValueError where the variable holds something else.
    """
    if named := os.environ.get("DOWN_TO_A_SCALAR_REPOSITORY", ""):
        if address := on_github(named):
            return address
        raise ValueError(
            f"DOWN_TO_A_SCALAR_REPOSITORY is {named!r}, which is no repository on GitHub: "
            "write https://github.com/OWNER/NAME"
        )
    git = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
    try:
        remote = subprocess.run(git, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        remote = ""
    server, name = (os.environ.get(f"GITHUB_{part}", "") for part in ("SERVER_URL", "REPOSITORY"))
    return on_github(remote.strip()) or on_github(f"{server}/{name}")


def on_github(address: str) -> str | None:
    """`https://github.com/OWNER/NAME` for any way to write it, or None for another address."""
    start = r"(?:https://(?:[^@/]+@)?github\.com/|git@github\.com:|ssh://git@github\.com/)"
    found = re.fullmatch(rf"{start}([\w.-]+/[\w.-]+?)(?:\.git)?/?", address)
    return f"https://github.com/{found[1]}" if found else None


def binder(address: str, notebook: str) -> str:
    """Where Binder opens `notebook`, a path in the repository, in JupyterLab."""
    name = address.removeprefix("https://github.com/")
    return f"{BINDER}/v2/gh/{name}/HEAD?urlpath=lab/tree/{notebook}"


class Start(SphinxDirective):
    """The ways in: the links it is given, and Binder where the repository's address is known."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        ways = nodes.container(classes=["start"])
        self.state.nested_parse(self.content, self.content_offset, ways)
        if address := repository():
            link = binder(address, f"book/{self.env.docname}.ipynb")
            name = "Launch on Binder"
            ways += nodes.paragraph("", "", nodes.reference(name, name, refuri=link))
        return [ways]


def write_badge(page: Path) -> None:
    """Write the badge between the page's binder comments; without an address, nothing."""
    address = repository()
    badge = (
        f"[![Launch on Binder]({BINDER}/badge_logo.svg)]({binder(address, 'book/index.ipynb')})\n"
        if address
        else ""
    )
    marks = re.compile(r"(<!-- binder -->\n).*?(<!-- /binder -->)", re.S)
    text, count = marks.subn(lambda found: found[1] + badge + found[2], page.read_text("utf-8"))
    if count != 1:
        raise ValueError(f"{page} has no place for the badge: <!-- binder --> <!-- /binder -->")
    page.write_text(text, "utf-8")


def setup(app: Any) -> dict[str, Any]:
    app.add_directive("start", Start)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    for path in sys.argv[1:]:
        write_badge(Path(path))
