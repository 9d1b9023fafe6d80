"""Conjunction Data Messages: what the standard allows, what makers write, and hostile input."""

from __future__ import annotations

import gzip
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orbitwin import cdm
from orbitwin.cli.conjunction import assess
from orbitwin.toml_source import SourceError

FOLDER = Path(__file__).parents[1] / "data" / "cara_cdm"
FILE = FOLDER / "OmitronTestCase_Test02_MaxRadialSigma.cdm"
TEXT = FILE.read_text()
LINES = TEXT.splitlines()


def parse(text: str) -> cdm.ConjunctionMessage:
    (message,) = cdm.parse(text.encode(), "a.cdm")
    return message


def line_of(start: str, nth: int = 0) -> int:
    return [n for n, line in enumerate(LINES, 1) if line.startswith(start)][nth]


def test_what_a_message_holds():
    (message,) = cdm.read(FILE)
    assert message.file == str(FILE) and message.line == 1
    expected = datetime(2014, 7, 16, 22, 32, 26, 716_000, tzinfo=UTC)
    assert message.tca_us == round(expected.timestamp() * 1e6)
    assert (message.miss_distance_m, message.relative_speed_m_s) == (91.455902, 11732.863070546)
    assert message.relative_position_rtn_m.tolist() == [78.041860, 45.138231, 15.368481]
    assert message.hbr_m == 20.0 and message.stated_pc is None
    first, second = message.objects
    assert (first.designator, second.name, first.frame) == ("22076", "35754", "EME2000")
    assert first.position_m[0] == pytest.approx(6703392.053)
    assert second.covariance_rtn_m2[1] == pytest.approx([1.242e8, 3.543e8, 6.466e4])
    assert first.covariance_rtn_6.shape == (6, 6)
    assert np.array_equal(first.covariance_rtn_6, first.covariance_rtn_6.T)
    assert np.array_equal(first.covariance_rtn_6[:3, :3], first.covariance_rtn_m2)


def test_the_states_give_what_the_message_states():
    message = parse(TEXT)
    r, v = message.relative_state()
    assert np.linalg.norm(r) == pytest.approx(message.miss_distance_m, rel=1e-3)
    assert np.linalg.norm(v) == pytest.approx(message.relative_speed_m_s, rel=1e-6)


def same(a: cdm.ConjunctionMessage, b: cdm.ConjunctionMessage) -> bool:
    return (
        a.tca_us == b.tca_us
        and a.hbr_m == b.hbr_m
        and all(
            np.allclose(x.position_m, y.position_m, rtol=1e-12)
            and np.allclose(x.covariance_rtn_m2, y.covariance_rtn_m2, rtol=1e-12)
            for x, y in zip(a.objects, b.objects, strict=True)
        )
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("\n", "\r"),
        lambda t: t.lower(),
        lambda t: re.sub(r" *\[.*?\]", "", t),
        lambda t: re.sub(r"(RELATIVE_VELOCITY_. .*?) *\[m\]", r"\1 [furlong]", t),
        lambda t: re.sub(r" +", "", t.replace("COMMENT ", "COMMENT\t")),
        lambda t: "\n\n" + t.replace("\n", "\n\n"),
        lambda t: "\ufeff" + t,
        lambda t: "COMMENT made by hand\n" + t.replace("TCA ", "SHOE_SIZE = 43 [EU]\nTCA "),
        lambda t: t.replace("2014-07-16T", "2014-197T"),
        lambda t: t.replace("22:32:26.716", "22:32:26.716Z"),
        lambda t: t.replace("= 6703.392053              [km]", "= 6703392.053 [m]"),
        lambda t: re.sub(r"C[A-Z]+DOT_.*\n|C(DRG|SRP)_.*\n", "", t),
        lambda t: re.sub(r"(MISS_DIST|RELATIVE|MESSAGE_ID|CREATION|ORIGINATOR).*\n", "", t),
        lambda t: t.replace("COMMENT HBR", "HBR"),
        lambda t: t.replace("COMMENT HBR                        = 20.0", "COMMENT HBR: 20 m"),
        lambda t: t.replace("COMMENT HBR                        = 20.0", "COMMENT hbr (m) 0.02 km"),
        lambda t: t.replace("COMMENT HBR", "COMMENT Hard Body Radius [m]"),
        lambda t: t.replace("COMMENT HBR", "COMMENT a remark — of any kind\nCOMMENT HBR"),
    ],
)
def test_what_makers_write_is_read_alike(change):
    changed = change(TEXT)
    assert changed != TEXT
    assert same(parse(changed), parse(TEXT))


def test_the_velocity_part_is_optional():
    message = parse(TEXT.replace("CNDOT_NDOT ", "CNDOT_NDOX "))
    assert message.objects[0].covariance_rtn_6 is None
    assert message.objects[0].covariance_rtn_m2 is not None
    message = parse(re.sub(r"C[RTN](DOT)?_[RTN].*\n", "", TEXT))
    assert message.combined_covariance_m2() is None


