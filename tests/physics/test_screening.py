"""Screening against all pairs, tried one by one with SGP4, for real Starlink elements."""

from __future__ import annotations

import gzip
from itertools import combinations
from pathlib import Path

import numpy as np
import orjson
import pytest

from orbitwin.physics import screening
from orbitwin.physics.screening import pairs_in_neighbouring_cells, screen
from orbitwin.physics.sgp4_batch import DAY_US, Sgp4Orbit

DATA = Path(__file__).parents[1] / "data" / "starlink-omm-2025-05-25.json.gz"
START_US = 1_748_131_200_000_000  # 2025-05-25T00:00 UTC
START_JD = 2_460_820.5
SPAN_S = 360
MISS_M = 30_000.0


@pytest.fixture(scope="module")
def elements():
    return orjson.loads(gzip.decompress(DATA.read_bytes()))


@pytest.fixture(scope="module")
def subset(elements):
    """The 200 that are nearest to one of them in the middle of the span."""
    there = Sgp4Orbit(elements).positions_m(START_US + SPAN_S * 500_000)
    distance = np.linalg.norm(there - there[:, [4000]], axis=0)
    return Sgp4Orbit([elements[k] for k in np.argsort(distance)[:200]])


def by_every_pair(orbit: Sgp4Orbit) -> list[tuple[int, int, float, float]]:
    """(i, j, TCA in s, miss in m): distances of all pairs every second, then golden sections.

    In TEME and by sgp4 itself: a distance needs no frame.
    """
    satellites = orbit._satellites

    def places(seconds: np.ndarray) -> np.ndarray:
        _, km, _ = satellites.sgp4(np.full(len(seconds), START_JD), seconds / 86400)
        return km * 1000.0

    at = places(np.arange(-1.0, SPAN_S + 2))  # (N, T, 3)
    found = []
    for i in range(len(orbit)):
        distance = np.linalg.norm(at[i + 1 :] - at[i], axis=2)
        inner = distance[:, 1:-1]
        least = (inner <= distance[:, :-2]) & (inner < distance[:, 2:]) & (inner < MISS_M + 8_000)
        for row, k in np.argwhere(least):
            found.append((i, i + 1 + int(row), float(k)))
    refined = []
    for i, j, middle in found:
        low, high = middle - 1, middle + 1
        for _ in range(4):  # each a hundredth of the last: 1e-8 s
            seconds = np.linspace(low, high, 201)
            pair = places(seconds)[[i, j]]
            k = int(np.argmin(np.linalg.norm(pair[0] - pair[1], axis=1)))
            miss = float(np.linalg.norm(pair[0, k] - pair[1, k]))
            low, high = seconds[max(k - 1, 0)], seconds[min(k + 1, 200)]
        tca = (low + high) / 2
        if miss <= MISS_M and 0 <= tca < SPAN_S:
            refined.append((i, j, tca, miss))
    return sorted(refined)


def test_the_same_pairs_times_and_distances_as_all_pairs(subset):
    expected = by_every_pair(subset)
    assert len(expected) >= 10
    got = screen(subset.positions_m, START_US, SPAN_S, MISS_M)
    assert np.all(np.diff(got.tca_us) >= 0)
    rows = sorted(
        zip(
            got.first.tolist(),
            got.second.tolist(),
            ((got.tca_us - START_US) / 1e6).tolist(),
            got.miss_m.tolist(),
            strict=True,
        )
    )
    assert [row[:2] for row in rows] == [row[:2] for row in expected]
    for row, oracle in zip(rows, expected, strict=True):
        assert row[2] == pytest.approx(oracle[2], abs=1e-3)
        assert row[3] == pytest.approx(oracle[3], abs=0.02)


@pytest.mark.parametrize("step_us", [2_000_000, 5_000_000, 15_000_000])
def test_the_step_does_not_matter(subset, step_us):
    a = screen(subset.positions_m, START_US, SPAN_S, MISS_M)
    b = screen(subset.positions_m, START_US, SPAN_S, MISS_M, step_us)
    assert (a.first.tolist(), a.second.tolist()) == (b.first.tolist(), b.second.tolist())
    assert np.abs(a.tca_us - b.tca_us).max() <= 1000
    assert np.allclose(a.miss_m, b.miss_m, atol=0.01)


