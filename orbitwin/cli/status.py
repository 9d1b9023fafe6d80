"""orbitwin status: the parts of a twin and its doors."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from orbitwin.cli import options

if TYPE_CHECKING:
    from orbitwin.parts import Part

EXAMPLES = """
orbitwin status
orbitwin status --data ./twin-data --json
"""

FIRST_KEYS = ("name", "pid", "state", "rate", "lag")  # in this order; null where it has none
ABOUT = ("profile", "satellites", "bootstrap")  # of the twin, where `up` runs it
NOT_RUNNING = 1  # exit code where no part lives


def status(
    data: options.Data = None, config: options.Config = None, json: options.Json = False
) -> None:
    """List the parts of the twin in this data directory, and how to reach its doors."""
    import sys

    from orbitwin.cli.output import print_json

    settings = options.load_settings(data, config)
    document = read_status(settings.data)
    if json:
        print_json(document)
    elif document["parts"]:
        _print(document)
    if not any(part["state"] != "dead" for part in document["parts"]):
        print(f"orbitwin: no twin runs in {settings.data}", file=sys.stderr)
        print("  hint: start one with `orbitwin up`, or name its --data DIR", file=sys.stderr)
        raise typer.Exit(NOT_RUNNING)


def read_status(data_dir: Path) -> dict[str, Any]:
    """{"parts": [...], "doors": [...]} of the twin in `data_dir`; empty lists where none runs."""
    from orbitwin.parts import doors, in_order, living_parts, read_twin

    twin = read_twin(data_dir)
    found = living_parts(data_dir / "run")
    documents = {part.file_name: _document(part) for part in found}
    if broker := _broker(twin):
        documents["broker"] = broker
    # What `up` supervises and has no run file at present: being started, or ended.
    for supervised in twin.get("parts") or ():
        name = str(supervised["name"])
        state = {"pid": supervised["pid"], "state": supervised["state"]}
        missing = {**_named(name, state), "reason": supervised["reason"]}
        documents.setdefault(name, missing)["restarts"] = supervised["restarts"]
    about: dict[str, Any] = {key: twin[key] for key in ABOUT if key in twin}
    listed = [door_document(door) for door in doors(found)] + list(twin.get("doors") or ())
    return {**about, "parts": [documents[n] for n in in_order(documents)], "doors": listed}


def connecting(door: dict[str, Any]) -> str:
    """How to connect to a door: a line for psql where it speaks PostgreSQL, else its address."""
    return psql_line(door) if door["name"] == "sql" and door.get("password_file") else door["url"]


def psql_line(door: dict[str, Any]) -> str:
    """A line for the shell that opens psql at this door, without the password in it."""
    file = shlex.quote(str(door["password_file"]))
    return f'PGPASSWORD="$(cat {file})" psql "{door["url"]}"'


def _document(part: Part) -> dict[str, Any]:
    first = {"pid": part.pid, "state": part.state}
    document = _named(part.file_name, part.status | first)
    rest = {k: v for k, v in part.status.items() if k not in document and k != "doors"}
    return {**document, **rest, "health_port": part.health_port}


def _named(file_name: str, status: dict[str, Any]) -> dict[str, Any]:
    """A part's first keys, and which worker it is where there are several."""
    from orbitwin.parts import name_and_worker

    name, worker = name_and_worker(file_name)
    document = {key: (status | {"name": name}).get(key) for key in FIRST_KEYS}
    return document | ({"worker": worker} if worker > 1 else {})


def _broker(twin: dict[str, Any]) -> dict[str, Any] | None:
    """The broker as a part. It has no /status: it runs if its process lives and takes calls."""
    import socket

    from orbitwin.parts import is_alive

    if not twin.get("bootstrap"):
        return None
    pid = twin.get("broker_pid")
    host, _, port = str(twin["bootstrap"]).split(",")[0].rpartition(":")
    state = "dead" if pid and not is_alive(int(pid)) else "running"
    if state == "running":
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=1.0).close()
        except (OSError, ValueError):
            state = "silent"
    known = {"name": "broker", "pid": pid, "state": state, "rate": None, "lag": None}
    return {**known, "bootstrap": twin["bootstrap"], "local": bool(pid)}


def door_document(door: dict[str, Any]) -> dict[str, Any]:
    """A door as `status` lists it: with its address as a URL, which holds no password."""
    if "url" in door:
        return door
    host = f"[{door['host']}]" if ":" in str(door["host"]) else door["host"]
    url = f"postgresql://{door['user']}@{host}:{door['port']}/{door['database']}"
    return {"name": door["name"], "url": url, **door}


def _print(document: dict[str, Any]) -> None:
    from orbitwin.cli.output import print_table

    if "profile" in document:
        print(f"{document['profile']}, {document.get('satellites', '?')} satellites")
    rows: list[Sequence[Any]] = []
    for part in document["parts"]:
        name = part["name"] + (f" {part['worker']}" if "worker" in part else "")
        note = part.get("reason") or part.get("bootstrap") or ""
        rate = None if part["rate"] is None else f"{part['rate']:,.0f}"
        rows.append((name, part["pid"], part["state"], rate, part["lag"], note))
    print_table(("part", "pid", "state", "rows/s", "lag", ""), rows)
    for door in document["doors"]:
        print(f"{door['name']:<9}{door['url']}")
        if connecting(door) != door["url"]:
            print(f"         {connecting(door)}")
