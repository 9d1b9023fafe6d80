"""PostgreSQL's catalogue over DuckDB's metadata: schemas `pg` and `info` of database `pg_door`.

`pg_door` is an attached in-memory database: nothing of it reaches the twin's file, it is one
for all cursors of the process, and it can be made beside a database that is open read-only.
Its views ask duckdb_tables(), duckdb_columns() and the like whenever they are read, so they are
always true. `storage.pgwire.rewrite` points a client's `pg_catalog.pg_class` here.

DuckDB's schema `main` is shown as `public`, the name that clients ask for.
Source of columns and fixed OIDs: PostgreSQL 15, chapters 37 and 53, and its server.
"""

from __future__ import annotations

import duckdb

from storage import quoting
from storage.admission import CATALOGUE
from storage.latest_view import FRAME
from storage.pgwire import (
    catalogue_functions,
    catalogue_info,
    catalogue_info_layout,
    catalogue_layout,
    catalogue_tables,
    types,
)
from storage.pgwire.functions import install_functions
from storage.segments import SCHEMA as SEGMENTS

OWNER_OID = 10
KNOWN_OIDS = {
    "pg_type": 1247, "pg_attribute": 1249, "pg_proc": 1255, "pg_class": 1259,
    "pg_database": 1262, "pg_constraint": 2606, "pg_index": 2610, "pg_description": 2609,
    "pg_namespace": 2615, "pg_am": 2601, "pg_attrdef": 2604, "pg_roles": 12001,
    "pg_settings": 12002, "pg_tablespace": 1213, "pg_extension": 3079, "pg_trigger": 2620,
    "pg_rewrite": 2618, "pg_language": 2612, "pg_collation": 3456, "pg_enum": 3501,
}  # fmt: skip
_TYPE_PROCS = 10_000  # the four functions of type n have this + 4 * n and the next three
_INDEX_OIDS = 1 << 30  # an index has no object of DuckDB's behind it: constraints are numbered

FUNCTIONS = frozenset(macro.split("(", 1)[0] for macro in catalogue_functions.MACROS)
TABLE_FUNCTIONS = frozenset(macro.split("(", 1)[0] for macro in catalogue_functions.TABLE_MACROS)


def install_catalogue(
    connection: duckdb.DuckDBPyConnection, *, user: str, database: str
) -> None:
    """Attach `pg_door` and fill it. Call again at will; the twin's database is not written.

    Works beside a database opened read-only, and also after `storage.admission.harden`.
    """
    connection.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {CATALOGUE} (READ_WRITE)")
    for schema in ("pg", "info"):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {CATALOGUE}.{schema}")
    pg = f"{CATALOGUE}.pg"
    fills = {
        "{pg}": pg,
        "{info}": f"{CATALOGUE}.info",
        "{user}": quoting.literal(user),
        "{database}": quoting.literal(database),
        "{frame}": FRAME,
        "{segments}": SEGMENTS,
        "{type_oids}": _type_oids(),
        "{type_aliases}": _type_aliases(),
        "{known_oids}": "MAP {" + ", ".join(f"'{k}': {v}" for k, v in KNOWN_OIDS.items()) + "}",
        "{index_oids}": str(_INDEX_OIDS),
    }

    def filled(sql: str) -> str:
        for key, value in fills.items():
            sql = sql.replace(key, value)
        return sql

    def macro(text: str) -> None:
        connection.execute(f"CREATE OR REPLACE MACRO {pg}.{filled(text)}")

    waiting = [text for text in catalogue_functions.MACROS if "{pg}." in text.split(" AS ", 1)[1]]
    for text in catalogue_functions.MACROS:
        if text not in waiting:
            macro(text)
    for text in waiting[:2]:  # type_oid_, which the views use
        if text.startswith("type_oid_"):
            macro(text)
    connection.execute(  # they never change, so they are rows and no view
        f"CREATE OR REPLACE TABLE {pg}.types_ AS SELECT * FROM (VALUES {_type_rows()}) t(oid,"
        " typname, typlen, typcategory, typelem, typarray, format, stem, proc)"
    )

    def tables(schema: str, views: dict[str, str], layout: _Layout) -> None:
        """The views, with every column that PostgreSQL has, and its other tables, empty.

        What has rows that never change is a table: a query binds it at once, where it would bind
        each view anew.
        """
        for name, select in views.items():
            made = filled(select)
            if name in layout:
                given = {row[0] for row in connection.execute(f"DESCRIBE {made}").fetchall()}
                made = f"SELECT {_columns(layout[name], given)} FROM ({made}) q"
            kind = "TABLE" if name in catalogue_tables.CONSTANT else "VIEW"
            connection.execute(f"CREATE OR REPLACE {kind} {CATALOGUE}.{schema}.{name} AS {made}")
        for name, columns in layout.items():
            if name not in views:
                made = f"SELECT {_columns(columns, set())} WHERE false"
                connection.execute(f"CREATE OR REPLACE VIEW {CATALOGUE}.{schema}.{name} AS {made}")

    tables("pg", catalogue_tables.VIEWS, catalogue_layout.TABLES)
    for text in (*waiting, *catalogue_functions.TABLE_MACROS):
        macro(text)
    tables("info", catalogue_info.VIEWS, catalogue_info_layout.TABLES)
    install_functions(connection)


_Layout = dict[str, list[tuple[str, str]]]


def _columns(layout: list[tuple[str, str]], given: set[str]) -> str:
    """A table's columns in PostgreSQL's order and types: those given, NULLs for the others."""
    return ", ".join(
        f"{shown if name in given else 'NULL'}::{_duckdb_name(kind)} AS {shown}"
        for name, kind in layout
        for shown in [quoting.name(name)]
    )


