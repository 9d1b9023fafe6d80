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

from storage.admission import CATALOGUE
from storage.lexer import Piece, tokens
from storage.pgwire import catalogue
from storage.pgwire.names import BARE, name_columns, type_name
from storage.pgwire.parameters import quote

_PG = f"{CATALOGUE}.pg"
_WORDS = frozenset(
    {
        "information_schema", "regclass", "regtype", "regproc", "regnamespace", "regrole",
        "operator", "current_user", "session_user", "current_role", "user", "current_catalog",
        "current_schema", "current_database", "current_schemas", "current_setting", "set_config",
        "version", "name", "oid", "xid", "jsonb", "bpchar", "cstring",
    }
)  # fmt: skip
_ALWAYS = frozenset({"information_schema", "operator"})
_CALLED = frozenset(
    {"current_database", "current_schemas", "current_setting", "set_config", "version"}
)
_CASTS = frozenset(
    {
        "regclass", "regtype", "regproc", "regnamespace", "regrole", "name", "oid", "xid",
        "jsonb", "bpchar", "cstring",
    }
)  # fmt: skip
# Columns of type regproc: numbers that a result shows as names.
_REGPROCS = frozenset(
    {
        "typinput", "typoutput", "typreceive", "typsend", "typmodin", "typmodout", "typanalyze",
        "typsubscript",
    }
)  # fmt: skip
# How a value of a reg type is made of a name, and how it prints.
_REG = {
    "regclass": ("regclass_in_", "regclass_out_"),
    "regtype": ("regtype_in_", "regtype_out_"),
    "regproc": ("to_regproc", "regproc_out_"),
    "regnamespace": ("to_regnamespace", "regnamespace_out_"),
    "regrole": ("to_regrole", "regrole_out_"),
}
_TEXTS = frozenset({"text", "name", "varchar", "bpchar", "char", "cstring", "refcursor"})
_NUMBERS = {
    "oid": "UINTEGER", "xid": "UINTEGER", "int2": "SMALLINT", "int4": "INTEGER", "int8": "BIGINT",
    "float4": "FLOAT", "float8": "DOUBLE", "bool": "BOOLEAN", "int2vector": "SMALLINT[]",
    "oidvector": "UINTEGER[]", "jsonb": "JSON", "regoper": "VARCHAR", "pg_node_tree": "VARCHAR",
    "cid": "UINTEGER",
}  # fmt: skip
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
        trees = sqlglot.parse(_plain_arrays(sql), read="postgres")
    except (sqlglot.errors.SqlglotError, RecursionError):
        return None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        return None
    tree: Any = trees[0]
    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    for select in list(tree.find_all(exp.Select)):
        name_columns(select)
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


def _plain_arrays(sql: str) -> str:
    """`::oid[]` and the like by the name of a type that sqlglot has arrays of."""
    found = list(tokens(sql))
    out, at = [], 0
    for n, token in enumerate(found[1:-2], 1):
        name = token.folded
        if name not in _NUMBERS and name not in _TEXTS and not name.startswith("reg"):
            continue
        if [found[n + 1].text, found[n + 2].text] != ["[", "]"]:
            continue
        start, before = n, n - 1
        if found[before].text == "." and found[before - 1].folded == "pg_catalog":
            start, before = n - 2, n - 3
        if found[before].text == "::" or found[before].folded == "as":
            plain = _NUMBERS.get(name, "").removesuffix("[]") or _duckdb_type(name)
            out += [sql[at : found[start].start], plain]
            at = token.end
    return "".join(out) + sql[at:]


def _call(name: str, *arguments: exp.Expression) -> Any:
    return exp.Anonymous(this=f"{_PG}.{name}", expressions=list(arguments))


def _string(text: str) -> Any:
    return exp.Literal.string(text)


# -- nodes --------------------------------------------------------------------------------------


def _node(node: Any, context: Context, ctes: set[str]) -> Any:
    if isinstance(node, exp.Table):
        return _table(node, context, ctes)
    if isinstance(node, exp.Operator):
        return _operator(node)
    if isinstance(node, exp.Collate):
        return node.this
    if isinstance(node, exp.Dot) and _is_pg_catalog(node.this):
        return node.expression
    if isinstance(node, exp.Cast):
        return _cast(node)
    if isinstance(node, exp.Column) and node.name.lower() in _REGPROCS and _is_shown(node):
        return _call("regproc_out_", node.copy())
    if isinstance(node, exp.Div) and node.args.get("typed"):
        return exp.IntDiv(this=node.this, expression=node.expression)
    if isinstance(node, exp.Column) and node.db.lower() in ("pg_catalog", "information_schema"):
        # pg_catalog.pg_class.relname: the table goes by its bare name, see _moved
        return exp.Column(this=node.this, table=node.args["table"])
    if isinstance(node, exp.Column) and node.sql() in ("user", "USER"):
        return _string(context.user)
    if isinstance(node, exp.Column) and node.name.lower() == "tableoid":
        return exp.Literal.number(_table_oid(node))
    if isinstance(node, (exp.CurrentUser, exp.SessionUser)):
        return _string(context.user)
    if isinstance(node, exp.CurrentCatalog):
        return _string(context.database)
    if isinstance(node, exp.CurrentSchema):
        return _string("public")
    if isinstance(node, exp.CurrentVersion):
        return _string(context.version)
    if isinstance(node, exp.CurrentTimestamp):
        return exp.Anonymous(this="now")
    if isinstance(node, exp.CurrentSchemas):
        return _call("current_schemas", node.this)
    if isinstance(node, exp.Func):
        return _function(node, context)
    return node


