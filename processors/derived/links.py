"""Link margin and link health."""

from __future__ import annotations

import numpy as np

from orbitwin.physics import links


def link_health_ratio(
    link_margin_db: np.ndarray, fec_ratio: np.ndarray, links_up_ratio: np.ndarray
) -> np.ndarray:
    """Health of a satellite's links, 0 none to 1 good (N,).

    0 while no terminal holds a link, whatever the other two say (with no link there is nothing
    they could measure); else logistic(margin; 0.5 at 0 dB, 0.95 at 3 dB) x (1 - corrected errors
    / what the code can correct) x share of the terminals that hold a link. NaN where unknown.
    Source: the 3 dB rule of ECSS-E-ST-50-05C; availability as MTBF / (MTBF + MTTR).
    """
    health = links.health_ratio(link_margin_db, fec_ratio, np.clip(links_up_ratio, 0, 1))
    return np.where(links_up_ratio <= 0, np.float32(0), health)