def test_spans_that_follow_one_another_find_what_one_span_finds(subset):
    whole = screen(subset.positions_m, START_US, SPAN_S, MISS_M)
    parts = [screen(subset.positions_m, START_US + k * 90_000_000, 90, MISS_M) for k in range(4)]
    assert sum(map(len, parts)) == len(whole)
    assert np.abs(np.concatenate([p.tca_us for p in parts]) - whole.tca_us).max() <= 1000


def test_the_relative_state_at_tca(subset):
    got = screen(subset.positions_m, START_US, SPAN_S, MISS_M)
    across = np.einsum("mi,mi->m", got.relative_position_m, got.relative_velocity_m_s)
    speed = np.linalg.norm(got.relative_velocity_m_s, axis=1)
    assert np.allclose(np.linalg.norm(got.relative_position_m, axis=1), got.miss_m)
    assert np.abs(across / (got.miss_m * speed)).max() < 1e-6
    k = int(np.argmin(got.miss_m))
    tca, pair = int(got.tca_us[k]), (int(got.first[k]), int(got.second[k]))
    before, after = (subset.positions_m(tca + dt)[:, pair] for dt in (-50_000, 50_000))
    velocity = ((after - before)[:, 1] - (after - before)[:, 0]) / 0.1
    assert np.allclose(velocity, got.relative_velocity_m_s[k], atol=0.1)


def test_the_whole_shell_in_seconds(elements):
    """7,483 satellites; two minutes take about 0.2 s here, all pairs would be 28 million."""
    orbit = Sgp4Orbit(elements)
    got = screen(orbit.positions_m, START_US, 120, 10_000.0)
    assert len(got) > 0 and np.all(got.first < got.second)
    assert np.all((got.tca_us >= START_US) & (got.tca_us < START_US + 120_000_000))
    assert START_US % DAY_US == 0


def circling(radius_m, phase, height_m=0.0, rate=1.1e-3):
    def positions_m(t_us):
        angle = rate * (t_us / 1e6) + np.asarray(phase)
        r = np.broadcast_to(radius_m, angle.shape)
        return np.stack([r * np.cos(angle), r * np.sin(angle), np.broadcast_to(height_m, r.shape)])

    return positions_m


def test_satellites_that_sgp4_gave_up_take_no_part():
    fleet = circling(7e6, [0.0, 1e-5, 1.0, 2.0])

    def astray(t_us):
        at = fleet(t_us)
        at[:, 2] = np.nan
        at[:, 3] = 1e16
        return at

    assert len(screen(astray, 0, 60, 1000.0)) == 0  # the two others keep their distance


def test_fleets_of_none_and_of_one():
    for count in (0, 1):
        assert len(screen(circling(7e6, np.zeros(count)), 0, 60, 1000.0)) == 0


@pytest.mark.parametrize(("span", "miss"), [(-1, 10), (np.nan, 10), (60, 0), (60, np.nan)])
def test_senseless_spans_and_distances(span, miss):
    with pytest.raises(ValueError, match="span"):
        screen(circling(7e6, [0.0, 1.0]), 0, span, miss)


@pytest.mark.parametrize("at_once", [1, 50, 10_000])
def test_cells_give_every_near_pair_once(monkeypatch, at_once):
    monkeypatch.setattr(screening, "PAIRS_AT_ONCE", at_once)
    place = np.random.default_rng(3).uniform(-1, 1, size=(3, 200))
    place[:, :20] = place[:, :1]  # some in one place
    got = [
        pair
        for i, j in pairs_in_neighbouring_cells(place, 0.3)
        for pair in zip(i.tolist(), j.tolist(), strict=True)
    ]
    assert len(got) == len(set(got))
    near = {
        (i, j)
        for i, j in combinations(range(200), 2)
        if np.linalg.norm(place[:, i] - place[:, j]) <= 0.3
    }
    assert near <= set(got)
    assert all(i < j for i, j in got)
