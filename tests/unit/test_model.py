"""The model beside the telemetry: who has one, when it judges, and what it publishes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from orbitwin import catalogue, contract, fleet, topics
from orbitwin import profile as profiles
from orbitwin.contract import Frame
from orbitwin.fleet import Clock
from orbitwin.ipc import unpack
from orbitwin.layout import scaled
from orbitwin.records import RESIDUAL, RESIDUAL_PARTS, residual_columns, verdicts
from orbitwin.trajectory import Planned
from orbitwin.vehicle import NOMINAL
from processors import snapshot
from processors.record import Rules
from processors.state import ChunkState
from processors.step import Outcome, adopt
from producers.schedule import Schedule
from producers.synthetic import Flight, fleet_of
from producers.truth import Truth as Flown
from tests.heater import HEATER, START_US, Truth, heaters, packet
from tests.processing import BIRDS, SECOND_US, Bench, events, letters, states
from tests.processing import fleet_of as plain_fleet
from tests.processing import frame as plain_frame

MINUTE_US = 60 * SECOND_US


def told(outcome: Outcome, vehicle: catalogue.Vehicle = HEATER) -> list[Frame]:
    return [s for s in states(outcome, vehicle) if s.packet == RESIDUAL]


def fly(bench: Bench, truth: Truth, first: int, last: int) -> list[Frame]:
    return [r for one in truth.frames(first, last) for r in told(bench.take(one))]


# --- who has a model -----------------------------------------------------------------------------


def test_a_vehicle_type_without_channels_has_no_model() -> None:
    plain = dataclasses.replace(BIRDS, channels=(), signatures=())
    bench = Bench(plain_fleet(vehicle=plain))
    for second in range(0, 600, 5):
        bench.take(plain_frame(second, packet="eps", vehicle=plain))
    assert bench.chunk.model is None
    assert not any(name.startswith("model/") for name in bench.chunk.arrays())


def test_a_fleet_larger_than_the_settings_allow_has_none() -> None:
    bench = Bench(heaters(3), Rules(model_max_satellites=2))
    assert fly(bench, Truth(3), 0, 200) == [] and bench.chunk.model is None
    bench = Bench(heaters(3), Rules(model_max_satellites=3))
    fly(bench, Truth(3), 0, 5)
    assert bench.chunk.model is not None


def test_a_snapshot_of_another_width_or_other_nominal_values_starts_anew() -> None:
    bench = Bench(heaters(2))
    fly(bench, Truth(2), 0, 100)
    value = snapshot.encode(bench.chunk)
    learnt = bench.chunk.model.memory.theta
    (same,) = heaters(2).chunks()
    (other,) = heaters(2, constants={"sink_degc": 12.0}).chunks()
    again, anew = snapshot.decode(value, same), snapshot.decode(value, other)
    assert again is not None and again.model is not None
    assert np.array_equal(again.model.memory.theta, learnt)
    assert anew is not None and anew.model is None
    assert np.array_equal(anew.primary.seq, bench.chunk.primary.seq)
    bench.state.chunks[bench.key] = again
    bench.rules = Rules(window_s=20)
    fly(bench, Truth(2), 100, 101)
    assert bench.chunk.model.windows.width_us == 20 * SECOND_US
    assert bench.chunk.model.memory.theta[0] == pytest.approx(0.05)


def test_satellites_that_stay_keep_what_was_learnt_of_them() -> None:
    bench = Bench(heaters(3))
    fly(bench, Truth(3, resistance_k_w=0.054), 0, 300)
    assert bench.chunk.model.memory.theta[0] == pytest.approx(0.054, rel=0.01)
    (whole,) = heaters(4).chunks()
    adopt(bench.state, {bench.key: whole})
    assert bench.chunk.model.memory.theta[0] == pytest.approx([0.054] * 3 + [0.05], rel=0.01)
    (described,) = heaters(4, clock=Clock(rate=2.0)).chunks()
    adopt(bench.state, {bench.key: described})
    fly(bench, Truth(4), 300, 301)
    assert bench.chunk.model.plan.chunk is described
    assert bench.chunk.model.memory.theta[0, 0] == pytest.approx(0.054, rel=0.01)


# --- when it judges ------------------------------------------------------------------------------


def test_packets_that_are_missing_raise_nothing() -> None:
    """A third of them at random, and none for twenty minutes."""
    rng = np.random.default_rng(0)
    bench, truth = Bench(heaters(10)), Truth(10)
    seen = []
    for one in truth.frames(0, 2400):
        second = (one.t_event_us - START_US) // SECOND_US
        if 700 <= second < 1900 or rng.random() < 1 / 3:
            continue
        keep = np.flatnonzero(rng.random(10) < 0.9)
        seen += events(bench.take(one.take(keep, 100 + keep)))
    assert {e["kind"] for e in seen} <= {"gap", "stale"}
    assert (bench.chunk.model.memory.unjudged[:5] == 0).all()


def test_nothing_is_judged_in_the_first_window_after_a_gap() -> None:
    bench, truth = Bench(heaters(1)), Truth(1)
    fly(bench, truth, 0, 300)
    list(truth.frames(300, 390))
    waited = bench.chunk.model.memory.unjudged
    fly(bench, truth, 390, 411)  # window 39 closes
    assert (waited[:5, 0] == 1).all()
    fly(bench, truth, 411, 421)
    assert (waited[:5, 0] == 0).all()


def test_a_slow_reading_is_judged_once() -> None:
    bench, truth = Bench(heaters(1)), Truth(1)
    (leaks,) = [c for c, one in enumerate(HEATER.channels) if one.name == "leak_count"]
    waited = []
    for second in range(400):
        values = truth.readings(second)
        bench.take(packet("fast", second, values, 1))
        if second % 60 == 0:
            bench.take(packet("slow", second, values, 1))
        if second % 10 == 0 and second >= 100:
            waited.append(int(bench.chunk.model.memory.unjudged[leaks, 0]))
    assert waited[:14] in [[*range(n, 6), *range(6), *range(6)][:14] for n in range(6)]


def test_a_counter_is_judged_by_what_it_gains() -> None:
    text = HEATER.text + (
        "\n[model.gained]\nmeasured = 'leak_count_rate * 60'\nunit = '1/min'\n"
        "predicted = '30'\nsigma = '1'\n"
    )
    vehicle = catalogue.loads(text)
    bench, truth = Bench(plain_fleet(1, vehicle)), Truth(1)
    found = []
    for second in range(600):
        values = truth.readings(second)
        minute = second // 60  # a boot in the seventh lets it begin again
        values["leak_count"] = np.array([30.0 * minute if minute < 7 else 30.0 * (minute - 7) + 5])
        bench.take(packet("fast", second, values, 1))
        if second % 60 == 0:
            outcome = bench.take(packet("slow", second, values, 1))
            assert not events(outcome)
        model = bench.chunk.model
        found.append((float(model.memory.mean_z[-1, 0]), int(model.memory.unjudged[-1, 0])))
    assert [waited for _, waited in found[360::60]] == [5, 5, 11, 5]
    assert np.abs([mean_z for mean_z, _ in found]).max() < 1e-4


def test_a_model_that_fails_costs_no_telemetry() -> None:
    text = HEATER.text + (
        "\n[model.broken]\nmeasured = 'bus_v'\nunit = 'V'\n"
        "predicted = 'CAST(leak_count AS INTEGER)'\n"
    )
    bench = Bench(plain_fleet(1, catalogue.loads(text)))
    dead, rows = [], 0
    for one in Truth(1).frames(1, 50):  # no slow packet: leak_count is NaN, which is no integer
        outcome = bench.take(one)
        dead += letters(outcome)
        rows += outcome.counts.rows_applied
        assert len(states(outcome, HEATER)) == 1
    assert rows == 49
    assert {(d["reason"], d["kept"], d["message"][:6]) for d in dead} == {("poison", "1", "model:")}


# --- what it publishes ---------------------------------------------------------------------------


def test_a_record_a_minute_tells_what_was_measured_and_expected() -> None:
    bench = Bench(heaters(2))
    records = fly(bench, Truth(2), 0, 400)
    assert len(records) == 6
    for number, one in enumerate(records):
        assert one.sat_id is not None and one.sat_id.tolist() == [100, 101]
        assert (one.t_event() // MINUTE_US == START_US // MINUTE_US + number).all()
        assert set(one.codes) == {c.name for c in residual_columns(HEATER)}
        assert one.codes["heater_w/n"].tolist() == [6, 6]
        assert one.codes["fault/code"].tolist() == [0, 0]
        assert not one.extra["derived"] and not one.extra["measured"]
    last = records[-1].codes
    difference = last["plate_degc/measured"] - last["plate_degc/predicted"]
    assert difference == pytest.approx(last["plate_degc/z"] * last["plate_degc/sigma"], abs=0.01)
    assert last["plate_degc/nis"] == pytest.approx(1, abs=1.2)
    assert last["resistance_k_w/estimate"] == pytest.approx(0.05, abs=2e-4)
    assert (last["resistance_k_w/estimate_sigma"] < 1e-4).all()
    assert last["leak_count/n"].tolist() == [1, 1]


def test_the_columns_are_named_after_channels_and_what_they_learn() -> None:
    columns = {c.name: c for c in residual_columns(HEATER)}
    for channel in HEATER.channels:
        for part in RESIDUAL_PARTS:
            assert columns[f"{channel.name}/{part}"].storage == "float32"
    assert columns["plate_degc/sigma"].unit == "degC" and columns["plate_degc/z"].unit == "1"
    assert {"battery_ohm/estimate", "battery_ohm/estimate_sigma"} <= columns.keys()
    assert columns["fault/code"].values[1] == verdicts(HEATER)[1] == "contact_loss"


def test_of_a_large_fleet_only_satellites_with_an_alarm_are_told_of() -> None:
    bench, truth = Bench(heaters(3), Rules(raw_max_satellites=2)), Truth(3)
    assert fly(bench, truth, 0, 240) == []
    truth.wall_k_w = np.array([0.02, 0.026, 0.02])
    records = fly(bench, truth, 240, 500)
    assert len(records) == 3
    assert all(r.sat_id is not None and r.sat_id.tolist() == [101] for r in records)
    code = verdicts(HEATER).index("sink_blocked")
    assert records[-1].codes["fault/code"].tolist() == [code]
    assert records[-1].codes["wall_degc/z"][0] > 10
    assert not any("/minute/count" in name for name in bench.chunk.arrays())


def test_parts_of_one_source_are_numbered_in_order() -> None:
    """A reader drops what is not newer than the newest: the residual record comes last."""
    bench, truth = Bench(heaters(2)), Truth(2)
    fly(bench, truth, 0, 79)
    values = truth.readings(79)
    one, two = packet("fast", 79, values, 2), packet("fast", 80, values, 2)
    both = contract.Frame(
        **{
            **vars(two),
            "rows": 4,
            "codes": {n: np.concatenate([one.codes[n], c]) for n, c in two.codes.items()},
            "sat_id": np.array([100, 101, 100, 101]),
            "row_t_event_us": np.concatenate([one.t_event(), two.t_event()]),
            "row_seq": np.concatenate([one.seqs(), two.seqs()]),
        }
    )
    found = [(s.packet, s.extra["source"][2], s.rows) for s in states(bench.take(both), HEATER)]
    assert found == [("fast", 0, 2), ("fast", 1, 2), (RESIDUAL, 2, 2)]


def test_alarms_are_events_that_say_what_was_expected() -> None:
    bench, truth = Bench(heaters(2)), Truth(2)
    fly(bench, truth, 0, 200)
    truth.wall_k_w = np.array([0.02, 0.026])
    got = [e for one in truth.frames(200, 400) for e in events(bench.take(one))]
    truth.wall_k_w = 0.02
    got += [e for one in truth.frames(400, 1200) for e in events(bench.take(one))]
    own = [e for e in got if e["kind"] == "residual" and e["parameter"] == "wall_degc"]
    assert [e["state"] for e in own] == ["raised", "cleared"]
    raised = own[0]
    assert (raised["sat_id"], raised["unit"], raised["severity"]) == (101, "degC", 1)
    assert raised["value"] > raised["limit"] + 1
    assert raised["message"].startswith("wall_degc ") and "expected" in raised["message"]
    assert [e["state"] for e in got if e["kind"] == "fault"] == ["raised", "cleared"]
    assert not bench.chunk.model.memory.alarm.any()


# --- nominal values and the compute satellite ----------------------------------------------------


def test_shells_with_constants_of_their_own_are_derived_with_them() -> None:
    many = plain_fleet(4, shell_constants={"a": {"links": 4.0}, "b": {"links": 8.0}})
    many = fleet.Fleet(**{**vars(many), "shell": ["a", "b", "a", "b"]})
    bench = Bench(many)
    (state,) = states(bench.take(plain_frame(1)))
    health = state.codes["link_health_ratio"].astype(float)
    assert health[[1, 3]] == pytest.approx(health[[0, 2]] / 2, abs=1)

    def poisoned(vehicle: Any, constants: Any, codes: Any, rows: int) -> Any:
        from processors.derived.columns import derive

        if (codes["load_w"] == 0).any():
            raise ValueError("no load")
        return derive(vehicle, constants, codes, rows)

    loads = {"load_w": [20_000.0, 0.0, 20_000.0, 20_000.0]}
    (state,) = states(bench.take(plain_frame(2, values=loads), derive=poisoned))
    got = state.codes["link_health_ratio"].astype(float)
    assert got == pytest.approx([health[0], health[2], health[3]])


T0_US = 1_790_000_040_000_000 // MINUTE_US * MINUTE_US


def odc_fleet(satellites: int) -> tuple[fleet.Fleet, Flown]:
    profile = profiles.load("suncatcher_81")
    layout, orbit = scaled(profile, satellites)
    vehicle = catalogue.load("odc")
    schedule = Schedule.of(vehicle, Clock("live", T0_US, T0_US, 1.0), SECOND_US, {})
    truth = Flown(profile, seed=1, t0_us=T0_US, orbit=orbit, layout=layout)
    flight = Flight("synthetic", "f", profile, layout, Planned(orbit.elements), lambda *_: truth)
    return fleet_of(flight, schedule, vehicle, 16_384), truth


def test_the_processor_is_given_nominal_values_and_nothing_of_the_truth() -> None:
    flown, _ = odc_fleet(12)
    (chunk,) = flown.chunks()
    _, meta = unpack(fleet.encode(chunk))
    assert set(meta) == {
        *("v", "fleet", "chunk", "size", "vehicle", "vehicle_toml", "period_s", "clock"),
        *("constants", "shell_constants", "spread", "ocv_v", "noise"),
    }
    names = {*meta["constants"], *(n for own in meta["shell_constants"].values() for n in own)}
    assert set(NOMINAL) - names <= {"kind", "ocv_v", "solar"}  # which are no numbers
    for name in (*names, *meta["spread"]):
        assert not any(word in name for word in ("seed", "scenario", "fault")), name


def test_healthy_compute_satellites_raise_nothing_and_are_consistent() -> None:
    flown, truth = odc_fleet(12)
    vehicle = flown.vehicle
    bench = Bench(flown)
    seen: list[dict[str, Any]] = []
    records: list[Frame] = []
    for second in range(600):
        t_us = T0_US + second * SECOND_US
        names = ["nav"] * (second % 10 == 0) + ["slow"] * (second % 60 == 0) + ["fast"]
        measured = truth.advance(t_us, names)
        for name in names:
            columns = vehicle.packets[name].columns
            codes = {
                c.name: c.encode(np.asarray(measured[c.name], dtype=np.float64)) for c in columns
            }
            one = Frame("f", vehicle.name, name, 0, 0, 12, t_us, second, t_us, codes)
            outcome = bench.take(one)
            seen += [e for e in events(outcome) if e["kind"] in ("residual", "fault")]
            records += told(outcome, vehicle)
    assert [e["message"] for e in seen if e["parameter"] != "links_up"] == []
    assert len(records) == 9
    judged = {
        c.name: np.nanmean([r.codes[f"{c.name}/nis"] for r in records[3:]])
        for c in vehicle.channels
        if any((r.codes[f"{c.name}/n"] > 0).any() for r in records[3:])
    }
    assert len(judged) >= 30
    assert all(nis < 2 for nis in judged.values()), judged
    state: ChunkState = bench.chunk
    again = snapshot.decode(snapshot.encode(state), state.chunk)
    assert again is not None and snapshot.encode(again) == snapshot.encode(state)
    each_bytes = sum(array.nbytes for array in state.arrays().values()) / 12
    assert each_bytes * fleet.MAX_CHUNK_ROWS < topics.MAX_SNAPSHOT_BYTES, "even uncompressed"
