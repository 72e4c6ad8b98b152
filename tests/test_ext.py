"""The Sphinx extensions, on small sites: figures, formulas, strictness, Binder."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parents[1]
SCRIPT = "export default { render({ model, el }) { el.textContent = model.get('caption'); } };"
STYLE = "figure { border: 0; }"
FIGURE = f"""
import anywidget
import traitlets

class Toy(anywidget.AnyWidget):
    _esm = {SCRIPT!r}
    _css = {STYLE!r}
    caption = traitlets.Unicode().tag(sync=True)

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs)
        picture = '<svg xmlns="http://www.w3.org/2000/svg"><text>still</text></svg>'
        return {{**data, "image/svg+xml": picture, "text/plain": "Toy, a picture"}}, metadata
"""
SHOW = 'Toy(caption="One </script> & <b>two</b>")'


def notebook(path, *cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(new_notebook(metadata=kernel, cells=list(cells)), path)


ADDRESSES = (
    "DOWN_TO_A_SCALAR_REPOSITORY",
    "DOWN_TO_A_SCALAR_SITE",
    "GITHUB_SERVER_URL",
    "GITHUB_REPOSITORY",
)


def jupyter_book(top, **addresses):
    """Build the site in a folder, or what has changed of it, where only these are known."""
    command = ["build", "book", "--config", "_config.yml", "--toc", str(top / "_toc.yml")]
    options = ["--path-output", ".", "--warningiserror", "--keep-going", "--quiet"]
    programs = Path(sys.executable).parent
    environment = {k: v for k, v in os.environ.items() if k not in ADDRESSES} | addresses
    return subprocess.run(
        [programs / "jupyter-book", *command, *options],
        cwd=top,
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "PATH": f"{programs}:{environment['PATH']}"},
    )


def remote(folder, address):
    subprocess.run(["git", "init", "-q", folder], check=True)
    subprocess.run(["git", "-C", folder, "remote", "add", "origin", address], check=True)


def build(top, pages, succeeds=True, **addresses):
    """Build a site of the given pages, name to cells, with the project's own settings."""
    for part in ("book/_ext", "book/_static", "book/_theme", "scalarloss/live/static"):
        shutil.copytree(ROOT / part, top / part)
    shutil.copy(ROOT / "_config.yml", top)
    remote(top, "/srv/git/project")
    for name, cells in pages.items():
        notebook(top / "book" / f"{name}.ipynb", *cells)
    chapters = "".join(f"\n  - file: {name}" for name in pages if name != "index")
    contents = "format: jb-book\nroot: index" + (chapters and f"\nchapters:{chapters}")
    (top / "_toc.yml").write_text(contents)
    result = jupyter_book(top, **addresses)
    log = result.stdout + result.stderr
    assert (result.returncode == 0) == succeeds, log
    return top / "_build" / "html" if succeeds else log


def title(words="# Read a page"):
    return new_markdown_cell(words)


def state_of(html):
    body = re.search(
        r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>', html
    )
    return json.loads(body[1])["state"]


def views_of(html):
    view = r'<script type="application/vnd.jupyter.widget-view\+json">(.*?)</script>'
    return [json.loads(body)["model_id"] for body in re.findall(view, html)]


# One site, and what stands on its pages

