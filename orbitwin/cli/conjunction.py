"""orbitwin conjunction: what messages say of two objects, or who of a catalogue comes near whom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orbitwin.cli import options

if TYPE_CHECKING:
    from orbitwin.cdm import ConjunctionMessage

EXAMPLES = """
orbitwin conjunction event.cdm
orbitwin conjunction cdm/*.cdm --hbr 15
orbitwin conjunction event.xml --json
orbitwin conjunction --screen starlink.json.gz --threshold-km 5 --hours 24
"""

DEFAULT_HBR_M = 20.0  # of both objects together; what NASA CARA's own examples use
SLOW_M_S = 10.0  # below, a pass takes so long that it is no straight line
MISS_SHARE, MISS_M = 0.01, 1.0  # how far a stated miss distance may be from that of the states

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        help="CDM files (CCSDS 508.0-B), KVN or XML, - for stdin; with --screen OMM files.",
    ),
]
Hbr = Annotated[
    float | None,
    typer.Option(
        "--hbr",
        metavar="METRES",
        min=0,
        help=f"Combined hard-body radius where a message has none (default {DEFAULT_HBR_M:g}).",
    ),
]
Screen = Annotated[
    bool, typer.Option("--screen", help="Find who of the satellites in OMM files comes near whom.")
]
Threshold = Annotated[
    float | None,
    typer.Option("--threshold-km", metavar="KM", help="Screening: nearer than this (default 5)."),
]
Hours = Annotated[
    float | None,
    typer.Option("--hours", metavar="H", help="Screening: for so long (default 24)."),
]
Start = Annotated[
    str | None,
    typer.Option(
        "--start-epoch",
        metavar="TIME",
        help="Screening: from this time, ISO 8601 (else the newest of the elements).",
    ),
]


def conjunction(
    files: Files,
    hbr: Hbr = None,
    screen: Screen = False,
    threshold_km: Threshold = None,
    hours: Hours = None,
    start_epoch: Start = None,
    json: options.Json = False,
) -> None:
    """Read Conjunction Data Messages: closest approach and probability of collision of each.

    With --screen, find the closest approaches among the satellites of a catalogue, by SGP4.
    """
    if screen:
        _screen(files, hbr, threshold_km, hours, start_epoch, json)
        return
    _refuse({"--threshold-km": threshold_km, "--hours": hours, "--start-epoch": start_epoch}, True)
    _assess(files, hbr, json)


def _refuse(flags: dict[str, object], screening_wants_them: bool) -> None:
    from orbitwin.errors import UsageError

    for name, value in flags.items():
        if value is not None:
            with_or_without = "with" if screening_wants_them else "without"
            raise UsageError(f"{name} goes {with_or_without} --screen", "orbitwin conjunction -h")


def _screen(
    files: list[Path],
    hbr: float | None,
    threshold_km: float | None,
    hours: float | None,
    start_epoch: str | None,
    json: bool,
) -> None:
    from orbitwin.cli import screen as screening
    from orbitwin.cli.output import print_json, print_table
    from orbitwin.errors import UsageError

    _refuse({"--hbr": hbr}, False)
    threshold_km = screening.DEFAULT_THRESHOLD_KM if threshold_km is None else threshold_km
    hours = screening.DEFAULT_HOURS if hours is None else hours
    for name, value, most in (
        ("--threshold-km", threshold_km, screening.MOST_KM),
        ("--hours", hours, screening.MOST_HOURS),
    ):
        if not 0 < value <= most:
            raise UsageError(f"{name} {value:g}: expected more than 0, at most {most:g}")
    found = screening.screened(files, threshold_km, hours, start_epoch)
    found["start"] = _iso(found["start_us"])
    for each in found["approaches"]:
        each["tca"] = _iso(each["tca_us"])
    if json:
        print_json(found)
        return
    approaches = found["approaches"]
    print_table(
        ("tca", "object_1", "object_2", "miss_m", "speed_m_s"),
        [
            (
                each["tca"],
                *(f"{o['name']} ({o['sat_id']})" for o in each["objects"]),
                round(each["miss_distance_m"], 1),
                round(each["relative_speed_m_s"], 2),
            )
            for each in approaches[: screening.SHOWN]
        ],
    )
    shown = (
        f"; the nearest {screening.SHOWN} are shown, --json has all"
        if (len(approaches) > screening.SHOWN)
        else ""
    )
    print(
        f"{len(approaches)} approaches under {threshold_km:g} km among {found['satellites']} "
        f"satellites, {hours:g} h from {found['start']}{shown}"
    )
    for note in found["notes"]:
        print(note)


def _assess(files: list[Path], hbr: float | None, json: bool) -> None:
    import math
    import sys

    from orbitwin.cdm import read
    from orbitwin.cli.output import print_json, print_table
    from orbitwin.errors import EXIT_USAGE, UsageError

    if hbr is not None and not math.isfinite(hbr):
        raise UsageError(f"--hbr {hbr} is no radius", "give metres, such as --hbr 20")
    found: list[dict[str, Any]] = []
    broken: list[UsageError] = []
    for file in files:
        try:
            found += [assess(message, hbr) for message in read(file)]
        except UsageError as mistake:
            broken.append(mistake)
    if json:
        print_json({"conjunctions": found})
    elif found:
        columns = (
            "tca", "object_1", "object_2", "miss_m", "speed_m_s", "pc", "hbr_m", "hbr_from",
        )  # fmt: skip
        print_table(columns, [_row(entry) for entry in found])
        for entry in found:
            for note in entry["notes"]:
                print(f"{entry['file']}:{entry['line']}: {note}")
    for error in broken:
        print(f"orbitwin: {error.message}", file=sys.stderr)
    if broken:
        raise typer.Exit(EXIT_USAGE)


def assess(message: ConjunctionMessage, hbr: float | None) -> dict[str, Any]:
    """A message as JSON: what it says, what its states and covariances give, and notes."""
    import numpy as np

    from orbitwin.physics.conjunction import encounter, is_covariance, probability_of_collision

    if message.hbr_m is not None:
        hbr_m, hbr_from = message.hbr_m, "message"
    elif hbr is not None:
        hbr_m, hbr_from = hbr, "--hbr"
    else:
        hbr_m, hbr_from = DEFAULT_HBR_M, "default"
    relative_m, relative_m_s = message.relative_state()
    miss_m, speed_m_s = float(np.linalg.norm(relative_m)), float(np.linalg.norm(relative_m_s))
    covariance_m2 = message.combined_covariance_m2()
    notes = []
    pc = None
    if hbr_from == "default":
        notes.append(f"no hard-body radius in the message: {DEFAULT_HBR_M:g} m is assumed")
    stated_m = message.miss_distance_m
    if stated_m is not None and abs(stated_m - miss_m) > max(MISS_M, MISS_SHARE * miss_m):
        notes.append(f"the states are {miss_m:,.1f} m apart, the message says {stated_m:,.1f} m")
    notes += [
        f"the covariance of {name} is not positive semi-definite"
        for name, each in zip(("OBJECT1", "OBJECT2"), message.objects, strict=True)
        if each.covariance_rtn_m2 is not None and not is_covariance(each.covariance_rtn_m2)
    ]
    if covariance_m2 is None:
        notes.append("an object has no covariance: no probability of collision")
    elif speed_m_s == 0:
        notes.append("the objects do not move relative to one another: no probability of collision")
    else:
        at = encounter(relative_m, relative_m_s, covariance_m2)
        pc = float(probability_of_collision(at, hbr_m))
        if at.clipped:
            notes.append("the covariance is not positive semi-definite: its negative part is cut")
        if at.minor_m == 0:
            notes.append("the covariance has no extent in the encounter plane's minor axis")
        if speed_m_s < SLOW_M_S:
            notes.append(f"slow pass ({speed_m_s:.3g} m/s): the probability assumes a straight one")
    return {
        "file": message.file,
        "line": message.line,
        "message_id": message.message_id,
        "objects": [{"designator": each.designator, "name": each.name} for each in message.objects],
        "tca": _iso(message.tca_us),
        "tca_us": message.tca_us,
        "miss_distance_m": miss_m,
        "relative_speed_m_s": speed_m_s,
        "probability_of_collision": pc,
        "stated_probability_of_collision": message.stated_pc,
        "hbr_m": hbr_m,
        "hbr_from": hbr_from,
        "notes": notes,
    }


def _row(entry: dict[str, Any]) -> list[Any]:
    pc = entry["probability_of_collision"]
    return [
        entry["tca"],
        *(each["name"] or each["designator"] for each in entry["objects"]),
        round(entry["miss_distance_m"], 1),
        round(entry["relative_speed_m_s"], 2),
        None if pc is None else float(f"{pc:.3e}"),
        entry["hbr_m"],
        entry["hbr_from"],
    ]


def _iso(t_us: int) -> str:
    from datetime import UTC, datetime, timedelta

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=t_us)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
