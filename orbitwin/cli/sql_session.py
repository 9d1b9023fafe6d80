"""Where `orbitwin sql` sends a statement: a running twin's door, or one on a stopped one's data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orbitwin.door import DoorSession
from orbitwin.errors import BusyError, UsageError

if TYPE_CHECKING:
    from orbitwin.settings import Settings


@contextmanager
def open_session(settings: Settings) -> Iterator[DoorSession]:
    """A session with the twin that runs in this data directory, or with its history."""
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
        with _stopped(settings) as session:
            yield session
        return
    for door in historians[0].status.get("doors") or ():
        if door["name"] == "sql":
            session = DoorSession.of(settings, door)
            try:
                yield session
            finally:
                session.close()
            return
    raise BusyError(
        f"the historian (pid {historians[0].pid}) runs but its SQL door is not open yet",
        "try again in a moment; `orbitwin status` says what it waits for",
    )


@contextmanager
def _stopped(settings: Settings) -> Iterator[DoorSession]:
    """Through a door of this process on the files of a twin that does not run."""
    from storage import stopped

    with stopped.door_on(settings) as (door, password):
        session = DoorSession(door.host, door.port, door.user, door.database, password)
        session.where = f"{settings.data} (stopped)"
        try:
            yield session
        finally:
            session.close()
