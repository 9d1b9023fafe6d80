"""Where `orbitwin sql` sends a statement: a running twin's door, or one on a stopped one's data."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orbitwin.door import DoorSession
from orbitwin.errors import BusyError, UsageError

if TYPE_CHECKING:
    from orbitwin.settings import Settings

OPENS_WITHIN_S = 15.0
LOOK_AGAIN_S = 0.2


@contextmanager
def open_session(settings: Settings) -> Iterator[DoorSession]:
    """A session with the twin that runs in this data directory, or with its history.

    A twin that starts, or whose historian is started again, is waited for.
    """
    from orbitwin.parts import living_parts, read_twin

    deadline = time.monotonic() + OPENS_WITHIN_S
    while True:
        found = [p for p in living_parts(settings.run_dir) if p.name == "historian" and p.alive]
        for door in found[0].status.get("doors") or () if found else ():
            if door["name"] == "sql":
                with contextlib.closing(DoorSession.of(settings, door)) as session:
                    yield session
                return
        if not found and not read_twin(settings.data):
            break
        closed = bool(found) and found[0].state == "running"  # door.enabled is false
        if closed or time.monotonic() > deadline:
            raise BusyError(
                f"the twin in {settings.data} runs and its SQL door is not open",
                "`orbitwin status` says what it waits for",
            )
        time.sleep(LOOK_AGAIN_S)
    if not settings.data.is_dir():
        raise UsageError(
            f"no twin in {settings.data}: there is no such directory",
            "start one with `orbitwin up`, or name its --data DIR",
        )
    with _stopped(settings) as session:
        yield session


@contextmanager
def _stopped(settings: Settings) -> Iterator[DoorSession]:
    """Through a door of this process on the files of a twin that does not run."""
    from storage import stopped

    with _quiet("orbitwin.storage.door"), stopped.door_on(settings) as (door, password):
        session = DoorSession(door.host, door.port, door.user, door.database, password)
        session.where = f"{settings.data} (stopped)"
        try:
            yield session
        finally:
            session.close()


@contextmanager
def _quiet(logger: str) -> Iterator[None]:
    """Without the warnings of a logger: what a door of our own refuses we say ourselves."""
    found = logging.getLogger(logger)
    before = found.level
    found.setLevel(logging.ERROR)
    try:
        yield
    finally:
        found.setLevel(before)
