"""One client's socket: whole messages in, gathered answers out, time limits on both."""

from __future__ import annotations

import select
import socket
import struct
import time
from contextlib import suppress

from storage.pgwire.messages import ProtocolError

_SEND_AT = 64 * 1024  # bytes gathered before they are sent
_CHUNK = 64 * 1024
_MOST_SHORT = 10_000  # bytes of a message that carries no statement, value or data ...
_LONG = frozenset({b"Q", b"P", b"B", b"F", b"d"})  # ... as these do
_HANG_UP = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class Closed(Exception):
    """The client is gone, or too slow to go on with."""


class IdleTooLong(Closed):
    """No message came within the time allowed."""


class Wire:
    """Reads and writes messages; used by one thread, but for `gone` and `shut`."""

    def __init__(self, connection: socket.socket, max_message_bytes: int,
                 send_timeout_s: float) -> None:  # fmt: skip
        self.connection = connection
        self.max_message_bytes = max_message_bytes
        self._send_timeout_s = send_timeout_s
        self._in = bytearray()
        self._out: list[bytes | memoryview] = []
        self._out_bytes = 0

    def take(self, size: int, until: float) -> bytes:
        """Exactly `size` bytes, by the monotonic time `until`. Raises Closed."""
        while len(self._in) < size:
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise IdleTooLong
            try:
                self.connection.settimeout(left_s)
                part = self.connection.recv(max(_CHUNK, size - len(self._in)))
            except TimeoutError:
                raise IdleTooLong from None
            except (OSError, ValueError):
                raise Closed from None
            if not part:
                raise Closed
            self._in += part
        out = bytes(self._in[:size])
        del self._in[:size]
        return out

    def pending(self) -> bool:
        """Whether bytes were read that no message has used."""
        return bool(self._in)

    def message(self, timeout_s: float) -> tuple[bytes, bytes]:
        """The next message's kind and body. Raises Closed, IdleTooLong or ProtocolError."""
        until = time.monotonic() + timeout_s if timeout_s else float("inf")
        until = min(until, time.monotonic() + 10**6)  # the socket takes no infinite timeout
        kind, size = struct.unpack("!cI", self.take(5, until))
        most = self.max_message_bytes if kind in _LONG else _MOST_SHORT
        if size < 4 or size - 4 > most:
            raise ProtocolError(f"invalid message length {size}")
        return kind, self.take(size - 4, until)

    def put(self, data: bytes | memoryview) -> None:
        """Gather an answer; sends when enough has come together."""
        if len(data):
            self._out.append(data)
            self._out_bytes += len(data)
            if self._out_bytes >= _SEND_AT:
                self.flush()

    def flush(self) -> None:
        """Send what was gathered. Raises Closed if the client takes nothing for too long."""
        if not self._out:
            return
        whole = memoryview(b"".join(self._out))
        self._out, self._out_bytes = [], 0
        try:
            self.connection.settimeout(self._send_timeout_s or None)
            while whole:
                whole = whole[self.connection.send(whole) :]
        except (OSError, ValueError):
            raise Closed from None

    def gone(self) -> bool:
        """Whether the client has hung up; asked by another thread, takes nothing off the wire."""
        try:
            poll = select.poll()
            poll.register(self.connection.fileno(), _HANG_UP)
            return bool(poll.poll(0))
        except (OSError, ValueError):
            return True

    def shut(self, how: int = socket.SHUT_RDWR) -> None:
        """Wake the thread that waits on this socket."""
        with suppress(OSError):  # already closed by the other side
            self.connection.shutdown(how)

    def close(self) -> None:
        with suppress(OSError):
            self.connection.close()
