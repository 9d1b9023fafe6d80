"""Minutes of `pipeline_1m`: counters that only grow, told as what each minute brought."""

from collections import Counter
from pathlib import Path

import numpy as np

from storage.latency import Latency
from storage.pipeline import Minutes
from tests import history

T0_S = 1_790_000_040.0  # a whole minute
COLUMNS = ("rows", "events", "lag_records", "lag_records_max", "frames", "database_bytes")


def test_a_minute_is_told_once_and_adds_up_with_the_next() -> None:
    minutes, latency, counts = Minutes(), Latency(), Counter(rows_stored=7)
    latency.add(np.array([0.1, 0.2, 0.4]))
    told = []
    for step in range(121):
        counts["rows_stored"] += 10
        counts["events_stored"] += step % 2
        lag = 50 if step == 30 else step % 3
        row = minutes.take(T0_S + step, counts, lag, latency, lambda: 4096)
        if row is not None:
            told += row.to_pylist()
            latency = Latency()
    assert [int(r["ts"].timestamp()) for r in told] == [T0_S, T0_S + 60]
    first, second = ({k: r[k] for k in COLUMNS} for r in told)
    assert first == {"rows": 617, "events": 30, "lag_records": 0, "lag_records_max": 50,
                     "frames": 3, "database_bytes": 4096}  # fmt: skip
    assert second["rows"] == 600 and second["frames"] == 0
    assert sum(r["rows"] for r in told) == counts["rows_stored"]
    assert [r["seconds"] for r in told] == [60, 60]
    assert 0.19 < told[0]["latency_p50_s"] < 0.21 and abs(told[0]["latency_max_s"] - 0.4) < 1e-6
    assert told[1]["latency_p95_s"] is None


def test_before_kafka_has_answered_there_is_no_lag() -> None:
    minutes = Minutes()
    assert minutes.take(T0_S, Counter(), None, Latency(), lambda: 0) is None
    (row,) = minutes.take(T0_S + 60, Counter(), None, Latency(), lambda: 0).to_pylist()
    assert row["lag_records"] is None and row["rows"] == 0


def test_the_writer_stores_a_minute_without_any_record(tmp_path: Path) -> None:
    writer = history.open_writer(tmp_path)
    minutes = Minutes()
    minutes.take(T0_S, Counter(), 3, writer.recent, lambda: 1)
    writer.note(minutes.take(T0_S + 61, Counter(rows_stored=5), 4, writer.recent, lambda: 1))
    found = writer.database.connection.execute(
        "SELECT epoch(ts), rows, lag_records, lag_records_max FROM pipeline_1m"
    ).fetchall()
    history.shut(writer)
    assert found == [(T0_S, 5, 4, 4)]
