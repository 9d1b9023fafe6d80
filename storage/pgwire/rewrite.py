"""Catalogue queries of PostgreSQL's clients, turned to DuckDB's SQL over `pg_door`.

Only statements that name something of PostgreSQL's own (a pg_ table or function, a reg type,
OPERATOR(), current_user and the like) are parsed and rewritten here, by sqlglot; every other
statement reaches DuckDB as the client wrote it. What sqlglot cannot read goes on unchanged, and
DuckDB says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp

from storage import excess
from storage.admission import CATALOGUE
from storage.lexer import Piece
from storage.pgwire import catalogue
from storage.pgwire.casts import REGPROCS, call, cast, in_place_of, is_outermost, is_xid, string
from storage.pgwire.edits import QUANTIFIERS
from storage.pgwire.literals import quote
from storage.pgwire.names import BARE, name_columns
from storage.pgwire.reading import PostgreSQL, readable

_WORDS = frozenset(
    {
        "information_schema", "regclass", "regtype", "regproc", "regnamespace", "regrole",
        "operator", "current_user", "session_user", "current_role", "user", "current_catalog",
        "current_schema", "current_database", "current_schemas", "current_setting", "set_config",
        "txid_current", "version", "name", "oid", "xid", "jsonb", "bpchar", "cstring",
    }
)  # fmt: skip
_ALWAYS = frozenset({"information_schema", "operator"})
_CALLED = frozenset(
    {
        "current_database", "current_schemas", "current_setting", "set_config", "txid_current",
        "version",
    }
)  # fmt: skip
_CASTS = frozenset(
    {
        "regclass", "regtype", "regproc", "regnamespace", "regrole", "name", "oid", "xid",
        "jsonb", "bpchar", "cstring",
    }
)  # fmt: skip
# Columns of type int2vector and oidvector: arrays that print with spaces between.
_VECTORS = frozenset({"proargtypes", "indkey", "indclass", "indcollation", "indoption"})
# Calls of any number of arguments, which no macro could be: DuckDB's function of the same kind.
_VARIADIC = {
    "json_build_object": "json_object", "jsonb_build_object": "json_object",
    "json_build_array": "json_array", "jsonb_build_array": "json_array",
}  # fmt: skip
_TABLE_CALLS = frozenset({"generate_series", "unnest", "json_each", "range"})


@dataclass(frozen=True, slots=True)
class Context:
    """What a session answers for itself: its name, database, process number and settings."""

    user: str
    database: str
    pid: int
    version: str
    setting: Callable[[str], str | None]  # None: no such setting
    set_config: Callable[[str, str, bool], str]
    settings: Callable[[], list[tuple[str, str]]]


def concerns(piece: Piece) -> bool:
    """Whether a statement names something of PostgreSQL's own."""
    for at, token in enumerate(piece.tokens):
        if token.kind not in ("word", "quoted"):
            continue
        word = token.folded
        if word.startswith(("pg_", "_pg_")):
            return True
        if (word in catalogue.FUNCTIONS or word in _VARIADIC) and piece.word(at + 1) == "(":
            return True
        if word in ("like", "ilike") and piece.word(at + 1) in QUANTIFIERS:
            return True
        if word not in _WORDS:
            continue
        before, after = piece.word(at - 1) if at else "", piece.word(at + 1)
        if (
            word in _ALWAYS
            or (word in _CALLED and after == "(")
            or (word in _CASTS and before in ("::", "as"))
            or (word in BARE and token.kind == "word" and before != "." and before != "as")
        ):
            return True
    return False


def rewrite(sql: str, context: Context) -> str | None:
    """The statement as DuckDB can run it, or None if sqlglot cannot read it."""
    try:
        trees = sqlglot.parse(readable(sql), read=PostgreSQL)
    except (sqlglot.errors.SqlglotError, RecursionError):
        return None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        return None
    tree: Any = trees[0]
    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    for select in list(tree.find_all(exp.Select)):
        name_columns(select)
        _group_by_names(select)
    for table in tree.find_all(exp.Table):
        _name_function(table)
    for node in reversed(list(tree.walk())):  # children before their parents
        made = _node(node, context, ctes)
        if made is not node:
            if node is tree:
                tree = made
            else:
                node.replace(made)
    return str(tree.sql("duckdb", normalize_functions=False, comments=False))


