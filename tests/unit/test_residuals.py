"""Learning and judging against the textbooks: Kalman, Page and Siegmund."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from processors.model.relations import NEVER_STUCK, Look, Relations, look, relations, stuck_windows
from processors.model.residuals import DECISION, SLACK, Judged, Memory, cusum, estimate, judge
from tests.heater import HEATER

DAY_S = 86_400.0
RELATIONS = relations(HEATER, {})
NAMES = [c.name for c in RELATIONS.channels]


def only(name: str) -> Relations:
    """The test vehicle with a single channel."""
    channel = HEATER.channels[NAMES.index(name)]
    return Relations((channel,), (0,) if channel.learns else (), (None,), ((),), {})


class One:
    """One channel fed with (measured, slope, own sigma) of N satellites, window by window."""

    def __init__(self, name: str, rows: int) -> None:
        self.relations = only(name)
        self.memory = Memory.empty(self.relations, rows)
        self.rows = rows

    def window(
        self, measured: np.ndarray, slope: np.ndarray | float, sigma: float, dt_s: float = 10.0
    ) -> Judged:
        def whole(value: np.ndarray | float) -> np.ndarray:
            return np.array(np.broadcast_to(value, self.rows), dtype=np.float32)

        seen = Look([whole(measured)], [whole(0)], [whole(slope)], [whole(sigma**2)], [None], [{}])
        may = np.ones(self.rows, dtype=bool)
        (one,) = judge(self.relations, self.memory, slice(0, self.rows), seen, whole(dt_s), [may])
        return one


# --- the Kalman filter ---------------------------------------------------------------------------


def test_theta_follows_the_scalar_kalman_filter_of_the_textbook() -> None:
    """Bar-Shalom, Li & Kirubarajan (2001), table 5.2.4-1, for x' = x + v, z = H x + w."""
    rng = np.random.default_rng(0)
    one = One("plate_degc", 1)
    channel = one.relations.channels[0]
    x, p = channel.nominal, channel.spread**2
    for _ in range(200):
        h, r = rng.uniform(400, 600), 0.5
        z = 0.05 * h + rng.normal(0, r)
        p_predicted = p + channel.drift_per_day**2 / DAY_S * 10.0
        s = h * p_predicted * h + r * r
        w = p_predicted * h / s
        nu = z - h * x
        got = one.window(np.array([z]), h, r)
        assert got.z[0] == pytest.approx(nu / np.sqrt(s), rel=2e-3, abs=2e-4)
        x, p = x + w * nu, p_predicted - w * s * w
        assert one.memory.theta[0, 0] == pytest.approx(x, rel=1e-5)
        assert one.memory.variance[0, 0] == pytest.approx(p, rel=1e-3)


def test_innovations_are_consistent_from_the_first_window_on() -> None:
    """The NIS test of Bar-Shalom sec. 5.4.2: z^2 within its 95 % band, 93 to 97 % of the time."""
    rng = np.random.default_rng(1)
    rows, windows, sigma = 500, 300, 0.5
    one = One("plate_degc", rows)
    channel = one.relations.channels[0]
    theta = rng.normal(channel.nominal, channel.spread, rows)
    within, first = [], None
    for _ in range(windows):
        h = rng.uniform(300, 600)
        theta += rng.normal(0, channel.drift_per_day * np.sqrt(10 / DAY_S), rows)
        got = one.window(theta * h + rng.normal(0, sigma, rows), h, sigma)
        within.append(np.mean(got.z**2 < 3.841))
        first = within[0] if first is None else first
    assert 0.93 < np.mean(within) < 0.97
    assert first is not None and 0.91 < first < 0.985
    error = (one.memory.theta[0] - theta) / np.sqrt(one.memory.variance[0])
    assert np.std(error) == pytest.approx(1, abs=0.15)


def test_a_drifting_theta_is_recovered_within_5_percent() -> None:
    """Its own drift is within what the file allows: 10 % a day here, followed for 12 hours."""
    rng = np.random.default_rng(2)
    rows = 100
    one = One("battery_v", rows)
    for window in range(4320):
        theta = 0.2 * (1 + 0.1 * window * 10 / DAY_S)
        amps = 10 * np.cos(window / 30)
        one.window(theta * amps + rng.normal(0, 0.02, rows), amps, 0.02)
    value, sigma = estimate(one.memory, 0, 0, slice(0, rows))
    assert np.all(np.abs(value / theta - 1) < 0.05)
    assert np.abs(np.mean(value) / theta - 1) < 0.01
    assert np.all(sigma < 0.05 * theta)


def test_a_fault_is_not_learnt_but_the_estimate_follows_it() -> None:
    rng = np.random.default_rng(3)
    rows = 50
    one = One("plate_degc", rows)
    for window in range(400):
        theta = 0.05 if window < 200 else 0.06
        got = one.window(theta * 500 + rng.normal(0, 0.5, rows), 500, 0.5)
        if window == 199:
            learnt = one.memory.theta[0].copy()
            assert learnt == pytest.approx(0.05, abs=5e-4)
    assert one.memory.theta[0] == pytest.approx(learnt, abs=1e-6)
    assert one.memory.alarm[0].all() and np.abs(got.z).min() > 5
    value, sigma = estimate(one.memory, 0, 0, slice(0, rows))
    assert np.all(np.abs(value / 0.06 - 1) < 0.05)
    assert np.std((value - 0.06) / sigma) == pytest.approx(1, abs=0.35)


