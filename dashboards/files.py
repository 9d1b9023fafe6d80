"""Writes everything that a Grafana reads, the same bytes each time.

DIR/dashboards/*.json                    one file a dashboard
DIR/provisioning/datasources/*.yaml      the SQL door
DIR/provisioning/dashboards/*.yaml       the folder above
DIR/provisioning/alerting/*.json         alert rules
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from dashboards import subsystem
from dashboards.alert_file import rules
from dashboards.fleet import fleet_dashboard
from dashboards.panels import Json
from dashboards.pipeline import pipeline_dashboard
from dashboards.provisioning import DASHBOARD_DIR, datasource, provider
from dashboards.satellite import satellite_dashboard
from dashboards.subsystem import subsystem_dashboard
from orbitwin.catalogue import Vehicle

GENERATED = Path(__file__).with_name("generated")
"""The files of the default vehicle type, as committed; compose.yaml mounts them."""


def all_dashboards(vehicles: Iterable[Vehicle]) -> dict[str, Json]:
    """Every dashboard by its file's stem.

    `vehicles` are the types that fly in the twin: a Satellite dashboard names columns that only
    a twin with its vehicle type has.
    """
    vehicles = list(vehicles)
    return {
        "fleet": fleet_dashboard(vehicles),
        **{
            name: subsystem_dashboard(of, vehicles)
            for name, of in subsystem.subsystems_of(vehicles).items()
        },
        "pipeline": pipeline_dashboard(vehicles),
        **{f"satellite_{v.name}": satellite_dashboard(v) for v in vehicles},
    }


def contents(
    vehicles: Iterable[Vehicle],
    datasource_yaml: str | None = None,
    dashboard_dir: str = DASHBOARD_DIR,
) -> dict[str, str]:
    """Text of every file by its path below the directory."""
    vehicles = list(vehicles)
    made = {f"dashboards/{stem}.json": _text(d) for stem, d in all_dashboards(vehicles).items()}
    made["provisioning/datasources/orbitwin.yaml"] = datasource_yaml or datasource()
    made["provisioning/dashboards/orbitwin.yaml"] = provider(dashboard_dir)
    made["provisioning/alerting/orbitwin.json"] = _text(rules(vehicles))
    return made


def _text(value: Json) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def write(
    directory: Path,
    vehicles: Iterable[Vehicle],
    datasource_yaml: str | None = None,
    dashboard_dir: str = DASHBOARD_DIR,
) -> list[Path]:
    """Write all files below `directory`, replacing what is there; returns their paths.

    Without more arguments the files suit compose.yaml. A Grafana elsewhere gets its own data
    source (`provisioning.datasource(host, port...)`) and the dashboards' directory as it sees it.
    """
    paths = []
    for name, text in contents(vehicles, datasource_yaml, dashboard_dir).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths
