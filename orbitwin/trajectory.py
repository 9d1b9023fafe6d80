"""Where the satellites of a fleet are planned to be: what the fleet topic tells of their orbits.

A trajectory travels as columns beside the satellites' identities, and is rebuilt by whoever reads
them: producers, processors and historian then agree on where everybody is at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from orbitwin.layout import PlannedOrbit
from orbitwin.physics.orbit import MeanElements, angle_of, phase_at
from orbitwin.physics.sgp4_batch import Sgp4Orbit

PREFIX = "orbit_"
"""Of the columns that hold a trajectory."""


class Trajectory(Protocol):
    """Orbits of N satellites."""

    def positions_m(self, t_us: int) -> NDArray[Any]:
        """GCRS positions (3, N), m, at UTC `t_us`; NaN where a satellite is nowhere."""

    def argument_of_latitude_rad(self, t_us: int) -> NDArray[Any]:
        """Angle (N,) from the ascending node along the orbit, rad; 0 where it is of no use."""

    def rows(self, part: slice) -> Trajectory:
        """The same of some consecutive satellites."""

    def columns(self) -> dict[str, pa.Array]:
        """Itself as columns of N rows, their names beginning with PREFIX."""


@dataclass(frozen=True)
class Planned:
    """Mean orbits that a synthetic fleet flies."""

    elements: MeanElements

    def __post_init__(self) -> None:
        object.__setattr__(self, "_orbit", PlannedOrbit(self.elements))

    def positions_m(self, t_us: int) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self._orbit.positions_m(t_us)  # type: ignore[attr-defined]
        return found

    def argument_of_latitude_rad(self, t_us: int) -> NDArray[np.float32]:
        e = self.elements
        angle: NDArray[np.float32] = angle_of(phase_at(e.phase, e.phase_rate, t_us - e.epoch_us))
        return angle

    def rows(self, part: slice) -> Planned:
        arrays = {n: getattr(self.elements, n)[part] for n in _ELEMENTS}
        return Planned(replace(self.elements, **arrays))

    def columns(self) -> dict[str, pa.Array]:
        made = {PREFIX + n: pa.array(getattr(self.elements, n)) for n in _ELEMENTS}
        epoch = np.full(len(self.elements), self.elements.epoch_us)
        return {**made, f"{PREFIX}epoch_us": pa.array(epoch, pa.int64())}


class Real:
    """Element sets of real satellites (OMM keywords), moved by SGP4."""

    def __init__(self, element_sets: Sequence[Mapping[str, Any]]) -> None:
        self.element_sets = element_sets
        self._orbit = Sgp4Orbit(element_sets)

    def positions_m(self, t_us: int) -> NDArray[np.float64]:
        return self._orbit.positions_m(t_us)

    def argument_of_latitude_rad(self, t_us: int) -> NDArray[np.float32]:
        return np.zeros(len(self.element_sets), np.float32)

    def rows(self, part: slice) -> Real:
        return Real(self.element_sets[part])

    def columns(self) -> dict[str, pa.Array]:
        texts = [orjson.dumps(dict(fields)).decode() for fields in self.element_sets]
        return {f"{PREFIX}omm": pa.array(texts, pa.string())}


_ELEMENTS = tuple(f.name for f in fields(MeanElements) if f.name != "epoch_us")


def of_batch(batch: pa.RecordBatch) -> Trajectory | None:
    """The trajectory in a batch's columns; None where it has none.

    Raises KeyError or ValueError for columns that do not belong together.
    """
    names = set(batch.schema.names)
    if f"{PREFIX}omm" in names:
        return Real([orjson.loads(text) for text in batch[f"{PREFIX}omm"].to_pylist()])
    if f"{PREFIX}epoch_us" not in names:
        return None
    given = {n: batch[PREFIX + n].to_numpy(zero_copy_only=True) for n in _ELEMENTS}
    epoch_us = batch[f"{PREFIX}epoch_us"].to_numpy(zero_copy_only=True)
    return Planned(MeanElements(epoch_us=int(epoch_us[0]) if len(epoch_us) else 0, **given))
