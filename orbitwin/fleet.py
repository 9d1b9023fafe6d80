"""A fleet: which satellites fly, in chunks of consecutive rows, and of which vehicle type.

Producers publish it to the fleet topic before their first frame; processors and the historian
learn from there who flies and how to read its packets, so that nothing else need be configured
the same on every host.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa

from orbitwin import catalogue
from orbitwin.contract import chunk_key
from orbitwin.errors import UsageError
from orbitwin.ipc import FrameError, pack, unpack
from orbitwin.trajectory import Trajectory, of_batch

MAX_CHUNK_ROWS = 16_384
MIN_CHUNK_ROWS = 1_024


@dataclass(frozen=True)
class Clock:
    """How event time runs against the wall clock.

    `live`: event time = `epoch_us` + `rate` x (wall - `wall_us`), so a time ahead of it is wrong.
    `recorded`: event times are those of a recording, played at `rate`; none is later than now,
    or than `epoch_us` where the recording was moved and ends in the future.
    """

    mode: Literal["live", "recorded"] = "live"
    epoch_us: int = 0
    wall_us: int = 0
    rate: float = 1.0

    def now_us(self, wall_us: int) -> int:
        """Latest event time at a wall-clock time (both UTC us)."""
        if self.mode == "recorded":
            return max(wall_us, self.epoch_us)
        return self.epoch_us + int((wall_us - self.wall_us) * self.rate)

    def wall_at_us(self, event_us: int) -> int:
        """Wall-clock time at which a live clock shows `event_us` (both UTC us)."""
        return self.wall_us + int((event_us - self.epoch_us) / self.rate)


@dataclass(frozen=True)
class Chunk:
    """Consecutive satellites of a fleet: rows 0..rows-1, all arrays of shape (rows,).

    `common` and `shell_constants` are nominal values, see `constants`. `spread` is how far a
    satellite's own values may lie from them: relative, one standard deviation. `own_noise` is
    that of this fleet's sensors, by parameter, where it is not the vehicle type's.
    """

    fleet: str
    number: int
    vehicle: catalogue.Vehicle
    period_s: Mapping[str, float]
    clock: Clock
    common: Mapping[str, float]
    size: int
    sat_id: np.ndarray
    name: list[str]
    shell: list[str]
    plane: np.ndarray
    slot: np.ndarray
    shell_constants: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    spread: Mapping[str, float] = field(default_factory=dict)
    ocv_v: tuple[float, ...] = ()
    trajectory: Trajectory | None = field(default=None, compare=False)
    own_noise: Mapping[str, float] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(self.sat_id)

    @property
    def key(self) -> bytes:
        return chunk_key(self.fleet, self.number)

    @cached_property
    def noise(self) -> dict[str, float]:
        """Standard deviation of each sensor's readings: the vehicle type's, or the fleet's own."""
        return {**self.vehicle.noise, **self.own_noise}

    @cached_property
    def constants(self) -> dict[str, float | np.ndarray]:
        """Nominal values by name: a number where all satellites share it, else float32 (rows,)."""
        own = [self.shell_constants.get(s, {}) for s in dict.fromkeys(self.shell)]
        found: dict[str, float | np.ndarray] = dict(self.common)
        for name in dict.fromkeys(n for values in own for n in values):
            values = [v.get(name, self.common.get(name, np.nan)) for v in own]
            if len(set(values)) == 1:
                found[name] = values[0]
            else:
                by_shell = dict(zip(dict.fromkeys(self.shell), values, strict=True))
                found[name] = np.array([by_shell[s] for s in self.shell], dtype=np.float32)
        return found

    def constants_of(self, rows: slice | np.ndarray) -> dict[str, float | np.ndarray]:
        """`constants` of some rows."""
        return {n: v[rows] if isinstance(v, np.ndarray) else v for n, v in self.constants.items()}

    @cached_property
    def _order(self) -> np.ndarray:
        return np.argsort(self.sat_id, kind="stable")

    def rows_of(self, sat_id: np.ndarray) -> np.ndarray:
        """Row of each satellite id (any shape), -1 where the chunk does not hold it."""
        if not self.rows:
            return np.full(len(sat_id), -1)
        at = np.searchsorted(self.sat_id, sat_id, sorter=self._order)
        row = self._order[np.minimum(at, self.rows - 1)]
        return np.where(self.sat_id[row] == sat_id, row, -1)


