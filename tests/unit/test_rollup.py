"""Rollups against a plain-Python reference, value by value."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.catalogue import SEVERITIES
from orbitwin.records import Flag
from storage.rollup import MINUTE_US, SECOND_US, Groups, Minutes, group_rows
from storage.rows import MISSING, STATES, Rows

ROWS = 23


def random_rows(rng: np.random.Generator, at: slice | np.ndarray, t_us: np.ndarray) -> Rows:
    count = len(t_us)
    derived = rng.integers(-1000, 1000, (STATES, count)).astype(np.int32)
    derived[rng.random((STATES, count)) < 0.1] = MISSING
    return Rows(
        "fast",
        at,
        t_us,
        np.arange(count),
        rng.integers(0, 6, count).astype(np.uint8),
        np.zeros(count, dtype=np.uint8),
        derived,
        {},
    )


@pytest.mark.parametrize("seed", range(5))
def test_groups_against_plain_python(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shell = [str(s) for s in rng.choice(["high", "low"], ROWS)]
    plane = rng.integers(-1, 60, ROWS)
    derived = rng.integers(-(2**30), 2**30, (STATES, ROWS)).astype(np.int32)
    derived[rng.random((STATES, ROWS)) < 0.3] = MISSING
    severity = rng.integers(0, 6, ROWS).astype(np.uint8)
    flags = rng.integers(0, 8, ROWS).astype(np.uint8)
    known, reporting = rng.random(ROWS) < 0.9, rng.random(ROWS) < 0.5
    groups = Groups.of(shell, plane)
    found = group_rows(
        groups,
        7 * SECOND_US,
        derived=derived,
        severity=severity,
        flags=flags,
        known=known,
        reporting=reporting,
    )
    assert set(zip(groups.shell, groups.block.tolist(), strict=True)) == set(
        zip(shell, (plane // 16).tolist(), strict=True)
    )
    for g, (name, block) in enumerate(zip(groups.shell, groups.block.tolist(), strict=True)):
        own = [r for r in range(ROWS) if shell[r] == name and plane[r] // 16 == block]
        live = [r for r in own if known[r] and not flags[r] & Flag.STALE]
        assert found.counts["satellites"][g] == len(own)
        assert found.counts["reporting"][g] == sum(bool(reporting[r]) for r in own)
        assert found.counts["stale"][g] == sum(bool(flags[r] & Flag.STALE) for r in own)
        assert found.counts["sunlit"][g] == sum(bool(flags[r] & Flag.SUNLIT) for r in live)
        for code, text in enumerate(SEVERITIES):
            assert found.counts[text][g] == sum(severity[r] == code for r in live)
        for d in range(STATES):
            values = [int(derived[d, r]) for r in live if derived[d, r] != MISSING]
            assert found.n[d, g] == len(values)
            assert found.total[d, g] == sum(values)
            if values:
                assert (found.low[d, g], found.high[d, g]) == (min(values), max(values))


@pytest.mark.parametrize("seed", range(5))
def test_minutes_against_plain_python(seed: int) -> None:
    """Frames of all rows and of some, satellites that fall silent, rows of closed minutes."""
    rng = np.random.default_rng(seed)
    minutes = Minutes(ROWS)
    wanted: dict[tuple[int, int], list[tuple[int, np.ndarray]]] = {}
    newest = dict.fromkeys(range(ROWS), -1)
    found = []
    for tick in range(260):
        t0_us = tick * SECOND_US
        if rng.random() < 0.5:
            at: slice | np.ndarray = slice(3, 17)
            rows = np.arange(3, 17)
        else:
            at = rows = rng.choice(ROWS, rng.integers(1, ROWS), replace=False)
        t_us = t0_us - rng.integers(0, 20, len(rows)) * SECOND_US * (rng.random() < 0.3)
        made = random_rows(rng, at, t_us)
        assert made.derived is not None
        for k, r in enumerate(rows.tolist()):
            minute = int(t_us[k]) // MINUTE_US
            if minute >= newest[r]:
                newest[r] = minute
                wanted.setdefault((r, minute), []).append(
                    (int(made.severity[k]), made.derived[:, k])
                )
        found.append(minutes.add(made, tick))
    found.append(minutes.close(np.flatnonzero(minutes.samples)))
    seen = set()
    for closed in found:
        if closed is None:
            continue
        for k, (r, minute_us) in enumerate(
            zip(closed.row.tolist(), closed.minute_us.tolist(), strict=True)
        ):
            key = (r, minute_us // MINUTE_US)
            assert key not in seen, "a satellite has a minute once"
            seen.add(key)
            samples = wanted[key]
            assert closed.samples[k] == len(samples)
            assert closed.worst[k] == max(s for s, _ in samples)
            for d in range(STATES):
                values = [int(v[d]) for _, v in samples if v[d] != MISSING]
                assert closed.n[d, k] == len(values)
                assert closed.total[d, k] == sum(values)
                if values:
                    assert (closed.low[d, k], closed.high[d, k]) == (min(values), max(values))
    assert seen == set(wanted)


def test_a_closed_minute_is_not_opened_again() -> None:
    minutes = Minutes(2)
    rng = np.random.default_rng(0)
    first = random_rows(rng, slice(0, 2), np.array([5, 5]) * SECOND_US)
    assert minutes.add(first, 10) is None
    assert minutes.oldest_offset() == 10
    assert minutes.close(np.array([0, 1])) is not None
    assert minutes.oldest_offset() is None
    assert minutes.add(first, 11) is None
    assert not minutes.samples.any()
