"""The newest tick as the table `latest`, replaced every second under many readers.

The database keeps a view on `latest_frame`, `storage.ddl.latest_view`: it carries the comments
and shows in every catalogue. `latest_frame` is no object of the database: each cursor registers
the Arrow table that is newest when its statement starts, under that name in its own temporary
schema. So a tick costs the writer one assignment, a reader that needs it one registration (a
third of a millisecond at any fleet size, nothing is copied), and a running query keeps the table
that it began with.

Dropped: a table replaced or merged every second (1.8 s to 31 s for a large fleet), and Python
replacement scans, which would let SQL read any frame of the process.
"""

from __future__ import annotations

import threading
import weakref

import duckdb
import pyarrow as pa

FRAME = "latest_frame"  # the name each cursor registers the newest Arrow table under


class LatestView:
    """Holds the newest Arrow table and shows it to cursors.

    Trap: a registration is per cursor, so `attach` belongs before every statement, in the
    thread that uses the cursor. Safe for one publisher and any number of readers.
    """

    def __init__(self, schema: pa.Schema, *, view: str = "latest") -> None:
        """`schema` is what `latest` has before the first tick: the empty table."""
        self.view = view
        self._newest: pa.Table = schema.empty_table()
        self._seen: weakref.WeakKeyDictionary[duckdb.DuckDBPyConnection, pa.Table] = (
            weakref.WeakKeyDictionary()
        )
        self._lock = threading.Lock()

    @property
    def newest(self) -> pa.Table:
        """The table published last."""
        return self._newest

    def publish(self, table: pa.Table) -> None:
        """Make `table` the newest tick. Raises ValueError if its columns are not `latest`'s."""
        if not table.schema.equals(self._newest.schema):
            raise ValueError(
                f"a tick for {self.view} must have the columns {self._newest.schema.names} with "
                "their types, not "
                + ", ".join(f"{field.name} {field.type}" for field in table.schema)
            )
        self._newest = table

    def reshape(self, table: pa.Table) -> None:
        """As `publish`, for a table with other columns: a vehicle type has come to the fleet.

        Make the view anew right after. A view that names its columns fits a frame with more of
        them, so that no reader fails in between.
        """
        self._newest = table

    def attach(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Let this cursor's next statements read the newest tick."""
        newest = self._newest
        with self._lock:
            fresh = self._seen.get(cursor) is newest
        if not fresh:
            cursor.register(FRAME, newest)
            with self._lock:
                self._seen[cursor] = newest
