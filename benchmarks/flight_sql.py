"""Rows a second out of the Flight SQL door, and what a commit beside it costs the writer.

    python -m benchmarks.flight_sql [--rows 10000000] [--json FILE]

A process of its own holds a table of three columns in a database file, opens both doors on it and
commits a thousand rows to another table twenty times a second, as the historian does; this process
reads the table over loopback, with pyarrow's client and with ADBC's driver where it is installed.
Rows a second are by the wall, best and median of the rounds; core-ms are the reader's alone.  The
output is proven first: the number of rows, and the sum of each column.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import harness
from benchmarks.harness import Report, expect

PASSWORD = "benchmark"
COMMIT_ROWS, COMMIT_EVERY_S = 1_000, 0.05
QUIET_S = 2.0  # commits without a reader, to compare with
SQL = "SELECT sat_id, ts, load_w FROM history"
MAKE = """
CREATE TABLE history AS SELECT range AS sat_id, make_timestamptz(range * 1000000) AS ts,
(range % 1000) / 2 AS load_w FROM range({rows})
"""

Read = Callable[[], pa.Table]


def serve(rows: int, pipe: Connection) -> None:
    """The other process: tells its port, then its commits' times each time it is asked."""
    import duckdb

    from storage.admission import harden
    from storage.flight import FlightDoor
    from storage.pgwire import Door, install_catalogue

    with tempfile.TemporaryDirectory() as folder:
        connection = duckdb.connect(str(Path(folder) / "twin.duckdb"), config={"threads": 2})
        connection.execute(MAKE.format(rows=rows))
        connection.execute("CREATE TABLE beside (a BIGINT)")
        install_catalogue(connection, user="orbitwin", database="twin")
        harden(connection, None)
        door = Door(connection.cursor, password=PASSWORD)
        flight = FlightDoor(door, PASSWORD)
        ended, commits = threading.Event(), list[float]()

        def write() -> None:
            cursor = connection.cursor()
            while not ended.wait(COMMIT_EVERY_S):
                began_s = time.perf_counter()
                cursor.execute(f"INSERT INTO beside SELECT range FROM range({COMMIT_ROWS})")
                commits.append(1e3 * (time.perf_counter() - began_s))
            cursor.close()

        writer = threading.Thread(target=write)
        writer.start()
        pipe.send(flight.port)
        while pipe.recv():
            found = list(commits)
            commits.clear()
            pipe.send(found)
        ended.set()
        writer.join()
        flight.stop()
        connection.close()


def readers(port: int) -> dict[str, Read]:
    """Each client's way to read the whole table."""
    from tests.flight import Client

    url = f"grpc://127.0.0.1:{port}"
    plain = Client(url, "orbitwin", PASSWORD)
    found: dict[str, Read] = {"pyarrow": lambda: plain.query(SQL)}
    if find_spec("adbc_driver_flightsql"):
        from adbc_driver_flightsql import dbapi

        login = {"username": "orbitwin", "password": PASSWORD}
        connection = dbapi.connect(url, db_kwargs=login, autocommit=True)

        def adbc() -> pa.Table:
            with connection.cursor() as cursor:
                cursor.execute(SQL)
                return cursor.fetch_arrow_table()

        found["ADBC"] = adbc
    return found


def prove(table: pa.Table, rows: int) -> None:
    """Raise WrongOutput unless the table is what MAKE makes."""
    expect(table.num_rows == rows, f"{table.num_rows} rows, not {rows}")
    numbers = rows * (rows - 1) // 2
    expect(pc.sum(table["sat_id"]).as_py() == numbers, "sat_id has another sum")
    times = pc.sum(pc.divide(table["ts"].cast(pa.int64()), 1_000_000)).as_py()
    expect(times == numbers, "ts has another sum")
    full, rest = divmod(rows, 1000)
    halves = full * 999 * 500 + rest * (rest - 1) // 2
    expect(abs(pc.sum(table["load_w"]).as_py() - halves / 2) < 1e-6 * rows, "load_w's sum")


def measure(given: argparse.Namespace) -> Report:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(given.rows, there), daemon=True)
    process.start()
    try:
        return _measure(given, here)
    finally:
        here.send(False)
        process.join(20)
        if process.is_alive():
            process.terminate()


def _measure(given: argparse.Namespace, pipe: Connection) -> Report:
    clients = readers(pipe.recv())
    for read in clients.values():
        prove(read(), given.rows)

    def commits_ms() -> list[float]:
        pipe.send(True)
        found: list[float] = pipe.recv()
        return found

    commits_ms()
    time.sleep(QUIET_S)
    alone = commits_ms()
    seconds: dict[str, list[float]] = {name: [] for name in clients}

    def one() -> Mapping[str, float]:
        used = {}
        for name, read in clients.items():
            began_s = time.perf_counter()
            used[f"reading with {name}"] = harness.core_ms(read)
            seconds[name].append(time.perf_counter() - began_s)
        return used

    figures = harness.rounds(given.repeat, one)
    beside = commits_ms()
    facts: dict[str, Any] = {}
    for name, taken in seconds.items():
        best, middle = (given.rows / s / 1e6 for s in (min(taken), statistics.median(taken)))
        facts[f"million rows/s with {name}, best and median"] = f"{best:.1f}, {middle:.1f}"
    for name, found in (("alone", alone), ("beside readers", beside)):
        if found:
            facts[f"a commit {name}, median and worst"] = (
                f"{statistics.median(found):.1f} ms, {max(found):.1f} ms of {len(found)}"
            )
    proven = [f"{given.rows:,} rows of three columns with their sums, by {' and '.join(clients)}"]
    return Report(figures, facts, proven)


def main(argv: Sequence[str] | None = None) -> int:
    made = harness.parser(__doc__, 0)
    made.add_argument("--rows", type=int, default=10_000_000)
    given = made.parse_args(argv)
    return harness.run("flight_sql", given, lambda: measure(given))


if __name__ == "__main__":
    sys.exit(main())
