"""Which fault explains the residuals: structured residuals and their directions.

The vector of a satellite's moving means of z is compared with the direction of every fault that
its vehicle type's file names, and with that of an error of every sensor, which follows from the
model's derivatives (Gertler, Fault Detection and Diagnosis in Engineering Systems, 1998, ch. 7:
isolation by fixed directions). Pure functions over arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from orbitwin.records import SENSOR_VERDICTS, verdicts
from orbitwin.vehicle import SEVERITIES, Vehicle
from processors.model.residuals import DECISION, WILD_Z

SETTLE_WINDOWS = 3
"""Windows from the first alarm to the first verdict: moving means have most of a fault by then."""

HOLD_WINDOWS = 2
"""Windows that another verdict must hold before it replaces the first."""

LONG_WINDOWS = 16
"""Windows of an alarm after which what was named is no more taken for single values, nor single
values for something else."""

RECENT_WINDOWS = 12
"""A channel counts that was judged in so many windows."""

DEAD_Z = 1.5
"""Moving means of z within this are noise (their own sigma is 0.3) and count as 0."""

LEAST_STRENGTH = 0.5
"""Length of the vector of shown residuals below which nothing is to be named: one of 2.1 sigmas."""

LEAST_SCORE = 0.5
"""Share of the vector that a fault must explain to be named at all."""

SENSOR_BELIEF = 0.98
"""A sensor's score counts for so much: a fault of the file is named before a sensor's error where
both explain alike."""

LEAST_SEEN_RATIO = 0.25
"""Share of a fault's direction that must lie in channels that count."""

MARGIN = 0.1
"""Score by which another fault must be better than the one that was named."""

SPIKE_RATIO, SPIKE_LEAST, SPIKE_WINDOWS = 1.5, 9.0, 5
"""Variance of z over its squared mean, and the variance itself, that make an error one of single
values; a step of the moving means has at most 0.5 by the time that it is looked at. When a fault
is over, its moving means fall as those of a single value do, but no z of so many windows is far
off any more."""

BACK_Z = WILD_Z + 3
"""A channel with such a moving mean has no window within WILD_Z by chance, but for one in 700: it
is on its way back, each channel as fast as it is judged, and what is left meanwhile of a fault that
is over looks like another."""

FADED = 0.6
"""Nor is anything else named by a vector that has shrunk to so much of its greatest length."""

GROWTH_RATIO, GROWTH_Z = 1.4, 2.0
"""A sensor's error that has grown so much since its residuals had settled, and by so many sigmas of
a window (a moving mean has 0.3), times the slack of what wavers slowly, is drifting. It counts in
the sensor's own unit: residuals grow, too, when another channel comes into sight, as at
nightfall."""

SURE_Z = 2.5
"""A channel whose CUSUM stands beyond its decision counts as so far off at least: a small lasting
shift, which the moving means lose in their noise, is as sure as a large one by then."""

NONE = 0
STUCK, SPIKE, DRIFT, BIAS = range(len(SENSOR_VERDICTS))


@dataclass(frozen=True)
class Faults:
    """What a verdict may be. Code 0 is none, then the file's faults, then SENSOR_VERDICTS.

    `directions` (signatures, channels), of what residuals show (`shown`); those of a fault
    follow each other from `starts[fault]` on.
    """

    names: tuple[str, ...]
    severity: tuple[int, ...]
    directions: np.ndarray
    starts: np.ndarray

    @cached_property
    def sensor_code(self) -> int:
        """Code of the first of SENSOR_VERDICTS."""
        return 1 + len(self.starts)


def faults_of(vehicle: Vehicle) -> Faults:
    directions = np.array(
        [[s.channels.get(c.name, 0.0) for c in vehicle.channels] for s in vehicle.signatures],
        dtype=np.float32,
    ).reshape(len(vehicle.signatures), len(vehicle.channels))
    severity = {s.fault: s.severity for s in vehicle.signatures}
    order = [s.fault for s in vehicle.signatures]
    watch = SEVERITIES.index("watch")
    return Faults(
        verdicts(vehicle),
        (0, *severity.values(), *(watch for _ in SENSOR_VERDICTS)),
        directions,
        np.array([order.index(fault) for fault in severity], dtype=np.intp),
    )


def shown(mean_z: np.ndarray) -> np.ndarray:
    """How much residuals (any shape, sigmas) say: their logarithm beyond the noise, with sign.

    A fault that throws one channel off by 300 sigmas and another by 10 is known by both.
    """
    beyond = np.maximum(np.abs(mean_z) - np.float32(DEAD_Z), 0)
    return np.sign(mean_z) * np.log1p(beyond)


