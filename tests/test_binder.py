"""Binder, without Docker: the image's recipe, and a chapter run in the environment it installs."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from importlib import resources
from pathlib import Path

import pytest
from websocket import create_connection

ROOT = Path(__file__).parents[1]
CHAPTER = "03_differentiate_a_dense_layer.ipynb"
PIP = re.compile(r"^RUN \$\{KERNEL_PYTHON_PREFIX\}/bin/pip install --no-cache-dir (.*)$", re.M)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The repository as Binder gets it: what git knows of, and nothing that was made here."""
    folder = tmp_path_factory.mktemp("clone")
    listed = ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def recipe(clone):
    """The Dockerfile that repo2docker writes for the repository."""
    repo2docker = [Path(sys.executable).with_name("jupyter-repo2docker"), "--no-build", "--debug"]
    user = ["--user-id", "1000", "--user-name", "jovyan"]
    command = [*repo2docker, *user, "."]
    done = subprocess.run(command, cwd=clone, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "python=3.11" in done.stderr
    return done.stdout


def test_binder_installs_the_requirements_and_then_the_package(recipe):
    assert PIP.findall(recipe) == ['-r "requirements.txt"', "."]
    assert "environment-2epy-2d3-2e11" in recipe  # the lock file of Python 3.11
    assert "COPY --chown=1000:1000 src/ ${REPO_DIR}/" in recipe


def test_nothing_hides_the_files_at_the_root():
    assert not (ROOT / ".binder").exists()
    assert not (ROOT / "binder").exists()
    assert (ROOT / "runtime.txt").read_text() == "python-3.11\n"


def versions_of_the_base_image():
    """What Binder's image brings of Jupyter, as its lock file pins it."""
    lock = resources.files("repo2docker.buildpacks.conda") / "environment.py-3.11-linux-64.lock"
    names = "|".join(["jupyterlab", "jupyter_server", "ipykernel", "notebook"])
    found = re.findall(
        rf"/({names})-(\d[\w.]*)-[^-/]+$", re.sub(r"#.*", "", lock.read_text()), re.M
    )
    return [f"{name}=={version}" for name, version in found]


@pytest.fixture(scope="module")
def environment(recipe, clone, tmp_path_factory):
    """A fresh environment: Jupyter as in the image, then what the recipe's pip lines install."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    base = versions_of_the_base_image()
    assert [pin.partition(".")[0] for pin in base if "lab" in pin] == ["jupyterlab==4"]
    pip = [python, "-m", "pip", "install", "--quiet", "--no-compile"]
    subprocess.run([*pip, *base], check=True)
    for line in PIP.findall(recipe):
        subprocess.run([*pip, *line.replace('"', "").split()], check=True, cwd=clone)
    return python


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def lab(environment, clone, tmp_path_factory):
    """JupyterLab without a window, on a free port of this machine: its address and its token."""
    home, port, token = tmp_path_factory.mktemp("home"), free_port(), uuid.uuid4().hex
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    # what is set for our own Python would bring in what the image does not have
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "JUPYTER"))}
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [environment, "-m", "jupyterlab", *options, f"--IdentityProvider.token={token}"],
            cwd=clone,
            env={**inherited, "HOME": str(home)},
            stdout=log,
            stderr=log,
        )
    try:
        found = f"http://127.0.0.1:{port}", token
        wait_for(found, server, home / "log")
        yield found
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_for(lab, server, log):
    """Return once the server answers; fail with its log where it does not."""
    for _ in range(300):
        assert server.poll() is None, log.read_text()
        try:
            return ask(lab, "GET", "status")
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not answer within a minute\n{log.read_text()}")


def ask(lab, method, path, body=None):
    address, token = lab
    request = urllib.request.Request(
        f"{address}/api/{path}",
        method=method,
        data=json.dumps(body).encode() if body else None,
        headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        text = response.read()
    return json.loads(text) if text else None


def run(channels, code):
    """Execute one cell; return the messages that the kernel published for it."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
    header |= {"username": "reader", "session": uuid.uuid4().hex, "date": ""}
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
    content |= {"user_expressions": {}, "stop_on_error": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    channels.send(json.dumps({**message, "channel": "shell", "buffers": []}))
    published = []
    while True:
        answer = json.loads(channels.recv())
        mine = answer["parent_header"].get("msg_id") == header["msg_id"]
        if mine and answer["channel"] == "iopub":
            published.append(answer)
            if answer["content"].get("execution_state") == "idle":
                return published


def test_a_chapter_runs_in_binders_environment(lab):
    address, token = lab
    chapter = ask(lab, "GET", f"contents/book/{CHAPTER}")
    body = {"path": f"book/{CHAPTER}", "name": CHAPTER, "type": "notebook"}
    session = ask(lab, "POST", "sessions", {**body, "kernel": {"name": "python3"}})
    kernel = session["kernel"]["id"]
    kernels = f"{address.replace('http', 'ws', 1)}/api/kernels"
    channels = create_connection(f"{kernels}/{kernel}/channels?token={token}", timeout=120)
    views = 0
    for cell in chapter["content"]["cells"]:
        if cell["cell_type"] != "code":
            continue
        published = run(channels, cell["source"])
        failed = [m["content"] for m in published if m["msg_type"] == "error"]
        meant = "raises-exception" in cell["metadata"].get("tags", [])
        assert bool(failed) == meant, (cell["source"], failed)
        shown = [m["content"].get("data", {}) for m in published]
        views += sum("application/vnd.jupyter.widget-view+json" in data for data in shown)
    channels.close()
    ask(lab, "DELETE", f"sessions/{session['id']}")
    assert views > 0, "no live figure was shown"


def test_jupyterlab_finds_what_the_figures_need(lab, environment):
    listed = [environment, "-m", "jupyter", "labextension", "list"]
    done = subprocess.run(listed, capture_output=True, text=True, check=True)
    for name in ("anywidget", "@jupyter-widgets/jupyterlab-manager"):
        assert re.search(rf"{name} .*enabled.*OK", done.stdout + done.stderr), done.stderr
