"""What the historian did in each minute of its own clock, for the table `pipeline_1m`.

A ledger of work, not of data: a minute in which the historian was killed is lost, and no offset
goes with a row. `/status` tells the same of now; this is what a dashboard draws over time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from storage.latency import Latency

MINUTE_S = 60

_COUNTED = {
    "rows": "rows_stored",
    "events": "events_stored",
    "dead_letters": "dead_letters",
    "rows_duplicated": "rows_duplicated",
    "records_repeated": "records_repeated",
    "records_refused": "records_refused",
    "records_lost": "records_lost",
    "commits": "commits",
}
"""Column of the table by counter of the intake."""


class Minutes:
    """Turns counters that only grow into a row a minute. Pure of I/O but for what it is given."""

    def __init__(self) -> None:
        self._minute: int | None = None
        self._since_s = 0.0
        self._before: dict[str, int] = {}
        self._lag_max: int | None = None

    def take(
        self,
        now_s: float,
        counts: Mapping[str, int],
        lag: int | None,
        latency: Latency,
        database_bytes: Callable[[], int],
    ) -> pa.Table | None:
        """Look at the counters; the row of the minute that has ended, None within a minute.

        `latency` are the latencies of this minute: put a new one in its place after a row.
        `database_bytes` is asked only then. A clock that is set back gives a short minute.
        """
        minute = int(now_s // MINUTE_S)
        if self._minute is None:
            self._begin(minute, now_s, {})  # the intake began to count when the session did
        self._lag_max = lag if self._lag_max is None else max(self._lag_max, lag or 0)
        if minute == self._minute:
            return None
        row = {
            "ts": pa.array([(self._minute or 0) * MINUTE_S * 1_000_000], pa.timestamp("us", "UTC")),
            "seconds": pa.array([now_s - self._since_s], pa.float32()),
            "frames": pa.array([latency.frames], pa.int64()),
            "lag_records": pa.array([lag], pa.int64()),
            "lag_records_max": pa.array([self._lag_max], pa.int64()),
            "latency_p50_s": pa.array([latency.quantile(0.50)], pa.float32()),
            "latency_p95_s": pa.array([latency.quantile(0.95)], pa.float32()),
            "latency_max_s": pa.array([latency.max_s if latency.frames else None], pa.float32()),
            "database_bytes": pa.array([database_bytes()], pa.int64()),
        } | {
            column: pa.array([counts.get(name, 0) - self._before.get(name, 0)], pa.int64())
            for column, name in _COUNTED.items()
        }
        self._begin(minute, now_s, counts)
        return pa.table(row)

    def _begin(self, minute: int, now_s: float, counts: Mapping[str, int]) -> None:
        self._minute = minute
        self._since_s = now_s
        self._before = {name: counts.get(name, 0) for name in _COUNTED.values()}
        self._lag_max = None
