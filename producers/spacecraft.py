"""One step of a fleet of synthetic spacecraft: own parameters and state in, true values out.

Pure functions over rows of satellites, float32.  `own` holds each satellite's parameters by the
keys of a profile, and what `derive` works out of them once; a value is a number when all
satellites share it and an array (N,) otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orbitwin.physics import battery, compute, eclipse, links, power, thermal
from orbitwin.physics.constants import (
    EARTH_ALBEDO_RATIO,
    EARTH_INFRARED_W_M2,
    YEAR_S,
)
from orbitwin.profile import Profile

Array = NDArray[np.float32]
Own = Mapping[str, Any]

STATE = ("energy_wh", "panel_degc", "plate_degc", "radiator_degc", "battery_degc", "safe")
TRAINING, SAFE = 2, 4  # codes of the `mode` column
LOAD_WOBBLE_RATIO = 0.015  # amplitude of the busy share [assumption]
POINTING_WOBBLE_RATIO = 0.2  # amplitude of pointing error and of jitter [assumption]
REDONE_WOBBLE_RATIO = 0.3  # amplitude of the share of repeated work [assumption]
ANYWHERE_M = 7e6  # for satellites without a position: their values are not reported
DARK_RATIO = np.float32(0.02)  # less of the Sun than this does not start the array


@dataclass(frozen=True)
class Surroundings:
    """What surrounds the satellites at a time: arrays (N,), the Sun's flux a number."""

    flux_w_m2: float
    lit_ratio: Array  # share of the Sun's disc that is seen
    day_cos: Array  # cosine of the Sun's zenith angle below the satellite, 0 at night
    load_wave: Array  # slow waves of load and of attitude, -1..1
    attitude_wave: Array


def surroundings(
    positions_m: NDArray[np.floating],
    sun_m: NDArray[np.floating],
    flux_w_m2: float,
    load_wave: Array,
    attitude_wave: Array,
) -> Surroundings:
    """Light at positions (3, N), m, GCRS; `sun_m` (3,).  Rows of NaN count as anywhere."""
    place = np.nan_to_num(positions_m.astype(np.float32, copy=False), nan=ANYWHERE_M)
    unit = sun_m / np.linalg.norm(sun_m)
    x, y, z = place
    up = x * float(unit[0]) + y * float(unit[1]) + z * float(unit[2])
    day_cos = np.maximum(up, 0) / np.sqrt(x * x + y * y + z * z)
    return Surroundings(
        flux_w_m2, eclipse.lit_fraction(place, sun_m), day_cos, load_wave, attitude_wave
    )


def derive(own: dict[str, Any], profile: Profile) -> None:
    """Add to `own` what follows from a satellite's parameters and never changes."""
    shell = profile.shell[0]
    own["earth_view"] = thermal.vertical_view_factor(shell.altitude_km * 1e3)
    own["cell_area_m2"] = (
        own["array_area_m2"]
        * own["packing_ratio"]
        * power.remaining_factor(own["degradation_per_year_ratio"], own["age_years"])
    )
    own["array_pointing_rad"] = own["array_pointing_deg"] * (np.pi / 180)
    own["full_wh"] = own["capacity_wh"] * own["health_ratio"]
    own["pack_ohm"] = own["cell_resistance_ohm"] * (own["cells"] / own["strings"])
    own["coolant_w_k"] = own["coolant_flow_kg_s"] * own["coolant_j_kg_k"]
    for part in ("plate", "radiator"):
        own[f"{part}_exchange_ratio"] = thermal.exchanger_effectiveness(
            own[f"{part}_conductance_w_k"], own["coolant_w_k"]
        )
    own["radiator_sun_cos"] = np.sin(np.radians(own["radiator_sun_deg"]))  # edge-on
    own["payload_full_w"] = own["chips"] * (own["chip_w"] + own["host_w_per_chip"])
    own["payload_idle_w"] = own["payload_full_w"] * own["idle_ratio"]
    own["chip_rise_k_w"] = own["chip_resistance_k_w"] / own["chips"]
    own["wavelength_m"] = own["wavelength_nm"] * 1e-9
    own["aperture_gain"] = links.aperture_gain_ratio(
        own["aperture_m"], own["wavelength_m"], own["aperture_efficiency_ratio"]
    )
    own["system_loss_ratio"] = 10 ** (own["system_loss_db"] * -0.1)
    own["rated_tops"] = own["chips"] * own["chip_tops"] * own["mfu_ratio"]
    interval_s = profile.checkpoint_interval_s
    own["between_checkpoints_ratio"] = 1 - own["checkpoint_s"] / interval_s
    own["redone_mean_ratio"] = 0.5 * interval_s / profile.job_mtbf_s  # half an interval a failure
    fluence = own["dose_rad_per_year"] * own["protons_cm2_per_rad"]
    own["uncorrected_per_s"] = fluence * own["uecc_cm2"] * own["chips"] / YEAR_S
    own["resets_per_s"] = own["dose_rad_per_year"] / own["host_rad_per_reset"] / YEAR_S
    for name, value in own.items():  # a NumPy scalar would turn a float32 fleet into float64
        own[name] = value.astype(np.float32) if isinstance(value, np.ndarray) else float(value)


