"""A sketch of a profile's layout: Earth to scale, shells, planes, the Sun and the shadow.

`svg` draws it for a page, `braille` for a terminal; both look from the same place: the Sun stands
to the left and before the page, north is up.  Many planes are shown by a few of them, evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from orbitwin.layout import lattice
from orbitwin.nominal import Nominal
from orbitwin.physics import sun
from orbitwin.physics.constants import EARTH_RADIUS_M
from orbitwin.profile import Profile
from orbitwin.profile_sections import Cluster, Shell
from orbitwin.shell_facts import plane_counts, plane_nodes_rad

Points = NDArray[np.float64]

VIEW_FROM_SUN_DEG = 52.0  # the viewer stands so far to the right of the Sun
VIEW_ABOVE_DEG = 18.0
MOST_CURVES = 60  # planes drawn, over all shells
MOST_DOTS = 400  # satellites or clusters shown one by one
CURVE_STEPS = 240
SHADOW_LENGTH_RADII = 1.9

WIDTH, HEIGHT = 1120, 700
CENTRE_X, CENTRE_Y = 400.0, 372.0
REACH_PX = 292.0  # from the Earth's centre to the highest shell
LEGEND_X = 742
INSET_PX = 112.0  # half the side of a lattice's inset
MOST_LATTICE = 1500
INK, PAPER, DIM = "#e8edf4", "#0b1020", "#8b97ab"
RAMP = ((86, 204, 242), (124, 226, 160), (255, 190, 92), (255, 122, 150))


@dataclass(frozen=True)
class Curve:
    """One plane of shell number `shell`: points (3, K) in Earth radii, x right, y up, z nearer.

    `dark` (K,) tells which lie in the shadow.  `dots` (3, D) are satellites or clusters.
    """

    shell: int
    points: Points
    dark: NDArray[np.bool_]
    dots: Points


def view_axes(profile: Profile) -> tuple[Points, Points]:
    """Rows right, up and nearer (3, 3) of the view, and the direction of the Sun in it (3,)."""
    to_sun = sun.sun_position_m(profile.epoch_us)
    to_sun = to_sun / np.linalg.norm(to_sun)
    azimuth = np.arctan2(to_sun[1], to_sun[0]) + np.radians(VIEW_FROM_SUN_DEG)
    above = np.radians(VIEW_ABOVE_DEG)
    nearer = np.array(
        [np.cos(azimuth) * np.cos(above), np.sin(azimuth) * np.cos(above), np.sin(above)]
    )
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    axes = np.stack([right, np.cross(nearer, right), nearer])
    return axes, axes @ to_sun


def curves(profile: Profile) -> list[Curve]:
    """The planes to draw, at the profile's epoch, seen in the view's axes."""
    axes, to_sun = view_axes(profile)
    each = max(1, MOST_CURVES // len(profile.shell))
    shows_dots = sum(_units(shell) for shell in profile.shell) <= MOST_DOTS
    angle = np.linspace(0, 2 * np.pi, CURVE_STEPS + 1)
    found = []
    for number, nominal in enumerate(profile.nominals):
        shell = nominal.shell
        planes, _ = plane_counts(shell)
        in_plane = _units(shell) // planes
        spots = 2 * np.pi * np.arange(in_plane if shows_dots else 0) / max(in_plane, 1)
        for node in plane_nodes_rad(shell, profile.epoch_us, each):
            points = axes @ _circle(nominal, node, angle)
            along = to_sun @ points
            across2 = np.sum(points * points, axis=0) - along * along
            dots = axes @ _circle(nominal, node, spots)
            found.append(Curve(number, points, (along < 0) & (across2 < 1), dots))
    return found


def _units(shell: Shell) -> int:
    """What is shown as one dot: a satellite, or a whole cluster."""
    members = shell.layout.members if isinstance(shell.layout, Cluster) else 1
    return shell.satellites // members


def _circle(nominal: Nominal, node: float, angle: Points) -> Points:
    """Orbit (3, K) in Earth radii at arguments of latitude `angle`, rad, in the frame of date."""
    i, radius = nominal.inclination_rad, nominal.shell.a_m / EARTH_RADIUS_M
    along, across = radius * np.cos(angle), radius * np.sin(angle)
    level = across * np.cos(i)
    return np.stack(
        [
            along * np.cos(node) - level * np.sin(node),
            along * np.sin(node) + level * np.cos(node),
            across * np.sin(i),
        ]
    )


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Begin and end (exclusive) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


# --- SVG ---------------------------------------------------------------------


def svg(profile: Profile) -> str:
    """The layout as an SVG document."""
    drawn = curves(profile)
    _, to_sun = view_axes(profile)
    scale = REACH_PX / max(shell.a_m / EARTH_RADIUS_M for shell in profile.shell)
    colours = [_colour(k, len(profile.shell)) for k in range(len(profile.shell))]
    thin = len(drawn) > 12
    body = [
        _shadow(to_sun, scale),
        *(_curve(c, colours[c.shell], scale, thin, nearer=False) for c in drawn),
        *_earth(profile, to_sun, scale),
        *(_curve(c, colours[c.shell], scale, thin, nearer=True) for c in drawn),
        *_sun(to_sun),
        *_legend(profile, colours),
        *_scale_bar(scale),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="Inter, Helvetica, Arial, sans-serif">\n'
        f"<title>{escape(profile.title)}</title>\n{_DEFS}"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


_DEFS = """<defs>
<radialGradient id="earth" cx="0.32" cy="0.36" r="0.85">
<stop offset="0" stop-color="#3f7fc4"/><stop offset="0.6" stop-color="#23528f"/>
<stop offset="1" stop-color="#153560"/></radialGradient>
<radialGradient id="glow" cx="0.5" cy="0.5" r="0.5">
<stop offset="0.9" stop-color="#6fb4ff" stop-opacity="0.35"/>
<stop offset="1" stop-color="#6fb4ff" stop-opacity="0"/></radialGradient>
<radialGradient id="sun" cx="0.5" cy="0.5" r="0.5">
<stop offset="0" stop-color="#fff3c4"/><stop offset="0.35" stop-color="#ffd257"/>
<stop offset="1" stop-color="#ffb000" stop-opacity="0"/></radialGradient>
</defs>
"""


def _colour(number: int, count: int) -> str:
    place = number / max(count - 1, 1) * (len(RAMP) - 1)
    low = min(int(place), len(RAMP) - 2)
    rgb = (
        round(a + (b - a) * (place - low)) for a, b in zip(RAMP[low], RAMP[low + 1], strict=True)
    )
    return "#" + "".join(f"{value:02x}" for value in rgb)


def _xy(points: Points, scale: float) -> str:
    """Points (2 or 3, K) in Earth radii as an SVG path's coordinates."""
    x, y = CENTRE_X + scale * points[0], CENTRE_Y - scale * points[1]
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _curve(curve: Curve, colour: str, scale: float, thin: bool, nearer: bool) -> str:
    """The nearer or the farther part of a plane; what lies in the shadow is faint."""
    parts = []
    here = (curve.points[2] >= 0) == nearer
    width = 1.0 if thin else 2.0
    for in_dark, opacity in ((False, 0.85 if nearer else 0.6), (True, 0.25)):
        for begin, end in runs(here & (curve.dark == in_dark)):
            piece = curve.points[:, begin : min(end + 1, curve.points.shape[1])]
            parts.append(
                f'<polyline points="{_xy(piece, scale)}" fill="none" stroke="{colour}" '
                f'stroke-width="{width}" stroke-opacity="{opacity}"/>'
            )
    for x, y, z in curve.dots.T:
        if (z >= 0) == nearer:
            parts.append(
                f'<circle cx="{CENTRE_X + scale * x:.1f}" cy="{CENTRE_Y - scale * y:.1f}" '
                f'r="{4.5 if nearer else 3.5}" fill="{colour}" stroke="{PAPER}"/>'
            )
    return "".join(parts)


