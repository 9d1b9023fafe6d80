"""The ledger: what the brokers have acknowledged, a line a frame, a file a run.

It is the other side of the count by identity: what stands here must be readable later. A line is
written, unbuffered, from the acknowledgement itself, so that of a killed producer at most the
frames are missing whose acknowledgement it had in hand at that instant.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import orjson

from orbitwin.contract import Frame
from orbitwin.errors import UsageError


def run_id(started_us: int, pid: int) -> str:
    """Name of a run: when it started (UTC) and as which process."""
    at = time.gmtime(started_us // 1_000_000)
    return f"{time.strftime('%Y%m%dT%H%M%S', at)}.{started_us % 1_000_000:06d}Z-{pid}"


def line(frame: Frame) -> dict[str, Any]:
    """A frame's identity. Rows with a satellite, time or number of their own are listed."""
    entry: dict[str, Any] = {
        "fleet": frame.fleet,
        "packet": frame.packet,
        "chunk": frame.chunk,
        "seq": frame.seq,
        "row0": frame.row0,
        "rows": frame.rows,
        "t_event_us": frame.t_event_us,
    }
    for name, values in (
        ("row_sat_id", frame.sat_id),
        ("row_t_event_us", frame.row_t_event_us),
        ("row_seq", frame.row_seq),
    ):
        if values is not None:
            entry[name] = values.tolist()
    return entry


class Ledger:
    """Appends lines to `folder/<run id>.jsonl`. Used from one thread at a time."""

    def __init__(self, folder: Path, run: str) -> None:
        self.path = folder / f"{run}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        except OSError as error:
            raise UsageError(
                f"cannot write {self.path}: {error.strerror}",
                "choose another directory with --data, or mend its permissions",
            ) from None

    def append(self, entry: dict[str, Any]) -> None:
        os.write(self._file, orjson.dumps(entry) + b"\n")

    def close(self) -> None:
        os.close(self._file)
