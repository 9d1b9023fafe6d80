"""Phase-change stores against Hale, Phase Change Materials Handbook, NASA CR-61363."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.physics import phase_change as pcm
from orbitwin.physics import thermal


def test_a_hundred_kilograms_of_eicosane_at_30_kw():
    """Melts at 36.5 degC with 247 kJ/kg: 823 s."""
    assert (pcm.EICOSANE.melt_degc, pcm.DOCOSANE.melt_degc) == (36.5, 44.0)
    assert pcm.DOCOSANE.latent_j_kg == pytest.approx(249e3)
    assert pcm.ride_through_s(0.0, 30e3, 100.0, pcm.EICOSANE) == pytest.approx(823.3, abs=0.1)
    state = np.array([0.0])
    for step in range(824):
        state, degc, melted = pcm.pcm_step(state, 30e3, 1.0, 100.0, pcm.EICOSANE)
        if step < 823:
            assert degc[0] == 36.5
    assert melted[0] == 1 and degc[0] > 36.5


def test_store_of_one_kilowatt_for_a_quarter_of_an_hour():
    """900 kJ over 247 kJ/kg: 3.6 kg."""
    mass_kg = 1e3 * 900 / pcm.EICOSANE.latent_j_kg
    assert mass_kg == pytest.approx(3.6, abs=0.05)
    assert pcm.ride_through_s(0.0, 1e3, mass_kg, pcm.EICOSANE) == pytest.approx(900)


def test_temperature_and_melt_follow_from_the_heat():
    mass_kg = 10.0
    latent_j = mass_kg * pcm.EICOSANE.latent_j_kg
    heat_j = np.array([-2010.0 * 10 * 5, 0.0, latent_j / 4, latent_j, latent_j + 2210.0 * 10 * 5])
    assert pcm.temperature_degc(heat_j, mass_kg, pcm.EICOSANE) == pytest.approx(
        [31.5, 36.5, 36.5, 36.5, 41.5]
    )
    assert pcm.melt_ratio(heat_j, mass_kg, pcm.EICOSANE) == pytest.approx([0, 0, 0.25, 1, 1])
    back = pcm.enthalpy_j(
        np.array([31.5, 36.5, 36.5, 36.5, 41.5]),
        mass_kg,
        pcm.EICOSANE,
        np.array([0.9, 0, 0.25, 1, 0.1]),
    )
    assert back == pytest.approx(heat_j)


def test_a_store_delays_the_limit():
    """Its latent heat, 2.47 MJ, lasts 82 s longer at 30 kW below a limit above its melting."""
    now_j = pcm.enthalpy_j(30.0, 10.0, pcm.EICOSANE)
    room_j = pcm.heat_to_j(now_j, 60.0, 10.0, pcm.EICOSANE)
    assert room_j == pytest.approx(10 * (2010 * 6.5 + 247e3 + 2210 * 23.5))
    assert pcm.heat_to_j(now_j, 35.0, 10.0, pcm.EICOSANE) == pytest.approx(10 * 2010 * 5)
    with_store, without = (
        thermal.time_to_limit_s(np.array([30.0]), 60.0, 30e3, 90e3, store)
        for store in (room_j, 0.0)
    )
    assert with_store - without == pytest.approx(room_j / 30e3)
