"""A Grafana that is installed on this machine, run with our dashboards on loopback.

It is the reader's own program: nothing is downloaded, and its state lies below the twin's data
directory. Anyone on this machine may look (anonymous viewer); only the administrator, whose
password is generated into `grafana.password` (mode 0600), may change anything.
"""

from __future__ import annotations

import http.client
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from compose.broker import HOST, free_port
from compose.part import Part, Stage
from dashboards import files, provisioning
from orbitwin.catalogue import Vehicle

PROGRAMS = ("grafana", "grafana-server")
PACKAGE_HOME = Path("/usr/share/grafana")  # of the Debian and RPM packages
DEFAULTS = Path("conf") / "defaults.ini"  # what makes a directory Grafana's home
ASK_TIMEOUT_S = 1.0


def find(path: Path | None = None) -> tuple[Path, Path] | None:
    """Program and home directory of an installed Grafana, None where there is none.

    `path` is what the settings name, the home directory or the program; else the home of the
    program on PATH, else that of the system's package.
    """
    if path is not None and path.is_file():
        if path.name not in PROGRAMS or not os.access(path, os.X_OK):
            return None
        around = (path.resolve().parent.parent, PACKAGE_HOME)
        return next(((path, home) for home in around if (home / DEFAULTS).is_file()), None)
    for candidate in [path] if path else [*_homes_on_path(), PACKAGE_HOME]:
        if not (candidate / DEFAULTS).is_file():
            continue
        for name in PROGRAMS:
            program = shutil.which(name, path=str(candidate / "bin")) or shutil.which(name)
            if program:
                return Path(program), candidate
    return None


def _homes_on_path() -> Iterable[Path]:
    for name in PROGRAMS:
        program = shutil.which(name)
        if program:
            yield Path(program).resolve().parent.parent


class LocalGrafana:
    """Grafana for one twin, on `port` where that is free, else on another."""

    def __init__(self, program: Path, home: Path, data_dir: Path, port: int) -> None:
        self.program = program
        self.home = home
        self.dir = data_dir / "grafana"
        self.log_path = data_dir / "logs" / "grafana.log"
        self.password_file = data_dir / "grafana.password"
        self.port = free_port(port)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/"

    def part(self, door: Mapping[str, Any], password: str, vehicles: Iterable[Vehicle]) -> Part:
        """Write dashboards and data source, and say how to run it. `door` as the historian's."""
        host = str(door["host"])
        source = provisioning.datasource(
            provisioning.callable_host(host),
            int(door["port"]),
            door["user"],
            provisioning.tls_of(host),
        )
        files.write(self.dir, vehicles, source, str(self.dir / "dashboards"))
        words = ["server"] if self.program.name == "grafana" else []
        return Part(
            "grafana",
            [str(self.program), *words, "--homepath", str(self.home)],
            self.log_path,
            Stage.DASHBOARDS,
            env=self._environment() | {provisioning.PASSWORD_VARIABLE: password},
            has_status=False,
            answers=self.serves,
        )

    def serves(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ASK_TIMEOUT_S)
        try:
            connection.request("GET", "/api/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _environment(self) -> dict[str, str]:
        """Grafana's settings: GF_SECTION_KEY stands for `key` in `[section]`."""
        return {
            "GF_PATHS_DATA": str(self.dir / "data"),
            "GF_PATHS_LOGS": str(self.dir / "logs"),
            "GF_PATHS_PROVISIONING": str(self.dir / "provisioning"),
            "GF_SERVER_HTTP_ADDR": HOST,
            "GF_SERVER_HTTP_PORT": str(self.port),
            "GF_SECURITY_ADMIN_PASSWORD": self._admin_password(),
            "GF_AUTH_ANONYMOUS_ENABLED": "true",
            "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
            # No word to the outside, and nothing from there.
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
            "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
            "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
            "GF_NEWS_NEWS_FEED_ENABLED": "false",
            "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        }

    def _admin_password(self) -> str:
        if not self.password_file.exists():
            self.password_file.touch(mode=0o600)
            self.password_file.write_text(secrets.token_urlsafe(24) + "\n")
        return self.password_file.read_text().strip()
