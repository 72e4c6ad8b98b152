"""A JupyterLab of its own: nothing of the user's settings, no news, this package in its kernels."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client import BlockingKernelClient
from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
SECONDS = 60  # the longest wait for a server, a kernel or a figure


def within(seconds: float, found: Callable[[], Any]) -> Any:
    """What `found` gives once it is true; what it gave last, when the time is over."""
    until = time.monotonic() + seconds
    while not (result := found()) and time.monotonic() < until:
        time.sleep(0.1)
    return result


class Lab:
    """A running server: its address, and `home` with notebooks/ and runtime/."""

    def __init__(self, address: str, home: Path) -> None:
        self.address = address
        self.home = home

    def open(self, page: Page, name: str, cells: list[str]) -> None:
        """Write a notebook, open it and choose "Run All Cells"."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(notebook, self.home / "notebooks" / name)
        page.set_default_timeout(1000 * SECONDS)
        page.goto(f"{self.address}lab/tree/{name}")
        page.locator(".jp-Toolbar-kernelName", has_text="Python 3").wait_for()
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()

    @contextmanager
    def kernel(self, page: Page) -> Iterator[BlockingKernelClient]:
        """Another client of the one kernel that runs."""
        (session,) = page.request.get(f"{self.address}api/sessions").json()
        file = self.home / "runtime" / f"kernel-{session['kernel']['id']}.json"
        client = BlockingKernelClient(connection_file=str(file))
        client.load_connection_file()
        client.start_channels()
        yield client
        client.stop_channels()


@contextmanager
def running_lab(home: Path) -> Iterator[Lab]:
    """Start JupyterLab on a free port, with all its files in the empty folder `home`."""
    folders = {name: home / name for name in ("notebooks", "config", "data", "runtime", "ipython")}
    for folder in (*folders.values(), folders["config"] / "labconfig"):
        folder.mkdir()
    news = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (folders["config"] / "labconfig" / "page_config.json").write_text(json.dumps(news))
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "IPYTHONDIR": str(folders["ipython"]),
        "JUPYTER_CONFIG_DIR": str(folders["config"]),
        "JUPYTER_DATA_DIR": str(folders["data"]),
        "JUPYTER_RUNTIME_DIR": str(folders["runtime"]),
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    options = ["ip=127.0.0.1", "port=0", f"root_dir={folders['notebooks']}"]
    command += [f"--ServerApp.{option}" for option in options] + ["--IdentityProvider.token="]
    log = home / "log"
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        found = within(SECONDS, lambda: list(folders["runtime"].glob("jpserver-*.json")))
        assert found, f"JupyterLab does not start:\n{log.read_text()}"
        address = within(1, lambda: json.loads(found[0].read_text() or "{}"))["url"]
        yield Lab(address, home)
    finally:
        process.terminate()
        process.wait(SECONDS)
