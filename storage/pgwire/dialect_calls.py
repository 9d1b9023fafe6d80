"""Calls as DuckDB takes them. Source of the spellings: PostgreSQL 15, chapter 9."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

import duckdb

from storage.lexer import Token
from storage.pgwire import formatting, literals
from storage.pgwire.edits import AFTER_ITEM, Edit, closing, words
from storage.pgwire.errors import SqlError
from storage.pgwire.functions import SCHEMA as FN


def quantifier(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """`= ANY(NULL)` is NULL; DuckDB takes the missing array for an empty one."""
    inside = words(found, at + 1, 2)
    compared = at > 0 and found[at - 1].text in ("=", "<", ">")
    if not compared or inside[0] != "(" or inside[1] in ("select", "with", "values", "("):
        return
    close = closing(found, at + 1)
    if close > at + 2:
        yield Edit(found[at + 1].end, found[at + 1].end, "coalesce(")
        yield Edit(found[close].start, found[close].start, ", [NULL])")


# Digits behind the point of what extract() gives, and the field that has them in DuckDB.
_FIELDS = {
    "second": "second", "seconds": "second", "millisecond": "millisecond",
    "milliseconds": "millisecond", "epoch": "epoch",
} | dict.fromkeys(
    ("century", "day", "decade", "dow", "doy", "hour", "isodow", "isoyear", "microseconds",
     "millennium", "minute", "month", "quarter", "timezone", "timezone_hour", "timezone_minute",
     "week", "year"), "field",
)  # fmt: skip


def extract(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """extract(field FROM x) is numeric; DuckDB parses it to date_part(), which is not."""
    opening, field, between = words(found, at + 1, 3)
    if opening != "(" or between != "from" or field.strip("'").lower() not in _FIELDS:
        return
    name = field.strip("'").lower()
    macro = f"extract_{_FIELDS[name]}"
    yield Edit(found[at].start, found[at].end, f"{FN}.{macro}")
    told = f"'{name}', " if macro == "extract_field" else ""
    yield Edit(found[at + 2].start, found[at + 3].end, told)


def substring(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """substring(text FROM 'pattern') and substring(text, 'pattern')."""
    if words(found, at + 1, 1) != ["("]:
        return
    close = closing(found, at + 1)
    if close - 2 > at + 1 and found[close - 1].kind == "string" and (
        found[close - 2].folded in ("from", ",")
    ):  # fmt: skip
        yield Edit(found[at].start, found[at].end, f"{FN}.substring_matching")
        yield Edit(found[close - 2].start, found[close - 2].end, ",")


def formatted(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """The constant format of to_char(), to_date() and to_timestamp() as strftime's."""
    close = closing(found, at + 1) if words(found, at + 1, 1) == ["("] else 0
    if close - 2 <= at + 1 or found[close - 1].kind != "string" or found[close - 2].text != ",":
        return
    name, format = found[at].folded, found[close - 1]
    number = formatting.number_format(format.value) if name == "to_char" else None
    macro, made = f"{name}_number", number
    if made is None:
        try:
            if name == "to_char":
                text, marked = formatting.time_format(format.value)
                macro = "to_char_marked" if marked else "to_char_time"
            else:
                macro, text = name, formatting.parse_format(format.value)
        except ValueError as problem:
            raise SqlError("0A000", f"{name}: {problem}", position=format.start + 1) from None
        made = literals.quote(text)
    yield Edit(found[at].start, found[at].end, f"{FN}.{macro}")
    yield Edit(format.start, format.end, made)


JSON_LISTS = ("json_agg", "jsonb_agg")


