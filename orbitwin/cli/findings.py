"""What `doctor` and `check` found: a line each, ok, warn or fail, and what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

import typer

State = Literal["ok", "warn", "fail"]
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `mend` is a command or an instruction; empty when ok."""

    name: str
    state: State
    found: str
    mend: str = ""


def report(findings: Iterable[Finding], json: bool) -> None:
    """Print the findings as they come; exit code 1 if one of them is a failure."""
    failed = False
    documents = []
    for finding in findings:
        failed |= finding.state == "fail"
        if json:
            documents.append(asdict(finding))
            continue
        state = f"{finding.state:<4}"
        if sys.stdout.isatty():
            state = typer.style(state, fg=COLOURS[finding.state])
        print(f"{state}  {finding.name:<14} {finding.found}")
        if finding.mend:
            print(f"      {'':<14} -> {finding.mend}")
    if json:
        from orbitwin.cli.output import print_json

        print_json({"ok": not failed, "findings": documents})
    if failed:
        raise typer.Exit(1)
