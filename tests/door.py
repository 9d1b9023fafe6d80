"""A live SQL door over a small twin's database, for the tests that need one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from storage import ddl
from storage.admission import harden
from storage.latest_view import FRAME, LatestView
from storage.pgwire import Door, DoorLimits, install_catalogue
from storage.table import Field, Table

PASSWORD = "correct horse battery staple"
LATEST = pa.schema([("sat_id", pa.int32()), ("name", pa.string()), ("margin_w", pa.float64())])


def tick(count: int, margin_w: float) -> pa.Table:
    """A `latest` of `count` satellites that all have the same margin."""
    return pa.table(
        {
            "sat_id": pa.array(range(count), pa.int32()),
            "name": pa.array([f"S-{at}" for at in range(count)]),
            "margin_w": pa.array([margin_w] * count, pa.float64()),
        },
        schema=LATEST,
    )


def make_view(connection: duckdb.DuckDBPyConnection, latest: LatestView) -> None:
    """The view of `latest` in a database, with its comments."""
    latest.attach(connection)
    connection.execute(ddl.latest_view(LATEST.names, FRAME))
    fields = (Field("margin_w", "DOUBLE", "Power margin [W]"),)
    for statement in ddl.comments(Table("latest", "The newest tick", fields), "VIEW"):
        connection.execute(statement)


class Twin:
    """The writer's connection, `latest`, and the door over both."""

    def __init__(self, folder: Path, limits: DoorLimits) -> None:
        segments = folder / "segments"
        segments.mkdir()
        self.connection = duckdb.connect(str(folder / "twin.duckdb"))
        self.connection.execute(
            "CREATE TABLE satellite (sat_id INTEGER PRIMARY KEY, name VARCHAR NOT NULL,"
            " mass_kg DECIMAL(10, 2), launched TIMESTAMPTZ)"
        )
        self.connection.execute("COMMENT ON TABLE satellite IS 'Satellites of the fleet'")
        self.connection.execute("COMMENT ON COLUMN satellite.mass_kg IS 'Mass at launch [kg]'")
        self.connection.execute(
            "INSERT INTO satellite SELECT i, 'S-' || i, i * 1.5,"
            " TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL (i) MINUTE FROM range(1000) r(i)"
        )
        self.latest = LatestView(LATEST)
        make_view(self.connection, self.latest)
        self.latest.publish(tick(5, 12.5))
        install_catalogue(self.connection, user="orbitwin", database="twin")
        harden(self.connection, segments)
        self.door = Door(
            self.connection.cursor, password=PASSWORD, limits=limits, refresh=self.latest.attach
        )
        self.door.start()

    @property
    def url(self) -> str:
        return f"host=127.0.0.1 port={self.door.port} user=orbitwin dbname=twin"


@contextmanager
def twin(folder: Path, **limits: object) -> Iterator[Twin]:
    """A twin with its door open, closed again whatever happens."""
    opened = Twin(folder, DoorLimits(**limits))  # type: ignore[arg-type]
    try:
        yield opened
    finally:
        opened.door.stop()
        opened.connection.close()
