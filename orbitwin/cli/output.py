"""What verbs print: JSON and tables on stdout, a bar of long work on stderr."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

UNBOUNDED_WIDTH = 10_000  # of a table that goes to a pipe: nothing is cut off


@contextmanager
def progress(name: str, total: float) -> Iterator[Callable[[float], None]]:
    """A bar on stderr where that is a terminal; told how much of `total` is done."""
    import sys

    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total)
        yield lambda done: bar.update(task, completed=done)


def print_json(document: Any) -> None:
    """One JSON document on stdout: indented on a terminal, one line in a pipe."""
    import sys

    import orjson

    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    if sys.stdout.isatty():
        options |= orjson.OPT_INDENT_2
    print(orjson.dumps(document, _plain, options).decode())


def _plain(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        whole = value == value.to_integral_value()
        return int(value) if whole and abs(value) < 2**63 else float(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "\\x" + bytes(value).hex()
    if isinstance(value, (set, frozenset)):
        return list(value)
    return str(value)


def console() -> Console:
    """A console on stdout that cuts nothing off when it is no terminal."""
    import sys

    from rich.console import Console

    width = None if sys.stdout.isatty() else UNBOUNDED_WIDTH
    return Console(width=width, highlight=False, markup=False, emoji=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """A table on stdout; numbers are set to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    body = [list(row) for row in rows]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title or None, title_justify="left")
    for index, name in enumerate(columns):
        present = [row[index] for row in body if row[index] is not None]
        numeric = bool(present) and all(
            isinstance(v, (int, float, decimal.Decimal)) and not isinstance(v, bool)
            for v in present
        )
        table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in body:
        table.add_row(*(Text(cell(value)) for value in row))
    console().print(table)


def cell(value: Any) -> str:
    """A value as text in a table or CSV; NULL is empty."""
    import datetime

    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "\\x" + bytes(value).hex()
    return str(value)
