"""The benchmark of the SQL door proves its bytes, and says FAILED when they are wrong."""

from __future__ import annotations

import pyarrow as pa
import pytest

from benchmarks import sql_door

FEW = ["--satellites", "500", "--repeat", "1"]


def test_bytes_are_those_of_the_row_by_row_encoder(capsys: pytest.CaptureFixture[str]) -> None:
    assert sql_door.main(FEW) == 0
    assert "every byte of 500 rows" in capsys.readouterr().out


def test_other_bytes_fail(capsys: pytest.CaptureFixture[str]) -> None:
    def other(batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch.set_column(0, "sat_id", pa.array(range(1, batch.num_rows + 1), pa.int64()))

    assert sql_door.main(FEW, other) == 1
    assert "FAILED" in capsys.readouterr().out
