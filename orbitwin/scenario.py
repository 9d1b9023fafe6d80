"""A scenario: which satellite suffers which fault, from when on and how badly.

A scenario is a TOML file of `[[fault]]` tables, such as the shipped `scenarios/default.toml`, or
a few texts from the command line; times count in event time from the start of the run. Random
faults come by rates per year. All of it is a function of a seed and of time, so that a producer
that starts again finds its satellites as ill as it left them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from orbitwin import catalogue
from orbitwin.errors import UsageError
from orbitwin.faults import CREEPING_S, FAULTS, FLEET_FAULTS, PASSING_S, SENSOR_FAULTS, TOLD_FAULTS
from orbitwin.physics.constants import YEAR_S
from orbitwin.spelling import did_you_mean
from orbitwin.toml_source import SourceError, line_of, validate
from orbitwin.toml_source import load as load_toml
from orbitwin.vehicle import Vehicle

if TYPE_CHECKING:
    from orbitwin.settings_groups import ProducerSettings

EXAMPLE = "for example --fault radiator_area_loss:sat=17,at_s=600,severity=0.5"
EVERY = -1  # in place of a satellite's id: all of the fleet
NONE = -1  # in place of a parameter's number
LASTS_US = np.iinfo(np.int64).max  # the end of a fault that lasts
LEAST_RANDOM_SEVERITY = 0.2  # of faults at random; less goes unnoticed [assumption]
DAY_US = 86_400_000_000
SECOND_US = 1_000_000
KINDS = tuple(FAULTS)

NotNegative = Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Fault(BaseModel):
    """One fault: of the satellite with the id `sat`, or of a `share` of the fleet.

    It begins `at_s` after the start of the run, grows over `growth_s` to its `severity` (0 is
    none, 1 grave) and is over after `duration_s`; without that it lasts. A sensor's fault names
    the measured `parameter`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    sat: int | None = Field(default=None, ge=0)
    share: Share | None = None
    at_s: NotNegative = 0.0
    severity: Share = 0.5
    parameter: str | None = None
    duration_s: Annotated[float, Field(gt=0, le=1e10)] | None = None
    growth_s: NotNegative = 0.0

    @field_validator("name")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in FAULTS:
            raise ValueError(f"no such fault{did_you_mean(value, FAULTS)}")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Fault:
        if (self.sat is None) == (self.share is None):
            raise ValueError("give either sat (a satellite's id) or share (of the fleet, 0 to 1)")
        if self.name in SENSOR_FAULTS and self.parameter is None:
            raise ValueError(f"{self.name} needs the parameter that it spoils")
        if self.name not in SENSOR_FAULTS and self.parameter is not None:
            raise ValueError(f"{self.name} is not a sensor's fault: leave parameter out")
        return self


