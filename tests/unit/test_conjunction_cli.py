"""orbitwin conjunction: its table, its JSON, where the radius comes from, and broken files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from orbitwin.cli.conjunction import conjunction
from orbitwin.errors import UsageError
from orbitwin.physics.sgp4_batch import Sgp4Orbit

FOLDER = Path(__file__).parents[1] / "data" / "cara_cdm"
ALFANO = FOLDER / "AlfanoTestCase03.cdm"
OMITRON = FOLDER / "OmitronTestCase_Test02_MaxRadialSigma.cdm"
APP = typer.Typer()
APP.command("conjunction")(conjunction)


def run(*words: object):
    return CliRunner().invoke(APP, [str(word) for word in words])


def read(*words: object) -> list[dict]:
    done = run(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)["conjunctions"]


@pytest.fixture
def without_hbr(tmp_path: Path) -> Path:
    path = tmp_path / "plain.cdm"
    path.write_text(OMITRON.read_text().replace("COMMENT HBR", "COMMENT shoe"))
    return path


def test_json_has_every_message():
    first, second = read(ALFANO, OMITRON)
    assert first["probability_of_collision"] == pytest.approx(1.00351176e-01, rel=1e-3)
    assert second["tca"] == "2014-07-16T22:32:26.716Z"
    assert second["objects"][1] == {"designator": "35754", "name": "35754"}
    assert second["miss_distance_m"] == pytest.approx(91.455902, rel=1e-3)
    assert second["relative_speed_m_s"] == pytest.approx(11732.863, rel=1e-6)
    assert (second["hbr_m"], second["hbr_from"], second["notes"]) == (20.0, "message", [])


def test_a_message_from_a_pipe():
    done = CliRunner().invoke(APP, ["-", "--json"], input=OMITRON.read_bytes())
    (message,) = json.loads(done.stdout)["conjunctions"]
    assert (message["file"], message["hbr_m"]) == ("-", 20.0)


def test_the_table():
    done = run(OMITRON)
    assert done.exit_code == 0
    row = next(line for line in done.stdout.splitlines() if "2014-07-16" in line).split()
    assert row == ["2014-07-16T22:32:26.716Z", "22076", "35754", "91.5", "11732.86", "0.0001289",
                   "20.0", "message"]  # fmt: skip


def test_where_the_radius_comes_from(without_hbr):
    (message,) = read(OMITRON, "--hbr", 5)
    assert (message["hbr_m"], message["hbr_from"]) == (20.0, "message")
    (given,) = read(without_hbr, "--hbr", 5)
    assert (given["hbr_m"], given["hbr_from"], given["notes"]) == (5.0, "--hbr", [])
    (assumed,) = read(without_hbr)
    assert (assumed["hbr_m"], assumed["hbr_from"]) == (20.0, "default")
    assert "20 m is assumed" in assumed["notes"][0]
    assert "20 m is assumed" in run(without_hbr).stdout
    assert read(without_hbr, "--hbr", 0)[0]["probability_of_collision"] == 0.0


@pytest.mark.parametrize("value", ["-1", "much", "nan"])
def test_radii_that_are_none(value):
    assert run(ALFANO, "--hbr", value).exit_code == 2


def test_a_radius_without_end():
    assert isinstance(run(ALFANO, "--hbr", "inf").exception, UsageError)


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_broken_file_is_told_and_the_others_are_printed(tmp_path, flags):
    path = tmp_path / "broken.cdm"
    path.write_text(OMITRON.read_text().replace("TCA  ", "TCX  "))
    done = run(path, OMITRON, tmp_path / "none.cdm", *flags)
    assert done.exit_code == 2
    assert "2014-07-16T22:32:26.716Z" in done.stdout
    told = done.stderr.splitlines()
    assert len(told) == 2
    assert told[0] == f"orbitwin: {path}:1: TCA is missing from the message that begins here"
    assert told[1].startswith(f"orbitwin: {tmp_path / 'none.cdm'}: cannot read the file")


def changed(tmp_path: Path, pattern: str, new: str) -> list[str]:
    path = tmp_path / "changed.cdm"
    path.write_text(re.sub(pattern, new, OMITRON.read_text()))
    (entry,) = read(path)
    return [entry["probability_of_collision"], *entry["notes"]]


def test_notes_on_what_is_doubtful(tmp_path):
    pc, note = changed(tmp_path, r"C[RTN](DOT)?_[RTN].*\n", "")
    assert pc is None and "no covariance" in note
    pc, note = changed(tmp_path, r"MISS_DISTANCE.*", "MISS_DISTANCE = 9000 [m]")
    assert pc == pytest.approx(1.2888e-4, rel=1e-3) and "the message says 9,000.0 m" in note
    pc, note = changed(tmp_path, r"(C[RTN]_[RTN] +=) \S+", r"\1 0.0")
    assert pc == 0 and "no extent" in note
    pc, *notes = changed(tmp_path, r"(CR_R +=) 5.841\S+", r"\1 -58.41")  # lost in the sum
    assert 0 <= pc <= 1 and notes == ["the covariance of OBJECT1 is not positive semi-definite"]
    pc, *notes = changed(tmp_path, r"(CR_R +=) \S+", r"\1 -4.4e7")
    assert 0 <= pc <= 1 and any("not positive semi-definite" in note for note in notes)


def test_objects_that_are_one(tmp_path):
    """The same state twice: at no distance, at rest."""
    text = OMITRON.read_text()
    head, one, _ = re.split(r"(?=OBJECT  )", text)
    path = tmp_path / "one.cdm"
    path.write_text(head + one + one.replace("= OBJECT1", "= OBJECT2"))
    (entry,) = read(path)
    assert entry["probability_of_collision"] is None
    assert any("do not move relative" in note for note in entry["notes"])


def crossing(tmp_path: Path, **second: object) -> Path:
    """Two satellites that cross the equator northwards at one time and place, one steeper."""
    base = {
        "OBJECT_NAME": "FLAT", "NORAD_CAT_ID": 900001, "EPOCH": "2026-11-25T00:00:00",
        "MEAN_MOTION": 15.2, "ECCENTRICITY": 0, "INCLINATION": 53, "RA_OF_ASC_NODE": 10,
        "ARG_OF_PERICENTER": 0, "MEAN_ANOMALY": 0, "BSTAR": 0,
    }  # fmt: skip
    steep = base | {"OBJECT_NAME": "STEEP", "NORAD_CAT_ID": 900002, "INCLINATION": 97} | second
    path = tmp_path / "two.json"
    path.write_text(json.dumps([base, steep]))
    return path


def test_screening_against_sgp4(tmp_path):
    """They meet at every node, half a revolution (2,842 s) apart, as far as SGP4 itself says."""
    path = crossing(tmp_path)
    done = run("--screen", path, "--threshold-km", 40, "--hours", 1, "--json",
               "--start-epoch", "2026-11-24T23:30:00Z")  # fmt: skip
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["satellites"], found["start"]) == (2, "2026-11-24T23:30:00.000Z")
    assert "no covariance" in found["notes"][0]
    orbit = Sgp4Orbit(json.loads(path.read_text()))

    def apart_m(t_us: int) -> float:
        first, second = orbit.positions_m(t_us).T
        return float(np.linalg.norm(first - second))

    times = range(found["start_us"], found["start_us"] + 3_600_000_000, 1_000_000)
    every = [apart_m(t) for t in times]
    least = [
        times[k]
        for k in range(1, len(every) - 1)
        if every[k - 1] > every[k] <= every[k + 1] and every[k] < 40e3
    ]
    approaches = sorted(found["approaches"], key=lambda a: a["tca_us"])
    assert len(approaches) == len(least) >= 1
    for each, near_us in zip(approaches, least, strict=True):
        assert [o["sat_id"] for o in each["objects"]] == [900001, 900002]
        assert abs(each["tca_us"] - near_us) <= 1_000_000
        assert each["miss_distance_m"] == pytest.approx(apart_m(each["tca_us"]), abs=0.1)
    table = run("--screen", path, "--threshold-km", 40, "--hours", 1)
    assert "FLAT (900001)" in table.stdout and "approaches under 40 km" in table.stdout


def test_screening_of_a_satellite_that_has_come_down(tmp_path):
    path = crossing(tmp_path, MEAN_MOTION=16.6, BSTAR=0.1)
    done = run("--screen", path, "--hours", 1, "--start-epoch", "2026-12-25T00:00:00Z", "--json")
    found = json.loads(done.stdout)
    assert found["approaches"] == []
    assert found["notes"][1:] == [
        "SGP4 gives no position for 1 of 2 satellites",
        "2 element sets are more than 3 days from the time asked for",
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--hours", "1"), "--hours goes with --screen"),
        (("--screen", "--hbr", "5"), "--hbr goes without --screen"),
        (("--screen", "--hours", "0"), "--hours 0: expected more than 0, at most 168"),
        (("--screen", "--threshold-km", "nan"), "expected more than 0, at most 100"),
        (("--screen", "--start-epoch", "soon"), "--start-epoch soon is no time"),
    ],
)
def test_what_a_screening_does_not_take(tmp_path, words, says):
    error = run(crossing(tmp_path), *words).exception
    assert isinstance(error, UsageError) and says in str(error)


def test_screening_wants_orbit_elements():
    error = run("--screen", OMITRON).exception
    assert isinstance(error, UsageError) and "is no OMM file" in str(error)
