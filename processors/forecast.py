"""What the next orbit brings each satellite, with 90 % intervals: pure functions over rows.

From the newest state the forward model (orbitwin.spacecraft) is run over one orbit, with nominal
parameters as corrected by what the satellite's model has learnt. It is run again with parameters
moved by one standard deviation: the differences, added in squares, are the uncertainty (first
order; Gelb, Applied Optimal Estimation, sec. 6.1). Every row begins at its own age: a satellite
that is not heard of is coasted to now first, and its intervals widen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from orbitwin import spacecraft
from orbitwin.physics import power
from orbitwin.physics.constants import EARTH_MU_M3_S2, EARTH_RADIUS_M
from orbitwin.spacecraft import Surroundings, heat, jobs
from orbitwin.trajectory import Trajectory
from processors import ahead, environment
from processors.ahead import Path
from processors.selection import Rows, some_of

LEAST_HEALTH = 0.01  # of a battery that is believed to be there
STEP_S = 60.0
"""The model's step; light is that of the whole step, so that shadow edges cost no accuracy."""

Z90 = 1.645
"""Half of an interval of 90 %, in standard deviations."""

WAVE_PEAK = 1.58
"""Crest of the slow waves of load and attitude in an orbit: sums of three sines of amplitude
3^-0.5, at most 1.73."""

EDGE_SIGMA_S = 1.5
"""Of a shadow edge: an Earth that is flattened by 21 km and has air, against a sphere."""
DRIFT_S_PER_DAY = 1.0
"""Of a satellite along its planned orbit while no navigation fix comes: drag [assumption]."""

CHIP_SIGMA_K, CHARGE_SIGMA, LINK_SIGMA_DB = 0.04, 0.001, 0.08
"""What the model leaves open over an orbit: waves, and the noise of the sensors it began from."""
CHIP_SWING_RATIO, CHIP_SWING_MOST_K = 0.07, 2.0
"""And of the chips' temperature a share of what it reckons them to swing over the orbit: what the
radiator takes in from Sun and Earth is not learnt apart from what it sheds. In lasting sunlight
that is little, through an eclipse more (measured); larger swings than 2 K are those of the load."""
UNSEEN_K, UNSEEN_CHARGE = 1.5, 0.02
"""What may have changed in an hour unseen [assumption]; it grows with the root of the time, up to
a day of it: then nothing is left of what was known."""
UNSEEN_MOST_S = 86_400.0

RADIATOR_UNLEARNT, RADIATOR_LEAST_RATIO = 0.025, 0.3
"""The model takes its windows as independent; of the radiator each shares a reading with the next,
so that errors cancel as 1 over their number, not as its root. Sigma of `radiator_ratio` before any
window, and the least share of the model's sigma that is left of it (measured)."""

FLUX_SIGMA = 0.1
"""Of a pass by the grid of fluxes, relative (docs/decisions/0080)."""

PRIOR: dict[str, tuple[float, float]] = {
    "array_ratio": (1.0, 0.02),
    "battery_resistance_ratio": (1.0, 0.08),
    "bus_load_ratio": (1.0, 0.04),
    "payload_ratio": (1.0, 0.015),
    "interface_ratio": (1.0, 0.08),
    "chip_spread_ratio": (1.0, 0.2),
    "pump_ratio": (1.0, 0.015),
    "radiator_exchange_ratio": (1.0, 0.01),
    "radiator_ratio": (1.0, 0.03),
    "weakest_link_db": (0.0, 1.0),
    "dose_rate_ratio": (1.0, 0.1),
}
"""What is used of a satellite's model, with value and sigma of a satellite that is not known."""

Numbers = float | np.ndarray
Estimates = Mapping[str, tuple[np.ndarray, np.ndarray]]
Columns = dict[str, np.ndarray]


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


