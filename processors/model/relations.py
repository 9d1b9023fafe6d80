"""The channels of a vehicle type, taken apart: what they name, what noise is in it, how they are
evaluated on the means of a window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from orbitwin.column import Column
from orbitwin.expression import Expression, evaluate
from orbitwin.vehicle import BEFORE, RATE, Channel, Vehicle
from processors.model.environment import PLACE, by

STUCK_WINDOWS = 5
"""Fewest windows of exactly one sum that make a sensor stuck; more where the noise is small."""

STUCK_CHANCE = 1e-9
"""Most likely that a healthy sensor looks stuck, a window."""

NEVER_STUCK = 255
"""Where the resolution swallows the noise: such a sensor may well repeat itself."""

MOVED = "__moved"
"""Behind the name of a column that is moved for a derivative."""

PERTURBED_SIGMAS = 0.5
"""Step of the numerical derivatives, in standard deviations of a reading: much larger than what
float32 rounds, and small where a noisy reading stands in a denominator (a coolant flow of ten
sigmas: a step of four would take 30 % off the derivative of its reciprocal)."""


@dataclass(frozen=True)
class Sensor:
    """A name with noise in it: the parameter behind it, the variance of one reading, and whether
    a constant error of the parameter shows in it (in a rate it does not).

    What is worked out from parameters outside the channels' expressions is noisy by each of them:
    there `of` is the quantity that moves, and the name that of its change with the parameter.
    """

    parameter: str
    variance: float
    shows: bool = True
    of: str | None = None


@dataclass(frozen=True)
class Relations:
    """The channels of a vehicle type, taken apart once.

    `packet_of[c]` is the packet without whose newer row channel c is not judged again: a slow
    reading must not count six times. `sensors[c]` are the parameters (or NAME_before) with noise
    that channel c names.
    """

    channels: tuple[Channel, ...]
    learning: tuple[int, ...]
    packet_of: tuple[str | None, ...]
    sensors: tuple[tuple[str, ...], ...]
    noise: Mapping[str, Sensor]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every name that an expression of a channel uses, and the changes behind them."""
        used = (n for c in self.channels for e in expressions_of(c) for n in e.names)
        return tuple(dict.fromkeys([*used, *self.noisy]))

    @cached_property
    def slack(self) -> np.ndarray:
        """Slack of each channel, sigmas (channels,)."""
        return np.array([c.slack for c in self.channels], dtype=np.float32)

    @cached_property
    def noisy(self) -> tuple[str, ...]:
        """Every name with noise that some channel uses."""
        return tuple(dict.fromkeys(n for names in self.sensors for n in names))

    def column_of(self, name: str) -> str:
        """What moves in the expressions with a noisy name."""
        return self.noise[name].of or name

    @cached_property
    def _parts(self) -> dict[str, Expression]:
        return {f"{kind}{c}": e for c, one in enumerate(self.channels) for kind, e in _by(one)}

    @cached_property
    def fixed(self) -> dict[str, float]:
        """Those parts that are one number."""
        return {k: float(e({}, 1)[0]) for k, e in self._parts.items() if not e.names}

    @cached_property
    def expressions(self) -> dict[str, Expression]:
        """Parts of the channels by kind and number; and, with a name behind, what they are with
        that name's column moved a little. One evaluation of all of them is ten times as fast as
        one for each name."""
        found = {k: e for k, e in self._parts.items() if e.names}
        for c, one in enumerate(self.channels):
            for kind, e in _by(one)[:3]:
                for name in self.sensors[c]:
                    column = self.column_of(name)
                    if column in e.names and not _is_name(e):
                        found[f"{kind}{c}{name}"] = e.renamed(column, name + MOVED)
        return found

    @cached_property
    def learnt(self) -> dict[int, int]:
        """Row of the learnt arrays of each learning channel."""
        return {c: row for row, c in enumerate(self.learning)}

    @cached_property
    def channels_of(self) -> dict[str, tuple[int, ...]]:
        """Channels in which a constant error of a parameter shows."""
        return {
            parameter: tuple(
                c
                for c, names in enumerate(self.sensors)
                if any(self.noise[n].parameter == parameter and self.noise[n].shows for n in names)
            )
            for parameter in self.parameters
        }

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Sensors by the parameter's own name: what may be wrong beside the satellite."""
        return tuple(
            dict.fromkeys(self.noise[n].parameter for names in self.sensors for n in names)
        )


def expressions_of(channel: Channel) -> tuple[Expression, ...]:
    parts = (channel.measured, channel.predicted, channel.slope, channel.sigma, channel.when)
    return tuple(e for e in parts if e is not None)


def relations(
    vehicle: Vehicle, navigation: Mapping[str, str], noise_of: Mapping[str, float] | None = None
) -> Relations:
    """Take a vehicle's channels apart. `navigation[name]` is the packet behind a quantity of the
    environment that is worked out from a fix, `noise_of` what a fleet's sensors have, the vehicle
    type's unless given."""
    told = vehicle.noise if noise_of is None else noise_of
    packet_of = dict(navigation)
    for packet in vehicle.packets.values():
        for name in packet.by_name:
            packet_of |= dict.fromkeys((name, name + BEFORE, name + RATE), packet.name)
    noise = {}
    for name, column in vehicle.parameters.items():
        variance = reading_variance(column, told.get(name, 0.0))
        if variance > 0:
            noise[name] = Sensor(name, variance)
            noise[name + BEFORE] = Sensor(name, variance)
            noise[name + RATE] = Sensor(name, variance, shows=False)
            if name in PLACE:
                noise |= {by(n, name): Sensor(name, variance, of=n) for n in navigation}
    sources = []
    for channel in vehicle.channels:
        found = {packet_of[n] for n in channel.measured.names if n in packet_of}
        alone = found and vehicle.primary.name not in found
        sources.append(min(found) if alone else None)
    sensors = []
    for channel in vehicle.channels:
        parts = (channel.measured, channel.predicted, channel.slope)
        used = {n for e in parts for n in e.names}
        sensors.append(tuple(n for n, sensor in noise.items() if (sensor.of or n) in used))
    return Relations(
        vehicle.channels,
        tuple(c for c, channel in enumerate(vehicle.channels) if channel.learns),
        tuple(sources),
        tuple(sensors),
        noise,
    )


