"""What the twin adds to a window: light, the Earth, links and protons, by the planned orbits.

Pure: positions come from the chunk's trajectory, numbers from its nominal constants. Without
orbits, or without the constants that a quantity hangs on, it is unknown (NaN).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from orbitwin.physics import eclipse, power, radiation, thermal
from orbitwin.physics.constants import EARTH_ALBEDO_RATIO, EARTH_INFRARED_W_M2, EARTH_RADIUS_M
from orbitwin.physics.sun import sun_position_m
from orbitwin.spacecraft import NEUTRAL, links
from orbitwin.spacecraft.jobs import demand_ratio
from orbitwin.spacecraft.own import settle
from orbitwin.trajectory import Trajectory
from processors.selection import Rows, indices, some_of

Numbers = float | np.ndarray
Constants = Mapping[str, Numbers]
Columns = dict[str, np.ndarray]

LIGHT = ("lit_ratio", "edge", "sun_w_m2", "day_cos", "earth_view", "demand_ratio")
LINKS = ("rx_least_dbm", "rx_average_dbm", "links_closed")
NAVIGATION = ("nav_along_s", "nav_radial_m", "nav_cross_m")
PLACE = ("x_m", "y_m", "z_m")

SAMPLES = (-0.5, -1 / 3, 0.0, 1 / 3, 0.5)
"""Where in a window its light is looked at, in widths from the middle: mean of the inner three."""

MOST_TIMES = 32
"""Of navigation fixes in one batch; those of other times than the newest so many are unknown."""

PANEL_MEMORY_S, PANEL_STEP_S = 2400.0, 20.0
"""How far back a panel's temperature is followed when nothing is known of it, many time constants
of a light panel (some 5 min), and in which steps: a panel warms by 0.4 K a second at sunrise."""

PANEL_LONGEST_S = 300.0
"""A longer gap than this begins the panel again."""


def groups(t_us: np.ndarray) -> Iterator[tuple[int, np.ndarray | slice]]:
    """The distinct times in (N,) and where they are; mostly there is one."""
    if len(t_us) and (t_us == t_us[0]).all():
        yield int(t_us[0]), slice(None)
        return
    for one in np.unique(t_us).tolist():
        yield one, np.flatnonzero(t_us == one)


def light(trajectory: Trajectory, rows: Rows, mid_us: np.ndarray, width_us: int) -> Columns:
    """LIGHT of windows of satellites `rows` (N,) about UTC `mid_us` (N,): float32 (N,) each."""
    found = {name: np.full(len(mid_us), np.nan, dtype=np.float32) for name in LIGHT}
    for t_us, some in groups(mid_us):
        at = some_of(rows, some)
        sun_m = sun_position_m(t_us)
        flux = power.sun_flux_w_m2(float(np.linalg.norm(sun_m)))
        seen = []
        for share in SAMPLES:
            place = trajectory.positions_m(t_us + int(share * width_us))[:, at]
            seen.append(eclipse.lit_fraction(place, sun_m))
            if share == 0.0:
                day_cos, earth_view = _below(place, sun_m)
                demand = demand_ratio(place, sun_m)
        found["lit_ratio"][some] = (seen[1] + seen[2] + seen[3]) / 3
        unknown = np.isnan(seen[0]) | np.isnan(seen[-1])
        found["edge"][some] = np.where(unknown, np.nan, seen[0] != seen[-1])
        found["sun_w_m2"][some] = np.where(unknown, np.nan, flux)
        found["day_cos"][some] = day_cos
        found["earth_view"][some] = earth_view
        found["demand_ratio"][some] = demand
    return found


def _below(place: np.ndarray, sun_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine of the Sun's zenith angle, 0 at night, and the upright plate's view of the Earth."""
    radius = np.sqrt(np.sum(place * place, axis=0))
    up = (sun_m / np.linalg.norm(sun_m)).astype(place.dtype) @ place / radius
    with np.errstate(invalid="ignore"):
        view = thermal.vertical_view_factor(radius - np.float32(EARTH_RADIUS_M))
    return np.maximum(up, 0), view


# --- navigation --------------------------------------------------------------------------------


def by(name: str, parameter: str) -> str:
    """Name of the change of a quantity with a parameter that it is worked out from."""
    return f"{name}__by_{parameter}"


