"""Running statements for Flight clients: who may run, how rows go out, what ends them.

A call of gRPC has a thread of its own, which waits while its client reads slowly; nobody else
waits with it. All Python does for a batch is hand it on: DuckDB, Arrow and gRPC work without
the interpreter's lock.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.flight as flight

from storage.flight import binding
from storage.flight.errors import REFUSALS, to_flight
from storage.flight.messages import Malformed
from storage.flight.query import Query
from storage.pgwire import Door
from storage.pgwire.engine import Engine, Stopped
from storage.pgwire.errors import BadParameter, SqlError, too_many_rows
from storage.pgwire.execution import Planner
from storage.pgwire.rewrite import Context
from storage.pgwire.settings import SERVER_VERSION, Settings

_WATCH_EVERY_S = 0.05  # how late a timeout, a cancel or a hang-up may take effect
_MOST_IDLE = 4  # lanes kept for the next statements


class Lane:
    """What one statement at a time needs: cursors under watch, and the planner."""

    def __init__(self, door: Door) -> None:
        settings = Settings(door.user)
        self.engine = Engine(door.service, settings)
        context = Context(
            user=door.user,
            database=door.database,
            pid=0,
            version=f"PostgreSQL {SERVER_VERSION} (orbitwin SQL door, DuckDB {duckdb.__version__})",
            setting=settings.get,
            # A statement is a session of its own here: what it sets ends with it.
            set_config=lambda name, value, local: Settings(door.user).set(name, value, local=local),
            settings=settings.rows,
        )
        self._planner = Planner(self.engine.planner, context, self.engine.watched)

    def query(self, sql: str) -> Query:
        """Admit a text without parameters and bind it. Raises SqlError, Stopped."""
        self.engine.begin_statement()
        try:
            return Query(self.engine, self._planner.plan(binding.statement(sql), sql))
        except SqlError as problem:
            raise self.engine.explain(problem) from None


class Streams:
    """Lends lanes, and watches the streams that are open."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._lock = threading.Lock()
        self._idle: list[Lane] = []
        self._lent = 0
        self._open: dict[Stream, None] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="flight-watch", daemon=True)
        self._thread.start()

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Around a handler's work: an error is counted, logged and told as Flight tells it."""
        try:
            yield
        except BadParameter as problem:
            raise self.told(SqlError(problem.sqlstate, problem.message)) from None
        except SqlError as problem:
            raise self.told(problem) from None
        except Stopped:
            raise self.told(_closing()) from None
        except Malformed as problem:
            raise self.told(SqlError("08P01", str(problem))) from None
        except duckdb.Error as problem:
            self._door.service.log_fault(problem)
            text = "the history database is not available"
            raise self.told(SqlError("58000", text)) from None
        except (StopIteration, flight.FlightError):
            raise
        except Exception as problem:  # a fault of the door: told, logged, and others go on
            self._door.service.log_fault(problem)
            text = f"internal error: {type(problem).__name__}: {problem}"
            raise self.told(SqlError("XX000", text)) from None

    def told(self, problem: SqlError) -> Exception:
        """Count and log an error; gives the exception that Flight sends."""
        self._door.service.count_error(problem.sqlstate in REFUSALS, problem)
        return to_flight(problem)

    def schema(self, sql: str) -> pa.Schema:
        """The columns of a statement's result; nothing is computed. Raises SqlError."""
        lane = self._lend()
        try:
            query = lane.query(sql)
            query.close()
            return query.schema
        finally:
            lane.engine.end_statement()
            self._take_back(lane)

    def run(self, sql: str, name: bytes = b"", gone: Callable[[], bool] = lambda: False) -> Stream:
        """Begin a statement; `name` is for `cancel`, `gone` tells of a client that has left."""
        lane = self._lend()
        try:
            query = lane.query(sql)
        except BaseException:
            lane.engine.end_statement()
            self._take_back(lane)
            raise
        self._door.service.count_query()
        stream = Stream(self, lane, query, name or secrets.token_bytes(8), gone)
        with self._lock:
            self._open[stream] = None
        return stream

    def cancel(self, name: bytes) -> bool:
        """End the stream of this name; False where none runs."""
        found = [stream for stream in self._snapshot() if stream.name == name]
        for stream in found:
            stream.lane.engine.stop("cancel")
        return bool(found)

    def stop(self) -> None:
        """End every stream and take no more."""
        self._stopping.set()
        self._thread.join()
        for stream in self._snapshot():
            stream.lane.engine.stop("stop")
        for stream in self._snapshot():
            stream.abandon()
        with self._lock:
            idle, self._idle = self._idle, []
        for lane in idle:
            lane.engine.close()

    # -- for streams ------------------------------------------------------------------------------

    @property
    def limits(self) -> Any:
        return self._door.limits

    def count_rows(self, rows: int) -> None:
        self._door.service.count_rows(rows)

    def ended(self, stream: Stream) -> None:
        """A stream has closed: its lane is free."""
        with self._lock:
            self._open.pop(stream, None)
        stream.lane.engine.end_statement()
        self._take_back(stream.lane)

    def refuse_when_closing(self) -> None:
        """Raise SqlError 57P01 once the door is closing."""
        if self._stopping.is_set():
            raise _closing()

    def _lend(self) -> Lane:
        with self._lock:
            self.refuse_when_closing()
            if self._lent >= self._door.limits.max_clients:
                raise SqlError("53300", "sorry, too many queries already: the most is "
                               f"{self._door.limits.max_clients}")  # fmt: skip
            self._lent += 1
            lane = self._idle.pop() if self._idle else None
        try:
            return lane or Lane(self._door)
        except BaseException:
            with self._lock:
                self._lent -= 1
            raise

    def _take_back(self, lane: Lane) -> None:
        with self._lock:
            self._lent -= 1
            keep = len(self._idle) < _MOST_IDLE and not self._stopping.is_set()
            if keep:
                self._idle.append(lane)
        if not keep:
            lane.engine.close()

    def _snapshot(self) -> list[Stream]:
        with self._lock:
            return list(self._open)

    def _watch(self) -> None:
        while not self._stopping.wait(_WATCH_EVERY_S):
            for stream in self._snapshot():
                stream.inspect(time.monotonic())


