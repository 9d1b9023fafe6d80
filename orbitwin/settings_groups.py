"""The settings of each part, a group a part: every key with its default, bounds and meaning.

docs/settings.md is generated from here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from orbitwin.settings_values import (
    AbsolutePath,
    NameOrFile,
    Paths,
    Port,
    Positive,
    Speed,
    Texts,
)

DEFAULT_PROFILE = "suncatcher_81"
DOOR_PORT = 5433  # beside PostgreSQL's own 5432
DOOR_FLIGHT_PORT = 8815  # as in Arrow's own examples
DOOR_USER = "orbitwin"
DOOR_DATABASE = "twin"
BROKER_PORT = 9092
GRAFANA_PORT = 3000


class Group(BaseModel):
    """A table of the settings file: no unknown key, no change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class KafkaSettings(Group):
    """The Kafka cluster, and how to be let in."""

    bootstrap: str | None = Field(
        default=None,
        description="HOST:PORT[,HOST:PORT...] of a Kafka cluster. Without it `up` runs a broker "
        "of its own, and the other verbs use that one.",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="How to talk to the brokers."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        default=None, description="How to log in, with one of the SASL protocols."
    )
    sasl_username: str | None = Field(default=None, description="User name for SASL.")
    sasl_password: SecretStr | None = Field(default=None, description="Password for SASL.")
    ssl_cafile: AbsolutePath | None = Field(
        default=None, description="PEM file of the authority that signed the brokers' certificates."
    )
    ssl_certfile: AbsolutePath | None = Field(
        default=None, description="PEM file of our own certificate."
    )
    ssl_keyfile: AbsolutePath | None = Field(
        default=None, description="PEM file of our own private key."
    )
    ssl_key_password: SecretStr | None = Field(
        default=None, description="Password of that private key."
    )
    ssl_check_hostname: bool = Field(
        default=True, description="Refuse a broker whose certificate names another host."
    )
    replication_factor: int = Field(
        default=-1,
        ge=-1,
        le=9,
        description="Copies of each partition that `topics create` asks for; -1: the cluster's "
        "default.",
    )

    @model_validator(mode="after")
    def _sasl_is_whole(self) -> KafkaSettings:
        if self.security_protocol.startswith("SASL"):
            for key in ("sasl_mechanism", "sasl_username", "sasl_password"):
                if getattr(self, key) is None:
                    raise ValueError(f"{self.security_protocol} needs kafka.{key} as well")
        return self


class BrokerSettings(Group):
    """The broker that `up` runs on this machine when kafka.bootstrap is not given."""

    port: Port = Field(
        default=BROKER_PORT,
        description="Its port; a free one is taken where this one is in use. 0: free.",
    )
    heap_mb: int = Field(default=320, ge=128, description="Most Java heap of the broker, MB.")
    start_timeout_s: Positive = Field(default=60.0, description="How long it may take to start, s.")


