"""The dashboards against the types that Grafana 13.1.3 publishes: npm's @grafana/schema, by tsc.

Each dashboard becomes a TypeScript literal that has to be a `Dashboard`, each panel's `options` and
`custom` literals of its `panelcfg`; strict mode refuses what the types do not know. Enums are
loosened to their texts, as JSON has them. Property names of overrides have to be keys of the same
types. Left out are the queries: the package types those of the built-in source only.

Needs node and npm, and the npm registry the first time. Where one is missing the test is skipped,
but not in continuous integration.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dashboards import all_dashboards
from orbitwin.catalogue import load, shipped

LOCKED = Path(__file__).resolve().parents[1] / "data" / "grafana_schema"
RAW = "@grafana/schema/dist/types/raw"
FOLDERS = {
    "stat": "stat", "timeseries": "timeseries", "table": "table", "bargauge": "bargauge",
    "barchart": "barchart", "heatmap": "heatmap", "state-timeline": "statetimeline",
}  # fmt: skip
PLAIN = {"stat", "bargauge"}  # kinds without options of a field of their own
COMPILER = {
    "compilerOptions": {
        "strict": True,
        "noEmit": True,
        "module": "esnext",
        "moduleResolution": "node",
        "target": "es2022",
        "skipLibCheck": True,
        "types": [],
    },
    "files": ["check.ts"],
}
HEAD = f"""
import type * as D from '{RAW}/dashboard/x/types.gen';
type Loose<T> = T extends string ? `${{T}}` : T extends (infer U)[] ? Loose<U>[]
  : T extends object ? {{ [K in keyof T]: Loose<T[K]> }} : T;
type Checked = Loose<D.Dashboard>;
"""
WANTED = "CI" in os.environ


@pytest.fixture(scope="module")
def compiler(request: pytest.FixtureRequest) -> Path:
    """A directory with the locked packages, kept in pytest's cache."""
    if not (shutil.which("node") and shutil.which("npm")):
        if WANTED:
            pytest.fail("node and npm are missing")
        pytest.skip("node and npm are needed")
    folder = Path(request.config.cache.mkdir("grafana_schema"))  # type: ignore[union-attr]
    lock = (LOCKED / "package-lock.json").read_bytes()
    stamp = folder / "installed.lock"
    if not stamp.exists() or stamp.read_bytes() != lock:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(LOCKED / name, folder / name)
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"],
            cwd=folder, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        if done.returncode:
            if WANTED:
                pytest.fail(f"npm ci: {done.stderr}")
            pytest.skip(f"npm ci does not get the packages: {done.stderr.splitlines()[:1]}")
        stamp.write_bytes(lock)
    return folder


def program(made: dict[str, dict[str, Any]]) -> str:
    """TypeScript that compiles when every dashboard is what Grafana's types say."""
    parts = [HEAD]
    for kind, folder in FOLDERS.items():
        name = kind.replace("-", "_")
        source = f"{RAW}/composable/{folder}/panelcfg/x/types.gen"
        parts.append(f"import type * as {name} from '{source}';")
    for number, (stem, whole) in enumerate(made.items()):
        parts.append(f"const dashboard_{number}: Checked = {json.dumps(bare(whole))}; // {stem}")
    literals: set[str] = set()
    for whole in made.values():
        for panel in (p for p in whole["panels"] if p["type"] != "row"):
            name = panel["type"].replace("-", "_")
            options = f"Loose<{name}.Options> = {json.dumps(panel['options'], sort_keys=True)}"
            literals.add(options)
            custom = panel["fieldConfig"]["defaults"].get("custom")
            if custom is not None:
                text = json.dumps(custom, sort_keys=True)
                literals.add(f"Partial<Loose<{name}.FieldConfig>> = {text}")
            for override in panel["fieldConfig"]["overrides"]:
                for item in override["properties"]:
                    of, _, key = item["id"].rpartition(".")
                    owner = f"{name}.FieldConfig" if of == "custom" else "D.FieldConfig"
                    if of and panel["type"] in PLAIN:
                        owner = "never"
                    literals.add(f"keyof {owner} = {json.dumps(key)}")
    parts += [f"const part_{i}: {text};" for i, text in enumerate(sorted(literals))]
    return "\n".join([*parts, "export {};"])


def bare(whole: dict[str, Any]) -> dict[str, Any]:
    """Without the targets of annotations."""
    marks = [{k: v for k, v in m.items() if k != "target"} for m in whole["annotations"]["list"]]
    return whole | {"annotations": {"list": marks}}


def compiled(folder: Path, text: str) -> str:
    """What the compiler complains of; empty where nothing."""
    (folder / "check.ts").write_text(text)
    (folder / "tsconfig.json").write_text(json.dumps(COMPILER))
    tsc = folder / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run(
        ["node", str(tsc), "-p", str(folder)], capture_output=True, text=True, timeout=300
    )
    return done.stdout


def test_dashboards_have_grafanas_types(compiler: Path) -> None:
    made = all_dashboards([load(name) for name in shipped()])
    assert {p["type"] for d in made.values() for p in d["panels"]} == {*FOLDERS, "row"}
    assert compiled(compiler, program(made)) == ""


def test_what_the_types_do_not_know_is_refused(compiler: Path) -> None:
    whole = all_dashboards([])["pipeline"]
    assert [p["type"] for p in whole["panels"][1:4]] == ["stat"] * 3
    whole["panels"][1]["options"]["colourMode"] = "value"
    whole["panels"][2]["options"]["justifyMode"] = "left"
    whole["panels"][3]["fieldConfig"]["overrides"] = [
        {"matcher": {"id": "byName", "options": "x"}, "properties": [{"id": "units", "value": 1}]}
    ]
    whole["refreshing"] = "5s"
    said = compiled(compiler, program({"spoilt": whole}))
    for word in ("colourMode", '"left"', "units", "refreshing"):
        assert word in said
