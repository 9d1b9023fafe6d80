"""Columns: quantised, saturating, and never mistaking a missing value for a number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbitwin.column import Column, storage_for


def column(storage: str, resolution: float = 0.01) -> Column:
    return Column("x", "V", resolution, storage, 0.0, 1.0, "")


@pytest.mark.parametrize("storage", ["uint8", "int8", "uint16", "int16", "uint32", "int32"])
def test_beyond_the_type_a_value_saturates_and_is_not_missing(storage: str) -> None:
    c = column(storage)
    codes = c.encode(np.array([1e30, -1e30, c.greatest * 1.5, c.least * 1.5 - 1]))
    assert not c.is_missing(codes).any()
    assert c.decode(codes).tolist() == pytest.approx([c.greatest, c.least, c.greatest, c.least])


@pytest.mark.parametrize("storage", ["uint8", "int16", "uint16", "int32", "float32"])
def test_what_is_no_finite_number_is_missing(storage: str) -> None:
    c = column(storage)
    codes = c.encode(np.array([np.nan, np.inf, -np.inf, 0.5]))
    assert c.is_missing(codes).tolist() == [True, True, True, False]
    assert np.isnan(c.decode(codes)[:3]).all()


@pytest.mark.parametrize("storage", ["uint8", "uint16", "uint32", "int16"])
def test_what_was_measured_never_becomes_another_value_that_can_be(storage: str) -> None:
    """FAULTS.md, D12: -W is impossible and so invalid; saturating it at 0 would make it sound."""
    c = column(storage)
    values = np.array([-1e30, -5.0, -0.004, 0.0, 1.0, 1e30, np.nan, np.inf])
    codes = c.encode_measured(values)
    impossible = c.is_missing(codes) | (codes < c.code_range[0]) | (codes > c.code_range[1])
    assert impossible.tolist() == [True, True, False, False, False, True, True, True]
    assert c.decode(codes)[2:5].tolist() == pytest.approx([0.0, 0.0, 1.0])


@given(st.floats(-300, 300), st.sampled_from(["int16", "int32"]))
def test_a_value_comes_back_within_half_a_step_and_then_stays(value: float, storage: str) -> None:
    c = column(storage)
    once = c.encode(np.array([value]))
    assert abs(float(c.decode(once)[0]) - value) <= 0.5 * c.resolution * 1.001
    assert c.encode(c.decode(once)).tolist() == once.tolist()


@given(st.integers(-(2**31) + 1, 2**31 - 1))
def test_32_bit_codes_lose_nothing_to_float32(code: int) -> None:
    c = column("int32", 0.1)
    assert c.encode(c.decode(np.array([code], dtype=np.int32))).tolist() == [code]


def test_storage_leaves_room_to_see_an_impossible_value() -> None:
    assert storage_for(0, 1, 1) == "uint8"
    assert storage_for(-100, 150, 0.01) == "int16"
    assert storage_for(0, 6000, 0.01) == "uint32"
    with pytest.raises(ValueError, match="coarser"):
        storage_for(0, 1e9, 1e-3)
