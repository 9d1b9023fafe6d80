"""A real PostgreSQL, started for the tests that ask it what is right; None where there is none.

It runs in a temporary directory on a free loopback port, without passwords and without fsync.
PostgreSQL refuses to run as root: as root it is started as the user `postgres`, or `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER = "orbitwin"
DATABASE = "twin"
_START_TIMEOUT_S = 20.0
_OFF = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "jit=off")


@dataclass(frozen=True)
class PostgreSQL:
    """A running server: `port` on 127.0.0.1, its superuser `orbitwin` and database `twin`."""

    port: int
    pid: int


def binaries() -> Path | None:
    """The directory of `postgres` and `initdb`: of PATH, else the newest of Debian's."""
    found = shutil.which("initdb")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next(
        (one for one in candidates if (one / "postgres").exists() and (one / "initdb").exists()),
        None,
    )


def _other_user() -> pwd.struct_passwd | None:
    """Whom to run as: None for oneself. Raises KeyError where root finds nobody else."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


@contextmanager
def postgresql() -> Iterator[PostgreSQL | None]:
    """A server for the length of the block; None where PostgreSQL is not installed."""
    folder = binaries()
    if folder is None:
        yield None
        return
    user = _other_user()
    run_as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    # Not pytest's tmp_path: its parents are closed to the other user.
    with tempfile.TemporaryDirectory(prefix="orbitwin-postgresql-") as top:
        if user:
            os.chown(top, user.pw_uid, user.pw_gid)
        data, log = Path(top, "data"), Path(top, "log")
        subprocess.run(
            [folder / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8",
             "--locale=C.UTF-8", "--no-sync"],
            check=True, capture_output=True, cwd=top, **run_as,  # type: ignore[call-overload]
        )  # fmt: skip
        port = _free_port()
        settings = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=",
                    "timezone=UTC", "max_connections=40", *_OFF]  # fmt: skip
        with log.open("wb") as out:
            server = subprocess.Popen(
                [folder / "postgres", "-D", data, *(f"--{one}" for one in settings)],
                stdout=out, stderr=out, cwd=top, **run_as,  # type: ignore[call-overload]
            )  # fmt: skip
        try:
            _wait(server, port, log)
            subprocess.run(
                [folder / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", USER, DATABASE],
                check=True, capture_output=True, cwd=top,
            )  # fmt: skip
            yield PostgreSQL(port, server.pid)
        finally:
            server.send_signal(2)  # fast shutdown: clients are told and left
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _START_TIMEOUT_S
    while b"ready to accept connections" not in log.read_bytes():
        if server.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"PostgreSQL did not start on port {port}:\n{log.read_text()}")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
