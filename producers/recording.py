"""A recording: the rows of one or several files of a vehicle type, as columns, ready to play."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from orbitwin import log as logs
from orbitwin.catalogue import Vehicle
from orbitwin.errors import UsageError
from producers.matching import CONTRACT_TIME, Match, expected, match
from producers.sources import Table
from producers.times import BAD_TIME, numbers, times_us

MAX_NAMED = 12  # unmatched columns that a log line names
YEAR_1971_US = 365 * 86_400 * 1_000_000

_log = logs.get("recording")


@dataclass(frozen=True)
class Letter:
    """A row that cannot be telemetry, with what it held."""

    file: str
    sheet: str
    row: int
    reason: str
    message: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """Rows in the order of the files. Arrays have shape (rows,) unless told otherwise.

    `satellite` indexes `sat_id` and `sat_name` (shape (satellites,)). `seq` counts a satellite's
    packets of one kind in the files' order, so that playing them again gives the same numbers.
    `codes[name]` are quantised values; `has[packet]` tells which rows bring that packet, and
    `seq[packet]` its number there.
    """

    sat_id: NDArray[np.int64]
    sat_name: list[str]
    satellite: NDArray[np.int64]
    t_us: NDArray[np.int64]
    seq: dict[str, NDArray[np.int64]]
    codes: dict[str, np.ndarray]
    has: dict[str, NDArray[np.bool_]]
    letters: list[Letter]

    @property
    def rows(self) -> int:
        return len(self.t_us)


class _Satellites:
    """Gives each satellite of the files one index, one id and one name."""

    def __init__(self, first_id: int | None) -> None:
        self.ids: list[int] = []
        self.names: list[str] = []
        self._index: dict[int | str, int] = {}
        self._first_id = first_id

    def by_id(self, sat_id: int, name: str | None) -> int:
        index = self._index.get(sat_id)
        if index is None:
            index = self._add(sat_id, sat_id, name or str(sat_id))
        return index

    def by_name(self, name: str) -> int:
        index = self._index.get(name)
        if index is None:
            sat_id = zlib.crc32(name.encode())  # the same in every recording of the satellite
            if self._first_id is not None:
                sat_id = self._first_id + len(self.ids)
            while sat_id in self._index:
                sat_id += 1
            self._index[sat_id] = len(self.ids)
            index = self._add(name, sat_id, name)
        return index

    def _add(self, key: int | str, sat_id: int, name: str) -> int:
        self._index[key] = len(self.ids)
        self.ids.append(sat_id)
        self.names.append(name)
        return self._index[key]


def record(
    tables: Sequence[Table],
    vehicle: Vehicle,
    time_column: str | None = None,
    first_sat_id: int | None = None,
) -> Recording:
    """Put tables together. Rows without a usable time or satellite become letters.

    A table with a column `sat_id` or `name` tells its satellites; any other file is one
    satellite by the name of the file. Its id is the CRC-32 of that name, unless `first_sat_id`
    numbers the files in their order.
    Raises UsageError when nothing matches or no row has a time.
    """
    satellites = _Satellites(first_sat_id)
    parts: list[_Part] = []
    letters: list[Letter] = []
    skipped: list[tuple[Table, str]] = []
    unused: dict[str, dict[str, None]] = {}
    for table in tables:
        found = match(table.frame.columns, vehicle, time_column)
        why = _unusable(table, found, vehicle, time_column)
        if why:
            skipped.append((table, why))
            continue
        unused.setdefault(table.path.name, {}).update(dict.fromkeys(found.unmatched))
        letters += [
            Letter(table.path.name, table.sheet, b.row, b.reason, b.message, {"text": b.text})
            for b in table.bad
        ]
        part, bad = _part(table, found, vehicle, satellites)
        parts.append(part)
        letters += bad
    for file, names in unused.items():
        _say_unused(file, list(names))
    for table, why in skipped if parts else ():
        _log.warning(f"{table.title} is left out: {why}")
    if not parts:
        where, why = skipped[0]
        raise UsageError(f"{where.path}: {why}", _advice(where, vehicle))
    if not any(len(part.t_us) for part in parts):
        raise UsageError(
            f"{tables[0].path}: no row has a usable time ({len(letters)} rows read)",
            f"the time column is {vehicle.time_column or CONTRACT_TIME!r} in "
            f"{vehicle.time_unit}; name another with --time-column",
        )
    return _joined(parts, vehicle, satellites, letters)


@dataclass(frozen=True)
class _Part:
    """The good rows of one table."""

    satellite: NDArray[np.int64]
    t_us: NDArray[np.int64]
    seq: NDArray[np.int64]  # -1 where the file does not tell
    codes: dict[str, np.ndarray]
    packet: NDArray[np.str_] | None


def _part(
    table: Table, found: Match, vehicle: Vehicle, satellites: _Satellites
) -> tuple[_Part, list[Letter]]:
    frame = table.frame
    assert found.time is not None
    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series().to_numpy()
    t_us = times_us(frame[found.time], found.time_unit, table.day_us)
    satellite, lost = _satellites(table, found, satellites)
    reasons = {
        "bad_time": (t_us == BAD_TIME, f"no time in {found.time!r}"),
        "bad_satellite": (lost, f"no satellite in {found.roles.get('sat_id', 'sat_id')!r}"),
    }
    if "vehicle" in found.roles:
        other = (frame[found.roles["vehicle"]].cast(pl.String) != vehicle.name).fill_null(False)
        reasons["wrong_vehicle"] = (other.to_numpy(), f"expected vehicle {vehicle.name!r}")
    good = ~blank
    letters = []
    for reason, (is_bad, message) in reasons.items():
        for row in np.flatnonzero(is_bad & good).tolist():
            letters.append(_letter(table, row, reason, message))
        good &= ~is_bad
    seq = np.full(len(t_us), -1, dtype=np.int64)
    if "seq" in found.roles:
        told = numbers(frame[found.roles["seq"]])
        seq = np.where((told >= 0) & (told < 2**53), np.nan_to_num(told), -1).astype(np.int64)
    codes = {}
    for name, header in found.parameters.items():
        column, values = vehicle.parameters[name], numbers(frame[header])[good]
        codes[name] = column.encode_measured(values)
        unsaid = int(column.is_missing(codes[name]).sum()) - int((~np.isfinite(values)).sum())
        if unsaid:
            _log.warning(
                f"{table.title}: {unsaid} values of {header!r} cannot be and count as missing: "
                f"{name} is {column.low:g} to {column.high:g} {column.unit}"
            )
    packet = None
    if "packet" in found.roles:
        packet = frame[found.roles["packet"]].cast(pl.String).fill_null("").to_numpy()[good]
    return _Part(satellite[good], t_us[good], seq[good], codes, packet), letters


def _satellites(
    table: Table, found: Match, satellites: _Satellites
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Each row's satellite index, and where a row does not tell one."""
    rows = table.frame.height
    names: list[str | None] | None = None
    if "name" in found.roles:
        names = table.frame[found.roles["name"]].cast(pl.String).to_list()
    if "sat_id" in found.roles:
        text = table.frame[found.roles["sat_id"]].cast(pl.String)
        # Not through a float: ids have up to 63 bits. A spreadsheet writes 7 as 7.0.
        ids = text.str.strip_chars().str.replace(r"\.0+$", "").cast(pl.Int64, strict=False)
        index = [
            -1 if sat_id is None else satellites.by_id(sat_id, names[row] if names else None)
            for row, sat_id in enumerate(ids.to_list())
        ]
    elif names is not None:
        index = [-1 if not name else satellites.by_name(name) for name in names]
    else:
        index = [satellites.by_name(table.path.stem)] * rows
    found_at = np.array(index, dtype=np.int64)
    return found_at, found_at < 0


