"""The reference page of a vehicle type, made from its catalogue entry (Markdown).

`python -m orbitwin.reference DIR` writes the pages of the shipped ones.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from textwrap import wrap

from orbitwin import catalogue
from orbitwin.catalogue import DERIVED, LimitOn, Vehicle
from orbitwin.column import Column
from orbitwin.vehicle import SEVERITIES, Channel

STRONGEST = 4  # channels of a direction that are told
WIDTH = 100  # of the relations' lines


def page(vehicle: Vehicle) -> str:
    """Packets, parameters, limits, quantities, channels and faults of a vehicle type (Markdown)."""
    parts = [
        f"# {vehicle.title} (`{vehicle.name}`)",
        "",
        "Made from the catalogue by `make docs`; do not edit.",
        "",
        vehicle.description,
        "",
        f"Source: {vehicle.source}",
    ]
    for packet in vehicle.packets.values():
        stagger = ", a part of the fleet each second" if packet.staggered else ""
        parts += [
            "",
            f"## Packet `{packet.name}`",
            "",
            f"{packet.description or 'Measurements'}: every {packet.period_s:g} s{stagger}, "
            f"{packet.bytes_per_row} bytes a satellite.",
            "",
            "| parameter | unit | resolution | valid range | travels as | limits | meaning |",
            "|---|---|---|---|---|---|---|",
            *(_row(c, vehicle.limits) for c in packet.columns),
        ]
    parts += [
        "",
        "## Derived states",
        "",
        "| state | unit | resolution | limits | meaning |",
        "|---|---|---|---|---|",
    ]
    for c in vehicle.derived:
        limits = _limits(c.name, vehicle.limits)
        parts.append(
            f"| `{c.name}` | {c.unit} | {c.resolution:g} | {limits} | {DERIVED[c.name][3]} |"
        )
    parts += ["", "## How the parameters give the quantities", "", "| quantity | expression |"]
    parts += ["|---|---|"]
    parts += [f"| `{n}` | `{e.text}` |" for n, e in vehicle.quantities.items()]
    parts += ["", "Constants, unless the fleet brings its own: "]
    parts[-1] += ", ".join(f"`{n}` = {v:g}" for n, v in vehicle.constants.items()) + "."
    if vehicle.channels:
        parts += _model(vehicle)
    if vehicle.signatures:
        parts += _faults(vehicle)
    return "\n".join(parts) + "\n"


def _model(vehicle: Vehicle) -> list[str]:
    """The section of the channels: a table, then each relation as the file writes it."""
    rows = [
        f"| `{c.name}` | {c.unit} | {f'`{c.learns}`' if c.learns else ''} "
        f"| {'yes' if c.discrete else ''} | {c.description} |"
        for c in vehicle.channels
    ]
    relations = [line for c in vehicle.channels for line in _relation(c)]
    return [
        "",
        "## The model of a healthy satellite",
        "",
        "Relations that the twin checks in every window; [model.md](../model.md) tells how.",
        "",
        "| channel | unit | learns | discrete | meaning |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "```",
        *relations,
        "```",
    ]


def _relation(c: Channel) -> list[str]:
    """A channel's relation, and the condition under which it is looked at, in lines of WIDTH."""
    slope = c.slope.text if c.slope.text.isidentifier() else f"({c.slope.text})"
    expected = [] if c.predicted.text == "0" and c.learns else [c.predicted.text]
    if c.learns:
        expected.append(c.learns if c.slope.text == "1" else f"{c.learns} * {slope}")
    texts = [f"{c.measured.text} = {' + '.join(expected)}"]
    if c.when is not None:
        texts.append(f"    when {c.when.text}")
    return [line for text in texts for line in wrap(text, WIDTH, subsequent_indent=8 * " ")]


def _faults(vehicle: Vehicle) -> list[str]:
    """The section of the faults: how each shows, a direction a line."""
    rows = []
    for name, group in groupby(vehicle.signatures, key=lambda s: s.fault):
        several = list(group)
        shows = "<br>".join(_direction(s.channels) for s in several)
        level = SEVERITIES[several[0].severity]
        rows.append(f"| `{name}` | {level} | {shows} | {several[0].description} |")
    return [
        "",
        "## Faults that are named",
        "",
        "Directions in which residuals point, the strongest channels first.",
        "",
        "| fault | severity | shows in | meaning |",
        "|---|---|---|---|",
        *rows,
    ]


def _direction(channels: dict[str, float]) -> str:
    order = sorted(channels, key=lambda name: -abs(channels[name]))
    told = [f"`{n}` {'up' if channels[n] > 0 else 'down'}" for n in order[:STRONGEST]]
    return ", ".join(told) + (", ..." if len(order) > STRONGEST else "")


def _row(c: Column, limits: tuple[LimitOn, ...]) -> str:
    meaning = c.description
    if c.values:
        meaning += " (" + ", ".join(f"{k} {v}" for k, v in c.values.items()) + ")"
    return (
        f"| `{c.name}` | {c.unit} | {c.resolution:g} | {c.low:g} .. {c.high:g} | {c.storage} "
        f"| {_limits(c.name, limits)} | {meaning} |"
    )


def _limits(name: str, limits: tuple[LimitOn, ...]) -> str:
    texts = []
    for on in limits:
        if on.of != name:
            continue
        bounds = [f"< {on.limit.below:g}"] if on.limit.below is not None else []
        bounds += [f"> {on.limit.above:g}"] if on.limit.above is not None else []
        text = f"{on.limit.severity} {' or '.join(bounds)}"
        if on.limit.context != "any":
            text += f" in {on.limit.context}"
        if on.limit.persistence > 1:
            text += f", {on.limit.persistence} samples"
        texts.append(text)
    return "; ".join(texts)


if __name__ == "__main__":
    for shipped in catalogue.shipped():
        text = page(catalogue.load(shipped))
        Path(sys.argv[1], f"{shipped}.md").write_text(text, encoding="utf-8")
