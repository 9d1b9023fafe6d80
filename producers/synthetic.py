"""Fly a synthetic fleet: what the truth measures, quantised and framed, on a fixed clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from orbitwin import catalogue
from orbitwin import profile as profiles
from orbitwin.catalogue import Vehicle
from orbitwin.contract import Frame
from orbitwin.errors import UsageError
from orbitwin.fleet import Fleet
from orbitwin.health import Health
from orbitwin.layout import Layout, scaled
from orbitwin.profile import Profile
from orbitwin.settings import DEFAULT_VEHICLE, Settings
from orbitwin.trajectory import Planned, Trajectory
from producers.clock_file import Wish, continued
from producers.faults import FaultField
from producers.faults.asked import Asked
from producers.pace import Pace
from producers.schedule import SECOND_US, Due, Schedule
from producers.session import MOST_RATE, Session, Summary, epoch_us, run_session
from producers.truth import Truth


@dataclass(frozen=True)
class Flight:
    """What flies: a fleet's name, its profile, layout and planned orbits, and how to make its truth
    from a time on, under faults (`truth_at(t0_us, faults)`). `period_s` replaces the vehicle's own
    periods."""

    source: str
    name: str
    profile: Profile
    layout: Layout
    trajectory: Trajectory
    truth_at: Callable[..., Truth]
    period_s: Mapping[str, float] = field(default_factory=dict)


def run_synthetic(settings: Settings, health: Health, stop: threading.Event) -> Summary:
    """Fly `producer.profile`, with `producer.satellites` members, until `stop`."""
    chosen = settings.producer
    profile = profiles.load(chosen.profile)
    layout, orbit = scaled(profile, chosen.satellites)

    def truth(t0_us: int, faults: FaultField | None = None) -> Truth:
        return Truth(
            profile, seed=chosen.seed, t0_us=t0_us, orbit=orbit, layout=layout, faults=faults
        )

    planned = Planned(orbit.elements)
    flight = Flight("synthetic", profile.name, profile, layout, planned, truth)
    return fly(flight, settings, health, stop)


def fly(flight: Flight, settings: Settings, health: Health, stop: threading.Event) -> Summary:
    """Publish a frame a chunk for every packet due, from now until `stop` or the duration's end."""
    chosen = settings.producer
    if chosen.speed > MOST_RATE:
        raise UsageError("speed max is for a replay", "give a number")
    vehicle = _vehicle(flight.profile, settings.vehicle)
    asked = Asked.of(chosen, flight.profile, vehicle, flight.layout.sat_id)
    tick_us = max(1, round(flight.profile.period_s * SECOND_US / chosen.rate_hz))
    wish = Wish(chosen.speed, epoch_us(chosen.start_epoch))

    def body(session: Session) -> None:
        pace = Pace(health)
        kept = settings.data / "clock" / f"{flight.name}.json"
        clock = continued(kept, wish, pace.now_us())
        schedule = Schedule.of(vehicle, clock, tick_us, flight.period_s)
        chunk_rows = session.chunk_rows(len(flight.layout))
        fleet = fleet_of(flight, schedule, vehicle, chunk_rows)
        t0_us = clock.now_us(pace.now_us())
        faults = None
        if asked is not None:
            begun = kept.with_suffix(".faults.json")
            faults = asked.field(begun, clock, t0_us, flight.layout.sat_id, chosen.seed)
        truth = flight.truth_at(t0_us, faults)

        def send(tick: int) -> bool:
            due = schedule.due(tick)
            t_us = schedule.event_us(tick)
            packets = {d.packet: d.rows_of(fleet.size, fleet.chunk_rows) for d in due}
            measured = truth.advance(t_us, packets)
            clocks_us = truth.times(t_us)
            return all(
                session.publisher.send(frame, vehicle.columns_of(frame.packet))
                for frame in frames(fleet, schedule, tick, due, measured, clocks_us)
            )

        if session.announce(fleet, pace):
            pace.run(schedule, stop, send, session.report, chosen.duration_s)

    return run_session(flight.source, settings, health, stop, body)


def fleet_of(flight: Flight, schedule: Schedule, vehicle: Vehicle, chunk_rows: int) -> Fleet:
    """Who flies, with the profile's nominal values: the truth's own stay its secret."""
    layout = flight.layout
    common, apart = _by_shell(layout.numbers(flight.profile))
    return Fleet(
        flight.name,
        vehicle,
        layout.sat_id,
        layout.name,
        layout.shell,
        layout.plane,
        layout.slot,
        chunk_rows,
        schedule.clock,
        common,
        schedule.period_s,
        dict(zip(layout.shells, apart, strict=True)),
        flight.profile.spread,
        tuple(flight.profile.ocv_v.tolist()),
        flight.trajectory,
        flight.profile.noise,
    )


def _by_shell(
    numbers: Sequence[Mapping[str, float]],
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Nominal numbers that all shells share, and those that each has of its own."""
    first = numbers[0]
    common = {
        name: value
        for name, value in first.items()
        if all(other.get(name) == value for other in numbers)
    }
    apart = [{n: v for n, v in one.items() if n not in common} for one in numbers]
    return common, apart


def frames(
    fleet: Fleet,
    schedule: Schedule,
    tick: int,
    due: Iterable[Due],
    measured: Mapping[str, np.ndarray],
    clocks_us: np.ndarray | None = None,
) -> Iterator[Frame]:
    """The frames due at a tick, from what was measured: arrays of shape (size,) by column.

    `clocks_us` (size,) is what the satellites' clocks show, where not all are right."""
    for packet in due:
        for chunk, low in enumerate(range(0, fleet.size, fleet.chunk_rows)):
            rows = min(fleet.chunk_rows, fleet.size - low)
            first, end = packet.rows(rows)
            if end > first:
                part = slice(low + first, low + end)
                frame = _frame(fleet, schedule, tick, packet, chunk, first, measured, part)
                if clocks_us is not None and (clocks_us[part] != frame.t_event_us).any():
                    frame = replace(frame, row_t_event_us=clocks_us[part])
                yield frame


def _frame(
    fleet: Fleet,
    schedule: Schedule,
    tick: int,
    due: Due,
    chunk: int,
    row0: int,
    measured: Mapping[str, np.ndarray],
    part: slice,
) -> Frame:
    rows = part.stop - part.start
    codes = {}
    for column in fleet.vehicle.columns_of(due.packet):
        values = measured.get(column.name)
        codes[column.name] = (
            np.full(rows, column.missing, dtype=column.dtype)
            if values is None
            else column.encode(values[part])
        )
    return Frame(
        fleet.name,
        fleet.vehicle.name,
        due.packet,
        chunk,
        row0,
        rows,
        schedule.event_us(tick),
        due.seq,
        schedule.wall_us(tick),
        codes,
    )


def _vehicle(profile: Profile, name_or_path: str) -> Vehicle:
    """The profile's vehicle type, or the user's own version of it."""
    own = catalogue.load(profile.vehicle)
    if name_or_path == DEFAULT_VEHICLE:
        return own
    vehicle = catalogue.load(name_or_path)
    if not vehicle.primary.by_name.keys() & own.parameters.keys():
        raise UsageError(
            f"profile {profile.name} flies {own.name}: nothing that {vehicle.name} measures is "
            "simulated",
            "leave --vehicle out, or play recorded telemetry of it: orbitwin produce replay",
        )
    return vehicle
