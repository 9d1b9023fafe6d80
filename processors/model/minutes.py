"""What the residual record of a minute tells: means over the windows of that minute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from orbitwin import contract, topics
from orbitwin.contract import Frame
from orbitwin.fleet import Chunk
from orbitwin.records import (
    CHARGE,
    FAULT_CODE,
    FAULT_CONFIDENCE,
    RESIDUAL,
    RESIDUAL_PARTS,
    Source,
    extra_of,
    residual_columns,
)
from processors.model.relations import Relations
from processors.model.residuals import Judged, Memory, estimate
from processors.model.verdicts import Verdicts
from processors.model.windows import EMPTY, Closed
from processors.record import Output
from processors.selection import Rows, indices

MINUTE_US = 60_000_000
_SUMS = ("measured", "predicted", "sigma", "z", "nis", "inside")
INSIDE_Z = 1.959964  # 95 % of a normal variable lies within


@dataclass
class Minutes:
    """The minute that each satellite is in, (rows,), and sums of its windows (channels, rows).

    Without `detailed` there are no sums: of a large fleet only satellites with an alarm are told
    of, by the window that closes the minute.
    """

    detailed: bool
    minute: np.ndarray
    sums: dict[str, np.ndarray]
    count: np.ndarray

    @classmethod
    def empty(cls, channels: int, rows: int, detailed: bool) -> Minutes:
        many = channels if detailed else 0
        return cls(
            detailed,
            np.full(rows, EMPTY, dtype=np.int64),
            {name: np.zeros((many, rows), dtype=np.float32) for name in _SUMS},
            np.zeros((many, rows), dtype=np.uint8),
        )

    def arrays(self, names: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
        yield "minute", self.minute
        for kind, sums in self.sums.items():
            for name, row in zip(names, sums, strict=False):
                yield f"{kind}/{name}", row
        for name, row in zip(names, self.count, strict=False):
            yield f"{SUMMED}/{name}", row

    def turn(self, closed: Closed) -> np.ndarray:
        """Whose minute is over with these windows (bool, (N,)); the new one begins."""
        now = closed.mid_us // MINUTE_US
        before = self.minute[closed.rows]
        over: np.ndarray = (before != EMPTY) & (before != now)
        self.minute[closed.rows] = now
        return over

    def take(self, rows: Rows, over: np.ndarray) -> dict[str, np.ndarray]:
        """The sums (channels, M) of the satellites that are `over`; they begin again at 0."""
        at = indices(rows)[over]
        found = {}
        for name, sums in (*self.sums.items(), ("n", self.count)):
            found[name] = sums[:, at]
            sums[:, at] = 0
        return found

    def add(self, judged: Sequence[Judged]) -> None:
        """Add one window of each channel."""
        for c, one in enumerate(judged):
            for name, values in _parts(one).items():
                self.sums[name][c][one.at] += values
            self.count[c][one.at] += np.uint8(1)


SUMMED = "count"
"""Kind of the arrays that only a detailed model has."""


def _parts(one: Judged) -> dict[str, np.ndarray]:
    return {
        "measured": one.measured,
        "predicted": one.expected,
        "sigma": one.sigma,
        "z": one.z,
        "nis": one.z * one.z,
        "inside": (np.abs(one.z) <= np.float32(INSIDE_Z)).astype(np.float32),
    }


def single(judged: Sequence[Judged], count: int, some: np.ndarray) -> dict[str, np.ndarray]:
    """One window of satellites `some` of a batch of `count` in the form of `Minutes.take`."""
    made = {name: np.zeros((len(judged), len(some)), np.float32) for name in (*_SUMS, "n")}
    for c, one in enumerate(judged):
        for name, values in (*_parts(one).items(), ("n", np.ones(len(one.z)))):
            whole = np.zeros(count, dtype=np.float32)
            whole[one.some] = values
            made[name][c] = whole[some]
    return made


@dataclass(frozen=True)
class Told:
    """Rows of a residual record: satellites by row (N,), each with its own time."""

    rows: np.ndarray
    t_event_us: np.ndarray
    codes: dict[str, np.ndarray]


def told(
    relations: Relations,
    memory: Memory,
    verdicts: Verdicts,
    rows: np.ndarray,
    t_event_us: np.ndarray,
    sums: dict[str, np.ndarray],
    charge: tuple[np.ndarray, np.ndarray] | None,
) -> Told:
    """The residual record's rows from sums (channels, N) over windows.

    `charge` is the state of charge (N,) and its sigma, where it is counted.
    """
    codes: dict[str, np.ndarray] = {}
    count = sums["n"].astype(np.float32)
    safe = np.where(count > 0, count, np.float32(np.nan))
    for c, channel in enumerate(relations.channels):
        for part in RESIDUAL_PARTS:
            value = count[c] if part == "n" else sums[part][c] / safe[c]
            codes[f"{channel.name}/{part}"] = value
    for c, row in reversed(relations.learnt.items()):
        name = relations.channels[c].learns
        value, sigma = estimate(memory, row, c, rows)
        codes[f"{name}/estimate"], codes[f"{name}/estimate_sigma"] = value, sigma
    if charge is not None:
        codes[f"{CHARGE}/estimate"], codes[f"{CHARGE}/estimate_sigma"] = charge
    codes[FAULT_CODE] = verdicts.code[rows]
    codes[FAULT_CONFIDENCE] = verdicts.confidence[rows]
    return Told(rows, t_event_us, codes)


def output(chunk: Chunk, key: bytes, some: Told, source: Source, t_append_us: int) -> Output:
    """A residual record to publish."""
    newest_us = int(some.t_event_us.max())
    seq = some.t_event_us // MINUTE_US
    frame = Frame(
        chunk.fleet,
        chunk.vehicle.name,
        RESIDUAL,
        chunk.number,
        0,
        len(some.rows),
        newest_us,
        int(seq.max()),
        newest_us,
        some.codes,
        chunk.sat_id[some.rows],
        some.t_event_us,
        seq,
        extra_of(source, t_append_us),
    )
    value = contract.encode(frame, residual_columns(chunk.vehicle))
    return Output(topics.STATE.name, key, value, contract.headers(frame))
