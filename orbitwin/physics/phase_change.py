"""Phase-change heat store by the enthalpy method: heat in joules decides temperature and melt.

Enthalpy counts from the solid at its melting point: below 0 all is solid, from 0 to m L it melts
at one temperature, above all is liquid.  Energy is conserved exactly because it is the state.
Keep the state in float64 if steps are small: float32 tells 25 MJ apart to 2 J only.
Source: ECSS-E-HB-31-01 Part 10 (phase-change capacitors); Voller & Cross 1981 (enthalpy method).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orbitwin.physics.arrays import Floats, Numbers


@dataclass(frozen=True)
class Material:
    """What melts: melting point, latent heat, specific heat of solid and of liquid."""

    melt_degc: float
    latent_j_kg: float
    solid_j_kg_k: float
    liquid_j_kg_k: float


# Melting point and latent heat: Hale et al., Phase Change Materials Handbook, NASA CR-61363, 1971.
# Specific heats of about 2 kJ/kg/K are typical of paraffins [assumption].
EICOSANE = Material(36.5, 247e3, 2010.0, 2210.0)
DOCOSANE = Material(44.0, 249e3, 2010.0, 2210.0)


def melt_ratio(enthalpy_j: Numbers, mass_kg: Numbers, material: Material) -> Floats:
    """Share that is liquid, 0..1 (N,): H / (m L)."""
    return np.clip(enthalpy_j / (mass_kg * material.latent_j_kg), 0, 1)


def temperature_degc(enthalpy_j: Numbers, mass_kg: Numbers, material: Material) -> Floats:
    """Temperature of the store, degC (N,)."""
    solid_j = np.minimum(enthalpy_j, 0)
    liquid_j = np.maximum(enthalpy_j - mass_kg * material.latent_j_kg, 0)
    rise_k = solid_j / material.solid_j_kg_k + liquid_j / material.liquid_j_kg_k
    return material.melt_degc + rise_k / mass_kg


def enthalpy_j(
    temperature_degc: Numbers, mass_kg: Numbers, material: Material, melted_ratio: Numbers = 0.0
) -> Floats:
    """Enthalpy of a store, J (N,); `melted_ratio` counts only exactly at the melting point."""
    off_k = temperature_degc - material.melt_degc
    melted = np.where(off_k == 0, melted_ratio, np.heaviside(off_k, 0))
    return mass_kg * (_sensible_j_kg(off_k, material) + melted * material.latent_j_kg)


def pcm_step(
    enthalpy_j: Floats, heat_w: Numbers, dt_s: float, mass_kg: Numbers, material: Material
) -> tuple[Floats, Floats, Floats]:
    """Enthalpy, J, temperature, degC, and melted share after `dt_s` of `heat_w`, each (N,)."""
    after_j = enthalpy_j + heat_w * dt_s
    return (
        after_j,
        temperature_degc(after_j, mass_kg, material),
        melt_ratio(after_j, mass_kg, material),
    )


def heat_to_j(
    enthalpy_j: Numbers, limit_degc: Numbers, mass_kg: Numbers, material: Material
) -> Floats:
    """Heat that a store takes before it is hotter than `limit_degc`, J (N,), never below 0.

    At the melting point itself the whole latent heat is still to come.
    """
    off_k = limit_degc - material.melt_degc
    latent_j_kg = material.latent_j_kg * (off_k >= 0)
    full_j = mass_kg * (_sensible_j_kg(off_k, material) + latent_j_kg)
    return np.maximum(full_j - enthalpy_j, 0)


def ride_through_s(
    enthalpy_j: Numbers, heat_w: Numbers, mass_kg: Numbers, material: Material
) -> Floats:
    """Time until all is molten, s (N,), at a heat surplus: (m L - H) / P; inf without one."""
    room_j = np.maximum(mass_kg * material.latent_j_kg - enthalpy_j, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        seconds = room_j / heat_w
    return np.where(np.less_equal(heat_w, 0) & ~np.isnan(room_j), np.inf, seconds)


def _sensible_j_kg(off_k: Numbers, material: Material) -> Numbers:
    """Heat of a kilogram without the latent one, J: so far from the melting point.

    By comparison rather than np.minimum: a plain number stays one, and float32 float32.
    """
    below_k, above_k = off_k * (off_k < 0), off_k * (off_k > 0)
    return below_k * material.solid_j_kg_k + above_k * material.liquid_j_kg_k
