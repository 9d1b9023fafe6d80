"""Impossible telemetry at the model: whatever comes, no NaN gets into state, minutes or history.

A small fleet of compute satellites is flown by the producer's own truth; a test spoils what it
measured before it is sent. What the processors publish goes on into a real DuckDB.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orbitwin import catalogue, contract, fleet, topics
from orbitwin import profile as profiles
from orbitwin.contract import Frame
from orbitwin.fleet import Clock
from orbitwin.layout import scaled
from orbitwin.physics.sun import sun_position_m
from orbitwin.profile import Profile
from orbitwin.records import FORECAST, FORECAST_COLUMNS, RESIDUAL, Flag
from orbitwin.trajectory import Planned
from processors.record import Record, Rules
from processors.registry import Registry
from processors.step import PartitionState, adopt, apply, read
from producers.schedule import Schedule
from producers.synthetic import Flight, fleet_of
from producers.truth import Truth
from storage import intake
from tests import history
from tests.processing import SECOND_US, Bench, events, frame, letters, states
from tests.processing import fleet_of as plain_fleet

ODC = catalogue.load("odc")
PROFILE = profiles.load("suncatcher_81")
START_US = 1_813_536_000 * SECOND_US  # 2027-06-21: the eclipse season
SATELLITES = 6
FLIGHT_S = 200

Measured = dict[str, np.ndarray]
Spoil = Callable[[int, Measured], None]


def nothing(second: int, measured: Measured) -> None:
    """Leave it as it is."""


def no_value_at_all(second: int, measured: Measured) -> None:
    for values in measured.values():
        values[:] = np.nan


def infinite(second: int, measured: Measured) -> None:
    for name, values in measured.items():
        values[:3] = np.inf if len(name) % 2 else -np.inf


def beyond_every_range(second: int, measured: Measured) -> None:
    for name, values in measured.items():
        column = ODC.parameters[name]
        values[0] = column.high + 1e6 * max(1.0, abs(column.high))
        values[1] = column.low - 1e6 * max(1.0, abs(column.low))
        values[2] = 1e308


def any_value_within_range(second: int, measured: Measured) -> None:
    rng = np.random.default_rng(second)
    for name, values in measured.items():
        column = ODC.parameters[name]
        values[:] = rng.uniform(column.low, column.high, len(values))


def the_ends_of_every_range(second: int, measured: Measured) -> None:
    for name, values in measured.items():
        column = ODC.parameters[name]
        values[::2], values[1::2] = (column.low, column.high)[:: 1 if second % 2 else -1]


def everything_zero(second: int, measured: Measured) -> None:
    for values in measured.values():
        values[:] = 0


def now_and_then_a_gap(second: int, measured: Measured) -> None:
    rng = np.random.default_rng(second)
    for values in measured.values():
        values[rng.random(len(values)) < 0.5] = np.nan


SPOILS = (
    nothing, no_value_at_all, infinite, beyond_every_range, any_value_within_range,
    the_ends_of_every_range, everything_zero, now_and_then_a_gap,
)  # fmt: skip


@dataclass
class Flown:
    """What came of a flight: the bench, and all that it published."""

    bench: Bench
    truth: Truth
    start_us: int
    frames: list[Frame] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    letters: list[dict[str, str]] = field(default_factory=list)
    outputs: list[tuple[int, bytes]] = field(default_factory=list)

    def note(self, outcome: Any, t_us: int) -> None:
        self.frames += states(outcome, ODC)
        self.events += events(outcome)
        self.letters += letters(outcome)
        self.outputs += [(t_us, o.value) for o in outcome.outputs if o.topic == topics.STATE.name]

    def fly(self, first: int, last: int, spoil: Spoil) -> None:
        for second in range(first, last):
            t_us = self.start_us + second * SECOND_US
            names = ["fast", *(["nav"] * (second % 10 == 0)), *(["slow"] * (second % 60 == 0))]
            measured = {
                name: np.array(values, dtype=np.float64)
                for name, values in self.truth.advance(t_us, names).items()
            }
            spoil(second, measured)
            for name in names:
                columns = ODC.packets[name].columns
                codes = {c.name: c.encode(measured[c.name]) for c in columns}
                rows = len(self.truth)
                one = Frame("f", "odc", name, 0, 0, rows, t_us, second, t_us, codes)
                self.note(self.bench.take(one), t_us)
            self.tick(second)

    def tick(self, second: int) -> None:
        t_us = self.start_us + second * SECOND_US + SECOND_US // 2
        record = self.bench.record(b"", t_us, {"packet": b"tick"}, key=b"")
        self.note(self.bench.put(record), t_us)


def ready(
    satellites: int = SATELLITES, start_us: int = START_US, profile: Profile = PROFILE
) -> Flown:
    layout, orbit = scaled(profile, satellites)
    schedule = Schedule.of(ODC, Clock("live", start_us, start_us, 1.0), SECOND_US, {})
    truth = Truth(profile, seed=1, t0_us=start_us, orbit=orbit, layout=layout)
    flight = Flight("synthetic", "f", profile, layout, Planned(orbit.elements), lambda *_: truth)
    return Flown(Bench(fleet_of(flight, schedule, ODC, 1_024), Rules()), truth, start_us)


@cache
def flown(spoil: Spoil) -> Flown:
    """A minute of health, then spoilt telemetry, then health again."""
    found = ready()
    found.fly(0, 70, nothing)
    found.fly(70, FLIGHT_S - 60, spoil)
    found.fly(FLIGHT_S - 60, FLIGHT_S, nothing)
    return found


def assert_sound(found: Flown) -> None:
    """No letter for a model that failed, no NaN in state, events or what was judged."""
    assert not [one for one in found.letters if one["reason"] == "poison"], found.letters[:1]
    for name, array in found.bench.chunk.arrays().items():
        if array.dtype.kind == "f" and name.startswith("model/"):
            assert np.isfinite(array).all(), name
    for event in found.events:
        for key in ("value", "limit"):
            value = event[key]
            # What was measured may be beyond all bounds, but then it is told as it is.
            assert value is None or event["kind"] == "invalid" or np.isfinite(value), event
    for one in found.frames:
        if one.packet == RESIDUAL:
            for channel in ODC.channels:
                judged = one.codes[f"{channel.name}/n"] > 0
                for part in ("measured", "predicted", "sigma", "z", "nis", "inside"):
                    values = one.codes[f"{channel.name}/{part}"][judged]
                    assert np.isfinite(values).all(), (channel.name, part, values)
                inside = one.codes[f"{channel.name}/inside"][judged]
                assert ((inside >= 0) & (inside <= 1)).all(), channel.name
            sure = one.codes["fault/confidence"]
            assert ((sure >= 0) & (sure <= 1) | np.isnan(sure)).all()
        elif one.packet == FORECAST:
            for column in FORECAST_COLUMNS:
                assert not np.isinf(one.codes[column.name]).any(), column.name


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda one: one.__name__)
def test_nothing_that_is_no_number_gets_into_the_model(spoil: Spoil) -> None:
    found = flown(spoil)
    assert_sound(found)
    assert len([one for one in found.frames if one.packet == RESIDUAL]) >= 2


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda one: one.__name__)
def test_nothing_that_is_no_number_gets_into_history(spoil: Spoil, tmp_path: Path) -> None:
    """Every real number of every table, as DuckDB has it."""
    stored = numbers_in_history(flown(spoil), tmp_path)
    assert stored["fleet_1s"] > FLIGHT_S - 5 and stored["residual_1m"] > 0
    assert stored["fleet_1m"] > 0 and stored["sat_1m"] > 0 and stored["forecast"] > 0


def numbers_in_history(found: Flown, folder: Path) -> Counter[str]:
    """Store what was published; rows by table, after a look for NaN and infinity in each."""
    chunks = list(found.bench.fleet.chunks())
    writer = history.open_writer(folder, [fleet.encode(chunk) for chunk in chunks])
    counted: Counter[str] = Counter()
    try:
        partition = found.bench.state.partition
        for offset, (t_us, value) in enumerate(found.outputs):
            record = intake.Record(topics.STATE.name, partition, offset, t_us, value)
            writer.intake.take(record)
        writer.commit()
        ask = writer.database.connection.cursor().execute
        for table in ("fleet_1s", "fleet_1m", "sat_1m", "residual_1m", "estimate_1m", "forecast"):
            (counted[table],) = ask(f"SELECT count(*) FROM {table}").fetchone()
            for name, kind, *_ in ask(f"DESCRIBE {table}").fetchall():
                if kind in ("FLOAT", "DOUBLE"):
                    query = f"SELECT count(*) FROM {table} WHERE NOT isfinite({name})"
                    assert ask(query).fetchone() == (0,), (table, name)
    finally:
        history.shut(writer)
    return counted


@pytest.mark.parametrize(("spoil", "ill"), [(infinite, []), (beyond_every_range, [0, 1, 2])])
def test_impossible_values_are_invalid_and_only_they(spoil: Spoil, ill: list[int]) -> None:
    """Not a number is missing; a number outside its range is invalid, and so is its row."""
    found = flown(spoil)
    spoilt = [
        one
        for one in found.frames
        if one.packet == "fast" and 70 <= (one.t_event_us - START_US) // SECOND_US < FLIGHT_S - 60
    ]
    assert len(spoilt) == FLIGHT_S - 130
    for one in spoilt:
        invalid = np.flatnonzero(one.codes["flags"] & Flag.INVALID)
        assert invalid.tolist() == ill
        for column in ODC.derived:
            if column.name == "power_margin_w":
                assert column.is_missing(one.codes[column.name])[0]
                assert not column.is_missing(one.codes[column.name])[3:].any()
    # and all is well again when it is over
    assert not (found.bench.chunk.flags & Flag.INVALID).any()
    raised = {e["sat_id"] for e in found.events if e["kind"] == "invalid"}
    assert raised == {int(found.bench.fleet.sat_id[row]) for row in ill}


def test_neighbours_of_a_satellite_that_sends_nonsense_are_judged_as_ever() -> None:
    """Rows do not touch each other: the others' model is bit for bit that of a healthy fleet."""
    one, two = flown(nothing), flown(beyond_every_range)
    for (name, well), (other, odd) in zip(
        one.bench.chunk.model.arrays(), two.bench.chunk.model.arrays(), strict=True
    ):
        assert name == other
        assert np.array_equal(well[..., 3:], odd[..., 3:]), name


