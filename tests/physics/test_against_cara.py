"""Probability of collision against NASA CARA's unit tests, from the KVN files to the number.

Expected values: Pc2D_Foster_UnitTest, PcElrod_UnitTest and Pc_MC_Kep2body_parallel_UnitTest of
NASA's CARA Analysis Tools; those of Alfano's cases go back to Alfano, "Satellite Conjunction
Monte Carlo Analysis", AAS 09-233 (2009).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orbitwin import cdm
from orbitwin.physics import conjunction
from orbitwin.physics.conjunction import Encounter, encounter, probability_of_collision

CDM = Path(__file__).parents[1] / "data" / "cara_cdm"
# States km and km/s, covariances km2, HBR km
OMITRON_1 = (
    [378.39559, 4305.721887, 5752.767554], [2.360800244, 5.580331936, -4.322349039],
    [[44.5757544811362, 81.6751751052616, -67.8687662707124],
     [81.6751751052616, 158.453402956163, -128.616921644857],
     [-67.8687662707124, -128.616921644858, 105.490542562701]],
    [374.5180598, 4307.560983, 5751.130418], [-5.388125081, -3.946827739, 3.322820358],
    [[2.31067077720423, 1.69905293875632, -1.4170164577661],
     [1.69905293875632, 1.24957388457206, -1.04174164279599],
     [-1.4170164577661, -1.04174164279599, 0.869260558223714]],
)  # fmt: skip
OMITRON_2 = (
    [-3239.128337196251, 2404.575152356222, 5703.228541709001],
    [-3.745768373154199, 5.012339015927846, -4.231864565717194],
    [[0.342072996423899e-3, -0.412677096778269e-3, 0.371500417511149e-3],
     [-0.412677096778269e-3, 0.609905946319294e-3, -0.540401385544286e-3],
     [0.371500417511149e-3, -0.540401385544286e-3, 0.521238634755377e-3]],
    [-3239.138264917246, 2404.568320465936, 5703.235605231182],
    [6.110192790100711, -1.767321407894830, 4.140369261741708],
    [[0.028351300975134, -0.008204103437377, 0.019253747960155],
     [-0.008204103437377, 0.002404377774847, -0.005586512197914],
     [0.019253747960155, -0.005586512197914, 0.013289250260317]],
)  # fmt: skip


def of_file(name, hbr_m=None):
    (message,) = cdm.read(next(CDM.glob(f"{name}*.cdm")))
    at = encounter(*message.relative_state(), message.combined_covariance_m2())
    return message, at, float(probability_of_collision(at, hbr_m or message.hbr_m))


@pytest.mark.parametrize(
    ("case", "expected"), [(OMITRON_1, 2.70601573490125e-05), (OMITRON_2, 0.180736305849476)]
)
def test_omitron_states(case, expected):
    r1, v1, c1, r2, v2, c2 = map(np.array, case)
    at = encounter(r2 - r1, v2 - v1, c1 + c2)  # any unit of length does
    assert float(probability_of_collision(at, 0.020)) == pytest.approx(expected, rel=1e-3)
    # CARA takes the whole distance where we project it: the states are not quite at TCA.
    longer = np.linalg.norm(r2 - r1) / at.miss_m
    as_cara = replace(
        at, along_major_m=at.along_major_m * longer, along_minor_m=at.along_minor_m * longer
    )
    assert float(probability_of_collision(as_cara, 0.020)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("case", "hbr_m", "expected"),
    [
        (1, 15, 1.46749549e-01),
        (2, 4, 6.22226700e-03),
        (3, 15, 1.00351176e-01),
        (4, 15, 4.93234060e-02),
        (5, 10, 4.44873860e-02),
        (6, 10, 4.33545500e-03),
    ],
)
def test_alfano_2009_from_the_files(case, hbr_m, expected):
    message, _, pc = of_file(f"AlfanoTestCase0{case}")
    assert message.hbr_m == hbr_m  # stated in a comment
    assert pc == pytest.approx(expected, rel=2e-4)  # CARA itself asks for 1e-3


@pytest.mark.parametrize(
    ("case", "hbr_m", "monte_carlo"),
    [("1", 20, 0.420), ("2", 100, 3.0216e-3), ("3", 100, 2.6516e-3), ("4", 100, 2.4989e-3)],
)
def test_omitron_files_against_cara_s_monte_carlo(case, hbr_m, monte_carlo):
    """Their runs draw until 10 % is sure; states and miss are those the file states."""
    message, at, pc = of_file(f"OmitronTestCase_Test0{case}", hbr_m)
    assert pc == pytest.approx(monte_carlo, rel=0.1)
    assert not at.clipped
    assert float(at.miss_m) == pytest.approx(message.miss_distance_m, rel=5e-3)


@pytest.mark.parametrize("name", sorted(path.stem for path in CDM.glob("*.cdm")))
def test_every_file_against_an_integral_over_the_disc(name):
    message, at, pc = of_file(name)
    assert pc == pytest.approx(disc_integral(at, message.hbr_m), rel=1e-6)


def disc_integral(at, hbr_m, rings=400, angles=800):
    """The same integral without erf and without axes of its own: rings by angles."""
    node, weight = np.polynomial.legendre.leggauss(rings)
    radius = hbr_m * (node[:, None] + 1) / 2
    angle = 2 * np.pi * np.arange(angles) / angles
    u = (radius * np.cos(angle) - at.along_major_m) / at.major_m
    v = (radius * np.sin(angle) - at.along_minor_m) / at.minor_m
    ring = np.exp(-(u * u + v * v) / 2).mean(axis=1) * radius[:, 0]
    return float(np.sum(ring * weight) * hbr_m / 2 / (at.major_m * at.minor_m))


def made(u, v, major, minor):
    u, v, major, minor = np.broadcast_arrays(*map(np.asarray, (u, v, major, minor)))
    return Encounter(np.hypot(u, v), u, v, major, minor, np.zeros(u.shape, dtype=bool))


def test_errors_from_a_thirtieth_of_the_disc_to_a_thousand_discs():
    rng = np.random.default_rng(11)
    major = 10 ** rng.uniform(-1.3, 3, 24)
    minor = np.maximum(major * 10 ** rng.uniform(-1.0, 0, 24), 0.03)
    u, v = rng.normal(size=24) * np.maximum(major, 1), rng.normal(size=24) * np.maximum(minor, 1)
    got = probability_of_collision(made(u, v, major, minor), 1.0)
    for k in range(24):
        expected = disc_integral(made(u[k], v[k], major[k], minor[k]), 1.0)
        assert got[k] == pytest.approx(expected, rel=1e-6), (u[k], v[k], major[k], minor[k])


def test_isotropic_errors_about_the_middle_have_a_closed_form():
    """Rayleigh: 1 - exp(-h^2 / 2 sigma^2), for sigmas from 1e-8 to 1e8 discs."""
    sigma = 10.0 ** np.arange(-8, 9)
    got = probability_of_collision(made(0.0, 0.0, sigma, sigma), 1.0)
    assert np.allclose(got, -np.expm1(-0.5 / sigma**2), rtol=1e-9, atol=0)


def test_without_error_it_is_certain():
    at = encounter([[0, 3.0, 0], [0, 6.0, 0]], [[1e3, 0, 0]] * 2, np.zeros((2, 3, 3)))
    assert at.clipped.tolist() == [False, False]
    assert probability_of_collision(at, 5.0) == pytest.approx([1.0, 0.0], abs=1e-12)


def test_an_error_in_one_direction_only():
    """A line 3 m from the middle of a disc of 5 m has 2 * 4 m in it: erf(4 / (sigma sqrt 2))."""
    covariance = np.diag([0.0, 4.0**2, 0.0])
    at = encounter([0, 0, 3.0], [1e3, 0, 0], covariance)
    assert float(probability_of_collision(at, 5.0)) == pytest.approx(0.6826894921, rel=1e-8)


def test_a_radius_of_nothing_and_one_beyond_all():
    at = made(100.0, 50.0, 1000.0, 100.0)
    assert float(probability_of_collision(at, 0.0)) == 0.0
    assert float(probability_of_collision(at, 1e-150)) == 0.0
    assert float(probability_of_collision(at, 1e7)) == pytest.approx(1.0)
    for wrong in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="hard-body radius"):
            probability_of_collision(at, wrong)


def test_a_covariance_that_is_none_is_clipped_and_told():
    covariance = np.array([np.diag([1.0, 100.0, -25.0]), np.diag([1.0, 100.0, 0.0])])
    at = encounter([[0, 3.0, 1.0]] * 2, [[1e3, 0, 0]] * 2, covariance)
    assert at.clipped.tolist() == [True, False]
    pc = probability_of_collision(at, 5.0)
    assert pc[0] == pytest.approx(pc[1], rel=1e-12) and 0 < pc[0] < 1


@pytest.mark.parametrize("what", ["relative position", "relative velocity", "covariance"])
def test_nan_is_named(what):
    given = {
        "relative position": np.ones((3, 3)),
        "relative velocity": np.ones((3, 3)),
        "covariance": np.stack([np.eye(3)] * 3),
    }
    given[what][2, 1] = np.nan
    with pytest.raises(ValueError, match=f"{what} number 2 .*not finite"):
        encounter(*given.values())


def test_no_relative_velocity_is_named():
    with pytest.raises(ValueError, match="velocity number 1 is zero"):
        encounter(np.ones((2, 3)), [[1, 0, 0], [0, 0, 0]], np.eye(3))


def test_rtn_axes_of_a_state():
    axes = conjunction.rtn_axes([7e6, 0, 0], [10.0, 0, 7.5e3])  # eastwards node, over the pole
    assert np.allclose(axes, [[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    turned = conjunction.inertial_covariance(np.diag([1.0, 4.0, 9.0]), [7e6, 0, 0], [0, 0, 7.5e3])
    assert np.allclose(turned, np.diag([1.0, 9.0, 4.0]))
    with pytest.raises(ValueError, match="span no orbit plane"):
        conjunction.rtn_axes([7e6, 0, 0], [7e3, 0, 0])


def test_many_at_once_are_what_each_is_alone():
    cases = [of_file(path.stem)[1:] for path in sorted(CDM.glob("Omitron*.cdm"))]
    names = ("miss_m", "along_major_m", "along_minor_m", "major_m", "minor_m", "clipped")
    together = Encounter(*(np.array([getattr(at, name) for at, _ in cases]) for name in names))
    assert np.allclose(
        probability_of_collision(together, 20.0), [pc for _, pc in cases], rtol=1e-13, atol=0
    )
