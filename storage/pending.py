"""What one transaction will insert: records as they come, Arrow tables when it is time.

A table's columns are a part of its own (storage/tables.py); what is not given is NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from orbitwin.catalogue import SEVERITIES, Vehicle
from orbitwin.contract import Frame
from orbitwin.fleet import Chunk
from orbitwin.records import EventBatch, Flag, Source
from storage.computed import Computed
from storage.fleet_tables import SUMMED
from storage.measured import Measured
from storage.rollup import GroupRows, Groups, MinuteRows
from storage.rows import Rows
from storage.tables import SAT_RAW
from storage.values import decode, decode_state, mean, scale

_TIME = pa.timestamp("us", "UTC")
_SEVERITY_NAMES = pa.array(SEVERITIES)
_DOUBLES = {f.name for f in SAT_RAW.fields if f.type == "DOUBLE"}


@dataclass(frozen=True)
class Letter:
    """A dead letter, by its headers."""

    t_us: int
    reason: str
    message: str
    topic: str
    partition: int
    offset: int
    part: int
    rows: int
    kept: bool
    length: int
    sha256: str


RawKind = tuple[str, str, bool, bool]
"""Vehicle type, packet, and whether derived and measured columns travel."""


@dataclass
class Pending:
    """Rows that wait for the next commit."""

    frames: list[tuple[Frame, Source, int]] = field(default_factory=list)
    raw: dict[RawKind, list[tuple[Chunk, Rows]]] = field(default_factory=dict)
    events: list[tuple[EventBatch, Chunk | None]] = field(default_factory=list)
    seconds: list[tuple[Chunk, Groups, GroupRows]] = field(default_factory=list)
    minutes: list[tuple[Chunk, MinuteRows]] = field(default_factory=list)
    fleet_minutes: list[tuple[int, str, int]] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    computed: Computed = field(default_factory=Computed)
    records: int = 0  # taken or passed over, so that offsets go on

    def keep_raw(self, chunk: Chunk, found: list[Rows]) -> None:
        """Keep rows at full rate."""
        for rows in found:
            if len(rows):
                has = rows.derived is not None, bool(rows.measured)
                self.raw.setdefault((chunk.vehicle.name, rows.packet, *has), []).append(
                    (chunk, rows)
                )

    def frame_table(self) -> pa.Table:
        """Rows of `frame`."""
        columns: dict[str, list[object]] = {
            "fleet": [f.fleet for f, _, _ in self.frames],
            "packet": [f.packet for f, _, _ in self.frames],
            "chunk": [f.chunk for f, _, _ in self.frames],
            "seq": [f.seq for f, _, _ in self.frames],
            "row0": [f.row0 for f, _, _ in self.frames],
            "rows": [
                f.rows + _count(f, "rows_dead") + _count(f, "rows_duplicate")
                for f, _, _ in self.frames
            ],
        }
        for name in ("rows_dead", "rows_duplicate", "rows_late", "rows_invalid"):
            columns[name] = [_count(f, name) for f, _, _ in self.frames]
        return pa.table(
            columns
            | {
                "t_event": _times([f.t_event_us for f, _, _ in self.frames]),
                "t_due": _times([f.t_due_us for f, _, _ in self.frames]),
                "t_append": _times([t for _, _, t in self.frames]),
            }
            | _sources([s for _, s, _ in self.frames])
        )

    def raw_tables(self, vehicles: Mapping[str, Vehicle], measured: Measured) -> list[pa.Table]:
        """Rows of `sat_raw`, a table for each vehicle type and packet."""
        return [
            _raw(vehicles[vehicle], packet, parts, measured)
            for (vehicle, packet, _, _), parts in self.raw.items()
        ]

    def event_table(self, now_us: int) -> pa.Table:
        """Rows of `event`; their number within the source record makes the id unique."""
        tables = []
        for batch, chunk in self.events:
            events, source = batch.events, batch.source
            count = events.num_rows
            head = f"{source.partition}-{source.offset}-{source.part}-"
            tables.append(
                pa.table(
                    {
                        "event_id": pa.array([f"{head}{i}" for i in range(count)], pa.string()),
                        "ts": events["t_event_us"].cast(_TIME),
                        "sat_id": events["sat_id"],
                        "name": _names(events["sat_id"], chunk),
                        "fleet": pa.array([batch.fleet] * count, pa.string()),
                        "kind": events["kind"],
                        "state": events["state"],
                        "parameter": events["parameter"],
                        "severity": _severity(events["severity"]),
                        "severity_before": _severity(events["severity_before"]),
                        "value": events["value"],
                        "limit_value": events["limit"],
                        "unit": events["unit"],
                        "context": events["context"],
                        "message": events["message"],
                        "t_store": _times([now_us] * count),
                    }
                    | _sources([source] * count)
                )
            )
        return pa.concat_tables(tables)

    def second_table(self) -> pa.Table:
        """Rows of the segments of `fleet_1s`."""
        tables = []
        for chunk, groups, rows in self.seconds:
            count = len(groups.shell)
            columns: dict[str, object] = {
                "ts": _times([rows.second_us] * count),
                "fleet": pa.array([chunk.fleet] * count, pa.string()),
                "chunk": np.full(count, chunk.number, dtype=np.int32),
                "shell": pa.array(groups.shell, pa.string()),
                "plane_block": groups.block.astype(np.int32),
                "seconds": np.ones(count, dtype=np.int32),
            }
            columns |= {n: values.astype(np.int32) for n, values in rows.counts.items()}
            for d, column in enumerate(chunk.vehicle.derived):
                none = rows.n[d] == 0
                dtype = _dtype(column.name)
                columns[f"{column.name}_n"] = rows.n[d].astype(np.int32)
                columns[f"{column.name}_sum"] = scale(column, rows.total[d])
                for name, codes in (("min", rows.low[d]), ("max", rows.high[d])):
                    columns[f"{column.name}_{name}"] = pa.array(
                        decode_state(column, codes, dtype), mask=none
                    )
            tables.append(pa.table(columns))
        return pa.concat_tables(tables)

    def minute_table(self) -> pa.Table:
        """Rows of `sat_1m`."""
        tables = []
        for chunk, rows in self.minutes:
            columns: dict[str, object] = {
                "ts": _times(rows.minute_us),
                "sat_id": chunk.sat_id[rows.row],
                "samples": rows.samples,
                "severity": _severity(pa.array(rows.worst)),
            }
            for d, column in enumerate(chunk.vehicle.derived):
                none = rows.n[d] == 0
                dtype = _dtype(column.name)
                means: np.ndarray = mean(column, rows.total[d], rows.n[d]).astype(dtype)
                columns[f"{column.name}_mean"] = pa.array(means, mask=none)
                for name, codes in (("min", rows.low[d]), ("max", rows.high[d])):
                    columns[f"{column.name}_{name}"] = pa.array(
                        decode_state(column, codes, dtype), mask=none
                    )
            tables.append(pa.table(columns))
        return pa.concat_tables(tables)

    def fleet_minute_keys(self) -> pa.Table:
        """(minute, fleet, chunk) of the minutes that `fleet_1m` is due."""
        minutes, fleets, chunks = zip(*self.fleet_minutes, strict=True)
        return pa.table(
            {
                "minute": _times(list(minutes)),
                "fleet": pa.array(fleets, pa.string()),
                "chunk": pa.array(chunks, pa.int32()),
            }
        )

    def letter_table(self) -> pa.Table:
        """Rows of `dead_letter`."""
        names = [n for n in Letter.__dataclass_fields__ if n != "t_us"]
        columns = {n: pa.array([getattr(letter, n) for letter in self.letters]) for n in names}
        return pa.table({"ts": _times([letter.t_us for letter in self.letters]), **columns})


def _raw(
    vehicle: Vehicle, packet: str, parts: list[tuple[Chunk, Rows]], measured: Measured
) -> pa.Table:
    def each(value: Callable[[Rows], np.ndarray]) -> np.ndarray:
        return np.concatenate([value(rows) for _, rows in parts], axis=-1)

    flags = each(lambda r: r.flags)
    columns: dict[str, object] = {
        "ts": _times(each(lambda r: r.t_event_us)),
        "sat_id": np.concatenate([chunk.sat_id[rows.at] for chunk, rows in parts]),
        "packet": pa.DictionaryArray.from_arrays(
            np.zeros(len(flags), dtype=np.int8), pa.array([packet])
        ),
        "seq": each(lambda r: r.seq),
        "late": (flags & Flag.LATE) != 0,
        "severity": _severity(pa.array(each(lambda r: r.severity))),
        "flags": flags,
    }
    first = parts[0][1]
    if first.derived is not None:
        stacked = each(lambda r: r.derived)  # type: ignore[arg-type, return-value]
        for d, column in enumerate(vehicle.derived):
            values = decode_state(column, stacked[d], _dtype(column.name))
            columns[column.name] = pa.array(values, from_pandas=True)
    for name in first.measured:
        column = vehicle.parameters[name]
        target = measured.column(vehicle.name, name)
        dtype = np.float64 if measured.fields[target].type == "DOUBLE" else np.float32
        codes = each(lambda r, name=name: r.measured[name])  # type: ignore[misc]
        columns[target] = pa.array(decode(column, codes, dtype), from_pandas=True)
    return pa.table(columns)


def _dtype(derived: str) -> type:
    return np.float64 if derived in _DOUBLES else np.float32


def _count(frame: Frame, name: str) -> int:
    return int(frame.extra.get(name) or 0)


def _times(t_us: list[int] | np.ndarray) -> pa.Array:
    return pa.array(t_us, pa.int64()).cast(_TIME)


def _severity(codes: pa.Array) -> pa.DictionaryArray:
    """Codes beyond the last severity, which no version knows, count as the last."""
    low = pa.compute.min_element_wise(codes.cast(pa.int32()), len(SEVERITIES) - 1, skip_nulls=False)
    return pa.DictionaryArray.from_arrays(low, _SEVERITY_NAMES)


def _names(sat_id: pa.Array, chunk: Chunk | None) -> pa.Array:
    """The satellites' names; null where the satellite is not known."""
    if chunk is None:
        return pa.nulls(len(sat_id), pa.string())
    ids = sat_id.fill_null(-1).to_numpy(zero_copy_only=False)
    row = chunk.rows_of(ids)
    gone = (row < 0) | sat_id.is_null().to_numpy(zero_copy_only=False)
    names = [None if g else chunk.name[r] for r, g in zip(row.tolist(), gone.tolist(), strict=True)]
    return pa.array(names, pa.string())


def _sources(sources: list[Source]) -> dict[str, pa.Array]:
    return {
        "source_partition": pa.array([s.partition for s in sources], pa.int32()),
        "source_offset": pa.array([s.offset for s in sources], pa.int64()),
        "source_part": pa.array([s.part for s in sources], pa.int32()),
    }


assert set(SUMMED) <= {f.name for f in SAT_RAW.fields}
