"""What a satellite measures against what the model of its vehicle type expects.

A channel says measured = predicted + theta slope + noise. theta is learnt for each satellite by a
scalar Kalman filter; the innovation over its sigma, z, is a standard normal of a healthy
satellite and is judged by a two-sided CUSUM (Page, Biometrika 41, 1954). The filter is the
textbook one: Bar-Shalom, Li & Kirubarajan, Estimation with Applications to Tracking and
Navigation (2001), sec. 5.2 (Kalman) and 5.4 (consistency of innovations).

Pure functions over arrays, a channel at a time: its rows fit the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from orbitwin.physics.constants import DAY_S
from orbitwin.vehicle import Channel
from processors.model.relations import Look, Relations
from processors.selection import Rows, some_of

SLACK = 1.0
"""k of the CUSUM, sigmas, where a channel has none of its own: half of the least shift that
matters, 2 sigmas of a window's mean."""

DECISION = 12.0
"""h of the CUSUM, sigmas. Siegmund's approximation of the average run length (Siegmund,
Sequential Analysis, 1985, ch. II): (exp(2 k b) - 1 - 2 k b) / (2 k^2), b = h + 1.166, is 1.4e11
windows on one side: a satellite with 30 channels and windows of 10 s waits 500 years for a false
alarm. That much is left for noise that is not white and models that are not quite true."""

CLIP = 5.0
"""Most that one window may add to the CUSUM, sigmas: one wild value is no alarm."""

FAST = 1 / 6
"""Weight of the newest window in the moving means of z: a minute of windows of 10 s."""

CALM = 1.5
"""An alarm ends when its CUSUM is back at 0 and the moving mean of z below this."""

LEARN_Z, LEARN_MEAN_Z = 5.0, 2.5
"""theta stands still beyond these: a fault must not be learnt as what is normal."""

Z_MOST = 500.0
"""z counts as at most this in moving means: it keeps its direction, and is forgotten in minutes."""

WILD_Z, WILD_MOST, WILD_CALM = 4.0, 4, 1
"""So many of the newest 16 windows beyond so many sigmas are an alarm too: single wild values of
either sign pass a CUSUM by. By chance: 2e-14 a window."""

FAR_Z, FAR_MOST = 10.0, 2
"""So many of the newest 16 windows beyond so many sigmas are one as well, where z is a normal
variable: a reading that comes once a minute cannot wait for four."""

SHIFT = 1 / 32
"""Weight of the newest window in the size of what an alarm is about."""

GAP_WINDOWS = 3
"""After a longer gap the window before is too old to judge by."""

UNJUDGED_MOST = 255

LEAST_VARIANCE = np.float32(1e-30)
"""In a channel's unit squared: what is expected without any doubt is told from what is not."""

LEAST_NOISE_RATIO = 1e-6
"""Least noise of a channel as a share of its whole variance, where a file gives none."""


@dataclass
class Memory:
    """What is kept of each channel: arrays (channels, rows), of theta (learning, rows).

    `theta` and its `variance`; `fast_sum` / `fast_weight`, a least-squares fit with a fading
    memory to what theta leaves; `mean_z`, `mean_z2`: moving means; `up`, `down`: the CUSUM;
    `wild`, `far`: bit i for window i before the newest judged one; `shift`: moving mean of z while
    there is an alarm, a longer one; `unjudged`: windows since a channel
    was judged.
    """

    theta: np.ndarray
    variance: np.ndarray
    fast_sum: np.ndarray
    fast_weight: np.ndarray
    mean_z: np.ndarray
    mean_z2: np.ndarray
    up: np.ndarray
    down: np.ndarray
    wild: np.ndarray
    far: np.ndarray
    shift: np.ndarray
    alarm: np.ndarray
    unjudged: np.ndarray

    @classmethod
    def empty(cls, relations: Relations, rows: int) -> Memory:
        channels, learning = len(relations.channels), len(relations.learning)
        own = [relations.channels[c] for c in relations.learning]
        theta = np.array([c.nominal for c in own], np.float32).reshape(-1, 1)
        spread = np.array([c.spread for c in own], np.float32).reshape(-1, 1)

        def nothing(many: int, dtype: type = np.float32) -> np.ndarray:
            return np.zeros((many, rows), dtype=dtype)

        return cls(
            nothing(learning) + theta,
            nothing(learning) + spread**2,
            nothing(learning),
            nothing(learning),
            nothing(channels),
            nothing(channels),
            nothing(channels),
            nothing(channels),
            nothing(channels, np.uint16),
            nothing(channels, np.uint16),
            nothing(channels),
            nothing(channels, np.uint8),
            nothing(channels, np.uint8) + np.uint8(UNJUDGED_MOST),
        )

    def arrays(self, relations: Relations) -> Iterator[tuple[str, np.ndarray]]:
        """Each row by a name of its own."""
        for kind, array in vars(self).items():
            owners: Sequence[int] = range(len(relations.channels))
            if len(array) != len(relations.channels) or kind in _OF_THETA:
                owners = relations.learning
            for row, c in enumerate(owners):
                yield f"{kind}/{relations.channels[c].name}", array[row]


