"""Put live figures into the pages: shared scripts as files, our own host, a picture without script.

A notebook leaves two things in its page: for each figure a widget view, which names a model, and
once the state of all models. Each state holds the figure's whole script and style as text. The
book's own are in `site.css`, and in scripts that pages share (assets.py, js/page.js), so they are
left out here; another widget's script becomes a file named by its content, with its address in
`_esm` instead. So do the digits that a `Training` learns from, which its page fetches when a reader
first presses. `host.js` then mounts the figures. Where there is no JavaScript, the picture that the
widget drew of itself is shown with its caption.
"""

import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.core.render import WIDGET_STATE_MIMETYPE, WIDGET_VIEW_MIMETYPE
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from scalarloss.live.training import page_script

PICTURES = ("image/svg+xml", "image/png")
VIEW = re.compile(rf'<script type="{re.escape(WIDGET_VIEW_MIMETYPE)}">(.*?)</')
REFERENCE = re.compile(r"IPY_MODEL_([\w-]+)")


class KeepPicture(SphinxPostTransform):
    """Keep the picture beside each widget view, where myst-nb would choose one of the two."""

    default_priority = 3  # before myst-nb chooses, at 4
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        states = models(self.env, self.env.docname)
        for bundle in list(self.document.findall(is_mime_bundle)):
            found = {child["mime_type"]: child for child in bundle.children}
            view = found.get(WIDGET_VIEW_MIMETYPE)
            if view is None:
                continue
            script = view.children[0]
            model = json.loads(between(script.astext()))["model_id"]
            state = states.get(model, {}).get("state", {})
            caption = state.get("caption", "")
            words = found["text/plain"].astext().strip() if "text/plain" in found else ""
            picture = next((found[mime] for mime in PICTURES if mime in found), None)
            kind = state.get("_kind", "other")
            mount = [raw(f'<div class="live-mount" data-kind="{kind}">'), script]
            if picture is not None:
                mount += [raw("<noscript><figure>"), *picture.children]
                for image in picture.findall(nodes.image):
                    image["alt"] = words or caption
                mount += [
                    raw(f"<figcaption>{html.escape(caption)}</figcaption></figure></noscript>")
                ]
            view.children = []
            view.extend([*mount, raw("</div>")])


def is_mime_bundle(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "mime_bundle"


def raw(text: str) -> nodes.raw:
    return nodes.raw(text=text, format="html")


def between(script: str) -> str:
    """What stands between the tags of one script element."""
    return script[script.index(">") + 1 : script.rindex("</script>")]


def models(env: Any, page: str) -> dict[str, Any]:
    """The widget models of a page by their names, as the notebook's kernel left them."""
    scripts = NbMetadataCollector.get_js_files(env, page)
    if "ipywidgets_state" not in scripts:
        return {}
    states: dict[str, Any] = json.loads(scripts["ipywidgets_state"][1]["body"])["state"]
    return states


def publish(app: Sphinx, name: str, kind: str, text: str) -> str:
    """Write `text` to a file named by its content; return its path below `_static`."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = f"live/{name}.{digest}.{kind}"
    file = Path(app.outdir) / "_static" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return path


def in_order(body: str, states: dict[str, Any]) -> dict[str, Any]:
    """The models as a reader meets them: each view's and what it refers to, then all others."""
    found: dict[str, int] = {}

    def take(model: str) -> None:
        if model in states and model not in found:
            found[model] = len(found)
            for other in REFERENCE.findall(json.dumps(states[model])):
                take(other)

    def content(model: str) -> str:
        return REFERENCE.sub(lambda name: str(found.get(name[1])), json.dumps(states[model]))

    for view in VIEW.findall(body):
        take(json.loads(view)["model_id"])
    while others := states.keys() - found:
        take(min(others, key=content))
    return {model: states[model] for model in found}


def kinds_of(states: dict[str, Any]) -> list[str]:
    """The kinds of the book's figures on a page, in the order in which a reader meets them."""
    kinds = (model["state"].get("_kind") for model in states.values())
    return list(dict.fromkeys(str(kind) for kind in kinds if kind is not None))


def kinds_ahead(app: Sphinx, page: str) -> list[str]:
    """The kinds on the next page that has figures: what a reader of this one may need soon."""
    while page := app.builder.relations.get(page, (None, None, ""))[2]:
        if found := kinds_of(models(app.env, page)):
            return found
    return []


def lift(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Write a page's models without their scripts, and ask for the files that hold these."""
    states = in_order(context.get("body", ""), models(app.env, pagename))
    if not states:
        return
    root = "../" * pagename.count("/") or "./"
    styles: list[str] = []
    for model in states.values():
        state = model["state"]
        style, script = state.pop("_css", None), state.pop("_esm", None)
        if script and "_kind" not in state:
            state["_esm"] = f"{root}_static/{publish(app, 'widget', 'js', script)}"
            if style:
                styles.append(publish(app, "widget", "css", style))
        if state.get("_kind") == "training":
            state["source"] = f"{root}_static/{publish(app, 'digits', 'js', page_script())}"
    context["widget_styles"] = list(dict.fromkeys(styles))
    context["page_kinds"] = kinds_of(states)
    context["kinds"] = sorted({*kinds_of(states), *kinds_ahead(app, pagename)})

    # Kernels name models at random: numbers take their place, so that two builds are the same.
    body = json.dumps({"version_major": 2, "version_minor": 0, "state": states})
    for number, model in enumerate(states, 1):
        body = body.replace(model, f"model-{number}")
        context["body"] = context["body"].replace(model, f"model-{number}")
    context["widget_state"] = WIDGET_STATE_MIMETYPE
    context["widget_states"] = body.replace("<", r"\u003c")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_post_transform(KeepPicture)
    app.connect("html-page-context", lift, priority=900)  # after myst-nb has added the state
    return {"parallel_read_safe": True}
