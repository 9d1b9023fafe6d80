"""Health of one part, over HTTP on loopback: /metrics, /healthz, /readyz, /status.

Life and use are two things. /healthz says that the process answers; /readyz says that it is
ready *and* made progress lately, since a consumer that lives and moves nothing is the failure
that is seen last. While a part runs, `run/PART.json` in the data directory holds its pid and
port; orbitwin/parts.py reads it. Metrics carry no label with a satellite in it.

A part calls `progress()` in its loop whenever something moved or was looked for and rightly not
there (a replay that waits for its next row makes progress), and `not_ready(reason)` while it
waits for something outside, such as a broker.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from orbitwin.errors import BusyError, UsageError
from orbitwin.settings import Settings

METRIC_PREFIX = "orbitwin"
PROGRESS_TIMEOUT_S = 15.0  # without progress for this long, a part is not ready
LATENCY_BUCKETS_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
MAX_REQUEST_S = 5.0  # a client that sends its request slower than this is dropped


class Health:
    """What one part says of itself. Thread-safe; use it as a context manager."""

    def __init__(
        self,
        part: str,
        run_dir: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        progress_timeout_s: float = PROGRESS_TIMEOUT_S,
    ) -> None:
        self.part = part
        self.host = host
        self.port = port  # the real one after start()
        self.progress_timeout_s = progress_timeout_s
        self.started_us = time.time_ns() // 1000
        self.registry = CollectorRegistry()
        self._file = run_dir / f"{part}.json" if run_dir else None
        self._lock = threading.Lock()
        self._status: dict[str, Any] = {}
        self._reason = "starting"  # why it is not ready; empty when it is
        self._was_ready = False
        self._stopping = False
        self._progress_s = time.monotonic()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        with contextlib.suppress(Exception):  # /proc is not everywhere
            ProcessCollector(registry=self.registry)
        Gauge(
            f"{METRIC_PREFIX}_progress_age_seconds",
            "Time since this part last made progress",
            registry=self.registry,
        ).set_function(self.progress_age_s)
        Gauge(
            f"{METRIC_PREFIX}_ready", "1 while this part is ready", registry=self.registry
        ).set_function(lambda: float(not self.why_not_ready()))

    @classmethod
    def of(cls, part: str, settings: Settings) -> Health:
        """The health of `part` under these settings."""
        health = settings.health
        return cls(part, settings.run_dir, health.host, health.port, health.progress_timeout_s)

    # --- what a part reports -----------------------------------------------------------------

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Counter:
        """A counter orbitwin_NAME_total; labels must have few values, never a satellite's."""
        return Counter(f"{METRIC_PREFIX}_{name}", help, labels, registry=self.registry)

    def gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(f"{METRIC_PREFIX}_{name}", help, labels, registry=self.registry)

    def histogram(
        self,
        name: str,
        help: str,
        labels: Sequence[str] = (),
        buckets: Sequence[float] = LATENCY_BUCKETS_S,
    ) -> Histogram:
        return Histogram(
            f"{METRIC_PREFIX}_{name}", help, labels, buckets=buckets, registry=self.registry
        )

    def progress(self, **status: Any) -> None:
        """Something moved; `status` is merged into /status."""
        with self._lock:
            self._progress_s = time.monotonic()
            self._status.update(status)

    def update(self, **status: Any) -> None:
        """Merge into /status without a claim of progress."""
        with self._lock:
            self._status.update(status)

    def ready(self) -> None:
        with self._lock:
            self._reason, self._was_ready = "", True
            self._progress_s = time.monotonic()

    def not_ready(self, reason: str) -> None:
        with self._lock:
            self._reason = reason or "not ready"
            self._was_ready = True

    def stopping(self) -> None:
        """The part was told to stop and is putting its things away."""
        with self._lock:
            self._stopping, self._reason = True, "stopping"

    # --- what others may ask -----------------------------------------------------------------

    def progress_age_s(self) -> float:
        return time.monotonic() - self._progress_s

    def why_not_ready(self) -> str:
        """The reason why the part is not ready; empty when it is."""
        if self._reason:
            return self._reason
        age_s = self.progress_age_s()
        return f"no progress for {age_s:.0f} s" if age_s > self.progress_timeout_s else ""

    @property
    def state(self) -> str:
        """starting, waiting (says for what), running, stalled, finished or stopping."""
        if self._stopping:
            return "stopping"
        if self._status.get("finished"):
            return "finished"
        if not self._was_ready:
            return "starting"
        if self._reason:
            return "waiting"
        return "stalled" if self.why_not_ready() else "running"

    def status(self) -> dict[str, Any]:
        """The document behind /status."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        own = {
            "name": self.part,
            "pid": os.getpid(),
            "state": self.state,
            "reason": self.why_not_ready(),
            "started_us": self.started_us,
            "progress_age_s": round(self.progress_age_s(), 3),
            "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
            "rss_mb": round(_rss_mb(), 1),
        }
        with self._lock:
            return {**self._status, **own}

    # --- the server --------------------------------------------------------------------------

    def start(self) -> Health:
        """Listen, and write run/PART.json. BusyError where the port is taken."""
        try:
            self._server = _Server((self.host, self.port), self)
        except OSError as error:
            raise BusyError(
                f"health port {self.host}:{self.port} cannot be opened: {error.strerror or error}",
                "set health.port to 0 for a free one",
            ) from None
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="health", daemon=True
        )
        self._thread.start()
        run = {"pid": os.getpid(), "health_port": self.port, "started_us": self.started_us}
        try:
            if self._file is not None:
                self._write(self._file, run)
        except OSError as error:
            self.stop()
            raise UsageError(
                f"cannot write {self._file}: {error.strerror}",
                "choose another directory with --data, or mend its permissions",
            ) from None
        return self

    def stop(self) -> None:
        """Stop listening, remove run/PART.json and leave the last status in run/last/PART.json.

        Who counts what a part did would otherwise miss what it did since it was last asked.
        """
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if self._file is not None:
            # A part started again meanwhile may have written its own.
            with contextlib.suppress(OSError, ValueError, KeyError):
                if orjson.loads(self._file.read_bytes())["pid"] == os.getpid():
                    self._write(self._file.parent / "last" / self._file.name, self.status())
                    self._file.unlink()

    def __enter__(self) -> Health:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _write(self, file: Path, document: dict[str, Any]) -> None:
        """Replace `file` in one step: a reader sees all of it or nothing."""
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.tmp")
        part.write_bytes(orjson.dumps(document, str, orjson.OPT_SERIALIZE_NUMPY))
        part.replace(file)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], health: Health) -> None:
        self.health = health
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = MAX_REQUEST_S
    server_version = "orbitwin"
    sys_version = ""

    def do_GET(self) -> None:
        health = self.server.health
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, generate_latest(health.registry), CONTENT_TYPE_LATEST)
        elif path == "/healthz":
            self._json(200, {"alive": True})
        elif path == "/readyz":
            reason = health.why_not_ready()
            self._json(503 if reason else 200, {"ready": not reason, "reason": reason})
        elif path == "/status":
            self._json(200, health.status())
        else:
            self._json(404, {"paths": ["/metrics", "/healthz", "/readyz", "/status"]})

    def _json(self, code: int, document: Any) -> None:
        options = orjson.OPT_SERIALIZE_NUMPY
        self._answer(code, orjson.dumps(document, str, options), "application/json")

    def _answer(self, code: int, body: bytes, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Probes every second are not worth a line."""


def _rss_mb() -> float:
    """Resident memory now, MB; the peak where /proc is absent."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
