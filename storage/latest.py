"""The newest state of every satellite, in dense arrays; as an Arrow table when asked.

A row that is older than what its satellite has already changes nothing: the guard is event time,
then sequence number, for each kind of packet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from orbitwin.catalogue import DERIVED, SEVERITIES
from orbitwin.column import Column
from orbitwin.fleet import Chunk
from orbitwin.records import Flag
from storage.registry import Key, Registry
from storage.rows import MISSING, STATES, Rows
from storage.table import Field
from storage.tables import LATEST
from storage.values import decode

NEVER = np.iinfo(np.int64).min
"""Event time of a satellite that has not been heard of."""

_POSITION = {"x_m": "x_km", "y_m": "y_km", "z_m": "z_km"}
_M_PER_KM = 1000.0
_ARROW = {
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "VARCHAR": pa.string(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
}
_WORDS = pa.dictionary(pa.int32(), pa.string())  # few texts in many rows
_DICTIONARIES = ("fleet", "vehicle", "severity")
_SEVERITY_NAMES = pa.array(SEVERITIES)


def schema(fields: list[Field]) -> pa.Schema:
    """Arrow schema of `latest` with these columns."""
    return pa.schema(
        [(f.name, _WORDS if f.name in _DICTIONARIES else _ARROW[f.type]) for f in fields]
    )


class ChunkState:
    """Newest state of a chunk's satellites: arrays of shape (rows,), `derived` (STATES, rows)."""

    def __init__(self, chunk: Chunk, measured: Iterable[str]) -> None:
        rows = chunk.rows
        self.chunk = chunk
        self.t_event_us = np.full(rows, NEVER, dtype=np.int64)
        self.t_received_us = np.full(rows, NEVER, dtype=np.int64)
        self.seq = np.zeros(rows, dtype=np.int64)
        self.severity = np.zeros(rows, dtype=np.uint8)
        self.flags = np.zeros(rows, dtype=np.uint8)
        self.derived = np.full((STATES, rows), MISSING, dtype=np.int32)
        self.heard = {
            name: (np.full(rows, NEVER, dtype=np.int64), np.zeros(rows, dtype=np.int64))
            for name in chunk.vehicle.packets
        }
        self.measured = {
            name: np.full(rows, column.missing, dtype=column.dtype)
            for name, column in chunk.vehicle.parameters.items()
            if name in measured
        }

    @property
    def known(self) -> np.ndarray:
        """Which satellites have a state."""
        return self.t_event_us != NEVER

    def apply(self, rows: Rows, t_append_us: int) -> int:
        """Take rows that are newer than what is here; returns how many were."""
        if rows.is_tick:
            return self._apply_tick(rows)
        newest_us, newest_seq = self.heard[rows.packet]
        before_us = newest_us[rows.at]
        rows = rows.take(
            (rows.t_event_us > before_us)
            | ((rows.t_event_us == before_us) & (rows.seq > newest_seq[rows.at]))
        )
        if not len(rows):
            return 0
        at = rows.at
        newest_us[at], newest_seq[at] = rows.t_event_us, rows.seq
        self.severity[at] = rows.severity
        for name, codes in rows.measured.items():
            if name in self.measured:
                self.measured[name][at] = codes
        if rows.derived is not None:
            self.derived[:, at] = rows.derived
            self.t_event_us[at], self.seq[at] = rows.t_event_us, rows.seq
            self.t_received_us[at] = t_append_us
            self.flags[at] = rows.flags
        return len(rows)

    def _apply_tick(self, rows: Rows) -> int:
        """Staleness changed: the state stays as old as it is."""
        rows = rows.take(rows.t_event_us >= self.t_event_us[rows.at])
        if len(rows):
            self.severity[rows.at] = rows.severity
            self.flags[rows.at] = rows.flags
        return len(rows)

    def adopt(self, other: ChunkState) -> None:
        """Take over the satellites that another arrangement of the fleet had."""
        found = other.chunk.rows_of(self.chunk.sat_id)
        here = np.flatnonzero(found >= 0)
        there = found[here]
        for name in ("t_event_us", "t_received_us", "seq", "severity", "flags"):
            getattr(self, name)[here] = getattr(other, name)[there]
        if other.chunk.vehicle.name != self.chunk.vehicle.name:
            return
        self.derived[:, here] = other.derived[:, there]
        for packet in self.heard.keys() & other.heard.keys():
            for mine, theirs in zip(self.heard[packet], other.heard[packet], strict=True):
                mine[here] = theirs[there]
        for name in self.measured.keys() & other.measured.keys():
            if self.measured[name].dtype == other.measured[name].dtype:
                self.measured[name][here] = other.measured[name][there]


