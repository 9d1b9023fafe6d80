"""Constants as DuckDB reads them. Source of the spellings: PostgreSQL 15, chapters 4, 8 and 9."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from storage.fields import SEVERITY, SEVERITY_TYPE
from storage.lexer import Token
from storage.pgwire import literals, types
from storage.pgwire.edits import QUANTIFIERS, Edit, words
from storage.pgwire.errors import BadParameter, SqlError
from storage.pgwire.functions import SCHEMA as FN
from storage.pgwire.interval import interval_literal, unknown_unit


def array_or_bytes(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """`'{1,2}'::int[]` and `'\\x01'::bytea`: DuckDB has brackets, and a `\\x` for each byte."""
    token = found[at]
    if not token.value.startswith(("{", "\\x")):
        return
    after, array = words(found, at + 1, 4), token.value[0] == "{"
    typed = array and after[0] == "::" and after[2:4] == ["[", "]"]
    before = words(found, at - 2, 2)
    bare = array and before[0] in QUANTIFIERS and before[1] == "(" and after[0] == ")"
    if not (typed or bare or after[:2] == ["::", "bytea"]):
        return
    kind = types.BY_NAME.get(after[1], types.TEXT) if after[0] == "::" else types.TEXT
    if bare and re.fullmatch(r"\{\s*-?\d+(\s*,\s*-?\d+)*\s*\}", token.value):
        kind = types.INT8  # of what it is compared with, which is not known here
    try:
        made = literals.literal(kind.array_oid if array else kind.oid, 0, token.value.encode())
    except BadParameter as problem:
        raise SqlError(problem.sqlstate, problem.message, position=token.start + 1) from None
    yield Edit(token.start, token.end, made)


def joined(sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """Two string constants with a line's end between them are one."""
    token, after = found[at], found[at + 1] if at + 1 < len(found) else None
    if after is None or after.kind != "string" or not after.text[0] == token.text[-1] == "'":
        return
    if "\n" in sql[token.end : after.start]:
        yield Edit(token.end - 1, after.start + 1, "")