def initial_state(own: Own, rows: int) -> dict[str, Array]:
    """A charged satellite at working temperature, from which a run over an orbit starts."""
    values = {
        "energy_wh": own["full_wh"],
        "panel_degc": 40.0,
        "plate_degc": 55.0,
        "radiator_degc": 40.0,
        "battery_degc": own["mount_degc"],
        "safe": 0.0,
    }
    return {k: np.array(np.broadcast_to(v, rows), np.float32) for k, v in values.items()}


def step(
    own: Own, state: dict[str, Array], around: Surroundings, ocv_v: Array, dt_s: float
) -> dict[str, Array]:
    """Move `state` (written in place) on by `dt_s` and give the true values of the fast packet."""
    true: dict[str, Array] = {}
    array_w = _array(own, state, around, true, dt_s)
    _work(own, state, around, true)
    _battery(own, state, array_w * own["regulator_ratio"] - true["load_w"], ocv_v, true, dt_s)
    _heat(own, state, around, true, dt_s)
    return true


def _array(
    own: Own, state: dict[str, Array], around: Surroundings, true: dict[str, Array], dt_s: float
) -> Array:
    """The solar array: V and A ahead of the shunt, so that their product is what it can give."""
    error_rad = own["array_pointing_rad"] * (1 + POINTING_WOBBLE_RATIO * around.attitude_wave)
    cosine = 1 - 0.5 * error_rad * error_rad
    sunlight = around.lit_ratio * around.flux_w_m2
    panel_degc = state["panel_degc"]
    array_w = power.array_power_w(
        sunlight,
        own["cell_area_m2"],
        own["cell_efficiency_ratio"],
        1.0,
        cosine,
        panel_degc,
        own["cell_power_per_k"],
    )
    absorbed = thermal.absorbed_w_m2(
        sunlight,
        cosine,
        EARTH_INFRARED_W_M2,
        _albedo_w_m2(around),
        own["earth_view"],
        own["panel_absorptivity"],
        own["panel_emissivity"],
    )
    state["panel_degc"][:] = thermal.radiating_step_degc(
        panel_degc,
        absorbed - array_w / own["array_area_m2"],
        1.0,
        own["panel_emissivity"],
        own["panel_capacity_j_k_m2"],
        dt_s,
    )
    heat_k = panel_degc - power.CELL_REFERENCE_DEGC
    volts = own["array_mpp_v"] * (1 - own["cell_voltage_per_k"] * heat_k)
    starts = (around.lit_ratio > DARK_RATIO).astype(np.float32)
    true["array_v"] = volts * starts
    true["array_a"] = array_w / volts * starts
    true["sunlit"] = (around.lit_ratio > 0.5).astype(np.float32)
    return array_w


