"""orbitwin profiles: the fleets that come with the product."""

from __future__ import annotations

from typing import Annotated

import typer

from orbitwin.cli import options

EXAMPLES = """
orbitwin profiles
orbitwin profiles suncatcher_81
orbitwin profiles --json
"""

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Explain this one.")]


def profiles(name: Name = None, json: options.Json = False) -> None:
    """List the fleet profiles, or explain one of them."""
    raise NotImplementedError
