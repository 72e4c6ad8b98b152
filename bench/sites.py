"""The two sites that are compared: this book, and its chapters in a stock Jupyter Book.

Stock is `_config.yml` with a title and an author, all else as Jupyter Book has it. Both are built
in `_build/bench`, from copies, cold and then again after one chapter has changed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "_build" / "bench"
MODULES = ROOT / "bench" / "node_modules"
CHANGED = "03_differentiate_a_dense_layer"
STOCK = (
    "title: Down to a Scalar\nauthor: The Down to a Scalar authors\nonly_build_toc_files: true\n"
)

# What a stock page asks other hosts for, and the package in bench/package.json that holds it.
ELSEWHERE = {
    "cdn.jsdelivr.net": {
        "npm/@jupyter-widgets/html-manager@1.0.6": "@jupyter-widgets/html-manager",
        "npm/anywidget@~0.11.*": "anywidget",
        "npm/mathjax@3": "mathjax",
    },
    "cdnjs.cloudflare.com": {"ajax/libs/require.js/2.3.4": "requirejs"},
}


def chapters() -> list[str]:
    """The pages in the order in which they are read."""
    named = re.findall(r"^(?:root:|\s*- file:) *(\S+)", (ROOT / "_toc.yml").read_text(), re.M)
    return [f"{name}.html" for name in named]


def with_figures(pages: list[str]) -> list[str]:
    """Those of our pages that hold a live figure."""
    return [page for page in pages if "live-mount" in (pages_of("ours") / page).read_text("utf-8")]


def prepare(name: str) -> Path:
    """A folder with the sources of one of the sites and nothing that was built."""
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    git = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(git, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for path in listed.splitlines():
        ours = not path.startswith(("bench/", "tests/"))
        both = path.startswith(("book/", "_toc.yml")) and not path.startswith("book/_")
        if (ours if name == "ours" else both) and (ROOT / path).is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, folder / path)
    if name == "stock":
        (folder / "_config.yml").write_text(STOCK)
    return folder


def build(folder: Path) -> float:
    """Seconds that the command of `make book` takes."""
    jupyter_book = str(Path(sys.executable).with_name("jupyter-book"))
    command = [jupyter_book, "build", "book", "--config", "_config.yml"]
    command += ["--toc", str(folder / "_toc.yml"), "--path-output", "."]
    package = folder if (folder / "scalarloss").exists() else ROOT
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(package)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{folder} does not build:\n{done.stdout}")
    return seconds


def change(folder: Path, number: int) -> None:
    """Change one cell of code in a chapter, so that it has to run again."""
    path = folder / "book" / f"{CHANGED}.ipynb"
    notebook = json.loads(path.read_text())
    cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    cell["source"] = [f"# Change {number}\n", *cell["source"]]
    path.write_text(json.dumps(notebook))


def build_times(name: str, warm: int) -> dict[str, list[float]]:
    """Seconds of one cold build, and of `warm` builds after a change in one chapter."""
    folder = prepare(name)
    times: dict[str, list[float]] = {"cold": [build(folder)], "warm": []}
    for number in range(warm):
        change(folder, number)
        times["warm"].append(build(folder))
    return times


def pages_of(name: str) -> Path:
    folder = FOLDER / name / "_build" / "html"
    if not (folder / "index.html").exists():
        build(prepare(name))
    return folder


def stand_ins() -> dict[str, Path]:
    """The hosts that a stock page asks, as folders here; to be served at `.localhost`."""
    hosts = FOLDER / "hosts"
    shutil.rmtree(hosts, ignore_errors=True)
    for host, packages in ELSEWHERE.items():
        for path, package in packages.items():
            (hosts / host / path).parent.mkdir(parents=True, exist_ok=True)
            (hosts / host / path).symlink_to(MODULES / package)
    require = ROOT / "node_modules" / ".bin" / "esbuild", MODULES / "requirejs" / "require.js"
    smaller = MODULES / "requirejs" / "require.min.js"
    subprocess.run([*require, "--minify", f"--outfile={smaller}", "--log-level=error"], check=True)
    return {f"{host}.localhost": hosts / host for host in ELSEWHERE}


def point_to_stand_ins(site: Path, port: int) -> Path:
    """A copy of a stock site that asks this machine wherever it would ask another host."""
    copy = FOLDER / "stock_here"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(site, copy)
    for page in copy.glob("*.html"):
        text = page.read_text()
        for host in ELSEWHERE:
            text = text.replace(f"https://{host}/", f"http://{host}.localhost:{port}/")
        page.write_text(re.sub(r'integrity="[^"]*"', "", text))  # require.js is minified here
    return copy
