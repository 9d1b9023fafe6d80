"""orbitwin topics: list the Kafka topics, create those that are missing."""

from __future__ import annotations

from orbitwin.cli import options

EXAMPLES = """
orbitwin topics list
orbitwin topics create --bootstrap localhost:9092
"""
LIST_EXAMPLES = """
orbitwin topics list
orbitwin topics list --bootstrap localhost:9092 --json
"""
CREATE_EXAMPLES = """
orbitwin topics create --bootstrap localhost:9092
"""


def list_(
    bootstrap: options.Bootstrap = None,
    data: options.Data = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """List every topic: wanted, present, partitions, retention."""
    raise NotImplementedError


def create(
    bootstrap: options.Bootstrap = None,
    data: options.Data = None,
    config: options.Config = None,
    json: options.Json = False,
) -> None:
    """Create the topics that are missing, with bounded retention."""
    raise NotImplementedError
