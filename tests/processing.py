"""What the tests of processing share: a small fleet, frames of it, and a log in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from orbitwin import catalogue, contract, fleet, topics
from orbitwin.contract import Frame
from processors.record import Output, Record, Rules
from processors.registry import Registry
from processors.step import Outcome, PartitionState, adopt, apply, read

ODC = catalogue.load("odc")
BIRDS = catalogue.load("birds3")
T0_US = 1_700_000_000_000_000
SECOND_US = 1_000_000
PARTITIONS = 8

NOMINAL = {
    "array_v": 120.0,
    "array_a": 300.0,
    "battery_v": 28 * 3.97,
    "battery_a": 0.0,
    "battery_t_degc": 20.0,
    "load_w": 20_000.0,
    "payload_w": 10_000.0,
    "chip_max_t_degc": 60.0,
    "chip_mean_t_degc": 55.0,
    "coolant_in_t_degc": 20.0,
    "coolant_out_t_degc": 40.0,
    "coolant_flow_kg_s": 1.0,
    "radiator_t_degc": 20.0,
    "rx_min_dbm": -27.0,
    "rx_mean_dbm": -25.0,
    "links_up": 4.0,
    "fec_ratio": 0.1,
    "link_rate_gbps": 100.0,
    "work_done_tops": 900.0,
    "work_redone_ratio": 0.1,
    "clock_ratio": 1.0,
    "mode": 2.0,
    "sunlit": 1.0,
    "dose_rad": 10.0,
    "battery_soh_ratio": 0.98,
}
"""A healthy compute satellite; parameters that are not here are 0."""


def fleet_of(
    rows: int = 4,
    vehicle: catalogue.Vehicle = ODC,
    name: str = "f",
    chunk_rows: int = 1_000,
    **more: Any,
) -> fleet.Fleet:
    """A fleet of satellites 100, 101, ..."""
    sat_id = np.arange(100, 100 + rows, dtype=np.int64)
    zeros = np.zeros(rows, dtype=np.int32)
    names = [f"SAT-{i}" for i in sat_id]
    return fleet.Fleet(name, vehicle, sat_id, names, ["a"] * rows, zeros, zeros, chunk_rows, **more)


def frame(
    second: int,
    rows: int = 4,
    packet: str = "fast",
    values: Mapping[str, Any] | None = None,
    vehicle: catalogue.Vehicle = ODC,
    **more: Any,
) -> Frame:
    """A frame of chunk 0 at T0 + `second`: nominal, but for `values` (a scalar or one a row)."""
    columns = vehicle.packets[packet].columns
    given = NOMINAL | dict(values or {})
    codes = {
        c.name: c.encode(np.broadcast_to(np.float64(given.get(c.name, 0.0)), rows)) for c in columns
    }
    t_us = T0_US + second * SECOND_US
    whole = Frame("f", vehicle.name, packet, 0, 0, rows, t_us, second, t_us, codes)
    return replace(whole, **more) if more else whole


def value_of(some: Frame, vehicle: catalogue.Vehicle = ODC) -> bytes:
    return contract.encode(some, vehicle.packets[some.packet].columns)


class Bench:
    """One partition with one chunk, fed record by record."""

    def __init__(self, own: fleet.Fleet | None = None, rules: Rules | None = None) -> None:
        self.registry = Registry()
        self.fleet = own or fleet_of()
        for chunk in self.fleet.chunks():
            self.registry.add(chunk)
        self.rules = rules or Rules()
        chunk = next(iter(self.registry.chunks.values()))
        self.key = chunk.key
        number = fleet.partition_of(chunk.fleet, chunk.number, PARTITIONS)
        self.state = PartitionState(number, -1)
        adopt(self.state, self.registry.of_partition(number, PARTITIONS))

    @property
    def chunk(self) -> Any:
        return self.state.chunks[self.key]

    def record(
        self, value: bytes, t_us: int, headers: Mapping[str, bytes] | None = None, **more: Any
    ) -> Record:
        offset = self.state.applied + 1
        return Record(
            self.state.partition,
            offset,
            t_us,
            **{"key": self.key, **more},
            value=value,
            headers=headers or {},
        )

    def put(self, record: Record, **more: Any) -> Outcome:
        return apply(
            self.state, record, read(self.state, record, self.registry), self.rules, **more
        )

    def take(self, some: Frame, t_us: int | None = None, **more: Any) -> Outcome:
        value = value_of(some, self.fleet.vehicle)
        return self.put(self.record(value, some.t_event_us if t_us is None else t_us), **more)

    def tick(self, second: float) -> Outcome:
        t_us = T0_US + int(second * SECOND_US)
        return self.put(self.record(b"", t_us, {"packet": b"tick"}, key=b""))


def states(outcome: Outcome, vehicle: catalogue.Vehicle = ODC) -> list[Frame]:
    from orbitwin.records import state_columns_of

    columns = state_columns_of({vehicle.name: vehicle})
    return [
        contract.decode(o.value, columns) for o in outcome.outputs if o.topic == topics.STATE.name
    ]


def events(outcome: Outcome) -> list[dict[str, Any]]:
    from orbitwin.records import decode_events

    return [
        row
        for o in outcome.outputs
        if o.topic == topics.EVENTS.name
        for row in decode_events(o.value).events.to_pylist()
    ]


def letters(outcome: Outcome) -> list[dict[str, str]]:
    return [
        {name: value.decode() for name, value in o.headers}
        for o in outcome.outputs
        if o.topic == topics.DEAD_LETTERS.name
    ]


class MemoryLog:
    """worker.Log over lists. What was sent is only in the log once somebody waited for it."""

    def __init__(self) -> None:
        self.topics: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self.first: dict[tuple[str, int], int] = defaultdict(int)
        self.unsent: list[tuple[int, Output]] = []

    def append(
        self,
        topic: str,
        partition: int,
        key: bytes,
        value: bytes,
        t_us: int = 0,
        headers: Mapping[str, bytes] | None = None,
    ) -> Record:
        place = self.topics[topic, partition]
        place.append(Record(partition, len(place), t_us, key, value, headers or {}))
        return place[-1]

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        return self.first[topic, partition], len(self.topics[topic, partition])

    async def records(
        self, topic: str, partition: int, first: int, last: int
    ) -> AsyncGenerator[Record, None]:
        for record in self.topics[topic, partition][max(first, self.first[topic, partition]) :]:
            if record.offset > last:
                return
            yield record

    def send(self, partition: int, output: Output) -> None:
        self.unsent.append((partition, output))

    async def settle(self, most_unsent: int = 0) -> None:
        self.arrive(len(self.unsent) - most_unsent)

    def arrive(self, count: int) -> None:
        """The first `count` of what was sent is in the log."""
        for partition, output in self.unsent[: max(0, count)]:
            self.append(
                output.topic, partition, output.key, output.value, headers=dict(output.headers)
            )
        del self.unsent[: max(0, count)]
