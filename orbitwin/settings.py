"""Settings: command-line flag over environment over file over default.

A setting `group.key` is written `ORBITWIN_GROUP__KEY` in the environment and `key` under
`[group]` in the file, which is `--config FILE`, else `ORBITWIN_CONFIG`, else `orbitwin.toml` in
the data directory. An unknown key anywhere is an error that names the nearest known one: a
mistyped setting that is silently ignored costs an evening. The groups and their keys are in
settings_groups.py; how the sources are read and how mistakes are worded is in settings_source.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from orbitwin.settings_groups import (
    BrokerSettings,
    DoorSettings,
    GrafanaSettings,
    HealthSettings,
    HistorianSettings,
    KafkaSettings,
    LogSettings,
    ProcessorSettings,
    ProducerSettings,
)
from orbitwin.settings_values import AbsolutePath, NameOrFile

ENV_PREFIX = "ORBITWIN_"
ENV_DELIMITER = "__"
CONFIG_VARIABLE = "ORBITWIN_CONFIG"  # names the file; read before the settings themselves
CONFIG_NAME = "orbitwin.toml"  # within the data directory

DEFAULT_VEHICLE = "odc"


def default_data_dir() -> Path:
    """The platform's directory for a user's data, e.g. ~/.local/share/orbitwin."""
    import platformdirs

    return Path(platformdirs.user_data_dir("orbitwin", appauthor=False))


class Settings(BaseSettings):
    """All settings of all parts. Build it with `load`, which words the mistakes."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter=ENV_DELIMITER,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        validate_default=True,
    )

    data: AbsolutePath = Field(
        default_factory=default_data_dir,
        description="The directory that holds everything that is written.",
    )
    vehicle: NameOrFile = Field(
        default=DEFAULT_VEHICLE,
        description="Vehicle type: the name of a shipped one, or a TOML file that describes one.",
    )
    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    broker: BrokerSettings = Field(default_factory=BrokerSettings)
    producer: ProducerSettings = Field(default_factory=ProducerSettings)
    processor: ProcessorSettings = Field(default_factory=ProcessorSettings)
    historian: HistorianSettings = Field(default_factory=HistorianSettings)
    door: DoorSettings = Field(default_factory=DoorSettings)
    health: HealthSettings = Field(default_factory=HealthSettings)
    grafana: GrafanaSettings = Field(default_factory=GrafanaSettings)
    log: LogSettings = Field(default_factory=LogSettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # Constructing reads nothing: `load` reads and merges the sources, so that a test's or a
        # caller's Settings(...) is what it says, whatever the environment holds.
        return (init_settings,)

    @property
    def run_dir(self) -> Path:
        """Where each living part writes its pid and health port."""
        return self.data / "run"

    @property
    def log_dir(self) -> Path:
        return self.data / "logs"

    @property
    def ledger_dir(self) -> Path:
        """What producers were told is stored, a file a run; see compose/accounts.py."""
        return self.data / "ledger"

    @property
    def door_password_file(self) -> Path:
        return self.data / "door.password"

    def dump(self) -> dict[str, Any]:
        """Plain values for people to read; every secret is masked."""
        return self.model_dump(mode="json")

    def to_env(self) -> dict[str, str]:
        """Environment for a child process that is to have exactly these settings.

        Secrets travel here and not in arguments, which any user of the machine can list. The
        child reads no file of its own, so that none can differ.
        """
        env = {CONFIG_VARIABLE: os.devnull}
        for name, value in flatten(self.model_dump(mode="python")).items():
            if value is not None:
                env[variable(name)] = _as_text(value)
        return env

    def with_values(self, values: Mapping[str, Any]) -> Settings:
        """The same settings with some changed, e.g. {"kafka.bootstrap": "127.0.0.1:9092"}."""
        changed = self.model_dump(mode="python")
        for name, value in values.items():
            group, _, key = name.rpartition(".")
            (changed[group] if group else changed)[key] = value
        return Settings.model_validate(changed)


def _as_text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, (tuple, list)):
        return json.dumps([str(item) for item in value])
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"kafka": {"bootstrap": x}} as {"kafka.bootstrap": x}."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def variable(name: str) -> str:
    """The environment variable of a setting: kafka.bootstrap is ORBITWIN_KAFKA__BOOTSTRAP."""
    return ENV_PREFIX + name.replace(".", ENV_DELIMITER).upper()
