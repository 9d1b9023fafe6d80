"""Files of telemetry become recordings: formats, columns, times, satellites, and bad input."""

from __future__ import annotations

import io
import zipfile
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest

from orbitwin import catalogue
from orbitwin.errors import UsageError
from producers import play, recording, sources
from producers.matching import match, plain
from producers.recording import Recording
from producers.times import BAD_TIME, day_us, iso_us, times_us

BIRDS = catalogue.load("birds3")
ODC = catalogue.load("odc")
DATA = Path(__file__).parents[1] / "data" / "birds_eps"
FEB_13_US = 1_613_174_400_000_000  # 2021-02-13T00:00:00Z


def read(*paths: Path, vehicle: catalogue.Vehicle = BIRDS, **options: object) -> Recording:
    return recording.read(paths, vehicle, sources.read_tables, **options)  # type: ignore[arg-type]


def csv(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# --- the real workbooks --------------------------------------------------------------------------


def test_raavana_as_its_makers_published_it() -> None:
    played = read(DATA / "RAAVANA.xlsx")
    assert played.sat_name == ["RAAVANA"]
    assert played.sat_id.tolist() == [zlib.crc32(b"RAAVANA")]
    assert played.rows == 1079 + 1080
    assert set(played.codes) == set(BIRDS.parameters)
    assert played.letters == []
    assert played.t_us[0] == FEB_13_US
    assert played.t_us[1079] == day_us("11 March 2021")
    assert played.seq["eps"].tolist() == list(range(2159))
    decoded = {n: c.decode(played.codes[n]) for n, c in BIRDS.parameters.items()}
    # The first row of the sheet, as a spreadsheet shows it; the dead +Y panel at 1.53 mV.
    assert decoded["panel_py_mv"][0] == pytest.approx(1.5, abs=0.26)
    assert decoded["panel_px_mv"][0] == pytest.approx(4656.59, abs=0.26)
    assert decoded["battery_v"][0] == pytest.approx(4.17, abs=0.0006)
    assert decoded["battery_ma"][0] == pytest.approx(-29.5, abs=0.06)
    assert decoded["battery_t_degc"][0] == pytest.approx(5.28, abs=0.006)
    assert decoded["panel_py_mv"].max() < 5


def test_files_together_are_satellites_by_their_names() -> None:
    played = read(DATA / "RAAVANA.xlsx", DATA / "NEPALISAT.xlsx", first_sat_id=7)
    assert played.sat_name == ["RAAVANA", "NEPALISAT"]
    assert played.sat_id.tolist() == [7, 8]
    assert played.rows == 2159 + 3040
    assert played.seq["eps"][2159] == 0


# --- columns -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    ["Tbatt (℃)", "tbatt (°C)", "TBATT(°c)", " Tbatt  (ºC) ", "Tbatt (˚C)", "Tbatt (degC)"],
)
def test_degree_signs_case_and_spaces_do_not_matter(header: str) -> None:
    assert match(["Time Stamp", header], BIRDS).parameters == {"battery_t_degc": header}


def test_a_parameters_own_name_matches_too() -> None:
    found = match(["t", "Battery_V", "other", "battery_v "], BIRDS, "t")
    assert found.parameters == {"battery_v": "Battery_V"}
    assert found.time == "t"
    assert found.unmatched == ("other", "battery_v ")


def test_unlike_names_stay_apart() -> None:
    assert plain("Tbatt raw)") != plain("Tbatt (℃)")
    assert not match(["Tbatt raw)", "Ibatt(raw)"], BIRDS).parameters


def test_unused_columns_are_named_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read(csv(tmp_path / "a 13 Feb 2021.csv", "Time Stamp,Vbat (V),mystery\n0,4.1,1\n5,4.2,2\n"))
    said = capsys.readouterr()
    assert (said.out + said.err).count("mystery") == 1


