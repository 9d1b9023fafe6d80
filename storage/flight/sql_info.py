"""What the door says of itself: GetSqlInfo and GetXdbcTypeInfo.

Numbers are those of Arrow's format/FlightSql.proto: SqlInfo, SqlSupportedTransaction and
XdbcDataType (which are those of JDBC and ODBC).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

_VALUE = pa.dense_union(
    [
        pa.field("string_value", pa.string()),
        pa.field("bool_value", pa.bool_()),
        pa.field("bigint_value", pa.int64()),
        pa.field("int32_bitmask", pa.int32()),
        pa.field("string_list", pa.list_(pa.string())),
        pa.field("int32_to_int32_list_map", pa.map_(pa.int32(), pa.list_(pa.int32()))),
    ]
)
SQL_INFO = pa.schema(
    [pa.field("info_name", pa.uint32(), nullable=False), pa.field("value", _VALUE, nullable=False)]
)
_ARROW_VERSION = pa.__version__

# number: (which member of the union, value)
_INFO: dict[int, tuple[int, Any]] = {
    0: (0, "orbitwin"),  # name of the server
    1: (0, f"DuckDB {duckdb.__version__}"),  # its version
    2: (0, _ARROW_VERSION),
    3: (1, True),  # read only
    4: (1, True),  # SQL
    5: (1, False),  # Substrait
    8: (3, 0),  # transactions: none
    9: (1, True),  # cancel
    10: (1, False),  # bulk ingestion
    100: (3, 0),  # statement timeout: the door's own alone
    101: (3, 0),  # transaction timeout
    500: (1, False),  # DDL of catalogues
    501: (1, False),  # of schemas
    502: (1, False),  # of tables
    503: (2, 2),  # identifiers without quotes: compared as lower case
    504: (0, '"'),  # quote of identifiers
    505: (2, 0),  # identifiers in quotes: no matter the case
    506: (1, True),  # any expression selectable
    507: (1, True),  # NULL + valid is NULL
    517: (1, True),  # column aliases
}


def sql_info(wanted: Sequence[int]) -> pa.Table:
    """The rows of the numbers asked for; all where none is asked for."""
    names = [number for number in (wanted or sorted(_INFO)) if number in _INFO]
    children: list[list[Any]] = [[] for _ in range(_VALUE.num_fields)]
    members, offsets = [], []
    for number in names:
        member, value = _INFO[number]
        members.append(member)
        offsets.append(len(children[member]))
        children[member].append(value)
    union = pa.UnionArray.from_dense(
        pa.array(members, pa.int8()),
        pa.array(offsets, pa.int32()),
        [pa.array(c, _VALUE.field(n).type) for n, c in enumerate(children)],
        [_VALUE.field(n).name for n in range(_VALUE.num_fields)],
    )
    return pa.Table.from_arrays([pa.array(names, pa.uint32()), union], schema=SQL_INFO)


XDBC_TYPES = pa.schema(
    [
        pa.field("type_name", pa.string(), nullable=False),
        pa.field("data_type", pa.int32(), nullable=False),
        pa.field("column_size", pa.int32()),
        pa.field("literal_prefix", pa.string()),
        pa.field("literal_suffix", pa.string()),
        pa.field("create_params", pa.list_(pa.field("item", pa.string(), nullable=False))),
        pa.field("nullable", pa.int32(), nullable=False),
        pa.field("case_sensitive", pa.bool_(), nullable=False),
        pa.field("searchable", pa.int32(), nullable=False),
        pa.field("unsigned_attribute", pa.bool_()),
        pa.field("fixed_prec_scale", pa.bool_(), nullable=False),
        pa.field("auto_increment", pa.bool_()),
        pa.field("local_type_name", pa.string()),
        pa.field("minimum_scale", pa.int32()),
        pa.field("maximum_scale", pa.int32()),
        pa.field("sql_data_type", pa.int32(), nullable=False),
        pa.field("datetime_subcode", pa.int32()),
        pa.field("num_prec_radix", pa.int32()),
        pa.field("interval_precision", pa.int32()),
    ]
)
# name, XDBC type, size (digits, characters or bytes), quote before and after a literal
_TYPES: tuple[tuple[str, int, int | None, str | None], ...] = (
    ("bigint", -5, 19, None),
    ("bytea", -3, None, "'"),
    ("text", 12, None, "'"),
    ("numeric", 2, 38, None),
    ("integer", 4, 10, None),
    ("smallint", 5, 5, None),
    ("real", 7, 7, None),
    ("double precision", 8, 15, None),
    ("boolean", -7, 1, None),
    ("date", 91, 10, "'"),
    ("time", 92, 15, "'"),
    ("timestamp", 93, 26, "'"),
)
_SUBCODES = {91: 1, 92: 2, 93: 3}
_DATETIME = 9  # the "SQL data type" of dates and times


def xdbc_types(wanted: int | None) -> pa.Table:
    """The types that a column may have, by their number; all of them for None."""
    rows = []
    for name, number, size, quote in sorted(_TYPES, key=lambda row: row[1]):
        if wanted not in (None, number):
            continue
        subcode = _SUBCODES.get(number)
        rows.append(
            {
                "type_name": name,
                "data_type": number,
                "column_size": size,
                "literal_prefix": quote,
                "literal_suffix": quote,
                "nullable": 1,
                "case_sensitive": number == 12,
                "searchable": 3,
                "unsigned_attribute": False if quote is None and number != -7 else None,
                "fixed_prec_scale": False,
                "auto_increment": False if quote is None and number != -7 else None,
                "local_type_name": name,
                "sql_data_type": _DATETIME if subcode else number,
                "datetime_subcode": subcode,
                "num_prec_radix": 10 if quote is None and number != -7 else None,
            }
        )
    return pa.Table.from_pylist(rows, schema=XDBC_TYPES)
