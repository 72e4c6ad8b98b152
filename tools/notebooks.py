"""Run notebooks from top to bottom and keep what a reader of the source needs: text.

    python tools/notebooks.py book/*.ipynb

Stored outputs are text/plain, what was printed, and an error's name and message. A second run
changes no byte.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

KEPT = ("text/plain", "application/papermill.record/text/plain")


def tidy_output(output: NotebookNode) -> NotebookNode | None:
    if output.output_type == "error":
        output.traceback = []
    elif output.output_type in ("display_data", "execute_result"):
        output.data = {mime: text for mime, text in output.data.items() if mime in KEPT}
        output.metadata = {k: v for k, v in output.metadata.items() if k == "scrapbook"}
        return output if output.data else None
    return output


def joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The outputs, with what was printed in pieces in one."""
    found: list[NotebookNode] = []
    for output in outputs:
        if found and output.output_type == "stream" and found[-1].get("name") == output.name:
            found[-1].text += output.text
        else:
            found.append(output)
    return found


def tidy(notebook: NotebookNode) -> None:
    """Keep what a reader of the source needs, and nothing that another run would change."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in ("tags", "mystnb")}
        if cell.cell_type == "code":
            kept = (tidy_output(output) for output in cell.outputs)
            cell.outputs = joined([output for output in kept if output is not None])


def main(paths: list[str]) -> None:
    for path in map(Path, paths):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [cell for cell in notebook.cells if cell.source.strip()]
        NotebookClient(
            notebook,
            timeout=300,
            kernel_name="python3",
            record_timing=False,
            store_widget_state=False,
            resources={"metadata": {"path": str(path.parent)}},
        ).execute()
        tidy(notebook)
        nbformat.write(notebook, path)
        print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
