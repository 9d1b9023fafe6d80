"""How long rows take from their due time to readable, as a histogram of bounded size."""

from __future__ import annotations

import numpy as np

FINEST_S = 1e-3
BINS_PER_DECADE = 100  # a percentile is right to 2.3 %
DECADES = 7

QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


class Latency:
    """Latencies since the start. Frames that were waiting at the start are counted apart."""

    def __init__(self) -> None:
        self._bins = np.zeros(BINS_PER_DECADE * DECADES, dtype=np.int64)
        self._edges = FINEST_S * 10.0 ** (np.arange(1, len(self._bins) + 1) / BINS_PER_DECADE)
        self.max_s = 0.0
        self.frames = 0
        self.backlog = 0

    def add(self, seconds: np.ndarray) -> None:
        """Count latencies, shape (frames,)."""
        if not len(seconds):
            return
        at = np.searchsorted(self._edges, np.maximum(seconds, 0.0))
        self._bins += np.bincount(np.minimum(at, len(self._bins) - 1), minlength=len(self._bins))
        self.max_s = max(self.max_s, float(seconds.max()))
        self.frames += len(seconds)

    def quantile(self, q: float) -> float | None:
        """Upper edge of the bin that holds the quantile, at most the maximum; None when empty."""
        if not self.frames:
            return None
        at = int(np.searchsorted(np.cumsum(self._bins), q * self.frames))
        return min(float(self._edges[at]), self.max_s)

    def status(self) -> dict[str, float | int | None]:
        """p50, p95, p99, max in seconds; `frames` in them, `backlog` frames left out of them."""
        made: dict[str, float | int | None] = {}
        for name, q in QUANTILES.items():
            value = self.quantile(q)
            made[name] = None if value is None else round(value, 4)
        made["max"] = round(self.max_s, 4) if self.frames else None
        return made | {"frames": self.frames, "backlog": self.backlog}
