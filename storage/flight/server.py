"""The Flight SQL door: the same history, the same walls, as columns.

It is a second entrance to a PostgreSQL door: cursors, admission, limits, counters and the log
of what was refused are that door's. A ticket is the statement itself, which is admitted again
when it comes back; so nothing is kept between two calls but prepared statements, and a forged
ticket is no more than a question.
"""

from __future__ import annotations

import errno
import secrets
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight

from storage.flight import binding, messages, metadata, sql_info
from storage.flight.login import Login, NoHandshake
from storage.flight.streams import Rows, Streams
from storage.lexer import Piece
from storage.pgwire import Door
from storage.pgwire.errors import SqlError
from storage.pgwire.server import is_loopback

STOP_S = 1.0  # how long a stop waits for calls that are under way
_NAME_BYTES = 8  # of a running statement, in front of its text in a ticket
_CANCELLED, _NOT_CANCELLABLE = 1, 3  # CancelStatus, and CancelQuery's CancelResult
_CLOSED = 1  # CloseSessionResult
_ACTIONS = {
    "CreatePreparedStatement": "Prepare a statement",
    "ClosePreparedStatement": "Close a prepared statement",
    "CancelFlightInfo": "End a running statement",
    "CancelQuery": "End a running statement, as older clients ask",
    "CloseSession": "Leave",
}


@dataclass(slots=True)
class _Prepared:
    """A prepared statement, and its text with the values that were put in last."""

    piece: Piece
    bound: str | None


class FlightDoor:
    """Serves Flight SQL beside a PostgreSQL door. It listens as soon as it is made."""

    def __init__(
        self,
        door: Door,
        password: str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: tuple[bytes, bytes] | None = None,
    ) -> None:
        """`tls` is certificate and private key, PEM.

        Raises OSError where the port cannot be had, ValueError where `host` is not loopback and
        there is no `tls`, or `password` is empty.
        """
        if not password:
            raise ValueError("the Flight door needs a password")
        if not is_loopback(host) and tls is None:
            raise ValueError(
                f"the Flight door on {host} can be reached from other machines: it needs TLS (a "
                "certificate and key), or bind 127.0.0.1"
            )
        address = f"[{host}]" if ":" in host else host
        self.host, self.encrypted = host, tls is not None
        self.streams = Streams(door)
        try:
            _probe(host, port)
            self._server: _Server | None = _Server(
                door,
                self.streams,
                location=f"grpc+{'tls' if tls else 'tcp'}://{address}:{port}",
                auth_handler=NoHandshake(),
                tls_certificates=[tls] if tls else None,
                middleware={
                    "login": Login(
                        door.user, password, door.service.count_session, door.failed_login
                    )
                },
            )
        except pa.ArrowException as problem:
            self.streams.stop()
            raise OSError(errno.EADDRINUSE, str(problem)) from None
        except BaseException:
            self.streams.stop()
            raise
        self.port = int(self._server.port)

    def stop(self) -> None:
        """End what runs and close the port; a client that takes nothing is not waited for."""
        self.streams.stop()
        # What gRPC holds the collector cannot see: let go of it, or the database is never freed.
        server, self._server = self._server, None
        if server is not None:
            ending = threading.Thread(target=server.shutdown, name="flight-stop", daemon=True)
            ending.start()
            ending.join(STOP_S)


