"""Columns as PostgreSQL prints them: one Arrow column in, one Arrow column of bytes out.

No loop over rows: Arrow's and NumPy's kernels print whole columns, and only values whose
PostgreSQL form differs (1e+20, infinity, the year 10000) are taken out and printed one by one.
Source of the forms: PostgreSQL 15, chapter 8, and its server's own output.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storage.pgwire import types
from storage.pgwire.types import ColumnType

_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US
# Outside of these years Arrow's calendar printing stops or differs.
_FIRST_US = -62_135_596_800 * _SECOND_US  # 0001-01-01
_LAST_US = 253_402_300_800 * _SECOND_US  # 10000-01-01
_INFINITE = 2**63 - 1

_HEX = np.array([f"{byte:02x}".encode() for byte in range(256)], dtype="S2")


def encode(column: pa.Array, kind: ColumnType, zone: str = "UTC") -> pa.Array:
    """Print a column; NULL stays null. Returns a binary array of the same length.

    `zone` is the session's TimeZone, used for timestamptz alone.
    """
    return strings(column, kind, zone).cast(pa.binary())


def strings(column: pa.Array, kind: ColumnType, zone: str = "UTC") -> pa.Array:
    """As `encode`, as a column of strings."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if kind.dimensions and pa.types.is_nested(column.type):
        return _arrays(column, kind, zone)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_null(column.type):
        return column.cast(pa.string())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.cast(pa.string())
    if pa.types.is_timestamp(column.type):
        return _timestamps(column, zone if column.type.tz is not None else None)
    printer = _PRINTERS.get(kind.element.oid)
    return printer(column) if printer else column.cast(pa.string())


def _booleans(column: pa.Array) -> pa.Array:
    return pc.if_else(column, "t", "f")


def _floats(column: pa.Array) -> pa.Array:
    """Shortest digits that read back as the same number, laid out as PostgreSQL does it.

    PostgreSQL writes an exponent below 1e-4 and from 1e15 (float8) or 1e6 (float4) on, with at
    least two digits; Arrow's digits are the same, its layout differs outside of 1e-4 .. 1e14.
    """
    single = pa.types.is_float32(column.type)
    out = column.cast(pa.string())
    values = column.fill_null(1.0).to_numpy(zero_copy_only=False)
    size = np.abs(values)
    odd = ~((size < (1e6 if single else 1e14)) & ((size >= 1e-4) | (size == 0)))
    return _replace(out, odd, lambda at: _float_text(float(values[at]), out[at].as_py(), single))


def _float_text(value: float, shortest: str, single: bool) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    sign = "-" if shortest.startswith("-") else ""
    mantissa, _, exponent = shortest.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    power = len(whole.lstrip("0")) - 1 if whole.strip("0") else (
        -1 - (len(fraction) - len(fraction.lstrip("0")))
    )
    power += int(exponent or 0)
    digits = digits.rstrip("0") or "0"
    if -4 <= power < (6 if single else 15):
        if power >= 0:
            digits = digits.ljust(power + 1, "0")
            rest = digits[power + 1 :]
            return f"{sign}{digits[: power + 1]}{'.' + rest if rest else ''}"
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    head = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{sign}{head}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _decimals(column: pa.Array) -> pa.Array:
    out = column.cast(pa.string())
    if not pa.types.is_decimal(column.type) or column.type.scale < 6:
        return out
    # Arrow writes small numbers of a large scale as 1E-10.
    odd = pc.match_substring(out, "E").fill_null(False).to_numpy(zero_copy_only=False)
    return _replace(out, odd, lambda at: f"{column[at].as_py():f}")