def _group_by_names(select: exp.Select) -> None:
    """GROUP BY the name of a result column that is a table's too: DuckDB takes the table's row."""
    tables = {one.alias_or_name for one in select.find_all(exp.Table, exp.Subquery)}
    names = [one.alias_or_name for one in select.expressions]
    group = select.args.get("group")
    for item in group.expressions if group else ():
        if isinstance(item, exp.Column) and not item.table and item.name in tables & {*names}:
            item.replace(exp.Literal.number(names.index(item.name) + 1))


# -- nodes --------------------------------------------------------------------------------------


def _node(node: Any, context: Context, ctes: set[str]) -> Any:
    if isinstance(node, exp.Table):
        return _table(node, context, ctes)
    if isinstance(node, exp.Operator):
        return _operator(node)
    if isinstance(node, (exp.Like, exp.ILike)) and isinstance(node.expression, (exp.Any, exp.All)):
        return _like_any(node)
    if isinstance(node, exp.Collate):
        return node.this
    if isinstance(node, exp.Dot) and _is_pg_catalog(node.this):
        return node.expression
    if isinstance(node, exp.Cast):
        return cast(node)
    unit = node.args.get("unit") if isinstance(node, exp.Interval) else None
    if isinstance(unit, exp.Var) and isinstance(node.this, exp.Literal):
        # sqlglot has cut `interval '1 mon'` in two: whole, the unit's name may be PostgreSQL's
        whole = string(f"{node.this.name} {unit.name}")
        return exp.Cast(this=whole, to=exp.DataType.build("INTERVAL", dialect="duckdb"))
    if isinstance(node, exp.Column) and is_outermost(node):
        if node.name.lower() in REGPROCS:
            return in_place_of(node, call("regproc_out_", _bare(node.copy())))
        if node.name.lower() in _VECTORS:
            between = [_bare(node.copy()), string(" ")]
            return in_place_of(node, exp.Anonymous(this="array_to_string", expressions=between))
    if isinstance(node, exp.Div) and node.args.get("typed"):
        return exp.IntDiv(this=node.this, expression=node.expression)
    if isinstance(node, exp.Column) and node.sql() in ("user", "USER"):
        return string(context.user)
    if isinstance(node, exp.Column) and node.name.lower() in _SYSTEM_COLUMNS:
        return _system_column(node)
    if isinstance(node, exp.Column):
        return _bare(node)
    if isinstance(node, (exp.CurrentUser, exp.SessionUser)):
        return string(context.user)
    if isinstance(node, exp.CurrentCatalog):
        return string(context.database)
    if isinstance(node, exp.CurrentSchema):
        return string("public")
    if isinstance(node, exp.CurrentTimestamp):
        return exp.Anonymous(this="now")
    if isinstance(node, exp.Func):
        return _function(node, context)
    return node


def _bare(node: exp.Column) -> exp.Column:
    """pg_catalog.pg_class.relname without the schema: the table goes by its bare name, `_moved`."""
    if node.db.lower() in ("pg_catalog", "information_schema"):
        return exp.Column(this=node.this, table=node.args["table"])
    return node


def _like_any(node: exp.Like | exp.ILike) -> exp.EQ:
    """`x LIKE ANY (array)`, which sqlglot would write without ANY."""
    negate, pattern = node.args.get("negate"), "like_"
    like = type(node)(this=node.this, expression=exp.column(pattern), negate=negate)
    each = exp.Lambda(this=like, expressions=[exp.to_identifier(pattern)])
    made = exp.Anonymous(
        this="list_transform", expressions=[node.expression.this.unnest().copy(), each]
    )
    return exp.EQ(this=exp.true(), expression=type(node.expression)(this=exp.Paren(this=made)))


