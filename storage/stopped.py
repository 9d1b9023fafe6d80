"""A stopped twin's data behind the same SQL doors, read-only: what is asked answers alike."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from orbitwin.settings import Settings
from storage import database, snapshot, tables
from storage.door import Doors, open_door, open_doors
from storage.latest import schema
from storage.latest_view import LatestView
from storage.pgwire import Door

QUERY_MEMORY_MB = 512


def ask(settings: Settings, statements: Iterable[str]) -> list[pa.Table]:
    """What statements give on the history in `settings.data`, as columns; read-only.

    Raises BusyError where a process has the history open, UsageError where there is none.
    """
    opened = database.open_reader(settings.data, memory_limit_mb=QUERY_MEMORY_MB)
    try:
        return [opened.connection.sql(text).to_arrow_table() for text in statements]
    finally:
        opened.close()


@contextmanager
def door_on(settings: Settings) -> Iterator[tuple[Door, str]]:
    """A door on the history in `settings.data`, and its password: on loopback, for this process.

    Raises BusyError where a process has the history open, UsageError where there is none.
    """
    password = secrets.token_urlsafe()
    private = settings.with_values(
        {"door.host": "127.0.0.1", "door.port": 0, "door.password": password}
    )
    with _history(settings) as (connection, latest):
        door = open_door(private, connection, latest)
        try:
            yield door, password
        finally:
            door.stop()


@contextmanager
def doors_on(settings: Settings) -> Iterator[Doors]:
    """The doors on the history in `settings.data`, as a running twin would open them.

    Raises BusyError where a process has the history open or a port is taken, UsageError where
    there is no history.
    """
    with _history(settings) as (connection, latest):
        doors = open_doors(settings, connection, latest)
        try:
            yield doors
        finally:
            doors.stop()


@contextmanager
def _history(settings: Settings) -> Iterator[tuple[duckdb.DuckDBPyConnection, LatestView]]:
    """The history opened read-only, and `latest` as it was saved last."""
    opened = database.open_reader(settings.data, memory_limit_mb=QUERY_MEMORY_MB)
    try:
        latest = LatestView(schema(list(tables.LATEST.fields)))
        saved = snapshot.read(snapshot.path_in(settings.data))
        if saved is not None:
            latest.reshape(saved)
        yield opened.connection, latest
    finally:
        opened.close()
