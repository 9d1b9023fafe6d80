"""Rows of a frame in work, as columns, and in turns that name each satellite once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from orbitwin.contract import Frame
from processors.derived.columns import Derived
from processors.selection import Rows, indices


@dataclass
class Batch:
    """Rows of a frame in work: which of the frame's, and which of the chunk's; arrays (N,)."""

    frame: Frame
    origin: np.ndarray
    rows: Rows
    t_event_us: np.ndarray
    seq: np.ndarray
    codes: dict[str, np.ndarray]
    invalid: dict[str, np.ndarray]
    derived: Derived | None = None

    def __len__(self) -> int:
        return len(self.seq)

    def pick(self, index: np.ndarray) -> Batch:
        """Some of the rows, by index."""
        return replace(
            self,
            origin=self.origin[index],
            rows=indices(self.rows)[index],
            t_event_us=self.t_event_us[index],
            seq=self.seq[index],
            codes={n: c[index] for n, c in self.codes.items()},
            invalid={n: w[index] for n, w in self.invalid.items()},
            derived=None
            if self.derived is None
            else Derived(
                {n: c[index] for n, c in self.derived.codes.items()}, self.derived.sunlit[index]
            ),
        )


def distinct(batch: Batch) -> Iterator[Batch]:
    """The batch itself, or in turns of which each names a satellite once, oldest rows first."""
    if isinstance(batch.rows, slice) or len(np.unique(batch.rows)) == len(batch):
        yield batch
        return
    order = np.lexsort((batch.seq, batch.t_event_us, batch.rows))
    rows = batch.rows[order]
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    turn = np.arange(len(rows)) - np.repeat(starts, np.diff(np.r_[starts, len(rows)]))
    for n in range(int(turn.max()) + 1):
        yield batch.pick(np.sort(order[turn == n]))
