"""The contract between the parts: frames, and the headers they travel with.

A frame is the rows of one chunk (consecutive satellites of a fleet) at one event time, as one
Arrow IPC stream. What is the same for every row stands in the metadata; a row that differs says
so in a column of the same name (`sat_id`, `t_event_us`, `seq`). One JSON object a satellite
(`encode_json`) decodes to the same record.

Identity of a row: (sat_id, packet, t_event_us, seq). `seq` counts a satellite's packets of one
kind; it is a function of the event time, so a producer that starts again does not reuse one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from orbitwin.catalogue import Vehicle
from orbitwin.column import Column
from orbitwin.ipc import SCHEMA_VERSION as SCHEMA_VERSION
from orbitwin.ipc import FrameError as FrameError
from orbitwin.ipc import pack, unpack

MAX_FRAME_BYTES = 8 * 1024 * 1024

TICK = "tick"
"""Packet name of a clock tick: no rows, only the log's own time."""

_ROW_COLUMNS = dict.fromkeys(("sat_id", "t_event_us", "seq"), np.dtype("int64"))


@dataclass(frozen=True)
class Frame:
    """Rows of one chunk at one event time.

    `codes[name]` are the quantised values, each of shape (rows,), in the dtype of the vehicle's
    column. Row r is the satellite at row `row0 + r` of chunk `chunk`, unless `sat_id` names the
    satellites. `t_event_us`, `t_due_us`: UTC microseconds; `t_due_us` is when the row was due to
    be sent (equal to the event time on a live clock). `extra` carries what a packet adds of its
    own (the state packet: cause, counts), as plain JSON values.
    """

    fleet: str
    vehicle: str
    packet: str
    chunk: int
    row0: int
    rows: int
    t_event_us: int
    seq: int
    t_due_us: int
    codes: Mapping[str, np.ndarray]
    sat_id: np.ndarray | None = None
    row_t_event_us: np.ndarray | None = None
    row_seq: np.ndarray | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> bytes:
        """Kafka key: all frames of a chunk share it."""
        return chunk_key(self.fleet, self.chunk)

    def t_event(self) -> np.ndarray:
        """Event time of each row (int64 us, shape (rows,))."""
        if self.row_t_event_us is not None:
            return self.row_t_event_us
        return np.full(self.rows, self.t_event_us, dtype=np.int64)

    def seqs(self) -> np.ndarray:
        """Sequence number of each row (int64, shape (rows,))."""
        if self.row_seq is not None:
            return self.row_seq
        return np.full(self.rows, self.seq, dtype=np.int64)

    def take(self, rows: np.ndarray, sat_id: np.ndarray) -> Frame:
        """The frame of some rows only (`rows`: indices), whose satellites are `sat_id`."""
        return replace(
            self,
            rows=len(rows),
            sat_id=np.ascontiguousarray(sat_id, dtype=np.int64),
            codes={name: codes[rows] for name, codes in self.codes.items()},
            row_t_event_us=None if self.row_t_event_us is None else self.row_t_event_us[rows],
            row_seq=None if self.row_seq is None else self.row_seq[rows],
        )


def chunk_key(fleet: str, chunk: int) -> bytes:
    """Kafka key of a chunk, `fleet/chunk`."""
    return f"{fleet}/{chunk}".encode()


def headers(frame: Frame) -> list[tuple[str, bytes]]:
    """Kafka headers of a frame: enough to route it without decoding."""
    return [
        ("v", str(SCHEMA_VERSION).encode()),
        ("fleet", frame.fleet.encode()),
        ("vehicle", frame.vehicle.encode()),
        ("packet", frame.packet.encode()),
        ("chunk", str(frame.chunk).encode()),
    ]


