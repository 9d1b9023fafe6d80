"""Parameters of a prepared statement: from a row of Arrow values to literals in the text.

Clients write `?` (JDBC, ADBC) or `$1`. A value becomes a quoted literal with a cast, by the same
code as at the PostgreSQL door: nothing of it is ever read as SQL.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from storage.lexer import Piece, split
from storage.pgwire import literals, parameters, types
from storage.pgwire.errors import SqlError
from storage.pgwire.execution import statements_of

_ARROW = {
    types.BOOL.oid: pa.bool_(), types.INT2.oid: pa.int16(), types.INT4.oid: pa.int32(),
    types.INT8.oid: pa.int64(), types.FLOAT4.oid: pa.float32(), types.FLOAT8.oid: pa.float64(),
    types.DATE.oid: pa.date32(), types.BYTEA.oid: pa.binary(),
    types.TIMESTAMP.oid: pa.timestamp("us"), types.TIMESTAMPTZ.oid: pa.timestamp("us", "UTC"),
}  # fmt: skip


def statement(sql: str) -> Piece:
    """The one statement of a text, its `?` numbered. Raises SqlError 42601 or 54001."""
    pieces = statements_of(sql)
    if not pieces:
        raise SqlError("42601", "the statement is empty")
    if len(pieces) > 1:
        raise SqlError("42601", "one statement at a time: cannot insert multiple commands")
    (piece,) = pieces
    marks = [token for token in piece.tokens if token.kind == "op" and token.text == "?"]
    if not marks:
        return piece
    out, at = [], 0
    for number, token in enumerate(marks, 1):
        out += [piece.sql[at : token.start], f"${number}"]
        at = token.end
    return split("".join(out) + piece.sql[at:])[0]


def schema(piece: Piece) -> pa.Schema:
    """What parameters a statement takes: named 1, 2 ...; text where nothing tells the type."""
    oids = parameters.infer(piece, [])
    return pa.schema(
        [pa.field(str(n), _ARROW.get(oid, pa.string())) for n, oid in enumerate(oids, 1)]
    )


def unbound(piece: Piece) -> str:
    """The text with NULL for each parameter: enough to know the columns of the result."""
    oids = parameters.infer(piece, [])
    return parameters.bind(piece, parameters.unbound(oids, []))


def bound(piece: Piece, values: Sequence[Any]) -> str:
    """The text with a row's values in it. Raises SqlError 08P01 where their number is wrong."""
    wanted = parameters.count(piece)
    if len(values) != wanted:
        raise SqlError("08P01", f"the statement takes {wanted} parameters, not {len(values)}")
    return parameters.bind(piece, [_literal(value) for value in values])


def row(table: pa.Table) -> list[Any]:
    """The one row that parameters came in. Raises SqlError where there are more."""
    if table.num_rows > 1:
        raise SqlError("0A000", "one row of parameters at a time: a reader's door runs no batch")
    # Python's datetime ends at microseconds, as the twin's times do.
    columns = [
        column.cast(pa.timestamp("us", column.type.tz), safe=False)
        if pa.types.is_timestamp(column.type)
        else column
        for column in table.columns
    ]
    return [column[0].as_py() for column in columns] if table.num_rows else []


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    kind = _kind(value)
    raw = value if isinstance(value, bytes) else _text(value).encode("utf-8", "replace")
    return literals.literal(kind.oid, 1 if isinstance(value, bytes) else 0, raw)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, datetime.timedelta):
        return f"{value // datetime.timedelta(microseconds=1)} microseconds"
    return str(value)


def _kind(value: Any) -> types.PgType:
    for kinds, found in (
        (bool, types.BOOL), (int, types.INT8), (float, types.FLOAT8), (Decimal, types.NUMERIC),
        (bytes, types.BYTEA), (datetime.date, types.DATE), (datetime.time, types.TIME),
        (datetime.timedelta, types.INTERVAL),
    ):  # fmt: skip
        if isinstance(value, kinds):
            if isinstance(value, datetime.datetime):
                return types.TIMESTAMPTZ if value.tzinfo else types.TIMESTAMP
            return found
    return types.TEXT