class ProducerSettings(Group):
    """What telemetry enters, and at which pace."""

    source: Literal["synthetic", "ephemeris", "replay"] = Field(
        default="synthetic", description="Where the satellites come from."
    )
    profile: NameOrFile = Field(
        default=DEFAULT_PROFILE,
        description="Fleet profile of the synthetic source: a shipped name (`orbitwin profiles`), "
        "or a TOML file.",
    )
    satellites: int | None = Field(
        default=None, ge=1, le=5_000_000, description="Scale the profile to this many satellites."
    )
    sources: Paths = Field(
        default=(),
        description="Files of the ephemeris source (OMM as JSON, CSV or XML) or of the replay.",
    )
    seed: int = Field(default=1, ge=0, description="Seed of noise and perturbed truth.")
    scenario: NameOrFile | None = Field(
        default=None,
        description="Faults of simulated satellites: a shipped scenario's name, or a TOML file.",
    )
    faults: Texts = Field(
        default=(),
        description="More faults, as in `radiator_area_loss:sat=17,at_s=600,severity=0.5`; blanks "
        "between them in a variable.",
    )
    fault_rates: bool = Field(
        default=False,
        description="Let faults come at random, at the rates of the profile's `[fault_per_year]`.",
    )
    rate_hz: Positive = Field(
        default=1.0, description="Ticks a second: each tick is a row a satellite."
    )
    start_epoch: datetime | None = Field(
        default=None,
        description="Event time of the first tick, ISO 8601 with zone. Without it: now, and a "
        "replay keeps its original times.",
    )
    speed: Speed = Field(
        default=1.0,
        description="Event time runs this many times as fast as the wall clock. A replay also "
        "takes max: as fast as it can be sent.",
    )
    shift_to_now: bool = Field(
        default=False, description="Move a replay's event times so that its first row is now."
    )
    time_column: str | None = Field(
        default=None, description="Column of a replay's event times, in place of the vehicle's own."
    )
    sat_id: int | None = Field(
        default=None,
        ge=0,
        description="Id of a replay's first satellite, where its files do not tell; the next "
        "files count on from it. Without it an id follows from the file's name.",
    )
    stay: bool = Field(
        default=True, description="A replay that has played its last row waits to be told to stop."
    )
    chunk_rows: int | None = Field(
        default=None,
        ge=1,
        le=65_536,
        description="Satellites in one frame at most. Without it: chosen by the fleet's size.",
    )
    duration_s: Positive | None = Field(
        default=None, description="End after this many seconds of wall clock. Without it: run on."
    )
    flush_timeout_s: Positive = Field(
        default=3.0,
        description="How long a stop may wait for the brokers to take what is in flight, s.",
    )


class ProcessorSettings(Group):
    """How telemetry becomes state, residuals, verdicts and forecasts."""

    workers: int = Field(default=1, ge=1, le=64, description="Processes that share the partitions.")
    worker: int = Field(default=1, ge=1, le=64, description="Which of them this process is.")
    stale_after_periods: Positive = Field(
        default=3.0,
        description="A satellite is stale after this many missed periods of its packet.",
    )
    snapshot_interval_s: Positive = Field(
        default=5.0, description="How often the state is written to resume from, s."
    )
    future_tolerance_s: Positive = Field(
        default=5.0, description="A row this far ahead of its arrival is refused, s."
    )
    window_s: Positive = Field(
        default=10.0,
        description="Telemetry is compared with the model in means over this long, s.",
    )
    model_max_satellites: int = Field(
        default=100_000, ge=0, description="Larger fleets are not compared with the model."
    )
    forecast_max_satellites: int = Field(
        default=10_000, ge=0, description="Larger fleets get no forecast of the next orbit."
    )
    forecast_interval_s: Positive = Field(
        default=60.0, description="How often a satellite gets a forecast, s."
    )


class HistorianSettings(Group):
    """What is stored, and for how long."""

    disk_budget_gb: Positive = Field(
        default=20.0,
        description="Most that history may take on disk, GB; the oldest is dropped first.",
    )
    disk_reserve_gb: Annotated[float, Field(ge=0.0)] = Field(
        default=2.0, description="Storing pauses while the disk has less than this free, GB."
    )
    commit_interval_s: Positive = Field(
        default=0.25, description="Rows and offsets are committed together this often, s."
    )
    raw_max_satellites: int = Field(
        default=10_000, ge=0, description="`sat_raw` keeps every row of fleets up to this size."
    )
    raw_retention_s: Positive = Field(
        default=24 * 3600.0, description="How long `sat_raw` keeps a row, s."
    )
    fleet_1s_retention_s: Positive = Field(
        default=7 * 86_400.0, description="How long `fleet_1s` keeps a row, s."
    )
    minute_retention_s: Positive = Field(
        default=90 * 86_400.0,
        description="How long `fleet_1m`, `sat_1m`, `pipeline_1m`, `estimate_1m` and `forecast` "
        "keep a row, s.",
    )
    residual_retention_s: Positive = Field(
        default=14 * 86_400.0, description="How long `residual_1m` keeps a row, s."
    )
    event_retention_s: Positive = Field(
        default=365 * 86_400.0, description="How long `event` keeps a row, s."
    )
    memory_limit_mb: int = Field(default=512, ge=64, description="DuckDB's memory limit, MB.")
    threads: int = Field(default=2, ge=1, le=256, description="DuckDB's threads.")


