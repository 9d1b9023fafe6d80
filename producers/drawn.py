"""What sets the satellites of a synthetic fleet apart: parameters, waves, lost links; by blocks.

A block is consecutive rows of one kind of satellite that fit the processor's cache.  Everything is
a function of (seed, row, name of the parameter): a spread that is added or changed moves no other
draw, and neither does another number of shells.
"""

from __future__ import annotations

import zlib
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orbitwin import spacecraft
from orbitwin.layout import Layout
from orbitwin.physics import orbit as orbits
from orbitwin.physics.constants import DAY_S, MICROSECONDS_PER_SECOND
from orbitwin.profile import Profile
from orbitwin.spacecraft import Array

WAVE_PERIODS_S = ((40.0, 90.0), (110.0, 240.0), (280.0, 600.0))
"""Of the three sines that make a wave, drawn for each satellite [assumption]."""
TERMINAL_SPREAD_DB = 0.25  # of the terminals of one satellite [assumption]
CELL_SPREAD_V = 0.004  # of the lowest cell below the mean, beside its nominal 10 mV [assumption]
LARGEST_SIGMA = 3.0  # parameters are drawn no farther out
WAVES = ("load", "attitude")
COUNTS = ("resets", "ce", "ue", "sdc")
MOST = 4_294_967_040.0  # the largest float32 that a uint32 holds
OTHER_STREAMS = 2  # of draws that no parameter names


