"""A worker: partitions taken and given up, records applied in order, holes filled, snapshots.

What brings the records does not matter for what follows from them. Each partition keeps the
offset that it has applied: what comes again is passed over, and what was left out is read again
from the log before going on. Recovery after a crash and after a rebalance is that same repair:
a partition starts from its snapshots, whose offset lies somewhat back, and the first record that
arrives finds a hole before it. So it is enough for a delivery to be about right (Faust loses
records when workers join under load, docs/decisions/0020), and it may commit when it likes.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Protocol

import structlog

from orbitwin import topics
from orbitwin.contract import TICK, FrameError
from orbitwin.fleet import Chunk
from processors import snapshot
from processors.record import Counts, Output, Record, Rules
from processors.registry import Registry
from processors.state import ChunkState
from processors.step import UNREGISTERED, PartitionState, adopt, apply, hole, read

MOST_UNSENT = 512  # records waiting to be sent before applying pauses
POSITION = b""  # key of the snapshot topic's record that holds the offset applied, as text
LARGE_MODEL_ROWS, LARGE_MODEL_INTERVALS = 2_048, 6
"""The models of so many satellites are megabytes, written every so many intervals only: what lies
between is read again from the log in a few seconds."""
TAIL_ROUNDS = 2  # of snapshots that are read at first; doubled until every chunk is found

_log = structlog.get_logger()


class Log(Protocol):
    """The Kafka topics, as far as a worker needs them."""

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset that the log still has, and the one that its next record will get."""

    def records(
        self, topic: str, partition: int, first: int, last: int
    ) -> AsyncGenerator[Record, None]:
        """The records from offset `first` to `last`, as far as the log still has them."""

    def send(self, partition: int, output: Output) -> None:
        """Send a record, after those sent to the same place before; returns at once."""

    async def settle(self, most_unsent: int = 0) -> None:
        """Wait until the brokers have what was sent before (all but `most_unsent` records)."""


