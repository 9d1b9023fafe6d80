"""Result columns named as PostgreSQL names them: `count`, not `count_star()`; `?column?`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from storage.pgwire import types

_UNNAMED = "?column?"
# ~, SIMILAR TO, # and |/
_OPERATORS = frozenset({"regexp_matches", "regexp_full_match", "xor_", "root_"})
_FUNCTIONS = {"count_star": "count", "list_value": "array",
              "extract_second": "extract", "extract_millisecond": "extract",
              "extract_epoch": "extract", "extract_field": "extract",
              "substring_matching": "substring", "json_agg_": "json_agg",
              "to_char_number": "to_char", "to_char_time": "to_char",
              "to_char_marked": "to_char",
              "series_rows": "generate_series",
              "struct_pack": "row",
              "quantile_cont": "percentile_cont", "quantile_disc": "percentile_disc",
              "to_days": "interval", "to_hours": "interval", "trim": "btrim",
              "if": "case"}  # fmt: skip
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
    if _has_values(tree.get("from_table") or {}):
        names = [_values_name(name) for name in names]
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
    return ["unnest" if name.startswith("unnest(") else name for name in names]


def _select_list(node: dict[str, Any]) -> list[dict[str, Any]]:
    while node.get("type") == "SET_OPERATION_NODE":
        left = node.get("left") or (node.get("children") or [None])[0]
        if left is None:
            return []
        node = left
    if (node.get("from_table") or {}).get("type") in ("SHOW_REF", "EXPRESSION_LIST"):
        return []  # DESCRIBE, VALUES: DuckDB's names (column1 and so on are set by the session)
    return node.get("select_list") or []


def _has_values(source: dict[str, Any]) -> bool:
    """Whether a FROM item is a VALUES list without names, which DuckDB counts from col0."""
    if source.get("column_name_alias"):
        return False
    if source.get("type") == "SUBQUERY":
        inner = (source.get("subquery") or {}).get("node") or {}
        return _has_values(inner.get("from_table") or {})
    return source.get("type") == "EXPRESSION_LIST"


def _values_name(name: str) -> str:
    return f"column{int(name[3:]) + 1}" if name[:3] == "col" and name[3:].isdigit() else name


def keeps_typmod(tree: dict[str, Any], count: int) -> list[bool]:
    """Per column whether a typmod goes out: of plain columns and casts, not of computed values.

    What a star spreads to, and whatever else cannot be counted, keeps it.
    """
    items = _select_list(tree)
    if tree.get("type") == "SET_OPERATION_NODE" or len(items) != count or any(map(_spreads, items)):
        return [tree.get("type") != "SET_OPERATION_NODE"] * count
    return [item.get("class") in ("COLUMN_REF", "CAST", "SUBQUERY") for item in items]


_SPELLED = {"varchar": types.VARCHAR, "bpchar": types.BPCHAR, "char": types.CHAR}


def told(tree: dict[str, Any], kinds: Sequence[str]) -> list[types.PgType | None]:
    """Per column the PostgreSQL type that the statement tells better than DuckDB's type does.

    `kinds` are DuckDB's types. Seen are the select list's own items: a cast to varchar, and
    functions whose integers are wider in DuckDB.
    """
    items = _select_list(tree)
    if tree.get("type") == "SET_OPERATION_NODE" or len(items) != len(kinds):
        return [None] * len(kinds)
    return [_told(item, kind) for item, kind in zip(items, kinds, strict=True)]


def _told(item: dict[str, Any], kind: str) -> types.PgType | None:
    if kind == "DECIMAL(38,10)" or (
        item.get("class") == "CAST" and kind.startswith("DECIMAL(38,")
    ):  # what a bare NUMERIC is made to, and what is computed with it
        return types.NUMERIC
    if item.get("class") == "CAST" and kind == "VARCHAR":
        wanted = item.get("type_expr") or {}
        return None if wanted.get("children") else _SPELLED.get(wanted.get("type_name", "").lower())
    if item.get("type") in ("GROUPING_FUNCTION", "WINDOW_NTILE") and kind == "BIGINT":
        return types.INT4
    if item.get("function_name") == "pg_typeof" and kind == "VARCHAR":
        return types.REGTYPE
    return None


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
        if item.get("is_operator") or name in _OPERATORS:
            return _UNNAMED
        return _FUNCTIONS.get(name, name)
    if kind == "CAST":
        inner = item["child"]
        weak = inner.get("class") in ("CAST", "CASE") or inner.get("function_name") == "list_value"
        named = _UNNAMED if weak and not _of_column(inner) else _name(inner)
        return named if named != _UNNAMED else _type(item.get("type_expr") or {})
    if kind == "GROUPING" or type_ == "GROUPING_FUNCTION":
        return "grouping"
    if kind == "CASE":
        default = item.get("else_expr")
        inner = _name(default) if isinstance(default, dict) else _UNNAMED
        return inner if inner != _UNNAMED else "case"
    if kind == "SUBQUERY":
        if item.get("subquery_type") == "EXISTS":
            return "exists"
        inside = _select_list((item.get("subquery") or {}).get("node") or {})
        if _is_array(inside):
            return "array"
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


def _is_array(inside: list[dict[str, Any]]) -> bool:
    """Whether a subquery's select list is what DuckDB parses ARRAY(SELECT ...) to."""
    checks = inside[0].get("case_checks") if len(inside) == 1 else None
    tested = (checks or [{}])[0].get("when_expr", {}).get("children") or [{}]
    return tested[0].get("function_name") == "array_agg"


def _of_column(item: dict[str, Any]) -> bool:
    """Whether casts around it leave a name that PostgreSQL keeps: a column's or a function's."""
    while item.get("class") == "CAST":
        item = item["child"]
    return item.get("class") in ("COLUMN_REF", "FUNCTION", "WINDOW") and (
        item.get("function_name") != "list_value"
    )


def _type(expression: dict[str, Any]) -> str:
    name = str(expression.get("type_name", "")).lower()
    if name == "list" and expression.get("children"):
        return _type(expression["children"][0])
    return _TYPES.get(name, name) or _UNNAMED
