"""A session's DuckDB cursors, and the watch over what runs on them: time, cancel, hang-up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb

from storage import quoting
from storage.pgwire.errors import SqlError
from storage.pgwire.service import Service
from storage.pgwire.settings import Settings


class Stopped(Exception):
    """The door is closing: the session ends."""


class Engine:
    """Lends cursors to queries; `inspect` is called by the door's watchdog thread.

    The statement's time counts only what the engine works: a client that reads slowly does not
    use up its own time limit, it blocks nothing but itself.
    """

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service, self._settings = service, settings
        self._idle: list[duckdb.DuckDBPyConnection] = []
        self._zones: dict[int, str] = {}
        self._lock = threading.Lock()
        self._running: duckdb.DuckDBPyConnection | None = None
        self._entered = 0.0
        self._used_s = 0.0
        self._limit_s = 0.0
        self._why = ""  # why the statement was interrupted: timeout, cancel, gone, stop
        self._active = False
        self._held = False
        self.planner = service.cursor()

    # -- cursors ----------------------------------------------------------------------------------

    def take(self) -> duckdb.DuckDBPyConnection:
        """A cursor ready to run one statement: newest data, the session's TimeZone."""
        cursor = self._idle.pop() if self._idle else self._service.cursor()
        zone = self._settings.zone
        if self._zones.get(id(cursor)) != zone:
            with suppress(duckdb.Error):  # locked by settings not ours: text follows it anyway
                cursor.execute(f"SET TimeZone = {quoting.literal(zone)}")
            self._zones[id(cursor)] = zone
        self._service.refresh(cursor)
        return cursor

    def give_back(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._idle.append(cursor)

    def close(self) -> None:
        """Close every cursor; queries have given theirs back."""
        for cursor in (*self._idle, self.planner):
            with suppress(duckdb.Error):
                cursor.close()
        self._idle.clear()

    # -- one statement's time ---------------------------------------------------------------------

    def begin_statement(self) -> None:
        with self._lock:
            self._used_s, self._why, self._active = 0.0, "", True
            self._limit_s = self._settings.statement_timeout_s(
                self._service.limits.statement_timeout_s
            )

    def end_statement(self) -> None:
        with self._lock:
            self._active = False

    @contextmanager
    def watched(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Around every call into DuckDB: the watchdog may interrupt it."""
        with self._lock:
            if self._why:
                raise self._reason()
            self._running, self._entered = cursor, time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._running = None
                self._used_s += time.monotonic() - self._entered

    def inspect(self, now: float, gone: bool) -> None:
        """Interrupt what has run too long or whose client is gone. For the watchdog."""
        with self._lock:
            if self._running is None or self._why:
                return
            used_s = self._used_s + now - self._entered
            if gone:
                self._interrupt("gone")
            elif self._limit_s and used_s > self._limit_s:
                self._interrupt("timeout")

    def stop(self, why: str) -> None:
        """Interrupt the running statement, if there is one: cancel or stop."""
        with self._lock:
            if self._active or why == "stop":
                self._interrupt(why)

    def busy(self) -> bool:
        """Whether DuckDB works for this session right now."""
        return self._running is not None

    def _interrupt(self, why: str) -> None:
        self._why = why
        if self._running is not None:
            self._running.interrupt()

    def _reason(self) -> SqlError:
        if self._why == "timeout":
            return SqlError("57014", "canceling statement due to statement timeout")
        if self._why == "cancel":
            return SqlError("57014", "canceling statement due to user request")
        raise Stopped

    def explain(self, problem: SqlError) -> SqlError:
        """An interrupt's error says who asked for it. Raises Stopped where nobody did: the door
        is closing, or the client is gone."""
        if problem.sqlstate == "57014" and self._why:
            return self._reason()
        return problem
