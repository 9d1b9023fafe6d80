"""Parameters of the extended protocol: from the wire's bytes to literals in the SQL text.

`$1` is replaced where the lexer sees a parameter, never inside a string, and every value
becomes a quoted literal with a cast: nothing of a value is ever read as SQL. Literals rather
than DuckDB's own parameters because DuckDB streams a relation only of a whole text, and because
an untyped literal takes the type of what it meets, as PostgreSQL's unknown parameters do.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Sequence
from decimal import Decimal

from storage import quoting
from storage.lexer import Piece
from storage.pgwire import types
from storage.pgwire.errors import SqlError
from storage.pgwire.types import PgType

_PG_EPOCH_US = 946_684_800_000_000
_MOST = 65_535  # parameters, the protocol's own bound


class BadParameter(Exception):
    """A value that is not of its type, with the SQLSTATE for it."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message


def count(piece: Piece) -> int:
    """The highest `$n` of a statement."""
    most = 0
    for token in piece.tokens:
        if token.kind == "param":
            number = int(token.text[1:])
            if not 1 <= number <= _MOST:
                raise SqlError("42P02", f"there is no parameter {token.text}",
                               position=piece.start + token.start + 1)  # fmt: skip
            most = max(most, number)
    return most


def infer(piece: Piece, declared: Sequence[int]) -> list[int]:
    """The OID of each parameter: declared, else from its cast or LIMIT, else text."""
    oids = list(declared) + [0] * (count(piece) - len(declared))
    named = {int(token.text[1:]) for token in piece.tokens if token.kind == "param"}
    for number, oid in enumerate(oids, 1):
        if not oid and number not in named:
            raise SqlError("42P18", f"could not determine data type of parameter ${number}")
    for at, token in enumerate(piece.tokens):
        if token.kind != "param" or oids[int(token.text[1:]) - 1]:
            continue
        number = int(token.text[1:]) - 1
        if piece.word(at + 1) == "::":
            after = at + 2
            if piece.word(after + 1) == ".":  # pg_catalog.int4
                after += 2
            found = types.BY_NAME.get(piece.word(after))
            if found:
                array = piece.word(after + 1) == "["
                oids[number] = found.array_oid if array else found.oid
        elif at and piece.word(at - 1) in ("limit", "offset"):
            oids[number] = types.INT8.oid
        elif piece.word(at - 1) == "(" and piece.word(at + 1) == "as":
            found = types.BY_NAME.get(piece.word(at + 2))
            if found:
                array = piece.word(at + 3) == "["
                oids[number] = found.array_oid if array else found.oid
        elif beside := _number_beside(piece, at):
            oids[number] = types.NUMERIC.oid if "." in beside else types.INT4.oid
    return [oid or types.TEXT.oid for oid in oids]


def _number_beside(piece: Piece, at: int) -> str:
    """The number of `$1 + 1` or `2 * $1`, whose type the parameter takes; '' if there is none."""
    for sign, beside in ((at + 1, at + 2), (at - 1, at - 2)):
        named = 0 <= beside < len(piece.tokens) and piece.tokens[beside].kind == "number"
        if named and piece.word(sign) in tuple("+-*/%"):
            return piece.tokens[beside].text
    return ""


def bind(piece: Piece, literals: Sequence[str]) -> str:
    """The statement's text with each `$n` replaced by `literals[n - 1]`."""
    out, at = [], 0
    for place, token in enumerate(piece.tokens):
        if token.kind == "param":
            number = int(token.text[1:])
            if not 1 <= number <= len(literals):
                raise BadParameter("42P02", f"there is no parameter ${number}")
            value = literals[number - 1]
            out += [piece.sql[at : token.start], value]
            at = token.end
            after = [one.folded for one in piece.tokens[place + 1 : place + 4]]
            if after[:1] == ["::"] and after[1:2] in (["numeric"], ["decimal"]) and (
                after[2:] not in (["("], ["["])
            ):  # DuckDB's bare NUMERIC would round to three places: the literal keeps its own
                at = piece.tokens[place + 2].end
                if value.startswith("'"):
                    out[-1] = _numeric_literal(value[1:-1])
    return "".join(out) + piece.sql[at:]


def unbound(oids: Sequence[int], declared: Sequence[int]) -> list[str]:
    """Literals that stand for values not known yet: NULLs of the parameters' types."""
    return [
        literal(oid, 0, None) if oid != types.TEXT.oid or known else "NULL"
        for oid, known in zip(oids, [*declared, *[0] * len(oids)], strict=False)
    ]


def literal(oid: int, format: int, value: bytes | None) -> str:
    """One parameter as an SQL literal; `format` 0 is text, 1 binary. Raises BadParameter."""
    if oid in types.BY_ARRAY_OID:
        kind = types.BY_ARRAY_OID[oid]
        if value is None:
            return f"CAST(NULL AS {kind.duckdb}[])"
        items = _binary_array(value, kind) if format else _text_array(_decoded(value), kind)
        return f"CAST({_list(items)} AS {kind.duckdb}{'[]' * _depth(items)})"
    kind = types.BY_OID.get(oid, types.TEXT)
    if value is None:
        return f"CAST(NULL AS {kind.duckdb})"
    text = _from_binary(kind, value) if format else _decoded(value)
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
        return _numeric_literal(text.strip())
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


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise BadParameter("22021", 'invalid byte sequence for encoding "UTF8"') from None


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


