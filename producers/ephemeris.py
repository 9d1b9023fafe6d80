"""Real satellites: OMM element sets moved by SGP4, with the subsystems of a profile."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orbitwin import log as logs
from orbitwin import profile as profiles
from orbitwin.errors import UsageError
from orbitwin.health import Health
from orbitwin.layout import catalogued
from orbitwin.physics.constants import EARTH_RADIUS_M
from orbitwin.physics.sgp4_batch import Sgp4Orbit
from orbitwin.profile import Profile
from orbitwin.settings import Settings
from orbitwin.trajectory import Real
from producers.faults import FaultField
from producers.omm import Fields, read_catalogue
from producers.session import Summary, epoch_us
from producers.synthetic import Flight, fly
from producers.truth import Truth

EARTH_MU_M3_S2 = 3.986008e14  # WGS 72, as SGP4 has it
DAY_S = 86_400.0
ALTITUDE_STEP_KM = 10  # satellites of a shell keep within this
NAV_PERIOD_S = 1.0
LEAST_RADIUS_M = 6.357e6  # the Earth's at the poles
GREATEST_RADIUS_M = 6.0e7  # of what a position column can say
OLD_DAYS = 14.0  # elements farther off than this are worth a warning [assumption]

_log = logs.get("ephemeris")


class CountedOrbit:
    """SGP4 positions that say how many satellites have none (come down, or beyond the model)."""

    def __init__(self, orbit: Sgp4Orbit, health: Health) -> None:
        self.orbit = orbit
        self.lost = 0  # the most at any time
        self._gauge = health.gauge("satellites_without_position", "Satellites that SGP4 gives up")

    def positions_m(self, t_us: int) -> NDArray[np.float64]:
        """GCRS positions (3, N), m, at UTC `t_us`; NaN where there is none."""
        positions = self.orbit.positions_m(t_us)
        # Far from its epoch SGP4 puts some satellites inside the Earth or beyond the planets,
        # without an error code.
        radius_m = np.linalg.norm(positions, axis=0)
        positions[:, (radius_m < LEAST_RADIUS_M) | (radius_m > GREATEST_RADIUS_M)] = np.nan
        lost = int(np.isnan(positions[0]).sum())
        if lost > self.lost:
            _log.warning(f"SGP4 gives no position for {lost} of {positions.shape[1]} satellites")
        if lost != self.lost:
            self._gauge.set(lost)
            self.lost = max(lost, self.lost)
        return positions

    def argument_of_latitude_rad(self, t_us: int) -> NDArray[np.float32]:
        """Zeros (N,): distances to neighbours do not change over these orbits."""
        return np.zeros(len(self.orbit), np.float32)


def run_ephemeris(settings: Settings, health: Health, stop: threading.Event) -> Summary:
    """Fly the satellites of the OMM files in `producer.sources`, one row a satellite and tick.

    Raises UsageError for a file that cannot be used.
    """
    chosen = settings.producer
    if not chosen.sources:
        raise UsageError("no orbit elements are given", "orbitwin produce ephemeris FILE...")
    elements = read_catalogue(chosen.sources).elements
    orbit = CountedOrbit(Sgp4Orbit(elements), health)
    _say_age(orbit.orbit, epoch_us(chosen.start_epoch))
    profile = profiles.load(chosen.profile)
    flight = flight_of(fleet_name(chosen.sources[0]), elements, orbit, profile, chosen.seed)
    return fly(flight, settings, health, stop)


def flight_of(
    name: str, elements: Sequence[Fields], orbit: CountedOrbit, profile: Profile, seed: int = 1
) -> Flight:
    """The satellites of `elements`, which `orbit` moves, with the subsystems of a profile."""
    # What is sent is SGP4's position itself: a receiver's noise would hide how good it is.
    profile = profile.model_copy(
        update={"noise": profile.noise | dict.fromkeys(("x_m", "y_m", "z_m"), 0.0)}
    )
    shells = [shell_of(fields) for fields in elements]
    layout = catalogued(profile, orbit.orbit.sat_id, orbit.orbit.name, shells)

    def truth(t0_us: int, faults: FaultField | None = None) -> Truth:
        return Truth(profile, seed=seed, t0_us=t0_us, orbit=orbit, layout=layout, faults=faults)

    nav = {"nav": NAV_PERIOD_S}
    return Flight("ephemeris", name, profile, layout, Real(elements), truth, nav)


def age_days(orbit: Sgp4Orbit, t_us: int) -> NDArray[np.float64]:
    """How far each element set's epoch is from UTC `t_us`, days (N,), before or after."""
    return np.asarray(np.abs(t_us - orbit.epoch_us) / 1e6 / DAY_S)


def _say_age(orbit: Sgp4Orbit, start_us: int | None) -> None:
    age = float(
        np.median(age_days(orbit, time.time_ns() // 1000 if start_us is None else start_us))
    )
    if age > OLD_DAYS:
        _log.warning(
            f"the elements are {age:.0f} days away from the time asked for, where SGP4 says "
            "little; get newer ones, or go to their time with --start-epoch"
        )


def fleet_name(path: Path) -> str:
    """A fleet's name from its file's, without the date: tomorrow's elements are the same fleet."""
    stem = path.name.partition(".")[0].lower()
    words = re.findall(r"[a-z0-9]+", re.sub(r"[\W_]*\d[\d\W_]*$", "", stem))
    return "_".join(words) or "ephemeris"


def shell_of(fields: Fields) -> str:
    """A shell's name by inclination and mean altitude, such as 53.1deg-550km."""
    revolutions_per_day = float(fields["MEAN_MOTION"])
    motion_rad_s = revolutions_per_day * 2 * np.pi / DAY_S
    a_m = (EARTH_MU_M3_S2 / motion_rad_s**2) ** (1 / 3)
    altitude_km = (a_m - EARTH_RADIUS_M) / 1e3
    step = ALTITUDE_STEP_KM
    return f"{float(fields['INCLINATION']):.0f}deg-{round(altitude_km / step) * step:d}km"
