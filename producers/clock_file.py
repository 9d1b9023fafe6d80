"""The clock of a data directory: kept in a file, so that a producer started again continues it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from orbitwin import log as logs
from orbitwin.errors import UsageError
from orbitwin.fleet import Clock

_log = logs.get("clock")


@dataclass(frozen=True)
class Wish:
    """What a run asks of its clock. Another wish is another clock."""

    rate: float
    start_epoch_us: int | None = None


def continued(path: Path, wish: Wish, now_us: int) -> Clock:
    """The live clock of the run before, where it asked for the same; else a new one, kept.

    Without a start epoch, and at rate 1, event time is the wall clock. Raises UsageError where
    the file cannot be written.
    """
    if wish.rate == 1.0 and wish.start_epoch_us is None:
        return Clock("live", 0, 0, 1.0)
    try:
        kept = orjson.loads(path.read_bytes())
        if kept["wish"] == asdict(wish):
            clock = Clock("live", int(kept["epoch_us"]), int(kept["wall_us"]), wish.rate)
            _log.info(f"the clock of {path.parent.parent} runs on; a new one needs a new --data")
            return clock
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError):
        _log.warning(f"{path} is no clock of ours and is replaced")
    epoch_us = now_us if wish.start_epoch_us is None else wish.start_epoch_us
    clock = Clock("live", epoch_us, now_us, wish.rate)
    keep(path, {"wish": asdict(wish), "epoch_us": clock.epoch_us, "wall_us": clock.wall_us})
    return clock


def keep(path: Path, values: dict[str, object]) -> None:
    """Replace the file in one step. Raises UsageError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.tmp")
        part.write_bytes(orjson.dumps(values))
        part.replace(path)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}",
            "choose another directory with --data, or mend its permissions",
        ) from None
