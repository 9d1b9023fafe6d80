"""Vehicle types: a file is all it takes, and a mistake in it is named with line and mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from orbitwin import catalogue
from orbitwin.errors import UsageError
from orbitwin.toml_source import SourceError

SMALL = """\
[vehicle]
name = "buoy"
title = "A thing that floats"

[packet.main]
period_s = 10.0

[parameter.cell_v]
packet = "main"
unit = "V"
resolution = 0.01
range = [0.0, 6.0]
description = "cell voltage"
limits = [
  { severity = "warning", below = 3.2, persistence = 2 },
  { severity = "critical", below = 2.8, context = "sunlit" },
]

[constant]
sun_v = 4.0

[quantity]
battery_cell_v = "cell_v"
sunlit = "cell_v > sun_v"
"""


def test_a_users_file_is_a_vehicle_type(tmp_path: Path) -> None:
    file = tmp_path / "buoy.toml"
    file.write_text(SMALL)
    vehicle = catalogue.load(file)
    assert vehicle.primary.name == "main"
    assert [on.limit.severity for on in vehicle.limits] == ["warning", "critical"]
    assert vehicle.parameters["cell_v"].storage == "uint16"
    assert set(vehicle.quantities) == {"battery_cell_v", "sunlit"}


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('packet = "main"', 'packet = "mian"', 9, "not declared; expected main"),
        ("resolution = 0.01", "resolution = 0", 11, "greater than 0"),
        ("resolution = 0.01", "resolutoin = 0.01", 11, "did you mean resolution"),
        ("range = [0.0, 6.0]", "range = [6.0, 0.0]", 12, "expected low < high"),
        ("range = [0.0, 6.0]", "range = [0.0, 6.0]\nstorage = 'int8'", 12, "does not fit int8"),
        ("range = [0.0, 6.0]", "range = [0.0, 6.0]\nstorage = 'i8'", 8, "expected one of uint8"),
        ('severity = "warning"', 'severity = "bad"', 15, "watch"),
        ("persistence = 2", "persistence = 40", 15, "less than or equal to 16"),
        ("below = 3.2", "below = 3.2, above = 1.0", 15, "below < above"),
        ('sunlit = "cell_v > sun_v"', "", 16, "sunlit to be defined"),
        ('"cell_v > sun_v"', '"cell_w > sun_v"', 24, "did you mean cell_v"),
        ('"cell_v > sun_v"', '"cell_v >"', 24, "cannot parse"),
        ('"cell_v > sun_v"', '"AVG(cell_v) > sun_v"', 24, "a row"),
        ('"cell_v > sun_v"', '"read_csv(cell_v)"', 24, "unsupported function"),
        ("battery_cell_v =", "batery_cell_v =", 23, "did you mean battery_cell_v"),
        ("[parameter.cell_v]", "[parameter.Cell]", 8, "lower case"),
        ("[parameter.cell_v]", "[parameter.severity]", 8, "choose another name"),
        ("[packet.main]", "[packet.tick]", 5, "not declared|cannot be the name"),
        ("[vehicle]", "[vehicle", 1, "not TOML"),
        ('title = "A thing that floats"', "", 1, "title"),
    ],
)
def test_a_mistake_names_file_line_and_what_was_expected(
    old: str, new: str, line: int, words: str
) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        catalogue.loads(SMALL.replace(old, new, 1), "buoy.toml")
    assert caught.value.file == "buoy.toml"
    # A packet that is renamed is missed where it is used.
    assert caught.value.line == (9 if new == "[packet.tick]" else line)


def test_an_unknown_vehicle_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean birds3"):
        catalogue.load("birds-3")


def test_the_fast_packet_stays_within_44_bytes() -> None:
    """Only what a state needs every second travels every second (design budget: 44 B)."""
    assert catalogue.load("odc").packets["fast"].bytes_per_row <= 44


@pytest.mark.parametrize("name", sorted(catalogue.shipped()))
def test_shipped_vehicles_leave_no_range_outside_their_storage(name: str) -> None:
    for column in catalogue.load(name).parameters.values():
        assert column.least <= column.low < column.high <= column.greatest, column.name
        assert column.description
