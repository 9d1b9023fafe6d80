"""How a client comes in: the startup message, TLS, and the proof that it knows the password."""

from __future__ import annotations

import ssl
import struct
import time
from collections.abc import Callable

from storage.pgwire import messages
from storage.pgwire.messages import ProtocolError, Reader
from storage.pgwire.scram import MECHANISM, Verifier
from storage.pgwire.wire import Closed, Wire

_MAX_STARTUP_BYTES = 10_000  # as PostgreSQL's MAX_STARTUP_PACKET_LENGTH


class Rejected(Exception):
    """A login that is not let in."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


def startup(
    wire: Wire,
    limit_s: float,
    tls: ssl.SSLContext | None,
    tls_only: bool,
    cancel: Callable[[int, int], None],
) -> dict[str, str] | None:
    """The startup message's parameters; None when it was a cancel request, which is `cancel`ed.

    Goes over to TLS where the client asks for it and there is a `tls`. Raises Rejected.
    """
    until = time.monotonic() + limit_s
    encrypted = False
    while True:
        (size,) = struct.unpack("!I", wire.take(4, until))
        if not 8 <= size <= _MAX_STARTUP_BYTES:
            raise ProtocolError("invalid length of startup packet")
        body = wire.take(size - 4, until)
        (code,) = struct.unpack("!I", body[:4])
        if code == messages.CANCEL_REQUEST:
            if len(body) == 12:
                cancel(*struct.unpack("!II", body[4:]))
            return None
        if code == messages.SSL_REQUEST and tls is not None and not encrypted:
            if wire.pending():  # bytes sent before the handshake could be an attacker's
                raise ProtocolError("received unencrypted data after SSL request")
            wire.put(b"S")
            wire.flush()
            try:
                wire.connection = tls.wrap_socket(wire.connection, server_side=True)
            except (OSError, ssl.SSLError):
                raise Closed from None
            encrypted = True
        elif code in (messages.SSL_REQUEST, messages.GSS_REQUEST):
            wire.put(b"N")
            wire.flush()
        else:
            break
    if code >> 16 != 3:
        raise Rejected("0A000", f"unsupported frontend protocol {code >> 16}.{code & 0xFFFF}: "
                       "server supports 3.0")  # fmt: skip
    if tls_only and not encrypted:
        raise Rejected("28000", "the SQL door takes only encrypted connections here")
    reader, told = Reader(body[4:]), {}
    while name := reader.text():
        told[name] = reader.text()
    unknown = [name for name in told if name.startswith("_pq_.")]
    if code & 0xFFFF or unknown:
        wire.put(messages.negotiate(unknown))
    if not told.get("user"):
        raise Rejected("28000", "no PostgreSQL user name specified in startup packet")
    return told


def knows_password(wire: Wire, user: str, verifier: Verifier, limit_s: float) -> bool:
    """SCRAM-SHA-256 with the client; whether its proof is right. Raises Rejected."""
    wire.put(messages.authentication(10, messages.text(MECHANISM) + b"\0"))
    wire.flush()
    exchange = verifier.exchange(user)
    first = _sasl(wire, limit_s)
    mechanism = first.text()
    if mechanism != MECHANISM:
        raise Rejected("28000", "client selected an invalid SASL authentication mechanism")
    try:
        challenge = exchange.first(first.take(first.int()))
    except ValueError as problem:
        raise Rejected("08P01", str(problem)) from None
    wire.put(messages.authentication(11, challenge))
    wire.flush()
    proof = exchange.final(_sasl(wire, limit_s).rest())
    if proof is None:
        return False
    wire.put(messages.authentication(12, proof))
    return True


def _sasl(wire: Wire, limit_s: float) -> Reader:
    kind, body = wire.message(limit_s)
    if kind != b"p":
        raise ProtocolError("expected SASL response")
    return Reader(body)