def encode(frame: Frame, columns: Sequence[Column]) -> bytes:
    """A frame as an Arrow IPC stream; `columns` tells which codes travel, and in which order."""
    fields: list[pa.Field] = []
    arrays: list[pa.Array] = []
    for name, values in (
        ("sat_id", frame.sat_id),
        ("t_event_us", frame.row_t_event_us),
        ("seq", frame.row_seq),
    ):
        if values is not None:
            fields.append(pa.field(name, pa.int64(), nullable=False))
            arrays.append(pa.array(values, type=pa.int64()))
    for column in columns:
        codes = frame.codes[column.name]
        fields.append(_field(column))
        arrays.append(pa.array(codes))
    meta = {
        "fleet": frame.fleet,
        "vehicle": frame.vehicle,
        "packet": frame.packet,
        "chunk": frame.chunk,
        "row0": frame.row0,
        "rows": frame.rows,
        "t_event_us": frame.t_event_us,
        "seq": frame.seq,
        "t_due_us": frame.t_due_us,
        "extra": dict(frame.extra),
    }
    return pack(pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields)), meta)


def decode(value: bytes, columns_of: Mapping[str, Mapping[str, Sequence[Column]]]) -> Frame:
    """Bytes to a frame, checked through before use; raises FrameError.

    `columns_of[vehicle][packet]` are the columns to expect. A column that the sender left out
    comes back as missing, one that is not known is passed over: both let old and new parts work
    together. The arrays are views into `value`.
    """
    if len(value) > MAX_FRAME_BYTES:
        raise FrameError("oversize", f"{len(value)} bytes, at most {MAX_FRAME_BYTES}")
    batch, meta = unpack(value)
    _check(meta)
    vehicle, packet, rows = meta["vehicle"], meta["packet"], batch.num_rows
    if vehicle not in columns_of:
        raise FrameError("unknown_vehicle", f"no vehicle type {vehicle!r} has been registered")
    if packet not in columns_of[vehicle]:
        raise FrameError("unknown_packet", f"{vehicle} has no packet {packet!r}")
    if rows != meta["rows"]:
        raise FrameError("wrong_schema", f"{rows} rows where the metadata says {meta['rows']}")
    own = {name: _numbers(batch, name, dtype) for name, dtype in _ROW_COLUMNS.items()}
    codes = {}
    for column in columns_of[vehicle][packet]:
        found = _numbers(batch, column.name, column.dtype)
        if found is None:
            found = np.full(rows, column.missing, dtype=column.dtype)
        codes[column.name] = found
    return Frame(
        meta["fleet"],
        vehicle,
        packet,
        meta["chunk"],
        meta["row0"],
        rows,
        meta["t_event_us"],
        meta["seq"],
        meta["t_due_us"],
        codes,
        own["sat_id"],
        own["t_event_us"],
        own["seq"],
        meta["extra"],
    )


def columns_of(vehicles: Mapping[str, Vehicle]) -> dict[str, dict[str, Sequence[Column]]]:
    """What `decode` needs of the registered vehicle types."""
    return {
        name: {packet: v.columns_of(packet) for packet in v.packets} for name, v in vehicles.items()
    }


def _field(column: Column) -> pa.Field:
    return pa.field(
        column.name,
        pa.from_numpy_dtype(column.dtype),
        nullable=False,
        metadata={"unit": column.unit, "resolution": repr(column.resolution)},
    )


_EXPECTED: dict[str, type] = {
    "fleet": str,
    "vehicle": str,
    "packet": str,
    "chunk": int,
    "row0": int,
    "rows": int,
    "t_event_us": int,
    "seq": int,
    "t_due_us": int,
    "extra": dict,
}


def _check(meta: Mapping[str, Any]) -> None:
    for name, kind in _EXPECTED.items():
        if type(meta.get(name)) is not kind:
            raise FrameError("wrong_schema", f"metadata {name!r}: expected {kind.__name__}")
    for name in ("chunk", "row0", "rows", "seq"):
        if not 0 <= meta[name] < 2**62:
            raise FrameError("wrong_schema", f"metadata {name!r} = {meta[name]}: expected >= 0")


