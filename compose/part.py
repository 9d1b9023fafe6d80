"""A part of a twin as the supervisor runs it: a program, its log, its place in the order."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path


class Stage(IntEnum):
    """Parts stop from the highest stage to the lowest, so that what was sent is stored."""

    BROKER = 0
    HISTORIAN = 1
    PROCESSOR = 2
    PRODUCER = 3
    DASHBOARDS = 4


@dataclass(frozen=True)
class Part:
    """What to run, and how to see whether it gets on.

    `name` is that of its run file: run/NAME.json, written by the part itself, tells the port
    where it answers /status. A part without one has `answers`, which says whether it still
    serves, or neither, and then only its process is watched. `env` is added to ours.
    `orphan_signal` is what it gets should the supervisor be killed.
    """

    name: str
    argv: Sequence[str]
    log_path: Path
    stage: Stage
    env: Mapping[str, str] = field(default_factory=dict)
    has_status: bool = True
    answers: Callable[[], bool] | None = None
    stop_timeout_s: float = 3.0
    orphan_signal: signal.Signals = signal.SIGKILL
