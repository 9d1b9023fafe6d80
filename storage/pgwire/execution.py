"""Running one admitted statement on a DuckDB cursor and taking its rows batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from storage.admission import MAX_SQL_CHARS, Refused, Statement, admit
from storage.lexer import Piece, split, tokens
from storage.pgwire import (
    binary,
    division,
    explaining,
    messages,
    naming,
    scopes,
    text,
    types,
    writing,
)
from storage.pgwire.dialect import NO_COLUMNS, spelled
from storage.pgwire.edits import Spelled
from storage.pgwire.errors import SqlError, from_duckdb
from storage.pgwire.rewrite import Context, concerns
from storage.pgwire.rewritten import rewritten
from storage.pgwire.types import ColumnType

_BEGIN = "BEGIN TRANSACTION READ ONLY"
BATCH_ROWS = 16_384  # rows fetched, encoded and sent at a time

Watch = Callable[[duckdb.DuckDBPyConnection], AbstractContextManager[None]]

# What DuckDB raises: its own errors, and OSError or ValueError out of an Arrow stream.
ENGINE_ERRORS = (duckdb.Error, OSError, ValueError, RuntimeError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Column:
    """One result column: its name and how it goes out."""

    name: str
    kind: ColumnType


class Result(Protocol):
    """Rows to send: described by `columns`, read once through `batches`."""

    columns: list[Column]

    def batches(self) -> Iterator[pa.RecordBatch]: ...

    def close(self) -> None: ...


class Table:
    """A small result that the door makes itself: columns of text, or of another kind in text."""

    def __init__(self, names: Sequence[str], rows: Sequence[Sequence[str | None]],
                 kind: types.PgType = types.TEXT) -> None:  # fmt: skip
        self.columns = [Column(name, ColumnType(kind)) for name in names]
        self._batch = pa.RecordBatch.from_arrays(
            [pa.array([row[at] for row in rows], pa.string()) for at in range(len(names))],
            names=[str(at) for at in range(len(names))],
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        yield self._batch

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Plan:
    """A statement ready to run: `statement` admitted, `offset` where the client's text had it.

    `offset` is None when the text was rewritten as a whole: positions would mean nothing to the
    client. Where only spellings differ, `spelling` finds them again.
    """

    statement: Statement
    offset: int | None
    spelling: Spelled

    def error(self, problem: BaseException) -> SqlError:
        """DuckDB's error as PostgreSQL's, its place in the client's text."""
        return _placed(
            from_duckdb(problem, self.statement.sql, 0, self.statement.tree),
            self.offset,
            self.spelling,
        )


def _placed(problem: SqlError, offset: int | None, spelling: Spelled) -> SqlError:
    """A position in what DuckDB got as one in the client's text; none if that is another text."""
    at = problem.position
    if at is not None:
        problem.position = None if offset is None else spelling.original(at) + offset
    return problem


def statements_of(text: str) -> list[Piece]:
    """A text's statements. Raises SqlError 54001 before a token of a long one is looked for."""
    if len(text) > MAX_SQL_CHARS:
        raise SqlError("54001", f"statement too long: {len(text)} characters, the most is "
                       f"{MAX_SQL_CHARS}")  # fmt: skip
    return split(text)


