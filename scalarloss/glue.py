"""Lend a computed number to a chapter's prose."""

from IPython.display import display


def glue(name: str, text: object) -> None:
    """Store `text` under `name`, so that {glue:text}`name` in the prose shows it.

    It is myst-nb's own record, written without needing myst-nb in the reader's kernel. myst-nb
    reads a record as Python, so the text is quoted: bare, 1,797 would be a tuple.
    """
    record = {"application/papermill.record/text/plain": repr(str(text))}
    metadata = {"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}}
    display(record, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]
