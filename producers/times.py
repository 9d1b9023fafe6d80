"""Times as users write them, to UTC microseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

UNIT_US = {"s": 1_000_000.0, "ms": 1_000.0, "us": 1.0}
LATEST_US = 9_214_646_400_000_000  # 2262-01-01: later ones do not fit nanoseconds in 64 bits
BAD_TIME = np.iinfo(np.int64).min
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS = (  # how a day is written in a name, once its separators are spaces; and how it is read
    (r"\b\d{4} \d{1,2} \d{1,2}\b", ("%Y %m %d",)),
    (r"\b\d{1,2} [A-Za-z]{3,9} \d{4}\b", ("%d %b %Y", "%d %B %Y")),
    (r"\b[A-Za-z]{3,9} \d{1,2} \d{4}\b", ("%b %d %Y", "%B %d %Y")),
    (r"\b\d{1,2}\.\d{1,2}\.\d{4}\b", ("%d.%m.%Y",)),
    (r"\b(?:19|20)\d{6}\b", ("%Y%m%d",)),
)


def numbers(values: pl.Series) -> NDArray[np.float64]:
    """Numbers of a column of any type (float64, shape (rows,)): NaN where there is none.

    Text is read as a number where it is one.
    """
    if values.dtype == pl.String:
        values = values.str.strip_chars()
    if values.dtype.is_nested() or values.dtype.is_temporal() or values.dtype == pl.Binary:
        return np.full(len(values), np.nan)
    return values.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()


def times_us(values: pl.Series, unit: str, day_us: int | None = None) -> NDArray[np.int64]:
    """Event times (UTC us, shape (rows,)); BAD_TIME where there is none.

    Numbers are in `unit` (s, ms, us) since 1970, or since `day_us` where the table has a day.
    Text is ISO 8601; without a zone it is UTC. Times before 1970 or after 2261 are bad.
    """
    if values.dtype.is_temporal() and values.dtype not in (pl.Time, pl.Duration):
        kind = values.dtype
        if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
            values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        whole = values.cast(pl.Datetime("us")).to_physical().fill_null(BAD_TIME).to_numpy()
        return _within(whole.astype(np.int64))
    found = np.full(len(values), BAD_TIME, dtype=np.int64)
    if unit in UNIT_US:
        # Whole microseconds stay exact in a float64 until the year 2255.
        count = numbers(values) * UNIT_US[unit]
        good = np.isfinite(count) & (np.abs(count) < LATEST_US)
        found[good] = np.rint(count[good]).astype(np.int64) + (day_us or 0)
    if values.dtype == pl.String:
        for row in np.flatnonzero(found == BAD_TIME).tolist():
            text = values[row]
            if text is not None:
                found[row] = iso_us(text)
    return _within(found)


def iso_us(text: str) -> int:
    """UTC microseconds of an ISO 8601 text; BAD_TIME where it is none."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return int(BAD_TIME)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return (moment - _EPOCH) // timedelta(microseconds=1)
    except OverflowError:
        return int(BAD_TIME)


def day_us(text: str) -> int | None:
    """Start of the day in a name such as "13 Feb 2021" (UTC us); None where it has none."""
    words = re.sub(r"[\s,_-]+", " ", text)
    for pattern, forms in _DAYS:
        for found in re.findall(pattern, words):
            for form in forms:
                try:
                    day = datetime.strptime(found, form).replace(tzinfo=UTC)
                except ValueError:
                    continue
                return (day - _EPOCH) // timedelta(microseconds=1)
    return None


def _within(t_us: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where((t_us >= 0) & (t_us < LATEST_US), t_us, BAD_TIME)
