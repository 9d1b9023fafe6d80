"""PostgreSQL's types for DuckDB's columns: OIDs, sizes, array types, names.

Source of the numbers: PostgreSQL 15, src/include/catalog/pg_type.dat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PgType:
    """A row of pg_type: `size` is typlen (-1: variable), `category` typcategory."""

    name: str
    oid: int
    array_oid: int
    size: int
    category: str
    sql_name: str  # as format_type() prints it
    duckdb: str  # what a parameter of this type is cast to


BOOL = PgType("bool", 16, 1000, 1, "B", "boolean", "BOOLEAN")
BYTEA = PgType("bytea", 17, 1001, -1, "U", "bytea", "BLOB")
CHAR = PgType("char", 18, 1002, 1, "Z", '"char"', "VARCHAR")
NAME = PgType("name", 19, 1003, 64, "S", "name", "VARCHAR")
INT8 = PgType("int8", 20, 1016, 8, "N", "bigint", "BIGINT")
INT2 = PgType("int2", 21, 1005, 2, "N", "smallint", "SMALLINT")
INT4 = PgType("int4", 23, 1007, 4, "N", "integer", "INTEGER")
REGPROC = PgType("regproc", 24, 1008, 4, "N", "regproc", "VARCHAR")
TEXT = PgType("text", 25, 1009, -1, "S", "text", "VARCHAR")
OID = PgType("oid", 26, 1028, 4, "N", "oid", "UINTEGER")
JSON = PgType("json", 114, 199, -1, "U", "json", "JSON")
FLOAT4 = PgType("float4", 700, 1021, 4, "N", "real", "FLOAT")
FLOAT8 = PgType("float8", 701, 1022, 8, "N", "double precision", "DOUBLE")
UNKNOWN = PgType("unknown", 705, 0, -2, "X", "unknown", "VARCHAR")
BPCHAR = PgType("bpchar", 1042, 1014, -1, "S", "character", "VARCHAR")
VARCHAR = PgType("varchar", 1043, 1015, -1, "S", "character varying", "VARCHAR")
DATE = PgType("date", 1082, 1182, 4, "D", "date", "DATE")
TIME = PgType("time", 1083, 1183, 8, "D", "time without time zone", "TIME")
TIMESTAMP = PgType("timestamp", 1114, 1115, 8, "D", "timestamp without time zone", "TIMESTAMP")
TIMESTAMPTZ = PgType(
    "timestamptz", 1184, 1185, 8, "D", "timestamp with time zone", "TIMESTAMPTZ"
)
INTERVAL = PgType("interval", 1186, 1187, 16, "T", "interval", "INTERVAL")
TIMETZ = PgType("timetz", 1266, 1270, 12, "D", "time with time zone", "TIMETZ")
VARBIT = PgType("varbit", 1562, 1563, -1, "V", "bit varying", "BIT")
NUMERIC = PgType("numeric", 1700, 1231, -1, "N", "numeric", "DECIMAL(38, 10)")
UUID = PgType("uuid", 2950, 2951, 16, "U", "uuid", "UUID")
REGCLASS = PgType("regclass", 2205, 2210, 4, "N", "regclass", "VARCHAR")
REGTYPE = PgType("regtype", 2206, 2211, 4, "N", "regtype", "VARCHAR")
JSONB = PgType("jsonb", 3802, 3807, -1, "U", "jsonb", "JSON")

ALL: tuple[PgType, ...] = (
    BOOL, BYTEA, CHAR, NAME, INT8, INT2, INT4, REGPROC, TEXT, OID, JSON, FLOAT4, FLOAT8, UNKNOWN,
    BPCHAR, VARCHAR, DATE, TIME, TIMESTAMP, TIMESTAMPTZ, INTERVAL, TIMETZ, VARBIT, NUMERIC, UUID,
    REGCLASS, REGTYPE, JSONB,
)  # fmt: skip
BY_OID = {kind.oid: kind for kind in ALL}
BY_ARRAY_OID = {kind.array_oid: kind for kind in ALL if kind.array_oid}

# Names a cast in a client's SQL may give a type, to the type.
BY_NAME = {kind.name: kind for kind in ALL} | {
    "int": INT4, "integer": INT4, "smallint": INT2, "bigint": INT8, "real": FLOAT4,
    "double": FLOAT8, "float": FLOAT8, "boolean": BOOL, "decimal": NUMERIC, "string": TEXT,
    "blob": BYTEA, "datetime": TIMESTAMP, "tinyint": INT2, "hugeint": NUMERIC,
    "char": BPCHAR, "character": BPCHAR,
}  # fmt: skip

# DuckDB's type id (DuckDBPyType.id) to PostgreSQL's type.
_BY_DUCKDB = {
    "boolean": BOOL, "tinyint": INT2, "utinyint": INT2, "smallint": INT2, "usmallint": INT4,
    "integer": INT4, "uinteger": OID, "bigint": INT8, "ubigint": NUMERIC, "hugeint": NUMERIC,
    "uhugeint": NUMERIC, "bignum": NUMERIC, "decimal": NUMERIC, "float": FLOAT4,
    "double": FLOAT8, "varchar": TEXT, "enum": TEXT, "blob": BYTEA, "date": DATE, "time": TIME,
    "time_ns": TIME, "timestamp": TIMESTAMP, "timestamp_s": TIMESTAMP,
    "timestamp_ms": TIMESTAMP, "timestamp_ns": TIMESTAMP, "timestamp_us": TIMESTAMP,
    "timestamp with time zone": TIMESTAMPTZ, "time with time zone": TIMETZ,
    "interval": INTERVAL, "uuid": UUID, "bit": VARBIT, "struct": JSON, "map": JSON,
    "union": JSON, "variant": JSON, "tuple": JSON, "sqlnull": TEXT,
}  # fmt: skip

# Kinds that Arrow hands over in a form of DuckDB's own: DuckDB prints them itself.
_AS_TEXT = frozenset({"uhugeint", "bignum", "bit", "time with time zone", "time_ns", "geometry"})
_AS_JSON = frozenset({"struct", "map", "union", "variant", "tuple"})


@dataclass(frozen=True, slots=True)
class ColumnType:
    """How one result column goes out: its OID and, for an array, the element's type."""

    element: PgType
    dimensions: int = 0  # 0: not an array
    typmod: int = -1

    @property
    def oid(self) -> int:
        return self.element.array_oid if self.dimensions else self.element.oid

    @property
    def size(self) -> int:
        return -1 if self.dimensions else self.element.size


