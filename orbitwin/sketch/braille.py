"""A sketch for a terminal, in braille characters."""

from __future__ import annotations

import numpy as np

from orbitwin.physics.constants import EARTH_RADIUS_M
from orbitwin.profile import Profile
from orbitwin.sketch.view import CURVE_STEPS, curves, view_axes

BRAILLE = 0x2800
DOT_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def braille(profile: Profile, columns: int = 72, rows: int = 30) -> str:
    """The layout in braille characters: the day side is dotted, planes run before and behind."""
    wide, high = 2 * columns, 4 * rows
    canvas = np.zeros((high, wide), dtype=bool)
    reach = max(shell.a_m / EARTH_RADIUS_M for shell in profile.shell) * 1.04
    scale = min(wide, high) / 2 / reach
    x, y = np.meshgrid(
        (np.arange(wide) + 0.5 - wide / 2) / scale, (high / 2 - np.arange(high) - 0.5) / scale
    )
    _, to_sun = view_axes(profile)
    radius2 = x * x + y * y
    z = np.sqrt(np.maximum(1 - radius2, 0))
    lit = (x * to_sun[0] + y * to_sun[1] + z * to_sun[2]) > 0
    grid_y, grid_x = np.indices(canvas.shape)
    canvas |= (radius2 < 1) & lit & ((grid_x + 2 * (grid_y % 2)) % 4 == 0) & (grid_y % 2 == 0)
    canvas |= np.abs(np.sqrt(radius2) - 1) < 0.6 / scale
    drawn = curves(profile)
    for curve in drawn[:: max(1, len(drawn) // 16)]:
        dense = np.stack(
            [
                np.interp(np.arange(0, CURVE_STEPS, 0.25), np.arange(CURVE_STEPS + 1), row)
                for row in curve.points
            ]
        )
        seen = (dense[2] >= 0) | (dense[0] ** 2 + dense[1] ** 2 > 1)
        column = np.floor(wide / 2 + scale * dense[0, seen]).astype(int)
        line = np.floor(high / 2 - scale * dense[1, seen]).astype(int)
        canvas[np.clip(line, 0, high - 1), np.clip(column, 0, wide - 1)] = True
    cells = canvas.reshape(rows, 4, columns, 2).transpose(0, 2, 1, 3)
    codes = BRAILLE + (cells * DOT_BITS).sum(axis=(2, 3))
    text = ["".join(chr(code) if code > BRAILLE else " " for code in row) for row in codes]
    row = int(np.clip(round(rows / 2 - to_sun[1] * rows / 2), 0, rows - 1))
    text[row] = "Sun ->" + text[row][6:]
    return "\n".join(line.rstrip() for line in text).rstrip()
