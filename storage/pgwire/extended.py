"""The extended protocol's messages: Parse, Bind, Describe, Execute, Close."""

from __future__ import annotations

from collections.abc import Callable

from storage.pgwire import messages, running, types
from storage.pgwire.errors import SqlError
from storage.pgwire.execution import row_fields, statements_of
from storage.pgwire.literals import literal
from storage.pgwire.messages import FormatError, Reader
from storage.pgwire.portals import bound
from storage.pgwire.state import State


class Extended:
    """Handles one session's messages; `handlers` has the method for each kind."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.handlers: dict[bytes, Callable[[Reader], None]] = {
            b"P": self.parse,
            b"B": self.bind,
            b"D": self.describe,
            b"E": self.execute,
            b"C": self.close,
            b"H": self.flush,
        }

    def parse(self, reader: Reader) -> None:
        name, sql, declared = reader.text(), reader.text(), reader.oids()
        reader.end()
        pieces = statements_of(sql)
        if len(pieces) > 1:
            raise SqlError("42601", "cannot insert multiple commands into a prepared statement")
        self._state.statements.refuse(name)
        if pieces:
            self._state.refuse_after_error(pieces[0])
        prepared = self._state.statements.parsed(pieces[0] if pieces else None, declared)
        self._state.statements.add(name, prepared)
        self._state.wire.put(messages.PARSE_COMPLETE)

    def bind(self, reader: Reader) -> None:
        name, source = reader.text(), reader.text()
        formats, values, results = reader.shorts(), reader.values(), reader.shorts()
        reader.end()
        prepared = self._state.statements.get(source)
        self._state.refuse_after_error(prepared.piece)
        if len(values) != len(prepared.oids):
            raise SqlError("08P01", f"bind message supplies {len(values)} parameters, but prepared "
                           f'statement "{source}" requires {len(prepared.oids)}')  # fmt: skip
        if len(formats) not in (0, 1, len(values)):
            raise SqlError("08P01", "bind message has parameter formats of the wrong number")
        if any(one not in (0, 1) for one in (*formats, *results)):
            raise SqlError("22023", "unsupported format code")
        each = formats * len(values) if len(formats) == 1 else formats or [0] * len(values)
        literals = [
            literal(oid if known else _unknown(oid, format), format, value)
            for oid, known, format, value in zip(
                prepared.oids, _padded(prepared.declared, len(values)), each, values, strict=True
            )
        ]
        if not name:
            self._state.portals.close("")
        self._state.portals.add(name, bound(prepared, literals, results))
        self._state.wire.put(messages.BIND_COMPLETE)

    def describe(self, reader: Reader) -> None:
        what, name = self._named(reader, "DESCRIBE")
        if what == b"P":
            portal = self._state.portals.get(name)
            self._state.refuse_after_error(portal.prepared.piece)
            self._state.portals.open_query(portal)
            running.describe(self._state, portal, otherwise=messages.NO_DATA)
            return
        prepared = self._state.statements.get(name)
        self._state.refuse_after_error(prepared.piece)
        self._state.wire.put(messages.parameter_description(prepared.oids))
        columns = running.columns(self._state, prepared)
        if columns is None:
            self._state.wire.put(messages.NO_DATA)
            return
        fields = row_fields(columns, [0] * len(columns))
        self._state.wire.put(messages.row_description(fields))

    def execute(self, reader: Reader) -> None:
        name, most = reader.text(), max(reader.int(), 0)
        reader.end()
        portal = self._state.portals.get(name)
        if portal.prepared.piece is None:
            self._state.wire.put(messages.EMPTY_QUERY)
            return
        self._state.refuse_after_error(portal.prepared.piece)
        if portal.answer is not None and portal.result is None:
            raise SqlError("55000", f'portal "{name}" cannot be run')
        if portal.batches is None:
            self._state.service.count_query()
        running.open(self._state, portal)
        running.run(self._state, portal, most)

    def close(self, reader: Reader) -> None:
        what, name = self._named(reader, "CLOSE")
        if what == b"S":
            self._state.statements.remove(name)
        else:
            self._state.portals.close(name)
        self._state.wire.put(messages.CLOSE_COMPLETE)

    def flush(self, reader: Reader) -> None:
        reader.end()
        self._state.wire.flush()

    @staticmethod
    def _named(reader: Reader, message: str) -> tuple[bytes, str]:
        """Whether a statement (S) or a portal (P) is meant, and its name."""
        what, name = reader.take(1), reader.text()
        reader.end()
        if what not in (b"S", b"P"):
            raise FormatError(f"invalid {message} message subtype {what[0]}")
        return what, name


def _padded(declared: list[int], count: int) -> list[int]:
    return [*declared, *[0] * (count - len(declared))]


def _unknown(oid: int, format: int) -> int:
    """A parameter sent as text whose type is only inferred stays a plain literal, if scalar.

    A moment does not: its zone may be written as DuckDB does not read it.
    """
    if format or oid not in types.BY_OID or oid == types.TIMESTAMPTZ.oid:
        return oid
    return types.TEXT.oid
