"""SCRAM-SHA-256 inside of TLS, with psycopg and psql: what libpq's sslmode promises is so."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from storage.pgwire import Door
from tests.door import PASSWORD, twin

OPENSSL, PSQL = shutil.which("openssl"), shutil.which("psql")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate of localhost and 127.0.0.1, and its key."""
    made, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(
        [str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(made)],
        check=True, capture_output=True,
    )  # fmt: skip
    return made, key


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def door(folder: Path) -> Iterator[Door]:
    """A door that other machines could reach: bound to every address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(folder, "door"))
    with twin(folder) as served:
        opened = Door(
            served.connection.cursor, host="0.0.0.0", password=PASSWORD, tls=context,
            refresh=served.latest.attach,
        )  # fmt: skip
        opened.start()
        try:
            yield opened
        finally:
            opened.stop()


def url(door: Door, **more: object) -> str:
    settings = {"host": "127.0.0.1", "port": door.port, "user": "orbitwin", "dbname": "twin"}
    return " ".join(f"{name}={value}" for name, value in (settings | more).items())


def test_require(door: Door) -> None:
    with psycopg.connect(url(door, sslmode="require"), password=PASSWORD) as client:
        assert client.pgconn.ssl_in_use
        assert client.execute("SELECT count(*) FROM satellite").fetchone() == (1000,)
        client.execute("SELECT i, repeat('x', 100) FROM range(20000) t(i)").fetchall()


def test_verify_full(door: Door, folder: Path) -> None:
    ours = folder / "door.crt"
    with psycopg.connect(
        url(door, host="localhost", sslmode="verify-full", sslrootcert=ours), password=PASSWORD
    ) as client:
        assert client.execute("SELECT 1").fetchone() == (1,)
    other, _ = certificate(folder, "other")
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(url(door, sslmode="verify-full", sslrootcert=other), password=PASSWORD)


def test_without_tls_nobody_is_let_in(door: Door) -> None:
    with pytest.raises(psycopg.OperationalError, match="encrypted"):
        psycopg.connect(url(door, sslmode="disable"), password=PASSWORD)


def test_wrong_password_inside_of_tls(door: Door) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url(door, sslmode="require"), password="wrong")


@pytest.mark.skipif(PSQL is None, reason="psql is not installed")
def test_psql(door: Door, folder: Path) -> None:
    done = subprocess.run(
        [str(PSQL), "-XAt", url(door, sslmode="verify-full", sslrootcert=folder / "door.crt"),
         "-c", "SELECT name FROM satellite WHERE sat_id = 7", "-c", "\\conninfo"],
        env=os.environ | {"PGPASSWORD": PASSWORD}, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.stdout.startswith("S-7\n") and "TLSv1.3" in done.stdout, done.stderr
