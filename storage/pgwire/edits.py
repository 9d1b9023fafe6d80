"""Edits of a statement's text, and the tokens they are told by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from storage.lexer import Token


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters `start` to `end` of the client's text become `text`; an insertion is empty."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Spelled:
    """A statement as DuckDB reads it, and how it was made."""

    sql: str
    edits: tuple[Edit, ...] = ()

    def original(self, position: int) -> int:
        """The 1-based place in the client's text of a 1-based place in `sql`."""
        moved = 0  # how far the text after the edits so far has moved
        for edit in self.edits:
            start = edit.start + moved
            if position - 1 < start:
                break
            if position - 1 < start + len(edit.text):
                return edit.start + 1
            moved += len(edit.text) - (edit.end - edit.start)
        return position - moved


Rule = Callable[[str, Sequence[Token], int], Iterator[Edit]]


def words(found: Sequence[Token], start: int, count: int) -> list[str]:
    """Folded texts of tokens `start` on, '' where there are none."""
    return [found[at].folded if 0 <= at < len(found) else "" for at in range(start, start + count)]


def closing(found: Sequence[Token], opening: int) -> int:
    """Index of the bracket that closes the one at `opening`, 0 where none does."""
    depth = 0
    for at in range(opening, len(found)):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(found[at].text, 0)
        if depth == 0:
            return at
    return 0


QUANTIFIERS = ("any", "all", "some")


AFTER_ITEM = ("", ",", "as", "from", "where", "order", "limit", "union", ")")
