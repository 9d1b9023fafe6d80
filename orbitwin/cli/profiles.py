"""orbitwin profiles: the fleets that come with the product, and what follows from each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orbitwin.cli import options

if TYPE_CHECKING:
    from orbitwin.profile import Profile
    from orbitwin.profile_facts import Facts
    from orbitwin.shell_facts.shell import ShellFacts

EXAMPLES = """
orbitwin profiles
orbitwin profiles three_tier
orbitwin profiles three_tier --sketch -
orbitwin profiles chenguang_16 --sketch chenguang.svg
orbitwin profiles suncatcher_81 --file > mine.toml
orbitwin profiles mine.toml --json
"""

Name = Annotated[
    str | None, typer.Argument(metavar="[NAME|FILE]", help="Explain this one, or check a file.")
]
File = Annotated[bool, typer.Option("--file", help="Print the profile's TOML itself.")]
Sketch = Annotated[
    str | None,
    typer.Option(
        "--sketch", metavar="FILE.svg", help="Draw the layout; - draws it in the terminal."
    ),
]


def profiles(
    name: Name = None, file: File = False, sketch: Sketch = None, json: options.Json = False
) -> None:
    """List the fleet profiles, or explain one: what follows from its numbers.

    Each number's evidence stands beside it in the file (--file).
    """
    from orbitwin.cli.output import print_json
    from orbitwin.errors import UsageError
    from orbitwin.profile import load

    if file + (sketch is not None) + json > 1:
        raise UsageError("--file, --sketch and --json exclude each other")
    if name is None:
        if file or sketch is not None:
            raise UsageError("which profile?", "orbitwin profiles NAME --file")
        _list(json)
        return
    profile = load(name)
    if file:
        print(_text(name).rstrip())
    elif sketch is not None:
        _draw(profile, sketch)
    elif json:
        from dataclasses import asdict

        from orbitwin.profile_facts import facts, summary

        print_json(
            {
                **asdict(summary(profile)),
                "facts": facts(profile).document(),
                "profile": profile.model_dump(mode="json"),
            }
        )
    else:
        _explain(name, profile)


def _list(json: bool) -> None:
    from dataclasses import asdict

    from orbitwin.cli.output import print_json, print_table
    from orbitwin.profile import load, shipped
    from orbitwin.profile_facts import summary

    found = [summary(load(known)) for known in shipped()]
    if json:
        print_json({"profiles": [asdict(line) for line in found]})
        return
    print_table(
        ("name", "satellites", "shells", "kW", "TOPS", "title"),
        [
            (s.name, s.satellites, s.shells, round(s.array_new_kw), round(s.peak_tops), s.title)
            for s in found
        ],
    )


def _text(name: str) -> str:
    from orbitwin.profile import shipped
    from orbitwin.toml_source import read_text

    return read_text(shipped().get(name, Path(name)))


def _draw(profile: Profile, where: str) -> None:
    from orbitwin.errors import UsageError
    from orbitwin.sketch.braille import braille
    from orbitwin.sketch.svg import svg
    from orbitwin.sketch.view import shell_lines

    if where == "-":
        lines = [braille(profile)]
        for shell, (orbit, counts) in zip(profile.shell, shell_lines(profile), strict=True):
            lines.append(f"{shell.name}: {orbit}; {counts}")
        try:
            print("\n".join(lines))
        except UnicodeEncodeError as error:
            raise UsageError(
                f"output in {error.encoding} cannot show a sketch",
                "--sketch FILE.svg, or PYTHONIOENCODING=utf-8",
            ) from None
        return
    try:
        Path(where).write_text(svg(profile), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{where}: cannot write the file: {error.strerror}") from None


def _explain(name: str, profile: Profile) -> None:
    """The file's opening words, the facts as tables, and how to start it."""
    from orbitwin.cli.output import print_table
    from orbitwin.profile_facts import facts

    print(profile.title)
    print()
    for line in _text(name).splitlines():
        if line and not line.startswith("#"):
            break
        print(line.removeprefix("#").removeprefix(" "))
    found = facts(profile)
    for title, columns, rows in (
        _orbits(found),
        _power(found),
        _heat(found),
        _links(found),
        _work(found),
        _radiation(found),
    ):
        print_table(columns, rows, title)
    beyond = ", ".join(s.name for s in found.shells if s.radiation.of_nearest_altitude)
    if beyond:
        print(f"The proton model ends at 300 and 2,000 km; {beyond}: as at the nearer of them.")
    if found.deployment:
        waves = ", ".join(f"{w.satellites:,} in year {w.years:g}" for w in found.deployment)
        print(f"Satellites that fly: {waves}.")
    few = "" if found.satellites <= MOST_AT_ONCE else f" --satellites {MOST_AT_ONCE}"
    array = _scaled(found.fleet_array_new_w / 1e3, ("kW", "MW", "GW"))
    work = _scaled(found.fleet_peak_tops, ("TOPS", "POPS", "EOPS", "ZOPS"))
    print(f"Fleet: {array} of array, {work}.")
    print()
    print(f"orbitwin up --profile {name}{few}")
    print(f"orbitwin profiles {name} --sketch -")
    print(f"orbitwin profiles {name} --file")


MOST_AT_ONCE = 20_000  # satellites that a small machine runs without a thought

Table = tuple[str, tuple[str, ...], list[tuple[object, ...]]]