def _work(own: Own, state: dict[str, Array], around: Surroundings, true: dict[str, Array]) -> None:
    """The job: clock, power, work done and repeated; nothing while in safe mode."""
    hottest = (
        state["plate_degc"] + own["chip_rise_k_w"] * own["payload_full_w"] + own["chip_spread_k"]
    )
    clock = compute.thermal_clock_ratio(
        hottest, own["chip_limit_degc"], own["throttle_end_degc"], own["throttle_least_ratio"]
    )
    on = 1 - state["safe"]
    busy = np.minimum(own["busy_ratio"] * (1 + LOAD_WOBBLE_RATIO * around.load_wave), 1)
    true["clock_ratio"] = clock * on
    payload_w = compute.payload_power_w(own["payload_idle_w"], own["payload_full_w"], busy, clock)
    true["payload_w"] = (on * payload_w).astype(np.float32)
    true["load_w"] = true["payload_w"] + own["bus_w"]
    true["work_done_tops"] = (
        true["clock_ratio"] * busy * own["rated_tops"] * own["between_checkpoints_ratio"]
    )
    true["work_redone_ratio"] = (
        own["redone_mean_ratio"] * on * (1 + REDONE_WOBBLE_RATIO * around.attitude_wave)
    )
    true["mode"] = (TRAINING + (SAFE - TRAINING) * state["safe"]).astype(np.float32)


def _battery(
    own: Own,
    state: dict[str, Array],
    surplus_w: Array,
    ocv_v: Array,
    true: dict[str, Array],
    dt_s: float,
) -> None:
    """The pack takes the surplus as far as the charger lets it, and gives what is missing."""
    full_wh = own["full_wh"]
    charge = state["energy_wh"] / full_wh
    accepted_w = battery.charge_limit_w(
        charge, full_wh, own["charge_limit_c"], own["taper_from_ratio"]
    )
    pack_w = np.minimum(surplus_w, accepted_w)
    state["energy_wh"][:] = battery.step_wh(
        state["energy_wh"],
        pack_w,
        full_wh,
        own["charge_efficiency_ratio"],
        own["discharge_efficiency_ratio"],
        dt_s,
    )
    rest_v = battery.on_uniform_grid(charge, ocv_v) * own["cells"]
    amps = battery.terminal_current_a(pack_w, rest_v, own["pack_ohm"])
    warmth_w = amps * amps * own["pack_ohm"] - own["conductance_w_k"] * (
        state["battery_degc"] - own["mount_degc"]
    )
    state["battery_degc"][:] = thermal.relaxing_step_degc(
        state["battery_degc"], warmth_w, own["conductance_w_k"], own["heat_capacity_j_k"], dt_s
    )
    stays_safe = (state["safe"] > 0) & (charge < own["resume_above_ratio"])
    state["safe"][:] = (stays_safe | (charge < own["safe_below_ratio"])).astype(np.float32)
    true["battery_v"] = rest_v + amps * own["pack_ohm"]
    true["battery_a"] = amps
    true["battery_t_degc"] = state["battery_degc"]


def _heat(
    own: Own, state: dict[str, Array], around: Surroundings, true: dict[str, Array], dt_s: float
) -> None:
    """Chips warm the plates, the coolant carries it to the radiator, which sheds it."""
    plate, radiator = state["plate_degc"], state["radiator_degc"]
    into, out = thermal.coolant_loop_degc(
        plate, radiator, own["plate_exchange_ratio"], own["radiator_exchange_ratio"]
    )
    carried_w = own["coolant_w_k"] * (out - into)
    absorbed = thermal.absorbed_w_m2(
        around.lit_ratio * around.flux_w_m2,
        own["radiator_sun_cos"],
        EARTH_INFRARED_W_M2,
        _albedo_w_m2(around),
        own["earth_view"],
        own["radiator_absorptivity"],
        own["radiator_emissivity"],
    )
    true["coolant_in_t_degc"], true["coolant_out_t_degc"] = into, out
    true["coolant_flow_kg_s"] = np.broadcast_to(own["coolant_flow_kg_s"], plate.shape)
    true["radiator_t_degc"] = radiator
    true["chip_mean_t_degc"] = plate + own["chip_rise_k_w"] * true["payload_w"]
    true["chip_max_t_degc"] = true["chip_mean_t_degc"] + own["chip_spread_k"]
    state["plate_degc"][:] = thermal.relaxing_step_degc(
        plate,
        true["payload_w"] - carried_w,
        own["coolant_w_k"] * own["plate_exchange_ratio"],
        own["plate_capacity_j_k"],
        dt_s,
    )
    state["radiator_degc"][:] = thermal.radiating_step_degc(
        radiator,
        carried_w + own["radiator_area_m2"] * absorbed,
        own["radiator_area_m2"],
        own["radiator_emissivity"],
        own["radiator_capacity_j_k"],
        dt_s,
    )


