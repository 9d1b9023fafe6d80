"""The link budget of a shell's links, each at the far end of its range."""

from __future__ import annotations

from dataclasses import dataclass

from orbitwin.nominal import Nominal
from orbitwin.physics import links
from orbitwin.profile import Profile
from orbitwin.profile_sections import SATELLITE

RULE_DB = 3.0  # margin that a link budget should keep; ECSS-E-ST-50-05C
LINK_KEYS = tuple(name for name in SATELLITE["link"].model_fields if name != "kind")


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


def facts(profile: Profile, nominal: Nominal) -> tuple[Link, ...]:
    """The budget of each of the shell's links, in their order."""
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