def json_agg(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """json_agg(x ORDER BY y) FILTER (...): as a macro it could take no ORDER BY."""
    if words(found, at + 1, 1) != ["("]:
        return
    close = closing(found, at + 1)
    if words(found, close + 1, 2) == ["filter", "("]:
        close = closing(found, close + 2)
    if close:
        yield Edit(found[at].start, found[at].end, f"{FN}.json_agg_(list")
        yield Edit(found[close].end, found[close].end, ")")


def unnest(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """FROM unnest(a, b) [WITH ORDINALITY]: several arrays beside one another."""
    opening = at + 1
    if words(found, opening, 1) != ["("] or not _in_from(found, at):
        return
    close, depth, commas = closing(found, opening), 0, []
    for one in found[opening : close + 1]:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(one.text, 0)
        if one.text == "," and depth == 1:
            commas.append(one)
    if not commas:
        return
    numbered = words(found, close + 1, 2) == ["with", "ordinality"]
    lead = "(SELECT *, row_number() OVER () AS ordinality FROM (SELECT" if numbered else "(SELECT"
    yield Edit(found[at].start, found[at].end, f"{lead} unnest")
    for comma in commas:
        yield Edit(comma.start, comma.end, "), unnest(")
    end = found[close + 2] if numbered else found[close]
    yield Edit(found[close].end, end.end, "))" if numbered else ")")


_NO_ALIAS = frozenset(
    {
        "where", "group", "order", "limit", "on", "join", "left", "right", "inner", "cross", "full",
        "natural", "union", "except", "intersect", "having", "window", "offset", "fetch", "for",
        "using", "tablesample", "asof", "positional", "qualify", "semi", "anti", "lateral",
    }
)  # fmt: skip


@cache
def _scalars() -> frozenset[str]:
    """DuckDB's functions that make one value and are no table functions too."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT function_name FROM duckdb_functions() GROUP BY ALL"
            " HAVING bool_and(function_type IN ('scalar', 'macro'))"
        ).fetchall()
    return frozenset(name for (name,) in rows)


_TAKE_FROM = ("extract", "substring", "trim", "overlay", "position")


def value_in_from(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """FROM abs(-4) AS a: one row of one value, whose column has the item's name."""
    name, opening = words(found, at + 1, 2)
    if opening != "(" or name not in _scalars() or words(found, at - 1, 1) == ["distinct"]:
        return
    depth = 0
    for back in range(at, 0, -1):
        depth += {")": 1, "(": -1}.get(found[back].text, 0)
        if depth < 0 and found[back - 1].folded in _TAKE_FROM:
            return
    close = closing(found, at + 2)
    if not close:
        return
    alias = close + 2 if words(found, close + 1, 1) == ["as"] else close + 1
    named = found[alias : alias + 1]
    if not named or named[0].kind not in ("word", "quoted") or named[0].folded in _NO_ALIAS:
        yield Edit(found[close].end, found[close].end, f" AS {name}) AS {name}")
    else:
        yield Edit(found[close].end, found[close].end, f" AS {named[0].text})")
    yield Edit(found[at + 1].start, found[at + 1].start, "(SELECT ")


def _in_from(found: Sequence[Token], at: int) -> bool:
    """Whether the token begins an item of a FROM."""
    before = found[at - 1].folded if at else ""
    if before in ("from", "join", "lateral"):
        return True
    depth = 0
    for one in reversed(found[: at if before == "," else 0]):
        depth += {")": 1, "]": 1, "(": -1, "[": -1}.get(one.text, 0)
        if depth < 0 or (depth == 0 and one.folded in ("select", "by", "in", "values")):
            return False
        if depth == 0 and one.folded == "from":
            return True
    return False


def series(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """Rows in the type of the arguments; of FROM generate_series(1, 3) g the column is g too."""
    opening = at + 1
    before = found[at - 1].folded if at else ""
    close = closing(found, opening) if words(found, opening, 1) == ["("] else 0
    if close and before == "select" and words(found, close + 1, 1)[0] in AFTER_ITEM:
        yield Edit(found[at].start, found[at].end, f"{FN}.series_rows")
    if not close or not _in_from(found, at):
        return
    after = words(found, close + 1, 3)
    alias = close + 2 if after[0] == "as" else close + 1
    if "with" in after[:1]:  # WITH ORDINALITY
        return
    yield Edit(found[at].start, found[at].end, f"{FN}.series")
    if alias >= len(found) or found[alias].kind not in ("word", "quoted") or (
        found[alias].kind == "word" and found[alias].folded in _NO_ALIAS
    ):  # fmt: skip
        end = found[close].end
        yield Edit(end, end, " AS generate_series(generate_series)")
    elif words(found, alias + 1, 1) != ["("]:
        yield Edit(found[alias].end, found[alias].end, f"({found[alias].text})")