def _albedo_w_m2(around: Surroundings) -> Array:
    return around.day_cos * (EARTH_ALBEDO_RATIO * around.flux_w_m2)


def link_values(
    own: Own, near_m: Array, far_m: Array, attitude_wave: Array, links_up: Array
) -> dict[str, Array]:
    """Columns of the optical terminals: two neighbours at `near_m`, two at `far_m`.

    `own` also holds `terminal_least_db` and `terminal_mean_db`, how far the weakest and the
    mean of a satellite's terminals lie from its budget.
    """
    jitter_rad = own["jitter_urad"] * (1e-6 * (1 + POINTING_WOBBLE_RATIO * attitude_wave))
    pointing_db = links.pointing_loss_db(own["aperture_gain"], jitter_rad)
    first, second = (
        links.to_dbm(
            links.received_w(
                own["transmit_w"],
                own["aperture_gain"],
                own["aperture_gain"],
                own["wavelength_m"],
                range_m,
                own["system_loss_ratio"],
            )
        )
        for range_m in (near_m, far_m)
    )
    least = np.minimum(first, second) + pointing_db + own["terminal_least_db"]
    mean = (first + second) * 0.5 + pointing_db + own["terminal_mean_db"]
    any_up = links_up > 0
    return {
        "rx_min_dbm": np.where(any_up, least, links.NO_SIGNAL_DBM).astype(np.float32),
        "rx_mean_dbm": np.where(any_up, mean, links.NO_SIGNAL_DBM).astype(np.float32),
        "links_up": links_up,
        "fec_ratio": np.where(any_up, links.fec_ratio(least - own["sensitivity_dbm"]), 0),
        "link_rate_gbps": links_up * own["rate_gbps"],
    }


def slow_values(
    own: Own, age_s: float, job_s: Array, attitude_wave: Array, software_version: int
) -> dict[str, Array]:
    """Columns of the slow packet, at `age_s` since launch and `job_s` (N,) into a job's interval.

    Events are counted by their rate, from a start of each satellite's own (`count_start_*` in
    0..1): they keep their number over a restart of the simulation.
    """
    resets = np.floor(own["resets_per_s"] * age_s + own["count_start_resets"])
    boot_s = (resets - own["count_start_resets"]) / own["resets_per_s"]
    up_s = age_s - np.maximum(boot_s, 0)
    uncorrected = own["uncorrected_per_s"] * up_s
    rows = job_s.shape
    return {
        "dose_rad": np.broadcast_to(own["dose_rad_per_year"] * (age_s / YEAR_S), rows),
        "ecc_ce_count": np.floor(
            own["ecc_corrected_per_uncorrected"] * uncorrected + own["count_start_ce"]
        ),
        "ecc_ue_count": np.floor(uncorrected + own["count_start_ue"]),
        "resets_count": resets,
        "battery_soh_ratio": np.broadcast_to(own["health_ratio"], rows),
        "jitter_urad": own["jitter_urad"] * (1 + POINTING_WOBBLE_RATIO * attitude_wave),
        "checkpoint_age_s": job_s,
        "software_version": np.full(rows, software_version, np.float32),
    }
