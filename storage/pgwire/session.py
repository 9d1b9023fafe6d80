"""One client's connection: the state machine of the frontend/backend protocol.

A session runs in a thread of its own, so a slow or silent client blocks nobody else. It answers
in the order of the messages, gathers small answers and sends them at once, and survives every
error of a statement; only an error of the protocol itself ends it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from storage.lexer import Piece, split
from storage.pgwire import commands, copy, messages, parameters, types
from storage.pgwire.engine import Engine, Stopped
from storage.pgwire.errors import SqlError
from storage.pgwire.execution import Planner, Query, Result, encoded, row_fields
from storage.pgwire.messages import EncodingError, ProtocolError, Reader
from storage.pgwire.rewrite import Context
from storage.pgwire.rows import data_rows
from storage.pgwire.settings import SERVER_VERSION, Settings
from storage.pgwire.wire import Closed, Wire

if TYPE_CHECKING:
    from storage.pgwire.server import Door

_REFUSALS = frozenset({"25006", "42501", "0A000"})


@dataclass(slots=True)
class Prepared:
    """A parsed statement: its text, declared and inferred parameter types."""

    piece: Piece | None  # None: an empty statement
    declared: list[int]
    oids: list[int]


@dataclass(slots=True)
class Portal:
    """A bound statement, perhaps with rows still to come."""

    prepared: Prepared
    sql: str
    formats: list[int] = field(default_factory=list)
    held: bool = False  # lives on after its transaction
    result: Result | None = None
    batches: Iterator[pa.RecordBatch] | None = None
    rest: pa.RecordBatch | None = None
    answer: commands.Answer | None = None  # of a command that has run
    done: bool = False


class Session:
    """Serves one logged-in client until it leaves."""

    def __init__(self, door: Door, wire: Wire, user: str, database: str, pid: int) -> None:
        self.user, self.database, self.pid = user, database, pid
        self._door, self._wire, self._limits = door, wire, door.limits
        self.settings = Settings(user)
        self.status = "I"
        self.savepoints: list[str] = []
        self.statements: dict[str, Prepared] = {}
        self._portals: dict[str, Portal] = {}
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
        self._planner = Planner(self.engine.planner, self._context, self.engine.watched)

    # -- the loop ---------------------------------------------------------------------------------

    def greet(self, startup: dict[str, str], secret: int) -> None:
        """What follows AuthenticationOk: settings of the startup message, ParameterStatus, key."""
        for option in re.findall(r"(?:-c\s*|--)([\w.]+)=((?:\\.|\S)*)", startup.get("options", "")):
            self.settings.start(option[0].replace("-", "_"), re.sub(r"\\(.)", r"\1", option[1]))
        for name, value in startup.items():
            if name not in ("user", "database", "options", "replication") and name[:5] != "_pq_.":
                self.settings.start(name, value)
        for name, value in self.settings.reported():
            self._wire.put(messages.parameter_status(name, value))
        self.settings.changed = lambda name, value: self._wire.put(
            messages.parameter_status(name, value)
        )
        self._wire.put(messages.backend_key(self.pid, secret))

    def serve(self) -> None:
        """Answer messages until Terminate. Raises Closed when the client is gone."""
        self._wire.put(messages.ready(self.status))
        self._wire.flush()
        skipping = False  # after an error of the extended protocol, until Sync
        while True:
            kind, body = self._wire.message(self._limits.idle_timeout_s)
            if kind == b"X":
                return
            if kind == b"S":
                skipping = False
                if self.status == "I":
                    self.close_portals()
                    self.settings.end_transaction()
                self._wire.put(messages.ready(self.status))
                self._wire.flush()
            elif kind == b"Q":
                skipping = False
                self._guarded(self._simple, body)
                self._wire.put(messages.ready(self.status))
                self._wire.flush()
            elif skipping or kind in (b"d", b"c", b"f"):
                continue
            elif kind == b"H":
                self._wire.flush()
            elif kind == b"F":
                self._error(SqlError("0A000", "function calls by number are not supported"))
                self._wire.put(messages.ready(self.status))
                self._wire.flush()
            elif kind in _EXTENDED:
                skipping = not self._guarded(_EXTENDED[kind].__get__(self), body)
            else:
                raise ProtocolError(f"invalid frontend message type {kind[0]}")

    def _guarded(self, handle: Callable[[Reader], None], body: bytes) -> bool:
        """Run a handler; an error of the statement is sent, and False returned."""
        self.engine.begin_statement()
        try:
            handle(Reader(body))
            return True
        except SqlError as problem:
            self._error(problem)
        except parameters.BadParameter as problem:
            self._error(SqlError(problem.sqlstate, problem.message))
        except EncodingError as problem:
            self._error(SqlError("22021", str(problem)))
        except (Closed, ProtocolError, Stopped):
            raise
        except Exception as problem:  # a fault of the door: told, logged, and the session lives
            self._door.log_fault(problem)
            self._error(SqlError("XX000", f"internal error: {type(problem).__name__}: {problem}"))
        finally:
            self.engine.end_statement()
        return False

    def _error(self, problem: SqlError) -> None:
        problem = self.engine.explain(problem)
        self._door.count_error(problem.sqlstate in _REFUSALS, problem)
        if self.status == "T":
            self.status = "E"
        answer = messages.error(
            problem.sqlstate,
            problem.message,
            position=problem.position,
            detail=problem.detail,
            hint=problem.hint,
        )
        self._wire.put(answer)

    def warn(self, sqlstate: str, text: str) -> None:
        """Send a warning with the answer."""
        self._wire.put(messages.notice(sqlstate, text))

    # -- simple protocol --------------------------------------------------------------------------

    def _simple(self, reader: Reader) -> None:
        sql = reader.text()
        self.close_portal("")
        pieces = split(sql)
        if not pieces:
            self._wire.put(messages.EMPTY_QUERY)
        for piece in pieces:
            self._refuse_after_error(piece)
            self._door.count_query()
            prepared = self._parsed(piece, [])
            if prepared.oids:
                raise SqlError("42P02", "there is no parameter $1")
            portal = Portal(prepared, piece.sql)
            try:
                self._open(portal)
                self._describe_rows(portal)
                self._run(portal, 0)
            finally:
                self._shut(portal)
        if self.status == "I":
            self.settings.end_transaction()
            self.close_portals()

    def _refuse_after_error(self, piece: Piece) -> None:
        if self.status == "E" and not commands.allowed_after_error(piece):
            raise SqlError("25P02", "current transaction is aborted, commands ignored until end "
                           "of transaction block")  # fmt: skip

    # -- extended protocol ------------------------------------------------------------------------

    def _parse(self, reader: Reader) -> None:
        name, sql, declared = reader.text(), reader.text(), reader.oids()
        pieces = split(sql)
        if len(pieces) > 1:
            raise SqlError("42601", "cannot insert multiple commands into a prepared statement")
        if name and name in self.statements:
            raise SqlError("42P05", f'prepared statement "{name}" already exists')
        if len(self.statements) >= self._limits.max_statements:
            raise SqlError("53400", f"too many prepared statements, the most is "
                           f"{self._limits.max_statements}")  # fmt: skip
        if pieces:
            self._refuse_after_error(pieces[0])
        prepared = self._parsed(pieces[0] if pieces else None, declared)
        self._check(prepared)
        self.statements[name] = prepared
        self._wire.put(messages.PARSE_COMPLETE)

    def _parsed(self, piece: Piece | None, declared: list[int]) -> Prepared:
        oids = parameters.infer(piece, declared) if piece else []
        return Prepared(piece, declared, oids)

    def _check(self, prepared: Prepared) -> None:
        """Admit the statement as it stands, so that Parse already tells what is wrong."""
        if prepared.piece and not commands.is_command(prepared.piece):
            self._planner.plan(prepared.piece, self._unbound(prepared))

    def _unbound(self, prepared: Prepared) -> str:
        assert prepared.piece is not None
        return parameters.bind(
            prepared.piece, parameters.unbound(prepared.oids, prepared.declared)
        )

    def _bind(self, reader: Reader) -> None:
        name, source = reader.text(), reader.text()
        formats, values, results = reader.shorts(), reader.values(), reader.shorts()
        prepared = self.statement(source)
        if len(values) != len(prepared.oids):
            raise SqlError("08P01", f"bind message supplies {len(values)} parameters, but prepared "
                           f'statement "{source}" requires {len(prepared.oids)}')  # fmt: skip
        if len(formats) not in (0, 1, len(values)):
            raise SqlError("08P01", "bind message has parameter formats of the wrong number")
        if any(one not in (0, 1) for one in (*formats, *results)):
            raise SqlError("22023", "unsupported format code")
        each = formats * len(values) if len(formats) == 1 else formats or [0] * len(values)
        literals = [
            parameters.literal(oid if known else _unknown(oid, format), format, value)
            for oid, known, format, value in zip(
                prepared.oids, _padded(prepared.declared, len(values)), each, values, strict=True
            )
        ]
        if name and name in self._portals:
            raise SqlError("42P03", f'cursor "{name}" already exists')
        self.close_portal(name)
        self._new_portal(name, self._bound(prepared, literals, results))
        self._wire.put(messages.BIND_COMPLETE)

    def _bound(self, prepared: Prepared, literals: Sequence[str], formats: list[int]) -> Portal:
        sql = parameters.bind(prepared.piece, literals) if prepared.piece else ""
        return Portal(prepared, sql, formats)

    def _new_portal(self, name: str, portal: Portal) -> None:
        if len(self._portals) >= self._limits.max_portals:
            raise SqlError("53400", f"too many open portals, the most is "
                           f"{self._limits.max_portals}")  # fmt: skip
        self._portals[name] = portal

    def _describe(self, reader: Reader) -> None:
        what, name = reader.take(1), reader.text()
        if what == b"P":
            portal = self.portal(name)
            if portal.prepared.piece is not None:
                self._refuse_after_error(portal.prepared.piece)
                self._open_query(portal)
            self._describe_rows(portal, otherwise=messages.NO_DATA)
            return
        prepared = self.statement(name)
        self._wire.put(messages.parameter_description(prepared.oids))
        result: Result | None = None
        if prepared.piece is not None:
            self._refuse_after_error(prepared.piece)
            if commands.is_command(prepared.piece):
                result = commands.columns(prepared.piece)
            else:
                result = self._query(prepared.piece, self._unbound(prepared))
        if result is None:
            self._wire.put(messages.NO_DATA)
            return
        result.close()
        fields = row_fields(result.columns, [0] * len(result.columns))
        self._wire.put(messages.row_description(fields))

    def _execute(self, reader: Reader) -> None:
        name, most = reader.text(), reader.int()
        portal = self.portal(name)
        if portal.prepared.piece is None:
            self._wire.put(messages.EMPTY_QUERY)
            return
        self._refuse_after_error(portal.prepared.piece)
        if portal.batches is None:
            self._door.count_query()
        self._open(portal)
        self._run(portal, most)

    def _close(self, reader: Reader) -> None:
        what, name = reader.take(1), reader.text()
        if what == b"S":
            self.statements.pop(name, None)
        else:
            self.close_portal(name)
        self._wire.put(messages.CLOSE_COMPLETE)

    # -- portals ----------------------------------------------------------------------------------

    def _query(self, piece: Piece, sql: str) -> Query:
        plan = self._planner.plan(piece, sql)
        return Query(self.engine.take(), plan, self.engine.watched, self.engine.give_back)

    def _open_query(self, portal: Portal) -> None:
        piece = portal.prepared.piece
        assert piece is not None
        if portal.result is None and not portal.done and not commands.is_command(piece):
            portal.result = self._query(piece, portal.sql)

    def _open(self, portal: Portal) -> None:
        piece = portal.prepared.piece
        assert piece is not None
        if commands.is_command(piece):
            if portal.answer is None:
                portal.answer = commands.run(self, piece)
                portal.result = portal.answer.rows
        else:
            self._open_query(portal)

    def _formats(self, portal: Portal) -> list[int]:
        count = len(portal.result.columns) if portal.result else 0
        if len(portal.formats) <= 1:
            return (portal.formats or [0]) * count
        if len(portal.formats) != count:
            raise SqlError("08P01", f"bind message has {len(portal.formats)} result formats but "
                           f"query has {count} columns")  # fmt: skip
        return portal.formats

    def _describe_rows(self, portal: Portal, otherwise: bytes = b"") -> None:
        shown: Result | None = portal.result
        piece = portal.prepared.piece
        if isinstance(shown, copy.CopyOut):  # CopyOutResponse describes it
            self._wire.put(otherwise)
            return
        if portal.answer is not None and portal.answer.portal is not None:
            source = self.portal(portal.answer.portal[0])
            self._open_query(source)
            shown = source.result if portal.answer.tag != "MOVE" else None
        elif shown is None and piece is not None and commands.is_command(piece):
            shown = commands.columns(piece) if otherwise else None
            if otherwise and piece.word(0) == "fetch":
                source = self.portal(piece.word(len(piece.tokens) - 1))
                self._open_query(source)
                shown = source.result
        if shown is None:
            self._wire.put(otherwise)
            return
        formats = self._formats(portal) if shown is portal.result else [0] * len(shown.columns)
        self._wire.put(messages.row_description(row_fields(shown.columns, formats)))

    def _run(self, portal: Portal, most: int) -> None:
        """Send a portal's rows, at most `most` (0: all), and how it ended."""
        answer = portal.answer
        if answer is not None and answer.portal is not None:
            name, count = answer.portal
            source = self.portal(name)
            self._open_query(source)
            sent, _ = self._rows(source, count, sending=answer.tag != "MOVE")
            self._wire.put(messages.complete(f"{answer.tag or 'SELECT'} {sent}"))
            return
        if isinstance(portal.result, copy.CopyOut):
            sent = portal.result.send(self._wire, self.settings.get("TimeZone") or "UTC")
            self._door.count_rows(sent)
            self._wire.put(messages.complete(f"COPY {sent}"))
            return
        if portal.result is None:
            self._wire.put(messages.complete(answer.tag if answer else "SELECT 0"))
            return
        sent, done = self._rows(portal, most)
        if not done:
            self._wire.put(messages.SUSPENDED)
            return
        self._wire.put(messages.complete(answer.tag if answer else f"SELECT {sent}"))

    def _rows(self, portal: Portal, most: int, sending: bool = True) -> tuple[int, bool]:
        """Send rows; returns how many, and whether the portal has no more."""
        result = portal.result
        if result is None or portal.done or most < 0:
            return 0, True
        formats = self._formats(portal)
        row_fields(result.columns, formats)
        zone = self.settings.get("TimeZone") or "UTC"
        if portal.batches is None:
            portal.batches = result.batches()
        sent, limit = 0, self._limits.max_rows
        while most == 0 or sent < most:
            batch = portal.rest if portal.rest is not None else next(portal.batches, None)
            portal.rest = None
            if batch is None:
                portal.done = True
                result.close()
                return sent, True
            if most and batch.num_rows > most - sent:
                portal.rest = batch.slice(most - sent)
                batch = batch.slice(0, most - sent)
            if limit and sent + batch.num_rows > limit:
                raise SqlError("54000", f"the result has more than {limit} rows, the most here: "
                               "add a LIMIT or aggregate")  # fmt: skip
            if sending:
                for part in data_rows(
                    encoded(batch, result.columns, formats, zone), batch.num_rows
                ):
                    self._wire.put(part)
            sent += batch.num_rows
            self._door.count_rows(batch.num_rows)
        return sent, False

    def _shut(self, portal: Portal) -> None:
        portal.batches = portal.rest = None
        portal.done = True
        if portal.result is not None:
            portal.result.close()

    # -- what commands use ------------------------------------------------------------------------

    def statement(self, name: str) -> Prepared:
        """The prepared statement of this name. Raises SqlError 26000."""
        if name not in self.statements:
            shown = f'prepared statement "{name}"' if name else "unnamed prepared statement"
            raise SqlError("26000", f"{shown} does not exist")
        return self.statements[name]

    def portal(self, name: str) -> Portal:
        """The portal or cursor of this name. Raises SqlError 34000."""
        if name not in self._portals:
            kind = "portal" if not name else "cursor"
            raise SqlError("34000", f'{kind} "{name}" does not exist')
        return self._portals[name]

    def close_portal(self, name: str) -> None:
        """Close a portal, if it is open."""
        portal = self._portals.pop(name, None)
        if portal is not None:
            self._shut(portal)

    def close_portals(self, held: bool = False) -> None:
        """Close the transaction's portals, and those WITH HOLD if `held`."""
        for name in [name for name, one in self._portals.items() if held or not one.held]:
            self.close_portal(name)

    def declare(self, name: str, piece: Piece, hold: bool) -> None:
        """DECLARE: an SQL cursor is a portal."""
        if name in self._portals:
            raise SqlError("42P03", f'cursor "{name}" already exists')
        portal = self._bound(self._parsed(piece, []), [], [])
        portal.held = hold
        self._open_query(portal)
        self._new_portal(name, portal)

    def prepare(self, name: str, piece: Piece, oids: list[int]) -> None:
        """PREPARE."""
        prepared = self._parsed(piece, oids)
        self._check(prepared)
        self.statements[name] = prepared

    def execute_prepared(self, name: str, arguments: str) -> None:
        """EXECUTE: makes the unnamed portal; `arguments` are the literals as written."""
        prepared = self.statement(name)
        values = _arguments(arguments)
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
        own = self._portals.pop("", None)  # the portal that runs this very EXECUTE lives on
        del own
        self._new_portal("", self._bound(prepared, literals, []))

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
        result = self._query(inner[0], inner[0].sql)
        return commands.Answer("COPY", copy.CopyOut(result, options))

    def close(self) -> None:
        """Give everything back; the connection itself is the server's."""
        self.close_portals(held=True)
        self.engine.close()


def _padded(declared: list[int], count: int) -> list[int]:
    return [*declared, *[0] * (count - len(declared))]


def _unknown(oid: int, format: int) -> int:
    """A parameter sent as text whose type is only inferred stays a plain literal, if scalar."""
    return types.TEXT.oid if format == 0 and oid in types.BY_OID else oid


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


_EXTENDED: dict[bytes, Callable[[Session, Reader], None]] = {
    b"P": Session._parse,
    b"B": Session._bind,
    b"D": Session._describe,
    b"E": Session._execute,
    b"C": Session._close,
}
