"""What nbval leaves alone: a chapter stores text only, so no picture is there to compare with."""

import pytest

PICTURES = ("image/svg+xml", "text/html", "application/papermill.record/image/png")


def pytest_collectstart(collector: pytest.Collector) -> None:
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += PICTURES
