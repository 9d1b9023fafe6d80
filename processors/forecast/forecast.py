"""What the next orbit brings each satellite, with 90 % intervals: pure functions over rows.

From the newest state the forward model (orbitwin.spacecraft) is run over one orbit, with nominal
parameters as corrected by what the satellite's model has learnt. It is run again with parameters
moved by one standard deviation: the differences, added in squares, are the uncertainty (first
order; Gelb, Applied Optimal Estimation, sec. 6.1). Every row begins at its own age: a satellite
that is not heard of is coasted to now first, and its intervals widen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from orbitwin.trajectory import Trajectory
from processors.forecast import ahead, forward
from processors.forecast.ahead import Path
from processors.forecast.forward import (
    PLATE_SHARE,
    Extremes,
    Now,
    Numbers,
    corrected,
    health_ratio,
    horizon,
    wave_k,
)
from processors.forecast.links import margin_db
from processors.forecast.wave import WAVE_SIGMA, crest
from processors.model import environment
from processors.selection import Rows

Z90 = 1.645
"""Half of an interval of 90 %, in standard deviations."""

EDGE_SIGMA_S = 1.5
"""Of a shadow edge: an Earth that is flattened by 21 km and has air, against a sphere."""
DRIFT_S_PER_DAY = 1.0
"""Of a satellite along its planned orbit while no navigation fix comes: drag [assumption]."""

CHIP_SIGMA_K, CHARGE_SIGMA, LINK_SIGMA_DB = 0.04, 0.001, 0.006
"""What the model leaves open over an orbit: waves, and the noise of the sensors it began from."""
CHIP_SWING_RATIO, CHIP_SWING_MOST_K, SUN_RATIO = 0.05, 4.0, 0.4
"""And of the chips' temperature a share of what it reckons them to swing over the orbit (measured):
larger swings than 4 K are those of the load. What the radiator takes in from the Sun and the
Earth is not learnt apart from what it sheds: so much of its spread counts from the darkest moment
to the hottest, see `Extremes.sun_k` (measured)."""
MELT_SIGMA = 0.01
"""Of the molten share of a heat store [assumption: what shipped profiles give its sensor]."""
UNSEEN_K, UNSEEN_CHARGE = 1.5, 0.02
"""What may have changed in an hour unseen [assumption]; it grows with the root of the time, up to
a day of it: then nothing is left of what was known."""
UNSEEN_MOST_S = 86_400.0

RADIATOR_UNLEARNT, RADIATOR_LEAST_RATIO = 0.035, 0.15
"""The model takes its windows as independent; of the radiator each shares a reading with the next,
so that errors cancel as 1 over their number, not as its root. Sigma of `radiator_ratio` before any
window, and the least share of the model's sigma that is left of it (measured)."""

WEAKEST_UNLEARNT_DB, WEAKEST_LEAST_RATIO = 0.1, 0.2
"""The model judges the weakest link by windows whose sigma has room for another one being it. The
forecast reckons with that apart: sigma of `weakest_link_db` above which all of it counts, and the
least share that does (measured)."""

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
    "jitter_ratio": (1.0, 0.2),
    "dose_rate_ratio": (1.0, 0.1),
}
"""What is used of a satellite's model, with value and sigma of a satellite that is not known."""

