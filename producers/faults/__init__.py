"""Faults of synthetic spacecraft: what they do to the truth (`effects`), to what is measured
(`sensors`), to whom and when (`field`), and what a run is asked to have (`asked`)."""

from producers.faults.field import FaultField

__all__ = ["FaultField"]
