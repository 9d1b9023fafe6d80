"""What every test shares: a slow test says in one line what it proves, and runs alone of its kind.

`make test` has two processes. Tests in e2e/ start whole twins and watch the clock: they go first,
one after the other in one process, and the others file by file beside them in the other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from compose.broker import LocalBroker

# The suite says the same of the same commit everywhere; HYPOTHESIS_PROFILE=search draws anew.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("search", deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

E2E = "tests/e2e/"


def _proves(item: pytest.Item) -> str:
    """First line of the test's docstring, or nothing."""
    doc = getattr(getattr(item, "function", None), "__doc__", None) or ""
    return doc.strip().splitlines()[0] if doc.strip() else ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    report = yield
    if item.get_closest_marker("slow"):
        report.user_properties.append(("proves", _proves(item)))
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Print one line for a slow test that passed: its outcome, its seconds, what it proves."""
    proves = dict(report.user_properties).get("proves")
    if report.when == "call" and report.passed and proves is not None:
        print(f"\n  {report.duration:5.1f} s  {proves or report.nodeid}", end="", flush=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A slow test without a docstring is an error: nobody would know what its time buys.

    The longest chain of tests, e2e/, is the first to begin.
    """
    items.sort(key=lambda item: not item.nodeid.startswith(E2E))
    mute = [i.nodeid for i in items if i.get_closest_marker("slow") and not _proves(i)]
    if mute:
        raise pytest.UsageError("slow tests need a docstring: " + ", ".join(mute))


class _TwinsAlone(LoadScopeScheduling):  # type: ignore[misc]
    """One process takes all that starts a twin, the other the rest, file by file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "twins" if file.startswith(E2E) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    config.option.loadscopereorder = False
    return _TwinsAlone(config, log)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBroker]:
    """A real Kafka with our topics, on a free port, shared by the tests of one run.

    A test that fills topics, stops the broker or counts what it finds uses `own_broker`.
    """
    yield from _running(tmp_path_factory.mktemp("broker"))


@pytest.fixture
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBroker]:
    """A real Kafka with our topics and nothing in them, for one test alone."""
    yield from _running(tmp_path_factory.mktemp("own-broker"))


def _running(data_dir: Path) -> Iterator[LocalBroker]:
    from compose.broker import LocalBroker
    from orbitwin.kafka import ensure_topics
    from orbitwin.topics import TOPICS

    local = LocalBroker(data_dir, port=0)
    try:
        ensure_topics(local.start(), TOPICS)
        yield local
    finally:
        local.stop()
