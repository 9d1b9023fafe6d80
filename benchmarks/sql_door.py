"""Rows of the SQL door: what encoding costs, beside a row-by-row encoder and PostgreSQL itself.

    python -m benchmarks.sql_door [--satellites 1000000] [--json FILE]

A row is (int8, float8, timestamptz), one for each satellite.  The door encodes Arrow batches as
DataRow messages, in text and in binary.  Every byte is compared with the row-by-row encoder's, and
with what a real PostgreSQL sends for the same rows where one is installed; the core time of its
backend holds its scan and its sending too, so its figure is no encoder's alone.
"""

from __future__ import annotations

import argparse
import datetime as dt
import struct
import sys
from collections.abc import Callable, Sequence

import numpy as np
import psutil
import pyarrow as pa

from benchmarks import harness
from benchmarks.harness import Report, expect
from storage.pgwire import types
from storage.pgwire.execution import BATCH_ROWS, Column, encoded
from storage.pgwire.rows import data_rows
from storage.pgwire.types import ColumnType
from tests.clients import protocol
from tests.postgresql import postgresql

TARGET_MS = 500.0  # core-ms for a million rows
T0_US = 1_790_000_000_000_000
PG_EPOCH_US = 946_684_800_000_000
FORMATS = {"text": 0, "binary": 1}
COLUMNS = [
    Column("sat_id", ColumnType(types.INT8)),
    Column("margin_w", ColumnType(types.FLOAT8)),
    Column("ts", ColumnType(types.TIMESTAMPTZ)),
]
Spoil = Callable[[pa.RecordBatch], pa.RecordBatch]


def table(count: int, seed: int) -> list[pa.RecordBatch]:
    """`count` rows in the door's batches; the float has 15 digits or more in most rows."""
    margin_w = np.random.default_rng(seed).normal(0, 1_000, count)
    time_us = T0_US + np.arange(count) * 1_000_003
    made = pa.table(
        {
            "sat_id": pa.array(np.arange(count) * 7_919, pa.int64()),
            "margin_w": pa.array(margin_w),
            "ts": pa.array(time_us).cast(pa.timestamp("us", tz="UTC")),
        }
    )
    return list(made.to_batches(max_chunksize=BATCH_ROWS))


def by_door(batches: Sequence[pa.RecordBatch], format: int) -> bytes:
    """The DataRow messages as the door makes them."""
    formats = [format] * len(COLUMNS)
    parts: list[memoryview | bytes] = []
    for batch in batches:
        parts += data_rows(encoded(batch, COLUMNS, formats, "UTC"), batch.num_rows)
    return b"".join(parts)


def by_row(batches: Sequence[pa.RecordBatch], format: int) -> bytes:
    """The same, a row at a time: what a server in plain Python does."""
    cells = _binary_cells if format else _text_cells
    parts = []
    for batch in batches:
        ids, margins = batch.column(0).to_pylist(), batch.column(1).to_pylist()
        times = batch.column(2).cast(pa.int64()).to_pylist()
        for row in zip(ids, margins, times, strict=True):
            body = b"\0\3"
            for cell in cells(*row):
                body += struct.pack("!i", len(cell)) + cell
            parts.append(struct.pack("!cI", b"D", len(body) + 4) + body)
    return b"".join(parts)


_EPOCH = dt.datetime(1970, 1, 1)


def _text_cells(sat_id: int, margin_w: float, time_us: int) -> tuple[bytes, ...]:
    moment = str(_EPOCH + dt.timedelta(microseconds=time_us))
    moment = moment.rstrip("0").rstrip(".") if "." in moment else moment
    return str(sat_id).encode(), repr(margin_w).encode(), f"{moment}+00".encode()


def _binary_cells(sat_id: int, margin_w: float, time_us: int) -> tuple[bytes, ...]:
    return (
        struct.pack("!q", sat_id),
        struct.pack("!d", margin_w),
        struct.pack("!q", time_us - PG_EPOCH_US),
    )