def test_radii_of_the_objects_add_up():
    without = TEXT.replace("COMMENT HBR", "COMMENT shoe")
    assert parse(without).hbr_m is None
    of_each = re.sub(
        r"(OBJECT_DESIGNATOR)", r"COMMENT Operator Hard Body Radius = 3.5 [m]\n\1", without
    )
    assert parse(of_each).hbr_m == 7.0
    of_one = of_each.replace("Radius = 3.5", "Radius = none", 1)
    assert parse(of_one).hbr_m is None


def test_an_earth_fixed_state_turns_with_the_earth():
    fixed = parse(TEXT.replace("EME2000", "ITRF"))
    plain = parse(TEXT).objects[0]
    x, y, _ = plain.position_m
    difference = fixed.objects[0].inertial_velocity_m_s - plain.inertial_velocity_m_s
    assert difference == pytest.approx(7.292115e-5 * np.array([-y, x, 0.0]))


def test_several_messages_in_one_file():
    both = cdm.parse(b"\n".join(p.read_bytes() for p in sorted(FOLDER.glob("*.cdm"))))
    assert len(both) == 10
    assert [m.line for m in both[:3]] == [1, 164, 327]
    assert both[5].hbr_m == 10.0 and both[6].hbr_m == 20.0


@pytest.mark.parametrize("write", [str.encode, lambda t: t.encode("utf-16")])
def test_files_as_they_are_kept_and_sent(write):
    """Gzipped in an archive, and in UTF-16 as PowerShell redirects."""
    for text in (TEXT, as_xml(TEXT).replace("<?xml version='1.0'?>", "")):
        for pack in (bytes, gzip.compress):
            (message,) = cdm.parse(pack(write(text)))
            assert same(message, parse(TEXT))


def as_xml(text: str) -> str:
    out, level = ["<?xml version='1.0'?>", "<ndm xmlns='urn:ccsds:schema:ndmxml'>"], []
    for line in text.splitlines():
        found = re.match(r"(COMMENT )?(\w[\w ]*?) *= (.*?) *(?:\[(.*)\])?$", line)
        comment, key, value, unit = found.groups()
        if key == "CCSDS_CDM_VERS":
            out.append(f"<cdm id='CCSDS_CDM_VERS' version='{value}'><body>")
        elif comment:
            out.append(f"<COMMENT>{key} = {value}</COMMENT>")
        else:
            if key == "OBJECT":
                out += [*level, "<segment><metadata>"]
                level = ["</metadata></segment>"]
            out.append(
                f"<{key} units='{unit}'>{value}</{key}>" if unit else f"<{key}>{value}</{key}>"
            )
    return "\n".join([*out, *level, "</body></cdm></ndm>"])


def test_xml_is_read_alike():
    assert same(parse(as_xml(TEXT)), parse(TEXT))


def broken(text: str | bytes) -> SourceError:
    with pytest.raises(SourceError) as caught:
        cdm.parse(text if isinstance(text, bytes) else text.encode(), "a.cdm")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("CCSDS_CDM_VERS", "CCSDS_OMM_VERS", 1, "expected CCSDS_CDM_VERS"),
        ("TCA   ", "TCB   ", 1, "TCA is missing from the message"),
        ("2014-07-16T22:32", "2014-13-16T22:32", line_of("TCA"), "TCA: expected a UTC time"),
        ("2014-07-16T22:32", "2014-366T22:32", line_of("TCA"), "TCA: expected a UTC time"),
        ("2014-07-16T22:32", "yesterday", line_of("TCA"), "TCA: expected a UTC time"),
        ("91.455902 ", "ninety ", line_of("MISS"), "MISS_DISTANCE: expected a finite number"),
        ("91.455902 ", "1e999 ", line_of("MISS"), "MISS_DISTANCE: expected a finite number"),
        ("= 6703.392053", "= NaN", line_of("X "), "X: expected a finite number, got 'NaN'"),
        ("X_DOT ", "X_DOG ", line_of("OBJECT "), "X_DOT is missing from the object"),
        ("EME2000", "SUN", line_of("REF_FRAME"), "REF_FRAME: expected one of EME2000"),
        ("EME2000", "GCRF", line_of("REF_FRAME", 1), "expected the frame of the first object"),
        ("= OBJECT2", "= OBJECT1", line_of("OBJECT ", 1), "OBJECT: expected one OBJECT1"),
        ("= OBJECT2", "= OBJECT3", line_of("OBJECT ", 1), "OBJECT: expected one OBJECT1"),
        ("5.841000000000003e+01", "NaN", line_of("CR_R"), "CR_R: expected a finite number"),
        ("CT_R   ", "CT_Q   ", line_of("OBJECT "), "CT_R is missing from the object"),
        ("CT_R   ", "CR_R   ", line_of("CT_R"), "CR_R: expected it once: line 53"),
        ("MANEUVERABLE   ", "MANEUVERABLE ? ", line_of("MANEUV"), "expected KEYWORD = value"),
        ("COMMENT HBR     ", "HBR = -1 [m]\nCOMMENT ", 14, "HBR: expected a radius"),
        ("TCA    ", "COLLISION_PROBABILITY = 7\nTCA    ", 5, "expected a probability"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(old, new, line, message):
    assert old in TEXT
    error = broken(TEXT.replace(old, new, 1))
    assert error.line == line and error.file == "a.cdm"
    assert message in str(error)


def test_states_without_an_orbit_plane():
    assert "span a plane" in str(broken(re.sub(r"(\n[XYZ](_DOT)? +=) \S+", r"\1 0.0", TEXT)))


def test_half_a_message():
    assert "OBJECT = OBJECT2 is missing" in str(broken("\n".join(LINES[:100])[:3000]))


@pytest.mark.parametrize(
    "text", ["", "\n\n", "COMMENT nothing", "<a/>", " \r\n<cdm>", "<cdm></cdm>"]
)
def test_files_without_a_message(text):
    broken(text)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'[{"CDM_ID": "1", "TCA": "2026-11-25", "PC": "0.0001"}]', "JSON: expected a CDM"),
        (bytes(range(256)), "not text: expected a CDM in KVN or XML"),
        (gzip.compress(TEXT.encode())[:-9], "no whole gzip file"),
    ],
)
def test_what_is_no_message_is_said(data, says):
    """A list of Space-Track's class cdm_public has no states; pictures and halves are sent too."""
    assert says in str(broken(data))


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "none.cdm"):
        with pytest.raises(SourceError, match="cannot read the file"):
            cdm.read(path)