def reading_variance(column: Column, noise: float) -> float:
    """Variance of one reading: the sensor's noise and its rounding, r^2 / 12 for a resolution r.

    0 for counts and codes without noise: their rounding is no error.
    """
    exact = noise == 0 and (bool(column.values) or column.resolution == 1.0)
    return 0.0 if exact else noise**2 + column.resolution**2 / 12


def stuck_windows(noise: float, resolution: float, samples: float) -> int:
    """Windows of one and the same sum after which a sensor with that noise must be stuck.

    Two sums of `samples` rounded readings are equal by chance 1 / (2 sqrt(pi) s) of the time, s
    being the sum's sigma in codes (two normals agree on a lattice point).
    """
    if noise < 0.5 * resolution:
        return NEVER_STUCK
    sigma_codes = np.sqrt(samples * ((noise / resolution) ** 2 + 1 / 12))
    chance = min(0.9, 1 / (2 * np.sqrt(np.pi) * sigma_codes))
    needed = int(np.ceil(np.log(STUCK_CHANCE) / np.log(chance)))
    return min(NEVER_STUCK - 1, max(STUCK_WINDOWS, needed))


# --- evaluation --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """A window as the channels see it; lists by channel of float32 (N,), NaN where unknown.

    `derivative[c][name]` is that of measured - predicted - theta slope by a parameter.
    `variance` is the channel's noise without what theta adds.
    """

    measured: list[np.ndarray]
    predicted: list[np.ndarray]
    slope: list[np.ndarray]
    variance: list[np.ndarray]
    holds: list[np.ndarray | None]
    derivative: list[dict[str, np.ndarray]]


def look(
    relations: Relations,
    columns: Mapping[str, np.ndarray | float],
    theta: Sequence[np.ndarray | float],
    shares: Mapping[str, np.ndarray | float],
    rows: int,
) -> Look:
    """Evaluate every channel on `columns` (N,), and once more for each noisy name in it.

    `theta[c]` is a channel's present value (N,); `shares[name]` the variance of a name's value
    as a share of that of one reading, 1 where it is not told.
    """
    moved: dict[str, np.ndarray] = {}
    shifts: dict[str, np.ndarray] = {}
    steps: dict[str, np.ndarray] = {}
    for name in relations.noisy:
        column = relations.column_of(name)
        old = np.asarray(columns[column], dtype=np.float32)
        step = float(PERTURBED_SIGMAS * np.sqrt(relations.noise[name].variance))
        moves = np.float32(step) * np.asarray(1 if column == name else columns[name], np.float32)
        moved[name + MOVED] = new = old + moves
        shifts[name] = new - old  # as float32 really has it
        steps[name] = shifts[name] if column == name else np.asarray(step, np.float32)
    found = evaluate(relations.expressions, {**columns, **moved}, rows)
    found |= {k: np.full(rows, v, dtype=np.float32) for k, v in relations.fixed.items()}
    channels = range(len(relations.channels))
    variance = [np.square(found[f"sigma{c}"]) for c in channels]
    derivative: list[dict[str, np.ndarray]] = [{} for _ in channels]
    for c in channels:
        for name in relations.sensors[c]:
            change: np.ndarray | float = 0.0
            for (kind, e), sign in zip(
                _by(relations.channels[c]), (1, -1, -theta[c]), strict=False
            ):
                if relations.column_of(name) not in e.names:
                    continue
                if _is_name(e):
                    change = change + sign * shifts[name]
                else:
                    change = change + sign * (found[f"{kind}{c}{name}"] - found[f"{kind}{c}"])
            with np.errstate(divide="ignore", invalid="ignore"):
                # a parameter that only `sigma` or `when` names changes nothing
                slope = np.broadcast_to(change / steps[name], rows)
            derivative[c][name] = slope
            own = np.float32(relations.noise[name].variance) * shares.get(name, np.float32(1))
            with np.errstate(over="ignore"):  # beyond all that is judged
                variance[c] += slope * slope * own
    return Look(
        [found[f"measured{c}"] for c in channels],
        [found[f"predicted{c}"] for c in channels],
        [found[f"slope{c}"] for c in channels],
        variance,
        [found[f"when{c}"] > 0.5 if f"when{c}" in found else None for c in channels],
        derivative,
    )


def _is_name(expression: Expression) -> bool:
    """Whether it is a column and nothing else."""
    return expression.text.strip() in expression.names


def _by(channel: Channel) -> list[tuple[str, Expression]]:
    parts = [
        ("measured", channel.measured),
        ("predicted", channel.predicted),
        ("slope", channel.slope),
        ("sigma", channel.sigma),
    ]
    return parts if channel.when is None else [*parts, ("when", channel.when)]
