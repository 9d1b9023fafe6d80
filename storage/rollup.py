"""Rollups of one chunk: the open second of its groups, the open minute of each satellite.

Sums are kept in the integer codes that values travel as, so they are exact, and the same
whatever the order: a historian that was killed and reads the log again writes the same numbers.

A window is closed by the log alone, never by the wall clock: a second by the chunk's next second,
a satellite's minute by its own next minute or, where it has fallen silent, by its chunk's minute
after next. A chunk that has fallen silent as a whole is closed by its partition's log time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orbitwin.catalogue import SEVERITIES
from orbitwin.fleet import Chunk
from orbitwin.records import Flag
from storage.fleet_tables import PLANES_PER_BLOCK
from storage.rows import MISSING, STATES, Rows

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
SILENT_MINUTES = 2
"""A silent satellite's minute is closed when its chunk is so many minutes on."""

_HIGHEST = np.iinfo(np.int32).max
_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Groups:
    """Satellites of a chunk by shell and block of planes.

    `shell` and `block` name each group, shape (groups,); rows `order` are sorted by group, each
    beginning at `starts`.
    """

    shell: list[str]
    block: np.ndarray
    order: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, shell: Sequence[str], plane: np.ndarray) -> Groups:
        names, code = np.unique(np.asarray(shell, dtype=object).astype(str), return_inverse=True)
        block = np.floor_divide(plane, PLANES_PER_BLOCK)
        order = np.lexsort((block, code))
        code, block = code[order], block[order]
        fresh = np.ones(len(order), dtype=bool)
        fresh[1:] = (code[1:] != code[:-1]) | (block[1:] != block[:-1])
        starts = np.flatnonzero(fresh)
        return cls([str(names[c]) for c in code[starts]], block[starts], order, starts)

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Sums by group of `values` (..., rows), int64 (..., groups)."""
        return np.add.reduceat(
            values[..., self.order].astype(np.int64, copy=False), self.starts, axis=-1
        )


@dataclass(frozen=True)
class GroupRows:
    """One second of a chunk's groups: counts (groups,), codes (STATES, groups)."""

    second_us: int
    counts: dict[str, np.ndarray]
    n: np.ndarray
    total: np.ndarray
    low: np.ndarray
    high: np.ndarray


def group_rows(
    groups: Groups,
    second_us: int,
    *,
    derived: np.ndarray,
    severity: np.ndarray,
    flags: np.ndarray,
    known: np.ndarray,
    reporting: np.ndarray,
) -> GroupRows:
    """The groups' counts and derived states of one second, from the newest state of all rows.

    `known` tells which satellites have a state at all; those that are stale are counted as such
    and are in no sum. Codes of a group without a value are n = 0.
    """
    stale = (flags & Flag.STALE) != 0
    active = known & ~stale
    counts = {
        "satellites": np.ones(len(known), dtype=np.int64),
        "reporting": reporting,
        "stale": stale,
        "sunlit": active & ((flags & Flag.SUNLIT) != 0),
    } | {name: active & (severity == code) for code, name in enumerate(SEVERITIES)}
    valid = active & (derived != MISSING)
    ordered, valid = derived[:, groups.order], valid[:, groups.order]
    starts = groups.starts
    return GroupRows(
        second_us,
        {name: groups.sum(values) for name, values in counts.items()},
        np.add.reduceat(valid.astype(np.int64), starts, axis=1),
        np.add.reduceat(np.where(valid, ordered, 0).astype(np.int64), starts, axis=1),
        np.minimum.reduceat(np.where(valid, ordered, _HIGHEST), starts, axis=1),
        np.maximum.reduceat(np.where(valid, ordered, MISSING), starts, axis=1),
    )


