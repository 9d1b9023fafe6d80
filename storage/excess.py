"""Statements whose cost no timeout bounds, found in their syntax tree before they run.

DuckDB looks for an interrupt between two vectors of 2,048 rows. Functions that make of a number
as much as it says do all of it in between, and past the memory limit: `repeat('x', 1e9)` held a
core for half a minute, `range(2e8)` as a list took 5 GB. So what sets a size has to be a number
that stands in the statement, and a small one. Statements that take long just to be planned are
found by counting. Chains of `||` through subqueries, which double a text a time, are not seen.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

MOST = 10_000  # characters or elements that one call may make
MOST_TOGETHER = 100_000  # of calls within each other
MOST_SELECTS = 1_000
MOST_COPIES = 4_096  # of a WITH query, where each is read by the next more than once

# Which argument sets the size of the result; those of _TIMES multiply what they are given.
_SIZES = {
    "repeat": 1, "lpad": 1, "rpad": 1, "list_resize": 1, "array_resize": 1, "bar": 3,
    "bitstring": 1,
}  # fmt: skip
_RANGES = frozenset({"range", "generate_series"})
_TIMES = _RANGES | {"repeat"}
_FORMATS = frozenset({"printf", "format"})
_LENGTHS = frozenset(
    {"len", "length", "array_length", "array_upper", "array_lower", "array_size", "cardinality",
     "list_size", "strlen"}
)  # fmt: skip


class Excess(Exception):
    """What is too much, and the 0-based character where the statement says it, if known."""

    def __init__(self, message: str, place: int | None = None) -> None:
        super().__init__(message)
        self.place = place


def check(nodes: Iterable[dict[str, Any]]) -> None:
    """Look at all nodes of a serialised statement. Raises Excess."""
    calls: list[dict[str, Any]] = []
    streaming: set[int] = set()  # in FROM, rows come vector by vector
    read: Counter[str] = Counter()
    named: set[str] = set()
    selects = 0
    for node in nodes:
        kind = node.get("type")
        if kind == "SELECT_NODE":
            selects += 1
        elif kind == "TABLE_FUNCTION":
            streaming.add(id(node["function"]))
        elif kind == "BASE_TABLE":
            read[str(node.get("table_name", "")).lower()] += 1
        if node.get("class") == "FUNCTION":
            calls.append(node)
        for entry in _entries(node.get("cte_map")):
            named.add(str(entry.get("key", "")).lower())
    if selects > MOST_SELECTS:
        raise Excess(f"{selects} SELECTs in one statement, the most is {MOST_SELECTS}")
    if math.prod(max(1, read[name]) for name in named) > MOST_COPIES:
        raise Excess("WITH queries that read each other several times grow beyond measure")
    _check_calls([call for call in calls if id(call) not in streaming])


def _check_calls(calls: list[dict[str, Any]]) -> None:
    together, widest = 1, 1
    for call in calls:
        name = str(call.get("function_name", "")).lower()
        arguments = [one.get("expression", one) for one in call.get("arguments") or []]
        if name in _FORMATS:
            _check_format(call, arguments)
        elif name in _RANGES:
            together *= _checked(call, _range_size(arguments))
        elif name in _SIZES and len(arguments) > _SIZES[name]:
            size = _checked(call, _size(arguments[_SIZES[name]]))
            if name in _TIMES:
                together *= size
            else:
                widest = max(widest, size)
    if together * widest > MOST_TOGETHER:
        raise Excess(
            f"{together * widest} values of one row's, by calls within each other: the most is "
            f"{MOST_TOGETHER}"
        )


def _checked(call: dict[str, Any], size: float | None) -> int:
    name, place = str(call["function_name"]).lower(), call.get("query_location")
    if size is None:
        in_from = "; in FROM it may be any" if name in _RANGES else ""
        raise Excess(
            f"{name} takes a number here, or least(..., number), up to {MOST}{in_from}", place
        )
    if size > MOST:
        raise Excess(f"{name} makes {size:.0f} of one value: the most is {MOST}", place)
    return max(1, int(size))


def _size(node: dict[str, Any]) -> float | None:
    """The most that an expression can be; None where the statement does not tell."""
    kind = node.get("class")
    if kind == "CONSTANT":
        literal = node.get("literal") or {}
        try:
            return float(str(literal.get("text", "")).replace("_", ""))
        except ValueError:
            return 0.0 if literal.get("kind") == "NULL" else None
    if kind == "CAST":
        return _size(node.get("child") or {})
    if kind != "FUNCTION":
        return None
    name = str(node.get("function_name", "")).lower()
    sizes = [_size(one.get("expression", one)) for one in node.get("arguments") or []]
    if name in _LENGTHS:
        return 1.0  # of what has been made already: within the limit, or stored
    if name == "least":
        return min((size for size in sizes if size is not None), default=None)
    if None in sizes or not sizes:
        return None
    known = [size for size in sizes if size is not None]
    if name == "-":
        return known[0] + abs(known[1]) if len(known) > 1 else -known[0]
    return sum(known) if name == "+" else None


def _range_size(arguments: list[dict[str, Any]]) -> float | None:
    """The number of elements of range(stop), range(start, stop) or range(start, stop, step)."""
    sizes = [_size(one) for one in arguments]
    if not sizes or None in sizes:
        return None
    known = [size for size in sizes if size is not None]
    if len(known) == 1:
        return known[0]
    step = abs(known[2]) if len(known) > 2 else 1.0
    return abs(known[1] - known[0]) / step + 1 if step else None


def _check_format(call: dict[str, Any], arguments: list[dict[str, Any]]) -> None:
    text = ((arguments[0] if arguments else {}).get("literal") or {}).get("text")
    if text is None or re.search(r"\d{5}|\*|\{[^}]*\{", str(text)):
        raise Excess(
            f"{call['function_name']} takes a text with widths up to 9999 here",
            call.get("query_location"),
        )


def _entries(cte_map: Any) -> list[dict[str, Any]]:
    found = cte_map.get("map") if isinstance(cte_map, dict) else None
    return found if isinstance(found, list) else []
