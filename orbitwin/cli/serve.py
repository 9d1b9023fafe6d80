"""orbitwin serve: a stopped twin's history behind its SQL doors."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orbitwin.cli import options
from orbitwin.errors import BusyError, UsageError

if TYPE_CHECKING:
    from orbitwin.settings import Settings

EXAMPLES = """
orbitwin serve --data ./twin-data                        until Ctrl-C
orbitwin serve --data ./twin-data --port 0 --flight-port 0 --json
"""

LOOK_EVERY_S = 0.2

Host = Annotated[
    str | None,
    typer.Option("--host", metavar="ADDRESS", help="Address; any but loopback needs TLS."),
]
PortOption = Annotated[
    int | None,
    typer.Option("--port", metavar="N", min=0, max=65535, help="Port of the SQL door; 0: free."),
]
FlightPort = Annotated[
    int | None,
    typer.Option(
        "--flight-port", metavar="N", min=0, max=65535, help="Port of the Flight door; 0: free."
    ),
]


def serve(
    data: options.Data = None,
    config: options.Config = None,
    host: Host = None,
    port: PortOption = None,
    flight_port: FlightPort = None,
    json: options.Json = False,
) -> None:
    """Open the SQL doors on the history of a twin that does not run, read-only, until Ctrl-C.

    --json prints how to connect as one JSON object, once the doors are open.
    """
    from orbitwin import log
    from orbitwin.cli.output import print_json
    from orbitwin.cli.part import on_stop_signal

    settings = options.load_settings(
        data, config, door__host=host, door__port=port, door__flight_port=flight_port
    )
    _refuse_a_running_twin(settings)
    log.configure("serve", settings.log.format, settings.log.level)

    from storage import stopped

    with stopped.doors_on(settings) as doors:
        stop = threading.Event()
        on_stop_signal(stop)
        found = doors.describe(settings)
        if json:
            print_json({"data": str(settings.data), "doors": found})
        else:
            _print(settings, found)
        # In short waits: after pyarrow has read a file, Ctrl-C no longer ends a long one.
        while not stop.wait(LOOK_EVERY_S):
            pass


def _refuse_a_running_twin(settings: Settings) -> None:
    from orbitwin.parts import living_parts, read_twin

    if not settings.data.is_dir():
        raise UsageError(
            f"no twin in {settings.data}: there is no such directory",
            "start one with `orbitwin up`, or name its --data DIR",
        )
    historian = [p for p in living_parts(settings.run_dir) if p.name == "historian" and p.alive]
    if historian or read_twin(settings.data):
        raise BusyError(
            f"the twin in {settings.data} runs, and has doors of its own",
            "`orbitwin status` says how to connect to them",
        )


def _print(settings: Settings, doors: list[dict[str, Any]]) -> None:
    from orbitwin.cli.status import connecting

    print(f"{settings.data}, read-only, until Ctrl-C")
    for door in doors:
        print(f"{door['name']:<9}{connecting(door)}", flush=True)
