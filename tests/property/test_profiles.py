"""Bad numbers in every shipped profile, and what its satellites measure on the way to integers."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from orbitwin import catalogue, profile
from orbitwin.column import Column
from orbitwin.faults import FAULTS, SENSOR_FAULTS
from orbitwin.layout import scaled
from orbitwin.profile import Profile
from orbitwin.scenario import Fault, Scenario
from orbitwin.toml_source import SourceError
from producers.faults import FaultField
from producers.faults.sensors import sensors_of
from producers.truth import Truth

SHIPPED = profile.shipped()
BAD = ("0", "-1", "nan", "inf", "-inf", "1e308", "-1e308", '"text"', "true", "[]", "{}")
NUMBER = re.compile(r"(?<![\w.:-])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w:.-])")
STRING = re.compile(r'"[^"]*"')


def numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where the numbers of a TOML text stand, but for those in words, times and comments."""
    at = 0
    for line in text.splitlines(keepends=True):
        said = STRING.sub(lambda found: "_" * len(found[0]), line.partition("#")[0])
        for found in NUMBER.finditer(said):
            yield at + found.start(), at + found.end()
        at += len(line)


@cache
def places(name: str) -> list[tuple[int, int]]:
    return list(numbers(SHIPPED[name].read_text(encoding="utf-8")))


def loaded(text: str) -> Profile | SourceError:
    """The profile of a text, or the one error that is allowed; its line is within the text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.toml"
        path.write_text(text, encoding="utf-8")
        try:
            return profile.load(path)
        except SourceError as error:
            assert error.file == str(path)
            assert 1 <= error.line <= text.count("\n")
            told = str(error)
            assert told.startswith(f"{path}:{error.line}: ") and "\n" not in told
            assert "Traceback" not in told and "pydantic" not in told
            return error


@pytest.mark.parametrize("name", SHIPPED)
def test_the_numbers_of_a_profile_are_found(name: str) -> None:
    """At least those that make up the satellite: without them nothing below would be replaced."""
    assert len(places(name)) > len(profile.load(name).parameters)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_bad_number_is_a_valid_profile_or_one_clear_error(name: str) -> None:
    """In place of every number of every profile; the same number of two has two bad ones."""
    text = SHIPPED[name].read_text(encoding="utf-8")
    for turn, (low, high) in enumerate(places(name), start=list(SHIPPED).index(name)):
        bad = BAD[turn % len(BAD)]
        found = loaded(text[:low] + bad + text[high:])
        if isinstance(found, Profile):
            for nominal in found.nominals:  # what the twin computes with
                assert nominal.numbers
            assert len(scaled(found, 3)[0]) == 3
        else:
            line = text.count("\n", 0, low) + 1
            assert found.line <= line  # the line itself, or the table whose rule it breaks


def test_a_lattice_too_wide_to_be_a_formation_is_refused() -> None:
    """Hill's equations are linear: 81 members 20 km apart reach 102 km, of 70 km at 650 km."""
    text = SHIPPED["suncatcher_81"].read_text(encoding="utf-8")
    found = loaded(text.replace("pitch_m = 200.0", "pitch_m = 20e3"))
    assert isinstance(found, SourceError) and "is no formation: 70 km is the most" in str(found)


@pytest.mark.parametrize("bad", ["nan", "inf", '"text"', "[]"])
def test_what_is_no_number_is_never_taken_for_one(bad: str) -> None:
    """In place of any number of the Suncatcher."""
    text = SHIPPED["suncatcher_81"].read_text(encoding="utf-8")
    taken = [
        text[text.rindex("\n", 0, low) + 1 : high]
        for low, high in places("suncatcher_81")
        if isinstance(loaded(text[:low] + bad + text[high:]), Profile)
    ]
    assert taken == []


# --- on the way to integers ----------------------------------------------------------------------

COLUMNS = [
    column
    for name in dict.fromkeys(profile.load(name).vehicle for name in SHIPPED)
    for column in catalogue.load(name).parameters.values()
]
ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True, width=32)


def assert_saturates(column: Column, values: np.ndarray) -> None:
    """Codes are the nearest there are: none wraps, and only what is no number is missing."""
    with np.errstate(over="ignore"):
        codes = column.encode(values)
    assert codes.dtype == column.dtype and codes.shape == values.shape
    finite = np.isfinite(values)
    assert np.array_equal(~column.is_missing(codes), finite), column.name
    if column.dtype.kind == "f" or not finite.any():
        return
    true = np.clip(values[finite].astype(np.float64), column.least, column.greatest)
    got = codes[finite].astype(np.float64) * column.resolution
    room = column.resolution * 0.501 + np.abs(true) * 2e-7  # float32 holds 24 bits
    assert (np.abs(got - true) <= room).all(), (column.name, values[finite], got)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
@settings(max_examples=20)
@given(values=hnp.arrays(np.float32, st.integers(1, 8), elements=ANY_FLOAT))
@example(values=np.array([3.4e38, -3.4e38, np.inf, -np.inf, np.nan, 0.0], np.float32))
def test_any_value_saturates_and_never_wraps(column: Column, values: np.ndarray) -> None:
    assert_saturates(column, values)
    span = column.high - column.low
    ends = [column.low, column.high, column.low - span, column.high + span]
    if np.isfinite(ends).all():
        assert_saturates(column, np.array(ends))
        codes = column.encode(np.array(sorted(ends)))
        assert (np.diff(codes.astype(np.float64)) >= 0).all()


def worst_of(name: str) -> Iterator[tuple[Column, np.ndarray]]:
    """What a small fleet measures through an orbit, every second satellite with a grave fault."""
    found = profile.load(name)
    vehicle = catalogue.load(found.vehicle)
    layout, orbit = scaled(found, 2 * len(FAULTS))
    faults = tuple(
        Fault(
            name=fault,
            sat=int(layout.sat_id[2 * number]),
            at_s=100,
            severity=1,
            parameter="chip_max_t_degc" if fault in SENSOR_FAULTS else None,
        )
        for number, fault in enumerate(FAULTS)
    )
    field = FaultField(
        Scenario(faults),
        layout.sat_id,
        1,
        found.epoch_us,
        sensors=sensors_of(vehicle, found.noise),
    )
    truth = Truth(found, seed=1, t0_us=found.epoch_us, orbit=orbit, layout=layout, faults=field)
    for second in (1, 130, 600, 1_800, 3_000, 4_200, 5_400):
        for parameter, values in truth.advance(found.epoch_us + second * 1_000_000).items():
            yield vehicle.parameters[parameter], values


@pytest.mark.parametrize("name", SHIPPED)
def test_what_the_worst_satellites_measure_travels_as_it_is(name: str) -> None:
    """Every fault at its gravest: nothing that is no number, nothing that the codes cut off."""
    for column, values in worst_of(name):
        assert np.isfinite(values).all(), column.name
        assert_saturates(column, values)
        assert (values >= column.least - column.resolution).all(), (column.name, values.min())
        assert (values <= column.greatest + column.resolution).all(), (column.name, values.max())


@pytest.mark.parametrize(
    "name",
    list(SHIPPED),
)
def test_no_fault_makes_a_measurement_that_counts_as_impossible(name: str) -> None:
    for column, values in worst_of(name):
        room = column.resolution / 2
        assert (values >= column.low - room).all(), (column.name, values.min())
        assert (values <= column.high + room).all(), (column.name, values.max())
