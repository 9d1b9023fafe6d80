"""The synthetic fleet: what satellites of the vehicle type `odc` measure at any time.

Every satellite has parameters of its own, drawn around the profile's nominal ones.  The twin never
sees them: it computes with the nominal values, and what lies between is what it has to find out.

All but a few things are functions of (seed, time): orbit, sunlight, attitude, the job, sensor
noise.  Stored energy, temperatures, the heat store, safe mode and rest have a memory; a run over
the last orbit brings them up, so that a fleet that starts again at a later time measures what it
would have measured had it never stopped, but for their last digits.  Two things are not brought
back: the phase of a cycle of work and rest that is longer than an orbit, and what counters took
from their place.  Dose and counts follow the orbit's mean flux up to that run, and the flux of the
place from then on: at a restart they jump by what the passes since differ from the mean, a
fraction of a day's dose.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from orbitwin import spacecraft
from orbitwin.layout import Layout, scaled
from orbitwin.physics import power, radiation, sun
from orbitwin.physics.constants import DAY_S, MICROSECONDS_PER_SECOND, YEAR_S
from orbitwin.profile import Profile
from orbitwin.spacecraft import Array
from producers.drawn import Block, blocks, rng

SPIN_UP_S = 6_000  # a little more than an orbit: the memory of battery and radiator
SPIN_UP_STEP_S = 30.0  # 60 s leaves 1.4 % of charge undecided in eclipse season
LONGEST_STEP_S = 30.0  # a longer gap between two calls is integrated in parts
EXPOSURE_STEP_US = 15_000_000  # between looks at the flux: 1 degree of orbit, the grid has 2.5
PACKETS = ("fast", "nav", "slow")
Rows = NDArray[np.intp]
Packets = Collection[str] | Mapping[str, Rows | None]
"""Packets that are due; as a mapping with the rows that are, rising, None for all of them."""
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
        "pointing_urad",
        "step_s",
        "battery_cell_least_v",
        "pcm_melt_ratio",
    }
)  # what a sensor reads as zero, not as less
_AT_MOST_ONE = frozenset({"pcm_melt_ratio"})


class Orbit(Protocol):
    """Anything that says where N satellites are."""

    def positions_m(self, t_us: int) -> NDArray[Any]:
        """GCRS positions (3, N), m, at UTC `t_us`; NaN where a satellite is nowhere."""

    def argument_of_latitude_rad(self, t_us: int) -> NDArray[Any]:
        """Angle (N,) from the ascending node along the orbit, rad; 0 where it is of no use."""


class Faults(Protocol):
    """What goes wrong with the satellites, as a function of time (`producers.faults`)."""

    def apply(self, own: dict[str, Any], rows: slice, t_us: int) -> dict[str, Any]:
        """`own` of some rows as faults leave it; itself where there is none."""

    def measure(self, measured: dict[str, Array], t_us: int) -> None:
        """Spoil measured values (N,) in place."""

    def times(self, t_us: int) -> NDArray[np.int64] | None:
        """What the satellites' clocks show (N,), UTC us; None while all are right."""

    def extra_s(self, what: str, rows: slice, t_us: int) -> Array | float:
        """Seconds by which faults have put the counters `storm` or `ce` on."""


