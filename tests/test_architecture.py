"""The map names every file of the package, of the page side and of the build."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAP = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
FOLDERS = ("scalarloss/gallery", "scalarloss/exercises")  # named as a whole
FILES = [
    path
    for pattern in ("scalarloss/**/*.py", "js/**/*.js", "js/*.mjs", "book/_ext/*.py")
    for path in ROOT.glob(pattern)
    if path.name != "__init__.py" and str(path.parent.relative_to(ROOT)) not in FOLDERS
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_stands_on_the_map(path):
    assert re.search(rf"`(?:[\w/]+/)?{re.escape(path.name)}`", MAP)


def test_what_the_map_names_is_there():
    named = {name.rpartition("/")[2] for name in re.findall(r"`([\w/]+\.(?:py|js|mjs|css))`", MAP)}
    folders = ("scalarloss", "js", "book", "tests")
    there = {path.name for folder in folders for path in (ROOT / folder).rglob("*.*")}
    assert named <= there
