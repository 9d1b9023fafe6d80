"""COPY (query) | table TO STDOUT: text, CSV and binary, a batch at a time.

Source of the formats: PostgreSQL 15, COPY, "File Formats".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storage.lexer import Piece
from storage.pgwire import binary, messages, text
from storage.pgwire.errors import SqlError
from storage.pgwire.execution import Column, Result
from storage.pgwire.rows import fixed
from storage.pgwire.wire import Wire

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"


@dataclass(frozen=True, slots=True)
class Options:
    """How the rows are written."""

    format: str = "text"
    delimiter: str = "\t"
    null: str = "\\N"
    header: bool = False
    quote: str = '"'
    escape: str = '"'
    force_quote: bool = False


def parse(piece: Piece) -> tuple[str, Options]:
    """The query to run and the options. Raises SqlError: 42501 for anything but TO STDOUT."""
    depth, at = 0, 0
    for at, token in enumerate(piece.tokens):
        if token.text == "(":
            depth += 1
        elif token.text == ")":
            depth -= 1
        elif depth == 0 and token.kind == "word" and token.folded in ("to", "from") and at > 1:
            break
    else:
        raise SqlError("42601", "syntax error: COPY needs TO STDOUT")
    if piece.word(at) == "from":
        raise SqlError("25006", "cannot execute COPY FROM in a read-only transaction")
    if piece.word(at + 1) != "stdout" or piece.tokens[at + 1].kind != "word":
        raise SqlError("42501", "COPY to a file or program is not allowed: use COPY TO STDOUT")
    inside = piece.sql[piece.tokens[1].start : piece.tokens[at].start].strip()
    if piece.word(1) == "(":
        query = inside[1:-1]
        first = query.split(None, 1)[0].lower() if query.strip() else ""
        if first in ("copy", "explain"):
            raise SqlError("42601", f'syntax error at or near "{first}"')
    else:
        name, bracket, names = inside.partition("(")
        columns = names.rstrip(") \n") if bracket else "*"
        query = f"SELECT {columns} FROM {name}"
    return query, _options(piece, at + 2)


def _options(piece: Piece, at: int) -> Options:
    """`(FORMAT csv, HEADER)` and the old `WITH CSV HEADER DELIMITER ','` alike."""
    found: dict[str, str] = {}
    while at < len(piece.tokens):
        word = piece.word(at)
        after = piece.tokens[at + 1] if at + 1 < len(piece.tokens) else None
        at += 1
        if word in ("with", "(", ")", ",", "as"):
            continue
        if word in ("csv", "binary", "text"):
            found["format"] = word
        elif word in ("format", "delimiter", "null", "quote", "escape", "encoding"):
            if after is not None and after.folded == "as":
                at += 1
                after = piece.tokens[at] if at < len(piece.tokens) else None
            if after is None:
                raise SqlError("42601", f"COPY {word} needs a value")
            found[word] = after.value if after.kind == "string" else after.folded
            at += 1
        elif word == "header":
            value = after.folded if after is not None and after.kind == "word" else ""
            value = after.value.lower() if after is not None and after.kind == "string" else value
            found["header"] = value if value in ("true", "on", "false", "off") else "true"
            at += found["header"] == value
        elif word in ("force_quote", "force"):
            at += 1 if piece.word(at) == "quote" else 0
            if piece.word(at) != "*":
                raise SqlError("0A000", "FORCE_QUOTE of single columns is not supported, * is")
            found["force_quote"], at = "true", at + 1
        else:
            raise SqlError("42601", f'option "{word}" not recognized')
    format = found.get("format", "text")
    if format not in ("text", "csv", "binary"):
        raise SqlError("22023", f'COPY format "{format}" not recognized')
    csv = format == "csv"
    quote = found.get("quote", '"')
    options = Options(
        format=format,
        delimiter=_tabs(found.get("delimiter", "," if csv else "\t")),
        null=found.get("null", "" if csv else "\\N"),
        header=found.get("header") in ("true", "on"),
        quote=quote,
        escape=found.get("escape", quote),
        force_quote="force_quote" in found,
    )
    if len(options.delimiter.encode()) != 1 or len(quote.encode()) != 1:
        raise SqlError("0A000", "COPY delimiter and quote must be a single one-byte character")
    return options


def _tabs(value: str) -> str:
    return "\t" if value == "\\t" else value


class CopyOut:
    """A query whose rows go out as CopyData; not described, COPY has no columns of its own."""

    def __init__(self, result: Result, options: Options) -> None:
        self._result, self._options = result, options
        self.columns: list[Column] = []
        if options.format == "binary":
            for column in result.columns:
                if not binary.supported(column.kind.element) or column.kind.dimensions > 1:
                    result.close()
                    raise SqlError("0A000", f'no binary format for column "{column.name}"')

    def batches(self) -> Iterator[pa.RecordBatch]:
        return self._result.batches()

    def close(self) -> None:
        self._result.close()

    def send(self, wire: Wire, zone: str) -> int:
        """Send everything; returns the number of rows."""
        columns, options, sent = self._result.columns, self._options, 0
        code = int(options.format == "binary")
        wire.put(messages.copy_out(len(columns), code))
        lead = _SIGNATURE if code else b""  # goes out with the first row, as PostgreSQL sends it
        if options.header and not code:
            names = pa.array([column.name for column in columns])
            cells = [names[at : at + 1].cast(pa.binary()) for at in range(len(columns))]
            wire.put(_lines(self._escaped(cells), options, 1))
        for batch in self._result.batches():
            if code:
                cells = [
                    binary.encode(one, column.kind)
                    for one, column in zip(batch.columns, columns, strict=True)
                ]
                if lead:
                    wire.put(_tuples([one.slice(0, 1) for one in cells], 1, lead))
                    cells, lead = [one.slice(1) for one in cells], b""
                wire.put(_tuples(cells, batch.num_rows - (sent == 0)))
            else:
                cells = [
                    text.encode(one, column.kind, zone)
                    for one, column in zip(batch.columns, columns, strict=True)
                ]
                wire.put(_lines(self._escaped(cells), options, batch.num_rows))
            sent += batch.num_rows
        if code:
            wire.put(messages.message(b"d", lead + _TRAILER))
        wire.put(messages.COPY_DONE)
        return sent

    def _escaped(self, cells: Sequence[pa.Array]) -> list[pa.Array]:
        escape = _csv if self._options.format == "csv" else _plain
        return [
            pc.fill_null(escape(one.cast(pa.string()), self._options), self._options.null)
            for one in cells
        ]


def _plain(cells: pa.Array, options: Options) -> pa.Array:
    for raw, shown in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"),
                       ("\b", "\\b"), ("\f", "\\f"), ("\v", "\\v")):  # fmt: skip
        cells = pc.replace_substring(cells, raw, shown)
    if options.delimiter != "\t":
        cells = pc.replace_substring(cells, options.delimiter, "\\" + options.delimiter)
    return cells


def _csv(cells: pa.Array, options: Options) -> pa.Array:
    signs = (options.delimiter, options.quote, "\n", "\r")
    needs = pc.equal(cells, options.null)
    for sign in signs:
        needs = pc.or_(needs, pc.match_substring(cells, sign))
    escaped = cells
    if options.escape != options.quote:
        escaped = pc.replace_substring(escaped, options.escape, options.escape * 2)
    escaped = pc.replace_substring(escaped, options.quote, options.escape + options.quote)
    quoted = pc.binary_join_element_wise(options.quote, escaped, options.quote, "")
    return quoted if options.force_quote else pc.if_else(needs, quoted, cells)


def _framed(bodies: pa.Array) -> bytes:
    """Each body as a CopyData message of its own, as PostgreSQL sends one a row."""
    sizes = pc.binary_length(bodies).to_numpy(zero_copy_only=False)
    head = np.zeros(len(bodies), np.dtype([("kind", "S1"), ("size", ">i4")]))
    head["kind"], head["size"] = b"d", sizes + 4
    joined = pc.binary_join_element_wise(fixed(head), bodies, b"")
    return memoryview(joined.buffers()[2])[: int(sizes.sum()) + 5 * len(bodies)].tobytes()


def _lines(cells: Sequence[pa.Array], options: Options, count: int) -> bytes:
    if not cells:
        return _framed(pa.array([b"\n"] * count, pa.binary()))
    line = pc.binary_join_element_wise(*cells, options.delimiter)
    return _framed(pc.binary_join_element_wise(line, "\n", "").cast(pa.binary()))


def _tuples(cells: Sequence[pa.Array], count: int, lead: bytes = b"") -> bytes:
    pieces: list[pa.Array] = [
        pa.array([lead] * count, pa.binary()),
        fixed(np.full(count, len(cells), ">i2")),
    ]
    for one in cells:
        lengths = pc.binary_length(one).fill_null(-1).to_numpy(zero_copy_only=False)
        pieces += [fixed(lengths.astype(">i4")), one]
    return _framed(
        pc.binary_join_element_wise(*pieces, b"", null_handling="replace", null_replacement=b"")
    )
