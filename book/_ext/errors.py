"""Show an error that is the lesson by its message, whole, instead of a walk through our files.

An error of ours links to its page, and so does a page that its message names.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from scalarloss import errors

MESSAGE = re.compile(r'error-message [^>]*>\s*<div class="highlight"><pre>.*?</pre>', re.S)
PAGE = re.compile(r"\b(?P<error>\w+Error)(?=: )|\b(?P<page>\w+)\.html(?P<anchor>#[\w-]+)?")


class MessageOnly(SphinxPostTransform):
    """Keep of each traceback what stands from the error's name on."""

    default_priority = 5
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        for block in list(self.document.findall(is_traceback)):
            message = re.split(r"\n(?=[\w.]+(?:Error|Exception|Warning)\b)", block.astext())[-1]
            block["language"] = "none"
            block["classes"].append("error-message")
            block.children = [nodes.Text(message.strip())]
            block.rawsource = message.strip()


def is_traceback(node: nodes.Node) -> bool:
    return isinstance(node, nodes.literal_block) and "traceback" in node["classes"]


def page_of(error: str) -> str:
    """The page of an error of ours, named as it is: not_scalar_error for NotScalarError."""
    return re.sub(r"\B(?=[A-Z])", "_", error).lower() if hasattr(errors, error) else ""


def link(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Link what a message names, in the page as it is written."""

    def linked(found: re.Match[str]) -> str:
        page = found["page"] or page_of(found["error"])
        if page not in app.env.found_docs:
            return found[0]
        address = app.builder.get_relative_uri(name, page) + (found["anchor"] or "")
        return f'<a class="reference internal" href="{address}">{found[0]}</a>'

    if "body" in context:
        context["body"] = MESSAGE.sub(lambda m: PAGE.sub(linked, m[0]), context["body"])


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_post_transform(MessageOnly)
    app.connect("html-page-context", link)
    return {"parallel_read_safe": True}
