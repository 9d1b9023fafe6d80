"""Grafana's provisioning files: where the SQL door is, and where the dashboards lie.

Form: grafana.com/docs/grafana/v13.1/administration/provisioning. Grafana fills `${NAME}` in from
its environment, so that no file holds the door's password.
"""

from __future__ import annotations

from dashboards.panels import DATASOURCE
from orbitwin.settings import DOOR_DATABASE, DOOR_PORT, DOOR_USER

PASSWORD_VARIABLE = "ORBITWIN_DOOR__PASSWORD"
MAX_CONNECTIONS = 4  # panels that are read at once; the door bounds its clients
DASHBOARD_DIR = "/etc/grafana/dashboards"  # where compose.yaml mounts them
FOLDER = "Orbitwin"
RESCAN_S = 30


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
    url: {host}:{port}
    user: {user}
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
      path: {directory}
      foldersFromFilesStructure: false
"""
