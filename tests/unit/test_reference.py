"""The reference pages in docs/ are those that the catalogue gives today."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orbitwin import catalogue, reference

DOCS = Path(__file__).parents[2] / "docs" / "vehicles"


@pytest.mark.parametrize("name", sorted(catalogue.shipped()))
def test_the_page_is_the_catalogues(name: str) -> None:
    page = reference.page(catalogue.load(name))
    assert (DOCS / f"{name}.md").read_text(encoding="utf-8") == page, "run make docs"
    for parameter in catalogue.load(name).parameters:
        assert f"`{parameter}`" in page


@pytest.mark.parametrize("name", sorted(catalogue.shipped()))
def test_the_page_lists_the_model_and_what_it_names(name: str) -> None:
    vehicle = catalogue.load(name)
    page = reference.page(vehicle)
    assert vehicle.channels
    for channel in vehicle.channels:
        assert f"\n| `{channel.name}` | {channel.unit} | " in page
        assert channel.learns is None or f"`{channel.learns}`" in page
    for signature in vehicle.signatures:
        assert f"\n| `{signature.fault}` | " in page
    relations = page.split("```")[1]
    assert len(relations.splitlines()) > len(vehicle.channels)
    assert max(len(line) for line in relations.splitlines()) <= reference.WIDTH


def test_a_vehicle_type_without_a_model_has_no_such_section() -> None:
    plain = replace(catalogue.load("odc"), channels=(), signatures=())
    assert "healthy" not in reference.page(plain)
