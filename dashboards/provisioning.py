"""Grafana's provisioning files: where the SQL door is, and where the dashboards lie.

Form: grafana.com/docs/grafana/v13.1/administration/provisioning. Grafana fills `${NAME}` in from
its environment, so that no file holds the door's password.
"""

from __future__ import annotations

import json

from dashboards.panels import DATASOURCE
from orbitwin.settings_groups import DOOR_DATABASE, DOOR_PORT, DOOR_USER

PASSWORD_VARIABLE = "ORBITWIN_DOOR__PASSWORD"
MAX_CONNECTIONS = 4  # panels that are read at once; the door bounds its clients
DASHBOARD_DIR = "/etc/grafana/dashboards"  # where compose.yaml mounts them
FOLDER = "Orbitwin"
RESCAN_S = 30
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # listened on, but not to be called


def is_loopback(host: str) -> bool:
    return host == "localhost" or host.startswith("127.") or host.strip("[]") == "::1"


def tls_of(host: str) -> str:
    """PostgreSQL's sslmode for a door on `host`: beyond loopback the door itself insists on TLS."""
    return "disable" if is_loopback(host) else "require"


def callable_host(host: str) -> str:
    """Where a door that listens on `host` answers on its own machine."""
    return _EVERYWHERE.get(host, host)


def address(host: str, port: int) -> str:
    """host:port as Grafana takes it, IPv6 in brackets."""
    host = host.strip("[]")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def datasource(
    host: str = "127.0.0.1", port: int = DOOR_PORT, user: str = DOOR_USER, tls: str = "disable"
) -> str:
    """YAML of the data source. `tls` is PostgreSQL's sslmode: disable on loopback only."""
    return f"""# Made by `python -m dashboards`; a change here is lost.
apiVersion: 1
datasources:
  - name: Orbitwin
    uid: {DATASOURCE["uid"]}
    type: {DATASOURCE["type"]}
    access: proxy
    isDefault: true
    editable: false
    url: {json.dumps(address(host, port))}
    user: {json.dumps(user)}
    secureJsonData:
      password: ${{{PASSWORD_VARIABLE}}}
    jsonData:
      database: {DOOR_DATABASE}
      sslmode: {tls}
      timescaledb: true        # $__timeGroup becomes time_bucket, which the door answers
      postgresVersion: 1500
      maxOpenConns: {MAX_CONNECTIONS}
      maxIdleConns: {MAX_CONNECTIONS}
      connMaxLifetime: 3600    # s
      timeInterval: 1s         # least $__interval
"""


def provider(directory: str = DASHBOARD_DIR) -> str:
    """YAML of the dashboards provider: every JSON file in `directory`, kept up to date."""
    return f"""# Made by `python -m dashboards`; a change here is lost.
apiVersion: 1
providers:
  - name: orbitwin
    type: file
    folder: {FOLDER}
    allowUiUpdates: false
    disableDeletion: false
    updateIntervalSeconds: {RESCAN_S}
    options:
      path: {json.dumps(directory)}
      foldersFromFilesStructure: false
"""
