"""Options that many verbs share, and the settings made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from orbitwin.settings import Settings

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Directory that holds all that is written."),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings file (else DIR/orbitwin.toml)."),
]
Bootstrap = Annotated[
    str | None,
    typer.Option(
        "--bootstrap", metavar="HOST:PORT", help="Kafka cluster (else the twin's own broker)."
    ),
]
Vehicle = Annotated[
    str | None,
    typer.Option("--vehicle", metavar="FILE", help="Vehicle type: a shipped name, or a TOML file."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Profile = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help="Fleet profile (see `orbitwin profiles`)."),
]
Satellites = Annotated[
    int | None,
    typer.Option("--satellites", metavar="N", min=1, help="Scale the profile to N satellites."),
]
Rate = Annotated[
    float | None, typer.Option("--rate", metavar="HZ", help="Ticks a second (default 1).")
]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="Seed of noise and truth.")]
StartEpoch = Annotated[
    str | None,
    typer.Option(
        "--start-epoch", metavar="TIME", help="Event time of the first tick, ISO 8601 with zone."
    ),
]
Speed = Annotated[
    str | None,
    typer.Option("--speed", metavar="X", help="Event time runs X times as fast as the clock."),
]
Fault = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        metavar="NAME:KEY=VALUE,...",
        help="A fault, e.g. panel_dead:sat=17,at_s=600,severity=0.5; repeatable.",
    ),
]
Scenario = Annotated[
    str | None,
    typer.Option("--scenario", metavar="FILE", help="Faults: a shipped name, or a TOML file."),
]
FaultRates = Annotated[
    bool, typer.Option("--fault-rates", help="Faults at random, at the profile's rates.")
]
TimeColumn = Annotated[
    str | None,
    typer.Option("--time-column", metavar="NAME", help="Column of the times of a replay."),
]
SatId = Annotated[
    int | None,
    typer.Option("--sat-id", metavar="N", help="Id of a replay's first satellite (else by name)."),
]
Duration = Annotated[
    float | None, typer.Option("--duration", metavar="S", help="End by itself after S seconds.")
]


def fault_flags(fault: list[str] | None, scenario: str | None, fault_rates: bool) -> dict[str, Any]:
    """What `load_settings` takes for --fault, --scenario and --fault-rates."""
    return {
        "producer__faults": tuple(fault) if fault else None,
        "producer__scenario": scenario,
        "producer__fault_rates": fault_rates or None,
    }


def load_settings(data: Path | None, config: Path | None, **flags: Any) -> Settings:
    """Settings of a verb; a flag `kafka__bootstrap` stands for kafka.bootstrap."""
    from orbitwin.settings_source import load

    named = {name.replace("__", "."): value for name, value in flags.items()}
    return load({"data": data, **named}, config)


def with_broker(settings: Settings) -> Settings:
    """The settings with kafka.bootstrap given: the running twin's own broker where none is set.

    Raises UsageError where there is neither.
    """
    from orbitwin.errors import UsageError
    from orbitwin.parts import read_twin

    if settings.kafka.bootstrap:
        return settings
    bootstrap = read_twin(settings.data).get("bootstrap")
    if not bootstrap:
        raise UsageError(
            f"no Kafka cluster is given, and no twin runs in {settings.data}",
            "give --bootstrap HOST:PORT, or start one with `orbitwin up`",
        )
    return settings.with_values({"kafka.bootstrap": bootstrap})