@dataclass(frozen=True)
class MinuteRows:
    """Closed minutes of satellites `row`: shape (k,), codes (STATES, k)."""

    row: np.ndarray
    minute_us: np.ndarray
    samples: np.ndarray
    worst: np.ndarray
    n: np.ndarray
    total: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Minutes:
    """The open minute of each satellite of a chunk."""

    def __init__(self, rows: int) -> None:
        self.minute_us = np.full(rows, _NEVER, dtype=np.int64)
        self.samples = np.zeros(rows, dtype=np.int32)  # 0: not open
        self.first_offset = np.zeros(rows, dtype=np.int64)
        self.worst = np.zeros(rows, dtype=np.uint8)
        self.n = np.zeros((STATES, rows), dtype=np.int32)
        self.total = np.zeros((STATES, rows), dtype=np.int64)
        self.low = np.full((STATES, rows), _HIGHEST, dtype=np.int32)
        self.high = np.full((STATES, rows), MISSING, dtype=np.int32)

    def add(self, rows: Rows, offset: int) -> MinuteRows | None:
        """Take rows that are on time and have derived states; returns the minutes they close.

        A row of a minute that is closed already is passed over.
        """
        assert rows.derived is not None
        minute_us = rows.t_event_us // MINUTE_US * MINUTE_US
        open_us = self.minute_us[rows.at]
        fits = (minute_us > open_us) | ((minute_us == open_us) & (self.samples[rows.at] > 0))
        if not fits.all():
            rows, minute_us, open_us = rows.take(fits), minute_us[fits], open_us[fits]
            if not len(rows):
                return None
        at = rows.at
        closed, newer = None, minute_us > open_us
        if newer.any():
            where = np.arange(at.start, at.stop)[newer] if isinstance(at, slice) else at[newer]
            closed = self.close(where[self.samples[where] > 0])
            self.minute_us[where] = minute_us[newer]
            self.first_offset[where] = offset
        codes = rows.derived
        assert codes is not None
        valid = codes != MISSING
        self.samples[at] += 1
        self.worst[at] = np.maximum(self.worst[at], rows.severity)
        self.n[:, at] += valid
        self.total[:, at] += np.where(valid, codes, 0)
        self.low[:, at] = np.minimum(self.low[:, at], np.where(valid, codes, _HIGHEST))
        self.high[:, at] = np.maximum(self.high[:, at], codes)
        return closed

    def close(self, where: np.ndarray) -> MinuteRows | None:
        """Close the open minutes of the rows `where` (indices)."""
        if not len(where):
            return None
        made = MinuteRows(
            where,
            self.minute_us[where],
            self.samples[where],
            self.worst[where],
            self.n[:, where],
            self.total[:, where],
            self.low[:, where],
            self.high[:, where],
        )
        self.samples[where] = 0
        self.worst[where] = 0
        self.n[:, where] = 0
        self.total[:, where] = 0
        self.low[:, where] = _HIGHEST
        self.high[:, where] = MISSING
        return made

    def open_before(self, minute_us: int) -> np.ndarray:
        """Rows whose open minute begins before `minute_us`."""
        return np.flatnonzero((self.samples > 0) & (self.minute_us < minute_us))

    def oldest_offset(self) -> int | None:
        """Offset of the oldest record in an open minute."""
        is_open = self.samples > 0
        return int(self.first_offset[is_open].min()) if is_open.any() else None


class ChunkRollup:
    """The open windows of one chunk: the second of its groups, the minute of each satellite."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.groups = Groups.of(chunk.shell, chunk.plane)
        self.minutes = Minutes(chunk.rows)
        self.second_us = _NEVER  # the newest second, open or not
        self.is_open = False
        self.second_offset = 0
        self.reporting = np.zeros(chunk.rows, dtype=bool)
        self.has_seconds = False  # of the open minute, for fleet_1m
        self.t_append_us = 0

    def passes(self, t_event_us: int) -> bool:
        """Whether a row of this event time ends the open second."""
        return self.is_open and t_event_us // SECOND_US * SECOND_US > self.second_us

    def ends_minute(self, t_event_us: int) -> bool:
        """Whether it ends the fleet's open minute as well."""
        return self.has_seconds and t_event_us // MINUTE_US > self.second_us // MINUTE_US

    def hear(self, rows: Rows, offset: int, t_append_us: int) -> None:
        """Note who reported; opens the second of these rows if it is a new one."""
        second_us = int(rows.t_event_us.max()) // SECOND_US * SECOND_US
        self.t_append_us = t_append_us
        if second_us > self.second_us:
            self.second_us, self.is_open, self.second_offset = second_us, True, offset
            self.has_seconds = True
        self.reporting[rows.at] = True

    def end_second(self) -> None:
        self.is_open = False
        self.reporting[:] = False

    def end_minute(self) -> int:
        """Close the fleet's minute; returns its start."""
        self.has_seconds = False
        return self.second_us // MINUTE_US * MINUTE_US

    def oldest_offset(self) -> int | None:
        """Offset of the oldest record that an open window needs; None when none is open."""
        found = [self.minutes.oldest_offset()]
        if self.is_open:
            found.append(self.second_offset)
        return min((o for o in found if o is not None), default=None)
