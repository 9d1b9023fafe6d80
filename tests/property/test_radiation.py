"""A flux is a flux at any place, or unknown where the place is: properties, by hypothesis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbitwin.physics import radiation

latitudes = st.one_of(st.floats(-np.pi / 2, np.pi / 2), st.sampled_from([-np.pi / 2, 0, np.pi / 2]))
longitudes = st.one_of(st.floats(-20, 20), st.sampled_from([-np.pi, np.pi, 0, 2 * np.pi, -1e-17]))
altitudes = st.one_of(st.floats(-1e5, 1e8), st.sampled_from([0, 3e5, 2e6, 3.6e7]))


@given(latitudes, longitudes, altitudes, st.sampled_from(["min", "max"]), st.booleans())
def test_flux_is_finite_and_not_negative(latitude, longitude, altitude, solar, single):
    dtype = np.float32 if single else np.float64
    place = (np.array([x], dtype=dtype) for x in (latitude, longitude, altitude))
    flux = radiation.proton_flux_cm2_s(*place, solar)
    assert flux.dtype == dtype
    assert np.isfinite(flux).all()
    assert (flux >= 0).all()
    assert (flux < 30_000).all()


@given(latitudes, longitudes, altitudes, st.integers(1, 7))
def test_an_unknown_place_has_an_unknown_flux(latitude, longitude, altitude, unknown):
    place = [latitude, longitude, altitude]
    place = [np.nan if unknown >> k & 1 else x for k, x in enumerate(place)]
    assert np.isnan(radiation.proton_flux_cm2_s(*place))


def test_unknown_positions_among_known_ones():
    positions = np.full((3, 5), 4.1e6, dtype=np.float32)
    positions[1, 2] = np.nan
    flux = radiation.flux_cm2_s(positions, 1_800_000_000_000_000)
    assert np.isnan(flux).tolist() == [False, False, True, False, False]
    assert not radiation.in_anomaly(flux)[2]


def test_nothing_jumps_at_the_date_line_or_the_poles():
    latitude = np.radians(np.arange(-90, 91, 0.5))
    west, east = (
        radiation.proton_flux_cm2_s(latitude, longitude, 2000e3)
        for longitude in (-np.pi + 1e-9, np.pi - 1e-9)
    )
    assert west == pytest.approx(east, rel=1e-5, abs=1e-5)
    round_the_pole = np.linspace(-np.pi, np.pi, 50)
    for pole in (-np.pi / 2, np.pi / 2):
        assert np.ptp(radiation.proton_flux_cm2_s(pole, round_the_pole, 2000e3)) == 0


def test_outside_the_grid_is_its_edge():
    place = np.radians(-30.0), np.radians(-40.0)
    at = [float(radiation.proton_flux_cm2_s(*place, km * 1e3)) for km in (200, 300, 2000, 2500)]
    assert at[0] == at[1] < at[2] == at[3]


def test_shapes_broadcast():
    latitude = np.radians(np.linspace(-60, 60, 7))[:, None]
    found = radiation.proton_flux_cm2_s(latitude, np.radians([-50.0, -40.0]), 800e3)
    assert found.shape == (7, 2)
    assert radiation.proton_flux_cm2_s(np.empty(0), np.empty(0), np.empty(0)).shape == (0,)
    assert radiation.orbit_mean_flux_cm2_s([500e3, 800e3], 1.7).shape == (2,)


def test_unknown_solar_activity_is_refused():
    with pytest.raises(ValueError, match="min or max"):
        radiation.proton_flux_cm2_s(0.0, 0.0, 500e3, solar="mean")
