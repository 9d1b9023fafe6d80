"""What a worker says of itself: counters, /status, and whether it has come to a stand."""

from __future__ import annotations

import time
from dataclasses import fields

from orbitwin.health import Health
from processors.record import Counts
from processors.worker import Worker

_HELP = {
    "frames": "Frames processed",
    "ticks": "Clock ticks processed",
    "rows_applied": "Rows processed",
    "rows_late": "Rows older than the newest one of their satellite",
    "rows_duplicate": "Rows that had been seen before",
    "rows_invalid": "Rows with a value outside its valid range",
    "rows_dead": "Rows that became dead letters",
    "rows_missed": "Sequence numbers that were passed over",
    "dead_letters": "Dead letters written",
    "events": "Events raised, eased, cleared or noted",
    "records_seen_before": "Records that a chunk held already when they were read again",
}


class Status:
    """Keeps Health up to date from a Worker."""

    def __init__(self, worker: Worker, health: Health) -> None:
        self._worker = worker
        self._health = health
        self._counters = {name: health.counter(name, text) for name, text in _HELP.items()}
        self._holes = health.counter("holes", "Holes in what was delivered, filled from the log")
        self._reread = health.counter("records_reread", "Records read again to fill holes")
        self._lag = health.gauge("lag_records", "Records in the log that are not processed yet")
        self._told = Counts()
        self._told_holes = self._told_reread = 0
        self._looked_s = time.monotonic()
        self._moved_s = time.monotonic()
        self._behind = 0
        self._assigned = False
        self.away = False

    def progress(self) -> None:
        """A record was applied, or found to have been."""
        self._moved_s = time.monotonic()
        self._health.progress()

    def assigned(self) -> None:
        """The group has told which partitions are ours."""
        self._assigned = True
        self._moved_s = time.monotonic()
        self._health.ready()

    def unreachable(self, why: str) -> None:
        """Kafka did not answer: there is nothing to process, and nobody to blame for it here."""
        self._behind = 0
        if not self.away:
            self.away = True
            self._health.not_ready(f"waiting for Kafka: {why}")

    def reachable(self) -> None:
        """Kafka answered."""
        if self.away:
            self.away = False
            self._moved_s = time.monotonic()
            if self._assigned:
                self._health.ready()

    def stalled(self) -> bool:
        """Whether there are records to process and none was for too long."""
        silent_s = time.monotonic() - self._moved_s
        return self._behind > 0 and silent_s > self._health.progress_timeout_s

    def look(self, ends: dict[int, int]) -> None:
        """Once a second: count, measure, tell. `ends` are the next offsets of each partition."""
        worker, now_s = self._worker, time.monotonic()
        held = {p: s for p, s in worker.held.items() if p in ends}
        self._behind = sum(max(0, ends[p] - 1 - s.applied) for p, s in held.items())
        self._lag.set(self._behind)
        counts = worker.counts
        rows = counts.rows_applied - self._told.rows_applied
        rate = rows / max(1e-3, now_s - self._looked_s)
        self._looked_s = now_s
        for f in fields(Counts):
            self._counters[f.name].inc(getattr(counts, f.name) - getattr(self._told, f.name))
        self._told = Counts(**vars(counts))
        self._holes.inc(worker.holes - self._told_holes)
        self._reread.inc(worker.records_reread - self._told_reread)
        self._told_holes, self._told_reread = worker.holes, worker.records_reread
        self._health.update(
            rate=round(rate, 1),
            lag=self._behind,
            rows_applied=counts.rows_applied,
            rows_late=counts.rows_late,
            rows_duplicate=counts.rows_duplicate,
            rows_invalid=counts.rows_invalid,
            dead_letters=counts.dead_letters,
            holes=worker.holes,
            recoveries=worker.recoveries,
            records_reread=worker.records_reread,
            partitions=sorted(worker.held),
        )
        if self._assigned and not worker.held:
            self._health.progress()  # more workers than partitions: there is rightly nothing to do
