"""What satellites of other kinds do: shells of different hardware, thermostats, tiers, faults."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin import layout, profile, spacecraft
from orbitwin.physics import links, terminals
from orbitwin.scenario import Scenario, parse
from producers.faults import FaultField
from producers.truth import Truth

T0_US = 1_795_219_200_000_000  # 2026-11-21
SECOND_US = 1_000_000


def alike(name, **changes):
    """A profile whose satellites are all nominal and whose sensors have no noise."""
    found = profile.load(name)
    return found.model_copy(update={"spread": {}, "noise": {}, **changes})


def nominal(name, shell=0, **changes):
    own = {**profile.load(name).nominals[shell].numbers, **changes}
    spacecraft.derive(own)
    return own


def test_shells_have_hardware_of_their_own():
    found = alike("three_tier")
    truth = Truth(found, 600, t0_us=T0_US)
    measured = truth.advance(T0_US + SECOND_US)
    assert len(truth.blocks) == 6
    for shell, numbers in enumerate(truth.layout.numbers(found)):
        of = truth.layout.shell_index == shell
        assert set(truth.own["chips"][of]) == {numbers["chips"]}
        job = {"training": 2, "inference": 3}[found.shell[shell].job]
        assert set(measured["mode"][of]) == {job}
        assert measured["payload_w"][of].max() <= numbers["payload_full_w"]
    training = [k for k, shell in enumerate(found.shell) if shell.job == "training"]
    done = [np.median(measured["work_done_tops"][truth.layout.shell_index == k]) for k in training]
    assert done[0] == pytest.approx(5_000 * 0.4, rel=0.1)
    assert done[2] == pytest.approx(20_000 * 0.4, rel=0.1)


def test_other_shells_do_not_change_what_a_satellite_draws():
    found = profile.load("three_tier")
    one = Truth(found, 600, seed=4, t0_us=T0_US)
    other = Truth(
        found.model_copy(update={"spread": {**found.spread, "mount_degc": 0.1}}),
        600,
        seed=4,
        t0_us=T0_US,
    )
    assert np.array_equal(one.own["capacity_wh"], other.own["capacity_wh"])
    assert not np.array_equal(one.own["mount_degc"], other.own["mount_degc"])


def test_ten_milliwatts_are_enough_at_160_km_but_not_at_1000_km():
    """The rule "EML short, amplified long", with `terminals`' photons: 660 and 17 Gbps."""
    own = nominal("three_tier")
    short, far = dict(own), dict(own)
    for k in range(int(own["links"])):
        for numbers, range_m, sent_w in ((short, 160e3, 0.01), (far, 1_000e3, 0.01)):
            numbers |= {
                f"link{k}_least_m": range_m,
                f"link{k}_most_m": range_m,
                f"link{k}_transmit_w": sent_w,
            }
    amplified = far | {f"link{k}_transmit_w": 1.0 for k in range(int(own["links"]))}
    up = []
    for numbers in (short, far, amplified):
        spacecraft.derive(numbers)
        values = spacecraft.link_values(numbers, np.zeros(3, np.float32))
        up.append(values["links_up"][0])
        if up[-1] == 0:
            assert (values["rx_min_dbm"] == links.NO_SIGNAL_DBM).all()
            assert (values["fec_ratio"] == 0).all() and (values["link_rate_gbps"] == 0).all()
        else:
            assert values["link_rate_gbps"][0] == pytest.approx(400 * up[-1])
    assert up == [5, 0, 5]
    assert terminals.reachable_bps(terminals.EML, 160e3) > 400e9
    assert terminals.reachable_bps(terminals.EML, 1_000e3) < 400e9


def test_no_light_through_the_earth():
    own = nominal("three_body_12", link0_transmit_w=1e9, link1_transmit_w=1e9)
    numbers = own | {"link0_least_m": 5e6, "link0_most_m": 5e6}
    spacecraft.derive(numbers)
    assert spacecraft.link_values(own, np.zeros(1, np.float32))["links_up"] == 2
    assert spacecraft.link_values(numbers, np.zeros(1, np.float32))["links_up"] == 1


