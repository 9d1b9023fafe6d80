"""What is known of one kind of packet of a chunk, and how new rows are placed and put into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from orbitwin.catalogue import Packet
from processors.limits import HISTORY, Check
from processors.selection import Rows, indices

NEVER = -1
"""Sequence number of a satellite that was not heard of."""


@dataclass
class PacketState:
    """What is known of one kind of packet: arrays of shape (rows,)."""

    packet: Packet
    checks: tuple[Check, ...]
    t_event_us: np.ndarray
    t_received_us: np.ndarray
    seq: np.ndarray
    known: np.ndarray
    codes: dict[str, np.ndarray]
    invalid: dict[str, np.ndarray]
    history: dict[int, np.ndarray]

    @classmethod
    def empty(cls, packet: Packet, checks: tuple[Check, ...], rows: int) -> PacketState:
        return cls(
            packet,
            tuple(c for c in checks if c.packet == packet.name),
            np.zeros(rows, dtype=np.int64),
            np.zeros(rows, dtype=np.int64),
            np.full(rows, NEVER, dtype=np.int64),
            np.zeros(rows, dtype=np.uint16),
            {c.name: np.full(rows, c.missing, dtype=c.dtype) for c in packet.columns},
            {c.name: np.zeros(rows, dtype=bool) for c in packet.columns},
            {c.number: np.zeros(rows, dtype=np.uint16) for c in checks if c.packet == packet.name},
        )

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        for name in ("t_event_us", "t_received_us", "seq", "known"):
            yield name, getattr(self, name)
        for name, array in self.codes.items():
            yield f"code/{name}", array
        for name, array in self.invalid.items():
            yield f"invalid/{name}", array
        for number, array in self.history.items():
            yield f"history/{number}", array


@dataclass(frozen=True)
class Placement:
    """How rows of a packet relate to the state (all of shape (N,)).

    `newer`: becomes the newest row; `late`: is older; `duplicate`: was seen. `step` is the
    number of sequence numbers from the newest row before (HISTORY where the history starts
    again, 0 for rows that are not newer), `back` the number of them behind it (late rows).
    `first`: the satellite's first row of this packet.
    """

    newer: np.ndarray
    late: np.ndarray
    duplicate: np.ndarray
    first: np.ndarray
    step: np.ndarray
    back: np.ndarray
    missed: int
    silence_us: np.ndarray


def place(state: PacketState, rows: Rows, t_event_us: np.ndarray, seq: np.ndarray) -> Placement:
    """Compare rows (distinct satellites) with the state; changes nothing."""
    newest_us, newest = state.t_event_us[rows], state.seq[rows]
    first = newest == NEVER
    newer = first | (t_event_us > newest_us) | ((t_event_us == newest_us) & (seq > newest))
    ahead = seq - newest
    step = np.where(newer, ahead, 0)
    step[newer & (first | (ahead <= 0) | (ahead > HISTORY))] = HISTORY
    back = -ahead
    if newer.all():
        seen = late = np.zeros(len(seq), dtype=bool)
    else:
        within = ~newer & (back >= 0) & (back < HISTORY)
        bit = np.left_shift(1, np.where(within, back, 0))
        seen = within & ((state.known[rows] & bit) != 0)
        late = ~newer & ~seen
    follows = newer & ~first
    silence_us = np.where(follows, t_event_us - newest_us, 0)
    missed = int(np.maximum(ahead - 1, 0)[follows].sum())
    return Placement(newer, late, seen, first, step, back, missed, silence_us)


def merge(
    state: PacketState,
    rows: Rows,
    placed: Placement,
    t_event_us: np.ndarray,
    seq: np.ndarray,
    t_received_us: int,
    codes: dict[str, np.ndarray],
    invalid: dict[str, np.ndarray],
    violations: dict[int, np.ndarray],
) -> None:
    """Put rows (distinct satellites) into a packet's state, as `place` found them to lie."""
    at: Rows = rows
    pick: Rows = slice(None)
    if not placed.newer.all():
        pick = np.flatnonzero(placed.newer)
        at = indices(rows)[pick]
    state.t_event_us[at] = t_event_us[pick]
    state.t_received_us[at] = t_received_us
    state.seq[at] = seq[pick]
    for name, values in codes.items():
        state.codes[name][at] = values[pick]
    for name, wrong in state.invalid.items():
        found = invalid.get(name)
        wrong[at] = False if found is None else found[pick]
    step = placed.step[pick].astype(np.uint32)
    state.known[at] = _shifted(state.known[at], step, 1)
    for number, history in state.history.items():
        history[at] = _shifted(history[at], step, violations[number][pick])
    filling = np.flatnonzero(placed.late & (placed.back > 0) & (placed.back < HISTORY))
    if len(filling):
        at, bit = indices(rows)[filling], np.uint16(1) << placed.back[filling].astype(np.uint16)
        state.known[at] |= bit
        for number, history in state.history.items():
            history[at] |= bit * violations[number][filling].astype(np.uint16)


def _shifted(mask: np.ndarray, step: np.ndarray, newest: np.ndarray | int) -> np.ndarray:
    return ((mask.astype(np.uint32) << step) | newest).astype(np.uint16)
