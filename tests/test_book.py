"""The book, committed and built: its conventions, its stored outputs, what its pages fetch."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import notebooks
import pytest
import yaml
from bs4 import BeautifulSoup
from jupyter_cache import get_cache
from sphinxcontrib import katex

from scalarloss import frameworks
from scalarloss.primitives import PRIMITIVES

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
SITE = ROOT / "_build" / "html"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))
WANTING = frameworks.chapters(BOOK) if frameworks.missing() else []
CHAPTERS = [path for path in NOTEBOOKS if path.stem[0].isdigit()]
TAGS = {"hide-input", "remove-cell", "raises-exception", "nbval-ignore-output"}
TEXT = {"text/plain", "application/papermill.record/text/plain"}

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_that_runs = pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path not in WANTING], ids=lambda path: path.stem
)


def read(path):
    return json.loads(path.read_text("utf-8"))


def source(cell):
    return "".join(cell["source"])


def code_cells(path):
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]


# What is committed


def test_every_page_stands_in_the_contents_and_chapters_stand_in_order():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = [chapter for part in contents["parts"] for chapter in part["chapters"]]
    nested = [page["file"] for chapter in listed for page in chapter.get("sections", [])]
    pages = [contents["root"], *(chapter["file"] for chapter in listed)]
    assert sorted(pages + nested) == sorted(path.stem for path in [*NOTEBOOKS, *BOOK.glob("*.md")])
    chapters = [path.stem for path in CHAPTERS]
    assert pages[: 1 + len(chapters)] == ["index", *chapters]


@each_notebook
def test_a_notebook_keeps_the_conventions(path):
    notebook = read(path)
    assert "widgets" not in notebook["metadata"], "widget state is stored: run `make notebooks`"
    prose = [source(cell) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    fenced = re.compile(r"^(`{3,}|~{3,}).*?^\1`*\s*$", re.M | re.S)
    headings = re.findall(r"^# .+$", "\n".join(fenced.sub("", text) for text in prose), re.M)
    assert len(headings) == 1
    assert source(notebook["cells"][0]).startswith(headings[0])
    tags = [tag for cell in notebook["cells"] for tag in cell["metadata"].get("tags", [])]
    assert set(tags) <= TAGS


@each_notebook
def test_a_notebook_was_run_from_top_to_bottom_and_stores_text_only(path):
    cells = code_cells(path)
    counts = [cell["execution_count"] for cell in cells]
    assert counts == list(range(1, len(cells) + 1)), "run `make notebooks`"
    for cell in cells:
        for output in cell["outputs"]:
            assert set(output.get("data", {})) <= TEXT
            assert not output.get("traceback")


@each_notebook
def test_a_code_cell_is_short_and_installs_nothing(path):
    for cell in code_cells(path):
        text = source(cell)
        assert len([line for line in text.splitlines() if line.strip()]) <= 25, text
        assert not re.search(r"^\s*[!%]", text, re.M), text
        if "nbval-ignore-output" in cell["metadata"].get("tags", []):
            assert "#" in text, f"say why this output is not compared:\n{text}"


def exercises(path):
    """Each exercise's task, with the code cells that follow it."""
    found, within = [], False
    for cell in read(path)["cells"]:
        text = source(cell)
        if cell["cell_type"] == "markdown":
            within = text.startswith("## Exercises") or (within and not text.startswith("## "))
        if within and re.search(r"^\*\*\d+\. ", text, re.M):
            found.append((text, []))
        elif within and cell["cell_type"] == "code":
            found[-1][1].append(cell)
    return found