def _earth(profile: Profile, to_sun: Points, scale: float) -> list[str]:
    """Disc, graticule and night side."""
    axes, _ = view_axes(profile)
    parts = [
        f'<circle cx="{CENTRE_X}" cy="{CENTRE_Y}" r="{scale * 1.05:.1f}" fill="url(#glow)"/>',
        f'<circle cx="{CENTRE_X}" cy="{CENTRE_Y}" r="{scale:.1f}" fill="url(#earth)"/>',
    ]
    turn = np.linspace(0, 2 * np.pi, 181)
    lines = [
        np.stack([np.cos(lat) * np.cos(turn), np.cos(lat) * np.sin(turn), np.sin(lat) + 0 * turn])
        for lat in np.radians([-60, -30, 0, 30, 60])
    ] + [
        np.stack([np.cos(turn) * np.cos(lon), np.cos(turn) * np.sin(lon), np.sin(turn)])
        for lon in np.radians(range(0, 180, 30))
    ]
    for line in lines:
        seen = axes @ line
        for begin, end in runs(seen[2] > 0):
            parts.append(
                f'<polyline points="{_xy(seen[:, begin:end], scale)}" fill="none" '
                'stroke="#bcd8ff" stroke-opacity="0.16" stroke-width="0.8"/>'
            )
    parts.append(f'<polygon points="{_xy(night(to_sun), scale)}" fill="#050914" opacity="0.62"/>')
    return parts


