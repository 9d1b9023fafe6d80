"""What there is to ask: catalogues, schemas, tables, keys, as Flight SQL's tables of them.

The schemas are those of the comments in Arrow's format/FlightSql.proto. What is in them comes
from the door's own information_schema, so both doors tell the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from storage import quoting

Ask = Callable[[str], list[dict[str, Any]]]
"""Runs a statement of the door's own; its rows."""

TABLE_TYPES = ("SYSTEM TABLE", "TABLE", "VIEW")
_SYSTEM = ("information_schema", "pg_catalog")


def _text(name: str, null: bool = True) -> pa.Field:
    return pa.field(name, pa.string(), nullable=null)


CATALOGS = pa.schema([_text("catalog_name", False)])
DB_SCHEMAS = pa.schema([_text("catalog_name"), _text("db_schema_name", False)])
TABLES = pa.schema(
    [
        _text("catalog_name"),
        _text("db_schema_name"),
        _text("table_name", False),
        _text("table_type", False),
    ]
)
TABLES_WITH_SCHEMA = TABLES.append(pa.field("table_schema", pa.binary(), nullable=False))
TYPES = pa.schema([_text("table_type", False)])
PRIMARY_KEYS = pa.schema(
    [
        _text("catalog_name"),
        _text("db_schema_name"),
        _text("table_name", False),
        _text("column_name", False),
        _text("key_name"),
        pa.field("key_sequence", pa.int32(), nullable=False),
    ]
)
FOREIGN_KEYS = pa.schema(
    [
        _text(f"{side}_{name}", name in ("catalog_name", "db_schema_name"))
        for side in ("pk", "fk")
        for name in ("catalog_name", "db_schema_name", "table_name", "column_name")
    ]
    + [
        pa.field("key_sequence", pa.int32(), nullable=False),
        _text("fk_key_name"),
        _text("pk_key_name"),
        pa.field("update_rule", pa.uint8(), nullable=False),
        pa.field("delete_rule", pa.uint8(), nullable=False),
    ]
)


def catalogs(database: str) -> pa.Table:
    return pa.Table.from_pylist([{"catalog_name": database}], schema=CATALOGS)


def table_types() -> pa.Table:
    return pa.Table.from_pylist([{"table_type": kind} for kind in TABLE_TYPES], schema=TYPES)


def foreign_keys() -> pa.Table:
    """The twin's tables have none."""
    return FOREIGN_KEYS.empty_table()


def db_schemas(ask: Ask, database: str, message: Any) -> pa.Table:
    rows = [
        {"catalog_name": database, "db_schema_name": row["schema_name"]}
        for row in ask("SELECT schema_name FROM information_schema.schemata ORDER BY 1")
        if _of(database, message) and _like(message, "db_schema_filter_pattern", row["schema_name"])
    ]
    return pa.Table.from_pylist(rows, schema=DB_SCHEMAS)


def tables(
    ask: Ask, schema_of: Callable[[str], pa.Schema], database: str, message: Any
) -> pa.Table:
    """`schema_of` gives the columns of a statement's result."""
    rows = []
    for row in ask(
        "SELECT table_schema, table_name, table_type FROM information_schema.tables ORDER BY 1, 2"
    ):
        schema, name = row["table_schema"], row["table_name"]
        kind = "VIEW" if row["table_type"] == "VIEW" else "TABLE"
        kind = "SYSTEM TABLE" if schema in _SYSTEM else kind
        if (
            _of(database, message)
            and _like(message, "db_schema_filter_pattern", schema)
            and _like(message, "table_name_filter_pattern", name)
            and (not message.table_types or kind in message.table_types)
        ):
            rows.append(
                {
                    "catalog_name": database,
                    "db_schema_name": schema,
                    "table_name": name,
                    "table_type": kind,
                }
            )
    if not message.include_schema:
        return pa.Table.from_pylist(rows, schema=TABLES)
    remarks = _remarks(ask)
    for row in rows:
        schema, name = row["db_schema_name"], row["table_name"]
        found = schema_of(f"SELECT * FROM {quoting.name(schema)}.{quoting.name(name)}")
        told = remarks.get((schema, name), {})
        fields = [f.with_metadata(_about(row, told.get(f.name))) for f in found]
        row["table_schema"] = pa.schema(fields).serialize().to_pybytes()
    return pa.Table.from_pylist(rows, schema=TABLES_WITH_SCHEMA)


def primary_keys(ask: Ask, database: str, message: Any) -> pa.Table:
    rows = [
        {
            "catalog_name": database,
            "db_schema_name": row["table_schema"],
            "table_name": row["table_name"],
            "column_name": row["column_name"],
            "key_name": row["constraint_name"],
            "key_sequence": row["ordinal_position"],
        }
        for row in ask(
            "SELECT k.table_schema, k.table_name, k.column_name, k.constraint_name, "
            "k.ordinal_position FROM information_schema.key_column_usage k "
            "JOIN information_schema.table_constraints c "
            "ON c.constraint_name = k.constraint_name AND c.table_schema = k.table_schema "
            "AND c.table_name = k.table_name "
            "WHERE c.constraint_type = 'PRIMARY KEY' ORDER BY 2, 5"
        )
        if row["table_name"] == message.table
        and _of(database, message)
        and (not message.HasField("db_schema") or row["table_schema"] == message.db_schema)
    ]
    return pa.Table.from_pylist(rows, schema=PRIMARY_KEYS)


def _remarks(ask: Ask) -> dict[tuple[str, str], dict[str, str]]:
    """The comments of columns, which carry their units, by table."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for row in ask(
        "SELECT schema_name, table_name, column_name, comment FROM duckdb_columns() "
        "WHERE comment IS NOT NULL"
    ):
        schema = "public" if row["schema_name"] == "main" else row["schema_name"]
        found.setdefault((schema, row["table_name"]), {})[row["column_name"]] = row["comment"]
    return found


def _about(row: dict[str, Any], remark: str | None) -> dict[str, str]:
    about = {
        "ARROW:FLIGHT:SQL:CATALOG_NAME": row["catalog_name"],
        "ARROW:FLIGHT:SQL:SCHEMA_NAME": row["db_schema_name"],
        "ARROW:FLIGHT:SQL:TABLE_NAME": row["table_name"],
        "ARROW:FLIGHT:SQL:IS_READ_ONLY": "1",
    }
    return about | ({"ARROW:FLIGHT:SQL:REMARKS": remark} if remark else {})


def _of(database: str, message: Any) -> bool:
    """Whether the catalogue that was asked for, if one was, is the only one there is."""
    return not message.HasField("catalog") or message.catalog == database


def _like(message: Any, field: str, name: str) -> bool:
    """SQL's LIKE with % and _; no pattern fits everything."""
    if not message.HasField(field):
        return True
    pattern = "".join(
        ".*" if sign == "%" else "." if sign == "_" else re.escape(sign)
        for sign in getattr(message, field).replace("\\_", "_")
    )
    return re.fullmatch(pattern, name, re.DOTALL) is not None
