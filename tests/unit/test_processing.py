"""One record after another through a partition: what each kind of input leads to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from orbitwin import contract, topics
from orbitwin.fleet import Clock
from orbitwin.records import Flag
from processors import snapshot
from processors.derived.columns import derive
from processors.record import Rules
from tests.processing import (
    BIRDS,
    ODC,
    SECOND_US,
    T0_US,
    Bench,
    events,
    fleet_of,
    frame,
    letters,
    states,
    value_of,
)

HOT = {"chip_max_t_degc": [82.0, 60.0, 60.0, 60.0]}


def kinds(found: list[dict]) -> list[tuple[str, str, int]]:
    return [(e["kind"], e["state"], e["sat_id"]) for e in found]


def test_a_frame_becomes_a_state_record_of_the_same_rows() -> None:
    bench = Bench()
    outcome = bench.take(frame(1))
    (state,) = states(outcome)
    assert (state.packet, state.rows, state.sat_id, state.row0) == ("fast", 4, None, 0)
    assert (state.t_event_us, state.seq) == (T0_US + SECOND_US, 1)
    assert state.extra["source"] == [bench.state.partition, 0, 0]
    assert state.extra["derived"] and state.extra["measured"]
    assert state.codes["flags"].tolist() == [Flag.SUNLIT] * 4
    assert state.codes["severity"].tolist() == [0] * 4
    assert ODC.packets["fast"].by_name["load_w"].decode(state.codes["load_w"])[0] == 20_000
    assert outcome.outputs[0].topic == topics.STATE.name and outcome.outputs[0].key == b"f/0"


def test_a_large_fleet_sends_no_measured_columns_but_in_slow_packets() -> None:
    bench = Bench(rules=Rules(raw_max_satellites=3))
    (fast,) = states(bench.take(frame(1)))
    (slow,) = states(bench.take(frame(1, packet="slow")))
    assert not fast.extra["measured"] and slow.extra["measured"] and not slow.extra["derived"]
    load = ODC.packets["fast"].by_name["load_w"]
    assert load.is_missing(fast.codes["load_w"]).all()


def test_a_limit_is_raised_after_its_persistence_and_cleared_at_once() -> None:
    bench = Bench()
    found = [events(bench.take(frame(s, values=HOT))) for s in (1, 2, 3)]
    assert found[:2] == [[], []]
    raised = {e["parameter"]: e for e in found[2]}
    chip = raised["chip_max_t_degc"]
    assert (chip["sat_id"], chip["state"], chip["severity"]) == (100, "raised", 2)
    assert (chip["value"], chip["limit"], chip["unit"]) == (82.0, 80.0, "degC")
    assert chip["message"] == "chip_max_t_degc 82 degC, limit 80"
    assert raised["thermal_headroom_k"]["severity"] == 2  # 85 - 82 K is below 5 K
    assert bench.chunk.worst(slice(0, 4)).tolist() == [2, 0, 0, 0]
    (cleared,) = [e for e in events(bench.take(frame(4))) if e["parameter"] == "chip_max_t_degc"]
    assert (cleared["state"], cleared["severity"], cleared["severity_before"]) == ("cleared", 0, 2)
    assert bench.chunk.worst(slice(0, 4)).tolist() == [0] * 4


def test_worse_and_better_are_raised_and_eased() -> None:
    bench = Bench()
    temperatures = [82.0] * 3 + [88.0] * 2 + [82.0]
    found = []
    for second, t_degc in enumerate(temperatures, 1):
        values = {"chip_max_t_degc": t_degc}
        found += [
            (e["state"], e["severity"], e["limit"])
            for e in events(bench.take(frame(second, values=values)))
            if e["parameter"] == "chip_max_t_degc" and e["sat_id"] == 100
        ]
    assert found == [("raised", 2, 80.0), ("raised", 4, 87.0), ("eased", 2, 80.0)]


def test_a_duplicate_frame_changes_nothing_and_is_counted() -> None:
    bench = Bench()
    for second in (1, 2):
        bench.take(frame(second))
    before = {n: a.copy() for n, a in bench.chunk.arrays().items()}
    for second in (2, 1):
        outcome = bench.take(frame(second), t_us=T0_US + 9 * SECOND_US)
        (state,) = states(outcome)
        assert state.rows == 0 and state.extra["rows_duplicate"] == 4
        assert outcome.counts.rows_duplicate == 4 and outcome.counts.rows_applied == 0
        assert outcome.counts.rows_late == state.extra["rows_late"] == 0
    assert all(np.array_equal(before[n], a) for n, a in bench.chunk.arrays().items())


def test_a_late_row_is_archived_and_does_not_turn_the_state_back() -> None:
    bench = Bench()
    bench.take(frame(1))
    bench.take(frame(40, values={"load_w": 10_000.0}))
    outcome = bench.take(frame(2, values={"load_w": 30_000.0}))
    (state,) = states(outcome)
    assert (state.codes["flags"] & Flag.LATE).all() and state.extra["rows_late"] == 4
    margin = ODC.derived[0]
    assert margin.decode(state.codes["power_margin_w"])[0] == pytest.approx(4200, abs=2)
    newest = margin.decode(bench.chunk.derived["power_margin_w"])
    assert newest[0] == pytest.approx(24_200, abs=2)
    assert bench.chunk.primary.seq.tolist() == [40] * 4
    assert outcome.counts.rows_late == 4


def test_a_satellite_goes_stale_on_ticks_and_comes_back_clean() -> None:
    bench = Bench()
    bench.take(frame(1))
    assert bench.tick(3.9).outputs == []
    outcome = bench.tick(4.1)
    (state,) = states(outcome)
    assert (state.packet, state.rows) == ("tick", 4)
    assert state.t_event().tolist() == [T0_US + SECOND_US] * 4 and state.seqs().tolist() == [1] * 4
    assert (state.codes["flags"] & Flag.STALE).all()
    assert kinds(events(outcome)) == [("stale", "raised", s) for s in (100, 101, 102, 103)]
    assert bench.tick(5.1).outputs == []
    back = bench.take(frame(6))
    (state,) = states(back)
    assert not (state.codes["flags"] & Flag.STALE).any()
    told = kinds(events(back))
    assert ("stale", "cleared", 100) in told and ("gap", "noted", 100) in told
    assert {e["message"] for e in events(back) if e["kind"] == "gap"} == {"no fast packet for 5 s"}
    assert back.counts.rows_missed == 4 * 4


def test_a_satellite_that_was_never_heard_is_not_stale() -> None:
    assert Bench().tick(1000).outputs == []


def test_staleness_follows_the_clock_of_the_log_and_the_fleets_rate() -> None:
    bench = Bench(fleet_of(clock=Clock("recorded", rate=0.1)))
    bench.take(frame(1))
    assert bench.tick(30).outputs == []
    assert len(bench.tick(31.1).outputs) == 2


def test_an_unknown_satellite_leaves_its_frame() -> None:
    bench = Bench()
    ids = np.array([100, 999, 103])
    outcome = bench.take(frame(1, rows=3, sat_id=ids))
    (state,) = states(outcome)
    assert state.sat_id is not None and state.sat_id.tolist() == [100, 103]
    assert state.extra["rows_dead"] == 1 and outcome.counts.rows_dead == 1
    (letter,) = letters(outcome)
    assert (letter["reason"], letter["rows"], letter["kept"]) == ("unknown_satellite", "1", "0")
    dead = next(o for o in outcome.outputs if o.topic == topics.DEAD_LETTERS.name)
    again = contract.decode(dead.value, contract.columns_of({"odc": ODC}))
    assert again.sat_id is not None and again.sat_id.tolist() == [999]


def test_a_row_from_the_future_is_refused_and_its_satellite_flagged_once() -> None:
    live = Clock("live", T0_US, T0_US, 1.0)
    bench = Bench(fleet_of(clock=live))
    bench.take(frame(1))
    t_event = np.array([T0_US + s * SECOND_US for s in (2, 2, 60, 2)])
    ahead = frame(2, row_t_event_us=t_event)
    outcome = bench.take(ahead, t_us=T0_US + 2 * SECOND_US)
    (state,) = states(outcome)
    assert state.rows == 3 and letters(outcome)[0]["reason"] == "future"
    assert kinds(events(outcome)) == [("clock", "raised", 102)]
    again = bench.take(replace(ahead, seq=3), t_us=T0_US + 3 * SECOND_US)
    assert not [e for e in events(again) if e["kind"] == "clock"]
    assert bench.chunk.flags[2] & Flag.CLOCK
    well = bench.take(frame(4))
    assert ("clock", "cleared", 102) in kinds(events(well))
    assert not bench.chunk.flags[2] & Flag.CLOCK


def test_an_impossible_value_becomes_missing_and_its_row_goes_on() -> None:
    bench = Bench()
    bench.take(frame(1))
    outcome = bench.take(frame(2, values={"battery_t_degc": [20.0, 160.0, 20.0, 20.0]}))
    (state,) = states(outcome)
    column = ODC.packets["fast"].by_name["battery_t_degc"]
    assert state.rows == 4 and state.extra["rows_invalid"] == 1
    assert column.is_missing(state.codes["battery_t_degc"]).tolist() == [False, True, False, False]
    assert (state.codes["flags"] & Flag.INVALID != 0).tolist() == [False, True, False, False]
    (event,) = events(outcome)
    assert (event["kind"], event["state"], event["value"]) == ("invalid", "raised", 160.0)
    assert event["parameter"] == "battery_t_degc"
    (letter,) = letters(outcome)
    assert (letter["reason"], letter["kept"], letter["rows"]) == ("invalid", "1", "1")
    dead = next(o for o in outcome.outputs if o.topic == topics.DEAD_LETTERS.name)
    again = contract.decode(dead.value, contract.columns_of({"odc": ODC}))
    assert column.decode(again.codes["battery_t_degc"])[0] == 160.0
    headroom = next(c for c in ODC.derived if c.name == "thermal_headroom_k")
    assert headroom.is_missing(state.codes["thermal_headroom_k"])[1]
    assert [(e["kind"], e["state"]) for e in events(bench.take(frame(3)))] == [
        ("invalid", "cleared")
    ]


def test_a_missing_value_is_not_an_invalid_one() -> None:
    (state,) = states(Bench().take(frame(1, values={"load_w": np.nan})))
    assert not (state.codes["flags"] & Flag.INVALID).any()


def test_rows_on_which_a_model_fails_leave_the_frame() -> None:
    bench = Bench()

    def fails(vehicle, constants, codes, rows):  # type: ignore[no-untyped-def]
        if (codes["links_up"] == 13).any():
            raise FloatingPointError("thirteen")
        return derive(vehicle, constants, codes, rows)

    outcome = bench.take(frame(1, values={"links_up": [4, 13, 4, 4]}), derive=fails)
    (state,) = states(outcome)
    assert state.sat_id is not None and state.sat_id.tolist() == [100, 102, 103]
    (letter,) = letters(outcome)
    assert letter["reason"] == "poison" and "thirteen" in letter["message"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"no frame at all", "malformed"),
        (b"", "malformed"),
        (value_of(frame(1))[:300], "malformed"),
        (value_of(frame(1, rows=9)), "unknown_row"),
        (value_of(frame(1, chunk=7)), "wrong_schema"),
        (value_of(replace(frame(1, 1, "eps", vehicle=BIRDS)), BIRDS), "unknown_vehicle"),
    ],
)
def test_what_is_no_frame_of_this_chunk_becomes_a_letter(value: bytes, reason: str) -> None:
    bench = Bench()
    outcome = bench.put(bench.record(value, T0_US))
    (letter,) = letters(outcome)
    assert (letter["reason"], letter["offset"], letter["topic"]) == (
        reason,
        "0",
        "twin.telemetry.v1",
    )
    assert outcome.outputs[0].value == value and bench.state.applied == 0
    assert states(bench.take(frame(1)))[0].rows == 4


def test_an_oversized_original_travels_as_its_head_and_hash() -> None:
    bench = Bench()
    outcome = bench.put(bench.record(b"x" * 3_000_000, T0_US))
    (letter,) = letters(outcome)
    assert letter["length"] == "3000000" and len(outcome.outputs[0].value) == 1_000_000


def test_a_satellite_several_times_in_a_frame() -> None:
    bench = Bench()
    ids = np.array([100, 101, 100, 100])
    seqs = np.array([3, 1, 1, 2])
    outcome = bench.take(
        frame(9, sat_id=ids, row_seq=seqs, row_t_event_us=T0_US + seqs * SECOND_US)
    )
    found = states(outcome)
    assert [f.extra["source"][2] for f in found] == [0, 1, 2]
    assert [f.seqs().tolist() for f in found] == [[1, 1], [2], [3]]
    assert bench.chunk.primary.seq.tolist() == [3, 1, -1, -1]
    assert bench.chunk.primary.known[0] == 0b111


def test_an_empty_frame_is_fine() -> None:
    outcome = Bench().take(frame(1, rows=0))
    assert states(outcome)[0].rows == 0 and not letters(outcome)


def test_a_snapshot_gives_the_same_state_back() -> None:
    bench = Bench()
    for second in (1, 2, 3):
        bench.take(frame(second, values=HOT))
    value = snapshot.encode(bench.chunk)
    again = snapshot.decode(value, bench.chunk.chunk)
    assert again is not None and again.seen == 2
    assert snapshot.encode(again) == value


def test_satellites_that_stay_keep_their_rows_when_the_fleet_changes() -> None:
    bench = Bench()
    bench.take(frame(1))
    (grown,) = fleet_of(6).chunks()
    other = replace(grown, sat_id=grown.sat_id[::-1].copy())
    again = snapshot.decode(snapshot.encode(bench.chunk), other)
    assert again is not None and again.primary.seq.tolist() == [-1, -1, 1, 1, 1, 1]


def test_a_snapshot_of_another_vehicle_type_is_not_used() -> None:
    bench = Bench()
    (other,) = fleet_of(4, BIRDS).chunks()
    assert snapshot.decode(snapshot.encode(bench.chunk), other) is None
