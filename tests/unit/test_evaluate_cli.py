"""`orbitwin evaluate --offline`: one document, exit codes, mistakes in one line and a hint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compose.evaluation.score import TARGETS
from orbitwin.cli import app, reference
from storage import database

SMALL = ("evaluate", "--offline", "--satellites", "5", "--duration", "60")
LATE = 'fault = [{name = "panel_dead", sat = 3, at_s = 55, severity = 0.8}]\n'


@pytest.fixture(autouse=True)
def _own_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBITWIN_DATA", str(tmp_path / "data"))


@pytest.fixture
def late(tmp_path: Path) -> str:
    """A scenario whose fault nobody can find in time."""
    path = tmp_path / "late.toml"
    path.write_text(LATE)
    return str(path)


def test_json_is_one_object_with_figures_and_targets(capsys: pytest.CaptureFixture[str]) -> None:
    words = "evaluate --offline --satellites 20 --scenario none --duration 300 --json"
    assert app.run(words.split()) == 0
    shown = capsys.readouterr()
    assert shown.out.count("\n") == 1
    found = json.loads(shown.out)
    assert (found["profile"], found["scenario"]) == ("suncatcher_81", "none")
    assert (found["satellites"], found["duration_s"], found["offline"]) == (20, 300, True)
    assert found["met"] is True
    for name, figure in found["figures"].items():
        target = TARGETS.get(name)
        wanted = target and {"least": target.least, "most": target.most}
        assert figure["target"] == wanted, name
    assert found["figures"]["false_alarms"] == {"value": 0.0, "target": None, "met": None}
    assert found["figures"]["faults_injected"]["value"] == 0
    assert found["figures"]["satellite_months"]["value"] == pytest.approx(20 * 300 / 2_592_000)
    assert (found["faults"], found["dead_letters"]) == ([], {})


def test_faults_by_flag_alone_and_on_top_of_a_scenario(
    late: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = ("--fault", "pump_stop:sat=2,at_s=10", "--json")
    for words, injected in (
        ((), ["pump_stop"]),
        (("--scenario", late), ["panel_dead", "pump_stop"]),
    ):
        assert app.run([*SMALL, *words, *flag]) == 0
        found = json.loads(capsys.readouterr().out)
        assert sorted(fault["fault"] for fault in found["faults"]) == injected


def test_a_missed_target_ends_with_1_only_under_strict(
    late: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run([*SMALL, "--scenario", late]) == 0
    table = capsys.readouterr().out
    assert "detected_ratio" in table and "missed" in table
    assert "panel_dead" in table and ">= 0.95" in table
    assert app.run([*SMALL, "--scenario", late, "--strict", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["met"] is False
    assert found["figures"]["detected_ratio"]["met"] is False
    assert [row["fault"] for row in found["faults"]] == ["panel_dead"]


def test_strict_ends_with_0_where_nothing_is_missed(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run([*SMALL, "--scenario", "none", "--strict"]) == 0
    assert "missed" not in capsys.readouterr().out


def test_other_settings_inject_nothing_that_is_not_scored(
    late: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBITWIN_PRODUCER__SCENARIO", late)
    monkeypatch.setenv("ORBITWIN_PRODUCER__FAULTS", "panel_dead:sat=1,severity=1")
    assert app.run([*SMALL, "--scenario", "none", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["faults_injected"]["value"] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--scenario", "defalt"), "defalt: no such scenario or file (did you mean default?)"),
        (("--profile", "suncatcher_18"), "did you mean suncatcher_81?"),
        (("--scenario", "{six}"), "no satellite 6 in the fleet"),
        (("--speed", "20"), "--speed is for a whole twin"),
        (("--start-epoch", "yesterday"), "start_epoch"),
    ],
)
def test_a_mistake_is_one_line_and_a_hint(
    words: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    six = tmp_path / "six.toml"
    six.write_text('fault = [{name = "pump_stop", sat = 6}]\n')
    assert app.run([*SMALL, *(word.format(six=six) for word in words)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    first, *hint = shown.err.splitlines()
    assert first.startswith("orbitwin: ") and told in first
    assert len(hint) <= 1


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ('fault = [\n{name = "panel_ded", sat = 1}]', 2, "panel_dead"),
        ("fault = [\n\n{sat = 1}]", 3, "fault[0].name: this key is required"),
        ('fault = [\n{name = "panel_dead"}]', 2, "give either sat"),
        ('fault = [\n{name = "panel_dead", sat = 1, severity = 2}]', 2, "severity"),
        ('fault = [\n{name = "sensor_bias", sat = 1, parameter = "array"}]', 2, "array"),
        ("fault = [", 1, "not TOML"),
    ],
)
def test_a_bad_scenario_file_is_told_with_its_line(
    text: str, line: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    assert app.run([*SMALL, "--scenario", str(path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    first = shown.err.splitlines()[0]
    assert first.startswith(f"orbitwin: {path}:{line}: ") and told in first


@pytest.mark.parametrize("words", [("--duration", "5"), ("--satellites", "0"), ("--seed", "-1")])
def test_numbers_out_of_range_end_with_2(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run([*SMALL, *words]) == 2
    assert capsys.readouterr().out == ""


def test_a_data_directory_of_another_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "used"
    data.mkdir()
    database.open_writer(data).close()
    words = ["--satellites", "5", "--duration", "60", "--scenario", "none", "--data", str(data)]
    assert app.run(["evaluate", *words]) == 2
    assert "holds the history of another run" in capsys.readouterr().err


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["evaluate", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Examples:" in shown
    assert shown.count("orbitwin evaluate --") >= 4
    assert all(word in shown for word in ("--offline", "--scenario", "--strict", "none"))
    assert "orbitwin evaluate" in dict(reference.verbs())
