"""`latest` is replaced under its readers: each statement sees one tick, whole."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from storage.admission import harden
from storage.latest_view import LatestView
from tests.door import LATEST, make_view, tick


def test_a_reader_keeps_its_tick_until_its_query_ends(tmp_path) -> None:  # type: ignore[no-untyped-def]
    connection = duckdb.connect(str(tmp_path / "t.duckdb"))
    latest = LatestView(LATEST)
    make_view(connection, latest)
    harden(connection, None)
    one, other = connection.cursor(), connection.cursor()
    latest.publish(tick(200_000, 1.0))
    latest.attach(one)
    reader = one.sql("SELECT margin_w FROM main.latest").to_arrow_reader(1000)
    reader.read_next_batch()
    latest.publish(tick(10, 2.0))
    latest.attach(other)
    assert other.sql("SELECT count(*), max(margin_w) FROM latest").fetchall() == [(10, 2.0)]
    assert sum(batch.num_rows for batch in reader) == 199_000
    latest.attach(one)
    assert one.sql("SELECT count(*) FROM latest").fetchall() == [(10,)]
    assert connection.execute(
        "SELECT comment FROM duckdb_columns() WHERE comment IS NOT NULL"
    ).fetchall() == [("Power margin [W]",)]
    connection.close()


def test_a_tick_of_other_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="must have the columns"):
        LatestView(LATEST).publish(pa.table({"x": [1]}))
