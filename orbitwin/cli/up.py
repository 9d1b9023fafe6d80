"""orbitwin up: the whole twin from one command."""

from __future__ import annotations

EXAMPLES = """
orbitwin up
"""


def up() -> None:
    """Run."""
    raise NotImplementedError
