"""The file of history: opening it, and saying clearly why it cannot be opened.

One process has the file at a time (DuckDB's own lock); readers come in by the SQL door of that
process. An existing file is never replaced or started over: what is no database of ours, is
newer than this program or is damaged is refused by name.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orbitwin.catalogue import SEVERITIES
from orbitwin.errors import BusyError, OrbitwinError, UsageError
from storage import ddl, quoting, tables
from storage.fields import SEVERITY_TYPE

FILE_NAME = "twin.duckdb"
APPLICATION = "orbitwin"
MEMORY_LIMIT_MB = 512
THREADS = 2
MAX_TEMP_GB = 4  # what queries may spill to disk

_MAGIC_AT, _MAGIC = 8, b"DUCK"  # DuckDB storage: 8 bytes of checksum, then the magic
_RESTORE = "move it away, or restore a copy; its rows of the last day are in Kafka still"


class FullError(OrbitwinError):
    """The disk has no room to open the database; it may have some later."""


@dataclass(frozen=True)
class Database:
    """An open database. `database_id` was made with it and never changes."""

    path: Path
    connection: duckdb.DuckDBPyConnection
    database_id: str
    read_only: bool

    def close(self) -> None:
        with contextlib.suppress(duckdb.Error):  # an invalidated database is as good as closed
            self.connection.close()


def path_in(data_dir: Path) -> Path:
    """The database's file within a data directory."""
    return data_dir / FILE_NAME


def temp_dir_in(data_dir: Path) -> Path:
    """Where DuckDB spills what does not fit the memory limit."""
    return data_dir / "tmp"


def open_writer(
    data_dir: Path, *, memory_limit_mb: int = MEMORY_LIMIT_MB, threads: int = THREADS
) -> Database:
    """Open for writing; an absent file is made, with its tables.

    Raises BusyError (another process has it), UsageError (not ours, newer, not writable, no
    database at all) or OrbitwinError (damaged).
    """
    path = path_in(data_dir)
    _check_directory(data_dir)
    is_new = _check_file(path)
    if not is_new and not os.access(path, os.W_OK):
        raise UsageError(
            f"cannot write to {path}", "mend its permissions, or choose another --data"
        )
    connection = _connect(path, data_dir, False, memory_limit_mb, threads)
    try:
        database_id = _identity(connection, path) or _create(connection)
    except BaseException:
        connection.close()
        raise
    return Database(path, connection, database_id, False)


def open_reader(
    data_dir: Path, *, memory_limit_mb: int = MEMORY_LIMIT_MB, threads: int = THREADS
) -> Database:
    """Open read-only a database that no process has open; raises as `open_writer` does."""
    path = path_in(data_dir)
    if _check_file(path):
        raise UsageError(
            f"no history in {data_dir}: {FILE_NAME} is not there",
            "start a twin with `orbitwin up`, or name its --data DIR",
        )
    connection = _connect(path, data_dir, True, memory_limit_mb, threads)
    try:
        database_id = _identity(connection, path)
        if database_id is None:
            raise UsageError(f"{path} holds no history yet", "start a twin with `orbitwin up`")
    except BaseException:
        connection.close()
        raise
    return Database(path, connection, database_id, True)


def scan(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str]]:
    """Read every block of every table; yields (table, what is wrong) for each damaged one.

    DuckDB opens a file with damaged blocks and complains only when it comes to read them.
    """
    found = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal ORDER BY ALL"
    ).fetchall()
    for schema, table in found:
        full = f"{quoting.name(schema)}.{quoting.name(table)}"
        try:
            connection.execute(f"SELECT bit_xor(hash(t)) FROM {full} t").fetchall()
        except duckdb.Error as error:
            yield f"{schema}.{table}", _first_line(error)


def used_bytes(connection: duckdb.DuckDBPyConnection) -> int:
    """Bytes of blocks in use: free blocks within the file are used again before it grows."""
    found = connection.execute("SELECT used_blocks * block_size FROM pragma_database_size()")
    return sum(int(row[0]) for row in found.fetchall())


def is_fatal(error: duckdb.Error) -> bool:
    """Whether the database object is invalid until it is opened again (a full disk does that)."""
    return isinstance(error, duckdb.FatalException) or "database has been invalidated" in str(error)


def _check_directory(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        probe = data_dir / f".write.{os.getpid()}.tmp"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"cannot write to the data directory {data_dir}: {error.strerror or error}",
            "choose another with --data DIR, or mend its permissions",
        ) from None