def of(kind: Any) -> ColumnType:
    """The PostgreSQL type of a DuckDB column type (`DuckDBPyType`)."""
    if kind.id in ("list", "array"):
        inner = of(dict(kind.children)["child"])
        return ColumnType(inner.element, inner.dimensions + 1, inner.typmod)
    if kind.id == "decimal":
        precision, scale = (int(value) for _, value in kind.children)
        return ColumnType(NUMERIC, typmod=((precision << 16) | scale) + 4)
    if str(kind) == "JSON":
        return ColumnType(JSON)
    return ColumnType(_BY_DUCKDB.get(kind.id, TEXT))


def conversion_to(told: PgType, kind: Any) -> str | None:
    """The SQL, with {} for the column, that prints it as the type told by the statement."""
    if told is not NUMERIC:
        return f"CAST({{}} AS {told.duckdb})"
    scale = dict(kind.children).get("scale") if kind.id == "decimal" else 0
    return "rtrim(rtrim(CAST({} AS VARCHAR), '0'), '.')" if scale == 10 else None


def conversion(kind: Any) -> str | None:
    """The SQL, with {} for the column, by which DuckDB itself must print it; None: Arrow does."""
    if kind.id in ("list", "array"):
        inner = conversion(dict(kind.children)["child"])
        return None if inner is None else "list_transform({}, lambda x: " + inner.format("x") + ")"
    if kind.id in _AS_JSON:
        return "CAST(to_json({}) AS VARCHAR)"
    if kind.id in _AS_TEXT or kind.id not in _BY_DUCKDB:
        return "CAST({} AS VARCHAR)"
    return None
