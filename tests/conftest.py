"""What a report begins with, and what comes first: files that take long, for two at a time."""

from pathlib import Path

import pytest

from scalarloss import frameworks

BOOK = Path(__file__).parents[1] / "book"
LONG = ("test_access.py", "test_states.py", "test_book.py", "test_light.py", "test_ext.py")


def pytest_report_header() -> str:
    if missing := frameworks.missing():
        chapters = ", ".join(path.stem for path in frameworks.chapters(BOOK))
        return f"not executed, for want of {', '.join(missing)} (make frameworks): {chapters}"
    return "frameworks: all here, every chapter is executed"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONG)
