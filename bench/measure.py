"""Everything of this book that a reader waits for, measured beside what others use.

Beside a stock Jupyter Book with the same chapters, and a slider of `ipywidgets.interact` with
matplotlib and a kernel on this machine. Tables are printed, and all numbers go into
`_build/bench/results.json`. The hosts that a stock page asks are stood in for by this machine, at
the same speed as its own; so it pays for neither another connection nor its security.
"""

import argparse
import json
import platform
import statistics
from collections.abc import Iterable
from typing import Any

import latency
import pages
import sites
from conftest import FLAGS, SEALED, chromium
from playwright.sync_api import Browser, sync_playwright
from serving import Host, hosting

SITES = ("ours", "stock")
WITH_FIGURE = "06_check_a_gradient.html"
QUANTILES = ("median", "p95")
PARTS = ("build", "weight", "live", "lighthouse", "latency")

Results = dict[str, Any]


def show(title: str, rows: Iterable[Iterable[object]]) -> None:
    """Print a table whose columns are as wide as they need to be."""
    table = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    print(f"\n{title}")
    for first, *others in table:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]), flush=True)


def build() -> Results:
    found = {name: sites.build_times(name, warm=3) for name in SITES}
    rows: list[list[object]] = [["", "cold", "one chapter changed", "share"]]
    for name, times in found.items():
        (cold,), warm = times["cold"], statistics.median(times["warm"])
        rows.append([name, f"{cold:.1f} s", f"{warm:.1f} s", f"{warm / cold:.2f}"])
    show("Build", rows)
    return found


def weight(browser: Browser, host: Host, chapters: list[str]) -> Results:
    found, missing = {}, set()
    rows: list[list[object]] = [["", "first visit", "requests", "elsewhere", "next page"]]
    for name in SITES:
        found[name] = pages.weights(browser, host, f"{name}.localhost", chapters)
        for page, costs in found[name].items():
            first, then = costs["first"], costs["next"]
            kb = [f"{cost['bytes'] / 1000:.1f} kB" for cost in (first, then)]
            elsewhere = sum(first["elsewhere"].values())
            rows.append([f"{name} {page}", kb[0], first["requests"], elsewhere, kb[1]])
            missing |= {*first["missing"], *then["missing"]}
    show("Weight", rows)
    show("Asked for, and not there", [["of", "what"], *(p.split("/", 1) for p in sorted(missing))])
    return found


def live(browser: Browser, host: Host, runs: int) -> Results:
    found: Results = {}
    rows: list[list[object]] = [["1.6 Mbit/s, 150 ms", "processor", "painted", "figure answers"]]
    for name in SITES:
        address = f"{host.address(f'{name}.localhost')}/{WITH_FIGURE}"
        for slowdown in (1, 4):
            times = pages.times_to_live(browser, address, slowdown, runs)
            found[f"{name}, processor 1/{slowdown}"] = times
            seconds = [f"{statistics.median(times[key]):.2f} s" for key in ("painted", "live")]
            rows.append([f"{name} {WITH_FIGURE}", f"1/{slowdown}", *seconds])
    show("A figure that answers", rows)
    return found


def lighthouse(host: Host, chapters: list[str], runs: int) -> Results:
    found: Results = {}
    rows: list[list[object]] = [["", *pages.CATEGORIES]]
    for name in SITES:
        for page in chapters if name == "ours" else [WITH_FIGURE]:
            address = f"{host.address(f'{name}.localhost')}/{page}"
            found[f"{name} {page}"] = scores = pages.lighthouse(chromium(), address, runs)
            rows.append([f"{name} {page}", *(f"{scores[c]:.2f}" for c in pages.CATEGORIES)])
    show(f"Lighthouse, mobile, median of {runs}", rows)
    return found


def drags(browser: Browser, host: Host, chapters: list[str]) -> Results:
    kernel = latency.kernel_slider(browser, 50)
    figures = latency.figures(browser, host.address("ours.localhost"), chapters)
    spans = ("event to frame", "move to frame", "script")
    heads = [f"{span}, {q}" for span in spans for q in QUANTILES]
    rows: list[list[object]] = [["", "slowest control", *heads]]
    for figure in figures:
        times = [f"{figure[k][q]:.1f}" for k in latency.TIMES for q in QUANTILES]
        control = figure["control"].partition("\n")[0][:24]
        rows.append([f"{figure['kind']} {figure['page'][:2]}", control, *times])
    times = [f"{kernel[k][q]:.1f}" for k in ("latency", "whole") for q in QUANTILES]
    rows.append(["interact, matplotlib, kernel", "w", *times, "", ""])
    show(f"A drag, {latency.MOVES} moves, in milliseconds", rows)
    return {"figures": figures, "kernel": kernel}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    chapters, results = sites.chapters(), {"machine": platform.platform()}
    if "build" in options.only:
        results["build"] = build()
    folders = {f"{name}.localhost": sites.pages_of(name) for name in SITES} | sites.stand_ins()
    with sync_playwright() as playwright, hosting(folders) as host:
        folders["stock.localhost"] = sites.point_to_stand_ins(sites.pages_of("stock"), host.port)
        browser = playwright.chromium.launch(executable_path=chromium(), args=[*FLAGS, SEALED])
        if "weight" in options.only:
            results["weight"] = weight(browser, host, sites.with_figures(chapters))
        if "live" in options.only:
            results["live"] = live(browser, host, options.runs)
        if "latency" in options.only:
            results["latency"] = drags(browser, host, sites.with_figures(chapters))
        browser.close()
        if "lighthouse" in options.only:
            results["lighthouse"] = lighthouse(host, chapters, options.runs)
    file = sites.FOLDER / "results.json"
    file.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
