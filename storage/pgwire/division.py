"""An interval divided by a number: DuckDB's division, as the door sets it, knows no intervals.

Whether a column is an interval is known to the binder alone, so its error is read: it underlines
the quotient. That is made a product, `a * (1 / b)`, and the statement bound again.
"""

from __future__ import annotations

import re

import duckdb

from storage.lexer import tokens
from storage.pgwire.errors import place

REFUSED = "types '//(INTERVAL, "
_UNDERLINED = re.compile(r"\n\nLINE \d+: [^\n]*\n *(\^+)")


def as_product(cursor: duckdb.DuckDBPyConnection, sql: str) -> str | None:
    """The statement with the quotient that DuckDB refuses as a product; None: it is not one.

    Bound again by EXPLAIN, whose error tells the place. A quotient over several lines is not found.
    """
    explain = f"EXPLAIN {sql}"
    try:
        cursor.execute(explain)
    except duckdb.BinderException as error:
        problem = str(error)
    else:
        return None
    underlined, start = _UNDERLINED.search(problem), place(problem, explain)
    if REFUSED not in problem or not underlined or start is None:
        return None
    start, end = start - 1, start - 1 + len(underlined[1])
    depth, sign = 0, None
    for token in tokens(explain[start:end]):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.text, 0)
        if token.text == "/" and depth == 0:
            sign = token  # the last one: quotients are made from the left
    if sign is None:
        return None
    left, right = explain[: start + sign.start], explain[start + sign.end : end]
    return f"{left}* (1e0 / {right}){explain[end:]}".removeprefix("EXPLAIN ")