def _scaled(value: float, units: tuple[str, ...]) -> str:
    """A value in the largest of units, a thousand apart, in which it is at least 1."""
    place = 0
    while value >= 1000 and place < len(units) - 1:
        value, place = value / 1000, place + 1
    return f"{value:,.3g} {units[place]}"


def _orbits(found: Facts) -> Table:
    columns = (
        "shell", "satellites", "km", "inclination", "period min", "planes",
        "in the sun %", "longest night min", "least days with night",
    )  # fmt: skip
    return (
        "Orbits, and a year of light",
        columns,
        [
            (
                s.name,
                s.satellites,
                round(s.orbit.altitude_km, 1),
                round(s.orbit.inclination_deg, 2),
                round(s.orbit.period_min, 2),
                s.orbit.planes,
                _sunlit(s),
                round(s.eclipse.longest_min, 1),
                round(s.eclipse.days_per_year),
            )
            for s in found.shells
        ],
    )


def _sunlit(s: ShellFacts) -> str:
    least, most = s.eclipse.sunlit_least_plane_ratio, s.eclipse.sunlit_most_plane_ratio
    if most - least < 0.01:
        return f"{100 * s.eclipse.sunlit_ratio:.1f}"
    return f"{100 * least:.1f} to {100 * most:.1f}"


def _power(found: Facts) -> Table:
    columns = (
        "shell", "array new kW", "bus in sun kW", "load kW", "margin kW",
        "balance Wh an orbit", "depth of discharge %",
    )  # fmt: skip
    return (
        "Power of a satellite, and its energy over the orbit with the longest night",
        columns,
        [
            (
                s.name,
                round(s.power.array_new_w / 1e3, 2),
                round(s.power.bus_w / 1e3, 2),
                round(s.power.load_w / 1e3, 2),
                round(s.power.margin_in_sun_w / 1e3, 2),
                round(s.energy.balance_wh),
                round(100 * s.energy.depth_of_discharge_ratio, 1),
            )
            for s in found.shells
        ],
    )


def _heat(found: Facts) -> Table:
    columns = ("shell", "W/m2", "radiator degC", "coolant degC", "chip degC", "headroom K", "works")
    return (
        "Heat at full load",
        columns,
        [
            (
                s.name,
                round(s.heat.radiator_w_m2),
                round(s.heat.radiator_degc, 1),
                round(s.heat.coolant_out_degc, 1),
                round(s.heat.chip_degc, 1),
                round(s.heat.headroom_k, 1),
                _works(s),
            )
            for s in found.shells
        ],
    )


def _works(s: ShellFacts) -> str:
    if s.heat.work_s is None or s.heat.rest_s is None:
        return "always" if s.heat.headroom_k > 0 else "throttled"
    return f"{s.heat.work_s / 60:.0f} min, then rests {s.heat.rest_s / 60:.0f} min"


def _links(found: Facts) -> Table:
    columns = (
        "shell", "to", "terminal", "km", "received dBm", "margin dB", "Gbps", "closes",
        "enough for 3 dB",
    )  # fmt: skip
    rows: dict[tuple[object, ...], list[str]] = {}
    for s in found.shells:
        for link in s.links:
            like = (
                s.name,
                link.terminal,
                _between(link.least_km, link.most_km),
                round(link.received_dbm, 1),
                round(link.margin_db, 1),
                round(link.rate_gbps),
                "yes" if link.closes else "NO",
                link.enough or "none",
            )
            rows.setdefault(like, []).append(link.to)
    return (
        "Links at their longest",
        columns,
        [(like[0], ", ".join(to), *like[1:]) for like, to in rows.items()],
    )


def _between(least: float, most: float) -> str:
    low, high = f"{least:,.4g}", f"{most:,.4g}"
    return low if low == high else f"{low} to {high}"


def _work(found: Facts) -> Table:
    columns = (
        "shell", "job", "chips", "TOPS", "rated TOPS", "satellites a job",
        "job fails every", "checkpoint every", "goodput %",
    )  # fmt: skip
    return (
        "Work of a satellite",
        columns,
        [
            (
                s.name,
                s.job,
                s.compute.chips,
                round(s.compute.peak_tops),
                round(s.compute.rated_tops),
                s.compute.job_satellites,
                _span(s.compute.job_mtbf_s),
                _span(s.compute.checkpoint_interval_s),
                round(100 * s.compute.goodput_ratio, 1),
            )
            for s in found.shells
        ],
    )


def _radiation(found: Facts) -> Table:
    columns = (
        "shell", "rad a year", "HBM limit after", "silent corruptions a day",
        "memory errors a day", "host resets a day",
    )  # fmt: skip
    return (
        "Radiation: a satellite's dose, the shell's upsets",
        columns,
        [
            (
                s.name,
                round(s.radiation.dose_rad_per_year),
                f"{s.radiation.hbm_limit_months:,.1f} months",
                _few(86_400 * s.radiation.shell_sdc_per_s),
                _few(86_400 * s.radiation.shell_memory_errors_per_s),
                _few(86_400 * s.radiation.shell_host_resets_per_s),
            )
            for s in found.shells
        ],
    )


def _few(number: float) -> float:
    return round(number) if number >= 10 else float(f"{number:.2g}")


def _span(seconds: float) -> str:
    for unit, size in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.0f} s"
