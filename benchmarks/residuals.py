"""The processor with and without the model beside its telemetry: core-ms a tick, on one core.

    python -m benchmarks.residuals [--satellites 100000] [--profile suncatcher_81] [--json FILE]

Two workers take the same frames of a synthetic fleet in turns, as they come out of the log: one
compares its satellites with the model, the other has none.  A round is a minute of event time: six
windows of 10 s, the residual records of the minute, and all snapshots that fall due.  Making the
frames is not counted.  Every window that closes is counted, for every satellite, and sums of a few
satellites' windows are compared with those of the codes that were sent, added up in plain Python.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks import harness
from benchmarks.harness import Report, expect
from orbitwin import catalogue, contract, fleet, profile, topics
from orbitwin.contract import Frame
from orbitwin.fleet import Clock
from orbitwin.layout import scaled
from orbitwin.settings import Settings
from orbitwin.trajectory import Planned
from processors.model.model import ModelState
from processors.model.windows import CLOSED
from processors.record import Output, Record, Rules
from processors.worker import Worker
from producers.schedule import SECOND_US, Schedule
from producers.synthetic import Flight, fleet_of, frames
from producers.truth import Truth

T0_US = 1_790_000_040_000_000  # a whole minute
LATENCY_US = 50_000
MINUTE = 60  # ticks of a round
WARM_UP = MINUTE  # windows open, and chunks take their places in the turn of snapshots
PARTITIONS = 8
SAMPLE = 16
WITH, WITHOUT = "with the model", "without"


@dataclass
class MemoryLog:
    """A worker's log: it holds the fleet topic; of what is sent it keeps counts and bytes only."""

    fleet: list[Record] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    octets: Counter[str] = field(default_factory=Counter)

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        return 0, len(self.fleet) if topic == topics.FLEET.name else 0

    async def records(
        self, topic: str, partition: int, first: int, last: int
    ) -> AsyncGenerator[Record, None]:
        for record in self.fleet[first : last + 1] if topic == topics.FLEET.name else []:
            yield record

    def send(self, partition: int, output: Output) -> None:
        self.sent[output.topic] += 1
        self.octets[output.topic] += len(output.value)

    async def settle(self, most_unsent: int = 0) -> None:
        return None


class Side:
    """A worker that is fed record by record, and what that takes."""

    def __init__(self, flown: fleet.Fleet, rules: Rules) -> None:
        chunks = [
            Record(0, number, 0, chunk.key, fleet.encode(chunk))
            for number, chunk in enumerate(flown.chunks())
        ]
        self.log = MemoryLog(chunks)
        interval_s = Settings().processor.snapshot_interval_s
        self.worker = Worker(self.log, rules, PARTITIONS, interval_s)
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self.worker.assign(range(PARTITIONS)))
        self.core_ms = 0.0

    def take(self, records: Sequence[Record]) -> None:
        """The records of a second, and the snapshots that are due after it."""
        self.core_ms += harness.core_ms(lambda: self.loop.run_until_complete(self._take(records)))

    async def _take(self, records: Sequence[Record]) -> None:
        for record in records:
            expect(await self.worker.take(record), f"offset {record.offset} is not applied")
        await self.worker.snapshots()

    def models(self) -> dict[bytes, ModelState]:
        """The model of each chunk by its key; none where there is none."""
        states = [state for held in self.worker.held.values() for state in held.chunks.items()]
        return {key: state.model for key, state in states if state.model is not None}


