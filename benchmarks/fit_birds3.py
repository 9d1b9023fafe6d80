"""Fit the model of BIRDS-3's bus to a healthy satellite's recording.

    python benchmarks/fit_birds3.py [WORKBOOK]

Prints the numbers of `orbitwin/vehicles/birds3.toml` that come from data. The recording is that of
NEPALISAT, three orbits, unless another is named. Means over 10 s are fitted, as the processors
make them; spreads are robust (median of absolute deviations over 0.6745), slopes are least squares.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

from orbitwin import catalogue
from orbitwin.vehicle import Vehicle
from producers import recording, sources

DATA = Path(__file__).parents[1] / "tests" / "data" / "birds_eps"
PANELS = ("py", "px", "mz", "mx", "pz")
WINDOW_S = 10
DARK_MV = 1_450.0  # no panel shows more: the Sun is behind the Earth
FEEDS_MA = 60.0  # a panel that gives so much is on the bus
BURST_W = 1.5  # the transmitter is on above


def readings(path: Path, vehicle: Vehicle) -> pl.DataFrame:
    """Every row of a workbook: `t_s` and the parameters in their units."""
    played = recording.read([path], vehicle, sources.read_tables)
    columns = {n: vehicle.parameters[n].decode(c) for n, c in played.codes.items()}
    return pl.DataFrame({"t_s": played.t_us * 1e-6, **columns}).cast(pl.Float64)


def fit(rows: pl.DataFrame) -> dict[str, float]:
    """The numbers by the names that they have in the file, or `NAME.key` of a channel."""
    means = (
        rows.with_columns(window=(pl.col("t_s") // WINDOW_S).cast(pl.Int64))
        .group_by("window", maintain_order=True)
        .mean()
    )
    v_mv = _panels(means, "mv")
    i_ma = _panels(means, "ma")
    battery_v, battery_ma = means["battery_v"].to_numpy(), means["battery_ma"].to_numpy()
    follows = np.diff(means["window"].to_numpy(), prepend=-9) == 1
    dark = v_mv.max(axis=0) < DARK_MV
    return {
        **_dark(v_mv, dark),
        **_bus(v_mv, i_ma, follows),
        **_load(v_mv, i_ma, battery_v, battery_ma, dark),
        **_sunlight(v_mv, i_ma, battery_v, battery_ma),
        **_battery(battery_v, battery_ma, follows),
        **_noise(rows),
    }


def _panels(frame: pl.DataFrame, unit: str) -> np.ndarray:
    return np.array([frame[f"panel_{p}_{unit}"].to_numpy() for p in PANELS])


def _sigma(values: np.ndarray) -> float:
    return float(np.median(np.abs(values - np.median(values))) / 0.6745)


def _dark(v_mv: np.ndarray, dark: np.ndarray) -> dict[str, float]:
    """What the panels' circuits show in the dark, over the panels."""
    offsets = np.median(v_mv[:, dark], axis=1)
    return {
        "dark_least_mv": float(v_mv.min()),
        "dark.nominal": float(offsets.mean()),
        "dark.spread": float(offsets.std(ddof=1)),
    }


def _bus(v_mv: np.ndarray, i_ma: np.ndarray, follows: np.ndarray) -> dict[str, float]:
    """V - max V of the others = offset + R (I - max I of the others) of panels that give current.

    One resistance for all, an offset for each.
    """
    gap, current, owner, step = [], [], [], []
    for k in range(len(PANELS)):
        others = np.arange(len(PANELS)) != k
        before = np.r_[0, i_ma[k][:-1]]
        most_ma = i_ma[others].max(axis=0)
        on = follows & (i_ma[k] > FEEDS_MA) & (before > FEEDS_MA) & (most_ma > FEEDS_MA)
        gap.append((v_mv[k] - v_mv[others].max(axis=0))[on])
        current.append((i_ma[k] - most_ma)[on])
        owner.append(np.full(on.sum(), k))
        step.append(np.diff(np.flatnonzero(on), prepend=-9) == 1)
    y, x, whose = np.concatenate(gap), np.concatenate(current), np.concatenate(owner)
    columns = np.column_stack([x, *(whose == n for n in range(len(PANELS)))]).astype(float)
    found = np.linalg.lstsq(columns, y, rcond=None)[0]
    rest = y - columns @ found
    beside = np.concatenate(step)[1:]
    return {
        "panel_ohm": float(found[0]),
        "bus.spread": float(found[1:].std(ddof=1)),
        "bus.sigma": _sigma(np.diff(rest)[beside]) / np.sqrt(2),
    }


