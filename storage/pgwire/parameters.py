"""Parameters of the extended protocol: what type each has, and the statement with their values.

`$1` is replaced where the lexer sees a parameter, never inside a string, by a literal of
`storage.pgwire.literals`: nothing of a value is ever read as SQL. Literals rather than DuckDB's
own parameters because DuckDB streams a relation only of a whole text, and because an untyped
literal takes the type of what it meets, as PostgreSQL's unknown parameters do.
"""

from __future__ import annotations

from collections.abc import Sequence

from storage.lexer import Piece
from storage.pgwire import types
from storage.pgwire.errors import BadParameter, SqlError
from storage.pgwire.literals import literal, numeric
from storage.pgwire.types import PgType

_MOST = 65_535  # parameters, the protocol's own bound


def count(piece: Piece) -> int:
    """The highest `$n` of a statement."""
    most = 0
    for token in piece.tokens:
        if token.kind == "param":
            number = int(token.text[1:])
            if not 1 <= number <= _MOST:
                raise SqlError("42P02", f"there is no parameter {token.text}",
                               position=piece.start + token.start + 1)  # fmt: skip
            most = max(most, number)
    return most


def infer(piece: Piece, declared: Sequence[int]) -> list[int]:
    """The OID of each parameter: declared, else from its cast or LIMIT, else text."""
    oids = list(declared) + [0] * (count(piece) - len(declared))
    named = {int(token.text[1:]) for token in piece.tokens if token.kind == "param"}
    for number, oid in enumerate(oids, 1):
        if not oid and number not in named:
            raise SqlError("42P18", f"could not determine data type of parameter ${number}")
    for at, token in enumerate(piece.tokens):
        if token.kind != "param" or oids[int(token.text[1:]) - 1]:
            continue
        number = int(token.text[1:]) - 1
        if piece.word(at + 1) == "::":
            after = at + 2
            if piece.word(after + 1) == ".":  # pg_catalog.int4
                after += 2
            found = types.BY_NAME.get(piece.word(after))
            if found:
                array = piece.word(after + 1) == "["
                oids[number] = found.array_oid if array else found.oid
        elif at and piece.word(at - 1) in ("limit", "offset"):
            oids[number] = types.INT8.oid
        elif piece.word(at - 1) == "(" and piece.word(at + 1) == "as":
            found = types.BY_NAME.get(piece.word(at + 2))
            if found:
                array = piece.word(at + 3) == "["
                oids[number] = found.array_oid if array else found.oid
        elif beside := _type_beside(piece, at):
            oids[number] = beside.oid
    return [oid or types.TEXT.oid for oid in oids]


COMPUTED = frozenset(
    {types.INT2, types.INT4, types.INT8, types.FLOAT4, types.FLOAT8, types.NUMERIC}
)


def _type_beside(piece: Piece, at: int) -> PgType | None:
    """The type of what `$1` is computed with, as in `$1 + 1`, `2 * $1`, `$2::int8 - $1`."""
    for sign, beside, cast in ((at + 1, at + 2, at + 3), (at - 1, at - 2, at - 3)):
        if piece.word(sign) not in tuple("+-*/%") or not 0 <= beside < len(piece.tokens):
            continue
        named = piece.word(beside if cast < at else cast + 1)
        if piece.word(cast) == "::" and types.BY_NAME.get(named) in COMPUTED:
            return types.BY_NAME[named]
        if piece.tokens[beside].kind == "number":
            return types.NUMERIC if "." in piece.tokens[beside].text else types.INT4
    return None


def bind(piece: Piece, literals: Sequence[str]) -> str:
    """The statement's text with each `$n` replaced by `literals[n - 1]`."""
    out, at = [], 0
    for place, token in enumerate(piece.tokens):
        if token.kind == "param":
            number = int(token.text[1:])
            if not 1 <= number <= len(literals):
                raise BadParameter("42P02", f"there is no parameter ${number}")
            value = literals[number - 1]
            out += [piece.sql[at : token.start], value]
            at = token.end
            after = [one.folded for one in piece.tokens[place + 1 : place + 4]]
            if (
                after[:1] == ["::"]
                and after[1:2] in (["numeric"], ["decimal"])
                and (after[2:] not in (["("], ["["]))
            ):  # DuckDB's bare NUMERIC would round to three places: the literal keeps its own
                at = piece.tokens[place + 2].end
                if value.startswith("'"):
                    out[-1] = numeric(value[1:-1])
    return "".join(out) + piece.sql[at:]


def unbound(oids: Sequence[int], declared: Sequence[int]) -> list[str]:
    """Literals that stand for values not known yet: NULLs of the parameters' types."""
    return [
        literal(oid, 0, None) if oid != types.TEXT.oid or known else "NULL"
        for oid, known in zip(oids, [*declared, *[0] * len(oids)], strict=False)
    ]
