"""Recordings of BIRDS-3, and faults put into copies of their real rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from orbitwin import catalogue
from orbitwin.contract import Frame
from orbitwin.records import RESIDUAL
from orbitwin.vehicle import Vehicle
from producers import play, recording, replay, sources
from producers.recording import Recording
from tests.processing import Bench, events, states

DATA = Path(__file__).parent / "data" / "birds_eps"
BIRDS = catalogue.load("birds3")
SPEED = 200.0
PANELS = ("py", "px", "mz", "mx", "pz")

Values = dict[str, np.ndarray]


@dataclass(frozen=True)
class Track:
    """One satellite's rows: times (UTC us) and values by parameter, arrays (rows,)."""

    name: str
    t_us: np.ndarray
    values: Values

    def first(self, rows: int) -> Track:
        return Track(self.name, self.t_us[:rows], {n: v[:rows] for n, v in self.values.items()})

    def changed(self, name: str, change: Callable[[Values], Mapping[str, np.ndarray]]) -> Track:
        """A copy under another name with some of its values replaced."""
        return Track(name, self.t_us, self.values | change(self.values))


def track(name: str) -> Track:
    """A satellite of the data set as it was recorded."""
    played = recording.read([DATA / f"{name}.xlsx"], BIRDS, sources.read_tables)
    values = {n: BIRDS.parameters[n].decode(c).astype(float) for n, c in played.codes.items()}
    return Track(name, played.t_us, values)


def aligned(own: Track, other: Track) -> Track:
    """`own` with its sheets on the days of the sheets of `other`: windows then close together."""
    day_us = 86_400_000_000
    days, sheet = np.unique(own.t_us // day_us, return_inverse=True)
    new = np.unique(other.t_us // day_us)[: len(days)]
    return replace(own, t_us=own.t_us % day_us + new[sheet] * day_us)


def together(tracks: Sequence[Track], vehicle: Vehicle = BIRDS) -> Recording:
    """Satellites 100, 101, ... of one recording."""
    packet = vehicle.primary.name
    return Recording(
        np.arange(100, 100 + len(tracks), dtype=np.int64),
        [t.name for t in tracks],
        np.repeat(np.arange(len(tracks)), [len(t.t_us) for t in tracks]),
        np.concatenate([t.t_us for t in tracks]),
        {packet: np.concatenate([np.arange(len(t.t_us)) for t in tracks])},
        {
            n: column.encode(np.concatenate([t.values[n] for t in tracks]))
            for n, column in vehicle.parameters.items()
        },
        {packet: np.ones(sum(len(t.t_us) for t in tracks), dtype=bool)},
        [],
    )


@dataclass(frozen=True)
class Told:
    """What the processors said: events (with the satellite's `name` and `at_s`, seconds since its
    first row) and residual records."""

    events: list[dict[str, Any]]
    residuals: list[Frame]
    sat_id: dict[str, int]

    def of(self, name: str, kind: str = "fault") -> list[dict[str, Any]]:
        return [e for e in self.events if (e["name"], e["kind"]) == (name, kind)]

    def verdicts(self, name: str) -> list[tuple[str, str]]:
        """Faults raised and cleared, in order; a sensor's with its name."""
        return [(e["state"], e["message"].split(",")[0]) for e in self.of(name)]

    def column(self, name: str, column: str, until_us: int = 2**62) -> np.ndarray:
        """A column of a satellite's residual records, in order of time."""
        own = self.sat_id[name]
        found = [
            r.codes[column][(r.sat_id == own) & (r.t_event() <= until_us)] for r in self.residuals
        ]
        return np.concatenate(found)


def fly(tracks: Sequence[Track], vehicle: Vehicle = BIRDS) -> Told:
    """Replay satellites through the processors: the same frames and the same code as live."""
    played = together(tracks, vehicle)
    fleet = replay.fleet_of(played, vehicle, SPEED, 1_000)
    bench = Bench(fleet)
    found, residuals = [], []
    for batch in play.batches(played, play.plan(played, SPEED), 1_000):
        outcome = bench.take(replay.frame_of(played, fleet, batch, 0))
        found += events(outcome)
        residuals += [s for s in states(outcome, vehicle) if s.packet == RESIDUAL]
    start_us = {int(i): int(t.t_us[0]) for i, t in zip(played.sat_id, tracks, strict=True)}
    names = dict(zip(played.sat_id.tolist(), played.sat_name, strict=True))
    for e in found:
        e["name"] = names[e["sat_id"]]
        e["at_s"] = (e["t_event_us"] - start_us[e["sat_id"]]) * 1e-6
    return Told(found, residuals, {n: i for i, n in names.items()})