@pytest.mark.parametrize("path", CHAPTERS)
def test_a_chapter_has_four_exercises_that_mark_themselves(path):
    check = re.compile(r"^exercises\.(check_\w+)\(\w+\)\Z", re.M)
    marking = 0
    for number, (task, cells) in enumerate(exercises(path), start=1):
        assert re.search(rf"^\*\*{number}\. [^*]+\*\*", task, re.M), task
        assert "```{dropdown} Hint\n" in task, task
        *stub, solution = cells
        assert source(solution).startswith(f"# Solution {number}: ")
        assert solution["metadata"]["tags"] == ["hide-input"]
        assert solution["metadata"]["mystnb"]["code_prompt_show"] == "Show the solution"
        checks = [check.search(source(cell)) for cell in cells]
        if any(checks):
            assert len(stub) == 1, task
            assert not stub[0]["metadata"].get("tags")
            assert checks[0][1] == checks[1][1]
            marking += 1
    assert marking >= 4


# What stands at the back


def prose(path):
    return "\n\n".join(
        source(cell) for cell in read(path)["cells"] if cell["cell_type"] == "markdown"
    )


def test_every_primitive_stands_once_in_the_table_of_vjps():
    outputs = [output for cell in code_cells(BOOK / "vjps.ipynb") for output in cell["outputs"]]
    tables = ["".join(o["data"]["text/plain"]) for o in outputs if "data" in o]
    names = [line.split()[0] for table in tables for line in table.splitlines()]
    assert sorted(names) == sorted(PRIMITIVES)


TERM = re.compile(r"\{term\}`(?:[^`<]*<)?([^`<>]+)>?`")


def test_every_term_is_linked_from_a_chapter_and_at_most_once_from_each():
    glossary = (BOOK / "glossary.md").read_text("utf-8")
    entries = re.search(r"```\{glossary\}\n(.*?)```", glossary, re.S)[1]
    terms = re.findall(r"^(\S.*)$", entries, re.M)
    assert terms == sorted(terms, key=str.lower)
    linked = [TERM.findall(prose(path)) for path in [BOOK / "index.ipynb", *CHAPTERS]]
    assert all(linked)
    assert all(len(page) == len(set(page)) for page in linked)
    assert set(terms) == {term for page in linked for term in page}


CITED = re.compile(r"\[\*([^\]]+)\*\]\((https?:[^)]+)\)")


def test_a_work_that_a_chapter_cites_stands_in_the_references_and_they_name_the_chapter():
    works = re.findall(r"^- .+$", (BOOK / "references.md").read_text("utf-8"), re.M)
    given = set()
    for work in works:
        title, address = CITED.search(work).groups()
        for page in re.findall(r"\((\w+\.ipynb)#further-reading\)", work):
            given.add((address, page))
            text = prose(BOOK / page)
            cited = [name for name, place in CITED.findall(text) if place.startswith(address)]
            assert address in text, f"{page} does not cite {title}"
            assert all(title.lower().startswith(name.lower()) for name in cited), title
    addresses = [CITED.search(work)[2] for work in works]
    for path in CHAPTERS:
        for title, place in CITED.findall(prose(path)):
            listed = [(address, path.name) for address in addresses if place.startswith(address)]
            assert set(listed) & given, f"{path.stem} cites {title}, and the references do not"


def test_a_letter_that_a_page_borrows_is_borrowed_there():
    row = re.compile(r"^\| \$.+? \| \[.+?\]\((\w+\.ipynb)\) \| [`$](.+)[`$] \|$", re.M)
    borrowed = row.findall((BOOK / "notation.md").read_text("utf-8"))
    assert borrowed
    for page, written in borrowed:
        text = "\n".join(map(source, read(BOOK / page)["cells"]))
        assert written in text, f"{page} has no {written} any more: take the row out"


PAPER = re.compile(r"\]\((https?://(?:doi\.org|arxiv\.org|cs231n\.github\.io|d2l\.ai)/[^)\s]*)\)")


def test_every_paper_that_a_page_links_stands_in_the_references():
    references = (BOOK / "references.md").read_text("utf-8")
    rows = {CITED.search(row)[2]: row for row in re.findall(r"^- .+$", references, re.M)}
    history = {address for _, address in CITED.findall((BOOK / "history.md").read_text("utf-8"))}
    assert history == {address for address, row in rows.items() if "(history.md)" in row}
    for path in NOTEBOOKS:
        for address in PAPER.findall(prose(path)):
            assert address.startswith(tuple(rows)), f"{path.stem} links {address}"