def _numeric_literal(text: str) -> str:
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


_SIZES = {
    types.BOOL: 1, types.INT2: 2, types.INT4: 4, types.INT8: 8, types.OID: 4, types.FLOAT4: 4,
    types.FLOAT8: 8, types.UUID: 16, types.DATE: 4, types.TIME: 8, types.TIMETZ: 12,
    types.TIMESTAMP: 8, types.TIMESTAMPTZ: 8, types.INTERVAL: 16,
}  # fmt: skip


def _misfit(value: bytes, size: int) -> BadParameter:
    """Why a binary value of another size than `size` is refused."""
    if len(value) < size:
        return BadParameter("08P01", "insufficient data left in message")
    return BadParameter("22P03", "incorrect binary data format in bind parameter")


def _from_binary(kind: PgType, value: bytes) -> str:
    """A binary value as the text PostgreSQL would take for it."""
    size = _SIZES.get(kind, len(value))
    if len(value) != size:
        raise _misfit(value, size)
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
        return _decoded(value[1:])
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
    return _decoded(value)


def _clock_text(time_us: int) -> str:
    seconds, micros = divmod(time_us, 1_000_000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{micros:06d}"


def _date_text(days: int) -> str:
    from storage.pgwire.text import _far_date

    if days in (2**31 - 1, -(2**31)):
        return "infinity" if days > 0 else "-infinity"
    return _far_date(days + 10_957).replace(" BC", " (BC)")


def _timestamp_text(time_us: int, kind: PgType) -> str:
    if time_us in (2**63 - 1, -(2**63)):
        return "infinity" if time_us > 0 else "-infinity"
    day, within = divmod(time_us, 86_400_000_000)
    date, _, era = _date_text(day).partition(" ")
    zone = "+00" if kind is types.TIMESTAMPTZ else ""
    return f"{date}{' ' + era if era else ''} {_clock_text(within)}{zone}"


def _numeric_text(value: bytes) -> str:
    if len(value) < 8:
        raise _misfit(value, 8)
    groups, weight, sign, scale = struct.unpack("!HhHh", value[:8])
    if sign == 0xC000:
        return "NaN"
    if sign in (0xD000, 0xF000):
        return "Infinity" if sign == 0xD000 else "-Infinity"
    if len(value) != 8 + 2 * groups:
        raise _misfit(value, 8 + 2 * groups)
    digits = struct.unpack(f"!{groups}h", value[8:])
    if sign not in (0, 0x4000) or scale < 0 or not all(0 <= one < 10_000 for one in digits):
        raise BadParameter("22P03", 'invalid digits or sign in external "numeric" value')
    number = sum(
        (Decimal(digit).scaleb(4 * (weight - at)) for at, digit in enumerate(digits)), Decimal(0)
    )
    return f"{'-' if sign else ''}{number:.{scale}f}"


def _depth(items: list) -> int:  # type: ignore[type-arg]
    return 1 + max((_depth(one) for one in items if isinstance(one, list)), default=0)


def _list(items: list[str | list | None]) -> str:  # type: ignore[type-arg]
    return (
        "ARRAY["
        + ", ".join(
            "NULL" if one is None else _list(one) if isinstance(one, list) else one
            for one in items
        )
        + "]"
    )


_MOST_DIMENSIONS = 6
_MOST_ITEMS = 134_217_727


def _binary_array(value: bytes, kind: PgType) -> list[str | list | None]:  # type: ignore[type-arg]
    if len(value) < 12:
        raise _misfit(value, 12)
    dimensions, _nulls, oid = struct.unpack("!iiI", value[:12])
    if not 0 <= dimensions <= _MOST_DIMENSIONS:
        raise BadParameter("54000", f"number of array dimensions ({dimensions}) exceeds the "
                           f"maximum allowed ({_MOST_DIMENSIONS})")  # fmt: skip
    if oid != kind.oid:
        raise BadParameter("42804", "wrong element type")
    at = 12 + 8 * dimensions
    if len(value) < at:
        raise _misfit(value, at)
    sizes = struct.unpack("!" + "ii" * dimensions, value[12:at])[::2]
    count = math.prod(sizes) if sizes else 0
    if min(sizes, default=0) < 0 or count > _MOST_ITEMS:
        raise BadParameter("54000", f"array size exceeds the maximum allowed ({_MOST_ITEMS})")
    flat: list[str | list | None] = []  # type: ignore[type-arg]
    for _ in range(count):
        if len(value) < at + 4:
            raise _misfit(value, at + 4)
        (size,) = struct.unpack("!i", value[at : at + 4])
        at += 4 + max(size, 0)
        if len(value) < at:
            raise _misfit(value, at)
        flat.append(None if size < 0 else literal(oid, 1, value[at - size : at]))
    if at != len(value):
        raise _misfit(value, at)
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