Estimates = Mapping[str, tuple[np.ndarray, np.ndarray]]
Columns = dict[str, np.ndarray]


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
    steps, step_s = horizon(constants)
    way = ahead.path(trajectory, rows, t_us, steps, step_s)
    known = {
        name: (
            np.where(np.isfinite(value), value, prior).astype(np.float32),
            np.where(np.isfinite(value) & np.isfinite(sigma), sigma, wide).astype(np.float32),
        )
        for name, (prior, wide) in PRIOR.items()
        for value, sigma in (estimates.get(name, (np.full_like(now.age_s, np.nan),) * 2),)
    }
    found: Columns = {"horizon_s": np.full(len(now.age_s), steps * step_s), "age_s": now.age_s}
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
    hours = (len(way.t_us) - 1) * way.step_s / 3600
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
    """Least margin, and the first outage."""
    own = environment.nominal_links(constants)
    if own is None:
        nothing = np.full(way.place_m.shape[2], np.nan)
        return {**_interval("link_margin_min_db", nothing, 0.0), "link_outage_s": nothing}
    offset, sigma = known["weakest_link_db"]
    found = margin_db(own, trajectory, rows, way, *known["jitter_ratio"])
    margin = found.course + offset
    lost = margin < 0
    outage_s = ahead.first_s(margin, ~lost[:-1] & lost[1:], way.step_s)
    settled = np.clip(sigma / WEAKEST_UNLEARNT_DB, WEAKEST_LEAST_RATIO, 1)
    sigma = _root_of_squares([sigma * settled, found.sigma], LINK_SIGMA_DB)
    return {
        **_interval("link_margin_min_db", margin.min(axis=0), sigma),
        "link_outage_s": np.where(lost[0], 0.0, outage_s),
    }


# --- energy and heat ---------------------------------------------------------------------------


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
    settled = np.clip(radiator / RADIATOR_UNLEARNT, RADIATOR_LEAST_RATIO, 1)
    # what a thermostat ends lasts a part of an orbit: waves of the load do not cancel in it, and
    # few windows tell of the radiator
    ends = forward.thermostat_ends_work(constants)
    wave_ratio = np.where(ends, WAVE_SIGMA * np.asarray(constants["load_wobble_ratio"]), 0.0)
    moved["payload_ratio"] = np.hypot(moved["payload_ratio"], wave_ratio).astype(np.float32)
    moved["radiator_ratio"] = (radiator * np.where(ends, 1.0, settled)).astype(np.float32)
    capacity = np.float32(np.hypot(spread.get("capacity_wh", 0.0), 0.002))

    def run(own: dict[str, Any], start: Now) -> Extremes:
        return forward.run(trajectory, rows, way, own, ocv_v, start)

    nominal = corrected(constants, value, now)
    best = run(nominal, now)
    runs = [
        run(corrected(constants, _shifted(value, moved, more, less), start), start)
        for more, less, start in (
            (
                ("payload_ratio", "bus_load_ratio"),
                (),
                replace(now, melt_ratio=np.minimum(now.melt_ratio + np.float32(MELT_SIGMA), 1)),
            ),
            (
                ("battery_resistance_ratio",),
                ("array_ratio", "radiator_ratio", "pump_ratio"),
                replace(now, charge_ratio=np.maximum(now.charge_ratio - now.charge_sigma, 0)),
            ),
            (
                (),
                ("radiator_exchange_ratio",),
                replace(now, soh_ratio=health_ratio(constants, now) * (1 - capacity)),
            ),
        )
    ]
    root_h = np.sqrt(np.minimum(now.age_s, UNSEEN_MOST_S) / 3600)
    charge_sigma = _root_of_squares(
        [r.charge - best.charge for r in runs], CHARGE_SIGMA, UNSEEN_CHARGE * root_h
    )
    # plates that are the reason for the end of work are as warm as its limit, whatever the load
    wave, wave_sigma = crest(best.near_s)
    follows = np.where(best.at_trip, 0, PLATE_SHARE)
    chip = best.chip_degc + wave_k(nominal, wave, follows)
    swing_k = np.minimum(best.chip_degc - best.chip_least_degc, CHIP_SWING_MOST_K)
    rise_k = nominal["chip_rise_k_w"] * nominal["payload_full_w"]
    chip_sigma = _root_of_squares(
        [r.chip_degc - best.chip_degc for r in runs],
        rise_k * moved["interface_ratio"] / value["interface_ratio"],
        nominal["chip_spread_k"] * moved["chip_spread_ratio"] / value["chip_spread_ratio"],
        CHIP_SIGMA_K,
        wave_k(nominal, wave + wave_sigma, follows) - wave_k(nominal, wave, follows),
        np.where(best.at_trip, 0, CHIP_SWING_RATIO * swing_k),
        np.where(
            best.at_trip, 0, spread.get("radiator_absorptivity", 0.0) * SUN_RATIO * best.sun_k
        ),
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
