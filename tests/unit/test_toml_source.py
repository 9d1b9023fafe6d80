"""The TOML reader maps every key to the line on which it stands."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from orbitwin.toml_source import SourceError, line_of, load, load_model

TEXT = '''# a comment
title = "x # not a comment"
[power]   # table
area_m2 = 1.5
"quoted.key" = 3
limits.low = [
  1,  # first
  2,
]

[[shell]]
name = """two
lines"""
point = { x = 1, y = [ {z = 2} ] }
[shell.sub]
a = 1
[[shell]]
name = 'b'
when = 2026-01-01 10:00:00Z
'''


def test_lines_of_every_kind_of_key():
    values, lines = load(TEXT)
    assert values == tomllib.loads(TEXT)
    expected = {
        ("title",): 2,
        ("power",): 3,
        ("power", "area_m2"): 4,
        ("power", "quoted.key"): 5,
        ("power", "limits", "low"): 6,
        ("power", "limits", "low", 0): 7,
        ("power", "limits", "low", 1): 8,
        ("shell", 0): 11,
        ("shell", 0, "name"): 12,
        ("shell", 0, "point", "x"): 14,
        ("shell", 0, "point", "y", 0, "z"): 14,
        ("shell", 0, "sub", "a"): 16,
        ("shell", 1): 17,
        ("shell", 1, "name"): 18,
        ("shell", 1, "when"): 19,
    }
    assert {path: lines[path] for path in expected} == expected
    assert line_of(lines, ("shell", 1, "missing", "deeper")) == 17


def quoted(key: str) -> str:
    return '"' + "".join(f"\\U{ord(letter):08x}" for letter in key) + '"'


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
        unique=True,
        max_size=8,
    )
)
def test_any_quoted_key_has_its_line(keys):
    text = "".join(f"{quoted(key)} = [1, 'two', {{a = 3}}]\n" for key in keys)
    _, lines = load(text)
    assert [lines[(key,)] for key in keys] == list(range(1, len(keys) + 1))


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    area_m2: float = Field(gt=0)


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    part: list[Inner]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = \n", 1, "not TOML"),
        ("[[part]]\narea_m2 = 1\n[[part]]\narea_m2 = -3\n", 4, "part[1].area_m2"),
        ("[[part]]\narea_m = 1\n", 2, "did you mean area_m2?"),
        ("[[part]]\n", 1, "required"),
        ("[[part]]\narea_m2 = 1\n\narea_mm2 = 1\n", 4, "did you mean area_m2?"),
        ("", 1, "required"),
    ],
)
def test_a_mistake_is_reported_with_its_line(text, line, words, tmp_path: Path):
    path = tmp_path / "user.toml"
    path.write_text(text)
    with pytest.raises(SourceError) as caught:
        load_model(Outer, path)
    assert (caught.value.file, caught.value.line) == (str(path), line)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_unreadable_files_are_reported_in_one_line(tmp_path: Path):
    with pytest.raises(SourceError, match="No such file"):
        load(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="not UTF-8"):
        load(tmp_path / "binary.toml")