def navigation(
    trajectory: Trajectory, rows: Rows, fix_m: np.ndarray, fix_us: np.ndarray
) -> Columns:
    """NAVIGATION of fixes (3, N), m, GCRS, at UTC `fix_us` (N,): float32 (N,) each, and how each
    changes with each coordinate of the fix, under the names of `by`.

    Against the planned position at each fix's own time, along the planned velocity (difference
    of positions a second apart), away from the Earth, and along the orbit's angular momentum.
    """
    names = (*NAVIGATION, *(by(n, axis) for n in NAVIGATION for axis in PLACE))
    found = {name: np.full(len(fix_us), np.nan, dtype=np.float32) for name in names}
    known = np.isfinite(fix_m).all(axis=0)
    for t_us in np.unique(fix_us[known])[-MOST_TIMES:].tolist():
        some = np.flatnonzero(known & (fix_us == t_us))
        at = indices(rows)[some]
        place, before, after = (
            trajectory.positions_m(t_us + shift)[:, at].astype(np.float64)
            for shift in (0, -500_000, 500_000)
        )
        speed = after - before
        off = fix_m[:, some] - place
        across = np.cross(place, speed, axis=0)
        for name, along in zip(
            NAVIGATION,
            (
                speed / np.sum(speed * speed, axis=0),
                place / np.linalg.norm(place, axis=0),
                across / np.linalg.norm(across, axis=0),
            ),
            strict=True,
        ):
            found[name][some] = np.sum(off * along, axis=0)
            for axis, part in zip(PLACE, along, strict=True):
                found[by(name, axis)][some] = part
    return found


# --- links and protons -------------------------------------------------------------------------


def nominal_links(constants: Constants) -> dict[str, object] | None:
    """What the terminals' model needs, for satellites of as many links each; None without them."""
    if "link0_least_m" not in constants:
        return None
    own: dict[str, object] = {**NEUTRAL, **constants}
    try:
        own |= {key: settle(value) for key, value in links.derived(own).items()}
    except KeyError:
        return None
    return own


@dataclass(frozen=True)
class Linked:
    """Satellites of a chunk that have as many links each, bool (rows,) (None: all of them), and
    their terminals' numbers."""

    member: np.ndarray | None
    own: dict[str, object]


def linked(constants: Constants, rows: int) -> list[Linked]:
    """The satellites of a whole chunk that have links, by their number of links."""
    count = np.broadcast_to(np.asarray(constants.get("links", 0.0), dtype=np.float32), (rows,))
    found = []
    for number in np.unique(count[count > 0]).tolist():
        own = nominal_links({**constants, "links": number})
        if own is not None:
            member = count == number
            found.append(Linked(None if member.all() else member, own))
    return found


def received(
    terminals: Sequence[Linked],
    trajectory: Trajectory,
    rows: Rows,
    mid_us: np.ndarray,
    chunk_rows: int,
) -> Columns:
    """LINKS: power that nominal terminals receive, the weakest and the mean of those that receive
    enough, dBm (N,), NaN where none does; and how many do."""
    found = {name: np.full(len(mid_us), np.nan, dtype=np.float32) for name in LINKS}
    for t_us, some in groups(mid_us):
        at = some_of(rows, some)
        angle = trajectory.argument_of_latitude_rad(t_us)
        for one in terminals:
            mine, to = at, some
            if one.member is not None:
                which = one.member[at]
                mine, to = indices(at)[which], np.arange(len(mid_us))[some][which]
            part = {
                n: v[mine] if isinstance(v, np.ndarray) and v.shape == (chunk_rows,) else v
                for n, v in one.own.items()
            }
            powers = links.received_dbm(part, angle[mine].astype(np.float32), 0.0)
            closed, total = np.zeros_like(powers[0]), np.zeros_like(powers[0])
            least = np.full_like(powers[0], np.inf)
            for power_dbm in powers:
                enough = power_dbm >= np.asarray(part["sensitivity_dbm"], dtype=np.float32)
                closed += enough
                np.minimum(least, power_dbm, out=least, where=enough)
                total += np.where(enough, power_dbm, 0)
            found["links_closed"][to] = closed
            found["rx_least_dbm"][to] = np.where(closed > 0, least, np.nan)
            found["rx_average_dbm"][to] = np.where(
                closed > 0, total / np.maximum(closed, 1), np.nan
            )
    return found


def protons(
    trajectory: Trajectory, rows: Rows, mid_us: np.ndarray, solar: str = "min"
) -> np.ndarray:
    """Flux of trapped protons above 60 MeV by the grid, 1/(cm2 s) (N,)."""
    found = np.full(len(mid_us), np.nan, dtype=np.float32)
    for t_us, some in groups(mid_us):
        place = trajectory.positions_m(t_us)[:, some_of(rows, some)]
        found[some] = radiation.flux_cm2_s(place, t_us, solar)
    return found


