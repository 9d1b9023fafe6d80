"""Where a Kafka cluster is and how to be let in, as each of the three clients wants to be told.

Settings carry the standard property names (`security.protocol`, `sasl.username`, ...).
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orbitwin.errors import UsageError
from orbitwin.spelling import did_you_mean

if TYPE_CHECKING:
    from orbitwin.settings_groups import KafkaSettings

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
PROPERTIES = (
    "security.protocol",
    "sasl.mechanism",
    "sasl.username",
    "sasl.password",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.endpoint.identification.algorithm",  # "https" (default) or "none"
)
SECRETS = ("sasl.password", "ssl.key.password")


@dataclass(frozen=True, repr=False)
class Connection:
    """Where a cluster is and how to be let in.

    `bootstrap` is HOST:PORT[,HOST:PORT...]; `security` maps names of PROPERTIES to values.
    Raises UsageError for an unknown property or a combination that cannot work.
    """

    bootstrap: str
    security: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for server in self.servers:
            host, _, port = server.rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:
                raise UsageError(
                    f"{server!r} is not the address of a Kafka broker",
                    "write HOST:PORT, several with commas between",
                )
        for name in self.security:
            if name not in PROPERTIES:
                raise UsageError(f"unknown Kafka property {name}{did_you_mean(name, PROPERTIES)}")
        if self.protocol not in PROTOCOLS:
            raise UsageError(f"security.protocol {self.protocol} is not one of {PROTOCOLS}")
        if self.protocol.startswith("SASL"):
            missing = [n for n in ("sasl.username", "sasl.password") if not self.security.get(n)]
            if missing:
                raise UsageError(f"security.protocol {self.protocol} needs {' and '.join(missing)}")
            if self.mechanism not in MECHANISMS:
                raise UsageError(f"sasl.mechanism {self.mechanism} is not one of {MECHANISMS}")

    @classmethod
    def from_settings(cls, kafka: KafkaSettings, bootstrap: str | None = None) -> Connection:
        """The connection that settings describe; `bootstrap` in place of theirs (local broker)."""
        address = bootstrap or kafka.bootstrap
        if not address:
            raise UsageError("no Kafka broker is known", "give --bootstrap HOST:PORT")
        password, key_password = kafka.sasl_password, kafka.ssl_key_password
        values = {
            "security.protocol": kafka.security_protocol,
            "sasl.mechanism": kafka.sasl_mechanism,
            "sasl.username": kafka.sasl_username,
            "sasl.password": password and password.get_secret_value(),
            "ssl.ca.location": kafka.ssl_cafile and str(kafka.ssl_cafile),
            "ssl.certificate.location": kafka.ssl_certfile and str(kafka.ssl_certfile),
            "ssl.key.location": kafka.ssl_keyfile and str(kafka.ssl_keyfile),
            "ssl.key.password": key_password and key_password.get_secret_value(),
            "ssl.endpoint.identification.algorithm": (
                "https" if kafka.ssl_check_hostname else "none"
            ),
        }
        return cls(address, {name: value for name, value in values.items() if value})

    def __repr__(self) -> str:
        shown = {n: "***" if n in SECRETS else v for n, v in self.security.items()}
        return f"Connection({self.bootstrap!r}, {shown!r})"

    @property
    def servers(self) -> list[str]:
        return [server.strip() for server in self.bootstrap.split(",")]

    @property
    def protocol(self) -> str:
        return self.security.get("security.protocol", "PLAINTEXT")

    @property
    def mechanism(self) -> str:
        return self.security.get("sasl.mechanism", "PLAIN")

    def ssl_context(self) -> ssl.SSLContext | None:
        """TLS as the properties say, None without TLS. UsageError for an unreadable file."""
        if not self.protocol.endswith("SSL"):
            return None
        get = self.security.get
        try:
            context = ssl.create_default_context(cafile=get("ssl.ca.location"))
            certificate = get("ssl.certificate.location")
            if certificate:
                context.load_cert_chain(
                    certificate, get("ssl.key.location"), get("ssl.key.password")
                )
        except OSError as error:  # ssl.SSLError is one
            raise UsageError(
                f"the TLS files cannot be used: {error}",
                "check ssl.ca.location, ssl.certificate.location and ssl.key.location",
            ) from None
        if get("ssl.endpoint.identification.algorithm", "https") in ("none", ""):
            context.check_hostname = False
        return context

    def client_config(self) -> dict[str, Any]:
        """Keyword arguments for any client of kafka-python or aiokafka, which share the names."""
        config: dict[str, Any] = {
            "bootstrap_servers": self.servers,
            "security_protocol": self.protocol,
        }
        context = self.ssl_context()
        if context is not None:
            config["ssl_context"] = context
        if self.protocol.startswith("SASL"):
            config |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.security["sasl.username"],
                "sasl_plain_password": self.security["sasl.password"],
            }
        return config

    def faust_config(self) -> dict[str, Any]:
        """`broker` and `broker_credentials` for faust.App."""
        config: dict[str, Any] = {"broker": [f"aiokafka://{server}" for server in self.servers]}
        context = self.ssl_context()
        if self.protocol.startswith("SASL"):
            import faust

            config["broker_credentials"] = faust.SASLCredentials(
                username=self.security["sasl.username"],
                password=self.security["sasl.password"],
                mechanism=self.mechanism,
                ssl_context=context,
            )
        elif context is not None:
            config["broker_credentials"] = context
        return config
