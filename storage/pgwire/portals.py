"""Portals and SQL cursors: bound statements, perhaps with rows still to come.

A portal is opened when its columns or its rows are first asked for, and its rows leave a batch at
a time, so several can be read in turns and none is ever held whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from storage.lexer import Piece, split
from storage.pgwire import commands, copy, messages
from storage.pgwire.errors import SqlError, too_many_rows
from storage.pgwire.execution import Query, Result, encoded, row_fields
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

    def drop_unnamed(self) -> None:
        """Forget the unnamed portal without closing it: it is the one that runs right now."""
        self._portals.pop("", None)

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
        piece = portal.prepared.piece
        assert piece is not None
        if portal.result is None and not portal.done and not commands.is_command(piece):
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

    def _formats(self, portal: Portal) -> list[int]:
        count = len(portal.result.columns) if portal.result else 0
        if len(portal.formats) <= 1:
            return (portal.formats or [0]) * count
        if len(portal.formats) != count:
            raise SqlError("08P01", f"bind message has {len(portal.formats)} result formats but "
                           f"query has {count} columns")  # fmt: skip
        return portal.formats

    def describe(self, portal: Portal, otherwise: bytes = b"") -> None:
        shown: Result | None = portal.result
        piece = portal.prepared.piece
        if isinstance(shown, copy.CopyOut):  # CopyOutResponse describes it
            self._session.wire.put(otherwise)
            return
        if portal.answer is not None and portal.answer.portal is not None:
            source = self.get(portal.answer.portal[0])
            self.open_query(source)
            shown = source.result if portal.answer.tag != "MOVE" else None
        elif shown is None and piece is not None and commands.is_command(piece):
            shown = commands.columns(self._session, piece) if otherwise else None
            if otherwise and piece.word(0) == "fetch":
                source = self.get(piece.word(len(piece.tokens) - 1))
                self.open_query(source)
                shown = source.result
        if shown is None:
            self._session.wire.put(otherwise)
            return
        formats = self._formats(portal) if shown is portal.result else [0] * len(shown.columns)
        self._session.wire.put(messages.row_description(row_fields(shown.columns, formats)))

    def run(self, portal: Portal, most: int) -> None:
        """Send a portal's rows, at most `most` (0: all), and how it ended."""
        answer = portal.answer
        if answer is not None and answer.portal is not None:
            name, count = answer.portal
            source = self.get(name)
            self.open_query(source)
            sent, _ = self._rows(source, count, sending=answer.tag != "MOVE")
            self._session.wire.put(messages.complete(f"{answer.tag or 'SELECT'} {sent}"))
            return
        if isinstance(portal.result, copy.CopyOut):
            sent = portal.result.send(self._session.wire, self._session.settings.zone)
            self._session.door.count_rows(sent)
            self._session.wire.put(messages.complete(f"COPY {sent}"))
            return
        if portal.result is None:
            self._session.wire.put(messages.complete(answer.tag if answer else "SELECT 0"))
            return
        sent, done = self._rows(portal, most)
        if not done:
            self._session.wire.put(messages.SUSPENDED)
            return
        self._session.wire.put(messages.complete(answer.tag if answer else f"SELECT {sent}"))

    def peek(self, portal: Portal) -> None:
        """Compute a SELECT without FROM before its columns are told.

        PostgreSQL finds an error among constants (1 / 0) when it plans, so no columns go first.
        """
        result = portal.result
        if isinstance(result, Query) and result.constant and portal.batches is None:
            portal.batches = result.batches()
            portal.rest = next(portal.batches, None)

    def _rows(self, portal: Portal, most: int, sending: bool = True) -> tuple[int, bool]:
        """Send rows; returns how many, and whether the portal has no more."""
        result = portal.result
        if most < 0:
            return self._again(portal, sending), True
        if result is None or portal.done:
            portal.last = None
            return 0, True
        row_fields(result.columns, self._formats(portal))
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
            if sending:
                self._send(portal, result, batch)
            portal.last = batch.slice(batch.num_rows - 1)
            sent += batch.num_rows
            self._session.door.count_rows(batch.num_rows)
        return sent, False

    def _again(self, portal: Portal, sending: bool) -> int:
        """FETCH 0: the row that the cursor stands on, if it stands on one."""
        if portal.last is None or portal.result is None:
            return 0
        if portal.forward_only and sending:
            raise SqlError("55000", "cursor can only scan forward")
        if sending:
            self._send(portal, portal.result, portal.last)
        return 1

    def _send(self, portal: Portal, result: Result, batch: pa.RecordBatch) -> None:
        zone = self._session.settings.zone
        cells = encoded(batch, result.columns, self._formats(portal), zone)
        for part in data_rows(cells, batch.num_rows):
            self._session.wire.put(part)

    def shut(self, portal: Portal) -> None:
        portal.batches = portal.rest = None
        portal.done = True
        if portal.result is not None:
            portal.result.close()
