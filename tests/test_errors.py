"""The errors' own pages: one for each, and what stands on it is what Python says."""

import doctest
import inspect
import re
from pathlib import Path

import pytest

from scalarloss import errors

BOOK = Path(__file__).parents[1] / "book"
OURS = {
    name: error
    for name, error in vars(errors).items()
    if inspect.isclass(error) and error is not errors.ScalarLossError
}


@pytest.mark.parametrize("name", OURS)
def test_an_error_has_a_page_whose_code_does_what_it_shows(name):
    page = BOOK / (re.sub(r"\B(?=[A-Z])", "_", name).lower() + ".md")
    text = page.read_text("utf-8")
    assert text.startswith(f"# {name}\n\n{inspect.getdoc(OURS[name])}\n")
    assert f"scalarloss.errors.{name}: " in text, "the page shows the error itself"
    (usual,) = set(OURS[name].__bases__) - {errors.ScalarLossError}
    line = f"- [{name}]({page.name}), an? `{usual.__name__}`: {inspect.getdoc(OURS[name])}"
    listed = re.escape(line).replace(re.escape("an?"), "an?")
    assert re.search(f"^{listed}$", (BOOK / "our_errors.md").read_text("utf-8"), re.M)
    code = re.sub(r"^```.*$", "", text, flags=re.M)
    shown = doctest.DocTestParser().get_doctest(code, {}, name, str(page), 0)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    found = doctest.DocTestRunner(optionflags=flags).run(shown)
    assert found.attempted
    assert not found.failed


def test_the_message_of_a_vector_leads_to_the_clinic():
    words = str(errors.NotScalarError((2,)))
    page, anchor = re.search(r"(\w+)\.html#([\w-]+)", words).groups()
    heading = anchor.replace("-", " ").capitalize()
    assert f'"## {heading}\\n"' in (BOOK / f"{page}.ipynb").read_text("utf-8")
