"""orbitwin produce: run one producer in the foreground."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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


def synthetic(
    profile: options.Profile = None,
    satellites: options.Satellites = None,
    rate: options.Rate = None,
    seed: options.Seed = None,
    fault: options.Fault = None,
    scenario: options.Scenario = None,
    fault_rates: options.FaultRates = False,
    start_epoch: options.StartEpoch = None,
    speed: options.Speed = None,
    duration: options.Duration = None,
    vehicle: options.Vehicle = None,
    bootstrap: options.Bootstrap = None,
    data: options.Data = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Simulate a fleet: orbits, power, heat, links, jobs, with noise."""
    _produce(
        "synthetic",
        json,
        options.load_settings(
            data,
            config,
            producer__source="synthetic",
            producer__profile=profile,
            producer__satellites=satellites,
            producer__rate_hz=rate,
            producer__seed=seed,
            **options.fault_flags(fault, scenario, fault_rates),
            producer__start_epoch=start_epoch,
            producer__speed=speed,
            producer__duration_s=duration,
            vehicle=vehicle,
            kafka__bootstrap=bootstrap,
        ),
    )


def ephemeris(
    files: Files,
    rate: options.Rate = None,
    seed: options.Seed = None,
    fault: options.Fault = None,
    scenario: options.Scenario = None,
    fault_rates: options.FaultRates = False,
    start_epoch: options.StartEpoch = None,
    speed: options.Speed = None,
    duration: options.Duration = None,
    vehicle: options.Vehicle = None,
    bootstrap: options.Bootstrap = None,
    data: options.Data = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Fly real satellites by SGP4 from OMM files (JSON, CSV, XML), with simulated subsystems."""
    _produce(
        "ephemeris",
        json,
        options.load_settings(
            data,
            config,
            producer__source="ephemeris",
            producer__sources=tuple(files),
            producer__rate_hz=rate,
            producer__seed=seed,
            **options.fault_flags(fault, scenario, fault_rates),
            producer__start_epoch=start_epoch,
            producer__speed=speed,
            producer__duration_s=duration,
            vehicle=vehicle,
            kafka__bootstrap=bootstrap,
        ),
    )


def replay(
    files: Files,
    speed: options.Speed = None,
    start_epoch: options.StartEpoch = None,
    shift_to_now: ShiftToNow = False,
    time_column: options.TimeColumn = None,
    sat_id: options.SatId = None,
    duration: options.Duration = None,
    vehicle: options.Vehicle = None,
    bootstrap: options.Bootstrap = None,
    data: options.Data = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Play recorded telemetry of a vehicle type (CSV, Parquet, XLSX, JSON lines), then end."""
    _produce(
        "replay",
        json,
        options.load_settings(
            data,
            config,
            producer__source="replay",
            producer__sources=tuple(files),
            producer__speed=speed,
            producer__start_epoch=start_epoch,
            producer__shift_to_now=shift_to_now or None,
            producer__time_column=time_column,
            producer__sat_id=sat_id,
            producer__stay=False,
            producer__duration_s=duration,
            vehicle=vehicle,
            kafka__bootstrap=bootstrap,
        ),
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
