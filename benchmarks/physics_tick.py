"""One tick of the synthetic fleet's physics without noise: core-ms, on one core.

    python -m benchmarks.physics_tick [--satellites 1218000] [--profile three_tier] [--json FILE]

Orbit, light, array, battery, job, heat, links, dose, and the packets as they are due: the fast one
at every tick, navigation at every tenth, of the slow one a sixtieth of the satellites a tick.  A
round is 30 ticks, in which all that takes turns comes round; its figure is their mean.  The last
tick of a round is compared with a reference in plain Python, written from the formulas for a few
satellites: position, whether the Sun is seen, power of the array.
"""

from __future__ import annotations

import argparse
import cProfile
import math
import pstats
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from skyfield.api import load
from skyfield.sgp4lib import TEME

from benchmarks import harness
from benchmarks.harness import Report, expect
from orbitwin import layout, profile, spacecraft
from orbitwin.physics import constants as c
from orbitwin.physics import radiation, sun
from orbitwin.spacecraft import heat, jobs, power
from producers.drawn import Block
from producers.schedule import Due
from producers.truth import Truth

TARGET_MS = 250.0
TICKS = 30  # whole turns of navigation (10 s) and of the dose (15 s)
DAYS_AFTER_EPOCH = 10
CHUNK_ROWS = 16_384
SLOW_PERIOD = 60
SAMPLE = 64
POSITION_M = 5.0  # float32 of 8,400 km: 3 m; rates in whole 2^-64 turns a us: 0.13 m a day
EDGE_RAD = 5e-4  # the reference's Sun is good to 0.01 degree: no verdict so near the shadow
PENUMBRA_RAD = 0.006  # where part of the Sun is seen the reference tells no power
POWER_RATIO = 1e-3

SUBSYSTEMS: dict[str, tuple[Callable[..., Any], ...]] = {
    "orbit": (
        layout.PlannedOrbit.positions_m,
        layout.PlannedOrbit.argument_of_latitude_rad,
        sun.sun_position_m,
    ),
    "slow waves of load and attitude": (Block.wave,),
    "eclipse and albedo": (spacecraft.surroundings,),
    "array": (power.array,),
    "battery": (power.battery,),
    "compute": (jobs.work,),
    "thermal": (heat.loop,),
    "links": (spacecraft.link_values, Block.down),
    "radiation": (radiation.flux_cm2_s, spacecraft.expose),
    "slow packet": (spacecraft.slow_values,),
}

Values = dict[str, np.ndarray]


@dataclass(frozen=True)
class Expected:
    """What the reference says of one satellite; None where it has no verdict."""

    place_m: tuple[float, float, float]
    lit: bool | None
    array_w: float | None


