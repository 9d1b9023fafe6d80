"""Messages of the PostgreSQL frontend/backend protocol 3.0, as bytes.

Source: PostgreSQL 15 documentation, chapter 55, "Message Formats". Pure: bytes in, bytes out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

PROTOCOL_3 = 3 << 16
SSL_REQUEST = (1234 << 16) | 5679
GSS_REQUEST = (1234 << 16) | 5680
CANCEL_REQUEST = (1234 << 16) | 5678

_HEADER = struct.Struct("!cI")
_SHORT = struct.Struct("!H")
_INT = struct.Struct("!i")


class ProtocolError(Exception):
    """A message that is not what the protocol allows (08P01): the connection is closed."""


class FormatError(ProtocolError):
    """The body of a message is none of its kind (08P01): the connection goes on behind it."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a RowDescription."""

    name: str
    oid: int
    size: int = -1
    typmod: int = -1
    format: int = 0  # 0 text, 1 binary


def message(kind: bytes, body: bytes = b"") -> bytes:
    """One backend message: kind, length, body."""
    return _HEADER.pack(kind, len(body) + 4) + body


def text(value: str) -> bytes:
    """A zero-terminated string; a zero inside would cut it, so it goes."""
    return value.replace("\0", "").encode("utf-8", "replace") + b"\0"


def authentication(code: int, data: bytes = b"") -> bytes:
    """AuthenticationOk (0), SASL (10), SASLContinue (11) or SASLFinal (12)."""
    return message(b"R", _INT.pack(code) + data)


def parameter_status(name: str, value: str) -> bytes:
    return message(b"S", text(name) + text(value))


def backend_key(pid: int, secret: int) -> bytes:
    return message(b"K", struct.pack("!iI", pid, secret))


def ready(status: str) -> bytes:
    """ReadyForQuery: `status` is I (idle), T (in a transaction) or E (in a failed one)."""
    return message(b"Z", status.encode())


def negotiate(unknown: Iterable[str]) -> bytes:
    """NegotiateProtocolVersion: 3.0 is the newest here, and these options are not known."""
    names = list(unknown)
    return message(b"v", struct.pack("!ii", PROTOCOL_3, len(names)) + b"".join(map(text, names)))


def fields(kind: bytes, values: Mapping[str, str]) -> bytes:
    body = b"".join(key.encode() + text(value) for key, value in values.items())
    return message(kind, body + b"\0")


def error(sqlstate: str, what: str, *, severity: str = "ERROR", position: int | None = None,
          detail: str = "", hint: str = "") -> bytes:  # fmt: skip
    """ErrorResponse; `position` is the 1-based character in the client's text."""
    values = {"S": severity, "V": severity, "C": sqlstate, "M": what}
    if detail:
        values["D"] = detail
    if hint:
        values["H"] = hint
    if position:
        values["P"] = str(position)
    return fields(b"E", values)


def notice(sqlstate: str, what: str, severity: str = "WARNING") -> bytes:
    return fields(b"N", {"S": severity, "V": severity, "C": sqlstate, "M": what})


def row_description(columns: Sequence[Field]) -> bytes:
    parts = [_SHORT.pack(len(columns))]
    for column in columns:
        parts.append(text(column.name))
        parts.append(struct.pack("!IHIhih", 0, 0, column.oid, column.size, column.typmod,
                                 column.format))  # fmt: skip
    return message(b"T", b"".join(parts))


def parameter_description(oids: Sequence[int]) -> bytes:
    return message(b"t", _SHORT.pack(len(oids)) + struct.pack(f"!{len(oids)}I", *oids))


def complete(tag: str) -> bytes:
    return message(b"C", text(tag))


def copy_out(columns: int, format: int) -> bytes:
    """CopyOutResponse: every column in the same format."""
    return message(b"H", struct.pack("!bH", format, columns) + _SHORT.pack(format) * columns)


PARSE_COMPLETE = message(b"1")
BIND_COMPLETE = message(b"2")
CLOSE_COMPLETE = message(b"3")
NO_DATA = message(b"n")
SUSPENDED = message(b"s")
EMPTY_QUERY = message(b"I")
COPY_DONE = message(b"c")


class Reader:
    """Takes a frontend message's body apart; raises FormatError where it is too short or long."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    def text(self) -> str:
        end = self._body.find(b"\0", self._at)
        if end < 0:
            raise FormatError("invalid string in message")
        raw, self._at = self._body[self._at : end], end + 1
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise EncodingError("invalid byte sequence for encoding \"UTF8\"") from None

    def take(self, size: int) -> bytes:
        end = self._at + size
        if size < 0 or end > len(self._body):
            raise FormatError("insufficient data left in message")
        part, self._at = self._body[self._at : end], end
        return part

    def short(self) -> int:
        return int(_SHORT.unpack(self.take(2))[0])

    def int(self) -> int:
        return int(_INT.unpack(self.take(4))[0])

    def shorts(self) -> list[int]:  # type: ignore[valid-type]
        """A counted list of 16-bit numbers: format codes."""
        count = self.short()
        return list(struct.unpack(f"!{count}H", self.take(2 * count)))

    def oids(self) -> list[int]:  # type: ignore[valid-type]
        count = self.short()
        return list(struct.unpack(f"!{count}I", self.take(4 * count)))

    def values(self) -> list[bytes | None]:
        """A counted list of values, each with its length; -1 is NULL."""
        out: list[bytes | None] = []
        for _ in range(self.short()):
            size = self.int()
            out.append(None if size == -1 else self.take(size))
        return out

    def rest(self) -> bytes:
        return self.take(len(self._body) - self._at)

    def end(self) -> None:
        """Nothing more may follow."""
        if self._at < len(self._body):
            raise FormatError("invalid message format")


class EncodingError(Exception):
    """Text that is not UTF-8 (22021): an error of the statement, the connection goes on."""
