"""The reference page of a vehicle type, made from its catalogue entry (Markdown).

`python -m orbitwin.reference DIR` writes the pages of the shipped ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

from orbitwin import catalogue
from orbitwin.catalogue import DERIVED, LimitOn, Vehicle
from orbitwin.column import Column


def page(vehicle: Vehicle) -> str:
    """Packets, parameters, limits and quantities of a vehicle type as Markdown."""
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
    return "\n".join(parts) + "\n"


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