def _load(
    v_mv: np.ndarray,
    i_ma: np.ndarray,
    battery_v: np.ndarray,
    battery_ma: np.ndarray,
    dark: np.ndarray,
) -> dict[str, float]:
    """Battery power = load - regulator ratio x array power, the transmitter off."""
    array_w = (v_mv * i_ma).sum(axis=0) * 1e-6
    battery_w = battery_v * battery_ma * 1e-3
    ratio, load_w = 0.85, 1.0
    for _ in range(5):  # each time without the bursts that the last fit shows
        quiet = battery_w + ratio * array_w < BURST_W
        columns = np.column_stack([np.ones(quiet.sum()), -array_w[quiet]])
        load_w, ratio = np.linalg.lstsq(columns, battery_w[quiet], rcond=None)[0]
    rest = (battery_w + ratio * array_w - load_w)[quiet]
    return {
        "regulator_ratio": float(ratio),
        "battery_ma.nominal": float(load_w),
        "battery_ma.sigma_w": _sigma(rest),
    }


def _sunlight(
    v_mv: np.ndarray, i_ma: np.ndarray, battery_v: np.ndarray, battery_ma: np.ndarray
) -> dict[str, float]:
    """Root of the sum of the squares of the panels' currents while the battery charges.

    Currents go with the cosines between three axes and the Sun, whose squares add up to 1. There
    is no -Y panel, so the +Y panel must see the Sun.
    """
    charges = (battery_v < 4.13) & (battery_ma < -150) & (v_mv.max(axis=0) < 4_770)
    whole = np.sqrt(np.square(i_ma).sum(axis=0))[charges & (i_ma[0] > 40)]
    return {"full_sun_ma": float(np.median(whole)), "array_ma.sigma": _sigma(whole)}


def _battery(
    battery_v: np.ndarray, battery_ma: np.ndarray, follows: np.ndarray
) -> dict[str, float]:
    """dV = -R dI from one window to the next, where the current changes by 50 mA or more."""
    change_a = np.diff(battery_ma, prepend=0)[1:] * 1e-3
    change_v = np.diff(battery_v)
    some = follows[1:] & (np.abs(change_a) > 0.05)
    x, y = change_a[some], change_v[some]
    return {"battery_ohm": float(-(x @ y) / (x @ x))}


def _noise(rows: pl.DataFrame) -> dict[str, float]:
    """Steps of the sensors, and the noise of the battery's current in the dark, by differences."""
    found = {}
    for name, parameters in (
        ("panel_mv", [f"panel_{p}_mv" for p in PANELS]),
        ("panel_ma", [f"panel_{p}_ma" for p in PANELS]),
        ("battery_v", ["battery_v"]),
        ("battery_ma", ["battery_ma"]),
        ("battery_t_degc", ["battery_t_degc"]),
    ):
        values = np.unique(np.concatenate([rows[p].to_numpy().round(3) for p in parameters]))
        found[f"{name}.step"] = float(np.median(np.diff(values)))
    dark = _panels(rows, "mv").max(axis=0) < DARK_MV
    steps = np.diff(rows["battery_ma"].to_numpy())[dark[1:] & dark[:-1]]
    found["battery_ma.noise"] = _sigma(steps) / float(np.sqrt(2))
    return found


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA / "NEPALISAT.xlsx"
    for name, value in fit(readings(path, catalogue.load("birds3"))).items():
        print(f"{name} = {value:.4g}")


if __name__ == "__main__":
    main()
