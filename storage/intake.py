"""Records to memory: the newest state, open windows, and what the next commit will store.

Pure of I/O. Two things make history exact although records come more than once:

- Processors deliver at least once. A record names its source; one that is not newer than the
  newest of its partition is a re-emission and is passed over.
- Open seconds and minutes, and the newest state, live in memory. After a start the log is read
  again from the oldest record they need (`window_offset`, or the snapshot's place if that is
  older); records below `stored_to` feed memory alone, since what followed from them is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from orbitwin import contract, records
from orbitwin.catalogue import SEVERITIES
from orbitwin.contract import TICK, Frame, FrameError
from orbitwin.fleet import Chunk
from orbitwin.log import get
from orbitwin.records import EventBatch, Source
from orbitwin.topics import DEAD_LETTERS, EVENTS, STATE
from storage.latest import Latest
from storage.pending import Letter, Pending
from storage.registry import Key, Registry
from storage.rollup import (
    MINUTE_US,
    SILENT_MINUTES,
    ChunkRollup,
    MinuteRows,
    group_rows,
)
from storage.rows import Rows, place
from storage.snapshot import Mark, Place

IDLE_US = 600 * 1_000_000
"""A chunk that is silent for so long (by its partition's log time) has its windows closed, so
that a restart need not read the log from where it fell silent."""

log = get(__name__)


@dataclass(frozen=True)
class Record:
    """A record of a topic, as the log has it. `t_us`: the log's time, UTC us."""

    topic: str
    partition: int
    offset: int
    t_us: int
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(frozen=True)
class Stored:
    """What the database says of a partition: its mark, and where open windows begin."""

    mark: Mark
    window_offset: int


class Intake:
    """Takes records in the log's order, partition by partition.

    `learn` is called when a record names a chunk or vehicle type that is not known: it should
    read the fleet topic to its end.
    """

    def __init__(
        self,
        registry: Registry,
        latest: Latest,
        raw_max_satellites: int,
        learn: Callable[[], None] = lambda: None,
    ) -> None:
        self.registry = registry
        self.latest = latest
        self.raw_max_satellites = raw_max_satellites
        self.learn = learn
        self.pending = Pending()
        self.counts: Counter[str] = Counter()
        self.marks: dict[Place, Mark] = {}  # what the next commit will say
        self._rollups: dict[Key, ChunkRollup] = {}
        self._homes: dict[Place, set[Key]] = {}  # chunks that a partition carries
        self._stored: dict[Place, Stored] = {}  # at the start
        self._read_to: dict[Place, int] = {}  # next offset to take
        self._latest_from: dict[Place, int] = {}  # offset from which `latest` is to be fed
        self._replay_source: dict[Place, Source | None] = {}

    # --- where to begin --------------------------------------------------------------------

    def resume(self, stored: Mapping[Place, Stored], saved: Mapping[Place, Mark]) -> None:
        """Begin where the database ended; `saved` are the marks of the snapshot of `latest`."""
        for at, told in stored.items():
            self._stored[at] = told
            self.marks[at] = told.mark
            start = told.window_offset
            mark = saved.get(at)
            # A snapshot ahead of the database is of a database put back to an older copy.
            if mark is not None and mark.next_offset <= told.mark.next_offset:
                self._latest_from[at] = mark.next_offset
                if mark.next_offset <= start:
                    start, self._replay_source[at] = mark.next_offset, mark.source
            self._read_to[at] = start

    def start_offsets(self) -> dict[Place, int]:
        """Where to read each partition from; one that is not named, from its beginning."""
        return dict(self._read_to)

    def skip_to(self, at: Place, offset: int, now_us: int) -> int:
        """Records below `offset` are gone from the log; returns how many were never stored.

        The next commit stores an event that says so, and that reading goes on from `offset`.
        """
        self._read_to[at] = max(offset, self._read_to.get(at, 0))
        mark = self.marks.get(at, Mark(0, None))
        lost = offset - mark.next_offset
        if lost <= 0:
            return 0
        text = f"{at[0]}/{at[1]}: {lost} records were deleted before they were stored"
        self.pending.events.append((_hole(at[1], offset - 1, now_us, text), None))
        self.pending.records += 1
        self.marks[at] = Mark(offset, mark.source)
        self.counts["records_lost"] += lost
        return lost

    def is_replaying(self) -> bool:
        """Whether records that were stored before a start are still being read again."""
        return any(self._replays(at) for at in self._stored)

    def _replays(self, at: Place) -> bool:
        told = self._stored.get(at)
        return told is not None and self._read_to[at] < told.mark.next_offset

    def window_offset(self, at: Place) -> int:
        """The oldest record that an open window of the partition's chunks needs."""
        if self._replays(at):
            return self._stored[at].window_offset
        rollups = (self._rollups.get(key) for key in self._homes.get(at, ()))
        found = [rollup.oldest_offset() for rollup in rollups if rollup is not None]
        return min((o for o in found if o is not None), default=self.marks[at].next_offset)

    def follow_registry(self) -> None:
        """Chunks changed: close the windows of those that are no more."""
        for key, rollup in list(self._rollups.items()):
            if self.registry.chunks.get(key) is not rollup.chunk:
                self._close(key, rollup, archive=True)
                del self._rollups[key]
        self.latest.register()

    # --- taking records --------------------------------------------------------------------

    def take(self, record: Record) -> None:
        """Take one record. What cannot be read is counted and passed over."""
        at = (record.topic, record.partition)
        if record.offset < self._read_to.get(at, 0):
            return
        archive = at not in self._stored or record.offset >= self._stored[at].mark.next_offset
        mark = self.marks.get(at, Mark(0, None))
        before = mark.source if archive else self._replay_source.get(at)
        source: Source | None = None
        try:
            if record.topic == STATE.name:
                source = self._take_state(record, before, archive)
            elif record.topic == EVENTS.name and archive:
                source = self._take_events(record, before)
            elif record.topic == DEAD_LETTERS.name and archive:
                self.pending.letters.append(_letter(record))
                self.counts["dead_letters"] += 1
        except FrameError as error:
            self.refuse(record.topic, error)
        self._read_to[at] = record.offset + 1
        if archive:
            self.marks[at] = Mark(record.offset + 1, source or mark.source)
            self.pending.records += 1
        elif source is not None:
            self._replay_source[at] = source

    def _take_state(self, record: Record, before: Source | None, archive: bool) -> Source | None:
        frame = self._decode(record.value)
        source = _source(frame.extra)
        if _is_repeated(source, before):
            self.counts["records_repeated"] += archive
            return None
        chunk = self._chunk(frame)
        t_append_us = int(frame.extra.get("t_append_us") or record.t_us)
        if frame.packet in records.COMPUTED:
            if archive:
                self.pending.computed.add(chunk, frame)
            return source
        key = (frame.fleet, frame.chunk)
        at = (record.topic, record.partition)
        self._close_idle(at, t_append_us, archive)
        touch = archive or record.offset >= self._latest_from.get(at, 0)
        found = list(place(frame, chunk))
        for rows in found:
            self._feed(key, chunk, rows, record.offset, t_append_us, archive, touch)
        self._homes.setdefault(at, set()).add(key)
        if archive and frame.packet != TICK:
            self.pending.frames.append((frame, source, t_append_us))
            if chunk.size <= self.raw_max_satellites:
                self.pending.keep_raw(chunk, found)
            self.counts["rows_stored"] += frame.rows
            self.counts["rows_duplicated"] += int(frame.extra.get("rows_duplicate") or 0)
        return source

    def _feed(
        self,
        key: Key,
        chunk: Chunk,
        rows: Rows,
        offset: int,
        t_append_us: int,
        archive: bool,
        touch: bool,
    ) -> None:
        """Windows first: what a row closes is told from the state before it."""
        rows = rows.on_time()
        if not len(rows):
            return
        if not rows.is_tick:
            rollup = self._rollups.get(key)
            if rollup is None:
                rollup = self._rollups[key] = ChunkRollup(chunk)
            clock_us = int(rows.t_event_us.max())
            if rollup.passes(clock_us):
                ends_minute = rollup.ends_minute(clock_us)
                self._end_second(key, rollup, archive, ends_minute)
                if ends_minute:
                    silent = clock_us // MINUTE_US * MINUTE_US - SILENT_MINUTES * MINUTE_US
                    where = rollup.minutes.open_before(silent + MINUTE_US)
                    self._keep_minutes(chunk, rollup.minutes.close(where), archive)
            rollup.hear(rows, offset, t_append_us)
            if rows.derived is not None:
                self._keep_minutes(chunk, rollup.minutes.add(rows, offset), archive)
        if touch:
            self.latest.apply(key, rows, t_append_us)

    def _end_second(self, key: Key, rollup: ChunkRollup, archive: bool, ends_minute: bool) -> None:
        if archive:
            state = self.latest.states[key]
            made = group_rows(
                rollup.groups,
                rollup.second_us,
                derived=state.derived,
                severity=state.severity,
                flags=state.flags,
                known=state.known,
                reporting=rollup.reporting,
            )
            self.pending.seconds.append((rollup.chunk, rollup.groups, made))
        rollup.end_second()
        if ends_minute:
            minute_us = rollup.end_minute()
            if archive:
                self.pending.fleet_minutes.append((minute_us, *key))

    def _keep_minutes(self, chunk: Chunk, closed: MinuteRows | None, archive: bool) -> None:
        if closed is not None and archive:
            self.pending.minutes.append((chunk, closed))

    def _close(self, key: Key, rollup: ChunkRollup, archive: bool) -> None:
        """Close every window of a chunk."""
        if rollup.is_open:
            self._end_second(key, rollup, archive, ends_minute=True)
        where = np.flatnonzero(rollup.minutes.samples)
        self._keep_minutes(rollup.chunk, rollup.minutes.close(where), archive)

    def _close_idle(self, at: Place, t_append_us: int, archive: bool) -> None:
        for key in self._homes.get(at, ()):
            rollup = self._rollups.get(key)
            if rollup and rollup.is_open and t_append_us - rollup.t_append_us > IDLE_US:
                self._close(key, rollup, archive)

    def _take_events(self, record: Record, before: Source | None) -> Source | None:
        batch: EventBatch = records.decode_events(record.value)
        if _is_repeated(batch.source, before):
            self.counts["records_repeated"] += 1
            return None
        key = (batch.fleet, batch.chunk)
        if key not in self.registry.chunks:
            self.learn()
        if batch.events.num_rows:
            self.pending.events.append((batch, self.registry.chunks.get(key)))
            self.counts["events_stored"] += batch.events.num_rows
        return batch.source

    def _decode(self, value: bytes) -> Frame:
        try:
            return contract.decode(value, self.registry.columns)
        except FrameError as error:
            if error.reason not in ("unknown_vehicle", "unknown_packet"):
                raise
        self.learn()
        return contract.decode(value, self.registry.columns)

    def _chunk(self, frame: Frame) -> Chunk:
        key = (frame.fleet, frame.chunk)
        if key not in self.registry.chunks:
            self.learn()
        chunk = self.registry.chunks.get(key)
        if chunk is None or chunk.vehicle.name != frame.vehicle:
            raise FrameError(
                "unknown_chunk", f"the fleet topic tells of no chunk {key} of {frame.vehicle}"
            )
        return chunk

    def refuse(self, topic: str, error: FrameError) -> None:
        if not self.counts["records_refused"]:
            log.warning("record passed over", topic=topic, reason=error.reason, why=error.message)
        self.counts["records_refused"] += 1


def _is_repeated(source: Source, before: Source | None) -> bool:
    return before is not None and source.partition == before.partition and source <= before


def _source(extra: Mapping[str, object]) -> Source:
    try:
        numbers: Any = extra["source"]
        partition, offset, part = numbers
        return Source(int(partition), int(offset), int(part))
    except (KeyError, TypeError, ValueError):
        raise FrameError("wrong_schema", "a state record names its source") from None


def _hole(partition: int, offset: int, t_us: int, message: str) -> EventBatch:
    row = {
        "t_event_us": t_us,
        "kind": "hole",
        "state": "noted",
        "severity": SEVERITIES.index("warning"),
        "severity_before": 0,
        "message": message,
    }
    events = pa.RecordBatch.from_pylist([row], schema=records.EVENT_SCHEMA)
    return EventBatch("", "", -1, Source(partition, offset, -1), t_us, events)


def _letter(record: Record) -> Letter:
    """Tolerant: a letter that lacks a header is a letter still."""
    said = {name: value.decode(errors="replace") for name, value in record.headers if value}

    def number(name: str, default: int) -> int:
        return int(said[name]) if said.get(name, "").lstrip("-").isdigit() else default

    return Letter(
        record.t_us,
        said.get("reason", "unknown"),
        said.get("message", ""),
        said.get("topic", ""),
        number("partition", -1),
        number("offset", -1),
        number("part", -1),
        number("rows", 0),
        said.get("kept") == "1",
        number("length", len(record.value)),
        said.get("sha256", ""),
    )
