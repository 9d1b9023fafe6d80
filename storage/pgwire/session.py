"""One client's connection: the state machine of the frontend/backend protocol.

A session runs in a thread of its own, so a slow or silent client blocks nobody else. It answers
in the order of the messages, gathers small answers and sends them at once, and survives every
error of a statement; only an error of the protocol itself ends it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from storage.lexer import Piece
from storage.pgwire import messages, running
from storage.pgwire.binary import NotRectangular
from storage.pgwire.engine import Stopped
from storage.pgwire.errors import BadParameter, SqlError
from storage.pgwire.execution import statements_of
from storage.pgwire.extended import Extended
from storage.pgwire.messages import EncodingError, FormatError, ProtocolError, Reader
from storage.pgwire.portals import Portal
from storage.pgwire.service import Service
from storage.pgwire.state import State
from storage.pgwire.statements import has_plan
from storage.pgwire.wire import Closed, Wire

_REFUSALS = frozenset({"25006", "42501", "0A000"})
_KINDS = frozenset({b"Q", b"P", b"B", b"D", b"E", b"C", b"S", b"H", b"F", b"X", b"d", b"c", b"f"})


class Session:
    """Serves one logged-in client until it leaves."""

    def __init__(self, service: Service, wire: Wire, user: str, database: str, pid: int) -> None:
        self._service, self._wire, self._pid = service, wire, pid
        self._state = State(service, wire, user, database, pid)
        self._extended = Extended(self._state)
        self._changed: dict[str, str] = {}  # settings to report before ReadyForQuery
        self._told: dict[str, str] = {}  # what the client knows
        self.engine = self._state.engine

    # -- the loop ---------------------------------------------------------------------------------

    def greet(self, startup: dict[str, str], secret: int) -> None:
        """What follows AuthenticationOk: settings of the startup message, ParameterStatus, key."""
        settings, options = self._state.settings, startup.get("options", "")
        for name, value in re.findall(r"(?:-c\s*|--)([\w.]+)=((?:\\.|\S)*)", options):
            settings.start(name.replace("-", "_"), re.sub(r"\\(.)", r"\1", value))
        for name, value in startup.items():
            if name not in ("user", "database", "options", "replication") and name[:5] != "_pq_.":
                settings.start(name, value)
        self._told = dict(settings.reported())
        for name, value in self._told.items():
            self._wire.put(messages.parameter_status(name, value))
        settings.changed = self._changed.__setitem__
        self._wire.put(messages.backend_key(self._pid, secret))

    def serve(self) -> None:
        """Answer messages until Terminate. Raises Closed when the client is gone."""
        self._ready()
        skipping = False  # after an error of the extended protocol, until Sync
        while True:
            kind, body = self._wire.message(self._service.limits.idle_timeout_s)
            if kind == b"X":
                return
            if kind not in _KINDS:
                raise ProtocolError(f"invalid frontend message type {kind[0]}")
            if kind == b"S":
                skipping = False
                self._guarded(self._sync, body)
                self._ready()
            elif skipping or kind in (b"d", b"c", b"f"):
                continue
            elif kind == b"Q":
                self._guarded(self._simple, body)
                self._ready()
            elif kind == b"F":
                self._error(SqlError("0A000", "function calls by number are not supported"))
                self._ready()
            else:
                skipping = not self._guarded(self._extended.handlers[kind], body)

    def _sync(self, reader: Reader) -> None:
        reader.end()
        if self._state.status == "I":
            self._state.portals.close_all()
            self._state.settings.end_transaction()

    def _ready(self) -> None:
        """ReadyForQuery, and before it what settings have changed, as PostgreSQL tells them."""
        for name, value in self._changed.items():
            if self._told.get(name) != value:  # a SET LOCAL may have been and gone
                self._wire.put(messages.parameter_status(name, value))
        self._told |= self._changed
        self._changed.clear()
        self._wire.put(messages.ready(self._state.status))
        self._wire.flush()

    def _guarded(self, handle: Callable[[Reader], None], body: bytes) -> bool:
        """Run a handler; an error of the statement is sent, and False returned."""
        self.engine.begin_statement()
        try:
            handle(Reader(body))
            return True
        except SqlError as problem:
            self._error(problem)
        except BadParameter as problem:
            self._error(SqlError(problem.sqlstate, problem.message))
        except EncodingError as problem:
            self._error(SqlError("22021", str(problem)))
        except FormatError as problem:
            self._error(SqlError("08P01", str(problem)))
        except NotRectangular as problem:
            self._error(SqlError("2202E", str(problem)))
        except (Closed, ProtocolError, Stopped):
            raise
        except Exception as problem:  # a fault of the door: told, logged, and the session lives
            self._service.log_fault(problem)
            self._error(SqlError("XX000", f"internal error: {type(problem).__name__}: {problem}"))
        finally:
            self.engine.end_statement()
        return False

    def _error(self, problem: SqlError) -> None:
        problem = self.engine.explain(problem)
        self._service.count_error(problem.sqlstate in _REFUSALS, problem)
        if self._state.status == "T":
            self._state.status = "E"
        answer = messages.error(
            problem.sqlstate,
            problem.message,
            position=problem.position,
            detail=problem.detail,
            hint=problem.hint,
        )
        self._wire.put(answer)
        self._wire.flush()  # at once, as a client may wait for it before it sends Sync

    # -- simple protocol --------------------------------------------------------------------------

    def _simple(self, reader: Reader) -> None:
        sql = reader.text()
        reader.end()
        self._state.portals.close("")
        pieces = statements_of(sql)
        if not pieces:
            self._wire.put(messages.EMPTY_QUERY)
        if len(pieces) > 1:
            self._parse_all(pieces)
        self._state.implicit = len(pieces) > 1
        try:
            for piece in pieces:
                self._one(piece)
        finally:
            self._state.implicit = False
            if self._state.status == "I":
                self._state.settings.end_transaction()
                self._state.portals.close_all()

    def _one(self, piece: Piece) -> None:
        """One statement of a simple query."""
        self._state.refuse_after_error(piece)
        self._service.count_query()
        prepared = self._state.statements.parsed(piece, [])
        if prepared.oids and piece.word(0) != "prepare":
            raise _no_parameter(piece)
        assert prepared.piece is not None
        portal = Portal(prepared, prepared.piece.sql)
        try:
            running.open(self._state, portal)
            running.peek(portal)
            running.describe(self._state, portal)
            running.run(self._state, portal, 0)
        finally:
            portal.shut()

    def _parse_all(self, pieces: Sequence[Piece]) -> None:
        """A syntax error in one of several statements comes before any of them runs."""
        for piece in pieces:
            if has_plan(piece):
                try:
                    self._state.planner.plan(piece, piece.sql)
                except SqlError as problem:
                    if problem.sqlstate == "42601":
                        raise

    def close(self) -> None:
        """Give everything back; the connection itself is the server's."""
        self._state.close()


def _no_parameter(piece: Piece) -> SqlError:
    first = next(token for token in piece.tokens if token.kind == "param")
    return SqlError("42P02", f"there is no parameter {first.text}",
                    position=piece.start + first.start + 1)  # fmt: skip