def forecast(
    trajectory: Trajectory,
    rows: Rows,
    t_us: int,
    constants: Mapping[str, Numbers],
    ocv_v: np.ndarray,
    now: Now,
    estimates: Estimates,
    spread: Mapping[str, float],
) -> Columns:
    """`records.FORECAST_COLUMNS` but for `coasting`, float32 (N,), from UTC `t_us` on.

    `constants` are the nominal numbers of the N satellites `rows`, `estimates` what was learnt
    of them (value and sigma), `spread` how far their other numbers may be off.
    """
    steps = horizon_steps(constants)
    way = ahead.path(trajectory, rows, t_us, steps, STEP_S)
    known = {
        name: (
            np.where(np.isfinite(value), value, prior).astype(np.float32),
            np.where(np.isfinite(value) & np.isfinite(sigma), sigma, wide).astype(np.float32),
        )
        for name, (prior, wide) in PRIOR.items()
        for value, sigma in (estimates.get(name, (np.full_like(now.age_s, np.nan),) * 2),)
    }
    found: Columns = {"horizon_s": np.full(len(now.age_s), steps * STEP_S), "age_s": now.age_s}
    found["eclipse_entry_s"], found["eclipse_exit_s"] = ahead.eclipse_s(way)
    drift_s = now.age_s * (DRIFT_S_PER_DAY / 86_400)
    found["eclipse_sigma_s"] = np.hypot(EDGE_SIGMA_S, drift_s)
    found |= _passes(constants, way, known)
    found |= _links(trajectory, rows, way, constants, known)
    found |= _energy_and_heat(trajectory, rows, way, constants, ocv_v, now, known, spread)
    gone = ~np.isfinite(way.place_m).all(axis=(0, 1))
    for name, values in found.items():
        values = np.array(values, dtype=np.float32)
        if name not in ("horizon_s", "age_s"):
            values[gone] = np.nan
        found[name] = values
    return found


def horizon_steps(constants: Mapping[str, Numbers]) -> int:
    """Steps of the longest orbit, and one more: so that what comes once an orbit is in it."""
    a_m = EARTH_RADIUS_M + float(np.max(constants["altitude_m"]))
    return int(np.ceil(2 * np.pi * np.sqrt(a_m**3 / EARTH_MU_M3_S2) / STEP_S)) + 1


def _interval(name: str, value: np.ndarray, sigma: Any) -> Columns:
    return {name: value, f"{name}_low": value - Z90 * sigma, f"{name}_high": value + Z90 * sigma}


# --- by the orbit alone ------------------------------------------------------------------------


def _passes(constants: Mapping[str, Numbers], way: Path, known: Estimates) -> Columns:
    """South Atlantic Anomaly and dose."""
    entry_s, exit_s, fluence = ahead.anomaly_s(way)
    found: Columns = {"saa_entry_s": entry_s, "saa_exit_s": exit_s}
    per_rad = constants.get("protons_cm2_per_rad", np.nan)
    ratio, sigma = known["dose_rate_ratio"]
    trapped = fluence * constants.get("shielding_ratio", 1.0) / per_rad
    hours = (len(way.t_us) - 1) * STEP_S / 3600
    galactic = constants.get("galactic_rad_per_year", 0.0) * (hours / 8766)
    dose = trapped * ratio + galactic
    found |= _interval("dose_rad", dose, trapped * np.hypot(sigma, FLUX_SIGMA * ratio))
    found["dose_rad_low"] = np.maximum(found["dose_rad_low"], galactic)
    return found


def _links(
    trajectory: Trajectory,
    rows: Rows,
    way: Path,
    constants: Mapping[str, Numbers],
    known: Estimates,
) -> Columns:
    """Least margin, and the first outage, at the crest of the attitude's waves."""
    own = environment.nominal_links(constants)
    shape = way.place_m.shape[2]
    if own is None:
        nothing = np.full(shape, np.nan)
        return {**_interval("link_margin_min_db", nothing, 0.0), "link_outage_s": nothing}
    offset, sigma = known["weakest_link_db"]
    margin = ahead.link_margin_db(own, trajectory, rows, way, WAVE_PEAK) + offset
    lost = margin < 0
    outage_s = ahead.first_s(margin, ~lost[:-1] & lost[1:], way.step_s)
    return {
        **_interval("link_margin_min_db", margin.min(axis=0), np.hypot(sigma, LINK_SIGMA_DB)),
        "link_outage_s": np.where(lost[0], 0.0, outage_s),
    }


# --- energy and heat ---------------------------------------------------------------------------


@dataclass
class _Extremes:
    """What a run came to, (N,)."""

    charge: np.ndarray
    charge_s: np.ndarray
    chip_degc: np.ndarray
    chip_least_degc: np.ndarray
    throttle_s: np.ndarray


