"""When forecasts are made: a minute of the log's clock, of every chunk, again from the same log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from orbitwin import catalogue, contract, records
from orbitwin import profile as profiles
from orbitwin.fleet import Clock, Fleet
from orbitwin.layout import scaled
from orbitwin.topics import STATE
from orbitwin.trajectory import Planned
from processors import snapshot
from processors.forecast import schedule as forecaster
from processors.record import Rules
from producers import synthetic
from producers.schedule import Schedule
from producers.truth import Truth
from tests.processing import Bench, states

SECOND_US = 1_000_000
JUNE_US = 1_813_536_000 * SECOND_US  # 2027-06-21


def fleet_at(t_us: int, satellites: int = 12, name: str = "suncatcher_81") -> Fleet:
    own = profiles.load(name)
    layout, flown = scaled(own, satellites)
    vehicle = catalogue.load("odc")
    flight = synthetic.Flight(
        "synthetic", own.name, own, layout, Planned(flown.elements), lambda *_: None
    )
    schedule = Schedule.of(vehicle, Clock("live", t_us, t_us, 1.0), SECOND_US)
    return synthetic.fleet_of(flight, schedule, vehicle, 16_384)


def fly(bench: Bench, seconds: int, name: str = "suncatcher_81") -> list[tuple[int, Any]]:
    """Packets and ticks of some seconds from JUNE_US; the ticks' outcomes."""
    own = profiles.load(name)
    layout, flown = scaled(own, bench.fleet.size)
    truth = Truth(own, seed=1, t0_us=JUNE_US, orbit=flown, layout=layout)
    schedule = Schedule.of(bench.fleet.vehicle, bench.fleet.clock, SECOND_US)
    made = []
    for second in range(seconds):
        t_us = JUNE_US + second * SECOND_US
        tick = t_us // SECOND_US
        due = schedule.due(tick)
        measured = truth.advance(t_us, [d.packet for d in due])
        for frame in synthetic.frames(bench.fleet, schedule, tick, due, measured):
            bench.take(frame, t_us=t_us + 50_000)
        made.append((second, tick_at(bench, t_us + 500_000)))
    return made


def tick_at(bench: Bench, t_us: int) -> Any:
    return bench.put(bench.record(b"", t_us, {"packet": b"tick"}, key=b""))


def forecasts(outcome: Any) -> list[contract.Frame]:
    return [f for f in states(outcome) if f.packet == records.FORECAST]


def test_a_chunk_has_a_forecast_a_minute() -> None:
    bench = Bench(fleet_at(JUNE_US))
    found = [(s, f) for s, outcome in fly(bench, 130) for f in forecasts(outcome)]
    seconds = [s for s, _ in found]
    assert seconds[0] == 0
    assert len(seconds) == 3 or len(seconds) == 4
    assert np.diff(seconds[1:]).tolist() == [60] * (len(seconds) - 2)
    for second, frame in found:
        assert frame.rows == 12
        assert frame.t_event_us == JUNE_US + second * SECOND_US + 450_000
        assert frame.codes["age_s"] == pytest.approx(0.45, abs=0.001)
        assert (frame.codes["coasting"] == 0).all()
        assert np.isfinite(frame.codes["charge_min_ratio"]).all()
    entries = [f.codes["eclipse_entry_s"][0] + f.t_event_us * 1e-6 for _, f in found]
    assert np.ptp(entries) < 1.0


def test_forecasts_come_after_what_staleness_said_in_the_log() -> None:
    """History passes over a record whose source is not newer than the newest before."""
    bench = Bench(fleet_at(JUNE_US))
    fly(bench, 3)
    outcome = tick_at(bench, JUNE_US + 90 * SECOND_US)
    told = [f for f in states(outcome) if f.packet in ("tick", records.FORECAST)]
    assert [f.packet for f in told] == ["tick", records.FORECAST]
    sources = [tuple(f.extra["source"]) for f in told]
    assert sources == sorted(set(sources))
    stale = told[1]
    assert (stale.codes["coasting"] == 1).all()
    assert stale.codes["age_s"] == pytest.approx(88.0, abs=0.1)
    assert stale.t_event_us == JUNE_US + 90 * SECOND_US - 50_000


def test_a_snapshot_remembers_which_forecast_was_the_last() -> None:
    bench = Bench(fleet_at(JUNE_US))
    fly(bench, 3)
    state = bench.chunk
    again = snapshot.decode(snapshot.encode(state), state.chunk)
    assert again is not None
    assert again.forecast_slot == state.forecast_slot != -1


def test_the_same_log_gives_the_same_bytes() -> None:
    def told() -> list[bytes]:
        outcomes = fly(Bench(fleet_at(JUNE_US)), 62)
        return [o.value for _, out in outcomes for o in out.outputs if o.topic == STATE.name]

    assert told() == told()


@pytest.mark.parametrize("rules", [Rules(forecast_max_satellites=11)])
def test_larger_fleets_have_none(rules: Rules) -> None:
    bench = Bench(fleet_at(JUNE_US), rules)
    assert not any(forecasts(outcome) for _, outcome in fly(bench, 62))


def test_fleets_without_orbits_or_numbers_have_none() -> None:
    fleet = fleet_at(JUNE_US)
    for poor in (
        replace(fleet, trajectory=None),
        replace(fleet, constants={}, shell_constants={}),
    ):
        assert not any(forecasts(outcome) for _, outcome in fly(Bench(poor), 3))


def test_shells_are_forecast_by_their_own_numbers() -> None:
    bench = Bench(fleet_at(JUNE_US, 60, "three_tier"))
    (frame,) = forecasts(fly(bench, 1, "three_tier")[0][1])
    assert sorted(frame.sat_id.tolist()) == bench.fleet.sat_id.tolist()  # type: ignore[union-attr]
    assert len(np.unique(frame.codes["horizon_s"])) > 1
    chunk = bench.chunk.chunk
    alike = forecaster._alike(chunk, np.ones(chunk.rows, bool))
    assert 1 < len(alike) < len(set(chunk.shell)), "as few runs as there are kinds of orbits"
    assert sorted(np.concatenate(alike).tolist()) == list(range(chunk.rows))
