"""The derived states of some rows: from the rows' own codes and constants, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from orbitwin.catalogue import Vehicle
from orbitwin.expression import evaluate
from processors.derived.jobs import goodput_ratio, job_throughput_tops
from processors.derived.links import link_health_ratio
from processors.derived.power import power_margin_w, state_of_charge_ratio
from processors.derived.thermal import thermal_headroom_k

Codes = Mapping[str, np.ndarray]
Values = dict[str, np.ndarray]

UNKNOWN, ECLIPSE, SUNLIT = -1, 0, 1

_NEEDS: dict[str, tuple[str, ...]] = {
    "power_margin_w": ("available_w", "demand_w"),
    "state_of_charge_ratio": ("battery_cell_v", "battery_cell_a"),
    "thermal_headroom_k": ("headroom_k",),
    "link_margin_db": ("link_margin_db",),
    "link_health_ratio": ("link_margin_db", "fec_ratio", "links_up_ratio"),
    "job_throughput_tops": ("work_tops", "redone_ratio"),
    "goodput_ratio": ("work_tops", "redone_ratio", "rated_tops"),
}
"""Quantities that each derived state follows from."""


@dataclass(frozen=True)
class Derived:
    """`codes[name]` of each derived column, shape (N,); `sunlit` is -1, 0 or 1 (int8, (N,))."""

    codes: dict[str, np.ndarray]
    sunlit: np.ndarray


def derive(
    vehicle: Vehicle, constants: Mapping[str, float | np.ndarray], codes: Codes, rows: int
) -> Derived:
    """Derived states of `rows` rows of the primary packet, whose columns are `codes` (N,).

    `constants` are numbers, or arrays (N,) where satellites differ. A state whose quantities the
    vehicle does not define is missing, not zero.
    """
    names = {name for e in vehicle.quantities.values() for name in e.names}
    columns: dict[str, np.ndarray | float] = dict(constants)
    for column in vehicle.primary.columns:
        if column.name in names:
            columns[column.name] = column.decode(codes[column.name])
    quantities = evaluate(vehicle.quantities, columns, rows)
    found = {}
    for column in vehicle.derived:
        needs = _NEEDS[column.name]
        if all(name in quantities for name in needs) and (
            column.name != "state_of_charge_ratio" or vehicle.battery is not None
        ):
            values = _STATES[column.name](vehicle, *(quantities[name] for name in needs))
            found[column.name] = column.encode(values)
        else:
            found[column.name] = np.full(rows, column.missing, dtype=column.dtype)
    sunlit = np.full(rows, UNKNOWN, dtype=np.int8)
    if "sunlit" in quantities:
        known = ~np.isnan(quantities["sunlit"])
        sunlit[known] = quantities["sunlit"][known] > 0.5
    return Derived(found, sunlit)


def _charge(vehicle: Vehicle, cell_v: np.ndarray, cell_a: np.ndarray) -> np.ndarray:
    assert vehicle.battery is not None
    return state_of_charge_ratio(cell_v, cell_a, vehicle.battery)


def _goodput(
    _: Vehicle, work_tops: np.ndarray, redone_ratio: np.ndarray, rated_tops: np.ndarray
) -> np.ndarray:
    return goodput_ratio(job_throughput_tops(work_tops, redone_ratio), rated_tops)


_STATES: dict[str, Callable[..., np.ndarray]] = {
    "power_margin_w": lambda _, *q: power_margin_w(*q),
    "state_of_charge_ratio": _charge,
    "thermal_headroom_k": lambda _, *q: thermal_headroom_k(*q),
    "link_margin_db": lambda _, margin_db: margin_db,
    "link_health_ratio": lambda _, *q: link_health_ratio(*q),
    "job_throughput_tops": lambda _, *q: job_throughput_tops(*q),
    "goodput_ratio": _goodput,
}


def isolate(
    rows: int, work: Callable[[np.ndarray | None], Derived]
) -> tuple[Derived, np.ndarray | None, str]:
    """Do `work` on all rows, or on all that it does not fail for.

    `work` takes row indices (None: all). Gives its result, the indices it is of (None: all) and
    the first error's text. One row that a model cannot bear must not cost its neighbours: the
    rows are halved until those that fail are found.
    """
    try:
        return work(None), None, ""
    except Exception as error:
        first = f"{type(error).__name__}: {error}"

    def good(index: np.ndarray) -> list[np.ndarray]:
        try:
            work(index)
            return [index]
        except Exception:
            if len(index) <= 1:
                return []
            half = len(index) // 2
            return good(index[:half]) + good(index[half:])

    parts = good(np.arange(rows))
    kept = np.concatenate(parts) if parts else np.arange(0)
    return work(kept), kept, first
