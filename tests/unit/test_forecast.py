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

from orbitwin import profile as profiles
from orbitwin import spacecraft
from orbitwin.layout import scaled
from orbitwin.physics import eclipse, orbit, radiation, sun, thermal
from orbitwin.physics.constants import EARTH_RADIUS_M
from orbitwin.trajectory import Planned
from processors.forecast import ahead, forward
from processors.forecast.forecast import RADIATOR_LEAST_RATIO, forecast
from processors.forecast.forward import STEP_S, Now, corrected, horizon
from processors.forecast.wave import crest, near_s
from producers.drawn import WAVE_PERIODS_S
from producers.truth import Truth

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


def test_a_day_long_orbit_has_as_many_steps_and_its_edges_against_a_grid() -> None:
    """Geostationary at the equinox: dark for up to 72 min (Larson & Wertz, sec. 5.1)."""
    a_m = 42_164_137.0
    longitude = np.linspace(0, 2 * np.pi, 5)[:4]
    elements = orbit.mean_elements(MARCH_US, np.full(4, a_m), 0.0, longitude, 0.0)
    trajectory = Planned(elements)
    steps, step_s = forward.horizon({"altitude_m": a_m - EARTH_RADIUS_M})
    assert steps <= forward.MOST_STEPS + 1 and steps * step_s > 86_164
    entry_s, exit_s = ahead.eclipse_s(ahead.path(trajectory, slice(0, 4), MARCH_US, steps, step_s))
    dark = []
    for second in range(0, int(steps * step_s), 10):
        t_us = MARCH_US + second * SECOND_US
        sun_m = sun.sun_position_m(t_us)
        unit = sun_m / np.linalg.norm(sun_m)
        dark.append(eclipse.in_cylinder(trajectory.positions_m(t_us), unit))
    grid = np.array(dark)
    for found, changes in ((entry_s, ~grid[:-1] & grid[1:]), (exit_s, grid[:-1] & ~grid[1:])):
        assert changes.any(axis=0).all()
        assert np.abs(found - (changes.argmax(axis=0) * 10 + 5)).max() < 10
    assert 3_900 < np.abs(exit_s - entry_s).min() < 4_320


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
        seconds = int(np.prod(horizon(self.constants)))
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
    horizon_s = int(np.prod(horizon(own)))
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
    crest_k = forward.wave_k(own, 0.35, 0)  # of 20 s
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


@pytest.mark.parametrize("jitter_ratio", [1.0, 1.4])
def test_link_margins_against_the_terminals_model(jitter_ratio: float) -> None:
    case = Case(JUNE_US, 8)
    own, nominal = dict(case.constants), dict(case.constants)
    own["jitter_urad"] = jitter_ratio * own["jitter_urad"]
    spacecraft.derive(own)
    spacecraft.derive(nominal)
    calm_rad = case.truth.orbit.argument_of_latitude_rad(JUNE_US).astype(np.float32)
    calm = [spacecraft.link_values(of, calm_rad, 0.0)["rx_min_dbm"] for of in (own, nominal)]
    case.estimates["weakest_link_db"] = case.learnt(calm[0] - calm[1], 0.01)
    case.estimates["jitter_ratio"] = case.learnt(jitter_ratio, 0.01)
    found = case.forecast()
    least = np.full(SATELLITES, np.inf)
    for second in range(0, 5_900, 10):
        t_us = JUNE_US + second * SECOND_US
        wave = np.concatenate([block.wave("attitude", t_us) for block in case.truth.blocks])
        u_rad = case.truth.orbit.argument_of_latitude_rad(t_us)
        values = spacecraft.link_values(own, u_rad.astype(np.float32), wave)
        least = np.minimum(least, values["rx_min_dbm"] - own["sensitivity_dbm"])
    error_db = found["link_margin_min_db"] - least
    assert abs(error_db.mean()) < 0.01 and error_db.std() < 0.03
    assert np.isnan(found["link_outage_s"]).all()


def test_crests_against_waves_on_courses_that_swing() -> None:
    """2,000 waves as producers draw them, on cosines of an orbit and of 0 to 10 amplitudes."""
    rng = np.random.default_rng(4)
    second = np.arange(0, 5_801, 10.0)
    low, high = np.array(WAVE_PERIODS_S).T[:, :, None]
    period_s = rng.uniform(low, high, (3, 2_000))
    phase = rng.uniform(0, 2 * np.pi, (3, 2_000))
    waves = sum(
        np.sin(2 * np.pi * second[:, None] / p + f) for p, f in zip(period_s, phase, strict=True)
    ) * np.sqrt(1 / 3)
    for swing in (0.0, 0.5, 2.0, 10.0):
        course = swing * (np.cos(2 * np.pi * second / second[-1]) - 1)
        mean, sigma = crest(near_s(course[:, None], 10.0, 1.0))
        most = (course[:, None] + waves).max(axis=0)
        assert mean.item() == pytest.approx(most.mean(), abs=0.08)
        assert sigma.item() == pytest.approx(most.std(), abs=0.05)


def test_safe_mode_that_the_battery_does_not_explain_stays() -> None:
    case = Case(JUNE_US, 9)
    safe = replace(case.now, safe=np.ones(SATELLITES, dtype=bool))
    ratios = {name: value for name, (value, _) in case.estimates.items()}
    ratios |= {"battery_resistance_ratio": np.ones(SATELLITES, np.float32)}
    own = corrected(case.constants, ratios, safe)
    assert (own["forced_safe"] == 1).all()
    lost = safe.charge_ratio - case.forecast(safe)["charge_min_ratio"]
    assert lost.max() < 0.06  # an eclipse at work takes 0.28
