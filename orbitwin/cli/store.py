"""orbitwin store: run the historian in the foreground."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import typer

from orbitwin.cli import options

if TYPE_CHECKING:
    from orbitwin.health import Health
    from orbitwin.settings import Settings

EXAMPLES = """
orbitwin store --bootstrap localhost:9092
orbitwin store --data ./twin-data
"""


def store(
    vehicle: options.Vehicle = None,
    bootstrap: options.Bootstrap = None,
    data: options.Data = None,
    config: options.Config = None,
) -> None:
    """Store history exactly once in DuckDB, and answer SQL while it is written."""
    from orbitwin.cli.part import run_part

    settings = options.with_broker(
        options.load_settings(data, config, vehicle=vehicle, kafka__bootstrap=bootstrap)
    )

    def run(settings: Settings, health: Health, stop: threading.Event) -> int:
        from storage.historian import run  # once /healthz answers: it imports a lot

        return run(settings, health, stop)

    raise typer.Exit(run_part("historian", settings, run))