class _File(BaseModel):
    """A scenario's file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fits_any_fleet: bool = False
    fault: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Onsets:
    """What befalls whom and when: columns of shape (F,), one row a fault.

    `kind` is the fault's place in FAULTS; `sat_id` may be EVERY, but for what is in TOLD_FAULTS;
    `end_us` is LASTS_US where there is none; `parameter` is a place in a list of names that both
    sides know, NONE where no sensor is meant.
    """

    kind: NDArray[np.int8]
    sat_id: NDArray[np.int64]
    onset_us: NDArray[np.int64]
    end_us: NDArray[np.int64]
    growth_us: NDArray[np.int64]
    severity: NDArray[np.float32]
    parameter: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.kind)

    @classmethod
    def joined(cls, parts: Sequence[Onsets]) -> Onsets:
        """All rows of all parts, in order; none of no parts."""
        kinds = (np.int8, np.int64, np.int64, np.int64, np.int64, np.float32, np.int16)
        columns = (
            np.concatenate([np.empty(0, kind), *(getattr(p, name) for p in parts)])
            for name, kind in zip(cls.__dataclass_fields__, kinds, strict=True)
        )
        return cls(*columns)


@dataclass(frozen=True)
class Scenario:
    """Faults in the order of their file; the number of each takes part in who is chosen.

    One that `fits_any_fleet` may name satellites that a small fleet has not: see `fitted`.
    The last `added` of the faults came on top of it, and stay as they are.
    """

    faults: tuple[Fault, ...] = ()
    fits_any_fleet: bool = False
    added: int = 0

    def fitted(self, sat_id: NDArray[np.int64]) -> Scenario:
        """The same for the fleet with the ids `sat_id` (N,), where it may be fitted and has to be.

        Of a fleet without all the satellites that are named every third falls ill, of a fault that
        is taken evenly from the list; two thirds stay healthy, to be compared with.
        """
        ids = np.sort(sat_id)
        faults = self.faults[: len(self.faults) - self.added]
        named = {fault.sat for fault in faults if fault.sat is not None}
        if not self.fits_any_fleet or named <= set(ids.tolist()):
            return self
        count = min(len(faults), max(1, len(ids) // 3))
        taken = (2 * np.arange(count) + 1) * len(faults) // (2 * count)
        whom = ids[np.minimum(3 * np.arange(count) + 2, len(ids) - 1)]
        fitted = tuple(
            faults[fault].model_copy(update={"sat": sat, "share": None})
            for fault, sat in zip(taken.tolist(), whom.tolist(), strict=True)
        )
        return Scenario((*fitted, *self.faults[len(faults) :]))

    def check(self, sat_id: NDArray[np.int64]) -> None:
        """Raise UsageError unless the fleet with the ids `sat_id` (N,) has all that are named."""
        for fault in self.fitted(sat_id).faults:
            if fault.sat is not None and not (sat_id == fault.sat).any():
                raise UsageError(
                    f"{fault.name}: no satellite {fault.sat} in the fleet",
                    f"it has {len(sat_id)}, with ids from {sat_id.min()} to {sat_id.max()}",
                )

    def onsets(
        self, sat_id: NDArray[np.int64], seed: int, t0_us: int, parameters: Sequence[str]
    ) -> Onsets:
        """The faults of a fleet with the ids `sat_id` (N,) whose run started at `t0_us`.

        Raises UsageError for a satellite that is not in the fleet.
        """
        self.check(sat_id)
        parts = []
        for number, fault in enumerate(self.fitted(sat_id).faults):
            ids = _chosen(fault, number, sat_id, seed)
            onset_us = t0_us + round(fault.at_s * SECOND_US)
            end_us = LASTS_US
            if fault.duration_s is not None:
                end_us = onset_us + round(fault.duration_s * SECOND_US)
            parts.append(
                Onsets(
                    np.full(len(ids), KINDS.index(fault.name), np.int8),
                    ids,
                    np.full(len(ids), onset_us),
                    np.full(len(ids), end_us),
                    np.full(len(ids), round(fault.growth_s * SECOND_US)),
                    np.full(len(ids), fault.severity, np.float32),
                    np.full(
                        len(ids),
                        parameters.index(fault.parameter) if fault.parameter else NONE,
                        np.int16,
                    ),
                )
            )
        return Onsets.joined(parts)


def _chosen(fault: Fault, number: int, sat_id: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Ids of the satellites that a fault befalls; a share is of at least one, unless it is 0."""
    if fault.sat is not None:
        return np.array([fault.sat])
    if fault.share == 1 and fault.name not in TOLD_FAULTS:
        return np.array([EVERY])
    if not fault.share:
        return np.empty(0, np.int64)
    wanted = max(1, round(fault.share * len(sat_id)))
    draw = mixed(sat_id, seed, number)
    return np.sort(sat_id[np.argsort(draw, kind="stable")[:wanted]])


