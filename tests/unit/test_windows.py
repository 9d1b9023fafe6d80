"""Windows of sums against a plain-Python reference, a row at a time."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from orbitwin.column import Column
from processors.model.windows import EMPTY, Closed, Windows, width_us

SECOND_US = 1_000_000
SMALL = Column("small", "1", 0.5, "int16", -100, 100, "")
LARGE = Column("large", "1", 2.0, "int32", 0, 1e9, "")
REAL = Column("real", "1", 0.25, "float32", 0, 1e9, "")
COLUMNS = (SMALL, LARGE, REAL)
NAMES = tuple(c.name for c in COLUMNS)


def empty(rows: int, seconds: int = 10) -> Windows:
    return Windows.empty(seconds * SECOND_US, COLUMNS, rows, NAMES, NAMES)


def rows_of(seed: int, satellites: int, seconds: int) -> list[tuple[int, int, dict[str, float]]]:
    """(satellite, second, values) with gaps, missing values, and rows up to 9 s out of order."""
    rng = np.random.default_rng(seed)
    made = []
    for second in range(seconds):
        for satellite in range(satellites):
            if rng.random() < 0.2 or (satellite == 1 and 35 <= second < 90):
                continue
            values = {
                "small": np.nan if rng.random() < 0.02 else float(rng.integers(-100, 100)) / 2,
                "large": float(rng.integers(0, 10**8)) * 2,
                "real": float(rng.integers(0, 1000)) / 4,
            }
            made.append((second + rng.uniform(0, 9), satellite, second, values))
    return [row[1:] for row in sorted(made, key=lambda row: row[0])]


def reference(
    rows: list[tuple[int, int, dict[str, float]]], satellites: int, width: int
) -> dict[int, list[tuple[int, int, dict[str, float]]]]:
    """Windows (number, count, means) of each satellite, in the order in which they close."""
    open_: dict[int, dict[int, list[dict[str, float]]]] = defaultdict(dict)
    closed: dict[int, list[tuple[int, int, dict[str, float]]]] = defaultdict(list)
    for satellite, second, values in rows:
        number, mine = second // width, open_[satellite]
        if mine and number < max(mine) - 1:
            continue
        for old in sorted(w for w in mine if w <= number - 2):
            samples = mine.pop(old)
            means = {n: float(np.mean([s[n] for s in samples])) for n in NAMES}
            closed[satellite].append((old, len(samples), means))
        mine.setdefault(number, []).append(values)
    return closed


def put(windows: Windows, some: list[tuple[int, int, dict[str, float]]]) -> list[Closed]:
    at = np.array([s for s, _, _ in some])
    t_us = np.array([second * SECOND_US + 7 for _, second, _ in some], dtype=np.int64)
    codes = {c.name: c.encode(np.array([v[c.name] for _, _, v in some])) for c in COLUMNS}
    return windows.take(at, t_us, codes)


@pytest.mark.parametrize("seed", range(5))
def test_windows_are_those_of_the_plain_reference(seed: int) -> None:
    satellites = 4
    rows = rows_of(seed, satellites, 200)
    windows = empty(satellites)
    got: dict[int, list[tuple[int, int, dict[str, float]]]] = defaultdict(list)
    last: dict[int, tuple[int, dict[str, float]]] = {}
    for row in rows:
        for one in put(windows, [row]):
            satellite = int(np.atleast_1d(one.rows)[0])
            means = {n: float(one.means[n][0]) for n in NAMES}
            number, before = last.get(satellite, (EMPTY, dict.fromkeys(NAMES, np.nan)))
            assert one.number_before[0] == number
            assert {n: float(one.means_before[n][0]) for n in NAMES} == pytest.approx(
                before, nan_ok=True
            )
            gap_s = 10 * (one.number[0] - number) if number != EMPTY else np.nan
            assert one.dt_s[0] == pytest.approx(gap_s, nan_ok=True)
            assert one.mid_us[0] == (one.number[0] * 10 + 5) * SECOND_US
            last[satellite] = int(one.number[0]), means
            got[satellite].append((int(one.number[0]), int(one.count[0]), means))
    want = reference(rows, satellites, 10)
    for satellite in range(satellites):
        assert len(got[satellite]) == len(want[satellite]) > 8
        for (number, count, means), (number_, count_, means_) in zip(
            got[satellite], want[satellite], strict=True
        ):
            assert (number, count) == (number_, count_)
            assert means == pytest.approx(means_, rel=1e-6, nan_ok=True)


def test_a_running_mean_is_that_of_the_rows_in_the_last_two_widths() -> None:
    windows = empty(3)
    rows = [row for row in rows_of(3, 2, 95) if row[1] not in (88, 93)]
    for row in rows:
        put(windows, [row])
    for name in NAMES:
        got = windows.running_mean(name, np.array([0, 1, 2]))
        for satellite in (0, 1):
            newest = max(second // 10 for s, second, _ in rows if s == satellite)
            mine = [
                values[name]
                for s, second, values in rows
                if s == satellite and second // 10 >= newest - 1
            ]
            assert got[satellite] == pytest.approx(np.mean(mine), rel=1e-6, nan_ok=True)
        assert np.isnan(got[2])


def test_a_frame_of_all_and_its_rows_one_by_one_give_the_same() -> None:
    rng = np.random.default_rng(1)
    whole, single = empty(5), empty(5)
    for second in range(45):
        t_us = np.full(5, second * SECOND_US)
        codes = {c.name: c.encode(rng.integers(0, 99, 5) * c.resolution) for c in COLUMNS}
        closed = whole.take(slice(0, 5), t_us, codes)
        for r in range(5):
            single.take(np.array([r]), t_us[:1], {n: v[r : r + 1] for n, v in codes.items()})
        assert [len(c) for c in closed] == ([5] if second in (20, 30, 40) else [])
    for (name, a), (_, b) in zip(whole.arrays(), single.arrays(), strict=True):
        assert np.array_equal(a, b), name


def test_a_sum_that_repeats_itself_is_seen_in_the_next_window_only() -> None:
    windows = empty(1)
    seen = []
    for second in [*range(40), *range(60, 100)]:
        values = {"small": second % 10 / 2, "large": 4.0 * (second // 10), "real": 1.0}
        for one in put(windows, [(0, second, values)]):
            seen.append((int(one.number[0]), {n: bool(s[0]) for n, s in one.same.items()}))
    assert [n for n, _ in seen] == [0, 1, 2, 3, 6, 7]
    assert [s["small"] for _, s in seen] == [False, True, True, True, False, True]
    assert not any(s["large"] for _, s in seen)


def test_windows_are_whole_periods_and_at_least_two() -> None:
    assert width_us(10, 1) == 10_000_000
    assert width_us(10, 3) == 12_000_000
    assert width_us(10, 5) == 10_000_000
    assert width_us(10, 60) == 120_000_000
    assert width_us(10, 0.1) == 10_000_000


def test_more_columns_than_a_word_has_bits() -> None:
    columns = tuple(Column(f"c{i}", "1", 1.0, "int16", -9, 9, "") for i in range(70))
    windows = Windows.empty(10 * SECOND_US, columns, 2)
    for second in (0, 1, 25):
        codes = {c.name: np.full(2, 3, np.int16) for c in columns}
        if second == 1:
            codes["c66"][0] = columns[66].missing
        closed = windows.take(slice(0, 2), np.full(2, second * SECOND_US), codes)
    (one,) = closed
    assert np.isnan(one.means["c66"][0]) and one.means["c66"][1] == 3
    assert one.means["c2"].tolist() == [3, 3]
