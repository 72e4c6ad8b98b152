"""Print the path of a Chromium for the browser tests; install one where none is found."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# The first has no windows, so it starts a page at half the cost.
PACKAGES = ("chromium-headless-shell", "chromium")
NAMES = (*PACKAGES, "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return str(path) if path.exists() else None


def install() -> None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-q"], check=True, stdout=sys.stderr)
        apt = ["apt-get", "install", "-q", "-y", "--no-install-recommends"]
        for name in PACKAGES:  # older systems lack the first
            if subprocess.run([*apt, name], stdout=sys.stderr).returncode == 0:
                return
    else:
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(command, check=True, stdout=sys.stderr)


def main() -> None:
    path = find() or playwrights_own()
    if path is None:
        try:
            install()
        except subprocess.CalledProcessError as error:
            print(f"{error}", file=sys.stderr)
        path = find() or playwrights_own()
    if path is None:
        sys.exit(
            "The browser tests need Chromium, and none was found or could be installed. Install "
            "the package `chromium` of your system, run `.venv/bin/playwright install chromium`, "
            "or set CHROMIUM to the path of one."
        )
    print(path)


if __name__ == "__main__":
    main()