class Planner:
    """Turns a client's statement into an admitted one: rewrites what is PostgreSQL's own."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, context: Context, watch: Watch) -> None:
        self._cursor, self._context, self._watch = cursor, context, watch

    def plan(self, piece: Piece, sql: str) -> Plan:
        """Admit `sql`, which is `piece` with its parameters bound. Raises SqlError."""
        offset: int | None = piece.start if sql == piece.sql else None
        spelling = Spelled(sql)
        try:
            with self._watch(self._cursor):
                if concerns(piece):
                    made = rewritten(sql, self._context)
                    if made is not None:
                        sql, offset = made, None
                spelling = Spelled(sql)  # for the place of an error that `spelled` raises
                spelling = spelled(sql)
                admitted = admit(self._cursor, spelling.sql)
                for statement in admitted:
                    scopes.check(statement.tree)
        except Refused as refusal:
            told = SqlError(refusal.sqlstate, refusal.message, position=refusal.position)
            raise _placed(told, offset, spelling) from None
        except SqlError as problem:
            raise _placed(problem, offset, spelling) from None
        except RecursionError:
            raise SqlError("54001", "statement too deeply nested") from None
        except ENGINE_ERRORS as problem:
            told = from_duckdb(problem, spelling.sql)
            if told.sqlstate == "42601":
                writes = writing.refused(spelling.sql, told.position)
                if writes:
                    raise SqlError("25006", writes) from None
                if self._is_unfinished(spelling.sql, told.position):
                    told.position = len(spelling.sql) + 1
            raise _placed(told, offset, spelling) from None
        if len(admitted) != 1:
            raise SqlError("42601", "cannot insert multiple commands into a prepared statement")
        return Plan(admitted[0], offset, spelling)

    def _is_unfinished(self, sql: str, position: int | None) -> bool:
        """Whether a statement lacks its end: DuckDB points at the last token then."""
        if position is None or not sql.endswith([*tokens(sql)][-1].text, position - 1):
            return False
        try:
            self._cursor.extract_statements(sql + " )")
        except duckdb.Error as problem:
            return (from_duckdb(problem, sql + " )").position or 0) > position
        return True


def explained(cursor: duckdb.DuckDBPyConnection, plan: Plan) -> list[str]:
    """The lines that an EXPLAIN gives."""
    rows = cursor.execute(plan.statement.sql).fetchall()
    return [line for row in rows for line in str(row[1]).splitlines() if line.strip()]


def end_read(cursor: duckdb.DuckDBPyConnection, reader: Any) -> None:
    """End a read-only transaction, and the Arrow reader of its rows if there is one."""
    try:
        if reader is not None:
            reader.close()
        cursor.execute("ROLLBACK")
    except ENGINE_ERRORS:
        pass  # no transaction is open: BEGIN itself failed


class Query:
    """One SELECT or EXPLAIN running on a cursor of its own, in a read-only transaction.

    Nothing is computed before `batches` is read. Close it in any case: the cursor goes back to
    its owner only then.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, plan: Plan, watch: Watch,
                 release: Callable[[duckdb.DuckDBPyConnection], None]) -> None:  # fmt: skip
        self._cursor, self._plan, self._watch, self._release = cursor, plan, watch, release
        self._reader: Any = None
        self._lines: Table | None = None
        self._relation: Any = None
        self._closed = False
        try:
            with watch(cursor):
                cursor.execute(_BEGIN)
                if plan.statement.kind == "explain":
                    self._explain()
                else:
                    self._bind()
        except ENGINE_ERRORS as problem:
            self.close()
            raise self._plan.error(problem) from None
        except BaseException:
            self.close()
            raise

    @property
    def tag(self) -> str:
        """What the command's tag begins with; the number of rows follows that of a SELECT."""
        return "SELECT" if self._plan.statement.kind == "select" else "EXPLAIN"

    @property
    def constant(self) -> bool:
        """Whether it is a SELECT without FROM."""
        source = self._plan.statement.tree.get("from_table") or {}
        return self._plan.statement.kind == "select" and source.get("type") == "EMPTY"

    def _explain(self) -> None:
        if explaining.as_json(self._plan.statement.sql):
            rows = self._cursor.execute(self._plan.statement.sql).fetchall()
            self._lines = Table(["QUERY PLAN"], [[explaining.plan(str(rows[0][1]))]], types.JSON)
            self.columns = self._lines.columns
            return
        lines = explained(self._cursor, self._plan)
        self._lines = Table(["QUERY PLAN"], [[line] for line in lines])
        self.columns = self._lines.columns

    def _bind(self) -> None:
        relation, sql = self._relation_of(self._plan.statement.sql)
        if relation is None:
            raise SqlError("42601", "the statement has no result")
        kinds = relation.types
        names = naming.columns(self._plan.statement.tree, relation.columns)
        exact = naming.keeps_typmod(self._plan.statement.tree, len(names))
        narrow = self._narrow_sums(sql, [str(kind) for kind in kinds])
        told = naming.told(self._plan.statement.tree, [str(kind) for kind in kinds])
        known = [types.INT8 if small else one for small, one in zip(narrow, told, strict=True)]
        self.columns = [
            Column(name, _column_type(kind, keep, one))
            for name, kind, keep, one in zip(names, kinds, exact, known, strict=True)
        ]
        printed = [
            types.conversion(kind) if one is None else types.conversion_to(one, kind)
            for kind, one in zip(kinds, known, strict=True)
        ]
        if any(printed):
            items = ", ".join((how or "{}").format(f"c{at}") for at, how in enumerate(printed))
            labels = ", ".join(f"c{at}" for at in range(len(printed)))
            relation = self._cursor.sql(f"SELECT {items} FROM (\n{sql}\n) AS q({labels})")
        if names == [NO_COLUMNS]:
            self.columns = []
        self._relation = relation

    def _relation_of(self, sql: str) -> tuple[Any, str]:
        """The bound statement, and its text, in which quotients of intervals are products."""
        while True:
            try:
                return self._cursor.sql(sql), sql
            except duckdb.BinderException as problem:
                quotient = division.REFUSED in str(problem)
                made = division.as_product(self._cursor, sql) if quotient else None
                if made is None:
                    raise
                sql = made
                self._cursor.execute("ROLLBACK")  # the error has ended the transaction
                self._cursor.execute(_BEGIN)

    def _narrow_sums(self, sql: str, kinds: Sequence[str]) -> list[bool]:
        """Which HUGEINT columns are sums of integers below int8: PostgreSQL's are int8 then.

        DuckDB sums every integer to HUGEINT. The same statement with max() in place of sum() is
        bound, not run, and its types tell what is summed.
        """
        none = [False] * len(kinds)
        if "HUGEINT" not in kinds:
            return none
        found = list(tokens(sql))
        out, at = [], 0
        for one, after in pairwise(found):
            if one.kind == "word" and one.folded == "sum" and after.text == "(":
                out += [sql[at : one.start], "max"]
                at = one.end
        if not out:
            return none
        try:
            probe = self._cursor.sql("".join(out) + sql[at:])
        except ENGINE_ERRORS:
            return none  # sums stay what DuckDB says they are
        small = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT")
        return [
            kind == "HUGEINT" and str(summed) in small
            for kind, summed in zip(kinds, probe.types, strict=True)
        ]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows; raises SqlError also in mid-stream."""
        if self._lines is not None:
            yield from self._lines.batches()
            return
        try:
            with self._watch(self._cursor):
                self._reader = self._relation.to_arrow_reader(BATCH_ROWS)
            while True:
                try:
                    with self._watch(self._cursor):
                        batch = self._reader.read_next_batch()
                except StopIteration:
                    return
                if batch.num_rows:
                    yield batch if self.columns else batch.select([])
        except ENGINE_ERRORS as problem:
            raise self._plan.error(problem) from None

    def close(self) -> None:
        """End the transaction and give the cursor back; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        reader, self._reader, self._relation = self._reader, None, None
        end_read(self._cursor, reader)
        self._release(self._cursor)


