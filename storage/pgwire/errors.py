"""DuckDB's errors as PostgreSQL's: SQLSTATE, message, position in the client's text.

DuckDB names the kind of an error at the start of its message, also where the error comes out
of an Arrow stream as an OSError: so the message is read, not the exception's class.
Source of the codes: PostgreSQL 15, appendix A.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from storage.lexer import tokens


class BadParameter(Exception):
    """A value that is not of its type, with the SQLSTATE for it."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message


class SqlError(Exception):
    """An error to be sent to the client as ErrorResponse."""

    def __init__(self, sqlstate: str, message: str, *, position: int | None = None,
                 detail: str = "", hint: str = "") -> None:  # fmt: skip
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message
        self.position = position
        self.detail = detail
        self.hint = hint


def too_many_rows(most: int) -> SqlError:
    """The result has more rows than the limit `max_rows`."""
    return SqlError("54000", f"the result has more than {most} rows, the most here: add a LIMIT "
                    "or aggregate")  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: str  # how DuckDB's message starts; "" for any
    pattern: re.Pattern[str]
    sqlstate: str
    message: str = ""  # a template over the pattern's groups; "" keeps DuckDB's own words


def _rule(kind: str, pattern: str, sqlstate: str, message: str = "") -> _Rule:
    return _Rule(kind, re.compile(pattern, re.DOTALL | re.IGNORECASE), sqlstate, message)


# The first rule that fits wins.
_RULES = (
    _rule("", r"cannot take logarithm", "2201E"),
    _rule("", r"square root of a negative", "2201F"),
    _rule("Parser", r"null character not permitted", "22021"),
    _rule("", r"null character not permitted", "54000"),
    _rule("", r"max expression depth", "54001", "statement too deeply nested"),
    _rule("", r"lastval is not yet defined", "55000"),
    _rule("Not implemented", r"provide an index name", "25006",
          "cannot execute CREATE INDEX in a read-only transaction"),
    _rule("Catalog", r"Table with name \"(?:[^\"]*\.)?(?P<name>[^\".]*)\" does not exist because",
          "42P01", 'relation "{name}" does not exist'),
    _rule("Catalog", r"Table with name \"?(?P<name>.*?)\"? does not exist", "42P01",
          'relation "{name}" does not exist'),
    _rule("Catalog", r"(?:Scalar |Aggregate |Table )?(?:Function|Macro) with name "
          r"\"?(?P<name>.*?)\"? does not exist", "42883", "function {name} does not exist"),
    _rule("Catalog", r"Type with name \"?(?P<name>.*?)\"? does not exist", "42704",
          'type "{name}" does not exist'),
    _rule("Catalog", r"Schema with name \"?(?P<name>.*?)\"? does not exist", "3F000",
          'schema "{name}" does not exist'),
    _rule("Catalog", r"unrecognized configuration parameter", "42704"),
    _rule("Catalog", r"", "42704"),
    _rule("Binder", r"Referenced column \"?(?P<name>[^\"]*)\"? (?:was )?not found", "42703",
          'column "{name}" does not exist'),
    _rule("Binder", r"does not have a column named \"?(?P<name>[^\"]*)\"?", "42703",
          'column "{name}" does not exist'),
    _rule("Binder", r"Referenced table \"?(?P<name>[^\"]*)\"? not found", "42P01",
          'missing FROM-clause entry for table "{name}"'),
    _rule("Binder", r"Ambiguous reference to column name \"?(?P<name>[^\"]*)\"?", "42702",
          'column reference "{name}" is ambiguous'),
    _rule("Binder", r"Catalog \"(?P<name>.*?)\" does not exist", "3F000",
          'schema "{name}" does not exist'),
    _rule("Binder", r"column \"?(?P<name>[^\"]*)\"? must appear in the GROUP BY", "42803",
          'column "{name}" must appear in the GROUP BY clause or be used in an aggregate '
          "function"),
    _rule("Binder", r"aggregate|GROUP BY|HAVING", "42803"),
    _rule("Binder", r"Window functions are not supported here", "42809"),
    _rule("Binder", r"WINDOW functions?", "42P20"),
    _rule("Binder", r"No function matches.*? types '(?P<name>[^(']*)\(", "42883"),
    _rule("Binder", r"Cannot (compare|mix)|explicit cast", "42883"),
    _rule("Binder", r"ORDER term out of range", "42P10"),
    _rule("Binder", r"LIMIT.*negative|negative.*LIMIT", "2201W"),
    _rule("Binder", r"Macro .*(does not support|parameters)", "42883"),
    _rule("Binder", r"Could not choose a best candidate.*? call \"(?P<name>[^(]*)\(", "42725"),
    _rule("Binder", r"number of columns|UNION|INTERSECT|EXCEPT", "42601"),
    _rule("Binder", r"Duplicate alias", "42712"),
    _rule("Binder", r"type.* does not exist", "42704"),
    _rule("Binder", r"", "42601"),
    _rule("Parser", r"", "42601"),
    _rule("Conversion", r"(timestamp|date|time) field value", "22008"),
    _rule("Conversion", r"invalid (timestamp|date|time)|to interval|interval.*(format|string)",
          "22007"),
    _rule("Conversion", r"interval", "22007"),
    _rule("Conversion", r"specifier", "22023"),
    _rule("Conversion", r"out of range|overflow|too large", "22003"),
    _rule("Conversion", r"", "22P02"),
    _rule("Out of Range", r"(date|timestamp|interval)", "22008"),
    _rule("Out of Range", r"", "22003"),
    _rule("", r"division by zero", "22012", "division by zero"),
    _rule("Invalid Input", r'^relation ".*" does not exist', "42P01"),
    _rule("Invalid Input", r'^type ".*" does not exist', "42704"),
    _rule("INTERRUPT", r"", "57014", "canceling statement due to user request"),
    _rule("Out of Memory", r"", "53200"),
    _rule("Permission", r"", "42501"),
    _rule("TransactionContext", r"read-only", "25006"),
    _rule("TransactionContext", r"", "25P02"),
    _rule("Not implemented", r"", "0A000"),
    _rule("Invalid Input", r"unrecognized format|could not parse", "22007"),
    _rule("Invalid Input", r"More than one row returned by a subquery", "21000",
          "more than one row returned by a subquery used as an expression"),
    _rule("Invalid Input", r"read-only", "25006"),
    _rule("Invalid Input", r"", "22023"),
    _rule("Invalid type", r"", "42804"),
    _rule("Invalid", r"", "22023"),
    _rule("IO", r"", "58030"),
    _rule("Syntax", r"", "42601"),
    _rule("Expression", r"", "42601"),
)  # fmt: skip

