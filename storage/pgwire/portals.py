"""Portals and SQL cursors: bound statements, perhaps with rows still to come.

A portal is opened when its columns or its rows are first asked for, and its rows leave a batch at
a time, so several can be read in turns and none is ever held whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from storage.lexer import Piece, split
from storage.pgwire import parameters
from storage.pgwire.engine import Engine
from storage.pgwire.errors import SqlError, too_many_rows
from storage.pgwire.execution import Column, Planner, Query, Result, encoded, row_fields
from storage.pgwire.rows import data_rows
from storage.pgwire.service import Service
from storage.pgwire.settings import Settings
from storage.pgwire.statements import Prepared, Statements, is_command
from storage.pgwire.wire import Wire


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answers: its tag, and rows if it has any; a portal fetches by itself."""

    tag: str
    rows: Result | None = None
    portal: tuple[str, int] | None = None  # FETCH: the cursor's name and how many rows


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
    answer: Answer | None = None  # of a command that has run
    done: bool = False

    def shut(self) -> None:
        """End what runs for it; no more rows will come."""
        self.batches = self.rest = None
        self.done = True
        if self.result is not None:
            self.result.close()


def bound(prepared: Prepared, literals: Sequence[str], formats: list[int]) -> Portal:
    """A statement with its values, not run yet; `formats` are those of its result's columns."""
    sql = parameters.bind(prepared.piece, literals) if prepared.piece else ""
    return Portal(prepared, sql, formats)


def column_formats(formats: Sequence[int], columns: Sequence[Column]) -> Sequence[int]:
    """The format of each column, from what Bind asked for. Raises SqlError 08P01."""
    if len(formats) <= 1:
        return [*(formats or [0])] * len(columns)
    if len(formats) != len(columns):
        raise SqlError("08P01", f"bind message has {len(formats)} result formats but "
                       f"query has {len(columns)} columns")  # fmt: skip
    return formats


class Portals:
    """The open portals of one session, by name; the unnamed one is ''."""

    def __init__(
        self,
        service: Service,
        wire: Wire,
        settings: Settings,
        engine: Engine,
        planner: Planner,
        statements: Statements,
    ) -> None:
        self._service, self._wire, self._settings = service, wire, settings
        self._engine, self._planner, self._statements = engine, planner, statements
        self._portals: dict[str, Portal] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._portals

    def get(self, name: str) -> Portal:
        """The portal or cursor of this name. Raises SqlError 34000."""
        if name not in self._portals:
            kind = "portal" if not name else "cursor"
            raise SqlError("34000", f'{kind} "{name}" does not exist')
        return self._portals[name]

    def find(self, name: str) -> Portal | None:
        """As `get`, but None where there is none."""
        return self._portals.get(name)

    def add(self, name: str, portal: Portal) -> None:
        """Keep a portal. Raises SqlError 42P03 where the name is taken, 53400 for one too many."""
        if name in self._portals:
            raise SqlError("42P03", f'cursor "{name}" already exists')
        most = self._service.limits.max_portals
        if len(self._portals) >= most:
            raise SqlError("53400", f"too many open portals, the most is {most}")
        self._portals[name] = portal

    def close(self, name: str) -> None:
        """Close a portal, if it is open."""
        portal = self._portals.pop(name, None)
        if portal is not None:
            portal.shut()

    def close_all(self, held: bool = False) -> None:
        """Close the transaction's portals, and those WITH HOLD if `held`."""
        for name in [name for name, one in self._portals.items() if held or not one.held]:
            self.close(name)

    def query(self, piece: Piece, sql: str) -> Query:
        """Begin to run a statement that DuckDB plans. Raises SqlError."""
        plan = self._planner.plan(piece, sql)
        engine = self._engine
        return Query(engine.take(), plan, engine.watched, engine.give_back)

    def open_query(self, portal: Portal) -> None:
        """Begin to run a portal's SELECT, or the one that its EXECUTE names."""
        piece = portal.prepared.piece
        if piece is None or portal.result is not None or portal.done or is_command(piece):
            return
        if piece.word(0) == "execute":
            at = piece if portal.sql == piece.sql else split(portal.sql)[0]
            portal.result = self.query(*self._statements.execution(at))
        else:
            portal.result = self.query(piece, portal.sql)

    def send(self, portal: Portal, most: int, formats: list[int] | None) -> tuple[int, bool]:
        """Send rows in these formats, or pass over them where None.

        Returns how many, and whether the portal has no more.
        """
        result = portal.result
        if most < 0:
            return self._again(portal, formats), True
        if result is None or portal.done:
            portal.last = None
            return 0, True
        row_fields(result.columns, column_formats(formats or [], result.columns))
        if portal.batches is None:
            portal.batches = result.batches()
        sent, limit = 0, self._service.limits.max_rows
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
            self._service.count_rows(batch.num_rows)
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
        zone, each = self._settings.zone, column_formats(formats, result.columns)
        cells = encoded(batch, result.columns, each, zone)
        for part in data_rows(cells, batch.num_rows):
            self._wire.put(part)
