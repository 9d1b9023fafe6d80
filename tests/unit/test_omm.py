"""Orbit elements in every format of CCSDS 502.0-B-3, catalogue numbers of any size, bad input."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from orbitwin.errors import UsageError
from orbitwin.physics.sgp4_batch import Sgp4Orbit
from producers import omm
from producers.ephemeris import fleet_name, shell_of
from producers.omm import read_catalogue

DATA = Path(__file__).parents[1] / "data"
SAMPLE: list[dict[str, Any]] = orjson.loads((DATA / "starlink_omm_sample.json").read_bytes())
BIG_ID = 9_100_000_000_001  # beyond SGP4's own field, and beyond 32 bits
META = ("OBJECT_NAME", "OBJECT_ID")
MEAN = (
    "EPOCH", "MEAN_MOTION", "ECCENTRICITY", "INCLINATION", "RA_OF_ASC_NODE", "ARG_OF_PERICENTER",
    "MEAN_ANOMALY",
)  # fmt: skip


def elements(count: int = 3) -> list[dict[str, Any]]:
    found = [dict(fields) for fields in SAMPLE[:count]]
    found[-1]["NORAD_CAT_ID"] = BIG_ID
    return found


def as_json(sets: list[dict[str, Any]]) -> bytes:
    return orjson.dumps(sets)


def as_csv(sets: list[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(sets[0]))
    writer.writeheader()
    writer.writerows(sets)
    return out.getvalue().encode()


def as_xml(sets: list[dict[str, Any]]) -> bytes:
    def tags(fields: dict[str, Any], names: Any) -> str:
        return "".join(f"<{n}>{fields[n]}</{n}>" for n in names if n in fields)

    messages = "".join(
        '<omm id="CCSDS_OMM_VERS" version="3.0"><body><segment>'
        f"<metadata>{tags(f, META)}<CENTER_NAME>EARTH</CENTER_NAME></metadata>"
        f"<data><meanElements>{tags(f, MEAN)}</meanElements>"
        f"<tleParameters>{tags(f, [n for n in f if n not in (*META, *MEAN)])}</tleParameters>"
        "</data></segment></body></omm>"
        for f in sets
    )
    return f'<?xml version="1.0"?><ndm xmlns="urn:ccsds:schema:ndmxml">{messages}</ndm>'.encode()


def as_kvn(sets: list[dict[str, Any]]) -> bytes:
    lines = []
    for fields in sets:
        lines += ["CCSDS_OMM_VERS = 3.0", "COMMENT made for a test", "CREATION_DATE = 2025-05-25"]
        for name, value in fields.items():
            unit = " [deg]" if name == "INCLINATION" else ""
            lines.append(f"{name:20} = {value}{unit}")
        lines.append("")
    return "\n".join(lines).encode()


FORMATS = {"json": as_json, "csv": as_csv, "xml": as_xml, "kvn": as_kvn}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_same_satellites(tmp_path: Path, form: str, packed: bool) -> None:
    data = FORMATS[form](elements())
    path = tmp_path / (f"x.{form}.gz" if packed else f"x.{form}")
    path.write_bytes(gzip.compress(data) if packed else data)
    found = read_catalogue([path])
    assert found.broken == []
    orbit, wanted = Sgp4Orbit(found.elements), Sgp4Orbit(elements())
    assert orbit.sat_id.tolist() == [SAMPLE[0]["NORAD_CAT_ID"], SAMPLE[1]["NORAD_CAT_ID"], BIG_ID]
    assert orbit.name == wanted.name
    t_us = int(wanted.epoch_us[0])
    np.testing.assert_array_equal(orbit.positions_m(t_us), wanted.positions_m(t_us))


def test_the_whole_starlink_catalogue() -> None:
    found = read_catalogue([DATA / "starlink-omm-2025-05-25.json.gz"])
    assert len(found.elements) == 7_483
    assert not found.broken
    assert not found.duplicates
    assert len({shell_of(f) for f in found.elements}) < 100


def test_the_newest_of_duplicates_is_kept(tmp_path: Path) -> None:
    older, newer = dict(SAMPLE[0]), dict(SAMPLE[0])
    newer["EPOCH"] = "2025-05-26T00:00:00"
    path = tmp_path / "x.json"
    path.write_bytes(as_json([older, newer, older]))
    found = read_catalogue([path])
    assert [f["EPOCH"] for f in found.elements] == ["2025-05-26T00:00:00"]
    assert len(found.duplicates) == 2
    assert found.duplicates[0] == f"x.json, entry 1: another of {SAMPLE[0]['NORAD_CAT_ID']}"


@pytest.mark.parametrize(
    ("form", "where"), [("json", "entry 1"), ("csv", "line 3"), ("xml", "entry 1")]
)
def test_a_broken_entry_is_named_and_left_out(
    tmp_path: Path, form: str, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = elements()
    sets[1]["MEAN_MOTION"] = "fast"
    path = tmp_path / f"x.{form}"
    path.write_bytes(FORMATS[form](sets))
    found = read_catalogue([path])
    assert len(found.elements) == 2
    assert len(found.broken) == 1
    assert found.broken[0].startswith(f"x.{form}, {where}: element set of {sets[1]['OBJECT_NAME']}")
    said = capsys.readouterr()
    assert "1 left out" in said.out + said.err


@pytest.mark.parametrize(
    "wrong",
    [
        {"EPOCH": "yesterday"},
        {"EPOCH": None},
        {"NORAD_CAT_ID": "x"},
        {"ECCENTRICITY": 1.5},
        {"MEAN_MOTION": 0},
        {"MEAN_MOTION": float("nan")},
        {"INCLINATION": ""},
    ],
)
def test_elements_that_cannot_be(tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(as_csv([SAMPLE[0], SAMPLE[1] | wrong]))
    found = read_catalogue([path])
    assert (len(found.elements), len(found.broken)) == (1, 1)


LINES = (
    "1 25544U 98067A   25145.50000000  .00016717  00000-0  10270-3 0  9009\n"
    "2 25544  51.6400 208.9163 0006703  35.6028  75.3281 15.49560000000000\n"
)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"hello", "is no OMM file"),
        (("ISS\n" + LINES).encode(), "two-line elements"),
        (b"[", "is not JSON"),
        (b"[]", "no usable orbit elements"),
        (b"[1]", "entry 0: expected an object"),
        (b"<ndm><omm></ndm>", "entry 0: not XML"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><ndm/>', "declares entities"),
        (gzip.compress(b"[]" * 1000, mtime=0)[:-20], "no whole gzip file"),
        (b"OBJECT_NAME,NORAD_CAT_ID\nA,1\n", "is missing"),
    ],
)
def test_bad_files(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(UsageError) as error:
        read_catalogue([path])
    assert says in error.value.message
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 2


def test_a_gzip_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(omm, "MAX_UNPACKED_BYTES", 1_000_000)
    (tmp_path / "x.gz").write_bytes(gzip.compress(b" " * 2_000_000))
    with pytest.raises(UsageError, match="unpacks to more than"):
        read_catalogue([tmp_path / "x.gz"])


def test_shell_and_fleet_names() -> None:
    iss = {"MEAN_MOTION": 15.5, "INCLINATION": 51.64}
    assert shell_of(iss) == "52deg-420km"  # 15.5 revolutions a day: 6,795 km from the centre
    assert fleet_name(Path("starlink-omm-2025-05-25.json.gz")) == "starlink_omm"
    assert fleet_name(Path("2025-05-25.csv")) == "ephemeris"


def one(tmp_path: Path, **changed: Any) -> omm.Catalogue:
    """A sound element set, and one with some of its fields changed."""
    path = tmp_path / "changed.json"
    path.write_bytes(as_json([SAMPLE[1], SAMPLE[0] | changed]))
    return read_catalogue([path])


@pytest.mark.parametrize(
    ("number", "said"), [("T0001", 270001), ("Z9999", 339999), ("A0000", 100000)]
)
def test_alpha_5_against_space_track(tmp_path: Path, number: str, said: int) -> None:
    """The pairs that Space-Track's page on Alpha-5 gives; I and O are no letters of it."""
    assert Sgp4Orbit(one(tmp_path, NORAD_CAT_ID=number).elements).sat_id.tolist()[1] == said
    (broken,) = one(tmp_path, NORAD_CAT_ID="I0001").broken
    assert "NORAD_CAT_ID: expected a whole number of up to 63 bits, got 'I0001'" in broken


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("NORAD_CAT_ID", 2**63, "a whole number of up to 63 bits"),
        ("NORAD_CAT_ID", -1, "a whole number of up to 63 bits"),
        ("MEAN_MOTION", -3, "revolutions a day, above 0"),
        ("MEAN_MOTION", 0, "revolutions a day, above 0"),
        ("ECCENTRICITY", 1, "0 to less than 1"),
        ("INCLINATION", 999, "degrees, 0 to 180"),
        ("MEAN_ANOMALY", "east", "degrees, -360 to 360"),
        ("BSTAR", "inf", "a finite number"),
        ("EPOCH", "2025-05-24T25:00:00", "a UTC time"),
        ("EPOCH", "2025-366T00:00:00", "a UTC time"),
    ],
)
def test_a_field_that_cannot_be_is_named(
    tmp_path: Path, field: str, value: Any, expected: str
) -> None:
    found = one(tmp_path, **{field: value})
    assert len(found.elements) == 1
    (broken,) = found.broken
    assert f"{field}: expected {expected}" in broken and repr(str(value)) in broken


