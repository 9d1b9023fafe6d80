"""Forecasts of the next orbit against what comes: geometry, and the synthetic truth run ahead.

Wanted one orbit ahead: eclipses within 10 s, charge within 2 %, temperatures within 2 K, and 90 %
intervals that cover 85 to 95 % of what comes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from orbitwin import catalogue, contract, records, spacecraft
from orbitwin import profile as profiles
from orbitwin.fleet import Clock, Fleet
from orbitwin.layout import scaled
from orbitwin.physics import eclipse, radiation, sun, thermal
from orbitwin.topics import STATE
from orbitwin.trajectory import Planned
from processors import snapshot
from processors.forecast import ahead, forward
from processors.forecast import schedule as forecaster
from processors.forecast.forecast import RADIATOR_LEAST_RATIO, forecast
from processors.forecast.forward import STEP_S, WAVE_PEAK, Now, corrected, horizon_steps
from processors.record import Rules
from producers import synthetic
from producers.schedule import Schedule
from producers.truth import Truth
from tests.processing import Bench, states

SATELLITES = 200
SECOND_US = 1_000_000
PROFILE = profiles.load("suncatcher_81")
OCV_V = PROFILE.ocv_v.astype(np.float32)


def utc_us(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp()) * SECOND_US


JUNE_US, MARCH_US = utc_us("2027-06-21T00:00:00"), utc_us("2027-03-21T00:00:00")


def planned(satellites: int, name: str = "suncatcher_81") -> Planned:
    return Planned(scaled(profiles.load(name), satellites)[1].elements)


# --- the orbit alone ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["suncatcher_81", "three_tier"])
def test_shadow_edges_against_a_grid_of_seconds(name: str) -> None:
    """As the cylinder of orbitwin.physics.eclipse has them, second by second."""
    trajectory = planned(40, name)
    way = ahead.path(trajectory, slice(0, 40), JUNE_US, 100, STEP_S)
    entry_s, exit_s = ahead.eclipse_s(way)
    dark = []
    for second in range(6001):
        t_us = JUNE_US + second * SECOND_US
        sun_m = sun.sun_position_m(t_us)
        unit = sun_m / np.linalg.norm(sun_m)
        dark.append(eclipse.in_cylinder(trajectory.positions_m(t_us), unit))
    grid = np.array(dark)
    for found, changes in (
        (entry_s, ~grid[:-1] & grid[1:]),
        (exit_s, grid[:-1] & ~grid[1:]),
    ):
        known = changes.any(axis=0)
        assert known.any()
        assert np.array_equal(np.isfinite(found), known)
        assert np.abs(found - (changes.argmax(axis=0) + 0.5))[known].max() < 1.0


def test_shadow_edges_against_the_closed_form() -> None:
    """Larson & Wertz, sec. 5.1: the arc in the shadow by altitude and beta angle."""
    trajectory = planned(30)
    found = ahead.eclipse_s(ahead.path(trajectory, slice(0, 30), JUNE_US, 100, STEP_S))
    altitude_m = PROFILE.nominals[0].numbers["altitude_m"]
    sun_m = sun.sun_position_m(JUNE_US)
    place, soon = (trajectory.positions_m(JUNE_US + s * SECOND_US).astype(float) for s in (0, 10))
    normal = np.cross(place, soon, axis=0)
    normal /= np.linalg.norm(normal, axis=0)
    toward = sun_m[:, None] / np.linalg.norm(sun_m)
    beta = np.arcsin(np.sum(normal * toward, axis=0))
    deepest = normal * np.sin(beta) - toward  # of the orbit in the shadow

    def from_deepest_rad(at: np.ndarray) -> np.ndarray:
        across = np.cross(deepest, at, axis=0)
        return np.arctan2(np.sum(across * normal, axis=0), np.sum(deepest * at, axis=0))

    past = from_deepest_rad(place)
    rate = np.mod(from_deepest_rad(soon) - past, 2 * np.pi) / 10
    entry_s, exit_s = eclipse.next_eclipse_s(altitude_m, beta, past, rate)
    ahead_only = entry_s > 0
    assert ahead_only.all()
    assert np.abs(found[0] - entry_s).max() < 10
    assert np.abs(found[1] - exit_s).max() < 10


def test_an_orbit_without_shadow_has_none() -> None:
    way = ahead.path(planned(10), slice(0, 10), MARCH_US, 100, STEP_S)
    entry_s, exit_s = ahead.eclipse_s(way)
    assert np.isnan(entry_s).all() and np.isnan(exit_s).all()
    assert (way.lit_ratio == 1).all()


def test_light_of_a_step_is_its_share_out_of_the_shadow() -> None:
    way = ahead.path(planned(10), slice(0, 10), JUNE_US, 100, STEP_S)
    entry_s, exit_s = ahead.eclipse_s(way)
    dark_s = (1 - way.lit_ratio).sum(axis=0) * STEP_S
    assert np.abs(dark_s - (exit_s - entry_s)).max() < 5


def test_anomaly_and_dose_against_a_fine_grid() -> None:
    trajectory = planned(20, "three_tier")
    t_us = utc_us("2027-06-21T20:00:00")
    way = ahead.path(trajectory, slice(0, 20), t_us, 100, STEP_S)
    entry_s, exit_s, fluence = ahead.anomaly_s(way)
    flux = np.array(
        [
            radiation.flux_cm2_s(trajectory.positions_m(t), t)
            for t in range(t_us, t_us + 6_000 * SECOND_US + 1, 5 * SECOND_US)
        ]
    )
    inside = flux >= radiation.ANOMALY_CM2_S
    enters = ~inside[:-1] & inside[1:]
    known = np.isfinite(entry_s) & enters.any(axis=0)
    assert known.sum() >= 5
    assert np.abs(entry_s - enters.argmax(axis=0) * 5.0)[known].max() < STEP_S / 2
    assert np.isfinite(exit_s).any()
    sums = flux[:-1].sum(axis=0) * 5.0
    assert fluence == pytest.approx(sums, rel=0.03, abs=50)


# --- the synthetic truth, run ahead ------------------------------------------------------------


class Case:
    """A healthy fleet at a time: its truth, and what the twin knows of it, errors as stated."""

    def __init__(self, t_us: int, seed: int) -> None:
        self.t_us = t_us
        self.truth = Truth(PROFILE, SATELLITES, seed, t_us)
        self.constants = dict(self.truth.layout.numbers(PROFILE)[0])
        self.rng = np.random.default_rng(seed)
        self.own = self.truth.own
        nominal = dict(self.constants)
        spacecraft.derive(nominal)
        own, busy, idle = self.own, self.own["busy_ratio"], self.constants["idle_ratio"]
        power = own["payload_full_w"] * (idle + (1 - idle) * busy)
        power_0 = nominal["payload_full_w"] * (idle + (1 - idle) * self.constants["busy_ratio"])
        self.estimates = {
            "array_ratio": self.learnt(own["cell_gain_m2"] / nominal["cell_gain_m2"], 0.002),
            "bus_load_ratio": self.learnt(own["bus_w"] / self.constants["bus_w"], 0.003),
            "payload_ratio": self.learnt(power / power_0, 0.001),
        }
        ratio = own["radiator_emissivity"] / self.constants["radiator_emissivity"]
        value, sigma = self.learnt(ratio, 0.0075 * RADIATOR_LEAST_RATIO)
        self.estimates["radiator_ratio"] = value, sigma / np.float32(RADIATOR_LEAST_RATIO)
        for name, key, sigma in (
            ("chip_spread_ratio", "chip_spread_k", 0.01),
            ("pump_ratio", "coolant_flow_kg_s", 0.001),
            ("radiator_exchange_ratio", "radiator_exchange_ratio", 0.002),
        ):
            self.estimates[name] = self.learnt(own[key] / nominal[key], sigma)
        # learnt from coolant to chips, with the plate's nominal conductance
        plates = [
            1 / thermal.exchanger_effectiveness(of["plate_conductance_w_k"], own["coolant_w_k"])
            for of in (own, self.constants)
        ]
        rise_k_w = own["chip_rise_k_w"] + (plates[0] - plates[1]) / own["coolant_w_k"]
        self.estimates["interface_ratio"] = self.learnt(rise_k_w / nominal["chip_rise_k_w"], 0.01)
        self.now = self.known()

    def learnt(self, value: Any, sigma: float) -> tuple[np.ndarray, np.ndarray]:
        noise = self.rng.normal(0, sigma, SATELLITES)
        return (value + noise).astype(np.float32), np.full(SATELLITES, sigma, np.float32)

    def charge_ratio(self) -> np.ndarray:
        return self.truth.state("energy_wh") / self.own["full_wh"]

    def known(self) -> Now:
        measured = self.truth.advance(self.t_us)
        nothing = np.full(SATELLITES, np.nan, np.float32)
        sigma = np.full(SATELLITES, 0.005, np.float32)
        charge = np.clip(self.charge_ratio() + self.rng.normal(0, sigma), 0, 1)
        return Now(
            np.zeros(SATELLITES, np.float32),
            charge.astype(np.float32),
            sigma,
            measured["payload_w"],
            measured["chip_mean_t_degc"],
            measured["radiator_t_degc"],
            measured["battery_t_degc"],
            nothing,
            measured["battery_soh_ratio"],
            nothing,
            measured["mode"] == 4,
            measured["mode"] == 1,
        )

    def forecast(self, now: Now | None = None, t_us: int | None = None) -> dict[str, np.ndarray]:
        return forecast(
            Planned(self.truth.orbit.elements),  # type: ignore[attr-defined]
            slice(0, SATELLITES),
            self.t_us if t_us is None else t_us,
            self.constants,
            OCV_V,
            self.now if now is None else now,
            self.estimates,
            PROFILE.spread,
        )

    def what_came(self, from_us: int | None = None) -> dict[str, np.ndarray]:
        """Least charge and highest chip temperature over the horizon, without sensor noise."""
        start_us = self.t_us if from_us is None else from_us
        for t_us in range(self.truth._t_us, start_us, 15 * SECOND_US):
            self.truth.advance(t_us, ())
        charge = np.full(SATELLITES, np.inf)
        chip = np.full(SATELLITES, -np.inf)
        seconds = int(horizon_steps(self.constants) * STEP_S)
        for t_us in range(start_us, start_us + seconds * SECOND_US + 1, 15 * SECOND_US):
            measured: dict[str, np.ndarray] = {}
            dt_s = (t_us - self.truth._t_us) / SECOND_US
            self.truth._step(t_us, dt_s, ("fast",), measured)
            charge = np.minimum(charge, self.charge_ratio())
            chip = np.maximum(chip, measured["chip_max_t_degc"])
        return {"charge_min_ratio": charge, "chip_max_t_degc": chip}


STARTS = [(JUNE_US, 1), (JUNE_US + 3_000 * SECOND_US, 2), (JUNE_US + 4_500 * SECOND_US, 3)]


@pytest.fixture(scope="module")
def season() -> list[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """Forecasts and what came of them: 200 satellites in the eclipse season, three starts."""
    made = [Case(t_us, seed) for t_us, seed in STARTS]
    return [(case.forecast(), case.what_came()) for case in made]


@pytest.mark.parametrize(("name", "most"), [("charge_min_ratio", 0.02), ("chip_max_t_degc", 2.0)])
def test_an_orbit_ahead_in_the_eclipse_season(name: str, most: float, season: Any) -> None:
    inside = []
    for found, came in season:
        assert np.abs(found[name] - came[name]).max() < most
        inside.append((found[f"{name}_low"] <= came[name]) & (came[name] <= found[f"{name}_high"]))
    assert 0.85 <= np.mean(inside) <= 0.95


def test_an_orbit_ahead_without_eclipses() -> None:
    case = Case(MARCH_US, 4)
    found, came = case.forecast(), case.what_came()
    assert np.abs(found["charge_min_ratio"] - came["charge_min_ratio"]).max() < 0.02
    off = np.abs(found["chip_max_t_degc"] - came["chip_max_t_degc"])
    assert off.max() < 2.0
    assert np.mean(off <= found["chip_max_t_degc_high"] - found["chip_max_t_degc"]) >= 0.85
    assert np.isnan(found["eclipse_entry_s"]).all()


@pytest.mark.parametrize("after_s", [0, 700, 1400, 2800])
def test_a_thermostat_against_the_model_in_steps_of_a_second(after_s: int) -> None:
    """When work ends decides how warm chips become and what the battery gives in the dark."""
    profile = profiles.load("suncatcher_mvp")
    own: dict[str, Any] = {k: np.float32(v) for k, v in profile.nominals[0].numbers.items()}
    spacecraft.derive(own)
    trajectory, ocv_v = planned(1, "suncatcher_mvp"), profile.ocv_v.astype(np.float32)
    state = spacecraft.initial_state(own, 1)
    horizon_s = int(horizon_steps(own) * STEP_S)
    way = ahead.path(trajectory, slice(0, 1), JUNE_US, after_s + horizon_s, 1.0)

    def fly(start_s: int, seconds: int) -> tuple[float, float]:
        charge, chip = np.inf, -np.inf
        for second in range(start_s, start_s + seconds):
            (moment,) = forward._moments(way, second, 1)
            true = spacecraft.step(own, state, moment.around, ocv_v, 1.0)
            charge = min(charge, (state["energy_wh"] / own["full_wh"]).item())
            chip = max(chip, true["chip_max_t_degc"].item())
        return charge, chip

    fly(0, after_s)
    told = {name: values.copy() for name, values in state.items()}
    now = replace(
        Now(*np.zeros((12, 1), np.float32)),
        charge_ratio=told["energy_wh"] / own["full_wh"],
        chip_mean_t_degc=told["plate_degc"],  # without power
        radiator_t_degc=told["radiator_degc"],
        battery_t_degc=told["battery_degc"],
        panel_degc=told["panel_degc"],
        soh_ratio=np.ones(1, np.float32),
        melt_ratio=told["molten_j"] / own["store_j"],
        safe=np.zeros(1, bool),
        resting=told["resting"] > 0,
    )
    start_us = JUNE_US + after_s * SECOND_US
    found = forecast(trajectory, slice(0, 1), start_us, own, ocv_v, now, {}, {})
    charge, chip = fly(after_s, horizon_s)
    assert found["charge_min_ratio"].item() == pytest.approx(charge, abs=0.003)
    busy_k = chip - own["rest_above_degc"] - own["chip_spread_k"]
    assert busy_k > 10  # the plates are at their limit, and the chips at work are warmer
    crest_k = forward.wave_k(own, forward.TRIP_WAVE, 0)
    assert found["chip_max_t_degc"].item() == pytest.approx(chip + crest_k, abs=0.15)


@pytest.mark.parametrize("age_s", [1_800, 7_200])
def test_a_satellite_that_is_silent_is_coasted_and_less_certain(age_s: int) -> None:
    case = Case(JUNE_US, 5)
    old = replace(case.now, age_s=np.full(SATELLITES, age_s, np.float32))
    later_us = JUNE_US + age_s * SECOND_US
    found = case.forecast(old, later_us)
    fresh = case.forecast()
    came = case.what_came(later_us)
    for name, most in (("charge_min_ratio", 0.06), ("chip_max_t_degc", 2.0)):
        low, high = found[f"{name}_low"], found[f"{name}_high"]
        assert (high - low > 1.5 * (fresh[f"{name}_high"] - fresh[f"{name}_low"])).all()
        assert np.abs(found[name] - came[name]).max() < most
        assert np.mean((low <= came[name]) & (came[name] <= high)) >= 0.9
    assert (found["eclipse_sigma_s"] > fresh["eclipse_sigma_s"]).all()


def test_ages_are_each_satellites_own() -> None:
    """One that is silent does not change what is told of its neighbours."""
    case = Case(JUNE_US, 6)
    age_s = np.zeros(SATELLITES, np.float32)
    age_s[7] = 900
    alone, fresh = case.forecast(replace(case.now, age_s=age_s)), case.forecast()
    others = np.arange(SATELLITES) != 7
    for name, values in fresh.items():
        assert np.array_equal(alone[name][others], values[others], equal_nan=True), name


def test_a_radiator_that_lost_half_its_area_makes_chips_slow_down() -> None:
    case = Case(JUNE_US, 7)
    assert np.isnan(case.forecast()["throttle_s"]).all()
    value, sigma = case.estimates["radiator_ratio"]
    case.estimates["radiator_ratio"] = value * np.float32(0.5), sigma
    found = case.forecast()
    assert np.isfinite(found["throttle_s"]).all()
    assert (found["throttle_s"] > 0).all()


def test_link_margins_against_the_terminals_model() -> None:
    case = Case(JUNE_US, 8)
    case.estimates["weakest_link_db"] = case.learnt(0.0, 0.01)
    found = case.forecast()
    own = dict(case.constants)
    spacecraft.derive(own)
    least = np.full(SATELLITES, np.inf)
    for second in range(0, 5_900, 20):
        u_rad = case.truth.orbit.argument_of_latitude_rad(JUNE_US + second * SECOND_US)
        values = spacecraft.link_values(own, u_rad.astype(np.float32), WAVE_PEAK)
        least = np.minimum(least, values["rx_min_dbm"] - own["sensitivity_dbm"])
    assert found["link_margin_min_db"] == pytest.approx(least, abs=0.05)
    assert np.isnan(found["link_outage_s"]).all()


def test_safe_mode_that_the_battery_does_not_explain_stays() -> None:
    case = Case(JUNE_US, 9)
    safe = replace(case.now, safe=np.ones(SATELLITES, dtype=bool))
    ratios = {name: value for name, (value, _) in case.estimates.items()}
    ratios |= {"battery_resistance_ratio": np.ones(SATELLITES, np.float32)}
    own = corrected(case.constants, ratios, safe)
    assert (own["forced_safe"] == 1).all()
    lost = safe.charge_ratio - case.forecast(safe)["charge_min_ratio"]
    assert lost.max() < 0.06  # an eclipse at work takes 0.28


# --- on the clock of the log -------------------------------------------------------------------


def fleet_at(t_us: int, satellites: int = 12, name: str = "suncatcher_81") -> Fleet:
    own = profiles.load(name)
    layout, flown = scaled(own, satellites)
    vehicle = catalogue.load("odc")
    flight = synthetic.Flight(
        "synthetic", own.name, own, layout, Planned(flown.elements), lambda *_: None
    )
    schedule = Schedule.of(vehicle, Clock("live", t_us, t_us, 1.0), SECOND_US)
    return synthetic.fleet_of(flight, schedule, vehicle, 16_384)


def fly(bench: Bench, seconds: int, name: str = "suncatcher_81") -> list[tuple[int, Any]]:
    """Packets and ticks of some seconds from JUNE_US; the ticks' outcomes."""
    own = profiles.load(name)
    layout, flown = scaled(own, bench.fleet.size)
    truth = Truth(own, seed=1, t0_us=JUNE_US, orbit=flown, layout=layout)
    schedule = Schedule.of(bench.fleet.vehicle, bench.fleet.clock, SECOND_US)
    made = []
    for second in range(seconds):
        t_us = JUNE_US + second * SECOND_US
        tick = t_us // SECOND_US
        due = schedule.due(tick)
        measured = truth.advance(t_us, [d.packet for d in due])
        for frame in synthetic.frames(bench.fleet, schedule, tick, due, measured):
            bench.take(frame, t_us=t_us + 50_000)
        made.append((second, tick_at(bench, t_us + 500_000)))
    return made


