"""Parameters in PostgreSQL's binary formats, as the text that it would take for them."""

from __future__ import annotations

import struct
from decimal import Decimal

from storage.pgwire import types
from storage.pgwire.errors import BadParameter
from storage.pgwire.text import far_date
from storage.pgwire.types import PgType

_SIZES = {
    types.BOOL: 1, types.INT2: 2, types.INT4: 4, types.INT8: 8, types.OID: 4, types.FLOAT4: 4,
    types.FLOAT8: 8, types.UUID: 16, types.DATE: 4, types.TIME: 8, types.TIMETZ: 12,
    types.TIMESTAMP: 8, types.TIMESTAMPTZ: 8, types.INTERVAL: 16,
}  # fmt: skip


def misfit(value: bytes, size: int) -> BadParameter:
    """Why a binary value of another size than `size` is refused."""
    if len(value) < size:
        return BadParameter("08P01", "insufficient data left in message")
    return BadParameter("22P03", "incorrect binary data format in bind parameter")


def from_binary(kind: PgType, value: bytes) -> str:
    """A binary value as the text PostgreSQL would take for it."""
    size = _SIZES.get(kind, len(value))
    if len(value) != size:
        raise misfit(value, size)
    fixed = {
        types.INT2: "!h", types.INT4: "!i", types.INT8: "!q", types.OID: "!I",
        types.FLOAT4: "!f", types.FLOAT8: "!d",
    }.get(kind)  # fmt: skip
    if fixed:
        return repr(struct.unpack(fixed, value)[0])
    if kind is types.BOOL:
        return "t" if any(value) else "f"
    if kind is types.BYTEA:
        return "\\x" + value.hex()
    if kind is types.UUID:
        raw = value.hex()
        return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
    if kind is types.NUMERIC:
        return _numeric_text(value)
    if kind is types.JSONB:
        if value[:1] != b"\1":
            raise BadParameter("22P03", "unsupported version number of jsonb")
        return decoded(value[1:])
    if kind in (types.TIMESTAMP, types.TIMESTAMPTZ):
        return _timestamp_text(struct.unpack("!q", value)[0], kind)
    if kind is types.DATE:
        return _date_text(struct.unpack("!i", value)[0])
    if kind is types.TIME:
        return _clock_text(struct.unpack("!q", value)[0])
    if kind is types.TIMETZ:
        time_us, west_s = struct.unpack("!qi", value)
        hours, minutes = divmod(abs(west_s) // 60, 60)
        return f"{_clock_text(time_us)}{'-' if west_s > 0 else '+'}{hours:02d}:{minutes:02d}"
    if kind is types.INTERVAL:
        time_us, days, months = struct.unpack("!qii", value)
        return f"{months} months {days} days {time_us} microseconds"
    return decoded(value)


def _clock_text(time_us: int) -> str:
    seconds, micros = divmod(time_us, 1_000_000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{micros:06d}"


def _date_text(days: int) -> str:
    if days in (2**31 - 1, -(2**31)):
        return "infinity" if days > 0 else "-infinity"
    return far_date(days + 10_957).replace(" BC", " (BC)")


def _timestamp_text(time_us: int, kind: PgType) -> str:
    if time_us in (2**63 - 1, -(2**63)):
        return "infinity" if time_us > 0 else "-infinity"
    day, within = divmod(time_us, 86_400_000_000)
    date, _, era = _date_text(day).partition(" ")
    zone = "+00" if kind is types.TIMESTAMPTZ else ""
    return f"{date}{' ' + era if era else ''} {_clock_text(within)}{zone}"


def _numeric_text(value: bytes) -> str:
    if len(value) < 8:
        raise misfit(value, 8)
    groups, weight, sign, scale = struct.unpack("!HhHh", value[:8])
    if sign == 0xC000:
        return "NaN"
    if sign in (0xD000, 0xF000):
        return "Infinity" if sign == 0xD000 else "-Infinity"
    if len(value) != 8 + 2 * groups:
        raise misfit(value, 8 + 2 * groups)
    digits = struct.unpack(f"!{groups}h", value[8:])
    if sign not in (0, 0x4000) or scale < 0 or not all(0 <= one < 10_000 for one in digits):
        raise BadParameter("22P03", 'invalid digits or sign in external "numeric" value')
    number = sum(
        (Decimal(digit).scaleb(4 * (weight - at)) for at, digit in enumerate(digits)), Decimal(0)
    )
    return f"{'-' if sign else ''}{number:.{scale}f}"


def decoded(value: bytes) -> str:
    """Text of the wire. Raises BadParameter 22021."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise BadParameter("22021", 'invalid byte sequence for encoding "UTF8"') from None
