"""A value as a literal in SQL text: quoted, with a cast, so that nothing of it is read as SQL."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from decimal import Decimal

from storage import quoting
from storage.pgwire import types
from storage.pgwire.binary_values import decoded, from_binary, misfit
from storage.pgwire.errors import BadParameter
from storage.pgwire.types import PgType


def literal(oid: int, format: int, value: bytes | None) -> str:
    """One parameter as an SQL literal; `format` 0 is text, 1 binary. Raises BadParameter."""
    if oid in types.BY_ARRAY_OID:
        kind = types.BY_ARRAY_OID[oid]
        if value is None:
            return f"CAST(NULL AS {kind.duckdb}[])"
        items = _binary_array(value, kind) if format else _text_array(decoded(value), kind)
        return f"CAST({_list(items)} AS {kind.duckdb}{'[]' * _depth(items)})"
    kind = types.BY_OID.get(oid, types.TEXT)
    if value is None:
        return f"CAST(NULL AS {kind.duckdb})"
    text = from_binary(kind, value) if format else decoded(value)
    return _typed(kind, text)


def _typed(kind: PgType, text: str) -> str:
    if kind in (types.TEXT, types.UNKNOWN, types.VARCHAR, types.NAME, types.BPCHAR):
        return quote(text)  # takes the type of what it meets
    if kind in _CHECKS:
        _CHECKS[kind](kind, text)
    if kind is types.BYTEA:
        raw = bytes.fromhex(text[2:]) if text.startswith("\\x") else text.encode()
        return "CAST('" + "".join(f"\\x{byte:02X}" for byte in raw) + "' AS BLOB)"
    if kind is types.NUMERIC:
        return numeric(text.strip())
    if kind is types.BOOL:
        return "TRUE" if text.strip().lower() in _TRUE else "FALSE"
    if kind is types.TIMESTAMPTZ:
        text = zone_joined(text)
    return f"CAST({quote(text.strip())} AS {kind.duckdb})"


def zone_joined(text: str) -> str:
    """`2026-01-01 00:00:00 +02:00` without the space before its zone: DuckDB takes none."""
    return re.sub(r"(\d)\s+([+-]\d\d(?::?\d\d)?)\s*$", r"\1\2", text)


def quote(text: str) -> str:
    """A string literal; a zero byte has no place in SQL text."""
    if "\0" in text:
        raise BadParameter("22021", 'invalid byte sequence for encoding "UTF8": 0x00')
    return quoting.literal(text)


_TRUE = ("t", "true", "y", "yes", "on", "1")
_FALSE = ("f", "false", "n", "no", "off", "0")


def _invalid(kind: PgType, text: str) -> BadParameter:
    return BadParameter("22P02", f'invalid input syntax for type {kind.sql_name}: "{text}"')


def _check_integer(kind: PgType, text: str) -> None:
    if not re.fullmatch(r"\s*[+-]?\d+\s*", text, re.ASCII):
        raise _invalid(kind, text)
    bits = kind.size * 8 - (0 if kind is types.OID else 1)
    if not -(2**bits) <= int(text) < 2**bits:
        raise BadParameter("22003", f'value "{text}" is out of range for type {kind.sql_name}')


def _check_float(kind: PgType, text: str) -> None:
    try:
        float(text)
    except ValueError:
        raise _invalid(kind, text) from None


def _check_bool(kind: PgType, text: str) -> None:
    if text.strip().lower() not in _TRUE + _FALSE:
        raise _invalid(kind, text)


def _check_bytes(kind: PgType, text: str) -> None:
    if text.startswith("\\x") and not re.fullmatch(r"(?:[0-9a-fA-F]{2})*", text[2:]):
        raise _invalid(kind, text)


_CHECKS: dict[PgType, Callable[[PgType, str], None]] = {
    types.INT2: _check_integer,
    types.INT4: _check_integer,
    types.INT8: _check_integer,
    types.OID: _check_integer,
    types.FLOAT4: _check_float,
    types.FLOAT8: _check_float,
    types.BOOL: _check_bool,
    types.BYTEA: _check_bytes,
}


def numeric(text: str) -> str:
    """A DECIMAL wide enough for the digits given; NaN and infinities are DOUBLE."""
    try:
        value = Decimal(text)
    except ArithmeticError:
        raise _invalid(types.NUMERIC, text) from None
    if not value.is_finite():
        return f"CAST({quote(text)} AS DOUBLE)"
    plain = f"{value:f}"
    scale = len(plain.partition(".")[2])
    width = max(len(plain.replace("-", "").replace(".", "")), scale)
    if width > 38:
        return f"CAST({quote(plain)} AS DOUBLE)"
    return f"CAST({quote(plain)} AS DECIMAL(38, {scale}))"


def _depth(items: list) -> int:  # type: ignore[type-arg]
    return 1 + max((_depth(one) for one in items if isinstance(one, list)), default=0)


def _list(items: list[str | list | None]) -> str:  # type: ignore[type-arg]
    return (
        "ARRAY["
        + ", ".join(
            "NULL" if one is None else _list(one) if isinstance(one, list) else one for one in items
        )
        + "]"
    )


_MOST_DIMENSIONS = 6
_MOST_ITEMS = 134_217_727


def _binary_array(value: bytes, kind: PgType) -> list[str | list | None]:  # type: ignore[type-arg]
    if len(value) < 12:
        raise misfit(value, 12)
    dimensions, _nulls, oid = struct.unpack("!iiI", value[:12])
    if not 0 <= dimensions <= _MOST_DIMENSIONS:
        raise BadParameter("54000", f"number of array dimensions ({dimensions}) exceeds the "
                           f"maximum allowed ({_MOST_DIMENSIONS})")  # fmt: skip
    if oid != kind.oid:
        raise BadParameter("42804", "wrong element type")
    at = 12 + 8 * dimensions
    if len(value) < at:
        raise misfit(value, at)
    sizes = struct.unpack("!" + "ii" * dimensions, value[12:at])[::2]
    count = math.prod(sizes) if sizes else 0
    if min(sizes, default=0) < 0 or count > _MOST_ITEMS:
        raise BadParameter("54000", f"array size exceeds the maximum allowed ({_MOST_ITEMS})")
    flat: list[str | list | None] = []  # type: ignore[type-arg]
    for _ in range(count):
        if len(value) < at + 4:
            raise misfit(value, at + 4)
        (size,) = struct.unpack("!i", value[at : at + 4])
        at += 4 + max(size, 0)
        if len(value) < at:
            raise misfit(value, at)
        flat.append(None if size < 0 else literal(oid, 1, value[at - size : at]))
    if at != len(value):
        raise misfit(value, at)
    nested = flat
    for size in reversed(sizes[1:]):
        nested = [nested[n : n + size] for n in range(0, len(nested), size)]
    return nested


_ITEMS = re.compile(r'\s*(?:(?P<sign>[{},])|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^{},"]+))',
                    re.DOTALL)  # fmt: skip


def _text_array(text: str, kind: PgType) -> list[str | list | None]:  # type: ignore[type-arg]
    """`{1,2,NULL}` or nested ones, as literals of the element's type."""
    stack: list[list] = [[]]  # type: ignore[type-arg]
    at, body = 0, text.strip()
    while at < len(body):
        match = _ITEMS.match(body, at)
        if match is None:
            break
        at = match.end()
        sign, quoted, bare = match.group("sign"), match.group("quoted"), match.group("bare")
        if sign == "{":
            stack.append([])
        elif sign == "}":
            if len(stack) < 2:
                break
            done = stack.pop()
            stack[-1].append(done)
        elif quoted is not None:
            stack[-1].append(_typed(kind, re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)))
        elif bare is not None and bare.strip():
            word = bare.strip()
            stack[-1].append(None if word.upper() == "NULL" else _typed(kind, word))
    if at < len(body) or len(stack) != 1 or len(stack[0]) != 1 or not isinstance(stack[0][0], list):
        raise BadParameter("22P02", f'malformed array literal: "{text}"')
    return list(stack[0][0])
