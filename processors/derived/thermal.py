"""Thermal headroom."""

from __future__ import annotations

import numpy as np


def thermal_headroom_k(*headroom_k: np.ndarray) -> np.ndarray:
    """The least of some nodes' distances T_limit - T to their limits, K (N,).

    Each argument is one node or group of nodes (N,); NaN where any of them is unknown, since an
    unknown node may be the hottest. Source: ECSS-E-ST-31C (design range less prediction).
    """
    least = headroom_k[0]
    for other in headroom_k[1:]:
        least = np.minimum(least, other)
    return least
