"""Real satellites: a catalogue of OMM element sets, moved by SGP4 all at once."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sgp4 import omm
from sgp4.alpha5 import from_alpha5
from sgp4.api import Satrec, SatrecArray

from orbitwin.physics.constants import MICROSECONDS_PER_SECOND, UNIX_EPOCH_JD
from orbitwin.physics.frames import teme_to_gcrs

DAY_US = 86_400 * MICROSECONDS_PER_SECOND
METRES_PER_KM = 1000.0
LARGEST_SGP4_ID = 339_999  # the last that the five-character Alpha-5 field can say
LARGEST_ID = 2**63 - 1  # what a column of ids holds
_ALPHA5 = re.compile(r"[A-HJ-NP-Z][0-9]{4}")
_DAY_OF_YEAR = re.compile(r"(\d{4})-(\d{3})(?!\d)")
_LEAST_MOTION = 1e-3  # revolutions a day: nothing that SGP4 describes takes longer
_RANGES: dict[str, tuple[float, float, str]] = {
    "MEAN_MOTION": (_LEAST_MOTION, 20.0, "revolutions a day, above 0 and at most 20"),
    "ECCENTRICITY": (0.0, np.nextafter(1.0, 0.0), "0 to less than 1"),
    "INCLINATION": (0.0, 180.0, "degrees, 0 to 180"),
    "RA_OF_ASC_NODE": (-360.0, 360.0, "degrees, -360 to 360"),
    "ARG_OF_PERICENTER": (-360.0, 360.0, "degrees, -360 to 360"),
    "MEAN_ANOMALY": (-360.0, 360.0, "degrees, -360 to 360"),
    "BSTAR": (-sys.float_info.max, sys.float_info.max, "a finite number"),
}
_DEFAULTS: dict[str, str] = {
    "BSTAR": "0",
    "MEAN_MOTION_DOT": "0",
    "MEAN_MOTION_DDOT": "0",
    "EPHEMERIS_TYPE": "0",
    "CLASSIFICATION_TYPE": "U",
    "ELEMENT_SET_NO": "999",
    "REV_AT_EPOCH": "0",
    "OBJECT_ID": "",
}


class ElementError(ValueError):
    """An element set that cannot be used; the message says which satellite, which field, why."""


class Sgp4Orbit:
    """SGP4 for N element sets: `positions_m(t_us)` gives their GCRS positions at a time.

    Element sets are mappings with the keywords of an OMM (CCSDS 502.0-B), values as text or
    numbers.  Catalogue numbers of any size (ids above 339,999 are beyond sgp4's field) stay in
    `sat_id`; sgp4 itself is given 0.  Attributes: `sat_id` int64 (N,), `name` list of N,
    `epoch_us` int64 (N,).  Source of the model: Hoots & Roehrich, Spacetrack Report 3; Vallado
    et al., AIAA 2006-6753 (package sgp4, WGS 72).
    """

    def __init__(self, element_sets: Sequence[Mapping[str, Any]]) -> None:
        satellites = [_satrec(fields, at) for at, fields in enumerate(element_sets)]
        self.sat_id = np.array([number for number, _, _ in satellites], dtype=np.int64)
        self.name = [name for _, name, _ in satellites]
        self._satellites = SatrecArray([satrec for _, _, satrec in satellites])
        epoch_day = np.array([s.jdsatepoch - UNIX_EPOCH_JD for _, _, s in satellites])
        epoch_share = np.array([s.jdsatepochF for _, _, s in satellites])
        self.epoch_us = np.rint(epoch_day * DAY_US).astype(np.int64) + np.rint(
            epoch_share * DAY_US
        ).astype(np.int64)

    def __len__(self) -> int:
        return len(self.sat_id)

    def positions_m(self, t_us: int) -> NDArray[np.float64]:
        """GCRS positions (3, N), m, float64, at UTC `t_us`; NaN where SGP4 gives up (decayed)."""
        day, inside_us = divmod(t_us, DAY_US)
        errors, km, _ = self._satellites.sgp4(
            np.array([UNIX_EPOCH_JD + day]), np.array([inside_us / DAY_US])
        )
        positions: NDArray[np.float64] = (
            teme_to_gcrs(t_us) * METRES_PER_KM
        ) @ np.ascontiguousarray(km[:, 0, :].T)
        positions[:, errors[:, 0] != 0] = np.nan
        return positions


def _satrec(fields: Mapping[str, Any], at: int) -> tuple[int, str, Satrec]:
    """Own id, name and sgp4 record of an OMM; raises ElementError."""
    name = str(fields.get("OBJECT_NAME") or fields.get("NORAD_CAT_ID") or f"number {at}")
    try:
        number = _catalogue_number(str(fields["NORAD_CAT_ID"]).strip())
        given = {k: str(v).strip() for k, v in fields.items() if v not in (None, "")}
        text = _DEFAULTS | given
        text["NORAD_CAT_ID"] = str(number if 0 <= number <= LARGEST_SGP4_ID else 0)
        for key, (low, high, expected) in _RANGES.items():
            if not low <= _number(text[key]) <= high:
                raise ValueError(f"{key}: expected {expected}, got {text[key]!r}")
        text["EPOCH"] = _with_microseconds(text["EPOCH"])
        satrec = Satrec()
        omm.initialize(satrec, text)
    except KeyError as missing:
        raise ElementError(f"element set of {name}: {missing.args[0]} is missing") from None
    except (ValueError, OverflowError) as error:
        raise ElementError(f"element set of {name}: {error}") from None
    if satrec.error:
        raise ElementError(f"element set of {name}: SGP4 refuses it (code {satrec.error})")
    return number, name, satrec


def _catalogue_number(text: str) -> int:
    """An id as a number, or as the five characters of Alpha-5 (T0001 is 270001)."""
    if _ALPHA5.fullmatch(text):
        return int(from_alpha5(text))
    if not text.isascii() or not text.isdigit() or int(text) > LARGEST_ID:
        raise ValueError(f"NORAD_CAT_ID: expected a whole number of up to 63 bits, got {text!r}")
    return int(text)


def _number(text: str) -> float:
    """The number of a text; NaN where it tells none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _with_microseconds(text: str) -> str:
    """An epoch, which may be a day of the year (CCSDS 502.0-B-3, 7.5.10), with the six decimals
    of the second on which sgp4 insists."""
    given, day_of_year = text, _DAY_OF_YEAR.match(text)
    try:
        if day_of_year:
            year, day = (int(part) for part in day_of_year.groups())
            date = datetime(year, 1, 1) + timedelta(days=day - 1)
            if date.year != year:
                raise ValueError(f"{year} has no day {day}")
            text = date.date().isoformat() + text[day_of_year.end() :]
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(
            f"EPOCH: expected a UTC time such as 2025-05-24T18:20:22.669728, got {given!r}"
        ) from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds")
