"""What is kept of the newest rows of other packets: whether they were judged by, and rates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from orbitwin.vehicle import RATE, Vehicle
from processors.packet import PacketState
from processors.selection import Rows

NEVER = -1
"""Event time of a packet that was not heard of."""


@dataclass
class Newest:
    """Arrays (rows,): `heard[packet]`, event time of the newest row that was judged by, and
    `last[parameter]`, the codes that it had of the parameters in `sources` (with their packet):
    those whose rates are wanted (`rated`), and those that are compared with the row before.

    A slow reading is there in many windows; it is judged in the first of them.
    """

    heard: dict[str, np.ndarray]
    last: dict[str, np.ndarray]
    sources: tuple[tuple[str, str], ...]
    rated: tuple[tuple[str, str], ...]
    exact: frozenset[str]

    @classmethod
    def empty(
        cls,
        vehicle: Vehicle,
        packets: Sequence[str],
        rated: tuple[tuple[str, str], ...],
        watched: tuple[tuple[str, str], ...],
        rows: int,
    ) -> Newest:
        sources = tuple(dict.fromkeys([*rated, *watched]))
        columns = {name: vehicle.parameters[name] for name, _ in sources}
        return cls(
            {p: np.full(rows, NEVER, dtype=np.int64) for p in packets},
            {n: np.full(rows, c.missing, dtype=c.dtype) for n, c in columns.items()},
            sources,
            rated,
            frozenset(n for n in columns if not vehicle.noise.get(n)),
        )

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        for name, array in self.heard.items():
            yield f"heard/{name}", array
        for name, array in self.last.items():
            yield f"last/{name}", array

    def newer(self, packet: PacketState, rows: Rows) -> np.ndarray:
        """Whose newest row of a packet was not judged by yet (bool, (N,))."""
        heard = self.heard[packet.packet.name][rows]
        newer: np.ndarray = (packet.seq[rows] >= 0) & (packet.t_event_us[rows] > heard)
        return newer

    def _since_s(self, packet: PacketState, rows: Rows) -> np.ndarray:
        """Seconds between the row judged by before and the newest (N,), NaN without a newer."""
        heard = self.heard[packet.packet.name][rows]
        known = self.newer(packet, rows) & (heard != NEVER)
        elapsed_s = (packet.t_event_us[rows] - heard) * 1e-6
        return np.where(known, elapsed_s, np.nan).astype(np.float32)

    def rates(self, packets: Mapping[str, PacketState], rows: Rows) -> dict[str, np.ndarray]:
        """NAME_rate: what parameters gained a second (N,); NaN where a counter began again."""
        found = {}
        for name, source in self.rated:
            packet = packets[source]
            column = packet.packet.by_name[name]
            now, before = packet.codes[name][rows], self.last[name][rows]
            gained = (now.astype(np.float64) - before) * column.resolution
            unknown = column.is_missing(now) | column.is_missing(before)
            if name in self.exact:
                unknown |= gained < 0
            rate = np.where(unknown, np.nan, gained) / self._since_s(packet, rows)
            found[name + RATE] = rate.astype(np.float32)
        return found

    def shares(self, packets: Mapping[str, PacketState], rows: Rows) -> dict[str, np.ndarray]:
        """Variance of each rate as a share of that of one reading, (N,): two, over the time."""
        found = {}
        for name, source in self.rated:
            elapsed_s = self._since_s(packets[source], rows)
            known_s = np.where(elapsed_s > 0, elapsed_s, np.float32(np.inf))
            found[name + RATE] = 2 / np.square(known_s)
        return found

    def same(self, name: str, packet: PacketState, rows: Rows) -> np.ndarray:
        """Whose code of a parameter is that of the row judged by before (bool, (N,))."""
        now, before = packet.codes[name][rows], self.last[name][rows]
        same: np.ndarray = (now == before) & ~packet.packet.by_name[name].is_missing(now)
        return same

    def remember(self, packets: Mapping[str, PacketState], rows: Rows) -> None:
        """The newest rows have been judged by."""
        fresh = {name: self.newer(packets[name], rows) for name in self.heard}
        for name, source in self.sources:
            kept = self.last[name]
            kept[rows] = np.where(fresh[source], packets[source].codes[name][rows], kept[rows])
        for name, heard in self.heard.items():
            heard[rows] = np.where(fresh[name], packets[name].t_event_us[rows], heard[rows])
