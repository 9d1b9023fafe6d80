"""Frames: Arrow and JSON decode to the same record, and nothing broken gets in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orbitwin import catalogue, contract
from orbitwin.contract import Frame, FrameError

VEHICLES = {name: catalogue.load(name) for name in catalogue.shipped()}
COLUMNS = contract.columns_of(VEHICLES)


def frame_of(vehicle: str, packet: str, seed: int, rows: int) -> Frame:
    """Values over the whole range and beyond it, some missing."""
    rng = np.random.default_rng(seed)
    codes = {}
    for c in COLUMNS[vehicle][packet]:
        span = c.high - c.low
        values = rng.uniform(c.low - 0.3 * span, c.high + 0.3 * span, rows)
        values[rng.random(rows) < 0.1] = np.nan
        codes[c.name] = c.encode(values)
    return Frame("demo", vehicle, packet, 3, 0, rows, 1_700_000_000_000_000, 42, 7, codes)


@settings(max_examples=50)
@given(
    st.sampled_from([(v, p) for v in VEHICLES for p in VEHICLES[v].packets]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 40),
)
def test_arrow_and_json_decode_to_the_same_record(
    which: tuple[str, str], seed: int, rows: int
) -> None:
    vehicle, packet = which
    frame = frame_of(vehicle, packet, seed, rows)
    columns = COLUMNS[vehicle][packet]
    arrow = contract.decode(contract.encode(frame, columns), COLUMNS)
    sats = np.arange(rows) + 10**12
    lines = contract.encode_json(frame, columns, sats).splitlines() if rows else []
    assert arrow.rows == rows == len(lines)
    for r, line in enumerate(lines):
        one = contract.decode_json(line, COLUMNS)
        assert one.sat_id is not None and one.sat_id[0] == sats[r]
        assert (one.fleet, one.vehicle, one.packet) == (arrow.fleet, vehicle, packet)
        assert (one.t_event()[0], one.seqs()[0]) == (arrow.t_event()[r], arrow.seqs()[r])
        for c in columns:
            a, b = arrow.codes[c.name][r], one.codes[c.name][0]
            assert a == b or (np.isnan(a) and np.isnan(b)), c.name


def test_rows_that_differ_say_so_in_a_column() -> None:
    frame = frame_of("birds3", "eps", 1, 4)
    own = frame.take(np.array([2, 0]), np.array([7, 9]))
    back = contract.decode(contract.encode(own, COLUMNS["birds3"]["eps"]), COLUMNS)
    assert back.sat_id is not None and back.sat_id.tolist() == [7, 9]
    name = COLUMNS["birds3"]["eps"][0].name
    assert back.codes[name].tolist() == frame.codes[name][[2, 0]].tolist()


def test_an_old_sender_without_a_column_and_a_new_one_with_another_are_both_read() -> None:
    frame = frame_of("birds3", "eps", 1, 4)
    columns = COLUMNS["birds3"]["eps"]
    fewer = contract.decode(contract.encode(frame, columns[1:]), COLUMNS)
    assert columns[0].is_missing(fewer.codes[columns[0].name]).all()
    less = {"birds3": {"eps": columns[1:]}}
    assert columns[0].name not in contract.decode(contract.encode(frame, columns), less).codes


def _with(**changes: Any) -> bytes:
    return contract.encode(
        replace(frame_of("birds3", "eps", 1, 4), **changes), COLUMNS["birds3"]["eps"]
    )


GOOD = _with()


def _compressed() -> bytes:
    with pa.ipc.open_stream(GOOD) as reader:
        batch = reader.read_next_batch()
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def _retyped() -> bytes:
    with pa.ipc.open_stream(GOOD) as reader:
        batch = reader.read_next_batch()
    column = batch.column(0).cast(pa.float64())
    fields = list(batch.schema)
    fields[0] = pa.field(fields[0].name, pa.float64())
    schema = pa.schema(fields, metadata=batch.schema.metadata)
    changed = pa.RecordBatch.from_arrays([column, *batch.columns[1:]], schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(changed)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "malformed"),
        (b"not arrow at all" * 20, "malformed"),
        (GOOD[: len(GOOD) // 2], "malformed"),
        (GOOD[:-40], "malformed"),
        (b"\x00" * 9_000_000, "oversize"),
        (_compressed(), "compressed"),
        (_retyped(), "wrong_schema"),
        (_with(rows=5), "wrong_schema"),
        (_with(vehicle="ship"), "unknown_vehicle"),
        (_with(packet="salt"), "unknown_packet"),
        (_with(chunk=-1), "wrong_schema"),
        (GOOD.replace(b'"v":1', b'"v":2'), "wrong_version"),
        (GOOD.replace(b'"v":1', b'"v":x'), "wrong_schema"),
    ],
)
def test_what_is_no_frame_is_refused_with_a_reason(value: bytes, reason: str) -> None:
    with pytest.raises(FrameError) as caught:
        contract.decode(value, COLUMNS)
    assert caught.value.reason == reason


@settings(max_examples=400)
@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(0, len(GOOD)),
)
def test_any_damage_is_refused_or_read_never_raised(flips: list[tuple[int, int]], end: int) -> None:
    bad = bytearray(GOOD)
    for at, byte in flips:
        bad[at] = byte
    for value in (bytes(bad), bytes(bad[:end])):
        try:
            frame = contract.decode(value, COLUMNS)
        except FrameError:
            continue
        for c in COLUMNS[frame.vehicle][frame.packet]:
            assert frame.codes[c.name].shape == (frame.rows,)
            assert frame.codes[c.name].dtype == c.dtype


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "malformed"),
        (b"[1]", "malformed"),
        (b'{"v":2}', "wrong_version"),
        (b'{"v":1,"fleet":1}', "wrong_schema"),
        (
            b'{"v":1,"fleet":"f","vehicle":"odc","packet":"fast","sat_id":true,"t_event_us":1,"seq":1}',
            "wrong_schema",
        ),
        (
            b'{"v":1,"fleet":"f","vehicle":"odc","packet":"fast","sat_id":1,"t_event_us":1,"seq":1,'
            b'"array_v":"12"}',
            "wrong_schema",
        ),
    ],
)
def test_json_that_is_no_record_is_refused(line: bytes, reason: str) -> None:
    with pytest.raises(FrameError) as caught:
        contract.decode_json(line, COLUMNS)
    assert caught.value.reason == reason
