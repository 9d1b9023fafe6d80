"""orbitwin process: run one processor worker in the foreground."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated

import typer

from orbitwin.cli import options

if TYPE_CHECKING:
    from orbitwin.health import Health
    from orbitwin.settings import Settings

EXAMPLES = """
orbitwin process --bootstrap localhost:9092
orbitwin process --worker 2 --workers 3          the second of three that share the partitions
"""

Worker = Annotated[
    int | None, typer.Option("--worker", metavar="K", min=1, help="Which worker this one is.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", metavar="N", min=1, help="How many workers there are.")
]


def process(
    worker: Worker = None,
    workers: Workers = None,
    vehicle: options.Vehicle = None,
    bootstrap: options.Bootstrap = None,
    data: options.Data = None,
    config: options.Config = None,
) -> None:
    """Keep state, residuals and forecasts of every satellite, from telemetry."""
    from orbitwin.cli.part import run_part
    from orbitwin.parts import part_name

    settings = options.with_broker(
        options.load_settings(
            data,
            config,
            processor__worker=worker,
            processor__workers=workers,
            vehicle=vehicle,
            kafka__bootstrap=bootstrap,
        )
    )

    def run(settings: Settings, health: Health, stop: threading.Event) -> int:
        from processors.app import run  # once /healthz answers: it imports a lot

        return run(settings, health, stop)

    name = part_name("processor", settings.processor.worker)
    raise typer.Exit(run_part(name, settings, run))
