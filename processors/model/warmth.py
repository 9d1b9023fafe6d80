"""Temperature of the battery by its heat balance, carried on from window to window.

A thermometer that is compared with its own past shows a constant error in one window alone. What
the current warms and the mount cools does not hang on the thermometer, but for where it began.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Numbers = float | np.ndarray

LONGEST_S = 600.0
"""A longer gap than this begins again at what is measured."""

NEEDS = ("heat_capacity_j_k", "conductance_w_k", "mount_degc")


KEPT = ("battery_unheated_degc", "battery_heated_k")


def step(
    constants: Mapping[str, Numbers],
    resistance_ohm: Numbers,
    before: Mapping[str, np.ndarray],
    amps_before: np.ndarray,
    amps: np.ndarray,
    dt_s: np.ndarray,
) -> dict[str, np.ndarray]:
    """KEPT `dt_s` after they were as `before`, NaN after a long gap; arrays (N,), float32.

    C dT/dt = I^2 R - G (T - mount), with the heat taken as constant between the middles of two
    windows (a single node: Gilmore, Spacecraft Thermal Control Handbook, ch. 15). It is linear, so
    what the current has made of the temperature is kept apart: with the nominal `resistance_ohm`,
    to be multiplied by what is learnt of the satellite's own, however late that is.
    """
    keeps = np.exp(-dt_s * constants["conductance_w_k"] / constants["heat_capacity_j_k"])
    heat_w = 0.5 * (amps_before * amps_before + amps * amps) * resistance_ohm
    mount = constants["mount_degc"]
    found = (
        mount + (before["battery_unheated_degc"] - mount) * keeps,
        before["battery_heated_k"] * keeps + heat_w / constants["conductance_w_k"] * (1 - keeps),
    )
    known = dt_s <= LONGEST_S
    return {
        name: np.where(known, value, np.nan).astype(np.float32)
        for name, value in zip(KEPT, found, strict=True)
    }
