"""Columns in PostgreSQL's binary formats: network byte order, PostgreSQL's epoch of 2000.

Source: PostgreSQL 15, the *send functions of src/backend/utils/adt. Fixed-width types are
swapped a column at a time; numeric and arrays are built per value.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storage.pgwire import text, types
from storage.pgwire.rows import fixed
from storage.pgwire.types import ColumnType, PgType

_EPOCH_US = 946_684_800_000_000  # 2000-01-01 in microseconds since 1970
_EPOCH_DAYS = 10_957
_TEXTS = frozenset(
    {types.TEXT, types.VARCHAR, types.NAME, types.BPCHAR, types.CHAR, types.JSON, types.UNKNOWN}
)
_NUMBERS = {
    types.INT2: (">i2", pa.int16()),
    types.INT4: (">i4", pa.int32()),
    types.INT8: (">i8", pa.int64()),
    types.FLOAT4: (">f4", pa.float32()),
    types.FLOAT8: (">f8", pa.float64()),
    types.OID: (">u4", pa.uint32()),
}


def supported(kind: PgType) -> bool:
    """Whether a column of this element type can go out in binary."""
    return kind in _TEXTS or kind in _NUMBERS or kind in _OTHERS


def encode(column: pa.Array, kind: ColumnType) -> pa.Array:
    """The column's values in binary form, null for NULL: a binary array of the same length."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if kind.dimensions and pa.types.is_nested(column.type):
        return _arrays(column, kind)
    if pa.types.is_null(column.type):
        return column.cast(pa.binary())
    element = kind.element
    if element in _TEXTS:
        return text.encode(column, kind)
    if element in _NUMBERS:
        swapped, arrow = _NUMBERS[element]
        values = column.cast(arrow).fill_null(0).to_numpy(zero_copy_only=False)
        return _with_nulls(fixed(values.astype(swapped)), column)
    return _OTHERS[element](column)


def _with_nulls(out: pa.Array, source: pa.Array) -> pa.Array:
    if source.null_count == 0:
        return out
    return pc.if_else(source.is_valid(), out, pa.scalar(None, out.type))


def _booleans(column: pa.Array) -> pa.Array:
    values = column.fill_null(False).to_numpy(zero_copy_only=False)
    return _with_nulls(fixed(values.astype(np.uint8)), column)


def _timestamps(column: pa.Array) -> pa.Array:
    unit = column.type.unit
    raw = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    infinite = np.abs(raw) >= 2**63 - 1
    time_us = raw // 1000 if unit == "ns" else raw * {"s": 1_000_000, "ms": 1000, "us": 1}[unit]
    # PostgreSQL's infinities are the ends of int64.
    ends = np.where(raw > 0, np.int64(2**63 - 1), np.int64(-(2**63)))
    return _with_nulls(fixed(np.where(infinite, ends, time_us - _EPOCH_US).astype(">i8")), column)


def _dates(column: pa.Array) -> pa.Array:
    days = column.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    ends = np.where(days > 0, 2**31 - 1, -(2**31))
    out = np.where(np.abs(days) >= 2**31 - 1, ends, days - _EPOCH_DAYS)
    return _with_nulls(fixed(out.astype(">i4")), column)


def _times(column: pa.Array) -> pa.Array:
    values = column.cast(pa.time64("us")).cast(pa.int64()).fill_null(0).to_numpy()
    return _with_nulls(fixed(values.astype(">i8")), column)


def _intervals(column: pa.Array) -> pa.Array:
    parts = np.dtype([("months", "<i4"), ("days", "<i4"), ("ns", "<i8")])
    data = np.frombuffer(column.buffers()[1], dtype=parts)[column.offset :][: len(column)]
    out = np.zeros(len(data), np.dtype([("us", ">i8"), ("days", ">i4"), ("months", ">i4")]))
    out["us"], out["days"], out["months"] = data["ns"] // 1000, data["days"], data["months"]
    return _with_nulls(fixed(out), column)


def _uuids(column: pa.Array) -> pa.Array:
    plain = pc.replace_substring(column.cast(pa.string()), "-", "")
    values = [None if one is None else bytes.fromhex(one) for one in plain.to_pylist()]
    return pa.array(values, pa.binary())


def _numerics(column: pa.Array) -> pa.Array:
    if not pa.types.is_decimal(column.type):  # UBIGINT, or digits that DuckDB printed
        column = column.cast(pa.string())
    values = [None if one is None else numeric(Decimal(one)) for one in column.to_pylist()]
    return pa.array(values, pa.binary())


