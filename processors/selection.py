"""Which rows of a chunk: a slice where they are consecutive, else indices."""

from __future__ import annotations

import numpy as np

Rows = slice | np.ndarray
"""Rows of a chunk: a slice where they are consecutive, so that arrays are views."""


def indices(rows: Rows) -> np.ndarray:
    """Rows as indices."""
    return np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows


def some_of(rows: Rows, some: Rows) -> Rows:
    """Rows `some` of `rows`; a slice(None) takes them all."""
    return rows if isinstance(some, slice) else indices(rows)[some]
