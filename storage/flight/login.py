"""Who is let in: user and password once, in the header of any call; a token from then on.

That is Flight's `AuthenticateBasicToken`, as ADBC, JDBC and pyarrow do it: an empty Handshake
with `authorization: Basic ...`, answered with `authorization: Bearer ...`. Flight's older own
handshake, a message of user and password, knows no header; no Flight SQL client uses it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Callable
from typing import Any

import pyarrow.flight as flight


class NoHandshake(flight.ServerAuthHandler):
    """Lets the empty Handshake pass: the header that came with it has been looked at."""

    def authenticate(self, outgoing: Any, incoming: Any) -> None:
        pass

    def is_valid(self, token: bytes) -> bytes:
        return b""


class _Granted(flight.ServerMiddleware):
    """Of a call that showed the password: its answer carries the token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def sending_headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._token}"}


class Login(flight.ServerMiddlewareFactory):
    """Looks at every call before its handler runs. One token, as long as the door is open."""

    def __init__(
        self, user: str, password: str, entered: Callable[[], None], failed: Callable[[], None]
    ) -> None:
        self._password = f"{user}:{password}".encode()
        self._token = secrets.token_urlsafe(32)
        self._entered, self._failed = entered, failed

    def start_call(self, info: Any, headers: Any) -> flight.ServerMiddleware | None:
        """Raises FlightUnauthenticatedError."""
        values = [
            value for key in headers if key.lower() == "authorization" for value in headers[key]
        ]
        scheme, _, secret = (str(values[0]) if values else "").partition(" ")
        if scheme.lower() == "bearer" and _same(secret.strip().encode(), self._token.encode()):
            return None
        if scheme.lower() == "basic":
            text = secret.strip().rstrip("=")
            try:  # Go's client leaves the padding out
                given = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
            except (binascii.Error, ValueError):
                given = b""
            if _same(given, self._password):
                self._entered()
                return _Granted(self._token)
        if scheme:
            self._failed()  # waits: guessing costs time
            raise flight.FlightUnauthenticatedError("28P01: password authentication failed")
        raise flight.FlightUnauthenticatedError(
            "28000: the door asks for a user and a password, or the token it gave for them"
        )


def _same(given: bytes, wanted: bytes) -> bool:
    return hmac.compare_digest(given, wanted)
