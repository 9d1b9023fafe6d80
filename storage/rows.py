"""Rows of a state record, placed in their chunk: what rollups and the newest state take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from orbitwin.catalogue import DERIVED, Vehicle
from orbitwin.contract import TICK, Frame, FrameError
from orbitwin.fleet import Chunk
from orbitwin.records import Flag

STATES = len(DERIVED)
MISSING = np.iinfo(np.int32).min
"""The one code for "no value" in stacked derived states, whatever type each travels as."""


def stack(vehicle: Vehicle, codes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Derived states as one int32 array of codes, shape (STATES, rows); MISSING where none."""
    columns = vehicle.derived
    made = np.empty((len(columns), len(codes[columns[0].name])), dtype=np.int32)
    for row, column in zip(made, columns, strict=True):
        found = codes[column.name]
        row[:] = found
        if column.missing != MISSING:
            row[found == column.missing] = MISSING
    return made


@dataclass(frozen=True)
class Rows:
    """Rows of one record; all arrays of shape (rows,), `derived` (STATES, rows) or None.

    `at` are rows of the chunk: a slice for a frame of consecutive satellites, indices otherwise;
    no satellite stands in it twice.
    """

    packet: str
    at: slice | np.ndarray
    t_event_us: np.ndarray
    seq: np.ndarray
    severity: np.ndarray
    flags: np.ndarray
    derived: np.ndarray | None
    measured: Mapping[str, np.ndarray]

    @property
    def is_tick(self) -> bool:
        return self.packet == TICK

    def __len__(self) -> int:
        return len(self.t_event_us)

    def take(self, keep: np.ndarray) -> Rows:
        """Only the rows where `keep` is true."""
        if keep.all():
            return self
        at = np.arange(self.at.start, self.at.stop) if isinstance(self.at, slice) else self.at
        return Rows(
            self.packet,
            at[keep],
            self.t_event_us[keep],
            self.seq[keep],
            self.severity[keep],
            self.flags[keep],
            None if self.derived is None else self.derived[:, keep],
            {name: codes[keep] for name, codes in self.measured.items()},
        )

    def on_time(self) -> Rows:
        """Without the rows that are older than what their satellite sent before."""
        return self.take((self.flags & Flag.LATE) == 0)


def place(frame: Frame, chunk: Chunk) -> Iterator[Rows]:
    """The rows of a state record by their place in the chunk; unknown satellites are left out.

    A satellite that stands in the frame twice makes a second Rows, in the frame's order.
    Raises FrameError where the rows are not in the chunk.
    """
    at = where(frame, chunk)
    measured = frame.extra.get("measured", True) and frame.packet != TICK
    names = [c.name for c in chunk.vehicle.columns_of(frame.packet)] if measured else []
    rows = Rows(
        frame.packet,
        at,
        frame.t_event(),
        frame.seqs(),
        frame.codes["severity"],
        frame.codes["flags"],
        stack(chunk.vehicle, frame.codes) if frame.extra.get("derived", True) else None,
        {name: frame.codes[name] for name in names},
    )
    if isinstance(at, slice):
        yield rows
        return
    turn = _turns(at)
    for number in range(int(turn.max(initial=-1)) + 1):
        yield rows.take((turn == number) & (at >= 0))


def where(frame: Frame, chunk: Chunk) -> slice | np.ndarray:
    """Rows of the chunk that a frame is of, -1 for an unknown satellite; FrameError."""
    if frame.sat_id is not None:
        return chunk.rows_of(frame.sat_id)
    if frame.row0 + frame.rows > chunk.rows:
        raise FrameError(
            "wrong_rows",
            f"rows {frame.row0}..{frame.row0 + frame.rows} of chunk {chunk.number}, which "
            f"has {chunk.rows}",
        )
    return slice(frame.row0, frame.row0 + frame.rows)


def _turns(at: np.ndarray) -> np.ndarray:
    """For each element, how many equal ones stand before it."""
    order = np.argsort(at, kind="stable")
    ordered = at[order]
    fresh = np.ones(len(at), dtype=bool)
    fresh[1:] = ordered[1:] != ordered[:-1]
    if fresh.all():
        return np.zeros(len(at), dtype=np.int64)
    first = np.flatnonzero(fresh)
    turn = np.empty(len(at), dtype=np.int64)
    turn[order] = np.arange(len(at)) - np.repeat(first, np.diff(np.append(first, len(at))))
    return turn
