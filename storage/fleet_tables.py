"""The fleet by group, each second and each minute: two tables, and how seconds make minutes."""

from __future__ import annotations

from orbitwin.catalogue import DERIVED, SEVERITIES
from storage.fields import FLEET, SHELL, spread
from storage.table import Field, Table

PLANES_PER_BLOCK = 16
"""Neighbouring planes that the fleet's rollups keep apart: fewer rows, and still a map."""

SUMMED = ("power_margin_w", "job_throughput_tops")
"""Derived states whose sum over satellites means something."""

_COUNTS = {
    "satellites": "satellites of the group",
    "reporting": "of these, with a packet in the second",
    "stale": "of these, stale",
    "sunlit": "of these, lit by the Sun",
} | {s: f"of these, not stale and of severity {s}" for s in SEVERITIES}


def _table(name: str, what: str, count_type: str, count_text: str) -> Table:
    """A rollup by group. Segments hold a part a chunk, which add up; the view adds them up."""
    keys = (
        Field("ts", "TIMESTAMPTZ", f"start of the {what}, event time"),
        FLEET,
        SHELL,
        Field("plane_block", "INTEGER", f"plane divided by {PLANES_PER_BLOCK}"),
    )
    counts = tuple(Field(n, count_type, text + count_text, "1") for n, text in _COUNTS.items())
    stored: list[Field] = []
    shown: list[Field] = []
    select = ["ts", "fleet", "shell", "plane_block"]
    select += [f"CAST(sum({n}) AS {count_type}) AS {n}" for n in _COUNTS]
    for d, (unit, _, _, text) in DERIVED.items():
        mean, low, high = spread(d, "mean over satellites that are not stale")
        stored += [
            Field(f"{d}_n", "INTEGER", "values in the sum"),
            Field(f"{d}_sum", "DOUBLE", f"sum: {text}", unit),
            low,
            high,
        ]
        shown += [mean, low, high]
        select += [
            f"CAST(sum({d}_sum) / nullif(sum({d}_n), 0) AS {mean.type}) AS {mean.name}",
            f"min({low.name}) AS {low.name}",
            f"max({high.name}) AS {high.name}",
        ]
        if d in SUMMED:
            shown.append(Field(f"{d}_sum", "DOUBLE", f"sum over satellites: {text}", unit))
            select.append(f"sum({d}_sum / seconds) AS {d}_sum")
    return Table(
        name,
        f"the fleet by shell and block of {PLANES_PER_BLOCK} planes, each {what}",
        (*keys, *counts, *shown),
        ring=True,
        select=", ".join(select),
        group_by="ts, fleet, shell, plane_block",
        stored=(
            *keys[:2],
            Field("chunk", "INTEGER", "chunk of the fleet that gave this part"),
            *keys[2:],
            Field("seconds", "INTEGER", "seconds in the sums"),
            *counts,
            *stored,
        ),
    )


FLEET_1S = _table("fleet_1s", "second", "INTEGER", "")
FLEET_1M = _table("fleet_1m", "minute", "FLOAT", ", mean over the minute's seconds")


def minute_of_seconds(source: str, keys: str, low_us: int, high_us: int) -> str:
    """SQL that folds the seconds in `source` to minutes; `keys` holds (minute, fleet, chunk).

    All minutes lie in `low_us`..`high_us` (UTC us): what is older need not be looked at.
    """
    made = ["k.minute AS ts", "s.fleet", "s.chunk", "s.shell", "s.plane_block"]
    made.append("CAST(sum(s.seconds) AS INTEGER) AS seconds")
    made += [f"CAST(avg(s.{n}) AS FLOAT) AS {n}" for n in _COUNTS]
    for d in DERIVED:
        made += [
            f"CAST(sum(s.{d}_n) AS INTEGER) AS {d}_n",
            f"sum(s.{d}_sum) AS {d}_sum",
            f"min(s.{d}_min) AS {d}_min",
            f"max(s.{d}_max) AS {d}_max",
        ]
    return (
        f"SELECT {', '.join(made)} FROM {source} s JOIN {keys} k ON s.fleet = k.fleet "
        "AND s.chunk = k.chunk AND time_bucket(INTERVAL 1 MINUTE, s.ts) = k.minute "
        f"WHERE s.ts >= make_timestamptz({low_us}) AND s.ts < make_timestamptz({high_us}) "
        "GROUP BY k.minute, s.fleet, s.chunk, s.shell, s.plane_block "
        "ORDER BY k.minute, s.fleet, s.chunk, s.shell, s.plane_block"
    )