def _numbers(batch: pa.RecordBatch, name: str, dtype: np.dtype) -> np.ndarray | None:
    found = batch.schema.get_all_field_indices(name)
    if not found:
        return None
    array = batch.column(found[0])
    if len(found) > 1 or array.type != pa.from_numpy_dtype(dtype) or array.null_count:
        raise FrameError(
            "wrong_schema", f"column {name!r} is {array.type}, expected {dtype} without nulls"
        )
    return array.to_numpy(zero_copy_only=True)


# --- JSON: one object a satellite --------------------------------------------


def encode_json(frame: Frame, columns: Sequence[Column], sat_id: np.ndarray) -> bytes:
    """A frame as JSON lines, one object a satellite in engineering units; missing is null.

    `sat_id` (shape (rows,)) names the satellites.
    """
    t_event, seqs = frame.t_event().tolist(), frame.seqs().tolist()
    values = {c.name: _plain(c, frame.codes[c.name]) for c in columns}
    lines = []
    for r, sat in enumerate(np.asarray(sat_id).tolist()):
        record = {
            "v": SCHEMA_VERSION,
            "fleet": frame.fleet,
            "vehicle": frame.vehicle,
            "packet": frame.packet,
            "sat_id": sat,
            "t_event_us": t_event[r],
            "seq": seqs[r],
        }
        record.update({name: column[r] for name, column in values.items()})
        lines.append(orjson.dumps(record))
    return b"\n".join(lines) + b"\n"


def _plain(column: Column, codes: np.ndarray) -> list[float | None]:
    values = column.decode(codes).astype(np.float64)
    if column.dtype.kind != "f":
        # Exact decimals: 12.34, not the nearest float32 of it.
        values = np.round(codes.astype(np.float64) * column.resolution, 9)
    gone = column.is_missing(codes)
    return [None if g else v for v, g in zip(values.tolist(), gone.tolist(), strict=True)]


def decode_json(line: bytes, columns_of: Mapping[str, Mapping[str, Sequence[Column]]]) -> Frame:
    """One JSON object (one satellite) to a frame of one row; raises FrameError.

    The chunk is not known from the record: it is -1 until the fleet's registry gives it.
    """
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise FrameError("malformed", f"not JSON: {error}") from None
    if not isinstance(record, dict):
        raise FrameError("malformed", "expected one JSON object a satellite")
    if record.get("v") != SCHEMA_VERSION:
        raise FrameError("wrong_version", f"version {record.get('v')!r}, expected {SCHEMA_VERSION}")
    for name, kind in (
        ("fleet", str),
        ("vehicle", str),
        ("packet", str),
        ("sat_id", int),
        ("t_event_us", int),
        ("seq", int),
    ):
        got = record.get(name)
        if type(got) is not kind or (isinstance(got, int) and not -(2**63) <= got < 2**63):
            raise FrameError("wrong_schema", f"{name!r} = {got!r}: expected {kind.__name__}")
    vehicle, packet = record["vehicle"], record["packet"]
    if vehicle not in columns_of:
        raise FrameError("unknown_vehicle", f"no vehicle type {vehicle!r} has been registered")
    if packet not in columns_of[vehicle]:
        raise FrameError("unknown_packet", f"{vehicle} has no packet {packet!r}")
    codes = {}
    for column in columns_of[vehicle][packet]:
        got = record.get(column.name)
        if got is not None and (isinstance(got, bool) or not isinstance(got, (int, float))):
            raise FrameError("wrong_schema", f"{column.name!r} = {got!r}: expected a number")
        value = np.array([np.nan if got is None else float(got)])
        codes[column.name] = column.encode_measured(value)
    return Frame(
        record["fleet"],
        vehicle,
        packet,
        -1,
        0,
        1,
        record["t_event_us"],
        record["seq"],
        record["t_event_us"],
        codes,
        np.array([record["sat_id"]], dtype=np.int64),
    )
