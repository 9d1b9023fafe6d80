"""The shipped profiles: sound, in balance, within what telemetry can tell; wrong ones refused."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from orbitwin import catalogue, profile, profile_facts
from orbitwin.physics import battery, power
from orbitwin.shell_facts.power import array_new_w
from orbitwin.toml_source import SourceError
from producers.truth import Truth

SHIPPED = profile.shipped()
EVIDENCE = re.compile(r"\[(P-SC|P|S|D|A)\b[^]]*\]")
NUMBER = re.compile(r"[\w.]+ *= *[-+]?(\d|nan|inf)")
COLDEST_PANEL_DEGC = -100.0  # at the end of the longest eclipse, with room to spare


def test_the_eight_systems_are_shipped():
    assert set(SHIPPED) == {
        "chenguang_16",
        "starcloud_88k",
        "starlink_v2",
        "suncatcher_81",
        "suncatcher_mvp",
        "three_body_12",
        "three_tier",
        "three_tier_ai1",
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_every_number_has_its_evidence(name):
    lines = SHIPPED[name].read_text(encoding="utf-8").splitlines()
    numbers = [line for line in lines if NUMBER.match(line)]
    assert len(numbers) > 100
    assert [line for line in numbers if not EVIDENCE.search(line.partition("#")[2])] == []
    for at, line in enumerate(lines):  # the one list of numbers has its evidence above it
        if line.startswith("ocv_v"):
            assert EVIDENCE.search(lines[at - 1])


@pytest.mark.parametrize("name", SHIPPED)
def test_every_profile_is_in_balance(name):
    """Array feeds load and recharge, the radiator holds the chips, links close."""
    found = profile_facts.facts(profile.load(name))
    assert found.name == name
    for shell in found.shells:
        assert shell.power.margin_in_sun_w > 0, shell.name
        assert shell.energy.balance_wh > 0, shell.name
        assert shell.energy.depth_of_discharge_ratio < 0.35, shell.name
        if shell.heat.work_s is None:
            assert shell.heat.headroom_k > 5, shell.name
        for link in shell.links:
            assert link.closes, (shell.name, link)
            assert link.margin_db < 40, (shell.name, link)
        assert shell.compute.goodput_ratio > 0.75, shell.name


@pytest.mark.parametrize("name", SHIPPED)
def test_telemetry_can_tell_every_nominal_value_and_its_swing(name):
    """Ranges of the vehicle type hold the nominal satellite, cold panel and all."""
    found = profile.load(name)
    columns = catalogue.load(found.vehicle).parameters
    for nominal in found.nominals:
        p = nominal.parameters
        cold_k = COLDEST_PANEL_DEGC - power.CELL_REFERENCE_DEGC
        volts = p["array_mpp_v"] * (1 - p["cell_voltage_per_k"] * cold_k)
        watts = array_new_w(nominal) * (1 - p["cell_power_per_k"] * cold_k)
        load_w = nominal.payload_full_w + p["bus_w"]
        pack_ohm = p["cell_resistance_ohm"] * p["cells"] / p["strings"]
        charge_w = float(
            battery.charge_limit_w(
                np.array([0.5]), p["capacity_wh"], p["charge_limit_c"], p["taper_from_ratio"]
            )[0]
        )
        low_v, high_v = (cell * p["cells"] for cell in (found.ocv_v[1], found.ocv_v[-1]))
        charge_a, drain_a = (
            float(battery.terminal_current_a(np.array(w), np.array(v), pack_ohm))
            for w, v in ((charge_w, high_v), (-load_w, low_v))
        )
        for column, value in {
            "array_v": volts,
            "array_a": watts / volts,
            "battery_v": high_v + charge_a * pack_ohm,
            "battery_a": charge_a,
            "load_w": load_w * 1.05,
            "payload_w": nominal.payload_full_w * 1.05,
            "coolant_flow_kg_s": p["coolant_flow_kg_s"],
            "links_up": len(nominal.shell.links),
            "link_rate_gbps": sum(t["rate_gbps"] for t in nominal.terminals),
            "work_done_tops": nominal.rated_tops * 1.05,
        }.items():
            assert 0 < value < columns[column].high, (nominal.shell.name, column, value)
        assert drain_a > columns["battery_a"].low, (nominal.shell.name, drain_a)


def test_what_a_user_may_do_to_a_profile_is_refused_with_its_line(tmp_path: Path):
    text = SHIPPED["three_tier"].read_text(encoding="utf-8")
    for old, new, words in (
        ("altitude_km = 500.0", "altitude_km = -3.0", "altitude_km"),
        ("altitude_km = 500.0", "altitude_km = 0.0", "altitude_km"),
        ("satellites = 400000", "satellites = 0", "satellites"),
        ("array_area_m2 = 500.0", "array_area_m2 = -500.0", "power.array_area_m2"),
        ("bus_w = 1500.0", "bus_w = -1.0", "power.bus_w"),
        ("cell_loss = 0.02", "cell_los = 0.02", "did you mean cell_loss"),
        ("cell_loss = 0.02", "cell_loss = -0.02", "fault_per_year.cell_loss"),
        ("planes = 400", "planes = 399", "do not divide into 399 planes"),
        ('terminal = "amplified"', 'terminal = "amplifed"', "did you mean amplified"),
        ('to = "left"', 'to = "ahead"', "two links lead to the same neighbour"),
        ('to = "left"', 'to = "leftwards"', "shell[0].link[2].to"),
        ("terminals = 8", "terminals = 4", "has 5 links and its satellites 4 terminals"),
        ("chip_tops = 83.33333 ", "chip_tosp = 83.33333 ", "did you mean chip_tops"),
        ("chip_tops = 83.33333 ", "chip_tops = -1.0 ", "chip_tops"),
        ("chips = 12.0", "chips = 12.5", "chips"),
        ("job_satellites = 1.0", "mfu_ratio = 1.5", "mfu_ratio"),
        ("years = 6.0", "years = 2.0", "waves must follow one another"),
        ("share_ratio = 0.5", "share_ratio = 0.05", "waves must follow one another"),
        ("share_ratio = 1.0", "share_ratio = 1.5", "deployment[2].share_ratio"),
        ('job = "inference"', 'job = "idling"', "shell[0].job"),
        ('pattern = "star"', 'pattern = "spiral"', "shell[0].layout"),
        ("inclination_deg = 30.0", "inclination_deg = 190.0", "inclination_deg"),
    ):
        wrong = text.replace(old, new, 1)
        assert wrong != text, old
        path = tmp_path / "mine.toml"
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(SourceError) as caught:
            profile.load(path)
        error = caught.value
        assert words in error.message, (new, error.message)
        assert error.message.startswith(f"{path}:{error.line}: ")
        # the line itself, or the head of the table that it makes wrong
        line = wrong.splitlines()[error.line - 1]
        assert new.split(" = ")[0] in line or line.startswith("["), (new, error.message, line)


def test_a_formation_of_odd_members_is_refused(tmp_path: Path):
    text = SHIPPED["chenguang_16"].read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace("members = 10000 ", "members = 9999 "), encoding="utf-8")
    with pytest.raises(SourceError, match="do not divide into clusters of 9999"):
        profile.load(path)


# near the solstices: the longest eclipses of orbits over dusk and over dawn
SOLSTICES = ("2027-06-21T12:00:00+00:00", "2026-12-21T12:00:00+00:00")
ORBIT_S = 128 * 60  # the longest of all
SATELLITES = 24


@pytest.mark.parametrize("start", SOLSTICES)
@pytest.mark.parametrize("name", SHIPPED)
def test_a_synthetic_fleet_of_every_profile_stays_healthy(name, start):
    """Over an orbit: values within the vehicle's ranges, battery charged, chips cool."""
    found = profile.load(name)
    columns = catalogue.load(found.vehicle).parameters
    begin_us = int(datetime.fromisoformat(start).timestamp()) * 1_000_000
    fleet = Truth(found, min(SATELLITES, found.satellites), t0_us=begin_us)
    # a few of a large Walker shell are too far apart for its terminals: those are in the facts
    is_near = len(fleet) == found.satellites or found.shell[0].layout.kind == "cluster"
    for second in range(0, ORBIT_S, 60):
        measured = fleet.advance(begin_us + second * 1_000_000)
        for column, values in measured.items():
            low, high = columns[column].low, columns[column].high
            assert np.isfinite(values).all(), column
            assert values.min() >= low, (column, second)
            assert values.max() <= high, (column, second)
        assert measured["chip_max_t_degc"].max() < 84, second
        assert (measured["mode"] < 3.5).all(), second  # nobody in safe mode
        if is_near:
            assert (measured["links_up"] > 0).all(), second
        charge = fleet.state("energy_wh") / fleet.own["full_wh"]
        assert charge.min() > 0.6, second


