"""orbitwin evaluate: how good the twin is, measured on faults that are known."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from orbitwin.cli import options
from orbitwin.errors import EXIT_FAILURE, UsageError

if TYPE_CHECKING:
    from compose.evaluation.offline import Plan
    from compose.evaluation.report import Report
    from orbitwin.settings import Settings

EXAMPLES = """
orbitwin evaluate --offline                          the default scenario, without Kafka
orbitwin evaluate --offline --scenario none          nothing injected: false alarms alone
orbitwin evaluate --profile three_body_12 --scenario mine.toml --seed 3 --offline --json
orbitwin evaluate --offline --fault pump_stop:sat=17,at_s=1200,severity=0.5
orbitwin evaluate --speed 10                         through Kafka, Faust and DuckDB
"""
DEFAULT_SCENARIO = "default"
NOTHING = "none"
DEFAULT_START = "2027-06-21T00:00:00Z"  # the eclipse season of a dusk orbit
DEFAULT_DURATION_S = 9_000
DEFAULT_SPEED = 10.0
LEAST_SATELLITES = 300

Scenario = Annotated[
    str | None,
    typer.Option(
        "--scenario", metavar="NAME|FILE", help="What goes wrong with whom; `none`: nothing does."
    ),
]
Duration = Annotated[
    int | None,
    typer.Option("--duration", metavar="S", min=60, help="Event time that is flown, s."),
]
Offline = Annotated[
    bool, typer.Option("--offline", help="The processors' own code without Kafka: fast, no files.")
]
Speed = Annotated[
    float | None,
    typer.Option("--speed", metavar="X", min=0.1, help="Event time a second (not with --offline)."),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="End with exit code 1 where a target is missed.")
]


def evaluate(
    profile: options.Profile = None,
    scenario: Scenario = None,
    fault: options.Fault = None,
    satellites: options.Satellites = None,
    seed: options.Seed = None,
    start_epoch: options.StartEpoch = None,
    duration: Duration = None,
    offline: Offline = False,
    speed: Speed = None,
    strict: Strict = False,
    bootstrap: options.Bootstrap = None,
    data: options.Data = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Fly a labelled scenario and score what the twin says: each figure beside its target.

    Detection and delay for each fault, whether the right one is named, false alarms, consistency
    of the residuals (NIS), coverage and errors of the forecasts. Without --offline a whole twin
    runs, in a data directory of its own that is removed afterwards unless --data names one.
    """
    from compose.evaluation.report import report
    from orbitwin import catalogue
    from orbitwin.cli.output import print_json

    scenario = scenario or (NOTHING if fault else DEFAULT_SCENARIO)
    settings = options.load_settings(
        data,
        config,
        producer__profile=profile,
        producer__seed=seed,
        producer__start_epoch=start_epoch or DEFAULT_START,
        kafka__bootstrap=bootstrap,
    )
    # What is flown has to be what is scored, whatever else the settings would inject.
    settings = settings.with_values(
        {
            "producer.scenario": None if scenario == NOTHING else scenario,
            "producer.faults": tuple(fault or ()),
            "producer.fault_rates": False,
        }
    )
    if offline and speed is not None:
        raise UsageError("--speed is for a whole twin", "leave out --speed or --offline")
    plan = _plan(settings, satellites, duration or DEFAULT_DURATION_S)
    if offline:
        evidence = _offline(plan, settings)
    else:
        evidence = _live(plan, settings, speed or DEFAULT_SPEED, own_directory=data is None)
    found = report(evidence, catalogue.load(plan.profile.vehicle))
    if json:
        print_json(
            {
                "profile": plan.profile.name,
                "scenario": scenario,
                "satellites": plan.satellites,
                "seed": plan.seed,
                "duration_s": plan.duration_s,
                "offline": offline,
                **found.document(),
            }
        )
    else:
        _show(found)
    if strict and not found.met:
        raise typer.Exit(EXIT_FAILURE)


def _plan(settings: Settings, satellites: int | None, duration_s: int) -> Plan:
    from compose.evaluation.offline import Plan
    from orbitwin import catalogue
    from orbitwin import profile as profiles
    from orbitwin import scenario as scenarios
    from orbitwin.layout import scaled

    flown = profiles.load(settings.producer.profile)
    vehicle = catalogue.load(flown.vehicle)
    faults = scenarios.of_settings(settings.producer, vehicle)
    count = satellites or max(
        LEAST_SATELLITES, *(f.sat for f in faults.faults if f.sat is not None), 1
    )
    faults.check(scaled(flown, count)[0].sat_id)
    start = settings.producer.start_epoch
    assert start is not None
    from producers.session import epoch_us

    start_us = epoch_us(start)
    assert start_us is not None
    return Plan(flown, faults, count, settings.producer.seed, start_us, duration_s)


def _offline(plan: Plan, settings: Settings):  # type: ignore[no-untyped-def]
    from compose.evaluation.offline import fly
    from orbitwin.cli.output import progress
    from processors.record import Rules

    with progress("flying", plan.duration_s) as done:
        return fly(plan, Rules.of(settings), done)


def _live(plan: Plan, settings: Settings, speed: float, *, own_directory: bool):  # type: ignore[no-untyped-def]
    import tempfile
    from pathlib import Path

    from compose.evaluation import live
    from orbitwin import log
    from orbitwin.cli.output import progress
    from orbitwin.cli.part import on_stop_signal, writable_directory
    from storage import database

    log.configure("up", settings.log.format, settings.log.level)
    stop = threading.Event()
    on_stop_signal(stop)
    with tempfile.TemporaryDirectory(prefix="orbitwin-evaluate-") as folder:
        chosen = settings.with_values({"data": Path(folder)}) if own_directory else settings
        if database.path_in(writable_directory(chosen.data)).exists():
            raise UsageError(
                f"{chosen.data} holds the history of another run",
                "an evaluation needs an empty --data DIR, or none",
            )
        wall_s = plan.duration_s / speed
        with progress("flying", round(wall_s)) as done:
            return live.fly(
                plan,
                chosen,
                speed,
                log.get("up"),
                stop,
                lambda twin: done(int(twin.watch.total("producer", "ticks_due") / speed)),
            )


def _show(found: Report) -> None:
    from orbitwin.cli.output import print_table

    marks = {True: "met", False: "missed", None: ""}
    print_table(
        ("figure", "value", "target", ""),
        [
            (f.name, _number(f.value), "" if f.target is None else str(f.target), marks[f.met])
            for f in found.figures
        ],
    )
    if len(found.faults):
        print_table(
            ("fault", "injected", "detected", "median delay s", "named", "taken for"),
            [
                (
                    row["fault"],
                    row["injected"],
                    _number(row["detected_ratio"]),
                    _number(row["median_delay_s"]),
                    _number(row["named_ratio"]),
                    ", ".join(row["taken_for"]),
                )
                for row in found.faults.iter_rows(named=True)
            ],
        )
    print_table(
        ("channel", "windows", "inside 95 % band", "mean NIS"),
        [
            (row["channel"], int(row["windows"]), _number(row["inside_ratio"]), _number(row["nis"]))
            for row in found.channels.iter_rows(named=True)
        ],
    )
    for reason, rows in found.letters.items():
        print(f"{rows} rows became dead letters: {reason}", file=sys.stderr)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
