"""What follows for one shell of a profile: orbit, night, power, heat, links, work, radiation.

Every fact is of one satellite unless its name says shell, and nominal: full load, the profile's
age, mean orbits over the year that begins with its epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orbitwin.nominal import Nominal
from orbitwin.physics import battery, compute, eclipse, links, orbit, power, sun, thermal
from orbitwin.physics.constants import (
    DAY_S,
    EARTH_ALBEDO_RATIO,
    EARTH_INFRARED_W_M2,
    MICROSECONDS_PER_SECOND,
    SOLAR_CONSTANT_W_M2,
    YEAR_S,
)
from orbitwin.physics.frames import teme_to_gcrs
from orbitwin.profile import Profile
from orbitwin.profile_sections import SATELLITE, Cluster, Shell
from orbitwin.spacecraft.heat import NEVER_DEGC, STORE_J_KG_K

YEAR_DAYS = 365
SAMPLES_PER_DAY = 4
MOST_PLANES = 48  # looked at for eclipses, evenly over the shell
HBM_LIMIT_RAD = 2000.0  # memory becomes irregular from here; arXiv 2511.19468
RULE_DB = 3.0  # margin that a link budget should keep; ECSS-E-ST-50-05C
LINK_KEYS = tuple(name for name in SATELLITE["link"].model_fields if name != "kind")


@dataclass(frozen=True)
class Orbit:
    altitude_km: float
    inclination_deg: float
    period_min: float
    planes: int
    satellites_per_plane: int


@dataclass(frozen=True)
class Eclipse:
    """A year of a shell's planes: each has its own share of sun."""

    longest_min: float
    sunlit_ratio: float
    sunlit_least_plane_ratio: float
    sunlit_most_plane_ratio: float
    days_per_year: float  # with an eclipse, of the plane that has fewest


@dataclass(frozen=True)
class Power:
    array_new_w: float  # at 28 degC, 1 au, square to the Sun
    array_w: float  # at the profile's age and the panel's temperature in the sun
    bus_w: float  # of it, behind the regulator
    payload_w: float
    load_w: float
    margin_in_sun_w: float


@dataclass(frozen=True)
class Energy:
    """The orbit with the longest eclipse of the year."""

    generated_wh: float
    used_wh: float
    balance_wh: float  # what charging leaves after the battery's losses; > 0 is energy-positive
    depth_of_discharge_ratio: float


@dataclass(frozen=True)
class Heat:
    """Steady at full load, in the sun over the day side: the hot case."""

    radiator_w_m2: float
    radiator_degc: float
    coolant_out_degc: float
    chip_degc: float
    headroom_k: float
    duty_ratio: float  # 1 without a thermostat
    work_s: float | None  # of one spell between rests
    rest_s: float | None


@dataclass(frozen=True)
class Link:
    """A link at the far end of its range; `enough` is the weakest type that keeps 3 dB."""

    to: str
    terminal: str
    least_km: float
    most_km: float
    received_dbm: float
    margin_db: float
    rate_gbps: float
    closes: bool
    enough: str | None


@dataclass(frozen=True)
class Compute:
    chips: int
    peak_tops: float
    rated_tops: float  # what is left of it by model FLOPs utilisation
    shell_peak_tops: float
    job_satellites: int
    job_mtbf_s: float
    checkpoint_interval_s: float
    goodput_ratio: float


@dataclass(frozen=True)
class Radiation:
    dose_rad_per_year: float
    shell_sdc_per_s: float
    shell_memory_errors_per_s: float
    shell_host_resets_per_s: float
    hbm_limit_months: float


@dataclass(frozen=True)
class ShellFacts:
    name: str
    satellites: int
    job: str
    orbit: Orbit
    eclipse: Eclipse
    power: Power
    energy: Energy
    heat: Heat
    links: tuple[Link, ...]
    compute: Compute
    radiation: Radiation


def shell_facts(profile: Profile, nominal: Nominal) -> ShellFacts:
    """What follows for one shell."""
    shell = nominal.shell
    planes, per_plane = plane_counts(shell)
    period_s = float(orbit.period_s(shell.a_m))
    night = _eclipse(profile, nominal, period_s)
    heat = _heat(nominal)
    given = _power(nominal, heat.duty_ratio)
    return ShellFacts(
        name=shell.name,
        satellites=shell.satellites,
        job=shell.job,
        orbit=Orbit(
            shell.altitude_km,
            float(np.degrees(nominal.inclination_rad)),
            period_s / 60,
            planes,
            per_plane,
        ),
        eclipse=night,
        power=given,
        energy=_energy(nominal, given, night.longest_min * 60, period_s),
        heat=heat,
        links=_links(profile, nominal),
        compute=_compute(nominal),
        radiation=_radiation(nominal),
    )


