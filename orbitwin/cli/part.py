"""Run one part in this process: logs, health, and an event that SIGTERM or Ctrl-C sets."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from orbitwin.errors import OrbitwinError, UsageError

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
        on_stop_signal(stop, health.stopping)
        try:
            return run(settings, health, stop)
        except OrbitwinError:
            raise
        except Exception:
            if not sys.stderr.isatty():  # a log is where a mistake of ours can be traced
                log.get(part).exception("unexpected error")
            raise


def on_stop_signal(stop: threading.Event, also: Callable[[], None] | None = None) -> None:
    """Let SIGTERM and Ctrl-C call `also` and set `stop`; a second Ctrl-C then interrupts."""

    def tell() -> None:
        if also is not None:
            also()
        stop.set()

    def handler(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # Not from here: the main thread may hold the very lock that Event.set() takes.
        threading.Thread(target=tell, name="stop").start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)


def writable_directory(path: Path) -> Path:
    """`path`, made if absent. UsageError, in one line, where it cannot be written."""
    import tempfile

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