class Latest:
    """The newest state of all chunks. `version` grows with every row that was taken."""

    POSITION = _POSITION
    severities = _SEVERITY_NAMES

    def __init__(self, registry: Registry, raw_max_satellites: int) -> None:
        self.registry = registry
        self.raw_max_satellites = raw_max_satellites
        self.states: dict[Key, ChunkState] = {}
        self.version = 0
        self._places: dict[str, pa.Array] = {}
        self._registered = -1

    def register(self) -> None:
        """Follow the registry: new chunks get their arrays, those that went are forgotten."""
        if self._registered == self.registry.version:
            return
        before = self.states
        self.states = {}
        for key, chunk in self.registry.chunks.items():
            known = before.get(key)
            if known is not None and known.chunk is chunk:
                self.states[key] = known
                continue
            self.states[key] = state = ChunkState(chunk, self._shown(chunk))
            for (fleet, _), other in before.items():
                if fleet == chunk.fleet:
                    state.adopt(other)
        self._places = self.registry.places()
        self._registered = self.registry.version
        self.version += 1

    def _shown(self, chunk: Chunk) -> set[str]:
        """The parameters of a chunk whose newest values are kept."""
        shown = {f.name for f in self.registry.measured.latest_fields()}
        column = self.registry.measured.column
        return {
            name
            for name in chunk.vehicle.parameters
            if name in _POSITION
            or (chunk.size <= self.raw_max_satellites and column(chunk.vehicle.name, name) in shown)
        }

    def apply(self, key: Key, rows: Rows, t_append_us: int) -> None:
        if self.states[key].apply(rows, t_append_us):
            self.version += 1

    def ordered(self) -> list[ChunkState]:
        return [self.states[key] for key in sorted(self.states)]

    def fields(self) -> list[Field]:
        """The columns of `latest` for the vehicle types known now."""
        kept = {
            self.registry.measured.column(s.chunk.vehicle.name, name)
            for s in self.states.values()
            if s.chunk.size <= self.raw_max_satellites
            for name in s.measured
        }
        more = [f for f in self.registry.measured.latest_fields() if f.name in kept]
        return [*LATEST.fields, *more]

    def table(self) -> pa.Table:
        """All satellites as the rows of `latest`."""
        states = self.ordered()
        flags = _joined([s.flags for s in states], np.uint8)
        t_event_us = _joined([s.t_event_us for s in states], np.int64)
        unknown = t_event_us == NEVER
        made: dict[str, pa.Array] = {
            **self._places,
            "t_event": _times(t_event_us),
            "t_received": _times(_joined([s.t_received_us for s in states], np.int64)),
            "seq": pa.array(_joined([s.seq for s in states], np.int64), mask=unknown),
            "severity": pa.DictionaryArray.from_arrays(
                pa.array(_joined([s.severity for s in states], np.int32), pa.int32(), mask=unknown),
                _SEVERITY_NAMES,
            ),
            "stale": pa.array((flags & Flag.STALE) != 0, mask=unknown),
            "sunlit": pa.array((flags & Flag.SUNLIT) != 0, mask=unknown),
            "invalid": pa.array((flags & Flag.INVALID) != 0, mask=unknown),
        }
        columns = self._measured_columns(states)
        fields = self.fields()
        for field in fields:
            if field.name not in made:
                made[field.name] = _values(states, columns.get(field.name, {}), field)
        target = schema(fields)
        return pa.table([made[f.name] for f in target], schema=target)

    def _measured_columns(self, states: list[ChunkState]) -> dict[str, dict[int, _Measured]]:
        """For each column, the codes that each chunk (by place in `states`) brings."""
        found: dict[str, dict[int, _Measured]] = {}
        for number, state in enumerate(states):
            vehicle = state.chunk.vehicle
            for row, column in enumerate(vehicle.derived):
                found.setdefault(column.name, {})[number] = _Measured(
                    state.derived[row], column, 1.0, MISSING
                )
            for name, codes in state.measured.items():
                column = vehicle.parameters[name]
                target = self.registry.measured.column(vehicle.name, name)
                if state.chunk.size <= self.raw_max_satellites:
                    found.setdefault(target, {})[number] = _Measured(codes, column, 1.0)
                if name in _POSITION and column.unit == "m":
                    found.setdefault(_POSITION[name], {})[number] = _Measured(
                        codes, column, _M_PER_KM
                    )
        return found


class _Measured:
    """Codes of one chunk and how they become values."""

    def __init__(
        self, codes: np.ndarray, column: Column, divisor: float, missing: float | None = None
    ) -> None:
        self.codes = codes
        self.column = column
        self.divisor = divisor
        self.missing = column.missing if missing is None else missing

    def into(self, values: np.ndarray) -> None:
        """Write the values, NaN where there is none."""
        values[:] = decode(self.column, self.codes, values.dtype.type, self.missing)
        if self.divisor != 1.0:
            values /= self.divisor


def _values(states: list[ChunkState], found: Mapping[int, _Measured], field: Field) -> pa.Array:
    dtype = np.float64 if field.type == "DOUBLE" else np.float32
    values = np.full(sum(s.chunk.rows for s in states), np.nan, dtype=dtype)
    at = 0
    for number, state in enumerate(states):
        if number in found:
            found[number].into(values[at : at + state.chunk.rows])
        at += state.chunk.rows
    return pa.array(values, from_pandas=True)


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype=dtype)


def _times(t_us: np.ndarray) -> pa.Array:
    return pa.array(t_us, pa.int64(), mask=t_us == NEVER).cast(pa.timestamp("us", "UTC"))


assert len(DERIVED) == STATES
