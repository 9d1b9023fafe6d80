"""A thin client of PostgreSQL's protocol that shows everything a server says, for comparisons."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from scramp import ScramClient

Event = tuple[Any, ...]

PROTOCOL_3 = 3 << 16


def text(value: str) -> bytes:
    return value.encode() + b"\0"


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def query(sql: str) -> bytes:
    return message(b"Q", text(sql))


def parse(sql: str, name: str = "", oids: Sequence[int] = ()) -> bytes:
    return message(b"P", text(name) + text(sql) + struct.pack(f"!H{len(oids)}I", len(oids), *oids))


def bind(values: Sequence[bytes | None] = (), *, portal: str = "", name: str = "",
         formats: Sequence[int] = (), results: Sequence[int] = ()) -> bytes:  # fmt: skip
    body = text(portal) + text(name)
    body += struct.pack(f"!H{len(formats)}H", len(formats), *formats)
    body += struct.pack("!H", len(values))
    for one in values:
        body += struct.pack("!i", -1) if one is None else struct.pack("!i", len(one)) + one
    return message(b"B", body + struct.pack(f"!H{len(results)}H", len(results), *results))


def describe(kind: str = "S", name: str = "") -> bytes:
    return message(b"D", kind.encode() + text(name))


def execute(portal: str = "", most: int = 0) -> bytes:
    return message(b"E", text(portal) + struct.pack("!i", most))


def close(kind: str, name: str) -> bytes:
    return message(b"C", kind.encode() + text(name))


SYNC = message(b"S")
FLUSH = message(b"H")


class Client:
    """One connection; `startup` are parameters of the startup message."""

    def __init__(self, port: int, password: str = "", *, version: int = PROTOCOL_3,
                 tls: ssl.SSLContext | None = None, **startup: str) -> None:  # fmt: skip
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self._socket.sendall(struct.pack("!II", 8, (1234 << 16) | 5679))
            assert self._socket.recv(1) == b"S"
            self._socket = tls.wrap_socket(self._socket, server_hostname="localhost")
        self._held = bytearray()
        self.settings: dict[str, str] = {}
        self.key = (0, 0)
        wanted = {"user": "orbitwin", "database": "twin"} | startup
        body = struct.pack("!I", version) + b"".join(
            text(key) + text(value) for key, value in wanted.items()
        )
        self._socket.sendall(struct.pack("!I", len(body) + 4 + 1) + body + b"\0")
        self.greeting = self._login(password)

    def _login(self, password: str) -> list[Event]:
        """What was said until ReadyForQuery, but for the authentication itself."""
        said: list[Event] = []
        scram = ScramClient(["SCRAM-SHA-256"], "orbitwin", password) if password else None
        while True:
            kind, body = self.take()
            if kind == b"R":
                (code,) = struct.unpack("!I", body[:4])
                if code == 10:
                    assert scram is not None
                    first = scram.get_client_first().encode()
                    self.send(message(b"p", text("SCRAM-SHA-256") + struct.pack("!I", len(first))
                                      + first))  # fmt: skip
                elif code == 11:
                    assert scram is not None
                    scram.set_server_first(body[4:].decode())
                    self.send(message(b"p", scram.get_client_final().encode()))
                continue
            if kind == b"K":
                self.key = struct.unpack("!II", body)
                continue
            said.append(event(kind, body))
            if kind == b"S":
                self.settings[said[-1][1]] = said[-1][2]
            if kind == b"Z" or (kind == b"E" and said[-1][1] == "FATAL"):
                return said

    def send(self, *messages: bytes) -> None:
        self._socket.sendall(b"".join(messages))

    def take(self) -> tuple[bytes, bytes]:
        """The next message. Raises ConnectionError at the end."""
        head = self._exactly(5)
        return head[:1], self._exactly(struct.unpack("!I", head[1:])[0] - 4)

    def _exactly(self, size: int) -> bytes:
        while len(self._held) < size:
            part = self._socket.recv(1 << 16)
            if not part:
                raise ConnectionError("the server has hung up")
            self._held += part
        out = bytes(self._held[:size])
        del self._held[:size]
        return out

    def events(self, until: bytes = b"Z") -> list[Event]:
        """What the server says up to a message of kind `until` (ReadyForQuery)."""
        said: list[Event] = []
        while True:
            kind, body = self.take()
            said.append(event(kind, body))
            if kind == until:
                return said

    def say(self, *messages: bytes) -> list[Event]:
        """Send, and hear everything up to ReadyForQuery."""
        self.send(*messages)
        return self.events()

    def simple(self, sql: str) -> list[Event]:
        return self.say(query(sql))

    def cancel(self) -> None:
        """Ask on a connection of its own that the running statement be cancelled."""
        with socket.create_connection(self._socket.getpeername(), timeout=10) as other:
            other.sendall(struct.pack("!IIII", 16, (1234 << 16) | 5678, *self.key))
            other.recv(1)

    def hang_up(self) -> None:
        self._socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()


def event(kind: bytes, body: bytes) -> Event:
    """A server's message as what must be equal between servers: no wording, no table OIDs."""
    name = kind.decode()
    if name == "T":
        return (name, *_fields(body))
    if name == "D":
        return (name, *_values(body))
    if name in "CI":
        return (name, body.rstrip(b"\0").decode())
    if name in "EN":
        said = {one[:1].decode(): one[1:].decode() for one in body.split(b"\0") if one}
        return (name, said["S"], said["C"], said.get("P"))
    if name == "S":
        return (name, *(one.decode() for one in body.split(b"\0")[:2]))
    if name == "t":
        return (name, *struct.unpack(f"!{(len(body) - 2) // 4}I", body[2:]))
    if name == "H":
        return (name, *struct.unpack("!bH", body[:3]), body[3:])
    return (name, body)


def _fields(body: bytes) -> Iterable[tuple[Any, ...]]:
    at = 2
    while at < len(body):
        end = body.index(b"\0", at)
        _, _, oid, size, typmod, format = struct.unpack("!IHIhih", body[end + 1 : end + 19])
        yield body[at:end].decode(), oid, size, typmod, format
        at = end + 19


def _values(body: bytes) -> Iterable[bytes | None]:
    at = 2
    while at < len(body):
        (size,) = struct.unpack("!i", body[at : at + 4])
        at += 4
        yield None if size < 0 else body[at : at + size]
        at += max(size, 0)