def test_one_satellite_alone(tmp_path: Path) -> None:
    found = ready(1)
    found.fly(0, FLIGHT_S, nothing)
    assert_sound(found)
    assert numbers_in_history(found, tmp_path)["residual_1m"] > 0


def test_all_of_them_stale(tmp_path: Path) -> None:
    """Nobody sends any more: forecasts coast on, counts say so, and nothing is made up."""
    found = ready()
    found.fly(0, 70, nothing)
    for second in range(70, 500):
        found.tick(second)
    assert_sound(found)
    coasting = [one for one in found.frames if one.packet == FORECAST][-1]
    assert (coasting.codes["coasting"] == 1).all()
    assert (found.bench.chunk.flags & Flag.STALE).all()
    assert {e["kind"] for e in found.events if e["kind"] in ("fault", "residual")} == set()
    numbers_in_history(found, tmp_path)
    found.fly(500, 640, nothing)  # and back
    assert_sound(found)
    assert not (found.bench.chunk.flags & Flag.STALE).any()


def beta_deg(profile: Profile, t_us: int) -> float:
    """Angle of the Sun above the orbital plane of the first satellite, degrees."""
    _, orbit = scaled(profile, 1)
    here, soon = (orbit.positions_m(t).astype(float)[:, 0] for t in (t_us, t_us + 600 * SECOND_US))
    normal = np.cross(here, soon)
    sun = sun_position_m(t_us)
    cosine = normal @ sun / np.linalg.norm(normal) / np.linalg.norm(sun)
    return float(np.degrees(np.arcsin(cosine)))


