"""What an evaluation found, as one document and as tables."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from compose.evaluation import score
from compose.evaluation.evidence import Evidence
from orbitwin.vehicle import Vehicle


@dataclass(frozen=True)
class Report:
    """Figures with their targets; faults and channels one by one; forecasts if there are any."""

    figures: list[score.Figure]
    faults: pl.DataFrame
    channels: pl.DataFrame
    letters: dict[str, int]

    @property
    def met(self) -> bool:
        """Whether no target is missed."""
        return all(figure.met is not False for figure in self.figures)

    def document(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "met": self.met,
            "figures": {
                f.name: {
                    "value": f.value,
                    "target": None if f.target is None else asdict(f.target),
                    "met": f.met,
                }
                for f in self.figures
            },
            "faults": self.faults.to_dicts(),
            "channels": self.channels.to_dicts(),
            "dead_letters": self.letters,
        }


def report(evidence: Evidence, vehicle: Vehicle) -> Report:
    """The report on a run with this vehicle type."""
    discrete = [c.name for c in vehicle.channels if c.discrete]
    return Report(
        score.figures(evidence, discrete),
        score.by_fault(score.faults(evidence)),
        score.consistency(evidence),
        evidence.letters,
    )
