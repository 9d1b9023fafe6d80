"""Types of parameters from the columns beside them: `sat_id = $1`, `$1 < ts`, `sat_id + $1`.

Drivers with binary parameters (asyncpg, pgx, pgjdbc) encode a value by the type that Describe
tells. DuckDB does not tell: it binds parameters only when their values are there. So the columns
next to a comparison are looked up in the metadata, in the tables that the statement names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb

from storage.lexer import Piece
from storage.pgwire import parameters, types

_SIGNS = frozenset("=<>!")  # the lexer gives `>=` as two tokens
_ARITHMETIC = frozenset("+-*/%")


def compared(piece: Piece) -> dict[int, tuple[str, bool]]:
    """Parameter number -> name of the column it is compared with, and whether as an array."""
    found: dict[int, tuple[str, bool]] = {}
    tokens = piece.tokens
    for at, token in enumerate(tokens):
        if token.kind != "param":
            continue
        number = int(token.text[1:])
        before = piece.word(at - 1) if at else ""
        column, array = "", False
        if before in _SIGNS:
            column = _column(piece, _before_signs(piece, at - 1))
        elif before == "(" and at > 3 and piece.word(at - 2) in ("any", "all", "some"):
            if piece.word(at - 3) in _SIGNS:
                column, array = _column(piece, _before_signs(piece, at - 3)), True
        elif before == "between":
            column = _column(piece, at - 3 if piece.word(at - 2) == "not" else at - 2)
        elif before == "and":
            column = _between(piece, at - 1)
        elif before in ("(", ","):
            column = _listed(piece, at - 1)
        if not column and piece.word(at + 1) in _SIGNS:
            after = at + 2
            while piece.word(after) in _SIGNS:
                after += 1
            column = _column_from(piece, after)
        if column:
            found.setdefault(number, (column, array))
    return found


def computed(piece: Piece) -> dict[int, str]:
    """Parameter number -> name of the column it is computed with: `sat_id + $1`, `$1 * mass_kg`."""
    found: dict[int, str] = {}
    for at, token in enumerate(piece.tokens):
        if token.kind != "param":
            continue
        column = _column(piece, at - 2) if at and piece.word(at - 1) in _ARITHMETIC else ""
        if not column and piece.word(at + 1) in _ARITHMETIC:
            column = _column_from(piece, at + 2)
        if column:
            found.setdefault(int(token.text[1:]), column)
    return found


def _column_from(piece: Piece, at: int) -> str:
    """The name that begins at this token, with or without its table, if it is no call or cast."""
    while piece.word(at + 1) == ".":
        at += 2
    named = at < len(piece.tokens) and piece.tokens[at].kind in ("word", "quoted")
    return piece.tokens[at].folded if named and piece.word(at + 1) not in ("(", "::") else ""


def _before_signs(piece: Piece, at: int) -> int:
    """Index of the token before the comparison that ends at `at`."""
    while at >= 0 and piece.word(at) in _SIGNS:
        at -= 1
    return at


def _column(piece: Piece, at: int) -> str:
    """The name at this token, if it is one: not the end of a call or of another expression."""
    if at < 0 or piece.tokens[at].kind not in ("word", "quoted"):
        return ""
    if at and piece.word(at - 1) in ("::", "+", "-", "*", "/", "%", "||", "interval"):
        return ""
    return piece.tokens[at].folded


def _between(piece: Piece, at: int) -> str:
    """Of `c BETWEEN low AND $n`, with the AND at this token: c, where low is one token."""
    if at >= 3 and piece.word(at - 2) == "between":
        return _column(piece, at - 4 if piece.word(at - 3) == "not" else at - 3)
    return ""


def _listed(piece: Piece, at: int) -> str:
    """Of `c IN ($1, 2, $n`: c, where the list has single tokens only."""
    while at > 0 and piece.word(at) == ",":
        at -= 2
    if at > 1 and piece.word(at) == "(" and piece.word(at - 1) == "in":
        return _column(piece, at - 3 if piece.word(at - 2) == "not" else at - 2)
    return ""


def column_oids(
    cursor: duckdb.DuckDBPyConnection, piece: Piece, columns: Iterable[str]
) -> dict[str, types.PgType]:
    """The type of each column, in the tables and views that the statement names.

    A name that two of them have with two types is left out: nothing is guessed.
    """
    wanted = sorted(set(columns))
    if not wanted:
        return {}
    named = sorted({t.folded for t in piece.tokens if t.kind in ("word", "quoted")})
    rows = cursor.execute(
        "SELECT lower(column_name), array_agg(DISTINCT pg_door.pg.type_oid_(data_type))"
        " FROM duckdb_columns() WHERE NOT internal AND list_contains(?, lower(column_name))"
        " AND list_contains(?, lower(table_name)) GROUP BY ALL",
        [wanted, named],
    ).fetchall()
    return {
        name: types.BY_OID[oids[0]]
        for name, oids in rows
        if len(oids) == 1 and oids[0] in types.BY_OID
    }


def infer(
    cursor: duckdb.DuckDBPyConnection, piece: Piece, declared: Sequence[int], oids: Sequence[int]
) -> list[int]:
    """`oids` with those that are neither declared nor known by a cast taken from columns."""
    made = list(oids)

    def open_(number: int) -> bool:
        known = number <= len(declared) and declared[number - 1]
        return made[number - 1] == types.TEXT.oid and not known

    beside = {number: told for number, told in compared(piece).items() if open_(number)}
    within = {number: column for number, column in computed(piece).items() if open_(number)}
    columns = [*(column for column, _ in beside.values()), *within.values()]
    kinds = column_oids(cursor, piece, columns)
    for number, (column, array) in beside.items():
        if kind := kinds.get(column):
            made[number - 1] = kind.array_oid if array else kind.oid
    for number, column in within.items():
        if open_(number) and kinds.get(column) in parameters.COMPUTED:
            made[number - 1] = kinds[column].oid
    return made
