"""What nbval leaves alone: a chapter stores text only, and no picture or table to compare with.

Where the frameworks are missing, chapters that need them are not executed, and the report says so.
"""

from pathlib import Path

import pytest

from scalarloss import frameworks

PICTURES = (
    "image/svg+xml",
    "text/html",
    "text/markdown",
    "application/papermill.record/image/png",
)
MISSING = frameworks.missing()
collect_ignore = [path.name for path in frameworks.chapters(Path(__file__).parent) if MISSING]


def pytest_collectstart(collector: pytest.Collector) -> None:
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += PICTURES
