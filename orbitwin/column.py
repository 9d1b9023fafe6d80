"""A column: one quantised value of every satellite, and the integers it travels as.

A value travels as `round(value / resolution)` in the smallest integer type that holds its range.
Values beyond the type saturate, as a sensor does; a missing or not finite value is the type's
`missing` code.  With that one code there are no validity bitmaps: frames, state and snapshots hold
the same arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

STORAGES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


@dataclass(frozen=True)
class Column:
    """A quantised column: engineering value = code x `resolution` in `unit`.

    `low`..`high` is the valid range: outside it a value is physically impossible.
    """

    name: str
    unit: str
    resolution: float
    storage: str
    low: float
    high: float
    description: str
    values: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.storage not in STORAGES:
            raise ValueError(f"storage {self.storage!r}: expected one of {', '.join(STORAGES)}")

    @cached_property
    def dtype(self) -> np.dtype:
        return np.dtype(self.storage)

    @cached_property
    def missing(self) -> int | float:
        """The code that stands for "no value": NaN, or the integer farthest from use."""
        if self.dtype.kind == "f":
            return float("nan")
        info = np.iinfo(self.dtype)
        return int(info.min if self.dtype.kind == "i" else info.max)

    @cached_property
    def _codes(self) -> tuple[int, int]:
        info = np.iinfo(self.dtype)
        if self.dtype.kind == "i":
            return int(info.min) + 1, int(info.max)
        return 0, int(info.max) - 1

    @property
    def least(self) -> float:
        """The least value that can travel (same unit)."""
        return -np.inf if self.dtype.kind == "f" else self._codes[0] * self.resolution

    @property
    def greatest(self) -> float:
        """The greatest value that can travel (same unit)."""
        return np.inf if self.dtype.kind == "f" else self._codes[1] * self.resolution

    @cached_property
    def _wide(self) -> bool:
        """Whether float32 (24 bits) would lose codes of this column."""
        return self.dtype.itemsize >= 4 and self.dtype != np.float32

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Quantise values (any float or integer shape) to codes, saturating; NaN is missing."""
        if self.dtype.kind == "f":
            codes = np.asarray(values, dtype=self.dtype).copy()
            codes[~np.isfinite(codes)] = np.nan
            return codes
        work = np.float64 if self._wide else np.float32
        values = np.asarray(values)
        if values.dtype.kind != "f" or values.dtype.itemsize < np.dtype(work).itemsize:
            values = values.astype(work)
        finite = np.isfinite(values)
        with np.errstate(over="ignore"):  # it saturates like the rest
            scaled = np.multiply(values, 1.0 / self.resolution)
        np.rint(scaled, out=scaled)
        np.clip(scaled, *self._codes, out=scaled)
        if finite.all():
            return scaled.astype(self.dtype)
        scaled[~finite] = 0
        codes = scaled.astype(self.dtype)
        codes[~finite] = self.missing
        return codes

    def encode_measured(self, values: np.ndarray) -> np.ndarray:
        """As `encode`, for values that somebody else measured: none becomes another that can be.

        What saturates within the valid range, as a negative power in an unsigned column would at
        0, is missing instead.  Beyond the range it saturates, and is seen as impossible there.
        """
        codes = self.encode(values)
        if self.dtype.kind != "f":
            low, high = self.code_range
            with np.errstate(invalid="ignore"):
                changed = np.abs(self.decode(codes) - values) > self.resolution
            codes[changed & (codes >= low) & (codes <= high)] = self.missing
        return codes

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Codes to values: float32, or float64 where 24 bits would lose codes; missing is NaN."""
        if self.dtype.kind == "f":
            return codes
        work = np.float64 if self._wide else np.float32
        values: np.ndarray = np.multiply(codes, work(self.resolution), dtype=work)
        gone = codes == self.missing
        if gone.any():
            values[gone] = np.nan
        return values

    def is_missing(self, codes: np.ndarray) -> np.ndarray:
        """Where there is no value (bool, same shape)."""
        return np.isnan(codes) if self.dtype.kind == "f" else codes == self.missing

    @cached_property
    def code_range(self) -> tuple[float, float]:
        """The valid range in codes, so that validity is tested without decoding."""
        if self.dtype.kind == "f":
            return self.low, self.high
        low, high = self.low / self.resolution, self.high / self.resolution
        return float(np.floor(low + 0.5)), float(np.ceil(high - 0.5))


def storage_for(low: float, high: float, resolution: float) -> str:
    """The smallest integer type that holds low..high and as much again on each open side.

    The room beyond the valid range is what lets an impossible value be seen as what it is.
    Raises ValueError when 32 bits do not suffice.
    """
    span = high - low
    for storage in ("uint8", "int8", "uint16", "int16", "uint32", "int32"):
        column = Column("", "", resolution, storage, low, high, "")
        room_low = low if low >= 0 else low - 0.25 * span
        if column.least <= room_low and column.greatest >= high + 0.25 * span:
            return storage
    raise ValueError(
        f"range {low}..{high} at resolution {resolution} does not fit 32 bits: "
        "expected a coarser resolution"
    )