_KIND = re.compile(r"(?P<kind>[A-Za-z][A-Za-z _]*?) Error: (?P<rest>.*)", re.DOTALL)
_LINE = re.compile(r"\n\nLINE (?P<line>\d+): (?P<shown>[^\n]*)\n(?P<caret> *)\^")


def from_duckdb(
    problem: BaseException, sql: str = "", offset: int = 0, tree: dict[str, Any] | None = None
) -> SqlError:
    """The PostgreSQL error for a DuckDB one; `tree` helps to find the place of an unknown name.

    `sql` is the statement as DuckDB got it, if that is a part of what the client sent, and
    `offset` where it starts there: then the error carries a position.
    """
    whole = str(problem)
    found = _KIND.match(whole)
    kind, rest = (found["kind"], found["rest"]) if found else ("", whole)
    first = rest.split("\n", 1)[0].strip()
    position = place(whole, sql)
    if position is not None and kind.lower() in _OF_VALUES:
        position = _literal_at(sql, position)
    for rule in _RULES:
        if rule.kind and not kind.lower().startswith(rule.kind.lower()):
            continue
        match = rule.pattern.search(rest)
        if match:
            message = rule.message.format(**match.groupdict()) if rule.message else first
            hint = re.search(r"Did you mean (\"[^\n]*)", rest) if rule.message else None
            if position is None and sql and tree and "name" in match.groupdict():
                position = _locate(tree, match["name"], sql)
            return SqlError(rule.sqlstate, message,
                            position=position + offset if position else None,
                            hint=f"Did you mean {hint[1]}" if hint else "")  # fmt: skip
    return SqlError("XX000", first)


_OF_VALUES = ("conversion", "out of range", "invalid input")


def _literal_at(sql: str, position: int) -> int | None:
    """A value's error points at the constant, as in PostgreSQL, or nowhere; 1-based."""
    found = list(tokens(sql))
    for before, here in pairwise(found):
        if here.start == position - 1 and here.text == "::":
            return before.start + 1 if before.kind == "string" else None
        if before.start == position - 1 and before.kind == "word" and here.kind == "string":
            return here.start + 1
    return position if any(t.start == position - 1 and t.kind == "string" for t in found) else None


def _locate(tree: dict[str, Any], name: str, sql: str) -> int | None:
    """Where the syntax tree has the column, table or function of this name; 1-based."""
    stack: list[Any] = [tree]
    places = []
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            stack.extend(item.values())
            names = {item.get(key) for key in ("table_name", "function_name", "type_name")}
            names |= set(item.get("column_names") or [])
            names |= set((item.get("qualified_name") or {}).get("path", [])[-1:])
            at = item.get("query_location")
            if name in names and isinstance(at, int) and at < len(sql.encode()):
                places.append(len(sql.encode()[:at].decode("utf-8", "ignore")) + 1)
    return min(places, default=None)


def place(whole: str, sql: str) -> int | None:
    """The 1-based character that DuckDB's caret points at."""
    found = _LINE.search(whole)
    if not found or not sql:
        return None
    lines = sql.split("\n")
    number = int(found["line"]) - 1
    if number >= len(lines):
        return None
    prefix = len(f"LINE {found['line']}: ")
    shown, column = found["shown"], len(found["caret"]) - prefix
    if shown.startswith("..."):  # DuckDB cuts long lines around the error
        shown, column = shown[3:], column - 3
    start = lines[number].find(shown.removesuffix("..."))
    if start < 0 or column < 0:
        return None
    return sum(len(line) + 1 for line in lines[:number]) + start + column + 1
