"""Tokens of an SQL text: enough to cut statements, find words and find `$1`, nothing more.

Understands what PostgreSQL's own scanner does about quoting: doubled quotes, E'' escapes,
dollar quotes, nested block comments. A wrong cut is never a hole: every piece goes through
`storage.admission`, which asks DuckDB's parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PIECES = re.compile(
    r"""
      (?P<space>\s+|--[^\n]*)
    | (?P<comment>/\*)
    | (?P<string>[eE]'(?:[^'\\]|\\.|'')*'|(?:\b[bBxXnN])?'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<dollar>\$(?P<tag>[A-Za-z_\x80-\U0010ffff][\w]*)?\$)
    | (?P<param>\$\d+)
    | (?P<word>[A-Za-z_\x80-\U0010ffff][\w$]*)
    | (?P<number>\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
    | (?P<op>::|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `kind` is word, quoted, string, number, param or op; offsets are characters."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def folded(self) -> str:
        """The identifier as PostgreSQL folds it: lower case unless quoted."""
        if self.kind == "quoted":
            return self.text[1:-1].replace('""', '"')
        return self.text.lower()

    @property
    def value(self) -> str:
        """What a word, number or string stands for: a string loses its quotes."""
        if self.kind == "string" and self.text.startswith("'"):
            return self.text[1:-1].replace("''", "'")
        if self.kind == "quoted":
            return self.folded
        return self.text


def tokens(sql: str) -> Iterator[Token]:
    """Yield the tokens of `sql` without spaces and comments; never fails."""
    at, size = 0, len(sql)
    while at < size:
        match = _PIECES.match(sql, at)
        assert match is not None  # `.` under DOTALL takes whatever the others do not
        kind, end = match.lastgroup or "op", match.end()
        if kind == "tag":
            kind = "dollar"
        if kind == "comment":
            end = _comment_end(sql, end)
        elif kind == "dollar":
            close = sql.find(match.group("dollar"), end)
            end = size if close < 0 else close + len(match.group("dollar"))
            kind = "string"
        if kind not in ("space", "comment"):
            yield Token(kind, sql[at:end], at, end)
        at = end


def _comment_end(sql: str, at: int) -> int:
    depth = 1
    while depth and at < len(sql):
        if sql.startswith("/*", at):
            depth, at = depth + 1, at + 2
        elif sql.startswith("*/", at):
            depth, at = depth - 1, at + 2
        else:
            at += 1
    return at


@dataclass(frozen=True, slots=True)
class Piece:
    """One statement of a text, where it starts in that text, and its tokens."""

    sql: str
    start: int
    tokens: tuple[Token, ...]

    def word(self, index: int) -> str:
        """The folded text of token `index`, or '' past the end."""
        return self.tokens[index].folded if index < len(self.tokens) else ""


def split(sql: str) -> list[Piece]:
    """Cut a text at its top-level semicolons; pieces of nothing but comments are left out.

    Token offsets of a piece are relative to that piece.
    """
    pieces: list[Piece] = []
    held: list[Token] = []

    def close() -> None:
        if held:
            start, end = held[0].start, held[-1].end
            moved = tuple(Token(t.kind, t.text, t.start - start, t.end - start) for t in held)
            pieces.append(Piece(sql[start:end], start, moved))
            held.clear()

    for token in tokens(sql):
        if token.kind == "op" and token.text == ";":
            close()
        else:
            held.append(token)
    close()
    return pieces