def mixed(ids: NDArray[np.integer], *keys: int) -> NDArray[np.uint64]:
    """A hash of each id (any shape) and the keys, evenly spread over 64 bits.

    Source: the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    x = ids.astype(np.uint64)
    for key in (0, *keys):
        x = x + np.uint64((key * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) % 2**64)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return x


def random_faults(
    rates_per_year: Mapping[str, float],
    satellites: NDArray[np.int64],
    seed: int,
    t0_us: int,
    span_s: float,
    parameters: Sequence[int] = (),
) -> Onsets:
    """Faults that begin at random within `span_s` after `t0_us`: a Poisson process.

    `rates_per_year` counts by fault name, for one satellite; those in FLEET_FAULTS for the fleet.
    `satellites` (N,) are ids; `parameters` the numbers of those that a sensor's fault may spoil.
    Each day of UTC and each fault has a stream of its own: what falls into a span does not depend
    on where the span begins or ends.
    """
    until_us = t0_us + round(span_s * SECOND_US)
    parts = []
    for day in range(t0_us // DAY_US, -(-until_us // DAY_US)):
        for name, rate in rates_per_year.items():
            if rate and (name not in SENSOR_FAULTS or parameters):
                parts.append(_of_a_day(name, rate, satellites, seed, day, parameters))
    found = Onsets.joined(parts)
    within = (found.onset_us >= t0_us) & (found.onset_us < until_us)
    return Onsets(*(getattr(found, name)[within] for name in Onsets.__dataclass_fields__))


def _of_a_day(
    name: str,
    rate: float,
    satellites: NDArray[np.int64],
    seed: int,
    day: int,
    parameters: Sequence[int],
) -> Onsets:
    kind = KINDS.index(name)
    rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence((seed, 5, day, kind))))
    together = name in FLEET_FAULTS
    n = int(rng.poisson(rate * 86_400 / YEAR_S * (1 if together else len(satellites))))
    onset_us = day * DAY_US + rng.integers(0, DAY_US, n)
    ids = satellites[rng.integers(0, len(satellites), n)]
    severity = rng.uniform(LEAST_RANDOM_SEVERITY, 1, n)
    end_us = np.full(n, LASTS_US)
    if name in PASSING_S:
        end_us = onset_us + (rng.exponential(PASSING_S[name], n) * SECOND_US).astype(np.int64) + 1
    parameter = np.full(n, NONE, np.int16)
    if name in SENSOR_FAULTS:
        parameter = np.array(parameters, np.int16)[rng.integers(0, len(parameters), n)]
    return Onsets(
        np.full(n, kind, np.int8),
        np.full(n, EVERY) if together else ids,
        onset_us,
        end_us,
        np.full(n, round(CREEPING_S.get(name, 0.0) * SECOND_US)),
        severity.astype(np.float32),
        parameter,
    )


def shipped() -> dict[str, Path]:
    """Scenarios that come with the product, by name."""
    folder = Path(str(resources.files("orbitwin"))) / "scenarios"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load(name_or_path: str | Path, vehicle: Vehicle | None = None) -> Scenario:
    """Load a scenario by the name of a shipped one or the path of a TOML file.

    Sensors are those of `vehicle` (the type odc where it is not given). Raises SourceError (file,
    line, what was expected) on a mistake, UsageError where there is no such file.
    """
    known = shipped()
    path = known.get(str(name_or_path), Path(name_or_path))
    if not path.is_file():
        raise UsageError(
            f"{name_or_path}: no such scenario or file{did_you_mean(str(name_or_path), known)}",
            f"shipped are {', '.join(known)}; a file of your own works too",
        )
    values, lines = load_toml(path)
    file = validate(_File, values, lines, str(path))
    faults = file.fault
    parameters = _parameters(vehicle) if any(fault.parameter for fault in faults) else ()
    for number, fault in enumerate(faults):
        if wrong := _wrong_parameter(fault, parameters):
            line = line_of(lines, ("fault", number, "parameter"))
            raise SourceError(str(path), line, f"fault[{number}].parameter: {wrong}")
    return Scenario(faults, file.fits_any_fleet)


def parse(text: str, vehicle: Vehicle | None = None) -> Fault:
    """A fault from the command line: `NAME:KEY=VALUE,KEY=VALUE`.

    Raises UsageError, with an example, on a mistake.
    """
    name, _, rest = text.partition(":")
    values: dict[str, str] = {"name": name.strip()}
    for word in filter(None, (word.strip() for word in rest.split(","))):
        key, equals, value = (part.strip() for part in word.partition("="))
        if not equals or not value:
            raise UsageError(f"--fault {text}: {word} is no KEY=VALUE", EXAMPLE)
        if key in values:
            raise UsageError(f"--fault {text}: {key} is given twice", EXAMPLE)
        values[key] = value
    try:
        fault = Fault.model_validate(values)
    except ValidationError as error:
        raise UsageError(f"--fault {text}: {_in_words(error)}", EXAMPLE) from None
    if fault.parameter and (wrong := _wrong_parameter(fault, _parameters(vehicle))):
        raise UsageError(f"--fault {text}: {wrong}", EXAMPLE)
    return fault


def _in_words(error: ValidationError) -> str:
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        return f"no such key: {key}{did_you_mean(key, Fault.model_fields)}"
    reason = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{key} {reason}" if key and key != "name" else reason


def _parameters(vehicle: Vehicle | None) -> Collection[str]:
    return (vehicle or catalogue.load("odc")).parameters


def _wrong_parameter(fault: Fault, known: Collection[str]) -> str:
    name = fault.parameter
    if name is None or name in known:
        return ""
    return f"no such measured parameter: {name}{did_you_mean(name, known)}"


def of_settings(chosen: ProducerSettings, vehicle: Vehicle | None = None) -> Scenario:
    """What `producer.scenario` and `producer.faults` ask for together."""
    named = load(chosen.scenario, vehicle) if chosen.scenario else Scenario()
    more = tuple(parse(text, vehicle) for text in chosen.faults)
    return Scenario((*named.faults, *more), named.fits_any_fleet, len(more))
