"""A real Chromium, and this machine's files served to it, every other host blocked."""

import html
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from operate import wake
from playwright.sync_api import Browser, Page, Request, sync_playwright

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "scalarloss" / "live" / "static"
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
# What a window of Chromium prepares for its address bar costs more than most pages here. The list
# takes the place of Playwright's own, whose members it repeats.
UNUSED = [
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(UNUSED)}",
]
SEALED = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE *.localhost"


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
        running = playwright.chromium.launch(executable_path=chromium(), args=[*FLAGS, SEALED])
        yield running
        running.close()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serve files as they are now, modules as JavaScript among them, and print nothing."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript"}

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

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

    def guard(request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            complaints.append(f"asked {request.url}")

    context.on("request", guard)
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


@pytest.fixture
def show(page, tmp_path):
    """Open a page with these models' views, in myst-nb's markup; give back its figures."""
    for name in ("figures.js", "figures.css"):
        shutil.copy(STATIC / name, tmp_path)
    shutil.copytree(STATIC / "page", tmp_path / "page")
    kinds = {p.stem: f"page/figures/{p.name}" for p in (STATIC / "page" / "figures").iterdir()}
    served = serve(tmp_path)
    address = next(served)

    def open_page(models, views, state=None, theme="light", wait=True):
        body = json.dumps({"version_major": 2, "version_minor": 0, "state": models})
        body = (state or body).replace("<", r"\u003c")
        mounts = "".join(
            '<div class="live-mount"><script type="application/vnd.jupyter.widget-view+json">'
            f"{json.dumps({'version_major': 2, 'version_minor': 1, 'model_id': view})}</script>"
            f"<noscript><figure><p>Picture of {html.escape(str(view))}</p></figure></noscript>"
            "</div>\n"
            for view in views
        )
        (tmp_path / "index.html").write_text(
            f'<!doctype html><html lang="en" style="color-scheme: {theme}"><head>'
            '<meta charset="utf-8">'
            '<link rel="icon" href="data:,"><link rel="stylesheet" href="figures.css">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<script type="application/vnd.jupyter.widget-state+json">{body}</script>'
            '<script type="application/json" id="live-figures" data-here="">'
            f"{json.dumps(kinds)}</script>"
            '<script defer src="page/live.js"></script></head>'
            f'<body style="margin: 0 auto; max-width: 60rem">{mounts}</body></html>'
        )
        page.goto(address, wait_until="load") if page.url == "about:blank" else page.reload()
        if wait:
            wake(page)
        return page.locator("figure.live-figure")

    yield open_page
    page.goto("about:blank")  # it may still be asking for figures that stand on no page here
    next(served, None)  # the server stops