def _duckdb_name(kind: str) -> str:
    base = kind.removesuffix("[]")
    return types.BY_NAME[base].duckdb + ("[]" if kind.endswith("[]") else "")


def _type_rows() -> str:
    """VALUES of pg_type: every type and its array type."""
    rows = []
    for kind in (*types.ALL, *_NAMED_ONLY):
        rows.append(
            f"({kind.oid}::UINTEGER, '{kind.name}', {kind.size}::INT2, "
            f"'{kind.category}', 0::UINTEGER, "
            f"{kind.array_oid}::UINTEGER, '{kind.sql_name}', '{_stem(kind)}', "
            f"{_TYPE_PROCS + 4 * kind.oid}::UINTEGER)"
        )
        if kind.array_oid:
            rows.append(
                f"({kind.array_oid}, '_{kind.name}', -1, 'A', {kind.oid}, 0, '{kind.sql_name}[]', "
                f"'array_', {_TYPE_PROCS})"
            )
    return ", ".join(rows)


# Types that no column here has, but that tools name: 'trigger'::regtype.
_NAMED_ONLY = tuple(
    types.PgType(name, oid, array_oid, size, category, sql_name, "VARCHAR")
    for name, oid, array_oid, size, category, sql_name in (
        ("any", 2276, 0, 4, "P", '"any"'), ("anyarray", 2277, 0, -1, "P", "anyarray"),
        ("anyelement", 2283, 0, 4, "P", "anyelement"), ("cstring", 2275, 1263, -2, "P", "cstring"),
        ("event_trigger", 3838, 0, 4, "P", "event_trigger"),
        ("internal", 2281, 0, 8, "P", "internal"), ("record", 2249, 2287, -1, "P", "record"),
        ("language_handler", 2280, 0, 4, "P", "language_handler"),
        ("trigger", 2279, 0, 4, "P", "trigger"), ("void", 2278, 0, 4, "P", "void"),
        ("bit", 1560, 1561, -1, "V", "bit"), ("cid", 29, 1012, 4, "U", "cid"),
        ("cidr", 650, 651, -1, "I", "cidr"), ("inet", 869, 1041, -1, "I", "inet"),
        ("macaddr", 829, 1040, 6, "U", "macaddr"), ("money", 790, 791, 8, "N", "money"),
        ("pg_lsn", 3220, 3221, 8, "U", "pg_lsn"), ("point", 600, 1017, 16, "G", "point"),
        ("refcursor", 1790, 2201, -1, "U", "refcursor"),
        ("regnamespace", 4089, 4090, 4, "N", "regnamespace"),
        ("regrole", 4096, 4097, 4, "N", "regrole"), ("tid", 27, 1010, 6, "U", "tid"),
        ("tsquery", 3615, 3645, -1, "U", "tsquery"), ("tsvector", 3614, 3643, -1, "U", "tsvector"),
        ("xid", 28, 1011, 4, "U", "xid"), ("xml", 142, 143, -1, "U", "xml"),
    )
)  # fmt: skip


_UNDERSCORED = frozenset(
    {"date", "time", "timestamp", "timestamptz", "interval", "timetz", "varbit", "numeric", "uuid",
     "json", "jsonb"}
)  # fmt: skip


def _stem(kind: types.PgType) -> str:
    """What the names of a type's functions begin with: int4 of int4recv, uuid_ of uuid_recv."""
    return kind.name + ("_" if kind.name in _UNDERSCORED else "")


def _type_aliases() -> str:
    """A MAP from other names of types in PostgreSQL's SQL, and of their arrays, to the first."""
    names = {"int": types.INT4, "dec": types.NUMERIC, "decimal": types.NUMERIC,
             "float": types.FLOAT8, "char": types.BPCHAR}  # fmt: skip
    return "MAP {" + ", ".join(
        f"'{name}{array}': '{kind.sql_name}{array}'"
        for name, kind in names.items()
        for array in ("", "[]")
    ) + "}"


def _type_oids() -> str:
    """A MAP from the name of a DuckDB type, without its arguments, and of its array to OIDs."""
    names = {
        "BOOLEAN": types.BOOL, "TINYINT": types.INT2, "UTINYINT": types.INT2,
        "SMALLINT": types.INT2, "USMALLINT": types.INT4, "INTEGER": types.INT4,
        "UINTEGER": types.OID, "BIGINT": types.INT8, "UBIGINT": types.NUMERIC,
        "HUGEINT": types.NUMERIC, "UHUGEINT": types.NUMERIC, "DECIMAL": types.NUMERIC,
        "FLOAT": types.FLOAT4, "DOUBLE": types.FLOAT8, "VARCHAR": types.TEXT,
        "BLOB": types.BYTEA, "DATE": types.DATE, "TIME": types.TIME,
        "TIMESTAMP": types.TIMESTAMP, "TIMESTAMP_S": types.TIMESTAMP,
        "TIMESTAMP_MS": types.TIMESTAMP, "TIMESTAMP_NS": types.TIMESTAMP,
        "TIMESTAMP WITH TIME ZONE": types.TIMESTAMPTZ, "TIME WITH TIME ZONE": types.TIMETZ,
        "INTERVAL": types.INTERVAL, "UUID": types.UUID, "JSON": types.JSON,
        "STRUCT": types.JSON, "MAP": types.JSON, "UNION": types.JSON, "BIT": types.VARBIT,
    }  # fmt: skip
    pairs = [f"'{name}': {kind.oid}, '{name}[]': {kind.array_oid}" for name, kind in names.items()]
    return "MAP {" + ", ".join(pairs) + "}"
