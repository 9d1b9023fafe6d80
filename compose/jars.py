"""Kafka's jars: listed with their sha256 in kafka.lock, fetched once by jgo, verified always.

The lock names every jar by its Maven coordinate, so that nothing is resolved at run time: what
was tested is what runs. A jar already in the user's Maven repository is used from there.
`python -m compose.jars` writes the lock anew (after a change of KAFKA).
"""

from __future__ import annotations

import fcntl
import hashlib
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from orbitwin.errors import OrbitwinError, UsageError

if TYPE_CHECKING:
    from jgo.maven import Artifact, MavenContext

# 4.4.0 cannot be resolved: its POM names a jar that was never published.
KAFKA = "org.apache.kafka:kafka_2.13:4.3.1+org.slf4j:slf4j-simple:1.7.36"
LOCK = Path(__file__).with_name("kafka.lock")
DOWNLOADS = 4  # at a time

Say = Callable[[str], None]


def cache_dir() -> Path:
    """Where downloaded jars are kept, e.g. ~/.cache/orbitwin/maven."""
    return Path(platformdirs.user_cache_dir("orbitwin", appauthor=False)) / "maven"


def read_lock(path: Path = LOCK) -> dict[str, str]:
    """Maven coordinate (group:artifact:version) -> sha256 of its jar."""
    lines = (line.split("#")[0].split() for line in path.read_text().splitlines())
    return {words[0]: words[1] for words in lines if words}


def kafka_jars(lock: Path = LOCK, cache: Path | None = None, say: Say | None = None) -> list[Path]:
    """Paths of all jars in the lock's order, each of the locked content.

    What is not there yet is downloaded; `say` gets a line about its progress (default: stderr).
    Raises OrbitwinError for a jar that cannot be had or has another content, UsageError where
    jgo is not installed.
    """
    wanted = read_lock(lock)
    cache = cache or cache_dir()
    say = say or _say_on_stderr
    context = _context(cache)
    artifacts = {name: _artifact(context, name) for name in wanted}

    def look() -> dict[str, Path | None]:
        return {name: _verified(artifacts[name], wanted[name], context) for name in wanted}

    jars = look()
    if all(jars.values()):
        return [jar for jar in jars.values() if jar is not None]
    with _one_at_a_time(cache):
        jars = look()  # another twin that started at the same moment may have got them
        missing = [name for name, jar in jars.items() if jar is None]
        say(f"Getting Kafka's jars, {len(missing)} of {len(wanted)}, into {cache} (once)")

        def fetch(name: str) -> Path:
            return _fetch(artifacts[name], wanted[name], name)

        with ThreadPoolExecutor(DOWNLOADS) as pool:
            for done, (name, jar) in enumerate(
                zip(missing, pool.map(fetch, missing), strict=True), 1
            ):
                jars[name] = jar
                if done % 10 == 0 or done == len(missing):
                    say(f"Getting Kafka's jars: {done} of {len(missing)}")
    return [jar for jar in jars.values() if jar is not None]


@contextmanager
def _one_at_a_time(cache: Path) -> Iterator[None]:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        file = (cache / ".lock").open("w")
    except OSError as error:
        raise UsageError(
            f"Kafka's jars cannot be kept in {cache}: {error.strerror}",
            "make it writable, or name another place by XDG_CACHE_HOME",
        ) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def missing_jars(lock: Path = LOCK, cache: Path | None = None) -> list[str]:
    """Coordinates of the jars that kafka_jars() would have to download; downloads nothing."""
    wanted = read_lock(lock)
    context = _context(cache or cache_dir())
    return [
        name
        for name, sha in wanted.items()
        if not _verified(_artifact(context, name), sha, context)
    ]


def _context(cache: Path) -> MavenContext:
    try:
        from jgo.config import GlobalSettings
        from jgo.constants import default_maven_repo
        from jgo.maven import MavenContext
    except ImportError:
        raise UsageError(
            "a local Kafka needs jgo, which is not installed",
            "pip install 'orbitwin[local]', or use a cluster by --bootstrap HOST:PORT",
        ) from None

    # A mirror that the user's jgo configuration names is asked before Maven Central.
    mirrors = dict(GlobalSettings.load().repositories)
    central = MavenContext(repo_cache=cache).remote_repos
    return MavenContext(
        repo_cache=cache,
        local_repos=[default_maven_repo()],
        remote_repos=mirrors | central,
        timeout=60,
    )


def _artifact(context: MavenContext, coordinate: str) -> Artifact:
    group, name, version = coordinate.split(":")
    return context.project(group, name).at_version(version).artifact()


def _verified(artifact: Artifact, sha256: str, context: MavenContext) -> Path | None:
    """The jar where it already lies with the locked content. Ours with another is removed."""
    for base in (context.repo_cache, *context.local_repos):
        jar = base / artifact.component.path_prefix / artifact.filename
        if jar.is_file():
            if _sha256(jar) == sha256:
                return jar
            if base == context.repo_cache:  # half a download, or a bad disk: get it again
                jar.unlink()
    return None


def _fetch(artifact: Artifact, sha256: str, coordinate: str) -> Path:
    import requests

    try:
        # Not resolve(): that would take a bad copy from the user's own Maven repository.
        jar = artifact.context.resolver.download(artifact)
    except (requests.RequestException, RuntimeError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise OrbitwinError(
            f"Kafka's jar {coordinate} cannot be downloaded: {reason}",
            "check the network (and HTTPS_PROXY), or use a cluster by --bootstrap HOST:PORT",
        ) from None
    assert jar is not None
    found = _sha256(jar)
    if found != sha256:
        jar.unlink()
        raise OrbitwinError(
            f"the downloaded jar {coordinate} is not the one that is locked: sha256 {found}, "
            f"expected {sha256}",
            "it was removed; try again, and if it comes again do not trust the mirror it is from",
        )
    return jar


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _say_on_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def write_lock(path: Path = LOCK) -> int:
    """Resolve KAFKA anew, download every jar and write the lock; the number of jars."""
    import jgo

    lines = [f"# {KAFKA}", "# written by: python -m compose.jars"]
    artifacts = jgo.resolve(KAFKA)
    for artifact in artifacts:
        name = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
        lines.append(f"{name} {_sha256(artifact.resolve())}")
    path.write_text("\n".join(lines) + "\n")
    return len(artifacts)


if __name__ == "__main__":
    print(f"{LOCK}: {write_lock()} jars", file=sys.stderr)
