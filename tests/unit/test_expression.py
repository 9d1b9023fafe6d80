"""Expressions of the catalogue: SQL over columns, and an unknown value stays unknown."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.expression import Expression


def test_values_follow_from_columns_and_constants() -> None:
    power = Expression("v * a * eta", ["v", "a", "eta"])
    v = np.array([10.0, 20.0, np.nan], dtype=np.float32)
    got = power({"v": v, "a": np.array([1, 2, 3], dtype=np.float32), "eta": 0.5}, 3)
    assert got.dtype == np.float32
    assert got[:2].tolist() == [5.0, 20.0]
    assert np.isnan(got[2])


def test_the_least_of_values_is_unknown_where_one_is() -> None:
    least = Expression("LEAST(a, b)", ["a", "b"])
    got = least({"a": np.array([1.0, np.nan]), "b": np.array([2.0, 0.0])}, 2)
    assert got[0] == 1.0 and np.isnan(got[1])


def test_a_division_by_zero_is_unknown_and_not_infinite() -> None:
    got = Expression("a / b", ["a", "b"])({"a": np.ones(2), "b": np.array([0.0, 2.0])}, 2)
    assert np.isnan(got[0]) and got[1] == 0.5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a +", "cannot parse"),
        ("a + cc", "names 'cc'"),
        ("AVG(a)", "a row"),
        ("(select max(a) from t)", "cannot parse"),
        ("read_csv('/etc/passwd')", "cannot parse"),
        ("a || 'x'", "conversion"),
    ],
)
def test_what_is_no_expression_over_columns_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Expression(text, ["a", "b"])
