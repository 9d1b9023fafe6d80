"""The synthetic fleet: what satellites of the vehicle type `odc` measure at any time.

Every satellite has parameters of its own, drawn around the profile's nominal ones.  The twin never
sees them: it computes with the nominal values, and what lies between is what it has to find out.

All but a few things are functions of (seed, time): orbit, sunlight, attitude, the job, counters,
sensor noise.  Stored energy, the temperatures of panel, plate, radiator and battery, and safe mode
have a memory; a run over the last orbit brings them up, so that a fleet that starts again at a
later time measures what it would have measured had it never stopped, but for their last digits.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from orbitwin.layout import Layout, scaled
from orbitwin.physics import links, power, sun
from orbitwin.physics import orbit as orbits
from orbitwin.physics.constants import MICROSECONDS_PER_SECOND, YEAR_S
from orbitwin.profile import Profile
from producers import spacecraft
from producers.spacecraft import Array

SPIN_UP_S = 6_000  # a little more than an orbit: the memory of battery and radiator
SPIN_UP_STEP_S = 30.0  # 60 s leaves 1.4 % of charge undecided in eclipse season
LONGEST_STEP_S = 30.0  # a longer gap between two calls is integrated in parts
WAVE_PERIOD_S = (40.0, 600.0)  # of load and of attitude, drawn per satellite [assumption]
TERMINAL_SPREAD_DB = 0.25  # of the terminals of one satellite [assumption]
LARGEST_SIGMA = 3.0  # parameters are drawn no farther out
PACKETS = ("fast", "nav", "slow")
_NOT_NEGATIVE = frozenset(
    {
        "array_v",
        "array_a",
        "load_w",
        "payload_w",
        "coolant_flow_kg_s",
        "fec_ratio",
        "work_done_tops",
        "dose_rad",
        "jitter_urad",
        "battery_soh_ratio",
    }
)  # what a sensor reads as zero, not as less


class Orbit(Protocol):
    """Anything that says where N satellites are."""

    def positions_m(self, t_us: int) -> NDArray[Any]:
        """GCRS positions (3, N), m, at UTC `t_us`; NaN where a satellite is nowhere."""


class Truth:
    """A synthetic fleet; `advance(t_us)` gives what it measures at that time.

    `orbit` and `layout` put the same spacecraft on other paths (SGP4 for real satellites);
    without them the profile's own fleet of `satellites` members flies.  The same (profile,
    satellites, seed) is the same fleet.  `own` holds the satellites' true parameters.
    """

    def __init__(
        self,
        profile: Profile,
        satellites: int | None = None,
        seed: int = 1,
        t0_us: int = 0,
        *,
        orbit: Orbit | None = None,
        layout: Layout | None = None,
    ) -> None:
        if (orbit is None) != (layout is None):
            raise ValueError("give both an orbit and a layout, or neither")
        self.layout: Layout
        self.orbit: Orbit
        if orbit is None or layout is None:
            self.layout, self.orbit = scaled(profile, satellites)
        else:
            self.layout, self.orbit = layout, orbit
        self.profile = profile
        self.seed = seed
        self.own = _draw(profile, self.layout, seed)
        self._ocv_v = profile.ocv_v.astype(np.float32)
        self._launch_us = profile.epoch_us - int(
            profile.power.age_years * YEAR_S * MICROSECONDS_PER_SECOND
        )
        self._blocks = [
            _Block(slice(low, min(low + orbits.BLOCK_ROWS, len(self))), self.own)
            for low in range(0, len(self), orbits.BLOCK_ROWS)
        ]
        self._spin_up(t0_us)

    def __len__(self) -> int:
        return len(self.layout)

    def state(self, name: str) -> NDArray[np.float32]:
        """One of `spacecraft.STATE` of all satellites (N,): a view, for tests and faults."""
        return self._state[name]

    def advance(
        self, t_us: int, packets: Collection[str] = PACKETS
    ) -> dict[str, NDArray[np.float32]]:
        """Measured values (N,) float32 by column, at UTC `t_us`, for the named packets.

        All are NaN for a satellite whose orbit gives no position (it has come down).
        Time may stand still or jump.  A jump back, or forward by more than an orbit, runs the
        last orbit before `t_us` instead of all that lies between.
        """
        elapsed_s = (t_us - self._t_us) / MICROSECONDS_PER_SECOND
        if not 0 <= elapsed_s <= SPIN_UP_S:
            self._spin_up(t_us)
            elapsed_s = 0.0
        parts = max(1, int(np.ceil(elapsed_s / LONGEST_STEP_S)))
        for part in range(1, parts):
            self._step(t_us - int((parts - part) * elapsed_s / parts * 1e6), elapsed_s / parts)
        measured: dict[str, NDArray[np.float32]] = {}
        place_m = self._step(t_us, elapsed_s / parts, measured if "fast" in packets else None)
        if "nav" in packets:
            for name, metres in zip(("x_m", "y_m", "z_m"), place_m, strict=True):
                measured[name] = metres.astype(np.float32)
        if "slow" in packets:
            self._slow(t_us, measured)
        self._add_noise(t_us, measured)
        gone = np.isnan(place_m[0])
        if gone.any():
            for values in measured.values():
                values[gone] = np.nan
        return measured

    def _step(
        self, t_us: int, dt_s: float, measured: dict[str, NDArray[np.float32]] | None = None
    ) -> NDArray[Any]:
        """Move all blocks on to `t_us`; put the fast packet's true values into `measured`."""
        place_m = self.orbit.positions_m(t_us)
        sun_m = sun.sun_position_m(t_us)
        flux_w_m2 = float(power.sun_flux_w_m2(float(np.linalg.norm(sun_m))))
        for block in self._blocks:
            around = spacecraft.surroundings(
                place_m[:, block.rows],
                sun_m,
                flux_w_m2,
                block.wave("load", t_us),
                block.wave("attitude", t_us),
            )
            true = spacecraft.step(block.own, block.state, around, self._ocv_v, dt_s)
            if measured is not None:
                near_m, far_m = self._ranges_m(block.rows, t_us)
                true |= spacecraft.link_values(
                    block.own, near_m, far_m, around.attitude_wave, block.links_up(t_us)
                )
                self._gather(measured, block.rows, true)
        self._t_us = t_us
        return place_m

    def _slow(self, t_us: int, measured: dict[str, NDArray[np.float32]]) -> None:
        age_s = max(0.0, (t_us - self._launch_us) / MICROSECONDS_PER_SECOND)
        interval_s = self.profile.checkpoint_interval_s
        seconds = (t_us / MICROSECONDS_PER_SECOND) % interval_s
        for block in self._blocks:
            job_s = np.mod(block.own["job_start_s"] + np.float32(seconds), np.float32(interval_s))
            true = spacecraft.slow_values(
                block.own,
                age_s,
                job_s,
                block.wave("attitude", t_us),
                self.profile.profile.software_version,
            )
            self._gather(measured, block.rows, true)

    def _gather(
        self, measured: dict[str, NDArray[np.float32]], rows: slice, true: dict[str, Array]
    ) -> None:
        for name, values in true.items():
            if name not in measured:
                measured[name] = np.empty(len(self), np.float32)
            measured[name][rows] = values

    def _add_noise(self, t_us: int, measured: dict[str, NDArray[np.float32]]) -> None:
        """Sensor noise, a function of (seed, time, column) alone."""
        for number, (name, sigma) in enumerate(self.profile.noise.items()):
            if sigma and name in measured:
                values = measured[name]
                noise = _rng(self.seed, 1, t_us, number).standard_normal(len(self), np.float32)
                noise *= np.float32(sigma)
                values += noise
                if name in _NOT_NEGATIVE:
                    np.maximum(values, 0, out=values)

    def _ranges_m(self, rows: slice, t_us: int) -> tuple[Array, Array]:
        """Distances along the two axes of the lattice, a quarter of an orbit apart in phase."""
        since_s = (t_us - self.profile.epoch_us) / MICROSECONDS_PER_SECOND
        period_s = float(orbits.period_s(self.profile.shell[0].a_m))
        angle = np.full(1, 2 * np.pi * (since_s / period_s % 1.0), np.float32)
        least, most = self.layout.range_least_m[rows], self.layout.range_most_m[rows]
        return (
            links.formation_range_m(least, most, angle),
            links.formation_range_m(least, most, angle + np.float32(np.pi / 2)),
        )

    def _spin_up(self, t_us: int) -> None:
        """Run the orbit before `t_us` from a charged and warm start."""
        self._state = spacecraft.initial_state(self.own, len(self))
        for block in self._blocks:
            block.state = {name: values[block.rows] for name, values in self._state.items()}
        for left_s in np.arange(SPIN_UP_S, -1, -SPIN_UP_STEP_S):
            self._step(t_us - int(left_s) * MICROSECONDS_PER_SECOND, SPIN_UP_STEP_S)