def test_the_mvp_works_for_some_fifteen_minutes_and_cools_down():
    """Press on the Suncatcher MVP: about 15 minutes of work, then a pause (profile's header)."""
    found = alike("suncatcher_mvp")
    truth = Truth(found, t0_us=T0_US)
    mode, melt = [], []
    for step in range(1, 1200):
        measured = truth.advance(T0_US + step * 15 * SECOND_US)
        mode.append(int(measured["mode"][0]))
        melt.append(float(measured["pcm_melt_ratio"][0]))
        if mode[-1] == 1:
            assert measured["work_done_tops"][0] == 0
    starts = np.flatnonzero((np.array(mode[1:]) == 2) & (np.array(mode[:-1]) == 1))
    stops = np.flatnonzero((np.array(mode[1:]) == 1) & (np.array(mode[:-1]) == 2))
    spells_min = [(stops[stops > s][0] - s) / 4 for s in starts if (stops > s).any()]
    assert len(spells_min) > 2
    assert np.mean(spells_min) == pytest.approx(15, abs=4)
    assert min(melt) == 0 and max(melt) == 1
    assert {1, 2} == set(mode)


def test_a_store_of_no_mass_changes_nothing():
    """One step of plates with and without a store that is not reached: the same, to the bit."""
    found = alike("suncatcher_81")
    own = dict(found.nominals[0].numbers)
    spacecraft.derive(own)
    state = spacecraft.initial_state(own, 4)
    place = np.tile(np.array([[7e6], [0], [0]], np.float32), 4)
    around = spacecraft.surroundings(place, np.array([1.5e11, 0, 0]), 1361.0)
    for _ in range(100):
        spacecraft.step(own, state, around, found.ocv_v.astype(np.float32), 1.0)
    assert (state["molten_j"] == 0).all() and (state["resting"] == 0).all()
    assert all(v.dtype == np.float32 for n, v in state.items() if n not in spacecraft.FLOAT64_STATE)


def test_a_store_keeps_the_energy_of_a_step():
    """Plates warmed through the melting point: heat in is heat stored, to 1e-4 (enthalpy)."""
    own = nominal("suncatcher_mvp", rest_above_degc=900.0)
    own |= {"coolant_flow_kg_s": 1e-6, "load_wobble_ratio": 0.0}  # nothing is carried away
    spacecraft.derive(own)
    state = spacecraft.initial_state(own, 1)
    place = np.array([[7e6], [0], [0]], np.float32)
    around = spacecraft.surroundings(place, np.array([1.5e11, 0, 0]), 1361.0)
    ocv_v = profile.load("suncatcher_mvp").ocv_v.astype(np.float32)
    start_degc, heat_j = float(state["plate_degc"][0]), 0.0
    for _ in range(400):
        heat_j += float(spacecraft.step(own, state, around, ocv_v, 1.0)["payload_w"][0])
    assert 0 < state["molten_j"][0] < own["store_j"]
    assert state["plate_degc"][0] == pytest.approx(own["pcm_melt_degc"], abs=1e-3)
    stored_j = state["molten_j"][0] + own["plate_j_k"] * (state["plate_degc"][0] - start_degc)
    assert stored_j == pytest.approx(heat_j, rel=1e-3)


def test_inference_follows_the_evening_and_observation_the_day():
    day = Truth(alike("three_body_12"), t0_us=T0_US)
    worked = []
    for minute in range(0, 96, 6):
        measured = day.advance(T0_US + minute * 60 * SECOND_US)
        assert ((measured["mode"] == 3) == (measured["work_done_tops"] > 0)).all()
        worked.append((measured["mode"] == 3).mean())
    assert 0.4 < np.mean(worked) < 0.6
    own = nominal("three_tier")
    hours = np.arange(24)
    angle = (hours - 12) * np.pi / 12
    place = (7e6 * np.stack([np.cos(angle), np.sin(angle), 0 * angle])).astype(np.float32)
    around = spacecraft.surroundings(place, np.array([1.5e11, 0, 0]), 1361.0)
    state = spacecraft.initial_state(own, 24)
    ocv_v = profile.load("three_tier").ocv_v.astype(np.float32)
    done = spacecraft.step(own, state, around, ocv_v, 1.0)["work_done_tops"]
    assert (done.argmax(), done.argmin()) == (20, 8)
    assert done.min() / done.max() == pytest.approx(0.4, rel=0.01)


