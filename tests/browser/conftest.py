"""A real Chromium, and this machine's files served to it, every other host blocked."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """The path of a Chromium. A missing one is a failure that says how to get it."""
    named = os.environ.get("CHROMIUM")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    assert found, (
        "These tests need Chromium: run them by `make test`, which installs one, or install your "
        "system's package `chromium`, or set CHROMIUM to the path of one."
    )
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield running
        running.close()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serve files, modules as JavaScript among them, and print nothing."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript"}

    def log_message(self, *args: object) -> None:
        pass


def serve(folder: Path) -> Iterator[str]:
    """The address at which `folder` is served from a free port of this machine."""
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of the repository's own files."""
    yield from serve(ROOT)


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the built site."""
    folder = ROOT / "_build" / "html"
    assert (folder / "index.html").exists(), "there is no built site: run `make book` first"
    yield from serve(folder)


@contextmanager
def opened(browser: Browser) -> Iterator[Page]:
    """A page that may ask this machine only; afterwards its console must be empty."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []

    def guard(route: Route) -> None:
        if route.request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            route.continue_()
        else:
            complaints.append(f"asked {route.request.url}")
            route.abort()

    context.route("**/*", guard)
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None,
    )
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page for one test."""
    with opened(browser) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def modules(browser: Browser, server: str) -> Iterator[Page]:
    """One empty page for all tests of a file, which can import the modules in js/."""
    with opened(browser) as empty:
        address = f"{server}/empty.html"
        empty.route(address, lambda route: route.fulfill(content_type="text/html"))
        empty.goto(address)
        yield empty
