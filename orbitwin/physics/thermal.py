"""Lumped thermal nodes: chips on a cold plate, a coolant loop, a two-sided radiator, the panel."""

from __future__ import annotations

import numpy as np

from orbitwin.physics.arrays import Floats, Numbers
from orbitwin.physics.constants import (
    EARTH_RADIUS_M,
    STEFAN_BOLTZMANN_W_M2_K4,
    ZERO_CELSIUS_K,
)

NEWTON_STEPS = 6  # from 400 K off to a millikelvin


def nadir_view_factor(altitude_m: Numbers) -> Numbers:
    """View factor from a plate that faces the Earth: (RE / (RE + h))^2 (Gilmore, ch. 2)."""
    return (EARTH_RADIUS_M / (EARTH_RADIUS_M + altitude_m)) ** 2


def vertical_view_factor(altitude_m: Numbers) -> Floats:
    """View factor to the Earth of one face of a plate that stands upright on the local horizon.

    F = [atan(1 / sqrt(H^2 - 1)) - sqrt(H^2 - 1) / H^2] / pi, H = (RE + h) / RE.
    Source: ECSS-E-HB-31-01 Part 1 (planar plate tangent to a sphere); Gilmore, ch. 2.
    """
    ratio = (EARTH_RADIUS_M + altitude_m) / EARTH_RADIUS_M
    root = np.sqrt(ratio**2 - 1)
    return (np.arctan(1 / root) - root / ratio**2) / np.pi


def emitted_w_m2(temperature_degc: Numbers, emissivity: Numbers, faces: int = 2) -> Numbers:
    """Heat that a surface radiates, W per m2 of plate: faces eps sigma T^4."""
    kelvin = temperature_degc + ZERO_CELSIUS_K
    return faces * emissivity * STEFAN_BOLTZMANN_W_M2_K4 * (kelvin * kelvin) ** 2


def absorbed_w_m2(
    sun_w_m2: Numbers,
    cos_sun: Numbers,
    infrared_w_m2: Numbers,
    albedo_w_m2: Numbers,
    view_factor: Numbers,
    absorptivity: Numbers,
    emissivity: Numbers,
    earth_faces: int = 2,
) -> Floats:
    """Heat a plate takes up from its surroundings, W per m2 of plate.

    alpha S |cos| + faces F (eps q_IR + alpha q_albedo); `sun_w_m2` and `albedo_w_m2` include the
    lit share.  Source: Gilmore, Spacecraft Thermal Control Handbook, ch. 2; ECSS-E-ST-31C.
    """
    earth = earth_faces * view_factor * (emissivity * infrared_w_m2 + absorptivity * albedo_w_m2)
    return absorptivity * sun_w_m2 * np.abs(cos_sun) + earth


def equilibrium_degc(heat_w_m2: Numbers, emissivity: Numbers, faces: int = 2) -> Floats:
    """Temperature at which a surface radiates `heat_w_m2` (W per m2 of plate), degC."""
    radiated = faces * emissivity * STEFAN_BOLTZMANN_W_M2_K4
    return (heat_w_m2 / radiated) ** 0.25 - ZERO_CELSIUS_K


def radiating_step_degc(
    temperature_degc: Floats,
    heat_w: Numbers,
    area_m2: Numbers,
    emissivity: Numbers,
    capacity_j_k: Numbers,
    dt_s: float,
    faces: int = 2,
) -> Floats:
    """Temperature of a radiating lump after `dt_s`, degC (N,); stable at any step.

    C dT/dt = Q - faces eps sigma A T^4, by one linearised implicit (Rosenbrock-Euler) step:
    dT = dt f / (C + dt |df/dT|).
    """
    kelvin = temperature_degc + ZERO_CELSIUS_K
    gain = faces * STEFAN_BOLTZMANN_W_M2_K4 * area_m2 * emissivity
    cube = gain * kelvin * kelvin * kelvin
    net = heat_w - cube * kelvin
    return temperature_degc + dt_s * net / (capacity_j_k + 4 * dt_s * cube)


def relaxing_step_degc(
    temperature_degc: Floats,
    heat_w: Numbers,
    conductance_w_k: Numbers,
    capacity_j_k: Numbers,
    dt_s: float,
) -> Floats:
    """Temperature of a lump after `dt_s`, degC (N,), implicit in its own loss.

    C dT/dt = Q with dQ/dT = -`conductance_w_k`; `heat_w` is the net heat at the old temperature.
    """
    return temperature_degc + dt_s * heat_w / (capacity_j_k + dt_s * conductance_w_k)


def exchanger_effectiveness(conductance_w_k: Numbers, capacity_rate_w_k: Numbers) -> Floats:
    """Effectiveness of an exchanger with one fluid side: 1 - exp(-UA / (m cp)) (Kays & London)."""
    return 1 - np.exp(-conductance_w_k / capacity_rate_w_k)


