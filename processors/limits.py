"""Limits: which samples violate one, and which violations have lasted long enough.

The history of a satellite's packet is a bit mask: bit i stands for the sequence number i before
the newest one. `known` marks the samples that arrived, and each limit has a mask of those that
violate it. Because a sample sets its own bit, the order in which samples arrive does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from orbitwin.catalogue import MAX_PERSISTENCE, LimitOn, Vehicle
from orbitwin.column import Column
from processors.derived.columns import ECLIPSE, SUNLIT

HISTORY = MAX_PERSISTENCE  # samples kept: the bits of a uint16

_CONTEXTS = {"sunlit": SUNLIT, "eclipse": ECLIPSE}


@dataclass(frozen=True)
class Check:
    """A limit on a column, with its bounds as codes: violated outside `least`..`greatest`."""

    number: int
    column: Column
    packet: str
    severity: int
    persistence: int
    context: int | None
    least: float
    greatest: float
    below: float | None
    above: float | None


def checks_of(vehicle: Vehicle) -> tuple[Check, ...]:
    """Every limit of a vehicle type, in the order of its file."""
    derived = {c.name: c for c in vehicle.derived}
    return tuple(
        _check(n, on, derived[on.of] if on.derived else vehicle.parameters[on.of])
        for n, on in enumerate(vehicle.limits)
    )


def _check(number: int, on: LimitOn, column: Column) -> Check:
    limit = on.limit
    least, greatest = -np.inf, np.inf
    if column.dtype.kind == "f":
        least = -np.inf if limit.below is None else limit.below
        greatest = np.inf if limit.above is None else limit.above
    else:
        # The value code x resolution is below the bound exactly when the code is below
        # bound / resolution, rounded up; the epsilon forgives that division its rounding.
        if limit.below is not None:
            least = float(np.ceil(limit.below / column.resolution - 1e-6))
        if limit.above is not None:
            greatest = float(np.floor(limit.above / column.resolution + 1e-6))
    return Check(
        number,
        column,
        on.packet,
        limit.severity_code,
        limit.persistence,
        _CONTEXTS.get(limit.context),
        least,
        greatest,
        limit.below,
        limit.above,
    )


def violated(check: Check, codes: np.ndarray, sunlit: np.ndarray) -> np.ndarray:
    """Which samples violate a limit (bool, (N,)); `sunlit` is -1, 0 or 1 (int8, (N,)).

    A missing value is no violation, nor is a sample outside the limit's context.
    """
    beyond = np.zeros(len(codes), dtype=bool)
    info = np.iinfo(codes.dtype) if codes.dtype.kind != "f" else None
    if check.least > (info.min if info else -np.inf):
        beyond |= codes < _bound(check.least, codes.dtype)
    if check.greatest < (info.max if info else np.inf):
        beyond |= codes > _bound(check.greatest, codes.dtype)
    if beyond.any():
        beyond &= ~check.column.is_missing(codes)
        if check.context is not None:
            beyond &= sunlit == check.context
    return beyond


def _bound(code: float, dtype: np.dtype) -> np.generic:
    """A bound in the codes' own type, so that NumPy compares without widening them."""
    if dtype.kind == "f":
        return dtype.type(code)
    info = np.iinfo(dtype)
    return dtype.type(min(max(code, info.min), info.max))


def persisting(known: np.ndarray, violating: np.ndarray, persistence: int) -> np.ndarray:
    """Where the newest `persistence` known samples all violate (bool, (N,)); masks are uint16.

    As the repetition number of ECSS-E-ST-70-41C, service 12. Samples that never arrived are
    passed over, not counted either way.
    """
    if persistence == 1:
        return (known & violating & np.uint16(1)) != 0
    fine = known & ~violating
    newer_than_fine = ~fine & (fine - np.uint16(1))  # the bits below the lowest set one; all if 0
    return np.bitwise_count(known & newer_than_fine) >= persistence


def severities(
    checks: tuple[Check, ...],
    known: np.ndarray,
    histories: Mapping[int, np.ndarray],
) -> dict[str, np.ndarray]:
    """Severity of each watched column (uint8, (N,)): the worst limit that is met.

    `known` and `histories[check.number]` are masks of the same rows (uint16, (N,)).
    """
    worst: dict[str, np.ndarray] = {}
    for check in checks:
        name = check.column.name
        if name not in worst:
            worst[name] = np.zeros(len(known), dtype=np.uint8)
        history = histories[check.number]
        if history.any():
            met = persisting(known, history, check.persistence)
            np.maximum(worst[name], np.uint8(check.severity) * met, out=worst[name])
    return worst
