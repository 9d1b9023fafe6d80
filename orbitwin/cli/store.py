"""orbitwin store: run the historian in the foreground."""

from __future__ import annotations

import typer

from orbitwin.cli import options

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

    def run(*arguments: object) -> int:
        from storage import historian

        code: int = historian.run(*arguments)
        return code

    raise typer.Exit(run_part("historian", settings, run))