def _column_type(kind: Any, keep_typmod: bool, told: types.PgType | None) -> ColumnType:
    """How a column goes out; a computed numeric has no typmod in PostgreSQL."""
    if told is not None:
        return ColumnType(told)
    made = types.of(kind)
    return made if keep_typmod else replace(made, typmod=-1)


def row_fields(columns: Sequence[Column], formats: Sequence[int]) -> list[messages.Field]:
    """RowDescription's fields. Raises SqlError for a binary format that is not spoken."""
    for column, format in zip(columns, formats, strict=True):
        if format and not binary.supported(column.kind.element):
            raise SqlError("0A000", f'no binary format for column "{column.name}" of type '
                           f"{column.kind.element.sql_name}: ask for text")  # fmt: skip
    return [
        messages.Field(column.name, column.kind.oid, column.kind.size, column.kind.typmod, format)
        for column, format in zip(columns, formats, strict=True)
    ]


def encoded(batch: pa.RecordBatch, columns: Sequence[Column], formats: Sequence[int],
            zone: str) -> list[pa.Array]:  # fmt: skip
    """A batch's columns as the bytes to send, null for NULL."""
    return [
        binary.encode(values, column.kind) if format else text.encode(values, column.kind, zone)
        for values, column, format in zip(batch.columns, columns, formats, strict=True)
    ]