def tick_at(bench: Bench, t_us: int) -> Any:
    return bench.put(bench.record(b"", t_us, {"packet": b"tick"}, key=b""))


def forecasts(outcome: Any) -> list[contract.Frame]:
    return [f for f in states(outcome) if f.packet == records.FORECAST]


def test_a_chunk_has_a_forecast_a_minute() -> None:
    bench = Bench(fleet_at(JUNE_US))
    found = [(s, f) for s, outcome in fly(bench, 130) for f in forecasts(outcome)]
    seconds = [s for s, _ in found]
    assert seconds[0] == 0
    assert len(seconds) == 3 or len(seconds) == 4
    assert np.diff(seconds[1:]).tolist() == [60] * (len(seconds) - 2)
    for second, frame in found:
        assert frame.rows == 12
        assert frame.t_event_us == JUNE_US + second * SECOND_US + 450_000
        assert frame.codes["age_s"] == pytest.approx(0.45, abs=0.001)
        assert (frame.codes["coasting"] == 0).all()
        assert np.isfinite(frame.codes["charge_min_ratio"]).all()
    entries = [f.codes["eclipse_entry_s"][0] + f.t_event_us * 1e-6 for _, f in found]
    assert np.ptp(entries) < 1.0


def test_forecasts_come_after_what_staleness_said_in_the_log() -> None:
    """History passes over a record whose source is not newer than the newest before."""
    bench = Bench(fleet_at(JUNE_US))
    fly(bench, 3)
    outcome = tick_at(bench, JUNE_US + 90 * SECOND_US)
    told = [f for f in states(outcome) if f.packet in ("tick", records.FORECAST)]
    assert [f.packet for f in told] == ["tick", records.FORECAST]
    sources = [tuple(f.extra["source"]) for f in told]
    assert sources == sorted(set(sources))
    stale = told[1]
    assert (stale.codes["coasting"] == 1).all()
    assert stale.codes["age_s"] == pytest.approx(88.0, abs=0.1)
    assert stale.t_event_us == JUNE_US + 90 * SECOND_US - 50_000


