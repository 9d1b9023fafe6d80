"""`orbitwin evaluate` through real Kafka, Faust and DuckDB: faults are found, nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from orbitwin.parts import is_alive
from tests.twin import ENVIRONMENT, ROOT, until

SCENARIO = """
fault = [
  {name = "panel_dead", sat = 5, at_s = 620, severity = 0.6},
  {name = "transmitter_droop", sat = 12, at_s = 640, severity = 0.8},
  {name = "thermal_interface_ageing", sat = 20, at_s = 660, severity = 0.8},
]
"""
INJECTED = {"panel_dead", "transmitter_droop", "thermal_interface_ageing"}
FLIGHT = ["--satellites", "30", "--duration", "1200", "--speed", "24", "--json"]
ENDS_WITHIN_S = 180.0
# What is flown is what is scored: a fault that other settings ask for is not.
UNWANTED = {"ORBITWIN_PRODUCER__FAULTS": "panel_dead:sat=1,at_s=610,severity=0.8"}


@contextmanager
def evaluating(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`orbitwin evaluate` in the background, with temporary files in `folder`/tmp."""
    (folder / "tmp").mkdir()
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "orbitwin", "evaluate", *words],
            stdout=out,
            stderr=err,
            text=True,
            cwd=ROOT,
            env=os.environ | ENVIRONMENT | UNWANTED | {"TMPDIR": str(folder / "tmp")},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        seen = children(process.pid)
        if process.poll() is None:
            process.kill()
        process.wait()
        for pid in seen:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def directories(folder: Path) -> list[Path]:
    return list((folder / "tmp").glob("orbitwin-evaluate-*"))


@pytest.mark.slow
def test_a_whole_twin_finds_the_faults_of_a_scenario_and_leaves_nothing(tmp_path: Path) -> None:
    """Three faults found and named in what was stored; no file and no process is left."""
    scenario = tmp_path / "mine.toml"
    scenario.write_text(SCENARIO)
    with evaluating(tmp_path, "--scenario", str(scenario), *FLIGHT) as process:
        until(lambda: len(children(process.pid)) >= 4)
        assert len(directories(tmp_path)) == 1
        seen = set(children(process.pid))
        deadline = time.monotonic() + ENDS_WITHIN_S
        while process.poll() is None and time.monotonic() < deadline:
            seen |= set(children(process.pid))
            time.sleep(0.5)
        assert process.poll() == 0, (tmp_path / "err").read_text()
        assert not [pid for pid in seen if is_alive(pid)]
    assert directories(tmp_path) == []
    out = (tmp_path / "out").read_text()
    assert out.count("\n") == 1
    found = json.loads(out)
    assert (found["satellites"], found["duration_s"], found["offline"]) == (30, 1200, False)
    values = {name: figure["value"] for name, figure in found["figures"].items()}
    assert values["faults_injected"] == 3
    assert values["detected_ratio"] == 1.0
    assert {row["fault"] for row in found["faults"]} == INJECTED
    assert all(0 < row["median_delay_s"] < 300 for row in found["faults"])
    assert values["named_ratio"] >= 2 / 3
    assert values["false_alarms"] == 0
    assert values["satellite_months"] == pytest.approx(
        (27 * 1200 + 620 + 640 + 660) / (30 * 86_400)
    )
    assert 0.9 < values["nis_inside_ratio"] < 1
    assert len(found["channels"]) >= 30
    assert found["dead_letters"] == {}


@pytest.mark.slow
def test_an_evaluation_that_is_stopped_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    """SIGTERM in the middle: exit code 1, one line, no document, nothing left."""
    with evaluating(tmp_path, "--scenario", "none", *FLIGHT) as process:
        until(lambda: len(children(process.pid)) >= 4)
        seen = children(process.pid)
        process.terminate()
        assert process.wait(timeout=30) == 1
        assert not [pid for pid in seen if is_alive(pid)]
    assert directories(tmp_path) == []
    assert (tmp_path / "out").read_text() == ""
    error = (tmp_path / "err").read_text()
    assert "orbitwin: the evaluation was stopped before its end" in error
    assert "Traceback" not in error
