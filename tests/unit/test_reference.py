"""The reference pages in docs/ are those that the catalogue gives today."""

from __future__ import annotations

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