# What every row of the catalogue has; the number of tableoid is that of the table.
_SYSTEM_COLUMNS = {
    "tableoid": "{table}::UINTEGER", "xmin": "1::UINTEGER", "xmax": "0::UINTEGER",
    "cmin": "0::UINTEGER", "cmax": "0::UINTEGER", "ctid": "'(0,0)'",
}  # fmt: skip


def _system_column(node: exp.Column) -> Any:
    """The value of a system column, for the rows of a catalogue table; another one stays."""
    select = node.find_ancestor(exp.Select)
    for table in select.find_all(exp.Table) if select else ():
        name = table.name.lower()
        if name.startswith("pg_") and (not node.table or table.alias_or_name == node.table):
            value = _SYSTEM_COLUMNS[node.name.lower()].format(
                table=catalogue.KNOWN_OIDS.get(name, 0)
            )
            return in_place_of(node, sqlglot.parse_one(value, read="duckdb"))
    return _bare(node)


def _is_pg_catalog(node: Any) -> bool:
    return isinstance(node, exp.Identifier) and node.name.lower() in (
        "pg_catalog", "information_schema",
    )  # fmt: skip


def _table(node: exp.Table, context: Context, ctes: set[str]) -> Any:
    schema, name = node.db.lower(), node.name.lower()
    if not isinstance(node.this, exp.Identifier):
        return _from_function(node)
    if schema == "information_schema":
        return _moved(node, "info", name)
    if schema == "pg_catalog" or (not schema and name.startswith("pg_") and name not in ctes):
        if name == "pg_settings":
            return _values(node, context.settings())
        return _moved(node, "pg", name)
    return node


def _moved(node: exp.Table, schema: str, name: str) -> exp.Table:
    moved = node.copy()
    moved.set("this", exp.to_identifier(name))
    moved.set("db", exp.to_identifier(schema))
    moved.set("catalog", exp.to_identifier(CATALOGUE))
    if not moved.alias:
        moved.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
    return moved


def _values(node: exp.Table, rows: list[tuple[str, str]]) -> Any:
    """pg_settings of this session."""
    values = ", ".join(f"({quote(name)}, {quote(value)})" for name, value in rows)
    alias = node.alias or "pg_settings"
    select = sqlglot.parse_one(
        "SELECT name, setting, NULL::TEXT AS unit, '' AS category, '' AS short_desc, "
        "NULL::TEXT AS extra_desc, 'user' AS context, 'string' AS vartype, 'default' AS source, "
        "NULL::TEXT AS min_val, NULL::TEXT AS max_val, NULL::TEXT[] AS enumvals, "
        "setting AS boot_val, "
        "setting AS reset_val, NULL::TEXT AS sourcefile, NULL::INT AS sourceline, "
        f"FALSE AS pending_restart FROM (VALUES {values}) t(name, setting)",
        read="duckdb",
    )
    assert isinstance(select, exp.Query)
    return select.subquery(alias)


def _setting(name: Any, context: Context) -> Any:
    """current_setting() of a name that is computed."""
    select = sqlglot.parse_one(
        "SELECT setting FROM pg_settings AS settings_ WHERE lower(settings_.name) = lower(x)"
    )
    for table in select.find_all(exp.Table):
        table.replace(_values(table, context.settings()))
    for column in select.find_all(exp.Column):
        if column.name == "x":
            column.replace(name.copy())
    return exp.Subquery(this=select)


def _name_function(node: exp.Table) -> None:
    """A function without arguments as a FROM item: what it answers goes by its name."""
    if isinstance(node.this, (exp.CurrentSchema, exp.CurrentCatalog)) and not node.alias:
        name = exp.to_identifier(_function_name(node.this))
        node.set("alias", exp.TableAlias(this=name))


