"""The messages that the clinic lists, as main entries of the index: a search finds them first."""

import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform

SECTION = "start-from-the-message"
ERROR = re.compile(r"^\w*(?:Error|Warning): ")
STEP = 4  # words: a search that is half as long as an entry finds it


def beginnings(message: str) -> Iterator[str]:
    """A message from five words on, longer and longer, with its error's name and without."""
    for text in {message, ERROR.sub("", message)}:
        words = text.split()
        for count in {*range(5, len(words), STEP), len(words)}:
            yield " ".join(words[:count])


class IndexMessages(SphinxTransform):
    """Enter what each line of the section quotes, in the place where it stands."""

    default_priority = 500

    def apply(self, **kwargs: Any) -> None:
        for section in self.document.findall(nodes.section):
            if SECTION not in section["ids"]:
                continue
            for number, line in enumerate(list(section.findall(nodes.list_item)), start=1):
                place = f"message-{number}"
                entries = {b for quoted in line.findall(nodes.literal) for b in starts(quoted)}
                line["ids"].append(place)
                line.insert(
                    0, addnodes.index(entries=[("single", e, place, "main", None) for e in entries])
                )


def starts(quoted: nodes.literal) -> Iterator[str]:
    if len(quoted.astext().split()) >= 4:
        yield from beginnings(quoted.astext())


def keep_entries(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Pages with entries are written again: a search index that is read back has lost them."""
    return [name for name, entries in env.domaindata["index"]["entries"].items() if entries]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("env-updated", keep_entries)
    app.add_transform(IndexMessages)
    return {"parallel_read_safe": True}
