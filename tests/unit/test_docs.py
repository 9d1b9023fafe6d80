"""The documents hold: what they name exists, and what exists is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orbitwin import catalogue, profile, topics
from storage import tables

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"])
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", text):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("topic", [t.name for t in topics.TOPICS])
def test_every_topic_is_drawn(topic: str) -> None:
    assert topic in ARCHITECTURE


def test_every_table_is_named_where_the_data_goes() -> None:
    for table in (tables.LATEST, tables.FLEET_1S, tables.FLEET_1M, tables.SAT_1M, tables.SAT_RAW):
        assert table.name in ARCHITECTURE, table.name


def test_vehicles_and_profiles_are_what_the_readme_says() -> None:
    for name in catalogue.shipped():
        assert f"docs/vehicles/{name}.md" in README
    assert set(profile.shipped()) == {"suncatcher_81"}


def test_every_command_of_the_readme_is_one() -> None:
    verbs = set(re.findall(r"^## `?orbitwin (\w+)", CLI, flags=re.MULTILINE))
    used = set(re.findall(r"orbitwin (up|status|sql|check|doctor|produce|process|store)\b", README))
    assert used <= verbs, (used, verbs)
    flags = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README))
    known = set(re.findall(r"--[a-z][a-z-]+", CLI))
    assert flags <= known, flags - known
    for target in re.findall(r"^make (\w+)", README, flags=re.MULTILINE):
        assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
    for path in re.findall(r"tests/data/[\w./-]+\.\w+", README):
        assert (ROOT / path).is_file(), path