def test_a_file_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(cdm, "MAX_BYTES", 2 * 1024**2)
    (tmp_path / "big.cdm").write_bytes(b"\n" * (2 * 1024**2 + 1))
    with pytest.raises(SourceError, match="larger than 2 MiB"):
        cdm.read(tmp_path / "big.cdm")


def test_entities_are_refused():
    bomb = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]>\n'
    assert "refused" in str(broken(bomb + as_xml(TEXT).partition("\n")[2]))
    assert "not XML" in str(broken(as_xml(TEXT)[:-20]))
    assert "not XML" in str(broken("<?xml version='1.0' encoding='klingon'?><cdm/>"))


@pytest.mark.parametrize(
    "line",
    ["COMMENT HBR" + " " * 300_000 + "x", "A = " + "[" * 300_000, " " * 300_000 + "=",
     "COMMENT HBR " + "1" * 300_000, "TCA = " + "1" * 300_000, "A = " + " [" * 100_000],
)  # fmt: skip
def test_long_lines_take_no_long_time(line):
    began = time.perf_counter()
    try:
        cdm.parse(TEXT.replace("COMMENT HBR", line + "\nCOMMENT HBR").encode())
    except SourceError as error:
        assert len(str(error)) < 300
    assert time.perf_counter() - began < 1


def only_the_clear_error(data: bytes) -> None:
    try:
        messages = cdm.parse(data, "a.cdm")
    except SourceError as error:
        assert str(error).startswith("a.cdm")
        return
    for message in messages:
        assert all(np.isfinite(message.relative_state()[0]))
        pc = assess(message, None)["probability_of_collision"]
        assert pc is None or 0 <= pc <= 1


@given(st.binary(max_size=400))
@settings(max_examples=200)
def test_random_bytes(data):
    only_the_clear_error(data)
    only_the_clear_error(b"<cdm>" + data)
    only_the_clear_error(TEXT.encode()[:1200] + data + TEXT.encode()[1200:])


VALUES = st.one_of(
    st.text(max_size=20),
    st.floats().map(str),
    st.sampled_from(["", "NaN", "1e308", "-inf", "1_0", "0", "OBJECT1", "[", "]", "=", "9" * 50]),
)


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(LINES) - 1),
            st.sampled_from(["drop", "twice", "value", "cut", "swap", "raw"]),
            VALUES,
        ),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=150)
def test_mutated_lines(changes):
    lines = list(LINES)
    for at, kind, text in changes:
        at = min(at, len(lines) - 1)
        if kind == "drop":
            del lines[at]
        elif kind == "twice":
            lines.insert(at, lines[at])
        elif kind == "value":
            lines[at] = f"{lines[at].partition('=')[0]}= {text}"
        elif kind == "cut":
            lines[at] = lines[at][: len(lines[at]) // 2]
        elif kind == "swap":
            lines[at], lines[0] = lines[0], lines[at]
        else:
            lines[at] = text
    only_the_clear_error("\n".join(lines).encode("utf-8", "surrogatepass"))
