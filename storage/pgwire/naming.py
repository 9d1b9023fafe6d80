"""Result columns named as PostgreSQL names them: `count`, not `count_star()`; `?column?`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_UNNAMED = "?column?"
_FUNCTIONS = {"count_star": "count", "date_part": "extract", "list_value": "array",
              "struct_pack": "row"}  # fmt: skip
_TYPES = {
    "integer": "int4", "int": "int4", "bigint": "int8", "smallint": "int2", "boolean": "bool",
    "double": "float8", "float": "float4", "real": "float4", "decimal": "numeric",
    "string": "text", "varchar": "varchar", "timestamp with time zone": "timestamptz",
    "blob": "bytea",
}  # fmt: skip


def columns(tree: dict[str, Any], duckdb_names: Sequence[str]) -> list[str]:
    """The names of a query's result columns; `tree` is DuckDB's serialised query node.

    A star spreads to columns that only DuckDB knows, so names are taken from the select list
    up to the first star and, counted from the end, after the last one.
    """
    names = list(duckdb_names)
    items = _select_list(tree)
    if not items:
        return names
    stars = [at for at, item in enumerate(items) if _spreads(item)]
    first = stars[0] if stars else len(items)
    after = len(items) - 1 - stars[-1] if stars else 0
    if not stars and len(items) != len(names):
        return names
    for at in range(min(first, len(names))):
        names[at] = _name(items[at])
    for back in range(1, min(after, len(names) - first) + 1):
        names[-back] = _name(items[-back])
    return names


def _select_list(node: dict[str, Any]) -> list[dict[str, Any]]:
    while node.get("type") == "SET_OPERATION_NODE":
        left = node.get("left") or (node.get("children") or [None])[0]
        if left is None:
            return []
        node = left
    if (node.get("from_table") or {}).get("type") in ("SHOW_REF", "EXPRESSION_LIST"):
        return []  # DESCRIBE, VALUES: DuckDB's names (column1 and so on are set by the session)
    return node.get("select_list") or []


def _spreads(item: dict[str, Any]) -> bool:
    """Whether an item may become several columns: *, COLUMNS(...), unnest of a struct."""
    if item.get("class") == "STAR" or item.get("type") == "STAR":
        return True
    if item.get("function_name") == "unnest":
        return True
    return any(
        _spreads(child)
        for key in ("child", "arguments", "children", "left", "right")
        for child in _children(item.get(key))
    )


def _children(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value.get("expression", value)]
    if isinstance(value, list):
        return [one.get("expression", one) for one in value if isinstance(one, dict)]
    return []


def _name(item: dict[str, Any]) -> str:
    if item.get("alias"):
        return str(item["alias"])
    kind, type_ = item.get("class"), str(item.get("type", ""))
    if kind == "COLUMN_REF":
        return str(item["column_names"][-1])
    if kind in ("FUNCTION", "WINDOW"):
        name = str(item.get("function_name", ""))
        if item.get("is_operator"):
            return _UNNAMED
        return _FUNCTIONS.get(name, name)
    if kind == "CAST":
        inner = _name(item["child"])
        return inner if inner != _UNNAMED else _type(item.get("type_expr") or {})
    if kind == "CASE":
        default = item.get("else_expr")
        inner = _name(default) if isinstance(default, dict) else _UNNAMED
        return inner if inner != _UNNAMED else "case"
    if kind == "SUBQUERY":
        if item.get("subquery_type") == "EXISTS":
            return "exists"
        inside = _select_list((item.get("subquery") or {}).get("node") or {})
        return _name(inside[0]) if inside and item.get("subquery_type") == "SCALAR" else _UNNAMED
    if kind == "COLLATE":
        return _name(item["child"])
    if kind == "OPERATOR":
        children = item.get("children") or []
        if type_ == "OPERATOR_COALESCE":
            return "coalesce"
        if type_ == "ARRAY_CONSTRUCTOR":
            return "array"
        if type_ in ("ARRAY_EXTRACT", "ARRAY_SLICE") and children:
            return _name(children[0])
        if type_ == "STRUCT_EXTRACT" and len(children) > 1:
            return str((children[1].get("literal") or {}).get("text", _UNNAMED))
    return _UNNAMED


def _type(expression: dict[str, Any]) -> str:
    name = str(expression.get("type_name", "")).lower()
    return _TYPES.get(name, name) or _UNNAMED
