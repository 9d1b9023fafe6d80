"""How each fault shows in the residuals: directions found by flying the faults one by one.

`python -m compose.evaluation.signatures` prints the `[fault.NAME]` tables for the vehicle type's
file. Satellites are drawn as usual; the direction of a fault is the mean of what their moving
means of z point to while its alarm stands. A fault that shows in different ways (at first and
when all has settled, by day and by night) gets a direction for each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from compose.evaluation.offline import Plan, fly
from orbitwin import profile as profiles
from orbitwin.faults import FAULTS, SENSOR_FAULTS
from orbitwin.scenario import Fault, Scenario
from processors.model.isolation import RECENT_WINDOWS, SETTLE_WINDOWS, shown
from processors.record import Rules
from processors.step import PartitionState

SEED = 7
SEVERITIES = (0.25, 0.35, 0.5, 0.65, 0.85)
ONSET_S = 1_200
DURATION_S = 7_800
START = datetime(2027, 6, 21, tzinfo=UTC)  # the eclipse season of a dusk orbit
LOOK_EVERY_S = 20
ALIKE = 0.8  # cosine from which two directions are one
LEAST_SHARE = 0.1  # of a fault's looks that a direction of its own must stand for
LEAST_WEIGHT = 0.12  # of a channel in a unit direction, below which it is left out
MOST = 4
CLEAR_STRENGTH = 1.5  # of a vector from which something can be learnt

KINDS = tuple(name for name in FAULTS if name not in SENSOR_FAULTS)


def main() -> None:
    profile = profiles.load("suncatcher_81")
    faults = tuple(
        Fault(name=name, sat=1 + i * len(SEVERITIES) + j, at_s=ONSET_S + 37 * j, severity=severity)
        for i, name in enumerate(KINDS)
        for j, severity in enumerate(SEVERITIES)
    )
    start_us = int(START.timestamp()) * 1_000_000
    looks: dict[str, list[np.ndarray]] = defaultdict(list)
    names: list[str] = []

    def look(state: PartitionState) -> None:
        elapsed_s = (state.now_us - start_us) // 1_000_000
        if elapsed_s % LOOK_EVERY_S or elapsed_s < ONSET_S:
            return
        for chunk in state.chunks.values():
            model = chunk.model
            if model is None:
                continue
            names[:] = [c.name for c in chunk.vehicle.channels]
            for row in np.flatnonzero(model.verdicts.waited > SETTLE_WINDOWS):
                counts = model.memory.unjudged[:, row] <= RECENT_WINDOWS
                vector = shown(np.where(counts, model.memory.mean_z[:, row], 0))
                length = float(np.linalg.norm(vector))
                if length >= CLEAR_STRENGTH:
                    fault = faults[int(chunk.chunk.sat_id[row]) - 1].name
                    looks[fault].append(vector / length)

    plan = Plan(profile, Scenario(faults), len(faults), SEED, start_us, DURATION_S)
    fly(plan, Rules(), lambda _: None, look)
    for fault in KINDS:
        print("\n".join(table(fault, list(directions(np.array(looks[fault]))), names)))


def directions(vectors: np.ndarray) -> Iterator[np.ndarray]:
    """Unit directions (channels,) of unit vectors (looks, channels), the commonest first."""
    left = vectors
    for _ in range(MOST):
        if len(left) < max(1, LEAST_SHARE * len(vectors)):
            return
        alike = left @ left[:: max(1, len(left) // 200)].T > ALIKE
        seed = np.argmax(alike.sum(axis=0))
        members = alike[:, seed]
        middle = left[members].mean(axis=0)
        middle /= np.linalg.norm(middle)
        if members.sum() >= LEAST_SHARE * len(vectors):
            yield middle
        left = left[left @ middle <= ALIKE]


def table(fault: str, found: list[np.ndarray], names: list[str]) -> Iterator[str]:
    """The lines of a fault's table."""
    yield f"\n[fault.{fault}]"
    yield f'description = "{FAULTS[fault]}"'
    yield "signature = ["
    for direction in found:
        order = np.argsort(-np.abs(direction))
        parts = [
            f"{names[c]} = {direction[c]:.2f}" for c in order if abs(direction[c]) >= LEAST_WEIGHT
        ]
        yield f"  {{ {', '.join(parts)} }},"
    yield "]"


if __name__ == "__main__":
    main()
