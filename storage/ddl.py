"""The SQL that makes tables and views and comments on them, from their definitions."""

from __future__ import annotations

from collections.abc import Sequence

from storage.fields import SEVERITY_TYPE
from storage.quoting import literal, name
from storage.table import Field, Table
from storage.tables import LATEST


def create(table: str, fields: Sequence[Field]) -> str:
    columns = ", ".join(f"{name(f.name)} {f.type}" for f in fields)
    return f"CREATE TABLE IF NOT EXISTS {table} ({columns})"


def comments(table: Table, kind: str = "TABLE") -> list[str]:
    """COMMENT ON statements of a table or view (`kind`) and each of its columns."""
    made = [f"COMMENT ON {kind} {name(table.name)} IS {literal(table.text)}"]
    return made + [
        f"COMMENT ON COLUMN {name(table.name)}.{name(f.name)} IS {literal(f.comment)}"
        for f in table.fields
    ]


def latest_view(names: Sequence[str], frame: str) -> str:
    """The view `latest` of the columns `names` on an Arrow table registered as `frame`."""
    columns = ", ".join(
        f"CAST(severity AS {SEVERITY_TYPE}) AS severity" if n == "severity" else name(n)
        for n in names
    )
    return f"CREATE OR REPLACE VIEW {LATEST.name} AS SELECT {columns} FROM {frame}"
