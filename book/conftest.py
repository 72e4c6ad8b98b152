"""What nbval leaves alone: a chapter stores text only, and no picture or table to compare with."""

import pytest

PICTURES = ("image/svg+xml", "text/html", "text/markdown", "application/papermill.record/image/png")


def pytest_collectstart(collector: pytest.Collector) -> None:
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += PICTURES
