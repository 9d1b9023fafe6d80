"""Which column of a user's table is which parameter of the vehicle type."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from orbitwin.catalogue import Vehicle

DEGREE_SIGNS = "°º˚"  # the degree sign, and two that people type in its place
ROLES = {
    "sat_id": ("sat_id", "satellite_id", "norad_cat_id"),
    "name": ("name", "sat_name", "satellite"),
    "seq": ("seq",),
    "packet": ("packet",),
    "vehicle": ("vehicle",),
}
"""Columns that are no parameter, by the names they go by."""

CONTRACT_TIME = "t_event_us"  # what the contract's own JSON records call their time


@dataclass(frozen=True)
class Match:
    """Columns of a table by what they mean. `time_unit` is that of the `time` column."""

    parameters: dict[str, str]
    roles: dict[str, str]
    time: str | None
    time_unit: str
    unmatched: tuple[str, ...]


def plain(name: str) -> str:
    """A column's name without case, spaces and the many ways to write a degree sign."""
    for sign in DEGREE_SIGNS:
        name = name.replace(sign, "deg")
    # NFKC after that: it turns the one-character ℃ into °C, and º into an o.
    name = unicodedata.normalize("NFKC", name).replace("°", "deg")
    return "".join(name.casefold().split())


def match(headers: Sequence[str], vehicle: Vehicle, time_column: str | None = None) -> Match:
    """Match a table's columns with a vehicle type's parameters, by name or alias.

    `time_column` goes before the vehicle's own. Of two columns that mean the same parameter the
    first counts, the other is unmatched.
    """
    wanted = {plain(name): name for name in vehicle.parameters}
    wanted |= {plain(alias): name for alias, name in vehicle.aliases.items()}
    by_plain: dict[str, str] = {}
    for header in headers:
        by_plain.setdefault(plain(header), header)
    time, unit = None, vehicle.time_unit
    for candidate in (time_column, vehicle.time_column):
        if candidate is not None and time is None:
            time = by_plain.get(plain(candidate))
    if time is None and CONTRACT_TIME in by_plain:
        time, unit = by_plain[CONTRACT_TIME], "us"
    roles = {
        role: next(by_plain[plain(n)] for n in names if plain(n) in by_plain)
        for role, names in ROLES.items()
        if any(plain(n) in by_plain for n in names)
    }
    taken = {time, *roles.values()}
    parameters: dict[str, str] = {}
    for header in headers:
        parameter = wanted.get(plain(header))
        if parameter is not None and header not in taken and parameter not in parameters:
            parameters[parameter] = header
    known = taken | set(parameters.values())
    return Match(parameters, roles, time, unit, tuple(h for h in headers if h not in known))


def expected(vehicle: Vehicle) -> str:
    """What a table of this vehicle type may have as columns, for a message."""
    names = [
        " or ".join([name, *(repr(a) for a, of in vehicle.aliases.items() if of == name)])
        for name in vehicle.parameters
    ]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