def test_a_gap_widens_sigma_and_raises_nothing() -> None:
    one = One("plate_degc", 1)
    for _ in range(100):
        before = one.window(np.array([25.0]), 500, 0.1)
    sure = one.memory.variance[0, 0]
    after = one.window(np.array([25.0]), 500, 0.1, dt_s=10 * DAY_S)
    assert after.sigma[0] > 3 * before.sigma[0] and not after.raised.any()
    one.window(np.array([np.nan]), 500, 0.1, dt_s=DAY_S)
    assert one.memory.variance[0, 0] > 10 * sure
    assert one.memory.unjudged[0, 0] == 1 and not one.memory.alarm.any()


# --- the CUSUM -----------------------------------------------------------------------------------


def run_lengths(rng: np.random.Generator, k: float, h: float, shift: float, runs: int) -> float:
    """Mean windows until one side reaches h, of white noise about `shift`."""
    total = np.zeros(runs, dtype=np.float32)
    lengths = np.zeros(runs)
    running = np.ones(runs, dtype=bool)
    for window in range(1, 20_000):
        total = cusum(total, rng.normal(shift, 1, runs).astype(np.float32), k, np.inf)
        ends = running & (total >= h)
        lengths[ends] = window
        running &= ~ends
        if not running.any():
            break
    return float(lengths[~running].mean())


@pytest.mark.parametrize(("k", "h", "shift"), [(0.5, 3.0, 0.0), (0.5, 4.0, 0.0), (0.5, 4.0, 0.5)])
def test_run_lengths_are_those_of_siegmund(k: float, h: float, shift: float) -> None:
    """Siegmund (1985): (exp(-2 D b) + 2 D b - 1) / (2 D^2), D = shift - k, b = h + 1.166."""
    delta, b = shift - k, h + 1.166
    want = b * b if delta == 0 else (np.exp(-2 * delta * b) + 2 * delta * b - 1) / (2 * delta**2)
    got = run_lengths(np.random.default_rng(4), k, h, shift, 1000)
    assert got == pytest.approx(want, rel=0.12)


def test_false_alarms_are_rarer_than_one_a_satellite_month() -> None:
    b = DECISION + 1.166
    windows = (np.exp(2 * SLACK * b) - 1 - 2 * SLACK * b) / (2 * SLACK**2)
    channels, sides, a_month = 40, 2, 30 * 8640
    assert windows / (channels * sides) > 1000 * a_month


def test_no_alarm_in_a_million_windows_of_white_noise() -> None:
    rng = np.random.default_rng(5)
    rows = 5000
    one = One("heater_w", rows)
    for _ in range(200):
        one.window(rng.normal(0, 1, rows), 0, 1.0)
    assert not one.memory.alarm.any()
    assert one.memory.up.max() < DECISION


def test_a_step_of_three_sigma_is_found_when_it_should_be() -> None:
    """(h + 1.166) / (3 - k) windows by Siegmund; CLIP cuts a few of the largest off."""
    rng = np.random.default_rng(6)
    rows = 2000
    one = One("heater_w", rows)
    found = np.zeros(rows)
    for window in range(1, 40):
        got = one.window(rng.normal(3, 1, rows), 0, 1.0)
        found[got.raised & (found == 0)] = window
    assert (found > 0).all()
    assert found.mean() == pytest.approx((DECISION + 1.166) / (3 - SLACK), rel=0.15)


def test_an_alarm_ends_when_the_fault_does_and_one_wild_window_is_none() -> None:
    one = One("heater_w", 1)
    far = [50.0, *[0.0] * 16, -50.0, 0.0, 50.0]
    raised = [bool(one.window(np.array([z]), 0, 1.0).raised[0]) for z in far]
    assert raised == [False] * (len(far) - 1) + [True]  # two so far off within 16 are one
    one = One("heater_w", 1)
    for _ in range(6):
        one.window(np.array([6.0]), 0, 1.0)
    assert one.memory.alarm[0, 0]
    cleared = [bool(one.window(np.array([0.0]), 0, 1.0).cleared[0]) for _ in range(40)]
    assert sum(cleared) == 1 and not one.memory.alarm[0, 0]
    assert 15 <= cleared.index(True) < 26


