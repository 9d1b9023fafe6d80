"""SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL speaks it, on `scramp`.

The password itself is not kept, only its salted verifier. A user that does not exist goes
through the whole exchange and fails like a wrong password, so that neither answer nor time
tells which names exist.
"""

from __future__ import annotations

import secrets
from typing import Any

from scramp import ScramException, ScramMechanism

MECHANISM = "SCRAM-SHA-256"
ITERATIONS = 4096  # PostgreSQL's own default


class Verifier:
    """Knows one user's verifier and makes an exchange for each login."""

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._mechanism = ScramMechanism(MECHANISM)
        self._known = self._make(password)
        self._unknown = self._make(secrets.token_urlsafe(32))

    def _make(self, password: str) -> Any:
        return self._mechanism.make_auth_info(password, iteration_count=ITERATIONS)

    def exchange(self, user: str) -> Exchange:
        """Start a login of `user`, the name of the startup message."""
        info = self._known if secrets.compare_digest(user.encode(), self._user.encode()) else (
            self._unknown
        )
        # The name inside the SASL message is ignored, as PostgreSQL does: libpq sends it empty.
        return Exchange(self._mechanism.make_server(lambda _name: info))


class Exchange:
    """One login: client-first -> server-first -> client-final -> server-final."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def first(self, client_first: bytes) -> bytes:
        """Return server-first. Raises ValueError on a malformed message."""
        try:
            text = client_first.decode("utf-8")
            # libpq leaves the name empty, as PostgreSQL ignores it; scramp wants one to read the
            # message, while the proof is over the message as it was sent.
            self._server.set_client_first(text.replace(",n=,", ",n=*,", 1))
            self._server.client_first_bare = text.split(",", 2)[2]
            return str(self._server.get_server_first()).encode()
        except (ScramException, UnicodeDecodeError, ValueError, IndexError) as problem:
            raise ValueError(f"malformed SCRAM message: {problem}") from None

    def final(self, client_final: bytes) -> bytes | None:
        """Return server-final, or None if the proof is wrong."""
        try:
            self._server.set_client_final(client_final.decode("utf-8"))
            return str(self._server.get_server_final()).encode()
        except (ScramException, UnicodeDecodeError, ValueError, IndexError, KeyError):
            return None
