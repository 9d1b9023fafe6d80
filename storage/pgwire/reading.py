"""What sqlglot reads of a client's statement: its structure, in PostgreSQL's grammar."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from sqlglot.dialects.postgres import Postgres
from sqlglot.parsers.postgres import PostgresParser

from storage.lexer import tokens
from storage.pgwire.casts import NUMBERS, REG, TEXTS

# Names that PostgreSQL takes after AS and a point, and sqlglot does not.
_RESERVED = frozenset(
    {
        "select", "from", "where", "group", "having", "order", "limit", "offset", "fetch", "union",
        "except", "intersect", "with", "on", "using", "join", "into", "values",
    }
)  # fmt: skip


class PostgreSQL(Postgres):
    """Structure only: a call keeps its name, and goes on to DuckDB as in every other statement."""

    class Parser(PostgresParser):
        FUNCTIONS: ClassVar = {  # those that DuckDB spells otherwise
            name: made
            for name, made in PostgresParser.FUNCTIONS.items()
            if name in ("PERCENTILE_CONT", "PERCENTILE_DISC")
        }
        FUNCTION_PARSERS: ClassVar = {  # those with words between their arguments
            name: parser
            for name, parser in PostgresParser.FUNCTION_PARSERS.items()
            if name in ("CAST", "EXTRACT", "OVERLAY", "POSITION", "SUBSTRING", "TRIM")
        }


def readable(sql: str) -> str:
    """What sqlglot does not read otherwise: `::oid[]` without a schema, `AS select` unquoted."""
    found = list(tokens(sql))
    out, at = [], 0
    for n, (before, token) in enumerate(pairwise(found), 2):
        name, made = token.folded, ""
        if before.folded in ("as", ".") and token.kind == "word" and name in _RESERVED:
            made = f'"{name}"'
        elif (before.text == "::" or before.folded == "as") and (
            name in NUMBERS or name in TEXTS or name in REG
        ) and [one.text for one in found[n : n + 2]] == ["[", "]"]:  # fmt: skip
            made = f"pg_catalog.{name}"
        if made:
            out += [sql[at : token.start], made]
            at = token.end
    return "".join(out) + sql[at:]
