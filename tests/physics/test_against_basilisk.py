"""Shadow, entry and exit, and the drift by J2 against Basilisk (package bsk; extra `oracle`)."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.physics import eclipse, orbit
from orbitwin.physics.constants import (
    EARTH_J2,
    EARTH_MU_M3_S2,
    EARTH_RADIUS_M,
)

pytest.importorskip("Basilisk")
from Basilisk.architecture import messaging
from Basilisk.simulation import eclipse as basilisk_eclipse
from Basilisk.simulation import spacecraft
from Basilisk.utilities import (
    SimulationBaseClass,
    macros,
    orbitalMotion,
    simIncludeGravBody,
)

SUN_M = np.array([1.496e11, 0.0, 0.0])


def simulation(step_s: float) -> SimulationBaseClass.SimBaseClass:
    sim = SimulationBaseClass.SimBaseClass()
    sim.CreateNewProcess("process").addTask(sim.CreateNewTask("task", macros.sec2nano(step_s)))
    return sim


def their_lit_ratio(places_m: np.ndarray) -> np.ndarray:
    """Share of the Sun's disc that Basilisk's cone shows at positions (3, N)."""
    sim = simulation(1.0)
    shadow = basilisk_eclipse.Eclipse()
    payload = messaging.SpicePlanetStateMsgPayload
    bodies = [
        messaging.SpicePlanetStateMsg().write(payload(PositionVector=list(at), PlanetName=name))
        for at, name in ((SUN_M, "sun"), ((0, 0, 0), "earth"))
    ]
    shadow.sunInMsg.subscribeTo(bodies[0])
    shadow.addPlanetToModel(bodies[1])
    states = [
        messaging.SCStatesMsg().write(messaging.SCStatesMsgPayload(r_BN_N=place.tolist()))
        for place in places_m.T
    ]
    for state in states:
        shadow.addSpacecraftToModel(state)
    sim.AddModelToTask("task", shadow)
    sim.InitializeSimulation()
    sim.TotalSim.SingleStepProcesses()
    return np.array([m.read().shadowFactor for m in shadow.eclipseOutMsgs])


@pytest.mark.parametrize(("km", "beta_deg"), [(500, 0), (650, 60), (2000, 20)])
def test_share_of_the_orbit_in_shadow(km, beta_deg):
    u, beta = np.linspace(0, 2 * np.pi, 2000, endpoint=False), np.radians(beta_deg)
    plane = np.stack([np.cos(u) * np.cos(beta), np.sin(u), np.cos(u) * np.sin(beta)])
    places = (EARTH_RADIUS_M + km * 1e3) * plane
    theirs = their_lit_ratio(places)
    ours = eclipse.lit_fraction(places, SUN_M)
    assert (np.abs(ours - theirs) > 0.02).sum() <= 2
    assert ours.mean() == pytest.approx(theirs.mean(), abs=2e-4)
    share = eclipse.eclipse_fraction(km * 1e3, beta)
    assert 1 - theirs.mean() == pytest.approx(share, abs=1.5e-3)


def test_penumbra():
    """Between full light and none: their Sun is 0.1 % smaller than ours."""
    u = np.linspace(0, 0.02, 400) + np.pi / 2 + np.arccos(EARTH_RADIUS_M / 6_878_137.0) - 0.01
    places = 6_878_137.0 * np.stack([np.cos(u), np.sin(u), 0 * u])
    theirs = their_lit_ratio(places)
    assert ((theirs > 0) & (theirs < 1)).sum() > 100
    assert eclipse.lit_fraction(places, SUN_M) == pytest.approx(theirs, abs=1e-3)


@pytest.mark.parametrize(("km", "inclination_deg"), [(500, 53.0), (650, 97.99)])
def test_node_rate_and_eclipse_of_a_simulated_orbit(tmp_path, km, inclination_deg):
    """Half a day of Runge and Kutta with J2 alone."""
    coefficients = tmp_path / "j2.csv"  # degree 2, normalised: C20 = -J2 / sqrt 5
    rows = [
        (EARTH_RADIUS_M, EARTH_MU_M3_S2, 0, 2, 2, 1, 0, 0),
        (0, 0, 1.0, 0, 0, 0),
        (1, 0, 0, 0, 0, 0),
        (1, 1, 0, 0, 0, 0),
        (2, 0, -EARTH_J2 / 5**0.5, 0, 0, 0),
        (2, 1, 0, 0, 0, 0),
        (2, 2, 0, 0, 0, 0),
    ]
    coefficients.write_text("\n".join(", ".join(str(n) for n in row) for row in rows))

    step_s, span_s = 10.0, 43_200.0
    sim = simulation(step_s)
    satellite = spacecraft.Spacecraft()
    sim.AddModelToTask("task", satellite)
    factory = simIncludeGravBody.gravBodyFactory()
    earth = factory.createEarth()
    earth.isCentralBody = True
    earth.useSphericalHarmonicsGravityModel(str(coefficients), 2)
    factory.addBodiesTo(satellite)
    start = orbitalMotion.ClassicElements()
    start.a, start.e, start.i = EARTH_RADIUS_M + km * 1e3, 1e-3, np.radians(inclination_deg)
    start.Omega, start.omega, start.f = np.radians(40.0), 0.0, np.radians(10.0)
    place, speed = orbitalMotion.elem2rv(EARTH_MU_M3_S2, start)
    satellite.hub.r_CN_NInit, satellite.hub.v_CN_NInit = place, speed
    record = satellite.scStateOutMsg.recorder(macros.sec2nano(30.0))
    sim.AddModelToTask("task", record)
    sim.InitializeSimulation()
    sim.ConfigureStopTime(macros.sec2nano(span_s))
    sim.ExecuteSimulation()

    seconds = record.times() * 1e-9
    places, speeds = np.array(record.r_BN_N), np.array(record.v_BN_N)
    momentum = np.cross(places, speeds)
    node = np.unwrap(np.arctan2(momentum[:, 0], -momentum[:, 1]))
    distance = np.linalg.norm(places, axis=1)
    mean_a_m = np.mean(1 / (2 / distance - (speeds**2).sum(axis=1) / EARTH_MU_M3_S2))
    tilt = np.arccos(momentum[:, 2] / np.linalg.norm(momentum, axis=1)).mean()
    told, _, _ = orbit.j2_rates_rad_s(mean_a_m, 1e-3, tilt)
    assert np.polyfit(seconds, node, 1)[0] == pytest.approx(told, rel=2e-3)

    dark = eclipse.in_cylinder(places.T, [1, 0, 0])
    beta = np.arcsin(momentum[:, 0].mean() / np.linalg.norm(momentum, axis=1).mean())
    orbits = int(span_s / orbit.period_s(mean_a_m))
    span = seconds < orbits * orbit.period_s(mean_a_m)
    share = eclipse.eclipse_fraction(mean_a_m - EARTH_RADIUS_M, beta)
    assert dark[span].mean() == pytest.approx(share, abs=2e-3)