def night(to_sun: Points) -> Points:
    """Outline (2, K) of the night side as it is seen, Earth radii: terminator, then the limb."""
    flat = np.hypot(to_sun[0], to_sun[1])
    away = -to_sun[:2] / flat  # on the page, from the Sun
    beside = np.array([-away[1], away[0]])
    half = np.linspace(-np.pi / 2, np.pi / 2, 91)
    # the terminator bulges to the night side where the Sun is nearer than the page
    terminator = np.outer(beside, np.sin(half)) + np.outer(away * to_sun[2], np.cos(half))
    limb = np.outer(beside, np.sin(half[::-1])) + np.outer(away, np.cos(half))
    return np.concatenate([terminator, limb], axis=1)


def _shadow(to_sun: Points, scale: float) -> str:
    """The cylinder of the shadow behind the Earth, fading."""
    away = -to_sun[:2]
    unit = away / np.hypot(*away)
    beside = np.array([-unit[1], unit[0]])
    ends = np.stack(
        [
            beside,
            beside + SHADOW_LENGTH_RADII * away,
            -beside + SHADOW_LENGTH_RADII * away,
            -beside,
        ],
        axis=1,
    )
    x1, y1 = CENTRE_X, CENTRE_Y
    x2 = CENTRE_X + scale * SHADOW_LENGTH_RADII * away[0]
    y2 = CENTRE_Y - scale * SHADOW_LENGTH_RADII * away[1]
    return (
        f'<linearGradient id="shade" gradientUnits="userSpaceOnUse" x1="{x1:.1f}" y1="{y1:.1f}" '
        f'x2="{x2:.1f}" y2="{y2:.1f}"><stop offset="0.3" stop-color="#000" stop-opacity="0.7"/>'
        '<stop offset="1" stop-color="#000" stop-opacity="0"/></linearGradient>'
        f'<polygon points="{_xy(ends, scale)}" fill="url(#shade)"/>'
    )


def _sun(to_sun: Points) -> list[str]:
    """The Sun, in its direction, at the margin."""
    unit = to_sun[:2] / np.hypot(*to_sun[:2])
    x, y = CENTRE_X + 352 * unit[0], CENTRE_Y - 352 * unit[1]
    return [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="40" fill="url(#sun)"/>',
        f'<text x="{x:.1f}" y="{y + 56:.1f}" fill="{DIM}" font-size="13" '
        'text-anchor="middle">Sun</text>',
    ]


def _text(x: float, y: float, words: str, size: int = 14, fill: str = INK, more: str = "") -> str:
    at = f'x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{fill}"{more}'
    return f"<text {at}>{escape(words)}</text>"


