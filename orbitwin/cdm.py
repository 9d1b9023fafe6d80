"""Conjunction Data Messages (CCSDS 508.0-B-1), KVN or XML: what two objects do at their nearest.

The reader takes what is in use, not only what the standard allows: units may be missing or of
another kind, keywords unknown, the case any, and a file may hold several messages. What it needs
and cannot read is one SourceError with file, line, keyword and what was expected.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orbitwin.cdm_source import Entry, from_kvn, from_xml, said
from orbitwin.physics.conjunction import inertial_covariance
from orbitwin.physics.constants import MICROSECONDS_PER_SECOND
from orbitwin.source_text import text_of, unpacked
from orbitwin.toml_source import SourceError

Doubles = NDArray[np.float64]

MAX_BYTES = 64 * 1024**2  # of a file; a message has about 10 kB
EARTH_ROTATION_RAD_S = 7.292115e-5  # IERS Conventions 2010, table 1.2
LARGEST_NUMBER = 1e30  # of any unit; its square still is a number
LEAST_MOMENTUM_M2_S = 1.0  # specific; orbits have some 5e10
YEARS = range(1957, 2201)  # of a TCA
SEARCHED = 4096  # characters at the beginning that tell text from what is none
COMMENT_READ = 200  # characters of a comment that are looked at

STATE = ("X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT")
INERTIAL_FRAMES = ("EME2000", "J2000", "GCRF", "ICRF", "TEME", "TOD", "MOD")
_AXES = ("R", "T", "N", "RDOT", "TDOT", "NDOT")
COVARIANCE = tuple(f"C{a}_{b}" for at, a in enumerate(_AXES) for b in _AXES[: at + 1])
_POSITION_TERMS = 6  # how many of COVARIANCE are of the position
_LENGTHS_M = {
    "MISS_DISTANCE": 1.0,
    "RELATIVE_SPEED": 1.0,
    "HBR": 1.0,
    **{f"RELATIVE_{kind}_{axis}": 1.0 for kind in ("POSITION", "VELOCITY") for axis in "RTN"},
    **dict.fromkeys(STATE, 1000.0),
}  # the standard's unit of each, m or m/s: what counts where the file gives none

_HBR_COMMENT = re.compile(
    r"\b(?:HBR|hard[ -]?body[ -]?radius)\b\s*(?:\([^)]*\)|\[[^\]]*\])?\s*[:=]?\s*"
    r"(\d+(?:\.\d*)?(?:e[+-]?\d)?)(?![\d.e])\s*(?:\[?\s*(km|m)\b)?",
    re.IGNORECASE | re.ASCII,
)
_TIME = re.compile(
    r"(\d{4})-(?:(\d{1,2})-(\d{1,2})|(\d{3}))[T ](\d{1,2}):(\d{2}):(\d{2})(\.\d*)?Z?",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True)
class SpaceObject:
    """One of the two objects at TCA, in the frame that the message names.

    Covariances are in the object's RTN axes: position (3, 3), m2; position and velocity (6, 6),
    m2, m2/s, m2/s2. None where the message has none.
    """

    designator: str
    name: str
    frame: str
    position_m: Doubles
    velocity_m_s: Doubles
    covariance_rtn_m2: Doubles | None
    covariance_rtn_6: Doubles | None

    @property
    def inertial_velocity_m_s(self) -> Doubles:
        """Velocity (3,) free of the frame's rotation, along the frame's axes of that moment."""
        if not self.frame.startswith("ITRF"):
            return self.velocity_m_s
        x, y, _ = self.position_m
        return self.velocity_m_s + EARTH_ROTATION_RAD_S * np.array([-y, x, 0.0])


@dataclass(frozen=True)
class ConjunctionMessage:
    """A message; `line` is where it begins. What is None was not in it.

    `hbr_m` is the combined hard-body radius that a keyword or a comment gives, `stated_pc` the
    probability of collision that its maker computed.
    """

    file: str
    line: int
    message_id: str
    tca_us: int
    miss_distance_m: float | None
    relative_speed_m_s: float | None
    relative_position_rtn_m: Doubles | None
    relative_velocity_rtn_m_s: Doubles | None
    hbr_m: float | None
    stated_pc: float | None
    objects: tuple[SpaceObject, SpaceObject]

    def relative_state(self) -> tuple[Doubles, Doubles]:
        """Position (3,), m, and velocity (3,), m/s, of the second object from the first."""
        first, second = self.objects
        return (
            second.position_m - first.position_m,
            second.inertial_velocity_m_s - first.inertial_velocity_m_s,
        )

    def combined_covariance_m2(self) -> Doubles | None:
        """Sum (3, 3) of the inertial position covariances; None where one is missing."""
        total = np.zeros((3, 3))
        for each in self.objects:
            if each.covariance_rtn_m2 is None:
                return None
            total += inertial_covariance(
                each.covariance_rtn_m2, each.position_m, each.inertial_velocity_m_s
            )
        return total


def read(path: Path) -> list[ConjunctionMessage]:
    """The messages of a file (`-` is the standard input), at least one. Raises SourceError."""
    file = str(path)
    try:
        with sys.stdin.buffer if file == "-" else path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(file, 0, f"cannot read the file: {reason}") from None
    if len(data) > MAX_BYTES:
        raise SourceError(file, 0, f"larger than {MAX_BYTES // 1024**2} MiB: this is no CDM")
    return parse(data, file)


def parse(data: bytes, file: str = "<text>") -> list[ConjunctionMessage]:
    """The messages in KVN or XML, at least one, gzipped or not.

    Raises SourceError; `file` names it there.
    """
    try:
        data = unpacked(data, MAX_BYTES)
    except ValueError as error:
        raise SourceError(file, 0, f"cannot read the file: {error}") from None
    text = text_of(data)
    start = text.lstrip()[:1]
    if start in ("[", "{"):
        raise SourceError(file, 1, "JSON: expected a CDM in KVN or XML (orbit elements: --screen)")
    if "\0" in text[:SEARCHED]:
        raise SourceError(file, 0, "not text: expected a CDM in KVN or XML")
    entries = from_xml(data, file) if start == "<" else from_kvn(text, file)
    messages = [raw.message() for raw in _split(entries, file)]
    if not messages:
        raise SourceError(file, 0, "no message: expected CCSDS_CDM_VERS = 1.0 at its beginning")
    return messages


def _split(entries: Iterable[Entry], file: str) -> Iterator[_Raw]:
    """Entries into messages, each with a part for its head and one for each object."""
    raw: _Raw | None = None
    for entry in entries:
        if entry.keyword == "CCSDS_CDM_VERS":
            if raw is not None:
                yield raw
            raw = _Raw(file, entry.line)
        elif raw is not None:
            raw.add(entry)
        elif entry.keyword != "COMMENT":
            raise SourceError(
                file,
                entry.line,
                f"expected CCSDS_CDM_VERS = 1.0 at the beginning, got {said(entry.keyword)}",
            )
    if raw is not None:
        yield raw


@dataclass
class _Part:
    line: int
    entries: dict[str, Entry] = field(default_factory=dict)
    hbr_m: float | None = None


class _Raw:
    """The entries of one message, and how its values are made of them."""

    def __init__(self, file: str, line: int) -> None:
        self.file = file
        self.line = line
        self.head = self.part = _Part(line)
        self.object: dict[str, _Part] = {}

    def add(self, entry: Entry) -> None:
        if entry.keyword == "COMMENT":
            found = _HBR_COMMENT.search(entry.value[:COMMENT_READ])
            if found and self.part.hbr_m is None:
                hbr = Entry(entry.line, "HBR", found[1], found[2] or "")
                self.part.hbr_m = self._length(hbr)
        elif entry.keyword == "OBJECT":
            name = entry.value.upper()
            if name not in ("OBJECT1", "OBJECT2") or name in self.object:
                raise self._error(entry, "one OBJECT1 and one OBJECT2")
            self.part = self.object[name] = _Part(entry.line)
        else:
            before = self.part.entries.setdefault(entry.keyword, entry)
            if before.value != entry.value and _is_read(entry.keyword):
                raise self._error(entry, f"it once: line {before.line} has {said(before.value)}")

    def message(self) -> ConjunctionMessage:
        head = self.head
        for name in ("OBJECT1", "OBJECT2"):
            if name not in self.object:
                raise SourceError(
                    self.file, self.line, f"OBJECT = {name} is missing: expected two objects"
                )
        first, second = (self._space_object(self.object[f"OBJECT{n}"]) for n in (1, 2))
        if first.frame != second.frame:
            raise self._error(
                self.object["OBJECT2"].entries["REF_FRAME"],
                f"the frame of the first object, {first.frame}",
            )
        miss_m, speed_m_s, stated_pc = (
            self._optional(head, name)
            for name in ("MISS_DISTANCE", "RELATIVE_SPEED", "COLLISION_PROBABILITY")
        )
        if stated_pc is not None and not 0 <= stated_pc <= 1:
            raise self._error(head.entries["COLLISION_PROBABILITY"], "a probability, 0 to 1")
        given = head.entries.get("MESSAGE_ID")
        return ConjunctionMessage(
            file=self.file,
            line=self.line,
            message_id=given.value if given else "",
            tca_us=self._time(self._needed(head, "TCA")),
            miss_distance_m=miss_m,
            relative_speed_m_s=speed_m_s,
            relative_position_rtn_m=self._triple("RELATIVE_POSITION_"),
            relative_velocity_rtn_m_s=self._triple("RELATIVE_VELOCITY_"),
            hbr_m=self._hbr_m(),
            stated_pc=stated_pc,
            objects=(first, second),
        )

    def _space_object(self, part: _Part) -> SpaceObject:
        frame = self._needed(part, "REF_FRAME")
        name = frame.value.upper()
        if name not in INERTIAL_FRAMES and not name.startswith("ITRF"):
            raise self._error(frame, f"one of {', '.join(INERTIAL_FRAMES)}, ITRF")
        state = np.array([self._length(self._needed(part, key)) for key in STATE])
        text = {
            key: part.entries[key].value if key in part.entries else ""
            for key in ("OBJECT_DESIGNATOR", "OBJECT_NAME")
        }
        position_terms, all_terms = COVARIANCE[:_POSITION_TERMS], COVARIANCE
        has_any = any(key in part.entries for key in position_terms)
        complete = all(self._optional(part, key) is not None for key in all_terms)
        found = SpaceObject(
            designator=text["OBJECT_DESIGNATOR"],
            name=text["OBJECT_NAME"],
            frame=name,
            position_m=state[:3],
            velocity_m_s=state[3:],
            covariance_rtn_m2=self._covariance(part, position_terms) if has_any else None,
            covariance_rtn_6=self._covariance(part, all_terms) if has_any and complete else None,
        )
        momentum = np.cross(found.position_m, found.inertial_velocity_m_s)
        if not np.linalg.norm(momentum) > LEAST_MOMENTUM_M2_S:
            raise self._error(part.entries["X"], "a position and a velocity that span a plane")
        return found

    def _covariance(self, part: _Part, terms: tuple[str, ...]) -> Doubles:
        """The symmetric matrix whose lower triangle the terms are, row by row."""
        size = math.isqrt(2 * len(terms))
        rows, columns = np.tril_indices(size)
        matrix = np.zeros((size, size))
        matrix[rows, columns] = [self._length(self._needed(part, key), 2) for key in terms]
        matrix[columns, rows] = matrix[rows, columns]
        return matrix

    def _hbr_m(self) -> float | None:
        """The combined radius that the head states, else the sum of both objects' own."""
        radii = []
        for part in (self.head, *self.object.values()):
            entry = part.entries.get("HBR")
            radius_m = part.hbr_m if entry is None else self._optional(part, "HBR")
            if radius_m is not None and radius_m < 0:
                raise self._error(part.entries["HBR"], "a radius of at least 0 m")
            radii.append(radius_m)
        combined, first, second = radii
        if combined is None and first is not None and second is not None:
            return first + second
        return combined

    def _triple(self, prefix: str) -> Doubles | None:
        values = [self._optional(self.head, prefix + axis) for axis in "RTN"]
        return None if None in values else np.array(values, dtype=float)

    def _needed(self, part: _Part, keyword: str) -> Entry:
        entry = part.entries.get(keyword)
        if entry is None:
            whose = "the message" if part is self.head else "the object"
            raise SourceError(
                self.file, part.line, f"{keyword} is missing from {whose} that begins here"
            )
        return entry

    def _optional(self, part: _Part, keyword: str) -> float | None:
        """A number that need not be there; NaN, as some makers write, is none."""
        entry = part.entries.get(keyword)
        if entry is None or entry.value.upper() in ("", "NAN", "N/A", "NONE"):
            return None
        return self._length(entry, 2 if keyword in COVARIANCE else 1)

    def _length(self, entry: Entry, power: int = 1) -> float:
        """A finite number, with its length (to a power) in m."""
        try:
            value = float(entry.value)
        except ValueError:
            value = math.nan
        unit = entry.unit.strip().lower()
        scale = _LENGTHS_M.get(entry.keyword, 1.0)
        if unit.startswith(("km", "m")):
            scale = 1000.0 if unit.startswith("km") else 1.0
        value *= scale**power
        if not abs(value) <= LARGEST_NUMBER:
            raise self._error(entry, "a finite number")
        return value

    def _time(self, entry: Entry) -> int:
        """UTC microseconds of a calendar or day-of-year time (CCSDS 508.0-B-1, 6.3.2.6)."""
        found = _TIME.fullmatch(entry.value)
        wrong = self._error(entry, "a UTC time such as 2026-11-25T20:00:00.000")
        if found is None:
            raise wrong
        year, month, day, day_of_year, hour, minute, second = (
            int(part) if part else 0 for part in found.groups()[:7]
        )
        try:
            if year not in YEARS:
                raise wrong
            date = datetime(year, month or 1, day or 1, tzinfo=UTC)
            date += timedelta(days=day_of_year - 1 if found[4] else 0)
        except (ValueError, OverflowError):
            raise wrong from None
        days = 366 if year % 4 == 0 else 365
        if hour > 23 or minute > 59 or second > 60 or (found[4] and not 1 <= day_of_year <= days):
            raise wrong
        since = date - datetime(1970, 1, 1, tzinfo=UTC)
        whole_s = (since.days * 24 + hour) * 3600 + minute * 60 + second
        fraction_us = round(float("0" + (found[8] or ".0") + "0") * MICROSECONDS_PER_SECOND)
        return whole_s * MICROSECONDS_PER_SECOND + fraction_us

    def _error(self, entry: Entry, expected: str) -> SourceError:
        return SourceError(
            self.file,
            entry.line,
            f"{entry.keyword}: expected {expected}, got {said(entry.value)}",
        )


def _is_read(keyword: str) -> bool:
    return (
        keyword in _LENGTHS_M
        or keyword in COVARIANCE
        or keyword in ("TCA", "REF_FRAME", "COLLISION_PROBABILITY")
    )