class Reference:
    """A connection to a real PostgreSQL that holds the same rows."""

    def __init__(self, port: int, batches: Sequence[pa.RecordBatch]) -> None:
        self._client = protocol.Client(port)
        self._client.simple(
            "CREATE UNLOGGED TABLE r (sat_id int8, margin_w float8, ts timestamptz)"
        )
        self._client.send(protocol.query("COPY r FROM STDIN (FORMAT binary)"))
        self._client.events(b"G")
        head = b"PGCOPY\n\xff\r\n\0" + bytes(8)
        # A tuple is a DataRow without its first five bytes.
        stream = by_door(batches, 1)
        size = len(stream) // sum(batch.num_rows for batch in batches)
        rows = np.frombuffer(stream, np.uint8).reshape(-1, size)[:, 5:].tobytes()
        self._client.send(*(protocol.message(b"d", one) for one in (head, rows, b"\xff\xff")),
                          protocol.message(b"c"))  # fmt: skip
        self._client.events()
        self._backend = psutil.Process(int(self._client.simple("SELECT pg_backend_pid()")[1][1]))

    def ask(self, format: int) -> tuple[float, bytes]:
        """The backend's core-ms for sending all rows, and the bytes of its DataRows."""
        before = sum(self._backend.cpu_times()[:2])
        self._client.send(
            protocol.parse("SELECT * FROM r"), protocol.bind(results=[format]),
            protocol.execute(), protocol.SYNC,
        )  # fmt: skip
        parts = []
        while True:
            kind, body = self._client.take()
            if kind == b"D":
                parts.append(struct.pack("!cI", b"D", len(body) + 4) + body)
            elif kind == b"Z":
                break
        core_ms = (sum(self._backend.cpu_times()[:2]) - before) * 1_000
        return core_ms, b"".join(parts)


def measure(given: argparse.Namespace, spoil: Spoil) -> Report:
    """Rounds of encoding, every byte compared once."""
    batches = table(given.satellites, given.seed)
    sent = {name: by_door([spoil(one) for one in batches], code) for name, code in FORMATS.items()}
    for name, code in FORMATS.items():
        expect(sent[name] == by_row(batches, code), f"{name}: the door's bytes are not the rows'")
    proven = [f"every byte of {given.satellites} rows as the row-by-row encoder's, text and binary"]

    def one() -> dict[str, float]:
        found = {}
        for name, code in FORMATS.items():
            found[f"the door, {name}"] = harness.core_ms(lambda code=code: by_door(batches, code))
            found[f"row by row, {name}"] = harness.core_ms(lambda code=code: by_row(batches, code))
            if reference is not None:
                found[f"PostgreSQL's backend, {name}"], _ = reference.ask(code)
        return found

    with postgresql() as server:
        reference = Reference(server.port, batches) if server else None
        if reference is not None:
            for name, code in FORMATS.items():
                expect(
                    reference.ask(code)[1] == sent[name], f"{name}: PostgreSQL sends other bytes"
                )
            proven.append("every byte as a real PostgreSQL sends it for the same rows")
        figures = harness.rounds(given.repeat, one)
    facts = {}
    for name in FORMATS:
        ours = figures[f"the door, {name}"].median
        for other in ("row by row", "PostgreSQL's backend"):
            if f"{other}, {name}" in figures:
                facts[f"{name}: {other} / the door"] = round(
                    figures[f"{other}, {name}"].median / ours, 1
                )
        facts[f"{name}: of the target of {TARGET_MS:.0f} core-ms a million rows"] = round(
            ours / TARGET_MS / given.satellites * 1e6, 2
        )
    return Report(figures, facts, proven)


def main(argv: Sequence[str] | None = None, spoil: Spoil = lambda batch: batch) -> int:
    """`spoil` may change the batches that the door encodes: a seam for tests."""
    given = harness.parser(__doc__, 1_000_000).parse_args(argv)
    return harness.run("sql_door", given, lambda: measure(given, spoil))


if __name__ == "__main__":
    harness.one_core()
    sys.exit(main())
