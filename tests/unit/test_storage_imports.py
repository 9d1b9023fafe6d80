"""Imports of storage form no circle, those for types alone included."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import storage

ROOT = Path(storage.__file__).parent


def test_imports_form_no_circle() -> None:
    paths = {path.relative_to(ROOT.parent).with_suffix(""): path for path in ROOT.rglob("*.py")}
    files = {".".join(at.parts).removesuffix(".__init__"): path for at, path in paths.items()}
    graph: dict[str, set[str]] = {}
    for module, path in files.items():
        graph[module] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in files:
                named = {f"{node.module}.{one.name}" for one in node.names}
                graph[module] |= (named & files.keys()) or {node.module}
    assert graph["storage.pgwire.session"]
    TopologicalSorter(graph).prepare()  # raises CycleError, which tells the circle
