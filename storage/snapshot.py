"""The newest state on disk: a Parquet file, replaced in one step every few seconds.

A historian that starts again loads it and reads the log on from where it was taken; a stopped
twin's `latest` is this file. Besides the columns of `latest` it holds what only a restart needs,
in columns that begin with an underscore.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from orbitwin.records import Source
from storage.latest import NEVER, ChunkState, Latest
from storage.rows import MISSING

FILE_NAME = "latest.parquet"
_META = b"orbitwin.latest"

Place = tuple[str, int]
"""(topic, partition)."""


@dataclass(frozen=True)
class Mark:
    """How far the log had been applied: the next offset, and the newest source before it."""

    next_offset: int
    source: Source | None


def path_in(data_dir: Path) -> Path:
    return data_dir / FILE_NAME


def build(
    newest: pa.Table, latest: Latest, marks: Mapping[Place, Mark], database_id: str
) -> pa.Table:
    """The table to save: `newest` is `latest.table()` of this very moment."""
    states = latest.ordered()
    extra: dict[str, np.ndarray] = {
        "_flags": np.concatenate([s.flags for s in states]) if states else np.empty(0, np.uint8)
    }
    for packet in sorted({p for s in states for p in s.heard}):
        never = [np.full(s.chunk.rows, NEVER) for s in states]
        heard = [s.heard.get(packet, (n, n)) for s, n in zip(states, never, strict=True)]
        extra[f"_{packet}_t_us"] = np.concatenate([t for t, _ in heard])
        extra[f"_{packet}_seq"] = np.concatenate([seq for _, seq in heard])
    meta = {
        "database_id": database_id,
        "marks": [
            [topic, partition, mark.next_offset, mark.source and _plain(mark.source)]
            for (topic, partition), mark in marks.items()
        ],
    }
    for name, values in extra.items():
        newest = newest.append_column(name, pa.array(values))
    return newest.replace_schema_metadata({_META: orjson.dumps(meta)})


def save(path: Path, table: pa.Table) -> None:
    """Write and rename, so that a reader and a kill see the old file or the new one."""
    part = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        pq.write_table(table, part, compression="zstd", compression_level=1)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def read(path: Path) -> pa.Table | None:
    """The columns of `latest`; None where there is no snapshot that can be read."""
    table = _read(path)
    if table is None:
        return None
    return table.select([n for n in table.column_names if not n.startswith("_")])


def load(path: Path, latest: Latest, database_id: str) -> dict[Place, Mark] | None:
    """Fill `latest` with what was saved; None where there is nothing of this database."""
    table = _read(path)
    if table is None:
        return None
    meta = orjson.loads(table.schema.metadata[_META])
    if meta["database_id"] != database_id:
        return None
    sat_id = table["sat_id"].to_numpy()
    fleet = np.asarray(table["fleet"].to_pylist(), dtype=object)
    for (name, _), state in latest.states.items():
        rows = np.flatnonzero(fleet == name)
        order = rows[np.argsort(sat_id[rows], kind="stable")]
        if not len(order):
            continue
        near = np.searchsorted(sat_id[order], state.chunk.sat_id)
        found = order[np.minimum(near, len(order) - 1)]
        here = np.flatnonzero(sat_id[found] == state.chunk.sat_id)
        _restore(state, here, table, found[here], latest)
    latest.version += 1
    return {
        (topic, partition): Mark(offset, Source(*source) if source else None)
        for topic, partition, offset, source in meta["marks"]
    }


def _restore(
    state: ChunkState, here: np.ndarray, table: pa.Table, there: np.ndarray, latest: Latest
) -> None:
    """Rows `here` of the chunk from rows `there` of the table."""

    def get(name: str, missing: int) -> np.ndarray | None:
        if name not in table.column_names:
            return None
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        if pa.types.is_dictionary(column.type):
            column = pa.chunked_array([c.indices for c in column.chunks])
        return column.fill_null(missing).to_numpy()[there]

    vehicle = state.chunk.vehicle
    names = table["severity"].cast(pa.string()).combine_chunks()
    severity = pa.compute.index_in(names, latest.severities).fill_null(0).to_numpy()
    state.severity[here] = severity[there]
    for array, name, missing in (
        (state.t_event_us, "t_event", NEVER),
        (state.t_received_us, "t_received", NEVER),
        (state.seq, "seq", 0),
        (state.flags, "_flags", 0),
    ):
        found = get(name, missing)
        if found is not None:
            array[here] = found
    for packet, (t_us, seq) in state.heard.items():
        saved_us, saved_seq = get(f"_{packet}_t_us", NEVER), get(f"_{packet}_seq", 0)
        if saved_us is not None and saved_seq is not None:
            t_us[here], seq[here] = saved_us, saved_seq

    def saved_values(name: str) -> np.ndarray | None:
        if name not in table.column_names:
            return None
        return table[name].to_numpy()[there].astype(np.float64)

    for d, column in enumerate(vehicle.derived):
        saved = saved_values(column.name)
        if saved is not None:
            codes = column.encode(saved)
            # NumPy would wrap MISSING to the codes' own type.
            stacked = codes.astype(np.int32)
            stacked[column.is_missing(codes)] = MISSING
            state.derived[d, here] = stacked
    for name in state.measured:
        column, factor = vehicle.parameters[name], 1.0
        saved = saved_values(latest.registry.measured.column(vehicle.name, name))
        if saved is None and name in latest.POSITION:
            saved, factor = saved_values(latest.POSITION[name]), 1e3
        if saved is not None:
            state.measured[name][here] = column.encode(saved * factor)


def _read(path: Path) -> pa.Table | None:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException):
        return None
    return table if table.schema.metadata and _META in table.schema.metadata else None


def _plain(source: Source) -> list[int]:
    return [source.partition, source.offset, source.part]
