"""Everything of this book that the issue of speed asks for, measured beside what others use.

Beside a stock Jupyter Book with the same chapters, and a slider of `ipywidgets.interact` with
matplotlib and a kernel on this machine. One table is printed, and all numbers go into
`_build/bench/results.json`. The hosts that a stock page asks are stood in for by this machine, at
the same speed as its own; so it pays for neither another connection nor its security.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import latency
import pages
import sites
from conftest import FLAGS, chromium
from playwright.sync_api import sync_playwright
from serving import hosting

OURS, STOCK = "ours.localhost", "stock.localhost"
SEALED = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE *.localhost"
