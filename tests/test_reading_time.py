"""No page takes more than 35 minutes to read, exercises apart."""

import json
from pathlib import Path

import pytest
from reading import minutes

PAGES = sorted((Path(__file__).parents[1] / "book").glob("*.ipynb"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_is_read_in_thirty_five_minutes(path):
    assert 1 < minutes(path) <= 35


def test_a_page_that_is_too_long_is_found(tmp_path):
    cell = {"cell_type": "markdown", "metadata": {}, "source": ["word " * 6000]}
    page = tmp_path / "long.ipynb"
    page.write_text(json.dumps({"cells": [cell]}), "utf-8")
    assert minutes(page) > 35
