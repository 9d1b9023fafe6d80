"""The job: clock, power, work done and repeated; by tier and by what the satellite can bear."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orbitwin.spacecraft.own import Array, Own, any_of, over_rows
from orbitwin.spacecraft.surroundings import Surroundings, hour_cos

IDLE, SAFE = np.float32(1), np.float32(4)  # codes of the `mode` column
DEMAND_PEAK_H = 20.0  # local solar time of most requests [assumption]
DEMAND_LEAST_RATIO = 0.4  # of the demand at its peak, twelve hours away [assumption]
SLOWEST_RATIO = np.float32(0.02)  # a step takes at most fifty times as long


def derived(own: Own) -> dict[str, Any]:
    """What follows from the parameters of chips and job."""
    full_w = own["chips"] * (own["chip_w"] + own["host_w_per_chip"])
    chip_rise_k_w = own["chip_resistance_k_w"] / own["chips"]
    interval_s = own["checkpoint_interval_s"]
    pace = own["chips"] * own["chip_tops"] * own["mfu_ratio"] * own["work_ratio"]
    return {
        "payload_full_w": full_w,
        "payload_idle_w": full_w * own["idle_ratio"],
        "payload_dynamic_w": full_w * (1 - own["idle_ratio"]),
        "chip_rise_k_w": chip_rise_k_w,
        "chip_over_plate_k": chip_rise_k_w * full_w + own["chip_spread_k"],
        "rated_tops": own["chips"] * own["chip_tops"] * own["mfu_ratio"],
        "pace_tops": pace * (1 - own["hung"]) * (1 - own["checkpoint_s"] / interval_s),
        # half an interval a failure
        "redone_mean_ratio": 0.5 * interval_s / own["job_mtbf_s"],
    }


def clock_ratio(own: Own, state: dict[str, Array]) -> Array | float:
    """Clock that the chips allow themselves, as `compute.thermal_clock_ratio`; 1.0 if all do."""
    over_k = state["plate_degc"] + (own["chip_over_plate_k"] - own["chip_limit_degc"])
    if not over_k.max(initial=0) > 0:
        return 1.0
    span_k = own["throttle_end_degc"] - own["chip_limit_degc"]
    fall = np.minimum(np.maximum(over_k, 0) / span_k, 1)
    return 1 - fall * (1 - own["throttle_least_ratio"])


def work(own: Own, state: dict[str, Array], around: Surroundings, true: dict[str, Array]) -> None:
    """Training at full load, inference by local demand, observation by daylight.

    Nothing is on in safe mode; chips that rest idle.
    """
    clock = clock_ratio(own, state)
    busy = _busy(own, around)
    dynamic = busy if isinstance(clock, float) else busy * (clock * clock * np.sqrt(clock))
    payload_w = own["payload_idle_w"] + own["payload_dynamic_w"] * dynamic
    done_tops = own["pace_tops"] * (busy * clock)
    redone = own["redone_mean_ratio"] * (1 + own["redone_wobble_ratio"] * around.attitude_wave)
    rows = state["safe"].shape
    mode: Any = np.full(rows, own["job"], np.float32)
    clock = over_rows(clock, rows) if isinstance(clock, float) else clock
    awake = _awake(own, state, around)
    if awake is not None:
        payload_w = np.where(awake, payload_w, own["payload_idle_w"])
        mode, clock = np.where(awake, mode, IDLE), clock * awake
        done_tops, redone = done_tops * awake, redone * awake
    if any_of(own["forced_safe"]) or state["safe"].any():
        on = 1 - np.maximum(state["safe"], own["forced_safe"])
        payload_w, clock, done_tops = payload_w * on, clock * on, done_tops * on
        mode, redone = np.where(on > 0, mode, SAFE), redone * on
    true["clock_ratio"] = clock
    true["payload_w"] = over_rows(payload_w, rows)
    true["load_w"] = true["payload_w"] + own["bus_w"]
    true["work_done_tops"] = over_rows(done_tops, rows)
    true["work_redone_ratio"] = over_rows(redone, rows)
    true["mode"] = mode


def _busy(own: Own, around: Surroundings) -> Any:
    """Share of the time in which chips work."""
    busy = own["busy_ratio"] * (1 + own["load_wobble_ratio"] * around.load_wave)
    if any_of(own["by_demand"]):
        busy = busy * (1 - own["by_demand"] * (1 - demand_ratio(around.place_m, around.sun_m)))
    return np.minimum(busy, 1)


def demand_ratio(place_m: Array, sun_m: NDArray[np.floating]) -> Array:
    """Requests from below places (3, N), m, GCRS, of those at the hour of most (N,), 0..1."""
    return 1 - (1 - DEMAND_LEAST_RATIO) / 2 * (1 - hour_cos(place_m, sun_m, DEMAND_PEAK_H))


def _awake(own: Own, state: dict[str, Array], around: Surroundings) -> Any:
    """Who has work (N,); None when all have."""
    awake = None
    if any_of(own["by_daylight"]):
        awake = around.day_cos > own["by_daylight"] - 1
    if state["resting"].any():
        rested = state["resting"] == 0
        awake = rested if awake is None else awake & rested
    return awake


def slow(own: Own, state: dict[str, Array], wave: Array) -> dict[str, Array]:
    """Columns of the slow packet: of a hung job the last step is long past, and was normal."""
    pace = np.maximum(clock_ratio(own, state) * own["work_ratio"], SLOWEST_RATIO)
    return {"step_s": own["step_s"] / pace * (1 + own["load_wobble_ratio"] * wave)}
