"""docs/cli.md, from the verbs' own help: `python -m orbitwin.cli.reference`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

WIDTH = 88
HEAD = """# Command line
<!-- written by: python -m orbitwin.cli.reference > docs/cli.md -->

Data goes to stdout, logs and messages to stderr. Every verb that reads takes `--json`.

Exit codes: 0 done; 1 a failure; 2 a flag, setting, file or permission that must be changed;
3 locked or taken by another process; 130 ended by Ctrl-C. A failure is one line and a hint;
`--debug` shows the traceback.
"""


def verbs() -> Iterator[tuple[str, str]]:
    """Every verb with its help text, groups and sub-verbs included ("orbitwin topics list")."""
    from orbitwin.cli.app import app

    yield from _walk(get_command(app), "orbitwin", None)


def markdown() -> str:
    """The page: each verb's help as it is printed."""
    parts = [f"\n## {name}\n\n```\n{text.rstrip()}\n```\n" for name, text in verbs()]
    return HEAD + "".join(parts)


def _walk(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
    """Typer's classes for a command are private to it, hence Any."""
    width = {"terminal_width": WIDTH, "max_content_width": WIDTH}
    context = command.make_context(name, [], parent=parent, resilient_parsing=True, **width)
    yield context.command_path, context.get_help()
    for sub_name, sub in getattr(command, "commands", {}).items():
        yield from _walk(sub, sub_name, context)


if __name__ == "__main__":
    sys.stdout.write(markdown())
