"""The truth's secrets stay with the producer: what crosses to Kafka tells nobody's parameters.

What is compared are the bytes themselves: the fleet's records, the frames and their headers, as
the producer makes them, for several seeds and with and without faults.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from orbitwin import catalogue, contract, fleet
from orbitwin import profile as profiles
from orbitwin.faults import FAULTS, SENSOR_FAULTS
from orbitwin.fleet import Clock
from orbitwin.ipc import unpack
from orbitwin.layout import scaled
from orbitwin.scenario import Fault, Scenario
from orbitwin.trajectory import Planned
from producers.faults import FaultField
from producers.faults.sensors import sensors_of
from producers.schedule import Schedule
from producers.synthetic import Flight, fleet_of, frames
from producers.truth import Truth

ROOT = Path(__file__).resolve().parents[2]
S_US = 1_000_000
START_US = 1_813_536_000 * S_US  # 2027-06-21: eclipses
SATELLITES = 24
SECONDS = 130
SEEDS = (918_273_645_546_372_819, 123_456_787_654_321_012)  # found by chance in no bytes
ODC = catalogue.load("odc")
SUNCATCHER = profiles.load("suncatcher_81")
SCENARIO = Scenario(
    tuple(
        Fault(
            name=name,
            sat=number + 1,
            at_s=10,
            severity=0.731,
            parameter="array_a" if name in SENSOR_FAULTS else None,
        )
        for number, name in enumerate(FAULTS)
    )
)


@dataclass
class Crossing:
    """All that a producer hands to Kafka, and the truth behind it."""

    truth: Truth
    own: fleet.Fleet
    records: list[bytes] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    headers: list[list[tuple[str, bytes]]] = field(default_factory=list)

    @property
    def everything(self) -> bytes:
        heads = [name.encode() + b"=" + value for some in self.headers for name, value in some]
        return b"\n".join([*self.records, *self.keys, *self.values, *heads])


@cache
def crossing(seed: int, scenario: Scenario | None = None) -> Crossing:
    """Fly a small fleet for two minutes as `producers.synthetic` does."""
    layout, orbit = scaled(SUNCATCHER, SATELLITES)
    schedule = Schedule.of(ODC, Clock("live", START_US, START_US, 1.0), S_US, {})
    faults = None
    if scenario is not None:
        sensors = sensors_of(ODC, SUNCATCHER.noise)
        faults = FaultField(scenario, layout.sat_id, seed, START_US, sensors=sensors)
    truth = Truth(SUNCATCHER, seed=seed, t0_us=START_US, orbit=orbit, layout=layout, faults=faults)
    flight = Flight(
        "synthetic", SUNCATCHER.name, SUNCATCHER, layout, Planned(orbit.elements), lambda *_: truth
    )
    own = fleet_of(flight, schedule, ODC, 1_024)
    found = Crossing(truth, own, [fleet.encode(chunk) for chunk in own.chunks()])
    first = schedule.first_after(START_US)
    for tick in range(first, first + SECONDS):
        t_us, due = schedule.event_us(tick), schedule.due(tick)
        packets = {d.packet: d.rows_of(own.size, own.chunk_rows) for d in due}
        measured = truth.advance(t_us, packets)
        for frame in frames(own, schedule, tick, due, measured, truth.times(t_us)):
            found.keys.append(frame.key)
            found.values.append(contract.encode(frame, ODC.columns_of(frame.packet)))
            found.headers.append(contract.headers(frame))
    return found


def test_two_seeds_are_two_fleets() -> None:
    """Without this, nothing below would say anything."""
    one, two = (crossing(seed) for seed in SEEDS)
    ill = crossing(SEEDS[0], SCENARIO)
    assert len(one.values) == len(two.values) == len(ill.values) > SECONDS
    assert one.values != two.values and one.values != ill.values


def test_the_fleets_record_is_the_same_whatever_was_drawn_and_whoever_is_ill() -> None:
    one, two = (crossing(seed) for seed in SEEDS)
    ill = crossing(SEEDS[0], SCENARIO)
    assert one.records == two.records == ill.records
    assert one.records


def test_constants_are_the_profiles_nominal_numbers() -> None:
    """Neither what a satellite has of its own nor anything that the profile does not say."""
    flown = crossing(SEEDS[0]).own
    (numbers,) = flown_numbers()
    told = {**flown.constants, **flown.shell_constants.get(SUNCATCHER.shell[0].name, {})}
    assert told == numbers
    for chunk in flown.chunks():
        again = fleet.decode(fleet.encode(chunk))
        assert again.common == {**ODC.constants, **flown.constants}
        assert dict(again.spread) == dict(SUNCATCHER.spread)
        assert again.ocv_v == tuple(SUNCATCHER.battery.ocv_v)


def flown_numbers() -> tuple[dict[str, float], ...]:
    layout, _ = scaled(SUNCATCHER, SATELLITES)
    return tuple(dict(of) for of in layout.numbers(SUNCATCHER))


@pytest.mark.parametrize("scenario", [None, SCENARIO])
def test_no_drawn_parameter_crosses(scenario: Scenario | None) -> None:
    """Neither as the numbers of a column nor, one satellite's, as text."""
    found = crossing(SEEDS[0], scenario)
    whole = found.everything
    drawn = {
        name: values
        for name, values in found.truth.own.items()
        if isinstance(values, np.ndarray) and len(np.unique(values)) > SATELLITES // 2
    }
    assert set(drawn) >= {name for name in SUNCATCHER.spread if name in found.truth.own}
    for name, values in drawn.items():
        for dtype in (np.float32, np.float64):
            assert np.ascontiguousarray(values, dtype).tobytes() not in whole, name
        assert repr(float(values[0])).encode() not in whole, name


