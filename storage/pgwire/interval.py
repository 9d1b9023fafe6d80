"""Constants of type interval in the spellings that PostgreSQL reads and DuckDB does not.

Source: PostgreSQL 15, 8.5.4 (Interval Input): verbose, ISO 8601 with designators, `ago`, a clock
with a sign, fields without spaces.
"""

from __future__ import annotations

import re
from decimal import Decimal

_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US
_SIMPLE = re.compile(
    r"\s*-?\d+(\.\d+)? [A-Za-z]+( -?\d+ [A-Za-z]+)*\s*|\s*\d+:\d+(:\d+(\.\d+)?)?\s*"
)
_MONTHS = {"month": 1, "mon": 1, "year": 12, "yr": 12, "y": 12, "decade": 120, "dec": 120,
           "century": 1200, "centurie": 1200, "cent": 1200, "c": 1200, "millennium": 12_000,
           "mil": 12_000}  # fmt: skip
_DAYS = {"day": 1, "d": 1, "week": 7, "w": 7}
_TIMES_US = {
    "hour": 3_600_000_000, "hr": 3_600_000_000, "h": 3_600_000_000, "minute": 60_000_000,
    "min": 60_000_000, "m": 60_000_000, "second": 1_000_000, "sec": 1_000_000, "s": 1_000_000,
    "millisecond": 1_000, "msec": 1_000, "ms": 1_000, "microsecond": 1, "usec": 1, "us": 1,
}  # fmt: skip
_VERBOSE = re.compile(
    r"\s*(?:(?P<clock_sign>[+-]?)(?P<hours>\d+):(?P<minutes>\d\d?)(?::(?P<seconds>\d\d?(?:\.\d*)?))?"
    r"|(?P<number>[+-]?\d+(?:\.\d*)?|[+-]?\.\d+)\s*(?P<unit>[A-Za-z]+)?)(?=[\s+-]|\d|$)"
)
_ISO = re.compile(
    r"P(?:(?P<Y>-?[\d.]+)Y)?(?:(?P<M>-?[\d.]+)M)?(?:(?P<W>-?[\d.]+)W)?(?:(?P<D>-?[\d.]+)D)?"
    r"(?:T(?:(?P<h>-?[\d.]+)H)?(?:(?P<m>-?[\d.]+)M)?(?:(?P<s>-?[\d.]+)S)?)?"
)
_ISO_UNITS = {"Y": "year", "M": "month", "W": "week", "D": "day", "h": "hour", "m": "minute",
              "s": "second"}  # fmt: skip


def interval_literal(text: str) -> str | None:
    """The constant as DuckDB reads it; None where it reads `text` itself, or nobody can."""
    if _SIMPLE.fullmatch(text):
        return None
    fields = _iso(text.strip()) if text.strip().startswith("P") else _verbose(text)
    if not fields:
        return None
    months, days, time_us = Decimal(0), Decimal(0), Decimal(0)
    for number, unit in fields:
        if unit in _MONTHS:
            months += number * _MONTHS[unit]
        elif unit in _DAYS:
            days += number * _DAYS[unit]
        elif unit in _TIMES_US:
            time_us += number * _TIMES_US[unit]
        else:
            return None
    days += (months - int(months)) * 30  # fractions go down, a month being 30 days
    time_us += (days - int(days)) * _DAY_US
    return f"{int(months)} months {int(days)} days {round(time_us)} microseconds"


def unknown_unit(text: str) -> bool:
    """Whether the constant names a unit that there is not."""
    known = {*_MONTHS, *_DAYS, *_TIMES_US, "ago", "quarter", "to", "infinity"}
    words = [word.lower() for word in re.findall(r"[A-Za-z]+", text)]
    iso = text.strip().startswith("P")
    return not iso and any(w not in known and w.removesuffix("s") not in known for w in words)


def _verbose(text: str) -> list[tuple[Decimal, str]]:
    rest = text.strip().removeprefix("@").rstrip()
    ago = rest.lower().endswith("ago")
    rest = (rest[:-3] if ago else rest).strip()
    fields, at = [], 0
    while at < len(rest):
        found = _VERBOSE.match(rest, at)
        if found is None:
            return []
        at = found.end()
        if found["hours"]:
            us = (int(found["hours"]) * 3600 + int(found["minutes"]) * 60) * _SECOND_US
            us += int(Decimal(found["seconds"] or 0) * _SECOND_US)
            fields.append((Decimal(-us if found["clock_sign"] == "-" else us), "us"))
        else:
            unit = (found["unit"] or "s").lower()  # a bare number is seconds
            known = unit in _MONTHS or unit in _DAYS or unit in _TIMES_US
            fields.append((Decimal(found["number"]), unit if known else unit.removesuffix("s")))
    return [(-number, unit) for number, unit in fields] if ago else fields


def _iso(text: str) -> list[tuple[Decimal, str]]:
    found = _ISO.fullmatch(text)
    if found is None:
        return []
    return [(Decimal(found[key]), unit) for key, unit in _ISO_UNITS.items() if found[key]]
