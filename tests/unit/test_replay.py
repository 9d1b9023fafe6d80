"""A replay's fleet, its frames, and how its times are moved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from orbitwin import catalogue, contract, fleet
from orbitwin.settings_source import load
from producers import play, recording, replay, sources

BIRDS = catalogue.load("birds3")
RAAVANA = Path(__file__).parents[1] / "data" / "birds_eps" / "RAAVANA.xlsx"
NOW_US = 1_800_000_000_000_000


@pytest.fixture(scope="module")
def played() -> recording.Recording:
    return recording.read([RAAVANA], BIRDS, sources.read_tables)


def settings(data: Path, **producer: object):  # type: ignore[no-untyped-def]
    flags = {f"producer.{name}": value for name, value in producer.items()}
    return load({"data": data, "producer.sources": (RAAVANA,), **flags}, None, {})


def test_times_stay_unless_they_are_to_be_moved(
    played: recording.Recording, tmp_path: Path
) -> None:
    path = tmp_path / "clock" / "replay.json"
    assert replay._shift_us(played, settings(tmp_path), path, NOW_US) == 0
    assert not path.exists()
    moved = settings(tmp_path, start_epoch="1970-01-02T00:00:00Z")
    assert replay._shift_us(played, moved, path, NOW_US) == 86_400_000_000 - played.t_us[0]


def test_a_killed_replay_is_moved_as_it_was_before(
    played: recording.Recording, tmp_path: Path
) -> None:
    path = tmp_path / "clock" / "replay.json"
    now = settings(tmp_path, shift_to_now=True)
    first = replay._shift_us(played, now, path, NOW_US)
    assert first == NOW_US - played.t_us[0]
    assert replay._shift_us(played, now, path, NOW_US + 5_000_000) == first
    path.write_text("nonsense")
    assert replay._shift_us(played, now, path, NOW_US + 5_000_000) == first + 5_000_000


def test_a_moved_recording_may_end_in_the_future(played: recording.Recording) -> None:
    ends_us = replay._end_us(played, NOW_US)
    assert ends_us == played.t_us.max()
    moved = replay.fleet_of(played, BIRDS, 200.0, 1024, NOW_US + 9)
    assert moved.clock.now_us(NOW_US) == NOW_US + 9
    assert replay.fleet_of(played, BIRDS, 200.0, 1024).clock.now_us(NOW_US) == NOW_US


def test_the_greatest_speed_survives_the_fleet_topic(played: recording.Recording) -> None:
    speed = settings(Path("x"), speed="max").producer.speed
    chunk = next(replay.fleet_of(played, BIRDS, speed, 1024).chunks())
    assert fleet.decode(fleet.encode(chunk)).clock.rate == 1e9


def test_a_frame_decodes_to_the_rows_it_was_made_of(played: recording.Recording) -> None:
    who = replay.fleet_of(played, BIRDS, 200.0, 1024)
    plan = play.plan(played, 200.0)
    batch = play.batches(played, plan, 1024)[3]
    frame = replay.frame_of(played, who, batch, NOW_US)
    value = contract.encode(frame, BIRDS.columns_of("eps"))
    back = contract.decode(value, contract.columns_of({"birds3": BIRDS}))
    assert back.seq == batch.number
    assert back.t_due_us == NOW_US
    np.testing.assert_array_equal(back.t_event(), played.t_us[batch.rows])
    np.testing.assert_array_equal(back.seqs(), played.seq["eps"][batch.rows])
    assert back.sat_id is not None
    assert set(back.sat_id.tolist()) == set(played.sat_id.tolist())
    for name, codes in played.codes.items():
        np.testing.assert_array_equal(back.codes[name], codes[batch.rows])