def test_dose_follows_the_place_and_keeps_its_number_over_a_restart():
    found = alike("suncatcher_81")
    later_us = T0_US + 86_400 * SECOND_US
    truth = Truth(found, 3, seed=6, t0_us=T0_US)
    first = truth.advance(T0_US)["dose_rad"]
    rises = []
    for minute in range(1, 1441):
        rises.append(truth.state("dose_rad")[0])
        truth.advance(T0_US + minute * 60 * SECOND_US, ("fast",))
    rises = np.diff(rises)
    mean_day = found.nominals[0].dose_rad_per_year / 365.25
    assert rises.max() > 20 * rises.mean()  # in the anomaly
    assert np.median(rises) < 0.2 * rises.mean()  # out of it
    assert rises.sum() == pytest.approx(mean_day, rel=0.3)
    day = truth.advance(later_us)
    again = Truth(found, 3, seed=6, t0_us=later_us).advance(later_us)
    assert (day["dose_rad"] > first).all()
    assert day["dose_rad"] == pytest.approx(again["dose_rad"], abs=0.4 * mean_day)
    assert np.abs(day["ecc_ue_count"] - again["ecc_ue_count"]).max() <= 2


def field(truth, *texts):
    return FaultField(Scenario(tuple(parse(text) for text in texts)), truth.layout.sat_id, 1, T0_US)


def ill_and_well(*texts, name="suncatcher_81", minutes=30):
    """Measured values of the whole fleet after a time, with a fault of satellite 2 and without."""
    found = alike(name)
    well = Truth(found, 5, t0_us=T0_US)
    ill = Truth(found, 5, t0_us=T0_US, faults=field(well, *texts))
    for minute in range(minutes):
        t_us = T0_US + minute * 60 * SECOND_US
        healthy, measured = well.advance(t_us), ill.advance(t_us)
    for column, values in measured.items():
        others = [0, 2, 3, 4]
        assert values[others] == pytest.approx(healthy[column][others], rel=1e-5, abs=1e-5), column
    return {c: (float(v[1]), float(healthy[c][1])) for c, v in measured.items()}


@pytest.mark.parametrize(
    ("fault", "columns"),
    [
        ("panel_dead", {"array_a": -10, "array_sections_up": -1}),
        ("panel_degraded", {"array_a": -10}),
        ("array_short", {"array_v": -10}),
        ("cell_loss", {"battery_v": -3, "battery_cell_least_v": -3}),
        ("radiator_area_loss", {"radiator_t_degc": 5, "chip_max_t_degc": 5}),
        ("pump_degraded", {"coolant_flow_kg_s": -0.05, "chip_max_t_degc": 1}),
        ("thermal_interface_ageing", {"chip_mean_t_degc": 5}),
        ("pointing_bias", {"pointing_urad": 2, "rx_min_dbm": -0.5}),
        ("jitter_rise", {"jitter_urad": 1, "rx_min_dbm": -0.3}),
        ("transmitter_droop", {"tx_dbm": -2, "rx_mean_dbm": -2}),
        ("terminal_loss", {"links_up": -1, "link_rate_gbps": -9000}),
        ("hbm_error_burst:severity=1", {"ecc_ce_count": 20}),
        ("solar_storm", {"dose_rad": 0.002}),
        ("straggler", {"work_done_tops": -1000, "step_s": 1}),
        ("hung_job", {"work_done_tops": -20_000, "payload_w": -1000}),
        ("safe_mode", {"mode": 2, "payload_w": -10_000}),
    ],
)
def test_a_fault_shows_where_it_should_and_nowhere_else(fault, columns):
    name, _, severity = fault.partition(":")
    measured = ill_and_well(f"{name}:sat=2,at_s=0,{severity or 'severity=0.5'}")
    for column, least in columns.items():
        ill, well = measured[column]
        assert (ill - well) * np.sign(least) >= abs(least), (column, ill, well)


def test_an_acquisition_storm_is_counted():
    measured = ill_and_well("reacquisition_storm:sat=2,at_s=0,severity=1", minutes=60)
    ill, well = measured["acquisitions_count"]
    assert ill - well > 20


def test_forward_model_needs_nothing_but_nominal_numbers():
    found = profile.load("three_tier")
    for shell, numbers in enumerate(found.nominals):
        own = dict(numbers.numbers)
        spacecraft.derive(own)
        state = spacecraft.initial_state(own, 2)
        rows, orbit = layout.scaled(found, 600)
        at = np.flatnonzero(rows.shell_index == shell)[:2]
        place = orbit.positions_m(T0_US)[:, at]
        around = spacecraft.surroundings(place, np.array([1.5e11, 0, 0]), 1361.0)
        true = spacecraft.step(own, state, around, found.ocv_v.astype(np.float32), 10.0)
        u_rad = orbit.argument_of_latitude_rad(T0_US)[at]
        true |= spacecraft.link_values(own, u_rad)
        for name, values in true.items():
            assert values.dtype == np.float32, name
            assert np.isfinite(values).all(), name
