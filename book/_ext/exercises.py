"""Exercises: each has an address, `#exercise-2`, and folds its solution away, with what it prints.

A page lists them all, chapter by chapter.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

TITLE = re.compile(r"(\d+)\. (.+?)\.?")  # of a paragraph's first words, in bold


def give_addresses(app: Sphinx, doctree: nodes.document) -> None:
    """Mark each paragraph that begins an exercise, and note its number and title."""
    found: dict[int, str] = {}
    for section in doctree.findall(nodes.section):
        if "exercises" not in section["ids"]:
            continue
        for paragraph in section.findall(nodes.paragraph):
            first = next((child for child in paragraph.children if child.astext()), None)
            title = isinstance(first, nodes.strong) and TITLE.fullmatch(first.astext())
            if title:
                paragraph["ids"].append(f"exercise-{title[1]}")
                found[int(title[1])] = title[2]
        for cell in section.findall(is_solution):
            cell["hide_mode"] = "all"
    known(app.env)[app.env.docname] = found


def is_solution(node: nodes.Node) -> bool:
    """A cell that is folded and begins with its number."""
    folded = isinstance(node, nodes.container) and node.get("hide_mode") == "input"
    return folded and node.astext().startswith("# Solution ")


def known(env: BuildEnvironment) -> dict[str, dict[int, str]]:
    """Each page's exercises, by number."""
    if not hasattr(env, "exercises"):
        env.exercises = {}
    return env.exercises


class exercise_list(nodes.General, nodes.Element):  # noqa: N801, as docutils names its nodes
    """The place of the list, until every page has been read."""


class ExerciseList(SphinxDirective):
    """All exercises of the book, each a link to where it stands."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        return [exercise_list()]


def fill(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the list in its place."""
    places = list(doctree.findall(exercise_list))
    pages = app.env.toctree_includes.get(app.config.root_doc, [])
    for place in places:
        listed: list[nodes.Node] = []
        for page in pages:
            if not known(app.env).get(page):
                continue
            address = app.builder.get_relative_uri(docname, page)
            title = app.env.titles[page].astext()
            name = nodes.reference("", title, refuri=f"{address}#exercises", internal=True)
            listed.append(nodes.paragraph("", "", name))
            items = nodes.enumerated_list(enumtype="arabic", suffix=".")
            for number, words in sorted(known(app.env)[page].items()):
                link = nodes.reference(
                    "", words, refuri=f"{address}#exercise-{number}", internal=True
                )
                items += nodes.list_item("", nodes.paragraph("", "", link))
            listed.append(items)
        place.replace_self(listed)


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    known(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: Any, other: BuildEnvironment) -> None:
    known(env).update(known(other))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(exercise_list)
    app.add_directive("exercises", ExerciseList)
    app.connect("doctree-read", give_addresses)
    app.connect("doctree-resolved", fill)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
