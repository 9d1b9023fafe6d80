"""Rings: tables bounded in time, each a row of segments behind one view.

A segment is a table of the schema `segment` named after the ring and the second it was opened
(store time, not event time: a recording of years ago is kept as long as anything else). A segment
is closed by opening the next one and goes as a whole, which costs the same for a thousand rows
and for a hundred million; row by row DELETEs would not (docs/decisions/0031).
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from storage import ddl, quoting
from storage.table import Field, Table

SCHEMA = "segment"
SEGMENTS = 12
"""Segments a ring has once it is full: a row lives for its retention and up to 1/12 more."""

MAX_ROWS = 50_000_000
"""Rows after which a segment is closed early, so that the disk budget has something to drop."""


class Ring:
    """One table of history. Every method runs in the writer's transaction, if one is open."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, table: Table, retention_s: float
    ) -> None:
        self.table = table
        self.retention_s = retention_s
        self._connection = connection
        self.opened_s: list[int] = []  # of each segment, oldest first
        self._rows = 0  # written to the newest segment by this process

    @property
    def source(self) -> str:
        """What holds all rows as they are written: a view."""
        if self.table.stored:
            return f"{SCHEMA}.{quoting.name(self.table.name)}"
        return quoting.name(self.table.name)

    @property
    def target(self) -> str:
        """The table that new rows go to."""
        return self._full(self.opened_s[-1])

    def start(self, now_s: float) -> None:
        """Find the segments there are; make the first one, and the view."""
        prefix = self.table.name + "_"
        found = self._connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = ? ORDER BY table_name",
            [SCHEMA],
        ).fetchall()
        names = [n.removeprefix(prefix) for (n,) in found if n.startswith(prefix)]
        self.opened_s = sorted(int(n) for n in names if n.isdigit())
        if self.opened_s:
            self._widen()
            self._make_view()
        else:
            self._open(now_s)

    def written(self, rows: int) -> None:
        """Count rows that were written, so that a segment does not grow without bound."""
        self._rows += rows

    @property
    def has_rows(self) -> bool:
        """Whether this process has written to the newest segment."""
        return self._rows > 0

    def is_due(self, now_s: float) -> bool:
        """Whether a segment is to be opened or dropped."""
        return (
            now_s - self.opened_s[-1] >= self.retention_s / SEGMENTS
            or self._rows >= MAX_ROWS
            or self._expired(now_s) > 0
        )

    def turn(self, now_s: float) -> int:
        """Open a segment if it is time, drop those that are too old; returns how many went."""
        if now_s - self.opened_s[-1] >= self.retention_s / SEGMENTS or self._rows >= MAX_ROWS:
            self._open(now_s)
        return self._drop(self._expired(now_s))

    def drop_oldest(self, now_s: float) -> bool:
        """Drop the oldest segment for want of space; the newest is closed first if it is alone."""
        if len(self.opened_s) == 1:
            if not self._rows:
                return False
            self._open(now_s)
        return self._drop(1) > 0

    def add(self, fields: Iterable[Field]) -> None:
        """Add columns; rows of before have NULL there."""
        self.table = self.table.with_fields(fields)
        self._widen()
        self._make_view()

    def _full(self, opened_s: int) -> str:
        return f"{SCHEMA}.{quoting.name(f'{self.table.name}_{opened_s}')}"

    def _open(self, now_s: float) -> None:
        opened_s = max(int(now_s), self.opened_s[-1] + 1 if self.opened_s else 0)
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        self._connection.execute(ddl.create(self._full(opened_s), self.table.columns))
        self.opened_s.append(opened_s)
        self._rows = 0
        self._make_view()

    def _expired(self, now_s: float) -> int:
        closed_s = self.opened_s[1:]  # a segment is closed when the next one is opened
        return sum(1 for at in closed_s if at < now_s - self.retention_s)

    def _drop(self, count: int) -> int:
        if not count:
            return 0
        gone, self.opened_s = self.opened_s[:count], self.opened_s[count:]
        self._make_view()
        for opened_s in gone:
            self._connection.execute(f"DROP TABLE {self._full(opened_s)}")
        return count

    def _widen(self) -> None:
        """Give the newest segment the columns it lacks; the view fills in for the older ones."""
        there = {row[0] for row in self._connection.execute(f"DESCRIBE {self.target}").fetchall()}
        for field in self.table.columns:
            if field.name not in there:
                self._connection.execute(
                    f"ALTER TABLE {self.target} ADD COLUMN {quoting.name(field.name)} {field.type}"
                )

    def _make_view(self) -> None:
        parts = " UNION ALL BY NAME ".join(f"FROM {self._full(at)}" for at in self.opened_s)
        view = quoting.name(self.table.name)
        if self.table.stored:
            self._connection.execute(f"CREATE OR REPLACE VIEW {self.source} AS {parts}")
            group = f" GROUP BY {self.table.group_by}" if self.table.group_by else ""
            parts = f"SELECT {self.table.select} FROM {self.source}{group}"
        self._connection.execute(f"CREATE OR REPLACE VIEW {view} AS {parts}")
        for statement in ddl.comments(self.table, "VIEW"):
            self._connection.execute(statement)
