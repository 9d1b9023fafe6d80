"""Which parts of a twin live, and what they say: run/PART.json and /status over loopback."""

from __future__ import annotations

import http.client
import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

ASK_TIMEOUT_S = 2.0
ORDER = ("producer", "broker", "processor", "historian")  # as `status` and `up` list them
TWIN_FILE = "run.json"  # written by `up` in the data directory


@dataclass(frozen=True)
class Part:
    """One process of a twin. `status` is its /status document, or what is known without it."""

    name: str  # producer, processor ..., without a worker's number
    file_name: str  # producer, processor-2 ...
    pid: int
    health_port: int
    started_us: int
    status: dict[str, Any]

    @property
    def state(self) -> str:
        return str(self.status.get("state", "unknown"))

    @property
    def alive(self) -> bool:
        return self.state != "dead"


def part_name(name: str, worker: int = 1) -> str:
    """Name of a part's run file: processor, processor-2, processor-3 ..."""
    return name if worker <= 1 else f"{name}-{worker}"


def name_and_worker(file_name: str) -> tuple[str, int]:
    """The inverse of part_name: ("processor", 2) of processor-2."""
    found = re.fullmatch(r"(.+)-(\d+)", file_name)
    return (found[1], int(found[2])) if found else (file_name, 1)


def in_order(file_names: Iterable[str]) -> list[str]:
    """Names of run files in the order of the data's way, workers by their number."""
    place = {name: index for index, name in enumerate(ORDER)}

    def key(file_name: str) -> tuple[int, str, int]:
        name, worker = name_and_worker(file_name)
        return place.get(name, len(ORDER)), name, worker

    return sorted(file_names, key=key)


def living_parts(run_dir: Path) -> list[Part]:
    """Every part that has a run file, in the order of the data's way. Never raises."""
    parts = {path.stem: _part(path) for path in run_dir.glob("*.json")}
    return [part for name in in_order(parts) if (part := parts[name]) is not None]


def last_statuses(run_dir: Path, since_us: int) -> list[dict[str, Any]]:
    """What parts that started since then (UTC us) and have stopped said last."""
    found = []
    for path in sorted((run_dir / "last").glob("*.json")):
        try:
            status = orjson.loads(path.read_bytes())
            if int(status["started_us"]) >= since_us:
                found.append(status)
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def ask(port: int, path: str = "/status", timeout_s: float = ASK_TIMEOUT_S) -> dict[str, Any]:
    """A part's JSON document; OSError or ValueError where it does not answer with one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        document = orjson.loads(connection.getresponse().read())
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP on port {port}: {error}") from None
    finally:
        connection.close()
    if not isinstance(document, dict):
        raise ValueError(f"no JSON object on port {port}{path}")
    return document


def read_twin(data_dir: Path) -> dict[str, Any]:
    """What `up` wrote of the twin it runs; {} where none runs or its `up` is gone."""
    try:
        twin = orjson.loads((data_dir / TWIN_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return twin if isinstance(twin, dict) and is_alive(int(twin.get("pid", 0))) else {}


def write_twin(data_dir: Path, twin: dict[str, Any]) -> None:
    """Replace run.json in one step: a reader sees the old or the new, never half of one."""
    part = data_dir / f"{TWIN_FILE}.{os.getpid()}.tmp"
    part.write_bytes(orjson.dumps({"pid": os.getpid(), "written_us": _now_us()} | twin))
    part.replace(data_dir / TWIN_FILE)


def is_alive(pid: int) -> bool:
    """Whether a process of this id exists and is no zombie."""
    import psutil

    if pid <= 0:
        return False
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def doors(parts: list[Part]) -> Iterator[dict[str, Any]]:
    """Every open door of these parts, as the historian lists it."""
    for part in parts:
        if part.alive:
            yield from part.status.get("doors") or ()


def _part(path: Path) -> Part | None:
    try:
        run = orjson.loads(path.read_bytes())
        pid, port, started_us = int(run["pid"]), int(run["health_port"]), int(run["started_us"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # being written or removed at this moment, or not ours
    status: dict[str, Any]
    try:
        status = ask(port)
        if status.get("pid") != pid:  # the port went to another process
            status = {"state": "dead"}
    except (OSError, ValueError):
        status = {"state": "silent" if is_alive(pid) else "dead"}
    return Part(name_and_worker(path.stem)[0], path.stem, pid, port, started_us, status)


def _now_us() -> int:
    return time.time_ns() // 1000
