"""A stopped twin's data, read-only: the same tables, and the same rules for what SQL is let in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from storage import admission, database, snapshot, tables
from storage.latest import schema
from storage.latest_view import LatestView

QUERY_MEMORY_MB = 512


class Cursor:
    """A cursor in the manner of PEP 249 on a database that no process writes."""

    def __init__(self, opened: database.Database, latest: LatestView) -> None:
        self._database = opened
        self._cursor = opened.connection.cursor()
        self._parser = opened.connection.cursor()
        latest.attach(self._cursor)

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        """Name and type of each column of the last result; None before the first."""
        return self._cursor.description

    def execute(self, sql: str) -> Cursor:
        """Run what `sql` holds: SELECT or EXPLAIN; the last statement's result can be fetched.

        Raises storage.admission.Refused for anything else, duckdb.Error for a wrong query.
        """
        for statement in admission.admit(self._parser, sql):
            self._cursor.execute(statement.sql)
        return self

    def fetchall(self) -> list[Any]:
        return self._cursor.fetchall()

    def fetchone(self) -> Any:
        return self._cursor.fetchone()

    def arrow(self) -> Any:
        """The result as a pyarrow reader of record batches."""
        return self._cursor.to_arrow_reader()

    def interrupt(self) -> None:
        """End the query that runs, from another thread."""
        self._cursor.interrupt()

    def close(self) -> None:
        for cursor in (self._cursor, self._parser):
            cursor.close()
        self._database.close()

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def open_cursor(data_dir: Path) -> Cursor:
    """A cursor on the history in `data_dir`.

    Raises BusyError where a process has it open, UsageError where there is none.
    """
    opened = database.open_reader(data_dir, memory_limit_mb=QUERY_MEMORY_MB)
    try:
        latest = LatestView(schema(list(tables.LATEST.fields)))
        saved = snapshot.read(snapshot.path_in(data_dir))
        if saved is not None:
            latest.reshape(saved)
        admission.harden(opened.connection, None)
        return Cursor(opened, latest)
    except BaseException:
        opened.close()
        raise