def test_the_sun_straight_above_the_orbit(tmp_path: Path) -> None:
    """A beta angle of 90 degrees, to a fifth of one: no shadow, and no NaN for want of one.

    On the first of September true and mean Sun are at one place: the plane of a local time of
    18 h is square to the Sun if it leans as far as the Sun stands north.
    """
    start_us = 1_788_220_800 * SECOND_US
    x, y, z = sun_position_m(start_us)
    north_deg = float(np.degrees(np.arctan2(z, np.hypot(x, y))))
    text = profiles.shipped()["suncatcher_81"].read_text()
    own = tmp_path / "beta.toml"
    own.write_text(
        text.replace('inclination_deg = "sso"', f"inclination_deg = {90 - north_deg:.4f}").replace(
            "epoch = 2026-10-01T00:00:00Z", "epoch = 2026-09-01T00:00:00Z"
        )
    )
    profile = profiles.load(own)
    assert profile.epoch_us == start_us
    assert abs(beta_deg(profile, start_us)) > 89.8
    found = ready(3, start_us, profile)
    found.fly(0, FLIGHT_S, nothing)
    assert_sound(found)
    ahead = [one for one in found.frames if one.packet == FORECAST][-1]
    assert np.isnan(ahead.codes["eclipse_entry_s"]).all()
    assert np.isnan(ahead.codes["eclipse_exit_s"]).all()
    assert numbers_in_history(found, tmp_path)["forecast"] > 0


def test_a_fleet_of_nobody() -> None:
    """It has no chunk: ticks do nothing, and a frame of it becomes a letter."""
    registry, state = Registry(), PartitionState(0, -1)
    for chunk in plain_fleet(0).chunks():
        registry.add(chunk)
    adopt(state, registry.of_partition(0, 8))
    assert not state.chunks
    nobody = frame(1, rows=0)
    value = contract.encode(nobody, ODC.packets["fast"].columns)
    for number, (headers, content) in enumerate([({"packet": b"tick"}, b""), ({}, value)]):
        record = Record(0, number, START_US, nobody.key, content, headers)
        outcome = apply(state, record, read(state, record, registry), Rules())
        assert not states(outcome)
        assert bool(letters(outcome)) == (number == 1)


def test_a_frame_of_no_rows_leaves_the_model_as_it_was() -> None:
    found = ready(2)
    found.fly(0, 45, nothing)
    before = {name: array.copy() for name, array in found.bench.chunk.model.arrays()}
    t_us = START_US + 45 * SECOND_US
    columns = ODC.packets["fast"].columns
    empty = {c.name: c.encode(np.empty(0)) for c in columns}
    found.note(
        found.bench.take(
            replace(frame(45, rows=0, vehicle=ODC), codes=empty, t_event_us=t_us, t_due_us=t_us)
        ),
        t_us,
    )
    after = dict(found.bench.chunk.model.arrays())
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_fleet_that_came_without_numbers_is_judged_as_far_as_it_goes() -> None:
    """Without a profile some derivatives are constants; what jumps is an alarm and no error."""
    bench = Bench(plain_fleet())
    for second in range(1, 600):
        outcome = bench.take(frame(second, values={} if second < 300 else {"battery_v": 30.0}))
        assert not [o for o in outcome.outputs if o.topic == topics.DEAD_LETTERS.name]
