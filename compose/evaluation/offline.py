"""Fly a scenario through the processors' own code, without Kafka and as fast as it goes.

Frames are encoded, decoded and applied as they are in a live twin; only the log between them is
missing. Each record is in the log `LATENCY_US` after its event time, and a tick a second follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from compose.evaluation.evidence import EVENTS, LABELS, RESIDUALS, Course, Evidence
from orbitwin import catalogue, contract, fleet, topics
from orbitwin.contract import TICK
from orbitwin.fleet import Clock, Fleet
from orbitwin.layout import Layout, PlannedOrbit, scaled
from orbitwin.profile import Profile
from orbitwin.records import RESIDUAL, decode_events, state_columns_of
from orbitwin.scenario import EVERY, Scenario
from orbitwin.spacecraft import links
from orbitwin.spacecraft.heat import NEVER_DEGC
from orbitwin.trajectory import Planned
from orbitwin.vehicle import Vehicle
from processors.record import Output, Record, Rules
from processors.registry import Registry
from processors.step import PartitionState, adopt, apply, read
from producers.faults import FaultField
from producers.faults.sensors import sensors_of
from producers.schedule import SECOND_US, Schedule
from producers.synthetic import Flight, fleet_of, frames
from producers.truth import Truth

LATENCY_US = 50_000
COURSE_STEP_S = 10
KEPT_KINDS = ("fault", "residual")


@dataclass(frozen=True)
class Plan:
    """What is flown: `satellites` of a profile for `duration_s` of event time from `start_us`."""

    profile: Profile
    scenario: Scenario
    satellites: int
    seed: int
    start_us: int
    duration_s: int


def fly(
    plan: Plan,
    rules: Rules,
    progress: Callable[[int], None] = lambda _: None,
    look: Callable[[PartitionState], None] = lambda _: None,
    begin: Callable[[Fleet], None] = lambda _: None,
    publish: Callable[[Output, int], None] = lambda *_: None,
) -> Evidence:
    """The whole course of a plan.

    `progress` is told each second of event time that is done, `look` may look at the processors'
    state after each. `begin` is told who flies, `publish` what the processors publish, with the
    log's time of its source.
    """
    made = fleet_and_truth(plan)
    vehicle, layout, schedule, truth = made.vehicle, made.layout, made.schedule, made.truth
    flown = _flown(made)
    begin(flown)
    twin = _Twin(flown, rules, publish)
    course = _Course(made)
    first = schedule.first_after(plan.start_us)
    for done in range(plan.duration_s * SECOND_US // schedule.tick_us):
        tick = first + done
        t_us = schedule.event_us(tick)
        due = schedule.due(tick)
        measured = truth.advance(t_us, [d.packet for d in due])
        for frame in frames(flown, schedule, tick, due, measured, truth.times(t_us)):
            twin.take(frame.key, contract.encode(frame, vehicle.columns_of(frame.packet)), t_us)
        twin.tick(t_us)
        course.note(done, t_us)
        look(twin.state)
        progress(done + 1)
    return Evidence(
        start_us=plan.start_us,
        end_us=plan.start_us + plan.duration_s * SECOND_US,
        sat_id=layout.sat_id,
        labels=labels_of(made),
        events=twin.heard.events(),
        residuals=twin.heard.residuals(),
        forecasts=twin.heard.forecasts(),
        letters=dict(twin.heard.letters),
        course=course.made(layout.sat_id),
    )


def _flown(made: Made) -> Fleet:
    """The fleet as its producer tells of it."""
    profile, truth = made.profile, made.truth
    flight = Flight(
        "synthetic",
        profile.name,
        profile,
        made.layout,
        Planned(made.orbit.elements),
        lambda *_: truth,
    )
    chunk_rows = fleet.chunk_rows_for(made.plan.satellites, 1)
    return fleet_of(flight, made.schedule, made.vehicle, chunk_rows)


@dataclass(frozen=True)
class Made:
    """What a plan flies, before it flies; `quiet` is the same truth read without noise."""

    plan: Plan
    profile: Profile
    vehicle: Vehicle
    layout: Layout
    orbit: PlannedOrbit
    schedule: Schedule
    faults: FaultField
    truth: Truth
    quiet: Truth


def fleet_and_truth(plan: Plan) -> Made:
    """The fleet of a plan, its truth and its faults."""
    profile = plan.profile
    vehicle = catalogue.load(profile.vehicle)
    layout, orbit = scaled(profile, plan.satellites)
    clock = Clock("live", plan.start_us, plan.start_us, 1.0)
    schedule = Schedule.of(vehicle, clock, round(profile.period_s * SECOND_US), {})

    def faults() -> FaultField:
        sensors = sensors_of(vehicle, profile.noise)
        return FaultField(plan.scenario, layout.sat_id, plan.seed, plan.start_us, sensors=sensors)

    def truth(of: Profile) -> Truth:
        return Truth(
            of, None, plan.seed, plan.start_us, orbit=orbit, layout=layout, faults=faults()
        )

    quiet = profile.model_copy(update={"noise": {}})
    return Made(
        plan,
        profile,
        vehicle,
        layout,
        orbit,
        schedule,
        faults(),
        truth(profile),
        truth(quiet),
    )


def course_of(made: Made, progress: Callable[[int], None] = lambda _: None) -> Course:
    """The true course alone, in steps of COURSE_STEP_S."""
    course = _Course(made)
    first = made.schedule.first_after(made.plan.start_us)
    for done in range(made.plan.duration_s * SECOND_US // made.schedule.tick_us):
        course.note(done, made.schedule.event_us(first + done))
        progress(done)
    return course.made(made.layout.sat_id)


def labels_of(made: Made) -> pl.DataFrame:
    """What was injected, by satellite."""
    labels = made.faults.labels()
    every = made.layout.sat_id.tolist()
    whom = [every if s == EVERY else [s] for s in labels.sat_id.tolist()]
    return pl.DataFrame(
        {
            "sat_id": whom,
            "fault": labels.fault.tolist(),
            "onset_us": labels.onset_us,
            "end_us": labels.end_us,
            "severity": labels.severity,
        },
        schema=LABELS | {"sat_id": pl.List(pl.Int64)},
    ).explode("sat_id")


class _Twin:
    """One partition of a processor, fed record by record."""

    def __init__(self, flown: Fleet, rules: Rules, publish: Callable[[Output, int], None]) -> None:
        self.rules, self.publish = rules, publish
        self.registry = Registry()
        for chunk in flown.chunks():  # as it comes out of the topic
            self.registry.add(fleet.decode(fleet.encode(chunk)))
        self.state = PartitionState(0, -1)
        adopt(self.state, self.registry.of_partition(0, 1))
        self.heard = Heard(flown.vehicle)

    def take(self, key: bytes, value: bytes, t_us: int) -> None:
        self._apply(Record(0, self.state.applied + 1, t_us + LATENCY_US, key, value))

    def tick(self, t_us: int) -> None:
        headers = {"packet": TICK.encode()}
        self._apply(Record(0, self.state.applied + 1, t_us + 2 * LATENCY_US, b"", b"", headers))

    def _apply(self, record: Record) -> None:
        found = read(self.state, record, self.registry)
        for output in apply(self.state, record, found, self.rules).outputs:
            self.heard.take(output, record.t_append_us)
            self.publish(output, record.t_append_us)


@dataclass
class Heard:
    """What the processors published, as far as an evaluation goes by it."""

    vehicle: Vehicle
    _events: list[pl.DataFrame] = field(default_factory=list)
    _residuals: list[pl.DataFrame] = field(default_factory=list)
    _forecasts: list[pl.DataFrame] = field(default_factory=list)
    letters: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._columns = state_columns_of({self.vehicle.name: self.vehicle})

    def take(self, output: Output, t_us: int) -> None:
        """Take one record; `t_us` is the log's time of what it follows from."""
        if output.topic == topics.DEAD_LETTERS.name:
            said = {name: value.decode() for name, value in output.headers}
            self.letters[f"{said['reason']}: {said['message']}"] += int(said["rows"])
        elif output.topic == topics.EVENTS.name:
            found = pl.DataFrame(pl.from_arrow(decode_events(output.value).events))
            kept = found.filter(pl.col("kind").is_in(KEPT_KINDS)).with_columns(t_us=pl.lit(t_us))
            if len(kept):
                self._events.append(kept.select(*EVENTS).cast(EVENTS))  # type: ignore[arg-type]
        elif output.topic == topics.STATE.name:
            packet = dict(output.headers)["packet"].decode()
            if packet == RESIDUAL:
                self._residuals.extend(self._minutes(contract.decode(output.value, self._columns)))
            elif packet == "forecast":
                frame = contract.decode(output.value, self._columns)
                assert frame.sat_id is not None
                self._forecasts.append(
                    pl.DataFrame({"sat_id": frame.sat_id, "t_us": frame.t_event(), **frame.codes})
                )

    def _minutes(self, frame: contract.Frame) -> Iterator[pl.DataFrame]:
        assert frame.sat_id is not None
        for channel in self.vehicle.channels:
            yield pl.DataFrame(
                {
                    "sat_id": frame.sat_id,
                    "t_us": frame.t_event(),
                    "channel": np.full(frame.rows, channel.name),
                    "nis": frame.codes[f"{channel.name}/nis"],
                    "inside": frame.codes[f"{channel.name}/inside"],
                    "windows": frame.codes[f"{channel.name}/n"],
                },
                schema=RESIDUALS,
            ).filter(pl.col("windows") > 0)

    def events(self) -> pl.DataFrame:
        return pl.concat([pl.DataFrame(schema=EVENTS), *self._events])

    def residuals(self) -> pl.DataFrame:
        return pl.concat([pl.DataFrame(schema=RESIDUALS), *self._residuals])

    def forecasts(self) -> pl.DataFrame:
        return pl.concat(self._forecasts) if self._forecasts else pl.DataFrame()


