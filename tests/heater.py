"""A synthetic fleet of the test vehicle `tests/data/heater.toml`, for tests of the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from orbitwin import catalogue, fleet
from orbitwin.contract import Frame
from tests.processing import SECOND_US, T0_US, fleet_of

HEATER = catalogue.load(Path(__file__).parent / "data" / "heater.toml")
START_US = T0_US - T0_US % (60 * SECOND_US)  # a whole minute


def heaters(rows: int, name: str = "f", **more: Any) -> fleet.Fleet:
    return fleet_of(rows, HEATER, name, **more)


@dataclass
class Truth:
    """Satellites that keep the relations of the file: true values by name, shape (rows,).

    A test changes `resistance_k_w`, `wall_k_w`, `battery_ohm`, or puts a function of (second,
    readings) into `bias`. Everything follows from the seed.
    """

    rows: int
    seed: int = 0
    noise: bool = True
    resistance_k_w: Any = 0.05
    wall_k_w: Any = 0.02
    battery_ohm: Any = 0.2
    leaks: Any = 20.0
    bias: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.charge_wh = np.full(self.rows, 200.0)

    def readings(self, second: int) -> dict[str, np.ndarray]:
        """Measured values of both packets at a second, which have to be asked for in order."""
        rng = np.random.default_rng((self.seed, second))
        one = np.ones(self.rows)
        heater_v = 28.0 + 2.0 * np.sin(second / 97.0) * one
        heater_a = heater_v / 1.5
        heater_w = heater_v * heater_a
        wall = 10.0 + self.wall_k_w * heater_w
        amps = 10.0 * np.cos(second / 300.0) * one
        ratio = self.charge_wh / 400.0
        rested = 8 * np.interp(ratio, [0, 0.5, 1], [3.0, 3.6, 4.2])
        volts = rested + amps * self.battery_ohm
        self.charge_wh += volts * amps / 3600
        found = {
            "plate_degc": wall + self.resistance_k_w * heater_w,
            "wall_degc": wall,
            "heater_w": heater_w,
            "bus_v": heater_v,
            "heater_a": heater_a,
            "battery_v": volts,
            "battery_a": amps,
            "on": one.copy(),
        }
        if self.noise:
            for name in found:
                found[name] = found[name] + rng.normal(0, HEATER.noise.get(name, 0.0), self.rows)
        found["leak_count"] = np.round(rng.normal(self.leaks * one, 4.0))
        for change in self.bias:
            change(second, found)
        return found

    def frames(self, first: int, last: int) -> Iterator[Frame]:
        """Frames of the seconds `first`..`last` - 1, the slow one at each whole minute."""
        for second in range(first, last):
            values = self.readings(second)
            yield packet("fast", second, values, self.rows)
            if second % 60 == 0:
                yield packet("slow", second, values, self.rows)


def packet(name: str, second: int, values: dict[str, np.ndarray], rows: int) -> Frame:
    columns = HEATER.packets[name].columns
    t_us = START_US + second * SECOND_US
    seq = second if name == "fast" else second // 60
    codes = {c.name: c.encode(values[c.name]) for c in columns}
    return Frame("f", HEATER.name, name, 0, 0, rows, t_us, seq, t_us, codes)
