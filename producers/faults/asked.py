"""What the settings ask for in faults, and since when its times count."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from orbitwin import log as logs
from orbitwin import scenario as scenarios
from orbitwin.errors import UsageError
from orbitwin.fleet import Clock
from orbitwin.profile import Profile
from orbitwin.scenario import Scenario
from orbitwin.settings_groups import ProducerSettings
from orbitwin.vehicle import Vehicle
from producers.clock_file import keep
from producers.faults.field import FaultField
from producers.faults.sensors import Sensor, sensors_of

_log = logs.get("faults")


@dataclass(frozen=True)
class Asked:
    """The faults that a run is to have: those of a scenario, and random ones at these rates."""

    scenario: Scenario
    rates_per_year: Mapping[str, float]
    sensors: Mapping[str, Sensor]

    @classmethod
    def of(
        cls,
        chosen: ProducerSettings,
        profile: Profile,
        vehicle: Vehicle,
        sat_id: NDArray[np.int64],
    ) -> Asked | None:
        """What `chosen` asks for a fleet with the ids `sat_id` (N,); None where it asks nothing.

        Raises UsageError for what cannot be.
        """
        scenario = scenarios.of_settings(chosen, vehicle)
        scenario.check(sat_id)
        rates = profile.fault_per_year if chosen.fault_rates else {}
        if chosen.fault_rates and not rates:
            raise UsageError(
                f"profile {profile.name} has no [fault_per_year]",
                "leave --fault-rates out, or name faults with --fault",
            )
        if not scenario.faults and not rates:
            return None
        return cls(scenario, rates, sensors_of(vehicle, profile.noise))

    def field(
        self, path: Path, clock: Clock, now_us: int, sat_id: NDArray[np.int64], seed: int
    ) -> FaultField:
        """The faults of the satellites `sat_id` (N,) in a run with this clock.

        Their times count from the clock's own start. A clock that is the wall clock has none:
        there they count from the first run with these faults, which is kept at `path`. Raises
        UsageError where that cannot be written.
        """
        start_us = clock.epoch_us or self._first_us(path, now_us)
        return FaultField(
            self.scenario,
            sat_id,
            seed,
            start_us,
            sensors=self.sensors,
            rates_per_year=self.rates_per_year,
        )

    def _first_us(self, path: Path, now_us: int) -> int:
        text = repr((self.scenario, sorted(self.rates_per_year.items())))
        mark = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        try:
            kept = orjson.loads(path.read_bytes())
            if kept["faults"] == mark:
                _log.info("the faults go on from their first run; a new start needs a new --data")
                return int(kept["start_us"])
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError):
            _log.warning(f"{path} tells no start of ours and is replaced")
        keep(path, {"faults": mark, "start_us": now_us})
        return now_us