def test_no_column_matches(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no column of x\.csv is a parameter of birds3") as error:
        read(csv(tmp_path / "x.csv", "a,b\n1,2\n"))
    assert "panel_py_mv or 'Vpy (mV)'" in error.value.hint
    assert "--vehicle" in error.value.hint


def test_no_time_column(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no time column 'Time Stamp'") as error:
        read(csv(tmp_path / "x.csv", "when,Vbat (V)\n0,4\n"))
    assert "--time-column" in error.value.hint
    assert "'when'" in error.value.hint
    assert read(tmp_path / "x.csv", time_column="when").rows == 1


# --- times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("13 Feb 2021", FEB_13_US),
        ("13 February 2021", FEB_13_US),
        ("Feb 13, 2021", FEB_13_US),
        ("2021-02-13", FEB_13_US),
        ("2021_02_13", FEB_13_US),
        ("13.02.2021", FEB_13_US),
        ("RAAVANA_13_Feb_2021", FEB_13_US),
        ("eps-20210213", FEB_13_US),
        ("Sheet1", None),
        ("flight 12345678", None),
        ("32 Feb 2021", None),
    ],
)
def test_a_sheets_name_as_its_day(text: str, day: int | None) -> None:
    assert day_us(text) == day


@pytest.mark.parametrize(
    ("text", "t_us"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01 00:00:01.5", 1_500_000),
        ("1970-01-01T02:00:00+02:00", 0),
        ("not a time", BAD_TIME),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_iso_times_without_a_zone_are_utc(text: str, t_us: int | None) -> None:
    assert t_us is None or iso_us(text) == t_us
    assert times_us(pl.Series([text]), "iso")[0] == (BAD_TIME if t_us is None else t_us)


def test_times_of_every_kind() -> None:
    stamps = pl.Series(["2021-02-13T00:00:00"]).str.to_datetime()
    assert times_us(stamps, "s").tolist() == [FEB_13_US]
    assert times_us(stamps.dt.replace_time_zone("Asia/Tokyo"), "s").tolist() == [
        FEB_13_US - 9 * 3600 * 1_000_000
    ]
    assert times_us(pl.Series([1.25, None, float("nan")]), "s", FEB_13_US).tolist() == [
        FEB_13_US + 1_250_000,
        BAD_TIME,
        BAD_TIME,
    ]
    assert times_us(pl.Series([FEB_13_US + 1]), "us").tolist() == [FEB_13_US + 1]
    assert times_us(pl.Series(["12", " 7 ", "x", "-1", "1e300"]), "ms").tolist() == [
        12_000,
        7_000,
        BAD_TIME,
        BAD_TIME,
        BAD_TIME,
    ]


def test_rows_without_a_time_become_letters_and_the_rest_is_played(tmp_path: Path) -> None:
    path = csv(tmp_path / "a 13 Feb 2021.csv", "Time Stamp,Vbat (V)\n0,4.1\n,4.2\nNaN,4.3\n5,bad\n")
    played = read(path)
    assert played.t_us.tolist() == [FEB_13_US, FEB_13_US + 5_000_000]
    assert [(x.reason, x.row, x.values["Vbat (V)"]) for x in played.letters] == [
        ("bad_time", 3, "4.2"),
        ("bad_time", 4, "4.3"),
    ]
    column = BIRDS.parameters["battery_v"]
    assert column.is_missing(played.codes["battery_v"]).tolist() == [False, True]


def test_no_usable_time_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no row has a usable time"):
        read(csv(tmp_path / "x.csv", "Time Stamp,Vbat (V)\nx,4.1\n,4.2\n"))


def test_times_that_go_back_stay_as_they_are(tmp_path: Path) -> None:
    path = csv(tmp_path / "13 Feb 2021.csv", "Time Stamp,Vbat (V)\n0,1\n10,2\n5,3\n15,4\n")
    played = read(path)
    assert (played.t_us - FEB_13_US).tolist() == [0, 10_000_000, 5_000_000, 15_000_000]
    order = play.plan(played, 1.0)
    assert order.order.tolist() == [0, 1, 2, 3]
    assert order.due_us.tolist() == [0, 10_000_000, 10_000_000, 15_000_000]


# --- satellites, numbers, packets ----------------------------------------------------------------


def test_satellites_by_id_and_name(tmp_path: Path) -> None:
    text = "t_event_us,sat_id,name,Vbat (V)\n1,9007199254740993,A,4\n1,5.0,B,4\n2,5,B,4\n2,,C,4\n"
    played = read(csv(tmp_path / "x.csv", text))
    assert played.sat_id.tolist() == [9007199254740993, 5]
    assert played.sat_name == ["A", "B"]
    assert played.seq["eps"].tolist() == [0, 0, 1]
    assert [x.reason for x in played.letters] == ["bad_satellite"]


def test_satellites_by_name_alone(tmp_path: Path) -> None:
    played = read(csv(tmp_path / "x.csv", "t_event_us,name,Vbat (V)\n1,A,4\n1,B,4\n2,A,4\n"))
    assert played.sat_name == ["A", "B"]
    assert played.sat_id.tolist() == [zlib.crc32(b"A"), zlib.crc32(b"B")]


def test_rows_carry_the_packets_they_have_values_of(tmp_path: Path) -> None:
    path = csv(tmp_path / "x.csv", "t_event_us,array_v,x_m\n1,130,\n2,130,7000000\n3,,\n")
    played = read(path, vehicle=ODC)
    assert played.has["fast"].tolist() == [True, True, False]
    assert played.has["nav"].tolist() == [False, True, False]
    assert played.seq["nav"][1] == 0


def test_the_contracts_own_json_records_are_played_as_they_are(tmp_path: Path) -> None:
    record = {"v": 1, "fleet": "f", "vehicle": "odc", "packet": "fast", "sat_id": 3}
    lines = [
        record | {"t_event_us": 1_000_000, "seq": 41, "array_v": 130.5, "sunlit": True},
        record | {"t_event_us": 2_000_000, "seq": 42, "array_v": None},
        record | {"t_event_us": 3_000_000, "seq": 43, "vehicle": "birds3", "array_v": 1.0},
    ]
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps(x) for x in lines) + b"\n{broken\n[]\n")
    played = read(path, vehicle=ODC)
    assert played.sat_id.tolist() == [3]
    assert played.seq["fast"].tolist() == [41, 42]
    assert played.has["fast"].tolist() == [True, True]  # the second is a packet without values
    assert ODC.parameters["array_v"].decode(played.codes["array_v"])[0] == 130.5
    assert [(x.reason, x.row) for x in played.letters] == [
        ("malformed", 4),
        ("malformed", 5),
        ("wrong_vehicle", 3),
    ]


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.parquet", "x.jsonl", "x.json", "x.ndjson"])
def test_every_format_gives_the_same_recording(tmp_path: Path, name: str) -> None:
    frame = pl.DataFrame({"t_event_us": [10, 20], "Vbat (V)": [4.1, None], "Tbatt (℃)": [1.5, -2]})
    path = tmp_path / name
    if name == "x.parquet":
        frame.write_parquet(path)
    elif name.endswith("json") and "nd" not in name:
        path.write_bytes(orjson.dumps(frame.to_dicts()))
    elif "json" in name:
        frame.write_ndjson(path)
    else:
        frame.write_csv(path, separator="\t" if name.endswith("tsv") else ",")
    played = read(path)
    assert played.t_us.tolist() == [10, 20]
    assert played.codes["battery_v"].tolist()[0] == 4100
    assert BIRDS.parameters["battery_v"].is_missing(played.codes["battery_v"]).tolist() == [
        False,
        True,
    ]
    assert played.codes["battery_t_degc"].tolist() == [150, -200]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_csv_in_any_usual_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "13 Feb 2021.csv"
    path.write_text("Time Stamp;Tbatt (°C)\r\n0;1.5\r\n", encoding=encoding, newline="")
    assert read(path).codes["battery_t_degc"].tolist() == [150]


