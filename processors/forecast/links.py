"""Margin of the weakest link over the next orbit: pure functions over rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from orbitwin.spacecraft import links
from orbitwin.trajectory import Trajectory
from processors.forecast.ahead import Path
from processors.forecast.wave import crest, near_s
from processors.selection import Rows

TERMINAL_SIGMA_DB = 0.3
"""How far the terminals of one satellite lie apart from what their nominal numbers say
[assumption]."""

LEAST_OF_MANY = 0.77
"""The least of n normal numbers lies about so many sigmas times ln n below their mean (n to 4)."""


@dataclass(frozen=True)
class Margin:
    """Of the weakest link over a path, dB: `course` (T, N) with a crest of the attitude's wave
    on it, and the standard deviation (N,) of its least but for what was learnt."""

    course: np.ndarray
    sigma: np.ndarray


def margin_db(
    own: Mapping[str, object],
    trajectory: Trajectory,
    rows: Rows,
    way: Path,
    jitter_ratio: np.ndarray,
    jitter_sigma: np.ndarray,
) -> Margin:
    """The margin of nominal terminals, by the geometry of the links.

    What a wave costs does not hang on how far the neighbour is, so that the first moment tells; it
    grows with the square of the jitter, of whose nominal value `jitter_ratio` (N,) was learnt, with
    a deviation `jitter_sigma`. What was learnt of the weakest link is that of the terminals that
    are it along the orbit; of another one, that is the weakest at the worst moment alone, it says
    nothing. Where more of them are about as weak than usual, their least lies lower.
    """
    calm, other, more = _course(own, trajectory, rows, way)

    jitter_urad = np.asarray(own["jitter_urad"], dtype=np.float32) * jitter_ratio
    shaken = {**own, "jitter_urad": jitter_urad}

    def least_db(wave: float | np.ndarray) -> np.ndarray:
        found: np.ndarray = _margins(shaken, trajectory, rows, way, 0, wave).min(axis=0)
        return found

    def lost_db(wave: float | np.ndarray) -> np.ndarray:
        return still_db - least_db(wave)

    still_db = least_db(0.0)

    mean, sigma = crest(near_s(-calm, way.step_s, lost_db(1.0)))
    crest_db = lost_db(mean)
    more_db = lost_db(mean + sigma) - crest_db
    lower_db = TERMINAL_SIGMA_DB * LEAST_OF_MANY * more
    by_jitter_db = 2 * crest_db * jitter_sigma / jitter_ratio
    sigma_db = np.sqrt(more_db**2 + (TERMINAL_SIGMA_DB * other) ** 2 + by_jitter_db**2)
    return Margin(calm - crest_db - lower_db, sigma_db)


def _course(
    own: Mapping[str, object], trajectory: Trajectory, rows: Rows, way: Path
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The margin without a wave (T, N). And of the weakest terminals at the worst moment (N,): how
    unlike they are to those of the whole path, 0 the same, 1 others; and the logarithm of their
    number, less its mean over the path."""
    lowest = np.full(way.place_m.shape[2], np.inf, dtype=np.float32)
    course = np.empty((len(way.t_us), len(lowest)), dtype=np.float32)
    always: np.ndarray | float = 0.0
    log_number: np.ndarray | float = 0.0
    worst: np.ndarray | None = None
    for step in range(len(way.t_us)):
        margins = _margins(own, trajectory, rows, way, step, 0.0)
        least = margins.min(axis=0)
        # so near to each other, any of them may be the weakest
        weakest = np.exp((least - margins) / np.float32(TERMINAL_SIGMA_DB))
        weakest /= weakest.sum(axis=0)
        worst = weakest if worst is None else np.where(least < lowest, weakest, worst)
        always, log_number = always + weakest, log_number + _log_number(weakest)
        np.minimum(lowest, least, out=lowest)
        course[step] = least
    assert worst is not None
    off = worst - always / len(way.t_us)
    more = _log_number(worst) - log_number / len(way.t_us)
    return course, np.sqrt(np.sum(off * off, axis=0)), more


def _log_number(shares: np.ndarray) -> np.ndarray:
    """Logarithm of how many terminals share being the weakest (K, N)."""
    found: np.ndarray = -np.log(np.sum(shares * shares, axis=0))
    return found


def _margins(
    own: Mapping[str, object],
    trajectory: Trajectory,
    rows: Rows,
    way: Path,
    step: int,
    wave: float | np.ndarray,
) -> np.ndarray:
    """Margins of all terminals (K, N), dB, at a step of the path."""
    angle = trajectory.argument_of_latitude_rad(int(way.t_us[step]))[rows].astype(np.float32)
    received = np.stack(links.received_dbm(own, angle, wave))
    return received - np.asarray(own["sensitivity_dbm"], dtype=np.float32)
