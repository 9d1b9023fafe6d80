"""orbitwin doctor: is this machine fit to run a twin?"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from orbitwin.cli import options
from orbitwin.cli.findings import Finding, report
from orbitwin.errors import OrbitwinError

if TYPE_CHECKING:
    from orbitwin.settings import Settings

EXAMPLES = """
orbitwin doctor
orbitwin doctor --data ./twin-data --json
"""

PYTHON = (3, 11)
MIN_FREE_GB = 2.0  # beside what history may take: broker segments, logs, temporary files
MIN_MEMORY_GB = 2.0  # all parts of suncatcher_81 stay under 1.5 GB
DUCKDB_MAGIC = b"DUCK"  # at byte 8 of a database file: https://duckdb.org/docs/internals/storage
DUCKDB_MAGIC_AT = 8


def doctor(
    data: options.Data = None, config: options.Config = None, json: options.Json = False
) -> None:
    """Look at Python, Java, disk, ports, permissions and memory; say what to mend."""
    report(_findings(options.load_settings(data, config)), json)


def _findings(settings: Settings) -> Iterator[Finding]:
    yield python()
    yield crc32c()
    if settings.kafka.bootstrap is None:
        yield from broker_parts()
    yield data_directory(settings.data)
    yield disk(settings.data, settings.historian.disk_reserve_gb)
    yield memory()
    yield from ports(settings)
    yield from databases(settings.data)


def python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON:
        return Finding("python", "fail", found, "use Python 3.11 or newer")
    return Finding("python", "ok", found)


def crc32c() -> Finding:
    """Without it kafka-python computes checksums in Python, at 9 MB/s."""
    try:
        import crc32c as library
    except ImportError:
        mend = "pip install 'kafka-python[crc32c]'"
        return Finding("crc32c", "fail", "not installed: Kafka at 9 MB/s", mend)
    if int(library.crc32c(b"123456789")) != 0xE3069283:  # check value of RFC 3720, B.4
        return Finding("crc32c", "fail", "computes wrong checksums", "install it anew")
    return Finding("crc32c", "ok", "present")


def broker_parts() -> Iterator[Finding]:
    """Java and Kafka's jars, as the local broker looks for them. Nothing is downloaded."""
    from compose import jars, jre

    try:
        java = jre.find_java()
        yield Finding("java", "ok", f"Java {jre.java_version(java)} at {java}")
    except OrbitwinError as error:
        yield Finding("java", "fail", error.message, error.hint)
    try:
        missing = len(jars.missing_jars())
    except OrbitwinError as error:
        yield Finding("kafka jars", "fail", error.message, error.hint)
        return
    total = len(jars.read_lock())
    if missing:
        found = f"{missing} of {total} are not here yet"
        yield Finding("kafka jars", "warn", found, "the first `orbitwin up` downloads them, once")
    else:
        yield Finding("kafka jars", "ok", f"all {total} here, sha256 as locked")


def data_directory(path: Path) -> Finding:
    from orbitwin.cli.part import writable_directory

    try:
        existing = next(p for p in (path, *path.parents) if p.exists())
        writable_directory(existing)  # doctor changes nothing, so it makes no directory
    except OrbitwinError as error:
        return Finding("data directory", "fail", error.message, error.hint)
    state = "writable" if existing == path else "not made yet; can be"
    return Finding("data directory", "ok", f"{path} ({state})")


def disk(path: Path, reserve_gb: float) -> Finding:
    existing = next(p for p in (path, *path.parents) if p.exists())
    free_gb = shutil.disk_usage(existing).free / 1e9
    found = f"{free_gb:.1f} GB free"
    if free_gb < reserve_gb:
        mend = f"free some: storing pauses under {reserve_gb:g} GB (historian.disk_reserve_gb)"
        return Finding("disk", "fail", found, mend)
    if free_gb < reserve_gb + MIN_FREE_GB:
        return Finding("disk", "warn", found, "free some, or choose another --data DIR")
    return Finding("disk", "ok", found)


def memory() -> Finding:
    import psutil

    free_gb = psutil.virtual_memory().available / 1e9
    found = f"{free_gb:.1f} GB available"
    if free_gb < MIN_MEMORY_GB:
        mend = "close something, or lower broker.heap_mb and historian.memory_limit_mb"
        return Finding("memory", "warn", found, mend)
    return Finding("memory", "ok", found)


def ports(settings: Settings) -> Iterator[Finding]:
    """A taken port is no failure: a free one is used instead, unless the twin itself has it."""
    from orbitwin.parts import read_twin

    wanted = {"sql door": ("door.port", settings.door.host, settings.door.port)}
    if settings.kafka.bootstrap is None:
        wanted["broker"] = ("broker.port", "127.0.0.1", settings.broker.port)
    running = bool(read_twin(settings.data))
    for name, (key, host, port) in wanted.items():
        if port == 0 or port_is_free(host, port):
            yield Finding(f"{name} port", "ok", f"{port or 'any'} is free")
        elif running:
            yield Finding(f"{name} port", "ok", f"{port} is in use, and a twin runs")
        else:
            mend = f"nothing must be done: a free one will be taken; {key} sets another"
            yield Finding(f"{name} port", "warn", f"{port} is in use", mend)


def port_is_free(host: str, port: int) -> bool:
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def databases(data_dir: Path) -> Iterator[Finding]:
    """Whether each database file is DuckDB's. Its header tells, so nothing need be opened."""
    for file in sorted(data_dir.glob("*.duckdb")):
        try:
            with file.open("rb") as stream:
                head = stream.read(DUCKDB_MAGIC_AT + len(DUCKDB_MAGIC))
        except OSError as error:
            yield Finding(
                "database", "fail", f"{file} cannot be read: {error.strerror}", "mend permissions"
            )
            continue
        if head[DUCKDB_MAGIC_AT:] == DUCKDB_MAGIC:
            yield Finding("database", "ok", f"{file.name}, {file.stat().st_size / 1e6:.0f} MB")
        else:
            yield Finding(
                "database",
                "fail",
                f"{file} is not a DuckDB database",
                "move it away (it is left as it is), or choose another --data DIR",
            )
