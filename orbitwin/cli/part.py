"""Run one part in this process: logs, health, and an event that SIGTERM or Ctrl-C sets."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from orbitwin.health import Health
    from orbitwin.settings import Settings

Result = TypeVar("Result")


def run_part(
    part: str,
    settings: Settings,
    run: Callable[[Settings, Health, threading.Event], Result],
) -> Result:
    """Call `run(settings, health, stop)` with signals turned into `stop`; return its result."""
    from orbitwin import log
    from orbitwin.health import Health

    writable_directory(settings.data)
    log.configure(part, settings.log.format, settings.log.level)
    stop = threading.Event()
    with Health.of(part, settings) as health:

        def on_signal(number: int, frame: FrameType | None) -> None:
            health.stopping()
            stop.set()
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl-C is meant

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, on_signal)
        return run(settings, health, stop)


def writable_directory(path: Path) -> Path:
    """`path`, made if absent. UsageError, in one line, where it cannot be written."""
    import tempfile

    from orbitwin.errors import UsageError

    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise UsageError(
            f"cannot write to the data directory {path}: {error.strerror or error}",
            "choose another with --data DIR, or mend its permissions",
        ) from None
    return path
