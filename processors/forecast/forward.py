"""Runs of the forward model (orbitwin.spacecraft) from what is known of satellites now.

Pure functions over rows: nominal numbers corrected by what was learnt, the state by the newest
telemetry, and what the next orbit comes to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from orbitwin import spacecraft
from orbitwin.physics import power, thermal
from orbitwin.physics.constants import (
    EARTH_MU_M3_S2,
    EARTH_RADIUS_M,
    STEFAN_BOLTZMANN_W_M2_K4,
    ZERO_CELSIUS_K,
)
from orbitwin.spacecraft import Surroundings, heat, jobs
from orbitwin.trajectory import Trajectory
from processors.forecast import ahead
from processors.forecast.ahead import Path
from processors.forecast.wave import longer_s
from processors.selection import Rows, some_of

STEP_S, MOST_STEPS = 60.0, 160
"""The model's step; light is that of the whole step, so that shadow edges cost no accuracy."""

END_PARTS, SWING_PARTS = 6, 3
"""Parts of a step where a thermostat or nightfall ends the work, plates warming by 5 K a minute,
and where work follows demand: plates of a time constant of 23 to 42 s lag behind in whole steps, by
0.2 to 0.4 K of the hottest chip (against steps of 5 s)."""

PLATE_SHARE = 0.42
"""How much of a load's wave the plates follow, whose time constant is about 42 s."""

LEAST_HEALTH = 0.01  # of a battery that is believed to be there

Numbers = float | np.ndarray


@dataclass(frozen=True)
class Now:
    """The newest state of satellites, arrays (N,) float32; NaN where it is not known.

    `age_s` is the time that has passed since; `soh_ratio` the battery's capacity against a new
    one, `melt_ratio` of the heat store.
    """

    age_s: np.ndarray
    charge_ratio: np.ndarray
    charge_sigma: np.ndarray
    payload_w: np.ndarray
    chip_mean_t_degc: np.ndarray
    radiator_t_degc: np.ndarray
    battery_t_degc: np.ndarray
    panel_degc: np.ndarray
    soh_ratio: np.ndarray
    melt_ratio: np.ndarray
    safe: np.ndarray
    resting: np.ndarray


@dataclass
class Extremes:
    """What a run came to, (N,).

    `at_trip`: chips are hottest when a thermostat ends their work. `sun_k`: how much more the Sun
    and what the Earth throws back warm the radiator at the hottest moment than at the least.
    `near_s`: for how long chips are as hot, as a crest of the load's wave counts it.
    """

    charge: np.ndarray
    charge_s: np.ndarray
    chip_degc: np.ndarray
    chip_least_degc: np.ndarray
    throttle_s: np.ndarray
    at_trip: np.ndarray
    sun_k: np.ndarray
    near_s: np.ndarray


def horizon(constants: Mapping[str, Numbers]) -> tuple[int, float]:
    """Steps of the longest orbit and one more, so that what comes once an orbit is in it; and the
    length of a step, s: STEP_S, whole ones of them where an orbit has more than MOST_STEPS."""
    a_m = EARTH_RADIUS_M + float(np.max(constants["altitude_m"]))
    orbit_s = 2 * np.pi * np.sqrt(a_m**3 / EARTH_MU_M3_S2)
    step_s = STEP_S * float(np.ceil(orbit_s / (STEP_S * MOST_STEPS)))
    return int(np.ceil(orbit_s / step_s)) + 1, step_s


def thermostat_ends_work(own: Mapping[str, Any]) -> np.ndarray:
    """Where plates may become too warm to work, () or (N,)."""
    return np.asarray(np.asarray(own["rest_above_degc"]) < heat.NEVER_DEGC)


def health_ratio(constants: Mapping[str, Numbers], now: Now) -> np.ndarray:
    nominal = constants.get("health_ratio", 1.0)
    # a battery of no capacity could not feed the sensor that says so
    return np.where(now.soh_ratio > LEAST_HEALTH, now.soh_ratio, nominal).astype(np.float32)


def run(
    trajectory: Trajectory,
    rows: Rows,
    way: Path,
    own: dict[str, Any],
    ocv_v: np.ndarray,
    now: Now,
) -> Extremes:
    """What satellites `rows` come to over the path with numbers `own` (see `corrected`)."""
    state = _state(own, now)
    _coast(trajectory, rows, way, own, ocv_v, now, state)
    return _extremes(own, state, way, ocv_v)


