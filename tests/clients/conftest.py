"""A twin with the product's real tables and its door open, shared by the tests of clients.

Stored are the first forty seconds of the made-up log of `tests.history`: 40 satellites of the
vehicle type `odc`, two of `birds3`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.admission import harden
from storage.pgwire import Door, DoorLimits, install_catalogue
from tests import history
from tests.door import PASSWORD

TICKS = 40
USER, DATABASE = "orbitwin", "twin"


@dataclass(frozen=True)
class Served:
    """Where the door is, in the forms that clients want it."""

    port: int
    user: str = USER
    password: str = PASSWORD
    database: str = DATABASE

    @property
    def dsn(self) -> str:
        """libpq's keywords, without the password."""
        return f"host=127.0.0.1 port={self.port} user={self.user} dbname={self.database}"

    @property
    def uri(self) -> str:
        """With the password, its spaces escaped."""
        password = self.password.replace(" ", "%20")
        return f"postgresql://{self.user}:{password}@127.0.0.1:{self.port}/{self.database}"


@pytest.fixture(scope="session")
def history_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The door over a stored history."""
    folder = tmp_path_factory.mktemp("history-door")
    writer = history.open_writer(folder)
    for record in history.rest(writer, history.make_log(TICKS)):
        writer.intake.take(record)
    writer.commit()
    connection = writer.database.connection
    install_catalogue(connection, user=USER, database=DATABASE)
    harden(connection, None)
    door = Door(
        connection.cursor,
        user=USER,
        password=PASSWORD,
        database=DATABASE,
        limits=DoorLimits(),
        refresh=writer.view.attach,
    )
    door.start()
    try:
        yield Served(door.port)
    finally:
        door.stop()
        history.shut(writer)


def tool(name: str) -> str:
    """The path of a toolchain's program; skips the test where it is not on PATH."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on PATH")
    return found


def run_program(
    command: Sequence[str], env: Mapping[str, str], folder: Path, timeout_s: float = 300
) -> str:
    """What a client program prints; its own words where it fails."""
    done = subprocess.run(
        command, env=env, cwd=folder, capture_output=True, text=True, timeout=timeout_s
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
