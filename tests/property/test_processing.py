"""Processing is a pure function of the log, whatever is delivered, dropped, doubled or killed."""

from __future__ import annotations

import asyncio
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from orbitwin import fleet, topics
from processors import snapshot
from processors.record import Record, Rules
from processors.worker import Worker
from tests.processing import (
    PARTITIONS,
    SECOND_US,
    T0_US,
    Bench,
    MemoryLog,
    fleet_of,
    frame,
    value_of,
)

ROWS = 3
FLEETS = ("f", "n")  # whose first chunks share a partition
HOME = fleet.partition_of("f", 0, PARTITIONS)
assert fleet.partition_of("n", 0, PARTITIONS) == HOME

READINGS = st.lists(
    st.tuples(
        st.lists(st.sampled_from([60.0, 82.0, 88.0, 190.0, 300.0]), min_size=ROWS, max_size=ROWS),
        st.lists(st.sampled_from([0.0, 1.0]), min_size=ROWS, max_size=ROWS),
        st.sampled_from([20_000.0, 90_000.0]),
        st.sampled_from(["fast", "fast", "fast", "slow"]),
    ),
    min_size=1,
    max_size=15,
)


@settings(max_examples=30)
@given(readings=READINGS, data=st.data())
def test_any_order_of_the_same_frames_gives_the_same_bytes(
    readings: list, data: st.DataObject
) -> None:
    """Within 16 sequence numbers, with duplicates; see FAULTS D02."""
    frames = [
        frame(
            s,
            ROWS,
            packet,
            {"chip_max_t_degc": hot, "sunlit": sun, "load_w": load, "dose_rad": load / 20},
        )
        for s, (hot, sun, load, packet) in enumerate(readings, 1)
    ]
    frames += data.draw(st.lists(st.sampled_from(frames), max_size=3))
    order = data.draw(st.permutations(frames))

    def state_after(some: list) -> bytes:
        bench = Bench(fleet_of(ROWS))
        for one in some:
            bench.take(one)
        return snapshot.encode(bench.chunk)

    in_order = sorted(frames, key=lambda f: f.seq)
    assert state_after(order) == state_after(in_order)


def garden_log(seed: int, length: int) -> list[tuple[bytes, bytes, int, dict]]:
    """Frames, ticks, late and doubled frames, dead ones: (key, value, time, headers) each."""
    rng = np.random.default_rng(seed)
    made, second = [], 0
    for _ in range(length):
        second += int(rng.choice([0, 1, 1, 1, 5]))
        now_us = T0_US + second * SECOND_US
        what = rng.choice(["frame", "frame", "frame", "late", "tick", "garbage", "odd"])
        if what == "tick":
            made.append((b"", b"", now_us, {"packet": b"tick"}))
            continue
        name = str(rng.choice(FLEETS))
        value = b"garbage"
        if what != "garbage":
            at = second - int(rng.integers(1, 6)) if what == "late" else second
            more = {"sat_id": np.array([100, 999, 101])} if what == "odd" else {}
            hot = rng.choice([60.0, 82.0, 88.0, 300.0], ROWS)
            more["fleet"] = name
            value = value_of(frame(max(0, at), ROWS, values={"chip_max_t_degc": hot}, **more))
        made.append((f"{name}/0".encode(), value, now_us, {}))
    return made


def log_with(entries: list[tuple[bytes, bytes, int, dict]]) -> MemoryLog:
    log = MemoryLog()
    for name in FLEETS:
        (chunk,) = fleet_of(ROWS, name=name).chunks()
        log.append(topics.FLEET.name, 0, chunk.key, fleet.encode(chunk))
    for key, value, t_us, headers in entries:
        log.append(topics.TELEMETRY.name, HOME, key, value, t_us, headers)
    return log


def published(log: MemoryLog) -> dict[str, list[bytes]]:
    """The distinct records of each topic in the order of their first appearance."""
    names = (topics.STATE.name, topics.EVENTS.name, topics.DEAD_LETTERS.name)
    return {n: list(dict.fromkeys(_content(r) for r in log.topics[n, HOME])) for n in names}


def _content(record: Record) -> bytes:
    return record.value + b"".join(v for _, v in sorted(record.headers.items()))


