"""The model is a function of the rows: not of their order, nor of where a worker started again."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from orbitwin import fleet
from processors import snapshot
from processors.record import Rules
from tests.heater import Truth, heaters
from tests.processing import Bench

ROWS = 3


def bytes_of(bench: Bench) -> bytes:
    return snapshot.encode(bench.chunk)


@settings(max_examples=8)
@given(seed=st.integers(0, 10**6), data=st.data())
def test_any_order_of_rows_up_to_a_window_late_gives_the_same_model(
    seed: int, data: st.DataObject
) -> None:
    """Within 16 sequence numbers and one window: as the history of limits."""
    frames = list(Truth(ROWS, seed).frames(1, 45))
    late = [data.draw(st.integers(0, 8), label="late") if f.packet == "fast" else 0 for f in frames]
    order = sorted(range(len(frames)), key=lambda i: (i + late[i], i))

    def after(some: list[int]) -> Bench:
        bench = Bench(heaters(ROWS))
        for i in some:
            bench.take(frames[i], t_us=frames[-1].t_event_us)
        return bench

    mixed, straight = after(order), after(list(range(len(frames))))
    assert bytes_of(mixed) == bytes_of(straight)
    assert straight.chunk.model.windows.number[2].min() >= 0


@settings(max_examples=6)
@given(
    seed=st.integers(0, 10**6),
    cut=st.integers(1, 420),
    raw_max=st.sampled_from([0, 10_000]),
)
def test_a_run_resumed_from_a_snapshot_publishes_the_same(
    seed: int, cut: int, raw_max: int
) -> None:
    truth = Truth(ROWS, seed)
    truth.bias.append(lambda second, values: _break(second, values))
    rules = Rules(raw_max_satellites=raw_max)
    frames = list(truth.frames(0, 420))
    straight, resumed = Bench(heaters(ROWS), rules), Bench(heaters(ROWS), rules)
    published = 0
    for number, one in enumerate(frames):
        want = straight.take(one)
        if number == cut:
            value = bytes_of(resumed)
            (chunk,) = heaters(ROWS).chunks()
            again = snapshot.decode(value, fleet.decode(fleet.encode(chunk)))
            assert again is not None and snapshot.encode(again) == value
            resumed.state.chunks[resumed.key] = again
        got = resumed.take(one)
        assert [(o.topic, o.value, o.headers) for o in got.outputs] == [
            (o.topic, o.value, o.headers) for o in want.outputs
        ]
        published += len(want.outputs)
    assert published > len(frames)
    assert bytes_of(straight) == bytes_of(resumed)


def _break(second: int, values: dict[str, np.ndarray]) -> None:
    if second >= 200:
        values["wall_degc"][1] += 2.0
        values["bus_v"][2] = 28.5
