"""The state of one chunk: dense arrays, a row a satellite.

It is what the log up to `seen` says, and nothing else: no wall clock, no order of arrival. The
newest values are those of the row with the greatest (event time, sequence number); the history
masks (see limits.py) are set by sequence number. So any order of the same rows, within 16
sequence numbers, gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from orbitwin.catalogue import Vehicle
from orbitwin.fleet import Chunk
from processors.limits import checks_of
from processors.model import model
from processors.model.model import ModelState
from processors.packet import PacketState
from processors.selection import Rows


@dataclass
class ChunkState:
    """State of a chunk. `seen` is the offset of the last record that it holds.

    `severity[column]` (uint8) is of each watched column, `derived[column]` the codes and `flags`
    (orbitwin.records.Flag) those of the newest row of the primary packet.
    """

    chunk: Chunk
    seen: int
    packets: dict[str, PacketState]
    derived: dict[str, np.ndarray]
    severity: dict[str, np.ndarray]
    flags: np.ndarray
    model: ModelState | None = None  # from the first row on, if the vehicle type has one
    forecast_slot: int = -1  # which forecast was the last, see forecasts
    snapshot_slot: int = field(default=-1, compare=False)  # which snapshot was the last, see worker

    @classmethod
    def empty(cls, chunk: Chunk, seen: int) -> ChunkState:
        vehicle, rows = chunk.vehicle, chunk.rows
        checks = checks_of(vehicle)
        return cls(
            chunk,
            seen,
            {n: PacketState.empty(p, checks, rows) for n, p in vehicle.packets.items()},
            {c.name: np.full(rows, c.missing, dtype=c.dtype) for c in vehicle.derived},
            {c.column.name: np.zeros(rows, dtype=np.uint8) for c in checks},
            np.zeros(rows, dtype=np.uint8),
        )

    @property
    def vehicle(self) -> Vehicle:
        return self.chunk.vehicle

    @cached_property
    def primary(self) -> PacketState:
        return self.packets[self.vehicle.primary.name]

    def arrays(self) -> dict[str, np.ndarray]:
        """Every array by a unique name: what a snapshot holds."""
        found = {"flags": self.flags}
        found |= {f"derived/{n}": a for n, a in self.derived.items()}
        found |= {f"severity/{n}": a for n, a in self.severity.items()}
        for packet, state in self.packets.items():
            found |= {f"{packet}/{n}": a for n, a in state.arrays()}
        if self.model is not None:
            found |= dict(self.model.arrays())
        return found

    def worst(self, rows: Rows) -> np.ndarray:
        """Worst severity of each satellite over all columns of all packets (uint8)."""
        worst = np.zeros(len(self.flags[rows]), dtype=np.uint8)
        for severity in self.severity.values():
            np.maximum(worst, severity[rows], out=worst)
        return worst


def restored(
    chunk: Chunk, seen: int, sat_id: np.ndarray, arrays: dict[str, np.ndarray]
) -> ChunkState:
    """The state of a chunk from arrays of the satellites `sat_id`, by name as `arrays()` gives.

    Satellites that are new to the chunk start empty, those that left it are dropped, and arrays
    that do not fit (the vehicle type changed) are passed over.
    """
    state = ChunkState.empty(chunk, seen)
    state.model = model.shaped_as(chunk, arrays)
    same = np.array_equal(sat_id, chunk.sat_id)
    rows = np.arange(len(sat_id)) if same else chunk.rows_of(sat_id)
    stays = rows >= 0
    for name, target in state.arrays().items():
        source = arrays.get(name)
        if source is not None and source.dtype == target.dtype:
            target[rows[stays]] = source[stays]
    return state