async def _straight(log: MemoryLog) -> dict[str, list[bytes]]:
    worker = Worker(log, Rules(), PARTITIONS, 10.0)
    await worker.assign([HOME])
    for record in log.topics[topics.TELEMETRY.name, HOME]:
        assert await worker.take(record)
    await log.settle()
    return published(log)


async def _hard(log: MemoryLog, rng: np.random.Generator) -> dict[str, list[bytes]]:
    """Workers that lose deliveries, get them twice, and are killed at any moment."""
    records = log.topics[topics.TELEMETRY.name, HOME]
    at = 0
    while True:
        worker = Worker(log, Rules(), PARTITIONS, 2.0)
        await worker.assign([HOME])
        at = max(0, at - int(rng.integers(0, 6)))  # what Faust had committed
        while at < len(records):
            what = rng.random()
            if what < 0.1 and at < len(records) - 1:
                at += int(rng.integers(1, 4))  # lost on the way
            at = min(at, len(records) - 1)
            assert await worker.take(records[at])
            at += 1
            if what > 0.5:
                await worker.snapshots()
            if 0.1 < what < 0.2:
                break  # killed: some of what was sent has arrived
            if 0.2 < what < 0.24:
                await worker.release([HOME])
                await worker.assign([HOME])
        log.arrive(int(rng.integers(0, len(log.unsent) + 1)) if at < len(records) else 10**6)
        log.unsent.clear()
        if at >= len(records):
            return published(log)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), length=st.integers(1, 80), luck=st.integers(0, 10**6))
def test_lost_and_doubled_deliveries_and_kills_change_nothing_that_is_published(
    seed: int, length: int, luck: int
) -> None:
    entries = garden_log(seed, length)
    want = asyncio.run(_straight(log_with(entries)))
    got = asyncio.run(_hard(log_with(entries), np.random.default_rng(luck)))
    assert got == want
    assert asyncio.run(_straight(log_with(entries))) == want


def test_snapshots_are_written_only_after_what_they_stand_for() -> None:
    """Nothing of the snapshot topic is in the log before all outputs up to it are."""

    async def go() -> None:
        log = log_with(garden_log(7, 30))
        worker = Worker(log, Rules(), PARTITIONS, 1.0)
        await worker.assign([HOME])
        for record in log.topics[topics.TELEMETRY.name, HOME]:
            await worker.take(record)
            waiting = list(log.unsent)
            await worker.snapshots()
            new = log.unsent
            assert all(output.topic == topics.SNAPSHOT.name for _, output in new)
            assert not any(output in [o for _, o in waiting] for _, output in new)

    asyncio.run(go())


def test_records_that_the_log_has_lost_are_an_event() -> None:
    """FAULTS F07: retention passed while the worker was away."""

    async def go() -> None:
        log = log_with(garden_log(3, 30))
        worker = Worker(log, Rules(), PARTITIONS, 1.0)
        await worker.assign([HOME])
        records = log.topics[topics.TELEMETRY.name, HOME]
        await worker.take(records[0])
        log.first[topics.TELEMETRY.name, HOME] = 12
        await worker.take(records[20])
        await log.settle()
        from orbitwin.records import decode_events

        told = [decode_events(r.value) for r in log.topics[topics.EVENTS.name, HOME]]
        holes = [(b.source, e) for b in told for e in b.events.to_pylist() if e["kind"] == "hole"]
        assert len(holes) == 1 and holes[0][0].offset == 11 and holes[0][1]["sat_id"] is None
        assert "1..11" in holes[0][1]["message"]
        assert worker.held[HOME].applied == 20 and worker.records_reread == 8

    asyncio.run(go())


def test_a_fleet_that_is_registered_after_the_worker_started() -> None:
    async def go() -> None:
        log = log_with([])
        log.topics[topics.FLEET.name, 0].clear()
        worker = Worker(log, Rules(), PARTITIONS, 1.0)
        await worker.assign([HOME])
        (chunk,) = fleet_of(ROWS).chunks()
        log.append(topics.FLEET.name, 0, chunk.key, fleet.encode(chunk))
        value = value_of(frame(1, ROWS))
        await worker.take(log.append(topics.TELEMETRY.name, HOME, b"f/0", value, T0_US))
        await log.settle()
        assert Counter(len(log.topics[n, HOME]) for n in (topics.STATE.name,)) == {1: 1}
        assert not log.topics[topics.DEAD_LETTERS.name, HOME]

    asyncio.run(go())
