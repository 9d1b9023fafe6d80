"""What the processors worked out beside the newest state: residuals, estimates and forecasts.

A residual record has a column for each channel and part; history has a row for each channel, so
that vehicle types with other channels need no other table. What was not judged has no row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from orbitwin.contract import Frame
from orbitwin.fleet import Chunk
from orbitwin.records import FORECAST_COLUMNS, RESIDUAL, estimates
from storage.rollup import MINUTE_US
from storage.rows import where
from storage.tables import ESTIMATE_1M, FORECAST, FORECAST_TIMES, RESIDUAL_1M

_TIME = pa.timestamp("us", "UTC")
_VALUES = ("measured", "predicted", "sigma", "z", "nis", "inside")


@dataclass
class Computed:
    """Frames of the packets `records.COMPUTED` that wait for the next commit."""

    residuals: list[tuple[Chunk, Frame]] = field(default_factory=list)
    forecasts: list[tuple[Chunk, Frame]] = field(default_factory=list)

    def add(self, chunk: Chunk, frame: Frame) -> None:
        """Keep the rows of satellites that the chunk holds; FrameError where rows are not in it."""
        at = where(frame, chunk)
        if isinstance(at, slice):
            frame = frame.take(np.arange(frame.rows), chunk.sat_id[at])
        elif (at < 0).any():
            known = np.flatnonzero(at >= 0)
            frame = frame.take(known, chunk.sat_id[at[known]])
        (self.residuals if frame.packet == RESIDUAL else self.forecasts).append((chunk, frame))

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """Rows of the tables concerned, by the table's name."""
        if self.residuals:
            yield RESIDUAL_1M.name, pa.concat_tables(_residuals(*of) for of in self.residuals)
            yield ESTIMATE_1M.name, pa.concat_tables(_estimates(*of) for of in self.residuals)
        if self.forecasts:
            yield FORECAST.name, pa.concat_tables(_forecasts(frame) for _, frame in self.forecasts)


def _residuals(chunk: Chunk, frame: Frame) -> pa.Table:
    channels = chunk.vehicle.channels
    if not channels:
        return _long(frame, [], np.zeros((0, frame.rows), dtype=bool), _RESIDUAL_TYPES)
    parts = {
        part: np.stack([frame.codes[f"{c.name}/{part}"] for c in channels])
        for part in (*_VALUES, "n")
    }
    judged = parts["n"] > 0  # false for NaN too
    values = {part: parts[part][judged] for part in _VALUES}
    units = np.flatnonzero(judged) // frame.rows
    return _long(
        frame,
        [c.name for c in channels],
        judged,
        _RESIDUAL_TYPES,
        unit=_words(units, [c.unit for c in channels]),
        **{part: pa.array(found, from_pandas=True) for part, found in values.items()},
        residual=pa.array(values["measured"] - values["predicted"], from_pandas=True),
        windows=pa.array(parts["n"][judged].astype(np.int16)),
    )


def _estimates(chunk: Chunk, frame: Frame) -> pa.Table:
    names = list(estimates(chunk.vehicle))
    if not names:
        return _long(frame, [], np.zeros((0, frame.rows), dtype=bool), _ESTIMATE_TYPES)
    value, sigma = (
        np.stack([frame.codes[f"{name}/{part}"] for name in names])
        for part in ("estimate", "estimate_sigma")
    )
    known = np.isfinite(value)
    return _long(
        frame,
        names,
        known,
        _ESTIMATE_TYPES,
        value=pa.array(value[known]),
        sigma=pa.array(sigma[known], from_pandas=True),
    )


_HEAD = {"ts": _TIME, "sat_id": pa.int64()}
_WORDS = pa.dictionary(pa.int32(), pa.string())
_RESIDUAL_TYPES = pa.schema(
    {
        **_HEAD,
        "parameter": _WORDS,
        "unit": _WORDS,
        **dict.fromkeys((*_VALUES, "residual"), pa.float32()),
        "windows": pa.int16(),
    }
)
_ESTIMATE_TYPES = pa.schema({**_HEAD, "name": _WORDS, "value": pa.float32(), "sigma": pa.float32()})


def _long(
    frame: Frame, names: list[str], kept: np.ndarray, types: pa.Schema, **columns: pa.Array
) -> pa.Table:
    """A row for each true value of `kept` (names, rows); `columns` are of those."""
    number, row = np.nonzero(kept)
    assert frame.sat_id is not None
    minute_us = frame.t_event() // MINUTE_US * MINUTE_US
    columns |= {
        "ts": pa.array(minute_us[row], pa.int64()).cast(_TIME),
        "sat_id": pa.array(frame.sat_id[row], pa.int64()),
        types[2].name: _words(number, names),
    }
    if not names:
        return types.empty_table()
    return pa.table([columns[f.name] for f in types], schema=types)


def _words(codes: np.ndarray, words: list[str]) -> pa.DictionaryArray:
    texts = pa.array(words, pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), texts)


def _forecasts(frame: Frame) -> pa.Table:
    t_us = frame.t_event()
    made = {
        "ts": pa.array(t_us, pa.int64()).cast(_TIME),
        "sat_id": pa.array(frame.sat_id, pa.int64()),
    }
    for column in FORECAST_COLUMNS:
        values = frame.codes[column.name]
        gone = ~np.isfinite(values)
        if column.name in FORECAST_TIMES:
            after_us = np.where(gone, 0, values.astype(np.float64) * 1e6)
            at_us = t_us + np.rint(after_us).astype(np.int64)
            made[FORECAST_TIMES[column.name]] = pa.array(at_us, mask=gone).cast(_TIME)
        elif column.name == "coasting":
            made["coasting"] = pa.array(values > 0.5, mask=gone)
        else:
            made[column.name] = pa.array(values, mask=gone)
    return pa.table(made)