# --- the panels' temperature -------------------------------------------------------------------

_PANEL = (
    "array_area_m2",
    "cell_efficiency_ratio",
    "packing_ratio",
    "cell_power_per_k",
    "degradation_per_year_ratio",
    "age_years",
    "array_pointing_deg",
    "panel_absorptivity",
    "panel_emissivity",
    "panel_capacity_j_k_m2",
)


def has_panel(constants: Constants) -> bool:
    """Whether the constants tell what a panel's temperature hangs on."""
    return all(name in constants for name in _PANEL)


def panel_step_degc(
    constants: Constants, panel_degc: np.ndarray, around: Mapping[str, np.ndarray], dt_s: Numbers
) -> np.ndarray:
    """Temperature of the panels `dt_s` on, degC (N,), by the heat balance of the nominal array.

    What the cells give to the bus does not warm them (Gilmore, ch. 2; SMAD sec. 11.4). One step
    against two of half its length, extrapolated to none (Richardson): a panel that leaves the
    shadow warms by 3 K in a window, of which a single implicit step would miss half.
    """

    def step(degc: np.ndarray, seconds: Numbers) -> np.ndarray:
        return thermal.radiating_step_degc(
            degc,
            _panel_heat_w_m2(constants, degc, around),
            1.0,
            constants["panel_emissivity"],
            constants["panel_capacity_j_k_m2"],
            seconds,  # type: ignore[arg-type]
        )

    halved = step(step(panel_degc, dt_s * 0.5), dt_s * 0.5)
    return 2 * halved - step(panel_degc, dt_s)


def _panel_heat_w_m2(
    constants: Constants, panel_degc: np.ndarray, around: Mapping[str, np.ndarray]
) -> np.ndarray:
    c = constants
    cosine = np.cos(np.radians(c["array_pointing_deg"]))
    sunlight = around["lit_ratio"] * around["sun_w_m2"]
    electric = power.array_power_w(
        sunlight,
        1.0,
        c["cell_efficiency_ratio"],
        c["packing_ratio"],
        cosine,
        panel_degc,
        c["cell_power_per_k"],
        power.remaining_factor(c["degradation_per_year_ratio"], c["age_years"]),
    )
    absorbed = thermal.absorbed_w_m2(
        sunlight,
        cosine,
        EARTH_INFRARED_W_M2,
        around["day_cos"] * (EARTH_ALBEDO_RATIO * around["sun_w_m2"]),
        around["earth_view"],
        c["panel_absorptivity"],
        c["panel_emissivity"],
    )
    return absorbed - electric


def settled_panel_degc(
    constants: Constants, trajectory: Trajectory, rows: Rows, mid_us: np.ndarray
) -> np.ndarray:
    """Temperature of panels of which nothing is known, degC (N,): followed from the past on."""
    found = np.full(len(mid_us), np.nan, dtype=np.float32)
    step_us = int(PANEL_STEP_S * 1e6)
    for t_us, some in groups(mid_us):
        at = some_of(rows, some)
        part = constants
        if not isinstance(some, slice):
            part = {n: v[some] if isinstance(v, np.ndarray) else v for n, v in constants.items()}
        panel: np.ndarray | None = None
        lit: np.ndarray | None = None
        for back in range(int(PANEL_MEMORY_S / PANEL_STEP_S), -1, -1):
            then = t_us - back * step_us
            sun_m = sun_position_m(then)
            place = trajectory.positions_m(then)[:, at]
            day_cos, earth_view = _below(place, sun_m)
            lit_before, lit = lit, eclipse.lit_fraction(place, sun_m)
            around: dict[str, np.ndarray] = {
                "lit_ratio": lit if lit_before is None else 0.5 * (lit_before + lit),
                "sun_w_m2": np.full_like(
                    day_cos, power.sun_flux_w_m2(float(np.linalg.norm(sun_m)))
                ),
                "day_cos": day_cos,
                "earth_view": earth_view,
            }
            if panel is None:
                guess = np.full(place.shape[1], 20.0, dtype=np.float32)
                heat = _panel_heat_w_m2(part, guess, around)
                panel = thermal.equilibrium_degc(heat, part["panel_emissivity"])
            else:
                panel = panel_step_degc(part, panel, around, PANEL_STEP_S)
        found[some] = panel
    return found
