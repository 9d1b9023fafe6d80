"""A made-up log of state, events and dead letters, and a process that stores it.

`python -m tests.history DATA_DIR PAUSE_S` stores the log of `make_log()` from where the database
ended, a few records a commit, with a snapshot now and then: the process that tests kill.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from orbitwin import catalogue, contract, fleet, records
from orbitwin.fleet import Chunk, Clock, Fleet
from orbitwin.records import EventBatch, Flag, Source
from orbitwin.topics import DEAD_LETTERS, EVENTS, STATE
from storage import database, snapshot, tables
from storage.intake import Record
from storage.writer import Writer

T0_US = 1_750_000_000_000_000 // 60_000_000 * 60_000_000 + 37_000_000  # not on a minute
SECOND_US = 1_000_000
TICKS = 150
SATELLITES = 40

ODC = catalogue.load("odc")
BIRDS = catalogue.load("birds3")


def odc_fleet(satellites: int = SATELLITES, chunk_rows: int = 20) -> Fleet:
    numbers = np.arange(satellites)
    return Fleet(
        "cloud",
        ODC,
        1000 + numbers,
        [f"ODC-{i}" for i in numbers],
        ["low" if i < 10 else "high" for i in numbers],
        numbers % 40,
        numbers // 4,
        chunk_rows,
    )


def birds_fleet() -> Fleet:
    return Fleet(
        "birds",
        BIRDS,
        np.array([43_589, 44_329]),
        ["RAAVANA", "NEPALISAT"],
        ["ISS", "ISS"],
        np.array([0, 0]),
        np.array([0, 1]),
        16,
        Clock("recorded"),
    )


def fleet_records() -> list[bytes]:
    return [fleet.encode(c) for f in (odc_fleet(), birds_fleet()) for c in f.chunks()]


def codes(vehicle: catalogue.Vehicle, packet: str, rows: int, seed: int) -> dict[str, np.ndarray]:
    """Values within range for every column of a state record; some are missing."""
    rng = np.random.default_rng(seed)
    made = {}
    for column in records.state_columns(vehicle, packet):
        low = max(column.low, -100.0) if np.isfinite(column.low) else -100.0
        high = min(column.high, low + 200.0) if np.isfinite(column.high) else 100.0
        made[column.name] = column.encode(rng.uniform(low, high, rows))
    for name in vehicle.derived[:2]:
        made[name.name][rng.random(rows) < 0.05] = name.missing
    made["severity"] = rng.integers(0, 3, rows).astype(np.uint8)
    made["flags"] = np.where(rng.random(rows) < 0.6, Flag.SUNLIT, 0).astype(np.uint8)
    return made


def state(
    chunk: Chunk,
    packet: str,
    t_us: int,
    seq: int,
    source: Source,
    *,
    rows: np.ndarray | None = None,
    flags: int = 0,
    seed: int = 0,
    **extra: object,
) -> contract.Frame:
    """A state record of the whole chunk, or of some of its rows."""
    primary = packet in (chunk.vehicle.primary.name, contract.TICK)
    made = contract.Frame(
        chunk.fleet,
        chunk.vehicle.name,
        packet,
        chunk.number,
        0,
        chunk.rows,
        t_us,
        seq,
        t_us,
        codes(chunk.vehicle, packet, chunk.rows, seed),
        extra={
            "source": [source.partition, source.offset, source.part],
            "t_append_us": t_us + 40_000,
            "derived": primary,
            "measured": packet != contract.TICK,
            "rows_dead": 0,
            "rows_duplicate": 0,
            "rows_late": 0,
            "rows_invalid": 0,
        }
        | extra,
    )
    made.codes["flags"][:] |= np.uint8(flags)  # type: ignore[index]
    return made if rows is None else made.take(rows, chunk.sat_id[rows])


def computed(chunk: Chunk, packet: str, t_us: int, source: Source, seed: int = 0) -> contract.Frame:
    """A record of residuals or forecasts of all satellites but the first; some values missing."""
    rng = np.random.default_rng(seed)
    made = state(chunk, "tick", t_us, t_us // 60_000_000, source, derived=False, measured=False)
    codes: dict[str, np.ndarray] = {}
    for column in records.state_columns(chunk.vehicle, packet):
        values = rng.uniform(-10, 100, chunk.rows)
        if column.name.endswith("/n"):
            values = rng.integers(0, 7, chunk.rows).astype(float)
        if column.storage == "float32" and column.name != "coasting":
            values[rng.random(chunk.rows) < 0.2] = np.nan
        codes[column.name] = column.encode(np.clip(values, column.low, column.high))
    if packet == records.FORECAST:
        codes["coasting"] = (rng.random(chunk.rows) < 0.3).astype(np.float32)
    rows = np.arange(1, chunk.rows)
    return replace(made, packet=packet, codes=codes).take(rows, chunk.sat_id[rows])


def encode(frame: contract.Frame, vehicle: catalogue.Vehicle) -> bytes:
    columns = records.state_columns(vehicle, frame.packet)
    if not frame.extra["derived"] and frame.packet not in records.COMPUTED:
        columns = tuple(c for c in columns if c not in vehicle.derived)
    return contract.encode(frame, columns)


class Log:
    """Builds the log, record after record."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._next: dict[tuple[str, int], int] = defaultdict(int)

    def add(self, topic: str, partition: int, t_us: int, value: bytes, headers=()) -> Record:
        offset = self._next[topic, partition]
        self._next[topic, partition] += 1
        self.records.append(Record(topic, partition, offset, t_us, value, tuple(headers)))
        return self.records[-1]

    def again(self, record: Record) -> None:
        """The record once more, at a new offset: a worker that started again."""
        self.add(record.topic, record.partition, record.t_us, record.value, record.headers)


