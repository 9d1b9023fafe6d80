"""orbitwin up: the whole twin from one command."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orbitwin.cli import options
from orbitwin.errors import EXIT_FAILURE, UsageError

if TYPE_CHECKING:
    from compose.accounts import Balance
    from compose.twin import Twin
    from orbitwin.settings import Settings
    from orbitwin.vehicle import Vehicle

EXAMPLES = """
orbitwin up                                                  81 satellites, until Ctrl-C
orbitwin up --profile suncatcher_81 --satellites 1000 --data ./twin-data
orbitwin up --duration 60 --json                             a minute, then one JSON object
orbitwin up --satellites 300 --scenario default              some of them ill
orbitwin up --ephemeris starlink.json.gz                     real satellites, by SGP4
orbitwin up --replay flight.xlsx --vehicle birds3 --speed 200
orbitwin up --bootstrap kafka-1:9092 --workers 2             on a cluster of your own
orbitwin up --grafana ~/grafana-13.1.3                       with dashboards, in your Grafana
"""

Ephemeris = Annotated[
    list[Path] | None,
    typer.Option("--ephemeris", metavar="FILE", help="OMM file of real satellites; repeatable."),
]
Replay = Annotated[
    list[Path] | None,
    typer.Option("--replay", metavar="FILE...", help="Recorded telemetry to play."),
]
More = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILE...]", help="More files for --replay or --ephemeris."),
]
ShiftToNow = Annotated[
    bool, typer.Option("--shift-to-now", help="Move a replay's times so that it starts now.")
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", metavar="N", min=1, help="Processors that share the partitions."),
]

GrafanaPath = Annotated[
    Path | None,
    typer.Option(
        "--grafana", metavar="PATH", help="Start this Grafana: its home directory or program."
    ),
]
NoGrafana = Annotated[
    bool, typer.Option("--no-grafana", help="Start no Grafana, even if one is installed.")
]


def up(
    more: More = None,
    profile: options.Profile = None,
    satellites: options.Satellites = None,
    ephemeris: Ephemeris = None,
    replay: Replay = None,
    vehicle: options.Vehicle = None,
    rate: options.Rate = None,
    speed: options.Speed = None,
    seed: options.Seed = None,
    fault: options.Fault = None,
    scenario: options.Scenario = None,
    fault_rates: options.FaultRates = False,
    start_epoch: options.StartEpoch = None,
    shift_to_now: ShiftToNow = False,
    duration: options.Duration = None,
    workers: Workers = None,
    grafana: GrafanaPath = None,
    no_grafana: NoGrafana = False,
    bootstrap: options.Bootstrap = None,
    data: options.Data = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Run the whole twin: Kafka, producer, processor, historian and its SQL door.

    With --duration, or at the end of a replay, it ends by itself once all is stored; --json then
    prints one object with what was sent, stored, lost and doubled.
    """
    from orbitwin import log
    from orbitwin.cli.output import print_json
    from orbitwin.cli.part import on_stop_signal, writable_directory

    source, files = _source(ephemeris, replay, more)
    if grafana is not None:
        _look_at_grafana(grafana, no_grafana)
    settings = options.load_settings(
        data,
        config,
        producer__source=source,
        producer__profile=profile,
        producer__satellites=satellites,
        producer__sources=files,
        producer__rate_hz=rate,
        producer__speed=speed,
        producer__seed=seed,
        **options.fault_flags(fault, scenario, fault_rates),
        producer__start_epoch=start_epoch,
        producer__shift_to_now=shift_to_now or None,
        processor__workers=workers,
        grafana__enabled=False if no_grafana else True if grafana else None,
        grafana__home=grafana,
        vehicle=vehicle,
        kafka__bootstrap=bootstrap,
    )
    _look_at_inputs(settings)
    writable_directory(settings.data)
    log.configure("up", settings.log.format, settings.log.level)
    stop = threading.Event()
    on_stop_signal(stop)

    from compose.twin import Twin

    logger = log.get("up")
    with Twin(settings, logger, stop) as twin:
        account = _run(twin, duration, settings)
        summary = twin.summary(account)
    if json:
        print_json(summary)
    logger.info(_farewell(account))
    if account is not None and (account.rows_lost or account.rows_duplicated) and not stop.is_set():
        raise typer.Exit(EXIT_FAILURE)


def _source(
    ephemeris: list[Path] | None, replay: list[Path] | None, more: list[Path] | None
) -> tuple[str | None, tuple[Path, ...] | None]:
    """Where satellites come from, None for what the settings say."""
    if ephemeris and replay:
        raise UsageError("--ephemeris and --replay exclude each other", "give one of them")
    if not ephemeris and not replay:
        if more:
            raise UsageError(
                f"{more[0]}: what is this file?", "say --replay FILE or --ephemeris FILE"
            )
        return None, None
    return "replay" if replay else "ephemeris", (*(replay or ephemeris or ()), *(more or ()))


def _look_at_grafana(path: Path, no_grafana: bool) -> None:
    """A Grafana that was asked for and is none is best told before anything starts."""
    from compose.grafana import DEFAULTS, PROGRAMS, find

    if no_grafana:
        raise UsageError("--grafana and --no-grafana exclude each other", "give one of them")
    if find(path.expanduser()) is None:
        raise UsageError(
            f"{path} is no Grafana",
            f"name its home directory, which holds {DEFAULTS} and bin/{PROGRAMS[0]}, or the "
            f"program {' or '.join(PROGRAMS)} itself; without --grafana the twin runs all the same",
        )


def _look_at_inputs(settings: Settings) -> None:
    """Mistakes in the files that were given are best told before anything starts."""
    from orbitwin import catalogue, profile

    vehicle = catalogue.load(settings.vehicle)
    if settings.producer.source == "synthetic":
        profile.load(settings.producer.profile)
    _look_at_faults(settings, vehicle)
    for path in settings.producer.sources:
        if not path.is_file():
            raise UsageError(f"{path}: no such file", "check the path")


def _look_at_faults(settings: Settings, vehicle: Vehicle) -> None:
    from orbitwin import scenario

    chosen = settings.producer
    if chosen.source != "replay":
        scenario.of_settings(chosen, vehicle)
    elif chosen.scenario or chosen.faults or chosen.fault_rates:
        raise UsageError(
            "faults are for simulated satellites, not for a replay",
            "leave --fault, --scenario and --fault-rates out",
        )


def _run(twin: Twin, duration_s: float | None, settings: Settings) -> Balance | None:
    """Start, show, end."""
    from orbitwin import log
    from orbitwin.cli.live import Insight, Lines, picture

    insight = Insight()

    def through(show: Callable[[], None]) -> Balance | None:
        if twin.start(show):
            with insight.asking(twin):
                twin.run(duration_s, show)
        return twin.wind_down(show)

    if not sys.stderr.isatty():
        lines = Lines(log.get("up"))
        return through(lambda: lines.say(twin, insight))

    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), auto_refresh=False, redirect_stdout=False) as live:
        return through(lambda: live.update(picture(twin, insight), refresh=True))


def _farewell(account: Balance | None) -> str:
    if account is None or not account.frames_sent:
        return "stopped; what is sent and not yet stored stands in Kafka's log"
    text = (
        f"stopped: {account.rows_sent:,} rows sent, {account.rows_stored:,} stored, "
        f"{account.rows_lost:,} lost, {account.rows_duplicated:,} doubled"
    )
    if account.lost:
        fleet, packet, chunk, seq, row0 = account.lost[0]
        text += f"; first lost: {fleet} {packet} chunk {chunk} seq {seq} row {row0}"
    return text
