"""P01: a disk that is full, a budget that is too small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from orbitwin.settings_groups import HistorianSettings
from storage import retention
from tests import history

ROOT = Path(__file__).resolve().parents[2]

FILLS_UP = """
import resource, sys
from pathlib import Path
import duckdb
from storage import database
from tests import history

data_dir, errors = Path(sys.argv[1]), 0
log = history.make_log(60)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
for limit in (700_000, 1_500_000, hard):
    writer = history.open_writer(data_dir)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        for number, record in enumerate(history.rest(writer, log)):
            writer.intake.take(record)
            if number % 3 == 2:
                writer.commit()
        history.shut(writer)
    except duckdb.Error as error:
        errors += 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        writer.release()
        writer.database.close()
print(errors)
"""


def test_writes_that_fail_lose_nothing(tmp_path: Path) -> None:
    """The file may grow no further (RLIMIT_FSIZE), twice; opened again with room, all is there."""
    done = subprocess.run(
        [sys.executable, "-c", FILLS_UP, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1
    whole = tmp_path / "whole"
    writer = history.open_writer(whole)
    for record in history.rest(writer, history.make_log(60)):
        writer.intake.take(record)
    history.shut(writer)
    wanted, found = history.contents(whole), history.contents(tmp_path)
    for table in wanted:
        assert sorted(map(str, wanted[table])) == sorted(map(str, found[table])), table


def test_storing_pauses_before_the_disk_is_full(tmp_path: Path) -> None:
    writer = history.open_writer(tmp_path)
    disk = retention.Disk(writer, HistorianSettings(disk_reserve_gb=0.0))
    assert disk.why_full() == ""
    disk = retention.Disk(writer, HistorianSettings(disk_reserve_gb=1e6))
    assert "disk_reserve_gb" in disk.why_full()
    history.shut(writer)


def test_over_the_budget_the_most_detailed_goes_first(tmp_path: Path) -> None:
    writer = history.open_writer(tmp_path)
    for record in history.rest(writer, history.make_log(80)):
        writer.intake.take(record)
    writer.commit()
    connection = writer.database.connection
    connection.execute("CHECKPOINT")

    def rows(table: str) -> int:
        ((found,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
        return int(found)

    assert retention.Disk(writer, HistorianSettings()).trim() == 0
    raw, minutes = rows("sat_raw"), rows("sat_1m")
    assert raw and minutes
    used = iter([2e9, 0.0]).__next__
    assert retention.Disk(writer, HistorianSettings(disk_budget_gb=1.0), used).trim() == 1
    assert (rows("sat_raw"), rows("sat_1m")) == (0, minutes)
    history.shut(writer)
