"""What SQL is let in: one SELECT or EXPLAIN at a time, of tables and harmless functions only.

Deny by default. The statement's kind and its whole syntax tree come from DuckDB's own parser,
so nothing is guessed from the text: an INSERT inside a CTE, a COPY behind a comment or a DELETE
under EXPLAIN ANALYZE is seen as what it is. Admission is one of several walls: `harden` closes
files, network, extensions and settings for the whole process, and the door runs each statement
in `BEGIN TRANSACTION READ ONLY`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from storage import excess, quoting
from storage.lexer import Piece, split

MAX_SQL_CHARS = 250_000  # a longer text is no question; the parser is not asked
MAX_STATEMENTS = 100  # in one text

CATALOGUE = "pg_door"  # the in-memory database of storage.pgwire.catalogue

# Query nodes that only read. INSERT_QUERY_NODE and its like (writes in a CTE) are not here.
_READING_NODES = frozenset(
    {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE", "STATEMENT_NODE"}
)
_TABLE_REFS = frozenset(
    {
        "BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY",
        "EMPTY_FROM", "CTE", "PIVOT", "SHOW_REF", "COLUMN_DATA", "DELIM_GET",
    }
)  # fmt: skip

# Table functions that make rows out of their arguments alone.
_TABLE_FUNCTIONS = frozenset(
    {
        "range", "generate_series", "unnest", "json_each", "json_tree", "repeat", "repeat_row",
        "histogram", "histogram_values", "summary", "pg_timezone_names", "icu_calendar_names",
        "duckdb_columns", "duckdb_tables", "duckdb_views", "duckdb_schemas", "duckdb_types",
        "duckdb_functions", "duckdb_constraints", "duckdb_indexes", "duckdb_keywords",
    }
)  # fmt: skip

# Scalar functions with effects, or that tell of the process (paths, settings, other sessions).
_DENIED_FUNCTIONS = frozenset(
    {
        "nextval", "currval", "setval", "setseed", "write_log", "sleep_ms", "getenv",
        "current_setting", "getvariable", "current_query", "current_query_id",
        "current_connection_id", "current_transaction_id", "txid_current", "in_search_path",
        "read_text", "read_blob", "file_exists", "pg_read_file", "which_secret",
    }
)  # fmt: skip

_DESCRIBING = frozenset({"DESCRIBE", "SUMMARY"})


class Refused(Exception):
    """A statement that is not let in, with the SQLSTATE that PostgreSQL would give."""

    def __init__(self, sqlstate: str, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message
        self.position = position  # 1-based character in the statement


@dataclass(frozen=True, slots=True)
class Statement:
    """One admitted statement: its text, `kind` ("select" or "explain"), its tree (DuckDB's)."""

    sql: str
    kind: str
    tree: dict[str, Any]


def harden(
    connection: duckdb.DuckDBPyConnection,
    segments_dir: str | Path | None,
    *,
    memory_limit: str = "",
) -> None:
    """Close the process's DuckDB to files, network, extensions and further settings.

    Call once, after the database is open and attached to what it needs; the writer goes on
    writing and cursors go on registering Arrow tables. `segments_dir` stays readable (and
    writable, for COPY by the historian itself). The order counts: directories before external
    access is shut, the lock last. docs/decisions/0070-sql-door.md tells what was tried.
    """
    settings: list[tuple[str, str]] = [
        ("autoinstall_known_extensions", "false"),
        ("autoload_known_extensions", "false"),
        ("allow_community_extensions", "false"),
        ("python_enable_replacements", "false"),
        ("allow_persistent_secrets", "false"),
        ("TimeZone", "'UTC'"),
    ]
    if memory_limit:
        settings.append(("memory_limit", quoting.literal(memory_limit)))
    if segments_dir is not None:
        allowed = quoting.literal(str(Path(segments_dir).resolve()))
        settings.append(("allowed_directories", f"[{allowed}]"))
    settings += [
        # What the door itself sets on each of its cursors; no SET of a client reaches DuckDB.
        (
            "allowed_configs",
            "['TimeZone', 'integer_division', 'default_null_order', 'operator_memory_limit', "
            "'search_path']",
        ),
        ("enable_external_access", "false"),
        ("lock_configuration", "true"),
    ]
    for name, value in settings:
        connection.execute(f"SET GLOBAL {name} = {value}")


def admit(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Statement]:
    """Return the statements of `sql`, all harmless reads, or raise `Refused`.

    `connection` is only asked to parse: nothing of `sql` runs. An empty text gives [].
    """
    if len(sql) > MAX_SQL_CHARS:
        raise Refused("54001", f"statement too long: {len(sql)} characters, the most is "
                      f"{MAX_SQL_CHARS}")  # fmt: skip
    if "\0" in sql:
        raise Refused("22021", "invalid byte sequence for encoding \"UTF8\": 0x00")
    pieces = split(sql)
    if len(pieces) > MAX_STATEMENTS:
        raise Refused("54001", f"too many statements in one text, the most is {MAX_STATEMENTS}")
    return [_admit_one(connection, piece) for piece in pieces]


def _admit_one(connection: duckdb.DuckDBPyConnection, piece: Piece) -> Statement:
    kind, query = "select", piece.sql
    if piece.word(0) == "explain":
        kind, query = "explain", _explained(piece)
    parsed = connection.extract_statements(piece.sql)
    if len(parsed) != 1:
        raise Refused("42601", "one statement at a time")
    try:
        found = parsed[0].type.name
    except ValueError:  # a kind that DuckDB's Python does not know either: UPDATE EXTENSIONS
        raise _refused_kind(piece) from None
    if found != kind.upper():
        raise _refused_kind(piece)
    serialised = connection.execute("SELECT json_serialize_sql(?)", [query]).fetchone()
    assert serialised is not None
    tree = json.loads(serialised[0])
    if tree.get("error"):
        if tree.get("error_type") == "parser":
            raise Refused("42601", tree.get("error_message", "syntax error"))
        raise _refused_kind(split(query)[0] if kind == "explain" else piece)
    nodes = tree["statements"]
    if len(nodes) != 1:
        raise Refused("42601", "one statement at a time")
    _check(nodes[0]["node"])
    return Statement(piece.sql, kind, nodes[0]["node"])


def _explained(piece: Piece) -> str:
    """The statement behind EXPLAIN [ANALYZE] [VERBOSE] [(options)]."""
    at = 1
    while piece.word(at) in ("analyze", "analyse", "verbose"):
        at += 1
    if piece.word(at) == "(" and piece.word(at + 1) in (
        "analyze", "analyse", "verbose", "costs", "settings", "format", "timing", "summary",
        "buffers", "wal",
    ):  # fmt: skip
        while at < len(piece.tokens) and piece.word(at) != ")":
            at += 1
        at += 1
    if at >= len(piece.tokens):
        raise Refused("42601", "syntax error at end of input: EXPLAIN needs a statement")
    return piece.sql[piece.tokens[at].start :]


_WRITES = frozenset(
    {
        "insert", "update", "delete", "merge", "truncate", "create", "drop", "alter", "comment",
        "vacuum", "analyze", "reindex", "cluster", "refresh", "grant", "revoke", "import",
    }
)  # fmt: skip


def _refused_kind(piece: Piece) -> Refused:
    word = piece.word(0)
    if word in _WRITES or word == "with":
        name = "this statement" if word == "with" else piece.word(0).upper()
        return Refused("25006", f"cannot execute {name} in a read-only transaction")
    return Refused("42501", f"{word.upper()} is not allowed here: this is a reader's door, "
                   "SELECT and EXPLAIN are")  # fmt: skip


def _check(node: dict[str, Any]) -> None:
    """Walk a serialised query; raise `Refused` at the first thing that is not a plain read."""
    for item in _dicts(node):
        kind = item.get("type")
        if not isinstance(kind, str):
            continue
        if kind.endswith("_NODE") and kind not in _READING_NODES:
            verb = kind.split("_")[0]
            raise Refused("25006", f"cannot execute {verb} in a read-only transaction")
        if kind == "BASE_TABLE":
            _check_table(item)
        elif kind == "TABLE_FUNCTION":
            function = item["function"]
            name = function.get("function_name", "").lower()
            if name not in _TABLE_FUNCTIONS and function.get("catalog", "") != CATALOGUE:
                raise Refused("42501", f"permission denied for table function {name}",
                              _position(item))  # fmt: skip
        elif kind == "SHOW_REF":
            if item.get("show_type") not in _DESCRIBING or item.get("query") is None:
                raise Refused("42501", "this SHOW is not allowed here; use \\dt or "
                              "information_schema.tables")  # fmt: skip
        elif item.get("class") == "FUNCTION":
            name = item.get("function_name", "").lower()
            if name in _DENIED_FUNCTIONS:
                raise Refused("42501", f"permission denied for function {name}", _position(item))
        elif "from_table" in item and isinstance(item["from_table"], dict):
            source = item["from_table"].get("type")
            if source not in _TABLE_REFS:
                raise Refused("0A000", f"{source} is not supported here")
    try:
        excess.check(_dicts(node))
    except excess.Excess as much:
        place = much.place
        at = place + 1 if isinstance(place, int) and place < 2**32 else None
        raise Refused("54000", str(much), at) from None


def _check_table(item: dict[str, Any]) -> None:
    """Refuse names that DuckDB would take for a file, and its views on the process."""
    path = item.get("qualified_name", {}).get("path") or [item.get("table_name", "")]
    name = str(path[-1])
    if any(sign in name for sign in "/\\*?[:.") or name.startswith("~"):
        raise Refused("42501", f'permission denied for "{name}": files are not readable here',
                      _position(item))  # fmt: skip
    lowered = name.lower()
    if lowered.startswith(("duckdb_", "pragma_")) and lowered not in _TABLE_FUNCTIONS:
        raise Refused("42501", f"permission denied for view {name}", _position(item))
    if lowered == "pg_settings" and CATALOGUE not in path:
        raise Refused("42501", f"permission denied for view {name}", _position(item))


def _position(item: dict[str, Any]) -> int | None:
    at = item.get("query_location")
    return at + 1 if isinstance(at, int) and at < 2**32 else None


def _dicts(node: Any) -> Iterator[dict[str, Any]]:
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