def _legend(profile: Profile, colours: list[str]) -> list[str]:
    count = f"{profile.satellites:,} satellite{'' if profile.satellites == 1 else 's'}"
    parts = [
        _text(40, 46, profile.name, 24, more=' font-weight="600"'),
        _text(40, 70, profile.title, 14, DIM),
        _text(LEGEND_X, 46, count, 18, more=' font-weight="600"'),
    ]
    step = 44 if len(profile.shell) <= 7 else 24
    y = 84.0
    for shell, line, colour in zip(profile.shell, shell_lines(profile), colours, strict=True):
        parts.append(
            f'<rect x="{LEGEND_X}" y="{y - 9:.0f}" width="18" height="4" fill="{colour}"/>'
        )
        parts.append(_text(LEGEND_X + 28, y, f"{shell.name}  {line[0]}", 14))
        if step > 30:
            parts.append(_text(LEGEND_X + 28, y + 17, line[1], 12, DIM))
        y += step
    clusters = [shell for shell in profile.shell if isinstance(shell.layout, Cluster)]
    if clusters and _members(clusters[0]) > 1 and y < HEIGHT - 2 * INSET_PX - 80:
        parts += _inset(clusters[0], colours[profile.shell.index(clusters[0])])
    return parts


def _members(shell: Shell) -> int:
    return shell.layout.members if isinstance(shell.layout, Cluster) else 1


def _inset(shell: Shell, colour: str) -> list[str]:
    """One formation, seen along the orbit's normal: radial up, along the track to the right."""
    assert isinstance(shell.layout, Cluster)
    shown = min(shell.layout.members, MOST_LATTICE)
    i, j = lattice(shown)
    half_pitch_m = shell.layout.pitch_m / 2
    radial_m, along_m = i * half_pitch_m, j * 2 * half_pitch_m
    reach_m = float(max(np.abs(along_m).max(), 1.0))
    px = (INSET_PX - 14) / reach_m
    cx, cy = LEGEND_X + INSET_PX + 10, HEIGHT - INSET_PX - 76
    spots = "".join(
        f"M{cx + px * a:.1f} {cy - px * r:.1f}h0" for a, r in zip(along_m, radial_m, strict=True)
    )
    size = max(1.6, min(6.0, px * half_pitch_m * 0.9))
    what = f"{shell.layout.members:,} satellites"
    if shown < shell.layout.members:
        what = f"the innermost {shown:,} of {what}"
    return [
        f'<rect x="{LEGEND_X}" y="{cy - INSET_PX * 0.66:.0f}" width="{2 * INSET_PX + 20:.0f}" '
        f'height="{INSET_PX * 1.32:.0f}" rx="6" fill="#121a30" stroke="#2a3655"/>',
        f'<path d="{spots}" stroke="{colour}" stroke-width="{size:.1f}" stroke-linecap="round"/>',
        _text(LEGEND_X + 4, cy - INSET_PX * 0.66 - 10, f"a formation: {what}", 12, DIM),
        _text(
            LEGEND_X + 4,
            cy + INSET_PX * 0.66 + 20,
            f"{2 * reach_m / 1e3:,.1f} km along the track, "
            f"{2 * float(np.abs(radial_m).max()) / 1e3:,.1f} km up and down",
            12,
            DIM,
        ),
    ]


def _scale_bar(scale: float) -> list[str]:
    length = scale * 5_000e3 / EARTH_RADIUS_M
    y = HEIGHT - 26
    return [
        f'<path d="M40 {y}h{length:.1f}m0 -4v8M40 {y - 4}v8" stroke="{DIM}" fill="none"/>',
        _text(40 + length + 10, y + 4, "5,000 km", 12, DIM),
    ]


def shell_lines(profile: Profile) -> list[tuple[str, str]]:
    """Each shell in words: its orbit; its satellites and planes, and how many of them are drawn."""
    each = max(1, MOST_CURVES // len(profile.shell))
    lines = []
    for nominal in profile.nominals:
        shell = nominal.shell
        planes, per_plane = plane_counts(shell)
        where = f"{shell.altitude_km:,.0f} km  {np.degrees(nominal.inclination_rad):.1f}°"
        if shell.inclination_deg == "sso":
            where += " SSO"
        if shell.ltan_h is not None:
            where += f", {shell.ltan_h:g} h"
        counts = f"{planes:,} x {per_plane:,} (planes x satellites)"
        if isinstance(shell.layout, Cluster):
            counts = f"{_units(shell):,} x {shell.layout.members:,} (formations x satellites)"
        drawn = f", {each} drawn" if planes > each else ""
        lines.append((where, f"{shell.satellites:,} = {counts}{drawn}"))
    return lines


# --- Terminal ----------------------------------------------------------------

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