class Bench:
    """A fleet and the ticks that it has made."""

    def __init__(self, given: argparse.Namespace, spoil: Callable[[Values], None]) -> None:
        self.profile = profile.load(given.profile)
        t0_us = self.profile.epoch_us + int(DAYS_AFTER_EPOCH * c.DAY_S * 1e6)
        self.t_us = t0_us // 60_000_000 * 60_000_000
        self.tick = 0
        self.truth = Truth(self.profile, given.satellites, given.seed, self.t_us, spin_up_s=0)
        self.sample = np.unique(np.linspace(0, len(self.truth) - 1, SAMPLE).astype(int))
        self.spoil = spoil
        self.values: Values = {}
        self.panel_degc = np.empty(0)

    def ticks(self, timed: Callable[[Callable[[], object]], float], number: int) -> float:
        """So many ticks; gives the mean of what `timed` says of each."""
        total = 0.0
        for _ in range(number):
            self.tick += 1
            self.t_us += c.MICROSECONDS_PER_SECOND
            slow = Due("slow", 0, self.tick % SLOW_PERIOD, SLOW_PERIOD)
            rows = slow.rows_of(len(self.truth), CHUNK_ROWS)
            due = {"fast": None, "slow": rows} | ({"nav": None} if self.tick % 10 == 0 else {})
            self.panel_degc = self.truth.state("panel_degc")[self.sample].astype(float)
            total += timed(lambda due=due: self._advance(due))  # type: ignore[misc]
            self._count(0 if rows is None else len(rows))
        return total / number

    def _advance(self, due: dict[str, Any]) -> None:
        self.values = self.truth.true_values(self.t_us, due)

    def _count(self, slow_rows: int) -> None:
        sizes = {len(values) for values in self.values.values()}
        expect(sizes <= {len(self.truth), slow_rows}, f"columns of {sizes} rows")

    def check(self) -> int:
        """Compare the last tick with the reference; gives how many satellites had a verdict."""
        values = self.values
        self.spoil(values)
        for name, column in values.items():
            expect(bool(np.isfinite(column).all()), f"{name} is not finite everywhere")
        of_date = TEME.rotation_at(_skyfield_time(self.t_us)).T
        verdicts = 0
        for row, panel_degc in zip(self.sample.tolist(), self.panel_degc.tolist(), strict=True):
            want = expected(self.truth, row, self.t_us, panel_degc)
            got_m = [float(values[name][row]) for name in ("x_m", "y_m", "z_m")]
            apart_m = math.dist(got_m, of_date @ want.place_m)
            expect(apart_m < POSITION_M, f"row {row} is {apart_m:.1f} m off")
            if want.lit is not None:
                expect(bool(values["sunlit"][row]) == want.lit, f"row {row}: lit is {want.lit}")
            if want.array_w is not None:
                got_w = float(values["array_v"][row]) * float(values["array_a"][row])
                far = abs(got_w - want.array_w) > POWER_RATIO * want.array_w
                expect(not far, f"row {row}: array gives {got_w:.0f} W, not {want.array_w:.0f} W")
                verdicts += 1
        expect(verdicts > len(self.sample) // 2, f"a verdict on {verdicts} satellites only")
        return verdicts

    def by_subsystem(self) -> dict[str, float]:
        """Share of each part in a tick, by a profile of a round of ticks."""
        profiler = cProfile.Profile(time.process_time, builtins=False)
        whole_ms = self.ticks(lambda tick: harness.core_ms(lambda: profiler.runcall(tick)), TICKS)
        seen = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
        found = {}
        for name, functions in SUBSYSTEMS.items():
            codes = [f.__code__ for f in functions]
            keys = [(code.co_filename, code.co_firstlineno, code.co_name) for code in codes]
            spent_s = sum(seen[key][3] for key in keys if key in seen)
            found[name] = spent_s * 1e3 / TICKS / whole_ms
        return found | {"the rest": 1 - sum(found.values())}


def expected(truth: Truth, row: int, t_us: int, panel_degc: float) -> Expected:
    """One satellite by the textbooks in float64; the position in the frame of date (TEME)."""
    place = _place_m(truth, row, t_us)
    sun_m, sun_au = _sun_m(t_us)
    r = math.hypot(*place)
    to_sun = [s - p for s, p in zip(sun_m, place, strict=True)]
    cosine = -sum(p * s for p, s in zip(place, to_sun, strict=True)) / (r * math.hypot(*to_sun))
    above_rad = math.acos(cosine) - math.asin(c.EARTH_RADIUS_M / r)  # the Sun over the limb
    lit = None if abs(above_rad) < EDGE_RAD else above_rad > 0
    array_w = None
    if abs(above_rad) > PENUMBRA_RAD:
        array_w = _array_w(truth, row, t_us, panel_degc, sun_au) if lit else 0.0
    return Expected(place, lit, array_w)


def _place_m(truth: Truth, row: int, t_us: int) -> tuple[float, float, float]:
    """Kepler's equation by Newton, J2 by Curtis eqs. 4.52-4.53; perigee is held (`MeanOrbit`)."""
    rows = truth.layout
    elements = truth.orbit.elements  # type: ignore[attr-defined]
    shell = rows.places[rows.shell_index[row]].shell
    a_m, i = shell.a_m, shell.inclination_rad  # in float64: months of J2 multiply their error
    ex, ey = float(elements.ex[row]), float(elements.ey[row])
    e, perigee = math.hypot(ex, ey), math.atan2(ey, ex)
    n = math.sqrt(c.EARTH_MU_M3_S2 / a_m**3)
    j2 = 1.5 * n * c.EARTH_J2 * (c.EARTH_RADIUS_M / (a_m * (1 - e * e))) ** 2
    along = n + j2 * (2 - 2.5 * math.sin(i) ** 2)
    along += j2 * math.sqrt(1 - e * e) * (1 - 1.5 * math.sin(i) ** 2)
    elapsed_s = (t_us - elements.epoch_us) / 1e6
    node = int(elements.node[row]) / 2**64 * math.tau - j2 * math.cos(i) * elapsed_s
    mean = int(elements.phase[row]) / 2**64 * math.tau + along * elapsed_s - perigee
    eccentric = mean
    for _ in range(8):
        eccentric -= (eccentric - e * math.sin(eccentric) - mean) / (1 - e * math.cos(eccentric))
    true = 2 * math.atan2(
        math.sqrt(1 + e) * math.sin(eccentric / 2), math.sqrt(1 - e) * math.cos(eccentric / 2)
    )
    r, u = a_m * (1 - e * math.cos(eccentric)), perigee + true
    x, y, z = r * math.cos(u), r * math.sin(u) * math.cos(i), r * math.sin(u) * math.sin(i)
    return (
        x * math.cos(node) - y * math.sin(node),
        x * math.sin(node) + y * math.cos(node),
        z,
    )


def _sun_m(t_us: int) -> tuple[tuple[float, float, float], float]:
    """The Sun of date, m, and its distance, AU: Astronomical Almanac, section C, low precision."""
    days = t_us / 1e6 / c.DAY_S + c.UNIX_EPOCH_JD - c.J2000_JD
    g = math.radians(357.528 + 0.9856003 * days)
    longitude_deg = 280.460 + 0.9856474 * days + 1.915 * math.sin(g) + 0.020 * math.sin(2 * g)
    longitude, tilt = math.radians(longitude_deg), math.radians(23.439 - 4e-7 * days)
    au = 1.00014 - 0.01671 * math.cos(g) - 0.00014 * math.cos(2 * g)
    metres = au * c.ASTRONOMICAL_UNIT_M
    return (
        metres * math.cos(longitude),
        metres * math.sin(longitude) * math.cos(tilt),
        metres * math.sin(longitude) * math.sin(tilt),
    ), au


def _array_w(truth: Truth, row: int, t_us: int, panel_degc: float, sun_au: float) -> float:
    """SMAD sec. 11.4, from the satellite's own parameters and its panel before the tick."""
    block = next(block for block in truth.blocks if block.rows.start <= row < block.rows.stop)
    at = row - block.rows.start

    def own(name: str) -> float:
        return float(np.broadcast_to(block.own[name], block.size)[at])

    milliseconds = t_us // 1000
    wave = 0.0
    for phase, rate in zip(block.wave_phase["attitude"], block.wave_rate["attitude"], strict=True):
        turned = (int(phase[at]) + int(rate[at]) * milliseconds) % 2**32
        wave += math.sin(turned / 2**32 * math.tau) / math.sqrt(3)
    off_rad = math.radians(own("array_pointing_deg")) * (1 + own("pointing_wobble_ratio") * wave)
    left = (1 - own("degradation_per_year_ratio")) ** own("age_years")
    cells_m2 = own("array_area_m2") * own("packing_ratio") * left
    warm = 1 - own("cell_power_per_k") * (panel_degc - 28)
    flux_w_m2 = c.SOLAR_CONSTANT_W_M2 / sun_au**2
    return flux_w_m2 * cells_m2 * own("cell_efficiency_ratio") * math.cos(off_rad) * warm


def _skyfield_time(t_us: int) -> Any:
    scale = load.timescale(builtin=True)
    return scale.utc(1970, 1, 1, 0, 0, t_us / 1e6)


def measure(given: argparse.Namespace, spoil: Callable[[Values], None]) -> Report:
    """Rounds of ticks, each checked."""
    bench = Bench(given, spoil)
    verdicts = []

    def one() -> dict[str, float]:
        found = {"a tick": bench.ticks(harness.core_ms, TICKS)}
        verdicts.append(bench.check())
        return found

    bench.ticks(harness.core_ms, TICKS)  # caches, pages, the radiation's grid
    figures = harness.rounds(given.repeat, one)
    tick_ms = figures["a tick"].median
    shares = bench.by_subsystem()
    fleets = given.satellites / 1_218_000
    return Report(
        figures,
        {
            "ns a satellite": round(tick_ms * 1e6 / given.satellites, 1),
            f"of the target of {TARGET_MS:.0f} core-ms for 1,218,000": round(
                tick_ms / fleets / TARGET_MS, 2
            ),
            "core-ms by subsystem (shares of a profile)": ", ".join(
                f"{name} {share * tick_ms:.1f}" for name, share in shares.items()
            ),
        },
        [
            f"{len(bench.sample)} satellites in each of {given.repeat} rounds as the reference: "
            f"position within {POSITION_M:.0f} m, lit or not, array within {POWER_RATIO:.1%} "
            f"({min(verdicts)} or more with a power to compare)",
            "every column has a finite value for every satellite that is due",
        ],
    )


def main(
    argv: Sequence[str] | None = None, spoil: Callable[[Values], None] = lambda values: None
) -> int:
    """`spoil` may change the values of a tick before they are checked: a seam for tests."""
    made = harness.parser(__doc__, 1_218_000)
    made.add_argument("--profile", default="three_tier")
    given = made.parse_args(argv)
    return harness.run("physics_tick", given, lambda: measure(given, spoil))


if __name__ == "__main__":
    harness.one_core()
    sys.exit(main())
