"""Expressions over columns, as the catalogue writes them: `array_v * array_a * regulator_ratio`.

They are SQL expressions, parsed and run by polars: a user knows the language, and nothing in it
can reach a file, a network or Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from orbitwin.spelling import did_you_mean


class Expression:
    """One expression over named columns and constants, giving one value a row.

    Raises ValueError for text that does not parse, an unknown name, or a function that folds
    rows together (an average, say).
    """

    def __init__(self, text: str, names: Iterable[str]) -> None:
        self.text = text
        try:
            self._expr = pl.sql_expr(text)
        except pl.exceptions.PolarsError as error:
            raise ValueError(f"cannot parse {text!r}: {str(error).splitlines()[0]}") from None
        self.names = tuple(dict.fromkeys(self._expr.meta.root_names()))
        known = set(names)
        for name in self.names:
            if name not in known:
                raise ValueError(
                    f"{text!r} names {name!r}, which is no parameter of the primary packet and "
                    "no constant" + did_you_mean(name, known)
                )
        self._try_out()

    def _try_out(self) -> None:
        probe = {name: np.array([1.0, 2.0, 3.0], dtype=np.float32) for name in self.names}
        try:
            got = pl.DataFrame(probe).select(x=self._expr)["x"]
        except pl.exceptions.PolarsError as error:
            raise ValueError(f"{self.text!r}: {str(error).splitlines()[0]}") from None
        if len(got) != (3 if self.names else 1) or not (
            got.dtype.is_numeric() or got.dtype == pl.Boolean
        ):
            raise ValueError(f"{self.text!r}: expected one number or truth value a row")

    def __call__(self, columns: Mapping[str, np.ndarray | float], rows: int) -> np.ndarray:
        """Evaluate for `rows` rows: float32 values, NaN where a column that it names has none."""
        unknown: np.ndarray | None = None
        frame: dict[str, pl.Series] = {}
        for name in self.names:
            value = columns[name]
            if not isinstance(value, np.ndarray):
                value = np.full(rows, value, dtype=np.float32)
            frame[name] = pl.Series(name, value)
            gone = np.isnan(value)
            if gone.any():
                unknown = gone if unknown is None else unknown | gone
        if frame:
            got = pl.DataFrame(frame).select(x=self._expr)["x"]
        else:
            got = pl.select(x=self._expr)["x"].new_from_index(0, rows)
        values = got.cast(pl.Float32).to_numpy(writable=True)
        values[~np.isfinite(values)] = np.nan
        if unknown is not None:
            values[unknown] = np.nan
        return values
