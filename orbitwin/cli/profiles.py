"""orbitwin profiles: the fleets that come with the product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from orbitwin.cli import options

if TYPE_CHECKING:
    from orbitwin.profile import Profile

EXAMPLES = """
orbitwin profiles
orbitwin profiles suncatcher_81
orbitwin profiles mine.toml --json
"""

Name = Annotated[
    str | None, typer.Argument(metavar="[NAME|FILE]", help="Explain this one, or check a file.")
]


def profiles(name: Name = None, json: options.Json = False) -> None:
    """List the fleet profiles, or explain one: its numbers, and the evidence of each."""
    from orbitwin.cli.output import print_json, print_table
    from orbitwin.profile import load, shipped

    if name is None:
        found = [_summary(load(known)) for known in shipped()]
        if json:
            print_json({"profiles": found})
        else:
            columns = ("name", "satellites", "vehicle", "title")
            print_table(columns, [[entry[key] for key in columns] for entry in found])
        return
    profile = load(name)
    if json:
        print_json({**_summary(profile), **profile.model_dump(mode="json", exclude={"profile"})})
    else:
        _explain(name, profile)


def _summary(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "title": profile.title,
        "vehicle": profile.vehicle,
        "satellites": profile.satellites,
        "period_s": profile.period_s,
        "payload_full_w": profile.payload_full_w,
        "rated_tops": profile.rated_tops,
        "job_mtbf_s": profile.job_mtbf_s,
        "checkpoint_interval_s": profile.checkpoint_interval_s,
    }


def _explain(name: str, profile: Profile) -> None:
    """What follows from the numbers, then the file itself: its comments are the explanation."""
    from pathlib import Path

    from orbitwin.profile import shipped
    from orbitwin.toml_source import read_text

    summary = _summary(profile)
    width = max(len(key) for key in summary)
    for key, value in summary.items():
        print(
            f"{key:<{width}}  {value:,.6g}"
            if isinstance(value, float)
            else f"{key:<{width}}  {value}"
        )
    print(f"{'orbitwin up':<{width}}  orbitwin up --profile {name}")
    print()
    print(read_text(shipped().get(name, Path(name))).rstrip())
