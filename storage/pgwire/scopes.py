"""Names that mean two things: PostgreSQL refuses them, DuckDB takes the first or renames one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from storage.pgwire.errors import SqlError


def check(tree: dict[str, Any]) -> None:
    """Raise SqlError 42712 for a table's name used twice in a FROM, 42702 for a column's.

    `tree` is DuckDB's serialised query.
    """
    stack: list[Any] = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            if item.get("type") == "SELECT_NODE":
                _check_select(item)
            stack.extend(item.values())


def _check_select(node: dict[str, Any]) -> None:
    sources = list(_sources(node.get("from_table") or {}))
    names = Counter(name for name, _ in map(_name, sources) if name)
    twice = next((name for name, count in names.items() if count > 1), None)
    if twice is not None:
        known = [_name(one) for one in sources if _name(one)[0] == twice]
        if len(set(known)) < len(known):  # a.t and b.t without aliases are two
            raise SqlError("42712", f'table name "{twice}" specified more than once')
    doubled = {name for source in sources for name in _doubled_columns(source)}
    if doubled:
        for column in _columns([node[key] for key in node if key != "from_table"]):
            name = str(column["column_names"][-1])
            if name.lower() in doubled:
                at = column.get("query_location")
                place = at + 1 if isinstance(at, int) and at < 2**32 else None
                told = f'column reference "{name}" is ambiguous'
                raise SqlError("42702", told, position=place)


def _sources(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The tables of a FROM, out of its joins."""
    if item.get("type") == "JOIN" and not item.get("alias"):
        for side in ("left", "right"):
            yield from _sources(item.get(side) or {})
    else:
        yield item


def _name(item: dict[str, Any]) -> tuple[str, str]:
    """What a FROM item is called, and its whole name: ('', '') where it has none."""
    if item.get("alias"):
        return str(item["alias"]).lower(), ""
    if item.get("type") != "BASE_TABLE":
        return "", ""
    path = item.get("qualified_name", {}).get("path") or [item.get("table_name", "")]
    return str(path[-1]).lower(), ".".join(map(str, path)).lower()


def _doubled_columns(item: dict[str, Any]) -> set[str]:
    """Names that a subquery in FROM gives to several of its columns by an alias."""
    if item.get("type") != "SUBQUERY" or item.get("column_name_alias"):
        return set()
    inner = (item.get("subquery") or {}).get("node") or {}
    aliases = Counter(
        str(column["alias"]).lower()
        for column in inner.get("select_list") or ()
        if column.get("alias")
    )
    return {name for name, count in aliases.items() if count > 1}


def _columns(node: Any) -> Iterator[dict[str, Any]]:
    """Column references of this very query, not of those inside of it."""
    if isinstance(node, list):
        for one in node:
            yield from _columns(one)
    elif isinstance(node, dict):
        if node.get("class") == "COLUMN_REF" and node.get("column_names"):
            yield node
        elif not str(node.get("type", "")).endswith("_NODE"):
            for one in node.values():
                yield from _columns(one)
