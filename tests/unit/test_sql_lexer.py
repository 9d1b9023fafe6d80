"""Statements are cut where PostgreSQL's scanner cuts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.lexer import split, tokens


@pytest.mark.parametrize(
    ("sql", "pieces"),
    [
        ("", []), (" ; ;", []), ("-- a;b", []), ("/* a;/*b;*/;*/", []),
        ("select 1; select 2", ["select 1", "select 2"]),
        ("select ';' ; select \";\"", ["select ';'", 'select ";"']),
        ("select 'it''s;'; x", ["select 'it''s;'", "x"]),
        ("select E'a\\';b'; x", ["select E'a\\';b'", "x"]),
        ("select $$;$$; x", ["select $$;$$", "x"]),
        ("select $a$;$$;$a$; x", ["select $a$;$$;$a$", "x"]),
        ("select 1 /* ; */ + 1; x -- ;", ["select 1 /* ; */ + 1", "x"]),
    ],
)  # fmt: skip
def test_split(sql: str, pieces: list[str]) -> None:
    assert [piece.sql for piece in split(sql)] == pieces


def test_parameters_are_not_seen_in_strings() -> None:
    found = [t.text for t in tokens("select $1, '$2', \"$3\", $$ $4 $$, -- $5\n $6")]
    assert [one for one in found if one in ("$1", "$6")] == ["$1", "$6"]
    assert sum(t.kind == "param" for t in tokens("select $1, '$2', $$ $4 $$, $6")) == 2


@given(st.text())
def test_any_text_is_cut_without_loss(sql: str) -> None:
    last = 0
    for token in tokens(sql):
        assert sql[token.start : token.end] == token.text and token.start >= last
        last = token.end
