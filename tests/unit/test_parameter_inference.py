"""Parameters that take the type of the column beside them, as PostgreSQL's parser has it."""

from __future__ import annotations

import pytest

from storage.lexer import split
from storage.pgwire.inference import compared, computed
from storage.pgwire.parameters import infer


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("select * from t where a = $1", {1: ("a", False)}),
        ("select * from t where t.a >= $1 and $2 <> t.b", {1: ("a", False), 2: ("b", False)}),
        ("select * from t where a between $1 and $2", {1: ("a", False), 2: ("a", False)}),
        ("select * from t where a not between $1 and $2", {1: ("a", False), 2: ("a", False)}),
        ("select * from t where a in ($1, 5, $2)", {1: ("a", False), 2: ("a", False)}),
        ("select * from t where a not in ($1)", {1: ("a", False)}),
        ("select * from t where a <= all($1)", {1: ("a", True)}),
        ('select * from t where "A b" = $1', {1: ("A b", False)}),
        ("select * from t where f(a) = $1", {}),
        ("select * from t where a + b = $1", {}),
        ("select * from t where $1 = f(a)", {}),
        ("select * from t where a::text = $1", {}),
        ("select * from t where a = '$1'", {}),
        ("select f(a, $1), $2 from t where b and $3", {}),
    ],
)
def test_the_column_beside_a_comparison(sql: str, found: dict) -> None:
    (piece,) = split(sql)
    assert compared(piece) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("select a + $1, $2 * t.b from t", {1: "a", 2: "b"}),
        ("select f(a) + $1, $2 - f(a), a::int4 + $3 from t", {}),
        ("select * from t where a = $1", {}),
    ],
)
def test_the_column_that_a_parameter_is_computed_with(sql: str, found: dict) -> None:
    (piece,) = split(sql)
    assert computed(piece) == found


@pytest.mark.parametrize(
    ("sql", "oids"),
    [
        ("select $1::int4 + $2", [23, 23]),  # as pgx asks in a batch
        ("select $2 * $1::float8", [701, 701]),
        ("select $1 - 1, 1.5 / $2", [23, 1700]),
        ("select $1 || 'x', $2::text", [25, 25]),
    ],
)
def test_the_type_of_what_a_parameter_is_computed_with(sql: str, oids: list[int]) -> None:
    (piece,) = split(sql)
    assert infer(piece, []) == oids