def scores(
    mean_z: np.ndarray,
    mean_z2: np.ndarray,
    counts: np.ndarray,
    jumps: np.ndarray,
    faults: Faults,
    sensors: np.ndarray,
    singles: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """How well each fault, then each sensor's error, explains N satellites: (faults + sensors, N).

    The score is the share of |v|^2 that the direction explains, v being what the moving means of
    z (channels, N) of the channels that `counts` (bool, (channels, N)) show; a fault has one
    sign, a sensor's error (`sensors`, (sensors, channels, N), in sigmas of one unit of it) either
    and the size that fits best. Of a fault's directions the best counts.

    Gives also who is `wild` (bool, (N,)): whose z jumps about its mean, and did so lately
    (`jumps`, bool, (channels, N)). There, only a sensor's single values are an explanation
    (`singles`, magnitudes), by the magnitudes of z alone. And |v| (N,), the size of each sensor's
    error that fits best (sensors, N), in its unit, and who is `even` (bool, (N,)): whose strongest
    channel is off by its mean more than by its jumps.
    """
    directions = faults.directions
    top = np.argmax(np.where(counts, mean_z2, 0), axis=0)
    at = np.arange(mean_z.shape[1])
    mean2 = np.square(mean_z[top, at])
    variance = mean_z2[top, at] - mean2
    wild = (variance > SPIKE_LEAST) & (variance > SPIKE_RATIO * mean2) & jumps[top, at]
    z = np.where(wild, np.sqrt(np.maximum(mean_z2 - 1, 0)), mean_z)
    z = np.where(counts, z, np.float32(0))
    v = shown(z)
    length2 = np.maximum(np.sum(v * v, axis=0), np.float32(1e-12))
    seen2 = np.square(directions) @ counts.astype(np.float32)
    whole2 = np.sum(np.square(directions), axis=1)[:, None]
    enough = (seen2 >= LEAST_SEEN_RATIO * np.maximum(whole2, np.float32(1e-12))) & ~wild
    of_faults = np.where(
        enough, _share(np.maximum(directions @ v, 0), seen2, length2), np.float32(0)
    )
    if len(faults.starts):
        of_faults = np.maximum.reduceat(of_faults, faults.starts, axis=0)
    s = np.where(counts, np.where(wild, singles, sensors), np.float32(0))
    size = np.sum(s * z, axis=1) / np.maximum(np.sum(s * s, axis=1), np.float32(1e-12))
    s = shown(s * size[:, None])
    of_sensors = _share(np.sum(s * v, axis=1), np.sum(s * s, axis=1), length2)
    found = np.concatenate([of_faults, SENSOR_BELIEF * of_sensors]).astype(np.float32)
    even = variance <= SPIKE_RATIO * mean2
    return found, wild, np.sqrt(length2), size, even


def at_least_sure(mean_z: np.ndarray, up: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Moving means of z (channels, N), at least SURE_Z on the side whose CUSUM is decided."""
    sure = np.float32(SURE_Z)
    found = np.where((up >= DECISION) & (up > down), np.maximum(mean_z, sure), mean_z)
    return np.where((down >= DECISION) & (down > up), np.minimum(found, -sure), found)


def choose(found: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best row of scores (rows, N), -1 where none explains enough, and its confidence 0..1.

    `held` (N,) is the row of the present verdict, -1 for none: it stays unless another is better
    by MARGIN. Confidence is s1^2 / (s1 + s2), s2 being the best of the others: s1 where nothing
    else fits, half of it where two fit equally.
    """
    count = found.shape[1]
    if not len(found):
        return np.full(count, -1), np.zeros(count, dtype=np.float32)
    at = np.arange(count)
    best = np.argmax(found, axis=0)
    own = np.where(held >= 0, found[held, at], np.float32(-1))
    best = np.where(own >= np.maximum(found[best, at] - MARGIN, LEAST_SCORE), held, best)
    first = found[best, at]
    others = found.copy()
    others[best, at] = 0
    both = np.maximum(first + others.max(axis=0), np.float32(1e-12))
    confidence: np.ndarray = (first * first / both).astype(np.float32)
    return np.where(first >= LEAST_SCORE, best, -1), confidence


def _share(along: np.ndarray, direction2: np.ndarray, length2: np.ndarray) -> np.ndarray:
    """(v . u)^2 / (|u|^2 |v|^2), 0 for a direction of no length."""
    safe = np.where(direction2 > 0, direction2, np.float32(1))
    share: np.ndarray = np.where(direction2 > 0, along * along / (safe * length2), np.float32(0))
    return share


def returning(mean_z: np.ndarray, beyond: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Whose residuals are on their way back (bool, (N,)): see BACK_Z. Arrays (channels, N): moving
    means of z, the newest windows `beyond` WILD_Z (bit 0 the newest), and what `counts`."""
    inside = (beyond & np.uint16(1)) == 0
    found: np.ndarray = (counts & (np.abs(mean_z) > BACK_Z) & inside).any(axis=0)
    return found
