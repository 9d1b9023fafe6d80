"""EXPLAIN (FORMAT JSON): DuckDB's plan in the frame that PostgreSQL's clients look for.

Of a statement that DuckDB answers from its metadata, ANALYZE has no plan: one node is left.

Source of the frame: PostgreSQL 15, EXPLAIN: a list of one object whose `Plan` has a `Node Type`
and its `Plans`.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from storage.lexer import tokens


def as_json(sql: str) -> bool:
    """Whether an EXPLAIN asks for JSON."""
    words = [one.folded for one in tokens(sql)][:12]
    return words[:1] == ["explain"] and ("format", "json") in pairwise(words)


_FRAMES = ("RESULT_COLLECTOR", "EXPLAIN_ANALYZE")  # around what ANALYZE ran


def plan(text: str) -> str:
    """DuckDB's JSON of a plan as PostgreSQL's."""
    told: Any = json.loads(text)
    nodes = told.get("operator", []) if isinstance(told, dict) else told
    while nodes and nodes[0].get("type") in _FRAMES and nodes[0].get("children"):
        nodes = nodes[0]["children"]
    return json.dumps([{"Plan": _node(one)} for one in nodes[:1] or [{}]])


def _node(node: dict[str, Any]) -> dict[str, Any]:
    about = {str(key): value for key, value in (node.get("extra_info") or {}).items()}
    made = {
        "Node Type": str(node.get("name") or node.get("type") or "Result").strip(),
        "Startup Cost": 0.0,
        "Total Cost": 0.0,
        "Plan Rows": int(about.pop("Estimated Cardinality", 0)),
        "Plan Width": 0,
    }
    if "timing" in node:
        made |= {"Actual Total Time": node["timing"] * 1e3,  # [ms]
                 "Actual Rows": node.get("intermediate_rows", 0)}  # fmt: skip
    children = [_node(child) for child in node.get("children") or []]
    return about | made | ({"Plans": children} if children else {})