def corrected(
    constants: Mapping[str, Numbers], ratios: Mapping[str, np.ndarray], now: Now
) -> dict[str, Any]:
    """The forward model's `own` from nominal numbers and what was learnt, by the names of PRIOR."""
    own: dict[str, Any] = dict(constants)
    own["array_ratio"] = ratios["array_ratio"]
    for name, keys in (
        ("bus_load_ratio", ("bus_w",)),
        ("payload_ratio", ("chip_w", "host_w_per_chip")),
        ("battery_resistance_ratio", ("cell_resistance_ohm",)),
        ("interface_ratio", ("chip_resistance_k_w",)),
        ("chip_spread_ratio", ("chip_spread_k",)),
        ("pump_ratio", ("coolant_flow_kg_s",)),
    ):
        own |= {key: np.float32(own[key]) * ratios[name] for key in keys}
    own["radiator_ratio"] = np.maximum(ratios["radiator_ratio"], np.float32(0.05))
    own["health_ratio"] = health_ratio(constants, now)
    resumes = np.asarray(own["resume_above_ratio"], dtype=np.float32)
    # it is not the battery that keeps it in safe mode
    own["forced_safe"] = (now.safe & (now.charge_ratio >= resumes)).astype(np.float32)
    spacecraft.derive(own)
    exchanged = own["radiator_exchange_ratio"] * ratios["radiator_exchange_ratio"]
    own["radiator_exchange_ratio"] = np.minimum(exchanged, np.float32(1)).astype(np.float32)
    return own


def _state(own: dict[str, Any], now: Now) -> dict[str, np.ndarray]:
    """The model's memory by the newest telemetry; what is not known as it is at work."""
    state = spacecraft.initial_state(own, len(now.age_s))
    for name, given in (
        ("energy_wh", now.charge_ratio * own["full_wh"]),
        ("plate_degc", now.chip_mean_t_degc - own["chip_rise_k_w"] * now.payload_w),
        ("radiator_degc", now.radiator_t_degc),
        ("battery_degc", now.battery_t_degc),
        ("panel_degc", now.panel_degc),
        ("molten_j", now.melt_ratio * own["store_j"]),
        ("safe", now.safe),
        # only a thermostat's rest lasts until it is cool; others rest by daylight
        ("resting", now.resting & thermostat_ends_work(own)),
    ):
        state[name] = np.where(np.isfinite(given), given, state[name]).astype(np.float32)
    return state


@dataclass
class _Moment:
    """A part of a step: what surrounds satellites, and in which of them the Sun rises (N,)."""

    around: Surroundings
    rises: np.ndarray
    start_s: float
    dt_s: float


def _moments(way: Path, step: int, parts: int) -> Iterator[_Moment]:
    """The parts of a step, each with the light of all of it, at the place of the step's middle."""
    place = np.nan_to_num(0.5 * (way.place_m[step] + way.place_m[step + 1]), nan=7e6)
    sun_m = way.sun_m[step]
    unit = (sun_m / np.linalg.norm(sun_m)).astype(np.float32)
    up = unit @ place / np.sqrt(np.sum(place * place, axis=0))
    flux = float(power.sun_flux_w_m2(float(np.linalg.norm(sun_m))))
    lit = way.lit_ratio[step]
    rises = (way.edge_m[step] < 0) & (way.edge_m[step + 1] >= 0)
    dt_s = way.step_s / parts
    for part in range(parts):
        # of a step that is lit in part, the dark comes first where the Sun rises
        lit_here = np.where(
            rises,
            np.clip(part + 1 - (1 - lit) * parts, 0, 1),
            np.clip(lit * parts - part, 0, 1),
        ).astype(np.float32)
        yield _Moment(
            Surroundings(place, sun_m, flux, lit_here, np.maximum(up, 0), 0.0, 0.0),
            rises & (lit_here > 0) & (lit_here < 1),
            step * way.step_s + part * dt_s,
            dt_s,
        )


def _coast(
    trajectory: Trajectory,
    rows: Rows,
    way: Path,
    own: dict[str, Any],
    ocv_v: np.ndarray,
    now: Now,
    state: dict[str, np.ndarray],
) -> None:
    """Move states that are older than a step on to now, in place; of the last orbit at most."""
    stale = np.flatnonzero(now.age_s > way.step_s)
    if not len(stale):
        return
    steps = np.minimum(np.rint(now.age_s[stale] / way.step_s), len(way.t_us) - 1).astype(int)
    longest = int(steps.max())
    start_us = int(way.t_us[0]) - int(longest * way.step_s * 1e6)
    past = ahead.path(trajectory, some_of(rows, stale), start_us, longest, way.step_s)
    size = len(now.age_s)
    part = {
        name: value[stale] if isinstance(value, np.ndarray) and value.shape == (size,) else value
        for name, value in own.items()
    }
    moving = {name: values[stale] for name, values in state.items()}
    begun = {name: values.copy() for name, values in moving.items()}
    parts = _parts(own)
    for step in range(longest):
        for moment in _moments(past, step, parts):
            spacecraft.step(part, moving, moment.around, ocv_v, moment.dt_s)
        waits = steps < longest - step  # begins later than with this step
        for name, values in moving.items():
            values[waits] = begun[name][waits]
    for name, values in state.items():
        values[stale] = moving[name]