def _timestamps(column: pa.Array, zone: str | None) -> pa.Array:
    """`2026-01-02 03:04:05.6`, with the zone's offset (`+00`, `+05:30`) for timestamptz."""
    factor = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0}[column.type.unit]
    raw = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    infinite = np.abs(raw) >= _INFINITE
    time_us = np.where(infinite, 0, raw // 1000 if factor == 0 else raw * max(factor, 1))
    strange = (time_us < _FIRST_US + _DAY_US) | (time_us >= _LAST_US - _DAY_US)
    offset_s = np.zeros(len(raw), dtype=np.int64)
    calm = pa.array(np.where(strange, 0, time_us), type=pa.timestamp("us"))
    if zone is not None and zone not in ("UTC", "Etc/UTC"):
        aware = calm.cast(pa.timestamp("us", tz="UTC")).cast(pa.timestamp("us", tz=zone))
        local = pc.local_timestamp(aware)
        offset_s = (local.cast(pa.int64()).to_numpy() - calm.cast(pa.int64()).to_numpy()) // (
            _SECOND_US
        )
        calm = local
    same = zone is not None and not offset_s.any()
    out = _clock_texts(calm, "+00" if same else "")
    if zone is not None and not same:
        distinct, which = np.unique(offset_s, return_inverse=True)
        names = pa.array([_offset_text(int(seconds)) for seconds in distinct])
        out = pc.binary_join_element_wise(out, names.take(pa.array(which)), "")

    def special(at: int) -> str:
        if infinite[at]:
            return "infinity" if raw[at] > 0 else "-infinity"
        return _far_text(int(time_us[at])) + ("+00" if zone is not None else "")

    return _with_nulls(_replace(out, infinite | strange, special), column)


def _offset_text(seconds: int) -> str:
    sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
    text = f"{sign}{seconds // 3600:02d}"
    if seconds % 3600:
        text += f":{seconds // 60 % 60:02d}"
    return text + (f":{seconds % 60:02d}" if seconds % 60 else "")


def _clock_texts(column: pa.Array, zone: str) -> pa.Array:
    """Times in microseconds printed, without needless zeros of the fraction, and `zone` behind.

    Arrow's printing and trimming cost what putting together tables of bytes in NumPy costs.
    """
    whole = not (column.cast(pa.int64()).to_numpy() % _SECOND_US).any()
    if whole:
        out = column.cast(pa.timestamp("s")).cast(pa.string())
    else:
        out = _trimmed(column.cast(pa.string()))
    return pc.binary_join_element_wise(out, zone, "") if zone else out


def _trimmed(column: pa.Array) -> pa.Array:
    """Without needless zeros of the fraction; the column has always six digits of it."""
    return pc.ascii_rtrim(pc.ascii_rtrim(column, "0"), ".")


def _far_text(time_us: int) -> str:
    """A time outside of the years 1 to 9999, in PostgreSQL's form (4-digit year, BC)."""
    day, within_us = divmod(time_us, _DAY_US)
    clock = str(np.datetime64(within_us, "us"))[11:].rstrip("0").rstrip(".")
    date, _, era = far_date(day).partition(" ")
    return f"{date} {clock}" + (f" {era}" if era else "")


def far_date(day: int) -> str:
    """A day since 1970 as PostgreSQL prints it, whatever its year."""
    text = str(np.datetime64(day, "D"))
    year, month, of_month = text.lstrip("+-").rsplit("-", 2)
    number = -int(year) if text.startswith("-") else int(year)
    if number <= 0:  # year 0 is 1 BC
        return f"{1 - number:04d}-{month}-{of_month} BC"
    return f"{number:04d}-{month}-{of_month}"


