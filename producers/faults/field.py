"""The faults of a fleet over time: who has what, how badly, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orbitwin import catalogue
from orbitwin.faults import SENSOR_FAULTS
from orbitwin.scenario import EVERY, KINDS, LASTS_US, Onsets, Scenario, random_faults
from producers.faults import effects, sensors
from producers.faults.sensors import Sensor

Array = NDArray[np.float32]
Ints = NDArray[np.int64]

DRAWN_AHEAD_S = 10 * 86_400.0  # random faults are drawn for so long at a time
GROWTH_STEPS = 256  # growth goes by such small steps, between which all stays as it is
SKEW_US = 5_000_000  # of a clock at level 1 [assumption]
COUNTED = {"storm": "solar_storm", "ce": "hbm_error_burst"}
_BODY = np.array([KINDS.index(name) for name in effects.EFFECTS])
_SENSOR = np.array([KINDS.index(name) for name in SENSOR_FAULTS])
_CLOCK = KINDS.index("clock_skew")


@dataclass(frozen=True)
class Labels:
    """Who has what, for an evaluation: columns (F,), one row a fault of a satellite.

    `sat_id` is EVERY for a fault of the whole fleet, `end_us` LASTS_US for one that lasts,
    `parameter` empty where no sensor is meant; `severity` is the one it grows to.
    """

    sat_id: Ints
    fault: NDArray[np.str_]
    onset_us: Ints
    end_us: Ints
    severity: Array
    parameter: NDArray[np.str_]


class FaultField:
    """The faults of the satellites `sat_id` (N,), as a function of the seed and of event time.

    A scenario's times count from `t0_us`, the start of the run: give the same one when a producer
    starts again. `sensors` are those of the vehicle, in the order in which they are numbered;
    `rates_per_year` adds random faults from `t0_us` on. Of two faults of one kind the worse
    counts. What is stuck holds the value first seen after its onset: after a restart another.
    """

    def __init__(
        self,
        scenario: Scenario,
        sat_id: Ints,
        seed: int,
        t0_us: int,
        *,
        sensors: Mapping[str, Sensor] | None = None,
        rates_per_year: Mapping[str, float] | None = None,
    ) -> None:
        self.sat_id = np.asarray(sat_id, np.int64)
        self.seed = seed
        self.t0_us = t0_us
        self._sensors = dict(_default_sensors() if sensors is None else sensors)
        self._parameters = list(self._sensors)
        self._rates = {n: r for n, r in (rates_per_year or {}).items() if r}
        self._drawn_until_us = t0_us
        self._order = np.argsort(self.sat_id, kind="stable")
        self._held = np.empty(0, np.float32)  # by fault: what a stuck sensor reads
        self._take(scenario.onsets(self.sat_id, seed, t0_us, self._parameters))

    def apply(self, own: dict[str, Any], rows: slice, t_us: int) -> dict[str, Any]:
        """`own` of some rows under the faults of that time: itself where there is none.

        Otherwise a copy in which what a fault touches is float32 (rows,). The same object comes
        back for as long as nothing changes, so that what is derived from it may be kept.
        """
        self._reach(t_us)
        kept = self._kept.get(rows.start)
        if kept is not None and kept.own is own and kept.from_us <= t_us < kept.until_us:
            return kept.result
        hits = self._body.within(rows)
        levels: dict[str, Array] = {}
        level = self._level(hits.number, t_us)
        for kind in np.unique(self._on.kind[hits.number[level > 0]]):
            mine = self._on.kind[hits.number] == kind
            levels[KINDS[kind]] = worst = np.zeros(rows.stop - rows.start, np.float32)
            np.maximum.at(worst, hits.row[mine] - rows.start, level[mine])
        for number in self._everywhere:
            if everywhere := float(self._level(number[None], t_us)[0]):
                name = KINDS[self._on.kind[number]]
                worst = levels.setdefault(name, np.zeros(rows.stop - rows.start, np.float32))
                np.maximum(worst, np.float32(everywhere), out=worst)
        result = effects.changed(own, levels) if levels else own
        until_us = self._next_change_us(np.concatenate([hits.number, self._everywhere]), t_us)
        self._kept[rows.start] = _Kept(own, result, t_us, until_us)
        return result

    def measure(self, measured: dict[str, Array], t_us: int) -> None:
        """Spoil measured values (N,) by the sensor faults of that time, in place."""
        self._reach(t_us)
        on, hits = self._on, self._sensing
        if not len(hits.number):
            return
        self._held[on.onset_us > t_us] = np.nan  # time went back
        level = self._level(hits.number, t_us)
        acting = np.flatnonzero(level > 0)
        for code in np.unique(on.parameter[hits.number[acting]]):
            name = self._parameters[code]
            if name in measured:
                mine = acting[on.parameter[hits.number[acting]] == code]
                self._spoil(measured[name], mine, level[mine], self._sensors[name], t_us)

    def _spoil(
        self, values: Array, mine: NDArray[np.intp], level: Array, sensor: Sensor, t_us: int
    ) -> None:
        number, row = self._sensing.number[mine], self._sensing.row[mine]
        for name in ("sensor_bias", "sensor_drift", "sensor_spike", "sensor_stuck"):
            those = self._on.kind[number] == KINDS.index(name)
            if not those.any():
                continue
            at, part, strength = row[those], values[row[those]], level[those]
            if name == "sensor_bias":
                sensors.bias(part, strength, sensor)
            elif name == "sensor_drift":
                sensors.drift(part, strength, t_us - self._on.onset_us[number[those]], sensor)
            elif name == "sensor_spike":
                sensors.spike(part, strength, self.sat_id[at], self.seed, t_us, sensor)
            else:
                held = self._held[number[those]]
                part = self._held[number[those]] = np.where(np.isnan(held), part, held)
            values[at] = np.clip(part, sensor.low, sensor.high)

    def times(self, t_us: int) -> Ints | None:
        """What the satellites' clocks show (N,), UTC us; None while all are right."""
        self._reach(t_us)
        hits = self._skewed
        level = self._level(hits.number, t_us)
        if not level.any():
            return None
        worst = np.zeros(len(self.sat_id), np.float32)
        np.maximum.at(worst, hits.row, level)
        return t_us + np.rint(worst * SKEW_US).astype(np.int64)

    def extra_s(self, what: str, rows: slice, t_us: int) -> Array | float:
        """Seconds (rows,) by which faults have put counters on: integral of ratio - 1 over time.

        `what` is "storm" (dose, all upsets) or "ce" (corrected errors). Counters are rate times
        age, so a ratio alone would let them fall back at a fault's end. 0.0 where none was yet.
        """
        self._reach(t_us)
        name = COUNTED[what]
        hits = self._body.within(rows)
        mine = self._on.kind[hits.number] == KINDS.index(name)
        extra: Array | float = 0.0
        if mine.any():
            extra = np.zeros(rows.stop - rows.start, np.float32)
            seconds = self._counted_s(name, hits.number[mine], t_us)
            np.add.at(extra, hits.row[mine] - rows.start, seconds)
        for number in self._everywhere[self._on.kind[self._everywhere] == KINDS.index(name)]:
            extra = extra + self._counted_s(name, number[None], t_us)[0]
        return extra

    def _counted_s(self, name: str, number: NDArray[np.intp], t_us: int) -> Array:
        """Integral of R^level - 1, s: the level rises linearly to the severity, then stays."""
        on = self._on
        passed_s = np.maximum(np.minimum(on.end_us[number], t_us) - on.onset_us[number], 0) / 1e6
        growth_s = on.growth_us[number] / 1e6
        power = on.severity[number] * np.log(effects.COUNTED_AT_ONE[name])
        rising_s = np.minimum(passed_s, growth_s)
        share = rising_s / np.maximum(growth_s, 1e-6)
        slope = np.maximum(power, 1e-9)
        risen = np.maximum(growth_s, 1e-6) / slope * np.expm1(slope * share) - rising_s
        return (risen * (growth_s > 0) + (passed_s - rising_s) * np.expm1(power)).astype(np.float32)

    def labels(self, t_us: int | None = None) -> Labels:
        """The faults there are at a time; all that are known of without one."""
        if t_us is not None:
            self._reach(t_us)
        on = self._on
        here = np.arange(len(on))
        if t_us is not None:
            here = here[(on.onset_us <= t_us) & (t_us < on.end_us)]
        names = np.array([*self._parameters, ""])
        return Labels(
            on.sat_id[here],
            np.array(KINDS)[on.kind[here]],
            on.onset_us[here],
            on.end_us[here],
            on.severity[here],
            names[on.parameter[here]],
        )

    def _level(self, number: NDArray[np.intp], t_us: int) -> Array:
        """How badly faults act at a time, 0..1."""
        on = self._on
        since = t_us - on.onset_us[number]
        growth = on.growth_us[number]
        steps = since * GROWTH_STEPS // np.maximum(growth, 1)
        grown = np.where(since < growth, steps / GROWTH_STEPS, 1)
        acts = (since >= 0) & (t_us < on.end_us[number])
        return (on.severity[number] * grown * acts).astype(np.float32)

    def _next_change_us(self, number: NDArray[np.intp], t_us: int) -> int:
        """Until when the levels of some faults stay as they are."""
        onset, end = self._on.onset_us[number], self._on.end_us[number]
        growth = self._on.growth_us[number]
        grows = (onset <= t_us) & (t_us < end) & (t_us < onset + growth)
        step = (t_us - onset[grows]) * GROWTH_STEPS // growth[grows] + 1
        next_step = onset[grows] - (-step * growth[grows] // GROWTH_STEPS)  # rounded up
        later = np.concatenate([onset[onset > t_us], end[end > t_us], next_step])
        return int(later.min(initial=LASTS_US))

    def _reach(self, t_us: int) -> None:
        """Draw random faults as far as `t_us`."""
        if not self._rates or t_us < self._drawn_until_us:
            return
        spans = (t_us - self._drawn_until_us) // int(DRAWN_AHEAD_S * 1e6) + 1
        span_s = spans * DRAWN_AHEAD_S
        noisy = [code for code, sensor in enumerate(self._sensors.values()) if sensor.noisy]
        drawn = random_faults(
            self._rates, self.sat_id, self.seed, self._drawn_until_us, span_s, noisy
        )
        self._drawn_until_us += int(span_s * 1e6)
        self._take(Onsets.joined([self._on, drawn]))

    def _take(self, onsets: Onsets) -> None:
        """Sort the faults by what they act on; rows that are added come after those known."""
        self._on = onsets
        self._kept: dict[int, _Kept] = {}
        body = np.flatnonzero(np.isin(onsets.kind, _BODY))
        everywhere = onsets.sat_id[body] == EVERY
        self._everywhere = body[everywhere]
        self._body = self._hits(body[~everywhere])
        self._skewed = self._hits(np.flatnonzero(onsets.kind == _CLOCK))
        self._sensing = self._hits(np.flatnonzero(np.isin(onsets.kind, _SENSOR)))
        news = np.full(len(onsets) - len(self._held), np.nan, np.float32)
        self._held = np.concatenate([self._held, news])

    def _hits(self, number: NDArray[np.intp]) -> _Hits:
        """Rows of the fleet that faults act on, in their order."""
        ids = self._on.sat_id[number]
        row = self._order[np.searchsorted(self.sat_id, ids, sorter=self._order)]
        order = np.argsort(row, kind="stable")
        return _Hits(row[order], number[order])


@dataclass(frozen=True)
class _Hits:
    """Fault `number` (H,) acts on `row` (H,), which rises."""

    row: NDArray[np.intp]
    number: NDArray[np.intp]

    def within(self, rows: slice) -> _Hits:
        low, high = np.searchsorted(self.row, (rows.start, rows.stop))
        return _Hits(self.row[low:high], self.number[low:high])


@dataclass(frozen=True)
class _Kept:
    """What `apply` gave for a block, and from when until when it holds."""

    own: dict[str, Any]
    result: dict[str, Any]
    from_us: int
    until_us: int


def _default_sensors() -> dict[str, Sensor]:
    return sensors.sensors_of(catalogue.load("odc"), {})