class Truth:
    """A synthetic fleet; `advance(t_us)` gives what it measures at that time.

    `orbit` and `layout` put the same spacecraft on other paths (SGP4 for real satellites);
    without them the profile's own fleet of `satellites` members flies.  The same (profile,
    satellites, seed) is the same fleet.  A shorter `spin_up_s` starts it sooner, charged and warm
    rather than as the orbit before would have left it.
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
        faults: Faults | None = None,
        spin_up_s: int = SPIN_UP_S,
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
        self.faults = faults
        self.blocks = blocks(profile, self.layout, seed)
        self.spin_up_s = spin_up_s
        self._ocv_v = profile.ocv_v.astype(np.float32)
        self._spin_up(t0_us)

    def __len__(self) -> int:
        return len(self.layout)

    @property
    def own(self) -> dict[str, Any]:
        """The satellites' true parameters: numbers where all are alike, else float32 (N,)."""
        found: dict[str, Any] = {}
        for name in dict.fromkeys(name for block in self.blocks for name in block.own):
            parts = [block.own.get(name, np.nan) for block in self.blocks]
            if all(isinstance(part, float) and part == parts[0] for part in parts):
                found[name] = parts[0]
            else:
                found[name] = np.concatenate(
                    [
                        np.broadcast_to(np.float32(part), block.size)
                        for part, block in zip(parts, self.blocks, strict=True)
                    ]
                )
        return found

    def state(self, name: str) -> NDArray[np.float32]:
        """One of `spacecraft.STATE` of all satellites (N,): a view, for tests and faults."""
        return self._state[name]

    def advance(self, t_us: int, packets: Packets = PACKETS) -> dict[str, NDArray[np.float32]]:
        """Measured values (N,) float32 by column, at UTC `t_us`, for the named packets.

        All are NaN for a satellite whose orbit gives no position (it has come down).  Of the slow
        packet only the rows that are due are worked out, and the others are NaN; noise is drawn
        for these rows alone.
        Time may stand still or jump.  A jump back, or forward by more than an orbit, runs the
        last orbit before `t_us` instead of all that lies between.
        """
        measured = self.true_values(t_us, packets)
        self._add_noise(t_us, measured)
        rows = _slow_rows(packets)
        for name, values in measured.items():
            if len(values) < len(self):
                measured[name] = np.full(len(self), np.nan, np.float32)
                measured[name][rows] = values
        if self.faults is not None:
            self.faults.measure(measured, t_us)
        if self._gone.any():
            for values in measured.values():
                values[self._gone] = np.nan
        return measured

    def true_values(self, t_us: int, packets: Packets = PACKETS) -> dict[str, NDArray[np.float32]]:
        """Move on to `t_us`, and what sensors without noise and faults would measure.

        As `advance`, but columns of the slow packet are (M,), the M rows that are due, and
        satellites without a position have values of anywhere.
        """
        elapsed_s = (t_us - self._t_us) / MICROSECONDS_PER_SECOND
        if not 0 <= elapsed_s <= SPIN_UP_S:
            self._spin_up(t_us)
            elapsed_s = 0.0
        parts = max(1, int(np.ceil(elapsed_s / LONGEST_STEP_S)))
        for part in range(1, parts):
            self._step(t_us - int((parts - part) * elapsed_s / parts * 1e6), elapsed_s / parts)
        values: dict[str, NDArray[np.float32]] = {}
        place_m = self._step(t_us, elapsed_s / parts, packets, values)
        if "nav" in packets:
            for name, metres in zip(("x_m", "y_m", "z_m"), place_m, strict=True):
                values[name] = metres.astype(np.float32)
        self._gone = np.isnan(place_m[0])
        return values

    def times(self, t_us: int) -> NDArray[np.int64] | None:
        """What the satellites' clocks show (N,), UTC us; None while all are right."""
        return None if self.faults is None else self.faults.times(t_us)

    def _step(
        self,
        t_us: int,
        dt_s: float,
        packets: Packets = (),
        values: dict[str, NDArray[np.float32]] | None = None,
    ) -> NDArray[Any]:
        """Move all blocks on to `t_us`; put true values of `packets` into `values`."""
        place_m = self.orbit.positions_m(t_us)
        u_rad = self.orbit.argument_of_latitude_rad(t_us) if "fast" in packets else None
        sun_m = sun.sun_position_m(t_us)
        slow_rows = _slow_rows(packets)
        flux_w_m2 = float(power.sun_flux_w_m2(float(np.linalg.norm(sun_m))))
        for number, block in enumerate(self.blocks):
            own = block.under(self.faults, t_us)
            load, attitude = (block.wave(what, t_us) for what in ("load", "attitude"))
            around = spacecraft.surroundings(
                place_m[:, block.rows], sun_m, flux_w_m2, load, attitude
            )
            true = spacecraft.step(own, block.state, around, self._ocv_v, dt_s)
            self._expose(block, own, around.place_m, t_us, number)
            if isinstance(own["reacquisition_ratio"], np.ndarray):
                extra = (own["reacquisition_ratio"] - 1) * dt_s
                block.acquired += extra * _acquisitions_per_s(own)
            if values is None:
                continue
            if u_rad is not None:
                true |= spacecraft.link_values(
                    own, u_rad[block.rows], attitude, block.down(own, t_us)
                )
                _gather(values, block.rows, true, len(self))
            if slow_rows is None and "slow" in packets:
                slow = self._slow(block, own, attitude, true["battery_v"], t_us, slice(None))
                _gather(values, block.rows, slow, len(self))
            elif slow_rows is not None:
                low, high = np.searchsorted(slow_rows, (block.rows.start, block.rows.stop))
                at = slow_rows[low:high] - block.rows.start
                slow = self._slow(block, own, attitude, true["battery_v"], t_us, at)
                _gather(values, slice(low, high), slow, len(slow_rows))
        self._t_us = t_us
        return place_m

    def _expose(self, block: Block, own: dict[str, Any], place_m: Array, t_us: int, k: int) -> None:
        """Add the flux of the place to the dose, now and then: blocks take turns."""
        due = (t_us + k * MICROSECONDS_PER_SECOND) // EXPOSURE_STEP_US
        if due == (block.exposed_us + k * MICROSECONDS_PER_SECOND) // EXPOSURE_STEP_US:
            return
        dt_s = (t_us - block.exposed_us) / MICROSECONDS_PER_SECOND
        flux = radiation.flux_cm2_s(place_m, t_us, self.profile.radiation.solar)
        spacecraft.expose(own, block.state, flux, dt_s)
        block.exposed_us = t_us

    def _slow(
        self,
        block: Block,
        own: dict[str, Any],
        wave: Array,
        battery_v: Array,
        t_us: int,
        at: Rows | slice,
    ) -> dict[str, Array]:
        """The slow packet of rows `at` of a block; the block's arrays are given whole."""
        found = _acquisitions_per_s(_At(block.own, at)) * self._age_s(own, t_us)
        own = _At(own, at)
        battery_v, job_start_s = battery_v[at], block.job_start_s[at]
        interval_s = own["checkpoint_interval_s"]
        seconds = (t_us / MICROSECONDS_PER_SECOND) % interval_s
        return {
            **spacecraft.slow_values(
                own, _At(block.state, at), wave[at], battery_v, block.launch_rad[at]
            ),
            "acquisitions_count": np.floor(found + block.acquired[at]).astype(np.float32),
            "checkpoint_age_s": np.mod(job_start_s + np.float32(seconds), np.float32(interval_s)),
            "software_version": np.full_like(job_start_s, self.profile.profile.software_version),
        }

    def _age_s(self, own: dict[str, Any], t_us: int) -> float:
        since_s = (t_us - self.profile.epoch_us) / MICROSECONDS_PER_SECOND
        return float(max(0.0, since_s + own["age_years"] * YEAR_S))

    def _add_noise(self, t_us: int, measured: dict[str, NDArray[np.float32]]) -> None:
        """Sensor noise, a function of (seed, time, column) and of how many rows are due."""
        for number, (name, sigma) in enumerate(self.profile.noise.items()):
            if sigma and name in measured:
                values = measured[name]
                noise = rng(self.seed, 1, t_us, number).standard_normal(len(values), np.float32)
                noise *= np.float32(sigma)
                values += noise
                if name in _NOT_NEGATIVE:
                    np.maximum(values, 0, out=values)
                if name in _AT_MOST_ONE:
                    np.minimum(values, 1, out=values)

    def _spin_up(self, t_us: int) -> None:
        """Run the orbit before `t_us` from a charged and warm start."""
        start_us = t_us - self.spin_up_s * MICROSECONDS_PER_SECOND
        self._state: dict[str, NDArray[Any]] = {}
        for block in self.blocks:
            for name, values in spacecraft.initial_state(block.own, block.size).items():
                whole = self._state.setdefault(name, np.empty(len(self), values.dtype))
                whole[block.rows] = values
            block.state = {name: values[block.rows] for name, values in self._state.items()}
            block.exposed_us = start_us
            self._count(block, start_us)
        for left_s in np.arange(self.spin_up_s, -1, -SPIN_UP_STEP_S):
            self._step(t_us - int(left_s) * MICROSECONDS_PER_SECOND, SPIN_UP_STEP_S)

    def _count(self, block: Block, t_us: int) -> None:
        """What counters have reached when the state begins."""
        own = block.own
        storm_s: Array | float = 0.0
        burst_s: Array | float = 0.0
        if self.faults is not None:
            storm_s = self.faults.extra_s("storm", block.rows, t_us)
            burst_s = self.faults.extra_s("ce", block.rows, t_us)
        rad_s = own["dose_rad_per_year"] / YEAR_S
        since_s = self._age_s(own, t_us) + np.asarray(storm_s, np.float64)
        block.launch_rad = np.zeros(block.size) + rad_s * since_s
        block.state["burst_rad"] += rad_s * burst_s
        block.acquired = block.acquired % 1


def _acquisitions_per_s(own: dict[str, Any]) -> Any:
    return own["links"] * own["reacquisitions_per_day"] / DAY_S


def _slow_rows(packets: Packets) -> Rows | None:
    """Rows of which the slow packet is due; None where that is all, or it is not due."""
    return packets.get("slow") if isinstance(packets, Mapping) else None


class _At(dict[str, Any]):
    """Parameters at some rows: an array is cut when it is asked for, as most never are."""

    def __init__(self, values: Mapping[str, Any], at: Rows | slice) -> None:
        self._values, self._at = values, at

    def __missing__(self, name: str) -> Any:
        value = self._values[name]
        self[name] = found = value[self._at] if isinstance(value, np.ndarray) else value
        return found


def _gather(
    values: dict[str, NDArray[np.float32]], rows: slice, true: dict[str, Array], size: int
) -> None:
    """Put a block's values into columns of `size` rows."""
    for name, block in true.items():
        if name not in values:
            values[name] = np.empty(size, np.float32)
        values[name][rows] = block
