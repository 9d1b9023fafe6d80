"""Casts of catalogue queries: PostgreSQL's names of types, and names that stand for OIDs."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from storage.admission import CATALOGUE
from storage.pgwire.names import type_name

_PG = f"{CATALOGUE}.pg"
# Columns of type regproc: numbers that a result shows as names.
REGPROCS = frozenset(
    {
        "typinput", "typoutput", "typreceive", "typsend", "typmodin", "typmodout", "typanalyze",
        "typsubscript",
    }
)  # fmt: skip
# How a value of a reg type is made of a name, and how it prints.
REG = {
    "regclass": ("regclass_in_", "regclass_out_"),
    "regtype": ("regtype_in_", "regtype_out_"),
    "regproc": ("to_regproc", "regproc_out_"),
    "regnamespace": ("to_regnamespace", "regnamespace_out_"),
    "regrole": ("to_regrole", "regrole_out_"),
}
TEXTS = frozenset({"text", "name", "varchar", "bpchar", "char", "cstring", "refcursor"})
NUMBERS = {
    "oid": "UINTEGER", "xid": "UINTEGER", "int2": "SMALLINT", "int4": "INTEGER", "int8": "BIGINT",
    "float4": "FLOAT", "float8": "DOUBLE", "bool": "BOOLEAN", "int2vector": "SMALLINT[]",
    "oidvector": "UINTEGER[]", "jsonb": "JSON", "regoper": "VARCHAR", "pg_node_tree": "VARCHAR",
    "cid": "UINTEGER",
}  # fmt: skip


def call(name: str, *arguments: exp.Expression) -> Any:
    return exp.Anonymous(this=f"{_PG}.{name}", expressions=list(arguments))


def string(text: str) -> Any:
    return exp.Literal.string(text)


def is_outermost(node: exp.Expression) -> bool:
    """Whether an expression is a result column of the whole statement."""
    parent = node.parent
    if isinstance(parent, exp.Alias):
        parent = parent.parent
    return isinstance(parent, exp.Select) and parent.parent is None


def in_place_of(node: exp.Column, value: Any) -> Any:
    """A value for a column; as a result column it keeps the column's name."""
    return exp.alias_(value, node.name) if isinstance(node.parent, exp.Select) else value


def cast(node: exp.Cast) -> Any:
    name, value = type_name(node.to), node.this
    array = isinstance(node.to, exp.DataType) and node.to.this == exp.DataType.Type.ARRAY
    if array:
        if isinstance(value, exp.Literal) and value.is_string and value.name.startswith("{"):
            inside = value.name[1:-1]
            items = [string(one.strip().strip('"')) for one in inside.split(",")] if inside else []
            value = exp.Array(expressions=items)
        inner = type_name(node.to.expressions[0] if node.to.expressions else node.to)
        if inner in REG and isinstance(value, exp.Array):
            items = [_reg_value(inner, one) for one in value.expressions]
            if is_outermost(node):
                return exp.Array(expressions=[call(REG[inner][1], one) for one in items])
            value = exp.Array(expressions=items)
        target = _duckdb_type(inner)
        return exp.Cast(this=value, to=exp.DataType.build(f"{target}[]", dialect="duckdb"))
    if name in REG:
        made, printed = REG[name]
        if isinstance(value, exp.Literal) and value.is_string:
            value = _reg_value(name, value)
            return call(printed, value) if is_outermost(node) else value
        if _is_text(value):
            value = call(made, value)
        parent = node.parent
        while isinstance(parent, (exp.Paren, exp.Alias)):
            parent = parent.parent
        if isinstance(parent, (exp.Select, exp.DPipe)) or (
            isinstance(parent, exp.Cast) and type_name(parent.to) in (*TEXTS, "text")
        ):
            return call(printed, value)
        return value
    if name in TEXTS and isinstance(value, exp.Column) and value.name.lower() in REGPROCS:
        return call("regproc_out_", value)
    target = _duckdb_type(name)
    foreign = isinstance(node.to, exp.ObjectIdentifier) or name in NUMBERS or name in TEXTS
    if not foreign and node.to.this != exp.DataType.Type.USERDEFINED:
        return node
    return exp.Cast(this=value, to=exp.DataType.build(target, dialect="duckdb"))


def _reg_value(name: str, value: Any) -> Any:
    """The OID that a literal of a reg type stands for: a name is looked up, a number is one."""
    named = isinstance(value, exp.Literal) and value.is_string and not value.name.isdigit()
    return call(REG[name][0], value) if named else value


def _is_text(value: Any) -> bool:
    """Whether an expression is a text by how it is written: a cast, || or a call that makes one."""
    inner = value.unnest()
    if isinstance(inner, exp.Cast):
        return type_name(inner.to) in TEXTS
    if isinstance(inner, exp.Anonymous):
        return str(inner.name).rsplit(".", 1)[-1].lower() in ("quote_ident", "format", "concat")
    return isinstance(inner, exp.DPipe)


_XIDS = frozenset({"transactionid", "relfrozenxid", "datfrozenxid", "backend_xmin"})


def is_xid(value: Any) -> bool:
    """Whether an expression is the number of a transaction, by how it is written."""
    inner = value.unnest()
    if isinstance(inner, exp.Column):
        return inner.name.lower() in _XIDS
    return isinstance(inner, exp.Cast) and inner.to.this == exp.DataType.Type.UINT


def _duckdb_type(name: str) -> str:
    if name in TEXTS:
        return "VARCHAR"
    if name.startswith("reg"):
        return "UINTEGER"
    return NUMBERS.get(name, name.upper())