def _probe(host: str, port: int) -> None:
    """Raise the OSError that gRPC, which words it otherwise, would meet."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


class _Server(flight.FlightServerBase):
    """Flight's calls: a descriptor or a ticket holds a Flight SQL message each."""

    def __init__(self, door: Door, streams: Streams, **options: Any) -> None:
        super().__init__(**options)
        self._door, self._streams = door, streams
        self._prepared: OrderedDict[bytes, _Prepared] = OrderedDict()
        self._lock = threading.Lock()

    # -- questions --------------------------------------------------------------------------------

    def get_flight_info(self, context: Any, descriptor: Any) -> flight.FlightInfo:
        with self._streams.guarded():
            message = messages.unpack(descriptor.command or b"")
            sql = self._sql(message)
            if sql is None:
                schema, ticket = self._listing(message).schema, bytes(descriptor.command)
            else:
                schema = self._streams.schema(sql)
                handle = secrets.token_bytes(_NAME_BYTES) + self._bound(message, sql).encode()
                ticket = messages.pack(
                    messages.make("TicketStatementQuery", statement_handle=handle)
                )
            return flight.FlightInfo(schema, descriptor, [flight.FlightEndpoint(ticket, [])])

    def get_schema(self, context: Any, descriptor: Any) -> flight.SchemaResult:
        with self._streams.guarded():
            message = messages.unpack(descriptor.command or b"")
            sql = self._sql(message)
            found = self._listing(message).schema if sql is None else self._streams.schema(sql)
            return flight.SchemaResult(found)

    def do_get(self, context: Any, ticket: Any) -> flight.FlightDataStream:
        with self._streams.guarded():
            message = messages.unpack(ticket.ticket)
            if messages.name_of(message) != "TicketStatementQuery":
                return flight.RecordBatchStream(self._listing(message))
            handle = message.statement_handle
            name, text = handle[:_NAME_BYTES], handle[_NAME_BYTES:]
            try:
                sql = text.decode()
            except UnicodeDecodeError:
                raise messages.Malformed("this ticket holds no statement") from None
            stream = self._streams.run(sql, name, context.is_cancelled)
            return flight.GeneratorStream(stream.schema, Rows(stream))

    def _sql(self, message: Any) -> str | None:
        """A question's text, NULL for its parameters; None for a message that is a listing."""
        name = messages.name_of(message)
        if name == "CommandStatementQuery":
            return binding.unbound(binding.statement(message.query))
        if name == "CommandPreparedStatementQuery":
            prepared = self._get(message.prepared_statement_handle)
            return prepared.bound or binding.unbound(prepared.piece)
        if name == "CommandStatementSubstraitPlan":
            raise SqlError("0A000", "Substrait plans are not supported: ask in SQL")
        return None

    def _bound(self, message: Any, sql: str) -> str:
        """The text to run. Raises SqlError 08P01 where parameters have no values."""
        if messages.name_of(message) == "CommandStatementQuery":
            return binding.bound(binding.statement(message.query), [])
        prepared = self._get(message.prepared_statement_handle)
        return prepared.bound or binding.bound(prepared.piece, [])

    def _listing(self, message: Any) -> pa.Table:
        name, database = messages.name_of(message), self._door.database
        if name == "CommandGetCatalogs":
            return metadata.catalogs(database)
        if name == "CommandGetDbSchemas":
            return metadata.db_schemas(self._ask, database, message)
        if name == "CommandGetTables":
            return metadata.tables(self._ask, self._streams.schema, database, message)
        if name == "CommandGetTableTypes":
            return metadata.table_types()
        if name == "CommandGetPrimaryKeys":
            return metadata.primary_keys(self._ask, database, message)
        if name in (
            "CommandGetExportedKeys",
            "CommandGetImportedKeys",
            "CommandGetCrossReference",
        ):
            return metadata.foreign_keys()
        if name == "CommandGetSqlInfo":
            return sql_info.sql_info(list(message.info))
        if name == "CommandGetXdbcTypeInfo":
            asked = message.data_type if message.HasField("data_type") else None
            return sql_info.xdbc_types(asked)
        raise SqlError("0A000", f"{name} is not supported here")

    def _ask(self, sql: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for batch in Rows(self._streams.run(sql)):
            rows += batch.to_pylist()
        return rows

    # -- parameters, and what would write ---------------------------------------------------------

    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        with self._streams.guarded():
            message = messages.unpack(descriptor.command or b"")
            name = messages.name_of(message)
            if name == "CommandPreparedStatementQuery":
                handle = message.prepared_statement_handle
                prepared = self._get(handle)
                prepared.bound = binding.bound(prepared.piece, binding.row(reader.read_all()))
                answer = messages.make(
                    "DoPutPreparedStatementResult", prepared_statement_handle=handle
                )
                writer.write(pa.py_buffer(answer.SerializeToString()))
                return
            if name in ("CommandStatementUpdate", "CommandPreparedStatementUpdate"):
                prepared_one = name.startswith("CommandPrepared")
                sql = (
                    self._get(message.prepared_statement_handle).piece.sql
                    if prepared_one
                    else message.query
                )
                self._streams.schema(binding.unbound(binding.statement(sql)))  # says what is wrong
                raise SqlError("0A000", "this statement gives rows: send it as a query")
            if name == "CommandStatementIngest":
                raise SqlError("25006", "cannot execute INSERT in a read-only transaction")
            raise SqlError("0A000", f"{name} is not supported here")

    # -- actions ----------------------------------------------------------------------------------

    def list_actions(self, context: Any) -> list[tuple[str, str]]:
        return list(_ACTIONS.items())

    def do_action(self, context: Any, action: Any) -> Iterator[flight.Result]:
        handlers: dict[str, Callable[[bytes], bytes | None]] = {
            "CreatePreparedStatement": self._create,
            "ClosePreparedStatement": self._close,
            "CancelFlightInfo": self._cancel_info,
            "CancelQuery": self._cancel_query,
            "CloseSession": lambda _: messages.make(
                "CloseSessionResult", status=_CLOSED
            ).SerializeToString(),
        }
        with self._streams.guarded():
            if action.type not in handlers:
                raise SqlError("0A000", f"{action.type} is not supported here")
            answer = handlers[action.type](action.body.to_pybytes() if action.body else b"")
        return iter([] if answer is None else [flight.Result(pa.py_buffer(answer))])

    def _create(self, body: bytes) -> bytes:
        piece = binding.statement(messages.unpack(body).query)
        schema = self._streams.schema(binding.unbound(piece))
        takes = binding.schema(piece)
        handle = secrets.token_bytes(16)
        with self._lock:
            self._prepared[handle] = _Prepared(piece, None)
            # Clients that leave close nothing, and a call does not tell whose it is: the oldest
            # goes when there are too many.
            if len(self._prepared) > self._door.limits.max_statements:
                self._prepared.popitem(last=False)
        return messages.pack(
            messages.make(
                "ActionCreatePreparedStatementResult",
                prepared_statement_handle=handle,
                dataset_schema=schema.serialize().to_pybytes(),
                parameter_schema=takes.serialize().to_pybytes() if len(takes) else b"",
            )
        )

    def _close(self, body: bytes) -> None:
        with self._lock:
            self._prepared.pop(messages.unpack(body).prepared_statement_handle, None)

    def _cancel_info(self, body: bytes) -> bytes:
        found = self._cancel(messages.parse("CancelFlightInfoRequest", body).info)
        return bytes(messages.make("CancelFlightInfoResult", status=found).SerializeToString())

    def _cancel_query(self, body: bytes) -> bytes:
        found = self._cancel(messages.unpack(body).info)
        return messages.pack(messages.make("ActionCancelQueryResult", result=found))

    def _cancel(self, info: bytes) -> int:
        """Cancel what runs under any ticket of a FlightInfo."""
        try:
            endpoints = flight.FlightInfo.deserialize(info).endpoints
        except (pa.ArrowException, OSError):
            raise messages.Malformed("these bytes are no FlightInfo") from None
        found = False
        for endpoint in endpoints:
            message = messages.unpack(endpoint.ticket.ticket)
            if messages.name_of(message) == "TicketStatementQuery":
                found |= self._streams.cancel(message.statement_handle[:_NAME_BYTES])
        return _CANCELLED if found else _NOT_CANCELLABLE

    def _get(self, handle: bytes) -> _Prepared:
        """A prepared statement, which is the newest by this. Raises SqlError 26000."""
        with self._lock:
            if handle not in self._prepared:
                raise SqlError("26000", "this prepared statement does not exist (any more)")
            self._prepared.move_to_end(handle)
            return self._prepared[handle]
