"""Which rows and values of a frame can be taken; the others become dead letters.

A row that cannot be taken (an unknown satellite, a time ahead of the clock, one that a model
fails on) leaves its frame for the dead letters; a value that cannot be true becomes missing and
its row goes on. The rest of the frame is not the worse for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from orbitwin.catalogue import Vehicle
from orbitwin.contract import Frame
from orbitwin.fleet import Chunk
from orbitwin.records import Flag
from processors.batch import Batch
from processors.derived.columns import Derived, isolate
from processors.events import Events
from processors.letters import Letters
from processors.packet import PacketState
from processors.record import Record, Rules
from processors.selection import Rows, indices
from processors.state import ChunkState

Constants = Mapping[str, float | np.ndarray]
Deriver = Callable[[Vehicle, Constants, Mapping[str, np.ndarray], int], Derived]

MOST_US = 2**62  # beyond it, differences of times or sequence numbers would overflow


@dataclass
class Admission:
    """One frame's way in. Of the state only the clock flag changes."""

    state: ChunkState
    frame: Frame
    record: Record
    rules: Rules
    letters: Letters
    events: Events
    dead: int = 0  # rows that left for the dead letters
    bad_values: int = 0  # rows with a value that became missing

    @property
    def chunk(self) -> Chunk:
        return self.state.chunk

    @property
    def packet(self) -> PacketState:
        return self.state.packets[self.frame.packet]

    def admit(self, derive: Deriver) -> Batch:
        """The rows that can be taken, with their derived states."""
        batch = self._known(self.frame)
        batch = self._in_time(batch)
        self._validate(batch)
        return self._derived(batch, derive)

    def _known(self, frame: Frame) -> Batch:
        """The rows of satellites that the chunk holds; the others become a letter."""
        rows: Rows = slice(frame.row0, frame.row0 + frame.rows)
        if frame.sat_id is not None:
            rows = self.chunk.rows_of(frame.sat_id)
        batch = Batch(
            frame,
            np.arange(frame.rows),
            rows,
            frame.t_event(),
            frame.seqs(),
            dict(frame.codes),
            {},
        )
        if isinstance(rows, slice):
            return batch
        return self._without(
            batch, rows < 0, "unknown_satellite", "satellites that are not in the registry"
        )

    def _in_time(self, batch: Batch) -> Batch:
        """The rows whose time can be; those ahead of the clock flag their satellite."""
        wrong = (batch.t_event_us < 0) | (batch.seq < 0) | (batch.seq > MOST_US)
        batch = self._without(batch, wrong, "wrong_time", "a negative time or sequence number")
        clock = self.chunk.clock
        tolerance_us = self.rules.future_tolerance_s * 1e6 * max(1.0, clock.rate)
        latest_us = clock.now_us(self.record.t_append_us) + int(tolerance_us)
        ahead = batch.t_event_us > latest_us
        if ahead.any():
            rows = np.unique(indices(batch.rows)[ahead])
            rows = rows[(self.state.flags[rows] & Flag.CLOCK) == 0]
            self.state.flags[rows] |= np.uint8(Flag.CLOCK)
            self.events.add_flag(
                "clock",
                self.chunk.sat_id[rows],
                self.packet.t_event_us[rows],
                "raised",
                "event time is ahead of the clock",
            )
        return self._without(batch, ahead, "future", "event times ahead of the clock")

    def _validate(self, batch: Batch) -> None:
        """Values outside their valid range become missing; the originals go into a letter."""
        for column in self.packet.packet.columns:
            codes = batch.codes[column.name]
            low, high = column.code_range
            if not len(codes) or (codes.min() >= low and codes.max() <= high):
                continue
            wrong = ~((codes >= low) & (codes <= high)) & ~column.is_missing(codes)
            if wrong.any():
                batch.invalid[column.name] = wrong
        if not batch.invalid:
            return
        some = np.flatnonzero(np.logical_or.reduce(list(batch.invalid.values())))
        self.bad_values = len(some)
        names = ", ".join(batch.invalid)
        message = f"values outside their range: {names}"
        self.letters.add(batch.origin[some], "invalid", message, kept=True)
        for name, wrong in batch.invalid.items():
            column = self.packet.packet.by_name[name]
            batch.codes[name] = np.where(
                wrong, column.dtype.type(column.missing), batch.codes[name]
            )

    def _derived(self, batch: Batch, derive: Deriver) -> Batch:
        """Add the derived states; rows on which a model fails become a letter."""
        if self.packet is not self.state.primary:
            sunlit = (self.state.flags[batch.rows] & Flag.SUNLIT) != 0
            batch.derived = Derived({}, sunlit.astype(np.int8))
            return batch

        def work(index: np.ndarray | None) -> Derived:
            codes, of = batch.codes, batch.rows
            if index is not None:
                codes = {name: c[index] for name, c in codes.items()}
                of = indices(of)[index]
            rows = len(batch) if index is None else len(index)
            return derive(self.state.vehicle, self.chunk.constants_of(of), codes, rows)

        found, kept, error = isolate(len(batch), work)
        if kept is not None:
            bad = np.ones(len(batch), dtype=bool)
            bad[kept] = False
            batch = self._without(batch, bad, "poison", error)
        batch.derived = found
        return batch

    def _without(self, batch: Batch, bad: np.ndarray, reason: str, message: str) -> Batch:
        if not bad.any():
            return batch
        some = np.flatnonzero(bad)
        self.dead += len(some)
        self.letters.add(batch.origin[some], reason, message, kept=False)
        return batch.pick(np.flatnonzero(~bad))
