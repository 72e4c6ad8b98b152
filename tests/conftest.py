"""What a report begins with."""

from pathlib import Path

from scalarloss import frameworks

BOOK = Path(__file__).parents[1] / "book"


def pytest_report_header() -> str:
    if missing := frameworks.missing():
        chapters = ", ".join(path.stem for path in frameworks.chapters(BOOK))
        return f"not executed, for want of {', '.join(missing)} (make frameworks): {chapters}"
    return "frameworks: all here, every chapter is executed"
