"""The optical terminals: power received from each neighbour, what is up, what it carries."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orbitwin.physics import links
from orbitwin.spacecraft.own import Array, Own, any_of, over_rows


def derived(own: Own) -> dict[str, Any]:
    """What follows from the parameters of the terminals, by link where they differ.

    `link{k}_full_dbm`: received when all that is sent is collected; `link{k}_near2`: 1 over the
    square of the range up to which it is, by Friis.  Ranges enter as d^2 = mean - swing
    cos(2u + 2 phase).
    """
    count = int(own["links"])
    made: dict[str, Any] = {}
    wavelength_m = own["wavelength_nm"] * 1e-9
    sight_m = links.longest_sight_m(own["altitude_m"], own["altitude_m"])
    sent: Any = 0.0
    rate: Any = 0.0
    for k in range(count):
        given = {key: own[f"link{k}_{key}"] for key in ("transmit_w", "system_loss_db")}
        sent_dbm = links.to_dbm(given["transmit_w"] * own["transmit_ratio"])
        gain = links.aperture_gain_ratio(
            own[f"link{k}_aperture_m"], wavelength_m, own["aperture_efficiency_ratio"]
        )
        least2, most2 = own[f"link{k}_least_m"] ** 2, own[f"link{k}_most_m"] ** 2
        phase = 2 * own[f"link{k}_phase_rad"]
        near2 = 1 / (gain * wavelength_m / (4 * np.pi)) ** 2
        full_dbm = sent_dbm - given["system_loss_db"] + own.get(f"link{k}_offset_db", 0.0)
        if np.all(least2 == most2):  # nothing changes over the orbit
            full_dbm = full_dbm + _spread_db(least2 * near2)
            if np.all(least2 > sight_m**2):
                full_dbm = full_dbm * 0.0 + links.NO_SIGNAL_DBM
        swing = (most2 - least2) / 2
        made |= {
            f"link{k}_gain": gain,
            f"link{k}_full_dbm": full_dbm,
            f"link{k}_mean2": (least2 + most2) / 2 * near2,
            f"link{k}_swing2_cos": swing * np.cos(phase) * near2,
            f"link{k}_swing2_sin": swing * np.sin(phase) * near2,
            f"link{k}_sight2": sight_m**2 * near2,
        }
        sent = sent + sent_dbm / count
        rate = rate + own[f"link{k}_rate_gbps"]
    return made | {"tx_dbm": sent, "all_rate_gbps": rate}


def _spread_db(ratio: Any) -> Any:
    """Loss by distance, dB (<= 0): Friis, held at no loss where all that is sent is collected.

    `ratio` is the range over that at which it begins, squared (`links.received_w`)."""
    return np.log(np.maximum(ratio, 1)) * -links.DECIBEL_PER_NEPER


def received_dbm(own: Own, u_rad: Array, attitude_wave: Array | float) -> list[Array]:
    """Power that each terminal receives, dBm, K arrays (N,), at arguments of latitude (N,)."""
    cos_2u = sin_2u = None
    wave = np.asarray(attitude_wave, np.float32)[()]
    jitter_rad = own["jitter_urad"] * (1e-6 * (1 + own["pointing_wobble_ratio"] * wave))
    found: list[Array] = []
    lost: dict[float, Any] = {}
    for k in range(int(own["links"])):
        gain = own[f"link{k}_gain"]
        key = gain if isinstance(gain, float) else float(k)
        if key not in lost:
            lost[key] = _pointing_db(own, gain, jitter_rad)
        dbm = own[f"link{k}_full_dbm"] + lost[key]
        if any_of(own[f"link{k}_swing2_cos"]) or any_of(own[f"link{k}_swing2_sin"]):
            if cos_2u is None:
                cos_2u, sin_2u = np.cos(2 * u_rad), np.sin(2 * u_rad)
            ratio = own[f"link{k}_mean2"] - own[f"link{k}_swing2_cos"] * cos_2u
            ratio += own[f"link{k}_swing2_sin"] * sin_2u
            sight2 = own[f"link{k}_sight2"]
            hidden = ratio > sight2 if ratio.max(initial=0) > np.min(sight2) else None
            dbm = dbm + _spread_db(ratio)
            if hidden is not None:
                dbm = np.where(hidden, np.float32(links.NO_SIGNAL_DBM), dbm)
        found.append(over_rows(dbm, u_rad.shape))
    return found


def _pointing_db(own: Own, gain: Any, jitter_rad: Any) -> Any:
    """Mean loss by bias and jitter, dB (<= 0): `links.pointing_loss_ratio` in decibels."""
    spread = 1 + (2 * gain) * jitter_rad * jitter_rad
    nepers = np.log(spread)
    bias_urad = own["pointing_bias_urad"]
    if any_of(bias_urad):
        nepers = nepers + gain * (bias_urad * 1e-6) ** 2 / spread
    return nepers * -links.DECIBEL_PER_NEPER


def link_values(
    own: Own,
    u_rad: Array,
    attitude_wave: Array | float = 0.0,
    down: NDArray[np.bool_] | None = None,
) -> dict[str, Array]:
    """Columns of the optical terminals at arguments of latitude `u_rad` (N,).

    `down` (K, N) says which terminals search for their neighbour.  A link whose margin is below
    0 dB is not up either, nor one of a terminal that is lost.
    """
    dbm = received_dbm(own, u_rad, attitude_wave)
    count = len(dbm)
    rows = u_rad.shape
    sensitivity = np.float32(own["sensitivity_dbm"])
    least, mean = dbm[0], dbm[0]
    for other in dbm[1:]:
        least, mean = np.minimum(least, other), mean + other
    least, mean = least.copy(), mean * np.float32(1 / count)
    links_up = np.full(rows, count, np.float32)
    rate = over_rows(own["all_rate_gbps"], rows).copy()
    lacking = least < sensitivity
    if down is not None:
        lacking |= down.any(axis=0)
    if any_of(own["terminals_lost"]):
        lacking |= own["terminals_lost"] > 0
    fec = links.fec_ratio(least - sensitivity)
    at = np.flatnonzero(lacking)
    if len(at):
        some = np.stack([values[at] for values in dbm])
        up = some >= sensitivity
        if down is not None:
            up &= ~down[:, at]
        lost = over_rows(own["terminals_lost"], rows)[at]
        up &= np.arange(count)[:, None] >= lost
        number = up.sum(axis=0).astype(np.float32)
        any_up = number > 0
        weakest = np.where(up, some, np.float32(np.inf)).min(axis=0)
        total = np.where(up, some, np.float32(0)).sum(axis=0)
        nothing = np.float32(links.NO_SIGNAL_DBM)
        least[at] = np.where(any_up, weakest, nothing)
        mean[at] = np.where(any_up, total / np.maximum(number, 1), nothing)
        links_up[at] = number
        rate[at] = sum(up[k] * _of(own[f"link{k}_rate_gbps"], at) for k in range(count))
        worst = np.where(any_up, weakest - sensitivity, np.float32(np.inf))
        fec[at] = links.fec_ratio(worst)
    return {
        "rx_min_dbm": least,
        "rx_mean_dbm": mean,
        "links_up": links_up,
        "fec_ratio": fec,
        "link_rate_gbps": rate,
    }


def _of(value: Any, at: NDArray[np.intp]) -> Any:
    return value[at] if isinstance(value, np.ndarray) else np.float32(value)


def slow(own: Own, attitude_wave: Array) -> dict[str, Array]:
    """Columns of the slow packet."""
    rows = attitude_wave.shape
    return {
        "tx_dbm": over_rows(own["tx_dbm"], rows),
        "pointing_urad": over_rows(own["pointing_bias_urad"], rows),
        "jitter_urad": own["jitter_urad"] * (1 + own["pointing_wobble_ratio"] * attitude_wave),
    }
