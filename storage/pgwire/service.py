"""What a door gives each of its sessions: limits, cursors, counters, and a log of its faults."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from storage import quoting
from storage.pgwire.errors import SqlError
from storage.pgwire.functions import SCHEMA as FUNCTIONS

_log = logging.getLogger("orbitwin.storage.door")


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """What one client, and all of them together, may take; 0 is no limit where it says so."""

    max_clients: int = 32
    max_clients_per_address: int = 0  # of the connections from one address; 0: none
    max_portals: int = 64  # open portals and cursors of one client
    max_statements: int = 1_000  # prepared statements of one client
    max_rows: int = 0  # of one result; 0: none
    max_message_bytes: int = 16 * 1024 * 1024  # one message of a client
    statement_timeout_s: float = 10.0  # of DuckDB's work on one statement; 0: none
    idle_timeout_s: float = 3_600.0  # without a message; 0: none
    login_timeout_s: float = 10.0
    send_timeout_s: float = 300.0  # a client that takes nothing for so long is left; 0: never
    operator_memory: str = "512MB"  # DuckDB's operator_memory_limit of each cursor; "": DuckDB's


class Service:
    """Shared by all sessions of a door, of whatever thread."""

    def __init__(
        self,
        open_cursor: Callable[[], duckdb.DuckDBPyConnection],
        limits: DoorLimits,
        refresh: Callable[[duckdb.DuckDBPyConnection], None],
    ) -> None:
        """`open_cursor` gives a fresh cursor, `refresh` is called with it before each statement."""
        self.limits, self.refresh = limits, refresh
        self._open_cursor = open_cursor
        self._lock = threading.Lock()
        self._counts = {
            "sessions_total": 0, "logins_failed_total": 0, "queries_total": 0,
            "refused_total": 0, "errors_total": 0, "rows_total": 0,
        }  # fmt: skip

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A fresh cursor with what PostgreSQL's clients expect of sorting and dividing."""
        cursor = self._open_cursor()
        for name, value in (
            ("integer_division", "true"),
            ("default_null_order", "'nulls_last_on_asc_first_on_desc'"),
            ("operator_memory_limit", f"'{self.limits.operator_memory}'"),
        ):
            if value != "''":
                cursor.execute(f"SET {name} = {value}")
        (history,) = cursor.execute("SELECT current_database()").fetchone() or ("",)
        path = f"{quoting.name(str(history))}.main,{FUNCTIONS}"
        cursor.execute(f"SET search_path = {quoting.literal(path)}")
        return cursor

    def counts(self) -> dict[str, int]:
        """All counters by name."""
        with self._lock:
            return dict(self._counts)

    def count_session(self) -> None:
        self._count("sessions_total")

    def count_failed_login(self) -> None:
        self._count("logins_failed_total")

    def count_query(self) -> None:
        self._count("queries_total")

    def count_rows(self, rows: int) -> None:
        self._count("rows_total", rows)

    def count_error(self, refused: bool, problem: SqlError) -> None:
        """Count an error sent to a client; a refusal is logged too."""
        self._count("errors_total")
        if refused:
            self._count("refused_total")
            _log.warning("SQL refused (%s): %s", problem.sqlstate, problem.message)

    def log_fault(self, problem: BaseException) -> None:
        """A fault of the door's own: with its traceback, for whoever reads the log."""
        _log.error("fault in the SQL door", exc_info=problem)

    def _count(self, name: str, by: int = 1) -> None:
        with self._lock:
            self._counts[name] += by