_OF_THETA = ("theta", "variance", "fast_sum", "fast_weight")


@dataclass(frozen=True)
class Judged:
    """What was judged of one channel in a window: `some` of the batch (a slice(None) for all), at
    rows `at` of the chunk; float32 (M,), `expected` with theta in it. `raised` and `cleared`
    (bool) tell whose alarm changed."""

    some: Rows
    at: Rows
    measured: np.ndarray
    expected: np.ndarray
    sigma: np.ndarray
    z: np.ndarray
    raised: np.ndarray
    cleared: np.ndarray


def judge(
    relations: Relations,
    memory: Memory,
    rows: Rows,
    seen: Look,
    dt_s: np.ndarray,
    may: Sequence[np.ndarray],
) -> list[Judged]:
    """Judge and learn from one window of satellites `rows`; changes their part of `memory`.

    `may[c]` (bool, (N,)): whether channel c may be judged at all. Gives one Judged a channel.
    """
    elapsed_s = np.nan_to_num(dt_s)
    waited = np.minimum(memory.unjudged[:, rows], UNJUDGED_MOST - 1) + np.uint8(1)
    memory.unjudged[:, rows] = waited
    return [
        _judge(channel, relations.learnt.get(c), memory, c, rows, seen, elapsed_s, may[c])
        for c, channel in enumerate(relations.channels)
    ]


def _judge(
    channel: Channel,
    row: int | None,
    memory: Memory,
    c: int,
    rows: Rows,
    seen: Look,
    elapsed_s: np.ndarray,
    may: np.ndarray,
) -> Judged:
    if row is not None:
        memory.variance[row][rows] += np.float32(channel.drift_per_day**2 / DAY_S) * elapsed_s
    judged = may & np.isfinite(seen.measured[c] + seen.predicted[c] + seen.slope[c])
    judged &= np.isfinite(seen.variance[c])
    holds = seen.holds[c]
    if holds is not None:
        judged &= holds
    some: Rows = slice(None) if judged.all() else np.flatnonzero(judged)
    at = some_of(rows, some)
    measured, slope, own = seen.measured[c][some], seen.slope[c][some], seen.variance[c][some]
    theta: np.ndarray | np.float32 = np.float32(channel.nominal)
    total = own
    if row is not None:
        theta = memory.theta[row][at]
        total = own + slope * slope * memory.variance[row][at]
    total = np.maximum(total, LEAST_VARIANCE)
    expected = seen.predicted[c][some] + theta * slope
    innovation = measured - expected
    sigma = np.sqrt(total)
    z = innovation / sigma
    mean_z, was_alarm = memory.mean_z[c][at], memory.alarm[c][at] != 0
    if row is not None:
        held = was_alarm | (np.abs(z) > LEARN_Z) | (np.abs(mean_z) > LEARN_MEAN_Z)
        _learn(memory, row, at, slope, innovation, own, total, held)
    limited = np.clip(z, -Z_MOST, Z_MOST)
    mean_z = mean_z + np.float32(FAST) * (limited - mean_z)
    memory.mean_z[c][at] = mean_z
    memory.mean_z2[c][at] += np.float32(FAST) * (limited * limited - memory.mean_z2[c][at])
    slack: np.ndarray | float = channel.slack
    if was_alarm.any():
        slack = _slack_of(channel, memory.shift[c][at], was_alarm)
    memory.up[c][at] = up = cusum(memory.up[c][at], z, slack)
    memory.down[c][at] = down = cusum(memory.down[c][at], -z, slack)
    size = np.abs(z)
    wild = memory.wild[c][at] << np.uint16(1) | (size > WILD_Z)
    memory.wild[c][at] = wild
    memory.unjudged[c][at] = 0
    worst = np.maximum(up, down)
    raised, cleared = worst >= DECISION, was_alarm
    far = memory.far[c][at] << np.uint16(1)
    if wild.any():
        raised |= np.bitwise_count(wild) >= WILD_MOST
        if not channel.discrete:
            far |= size > FAR_Z
            raised |= np.bitwise_count(far) >= FAR_MOST
    memory.far[c][at] = far
    if was_alarm.any():
        calm = (worst == 0) & (np.abs(mean_z) < CALM) & (np.bitwise_count(wild) <= WILD_CALM)
        cleared = was_alarm & calm & ~raised
        raised &= ~was_alarm
        shift = memory.shift[c][at]
        change = np.float32(SHIFT) * (np.clip(z, -CLIP, CLIP) - shift)
        memory.shift[c][at] = np.where(was_alarm & ~cleared, shift + change, 0)
    if raised.any() or cleared.any():
        memory.alarm[c][at] = (was_alarm | raised) & ~cleared
        memory.shift[c][at] = np.where(raised, np.clip(mean_z, -CLIP, CLIP), memory.shift[c][at])
    return Judged(some, at, measured, expected, sigma, z, raised, cleared)