def numeric(value: Decimal) -> bytes:
    """numeric_send: groups of four decimal digits, their weight, sign and display scale."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    scale = max(-exponent, 0)
    number = "".join(map(str, digits)) + "0" * max(exponent, 0)
    whole, fraction = (number[:-scale], number[-scale:]) if scale else (number, "")
    fraction = fraction.rjust(scale, "0")
    whole = whole.lstrip("0")
    whole = whole.rjust(-(-len(whole) // 4) * 4, "0")
    fraction = fraction.ljust(-(-len(fraction) // 4) * 4, "0")
    groups = [int((whole + fraction)[at : at + 4]) for at in range(0, len(whole + fraction), 4)]
    weight = len(whole) // 4 - 1
    while groups and groups[0] == 0:
        groups.pop(0)
        weight -= 1
    while groups and groups[-1] == 0:
        groups.pop()
    if not groups:
        weight, sign = 0, 0
    return struct.pack(
        f"!hhHh{len(groups)}h", len(groups), weight, 0x4000 if sign else 0, scale, *groups
    )


def _arrays(column: pa.Array, kind: ColumnType) -> pa.Array:
    """array_send: dimensions, whether there are NULLs, the element's OID, sizes, elements."""
    leaf = column
    for _ in range(kind.dimensions):
        if pa.types.is_fixed_size_list(leaf.type):
            leaf = leaf.cast(pa.list_(leaf.type.value_type))
        leaf = leaf.flatten()
    encoded = iter(encode(leaf, ColumnType(kind.element, 0, kind.typmod)).to_pylist())
    # The shape alone is walked in Python: each leaf is taken as a sign of its place.
    return pa.array(
        [None if row is None else _array(row, encoded, kind) for row in column.to_pylist()],
        pa.binary(),
    )


def _array(row: list[Any], encoded: Iterator[bytes | None], kind: ColumnType) -> bytes:
    """One array; takes as many of `encoded` as it has elements. Raises NotRectangular."""
    sizes, level = [], [row]
    for _ in range(kind.dimensions):
        size = len(level[0]) if level and level[0] is not None else 0
        if any(one is None or len(one) != size for one in level):
            raise NotRectangular("multidimensional arrays must have sub-arrays with matching "
                                 "dimensions")  # fmt: skip
        sizes.append(size)
        level = [inner for one in level for inner in one]
    parts = [next(encoded) for _ in level]
    nulls = int(any(one is None for one in parts))
    if not parts:
        return struct.pack("!iiI", 0, 0, kind.element.oid)
    head = struct.pack("!iiI", kind.dimensions, nulls, kind.element.oid)
    head += b"".join(struct.pack("!ii", size, 1) for size in sizes)
    return head + b"".join(
        struct.pack("!i", -1) if one is None else struct.pack("!i", len(one)) + one
        for one in parts
    )


class NotRectangular(ValueError):
    """A list of lists that is no PostgreSQL array."""


def _regtypes(column: pa.Array) -> pa.Array:
    """A type's number, of its name as format_type() prints it; 0 for one not known."""
    known = {kind.sql_name: kind.oid for kind in types.ALL}
    known |= {kind.sql_name + "[]": kind.array_oid for kind in types.ALL}
    oids = [known.get(name, 0) for name in column.to_pylist()]
    return _with_nulls(fixed(np.array(oids, dtype=">u4")), column)


def _timetzs(column: pa.Array) -> pa.Array:
    """timetz_send: microseconds, and the zone in seconds west; DuckDB prints it `01:02:03+02`."""
    values = [None if one is None else _timetz(one) for one in column.to_pylist()]
    return pa.array(values, pa.binary())


def _timetz(text: str) -> bytes:
    at = max(text.rfind("+"), text.rfind("-"))
    hours, minutes, seconds = text[:at].split(":")
    us = (int(hours) * 3600 + int(minutes) * 60) * 1_000_000 + round(float(seconds) * 1_000_000)
    zone = [int(part) for part in text[at + 1 :].split(":")] + [0, 0]
    offset_s = zone[0] * 3600 + zone[1] * 60 + zone[2]
    return struct.pack("!qi", us, -offset_s if text[at] == "+" else offset_s)


def _bits(column: pa.Array) -> pa.Array:
    """varbit_send: the number of bits, then the bits from the left."""
    values = [
        None if one is None else struct.pack("!i", len(one))
        + int(one.ljust(-(-len(one) // 8) * 8, "0") or "0", 2).to_bytes(-(-len(one) // 8), "big")
        for one in column.to_pylist()
    ]  # fmt: skip
    return pa.array(values, pa.binary())


_OTHERS = {
    types.BOOL: _booleans,
    types.TIMESTAMP: _timestamps,
    types.TIMESTAMPTZ: _timestamps,
    types.DATE: _dates,
    types.TIME: _times,
    types.INTERVAL: _intervals,
    types.UUID: _uuids,
    types.TIMETZ: _timetzs,
    types.VARBIT: _bits,
    types.REGTYPE: _regtypes,
    types.NUMERIC: _numerics,
    types.BYTEA: lambda column: column.cast(pa.binary()),
}