# What is compared


def validate(folder, *options):
    """Run pytest with the project's settings on the notebooks of `folder`."""
    shutil.copy(BOOK / "conftest.py", folder)
    pytest_ = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "--rootdir", folder]
    command = [*pytest_, "-q", "-p", "no:cacheprovider", *options, folder]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def change_a_digit(text):
    """The text with its last digit changed, or None where it has none."""
    found = re.search(r"\d(?=\D*\Z)", text)
    return found and text[: found.start()] + str((int(found[0]) + 1) % 10) + text[found.end() :]


def spoil(cell):
    """Change one digit of one stored output that is compared; say whether there was one."""
    if "nbval-ignore-output" in cell["metadata"].get("tags", []):
        return False
    for output in cell.get("outputs", []):
        place = output.get("data", output)
        key = next((k for k in ("text", "evalue", *sorted(TEXT)) if k in place), None)
        if key and (other := change_a_digit("".join(place[key]))):
            place[key] = other
            return True
    return False


def executed(path):
    """The notebook with the outputs that the build computed."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return get_cache(SITE.parent / ".jupyter_cache").merge_match_into_notebook(notebook)[1]


def again(output):
    """Code that gives an output once more, without what computed it."""
    if output.output_type == "stream":
        return f"import sys; print({output.text!r}, end='', file=sys.{output.name})"
    if output.output_type == "error":
        return f"raise type({output.ename!r}, (Exception,), {{}})({output.evalue!r})"
    return f"get_ipython().display_pub.publish({dict(output.data)!r}, {dict(output.metadata)!r})"


@pytest.fixture(scope="module")
def validated(tmp_path_factory):
    """Which cells pass: of an untouched notebook, and of all, a digit changed in each."""
    folder = tmp_path_factory.mktemp("validated")
    shutil.copy(NOTEBOOKS[0], folder)
    cells = []  # of all notebooks, run one after the other in one kernel
    for path in (path for path in NOTEBOOKS if path not in WANTING):
        notebook, computed = nbformat.read(path, as_version=4), executed(path)
        notebooks.tidy(computed)
        for cell, done in zip(notebook.cells, computed.cells, strict=True):
            if cell.cell_type == "code":
                cell.source = "\n".join(map(again, done.outputs))
                cell.id = f"cell-{len(cells)}"
                cells.append((path.name, spoil(cell), cell))
    together = nbformat.v4.new_notebook(metadata=notebook.metadata, cells=[c for *_, c in cells])
    nbformat.write(together, folder / "changed.ipynb")
    output = validate(folder, "-rpf").stdout
    found = {
        (name, int(cell)): outcome
        for outcome, name, cell in re.findall(r"^(PASSED|FAILED) (\S+)::Cell (\d+)", output, re.M)
    }
    return found, [(name, changed) for name, changed, _ in cells]


def test_an_untouched_notebook_passes(validated):
    found, _ = validated
    cells = len(code_cells(NOTEBOOKS[0]))
    assert [found[NOTEBOOKS[0].name, i] for i in range(cells)] == ["PASSED"] * cells


@each_that_runs
def test_one_changed_digit_in_a_stored_output_fails(validated, path):
    found, cells = validated
    own = [(i, changed) for i, (name, changed) in enumerate(cells) if name == path.name]
    assert any(changed for _, changed in own)
    for i, changed in own:
        assert found["changed.ipynb", i] == ("FAILED" if changed else "PASSED"), f"cell {i}"


@each_that_runs
def test_the_build_computes_what_a_notebook_stores_to_the_last_byte(path):
    notebook = executed(path)
    notebooks.tidy(notebook)
    assert nbformat.writes(notebook) + "\n" == path.read_text("utf-8"), "run `make notebooks`"


def test_running_and_tidying_a_notebook_again_changes_no_byte(tmp_path):
    copy = Path(shutil.copy(CHAPTERS[0], tmp_path))
    notebooks.main([str(copy)])
    assert copy.read_bytes() == CHAPTERS[0].read_bytes()


# What is built

FETCHING_LINKS = {"stylesheet", "preload", "modulepreload", "prefetch", "icon", "manifest"}
FETCHING_LINKS |= {"preconnect", "dns-prefetch", "apple-touch-icon", "shortcut"}
STYLE_FETCHES = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")
SCRIPT_FETCHES = re.compile(r"""\b(?:import|from|fetch)\s*\(?\s*["']([^"']+)["']""")


class Page(HTMLParser):
    """What a page fetches."""

    def __init__(self, path):
        super().__init__()
        self.path, self.fetched = path, []
        self.inside = None
        self.text = path.read_text("utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        found = {name: value or "" for name, value in attributes}
        self.inside = tag if tag in ("style", "script") else None
        if tag == "script" and "json" in found.get("type", ""):
            self.inside = None
        self.fetched += [found[n] for n in ("src", "poster", "data") if n in found]
        self.fetched += [part.split()[0] for part in found.get("srcset", "").split(",") if part]
        self.fetched += styled(found.get("style", ""))
        if tag == "link" and FETCHING_LINKS & set(found.get("rel", "").split()):
            self.fetched.append(found["href"])
        if tag == "image" or tag == "use":
            self.fetched += [found[n] for n in ("href", "xlink:href") if n in found]
        if tag == "meta" and found.get("http-equiv") == "refresh":
            self.fetched.append(found["content"])

    def handle_data(self, data):
        if self.inside == "style":
            self.fetched += styled(data)
        elif self.inside == "script":
            self.fetched += SCRIPT_FETCHES.findall(data)

    def handle_endtag(self, tag):
        self.inside = None


def styled(css):
    return [first or second for first, second in STYLE_FETCHES.findall(css)]


@cache
def pages():
    found = [Page(path) for path in sorted(SITE.glob("*.html"))]
    assert {page.path.stem for page in found} >= {path.stem for path in NOTEBOOKS}, (
        "the site is not built, or not all of it: run `make book`"
    )
    return found


def is_elsewhere(address):
    parts = urlsplit(address)
    return parts.netloc != "" or parts.scheme not in ("", "data", "blob")


def local(address, beside):
    """The file that a relative address names."""
    return (beside.parent / unquote(urlsplit(address).path)).resolve()


LENT = "application/papermill.record/text/plain"


@each_notebook
def test_what_a_cell_lends_to_the_prose_stands_there_as_it_was_lent(path):
    lent = {
        output["metadata"]["scrapbook"]["name"]: ast.literal_eval("".join(output["data"][LENT]))
        for cell in code_cells(path)
        for output in cell["outputs"]
        if LENT in output.get("data", {})
    }
    prose = [source(cell) for cell in read(path)["cells"] if cell["cell_type"] == "markdown"]
    borrowed = re.findall(r"\{glue:text\}`([^`]*)`", "".join(prose))
    page = BeautifulSoup((SITE / f"{path.stem}.html").read_text("utf-8"), "html.parser")
    shown = [span.text for span in page.select("article .pasted-text")]
    assert shown == [lent[name] for name in borrowed]
    assert set(lent) == set(borrowed)


def test_no_page_and_no_style_sheet_fetches_from_another_host():
    asked = {(page.path.name, a) for page in pages() for a in page.fetched if is_elsewhere(a)}
    for sheet in SITE.rglob("*.css"):
        asked |= {(sheet.name, a) for a in styled(sheet.read_text("utf-8")) if is_elsewhere(a)}
    assert asked == set()


def test_everything_that_a_page_fetches_is_there():
    missing = set()
    for page in pages():
        for address in page.fetched:
            if not address.startswith(("data:", "#")) and not local(address, page.path).exists():
                missing.add((page.path.name, address))
    sheet = SITE / "_static" / "site.css"
    fonts = [address for address in styled(sheet.read_text("utf-8")) if "woff" in address]
    assert len(fonts) > 5
    missing |= {(sheet.name, address) for address in fonts if not local(address, sheet).exists()}
    assert missing == set()


def test_mathematics_is_set_when_the_book_is_built():
    sheet = (SITE / "_static" / "katex" / "katex.min.css").read_text("utf-8")
    assert f'"{katex.katex_version}"' in sheet, "renderer and style sheet differ in version"
    for page in pages():
        assert "katex-error" not in page.text
        assert not any("mathjax" in address.lower() for address in page.fetched)
        assert not any("KaTeX" in address for address in page.fetched), "figures come before fonts"


@pytest.mark.parametrize("path", CHAPTERS)
def test_a_solution_is_folded_away_with_what_it_prints(path):
    page = BeautifulSoup((SITE / f"{path.stem}.html").read_text("utf-8"), "html.parser")
    solutions = [cell for cell in page.select("div.cell") if "# Solution " in cell.get_text()[:200]]
    assert len(solutions) == len(exercises(path))
    for cell in solutions:
        assert [child.name for child in cell.find_all(recursive=False)] == ["details"]
        assert not cell.details.has_attr("open")


def test_figures_share_their_script_and_no_page_loads_a_widget_manager():
    scripts = set()
    for page in pages():
        has_figures = "application/vnd.jupyter.widget-view+json" in page.text
        mine = {a for a in page.fetched if "_static/live" in a}
        assert bool(mine) == has_figures, page.path.name
        assert not re.search(r"html-manager|require(\.min)?\.js|thebe", page.text)
        scripts |= mine
    assert len(scripts) == 1


def test_a_page_asks_for_its_figures_first_of_all_for_the_one_that_a_reader_meets_first():
    for page in pages():
        mine = {a for a in page.fetched if "_static/figures/" in a}
        first = re.search(r'"model_id": "([^"]+)"', page.text)
        if not first:
            assert not mine, page.path.name
            continue
        kind = re.search(rf'"{first[1]}": .*?"_kind": "([a-z-]+)"', page.text)[1]
        (asked,) = re.findall(r'<script defer [^>]*src="([^"]*_static/figures/[^"]*)"', page.text)
        assert f"/{kind}.js?v=" in asked
        known = json.loads(re.search(r'id="live-figures"[^>]*>(.*?)</script>', page.text)[1])
        kinds = {*re.findall(r'"_kind": "([a-z-]+)"', page.text)}
        assert {known[kind] for kind in kinds} == mine
        assert all(local(address, page.path).exists() for address in known.values())


def test_a_figure_has_a_picture_and_a_sentence_where_there_is_no_script():
    for page in pages():
        views = page.text.count("application/vnd.jupyter.widget-view+json")
        stills = re.findall(r"<noscript><figure>(.*?)</figure></noscript>", page.text, re.S)
        assert len(stills) == views, page.path.name
        for still in stills:
            assert re.search(r'<img[^>]* alt="[^"]{10,}"', still), still
            assert re.search(r"<figcaption>.{10,}</figcaption>", still), still


def test_the_committed_bundle_is_what_js_builds(tmp_path):
    assert (ROOT / "node_modules" / "ready").exists(), "esbuild is missing: run `make test`"
    npm = ["npm", "run", "--silent", "bundle"]
    environment = {
        **os.environ,
        "BUNDLE": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    subprocess.run(npm, cwd=ROOT, env=environment, check=True, capture_output=True)
    built, committed = (
        {str(f.relative_to(top)): f.read_bytes() for f in top.rglob("*.*")}
        for top in (tmp_path, ROOT / "scalarloss" / "live" / "static")
    )
    assert built == committed, "run `make bundle` and commit what it rebuilt"
