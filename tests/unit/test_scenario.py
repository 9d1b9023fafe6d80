"""Scenarios: mistakes named with their line, the same satellites for the same seed, Poisson rates,
and the way from the command line into the settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from orbitwin import scenario
from orbitwin.cli import app, options
from orbitwin.errors import UsageError
from orbitwin.faults import FAULTS, PASSING_S
from orbitwin.physics.constants import YEAR_S
from orbitwin.scenario import EVERY, KINDS, LASTS_US, Fault, Scenario
from orbitwin.settings_source import load
from orbitwin.toml_source import SourceError

T0_US = 1_813_536_000_000_000
IDS = np.arange(1, 301)
GOOD = '[[fault]]\nname = "panel_dead"\nsat = 3\n\n[[fault]]\nname = "sensor_bias"\n'


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (
            '[[fault]]\nname = "panle_dead"\nsat = 3\n',
            2,
            "no such fault (did you mean panel_dead?)",
        ),
        ('[[fault]]\nname = "panel_dead"\nsat = 3\nseverity = 1.5\n', 4, "less than or equal to 1"),
        ('[[fault]]\nname = "panel_dead"\nsat = 3\nseverity = -0.1\n', 4, "greater than or equal"),
        ('[[fault]]\nname = "panel_dead"\nsat = 3\nseverity = nan\n', 4, "fault[0].severity"),
        ('\n[[fault]]\nname = "panel_dead"\nsat = 3\nshare = 0.1\n', 2, "either sat"),
        ('[[fault]]\nname = "panel_dead"\n', 1, "either sat"),
        ('[fault]\nname = "panel_dead"\nsat = 3\n', 1, "expected tables, [[fault]]"),
        ('[[fault]]\nname = "panel_dead"\nshare = 1.1\n', 3, "fault[0].share"),
        ('[[fault]]\nname = "panel_dead"\nsat = 3\nat_s = -1\n', 4, "fault[0].at_s"),
        ('[[fault]]\nname = "panel_dead"\nsat = 3\ngrowth_s = -1\n', 4, "fault[0].growth_s"),
        ('[[fault]]\nname = "panel_dead"\nsat = 3\nduration_s = 0\n', 4, "fault[0].duration_s"),
        ('[[fault]]\nname = "panel_dead"\nsat = 3\nseverty = 1\n', 4, "did you mean severity?"),
        (GOOD + "sat = 4\n", 5, "sensor_bias needs the parameter"),
        (GOOD + 'sat = 4\nparameter = "aray_v"\n', 8, "did you mean array_v?"),
        ('[[fault]]\nname = "panel_dead"\nsat = 3\nparameter = "array_v"\n', 1, "not a sensor's"),
        (
            'fault = [\n  {name = "panel_dead", sat = 1},\n  {name = "panel_dead"},\n]\n',
            3,
            "either",
        ),
        ("[[faults]]\n", 1, "did you mean fault?"),
        ("[[fault]\n", 1, "not TOML"),
    ],
)
def test_a_mistake_is_reported_with_its_line(tmp_path: Path, text, line, words):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(SourceError) as caught:
        scenario.load(path)
    assert words in caught.value.message
    assert caught.value.line == line
    assert caught.value.message.startswith(f"{path}:{line}: ")


def test_a_scenario_that_is_not_there_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean default"):
        scenario.load("defalt")


def test_a_fault_on_the_command_line():
    found = scenario.parse("radiator_area_loss:sat=17,at_s=600,severity=0.5")
    assert found == Fault(name="radiator_area_loss", sat=17, at_s=600, severity=0.5)
    assert scenario.parse("sensor_bias: share=0.1, parameter=array_v, growth_s=60").share == 0.1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("radiator_loss:sat=1", "did you mean radiator_area_loss?"),
        ("panel_dead", "give either sat"),
        ("panel_dead:sat=1,severity=2", "severity should be less than or equal to 1"),
        ("panel_dead:sat=one", "sat should be a valid integer"),
        ("panel_dead:sat=1,severty=1", "did you mean severity?"),
        ("panel_dead:sat", "sat is no KEY=VALUE"),
        ("panel_dead:sat=1,sat=2", "sat is given twice"),
        ("sensor_bias:sat=1", "needs the parameter"),
        ("sensor_bias:sat=1,parameter=array_w", "no such measured parameter: array_w"),
    ],
)
def test_a_mistake_on_the_command_line_shows_an_example(text, words):
    with pytest.raises(UsageError) as caught:
        scenario.parse(text)
    assert words in caught.value.message
    assert text in caught.value.message
    assert caught.value.hint == scenario.EXAMPLE
    scenario.parse(scenario.EXAMPLE.rpartition(" ")[2])


def test_a_share_is_the_same_satellites_for_the_same_seed_and_number():
    faults = Scenario((Fault(name="pump_stop", share=0.1), Fault(name="pump_stop", share=0.1)))
    one, two, other = (faults.onsets(IDS, seed, T0_US, []) for seed in (1, 1, 2))
    assert np.array_equal(one.sat_id, two.sat_id)
    assert not np.array_equal(one.sat_id, other.sat_id)
    first, second = one.sat_id[:30], one.sat_id[30:]
    assert len(set(first)) == len(set(second)) == 30
    assert set(first) != set(second)
    assert set(first) <= set(IDS)


@pytest.mark.parametrize(("share", "count"), [(0, 0), (1e-9, 1), (0.5, 150)])
def test_a_share_is_of_at_least_one_satellite_unless_it_is_none(share, count):
    assert len(Scenario((Fault(name="pump_stop", share=share),)).onsets(IDS, 1, 0, [])) == count


def test_the_whole_fleet_is_one_row():
    found = Scenario((Fault(name="solar_storm", share=1, at_s=5, duration_s=10),)).onsets(
        IDS, 1, T0_US, []
    )
    assert found.sat_id.tolist() == [EVERY]
    assert (found.onset_us[0], found.end_us[0]) == (T0_US + 5_000_000, T0_US + 15_000_000)


def test_a_satellite_that_does_not_fly_is_an_error():
    with pytest.raises(UsageError, match="no satellite 301 in the fleet") as caught:
        Scenario((Fault(name="pump_stop", sat=301),)).onsets(IDS, 1, 0, [])
    assert "from 1 to 300" in caught.value.hint


SENSORS_NAMED = {f.parameter for f in scenario.load("default").faults if f.parameter}


def test_the_default_scenario_has_every_fault_and_one_a_satellite():
    faults = scenario.load("default").faults
    satellites = [fault.sat for fault in faults]
    assert len(set(satellites)) == len(satellites)
    assert None not in satellites and max(satellites) <= 300
    for name in FAULTS:
        mine = [fault for fault in faults if fault.name == name]
        assert len(mine) >= 3, name
        assert len({fault.severity for fault in mine}) >= 3
        assert all(0.3 <= fault.severity <= 0.8 for fault in mine)
    assert min(fault.at_s for fault in faults) >= 1200
    assert max(fault.at_s for fault in faults) <= 6000
    assert {
        f.at_s < 1400 for f in faults if f.name in ("cell_loss", "battery_resistance_rise")
    } == {True}
    path = scenario.shipped()["default"]
    assert all(len(line) <= 100 for line in path.read_text().splitlines())


@pytest.mark.parametrize(("size", "ill"), [(1, 1), (2, 1), (12, 4), (16, 5), (150, 50), (287, 95)])
def test_the_default_scenario_fits_a_small_fleet(size: int, ill: int):
    """A third falls ill, each of one fault, of kinds from all of the list."""
    ids = np.arange(700, 700 + size)
    found = scenario.load("default").fitted(ids).faults
    assert len(found) == ill
    assert len({fault.sat for fault in found} & set(ids.tolist())) == ill
    assert len({fault.name for fault in found}) >= min(ill, len(FAULTS)) * 0.9
    assert len(scenario.load("default").onsets(ids, 1, 0, list(SENSORS_NAMED))) == ill


def test_a_fault_by_flag_comes_on_top_of_a_scenario_that_fits():
    flags = options.fault_flags(["pump_stop:sat=703"], "default", False)
    asked = scenario.of_settings(options.load_settings(None, None, **flags).producer)
    ids = np.arange(700, 712)
    *ill, last = asked.fitted(ids).faults
    assert ill == list(scenario.load("default").fitted(ids).faults)
    assert (last.name, last.sat) == ("pump_stop", 703)
    with pytest.raises(UsageError, match="no satellite 703"):
        asked.check(ids + 100)


def test_a_fleet_that_has_them_all_keeps_the_satellites_that_are_named():
    whole = scenario.load("default")
    assert whole.fitted(IDS) is whole


def test_random_faults_come_at_their_rates():
    """Poisson: a count lies within four of its standard deviations of rate x satellites x years."""
    rates = {"panel_dead": 0.5, "sensor_bias": 0.1, "hung_job": 3.0, "pump_stop": 0.0}
    ids = np.arange(100, 10_100)
    span_s = 0.2 * YEAR_S
    found = scenario.random_faults(rates, ids, 1, T0_US, span_s, [4, 7])
    for name, rate in rates.items():
        expected = rate * len(ids) * 0.2
        count = (found.kind == KINDS.index(name)).sum()
        assert abs(count - expected) <= 4 * np.sqrt(expected), name
    assert (found.onset_us >= T0_US).all()
    assert (found.onset_us < T0_US + span_s * 1e6).all()
    assert np.isin(found.sat_id, ids).all()
    assert found.severity.min() > 0.19 and found.severity.max() <= 1
    bias = found.kind == KINDS.index("sensor_bias")
    assert set(found.parameter[bias]) == {4, 7}
    hung = found.kind == KINDS.index("hung_job")
    durations_s = (found.end_us - found.onset_us)[hung] / 1e6
    assert durations_s.mean() == pytest.approx(PASSING_S["hung_job"], rel=0.1)
    assert (found.end_us[found.kind == 0] == LASTS_US).all()


def test_random_storms_come_over_the_whole_fleet():
    found = scenario.random_faults({"solar_storm": 50.0}, IDS, 1, T0_US, YEAR_S)
    assert 25 < len(found) < 80
    assert (found.sat_id == EVERY).all()


def test_a_span_finds_the_faults_of_its_parts():
    rates = {"panel_dead": 5.0, "straggler": 50.0}
    day_us = 86_400_000_000
    whole = scenario.random_faults(rates, IDS, 3, T0_US + 1234, 7.5 * 86_400)
    parts = scenario.Onsets.joined(
        [
            scenario.random_faults(rates, IDS, 3, T0_US + 1234, 3.2 * 86_400),
            scenario.random_faults(rates, IDS, 3, T0_US + 1234 + int(3.2 * day_us), 4.3 * 86_400),
        ]
    )
    assert len(whole) == len(parts) > 100
    assert sorted(whole.onset_us) == sorted(parts.onset_us)
    assert sorted(whole.sat_id) == sorted(parts.sat_id)


def test_settings_take_faults_from_flags_and_the_environment():
    texts = ("panel_dead:sat=1,at_s=5", "pump_stop:share=0.1")
    flags = options.fault_flags(list(texts), "default", True)
    settings = options.load_settings(None, None, **flags)
    assert settings.producer.faults == texts
    assert settings.producer.scenario == "default"
    assert settings.producer.fault_rates
    assert len(scenario.of_settings(settings.producer).faults) == 98
    env = {"ORBITWIN_PRODUCER__FAULTS": " ".join(texts)}
    assert load(environ=env).producer.faults == texts
    assert load(environ=settings.to_env()) == settings
    none = load(environ={}).producer
    assert (none.faults, none.scenario, none.fault_rates) == ((), None, False)


def test_a_scenario_file_becomes_an_absolute_path():
    assert Path(
        load({"producer.scenario": "mine.toml"}, environ={}).producer.scenario
    ).is_absolute()


@pytest.mark.parametrize("verb", [["produce", "synthetic"], ["up"]])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fault", "panle_dead:sat=1"], "did you mean panel_dead?"),
        (["--scenario", "defalt"], "did you mean default?"),
    ],
)
def test_faults_are_looked_at_before_anything_starts(
    verb, words, said, tmp_path: Path, capsys, monkeypatch
):
    monkeypatch.setenv("ORBITWIN_DATA", str(tmp_path / "data"))
    bootstrap = ["--bootstrap", "127.0.0.1:1", "--data", str(tmp_path / "data")]
    assert app.run([*verb, *words, *bootstrap]) == 2
    assert said in capsys.readouterr().err


def test_a_replay_takes_no_faults(tmp_path: Path, capsys, monkeypatch):
    monkeypatch.setenv("ORBITWIN_DATA", str(tmp_path / "data"))
    assert app.run(["up", "--replay", "a.csv", "--fault", "pump_stop:sat=1"]) == 2
    assert "not for a replay" in capsys.readouterr().err
