"""The model of BIRDS-3 against what two of its satellites sent, and against faults put into copies.

Authority: the recordings of NEPALISAT (healthy, three orbits) and RAAVANA (+Y panel dead, two) by
their makers, tests/data/birds_eps. All of it goes through the processors' own code.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from benchmarks import fit_birds3
from tests.birds import BIRDS, DATA, PANELS, Told, Track, Values, aligned, fly, track

FIRST_SHEET = 1_080  # rows: an orbit of NEPALISAT
FAULT_ROW, FAULT_S = 200, 1_000.0
DARK_ROW = 960  # just before NEPALISAT enters the shadow a second time
SPIKES = (400, 406, 412, 418)
WILD = [("spikes", "battery_v"), ("glitches", "battery_t_degc")]


def dead(panel: str, values: Values) -> Values:
    """As RAAVANA's +Y: 1.5 mV and 18.6 mA; the battery gives what the panel does not."""
    v, i = f"panel_{panel}_mv", f"panel_{panel}_ma"
    now = np.arange(len(values[v])) >= FAULT_ROW
    lost_mw = np.where(now & (values[i] > 20), values[v] * values[i] * 1e-3, 0)
    more_ma = BIRDS.constants["regulator_ratio"] * lost_mw / values["battery_v"]
    return {
        v: np.where(now, 1.5, values[v]),
        i: np.where(now, 18.6, values[i]),
        "battery_ma": values["battery_ma"] + more_ma,
    }


def leaking(panel: str, values: Values) -> Values:
    """In the dark, 100 mV less than before."""
    v = values[f"panel_{panel}_mv"]
    now = (np.arange(len(v)) >= DARK_ROW) & (v < 1_500)
    return {f"panel_{panel}_mv": np.where(now, v - 100, v)}


def wrong(name: str, value: float, values: Values, rows: tuple[int, ...] = SPIKES) -> Values:
    """Single readings of a sensor replaced."""
    found = values[name].copy()
    found[list(rows)] = value
    return {name: found}


def dead_voltmeter(values: Values) -> Values:
    """The +Y panel's voltmeter shows nothing, but the panel gives its current."""
    found = values["panel_py_mv"].copy()
    found[FAULT_ROW:] = 1.5
    return {"panel_py_mv": found}


@pytest.fixture(scope="module")
def healthy() -> Track:
    return track("NEPALISAT")


@pytest.fixture(scope="module")
def told(healthy: Track) -> Told:
    """Both recordings and the copies with faults, side by side in one fleet."""
    orbit = healthy.first(FIRST_SHEET)
    copies = [
        orbit.changed("voltmeter", dead_voltmeter),
        orbit.changed("spikes", lambda v: wrong("battery_v", 6.44, v)),
        orbit.changed("glitches", lambda v: wrong("battery_t_degc", -22.7, v)),
        orbit.changed("spike", lambda v: wrong("battery_v", 6.44, v, SPIKES[:1])),
        orbit.changed("glitch", lambda v: wrong("battery_t_degc", -22.7, v, SPIKES[:1])),
    ]
    for p in PANELS:
        copies.append(orbit.changed(f"dead {p}", lambda v, p=p: dead(p, v)))
        copies.append(orbit.changed(f"leaking {p}", lambda v, p=p: leaking(p, v)))
    return fly([healthy, aligned(track("RAAVANA"), healthy), *copies])


# --- the recordings as they are ------------------------------------------------------------------


def test_the_dead_panel_of_raavana_is_named_within_a_minute_and_held(told: Told) -> None:
    """The recording begins with the panel dead: there is no time before to learn from."""
    (only,) = told.of("RAAVANA")
    assert (only["state"], only["parameter"]) == ("raised", "panel_py_dead")
    assert only["at_s"] <= 60
    assert only["severity"] == 3  # distress
    assert "floor_py_mv" in only["message"]
    assert [e["parameter"] for e in told.of("RAAVANA", "residual")] == ["floor_py_mv"]


def test_the_healthy_satellite_is_quiet_in_all_its_orbits(told: Told) -> None:
    assert told.of("NEPALISAT") == []
    assert told.of("NEPALISAT", "residual") == []


def test_the_healthy_satellites_innovations_are_as_large_as_said(told: Told) -> None:
    """Of windows of channels that are no steps of a sensor, 95 % have |z| < 1.96."""
    inside, windows = 0.0, 0.0
    for channel in BIRDS.channels:
        if not channel.discrete:
            n = told.column("NEPALISAT", f"{channel.name}/n")
            inside += float(np.nansum(n * told.column("NEPALISAT", f"{channel.name}/inside")))
            windows += float(n.sum())
    assert windows > 2_500
    assert 0.93 <= inside / windows <= 0.97


def test_what_differs_between_satellites_is_learnt(healthy: Track, told: Told) -> None:
    """The offset of each panel's circuit in the dark: the estimate is what the last rows show."""
    last = healthy.first(2_650)  # late in the third shadow
    for panel in PANELS:
        shown = last.values[f"panel_{panel}_mv"][-20:].mean()
        t_us = last.t_us[-1]
        learnt = told.column("NEPALISAT", f"dark_{panel}_mv/estimate", until_us=t_us)[-1]
        assert learnt == pytest.approx(shown, abs=3)


