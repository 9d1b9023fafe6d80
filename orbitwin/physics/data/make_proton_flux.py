"""Make `proton_flux.npz`: where protons above 60 MeV are, by NASA's AP-8.

    python make_proton_flux.py [OUT]      # three minutes; needs aep8 (1.1) and astropy

Run by hand, never by orbitwin: the file that it writes is part of the package.

Source: AP-8 MIN and AP-8 MAX, Sawyer & Vette, NSSDC/WDC-A-R&S 76-06 (1976), with the magnetic
fields that belong to them (Jensen & Cain 1960 and GSFC 12/66 of 1970), as computed by IRBEM
through the package aep8.  AP-8 is NASA's and free to use; aep8 has the BSD licence and IRBEM,
which it links, the LGPL.  Neither's code is in the file or in orbitwin: only numbers are.

Grid: geocentric latitude and longitude in steps of 2.5 degrees, heights of a sphere of the
Earth's equatorial radius.  Geocentric and not geodetic, because that is what a position has
without further ado: a circular orbit of 650 km is at 650 km here everywhere.

File: `latitude_deg` (73,), `longitude_deg` (145,; the last column is the first), `altitude_km`
(A,), and `min` and `max` (A, 73, 145), uint16: 0 for no flux, else 1 + log10(flux /
least_flux_cm2_s) / step_decades, both of which are in it too.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import aep8  # type: ignore[import-not-found]
import numpy as np
from astropy import units as u  # type: ignore[import-not-found]
from astropy.coordinates import EarthLocation  # type: ignore[import-not-found]
from astropy.time import Time  # type: ignore[import-not-found]

ENERGY_MEV = 60.0  # a calibration: see docs/decisions/0080
EQUATOR_KM = 6378.137
ALTITUDES_KM = range(300, 2001, 50)
DEGREES = 2.5
LEAST_FLUX_CM2_S = 0.1  # less is no flux: a thousandth of a rad a year
STEP_DECADES = 0.001  # 0.23 %
WHEN = Time("2026-01-01")  # of no effect: the model's fields have epochs of their own

DOCUMENTED_CM2_S = 3.04495297
"""Of the example in aep8's documentation: 15 E, 45 S, 300 km, 10 MeV, solar maximum."""


def flux_cm2_s(place: Any, energy_mev: float, solar: str) -> np.ndarray:
    model = aep8.model(solar=solar, particle="p")
    with np.errstate(invalid="ignore"):
        flux = np.asarray(model.integral_flux(place, WHEN, energy_mev * u.MeV).value)
    if not (np.isfinite(flux).all() and (flux >= 0).all()):
        raise SystemExit("AP-8 gave a flux that is none")
    return flux


def check_against_documentation() -> None:
    place = EarthLocation.from_geodetic(15 * u.deg, -45 * u.deg, 300 * u.km)
    found = float(flux_cm2_s(place, 10.0, "max"))
    if abs(found / DOCUMENTED_CM2_S - 1) > 1e-6:
        raise SystemExit(f"aep8's example gives {found}, not {DOCUMENTED_CM2_S} /cm2/s")
    print(f"aep8's example: {found:.8f} /cm2/s, as documented")


def sphere(latitude_deg: np.ndarray, longitude_deg: np.ndarray, altitude_km: float) -> Any:
    lat, lon = np.radians(np.meshgrid(latitude_deg, longitude_deg, indexing="ij"))
    r = (EQUATOR_KM + altitude_km) * u.km
    return EarthLocation.from_geocentric(
        r * np.cos(lat) * np.cos(lon), r * np.cos(lat) * np.sin(lon), r * np.sin(lat)
    )


def packed(flux: np.ndarray) -> np.ndarray:
    decades = np.log10(np.maximum(flux / LEAST_FLUX_CM2_S, 1.0))
    steps = 1 + np.rint(decades / STEP_DECADES)
    return np.where(flux < LEAST_FLUX_CM2_S, 0, steps).astype(np.uint16)


def main(out: Path) -> None:
    check_against_documentation()
    latitude = np.arange(-90, 90.01, DEGREES)
    longitude = np.arange(-180, 180.01, DEGREES)
    grids: dict[str, Any] = {}
    for solar in ("min", "max"):
        maps = []
        for altitude in ALTITUDES_KM:
            flux = flux_cm2_s(sphere(latitude, longitude[:-1], altitude), ENERGY_MEV, solar)
            maps.append(np.hstack([flux, flux[:, :1]]))
            print(f"{solar} {altitude} km: up to {flux.max():.1f} /cm2/s", flush=True)
        grids[solar] = packed(np.array(maps))
    np.savez_compressed(
        out,
        latitude_deg=latitude.astype(np.float32),
        longitude_deg=longitude.astype(np.float32),
        altitude_km=np.array(ALTITUDES_KM, dtype=np.float32),
        least_flux_cm2_s=LEAST_FLUX_CM2_S,
        step_decades=STEP_DECADES,
        **grids,
    )
    print(f"{out}: {out.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("proton_flux.npz")))