def make_log(ticks: int = TICKS) -> list[Record]:
    """Frames of three packets, ticks, late rows, events, letters, and all of it partly twice."""
    log = Log()
    chunks = [c for f in (odc_fleet(), birds_fleet()) for c in f.chunks()]
    source = defaultdict(int)
    recent: dict[int, list[Record]] = defaultdict(list)

    def put(topic: str, partition: int, t_us: int, value: bytes) -> None:
        recent[partition].append(log.add(topic, partition, t_us, value))

    for tick in range(ticks):
        t_us = T0_US + tick * SECOND_US
        for number, chunk in enumerate(chunks):
            p, vehicle = number % 2, chunk.vehicle
            seed = 10_000 * number + tick
            if vehicle is BIRDS and tick % 5:
                continue
            if number == 1 and 60 <= tick < 110:
                continue  # a chunk that falls silent and comes back
            packets = ["fast"] if vehicle is ODC else ["eps"]
            if vehicle is ODC and tick % 10 == 3:
                packets.append("nav")
            for packet in packets:
                source[p] += 1
                at = Source(p, source[p])
                some = None
                if tick % 7 == 2:  # a part of the satellites only
                    some = np.flatnonzero(np.random.default_rng(seed).random(chunk.rows) < 0.7)
                frame = state(chunk, packet, t_us, tick, at, rows=some, seed=seed)
                put(STATE.name, p, t_us, encode(frame, vehicle))
                if tick % 11 == 4 and tick > 10:  # and rows of nine seconds ago
                    late = state(
                        chunk,
                        packet,
                        t_us - 9 * SECOND_US,
                        tick - 9,
                        replace(at, part=1),
                        rows=np.array([0, 1]),
                        flags=Flag.LATE,
                        seed=seed + 5,
                        rows_late=2,
                    )
                    put(STATE.name, p, t_us, encode(late, vehicle))
                if tick % 6 == 1:
                    put(EVENTS.name, p, t_us, events(chunk, at, t_us))
            if tick % 25 == 15:
                source[p] += 1
                for part, packet in enumerate(records.COMPUTED):
                    at = Source(p, source[p], part)
                    told = computed(chunk, packet, t_us, at, seed)
                    put(STATE.name, p, t_us, encode(told, vehicle))
        if tick in (65, 90):  # staleness of the silent chunk
            source[1] += 1
            silent = chunks[1]
            frame = state(
                silent,
                contract.TICK,
                T0_US + 59 * SECOND_US,
                59,
                Source(1, source[1]),
                rows=np.arange(5),
                flags=Flag.STALE,
                seed=tick,
            )
            put(STATE.name, 1, t_us, encode(frame, ODC))
        if tick % 13 == 5:
            headers = [
                ("reason", b"invalid"),
                ("topic", b"twin.telemetry.v1"),
                ("partition", b"0"),
                ("offset", str(tick).encode()),
                ("rows", b"2"),
                ("part", b"0"),
                ("message", b"values outside their range"),
                ("kept", b"1"),
            ]
            letter = log.add(DEAD_LETTERS.name, 0, t_us, b"...", headers)
            if tick % 2:
                log.again(letter)
        if tick % 17 == 9:  # a worker starts again and publishes its last records once more
            p = tick % 2
            for record in recent[p][-6:]:
                log.again(record)
        for p in recent:
            del recent[p][:-8]
    return log.records