def test_the_end_of_a_large_shift_is_believed_sooner_than_that_of_a_small_one() -> None:
    """At half of the shift a window: the CUSUM that is optimal for it (Page 1954)."""
    takes = []
    for shift in (1.5, 4.0):
        one = One("heater_w", 1)
        (channel,) = one.relations.channels
        one.relations = replace(one.relations, channels=(replace(channel, slack=0.3),))
        for _ in range(200):
            one.window(np.array([shift]), 0, 1.0)
        assert one.memory.alarm[0, 0] and one.memory.up[0, 0] == 2 * DECISION
        assert one.memory.shift[0, 0] == pytest.approx(shift, rel=0.01)
        takes.append([bool(one.window(np.array([0.0]), 0, 1.0).cleared[0]) for _ in range(90)])
    small, large = (one.index(True) for one in takes)
    assert 2 * DECISION / (1.5 / 2) < small < 2 * DECISION / 0.3
    assert 2 * DECISION / (4.0 / 2) < large < small / 2


def test_a_channel_of_more_slack_bears_a_larger_shift() -> None:
    alarms = []
    for slack in (1.0, 3.0):
        one = One("heater_w", 1)
        (channel,) = one.relations.channels
        one.relations = replace(one.relations, channels=(replace(channel, slack=slack),))
        for _ in range(100):
            one.window(np.array([2.5]), 0, 1.0)
        alarms.append(bool(one.memory.alarm[0, 0]))
    assert alarms == [True, False]


def test_wild_windows_of_either_sign_are_an_alarm() -> None:
    one = One("heater_w", 1)
    raised = [bool(one.window(np.array([z]), 0, 1.0).raised[0]) for z in (9.0, -9.0, 9.0, -9.0)]
    assert raised == [False, False, False, True]


# --- noise of what is measured -------------------------------------------------------------------


def columns_of(rows: int) -> dict[str, np.ndarray | float]:
    rng = np.random.default_rng(7)
    found: dict[str, np.ndarray | float] = {
        n: rng.uniform(1, 30, rows).astype(np.float32) for n in RELATIONS.names
    }
    return found | {"sink_degc": 10.0, "wall_k_w": 0.02, "on": np.ones(rows, np.float32)}


def test_noise_of_the_parts_adds_up_as_the_derivatives_say() -> None:
    """GUM (JCGM 100), eq. 10, worked out by hand: heater_w - bus_v heater_a."""
    rows = 20
    columns = columns_of(rows)
    theta = [np.full(rows, c.nominal) for c in RELATIONS.channels]
    shares = dict.fromkeys(HEATER.parameters, np.full(rows, 0.1, dtype=np.float32))
    seen = look(RELATIONS, columns, theta, shares, rows)
    c = NAMES.index("heater_w")
    volts, amps = np.asarray(columns["bus_v"]), np.asarray(columns["heater_a"])

    def reading(noise: float, resolution: float) -> float:
        return noise**2 + resolution**2 / 12

    want = reading(0.5, 0.1) + amps**2 * reading(0.02, 0.01) + volts**2 * reading(0.01, 0.005)
    assert seen.variance[c] == pytest.approx(0.1**2 + 0.1 * want, rel=1e-3)
    assert seen.derivative[c]["bus_v"] == pytest.approx(-amps, rel=1e-3)
    plate = NAMES.index("plate_degc")
    assert seen.derivative[plate]["heater_w"] == pytest.approx(-0.05, rel=1e-3)
    warming = NAMES.index("warming_k")
    assert seen.derivative[warming]["wall_degc_before"] == pytest.approx(-1, rel=1e-3)
    # a window before of one sample, this one of ten
    wall = reading(0.1, 0.01) * (1 + 0.1) + 0.02**2 * reading(0.5, 0.1) * (1 + 0.1)
    assert seen.variance[warming] == pytest.approx(wall, rel=1e-3)


def test_what_is_unknown_or_does_not_hold_is_not_judged() -> None:
    rows = 4
    columns = columns_of(rows)
    columns["wall_degc"] = np.array([20, np.nan, 20, 20], np.float32)
    columns["on"] = np.array([1, 1, 0, np.nan], np.float32)
    memory = Memory.empty(RELATIONS, rows)
    theta = [np.full(rows, c.nominal) for c in RELATIONS.channels]
    seen = look(RELATIONS, columns, theta, {}, rows)
    may = [np.ones(rows, dtype=bool)] * len(NAMES)
    judge(RELATIONS, memory, slice(0, rows), seen, np.full(rows, 10, np.float32), may)
    waited = memory.unjudged[NAMES.index("plate_degc")]
    assert (waited == 0).tolist() == [True, False, False, False]
    assert (memory.unjudged[NAMES.index("heater_w")] == 0).all()


@pytest.mark.parametrize(("noise", "resolution"), [(0.5, 0.1), (0.1, 0.1), (2.0, 0.1)])
def test_healthy_sensors_seldom_repeat_a_sum(noise: float, resolution: float) -> None:
    rng = np.random.default_rng(8)
    needed = stuck_windows(noise, resolution, 10)
    readings = np.rint(rng.normal(20, noise, (100_000, 10)) / resolution)
    sums = readings.sum(axis=1)
    chance = float(np.mean(np.diff(sums) == 0))
    assert chance**needed < 1e-8
    assert 5 <= needed <= 12


def test_a_sensor_whose_noise_is_below_its_resolution_is_never_called_stuck() -> None:
    assert stuck_windows(0.01, 0.1, 10) == NEVER_STUCK