# --- play ----------------------------------------------------------------------------------------


def test_a_long_pause_is_not_waited_for(tmp_path: Path) -> None:
    path = csv(tmp_path / "13 Feb 2021.csv", "Time Stamp,Vbat (V)\n0,1\n60,2\n70000,3\n70005,4\n")
    order = play.plan(read(path), 1.0)
    assert order.due_us.tolist() == [0, 60_000_000, 61_000_000, 66_000_000]
    assert order.pauses == 1
    fast = play.plan(read(path), 200.0)
    assert fast.due_us.tolist() == [0, 300_000, 1_300_000, 1_325_000]
    at_once = play.plan(read(path), float("inf"))
    assert at_once.due_us.tolist() == [0, 0, 0, 0]
    assert at_once.pauses == 0


@pytest.mark.parametrize("speed", [1.0, 200.0, float("inf")])
@pytest.mark.parametrize("chunk_rows", [1, 1024])
def test_frames_hold_every_row_once_in_order(speed: float, chunk_rows: int) -> None:
    played = read(DATA / "RAAVANA.xlsx", DATA / "NEPALISAT.xlsx")
    order = play.plan(played, speed)
    found = play.batches(played, order, chunk_rows)
    assert sorted(np.concatenate([b.rows for b in found]).tolist()) == list(range(played.rows))
    assert len({(b.packet, b.chunk, b.number) for b in found}) == len(found)  # identities
    assert all(a.due_us <= b.due_us for a, b in pairwise(found))
    for satellite in range(2):
        rows = np.concatenate([b.rows[played.satellite[b.rows] == satellite] for b in found])
        assert (np.diff(rows) > 0).all()
    assert all(set((played.satellite[b.rows] // chunk_rows).tolist()) == {b.chunk} for b in found)


# --- bad input: one line, that says what to do ---------------------------------------------------


def bomb() -> bytes:
    """A workbook of some kB that unpacks to 2 GB, by what its directory says."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(32):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", b"0" * 1_000_000)
    data = bytearray(out.getvalue())
    at = data.find(b"PK\x01\x02")
    while at >= 0:  # size, uncompressed: 24 bytes into each entry of the central directory
        data[at + 24 : at + 28] = (64 * 1024 * 1024).to_bytes(4, "little")
        at = data.find(b"PK\x01\x02", at + 4)
    return bytes(data)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("absent.csv", None, "no such file"),
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"  \n\n", "is empty"),
        ("header.csv", b"Time Stamp,Vbat (V)\n", "has no rows"),
        ("file.doc", b"x", "cannot tell its format"),
        ("noname", b"x", "cannot tell its format"),
        ("csv.xlsx", b"Time Stamp,Vbat (V)\n0,1\n", "is not an XLSX workbook"),
        ("cut.xlsx", (DATA / "RAAVANA.xlsx").read_bytes()[:200_000], "is not an XLSX workbook"),
        ("bomb.xlsx", bomb(), "unpacks to 2,147,483,648 bytes"),
        ("xlsx.csv", (DATA / "RAAVANA.xlsx").read_bytes(), "is not text"),
        ("x.parquet", b"PAR1 but no more", "cannot be read as PARQUET"),
        ("x.jsonl", b"not json\n", "no line is a JSON object (line 1: not JSON"),
        ("x.json", b"[1, 2]", "holds no object"),
        ("y.json", b"[{]", "cannot be read as JSON"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, data: bytes | None, says: str) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UsageError) as error:
        read(path)
    assert says in error.value.message
    assert "\n" not in str(error.value)
    assert error.value.hint
    assert error.value.exit_code == 2


def test_a_directory_and_a_file_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(UsageError, match="is not a file"):
        read(tmp_path / "d.csv")
    monkeypatch.setattr(sources, "MAX_FILE_BYTES", 10)
    with pytest.raises(UsageError, match="more than the 10 that are read"):
        read(DATA / "RAAVANA.xlsx")


def test_a_value_that_cannot_be_never_becomes_one_that_can(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """FAULTS.md, D12: a negative power is invalid. It would be 0 W in an unsigned column."""
    path = csv(
        tmp_path / "a.csv",
        "t_event_us,load_w,array_v\n1700000000000000,-5,1e308\n1700000001000000,7,",
    )
    played = read(path, vehicle=ODC)
    load, array = ODC.parameters["load_w"], ODC.parameters["array_v"]
    assert load.is_missing(played.codes["load_w"]).tolist() == [True, False]
    assert array.decode(played.codes["array_v"])[0] > array.high
    out = capsys.readouterr()
    assert "1 values of 'load_w' cannot be and count as missing" in out.out + out.err