def _slack_of(channel: Channel, shift: np.ndarray, alarm: np.ndarray) -> np.ndarray:
    """Slack of a CUSUM (N,): half of the shift that an alarm is about, at least the channel's own.

    That is the optimal one to tell this shift from none (Page 1954; Siegmund 1985, ch. II): with
    the least shift's the end of a large one would be believed as late as that of the least.
    """
    least = np.float32(channel.slack)
    found: np.ndarray = np.where(alarm, np.maximum(np.abs(shift) / 2, least), least)
    return found


def cusum(
    total: np.ndarray, z: np.ndarray, slack: np.ndarray | float = SLACK, most: float = 2 * DECISION
) -> np.ndarray:
    """One side of a CUSUM one window on (N,): max(0, S + min(z, CLIP) - k), at most `most`."""
    step = np.clip(z, -CLIP, CLIP) - np.asarray(slack, np.float32)
    return np.clip(total + step, 0, np.float32(most))


def _learn(
    memory: Memory,
    row: int,
    at: Rows,
    slope: np.ndarray,
    innovation: np.ndarray,
    own: np.ndarray,
    total: np.ndarray,
    held: np.ndarray,
) -> None:
    """Update theta but where it is `held`, and the fading fit to what it leaves everywhere.

    K = P s / S, theta += K y, P = (1 - K s) P.
    """
    unsure = memory.variance[row][at]
    gain = unsure * slope / total
    if held.any():
        gain[held] = 0
    change = gain * innovation
    memory.theta[row][at] += change
    memory.variance[row][at] = (1 - gain * slope) * unsure
    scale = slope / np.maximum(own, np.float32(LEAST_NOISE_RATIO) * total)
    keep = np.float32(1 - FAST)
    weight = keep * memory.fast_weight[row][at] + scale * slope
    memory.fast_weight[row][at] = weight
    # what theta takes up is no longer left
    memory.fast_sum[row][at] = (
        keep * memory.fast_sum[row][at] + scale * innovation - weight * change
    )


def estimate(memory: Memory, row: int, c: int, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """The learnt value and its sigma (N,) each.

    theta while it learns; while it is held back, theta and the fast fit to what it leaves, so that
    a change which raised an alarm is followed all the same.
    """
    theta, sigma = memory.theta[row][rows], np.sqrt(memory.variance[row][rows])
    held = (memory.alarm[c][rows] != 0) | (np.abs(memory.mean_z[c][rows]) > LEARN_MEAN_Z)
    weight = memory.fast_weight[row][rows]
    held &= weight > 0
    if not held.any():
        return theta.copy(), sigma
    safe = np.where(held, weight, np.float32(1))
    return (
        np.where(held, theta + memory.fast_sum[row][rows] / safe, theta),
        np.where(held, 1 / np.sqrt(safe), sigma),
    )