def test_the_quarter_of_an_hour_of_the_mvp_comes_out_of_its_run():
    found = profile.load("suncatcher_mvp")
    begin_us = found.epoch_us
    fleet = Truth(found, 1, t0_us=begin_us)
    works = [
        bool(fleet.advance(begin_us + second * 1_000_000, ("fast",))["mode"][0] > 1.5)
        for second in range(0, 6 * 3600, 10)
    ]
    spells_s = 10 * np.diff(np.flatnonzero(np.diff(works)))
    assert len(spells_s) > 8
    work_s, rest_s = sorted((spells_s[0::2].mean(), spells_s[1::2].mean()))
    assert work_s == pytest.approx(900, rel=0.12)
    assert rest_s > 1.5 * work_s
    facts = profile_facts.facts(found).shells[0].heat
    assert facts.work_s == pytest.approx(work_s, rel=0.12)
    assert facts.rest_s == pytest.approx(rest_s, rel=0.2)


@pytest.mark.parametrize("name", SHIPPED)
def test_links_are_whole_when_every_neighbour_is_held(name: str):
    """SYSTEMS.md, 1d: 4-8 terminals, of which a shell's graph may use fewer: the rest is spare."""
    columns = catalogue.load("odc")
    for nominal in profile.load(name).nominals:
        count = len(nominal.shell.links)
        given = columns.constants | nominal.constants() | {"links_up": np.array([count, 0.0])}
        assert columns.quantities["links_up_ratio"](given, 2).tolist() == [1.0, 0.0]