def _is_shown(node: exp.Column) -> bool:
    """Whether a column is a result column of the whole statement."""
    parent = node.parent
    if isinstance(parent, exp.Alias):
        parent = parent.parent
    return isinstance(parent, exp.Select) and parent.parent is None


def _table_oid(node: exp.Column) -> int:
    """The system column tableoid: which catalogue table a row is of."""
    select = node.find_ancestor(exp.Select)
    for table in select.find_all(exp.Table) if select else ():
        if not node.table or table.alias_or_name == node.table:
            return catalogue.KNOWN_OIDS.get(table.name.lower(), 0)
    return 0


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
    if isinstance(node.this, (exp.CurrentSchema, exp.CurrentCatalog, exp.CurrentVersion)):
        name = _function_name(node.this).replace("current_version", "version")
        if not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(name)))


def _from_function(node: exp.Table) -> Any:
    """A function as a FROM item: its alias names its column too, as in PostgreSQL."""
    function, alias = node.this, node.alias
    name = _function_name(function)
    if name in catalogue.TABLE_FUNCTIONS:
        moved = node.copy()
        moved.set("this", _call(name, *function.expressions))
        moved.set("db", None)
        return moved
    columns = node.args["alias"].columns if node.args.get("alias") else []
    if name in ("generate_series", "explodinggenerateseries", "unnest"):
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


def _cast(node: exp.Cast) -> Any:
    name, value = type_name(node.to), node.this
    array = isinstance(node.to, exp.DataType) and node.to.this == exp.DataType.Type.ARRAY
    if array:
        if isinstance(value, exp.Literal) and value.is_string and value.name.startswith("{"):
            inside = value.name[1:-1]
            items = [_string(one.strip().strip('"')) for one in inside.split(",")] if inside else []
            value = exp.Array(expressions=items)
        inner = node.to.expressions[0] if node.to.expressions else node.to
        target = _duckdb_type(type_name(inner))
        return exp.Cast(this=value, to=exp.DataType.build(f"{target}[]", dialect="duckdb"))
    if name in _REG:
        made, printed = _REG[name]
        if isinstance(value, exp.Literal) and value.is_string:
            value = value if value.name.isdigit() else _call(made, value)
            shown = node.parent.parent if isinstance(node.parent, exp.Alias) else node.parent
            outermost = isinstance(shown, exp.Select) and shown.parent is None
            return _call(printed, value) if outermost else value
        if _is_text(value):
            value = _call(made, value)
        parent = node.parent
        while isinstance(parent, (exp.Paren, exp.Alias)):
            parent = parent.parent
        if isinstance(parent, (exp.Select, exp.DPipe)) or (
            isinstance(parent, exp.Cast) and type_name(parent.to) in (*_TEXTS, "text")
        ):
            return _call(printed, value)
        return value
    if name in _TEXTS and isinstance(value, exp.Column) and value.name.lower() in _REGPROCS:
        return _call("regproc_out_", value)
    target = _duckdb_type(name)
    foreign = isinstance(node.to, exp.ObjectIdentifier) or name in _NUMBERS or name in _TEXTS
    if not foreign and node.to.this != exp.DataType.Type.USERDEFINED:
        return node
    return exp.Cast(this=value, to=exp.DataType.build(target, dialect="duckdb"))


def _is_text(value: Any) -> bool:
    """Whether an expression is a text by how it is written: a cast, || or a call that makes one."""
    inner = value.unnest()
    if isinstance(inner, exp.Cast):
        return type_name(inner.to) in _TEXTS
    if isinstance(inner, exp.Anonymous):
        return str(inner.name).rsplit(".", 1)[-1].lower() in ("quote_ident", "format", "concat")
    return isinstance(inner, (exp.DPipe, exp.Concat, exp.Format))


def _duckdb_type(name: str) -> str:
    if name in _TEXTS:
        return "VARCHAR"
    if name.startswith("reg"):
        return "UINTEGER"
    return _NUMBERS.get(name, name.upper())


def _function(node: exp.Func, context: Context) -> Any:
    name = _function_name(node)
    arguments = node.expressions if isinstance(node, exp.Anonymous) else list(
        node.iter_expressions()
    )
    if name in ("current_setting", "set_config") and arguments:
        if isinstance(arguments[0].unnest(), exp.Null) or arguments[0].find(exp.Null):
            return exp.null()  # a parameter that is not bound yet
        if not arguments[0].find(exp.Literal):  # of a column: each row's setting, none is set
            return arguments[1] if name == "set_config" else _setting(arguments[0], context)
        first = arguments[0].name
        if name == "set_config":
            local = str(arguments[2].sql()).lower() == "true" if len(arguments) > 2 else False
            return _string(context.set_config(first, arguments[1].name, local))
        value = context.setting(first)
        missing_ok = len(arguments) > 1 and arguments[1].sql().upper() == "TRUE"
        if value is None and not missing_ok:
            context.set_config(first, "", True)  # raises what an unknown name raises
        return exp.null() if value is None else _string(value)
    if name == "pg_backend_pid":
        return exp.Literal.number(context.pid)
    if name in ("current_database", "currentdatabase"):
        return _string(context.database)
    if name == "version":
        return _string(context.version)
    if name in catalogue.FUNCTIONS:
        return _call(name, *arguments)
    if name in _VARIADIC:
        return exp.Anonymous(this=_VARIADIC[name], expressions=arguments)
    return node