def _energy_and_heat(
    trajectory: Trajectory,
    rows: Rows,
    way: Path,
    constants: Mapping[str, Numbers],
    ocv_v: np.ndarray,
    now: Now,
    known: Estimates,
    spread: Mapping[str, float],
) -> Columns:
    value = {name: v for name, (v, _) in known.items()}
    moved = {name: s for name, (_, s) in known.items()}
    radiator = moved["radiator_ratio"]
    moved["radiator_ratio"] = radiator * np.clip(
        radiator / np.float32(RADIATOR_UNLEARNT), np.float32(RADIATOR_LEAST_RATIO), np.float32(1)
    )
    capacity = np.float32(np.hypot(spread.get("capacity_wh", 0.0), 0.002))

    def run(own: dict[str, Any], start: Now) -> _Extremes:
        state = _state(own, start)
        _coast(trajectory, rows, way, own, ocv_v, start, state)
        return _run(own, state, way, ocv_v)

    nominal = corrected(constants, value, now)
    best = run(nominal, now)
    runs = [
        run(corrected(constants, _shifted(value, moved, more, less), start), start)
        for more, less, start in (
            (("payload_ratio", "bus_load_ratio"), (), now),
            (
                ("battery_resistance_ratio",),
                ("array_ratio", "radiator_ratio", "pump_ratio"),
                replace(now, charge_ratio=np.maximum(now.charge_ratio - now.charge_sigma, 0)),
            ),
            (
                (),
                ("radiator_exchange_ratio",),
                replace(now, soh_ratio=_soh(constants, now) * (1 - capacity)),
            ),
        )
    ]
    root_h = np.sqrt(np.minimum(now.age_s, UNSEEN_MOST_S) / 3600)
    charge_sigma = _root_of_squares(
        [r.charge - best.charge for r in runs], CHARGE_SIGMA, UNSEEN_CHARGE * root_h
    )
    chip = best.chip_degc + _crest_k(nominal)
    rise_k = nominal["chip_rise_k_w"] * nominal["payload_full_w"]
    chip_sigma = _root_of_squares(
        [r.chip_degc - best.chip_degc for r in runs],
        rise_k * moved["interface_ratio"] / value["interface_ratio"],
        nominal["chip_spread_k"] * moved["chip_spread_ratio"] / value["chip_spread_ratio"],
        CHIP_SIGMA_K,
        CHIP_SWING_RATIO * np.minimum(best.chip_degc - best.chip_least_degc, CHIP_SWING_MOST_K),
        UNSEEN_K * root_h,
    )
    found = _interval("charge_min_ratio", best.charge, charge_sigma)
    for bound in ("charge_min_ratio_low", "charge_min_ratio_high"):
        found[bound] = np.clip(found[bound], 0, 1)
    return {
        **found,
        "charge_min_s": best.charge_s,
        **_interval("chip_max_t_degc", chip, chip_sigma),
        "throttle_s": best.throttle_s,
    }


def _shifted(
    value: Mapping[str, np.ndarray],
    sigma: Mapping[str, np.ndarray],
    more: tuple[str, ...],
    less: tuple[str, ...],
) -> dict[str, np.ndarray]:
    return (
        dict(value)
        | {name: value[name] + sigma[name] for name in more}
        | {name: value[name] - sigma[name] for name in less}
    )


def _root_of_squares(parts: list[np.ndarray], *more: Any) -> np.ndarray:
    total: Any = 0.0
    for part in (*parts, *more):
        total = total + part * part
    found: np.ndarray = np.sqrt(total)
    return found


def _soh(constants: Mapping[str, Numbers], now: Now) -> np.ndarray:
    nominal = constants.get("health_ratio", 1.0)
    # a battery of no capacity could not feed the sensor that says so
    return np.where(now.soh_ratio > LEAST_HEALTH, now.soh_ratio, nominal).astype(np.float32)


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
    own["health_ratio"] = _soh(constants, now)
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
        ("resting", now.resting & (np.asarray(own["rest_above_degc"]) < heat.NEVER_DEGC)),
    ):
        state[name] = np.where(np.isfinite(given), given, state[name]).astype(np.float32)
    return state


