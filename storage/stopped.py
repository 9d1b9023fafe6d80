"""A stopped twin's data behind the same SQL door, read-only: what is asked answers alike."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pyarrow as pa

from orbitwin.settings import Settings
from storage import database, snapshot, tables
from storage.door import open_door
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
    opened = database.open_reader(settings.data, memory_limit_mb=QUERY_MEMORY_MB)
    try:
        latest = LatestView(schema(list(tables.LATEST.fields)))
        saved = snapshot.read(snapshot.path_in(settings.data))
        if saved is not None:
            latest.reshape(saved)
        door = open_door(private, opened.connection, latest)
        try:
            yield door, password
        finally:
            door.stop()
    finally:
        opened.close()
