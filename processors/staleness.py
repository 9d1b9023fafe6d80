"""Staleness: satellites that are not heard of, on the clock of the log."""

from __future__ import annotations

import numpy as np

from orbitwin import contract, topics
from orbitwin.contract import TICK, Frame
from orbitwin.fleet import Chunk
from orbitwin.records import FLAGS, SEVERITY, Flag, Source, extra_of, state_columns
from processors.events import NORMAL, SEVERITY_OF, Events
from processors.packet import NEVER
from processors.record import Counts, Output, Rules
from processors.state import ChunkState

LEAST_US = 2_000_000
"""A satellite is not stale before this, however short its period: ticks come once a second."""


def stale_after_us(chunk: Chunk, packet: str, rules: Rules) -> int:
    """How long (wall clock, us) a satellite may be silent before it is stale."""
    period_us = chunk.period_s[packet] / chunk.clock.rate * 1e6
    return max(LEAST_US, int(rules.stale_after_periods * period_us))


def tick(
    state: ChunkState, key: bytes, t_append_us: int, source: Source, rules: Rules, counts: Counts
) -> list[Output]:
    """Mark the satellites that have become stale at `t_append_us`; changes `state`.

    Publishes a `tick` state record of those satellites and their events, or nothing.
    """
    primary = state.primary
    heard = primary.seq != NEVER
    overdue = t_append_us - primary.t_received_us > stale_after_us(
        state.chunk, primary.packet.name, rules
    )
    stale = np.flatnonzero(heard & overdue & ((state.flags & Flag.STALE) == 0))
    if not len(stale):
        return []
    state.flags[stale] |= np.uint8(Flag.STALE)
    outputs = [_record(state, key, stale, source, t_append_us)]
    events = Events()
    events.add(
        "stale",
        state.chunk.sat_id[stale],
        primary.t_event_us[stale],
        state="raised",
        severity=SEVERITY_OF["stale"],
        before=NORMAL,
        message=f"no {primary.packet.name} packet for "
        f"{stale_after_us(state.chunk, primary.packet.name, rules) / 1e6:g} s",
    )
    counts.events += len(events)
    value = events.encode(
        state.chunk.fleet, state.vehicle.name, state.chunk.number, source, t_append_us
    )
    outputs.append(Output(topics.EVENTS.name, key, value, []))
    return outputs


def _record(
    state: ChunkState, key: bytes, rows: np.ndarray, source: Source, t_append_us: int
) -> Output:
    chunk, primary = state.chunk, state.primary
    codes = {name: codes[rows] for name, codes in state.derived.items()}
    codes[SEVERITY.name] = state.worst(rows)
    codes[FLAGS.name] = state.flags[rows]
    t_event_us, seq = primary.t_event_us[rows], primary.seq[rows]
    frame = Frame(
        chunk.fleet,
        chunk.vehicle.name,
        TICK,
        chunk.number,
        0,
        len(rows),
        int(t_event_us.max()),
        int(seq.max()),
        int(t_event_us.max()),
        codes,
        chunk.sat_id[rows],
        t_event_us,
        seq,
        extra_of(source, t_append_us, derived=True),
    )
    value = contract.encode(frame, state_columns(chunk.vehicle, TICK))
    return Output(topics.STATE.name, key, value, contract.headers(frame))