class Stream:
    """The batches of one running statement. Made by `Streams.run`; see `Rows` for who reads it."""

    def __init__(
        self, streams: Streams, lane: Lane, query: Query, name: bytes, gone: Callable[[], bool]
    ) -> None:
        self.name, self.lane, self.schema = name, lane, query.schema
        self._streams, self._query, self._gone = streams, query, gone
        self._rows = 0
        self._taken_s = time.monotonic()  # when the client took the last batch
        self._closed = False
        self._life = threading.Lock()  # held while open things are used: see `inspect`
        self._work = threading.Lock()  # held by whoever uses the query

    def next(self) -> pa.RecordBatch | None:
        """The next rows; None at the end, and closed then, as after an error."""
        try:
            with self._streams.guarded(), self._work:
                if self._closed:
                    self._streams.refuse_when_closing()
                    raise SqlError("57P05", "the client took nothing for too long")
                batch = self._next()
        except BaseException:
            self.close()
            raise
        if batch is None:
            self.close()
        return batch

    def _next(self) -> pa.RecordBatch | None:
        try:
            batch = self._query.next()
        except SqlError as problem:
            raise self.lane.engine.explain(problem) from None
        if batch is not None:
            self._rows += batch.num_rows
            most = self._streams.limits.max_rows
            if most and self._rows > most:
                raise too_many_rows(most)
            self._streams.count_rows(batch.num_rows)
        self._taken_s = time.monotonic()
        return batch

    def inspect(self, now_s: float) -> None:
        """Interrupt what ran too long or whose client is gone. For the watching thread.

        Trap: `gone` asks the call's context, which must not be touched once the call is over;
        `close` comes before that, and waits for this lock.
        """
        with self._life:
            if self._closed:
                return
            if self.lane.engine.busy():
                self.lane.engine.inspect(now_s, self._gone())
                return
            late_s = self._streams.limits.send_timeout_s
        if late_s and now_s - self._taken_s > late_s:
            self.abandon()

    def abandon(self) -> None:
        """Close it from outside: an open transaction would hold up the writer's checkpoint."""
        with self._work:
            self.close()

    def close(self) -> None:
        """End the statement; safe to call twice."""
        with self._life:
            if self._closed:
                return
            self._closed = True
        self._query.close()
        self._streams.ended(self)


class Rows:
    """What gRPC reads a stream by.

    gRPC lets go of it without a word when the client has left. So this is held by gRPC alone,
    and its end is the stream's.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __iter__(self) -> Rows:
        return self

    def __next__(self) -> pa.RecordBatch:
        batch = self._stream.next()
        if batch is None:
            raise StopIteration
        return batch

    def __del__(self) -> None:
        self._stream.close()


def _closing() -> SqlError:
    return SqlError("57P01", "the SQL door is closing")
