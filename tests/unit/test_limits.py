"""Limits, persistence (ECSS-E-ST-70-41C, service 12) and their context."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin import catalogue
from processors.derived.columns import ECLIPSE, SUNLIT, UNKNOWN
from processors.limits import checks_of, persisting, severities, violated
from tests.processing import ODC

CHECKS = {(c.column.name, c.severity): c for c in checks_of(ODC)}


def masks(*bits: str) -> np.ndarray:
    return np.array([int(b, 2) for b in bits], dtype=np.uint16)


def test_persistence_needs_the_newest_known_samples_to_violate() -> None:
    #              newest sample is the right-most bit
    known = masks("111", "111", "101", "11", "1011", "0111")
    wrong = masks("111", "110", "101", "11", "1011", "0011")
    assert persisting(known, wrong, 1).tolist() == [True, False, True, True, True, True]
    assert persisting(known, wrong, 2).tolist() == [True, False, True, True, True, True]
    assert persisting(known, wrong, 3).tolist() == [True, False, False, False, True, False]


def brute(known: int, wrong: int, persistence: int) -> bool:
    newest = [bool(wrong >> i & 1) for i in range(16) if known >> i & 1][:persistence]
    return len(newest) == persistence and all(newest)


@pytest.mark.parametrize("persistence", [1, 2, 3, 5, 16])
def test_persistence_agrees_with_its_definition(persistence: int) -> None:
    rng = np.random.default_rng(persistence)
    known = rng.integers(0, 2**16, 4000).astype(np.uint16) | 1
    wrong = (known & (rng.integers(0, 2**16, 4000) | rng.integers(0, 2**16, 4000))).astype("u2")
    known[0] = wrong[0] = 0xFFFF
    want = [brute(int(k), int(w), persistence) for k, w in zip(known, wrong, strict=True)]
    assert persisting(known, wrong, persistence).tolist() == want


def test_limits_on_codes_agree_with_limits_on_values() -> None:
    rng = np.random.default_rng(1)
    for check in checks_of(ODC):
        column = check.column
        low, high = max(column.low, -300.0), min(column.high, 3000.0)
        codes = column.encode(rng.uniform(low, high, 5000))
        values = np.round(codes.astype(np.float64) * column.resolution, 9)
        want = np.zeros(5000, dtype=bool)
        if check.below is not None:
            want |= values < check.below
        if check.above is not None:
            want |= values > check.above
        got = violated(check, codes, np.full(5000, SUNLIT, dtype=np.int8))
        assert np.array_equal(got, want), column.name


def test_the_bound_itself_is_no_violation_and_neither_is_no_value() -> None:
    check = CHECKS["state_of_charge_ratio", 2]
    codes = check.column.encode(np.array([0.5, 0.4999, np.nan]))
    assert violated(check, codes, np.zeros(3, np.int8)).tolist() == [False, True, False]


def test_a_limit_holds_in_its_context_only() -> None:
    check = CHECKS["power_margin_w", 2]
    codes = check.column.encode(np.full(3, -100.0))
    where = np.array([SUNLIT, ECLIPSE, UNKNOWN], dtype=np.int8)
    assert violated(check, codes, where).tolist() == [True, False, False]


def test_the_severity_is_the_worst_limit_that_is_met() -> None:
    checks = tuple(c for c in checks_of(ODC) if c.column.name == "chip_max_t_degc")
    warning, critical = checks  # persistence 3 and 2
    known = masks("111", "111", "11")
    histories = {
        warning.number: masks("111", "111", "11"),
        critical.number: masks("011", "001", "01"),
    }
    got = severities(checks, known, histories)
    want = [catalogue.SEVERITIES.index(s) for s in ("critical", "warning", "normal")]
    assert got["chip_max_t_degc"].tolist() == want


def test_unsigned_columns_whose_missing_code_is_their_greatest() -> None:
    check = CHECKS["fec_ratio", 2]
    codes = check.column.encode(np.array([0.8, 0.8001, np.nan, 4.0]))
    assert violated(check, codes, np.zeros(4, np.int8)).tolist() == [False, True, False, True]