class _Course:
    """Notes the true course in steps of COURSE_STEP_S, from a truth without noise.

    A thermostat that ends work looks each second, and so does this truth where there is one: it
    would trip at other times otherwise, and its hottest second lie between two steps.
    """

    def __init__(self, made: Made) -> None:
        self.truth = made.quiet
        self._every = max(1, COURSE_STEP_S * SECOND_US // made.schedule.tick_us)
        switches = any(n.numbers["rest_above_degc"] < NEVER_DEGC for n in made.profile.nominals)
        self._looks = 1 if switches else self._every
        self._rows: list[tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []

    def note(self, done: int, t_us: int) -> None:
        """Tick number `done` of the run, at UTC `t_us`."""
        if done % self._looks:
            return
        true = self.truth.advance(t_us, ["fast"])
        charge = self.truth.state("energy_wh") / self.truth.own["full_wh"]
        chip = true["chip_max_t_degc"]
        if done % self._every == 0:
            lit = true["sunlit"] > 0.5
            margin = self._link_margin_db(t_us)
            self._rows.append((t_us, charge.astype(np.float32), chip, margin, lit))
            return
        _, least, most, _, _ = self._rows[-1]
        np.minimum(least, charge, out=least, casting="same_kind")
        np.maximum(most, chip, out=most)

    def _link_margin_db(self, t_us: int) -> np.ndarray:
        """Margin of the weakest terminal of each healthy satellite, dB (N,), NaN without any.

        A link that is lost for a while, to be found again, is not the weakest for that.
        """
        found = np.full(len(self.truth), np.nan, dtype=np.float32)
        u_rad = self.truth.orbit.argument_of_latitude_rad(t_us).astype(np.float32)
        for block in self.truth.blocks:
            wave = block.wave("attitude", t_us)
            dbm = links.received_dbm(block.own, u_rad[block.rows], wave)
            if dbm:
                found[block.rows] = np.min(dbm, axis=0) - block.own["sensitivity_dbm"]
        return found

    def made(self, sat_id: np.ndarray) -> Course:
        t_us, *columns = zip(*self._rows, strict=True)
        return Course(np.array(t_us), sat_id, *map(np.stack, columns))
