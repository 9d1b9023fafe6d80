"""F11: kill -9 of the process that writes history, at any moment, changes nothing in it."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import snapshot
from tests import history

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple]]:
    """The tables as they are when nothing goes wrong."""
    data_dir = tmp_path_factory.mktemp("whole")
    writer = history.open_writer(data_dir)
    for number, record in enumerate(history.rest(writer, history.make_log(), seed=3)):
        writer.intake.take(record)
        if number % 40 == 39:
            writer.commit()
    history.shut(writer)
    return history.contents(data_dir)


def differences(one: dict[str, list[tuple]], other: dict[str, list[tuple]]) -> dict[str, int]:
    return {name: len(set(map(_text, one[name])) ^ set(map(_text, other[name]))) for name in one}


def _text(row: Any) -> str:
    """A row but for the last bits of means, which hang on the order in which DuckDB adds up."""
    if isinstance(row, tuple):
        row = [f"{value:.9g}" if type(value) is float else value for value in row]
    return str(row)


def test_the_log_fills_every_table(whole: dict[str, list[tuple]]) -> None:
    # pipeline_1m tells of the historian's own process, by its clock
    assert {name for name, rows in whole.items() if not rows} == {"pipeline_1m"}


@pytest.mark.parametrize("seed", range(2))
def test_memory_that_is_lost_is_read_again(
    seed: int, tmp_path: Path, whole: dict[str, list[tuple]]
) -> None:
    """The writer is dropped between and within commits, with snapshots older than the offsets."""
    rng = np.random.default_rng(seed)
    log = history.make_log()
    left = log
    while left:
        writer = history.open_writer(tmp_path)
        left = history.rest(writer, log, seed=int(rng.integers(1 << 30)))
        for number, record in enumerate(left[: int(rng.integers(80, len(log)))]):
            writer.intake.take(record)
            if rng.random() < 0.1:
                writer.commit()
            if number % 90 == 60:
                writer.commit()
                writer.save_snapshot(wait=True)
        if number + 1 == len(left):
            history.shut(writer)
            break
        writer.release()
        writer.database.close()
    assert differences(whole, history.contents(tmp_path)) == dict.fromkeys(whole, 0)


def test_without_a_snapshot_the_minutes_are_the_same(
    tmp_path: Path, whole: dict[str, list[tuple]]
) -> None:
    """`window_offset` alone is enough for everything but the newest state of the silent."""
    log = history.make_log()
    writer = history.open_writer(tmp_path)
    for record in history.rest(writer, log)[:300]:
        writer.intake.take(record)
    writer.commit()
    writer.release()
    writer.database.close()
    assert not snapshot.path_in(tmp_path).exists()
    writer = history.open_writer(tmp_path)
    for record in history.rest(writer, log, seed=9):
        writer.intake.take(record)
    history.shut(writer)
    found = differences(whole, history.contents(tmp_path))
    for name in ("sat_1m", "sat_raw", "frame", "event", "dead_letter", "ingest_offset"):
        assert found[name] == 0, name


def test_records_that_the_log_no_longer_holds_are_an_event(tmp_path: Path) -> None:
    """F07: what was deleted before it was stored is said, once, and storing goes on behind it."""
    log = history.make_log()
    at = ("twin.state.v1", 0)
    writer = history.open_writer(tmp_path)
    for record in history.rest(writer, log)[:200]:
        writer.intake.take(record)
    writer.commit()
    writer.release()
    writer.database.close()
    for _ in range(2):  # a second start finds nothing new to say
        writer = history.open_writer(tmp_path)
        writer.intake.skip_to(at, 150, history.T0_US)
        writer.commit()
        writer.release()
        writer.database.close()
    writer = history.open_writer(tmp_path)
    for record in history.rest(writer, log):
        writer.intake.take(record)
    history.shut(writer)
    found = history.contents(tmp_path)
    holes = [row for row in found["event"] if "deleted before" in str(row)]
    assert len(holes) == 1
    assert len(found["frame"]) > 200


@pytest.mark.slow
def test_kill_9_at_random_moments(tmp_path: Path, whole: dict[str, list[tuple]]) -> None:
    """After 8 kills at random moments every table is what it is without a kill."""
    rng = random.Random(11)
    kills = 0
    for _ in range(200):
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.history", str(tmp_path), "0.01"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert child.stdout is not None
            assert child.stdout.readline(), "the writer did not start"
            try:
                code = child.wait(rng.uniform(0.0, 0.5) if kills < 8 else 60)
            except subprocess.TimeoutExpired:
                child.kill()
                kills += 1
                child.wait()
                continue
            assert code == 0
            break
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
            if child.stdout:
                child.stdout.close()
    assert kills >= 5
    assert differences(whole, history.contents(tmp_path)) == dict.fromkeys(whole, 0)