class _Block:
    """Rows that fit the processor's cache: their parameters (views), state and waves."""

    def __init__(self, rows: slice, own: dict[str, Any]) -> None:
        self.rows = rows
        self.size = rows.stop - rows.start
        self.own = {
            name: value[..., rows] if isinstance(value, np.ndarray) else value
            for name, value in own.items()
        }
        self.state: dict[str, Array] = {}

    def wave(self, what: str, t_us: int) -> Array:
        """Sine (N,) with each satellite's own period and phase."""
        phase = orbits.phase_at(self.own[f"{what}_phase"], self.own[f"{what}_rate"], t_us)
        return np.sin(orbits.angle_of(phase))

    def links_up(self, t_us: int) -> Array:
        """Terminals that hold a link: each is lost and found again at random, by a hash of time.

        Time is cut into slots of one acquisition, staggered over the fleet; in a slot a terminal
        is down with the probability that gives the profile's reacquisitions a day.
        """
        slot_s = max(1, round(float(np.mean(self.own["acquisition_s"]))))
        seconds = t_us // MICROSECONDS_PER_SECOND
        slot = ((self.own["slot_start"] + seconds) // slot_s).astype(np.uint32)
        down_share = min(1.0, self.own["reacquisitions_per_day"] * slot_s / 86_400)
        down = _mixed(self.own["terminal_key"] + slot) < np.uint32(down_share * (2**32 - 1))
        return (len(down) - down.sum(axis=0)).astype(np.float32)


def _mixed(x: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The finaliser of MurmurHash3 (Appleby, public domain): evenly spread 32-bit numbers."""
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    return x


def _rng(seed: int, *stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence((seed, *stream))))


def _draw(profile: Profile, layout: Layout, seed: int) -> dict[str, Any]:
    """Parameters of every satellite: numbers where all are alike, float32 (N,) where they differ.

    Each parameter has a stream of its own: a spread that is added or changed moves no other draw.
    """
    rows = len(layout)
    own: dict[str, Any] = dict(profile.parameters)
    for number, name in enumerate(sorted(profile.parameters)):
        if sigma := profile.spread.get(name, 0.0):
            draw = _rng(seed, 0, number).standard_normal(rows, np.float32)
            np.clip(draw, -LARGEST_SIGMA, LARGEST_SIGMA, out=draw)
            own[name] = (np.float32(own[name]) * (1 + np.float32(sigma) * draw)).astype(np.float32)
            if own[name].max(initial=0) > 1 and name.endswith("_ratio"):
                np.minimum(own[name], 1, out=own[name])
    spacecraft.derive(own, profile)

    rng = _rng(seed, 2)
    for what in ("load", "attitude"):
        own[f"{what}_phase"] = orbits.to_phase(rng.uniform(0, 2 * np.pi, rows))
        own[f"{what}_rate"] = orbits.to_phase_rate(2 * np.pi / rng.uniform(*WAVE_PERIOD_S, rows))
    for what in ("resets", "ce", "ue"):
        own[f"count_start_{what}"] = rng.random(rows, np.float32)
    terminals = profile.link.terminals
    offsets_db = rng.standard_normal((terminals, rows), np.float32) * TERMINAL_SPREAD_DB
    own["terminal_least_db"] = offsets_db.min(axis=0)
    own["terminal_mean_db"] = offsets_db.mean(axis=0)
    own["terminal_key"] = rng.integers(0, 2**32, (terminals, rows), np.uint32)
    own["slot_start"] = rng.integers(0, 86_400, rows, np.int64)
    jobs = np.arange(rows) // profile.compute.job_satellites
    starts_s = rng.uniform(0, profile.checkpoint_interval_s, int(jobs.max()) + 1)
    own["job_start_s"] = starts_s[jobs].astype(np.float32)
    return own
