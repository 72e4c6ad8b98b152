"""What a page costs and how soon it lives: bytes, requests, seconds on a slow phone, Lighthouse."""

import json
import os
import statistics
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Request
from serving import Host

READY = "figure.live-figure[data-ready=true]"
MOUNT = ".live-mount, .cell_output:has(script[type*=widget-view])"
MEGABIT = 1e6 / 8
PATIENCE = 90_000  # milliseconds that a page may take to come to rest

# In the page: when the first of its figures, come to at once, answers and has been painted.
PROBE = """
window.answered = new Promise((tell) => addEventListener("DOMContentLoaded", () => {
    const look = () => {
        if (!document.querySelector("figure.live-figure[data-ready=true]")) return;
        observer.disconnect();
        requestAnimationFrame(() => {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => tell(performance.now());
            port2.postMessage(0);
        });
    };
    const observer = new MutationObserver(look);
    const attributeFilter = ["data-ready"];
    observer.observe(document, { subtree: true, childList: true, attributeFilter });
    document.querySelector("MOUNT")?.scrollIntoView();
    look();
}));
""".replace("MOUNT", MOUNT)
ANSWERED = """() => new Promise(async (tell, refuse) => {
    setTimeout(() => refuse(new Error("no figure answers")), 90000);
    const live = await answered;
    const paints = () => performance.getEntriesByName("first-contentful-paint");
    while (!paints().length) await new Promise(requestAnimationFrame);
    const painted = paints()[0].startTime;
    tell([Math.max(live, painted), painted]);
})"""


def visit(page: Page, address: str) -> None:
    """Open a page and wait until its figures answer and it asks for nothing more."""
    page.goto(address, wait_until="load", timeout=PATIENCE)
    page.locator(MOUNT).first.scroll_into_view_if_needed(timeout=PATIENCE)
    page.locator(READY).first.wait_for(timeout=PATIENCE)
    page.wait_for_load_state("networkidle", timeout=PATIENCE)


class Bill:
    """What pages cost: the bytes that the host sent, and requests by host."""

    def __init__(self, host: Host, name: str, page: Page) -> None:
        self.host, self.name = host, name
        self.unknown: list[str] = []
        page.on("request", self.see)

    def see(self, request: Request) -> None:
        """Remember who else was asked: hosts that do not stand here, and cannot be reached."""
        asked = urlsplit(request.url)
        if asked.scheme.startswith("http") and asked.hostname not in self.host.folders:
            self.unknown.append(str(asked.hostname))

    def settle(self) -> dict[str, Any]:
        """The cost since the last time."""
        sent, unknown = list(self.host.sent), list(self.unknown)
        self.host.sent.clear()
        self.unknown.clear()
        hosts = Counter([answer.host.removesuffix(".localhost") for answer in sent] + unknown)
        own = hosts.pop(self.name.removesuffix(".localhost"), 0)
        return {
            "bytes": sum(answer.size for answer in sent),
            "requests": own + hosts.total(),
            "elsewhere": dict(hosts),
            "missing": sorted({f"{a.host}{a.path}" for a in sent if a.status != 200}),
        }


def weights(
    browser: Browser, host: Host, name: str, pages: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The cost of each page to a new reader, and of the page after it to who comes from there."""
    found = {}
    for at, page_name in enumerate(pages):
        context = browser.new_context()
        page = context.new_page()
        bill = Bill(host, name, page)
        bill.settle()
        visit(page, f"{host.address(name)}/{page_name}")
        first = bill.settle()
        visit(page, f"{host.address(name)}/{pages[(at + 1) % len(pages)]}")
        found[page_name] = {"first": first, "next": bill.settle()}
        context.close()
    return found


def slow_phone(context: BrowserContext, page: Page, slowdown: int) -> None:
    """1.6 Mbit/s, 150 ms from a request to its answer, and a processor slower by a factor."""
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    network = {"offline": False, "latency": 150, "downloadThroughput": 1.6 * MEGABIT}
    session.send("Network.emulateNetworkConditions", network | {"uploadThroughput": 0.75 * MEGABIT})
    session.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})


def times_to_live(
    browser: Browser, address: str, slowdown: int, runs: int
) -> dict[str, list[float]]:
    """Seconds to the first paint of a new reader's page, and to a figure that answers."""
    times: dict[str, list[float]] = {"painted": [], "live": []}
    for _ in range(runs):
        context = browser.new_context(viewport={"width": 412, "height": 823})
        context.add_init_script(PROBE)
        page = context.new_page()
        slow_phone(context, page, slowdown)
        page.goto(address, wait_until="commit", timeout=PATIENCE)
        live, painted = page.evaluate(ANSWERED)
        times["painted"].append(painted / 1000)
        times["live"].append(live / 1000)
        context.close()
    return times


LIGHTHOUSE = Path(__file__).parent / "node_modules" / "lighthouse" / "cli" / "index.js"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")


def lighthouse(chromium: str, address: str, runs: int) -> dict[str, float]:
    """The median of each category's score, as Lighthouse's mobile preset gives it."""
    scores: dict[str, list[float]] = {category: [] for category in CATEGORIES}
    flags = "--headless=new --no-sandbox --disable-gpu --disable-background-networking"
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            subprocess.run(
                [
                    *("node", str(LIGHTHOUSE), address, "--quiet", f"--chrome-flags={flags}"),
                    *("--output=json", f"--output-path={report}", "--max-wait-for-load=90000"),
                    f"--only-categories={','.join(CATEGORIES)}",
                ],
                env=os.environ | {"CHROME_PATH": chromium},
                check=True,
            )
            found = json.loads(report.read_text())["categories"]
        for category in CATEGORIES:
            scores[category].append(found[category]["score"] or 0.0)
    return {category: statistics.median(values) for category, values in scores.items()}
