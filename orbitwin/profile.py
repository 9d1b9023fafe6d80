"""A profile: a fleet's orbits and the nominal satellite, in one TOML file, checked as it is read.

A profile of your own is a file like those in `orbitwin/profiles/`; a mistake in it is reported
with its line.  What a profile says is nominal: the twin computes with it.  The synthetic truth
draws each satellite's own parameters around it (`[spread]`) and adds noise (`[noise]`).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np
from pydantic import Field, ValidationError, field_validator

from orbitwin import catalogue
from orbitwin.errors import UsageError
from orbitwin.faults import FAULTS
from orbitwin.nominal import Nominal
from orbitwin.profile_sections import (
    SATELLITE,
    Battery,
    Compute,
    Head,
    Link,
    NotNegative,
    Power,
    Process,
    Radiation,
    Section,
    Shell,
    Terminal,
    Thermal,
    Wave,
)
from orbitwin.spelling import did_you_mean
from orbitwin.toml_source import SourceError, dotted, line_of, load_model
from orbitwin.toml_source import load as load_toml
from orbitwin.vehicle import Vehicle


class Profile(Section):
    """A checked profile: shells, and the nominal satellite that flies in them.

    `parameters` is the satellite as one flat table of numbers; a shell may replace some of them
    (`nominal(shell)`).
    """

    profile: Head
    shell: tuple[Shell, ...] = Field(min_length=1)
    power: Power
    battery: Battery
    thermal: Thermal
    link: Link
    terminal: dict[str, Terminal] = Field(default_factory=dict)
    compute: Compute
    radiation: Radiation
    process: Process = Field(default_factory=Process)
    deployment: tuple[Wave, ...] = ()
    fault_per_year: dict[str, NotNegative] = Field(default_factory=dict)
    spread: dict[str, NotNegative] = Field(default_factory=dict)
    noise: dict[str, NotNegative] = Field(default_factory=dict)

    @field_validator("shell")
    @classmethod
    def _told_apart(cls, shells: tuple[Shell, ...]) -> tuple[Shell, ...]:
        names = [shell.name for shell in shells]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two shells are called {name!r}, and so would their satellites")
        return shells

    @field_validator("deployment")
    @classmethod
    def _rising(cls, waves: tuple[Wave, ...]) -> tuple[Wave, ...]:
        for before, after in pairwise(waves):
            if after.years <= before.years or after.share_ratio < before.share_ratio:
                raise ValueError("waves must follow one another, and none may take satellites away")
        return waves

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def title(self) -> str:
        return self.profile.title

    @property
    def vehicle(self) -> str:
        """Name of the vehicle type that flies."""
        return self.profile.vehicle

    @property
    def period_s(self) -> float:
        """Seconds between fast packets."""
        return self.profile.period_s

    @property
    def satellites(self) -> int:
        return sum(shell.satellites for shell in self.shell)

    @property
    def epoch_us(self) -> int:
        return int(self.profile.epoch.timestamp()) * 1_000_000

    @cached_property
    def parameters(self) -> dict[str, float]:
        """Every number of the nominal satellite by its key, which is unique over the sections."""
        return {
            key: float(value)
            for section in self.sections.values()
            for key, value in section.model_dump(exclude={"ocv_v", "kind", "solar"}).items()
        }

    @property
    def sections(self) -> dict[str, Section]:
        """The sections that describe the satellite, by name."""
        return {name: getattr(self, name) for name in SATELLITE}

    @cached_property
    def ocv_v(self) -> np.ndarray:
        """Cell voltage on a uniform grid of charge, 0 to 1."""
        return np.array(self.battery.ocv_v)

    @cached_property
    def nominals(self) -> tuple[Nominal, ...]:
        """The nominal satellite of each shell."""
        return tuple(Nominal(self, shell) for shell in self.shell)

    def deployed_ratio(self, years: float) -> float:
        """Share of the satellites that fly `years` after the first, 0..1; linear between waves."""
        if not self.deployment:
            return 1.0
        at = [0.0, *(w.years for w in self.deployment)]
        return float(np.interp(years, at, [0.0, *(w.share_ratio for w in self.deployment)]))


def shipped() -> dict[str, Path]:
    """Profiles that come with the product, by name."""
    folder = Path(str(resources.files("orbitwin"))) / "profiles"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load(name_or_path: str | Path) -> Profile:
    """Load a profile by the name of a shipped one or the path of a TOML file.

    Raises SourceError (file, line, what was expected) on a mistake, UsageError where there is none.
    """
    known = shipped()
    path = known.get(str(name_or_path), Path(name_or_path))
    if not path.is_file():
        raise UsageError(
            f"{name_or_path}: no such profile or file{did_you_mean(str(name_or_path), known)}",
            f"shipped are {', '.join(known)}; a file of your own works too",
        )
    profile = load_model(Profile, path)
    _check_names(profile, path)
    return profile


def _check_names(profile: Profile, path: Path) -> None:
    """What refers to something by name must find it."""
    vehicles = catalogue.shipped()
    if profile.vehicle not in vehicles:
        raise _unknown(path, ("profile", "vehicle"), "vehicle", profile.vehicle, vehicles)
    vehicle = catalogue.load(profile.vehicle)
    for table, kind, known in (
        ("spread", "parameter", profile.parameters),
        ("noise", "measured parameter", vehicle.parameters),
        ("fault_per_year", "fault", FAULTS),
    ):
        for name in getattr(profile, table):
            if name not in known:
                raise _unknown(path, (table, name), kind, name, known)
    for number, shell in enumerate(profile.shell):
        for place, link in enumerate(shell.link):
            types = ["link", *profile.terminal]
            if link.terminal not in types:
                where = ("shell", number, "link", place, "terminal")
                raise _unknown(path, where, "terminal", link.terminal, types)
        if len(shell.links) > profile.link.terminals:
            raise _mistake(
                path,
                ("shell", number),
                f"shell {shell.name!r} has {len(shell.links)} links and its satellites "
                f"{profile.link.terminals} terminals",
            )
        _check_own(profile, path, number)
        _check_ranges(profile, vehicle, path, number)


def _check_own(profile: Profile, path: Path, number: int) -> None:
    """What a shell has of its own is checked as the section is that it replaces a part of."""
    own = profile.shell[number].own
    for name in own:
        if name not in profile.parameters:
            raise _unknown(
                path, ("shell", number, "own", name), "parameter", name, profile.parameters
            )
    for section in profile.sections.values():
        mine = {k: v for k, v in own.items() if k in type(section).model_fields}
        if mine:
            try:
                type(section).model_validate({**section.model_dump(), **mine})
            except ValidationError as error:
                first = error.errors()[0]
                key = first["loc"][0] if first["loc"] else next(iter(mine))
                raise _mistake(
                    path, ("shell", number, "own", str(key)), f"{key}: {first['msg']}"
                ) from None


def _check_ranges(profile: Profile, vehicle: Vehicle, path: Path, number: int) -> None:
    """What a healthy satellite tells must be possible by its vehicle type."""
    for name, most in profile.nominals[number].told_at_most.items():
        column = vehicle.parameters.get(name)
        if column is not None and most > column.high:
            raise _mistake(
                path,
                ("shell", number),
                f"shell {profile.shell[number].name!r}: {name} is up to {most:,.6g} {column.unit}, "
                f"and vehicle {vehicle.name} tells up to {column.high:,.6g}: expected a smaller "
                "satellite, or a vehicle type of its own",
            )


def _unknown(
    path: Path, key: tuple[str | int, ...], kind: str, name: str, known: Iterable[str]
) -> SourceError:
    where = dotted(key)
    return _mistake(path, key, f"{where}: no such {kind}: {name}{did_you_mean(name, known)}")


def _mistake(path: Path, key: tuple[str | int, ...], message: str) -> SourceError:
    _, lines = load_toml(path)
    return SourceError(str(path), line_of(lines, key), message)