class Worker:
    """State of the partitions that this process has. One task at a time is inside of it."""

    def __init__(self, log: Log, rules: Rules, partitions: int, snapshot_interval_s: float) -> None:
        self.log = log
        self.rules = rules
        self.partition_count = partitions
        self.interval_us = int(snapshot_interval_s * 1e6)
        self.registry = Registry()
        self.held: dict[int, PartitionState] = {}
        self.counts = Counts()
        self.holes = 0
        self.records_reread = 0
        self.recoveries = 0
        self.delivered_twice = 0
        self._fleet_next = 0
        self._recovering: set[int] = set()
        self._lock = asyncio.Lock()
        self._leaving = False

    # --- partitions come and go ----------------------------------------------------------------

    async def assign(self, partitions: Iterable[int]) -> None:
        """Take partitions: their state is that of their newest snapshots."""
        async with self._lock:
            self._leaving = False
            await self._catch_up()
            for partition in sorted(set(partitions) - self.held.keys()):
                self.held[partition] = await self._load(partition)
                self._recovering.add(partition)

    async def release(self, partitions: Iterable[int]) -> None:
        """Give partitions up, with a snapshot of each for whoever takes them."""
        self._leaving = True  # ends the filling of a hole, which may be a long one
        async with self._lock:
            gone = [p for p in partitions if p in self.held]
            last = [s for p in gone for s in self._due(self.held[p], everything=True)]
            await self._write(last)
            for partition in gone:
                del self.held[partition]
                self._recovering.discard(partition)

    async def _load(self, partition: int) -> PartitionState:
        chunks = self.registry.of_partition(partition, self.partition_count)
        first, _ = await self.log.bounds(topics.TELEMETRY.name, partition)
        newest = await self._newest_snapshots(partition, {POSITION, *chunks})
        position = newest.pop(POSITION, None)
        found = {
            key: state
            for key, record in newest.items()
            if (state := _snapshot_of(record, chunks[key])) is not None
        }
        # A chunk without a snapshot was registered after the position was written: before it,
        # the log has nothing that was taken for that chunk.
        since = first - 1 if position is None else int(position.value)
        for key, chunk in chunks.items():
            if key not in found:
                found[key] = ChunkState.empty(chunk, since)
        applied = min((state.seen for state in found.values()), default=since)
        return PartitionState(partition, applied, chunks={key: found[key] for key in chunks})

    async def _newest_snapshots(self, partition: int, keys: set[bytes]) -> dict[bytes, Record]:
        """The newest record of each key in the snapshot topic, as far as there is one.

        The topic is read backwards, twice as far each time: what is sought is near its end.
        """
        name = topics.SNAPSHOT.name
        begin, end = await self.log.bounds(name, partition)
        newest: dict[bytes, Record] = {}
        step = TAIL_ROUNDS * len(keys)
        while end > begin and newest.keys() != keys:
            start = max(begin, end - step)
            part = {}
            async for record in self.log.records(name, partition, start, end - 1):
                if record.key in keys:
                    part[record.key] = record
            newest = part | newest
            end, step = start, 2 * step
        return newest

    # --- records -------------------------------------------------------------------------------

    async def take(self, record: Record) -> bool:
        """A record was delivered: apply it, and first whatever the log has before it.

        Gives whether the state is now at that record or past it.
        """
        await self.log.settle(MOST_UNSENT)
        async with self._lock:
            state = self.held.get(record.partition)
            if state is None or self._leaving:
                return False
            if record.offset <= state.applied:
                self.delivered_twice += 1
                return True
            if record.offset > state.applied + 1 and not await self._fill(state, record):
                return False
            self._recovering.discard(record.partition)
            await self._apply(state, record)
            return True

    async def _fill(self, state: PartitionState, record: Record) -> bool:
        """Apply what the log has between the state and a record. False if told to leave."""
        topic, last = topics.TELEMETRY.name, record.offset - 1
        recovering = state.partition in self._recovering
        before = self.records_reread
        begin, _ = await self.log.bounds(topic, state.partition)
        if begin > state.applied + 1:
            self._lost(state, min(begin - 1, last), record.t_append_us)
        missing = self.log.records(topic, state.partition, state.applied + 1, last)
        async with aclosing(missing):
            async for missed in missing:
                await self.log.settle(MOST_UNSENT)
                if self._leaving:
                    return False
                await self._apply(state, missed)
                self.records_reread += 1
        reread = self.records_reread - before
        if recovering:
            self.recoveries += 1
        else:
            self.holes += 1
            _log.warning(
                "a hole in what was delivered was filled from the log",
                partition=state.partition,
                records=reread,
                before_offset=record.offset,
            )
        return True

    def _lost(self, state: PartitionState, last: int, t_append_us: int) -> None:
        first = state.applied + 1
        self.log.send(state.partition, hole(state, first, last, t_append_us))
        _log.error(
            "records are gone from the log before they were processed",
            partition=state.partition,
            first_offset=first,
            last_offset=last,
        )

    async def _apply(self, state: PartitionState, record: Record) -> None:
        found = read(state, record, self.registry)
        if isinstance(found, FrameError) and found.reason in UNREGISTERED:
            await self._catch_up()
            found = read(state, record, self.registry)
        outcome = apply(state, record, found, self.rules)
        # Nothing is awaited between the change of state and here: either both or none is done.
        for output in outcome.outputs:
            self.log.send(state.partition, output)
        self.counts.add(outcome.counts)

    # --- who flies -----------------------------------------------------------------------------

    async def follow(self) -> None:
        """Read what is new in the fleet topic."""
        async with self._lock:
            await self._catch_up()

    async def _catch_up(self) -> None:
        begin, end = await self.log.bounds(topics.FLEET.name, 0)
        if end <= self._fleet_next:
            return
        first = max(begin, self._fleet_next)
        async for record in self.log.records(topics.FLEET.name, 0, first, end - 1):
            try:
                self.registry.read(record.key, record.value)
            except FrameError as error:
                _log.error("a fleet record cannot be read", error=str(error), key=str(record.key))
        self._fleet_next = end
        for partition, state in self.held.items():
            adopt(state, self.registry.of_partition(partition, self.partition_count))

    # --- snapshots -----------------------------------------------------------------------------

    async def snapshots(self) -> None:
        """Write the snapshots that are due. Each chunk has its own moment in the interval."""
        async with self._lock:
            due = [s for state in self.held.values() for s in self._due(state)]
        await self._write(due)

    def _due(self, state: PartitionState, everything: bool = False) -> list[tuple[int, Output]]:
        if state.partition in self._recovering:  # what is there to resume from is there already
            return []
        due: list[tuple[int, Output]] = []
        name, partition = topics.SNAPSHOT.name, state.partition
        for key, chunk in state.chunks.items():
            interval_us = self.interval_us
            if chunk.model is not None and chunk.chunk.rows > LARGE_MODEL_ROWS:
                interval_us *= LARGE_MODEL_INTERVALS
            slot = (state.now_us + zlib.crc32(key) % interval_us) // interval_us
            if slot != chunk.snapshot_slot or everything:
                chunk.snapshot_slot = slot
                value = snapshot.encode(chunk)
                if len(value) > topics.MAX_SNAPSHOT_BYTES:
                    # Kafka would refuse it; without one a restart reads the log from further back.
                    _log.warning("a chunk's state is too large to be kept: send fewer satellites "
                                 "in a frame with producer.chunk_rows", bytes=len(value),
                                 satellites=chunk.chunk.rows)  # fmt: skip
                    continue
                due.append((partition, Output(name, key, value, [])))
        # After the chunks': see _load.
        slot = state.now_us // self.interval_us
        if slot != state.snapshot_slot or everything:
            state.snapshot_slot = slot
            due.append((partition, Output(name, POSITION, b"%d" % state.applied, [])))
        return due

    async def _write(self, written: list[tuple[int, Output]]) -> None:
        """Only once the brokers have all that a state has published may it be resumed from."""
        await self.log.settle()
        for partition, output in written:
            self.log.send(partition, output)

    def tick(self) -> None:
        """Put the time into the log of each partition."""
        headers = [("packet", TICK.encode())]
        for partition in self.held:
            self.log.send(partition, Output(topics.TELEMETRY.name, b"", b"", headers))


def _snapshot_of(record: Record, chunk: Chunk) -> ChunkState | None:
    try:
        return snapshot.decode(record.value, chunk)
    except FrameError as error:
        _log.warning("a snapshot cannot be read", error=str(error), offset=record.offset)
        return None
