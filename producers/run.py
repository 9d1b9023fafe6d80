"""Where a producer starts, one function a source: `run_SOURCE(settings, health, stop)`."""

from __future__ import annotations

from producers.replay import run_replay
from producers.session import Summary

__all__ = ["Summary", "run_replay"]