def plane_counts(shell: Shell) -> tuple[int, int]:
    """Planes of a shell and satellites in each."""
    if isinstance(shell.layout, Cluster):
        in_plane = shell.layout.members * shell.layout.clusters_per_plane
        planes = -(-shell.satellites // in_plane)
        return planes, -(-shell.satellites // planes)
    return shell.layout.planes, shell.satellites // shell.layout.planes


def plane_nodes_rad(shell: Shell, epoch_us: int, most: int = MOST_PLANES) -> NDArray[np.float64]:
    """Right ascension of the ascending nodes of (at most `most`) planes at the epoch, (P,)."""
    planes, _ = plane_counts(shell)
    number = np.unique(np.linspace(0, planes - 1, min(planes, most)).astype(int))
    first = (
        0.0 if shell.ltan_h is None else float(sun.raan_of_local_time_rad(shell.ltan_h, epoch_us))
    )
    if isinstance(shell.layout, Cluster):
        spread = shell.layout.plane_spread_h * np.pi / 12
        return np.asarray(first + spread * ((number + 0.5) / planes - 0.5))
    turn = 2 * np.pi if shell.layout.pattern == "delta" else np.pi
    return np.asarray(first + turn * number / planes)


def _eclipse(profile: Profile, nominal: Nominal, period_s: float) -> Eclipse:
    """Beta angle of every plane through a year, and the cylindrical shadow at each."""
    shell = nominal.shell
    seconds = np.arange(YEAR_DAYS * SAMPLES_PER_DAY) * (DAY_S / SAMPLES_PER_DAY)
    rate, _, _ = orbit.j2_rates_rad_s(shell.a_m, 0.0, nominal.inclination_rad)
    nodes = plane_nodes_rad(shell, profile.epoch_us)[:, None] + rate * seconds
    t_us = profile.epoch_us + seconds * MICROSECONDS_PER_SECOND
    # nodes are of date; the frame turns by 0.007 degrees in half a year
    to_sun = teme_to_gcrs(int(t_us.mean())).T @ sun.sun_position_m(t_us)
    beta = sun.beta_angle_rad(
        nominal.inclination_rad, nodes, to_sun / np.linalg.norm(to_sun, axis=0)
    )
    dark = eclipse.eclipse_fraction(shell.altitude_km * 1e3, beta)
    sunlit = 1 - dark.mean(axis=1)
    return Eclipse(
        longest_min=float(dark.max()) * period_s / 60,
        sunlit_ratio=float(sunlit.mean()),
        sunlit_least_plane_ratio=float(sunlit.min()),
        sunlit_most_plane_ratio=float(sunlit.max()),
        days_per_year=float((dark > 0).mean(axis=1).min()) * YEAR_DAYS,
    )


def _power(nominal: Nominal, duty_ratio: float) -> Power:
    p = nominal.parameters
    array_w = float(
        power.array_power_w(
            SOLAR_CONSTANT_W_M2,
            p["array_area_m2"],
            p["cell_efficiency_ratio"],
            p["packing_ratio"],
            np.cos(np.radians(p["array_pointing_deg"])),
            _panel_degc(nominal),
            p["cell_power_per_k"],
            power.remaining_factor(p["degradation_per_year_ratio"], p["age_years"]),
        )
    )
    full_w = nominal.payload_full_w
    idle_w = full_w * p["idle_ratio"]
    working_w = float(compute.payload_power_w(idle_w, full_w, p["busy_ratio"], 1.0))
    payload_w = duty_ratio * working_w + (1 - duty_ratio) * idle_w
    load_w = payload_w + p["bus_w"]
    bus_w = array_w * p["regulator_ratio"]
    return Power(array_new_w(nominal), array_w, bus_w, payload_w, load_w, bus_w - load_w)


def array_new_w(nominal: Nominal) -> float:
    """Power of a new array at 28 degC, 1 au, square to the Sun, W."""
    p = nominal.parameters
    cells_m2 = p["array_area_m2"] * p["packing_ratio"]
    return SOLAR_CONSTANT_W_M2 * cells_m2 * p["cell_efficiency_ratio"]


def _panel_degc(nominal: Nominal) -> float:
    """Balance of a panel in the sun: what it absorbs, less what becomes current, is radiated."""
    p = nominal.parameters
    absorbed = _absorbed_w_m2(nominal, 1.0, p["panel_absorptivity"], p["panel_emissivity"])
    current = SOLAR_CONSTANT_W_M2 * p["packing_ratio"] * p["cell_efficiency_ratio"]
    return float(thermal.equilibrium_degc(absorbed - current, p["panel_emissivity"]))


def _absorbed_w_m2(
    nominal: Nominal, cos_sun: float, absorptivity: float, emissivity: float
) -> float:
    """Taken up by an upright plate, W/m2: albedo is the mean over an orbit through noon, 1/pi."""
    return float(
        thermal.absorbed_w_m2(
            SOLAR_CONSTANT_W_M2,
            cos_sun,
            EARTH_INFRARED_W_M2,
            EARTH_ALBEDO_RATIO * SOLAR_CONSTANT_W_M2 / np.pi,
            thermal.vertical_view_factor(nominal.shell.altitude_km * 1e3),
            absorptivity,
            emissivity,
        )
    )


def _energy(nominal: Nominal, given: Power, eclipse_s: float, period_s: float) -> Energy:
    p = nominal.parameters
    capacity_wh = p["capacity_wh"] * p["health_ratio"]
    day_h, night_h = (period_s - eclipse_s) / 3600, eclipse_s / 3600
    stored_wh = given.margin_in_sun_w * day_h * p["charge_efficiency_ratio"]
    return Energy(
        generated_wh=given.bus_w * day_h,
        used_wh=given.load_w * period_s / 3600,
        balance_wh=stored_wh - given.load_w * night_h / p["discharge_efficiency_ratio"],
        depth_of_discharge_ratio=float(
            battery.depth_of_discharge_ratio(
                given.load_w, eclipse_s, capacity_wh, p["discharge_efficiency_ratio"]
            )
        ),
    )


def _heat(nominal: Nominal) -> Heat:
    """Steady temperatures from the radiator back to the chips.

    Radiator: 2 eps sigma T^4 A = Q + absorbed A; each exchanger is Q / (m cp e) warmer.  With a
    thermostat the plate swings between its two bounds: what is stored over them (plate, melt
    and radiator), by the heat that the radiator leaves over, is a spell of work.
    """
    p = nominal.parameters
    full_w = nominal.payload_full_w
    idle_w = full_w * p["idle_ratio"]
    heat_w = float(compute.payload_power_w(idle_w, full_w, p["busy_ratio"], 1.0))
    area = p["radiator_area_m2"]
    absorbed = _absorbed_w_m2(
        nominal,
        float(np.sin(np.radians(p["radiator_sun_deg"]))),
        p["radiator_absorptivity"],
        p["radiator_emissivity"],
    )
    flow_w_k = p["coolant_flow_kg_s"] * p["coolant_j_kg_k"]
    to_radiator, to_plate = (
        float(thermal.exchanger_effectiveness(p[f"{part}_conductance_w_k"], flow_w_k)) * flow_w_k
        for part in ("radiator", "plate")
    )
    radiator = float(thermal.equilibrium_degc(heat_w / area + absorbed, p["radiator_emissivity"]))
    coolant_out = radiator + heat_w / to_radiator
    plate = coolant_out - heat_w / flow_w_k + heat_w / to_plate
    chip = plate + heat_w / p["chips"] * p["chip_resistance_k_w"] + p["chip_spread_k"]
    headroom = min(p["chip_limit_degc"] - chip, p["coolant_limit_degc"] - coolant_out)
    duty, work_s, rest_s = 1.0, None, None
    if p["rest_above_degc"] < NEVER_DEGC and plate > p["rest_above_degc"]:
        swing_k = p["rest_above_degc"] - p["resume_below_degc"]
        middle = p["pcm_melt_degc"] if p["pcm_mass_kg"] else p["rest_above_degc"] - swing_k / 2
        shed_w = _shed_w(nominal, middle, absorbed, to_radiator, to_plate, flow_w_k)
        capacity_j_k = p["plate_capacity_j_k"] + p["pcm_mass_kg"] * STORE_J_KG_K
        capacity_j_k += p["radiator_capacity_j_k"]  # it follows
        stored_j = p["pcm_mass_kg"] * p["pcm_latent_j_kg"] + capacity_j_k * swing_k
        work_s, rest_s = stored_j / (heat_w - shed_w), stored_j / max(shed_w - idle_w, 1e-9)
        duty = work_s / (work_s + rest_s)
    return Heat(heat_w / area, radiator, coolant_out, chip, headroom, duty, work_s, rest_s)


def _shed_w(
    nominal: Nominal,
    plate_degc: float,
    absorbed: float,
    to_radiator: float,
    to_plate: float,
    flow_w_k: float,
) -> float:
    """Heat that leaves a plate held at `plate_degc`, W: loop and radiator in balance, by bisection.

    Plate to radiator the loop's resistance is 1/(m cp e_p) + 1/(m cp e_r) - 1/(m cp).
    """
    p = nominal.parameters
    resistance = 1 / to_plate + 1 / to_radiator - 1 / flow_w_k
    low, high = -273.0, plate_degc
    for _ in range(50):
        radiator = (low + high) / 2
        net = float(thermal.emitted_w_m2(radiator, p["radiator_emissivity"])) - absorbed
        if p["radiator_area_m2"] * net < (plate_degc - radiator) / resistance:
            low = radiator
        else:
            high = radiator
    return (plate_degc - (low + high) / 2) / resistance


def _links(profile: Profile, nominal: Nominal) -> tuple[Link, ...]:
    types = _terminal_types(profile, nominal)
    sensitivity_dbm = nominal.parameters["sensitivity_dbm"]
    found = []
    for number, link in enumerate(nominal.shell.links):
        least_m = nominal.numbers[f"link{number}_least_m"]
        most_m = nominal.numbers[f"link{number}_most_m"]
        dbm = {name: received_dbm(terminal, most_m) for name, terminal in types.items()}
        margin_db = dbm[link.terminal] - sensitivity_dbm
        found.append(
            Link(
                to=link.to,
                terminal=link.terminal,
                least_km=least_m / 1e3,
                most_km=most_m / 1e3,
                received_dbm=dbm[link.terminal],
                margin_db=margin_db,
                rate_gbps=types[link.terminal]["rate_gbps"],
                closes=margin_db > 0,
                enough=next((n for n in types if dbm[n] - sensitivity_dbm >= RULE_DB), None),
            )
        )
    return tuple(found)


def _terminal_types(profile: Profile, nominal: Nominal) -> dict[str, dict[str, float]]:
    """The numbers of every type of terminal in the profile, by name, the weakest first."""
    base = {key: nominal.parameters[key] for key in LINK_KEYS}
    types = {"link": base} | {
        name: base
        | {
            key: float(value)
            for key, value in terminal.model_dump(exclude={"kind"}, exclude_none=True).items()
        }
        for name, terminal in profile.terminal.items()
    }
    return dict(sorted(types.items(), key=lambda item: item[1]["transmit_w"]))


def received_dbm(terminal: dict[str, float], range_m: float) -> float:
    """Nominal power at a receiver like the sender, with the loss of its jitter, dBm."""
    wavelength_m = terminal["wavelength_nm"] * 1e-9
    gain = float(
        links.aperture_gain_ratio(
            terminal["aperture_m"], wavelength_m, terminal["aperture_efficiency_ratio"]
        )
    )
    loss = 10 ** (-terminal["system_loss_db"] / 10)
    received = links.received_w(terminal["transmit_w"], gain, gain, wavelength_m, range_m, loss)
    return float(
        links.to_dbm(received) + links.pointing_loss_db(gain, terminal["jitter_urad"] * 1e-6)
    )


def _compute(nominal: Nominal) -> Compute:
    p = nominal.parameters
    peak = p["chips"] * p["chip_tops"]
    mtbf_s = nominal.job_mtbf_s
    return Compute(
        chips=int(p["chips"]),
        peak_tops=peak,
        rated_tops=nominal.rated_tops,
        shell_peak_tops=peak * nominal.shell.satellites,
        job_satellites=int(p["job_satellites"]),
        job_mtbf_s=mtbf_s,
        checkpoint_interval_s=nominal.checkpoint_interval_s,
        goodput_ratio=float(compute.checkpoint_goodput_ratio(p["checkpoint_s"], mtbf_s)),
    )


def _radiation(nominal: Nominal) -> Radiation:
    p = nominal.parameters
    dose = nominal.dose_rad_per_year
    chips = p["chips"] * nominal.shell.satellites
    return Radiation(
        dose_rad_per_year=dose,
        shell_sdc_per_s=p["sdc_cm2"] * nominal.proton_flux_cm2_s * chips,
        shell_memory_errors_per_s=p["uecc_cm2"] * nominal.proton_flux_cm2_s * chips,
        shell_host_resets_per_s=dose / p["host_rad_per_reset"] / YEAR_S * nominal.shell.satellites,
        hbm_limit_months=HBM_LIMIT_RAD / dose * 12,
    )
