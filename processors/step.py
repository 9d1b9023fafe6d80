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
from processors import rows, staleness
from processors.derive import derive
from processors.events import SEVERITY_OF, Events
from processors.letters import letter
from processors.record import Counts, Output, Record, Rules
from processors.registry import Registry
from processors.rows import Deriver
from processors.snapshot import fingerprint
from processors.state import ChunkState, restored

UNREGISTERED = ("unknown_vehicle", "unknown_packet", "unknown_chunk", "unknown_row")
"""Reasons that a newer record of the fleet topic may take away."""


@dataclass
class PartitionState:
    """The chunks of one partition, by key and in its order, up to the offset `applied`."""

    partition: int
    applied: int
    chunks: dict[bytes, ChunkState] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What follows from a record: what to publish, in this order, and counts."""

    outputs: list[Output]
    counts: Counts


def needs_newer_registry(record: Record, state: PartitionState, registry: Registry) -> bool:
    """Whether a frame names what the registry does not know (yet).

    The fleet topic is another log: its record may have been written before the frame and read
    after it. Whoever applies the frame first reads that topic to its end.
    """
    if record.headers.get("packet") == TICK.encode():
        return False
    try:
        _frame(record, state, registry)
    except FrameError as error:
        return error.reason in UNREGISTERED
    return False


def apply(
    state: PartitionState,
    record: Record,
    registry: Registry,
    rules: Rules,
    derive: Deriver = derive,
) -> Outcome:
    """Apply the next record of a partition's log; changes `state`. Never raises.

    `record.offset` must be above `state.applied`. `derive` is a seam for tests of faults.
    """
    if record.headers.get("packet") == TICK.encode():
        outcome = _tick(state, record, rules)
    else:
        outcome = _telemetry(state, record, registry, rules, derive)
    state.applied = record.offset
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
    return outcome


def _telemetry(
    state: PartitionState, record: Record, registry: Registry, rules: Rules, derive: Deriver
) -> Outcome:
    counts = Counts(frames=1)
    dead = 0
    try:
        frame, chunk = _frame(record, state, registry)
        dead = frame.rows
        if record.offset <= chunk.seen:
            return Outcome([], Counts(records_seen_before=1))
        outputs = rows.take(chunk, frame, record, rules, counts, derive)
        return Outcome(outputs, counts)
    except FrameError as error:
        reason, message = error.reason, error.message
    except Exception as error:
        # Not known to happen; but a record must never end the worker, nor be lost in silence.
        reason, message = "poison", f"{type(error).__name__}: {error}"
    counts = Counts(frames=1, rows_dead=dead)
    return Outcome([letter(record, reason, message, record.value, rows=dead)], counts)


def _frame(
    record: Record, state: PartitionState, registry: Registry
) -> tuple[contract.Frame, ChunkState]:
    frame = contract.decode(record.value, registry.columns_of(record.key))
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
    if record.key != frame.key:
        raise FrameError("wrong_schema", f"the record's key is {record.key!r}, not {frame.key!r}")
    if frame.sat_id is None and frame.row0 + frame.rows > chunk.chunk.rows:
        raise FrameError(
            "unknown_row",
            f"rows {frame.row0}..{frame.row0 + frame.rows - 1} of a chunk of {chunk.chunk.rows}",
        )
    return frame, chunk


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