class Block:
    """Rows of a fleet: their own parameters, state and waves."""

    def __init__(self, rows: slice, numbers: dict[str, float]) -> None:
        self.rows = rows
        self.size = rows.stop - rows.start
        self.own: dict[str, Any] = dict(numbers)
        self.state: dict[str, Array] = {}
        self.links = int(numbers["links"])
        self.wave_phase: dict[str, NDArray[np.uint32]] = {}
        self.wave_rate: dict[str, NDArray[np.uint32]] = {}
        self.key: NDArray[np.uint32] = np.empty(0, np.uint32)
        self.slot_start: NDArray[np.int64] = np.empty(0, np.int64)
        self.job_start_s: Array = np.empty(0, np.float32)
        self.acquired: NDArray[np.float64] = np.empty(0)  # counted before the state began
        self.launch_rad: NDArray[np.float64] = np.empty(0)
        self.exposed_us = 0  # until when the dose counts
        self._changed: tuple[Any, dict[str, Any]] | None = None

    def under(self, faults: Any, t_us: int) -> dict[str, Any]:
        """`own` as faults leave it at a time."""
        if faults is None:
            return self.own
        changed = faults.apply(self.own, self.rows, t_us)
        if changed is self.own:
            return self.own
        if self._changed is None or self._changed[0] is not changed:
            own = dict(changed)
            spacecraft.derive(own)
            self._changed = changed, own
        return self._changed[1]

    def wave(self, what: str, t_us: int) -> Array:
        """Three sines (N,) of a satellite's own periods, together as strong as one of amplitude 1.

        Phases are 32-bit fractions of a turn and rates those a millisecond: their overflow is
        exactly the wrap.
        """
        now = np.uint32(t_us // 1000 % 2**32)
        total: Any = np.float32(0)
        for phase, rate in zip(self.wave_phase[what], self.wave_rate[what], strict=True):
            total = total + np.sin(orbits.angle_of(phase + rate * now))
        return total * np.float32(3**-0.5)

    def down(self, own: dict[str, Any], t_us: int) -> NDArray[np.bool_] | None:
        """Terminals (K, N) that search for their neighbour; None when none does.

        Time is cut into slots of one acquisition, staggered over the fleet; in a slot a terminal
        is down with the probability that gives the profile's reacquisitions a day.  A hash of the
        satellite and the slot says who may lose any, and only theirs are looked at one by one.
        """
        slot_s = max(1, round(float(np.mean(own["acquisition_s"]))))
        share = own["reacquisitions_per_day"] * own["reacquisition_ratio"] * (slot_s / DAY_S)
        share = np.minimum(share, 1)
        any_share = np.minimum(self.links * share, 1)
        if not np.any(any_share):
            return None
        slot = ((self.slot_start + t_us // MICROSECONDS_PER_SECOND) // slot_s).astype(np.uint32)
        drawn = mixed(self.key + slot)
        at = np.flatnonzero(drawn <= np.asarray(any_share * MOST, np.uint32))
        if not len(at):
            return None
        given = np.broadcast_to(share / np.maximum(any_share, 1e-12), self.size)[at]
        terminal = np.arange(1, self.links + 1, dtype=np.uint32)[:, None] * np.uint32(0x9E3779B9)
        lost = mixed(drawn[at] + terminal) < given * MOST
        found = np.zeros((self.links, self.size), bool)
        found[:, at] = lost
        return found


def mixed(x: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The finaliser of MurmurHash3 (Appleby, public domain): evenly spread 32-bit numbers."""
    x = x ^ (x >> np.uint32(16))
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    return x


def rng(seed: int, *stream: int) -> np.random.Generator:
    """A stream of random numbers of its own."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence((seed, *stream))))


def blocks(profile: Profile, layout: Layout, seed: int) -> list[Block]:
    """The fleet in blocks, each satellite with parameters of its own."""
    made = [Block(rows, numbers) for rows, numbers in _cuts(layout, layout.numbers(profile))]
    for name, sigma in profile.spread.items():
        if sigma:
            _spread(made, layout, seed, name, sigma)
    draw = _Draw(seed, len(layout))
    for what in COUNTS:
        draw.into(made, f"count_{what}", "uniform")
    draw.into(made, "cell_low_v", "cell")
    for k in range(max(block.links for block in made)):
        draw.into(made, f"link{k}_offset_db", "terminal")
    draw.waves(made)
    draw.terminals(made)
    draw.jobs(made)
    for block in made:
        spacecraft.derive(block.own)
    return made


def _cuts(
    layout: Layout, numbers: tuple[dict[str, float], ...]
) -> list[tuple[slice, dict[str, float]]]:
    """Consecutive rows of one kind, at most BLOCK_ROWS: shells of equal numbers are one kind."""
    kinds = [next(k for k, other in enumerate(numbers) if other == own) for own in numbers]
    kind = np.array(kinds)[layout.shell_index]
    edges = [0, *(np.flatnonzero(np.diff(kind)) + 1).tolist(), len(layout)]
    return [
        (slice(low, min(low + orbits.BLOCK_ROWS, end)), numbers[kind[first]])
        for first, end in pairwise(edges)
        for low in range(first, end, orbits.BLOCK_ROWS)
    ]


def _spread(made: list[Block], layout: Layout, seed: int, name: str, sigma: float) -> None:
    """Draw a parameter around its nominal value; with it that of each terminal."""
    draw = rng(seed, 0, zlib.crc32(name.encode())).standard_normal(len(layout), np.float32)
    np.clip(draw, -LARGEST_SIGMA, LARGEST_SIGMA, out=draw)
    draw *= np.float32(sigma)
    draw += 1
    for block in made:
        for key in (name, *(f"link{k}_{name}" for k in range(block.links))):
            if key in block.own:
                values = np.float32(block.own[key]) * draw[block.rows]
                if name.endswith("_ratio") and block.own[key] <= 1:
                    np.minimum(values, 1, out=values)
                block.own[key] = values


class _Draw:
    """Draws that no parameter names, each from a stream of its own."""

    def __init__(self, seed: int, rows: int) -> None:
        self.seed, self.rows = seed, rows

    def _rng(self, name: str) -> np.random.Generator:
        return rng(self.seed, OTHER_STREAMS, zlib.crc32(name.encode()))

    def into(self, made: list[Block], name: str, kind: str) -> None:
        stream = self._rng(name)
        if kind == "uniform":
            values = stream.random(self.rows, np.float32)
        else:
            values = stream.standard_normal(self.rows, np.float32)
            if kind == "terminal":
                values *= np.float32(TERMINAL_SPREAD_DB)
            else:
                low_v = spacecraft.NEUTRAL["cell_low_v"]
                values = np.float32(low_v) + np.abs(values) * np.float32(CELL_SPREAD_V)
        for block in made:
            block.own[name] = values[block.rows]

    def waves(self, made: list[Block]) -> None:
        for what in WAVES:
            stream = self._rng(f"{what} wave")
            phase = stream.integers(0, 2**32, (len(WAVE_PERIODS_S), self.rows), np.uint32)
            rate = np.empty_like(phase)
            for row, (least_s, most_s) in enumerate(WAVE_PERIODS_S):
                period_s = stream.random(self.rows, np.float32) * (most_s - least_s) + least_s
                rate[row] = (2**32 / 1000 / period_s).astype(np.uint32)
            for block in made:
                block.wave_phase[what] = phase[:, block.rows]
                block.wave_rate[what] = rate[:, block.rows]

    def terminals(self, made: list[Block]) -> None:
        stream = self._rng("terminals")
        key = stream.integers(0, 2**32, self.rows, np.uint32)
        slot = stream.integers(0, int(DAY_S), self.rows, np.int64)
        count = stream.random(self.rows)
        for block in made:
            block.key, block.slot_start = key[block.rows], slot[block.rows]
            block.acquired = count[block.rows]

    def jobs(self, made: list[Block]) -> None:
        """Neighbouring satellites work on one job, and write its checkpoints together."""
        starts = self._rng("jobs").random(self.rows)
        for block in made:
            job = np.arange(block.rows.start, block.rows.stop) // int(block.own["job_satellites"])
            start = starts[job] * block.own["checkpoint_interval_s"]
            block.job_start_s = start.astype(np.float32)