def _parts(own: Mapping[str, Any]) -> int:
    if thermostat_ends_work(own).any() or np.any(own["by_daylight"]):
        return END_PARTS
    return SWING_PARTS if np.any(own["by_demand"]) else 1


def _extremes(
    own: dict[str, Any], state: dict[str, np.ndarray], way: Path, ocv_v: np.ndarray
) -> Extremes:
    rows = len(state["energy_wh"])
    charge = state["energy_wh"] / own["full_wh"]
    charge_s = np.zeros(rows, dtype=np.float32)
    chip = np.full(rows, -np.inf, dtype=np.float32)
    coldest = np.full(rows, np.inf, dtype=np.float32)
    throttle_s = np.full(rows, np.nan, dtype=np.float32)
    at_trip = np.zeros(rows, dtype=bool)
    sun_k_hot, sun_k_least = np.zeros(rows, np.float32), np.full(rows, np.inf, np.float32)
    near_s, wave_amplitude_k = np.zeros(rows, np.float32), wave_k(own, 1.0, PLATE_SHARE)
    parts = _parts(own)
    for moment in (m for step in range(len(way.t_us) - 1) for m in _moments(way, step, parts)):
        slow = jobs.clock_ratio(own, state)
        if not isinstance(slow, float):
            throttle_s[np.isnan(throttle_s) & (slow < 1)] = moment.start_s
        begun_wh, begun_degc = state["energy_wh"].copy(), state["plate_degc"].copy()
        worked = state["resting"] == 0
        true = spacecraft.step(own, state, moment.around, ocv_v, moment.dt_s)
        # a step tells its beginning, and the next may be one of rest
        hot = true["chip_max_t_degc"] + np.maximum(state["plate_degc"] - begun_degc, 0)
        trips = worked & (state["resting"] > 0)
        if trips.any():  # the plates passed the limit within the part, the chips at work
            rise_k = own["chip_rise_k_w"] * true["payload_w"] + own["chip_spread_k"]
            hot = np.where(trips, own["rest_above_degc"] + rise_k, hot)
        by_sun_k = _by_sun_k(own, state, moment.around)
        np.minimum(sun_k_least, by_sun_k, out=sun_k_least)
        sun_k_hot = np.where(hot > chip, by_sun_k, sun_k_hot)
        at_trip = np.where(hot > chip, trips, at_trip)
        near_s = longer_s(near_s, chip, hot, moment.dt_s, wave_amplitude_k)
        np.maximum(chip, hot, out=chip)
        np.minimum(coldest, hot, out=coldest)
        # where the Sun rises within the part, the battery is at its lowest then
        dark_s = np.where(moment.rises, (1 - moment.around.lit_ratio) * np.float32(moment.dt_s), 0)
        given_wh = true["load_w"] * dark_s / (3600 * own["discharge_efficiency_ratio"])
        at_dawn_wh = np.maximum(begun_wh - given_wh, 0)
        lowest = np.where(moment.rises, at_dawn_wh, state["energy_wh"]) / own["full_wh"]
        lower = lowest < charge - np.float32(1e-5)
        charge = np.where(lower, lowest, charge)
        ends_s = moment.start_s + np.where(moment.rises, dark_s, moment.dt_s)
        charge_s[lower] = ends_s[lower]
    return Extremes(
        charge, charge_s, chip, coldest, throttle_s, at_trip, sun_k_hot - sun_k_least, near_s
    )


def _by_sun_k(own: dict[str, Any], state: dict[str, np.ndarray], around: Surroundings) -> Any:
    """What the Sun and what the Earth throws back warm the radiator by, K, to first order."""
    sun_w_m2 = thermal.absorbed_w_m2(
        around.sunlight_w_m2,
        own["radiator_sun_cos"],
        0.0,
        around.albedo_w_m2,
        own["earth_view"],
        own["radiator_absorptivity"],
        own["radiator_emissivity"],
    )
    kelvin = state["radiator_degc"] + np.float32(ZERO_CELSIUS_K)
    shed_w_m2_k = 8 * STEFAN_BOLTZMANN_W_M2_K4 * own["radiator_emissivity"] * kelvin**3  # two faces
    return sun_w_m2 / shed_w_m2_k


def wave_k(own: dict[str, Any], wave: Any, plate_share: Any) -> Any:
    """What a wave of the load adds to the hottest chip, K.

    The rise over the plate follows at once, the plate itself by `plate_share` of its own.
    """
    busy = own["busy_ratio"] * (1 + own["load_wobble_ratio"] * wave)
    more_w = own["payload_dynamic_w"] * (np.minimum(busy, 1) - own["busy_ratio"])
    plate_k_w = 1 / (own["coolant_w_k"] * own["plate_exchange_ratio"])
    return more_w * (own["chip_rise_k_w"] + plate_share * plate_k_w)
