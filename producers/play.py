"""When each row of a recording is due, and with which others it travels. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from producers.recording import Recording

LONG_PAUSE_US = 60 * 1_000_000  # of event time: longer ones are not waited for
PAUSE_US = 1_000_000  # of wall clock, in place of a long pause
TOGETHER_US = 100_000  # of wall clock: rows due within it share a frame
MAX_ROWS = 4_096  # of a frame


@dataclass(frozen=True)
class Plan:
    """The order to play rows in, and when.

    `order` are row numbers, `due_us` wall-clock microseconds since the start (ascending), both of
    shape (rows,); `pauses` counts the long pauses that are cut short.
    """

    order: NDArray[np.int64]
    due_us: NDArray[np.int64]
    pauses: int


@dataclass(frozen=True)
class Batch:
    """Rows of one frame, in the order to send them; `number` is the place of the first one."""

    packet: str
    chunk: int
    number: int
    due_us: int
    rows: NDArray[np.int64]


def plan(recording: Recording, speed: float) -> Plan:
    """Play a recording at `speed` event seconds a wall-clock second (infinite: at once).

    A satellite's rows keep the order of the file: a row whose time goes back is due together
    with the one before it. Satellites are merged by time.
    """
    progress = (
        pl.DataFrame({"s": recording.satellite, "t": recording.t_us})
        .select(pl.col("t").cum_max().over("s"))
        .to_series()
        .to_numpy()
    )
    order = np.argsort(progress, kind="stable").astype(np.int64)
    gaps = np.diff(progress[order], prepend=progress[order[:1]]).astype(np.float64)
    waits = gaps / speed
    cut = (gaps > LONG_PAUSE_US) & (waits > PAUSE_US)
    waits[cut] = PAUSE_US
    return Plan(order, np.rint(np.cumsum(waits)).astype(np.int64), int(cut.sum()))


def batches(recording: Recording, plan: Plan, chunk_rows: int) -> list[Batch]:
    """The frames of a plan, by due time. They follow from the data and the speed alone, not
    from how fast the brokers are, so that playing again makes the same frames."""
    found: list[Batch] = []
    chunk = recording.satellite[plan.order] // chunk_rows
    bucket = plan.due_us // TOGETHER_US
    for packet, has in recording.has.items():
        places = np.flatnonzero(has[plan.order])
        if not len(places):
            continue
        places = places[np.lexsort((places, chunk[places], bucket[places]))]
        edges = np.flatnonzero(np.diff(bucket[places]) | np.diff(chunk[places])) + 1
        for group in np.split(places, edges):
            found += _split(packet, int(chunk[group[0]]), group, plan)
    # Each packet and chunk keeps its order; of frames due at once, the earlier rows go first.
    found.sort(key=lambda b: (b.due_us, b.number))
    return found


def _split(packet: str, chunk: int, places: NDArray[np.int64], plan: Plan) -> Iterator[Batch]:
    for low in range(0, len(places), MAX_ROWS):
        part = places[low : low + MAX_ROWS]
        due_us = int(plan.due_us[part[-1]])
        yield Batch(packet, chunk, int(part[0]), due_us, plan.order[part])