def _check_file(path: Path) -> bool:
    """Whether the file is still to be made. Raises where it is no DuckDB file."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror or error}",
            "mend its permissions, or choose another directory with --data",
        ) from None
    if not head:
        return True  # a kill between making the file and writing to it
    if head.startswith(b"SQLite format 3"):
        raise UsageError(
            f"{path} is a SQLite database of another program",
            "move it away, or choose another directory with --data",
        )
    if head[_MAGIC_AT : _MAGIC_AT + len(_MAGIC)] != _MAGIC:
        raise UsageError(f"{path} is not a DuckDB database, or its header is damaged", _RESTORE)
    return False


def _connect(
    path: Path, data_dir: Path, read_only: bool, memory_limit_mb: int, threads: int
) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": f"{memory_limit_mb}MB",
        "temp_directory": str(temp_dir_in(data_dir)),
        "max_temp_directory_size": f"{MAX_TEMP_GB}GB",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        connection = duckdb.connect(str(path), read_only=read_only, config=config)
        connection.execute("SET TimeZone = 'UTC'")
        return connection
    except duckdb.Error as error:
        raise _why(error, path) from None


def _why(error: duckdb.Error, path: Path) -> OrbitwinError:
    text = str(error)
    if "Conflicting lock" in text or "Could not set lock" in text:
        held = re.search(r"PID (\d+)", text)
        holder = f"process {held[1]}" if held else "another process"
        return BusyError(
            f"{path} is in use by {holder}",
            "stop that twin first; `orbitwin sql` reads a running one through its door",
        )
    if "No space left" in text or "not enough space" in text.lower():
        return FullError(f"no room on the disk to open {path}", "free some: storing goes on then")
    if "ermission denied" in text or "Read-only file system" in text:
        return UsageError(f"cannot open {path}: {_first_line(error)}", "mend its permissions")
    if "newer" in text and "version" in text:
        return UsageError(f"{path} was written by a newer DuckDB", "install a newer orbitwin")
    return OrbitwinError(f"{path} cannot be opened: {_first_line(error)}", _RESTORE)


def _identity(connection: duckdb.DuckDBPyConnection, path: Path) -> str | None:
    """The database's id, None where it is empty; refuses another program's and a newer one."""
    try:
        found = {
            name
            for (name,) in connection.execute(
                "SELECT table_name FROM duckdb_tables() WHERE NOT internal"
            ).fetchall()
        }
        if not found:
            return None
        if tables.TABLE_VERSION.name not in found:
            raise UsageError(
                f"{path} is a database of another program (it has a table "
                f"{min(found)!r} and no {tables.TABLE_VERSION.name!r})",
                "move it away, or choose another directory with --data",
            )
        # All rows: a result that is not read to its end keeps its transaction open.
        rows = connection.execute(
            f"SELECT version, application, database_id FROM {tables.TABLE_VERSION.name} "
            "ORDER BY version DESC LIMIT 1"
        ).fetchall()
        row = rows[0] if rows else None
    except duckdb.BinderException:
        row = None
    except duckdb.Error as error:
        raise OrbitwinError(f"{path} is damaged: {_first_line(error)}", _RESTORE) from None
    if row is None or row[1] != APPLICATION:
        raise UsageError(
            f"{path} is a database of another program",
            "move it away, or choose another directory with --data",
        )
    if row[0] > tables.SCHEMA_VERSION:
        raise UsageError(
            f"{path} has layout {row[0]}, newer than this program's {tables.SCHEMA_VERSION}",
            "install a newer orbitwin, or choose another directory with --data",
        )
    return str(row[2])


def _create(connection: duckdb.DuckDBPyConnection) -> str:
    """Make the types and the tables that are no rings, in one transaction."""
    database_id = uuid.uuid4().hex
    severities = ", ".join(quoting.literal(s) for s in SEVERITIES)
    connection.execute("BEGIN")
    connection.execute(f"CREATE TYPE {SEVERITY_TYPE} AS ENUM ({severities})")
    for table in tables.PLAIN:
        connection.execute(ddl.create(quoting.name(table.name), table.fields))
        for statement in ddl.comments(table):
            connection.execute(statement)
    connection.execute(
        f"INSERT INTO {tables.TABLE_VERSION.name} VALUES (?, ?, ?, make_timestamptz(?))",
        [tables.SCHEMA_VERSION, APPLICATION, database_id, time.time_ns() // 1000],
    )
    connection.execute("COMMIT")
    return database_id


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
