"""Show an error that is the lesson by its message, whole, instead of a walk through our files."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform


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


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_post_transform(MessageOnly)
    return {"parallel_read_safe": True}