FIRST = "It says & does. " + "Word " * 40
FIGURES = [title(), new_code_cell(FIGURE), new_code_cell(SHOW), new_code_cell(SHOW)]
MESSAGE = "backward() wants one weight for each output"
TASKS = """## Exercises

Try.

**1. Where $x$ stands.** Think of **2. Not this.**

**2. Then?** Think again.
"""
BOOK = {
    "index": [title("# All"), new_markdown_cell(FIRST), new_markdown_cell("```{exercises}\n```")],
    "figures": FIGURES,
    "part/deep": FIGURES,
    "plain": [title("# One\n\nTwo.")],
    "formulas": [title("# Set it"), new_markdown_cell("It is ($W x$), or $b$ or\n$c$.")],
    "one": [title("# Do one"), new_markdown_cell(TASKS), new_markdown_cell("**3. Done.**")],
    "other": [title("# Do another"), new_markdown_cell("**1. No exercise.**")],
    "clinic": [
        title("# Find it"),
        new_markdown_cell(f"## Start from the message\n\n- `{MESSAGE}`: [here](#find-it)"),
    ],
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site of BOOK, on a machine that knows no address of it but one on its own disk."""
    return build(tmp_path_factory.mktemp("site"), BOOK)


def files_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def search_of(files):
    return json.loads(files["searchindex.js"].decode()[len("Search.setIndex(") : -1])


def test_figures_share_one_script_and_keep_their_pictures(site):
    for page, root in {"figures": "./", "part/deep": "../"}.items():
        html = (site / f"{page}.html").read_text("utf-8")
        states, views = state_of(html), views_of(html)
        assert views == ["model-1", "model-3"]  # each before the layout that it refers to
        for view in views:
            address = states[view]["state"]["_esm"]
            assert address.startswith(f"{root}_static/live/widget.")
            assert ((site / page).parent / address).read_text() == SCRIPT
            assert "_css" not in states[view]["state"]
            assert states[view]["state"]["caption"] == "One </script> & <b>two</b>"
        assert len(re.findall(r'<link[^>]*rel="stylesheet"[^>]*_static/live/widget\.', html)) == 1
        assert len(re.findall(r'<script defer [^>]*src="[^"]*_static/live\.js\?v=\w+"', html)) == 1
        stills = re.findall(r"<noscript><figure>(.*?)</figure></noscript>", html, re.S)
        assert len(stills) == 2
        picture = re.search(r'<img alt="Toy, a picture" src="([^"]+)"', stills[0])
        assert "still" in ((site / page).parent / picture[1]).read_text()
        assert (
            "<figcaption>One &lt;/script&gt; &amp; &lt;b&gt;two&lt;/b&gt;</figcaption>" in stills[0]
        )
    assert "_static/live" not in (site / "plain.html").read_text("utf-8")
    assert len(list((site / "_static" / "live").iterdir())) == 2


def test_a_formula_is_set_and_no_page_asks_for_its_fonts_before_its_figures(site):
    pages = [(site / f"{name}.html").read_text("utf-8") for name in ("formulas", "plain")]
    assert ['class="katex"' in page for page in pages] == [True, False]
    assert not any("woff2" in page for page in pages)


def test_what_touches_a_formula_stays_on_its_line(site):
    html = (site / "formulas.html").read_text("utf-8")
    paragraph = BeautifulSoup(html, "html.parser").select_one("article p")
    for formula in paragraph.select("span.math"):
        formula.replace_with("F")
    assert paragraph.get_text() == "It is (\u2060F\u2060), or F or\nF\u2060."


def test_every_exercise_has_an_address_and_is_listed(site):
    ids = re.findall(r'<p id="(exercise-\d+)"', (site / "one.html").read_text("utf-8"))
    assert ids == ["exercise-1", "exercise-2", "exercise-3"]
    listed = re.search(r"<article.*?</article>", (site / "index.html").read_text("utf-8"), re.S)
    links = re.findall(r'href="(one.html#[\w-]+)">([^<]*)<', listed[0])
    assert links[0] == ("one.html#exercises", "Do one")
    assert links[2:] == [("one.html#exercise-2", "Then?"), ("one.html#exercise-3", "Done")]
    assert "other.html#" not in listed[0]


def test_a_remote_on_this_machine_gives_no_button(site):
    html = (site / "index.html").read_text("utf-8")
    assert "mybinder" not in html
    assert "Binder" not in html


def head_of(page):
    html = page.read_text("utf-8")
    return html[: html.index("</head>")]


def meta(head):
    pattern = r'<meta (?:name|property)="([\w:]+)" content="([^"]*)"'
    return dict(re.findall(pattern, head))


def test_a_page_is_described_by_its_first_words(site):
    found = meta(head_of(site / "index.html"))
    assert found["description"] == "It says &amp; does."
    assert "og:image" not in found
    assert meta(head_of(site / "plain.html"))["description"] == "Two."
    assert "canonical" not in head_of(site / "index.html")
    assert not (site / "sitemap.xml").exists()


def test_two_builds_are_the_same_and_a_message_is_found_after_a_third_too(site, tmp_path):
    again = build(tmp_path, BOOK)
    first, second = files_of(site), files_of(again)
    assert "index.html" in first
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    search = search_of(first)
    clinic = search["docnames"].index("clinic")
    assert search["indexentries"][MESSAGE.lower()] == [[clinic, "message-1", True]]
    notebook(tmp_path / "book" / "plain.ipynb", title("# Another"))
    result = jupyter_book(tmp_path)
    assert result.returncode == 0, result.stderr
    third = search_of(files_of(again))
    assert "Another" in third["titles"]
    assert third["indexentries"] == search["indexentries"]


def test_where_addresses_are_known_pages_have_theirs_and_a_card_and_a_launch_button(tmp_path):
    pages = {"index": [title("# Set $x$ & go")], "part/deep": [title()]}
    known = {
        "DOWN_TO_A_SCALAR_SITE": "https://example.org/book",
        "DOWN_TO_A_SCALAR_REPOSITORY": "https://github.com/owner/name",
    }
    site = build(tmp_path, pages, **known)
    head = head_of(site / "part" / "deep.html")
    assert '<link rel="canonical" href="https://example.org/book/part/deep.html"' in head
    assert meta(head)["og:url"] == "https://example.org/book/part/deep.html"
    assert meta(head)["og:image"] == "https://example.org/book/_static/card.png"
    card = (site / "_static" / "card.png").read_bytes()
    assert [int.from_bytes(card[at : at + 4]) for at in (16, 20)] == [1200, 630]
    assert (
        "<loc>https://example.org/book/part/deep.html</loc>" in (site / "sitemap.xml").read_text()
    )
    assert "<" not in meta(head_of(site / "index.html"))["og:title"]
    button = 'href="https://mybinder.org/v2/gh/owner/name/HEAD?urlpath=lab/tree/book/index.ipynb"'
    assert button in (site / "index.html").read_text("utf-8")


def test_an_address_that_is_none_is_refused(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    import head

    monkeypatch.setenv("DOWN_TO_A_SCALAR_SITE", "example.org/book")
    with pytest.raises(ValueError, match=r"'example\.org/book'.*https://HOST/PATH/"):
        head.site_address()


# What stops a build


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([new_markdown_cell(r"$\nosuch{x}$")], r"index.ipynb.*formula: KaTeX parse error"),
        ([new_markdown_cell("[gone](gone.ipynb)")], "index.ipynb.*gone"),
        ([new_code_cell("1 / 0")], "ZeroDivisionError"),
    ],
    ids=["formula", "link", "cell"],
)
def test_a_mistake_stops_the_build_and_is_named(tmp_path, cells, says):
    assert re.search(says, build(tmp_path, {"index": [title(), *cells]}, succeeds=False))


# Binder


@pytest.fixture
def launch(monkeypatch):
    """The launch extension, with no address known."""
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    for name in ADDRESSES:
        monkeypatch.delenv(name, raising=False)
    import launch

    return launch


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/owner/some.name",
        "https://github.com/owner/some.name.git",
        "https://user:token@github.com/owner/some.name.git/",
        "git@github.com:owner/some.name.git",
        "ssh://git@github.com/owner/some.name",
    ],
)
def test_a_repository_on_github_is_known_by_any_of_its_addresses(launch, address):
    assert launch.on_github(address) == "https://github.com/owner/some.name"


@pytest.mark.parametrize(
    "address",
    ["", "/", "/srv/git/project", "file:///srv/project", "https://example.org/owner/name"],
)
def test_another_address_is_no_repository_on_github(launch, address):
    assert launch.on_github(address) is None


def test_the_variable_comes_before_the_remote_and_the_remote_before_github(
    launch, monkeypatch, tmp_path
):
    monkeypatch.setattr(launch, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert launch.repository() is None
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "from/github")
    assert launch.repository() == "https://github.com/from/github"
    remote(tmp_path, "git@github.com:from/remote.git")
    assert launch.repository() == "https://github.com/from/remote"
    monkeypatch.setenv("DOWN_TO_A_SCALAR_REPOSITORY", "https://github.com/from/variable")
    assert launch.repository() == "https://github.com/from/variable"


def test_a_variable_that_names_no_repository_is_refused(launch, monkeypatch):
    monkeypatch.setenv("DOWN_TO_A_SCALAR_REPOSITORY", "owner/name")
    with pytest.raises(ValueError, match=r"'owner/name'.*https://github\.com/OWNER/NAME"):
        launch.repository()


def test_the_badge_comes_and_goes_with_the_address(launch, monkeypatch, tmp_path):
    monkeypatch.setattr(launch, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    bare = (ROOT / "README.md").read_text("utf-8")
    page = tmp_path / "README.md"
    page.write_text(bare)
    launch.write_badge(page)
    without = page.read_text()
    monkeypatch.setenv("DOWN_TO_A_SCALAR_REPOSITORY", "https://github.com/owner/name")
    launch.write_badge(page)
    assert "(https://mybinder.org/v2/gh/owner/name/HEAD?urlpath=lab/tree/book/" in page.read_text()
    monkeypatch.delenv("DOWN_TO_A_SCALAR_REPOSITORY")
    launch.write_badge(page)
    assert page.read_text() == without
    assert "mybinder.org" not in without