def pattern(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """LIKE's escape is a backslash, and SIMILAR TO has SQL's patterns."""
    token, after = found[at], words(found, at + 1, 2)
    before = words(found, at - 2, 2)
    if before[1] in ("like", "ilike") and "\\" in token.value and after[0] != "escape":
        yield Edit(token.end, token.end, " ESCAPE '\\'")
    elif before == ["similar", "to"] and after[0] != "|":
        escape = found[at + 2].value if after[0] == "escape" and after[1] else "\\"
        end = found[at + 2].end if after[0] == "escape" and after[1] else token.end
        yield Edit(token.start, end, literals.quote(similar_regex(token.value, escape)))


_AFTER_PATTERN = frozenset(
    {
        "and", "or", "then", "else", "end", "when", "as", "from", "where", "group", "having",
        "order", "limit", "offset", "union", "intersect", "except", "window", ",", ")", "]",
    }
)  # fmt: skip


def computed_pattern(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """SIMILAR TO a pattern that is computed: made a regular expression when it is known."""
    if words(found, at + 1, 1) != ["to"] or at + 2 >= len(found):
        return
    if found[at + 2].kind == "string" and words(found, at + 3, 1) != ["|"]:
        return
    depth, end = 0, at + 2
    while end < len(found) and (depth > 0 or found[end].folded not in _AFTER_PATTERN):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(found[end].text, 0)
        end += 1
    yield Edit(found[at + 2].start, found[at + 2].start, f"{FN}.similar_(")
    yield Edit(found[end - 1].end, found[end - 1].end, ")")


def similar_regex(pattern: str, escape: str = "\\") -> str:
    """A pattern of SIMILAR TO as a regular expression of the whole text (SQL:2008, 8.6)."""
    out, bracket, escaped = [], False, False
    for sign in pattern:
        if escaped:
            out.append(re.escape(sign))
            escaped = False
        elif sign == escape:
            escaped = True
        elif bracket:
            out.append(sign)
            bracket = sign != "]"
        elif sign == "[":
            out.append(sign)
            bracket = True
        else:
            out.append({"%": "(?s:.*)", "_": "(?s:.)"}.get(sign) or (
                "\\" + sign if sign in ".^$\\" else sign))  # fmt: skip
    return "".join(out)


_UNITS = ("year", "month", "day", "hour", "minute", "second", "(")


_TRUE = ("true", "tru", "tr", "t", "yes", "ye", "y", "on", "1")


_FALSE = ("false", "fals", "fal", "fa", "f", "no", "n", "off", "of", "0")


def typed_constant(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """Booleans and intervals in the spellings that DuckDB does not read."""
    token = found[at]
    after, before = words(found, at + 1, 2), words(found, at - 1, 1)[0]
    kind = after[1] if after[0] in ("::", "as") else before
    if kind in ("bool", "boolean"):
        value = token.value.strip().lower()
        if value in _TRUE or value in _FALSE:
            yield Edit(token.start, token.end, "'true'" if value in _TRUE else "'false'")
    elif kind == "timestamptz" and (moment := literals.zone_joined(token.value)) != token.value:
        yield Edit(token.start, token.end, literals.quote(moment))
    elif kind == "interval" and after[0] not in _UNITS:
        if unknown_unit(token.value):
            raise SqlError("22007", f'invalid input syntax for type interval: "{token.value}"',
                           position=token.start + 1)  # fmt: skip
        made = interval_literal(token.value)
        if made is not None:
            yield Edit(token.start, token.end, f"'{made}'")


ORDERED = {SEVERITY.name: SEVERITY_TYPE}
"""Columns whose values have an order of their own, and its type."""


def of_enum(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """`severity >= 'warning'`: a bare constant is of the type of what it is compared with.

    DuckDB would compare both as text. What is equal is so either way.
    """
    if words(found, at + 1, 1) == ["::"]:
        return
    third, second, first = words(found, at - 3, 3)
    kind = None
    if first in ("<", ">") and second not in ("<", ">"):
        kind = ORDERED.get(second)
    elif first == "=" and second in ("<", ">"):
        kind = ORDERED.get(third)
    elif first == "between":
        kind = ORDERED.get(third if second == "not" else second)
    elif first == "and" and third == "between":
        other, column = words(found, at - 5, 2)
        kind = ORDERED.get(other if column == "not" else column)
    else:
        after = words(found, at + 1, 5)
        if after[0] in ("<", ">") and after[1] != ">":
            after = after[2:] if after[1] == "=" else after[1:]
            kind = ORDERED.get(after[2] if after[1] == "." else after[0])
    if kind is not None:
        yield Edit(found[at].end, found[at].end, f"::{kind}")


def number(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """`1 + '2'` and `'2' + 1`: a constant takes the type of the number beside it."""
    token, before, after = found[at], found[max(at - 2, 0) : at], found[at + 1 : at + 3]
    signs = tuple("+-*/%")
    right = len(before) == 2 and before[0].kind == "number" and before[1].text in signs
    left = len(after) == 2 and after[0].text in signs and after[1].kind == "number"
    if not (right or left) or words(found, at + 1, 1) == ["::"]:
        return
    if before and before[-1].folded in ("timestamp", "timestamptz", "date", "time", "interval"):
        return
    if not re.fullmatch(r"\s*[+-]?\d+(\.\d+)?\s*", token.value):
        raise SqlError("22P02", f'invalid input syntax for type integer: "{token.value}"',
                       position=token.start + 1)  # fmt: skip
    yield Edit(token.start, token.end, token.value.strip())


NUMERIC = ("numeric", "decimal", "dec")


def bare_numeric(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """`x::numeric` keeps digits: a constant all of its own, ten places behind the point else.

    DuckDB's bare NUMERIC has three, and rounds.
    """
    before, after = words(found, at - 1, 1)[0], words(found, at + 1, 1)[0]
    if after in ("(", "[") or before not in ("::", "as") or (before == "as" and after != ")"):
        return
    value, scale = found[at - 2], 10
    if value.kind in ("number", "string") and (before == "as" or words(found, at - 3, 1) != ["::"]):
        digits = re.fullmatch(r"\s*[+-]?\d+(?:\.(\d*))?\s*", value.value)
        scale = len(digits[1] or "") if digits else scale
    yield Edit(found[at].start, found[at].end, f"DECIMAL(38, {scale})")


def unicode_escapes(sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """U&'d\\0061t\\+000061'."""
    if at + 2 >= len(found) or found[at + 2].kind != "string":
        return
    text = found[at + 2]
    if sql[found[at].start : text.start + 1].lower() != "u&'":
        return
    made = re.sub(
        r"\\(?:(\\)|\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4}))",
        lambda m: m[1] or chr(int(m[2] or m[3], 16)),
        text.value,
    )
    yield Edit(found[at].start, text.end, literals.quote(made))


def magnitude(_sql: str, found: Sequence[Token], at: int) -> Iterator[Edit]:
    """1e400 is no float8; DuckDB would make it infinite."""
    if words(found, at + 1, 1) == ["::"] and float(found[at].text.replace("_", "")) == float("inf"):
        raise SqlError("22003", f'"{found[at].text}" is out of range for type double precision')
    yield from ()