def _from_function(node: exp.Table) -> Any:
    """A function as a FROM item: its alias names its column too, as in PostgreSQL."""
    function, alias = node.this, node.alias
    if node.db.lower() == "pg_catalog":
        node.set("db", None)
    name = _function_name(function)
    if name in catalogue.TABLE_FUNCTIONS:
        moved = node.copy()
        moved.set("this", call(name, *function.expressions))
        moved.set("db", None)
        return moved
    columns = node.args["alias"].columns if node.args.get("alias") else []
    if name in ("generate_series", "unnest"):
        if alias and not columns:
            node.args["alias"].set("columns", [exp.to_identifier(alias)])
        return node
    if name in _TABLE_CALLS:
        return node
    shown = columns[0].name if columns else alias or name
    inner = exp.select(exp.alias_(function.copy(), shown, quoted=True))
    return inner.subquery(alias or name)


def _function_name(node: Any) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.name).lower()
    return str(node.sql_name() if isinstance(node, exp.Func) else node.key).lower()


def _operator(node: exp.Operator) -> Any:
    """OPERATOR(pg_catalog.~) and its like."""
    sign = str(node.args["operator"]).rsplit(".", 1)[-1]
    left, right = node.this, node.expression
    if sign in ("~", "!~", "~*", "!~*"):
        kind = exp.RegexpILike if sign.endswith("*") else exp.RegexpLike
        found: Any = kind(this=left, expression=right)
        return exp.Not(this=found) if sign.startswith("!") else found
    plain = {
        "=": exp.EQ, "<>": exp.NEQ, "!=": exp.NEQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT,
        ">=": exp.GTE, "+": exp.Add, "-": exp.Sub, "*": exp.Mul, "||": exp.DPipe,
        "~~": exp.Like, "~~*": exp.ILike,
    }.get(sign)  # fmt: skip
    return plain(this=left, expression=right) if plain else node


def _function(node: exp.Func, context: Context) -> Any:
    name = _function_name(node)
    arguments = (
        node.expressions if isinstance(node, exp.Anonymous) else list(node.iter_expressions())
    )
    if name in ("current_setting", "set_config") and arguments:
        if isinstance(arguments[0].unnest(), exp.Null) or arguments[0].find(exp.Null):
            return exp.null()  # a parameter that is not bound yet
        if not arguments[0].find(exp.Literal):  # of a column: each row's setting, none is set
            return arguments[1] if name == "set_config" else _setting(arguments[0], context)
        first = arguments[0].name
        if name == "set_config":
            local = str(arguments[2].sql()).lower() == "true" if len(arguments) > 2 else False
            return string(context.set_config(first, arguments[1].name, local))
        value = context.setting(first)
        missing_ok = len(arguments) > 1 and arguments[1].sql().upper() == "TRUE"
        if value is None and not missing_ok:
            context.set_config(first, "", True)  # raises what an unknown name raises
        return exp.null() if value is None else string(value)
    if name == "age" and len(arguments) == 1 and is_xid(arguments[0]):
        return exp.Literal.number(1)  # nothing is older than the transaction of before
    if name == "pg_backend_pid":
        return exp.Literal.number(context.pid)
    if name == "txid_current":  # no reader has one; tools ask how far the log of changes is
        return exp.cast(exp.Literal.number(1), "BIGINT", dialect="duckdb")
    if name == "repeat" and len(arguments) == 2 and not isinstance(arguments[1], exp.Literal):
        least = exp.Anonymous(
            this="least", expressions=[arguments[1], exp.Literal.number(excess.MOST)]
        )
        return exp.Anonymous(this=name, expressions=[arguments[0], least])
    if name == "current_database":
        return string(context.database)
    if name == "current_schema":
        return string("public")
    if name == "version":
        return string(context.version)
    if name in catalogue.FUNCTIONS:
        return call(name, *arguments)
    if name in _VARIADIC:
        return exp.Anonymous(this=_VARIADIC[name], expressions=arguments)
    return node
