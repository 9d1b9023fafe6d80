"""The door: listens, gives each client a thread, counts them, and watches what runs."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import secrets
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import duckdb

from storage.pgwire import login, messages
from storage.pgwire.engine import Stopped
from storage.pgwire.errors import SqlError
from storage.pgwire.login import Rejected
from storage.pgwire.messages import EncodingError, ProtocolError
from storage.pgwire.scram import Verifier
from storage.pgwire.service import DoorLimits, Service
from storage.pgwire.session import Session
from storage.pgwire.wire import Closed, IdleTooLong, Wire

_WATCH_EVERY_S = 0.05  # how late a timeout, a cancel or a hang-up may take effect
_FAILED_LOGIN_S = 0.3  # each failed login waits, and longer the more fail ...
_MAX_FAILED_LOGIN_S = 3.0  # ... up to this
_FORGET_FAILURES_S = 60.0

_log = logging.getLogger("orbitwin.storage.door")


@dataclass(slots=True)
class _Client:
    """A connection from accept to close."""

    wire: Wire
    pid: int
    secret: int
    address: str
    thread: threading.Thread | None = None
    session: Session | None = None


class Door:
    """A PostgreSQL-wire server over one DuckDB instance, for readers."""

    def __init__(
        self,
        open_cursor: Callable[[], duckdb.DuckDBPyConnection],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        user: str = "orbitwin",
        password: str,
        database: str = "twin",
        limits: DoorLimits | None = None,
        refresh: Callable[[duckdb.DuckDBPyConnection], None] = lambda _cursor: None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`open_cursor` gives a fresh cursor, `refresh` is called with it before each statement.

        `storage.pgwire.install_catalogue` must have run on the same DuckDB instance. Raises
        ValueError where `host` is not loopback and there is no `tls`, or `password` is empty.
        """
        if not password:
            raise ValueError("the SQL door needs a password")
        self.remote = not is_loopback(host)
        if self.remote and tls is None:
            raise ValueError(f"the SQL door on {host} can be reached from other machines: it needs "
                             "TLS (a certificate and key), or bind 127.0.0.1")  # fmt: skip
        self.host, self.port = host, port
        self.user, self.database = user, database
        self.limits = limits or DoorLimits()
        self.service = Service(open_cursor, self.limits, refresh)
        self._tls = tls
        self._verifier = Verifier(user, password)
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []
        self._clients: dict[int, _Client] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._next_pid = 0
        self._failures: list[float] = []

    # -- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bind and serve in background threads. Raises OSError if the port cannot be had."""
        try:
            listener = socket.create_server((self.host, self.port), backlog=128)
        except OSError as problem:
            raise OSError(
                problem.errno,
                f"the SQL door cannot listen on {self.host}:{self.port}: {problem.strerror}; "
                "choose another port",
            ) from None
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._stopping.clear()
        for name, target in (("sql-door", self._accept), ("sql-door-watch", self._watch)):
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, timeout_s: float = 5.0) -> None:
        """Interrupt queries, tell the clients, join the threads, close the cursors."""
        until = time.monotonic() + timeout_s
        self._stopping.set()
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        clients = self._snapshot()
        for client in clients:
            if client.session is not None:
                client.session.engine.stop("stop")
            client.wire.shut(socket.SHUT_RD)
        for client in clients:
            if client.thread is not None:
                client.thread.join(max(0.0, min(1.0, until - time.monotonic())))
                if client.thread.is_alive():
                    client.wire.shut()  # it waits on a client that takes nothing
                    client.thread.join(max(0.0, until - time.monotonic()))
        for thread in self._threads:
            thread.join(max(0.1, until - time.monotonic()))
        self._threads.clear()

    def stats(self) -> dict[str, int]:
        """Counters: sessions (now), sessions_total, queries_total, refused_total, and so on."""
        with self._lock:
            sessions = len(self._clients)
        return {"sessions": sessions, **self.service.counts()}

    # -- threads ----------------------------------------------------------------------------------

    def _accept(self) -> None:
        assert self._listener is not None
        while not self._stopping.is_set():
            try:
                connection, address = self._listener.accept()
            except OSError:
                if self._stopping.is_set():
                    return
                time.sleep(0.1)  # out of file descriptors: the clients that are in go on
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            wire = Wire(connection, self.limits.max_message_bytes, self.limits.send_timeout_s)
            with self._lock:
                self._next_pid += 1
                client = _Client(wire, self._next_pid, secrets.randbits(32), address[0])
                self._clients[client.pid] = client
            client.thread = threading.Thread(
                target=self._client, args=(client,), name=f"sql-{client.pid}", daemon=True
            )
            client.thread.start()

    def _watch(self) -> None:
        while not self._stopping.wait(_WATCH_EVERY_S):
            now = time.monotonic()
            for client in self._snapshot():
                session = client.session
                if session is not None and session.engine.busy():
                    session.engine.inspect(now, client.wire.gone())

    def _snapshot(self) -> list[_Client]:
        with self._lock:
            return list(self._clients.values())

    def _client(self, client: _Client) -> None:
        """One client's thread: log in, serve, leave."""
        wire = client.wire
        try:
            startup = login.startup(
                wire, self.limits.login_timeout_s, self._tls, self.remote, self._cancel
            )
            if startup is None:
                return
            self._refuse_too_many(client)
            self._login(wire, startup)
            session = Session(self.service, wire, self.user, self.database, client.pid)
            client.session = session
            try:
                self.service.count_session()
                wire.put(messages.authentication(0))
                session.greet(startup, client.secret)
                session.serve()
            finally:
                session.close()
        except IdleTooLong:
            what = "idle-session timeout" if client.session else "authentication timeout"
            self._fatal(wire, "57P05" if client.session else "08006",
                        f"terminating connection due to {what}")  # fmt: skip
        except (Closed, Stopped):
            if self._stopping.is_set():
                self._fatal(wire, "57P01", "terminating connection due to administrator command")
        except ProtocolError as problem:
            self._fatal(wire, "08P01", str(problem))
        except EncodingError as problem:
            self._fatal(wire, "22021", str(problem))
        except Rejected as problem:
            self._fatal(wire, problem.sqlstate, str(problem))
        except SqlError as problem:  # a setting of the startup message
            self._fatal(wire, problem.sqlstate, problem.message)
        except duckdb.Error as problem:
            self.service.log_fault(problem)
            self._fatal(wire, "XX000", "the history database is not available")
        except Exception as problem:  # a fault of the door: logged, others go on
            self.service.log_fault(problem)
        finally:
            wire.close()
            with self._lock:
                self._clients.pop(client.pid, None)

    def _fatal(self, wire: Wire, sqlstate: str, text: str) -> None:
        with suppress(Closed):
            wire.put(messages.error(sqlstate, text, severity="FATAL"))
            wire.flush()

    # -- login ------------------------------------------------------------------------------------

    def _refuse_too_many(self, client: _Client) -> None:
        """Raise Rejected 53300 where the client is one too many, in all or from its address."""
        clients = self._snapshot()
        if len(clients) > self.limits.max_clients:
            raise Rejected("53300", f"sorry, too many clients already: the most is "
                           f"{self.limits.max_clients}")  # fmt: skip
        most = self.limits.max_clients_per_address
        if most and sum(one.address == client.address for one in clients) > most:
            raise Rejected("53300", f"too many connections from {client.address}: the most is "
                           f"{most}")  # fmt: skip

    def _login(self, wire: Wire, startup: dict[str, str]) -> None:
        """The password, then the database's name. Raises Rejected."""
        user = startup["user"]
        if not login.knows_password(wire, user, self._verifier, self.limits.login_timeout_s):
            self.failed_login()
            raise Rejected("28P01", f'password authentication failed for user "{user}"')
        wanted = startup.get("database") or user
        if wanted != self.database:
            raise Rejected("3D000", f'database "{wanted}" does not exist')

    def failed_login(self) -> None:
        """Guessing costs time, the more the more is guessed; clients that are in feel nothing."""
        now = time.monotonic()
        self.service.count_failed_login()
        with self._lock:
            self._failures = [at for at in self._failures if now - at < _FORGET_FAILURES_S]
            self._failures.append(now)
            recent = len(self._failures)
        _log.warning("SQL login failed (%d in the last minute)", recent)
        self._stopping.wait(min(_FAILED_LOGIN_S * recent, _MAX_FAILED_LOGIN_S))

    def _cancel(self, pid: int, secret: int) -> None:
        with self._lock:
            client = self._clients.get(pid)
        if client is None or client.session is None:
            return
        if hmac.compare_digest(struct.pack("!I", client.secret), struct.pack("!I", secret)):
            client.session.engine.stop("cancel")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
