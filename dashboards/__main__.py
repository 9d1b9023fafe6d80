"""`python -m dashboards [DIR] [--vehicle NAME|FILE]...`: write Grafana's files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dashboards.files import GENERATED, write
from orbitwin.catalogue import load
from orbitwin.errors import OrbitwinError
from orbitwin.settings import DEFAULT_VEHICLE


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dashboards", description="Write Grafana files")
    parser.add_argument("directory", metavar="DIR", nargs="?", type=Path, default=GENERATED)
    parser.add_argument("--vehicle", metavar="NAME|FILE", action="append", default=None)
    arguments = parser.parse_args()
    try:
        vehicles = [load(name) for name in arguments.vehicle or [DEFAULT_VEHICLE]]
        for path in write(arguments.directory, vehicles):
            print(path)
    except (OrbitwinError, OSError) as error:
        print(f"python -m dashboards: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
