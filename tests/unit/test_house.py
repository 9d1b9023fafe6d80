"""The rules of the house that a tool can hold: imports, tracked files, locks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Written with a bracket in each, so that this file does not name what it forbids.
REGISTRIES = re.compile(
    r"p[y]pi\.org|p[y]thonhosted|rep[o]1\.maven|m[a]ven\.apache\.org|n[p]mjs|crat[e]s\.io"
    r"|pr[o]xy\.golang|d[e]bian\.org|http[s]?://[^ ]*/simple/"
)
HOME_PATHS = re.compile(r"(^|[^\w.])/(w[o]rk|r[o]ot|h[o]me|Us[e]rs)/[\w.]")


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    out = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [p for name in out.split("\0") if name and (p := ROOT / name).is_file()]


def locks() -> list[Path]:
    return sorted((ROOT / "requirements").glob("*.txt"))


def test_imports_run_one_way() -> None:
    result = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_registry_host_and_no_path_of_a_machine_in_tracked_files() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if REGISTRIES.search(line) or HOME_PATHS.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found, "\n".join(found)


def test_no_lock_that_names_a_registry_is_tracked() -> None:
    assert not [p for p in tracked() if p.name == "uv.lock"]


@pytest.mark.parametrize("lock", locks(), ids=lambda p: p.name)
def test_every_locked_package_has_hashes(lock: Path) -> None:
    # A requirement with its hashes is one logical line, continued by backslashes.
    logical = lock.read_text().replace("\\\n", " ").splitlines()
    pins = [line for line in logical if line and not line.lstrip().startswith("#")]
    assert len(pins) > 30
    for pin in pins:
        assert re.match(r"[\w.\[\],-]+==[\w.!+]+( ;.*?)? +--hash=sha256:[0-9a-f]{64}", pin), pin


def test_the_running_lock_is_part_of_the_test_lock() -> None:
    def pins(path: Path) -> dict[str, str]:
        return dict(re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)", path.read_text(), re.MULTILINE))

    run, test = pins(ROOT / "requirements/run.txt"), pins(ROOT / "requirements/test.txt")
    assert run.items() <= test.items()