@dataclass(frozen=True)
class Fleet:
    """All satellites of one producer. `size` is their number; arrays have that length.

    `constants` are the nominal values that replace the vehicle's own, `shell_constants` those
    that hold in one shell; `period_s` the seconds between packets of each kind, in event time.
    What is nominal is known to everybody; what a producer knows better is its secret.
    """

    name: str
    vehicle: catalogue.Vehicle
    sat_id: np.ndarray
    sat_name: list[str]
    shell: list[str]
    plane: np.ndarray
    slot: np.ndarray
    chunk_rows: int
    clock: Clock = field(default_factory=Clock)
    constants: Mapping[str, float] = field(default_factory=dict)
    period_s: Mapping[str, float] = field(default_factory=dict)
    shell_constants: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    spread: Mapping[str, float] = field(default_factory=dict)
    ocv_v: tuple[float, ...] = ()
    trajectory: Trajectory | None = None
    noise: Mapping[str, float] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.sat_id)

    @cached_property
    def periods(self) -> dict[str, float]:
        """Seconds between packets of each kind: the vehicle's, unless the fleet has its own."""
        return {p.name: p.period_s for p in self.vehicle.packets.values()} | dict(self.period_s)

    def chunks(self) -> Iterator[Chunk]:
        """The chunks in order."""
        for number, low in enumerate(range(0, self.size, self.chunk_rows)):
            part = slice(low, min(low + self.chunk_rows, self.size))
            names = dict.fromkeys(self.shell[part])
            yield Chunk(
                self.name,
                number,
                self.vehicle,
                self.periods,
                self.clock,
                {**self.vehicle.constants, **self.constants},
                self.size,
                self.sat_id[part],
                self.sat_name[part],
                self.shell[part],
                self.plane[part],
                self.slot[part],
                {s: self.shell_constants[s] for s in names if s in self.shell_constants},
                self.spread,
                self.ocv_v,
                None if self.trajectory is None else self.trajectory.rows(part),
                self.noise,
            )


def chunk_rows_for(size: int, partitions: int) -> int:
    """Rows of a chunk: a chunk a partition, within 1,024..16,384 rows."""
    return max(MIN_CHUNK_ROWS, min(MAX_CHUNK_ROWS, -(-size // partitions)))


def partition_of(fleet: str, chunk: int, partitions: int) -> int:
    """The partition that carries a chunk: chunks of a fleet go round, fleets start apart."""
    return (sum(fleet.encode()) + chunk) % partitions


def encode(chunk: Chunk) -> bytes:
    """A chunk as a record of the fleet topic (Arrow IPC stream)."""
    meta = {
        "fleet": chunk.fleet,
        "chunk": chunk.number,
        "size": chunk.size,
        "vehicle": chunk.vehicle.name,
        "vehicle_toml": chunk.vehicle.text,
        "period_s": dict(chunk.period_s),
        "constants": dict(chunk.common),
        "shell_constants": {s: dict(v) for s, v in chunk.shell_constants.items()},
        "spread": dict(chunk.spread),
        "ocv_v": list(chunk.ocv_v),
        "noise": dict(chunk.own_noise),
        "clock": vars(chunk.clock),
    }
    table = pa.record_batch(
        {
            "sat_id": pa.array(chunk.sat_id, pa.int64()),
            "name": pa.array(chunk.name),
            "shell": pa.array(chunk.shell),
            "plane": pa.array(chunk.plane, pa.int32()),
            "slot": pa.array(chunk.slot, pa.int32()),
            **({} if chunk.trajectory is None else chunk.trajectory.columns()),
        }
    )
    return pack(table, meta)


def decode(value: bytes, known: Mapping[str, catalogue.Vehicle] | None = None) -> Chunk:
    """A record of the fleet topic to a chunk; raises FrameError.

    `known` holds vehicle types that were decoded before, to share one object among chunks.
    """
    batch, meta = unpack(value)
    try:
        vehicle = (known or {}).get(meta["vehicle"])
        if vehicle is None or vehicle.text != meta["vehicle_toml"]:
            vehicle = catalogue.loads(meta["vehicle_toml"], f"vehicle {meta['vehicle']}")
        return Chunk(
            meta["fleet"],
            meta["chunk"],
            vehicle,
            meta["period_s"],
            Clock(**meta["clock"]),
            meta["constants"],
            meta["size"],
            batch["sat_id"].to_numpy(zero_copy_only=True),
            batch["name"].to_pylist(),
            batch["shell"].to_pylist(),
            batch["plane"].to_numpy(zero_copy_only=True),
            batch["slot"].to_numpy(zero_copy_only=True),
            meta.get("shell_constants", {}),
            meta.get("spread", {}),
            tuple(meta.get("ocv_v", ())),
            of_batch(batch),
            meta.get("noise", {}),
        )
    except (pa.ArrowException, LookupError, TypeError, ValueError, UsageError) as error:
        raise FrameError("malformed", f"not a record of the fleet topic: {error}") from None
