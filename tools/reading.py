"""How long a chapter takes to read, exercises apart: 150 words and 6 lines of code a minute.

python tools/reading.py book/0*.ipynb
"""

import json
import re
import sys
from pathlib import Path

WORDS, LINES = 150, 6  # a minute
NOT_READ = {"remove-cell", "hide-input"}


def minutes(path: Path) -> float:
    """The reading time of a notebook's prose and visible code, exercises and solutions apart."""
    words = lines = 0
    in_exercises = False
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for part in re.split(r"^(?=## )", source, flags=re.M):
                if part.startswith("## "):
                    in_exercises = part.startswith("## Exercises")
                words += 0 if in_exercises else len(part.split())
        elif not in_exercises and not NOT_READ & set(cell["metadata"].get("tags", [])):
            lines += sum(bool(line.strip()) for line in source.splitlines())
    return words / WORDS + lines / LINES


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{minutes(Path(name)):5.1f}  {name}")
