"""docs/sql.md holds: its questions, asked again of the same run, have the answers it gives."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlglot

from compose import questions

PAGE = Path(__file__).parents[2] / "docs" / "sql.md"


def test_the_page_is_what_the_run_answers() -> None:
    """Words to the letter; numbers as far as another processor's rounding lets them be equal."""
    words, found = questions.numbers(questions.page())
    expected_words, expected = questions.numbers(PAGE.read_text(encoding="utf-8"))
    assert words == expected_words, "run `make docs`"
    assert found == pytest.approx(expected, rel=0.02, abs=0.1), "run `make docs`"


@pytest.mark.parametrize("question", questions.QUESTIONS, ids=lambda question: question.title)
def test_statements_are_postgresql_to_another_parser(question: questions.Question) -> None:
    (parsed,) = sqlglot.parse(question.sql, read="postgres")
    assert isinstance(parsed, sqlglot.exp.Select)
