"""Where `orbitwin sql` sends a statement: a running twin's door, or a stopped one's file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from orbitwin.door import Answer, DoorSession, SqlError
from orbitwin.errors import BusyError, OrbitwinError, UsageError

if TYPE_CHECKING:
    from orbitwin.settings import Settings


class Session(Protocol):
    """A connection that runs one statement at a time."""

    where: str

    def run(self, statement: str) -> Answer:
        """Run one statement; SqlError where it fails."""

    def close(self) -> None: ...


class StoppedSession:
    """Straight on the file of a twin that does not run, through storage's read-only cursor."""

    def __init__(self, data_dir: Path) -> None:
        from storage import stopped

        self.where = f"{data_dir} (stopped)"
        self._cursor = stopped.open_cursor(data_dir)

    def run(self, statement: str) -> Answer:
        try:
            self._cursor.execute(statement)
            columns = [entry[0] for entry in self._cursor.description or ()]
            return Answer(columns, self._cursor.fetchall() if columns else ())
        except OrbitwinError:
            raise
        except Exception as error:  # DuckDB's; only storage may import their classes
            from storage.pgwire.errors import from_duckdb

            sqlstate = getattr(error, "sqlstate", "")  # of what was not let in
            if sqlstate:
                raise SqlError(sqlstate, str(error)) from None
            found = from_duckdb(error, statement)  # as the door would word it
            raise SqlError(found.sqlstate, found.message, found.hint) from None

    def close(self) -> None:
        self._cursor.close()


def open_session(settings: Settings) -> Session:
    """The door of the twin that runs in this data directory, or its file where none runs."""
    from orbitwin.parts import living_parts

    historians = [
        part for part in living_parts(settings.run_dir) if part.name == "historian" and part.alive
    ]
    if not historians:
        if not settings.data.is_dir():
            raise UsageError(
                f"no twin in {settings.data}: there is no such directory",
                "start one with `orbitwin up`, or name its --data DIR",
            )
        return StoppedSession(settings.data)
    for door in historians[0].status.get("doors") or ():
        if door["name"] == "sql":
            return DoorSession.of(settings, door)
    raise BusyError(
        f"the historian (pid {historians[0].pid}) runs but its SQL door is not open yet",
        "try again in a moment; `orbitwin status` says what it waits for",
    )