def events(chunk: Chunk, source: Source, t_us: int) -> bytes:
    made = {
        "sat_id": [int(chunk.sat_id[0]), None, 999_999],
        "t_event_us": [t_us] * 3,
        "kind": ["limit", "hole", "unknown"],
        "state": ["raised", "noted", "noted"],
        "parameter": ["power_margin_w", None, None],
        "severity": [2, 1, 1],
        "severity_before": [0, 0, 0],
        "value": [-3.5, None, None],
        "limit": [0.0, None, None],
        "unit": ["W", None, None],
        "context": [None, None, None],
        "message": ["power margin below 0 W", "a hole", "unknown satellite"],
    }
    batch = pa.RecordBatch.from_pydict(made, schema=records.EVENT_SCHEMA)
    return records.encode_events(
        EventBatch(chunk.fleet, chunk.vehicle.name, chunk.number, source, t_us + 40_000, batch)
    )


def open_writer(data_dir: Path, told: list[bytes] | None = None, **options: object) -> Writer:
    """A writer on a new or old database, ready to take records."""
    writer = Writer(
        database.open_writer(data_dir, memory_limit_mb=256, threads=1),
        data_dir,
        **{  # type: ignore[arg-type]
            "retention_s": {t.name: 1e6 for t in tables.RINGS},
            "raw_max_satellites": 10_000,
        }
        | options,
    )
    writer.register(fleet_records() if told is None else told)
    writer.recover()
    return writer


def shut(writer: Writer) -> None:
    writer.close()
    writer.database.close()


def rest(writer: Writer, log: list[Record], seed: int = 0) -> list[Record]:
    """What Kafka would give: each partition from its start offset, partitions interleaved."""
    start = writer.intake.start_offsets()
    left = defaultdict(list)
    for record in log:
        if record.offset >= start.get((record.topic, record.partition), 0):
            left[record.topic, record.partition].append(record)
    rng = np.random.default_rng(seed)
    turns = rng.permutation(np.repeat(np.arange(len(left)), [len(r) for r in left.values()]))
    queues = [iter(r) for r in left.values()]
    return [next(queues[i]) for i in turns]


_TOLD = (tables.SATELLITE, tables.PARAMETER, tables.FORECAST_LATEST, tables.INGEST_OFFSET)


def contents(data_dir: Path) -> dict[str, list[tuple]]:
    """Every row of every table, in an order of its own; but for what the wall clock wrote."""
    opened = database.open_reader(data_dir)
    try:
        found = {}
        for table in (*_TOLD, *tables.RINGS):
            wall = " EXCLUDE (t_store)" if table is tables.EVENT else ""
            found[table.name] = opened.connection.execute(
                f"SELECT *{wall} FROM {table.name} ORDER BY ALL"
            ).fetchall()
        newest = snapshot.read(snapshot.path_in(data_dir))
        assert newest is not None
        found["latest"] = newest.to_pylist()
        return found
    finally:
        opened.close()


def main(data_dir: Path, pause_s: float) -> None:
    writer = open_writer(data_dir)
    left = rest(writer, make_log(), seed=time.time_ns() % 2**32)
    print(len(left), flush=True)
    for number, record in enumerate(left):
        writer.intake.take(record)
        if number % 5 == 4:
            writer.commit()
            time.sleep(pause_s)
        if number % 60 == 59:
            writer.commit()
            writer.save_snapshot()
    shut(writer)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
