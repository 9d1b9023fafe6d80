"""One record of the log to what follows from it: the heart of the processor.

Processing is a pure function of the log. Records of a partition are applied in the order of
their offsets; time is the broker's time stamp on each (LogAppendTime); nothing looks at the wall
clock. The same log therefore gives the same records byte for byte, however often a worker had to
start again in between, and a reader can tell by its source what it has had.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from orbitwin import contract, topics
from orbitwin.contract import TICK, FrameError
from orbitwin.fleet import Chunk
from orbitwin.records import Source
from processors import staleness
from processors.admission import Deriver
from processors.derived.columns import derive
from processors.events import SEVERITY_OF, Events
from processors.forecast import schedule as forecasts
from processors.letters import letter
from processors.record import Counts, Output, Record, Rules
from processors.registry import Registry
from processors.rows import take
from processors.snapshot import fingerprint
from processors.state import ChunkState, restored

UNREGISTERED = ("unknown_vehicle", "unknown_packet", "unknown_chunk", "unknown_row")
"""Reasons that a newer record of the fleet topic may take away."""


@dataclass
class PartitionState:
    """The chunks of one partition, by key and in its order, up to the offset `applied`.

    `now_us` is the log's own time: that of the newest record applied (UTC us).
    """

    partition: int
    applied: int
    now_us: int = 0
    chunks: dict[bytes, ChunkState] = field(default_factory=dict)
    snapshot_slot: int = -1


@dataclass(frozen=True)
class Outcome:
    """What follows from a record: what to publish, in this order, and counts."""

    outputs: list[Output]
    counts: Counts


def read(
    state: PartitionState, record: Record, registry: Registry
) -> contract.Frame | FrameError | None:
    """What a record holds: a frame, the reason why it is none, or None for a tick.

    A reason of UNREGISTERED may have gone once the fleet topic is read to its end: that is
    another log, and its record may have been written before the frame and be read after it.
    """
    if record.headers.get("packet") == TICK.encode():
        return None
    try:
        return _frame(state, record, registry)
    except FrameError as error:
        return error


def apply(
    state: PartitionState,
    record: Record,
    found: contract.Frame | FrameError | None,
    rules: Rules,
    derive: Deriver = derive,
) -> Outcome:
    """Apply the next record of a partition's log, as `read` found it; changes `state`.

    `record.offset` must be above `state.applied`. Never raises: what cannot be applied becomes
    a dead letter. `derive` is a seam for tests of faults.
    """
    if found is None:
        outcome = _tick(state, record, rules)
    else:
        outcome = _telemetry(state, record, found, rules, derive)
    state.applied = record.offset
    state.now_us = max(state.now_us, record.t_append_us)
    for chunk in state.chunks.values():
        chunk.seen = max(chunk.seen, record.offset)
    outcome.counts.dead_letters = sum(o.topic == topics.DEAD_LETTERS.name for o in outcome.outputs)
    return outcome


def _tick(state: PartitionState, record: Record, rules: Rules) -> Outcome:
    outcome = Outcome([], Counts(ticks=1))
    for part, (key, chunk) in enumerate(state.chunks.items()):
        if record.offset > chunk.seen:
            source = Source(record.partition, record.offset, part)
            outcome.outputs.extend(
                staleness.tick(chunk, key, record.t_append_us, source, rules, outcome.counts)
            )
    for part, (key, chunk) in enumerate(state.chunks.items(), len(state.chunks)):
        if record.offset > chunk.seen:
            source = Source(record.partition, record.offset, part)
            outcome.outputs.extend(forecasts.tick(chunk, key, record.t_append_us, source, rules))
    return outcome


def _telemetry(
    state: PartitionState,
    record: Record,
    found: contract.Frame | FrameError,
    rules: Rules,
    derive: Deriver,
) -> Outcome:
    if isinstance(found, FrameError):
        dead = letter(record, found.reason, found.message, record.value, rows=0)
        return Outcome([dead], Counts(frames=1))
    chunk = state.chunks[found.key]
    if record.offset <= chunk.seen:
        return Outcome([], Counts(records_seen_before=1))
    counts = Counts(frames=1)
    try:
        outputs = take(chunk, found, record, rules, counts, derive)
        return Outcome(outputs, counts)
    except Exception as error:
        # Not known to happen; but a record must never end the worker, nor be lost in silence.
        message = f"{type(error).__name__}: {error}"
        dead = letter(record, "poison", message, record.value, rows=found.rows)
        return Outcome([dead], Counts(frames=1, rows_dead=found.rows))


def _frame(state: PartitionState, record: Record, registry: Registry) -> contract.Frame:
    frame = contract.decode(record.value, registry.columns_of(record.key))
    if record.key != frame.key:
        raise FrameError("wrong_schema", f"the record's key is {record.key!r}, not {frame.key!r}")
    known = registry.chunks.get(frame.key)
    if known is None:
        raise FrameError("unknown_chunk", f"no chunk {frame.key.decode()} has been registered")
    if known.vehicle.name != frame.vehicle:
        raise FrameError(
            "unknown_vehicle",
            f"{frame.key.decode()} flies {known.vehicle.name}, not {frame.vehicle}",
        )
    chunk = state.chunks.get(frame.key)
    if chunk is None:
        raise FrameError(
            "wrong_partition",
            f"{frame.key.decode()} does not belong to partition {record.partition}",
        )
    if frame.sat_id is None and frame.row0 + frame.rows > chunk.chunk.rows:
        raise FrameError(
            "unknown_row",
            f"rows {frame.row0}..{frame.row0 + frame.rows - 1} of a chunk of {chunk.chunk.rows}",
        )
    return frame


def hole(state: PartitionState, first: int, last: int, t_append_us: int) -> Output:
    """The event that says that offsets `first`..`last` are gone; moves `state` past them."""
    events = Events()
    events.add(
        "hole",
        None,
        np.array([t_append_us]),
        state="noted",
        severity=SEVERITY_OF["hole"],
        before=0,
        message=f"{topics.TELEMETRY.name}/{state.partition}: the log no longer holds offsets "
        f"{first}..{last}",
    )
    source = Source(state.partition, last, 0)
    state.applied = last
    return Output(topics.EVENTS.name, b"", events.encode("", "", -1, source, t_append_us), [])


def adopt(state: PartitionState, chunks: dict[bytes, Chunk]) -> list[bytes]:
    """Follow the registry: which chunks the partition carries. Gives the keys that are new.

    A chunk whose description changed keeps the rows of the satellites that stay.
    """
    new = []
    current = {}
    for key, chunk in chunks.items():
        old = state.chunks.get(key)
        if old is None:
            current[key] = ChunkState.empty(chunk, state.applied)
            new.append(key)
        elif old.chunk is chunk:
            current[key] = old
        elif fingerprint(old.chunk) != fingerprint(chunk):
            current[key] = ChunkState.empty(chunk, old.seen)
        elif (old.chunk.sat_id.shape == chunk.sat_id.shape) and (
            old.chunk.sat_id == chunk.sat_id
        ).all():
            current[key] = replace(old, chunk=chunk)
        else:
            current[key] = restored(chunk, old.seen, old.chunk.sat_id, old.arrays())
    state.chunks = current
    return new