def _dates(column: pa.Array) -> pa.Array:
    days = column.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    infinite = np.abs(days) >= 2**31 - 1
    odd = infinite | (days < _FIRST_US // _DAY_US) | (days >= _LAST_US // _DAY_US)
    out = pa.array(np.where(odd, 0, days).astype(np.int32)).cast(pa.date32()).cast(pa.string())

    def special(at: int) -> str:
        if infinite[at]:
            return "infinity" if days[at] > 0 else "-infinity"
        return far_date(int(days[at]))

    return _with_nulls(_replace(out, odd, special), column)


def _times(column: pa.Array) -> pa.Array:
    whole = column.cast(pa.time64("us")).cast(pa.int64()).fill_null(0).to_numpy()
    midnight = whole >= _DAY_US  # PostgreSQL and DuckDB have 24:00:00, Arrow has not
    calm = pa.array(np.where(midnight, 0, whole)).cast(pa.time64("us"))
    out = _replace(_trimmed(calm.cast(pa.string())), midnight, lambda _at: "24:00:00")
    return _with_nulls(out, column)


def _intervals(column: pa.Array) -> pa.Array:
    """`1 year 2 mons 3 days 04:05:06.7` (IntervalStyle postgres), each distinct value once."""
    parts = np.dtype([("months", "<i4"), ("days", "<i4"), ("ns", "<i8")])
    data = np.frombuffer(column.buffers()[1], dtype=parts)[column.offset :][: len(column)]
    distinct, which = np.unique(data, return_inverse=True)
    texts = [
        interval_text(int(one["months"]), int(one["days"]), int(one["ns"]) // 1000)
        for one in distinct
    ]
    return _with_nulls(pa.array(texts, pa.string()).take(pa.array(which.ravel())), column)


def interval_text(months: int, days: int, time_us: int) -> str:
    """One interval as PostgreSQL prints it (EncodeInterval, style postgres)."""
    parts: list[str] = []
    before = False  # the part before was negative: a positive one after it carries its sign

    def part(value: int, unit: str) -> None:
        nonlocal before
        if value:
            sign = "+" if before and value > 0 else ""
            parts.append(f"{sign}{value} {unit}{'' if value == 1 else 's'}")
            before = value < 0

    years = int(months / 12)  # towards zero
    part(years, "year")
    part(months - years * 12, "mon")
    part(days, "day")
    if time_us or not parts:
        sign = "-" if time_us < 0 else "+" if before else ""
        seconds, micros = divmod(abs(time_us), _SECOND_US)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        fraction = f".{micros:06d}".rstrip("0") if micros else ""
        parts.append(sign + clock + fraction)
    return " ".join(parts)


def _bytes(column: pa.Array) -> pa.Array:
    """`\\x` and two hexadecimal digits a byte."""
    column = pc.coalesce(column.cast(pa.binary()), pa.scalar(b"", pa.binary()))
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)
    offsets = offsets[column.offset :][: len(column) + 1]
    raw = column.buffers()[2]
    data = np.frombuffer(raw, dtype=np.uint8)[offsets[0] : offsets[-1]] if raw else (
        np.zeros(0, np.uint8)
    )
    hexed = pa.Array.from_buffers(
        pa.string(),
        len(column),
        [None, pa.py_buffer((offsets - offsets[0]) * np.int32(2)), pa.py_buffer(_HEX[data])],
    )
    return pc.binary_join_element_wise("\\x", hexed, "")


def _byte_strings(column: pa.Array) -> pa.Array:
    return _with_nulls(_bytes(column), column)


def _arrays(column: pa.Array, kind: ColumnType, zone: str) -> pa.Array:
    """`{1,2,NULL}`: elements printed as a column, quoted where needed, joined per row."""
    if pa.types.is_fixed_size_list(column.type):
        column = column.cast(pa.list_(column.type.value_type))
    inner = ColumnType(kind.element, kind.dimensions - 1, kind.typmod)
    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    elements = strings(column.flatten(), inner, zone)
    if not inner.dimensions and _may_need_quotes(kind):
        elements = _quoted(elements)
    elements = pc.fill_null(elements, "NULL")
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, elements), ",")
    return _with_nulls(pc.binary_join_element_wise("{", joined, "}", ""), column)


def _may_need_quotes(kind: ColumnType) -> bool:
    return kind.element.category not in ("N", "B") and kind.element not in (types.DATE, types.UUID)


def _quoted(elements: pa.Array) -> pa.Array:
    """Quote what array_out quotes: empty, NULL, braces, commas, quotes, backslashes, spaces."""
    needs = pc.or_(
        pc.match_substring_regex(elements, r'[{},"\\\s]'),
        pc.match_substring_regex(elements, r"^(?i:null)?$"),
    )
    escaped = pc.replace_substring_regex(elements, r'(["\\])', r"\\\1")
    return pc.if_else(needs, pc.binary_join_element_wise('"', escaped, '"', ""), elements)


def _replace(column: pa.Array, odd: np.ndarray, printed: Callable[[int], str]) -> pa.Array:
    """Put `printed(row)` where `odd` is true."""
    if not odd.any():
        return column
    values = pa.array([printed(int(at)) for at in np.flatnonzero(odd)], column.type)
    return pc.replace_with_mask(column, pa.array(odd), values)


def _with_nulls(out: pa.Array, source: pa.Array) -> pa.Array:
    if source.null_count == 0:
        return out
    return pc.if_else(source.is_valid(), out, pa.scalar(None, out.type))


_PRINTERS: dict[int, Callable[[pa.Array], pa.Array]] = {
    types.BOOL.oid: _booleans,
    types.FLOAT4.oid: _floats,
    types.FLOAT8.oid: _floats,
    types.NUMERIC.oid: _decimals,
    types.DATE.oid: _dates,
    types.TIME.oid: _times,
    types.INTERVAL.oid: _intervals,
    types.BYTEA.oid: _byte_strings,
}
