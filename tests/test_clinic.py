"""The cases of chapter 10: each stands once, alone, where the index says, and runs by itself."""

import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from scalarloss import frameworks

BOOK = Path(__file__).parents[1] / "book"
INDEX = BOOK / "10_find_your_error.ipynb"
HEADING = re.compile(r"^\((case-\d+|close-by)\)=\n## (.+)$", re.M)


def cells(path):
    return [(c["cell_type"], "".join(c["source"])) for c in json.loads(path.read_text())["cells"]]


def prose(path):
    return "\n".join(source for kind, source in cells(path) if kind == "markdown")


PAGES = [path for path in sorted(BOOK.glob("[a-z]*.ipynb")) if HEADING.search(prose(path))]


def cases():
    """Each case: its anchor, its title, and the code to run: its page's first cells and its own."""
    for path in PAGES:
        first, own, anchor, title = [], [], "", ""
        for kind, source in cells(path):
            if found := HEADING.search(source):
                if anchor:
                    yield pytest.param(anchor, title, first + own, id=anchor)
                anchor, title, own = found[1], found[2], []
            elif kind == "code":
                (own if anchor else first).append(source)
        yield pytest.param(anchor, title, first + own, id=anchor)


def test_the_index_names_every_case_once_and_keeps_its_old_address():
    titles = {case.values[0]: case.values[1] for case in cases()}
    assert len(PAGES) >= 5
    assert {*titles} == {f"case-{n}" for n in range(1, 25)} | {"close-by"}
    lines = re.findall(r'^- <span id="(.+?)"></span>.*?\[(.+?)\]\(#(.+?)\)', prose(INDEX), re.M)
    assert [line[0] for line in lines] == [f"case-{n}" for n in range(1, 25)] + [
        "not-here-but-close-by"
    ]
    for _, title, anchor in lines:
        assert title == titles[anchor]


def test_a_link_to_a_case_leads_to_one():
    anchors = {case.values[0] for case in cases()}
    for path in [*BOOK.glob("*.ipynb"), *BOOK.glob("*.md")]:
        text = prose(path) if path.suffix == ".ipynb" else path.read_text("utf-8")
        assert set(re.findall(r"\]\(#(case-\d+|close-by)\)", text)) <= anchors, path.name


RUNNABLE = [] if frameworks.missing() else list(cases())  # the report begins with what is missing


@pytest.mark.parametrize(("anchor", "title", "sources"), RUNNABLE)
def test_a_case_needs_its_pages_first_cells_and_nothing_else(anchor, title, sources):
    names = {}
    with redirect_stdout(io.StringIO()):
        for source in sources:
            exec(source, names)