# --- faults in copies of real rows ---------------------------------------------------------------


@pytest.mark.parametrize("panel", PANELS)
def test_any_dead_panel_is_named_as_such(told: Told, panel: str) -> None:
    (only,) = told.of(f"dead {panel}")
    assert (only["state"], only["parameter"]) == ("raised", f"panel_{panel}_dead")
    assert only["at_s"] - FAULT_S <= 60


@pytest.mark.parametrize("panel", PANELS)
def test_any_leaking_panel_is_named_in_the_next_shadow(told: Told, panel: str) -> None:
    (only,) = told.of(f"leaking {panel}")
    assert (only["state"], only["parameter"]) == ("raised", f"panel_{panel}_degraded")
    assert only["at_s"] - 4_890 <= 180  # the shadow begins at 4,880 s, dusk takes a minute


def test_a_dead_voltmeter_is_told_from_a_dead_panel_once_the_panel_gives_current(
    told: Told,
) -> None:
    first, *_, last = [e for e in told.of("voltmeter") if e["state"] == "raised"]
    assert first["parameter"] == "panel_py_dead"
    assert last["parameter"].startswith("sensor_")
    assert " of panel_py_mv" in last["message"]


@pytest.mark.parametrize(
    ("name", "sensor"), [("spikes", "battery_v"), ("glitches", "battery_t_degc")]
)
def test_wild_readings_are_the_sensors_and_not_the_batterys(
    told: Told, name: str, sensor: str
) -> None:
    """Four in 90 s, of 6.44 V and of -22.7 degC, as the makers saw them."""
    verdicts = told.verdicts(name)
    assert verdicts[0] == ("raised", f"sensor_spike of {sensor}")
    assert {what.split(" of ")[-1] for _, what in verdicts} == {sensor}
    assert verdicts[-1][0] == "cleared"


@pytest.mark.parametrize("name", ["spike", "glitch"])
def test_one_wild_reading_is_a_limit_and_no_verdict(told: Told, name: str) -> None:
    assert told.of(name) == []
    assert told.of(name, "residual") == []
    assert [e["state"] for e in told.of(name, "limit")] == ["raised", "cleared"]


# --- the numbers of the file ---------------------------------------------------------------------


def test_the_files_numbers_are_those_of_the_fit() -> None:
    found = fit_birds3.fit(fit_birds3.readings(DATA / "NEPALISAT.xlsx", BIRDS))
    constants, channels = BIRDS.constants, {c.name: c for c in BIRDS.channels}
    assert constants["floor_mv"] < found["dark_least_mv"]
    dark = channels["panel_py_mv"]
    assert dark.nominal == pytest.approx(found["dark.nominal"], abs=1)
    assert dark.spread == pytest.approx(found["dark.spread"], abs=1)
    assert constants["panel_ohm"] == pytest.approx(found["panel_ohm"], rel=0.02)
    assert channels["bus_py_mv"].spread == pytest.approx(found["bus.spread"], abs=1)
    assert constants["regulator_ratio"] == pytest.approx(found["regulator_ratio"], rel=0.01)
    assert channels["battery_ma"].nominal == pytest.approx(found["battery_ma.nominal"], rel=0.01)
    assert constants["full_sun_ma"] == pytest.approx(found["full_sun_ma"], rel=0.01)
    assert constants["battery_ohm"] == pytest.approx(found["battery_ohm"], rel=0.03)
    assert BIRDS.noise == {"battery_ma": pytest.approx(found["battery_ma.noise"], rel=0.05)}


def test_the_fit_finds_the_resistance_and_the_load_that_made_a_recording() -> None:
    """Rows made from a panel of 0.2 ohm, a load of 1.2 W and a regulator ratio of 0.9."""
    rng = np.random.default_rng(3)
    rows = 4_000
    i_ma = rng.uniform(70, 300, (5, rows // 2)).repeat(2, axis=1)
    v_mv = 4_700 + 0.2 * (i_ma - i_ma.max(axis=0))
    top = np.argsort(i_ma, axis=0)
    assert (v_mv.argmax(axis=0) == top[-1]).all()  # who gives most is highest
    battery_ma = (1_200 - 0.9 * (v_mv * i_ma).sum(axis=0) * 1e-3) / 4.0
    values = {f"panel_{p}_{u}": x[k] for k, p in enumerate(PANELS) for u, x in
              (("mv", v_mv), ("ma", i_ma))}  # fmt: skip
    values |= {
        "t_s": np.arange(rows) * 5.0,
        "battery_v": np.full(rows, 4.0),
        "battery_ma": battery_ma,
        "battery_t_degc": np.linspace(0, 5, rows),
    }
    for p in PANELS:  # a night, so that there is a dark to look at
        values[f"panel_{p}_mv"][:200] = 1_300
        values[f"panel_{p}_ma"][:200] = 0
    values["battery_ma"][:200], values["battery_v"][:200] = 400, 3.0
    found = fit_birds3.fit(pl.DataFrame(values))
    assert found["panel_ohm"] == pytest.approx(0.2, rel=1e-6)
    assert found["regulator_ratio"] == pytest.approx(0.9, rel=1e-6)
    assert found["battery_ma.nominal"] == pytest.approx(1.2, rel=1e-6)
    assert found["dark.nominal"] == pytest.approx(1_300)