def coolant_loop_degc(
    plate_degc: Floats, radiator_degc: Floats, plate_ratio: Numbers, radiator_ratio: Numbers
) -> tuple[Floats, Floats]:
    """Coolant temperature into and out of the cold plate, degC, for a loop in balance.

    The loop carries heat between two exchangers of effectiveness `plate_ratio` and
    `radiator_ratio`: out = in + e_p (plate - in), in = out - e_r (out - radiator).  Its own heat
    capacity is neglected against plate and radiator.  The heat it carries is
    m cp (out - in), W.
    """
    stay_p, stay_r = 1 - plate_ratio, 1 - radiator_ratio
    out = (stay_p * radiator_ratio * radiator_degc + plate_ratio * plate_degc) / (
        1 - stay_p * stay_r
    )
    return stay_r * out + radiator_ratio * radiator_degc, out


def headroom_w(
    limit_degc: Numbers,
    area_m2: Numbers,
    emissivity: Numbers,
    absorbed: Numbers,
    rejected_w: Numbers,
) -> Numbers:
    """Extra heat, W, that a radiator could take for ever below `limit_degc`.

    H_Q = A (2 eps sigma T_limit^4 - absorbed) - Q_now, `absorbed` in W per m2 of plate.
    """
    steady = area_m2 * (emitted_w_m2(limit_degc, emissivity) - absorbed)
    return steady - rejected_w


def series_radiator(
    inlet_degc: Floats,
    capacity_rate_w_k: Numbers,
    conductance_w_k: Numbers,
    area_m2: Numbers,
    emissivity: Numbers,
    absorbed: Numbers,
    nodes: int = 3,
) -> tuple[Floats, Floats, Floats]:
    """Radiator whose panels lie in series along the flow, in balance.

    Returns rejected heat, W (N,), the panels' temperatures, degC (nodes, N), and the outlet's,
    degC (N,).  Area and conductance are those of the whole radiator, shared equally; `absorbed`
    is in W per m2 of plate.  At each panel what the fluid gives equals what is radiated net:
    m cp e (T_in - T) = A_k (2 eps sigma T^4 - absorbed), e = 1 - exp(-UA_k / (m cp)).
    Source: Gilmore, ch. 6 (radiators); Kays & London for e.
    """
    panel_m2 = area_m2 / nodes
    share = exchanger_effectiveness(conductance_w_k / nodes, capacity_rate_w_k)
    gain_w_k = capacity_rate_w_k * share
    fluid = inlet_degc
    panels = []
    for _ in range(nodes):
        panel = _panel_degc(fluid, gain_w_k, panel_m2, emissivity, absorbed)
        panels.append(panel)
        fluid = fluid - share * (fluid - panel)
    return capacity_rate_w_k * (inlet_degc - fluid), np.stack(panels), fluid


def _panel_degc(
    fluid_degc: Floats, gain_w_k: Numbers, area_m2: Numbers, emissivity: Numbers, absorbed: Numbers
) -> Floats:
    """Root of gain (T_in - T) = A (2 eps sigma T^4 - absorbed), degC (N,).

    The imbalance is convex and rising in T > 0: from the warmer of fluid and unheated panel
    Newton's method falls to the root and cannot miss it.
    """
    inlet = fluid_degc + ZERO_CELSIUS_K
    quartic = 2 * emissivity * STEFAN_BOLTZMANN_W_M2_K4 * area_m2
    given_w = gain_w_k * inlet + area_m2 * absorbed
    kelvin = np.maximum(inlet, equilibrium_degc(absorbed, emissivity) + ZERO_CELSIUS_K)
    for _ in range(NEWTON_STEPS):
        cube = quartic * kelvin * kelvin * kelvin
        surplus_w = (cube + gain_w_k) * kelvin - given_w
        kelvin = kelvin - surplus_w / (4 * cube + gain_w_k)
    return kelvin - ZERO_CELSIUS_K


def headroom_k(limit_degc: Numbers, hottest_degc: Numbers) -> Numbers:
    """Thermal headroom, K: limit less the hottest temperature."""
    return limit_degc - hottest_degc


def time_to_limit_s(
    temperature_degc: Numbers,
    limit_degc: Numbers,
    net_w: Numbers,
    capacity_j_k: Numbers,
    store_j: Numbers = 0.0,
) -> Floats:
    """Time in which the present surplus of heat brings a lump to its limit, s (N,).

    (C (T_limit - T) + store) / P_net, `store_j` being what a phase-change store beside it still
    takes (`phase_change.heat_to_j`).  inf without a surplus, 0 above the limit.
    """
    room_j = np.maximum(capacity_j_k * (limit_degc - temperature_degc) + store_j, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        seconds = room_j / net_w
    seconds = np.where(np.less_equal(net_w, 0) & ~np.isnan(room_j), np.inf, seconds)
    return np.where(room_j == 0, 0, seconds)