def _joined(
    parts: list[_Part], vehicle: Vehicle, satellites: _Satellites, letters: list[Letter]
) -> Recording:
    sizes = [len(part.t_us) for part in parts]
    codes = {}
    for name, column in vehicle.parameters.items():
        if any(name in part.codes for part in parts):
            codes[name] = np.concatenate(
                [
                    part.codes.get(name, np.full(size, column.missing, dtype=column.dtype))
                    for part, size in zip(parts, sizes, strict=True)
                ]
            )
    satellite = np.concatenate([part.satellite for part in parts])
    told = np.concatenate([part.seq for part in parts])
    has = _packets(parts, vehicle, codes, sum(sizes))
    return Recording(
        np.array(satellites.ids, dtype=np.int64),
        satellites.names,
        satellite,
        np.concatenate([part.t_us for part in parts]),
        {
            packet: np.where(told >= 0, told, _running(satellite, rows))
            for packet, rows in has.items()
        },
        codes,
        has,
        letters,
    )


def _running(satellite: NDArray[np.int64], has: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many rows of the same satellite with this packet come before (shape (rows,))."""
    frame = pl.DataFrame({"s": satellite, "h": has})
    return frame.select((pl.col("h").cum_sum() - 1).over("s")).to_series().cast(pl.Int64).to_numpy()


def _packets(
    parts: list[_Part], vehicle: Vehicle, codes: dict[str, np.ndarray], rows: int
) -> dict[str, NDArray[np.bool_]]:
    """Which rows bring which packet: as they say, else those with a value of it."""
    if len(vehicle.packets) == 1:
        return {name: np.ones(rows, dtype=bool) for name in vehicle.packets}
    said = np.concatenate(
        [np.full(len(p.t_us), "") if p.packet is None else p.packet for p in parts]
    )
    has = {}
    for name, packet in vehicle.packets.items():
        valued = np.zeros(rows, dtype=bool)
        for column in packet.columns:
            if column.name in codes:
                valued |= ~column.is_missing(codes[column.name])
        has[name] = np.where(said == "", valued, said == name)
    return has


def _letter(table: Table, row: int, reason: str, message: str) -> Letter:
    values = table.frame.row(row, named=True)
    return Letter(table.path.name, table.sheet, table.row_number(row), reason, message, values)


def _unusable(table: Table, found: Match, vehicle: Vehicle, time_column: str | None) -> str | None:
    if table.frame.height == 0 or not table.frame.columns:
        return f"{table.title} has no rows"
    if not found.parameters:
        return f"no column of {table.title} is a parameter of {vehicle.name}"
    if found.time is None:
        wanted = time_column or vehicle.time_column or CONTRACT_TIME
        return f"{table.title} has no time column {wanted!r}"
    return None


def _advice(table: Table, vehicle: Vehicle) -> str:
    found = match(table.frame.columns, vehicle)
    if found.parameters:
        names = ", ".join(repr(c) for c in table.frame.columns[:MAX_NAMED])
        return f"name it with --time-column; the file has {names}"
    if not table.frame.height:
        return "nothing to play"
    return f"expected {expected(vehicle)}; another vehicle type is given with --vehicle"


def _say_unused(file: str, names: list[str]) -> None:
    if names:
        shown = ", ".join(repr(name) for name in names[:MAX_NAMED])
        more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        _log.info(f"{file}: columns not used: {shown}{more}")


def read(
    paths: Sequence[Path],
    vehicle: Vehicle,
    read_tables: Callable[[Path], list[Table]],
    time_column: str | None = None,
    first_sat_id: int | None = None,
) -> Recording:
    """The recording that these files hold, in their order. Raises UsageError."""
    tables = [table for path in paths for table in read_tables(path)]
    recording = record(tables, vehicle, time_column, first_sat_id)
    if recording.t_us.max() < YEAR_1971_US:
        _log.warning(
            "the times count from 1970 because neither sheet nor file is named by a day; "
            "give --start-epoch or --shift-to-now to move them"
        )
    return recording
