"""Fleets: chunks of consecutive satellites, the same on every host that reads the fleet topic."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin import catalogue, fleet
from orbitwin.contract import FrameError

ODC = catalogue.load("odc")


def fleet_of(size: int, chunk_rows: int = 1_024) -> fleet.Fleet:
    rng = np.random.default_rng(5)
    sat_id = rng.permutation(size).astype(np.int64) * 7 + 340_000
    return fleet.Fleet(
        "demo", ODC, sat_id, [f"S{i}" for i in sat_id], ["a"] * size,
        np.arange(size, dtype=np.int32) // 10, np.arange(size, dtype=np.int32) % 10, chunk_rows,
        fleet.Clock("live", 10, 20, 2.0), {"rated_tops": 744.0}, {"nav": 1.0},
    )  # fmt: skip


@pytest.mark.parametrize("size", [0, 1, 81, 1_024, 1_025, 5_000])
def test_chunks_hold_every_satellite_once_and_survive_the_topic(size: int) -> None:
    whole = fleet_of(size)
    chunks = [fleet.decode(fleet.encode(c)) for c in whole.chunks()]
    assert np.concatenate([c.sat_id for c in chunks] or [[]]).tolist() == whole.sat_id.tolist()
    assert [n for c in chunks for n in c.name] == whole.sat_name
    for c in chunks:
        assert c.clock == whole.clock
        assert c.constants == {**ODC.constants, "rated_tops": 744.0}
        assert c.period_s == {"fast": 1.0, "nav": 1.0, "slow": 60.0}
        assert c.vehicle.limits == ODC.limits


def test_a_satellite_is_found_at_its_row_and_a_stranger_is_not() -> None:
    chunk = next(fleet_of(500).chunks())
    rows = chunk.rows_of(np.append(chunk.sat_id, [-1, 10**15, chunk.sat_id.min() + 1]))
    assert rows[:500].tolist() == list(range(500))
    assert rows[500:].tolist() == [-1, -1, -1]


@pytest.mark.parametrize(
    ("size", "rows"), [(1, 1_024), (81, 1_024), (7_483, 1_024), (100_000, 12_500),
                       (1_218_000, 16_384)]
)  # fmt: skip
def test_chunk_rows_give_each_partition_a_chunk_within_bounds(size: int, rows: int) -> None:
    assert fleet.chunk_rows_for(size, 8) == rows


def test_a_live_clock_goes_at_its_rate_and_back() -> None:
    clock = fleet.Clock("live", 1_000_000, 5_000_000, 10.0)
    assert clock.now_us(6_000_000) == 11_000_000
    assert clock.wall_at_us(11_000_000) == 6_000_000


def test_what_is_no_fleet_record_is_refused() -> None:
    good = fleet.encode(next(fleet_of(10).chunks()))
    for bad in (b"", b"x" * 100, good[:300], good.replace(b"[vehicle]", b"[vehicel]")):
        with pytest.raises(FrameError):
            fleet.decode(bad)
