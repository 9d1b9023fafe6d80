"""orbitwin sql: ask a running or a stopped twin."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from orbitwin.cli import options
from orbitwin.errors import EXIT_INTERRUPTED, UsageError

if TYPE_CHECKING:
    from orbitwin.door import Answer, DoorSession

EXAMPLES = r"""
orbitwin sql "select name, power_margin_w from latest order by 2 limit 5"
orbitwin sql --json "select * from event order by t_event desc limit 20"
orbitwin sql --csv "select * from fleet_1m" > fleet.csv
orbitwin sql                          interactive: \dt lists tables, \q leaves
echo "select count(*) from latest" | orbitwin sql --data ./twin-data
"""

MAX_TABLE_ROWS = 10_000  # a table is for reading; --csv and --json give every row
HISTORY_LINES = 2_000
HELP = r"""A statement ends with a semicolon and may take several lines.
\dt          list tables        \d NAME      columns of a table
\q           leave              \?           this help"""
TABLES = """
select table_schema as schema, table_name as name, lower(table_type) as kind
from information_schema.tables
where table_schema not in ('pg_catalog', 'information_schema') order by 1, 2
"""
COLUMNS = """
select column_name as column, data_type as type, is_nullable as nullable
from information_schema.columns where table_name = {name}
and table_schema not in ('pg_catalog', 'information_schema') order by ordinal_position
"""

Form = Literal["table", "json", "csv"]
Statement = Annotated[
    str | None,
    typer.Argument(metavar="[SQL]", help="Statement to run; without it: interactive, or stdin."),
]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV with a header line.")]


def sql(
    statement: Statement = None,
    data: options.Data = None,
    config: options.Config = None,
    json: options.Json = False,
    as_csv: Csv = False,
) -> None:
    """Ask SQL of a twin: through its door while it runs, from its files when it is stopped."""
    from orbitwin.cli.sql_session import open_session

    if json and as_csv:
        raise UsageError("--json and --csv exclude each other", "give one of them")
    form: Form = "json" if json else "csv" if as_csv else "table"
    settings = options.load_settings(data, config)
    try:
        with open_session(settings) as session:
            if statement is None and sys.stdin.isatty():
                _interactive(session, form, settings.data / "sql_history")
            else:
                _run(session, sys.stdin.read() if statement is None else statement, form)
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None


def is_complete(text: str) -> bool:
    """Whether `text` ends with a semicolon that is outside quotes and comments."""
    from storage.lexer import tokens

    found = list(tokens(text))
    open_quote = any(token.kind == "op" and token.text in "'\"" for token in found)
    return bool(found) and found[-1].text == ";" and not open_quote


def _run(session: DoorSession, text: str, form: Form) -> None:
    """Run the statements of `text` in turn."""
    from storage.lexer import split

    for piece in split(text):
        _show(session.run(piece.sql), form)


def _show(answer: Answer, form: Form) -> None:
    if not answer.columns:
        return
    if form == "json":
        from orbitwin.cli.output import print_json

        keys = _unique(answer.columns)
        print_json([dict(zip(keys, row, strict=True)) for row in answer.rows])
    elif form == "csv":
        from orbitwin.cli.output import cell

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(answer.columns)
        writer.writerows([cell(value) for value in row] for row in answer.rows)
    else:
        from orbitwin.cli.output import print_table

        print_table(answer.columns, answer.rows[:MAX_TABLE_ROWS])
        rows = len(answer.rows)
        more = f" ({MAX_TABLE_ROWS:,} shown; --csv gives all)" if rows > MAX_TABLE_ROWS else ""
        print(f"{rows:,} row{'' if rows == 1 else 's'}{more}", file=sys.stderr)


def _unique(columns: list[str]) -> list[str]:
    """Column names as keys: a second `count` becomes `count_2`."""
    keys: list[str] = []
    for name in columns:
        key, number = name, 1
        while key in keys:
            number += 1
            key = f"{name}_{number}"
        keys.append(key)
    return keys


def _interactive(session: DoorSession, form: Form, history: Path) -> None:
    """Read statements from the terminal until \\q; errors are shown and it goes on."""
    from orbitwin.errors import OrbitwinError

    _line_editing(history)
    print(rf"{session.where}; end a statement with ; and see \? for help", file=sys.stderr)
    pending = ""
    while True:
        try:
            line = input("twin-> " if pending else "twin=> ")
        except EOFError:
            print(file=sys.stderr)
            break
        except KeyboardInterrupt:
            pending = ""
            print(file=sys.stderr)
            continue
        if not pending and not line.strip():
            continue
        if not pending and (line.lstrip().startswith("\\") or line.strip() in ("quit", "exit")):
            text = _convenience(line.strip())
            if text is None:
                break
        else:
            pending = f"{pending}\n{line}" if pending else line
            if not is_complete(pending):
                continue
            text, pending = pending, ""
        try:
            _run(session, text, form)
        except OrbitwinError as error:
            print(f"ERROR {error.message}", file=sys.stderr)
            if error.hint:
                print(f"  hint: {error.hint}", file=sys.stderr)
        except KeyboardInterrupt:
            print("cancelled", file=sys.stderr)


def _convenience(line: str) -> str | None:
    """The SQL of a backslash command, "" for one that was answered here, None to leave."""
    word, _, rest = line.partition(" ")
    name = rest.strip().rstrip(";").rpartition(".")[2].strip('"').replace("'", "''")
    if word in ("\\q", "quit", "exit"):
        return None
    if word == "\\dt" or (word == "\\d" and not name):
        return TABLES
    if word == "\\d":
        return COLUMNS.format(name=f"'{name}'")
    print(HELP if word == "\\?" else f"unknown command {word}\n{HELP}", file=sys.stderr)
    return ""


def _line_editing(history: Path) -> None:
    """Editing and a history that outlives the session, where Python has readline."""
    try:
        import atexit
        import contextlib
        import os
        import readline
    except ImportError:
        return
    with contextlib.suppress(OSError):
        history.touch(mode=0o600, exist_ok=True)
        readline.read_history_file(history)
    readline.set_history_length(HISTORY_LINES)

    def save() -> None:
        with contextlib.suppress(OSError):
            if os.access(history.parent, os.W_OK):
                readline.write_history_file(history)

    atexit.register(save)