class Course:
    """A fleet, its frames as records of the log, and the two workers that take them."""

    def __init__(self, given: argparse.Namespace) -> None:
        found = profile.load(given.profile)
        self.vehicle = catalogue.load(found.vehicle)
        rows, orbit = scaled(found, given.satellites)
        clock = Clock("live", T0_US, T0_US, 1.0)
        self.schedule = Schedule.of(self.vehicle, clock, SECOND_US, {})
        self.truth = Truth(found, seed=given.seed, t0_us=T0_US, orbit=orbit, layout=rows)
        planned = Planned(orbit.elements)
        flight = Flight("synthetic", "bench", found, rows, planned, lambda *_: self.truth)
        chunk_rows = fleet.chunk_rows_for(given.satellites, PARTITIONS)
        self.fleet = fleet_of(flight, self.schedule, self.vehicle, chunk_rows)
        rules = {"raw_max_satellites": 0, "forecast_max_satellites": 0}
        self.sides = {
            WITH: Side(self.fleet, Rules(model_max_satellites=given.satellites, **rules)),
            WITHOUT: Side(self.fleet, Rules(model_max_satellites=0, **rules)),
        }
        self.offsets: Counter[int] = Counter()
        self.done = 0
        self.proof = Proof(given.satellites, chunk_rows)

    def minute(self) -> dict[str, float]:
        """A round: core-ms a tick of each side; windows are counted."""
        for side in self.sides.values():
            side.core_ms = 0.0
        self.ticks(MINUTE)
        means = {name: side.core_ms / MINUTE for name, side in self.sides.items()}
        return means | {"the model": means[WITH] - means[WITHOUT]}

    def ticks(self, number: int) -> None:
        for _ in range(number):
            records = list(self._records(T0_US // SECOND_US + self.done))
            order = list(self.sides.values())
            for side in order if self.done % 2 else reversed(order):  # each is first in turn
                side.take(records)
            self.proof.look(self.sides[WITH].models())
            self.done += 1

    def _records(self, tick: int) -> list[Record]:
        due, t_us = self.schedule.due(tick), self.schedule.event_us(tick)
        packets = {d.packet: d.rows_of(self.fleet.size, self.fleet.chunk_rows) for d in due}
        measured = self.truth.advance(t_us, packets)
        made = []
        for frame in frames(self.fleet, self.schedule, tick, due, measured):
            if frame.packet == self.vehicle.primary.name:
                self.proof.sent(frame)
            value = contract.encode(frame, self.vehicle.columns_of(frame.packet))
            partition = fleet.partition_of(self.fleet.name, frame.chunk, PARTITIONS)
            made.append(self._record(partition, t_us, frame.key, value))
        for partition in range(PARTITIONS):
            made.append(self._record(partition, t_us, b"", b"", packet=contract.TICK.encode()))
        return made

    def _record(
        self, partition: int, t_us: int, key: bytes, value: bytes, **headers: bytes
    ) -> Record:
        offset = self.offsets[partition]
        self.offsets[partition] += 1
        return Record(partition, offset, t_us + LATENCY_US, key, value, headers)


class Proof:
    """Counts the windows that close, and adds up a few satellites' codes in plain Python."""

    def __init__(self, satellites: int, chunk_rows: int) -> None:
        self.sample: dict[int, list[int]] = {}
        for row in np.linspace(0, satellites - 1, min(SAMPLE, satellites)).astype(int).tolist():
            self.sample.setdefault(row // chunk_rows, []).append(row % chunk_rows)
        self.closed = 0
        self.compared = 0
        self._number: dict[bytes, np.ndarray] = {}
        self._chunk: dict[bytes, int] = {}
        self._frames: dict[bytes, list[tuple[int, dict[str, list[int]]]]] = {}

    def sent(self, frame: Frame) -> None:
        """Keep the codes of the sample of a frame of the primary packet."""
        self._chunk[frame.key] = frame.chunk
        rows = self.sample.get(frame.chunk, [])
        codes = {name: [int(column[row]) for row in rows] for name, column in frame.codes.items()}
        self._frames.setdefault(frame.key, []).append((frame.t_event_us, codes))

    def look(self, models: dict[bytes, ModelState]) -> None:
        """Count the windows that have closed since the last look, and compare them."""
        for key, model in models.items():
            windows = model.windows
            now = windows.number[CLOSED]
            before = self._number.get(key, np.full_like(now, -1))
            new = now != before
            self._number[key] = now.copy()
            self.closed += int(new.sum())
            full = windows.width_us // SECOND_US
            expect(
                bool((windows.count[CLOSED][new] == full).all()), "a window lacks some of its rows"
            )
            if new.any():
                self._compare(key, model)

    def _compare(self, key: bytes, model: ModelState) -> None:
        windows, frames_seen = model.windows, self._frames[key]
        for at, row in enumerate(self.sample.get(self._chunk[key], [])):
            window = int(windows.number[CLOSED][row])
            inside = [codes for t_us, codes in frames_seen if t_us // windows.width_us == window]
            for column in windows.columns:
                if column.dtype.kind == "f":
                    continue  # is added up in steps of its resolution
                total = sum(codes[column.name][at] for codes in inside)
                got = int(windows.sums[column.name][CLOSED][row])
                expect(got == total, f"{column.name} of row {row} adds up to {got}, not {total}")
                self.compared += 1
        newest_us = frames_seen[-1][0]
        kept = [one for one in frames_seen if one[0] > newest_us - 3 * windows.width_us]
        self._frames[key] = kept


def measure(given: argparse.Namespace, spoil: Callable[[Course], None]) -> Report:
    """Rounds of a minute, windows counted in each."""
    course = Course(given)
    course.ticks(WARM_UP)
    spoil(course)
    width_s = next(iter(course.sides[WITH].models().values())).windows.width_us // SECOND_US
    expected = given.satellites * MINUTE // width_s
    logs = {name: side.log for name, side in course.sides.items()}
    for log in logs.values():
        log.sent.clear()
        log.octets.clear()

    def one() -> dict[str, float]:
        before = course.proof.closed
        found = course.minute()
        closed = course.proof.closed - before
        expect(closed == expected, f"{closed} windows closed, not {expected}")
        return found

    figures = harness.rounds(given.repeat, one)
    ticks = given.repeat * MINUTE
    for name, side in course.sides.items():
        counts = side.worker.counts
        rows = counts.rows_applied
        expect(
            counts.rows_dead + counts.rows_late + counts.rows_duplicate == 0, f"rows lost {name}"
        )
        expect(rows == course.sides[WITH].worker.counts.rows_applied, f"rows applied {name}")
    expect(course.proof.compared > 0, "no sum was compared")
    return Report(
        figures,
        {
            "us a satellite and window": round(
                figures["the model"].median * width_s * 1e3 / given.satellites, 2
            ),
            "chunks": f"{len(course.offsets)} partitions, {course.fleet.chunk_rows} rows a chunk",
            **{f"kB sent a tick, {name}": _kilobytes(log, ticks) for name, log in logs.items()},
        },
        [
            f"{expected} windows closed in each round = {given.satellites} satellites x "
            f"{MINUTE // width_s}, each of {width_s} rows",
            f"{course.proof.compared} sums of windows are those of the codes sent",
            "no row late, twice or dead, and both sides applied the same",
        ],
    )


def _kilobytes(log: MemoryLog, ticks: int) -> str:
    means = {topic: log.octets[topic] / ticks / 1e3 for topic in sorted(log.octets)}
    return ", ".join(f"{topic} {kilobytes:,.1f}" for topic, kilobytes in means.items())


def main(
    argv: Sequence[str] | None = None, spoil: Callable[[Course], None] = lambda course: None
) -> int:
    """`spoil` may change the course before the first round: a seam for tests."""
    made = harness.parser(__doc__, 100_000)
    made.add_argument("--profile", default="suncatcher_81")
    given = made.parse_args(argv)
    return harness.run("residuals", given, lambda: measure(given, spoil))


if __name__ == "__main__":
    harness.one_core()
    sys.exit(main())
