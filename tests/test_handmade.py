"""The engine that pages import is the one that chapter 11 builds, line for line."""

import ast
import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHAPTER = ROOT / "book" / "11_build_the_engine.ipynb"
MODULE = ROOT / "scalarloss" / "handmade.py"


class Bare(ast.NodeTransformer):
    """Code without annotations and docstrings."""

    def visit_AnnAssign(self, node):
        return ast.Assign([node.target], node.value, lineno=0)

    def visit_arg(self, node):
        return ast.arg(node.arg)

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        node.returns = None
        if ast.get_docstring(node):
            node.body = node.body[1:]
        return node


def parts(source):
    """What a piece of code defines: each class, function and assignment, as bare code."""
    kinds = ast.ClassDef | ast.FunctionDef | ast.Assign | ast.AugAssign | ast.AnnAssign
    return [ast.unparse(Bare().visit(n)) for n in ast.parse(source).body if isinstance(n, kinds)]


def test_the_module_is_the_chapters_code():
    cells = json.loads(CHAPTER.read_text("utf-8"))["cells"]
    taught = parts("\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code"))
    module = parts(MODULE.read_text("utf-8"))
    assert len(module) >= 20
    missing = [part for part in module if part not in taught]
    assert missing == []
