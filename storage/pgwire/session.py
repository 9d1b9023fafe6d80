"""One client's connection: the state machine of the frontend/backend protocol.

A session runs in a thread of its own, so a slow or silent client blocks nobody else. It answers
in the order of the messages, gathers small answers and sends them at once, and survives every
error of a statement; only an error of the protocol itself ends it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import duckdb

from storage.lexer import Piece, split
from storage.pgwire import commands, copy, inference, messages, parameters, types
from storage.pgwire.binary import NotRectangular
from storage.pgwire.engine import Engine, Stopped
from storage.pgwire.errors import SqlError
from storage.pgwire.execution import Planner, statements_of
from storage.pgwire.extended import Extended
from storage.pgwire.messages import EncodingError, FormatError, ProtocolError, Reader
from storage.pgwire.portals import Portal, Portals, Prepared
from storage.pgwire.rewrite import Context
from storage.pgwire.settings import SERVER_VERSION, Settings
from storage.pgwire.wire import Closed, Wire

if TYPE_CHECKING:
    from storage.pgwire.server import Door

_REFUSALS = frozenset({"25006", "42501", "0A000"})
_KINDS = frozenset({b"Q", b"P", b"B", b"D", b"E", b"C", b"S", b"H", b"F", b"X", b"d", b"c", b"f"})


class Session:
    """Serves one logged-in client until it leaves."""

    def __init__(self, door: Door, wire: Wire, user: str, database: str, pid: int) -> None:
        self.user, self.database, self.pid = user, database, pid
        self.door, self.wire, self.limits = door, wire, door.limits
        self.settings = Settings(user)
        self.status = "I"
        self.savepoints: list[str] = []
        self.implicit = False  # one of several statements of a simple query: a transaction's part
        self._changed: dict[str, str] = {}  # settings to report before ReadyForQuery
        self._told: dict[str, str] = {}  # what the client knows
        self.statements: dict[str, Prepared] = {}
        self.portals = Portals(self)
        self._extended = Extended(self)
        self.engine = Engine(door, self.settings)
        self._context = Context(
            user=user,
            database=database,
            pid=pid,
            version=f"PostgreSQL {SERVER_VERSION} (orbitwin SQL door, DuckDB {duckdb.__version__})",
            setting=self.settings.get,
            set_config=lambda name, value, local: self.settings.set(name, value, local=local),
            settings=self.settings.rows,
        )
        self.planner = Planner(self.engine.planner, self._context, self.engine.watched)

    # -- the loop ---------------------------------------------------------------------------------

    def greet(self, startup: dict[str, str], secret: int) -> None:
        """What follows AuthenticationOk: settings of the startup message, ParameterStatus, key."""
        for option in re.findall(r"(?:-c\s*|--)([\w.]+)=((?:\\.|\S)*)", startup.get("options", "")):
            self.settings.start(option[0].replace("-", "_"), re.sub(r"\\(.)", r"\1", option[1]))
        for name, value in startup.items():
            if name not in ("user", "database", "options", "replication") and name[:5] != "_pq_.":
                self.settings.start(name, value)
        self._told = dict(self.settings.reported())
        for name, value in self._told.items():
            self.wire.put(messages.parameter_status(name, value))
        self.settings.changed = self._changed.__setitem__
        self.wire.put(messages.backend_key(self.pid, secret))

    def serve(self) -> None:
        """Answer messages until Terminate. Raises Closed when the client is gone."""
        self._ready()
        skipping = False  # after an error of the extended protocol, until Sync
        while True:
            kind, body = self.wire.message(self.limits.idle_timeout_s)
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
                self.error(SqlError("0A000", "function calls by number are not supported"))
                self._ready()
            else:
                skipping = not self._guarded(self._extended.handlers[kind], body)

    def _sync(self, reader: Reader) -> None:
        reader.end()
        if self.status == "I":
            self.portals.close_all()
            self.settings.end_transaction()

    def _ready(self) -> None:
        """ReadyForQuery, and before it what settings have changed, as PostgreSQL tells them."""
        for name, value in self._changed.items():
            if self._told.get(name) != value:  # a SET LOCAL may have been and gone
                self.wire.put(messages.parameter_status(name, value))
        self._told |= self._changed
        self._changed.clear()
        self.wire.put(messages.ready(self.status))
        self.wire.flush()

    def _guarded(self, handle: Callable[[Reader], None], body: bytes) -> bool:
        """Run a handler; an error of the statement is sent, and False returned."""
        self.engine.begin_statement()
        try:
            handle(Reader(body))
            return True
        except SqlError as problem:
            self.error(problem)
        except parameters.BadParameter as problem:
            self.error(SqlError(problem.sqlstate, problem.message))
        except EncodingError as problem:
            self.error(SqlError("22021", str(problem)))
        except FormatError as problem:
            self.error(SqlError("08P01", str(problem)))
        except NotRectangular as problem:
            self.error(SqlError("2202E", str(problem)))
        except (Closed, ProtocolError, Stopped):
            raise
        except Exception as problem:  # a fault of the door: told, logged, and the session lives
            self.door.log_fault(problem)
            self.error(SqlError("XX000", f"internal error: {type(problem).__name__}: {problem}"))
        finally:
            self.engine.end_statement()
        return False

    def error(self, problem: SqlError) -> None:
        problem = self.engine.explain(problem)
        self.door.count_error(problem.sqlstate in _REFUSALS, problem)
        if self.status == "T":
            self.status = "E"
        answer = messages.error(
            problem.sqlstate,
            problem.message,
            position=problem.position,
            detail=problem.detail,
            hint=problem.hint,
        )
        self.wire.put(answer)
        self.wire.flush()  # at once, as a client may wait for it before it sends Sync

    def warn(self, sqlstate: str, text: str) -> None:
        """Send a warning with the answer."""
        self.wire.put(messages.notice(sqlstate, text))

    # -- simple protocol --------------------------------------------------------------------------

    def _simple(self, reader: Reader) -> None:
        sql = reader.text()
        reader.end()
        self.portals.close("")
        pieces = statements_of(sql)
        if not pieces:
            self.wire.put(messages.EMPTY_QUERY)
        if len(pieces) > 1:
            self._parse_all(pieces)
        self.implicit = len(pieces) > 1
        try:
            for piece in pieces:
                self._one(piece)
        finally:
            self.implicit = False
            if self.status == "I":
                self.settings.end_transaction()
                self.portals.close_all()

    def _one(self, piece: Piece) -> None:
        """One statement of a simple query."""
        self.refuse_after_error(piece)
        self.door.count_query()
        prepared = self.parsed(piece, [])
        if prepared.oids and piece.word(0) != "prepare":
            raise _no_parameter(piece)
        portal = Portal(prepared, piece.sql)
        try:
            self.portals.open(portal)
            self.portals.peek(portal)
            self.portals.describe(portal)
            self.portals.run(portal, 0)
        finally:
            self.portals.shut(portal)

    def _parse_all(self, pieces: Sequence[Piece]) -> None:
        """A syntax error in one of several statements comes before any of them runs."""
        for piece in pieces:
            if not self._has_no_plan(piece):
                try:
                    self.planner.plan(piece, piece.sql)
                except SqlError as problem:
                    if problem.sqlstate == "42601":
                        raise

    def refuse_after_error(self, piece: Piece | None) -> None:
        if self.status == "E" and piece is not None and not commands.allowed_after_error(piece):
            raise SqlError("25P02", "current transaction is aborted, commands ignored until end "
                           "of transaction block")  # fmt: skip

    def parsed(self, piece: Piece | None, declared: list[int]) -> Prepared:
        oids = parameters.infer(piece, declared) if piece else []
        if piece and oids:
            oids = inference.infer(self.engine.planner, piece, declared, oids)
        return Prepared(piece, declared, oids)

    def check(self, prepared: Prepared) -> None:
        """Admit the statement as it stands, so that Parse already tells what is wrong."""
        if prepared.piece and not self._has_no_plan(prepared.piece):
            self.planner.plan(prepared.piece, self.unbound(prepared))

    @staticmethod
    def _has_no_plan(piece: Piece) -> bool:
        return commands.is_command(piece) or piece.word(0) == "execute"

    def unbound(self, prepared: Prepared) -> str:
        assert prepared.piece is not None
        return parameters.bind(
            prepared.piece, parameters.unbound(prepared.oids, prepared.declared)
        )

    def bound(self, prepared: Prepared, literals: Sequence[str], formats: list[int]) -> Portal:
        sql = parameters.bind(prepared.piece, literals) if prepared.piece else ""
        return Portal(prepared, sql, formats)

    # -- what commands use ------------------------------------------------------------------------

    def statement(self, name: str) -> Prepared:
        """The prepared statement of this name. Raises SqlError 26000."""
        if name not in self.statements:
            shown = f'prepared statement "{name}"' if name else "unnamed prepared statement"
            raise SqlError("26000", f"{shown} does not exist")
        return self.statements[name]

    def declare(
        self, name: str, piece: Piece, hold: bool, forward_only: bool, binary: bool
    ) -> None:
        """DECLARE: an SQL cursor is a portal."""
        if name in self.portals:
            raise SqlError("42P03", f'cursor "{name}" already exists')
        portal = self.bound(self.parsed(piece, []), [], [])
        portal.held, portal.forward_only, portal.binary = hold, forward_only, binary
        self.portals.open_query(portal)
        self.portals.add(name, portal)

    def prepare(self, name: str, piece: Piece, oids: list[int]) -> None:
        """PREPARE."""
        prepared = self.parsed(piece, oids)
        self.check(prepared)
        self.statements[name] = prepared

    def executed(self, piece: Piece) -> Prepared:
        """The statement that an EXECUTE names: a query. Raises SqlError 26000 or 0A000."""
        prepared = self.statement(piece.word(1))
        if prepared.piece is None or self._has_no_plan(prepared.piece):
            raise SqlError("0A000", "EXECUTE runs a prepared query, no other statement")
        return prepared

    def execution(self, piece: Piece) -> Portal:
        """EXECUTE name [(literals)]: its query, bound."""
        name, prepared = piece.word(1), self.executed(piece)
        opened = piece.word(2) == "("
        values = _arguments(piece.sql[piece.tokens[2].end : piece.tokens[-1].start] if opened
                            else "")  # fmt: skip
        if len(values) != len(prepared.oids):
            raise SqlError("42601", f'wrong number of parameters for prepared statement "{name}"',
                           detail=f"Expected {len(prepared.oids)} parameters but got "
                           f"{len(values)}.")  # fmt: skip
        literals = [
            value if oid == types.TEXT.oid or oid not in types.BY_OID else (
                f"CAST({value} AS {types.BY_OID[oid].duckdb})"
            )
            for oid, value in zip(prepared.oids, values, strict=True)
        ]
        return self.bound(prepared, literals, [])

    def type_oids(self, names: str) -> list[int]:
        """OIDs of a list of type names. Raises SqlError 42704."""
        oids = []
        for name in names.split(","):
            kind = types.BY_NAME.get(name.strip().lower().split("(")[0].removesuffix("[]"))
            if kind is None:
                raise SqlError("42704", f'type "{name.strip()}" does not exist')
            oids.append(kind.array_oid if "[]" in name else kind.oid)
        return oids

    def copy(self, piece: Piece) -> commands.Answer:
        """COPY (query) | table TO STDOUT."""
        query, options = copy.parse(piece)
        inner = split(query)
        if len(inner) != 1:
            raise SqlError("42601", "COPY takes one query")
        try:
            result = self.portals.query(inner[0], inner[0].sql)
        except SqlError as problem:
            problem.position = None  # it would be one inside of the query
            raise
        return commands.Answer("COPY", copy.CopyOut(result, options))

    def close(self) -> None:
        """Give everything back; the connection itself is the server's."""
        self.portals.close_all(held=True)
        self.engine.close()


def _no_parameter(piece: Piece) -> SqlError:
    first = next(token for token in piece.tokens if token.kind == "param")
    return SqlError("42P02", f"there is no parameter {first.text}",
                    position=piece.start + first.start + 1)  # fmt: skip


def _arguments(text: str) -> list[str]:
    """The literals of an EXECUTE, cut at commas outside of brackets."""
    pieces = split(text)
    if not pieces:
        return []
    piece, depth, start, out = pieces[0], 0, 0, []
    for token in piece.tokens:
        if token.text in "([{":
            depth += 1
        elif token.text in ")]}":
            depth -= 1
        elif token.text == "," and depth == 0:
            out.append(piece.sql[start : token.start].strip())
            start = token.end
    return [*out, piece.sql[start:].strip()]
