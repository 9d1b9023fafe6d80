"""Portals and SQL cursors: bound statements, perhaps with rows still to come.

A portal is opened when its columns or its rows are first asked for, and its rows leave a batch at
a time, so several can be read in turns and none is ever held whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from storage.lexer import Piece, split
from storage.pgwire import commands, copy, messages
from storage.pgwire.errors import SqlError, too_many_rows
from storage.pgwire.execution import Column, Query, Result, encoded, row_fields
from storage.pgwire.rows import data_rows

if TYPE_CHECKING:
    from storage.pgwire.session import Session


@dataclass(slots=True)
class Prepared:
    """A parsed statement: its text, declared and inferred parameter types."""

    piece: Piece | None  # None: an empty statement
    declared: list[int]
    oids: list[int]


@dataclass(slots=True)
class Portal:
    """A bound statement, perhaps with rows still to come."""

    prepared: Prepared
    sql: str
    formats: list[int] = field(default_factory=list)
    held: bool = False  # lives on after its transaction
    forward_only: bool = False  # DECLARE ... NO SCROLL
    binary: bool = False  # DECLARE ... BINARY
    last: pa.RecordBatch | None = None  # the row that an SQL cursor stands on
    result: Result | None = None
    batches: Iterator[pa.RecordBatch] | None = None
    rest: pa.RecordBatch | None = None
    answer: commands.Answer | None = None  # of a command that has run
    done: bool = False


class Portals:
    """The open portals of one session, by name; the unnamed one is ''."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._portals: dict[str, Portal] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._portals

    def get(self, name: str) -> Portal:
        """The portal or cursor of this name. Raises SqlError 34000."""
        if name not in self._portals:
            kind = "portal" if not name else "cursor"
            raise SqlError("34000", f'{kind} "{name}" does not exist')
        return self._portals[name]

    def add(self, name: str, portal: Portal) -> None:
        if len(self._portals) >= self._session.limits.max_portals:
            raise SqlError("53400", f"too many open portals, the most is "
                           f"{self._session.limits.max_portals}")  # fmt: skip
        self._portals[name] = portal

    def close(self, name: str) -> None:
        """Close a portal, if it is open."""
        portal = self._portals.pop(name, None)
        if portal is not None:
            self.shut(portal)

    def close_all(self, held: bool = False) -> None:
        """Close the transaction's portals, and those WITH HOLD if `held`."""
        for name in [name for name, one in self._portals.items() if held or not one.held]:
            self.close(name)

    def query(self, piece: Piece, sql: str) -> Query:
        plan = self._session.planner.plan(piece, sql)
        return Query(
            self._session.engine.take(),
            plan,
            self._session.engine.watched,
            self._session.engine.give_back,
        )

    def open_query(self, portal: Portal) -> None:
        """Begin to run a portal's SELECT, or the one that its EXECUTE names."""
        piece = portal.prepared.piece
        if piece is None or portal.result is not None or portal.done or commands.is_command(piece):
            return
        if piece.word(0) == "execute":
            bound = piece if portal.sql == piece.sql else split(portal.sql)[0]
            inner = self._session.execution(bound)
            assert inner.prepared.piece is not None
            portal.result = self.query(inner.prepared.piece, inner.sql)
        else:
            portal.result = self.query(piece, portal.sql)

    def open(self, portal: Portal) -> None:
        piece = portal.prepared.piece
        assert piece is not None
        if commands.is_command(piece):
            if portal.answer is None:
                bound = piece if portal.sql == piece.sql else split(portal.sql)[0]
                portal.answer = commands.run(self._session, bound)
                portal.result = portal.answer.rows
        else:
            self.open_query(portal)

    @staticmethod
    def _formats(formats: list[int], columns: Sequence[Column]) -> list[int]:
        """The format of each column, from what Bind asked for."""
        if len(formats) <= 1:
            return (formats or [0]) * len(columns)
        if len(formats) != len(columns):
            raise SqlError("08P01", f"bind message has {len(formats)} result formats but "
                           f"query has {len(columns)} columns")  # fmt: skip
        return formats

    def columns(self, prepared: Prepared) -> Sequence[Column] | None:
        """The columns that a statement will have; None: no rows come of it."""
        piece, session = prepared.piece, self._session
        if piece is None:
            return None
        word = piece.word(0)
        if word == "execute":
            return self.columns(session.executed(piece))
        if word == "fetch":
            name = piece.word(len(piece.tokens) - 1)
            source = self._portals.get(name)
            if source is None:
                return None
            self.open_query(source)
            return source.result.columns if source.result else None
        if commands.is_command(piece):
            shown = commands.columns(session, piece)
            return shown.columns if shown else None
        result = self.query(piece, session.unbound(prepared))
        result.close()
        return result.columns

    def describe(self, portal: Portal, otherwise: bytes = b"") -> None:
        columns: Sequence[Column] | None = None
        if portal.result is None:
            columns = self.columns(portal.prepared)
        elif not isinstance(portal.result, copy.CopyOut):  # CopyOutResponse describes that
            columns = portal.result.columns
        if columns is None:
            self._session.wire.put(otherwise)
            return
        formats = portal.formats
        if portal.answer is not None and portal.answer.portal is not None:
            formats = self._fetched_as(portal, self.get(portal.answer.portal[0]))
        fields = row_fields(columns, self._formats(formats, columns))
        self._session.wire.put(messages.row_description(fields))

    @staticmethod
    def _fetched_as(portal: Portal, source: Portal) -> list[int]:
        """The formats of a FETCH's rows: as it was bound, or binary of a BINARY cursor."""
        return [1] if source.binary else portal.formats

    def run(self, portal: Portal, most: int) -> None:
        """Send a portal's rows, at most `most` (0: all), and how it ended."""
        answer = portal.answer
        if answer is not None and answer.portal is not None:
            name, count = answer.portal
            source = self.get(name)
            self.open_query(source)
            formats = None if answer.tag == "MOVE" else self._fetched_as(portal, source)
            sent, _ = self._rows(source, count, formats)
            self._session.wire.put(messages.complete(f"{answer.tag} {sent}"))
            return
        if isinstance(portal.result, copy.CopyOut):
            sent = portal.result.send(self._session.wire, self._session.settings.zone)
            self._session.door.count_rows(sent)
            self._session.wire.put(messages.complete(f"COPY {sent}"))
            return
        if portal.result is None:
            self._session.wire.put(messages.complete(answer.tag if answer else "SELECT 0"))
            return
        sent, done = self._rows(portal, most, portal.formats)
        if not done:
            self._session.wire.put(messages.SUSPENDED)
            return
        tag = answer.tag if answer else f"SELECT {sent}"
        if isinstance(portal.result, Query) and portal.result.tag == "EXPLAIN":
            tag = "EXPLAIN"
        self._session.wire.put(messages.complete(tag))

    def peek(self, portal: Portal) -> None:
        """Compute a SELECT without FROM before its columns are told.

        PostgreSQL finds an error among constants (1 / 0) when it plans, so no columns go first.
        """
        result = portal.result
        if isinstance(result, Query) and result.constant and portal.batches is None:
            portal.batches = result.batches()
            portal.rest = next(portal.batches, None)

    def _rows(self, portal: Portal, most: int, formats: list[int] | None) -> tuple[int, bool]:
        """Send rows in these formats, or pass over them where None.

        Returns how many, and whether the portal has no more.
        """
        result = portal.result
        if most < 0:
            return self._again(portal, formats), True
        if result is None or portal.done:
            portal.last = None
            return 0, True
        row_fields(result.columns, self._formats(formats or [], result.columns))
        if portal.batches is None:
            portal.batches = result.batches()
        sent, limit = 0, self._session.limits.max_rows
        while most == 0 or sent < most:
            batch = portal.rest if portal.rest is not None else next(portal.batches, None)
            portal.rest = None
            if batch is None:
                portal.done, portal.last = True, None
                result.close()
                return sent, True
            if most and batch.num_rows > most - sent:
                portal.rest = batch.slice(most - sent)
                batch = batch.slice(0, most - sent)
            if limit and sent + batch.num_rows > limit:
                raise too_many_rows(limit)
            if formats is not None:
                self._send(result, batch, formats)
            portal.last = batch.slice(batch.num_rows - 1)
            sent += batch.num_rows
            self._session.door.count_rows(batch.num_rows)
        return sent, False

    def _again(self, portal: Portal, formats: list[int] | None) -> int:
        """FETCH 0: the row that the cursor stands on, if it stands on one."""
        if portal.last is None or portal.result is None:
            return 0
        if formats is None:
            return 1
        if portal.forward_only:
            raise SqlError("55000", "cursor can only scan forward")
        self._send(portal.result, portal.last, formats)
        return 1

    def _send(self, result: Result, batch: pa.RecordBatch, formats: list[int]) -> None:
        zone, each = self._session.settings.zone, self._formats(formats, result.columns)
        cells = encoded(batch, result.columns, each, zone)
        for part in data_rows(cells, batch.num_rows):
            self._session.wire.put(part)

    def shut(self, portal: Portal) -> None:
        portal.batches = portal.rest = None
        portal.done = True
        if portal.result is not None:
            portal.result.close()