def _around(way: Path, step: int, some: Rows = slice(None)) -> Surroundings:
    """Surroundings in the middle of a step, with the light of all of it."""
    place = 0.5 * (way.place_m[step][:, some] + way.place_m[step + 1][:, some])
    place = np.nan_to_num(place, nan=7e6)
    sun_m = way.sun_m[step]
    unit = (sun_m / np.linalg.norm(sun_m)).astype(np.float32)
    up = unit @ place / np.sqrt(np.sum(place * place, axis=0))
    flux = float(power.sun_flux_w_m2(float(np.linalg.norm(sun_m))))
    return Surroundings(place, sun_m, flux, way.lit_ratio[step][some], np.maximum(up, 0), 0.0, 0.0)


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
    stale = np.flatnonzero(now.age_s > STEP_S)
    if not len(stale):
        return
    steps = np.minimum(np.rint(now.age_s[stale] / STEP_S), len(way.t_us) - 1).astype(int)
    longest = int(steps.max())
    start_us = int(way.t_us[0]) - int(longest * STEP_S * 1e6)
    past = ahead.path(trajectory, some_of(rows, stale), start_us, longest, STEP_S)
    size = len(now.age_s)
    part = {
        name: value[stale] if isinstance(value, np.ndarray) and value.shape == (size,) else value
        for name, value in own.items()
    }
    moving = {name: values[stale] for name, values in state.items()}
    begun = {name: values.copy() for name, values in moving.items()}
    for step in range(longest):
        spacecraft.step(part, moving, _around(past, step), ocv_v, STEP_S)
        waits = steps < longest - step  # begins later than with this step
        for name, values in moving.items():
            values[waits] = begun[name][waits]
    for name, values in state.items():
        values[stale] = moving[name]


def _run(
    own: dict[str, Any], state: dict[str, np.ndarray], way: Path, ocv_v: np.ndarray
) -> _Extremes:
    rows = len(state["energy_wh"])
    charge = state["energy_wh"] / own["full_wh"]
    charge_s = np.zeros(rows, dtype=np.float32)
    chip = np.full(rows, -np.inf, dtype=np.float32)
    coldest = np.full(rows, np.inf, dtype=np.float32)
    throttle_s = np.full(rows, np.nan, dtype=np.float32)
    rises = (way.edge_m[:-1] < 0) & (way.edge_m[1:] >= 0)
    per_w = np.float32(STEP_S / 3600) / own["discharge_efficiency_ratio"]
    for step in range(len(way.t_us) - 1):
        slow = jobs.clock_ratio(own, state)
        if not isinstance(slow, float):
            throttle_s[np.isnan(throttle_s) & (slow < 1)] = step * STEP_S
        begun_wh = state["energy_wh"].copy()
        true = spacecraft.step(own, state, _around(way, step), ocv_v, STEP_S)
        np.maximum(chip, true["chip_max_t_degc"], out=chip)
        np.minimum(coldest, true["chip_max_t_degc"], out=coldest)
        # where the Sun rises within the step, the battery is at its lowest then
        dark = np.where(rises[step], 1 - way.lit_ratio[step], np.float32(0))
        at_dawn_wh = np.maximum(begun_wh - true["load_w"] * dark * per_w, 0)
        lowest = np.where(rises[step], at_dawn_wh, state["energy_wh"]) / own["full_wh"]
        lower = lowest < charge - np.float32(1e-5)
        charge = np.where(lower, lowest, charge)
        charge_s[lower] = ((step + np.where(rises[step], dark, 1)) * STEP_S)[lower]
    return _Extremes(charge, charge_s, chip, coldest, throttle_s)


def _crest_k(own: dict[str, Any]) -> Any:
    """What the waves of the load add to the hottest chip at their crest, K.

    The rise over the plate follows at once, the plate itself about half.
    """
    busy = own["busy_ratio"] * (1 + own["load_wobble_ratio"] * WAVE_PEAK)
    more_w = own["payload_dynamic_w"] * (np.minimum(busy, 1) - own["busy_ratio"])
    plate_k_w = 1 / (own["coolant_w_k"] * own["plate_exchange_ratio"])
    return more_w * (own["chip_rise_k_w"] + 0.5 * plate_k_w)
