"""What a table of history is: a name, what it holds, and its columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """A column of a table. `unit` is empty where there is none."""

    name: str
    type: str
    text: str
    unit: str = ""

    @property
    def comment(self) -> str:
        return f"{self.text} [{self.unit}]" if self.unit else self.text


@dataclass(frozen=True)
class Table:
    """A table or view. Of a ring, `select` is what the view makes of all segments together."""

    name: str
    text: str
    fields: tuple[Field, ...]
    ring: bool = False
    select: str = "*"
    group_by: str = ""
    stored: tuple[Field, ...] = ()  # columns of the segments where the view's differ

    @property
    def columns(self) -> tuple[Field, ...]:
        """The columns that are written."""
        return self.stored or self.fields

    def with_fields(self, more: Iterable[Field]) -> Table:
        return Table(self.name, self.text, (*self.fields, *more), self.ring, self.select)
