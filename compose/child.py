"""One child process: started tethered to us, its output in a log, its use of CPU and memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import psutil

from orbitwin.errors import UsageError

TETHER = Path(__file__).with_name("tether.py")
LOG_KEEP_BYTES = 8 * 1024 * 1024  # a longer log is put aside (as .1) when the child starts
LOG_TAIL_BYTES = 64 * 1024


class Child:
    """A process that ends when we end.

    Start it from a thread that lives as long as the child should: on Linux the death signal is
    sent when the starting *thread* ends.
    """

    def __init__(
        self,
        argv: Sequence[str],
        log_path: Path,
        env: Mapping[str, str] | None = None,
        orphan_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        """`env` is added to our own environment; `orphan_signal` is sent should we be killed."""
        self.argv = list(argv)
        self.log_path = log_path
        self.env = dict(env or {})
        self.orphan_signal = orphan_signal
        self._popen: subprocess.Popen[bytes] | None = None
        self._process: psutil.Process | None = None
        self._cpu_s = 0.0
        self._rss_bytes = 0

    def start(self) -> None:
        """Start it; OSError where the program cannot be run, UsageError where the log cannot."""
        tether = [sys.executable, "-I", "-S", str(TETHER)]
        with _open_log(self.log_path) as log:
            self._popen = subprocess.Popen(
                [*tether, str(os.getpid()), str(int(self.orphan_signal)), *self.argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | self.env,
                # Ctrl-C goes to the whole foreground group: only we may take it, to stop all
                # in order.
                start_new_session=True,
            )
        self._process = psutil.Process(self._popen.pid)

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen else None

    @property
    def cpu_s(self) -> float:
        """User and system time so far, s."""
        self._sample()
        return self._cpu_s

    @property
    def rss_bytes(self) -> int:
        """Resident memory now, 0 after its end."""
        self._sample()
        return self._rss_bytes if self.exit_code() is None else 0

    def exit_code(self) -> int | None:
        """None while it runs (or was never started); negative: the signal that ended it."""
        if self._popen is None:
            return None
        self._sample()  # a zombie still tells its times; once reaped it tells nothing
        return self._popen.poll()

    @property
    def running(self) -> bool:
        return self._popen is not None and self.exit_code() is None

    def terminate(self) -> None:
        """Ask it to end."""
        if self.running and self._popen:
            self._popen.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it now, and reap it."""
        if self.running and self._popen:
            self._popen.kill()
            self._popen.wait()

    def wait(self, deadline: float) -> bool:
        """Wait until it has ended or time.monotonic() is past `deadline`; whether it ended."""
        while self.running:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True

    def stop(self, timeout_s: float) -> bool:
        """SIGTERM, and SIGKILL after `timeout_s`; whether the first was enough."""
        self.terminate()
        ended = self.wait(time.monotonic() + timeout_s)
        if not ended:
            self.kill()
        return ended

    def _sample(self) -> None:
        if self._process is None:
            return
        try:
            with self._process.oneshot():
                times = self._process.cpu_times()
                self._rss_bytes = self._process.memory_info().rss
            self._cpu_s = max(self._cpu_s, times.user + times.system)
        except psutil.Error:
            pass  # reaped: the last sample stands


def log_tail(path: Path, lines: int = 1) -> str:
    """The last lines of a log, for an error message; without the frames of stack traces."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    said = [line.rstrip() for line in text.splitlines() if line[:1].strip()]
    return "; ".join(said[-lines:])


def _open_log(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LOG_KEEP_BYTES:
            path.replace(path.with_name(path.name + ".1"))
        return path.open("ab")
    except OSError as error:
        raise UsageError(
            f"cannot write the log {path}: {error.strerror}", "choose another --data directory"
        ) from None
