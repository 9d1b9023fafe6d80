"""Windows: means of the primary packet's columns over spans of event time.

A window is a sum of integer codes, a count and a mask of what was missing, so the order of its
rows does not matter. A satellite has two windows open, an even one and an odd one; a window
closes when the first row of the next but one arrives. A row may thus be one window late and
still count; what is older is late for the model (it is archived all the same).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from orbitwin.column import Column
from orbitwin.vehicle import BEFORE
from processors.selection import Rows, indices

EMPTY = -1
"""Number of a window that has no rows."""

CLOSED = 2
"""Slot of the window that was closed last; 0 and 1 are the open even and odd windows."""

_WORD = 64


def width_us(window_s: float, period_s: float) -> int:
    """Width of a window, us: `window_s`, at least two periods, in whole periods."""
    period_us = max(1, round(period_s * 1e6))
    return max(2, -(-round(window_s * 1e6) // period_us)) * period_us


@dataclass(frozen=True)
class Closed:
    """Windows that closed together, of N distinct satellites; arrays (N,).

    `means` and `means_before` are float32, NaN where a sample was missing; the window before is
    the one that the satellite closed before this, `number_before` EMPTY if there is none.
    `same[name]`: the sum and the count are exactly those of the window before.
    """

    rows: Rows
    number: np.ndarray
    number_before: np.ndarray
    count: np.ndarray
    count_before: np.ndarray
    means: dict[str, np.ndarray]
    means_before: dict[str, np.ndarray]
    same: dict[str, np.ndarray]
    width_us: int

    def __len__(self) -> int:
        return len(self.number)

    @cached_property
    def mid_us(self) -> np.ndarray:
        """UTC us of the middle of each window."""
        return self.number * self.width_us + self.width_us // 2

    def shares(self) -> dict[str, np.ndarray]:
        """Variance of each mean as a share of that of one reading, by the names that the channels'
        expressions use, (N,)."""
        own = 1 / np.maximum(self.count, 1).astype(np.float32)
        before = 1 / np.maximum(self.count_before, 1).astype(np.float32)
        return dict.fromkeys(self.means, own) | {
            name + BEFORE: before for name in self.means_before
        }

    @cached_property
    def dt_s(self) -> np.ndarray:
        """Seconds since the window before (float32), NaN where there is none."""
        steps = np.where(self.number_before == EMPTY, np.nan, self.number - self.number_before)
        return (steps * (self.width_us * 1e-6)).astype(np.float32)


@dataclass
class Windows:
    """Open and last windows of a chunk: arrays (3, rows) by slot, `gone` (words, 3, rows).

    Bit c of `gone` tells that column c had a sample without a value.
    """

    width_us: int
    columns: tuple[Column, ...]
    before: tuple[str, ...]
    watched: tuple[str, ...]
    number: np.ndarray
    count: np.ndarray
    gone: np.ndarray
    sums: dict[str, np.ndarray]

    @classmethod
    def empty(
        cls,
        width_us: int,
        columns: tuple[Column, ...],
        rows: int,
        before: tuple[str, ...] = (),
        watched: tuple[str, ...] = (),
    ) -> Windows:
        """No windows yet. `before` names columns whose means of the window before are wanted,
        `watched` those that are compared with it."""
        return cls(
            width_us,
            columns,
            before,
            watched,
            np.full((3, rows), EMPTY, dtype=np.int64),
            np.zeros((3, rows), dtype=np.int32),
            np.zeros((-(-len(columns) // _WORD), 3, rows), dtype=np.uint64),
            {c.name: np.zeros((3, rows), dtype=_sum_type(c)) for c in columns},
        )

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        for slot in range(3):
            yield f"number/{slot}", self.number[slot]
            yield f"count/{slot}", self.count[slot]
            for word, gone in enumerate(self.gone):
                yield f"gone/{word}/{slot}", gone[slot]
            for name, sums in self.sums.items():
                yield f"sum/{name}/{slot}", sums[slot]

    def take(
        self, rows: Rows, t_event_us: np.ndarray, codes: dict[str, np.ndarray]
    ) -> list[Closed]:
        """Add rows of distinct satellites, arrays (N,); gives the windows that they close.

        Closed windows of one satellite come in the order of time.
        """
        if not len(t_event_us):
            return []
        number = t_event_us // self.width_us
        closed = list(self._close(rows, number))
        newest = np.maximum(self.number[0, rows], self.number[1, rows])
        in_time = number >= newest - 1
        if not in_time.all():
            some = np.flatnonzero(in_time)
            rows, number = indices(rows)[some], number[some]
            codes = {c.name: codes[c.name][some] for c in self.columns}
            if not len(some):
                return closed
        slot: int | np.ndarray = number & 1
        if number[0] == number[-1] and (number == number[0]).all():
            slot = int(number[0]) & 1
        else:
            rows = indices(rows)  # a slice beside an array would mean all pairs
        self.number[slot, rows] = number
        self.count[slot, rows] += 1
        for c, column in enumerate(self.columns):
            found = codes[column.name]
            missing = column.is_missing(found)
            if missing.any():
                bit = np.left_shift(np.uint64(1), np.uint64(c % _WORD))
                self.gone[c // _WORD][slot, rows] |= np.where(missing, bit, np.uint64(0))
            self.sums[column.name][slot, rows] += _integers(column, found)
        return closed

    def running_mean(self, name: str, rows: Rows) -> np.ndarray:
        """Mean of a column over the windows that are open (N,): of the last one or two widths.

        NaN without a row, or where a sample was missing.
        """
        number = next(n for n, column in enumerate(self.columns) if column.name == name)
        bit = np.left_shift(np.uint64(1), np.uint64(number % _WORD))
        count = self.count[0, rows] + self.count[1, rows]
        sums = self.sums[name][0, rows] + self.sums[name][1, rows]
        gone = self.gone[number // _WORD]
        known = (count > 0) & (((gone[0, rows] | gone[1, rows]) & bit) == 0)
        mean = sums * np.float64(self.columns[number].resolution) / np.maximum(count, 1)
        return np.where(known, mean, np.nan).astype(np.float32)

    def _close(self, rows: Rows, number: np.ndarray) -> Iterator[Closed]:
        """Close what rows of window `number` leave two or more behind, the older ones first."""
        for _ in range(2):
            even, odd = self.number[0, rows], self.number[1, rows]
            even_due = (even != EMPTY) & (even <= number - 2)
            odd_due = (odd != EMPTY) & (odd <= number - 2)
            some = np.flatnonzero(even_due | odd_due)
            if not len(some):
                return
            is_odd = odd_due & (~even_due | (odd < even))
            which = is_odd[some].astype(np.intp)
            slot: int | np.ndarray = which
            if which.min() == which.max():
                slot = int(which[0])
            at = rows
            if len(some) < len(number) or not isinstance(slot, int):
                at = indices(rows)[some]  # a slice beside an array would mean all pairs
            yield self._closed(at, slot)

    def _closed(self, rows: Rows, slot: int | np.ndarray) -> Closed:
        own, last = (slot, rows), (CLOSED, rows)
        count, count_before = self.count[own], self.count[last]
        means = {c.name: self._means(n, c, own, count) for n, c in enumerate(self.columns)}
        means_before = {
            c.name: self._means(n, c, last, count_before)
            for n, c in enumerate(self.columns)
            if c.name in self.before
        }
        number, number_before = self.number[own], self.number[last]
        follows = (count == count_before) & (number_before == number - 1)
        same = {
            name: follows & (self.sums[name][own] == self.sums[name][last]) for name in self.watched
        }
        found = Closed(
            rows,
            number.copy(),
            number_before.copy(),
            count.copy(),
            count_before.copy(),
            means,
            means_before,
            same,
            self.width_us,
        )
        for array, nothing in (
            (self.number, EMPTY),
            (self.count, 0),
            *((gone, 0) for gone in self.gone),
            *((sums, 0) for sums in self.sums.values()),
        ):
            array[last] = array[own]
            array[own] = nothing
        return found

    def _means(
        self, number: int, column: Column, at: tuple[int | np.ndarray, Rows], count: np.ndarray
    ) -> np.ndarray:
        """Means in the column's unit (float32), NaN where a sample or all were missing."""
        bit = np.left_shift(np.uint64(1), np.uint64(number % _WORD))
        missing = (self.gone[number // _WORD][at] & bit) != 0
        missing |= count == 0
        values = self.sums[column.name][at] * np.float64(column.resolution)
        means: np.ndarray = (values / np.maximum(count, 1)).astype(np.float32)
        if missing.any():
            means[missing] = np.nan
        return means


def _sum_type(column: Column) -> type[np.integer]:
    """Small codes add up in 32 bits for 32,000 rows; a window has tens."""
    return np.int32 if column.dtype.itemsize <= 2 else np.int64


def _integers(column: Column, codes: np.ndarray) -> np.ndarray:
    """Codes as integers; float columns, whose sums would hang on the order, in resolutions."""
    if column.dtype.kind != "f":
        return codes
    scaled = np.rint(np.nan_to_num(codes, posinf=0, neginf=0) / column.resolution)
    whole: np.ndarray = np.clip(scaled, -(2.0**40), 2.0**40).astype(np.int64)
    return whole
