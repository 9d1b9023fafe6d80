"""Names of types and of result columns, as PostgreSQL has them, in sqlglot's tree of a statement.

`storage.pgwire.naming` does the same for statements that reach DuckDB unchanged.
"""

from __future__ import annotations

from sqlglot import exp

BARE = frozenset(
    {"current_user", "session_user", "current_role", "user", "current_catalog", "current_schema"}
)


def name_columns(select: exp.Select) -> None:
    """Give each unnamed result column the name that PostgreSQL gives it."""
    if select.find_ancestor(exp.In, exp.Exists, exp.Any, exp.SetOperation):
        return
    named = []
    for item in select.expressions:
        plain = isinstance(item, exp.Column) and item.name not in BARE
        if isinstance(item, (exp.Alias, exp.Star, exp.Aliases)) or item.is_star or plain:
            named.append(item)
        else:
            named.append(exp.alias_(item.copy(), _column_name(item), quoted=True))
    select.set("expressions", named)


def _column_name(item: exp.Expression) -> str:
    if isinstance(item, exp.Column):
        return str(item.name)
    if isinstance(item, exp.Cast):
        return _cast_name(item)
    if isinstance(item, (exp.Window, exp.Filter, exp.WithinGroup)):
        return _column_name(item.this)
    if isinstance(item, (exp.Paren, exp.Bracket, exp.Collate)):
        return _column_name(item.this)
    if isinstance(item, exp.Dot):
        return _column_name(item.expression)
    if isinstance(item, exp.Identifier):
        return str(item.name)
    if isinstance(item, exp.Case):
        default = item.args.get("default")
        inner = _column_name(default) if default is not None else "?column?"
        return inner if inner != "?column?" else "case"
    if isinstance(item, exp.Subquery):
        first = item.this.expressions[0] if item.this.expressions else item
        return str(first.alias) or (_column_name(first) if first is not item else "?column?")
    if isinstance(item, exp.Exists):
        return "exists"
    if isinstance(item, exp.Array):
        return "array"
    for kind, name in (
        (exp.CurrentUser, "current_user"), (exp.SessionUser, "session_user"),
        (exp.CurrentTimestamp, "now"), (exp.StrPosition, "position"),
        (exp.CurrentSchema, "current_schema"), (exp.CurrentCatalog, "current_catalog"),
    ):  # fmt: skip
        if isinstance(item, kind):
            return name
    if isinstance(item, (exp.Binary, exp.Unary, exp.Predicate)):
        return "?column?"
    if isinstance(item, exp.Anonymous):
        return str(item.name).lower()
    if isinstance(item, exp.Func):
        return str(item.sql_name()).lower()
    return "?column?"


def _cast_name(item: exp.Cast) -> str:
    """What is cast has a name of its own, else it goes by the last type that it is cast to."""
    value = item.this
    while isinstance(value, (exp.Cast, exp.Paren)):
        value = value.this
    inner = _column_name(value)
    if inner != "?column?":
        return inner
    array = isinstance(item.to, exp.DataType) and item.to.this == exp.DataType.Type.ARRAY
    return type_name(item.to.expressions[0] if array and item.to.expressions else item.to)


def type_name(kind: exp.Expression) -> str:
    """The last part of a type's name, folded."""
    if isinstance(kind, exp.ObjectIdentifier):
        return str(kind.this).lower()
    inner = kind.args.get("kind") if isinstance(kind, exp.DataType) else None
    if inner is not None:
        if isinstance(inner, str):
            return inner.rsplit(".", 1)[-1].strip('"').lower()
        last = inner.expression if isinstance(inner, exp.Dot) else inner
        return str(last.name).lower()
    name = kind.sql("postgres").lower()
    return {"int": "int4", "bigint": "int8", "smallint": "int2", "boolean": "bool"}.get(name, name)
