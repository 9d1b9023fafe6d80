"""A sketch for a page, as SVG."""

from __future__ import annotations

from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from orbitwin.neighbours import lattice
from orbitwin.physics.constants import EARTH_RADIUS_M
from orbitwin.profile import Profile
from orbitwin.profile_sections import Cluster, Shell
from orbitwin.sketch.view import Curve, Points, curves, shell_lines, view_axes

SHADOW_LENGTH_RADII = 1.9

WIDTH, HEIGHT = 1120, 700
CENTRE_X, CENTRE_Y = 400.0, 372.0
REACH_PX = 292.0  # from the Earth's centre to the highest shell
LEGEND_X = 742
INSET_PX = 112.0  # half the side of a lattice's inset
MOST_LATTICE = 1500
INK, PAPER, DIM = "#e8edf4", "#0b1020", "#8b97ab"
RAMP = ((86, 204, 242), (124, 226, 160), (255, 190, 92), (255, 122, 150))


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


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Begin and end (exclusive) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
