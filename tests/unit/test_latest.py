"""The newest state never goes back, whatever order rows come in; and it survives the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from orbitwin import contract
from orbitwin.fleet import encode
from orbitwin.records import Flag, Source
from storage import snapshot
from storage.latest import Latest
from storage.registry import Registry
from storage.rows import place
from tests import history

S = history.SECOND_US


def make_latest(raw_max: int = 1000) -> tuple[Registry, Latest]:
    registry = Registry()
    for chunk in history.odc_fleet().chunks():
        registry.add(encode(chunk))
    latest = Latest(registry, raw_max)
    latest.register()
    return registry, latest


def feed(registry: Registry, latest: Latest, packet: str, t_s: int, **options: object) -> None:
    chunk = registry.chunks["cloud", 0]
    frame = history.state(
        chunk, packet, history.T0_US + t_s * S, t_s, Source(0, 0), seed=t_s, **options
    )
    for rows in place(frame, chunk):
        latest.apply(("cloud", 0), rows.on_time(), frame.t_event_us + 1)


@pytest.mark.parametrize("seed", range(6))
def test_any_order_gives_the_newest(seed: int) -> None:
    """Property: a permutation of frames ends in the state of the frames in order."""
    rng = np.random.default_rng(seed)
    tables = []
    some = {t: np.flatnonzero(rng.random(20) < 0.6) for t in range(12)}
    for order in (np.arange(12), rng.permutation(12)):
        registry, latest = make_latest()
        for t in order.tolist():
            feed(registry, latest, "fast", t, rows=some[t])
        tables.append(latest.table().drop_columns(["severity"]))
    assert tables[0].equals(tables[1])


def test_late_and_older_rows_change_nothing() -> None:
    registry, latest = make_latest()
    feed(registry, latest, "fast", 10)
    before, version = latest.table(), latest.version
    feed(registry, latest, "fast", 9)
    feed(registry, latest, "fast", 10)
    feed(registry, latest, "fast", 20, flags=Flag.LATE)
    assert latest.table().equals(before)
    assert latest.version == version


def test_a_tick_changes_staleness_only() -> None:
    registry, latest = make_latest()
    feed(registry, latest, "fast", 10)
    before = latest.table()
    feed(registry, latest, contract.TICK, 10, flags=Flag.STALE, rows=np.array([2, 3]))
    table = latest.table()
    assert np.flatnonzero(table["stale"].fill_null(False)).tolist() == [2, 3]
    for name in ("t_event", "power_margin_w", "seq", "array_v"):
        assert table[name].equals(before[name])
    feed(registry, latest, contract.TICK, 9, rows=np.array([2, 3]))  # an older one
    assert latest.table()["stale"].to_pylist()[2]
    feed(registry, latest, "fast", 11)
    assert not any(latest.table()["stale"].to_pylist()[:20])


def test_packets_are_newest_each_on_its_own() -> None:
    registry, latest = make_latest()
    feed(registry, latest, "nav", 30)
    feed(registry, latest, "fast", 10)
    table = latest.table()
    assert table["x_km"].null_count == 20  # the other chunk's
    assert table["power_margin_w"].null_count < 40
    nav, t_event = table["x_km"], table["t_event"].cast("int64").to_pylist()[0]
    assert t_event == history.T0_US + 10 * S
    feed(registry, latest, "nav", 29)
    assert latest.table()["x_km"].equals(nav)


def test_large_fleets_keep_states_and_positions_only() -> None:
    registry, latest = make_latest(raw_max=39)
    feed(registry, latest, "nav", 3)
    names = latest.table().column_names
    assert "array_v" not in names and "x_m" not in names
    assert latest.table()["x_km"].null_count == 20


def test_a_satellite_that_was_not_heard_of_is_null() -> None:
    _, latest = make_latest()
    table = latest.table()
    assert table.num_rows == 40
    for name in ("t_event", "severity", "stale", "sunlit", "power_margin_w"):
        assert table[name].null_count == 40, name
    assert table["name"].null_count == 0


def test_what_was_saved_is_what_is_loaded(tmp_path: Path) -> None:
    registry, latest = make_latest()
    for t in range(5):
        feed(registry, latest, "fast", t, rows=np.arange(t, 20))
    feed(registry, latest, "nav", 3)
    marks = {("twin.state.v1", 0): snapshot.Mark(7, Source(0, 6))}
    path = snapshot.path_in(tmp_path)
    snapshot.save(path, snapshot.build(latest.table(), latest, marks, "this"))
    _, again = make_latest()
    assert snapshot.load(path, again, "another") is None
    assert snapshot.load(path, again, "this") == marks
    assert again.table().equals(latest.table())
    for key, state in latest.states.items():
        other = again.states[key]
        assert np.array_equal(state.derived, other.derived)
        assert np.array_equal(state.flags, other.flags)
        for packet in state.heard:
            assert np.array_equal(state.heard[packet], other.heard[packet])
        for name in state.measured:
            assert np.array_equal(state.measured[name], other.measured[name]), name


def test_a_twin_without_satellites(tmp_path: Path) -> None:
    """The historian starts before the first producer has told who flies."""
    writer = history.open_writer(tmp_path, told=[])
    assert writer.view.newest.num_rows == 0
    writer.register(history.fleet_records())
    writer.publish()
    assert writer.view.newest.num_rows == 42
    history.shut(writer)


def test_a_damaged_snapshot_is_none(tmp_path: Path) -> None:
    path = snapshot.path_in(tmp_path)
    path.write_bytes(b"PAR1 and no more")
    _, latest = make_latest()
    assert snapshot.load(path, latest, "this") is None
    assert snapshot.read(path) is None


def test_a_fleet_cut_anew_keeps_its_satellites() -> None:
    registry, latest = make_latest()
    feed(registry, latest, "fast", 4)
    before = dict(zip(*(latest.table()[n].to_pylist() for n in ("sat_id", "t_event")), strict=True))
    for chunk in history.odc_fleet(30, 12).chunks():
        registry.add(encode(chunk))
    latest.register()
    table = latest.table()
    assert table.num_rows == 30
    for sat_id, t_event in zip(*(table[n].to_pylist() for n in ("sat_id", "t_event")), strict=True):
        assert t_event == before[sat_id]