def test_a_snapshot_remembers_which_forecast_was_the_last() -> None:
    bench = Bench(fleet_at(JUNE_US))
    fly(bench, 3)
    state = bench.chunk
    again = snapshot.decode(snapshot.encode(state), state.chunk)
    assert again is not None
    assert again.forecast_slot == state.forecast_slot != -1


def test_the_same_log_gives_the_same_bytes() -> None:
    def told() -> list[bytes]:
        outcomes = fly(Bench(fleet_at(JUNE_US)), 62)
        return [o.value for _, out in outcomes for o in out.outputs if o.topic == STATE.name]

    assert told() == told()


@pytest.mark.parametrize("rules", [Rules(forecast_max_satellites=11)])
def test_larger_fleets_have_none(rules: Rules) -> None:
    bench = Bench(fleet_at(JUNE_US), rules)
    assert not any(forecasts(outcome) for _, outcome in fly(bench, 62))


def test_fleets_without_orbits_or_numbers_have_none() -> None:
    fleet = fleet_at(JUNE_US)
    for poor in (
        replace(fleet, trajectory=None),
        replace(fleet, constants={}, shell_constants={}),
    ):
        assert not any(forecasts(outcome) for _, outcome in fly(Bench(poor), 3))


def test_shells_are_forecast_by_their_own_numbers() -> None:
    bench = Bench(fleet_at(JUNE_US, 60, "three_tier"))
    (frame,) = forecasts(fly(bench, 1, "three_tier")[0][1])
    assert sorted(frame.sat_id.tolist()) == bench.fleet.sat_id.tolist()  # type: ignore[union-attr]
    assert len(np.unique(frame.codes["horizon_s"])) > 1
    chunk = bench.chunk.chunk
    alike = forecaster._alike(chunk, np.ones(chunk.rows, bool))
    assert 1 < len(alike) < len(set(chunk.shell)), "as few runs as there are kinds of orbits"
    assert sorted(np.concatenate(alike).tolist()) == list(range(chunk.rows))
