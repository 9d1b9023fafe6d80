"""orbitwin check: are settings, vehicle, profile, broker and topics right?"""

from __future__ import annotations

from orbitwin.cli import options

EXAMPLES = """
orbitwin check
orbitwin check --bootstrap localhost:9092 --vehicle mine.toml --json
"""


def check(
    profile: options.Profile = None,
    vehicle: options.Vehicle = None,
    bootstrap: options.Bootstrap = None,
    data: options.Data = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Check settings, vehicle type, profile, broker and topics; print the command that mends."""
    raise NotImplementedError
