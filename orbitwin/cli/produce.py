"""orbitwin produce: run one producer in the foreground."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from orbitwin.cli import options

if TYPE_CHECKING:
    from orbitwin.settings import Settings

EXAMPLES = """
orbitwin produce synthetic --profile suncatcher_81
orbitwin produce replay flight.csv --vehicle birds3
"""
SYNTHETIC_EXAMPLES = """
orbitwin produce synthetic --profile suncatcher_81 --bootstrap localhost:9092
orbitwin produce synthetic --satellites 1000 --rate 2 --seed 7 --duration 60 --json
orbitwin produce synthetic --fault radiator_area_loss:sat=17,at_s=600,severity=0.5
"""
EPHEMERIS_EXAMPLES = """
orbitwin produce ephemeris starlink.json.gz --bootstrap localhost:9092
orbitwin produce ephemeris catalogue.csv more.xml --speed 10
"""
REPLAY_EXAMPLES = """
orbitwin produce replay flight.xlsx --vehicle birds3 --speed 200
orbitwin produce replay one.parquet two.parquet --vehicle mine.toml --shift-to-now
"""

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files to read.")]
ShiftToNow = Annotated[
    bool, typer.Option("--shift-to-now", help="Move event times so that the first row is now.")
]

Row = tuple[str, Any, str]
"""An option: its name, its type, and the setting that it gives."""

FLEET: tuple[Row, ...] = (
    ("profile", options.Profile, "producer__profile"),
    ("satellites", options.Satellites, "producer__satellites"),
)
SIMULATION: tuple[Row, ...] = (
    ("rate", options.Rate, "producer__rate_hz"),
    ("seed", options.Seed, "producer__seed"),
    ("fault", options.Fault, "producer__faults"),
    ("scenario", options.Scenario, "producer__scenario"),
    ("fault_rates", options.FaultRates, "producer__fault_rates"),
    ("start_epoch", options.StartEpoch, "producer__start_epoch"),
    ("speed", options.Speed, "producer__speed"),
)
FILES: Row = ("files", Files, "producer__sources")
RECORDING: tuple[Row, ...] = (
    ("speed", options.Speed, "producer__speed"),
    ("start_epoch", options.StartEpoch, "producer__start_epoch"),
    ("shift_to_now", ShiftToNow, "producer__shift_to_now"),
    ("time_column", options.TimeColumn, "producer__time_column"),
    ("sat_id", options.SatId, "producer__sat_id"),
)
ALL_SOURCES: tuple[Row, ...] = (
    ("duration", options.Duration, "producer__duration_s"),
    ("vehicle", options.Vehicle, "vehicle"),
    ("bootstrap", options.Bootstrap, "kafka__bootstrap"),
)


def _verb(source: str, about: str, *own: Row, **fixed: Any) -> Callable[..., None]:
    """The verb of a source with its options; typer reads them off the signature."""
    rows = (*own, *ALL_SOURCES)
    settings = {name: setting for name, _, setting in rows}
    kinds = {name: kind for name, kind, _ in rows}
    kinds |= {"data": options.Data, "config": options.Config, "json": options.Json}

    def verb(data: Path | None, config: Path | None, json: bool, **given: Any) -> None:
        flags = {settings[name]: _flag(value) for name, value in given.items()}
        loaded = options.load_settings(data, config, producer__source=source, **flags, **fixed)
        _produce(source, json, loaded)

    verb.__doc__ = about
    parameters = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=_default(kind), annotation=kind)
        for name, kind in kinds.items()
    ]
    verb.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return verb


def _default(kind: Any) -> Any:
    """What an option is that is not given; files have to be."""
    if kind is Files:
        return Parameter.empty
    return False if get_args(kind)[0] is bool else None


def _flag(value: Any) -> Any:
    """An option's value as settings take it: None where it was not given."""
    if isinstance(value, list):
        return tuple(value) or None
    return None if value is False else value


synthetic = _verb(
    "synthetic",
    "Simulate a fleet: orbits, power, heat, links, jobs, with noise.",
    *FLEET,
    *SIMULATION,
)
ephemeris = _verb(
    "ephemeris",
    "Fly real satellites by SGP4 from OMM files (JSON, CSV, XML), with simulated subsystems.",
    FILES,
    *SIMULATION,
)
replay = _verb(
    "replay",
    "Play recorded telemetry of a vehicle type (CSV, Parquet, XLSX, JSON lines), then end.",
    FILES,
    *RECORDING,
    producer__stay=False,
)


def _produce(source: str, json: bool, settings: Settings) -> None:
    from orbitwin.cli.part import run_part

    def run(*arguments: Any) -> Any:
        from producers import run as runs

        chosen: Callable[..., Any] = getattr(runs, f"run_{source}")
        return chosen(*arguments)

    summary = run_part("producer", options.with_broker(settings), run)
    if json:
        import dataclasses

        from orbitwin.cli.output import print_json

        print_json(dataclasses.asdict(summary))
