"""Where a producer starts, one function a source: `run_SOURCE(settings, health, stop)`."""

from __future__ import annotations

from producers.ephemeris import run_ephemeris
from producers.replay import run_replay
from producers.session import Summary
from producers.synthetic import run_synthetic

__all__ = ["Summary", "run_ephemeris", "run_replay", "run_synthetic"]