@pytest.mark.parametrize("scenario", [None, SCENARIO])
def test_no_seed_crosses(scenario: Scenario | None) -> None:
    for seed in SEEDS:
        whole = crossing(seed, scenario).everything
        assert str(seed).encode() not in whole
        assert f"{seed:x}".encode() not in whole
        assert seed.to_bytes(8, "little") not in whole and seed.to_bytes(8, "big") not in whole
        assert b"seed" not in whole


def test_no_fault_is_named_but_in_the_vehicles_own_file() -> None:
    found = crossing(SEEDS[0], SCENARIO)
    told = {signature.fault for signature in ODC.signatures}
    assert told < set(FAULTS)
    for record in found.records:
        _, meta = unpack(record)
        assert meta.pop("vehicle_toml") == ODC.text
        rest = json.dumps(meta).encode()
        assert not [name for name in FAULTS if name.encode() in rest]
        assert not [word for word in (b"scenario", b"severity", b"onset") if word in rest]
    sent = b"\n".join(
        [*found.keys, *found.values, *(value for some in found.headers for _, value in some)]
    )
    assert not [name for name in FAULTS if name.encode() in sent]
    assert b"0.731" not in sent


def test_frames_differ_in_what_was_measured_alone() -> None:
    """Headers, keys and all that a frame says of itself are the same for a fleet that is ill."""
    one, two = (crossing(seed) for seed in SEEDS)
    ill = crossing(SEEDS[0], SCENARIO)
    assert one.headers == two.headers == ill.headers
    assert one.keys == two.keys == ill.keys
    assert {name for some in ill.headers for name, _ in some} == {
        *("v", "fleet", "vehicle", "packet", "chunk"),
    }
    for well, sick in zip(one.values, ill.values, strict=True):
        (of_well, meta), (of_sick, other) = unpack(well), unpack(sick)
        assert meta == other
        # A clock that is wrong is told by the times of the rows: that is measured.
        columns = [name for name in of_sick.schema.names if name != "t_event_us"]
        assert columns == of_well.schema.names
        assert set(columns) == {c.name for c in ODC.columns_of(meta["packet"])}


def test_processors_cannot_import_producers() -> None:
    """import-linter holds it; the contract that says so is in place."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert {"producers", "processors"} <= set(config["root_packages"])
    layers = [c["layers"] for c in config["contracts"] if c["type"] == "layers"]
    apart = [{word.strip() for word in row.split("|")} for rows in layers for row in rows]
    assert any({"producers", "processors"} <= row for row in apart)
    assert not [c for c in config["contracts"] if c["type"] == "layers" and "ignore_imports" in c]


def test_processors_run_without_producers() -> None:
    """All their modules are imported in a process of its own, and no producer came with them."""
    code = (
        "import importlib, pkgutil, sys, processors\n"
        "for found in pkgutil.walk_packages(processors.__path__, 'processors.'):\n"
        "    importlib.import_module(found.name)\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('producers', 'compose')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
