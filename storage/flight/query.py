"""One admitted statement running on a DuckDB cursor, its rows as Arrow batches.

The twin of `storage.pgwire.execution.Query` for clients that take columns as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from storage.pgwire import naming
from storage.pgwire.engine import Engine
from storage.pgwire.errors import SqlError
from storage.pgwire.execution import ENGINE_ERRORS, Plan, end_read, explained

BATCH_ROWS = 65_536  # rows fetched and sent at a time

# DuckDB's types that not every reader of Arrow takes, or that Arrow gets as bare bytes: an ENUM
# is a dictionary there, which JDBC and Spark do not read, and polars does not join with text.
_AS_TEXT = frozenset({"enum", "bit", "bignum", "time with time zone", "null", "variant"})


class Query:
    """A SELECT or EXPLAIN in a read-only transaction of its own, bound but not begun.

    Raises SqlError. Close it in any case: its cursor goes back to the engine only then.
    """

    def __init__(self, engine: Engine, plan: Plan) -> None:
        self._engine, self._plan = engine, plan
        self._cursor = engine.take()
        self._relation: Any = None
        self._reader: Any = None
        self._lines: pa.RecordBatch | None = None
        try:
            with engine.watched(self._cursor):
                self._cursor.execute("BEGIN TRANSACTION READ ONLY")
                self.schema = self._explain() if plan.statement.kind == "explain" else self._bind()
        except ENGINE_ERRORS as problem:
            self.close()
            raise self._plan.error(problem) from None
        except BaseException:
            self.close()
            raise

    def _explain(self) -> pa.Schema:
        lines = explained(self._cursor, self._plan)
        self._lines = pa.record_batch({"QUERY PLAN": pa.array(lines, pa.string())})
        return self._lines.schema

    def _bind(self) -> pa.Schema:
        sql = self._plan.statement.sql
        relation = self._cursor.sql(sql)
        if relation is None:
            raise SqlError("42601", "the statement has no result")
        names = _unique(
            naming.columns(self._plan.statement.tree, relation.columns), relation.columns
        )
        as_text = [kind.id in _AS_TEXT for kind in relation.types]
        if any(as_text):
            labels = [f"c{at}" for at in range(len(names))]
            items = [
                f"CAST({label} AS VARCHAR)" if text else label
                for label, text in zip(labels, as_text, strict=True)
            ]
            relation = self._cursor.sql(
                f"SELECT {', '.join(items)} FROM (\n{sql}\n) AS q({', '.join(labels)})"
            )
        self._relation = relation
        found = relation.limit(0).to_arrow_table().schema
        return pa.schema([field.with_name(name) for field, name in zip(found, names, strict=True)])

    def next(self) -> pa.RecordBatch | None:
        """The next rows, None at the end. Raises SqlError also in mid-stream."""
        if self._plan.statement.kind == "explain":
            batch, self._lines = self._lines, None
            return batch
        try:
            with self._engine.watched(self._cursor):
                if self._reader is None:
                    self._reader = self._relation.to_arrow_reader(BATCH_ROWS)
                batch = self._reader.read_next_batch()
        except StopIteration:
            return None
        except ENGINE_ERRORS as problem:
            raise self._plan.error(problem) from None
        return pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)

    def close(self) -> None:
        """End the transaction and give the cursor back; call it once."""
        reader, self._reader, self._relation = self._reader, None, None
        end_read(self._cursor, reader)
        self._engine.give_back(self._cursor)


def _unique(names: Sequence[str], otherwise: Sequence[str]) -> list[str]:
    """PostgreSQL's names; a second `count` keeps DuckDB's, since frames want them unique."""
    made: list[str] = []
    for name, own in zip(names, otherwise, strict=True):
        made.append(own if name in made else name)
    return made
