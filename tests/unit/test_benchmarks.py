"""Benchmarks prove their output: they pass as they are, and FAILED is what a wrong one says.

Small fleets, and not a word about time: how fast a machine is, is no test.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import dashboards, harness, physics_tick, residuals
from benchmarks.harness import ANCHOR, Report, Spread
from processors.model.windows import EMPTY

ROOT = Path(__file__).parents[2]
FEW = ["--satellites", "60", "--repeat", "1"]
TICK = [*FEW, "--profile", "three_tier"]


def passed(capsys: pytest.CaptureFixture[str], code: int) -> str:
    text = capsys.readouterr().out
    assert code == 0 and "FAILED" not in text, text
    return text


def failed(capsys: pytest.CaptureFixture[str], code: int) -> str:
    text = capsys.readouterr().out
    assert code == 1 and "FAILED" in text, text
    return text


# --- the tick of the physics ---------------------------------------------------------------------


def test_a_tick_agrees_with_kepler_and_the_textbooks(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "tick.json"
    text = passed(capsys, physics_tick.main([*TICK, "--repeat", "2", "--json", str(path)]))
    assert "position within 5 m" in text
    report = json.loads(path.read_text())
    assert report["benchmark"] == "physics_tick" and "failed" not in report
    assert report["arguments"] == {
        "satellites": 60, "repeat": 2, "seed": 1, "profile": "three_tier"
    }  # fmt: skip
    assert set(report["core_ms"]) == {"a tick", ANCHOR}
    assert all(len(figure["samples"]) == 2 for figure in report["core_ms"].values())
    assert {"git", "versions", "machine", "load", "threads", "rss_peak_mb"} <= report.keys()


def moved(values: dict[str, np.ndarray]) -> None:
    values["x_m"] += 1_000


def dark(values: dict[str, np.ndarray]) -> None:
    values["sunlit"] = 1 - values["sunlit"]


def stronger(values: dict[str, np.ndarray]) -> None:
    values["array_a"] *= 1.003


def lost(values: dict[str, np.ndarray]) -> None:
    values["battery_v"][7] = np.nan


@pytest.mark.parametrize(
    ("spoil", "says"),
    [(moved, "m off"), (dark, "lit is"), (stronger, "array gives"), (lost, "not finite")],
)
def test_a_wrong_tick_fails(
    spoil: Callable[[Any], None], says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "tick.json"
    assert says in failed(capsys, physics_tick.main([*TICK, "--json", str(path)], spoil))
    report = json.loads(path.read_text())
    assert says in report["failed"] and "core_ms" not in report


def test_every_subsystem_is_a_function_that_runs() -> None:
    """A name that no longer takes part in a tick would silently count as nothing."""
    given = harness.parser("", 60).parse_args([])
    given.profile = "three_tier"
    bench = physics_tick.Bench(given, lambda values: None)
    shares = bench.by_subsystem()
    assert all(share > 0 for share in shares.values()), shares
    assert sum(shares.values()) == pytest.approx(1)


# --- the processor's model -----------------------------------------------------------------------


def test_every_window_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    text = passed(capsys, residuals.main(FEW))
    assert "360 windows closed in each round = 60 satellites x 6" in text
    assert "sums of windows are those of the codes sent" in text


def counts_one_more(course: residuals.Course) -> None:
    models = course.sides[residuals.WITH].models().values()
    next(iter(models)).windows.sums["array_v"][:] += 1


def sends_what_never_arrives(course: residuals.Course) -> None:
    course._records(residuals.T0_US // residuals.SECOND_US + course.done)


def forgets_a_window(course: residuals.Course) -> None:
    models = course.sides[residuals.WITH].models().values()
    open_windows = next(iter(models)).windows
    newest = int(open_windows.number[:2, 1].argmax())
    open_windows.number[newest, 1] = EMPTY
    open_windows.count[newest, 1] = 0


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (counts_one_more, "adds up to"),
        (sends_what_never_arrives, "adds up to"),
        (forgets_a_window, "359 windows closed, not 360"),
    ],
)
def test_a_wrong_window_fails(
    spoil: Callable[[Any], None], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says in failed(capsys, residuals.main(FEW, spoil))


# --- the dashboards ------------------------------------------------------------------------------


def test_every_query_of_the_dashboards_answers_with_what_was_put_in(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, few in (("MODELLED", 30), ("EVENTS", 20_000), ("LETTERS", 50), ("SECONDS", 400)):
        monkeypatch.setattr(dashboards, name, few)
    monkeypatch.setattr(dashboards, "RANGES", {"15m": (900, 1_000)})
    words = ["--satellites", "400", "--repeat", "1", "--limit-ms"]
    text = passed(capsys, dashboards.main([*words, "60000"]))
    assert "400 satellites" in text and "(wall)" in text
    assert "slower than" in failed(capsys, dashboards.main([*words, "0.01"]))


# --- the harness ---------------------------------------------------------------------------------


def test_rounds_are_interleaved_and_each_has_its_anchor() -> None:
    samples = iter([3.0, 1.0, 2.0])
    found = harness.rounds(3, lambda: {"it": next(samples)})
    assert found["it"].samples == (3.0, 1.0, 2.0) and len(found[ANCHOR].samples) == 3
    assert str(found["it"]) == "2.0 (1.0-3.0)"


def test_any_exception_is_failed_and_no_figure_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def body() -> Report:
        raise ZeroDivisionError("of what?")

    given = harness.parser("", 1).parse_args(["--json", str(tmp_path / "out.json")])
    assert "ZeroDivisionError: of what?" in failed(capsys, harness.run("x", given, body))


def test_a_report_gives_ratios_to_the_anchor(capsys: pytest.CaptureFixture[str]) -> None:
    given = harness.parser("", 1).parse_args([])
    report = Report({"it": Spread((6.0,)), ANCHOR: Spread((2.0,))})
    assert "3.00" in passed(capsys, harness.run("x", given, lambda: report))


@pytest.mark.slow
def test_the_command_line_runs_on_one_core_and_fails_by_its_exit_code() -> None:
    """As a user starts it: a process of its own, which starts itself again on one core."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "benchmarks.physics_tick", *FEW, *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)

    assert run().returncode == 0
    wrong = run("--profile", "no_such_profile")
    assert wrong.returncode == 1 and wrong.stdout.startswith("FAILED physics_tick")
