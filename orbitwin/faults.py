"""The fault library: what may go wrong with a compute satellite, by name.

What a fault does to a synthetic spacecraft is told in `producers/faults/effects.py`; how it shows
in the residuals of a vehicle type stands in that type's file (`[fault.NAME]`). Who suffers which
of them when is a scenario (`orbitwin/scenario.py`).
"""

from __future__ import annotations

FAULTS: dict[str, str] = {
    "panel_dead": "sections of the solar array give nothing",
    "panel_degraded": "the solar array gives less than it should",
    "array_short": "a string of the solar array is shorted: less voltage",
    "cell_loss": "a battery cell is shorted: less voltage and capacity",
    "battery_resistance_rise": "the battery's internal resistance rises",
    "radiator_area_loss": "the radiator sheds less heat: punctured, blocked, or its coating lost",
    "pump_degraded": "the coolant pump moves less",
    "pump_stop": "the coolant stands still",
    "thermal_interface_ageing": "heat passes worse from the chips to the cold plate",
    "pointing_bias": "the optical terminals point beside their targets",
    "jitter_rise": "the optical terminals shake more",
    "transmitter_droop": "the transmitters lose power",
    "terminal_loss": "an optical terminal is lost",
    "reacquisition_storm": "links are lost and found again all the time",
    "solar_storm": "solar protons: many times the usual dose and upsets",
    "hbm_error_burst": "a memory stack gives many corrected errors",
    "straggler": "the satellite works more slowly than its job's others",
    "hung_job": "the job stands still while the satellite reports training",
    "safe_mode": "the satellite has gone to safe mode",
    "sensor_stuck": "a sensor repeats one value",
    "sensor_bias": "a sensor reads beside the truth",
    "sensor_drift": "a sensor drifts away from the truth",
    "sensor_spike": "a sensor throws single wild values",
    "clock_skew": "the satellite's clock is off: its times do not fit its place",
}

SENSOR_FAULTS = tuple(name for name in FAULTS if name.startswith("sensor_"))
"""Faults that concern one measured parameter, which a scenario names."""

TOLD_FAULTS = (*SENSOR_FAULTS, "clock_skew")
"""Faults that change what a satellite tells, not what it is."""

FLEET_FAULTS = ("solar_storm",)
"""Faults that come over the whole fleet at once when they come at random."""

HOUR_S, DAY_S = 3_600.0, 86_400.0

PASSING_S: dict[str, float] = {
    "reacquisition_storm": HOUR_S,
    "solar_storm": 2 * DAY_S,
    "hbm_error_burst": 2 * HOUR_S,
    "straggler": 6 * HOUR_S,
    "hung_job": 0.5 * HOUR_S,
    "safe_mode": 6 * HOUR_S,
    "sensor_spike": DAY_S,
}
"""Mean duration of those that pass by themselves, s [assumption]; the others last."""

CREEPING_S: dict[str, float] = {
    "panel_degraded": 30 * DAY_S,
    "battery_resistance_rise": 60 * DAY_S,
    "pump_degraded": 7 * DAY_S,
    "thermal_interface_ageing": 60 * DAY_S,
    "jitter_rise": 7 * DAY_S,
    "transmitter_droop": 30 * DAY_S,
    "clock_skew": DAY_S,
}
"""Time over which those that come slowly grow to their severity, s [assumption]."""