class DoorSettings(Group):
    """The SQL doors, read only: PostgreSQL's wire protocol, and Arrow Flight SQL for columns."""

    enabled: bool = Field(default=True, description="Open the door.")
    flight: bool = Field(
        default=True,
        description="Open the Flight SQL door too: same host, user, password, TLS and limits.",
    )
    flight_port: Port = Field(
        default=DOOR_FLIGHT_PORT,
        description="Port of the Flight SQL door, chosen as `port` is.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Any but loopback needs tls_certfile and tls_keyfile.",
    )
    port: Port = Field(
        default=DOOR_PORT,
        description="Its port. Where the default one is in use the next free one is taken; "
        "another one that is in use is an error. 0: any free one.",
    )
    user: str = Field(default=DOOR_USER, min_length=1, description="User name.")
    password: SecretStr | None = Field(
        default=None,
        description="Password. Without it one is generated into `door.password` (mode 0600) in "
        "the data directory.",
    )
    tls_certfile: AbsolutePath | None = Field(
        default=None, description="PEM file of the door's certificate."
    )
    tls_keyfile: AbsolutePath | None = Field(
        default=None, description="PEM file of the door's private key."
    )
    statement_timeout_s: Positive = Field(
        default=10.0, description="A query is ended after this, s."
    )
    max_clients: int = Field(default=64, ge=1, le=10_000, description="Most connections at once.")
    max_clients_per_address: int = Field(
        default=48,
        ge=0,
        description="Most connections at once from one address, so that one machine does not "
        "take them all. 0: no limit.",
    )
    max_cursors: int = Field(
        default=64, ge=1, le=1_000, description="Most open cursors of one connection."
    )
    max_rows: int = Field(default=0, ge=0, description="Most rows of one result. 0: no limit.")
    idle_timeout_s: Positive = Field(
        default=3_600.0, description="A connection that sends nothing is closed after this, s."
    )
    query_memory_mb: int = Field(
        default=256, ge=16, description="Memory that one operator of a query may take, MB."
    )

    @model_validator(mode="after")
    def _tls_beyond_loopback(self) -> DoorSettings:
        loopback = self.host == "localhost" or self.host.startswith("127.") or self.host == "::1"
        if not loopback and not (self.tls_certfile and self.tls_keyfile):
            raise ValueError(
                f"door.host {self.host} is not loopback: it needs door.tls_certfile and "
                "door.tls_keyfile"
            )
        return self


class HealthSettings(Group):
    """/metrics, /healthz, /readyz and /status of every part."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: Port = Field(default=0, description="Port. 0: a free one, written to run/PART.json.")
    progress_timeout_s: Positive = Field(
        default=15.0, description="A part that makes no progress for this long is not ready, s."
    )


class GrafanaSettings(Group):
    """Dashboards: in a Grafana that `up` starts, and in one that runs elsewhere."""

    enabled: bool = Field(
        default=True, description="Let `up` start Grafana where one is installed."
    )
    home: AbsolutePath | None = Field(
        default=None,
        description="Its home directory (with conf/defaults.ini), or its program. Without it: "
        "looked for.",
    )
    port: Port = Field(default=GRAFANA_PORT, description="Its port; a free one where it is in use.")
    url: str | None = Field(
        default=None, description="A running Grafana that `dashboards push` writes to."
    )
    token: SecretStr | None = Field(
        default=None,
        description="Token of a service account there, for `dashboards push`. Best given as a "
        "variable.",
    )


class LogSettings(Group):
    """Logs go to stderr; stdout is for data."""

    format: Literal["auto", "console", "json"] = Field(
        default="auto", description="auto: console on a terminal, JSON lines otherwise."
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe line that is shown."
    )
