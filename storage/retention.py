"""How long history is kept, how much disk it may take, and when storing has to pause."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable

import duckdb

from orbitwin.log import get
from orbitwin.settings_groups import HistorianSettings
from storage import database
from storage.segments import Ring
from storage.writer import Writer

CHECK_SPACE_S = 1.0
CHECK_BUDGET_S = 10.0
GB = 1e9

DROP_ORDER = (
    "sat_raw",
    "residual_1m",
    "fleet_1s",
    "frame",
    "forecast",
    "estimate_1m",
    "sat_1m",
    "fleet_1m",
    "pipeline_1m",
    "dead_letter",
    "event",
)
"""What goes first where the budget is too small for all: the most detailed."""

log = get(__name__)


def retention_s(settings: HistorianSettings) -> dict[str, float]:
    """Seconds (of store time) that each ring keeps a row."""
    return {
        "sat_raw": settings.raw_retention_s,
        "fleet_1s": settings.fleet_1s_retention_s,
        "fleet_1m": settings.minute_retention_s,
        "sat_1m": settings.minute_retention_s,
        "residual_1m": settings.residual_retention_s,
        "estimate_1m": settings.minute_retention_s,
        "forecast": settings.minute_retention_s,
        "pipeline_1m": settings.minute_retention_s,
        "event": settings.event_retention_s,
        "dead_letter": settings.event_retention_s,
        "frame": settings.fleet_1s_retention_s,
    }


class Disk:
    """Keeps history within its budget, and the disk from filling up."""

    def __init__(
        self,
        writer: Writer,
        settings: HistorianSettings,
        used_bytes: Callable[[], float] | None = None,
    ) -> None:
        self._used = used_bytes or (lambda: database.used_bytes(writer.database.connection))
        self._writer = writer
        self._reserve_bytes = settings.disk_reserve_gb * GB
        self._budget_bytes = settings.disk_budget_gb * GB
        self._looked_s = float("-inf")
        self._trimmed_s = float("-inf")
        self._reason = ""

    def why_full(self) -> str:
        """Why storing has to pause; empty when there is room. Looks once a second."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= CHECK_SPACE_S:
            self._looked_s = now_s
            free = shutil.disk_usage(self._writer.data_dir).free
            self._reason = ""
            if free < self._reserve_bytes:
                self._reason = (
                    f"only {free / GB:.1f} GB free on the disk, and historian.disk_reserve_gb is "
                    f"{self._reserve_bytes / GB:g}: storing pauses until there is room"
                )
        return self._reason

    def trim(self) -> int:
        """Drop the oldest segment while history is over its budget; returns how many went."""
        now_s = time.monotonic()
        if now_s - self._trimmed_s < CHECK_BUDGET_S:
            return 0
        self._trimmed_s = now_s
        dropped = 0
        while self._used() > self._budget_bytes:
            ring = self._next_to_drop()
            if ring is None or not self._writer.drop_oldest(ring.table.name):
                break
            dropped += 1
            log.warning(f"over the disk budget: the oldest part of {ring.table.name} was dropped")
            # Blocks are free only after a checkpoint; one that cannot run now runs later.
            with contextlib.suppress(duckdb.TransactionException):
                self._writer.database.connection.execute("CHECKPOINT")
        return dropped

    def _next_to_drop(self) -> Ring | None:
        rings = [self._writer.rings[name] for name in DROP_ORDER]
        return next(
            (r for r in rings if len(r.opened_s) > 1), next((r for r in rings if r.has_rows), None)
        )
