"""The catalogue: what a vehicle type measures, and what its measurements mean.

A vehicle type is one TOML file (see `orbitwin/vehicles/`), what Yamcs and XTCE call a mission
database. It lists the packets a spacecraft sends, every parameter once with its unit,
resolution, valid range and limits, and how the parameters give the quantities from which the
four derived states follow. Codecs, tables, SQL comments, reference pages and dashboards all
derive from it; a user adds a spacecraft by writing such a file, with no Python.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path

from orbitwin.errors import UsageError
from orbitwin.spelling import did_you_mean
from orbitwin.toml_source import parse, read_text, validate
from orbitwin.vehicle import DERIVED as DERIVED
from orbitwin.vehicle import MAX_PERSISTENCE as MAX_PERSISTENCE
from orbitwin.vehicle import QUANTITIES as QUANTITIES
from orbitwin.vehicle import SEVERITIES as SEVERITIES
from orbitwin.vehicle import STATE_PACKET as STATE_PACKET
from orbitwin.vehicle import Battery as Battery
from orbitwin.vehicle import Limit as Limit
from orbitwin.vehicle import LimitOn as LimitOn
from orbitwin.vehicle import Packet as Packet
from orbitwin.vehicle import Vehicle as Vehicle
from orbitwin.vehicle_file import Checker, File


def shipped() -> dict[str, Path]:
    """Vehicle types that come with the product, by name."""
    folder = Path(str(resources.files("orbitwin"))) / "vehicles"
    return {p.stem: p for p in sorted(folder.glob("*.toml"))}


def load(name_or_path: str | Path) -> Vehicle:
    """Load a vehicle type by the name of a shipped one or the path of a TOML file.

    Raises SourceError (file, line, what was expected) on any mistake.
    """
    known = shipped()
    path = known.get(str(name_or_path), Path(name_or_path))
    if not path.is_file():
        raise UsageError(
            f"{name_or_path}: no such vehicle type or file{did_you_mean(str(name_or_path), known)}",
            f"shipped are {', '.join(known)}; a file of your own works too",
        )
    return loads(read_text(path), str(path))


@lru_cache(maxsize=16)
def loads(text: str, file: str = "<vehicle>") -> Vehicle:
    """Check a vehicle type's TOML text; errors name `file` and the line.

    The same text gives the same object: its expressions are tried out once.
    """
    values, lines = parse(text, file)
    return Checker(file, lines).vehicle(validate(File, values, lines, file), text)
