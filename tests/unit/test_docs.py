"""The documents hold: what they name exists, and what exists is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import pytest

from compose.evaluation import score
from compose.evaluation.evidence import EVENTS, LABELS, RESIDUALS, Course, Evidence
from orbitwin import catalogue, faults, profile, scenario, topics
from orbitwin.cli import app, reference
from orbitwin.contract import Frame
from orbitwin.profile_facts import summary
from orbitwin.records import EVENT_KINDS
from orbitwin.settings_source import setting_fields
from orbitwin.vehicle import ENVIRONMENT
from orbitwin.vehicle_file import File
from storage import tables
from storage.table import Table
from tests import history
from tests.heater import START_US, Truth
from tests.processing import SECOND_US, Bench, events, fleet_of

ROOT = Path(__file__).parents[2]


def read(*parts: str) -> str:
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


README = read("README.md")
ARCHITECTURE = read("docs", "architecture.md")
CLI = read("docs", "cli.md")
MODEL = read("docs", "model.md")
FAULTS = read("docs", "faults.md")
PROFILES = read("docs", "profiles.md")
PAGES = sorted((ROOT / "docs").rglob("*.md"))
GUIDES = {
    "README": README,
    "architecture": ARCHITECTURE,
    "model": MODEL,
    "faults": FAULTS,
    "profiles": PROFILES,
}


# --- what is named exists ------------------------------------------------------------------------


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"])
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", text):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", GUIDES)
def test_every_command_is_one_and_its_options_are_its_own(page: str) -> None:
    blocks = "\n".join(re.findall(r"^```\w*\n(.*?)^```", GUIDES[page], flags=re.S | re.M))
    spans = re.findall(r"`((?:orbitwin|make) [^`]+)`", GUIDES[page])
    lines = [*re.findall(r"^(?:orbitwin|make) .*$", blocks, flags=re.M), *spans]
    verbs = dict(reference.verbs())
    for line in lines:
        command = re.sub(r'"[^"]*"', "TEXT", " ".join(line.split())).partition(" #")[0]
        if command.startswith("make "):
            assert f"\n{command.split()[1]}:" in read("Makefile"), line
            continue
        known = [v for v in verbs if f"{command} ".startswith(f"{v} ") and v != "orbitwin"]
        assert known, line
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", command):
            assert flag in verbs[max(known, key=len)], (flag, line)
    for path in re.findall(r"tests/data/[\w./-]+\.\w+", GUIDES[page]):
        assert (ROOT / path).is_file(), path


def test_faults_that_are_asked_for_in_examples_are_understood() -> None:
    odc = catalogue.load("odc")
    asked = [a for text in GUIDES.values() for a in re.findall(r"--fault (\w+:\S+[\w.])", text)]
    assert asked
    for text in asked:
        scenario.parse(text, odc)


def test_every_profile_that_is_named_in_a_command_is_shipped() -> None:
    for text in GUIDES.values():
        for name in re.findall(r"(?:--profile|orbitwin profiles) ([a-z]\w+)(?![\w.])", text):
            assert name in profile.shipped(), name


# --- what exists is named ------------------------------------------------------------------------


@pytest.mark.parametrize("topic", [t.name for t in topics.TOPICS])
def test_every_topic_is_drawn(topic: str) -> None:
    assert topic in ARCHITECTURE


def test_every_table_is_listed_and_those_of_telemetry_are_drawn() -> None:
    listed = read("docs", "tables.md")
    known = [t for t in vars(tables).values() if isinstance(t, Table)]
    assert len(known) > 10
    for table in known:
        assert f"## `{table.name}`" in listed, table.name
    for table in (*tables.RINGS, tables.LATEST, tables.SATELLITE, tables.FORECAST_LATEST):
        assert table.name in ARCHITECTURE, table.name


def test_every_verb_is_described() -> None:
    for verb, _ in reference.verbs():
        assert f"## {verb}\n" in CLI, verb
    for verb in ("up", "status", "sql", "check", "doctor", "profiles", "evaluate", "conjunction"):
        assert f"orbitwin {verb}" in README, verb


def test_every_setting_is_described_and_those_that_pages_name_exist() -> None:
    page = read("docs", "settings.md")
    names = [name for name, _ in setting_fields()]
    for name in names:
        assert f"`{name.split('.')[-1]}`" in page, name
    groups = "|".join({n.split(".")[0] for n in names if "." in n})
    for text in GUIDES.values():
        for name in re.findall(rf"`((?:{groups})\.\w+)`", text):
            assert name in names or name.endswith((".toml", ".py")), name


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_every_kind_of_event_is_explained(kind: str) -> None:
    assert f"`{kind}`" in ARCHITECTURE


@pytest.mark.parametrize("name", faults.FAULTS)
def test_every_fault_is_listed_as_the_library_has_it(name: str) -> None:
    lasts, grows = (_span(of.get(name)) for of in (faults.PASSING_S, faults.CREEPING_S))
    assert f"| `{name}` | {faults.FAULTS[name]} | {lasts} | {grows} |\n" in FAULTS


def test_the_keys_of_a_fault_are_explained() -> None:
    for key in set(scenario.Fault.model_fields) - {"name"}:
        assert f"`{key}`" in FAULTS, key


def _span(seconds: float | None) -> str:
    """As the page writes it."""
    if seconds is None:
        return ""
    sizes = (("days", faults.DAY_S), ("hours", faults.HOUR_S), ("minutes", 60.0))
    unit, size = next(u for u in sizes if seconds >= 2 * u[1])
    return f"{seconds / size:g} {unit}"


def test_every_figure_of_an_evaluation_is_explained_with_its_target() -> None:
    for name, target in score.TARGETS.items():
        bounds = [b for b in (target.least, target.most) if b is not None]
        (row,) = [
            line for line in FAULTS.splitlines() if line.startswith("|") and f"`{name}`" in line
        ]
        assert all(f"{bound:g}" in row.rpartition("| ")[2] for bound in bounds), row
    empty = Evidence(
        0, 1, np.arange(0), *(pl.DataFrame(schema=s) for s in (LABELS, EVENTS, RESIDUALS)),
        pl.DataFrame(), Course(*[np.zeros(0, np.int64)] * 2, *[np.zeros((0, 0))] * 4), {},
    )  # fmt: skip
    for figure in score.figures(empty):
        assert f"`{figure.name}`" in FAULTS, figure.name


def test_every_vehicle_type_has_its_page() -> None:
    for name in catalogue.shipped():
        assert f"docs/vehicles/{name}.md" in README


def test_profiles_are_told_of_as_the_command_line_lists_them() -> None:
    for name in profile.shipped():
        s = summary(profile.load(name))
        cells = f"{s.satellites:,} | {s.shells} | {s.array_new_kw:.3g} | {s.peak_tops:,.0f}"
        assert f"| `{name}` | {cells} | {s.title} |\n" in PROFILES, name
    listed = re.findall(r"^\| `(\w+)` \| [\d,]+ \|", PROFILES, flags=re.M)
    assert listed == list(profile.shipped())
    assert len(listed) == 8, "and README says eight"
    assert "**Eight fleets.**" in README


def test_every_table_of_a_profile_is_explained() -> None:
    for section in profile.Profile.model_fields:
        named = (f"`[{section}]`", f"`[[{section}]]`", f"`[{section}.NAME]`")
        assert any(text in PROFILES for text in named), section


# --- the model's page ----------------------------------------------------------------------------


def test_every_key_of_channels_and_faults_is_explained() -> None:
    for table in ("model", "fault"):
        (_, kind) = get_args(File.model_fields[table].annotation)
        for key in kind.model_fields:
            assert re.search(rf"^\|[^|]*`{key}`", MODEL, flags=re.M), key


def test_what_the_twin_adds_is_explained() -> None:
    for name, text in ENVIRONMENT.items():
        assert f"| `{name}` | {text} |\n" in MODEL, name


def test_the_example_is_a_vehicle_type_and_its_faults_are_found() -> None:
    """The page's own file against satellites that keep its relations: ten healthy minutes, then
    one loses contact, one its sink, and one a sensor."""
    (text,) = re.findall(r"^```toml\n(.*?)^```", MODEL, flags=re.S | re.M)
    warmer = catalogue.loads(text)
    rows, onset = 4, 600
    bench, truth = Bench(fleet_of(rows, warmer)), Truth(rows, seed=3)
    truth.wall_k_w, truth.resistance_k_w = np.full(rows, 0.02), np.array([0.05, 0.051, 0.049, 0.05])
    seen = []
    for second in range(onset + 300):
        if second == onset:
            truth.resistance_k_w[0] += 0.01
            truth.wall_k_w[1] += 0.002
        values = truth.readings(second)
        if second >= onset:
            values["wall_degc"][2] += 1.0
        codes = {c.name: c.encode(values[c.name]) for c in warmer.primary.columns}
        t_us = START_US + second * SECOND_US
        one = Frame("f", warmer.name, "fast", 0, 0, rows, t_us, second, t_us, codes)
        seen += events(bench.take(one))
    assert all(e["t_event_us"] > START_US + onset * SECOND_US for e in seen)
    found = {
        (e["sat_id"], e["parameter"], e["message"].partition(",")[0])
        for e in seen
        if e["kind"] == "fault" and e["state"] == "raised"
    }
    assert found == {
        (100, "contact_loss", "contact_loss"),
        (101, "sink_blocked", "sink_blocked"),
        (102, "sensor_bias", "sensor_bias of wall_degc"),
    }


STATEMENTS = [
    statement
    for text in GUIDES.values()
    for statement in (
        *re.findall(r"^```sql\n(.*?)^```", text, flags=re.S | re.M),
        *re.findall(r'^orbitwin sql (?:--data \S+ )?"([^"]+)"', text, flags=re.M),
    )
]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of made-up records of every kind."""
    path = tmp_path_factory.mktemp("history")
    writer = history.open_writer(path)
    for record in history.rest(writer, history.make_log(20)):
        writer.intake.take(record)
    writer.commit()
    history.shut(writer)
    return path


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_query_of_the_pages_runs(
    statement: str, stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(["sql", statement, "--json", "--data", str(stored)]) == 0, capsys.readouterr()