@pytest.mark.parametrize(
    "epoch",
    ["2025-05-24T18:20:22.669728Z", "2025-144T18:20:22.669728", "2025-05-24T20:20:22.669728+02:00"],
)
def test_epochs_as_ccsds_502_writes_them(tmp_path: Path, epoch: str) -> None:
    """CCSDS 502.0-B-3, 7.5.10: a calendar day or a day of the year; 24 May 2025 is day 144."""
    plain, told = (Sgp4Orbit(one(tmp_path, **c).elements) for c in ({}, {"EPOCH": epoch}))
    assert told.epoch_us.tolist() == plain.epoch_us.tolist()


@pytest.mark.parametrize("separator", [";", "\t"])
def test_csv_as_a_spreadsheet_saves_it(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "gp.csv"
    path.write_bytes(as_csv(elements()).replace(b",", separator.encode()))
    assert len(read_catalogue([path]).elements) == 3


def test_xml_that_declares_utf_16(tmp_path: Path) -> None:
    path = tmp_path / "gp.xml"
    text = as_xml(elements()).decode().replace('version="1.0"', 'version="1.0" encoding="UTF-16"')
    path.write_bytes(text.encode("utf-16"))
    assert len(read_catalogue([path]).elements) == 3
    path.write_bytes(as_json(elements()).decode().encode("utf-16")[:-1])  # half a character
    with pytest.raises(UsageError, match="not JSON"):
        read_catalogue([path])
