"""What benchmarks share: rounds with an anchor, figures as median (min-max), proof, a report.

A benchmark's round gives its figures; every round ends with the anchor, so that figures can be
told as multiples of what the same machine copied in the same minute.  A wrong output is an
exception, and an exception is FAILED and exit code 1: no figure without proof.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

ANCHOR_BYTES = 97_000_000
ANCHOR = f"anchor: np.copyto of {ANCHOR_BYTES // 1_000_000} MB"
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)
"""What limits the threads of NumPy's BLAS, of polars and of pyarrow, read when they start."""
PACKAGES = ("numpy", "polars", "pyarrow", "skyfield")
ROOT = Path(__file__).parents[1]


class WrongOutput(Exception):
    """What was computed is not what it has to be."""


def expect(holds: bool, message: str) -> None:
    """Raise WrongOutput with the message unless something holds."""
    if not holds:
        raise WrongOutput(message)


@dataclass(frozen=True)
class Spread:
    """A figure over the rounds, ms."""

    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    def __str__(self) -> str:
        return f"{self.median:,.1f} ({min(self.samples):,.1f}-{max(self.samples):,.1f})"


@dataclass
class Report:
    """What a benchmark found: figures in core-ms, facts by name, and what was proven."""

    figures: dict[str, Spread]
    facts: dict[str, Any] = field(default_factory=dict)
    proven: list[str] = field(default_factory=list)


class Anchor:
    """Copying an array to another, both touched before: memory bandwidth, and nothing else."""

    def __init__(self) -> None:
        self._from = np.ones(ANCHOR_BYTES // 4, np.float32)
        self._to = np.zeros_like(self._from)

    def core_ms(self) -> float:
        return core_ms(lambda: np.copyto(self._to, self._from))


def core_ms(work: Callable[[], object]) -> float:
    """CPU time of this process, all its threads, that a call takes, ms."""
    begin_ns = time.process_time_ns()
    work()
    return (time.process_time_ns() - begin_ns) / 1e6


def rounds(repeat: int, one: Callable[[], Mapping[str, float]]) -> dict[str, Spread]:
    """`repeat` rounds of `one`, which gives figures in core-ms, and of the anchor after each.

    What is to be compared belongs into one round, so that both meet the same minute."""
    anchor = Anchor()
    anchor.core_ms()
    found: dict[str, list[float]] = {}
    for _ in range(repeat):
        for name, value in {**one(), ANCHOR: anchor.core_ms()}.items():
            found.setdefault(name, []).append(value)
    return {name: Spread(tuple(values)) for name, values in found.items()}


def parser(doc: str | None, satellites: int) -> argparse.ArgumentParser:
    """Arguments that all benchmarks have."""
    made = argparse.ArgumentParser(description=(doc or "").partition("\n\n")[0])
    made.add_argument("--satellites", type=int, default=satellites)
    made.add_argument("--repeat", type=int, default=3, help="rounds")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--json", type=Path, metavar="FILE", help="write the report there too")
    return made


def run(name: str, given: argparse.Namespace, body: Callable[[], Report]) -> int:
    """Run a benchmark and report it: text, JSON beside it; gives the exit code."""
    arguments = {k: v for k, v in vars(given).items() if k != "json"}
    about = {"benchmark": name, "arguments": arguments, **_surroundings()}
    try:
        report = body()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        _write(given.json, about | {"failed": reason})
        print(f"FAILED {name}: {reason}")
        return 1
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _write(
        given.json,
        about
        | {
            "rss_peak_mb": round(peak_mb),
            "core_ms": {n: _json(s, report) for n, s in report.figures.items()},
            "facts": report.facts,
            "proven": report.proven,
        },
    )
    print(f"{name} {' '.join(f'{k}={v}' for k, v in arguments.items())}")
    print(f"git {about['git']}; {about['machine']}; load {about['load']}; RSS {peak_mb:,.0f} MB")
    print(" ".join(f"{k} {v}" for k, v in about["versions"].items()))
    print(f"{'core-ms, median (min-max)':<46}{'':>24}  x anchor")
    for figure, spread in report.figures.items():
        print(f"  {figure:<44}{spread!s:>24}{_in_anchors(spread, report):>10.2f}")
    for fact, value in report.facts.items():
        print(f"  {fact}: {value}")
    for statement in report.proven:
        print(f"  proven: {statement}")
    return 0


def one_core() -> None:
    """Start this process again with one thread for every library, unless it was so started."""
    wanted = dict.fromkeys(THREADS, "1")
    if not wanted.items() <= os.environ.items():
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **wanted})


def _in_anchors(spread: Spread, report: Report) -> float:
    return spread.median / report.figures[ANCHOR].median


def _json(spread: Spread, report: Report) -> dict[str, Any]:
    return {
        "median": spread.median,
        "min": min(spread.samples),
        "max": max(spread.samples),
        "samples": spread.samples,
        "x_anchor": _in_anchors(spread, report),
    }


def _surroundings() -> dict[str, Any]:
    """Versions, machine and code, for whoever compares reports."""
    return {
        "git": _git(),
        "machine": f"{os.cpu_count()} x {platform.machine()}, {platform.system()}",
        "load": round(os.getloadavg()[0], 1),
        "threads": {name: os.environ.get(name) for name in THREADS},
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in PACKAGES},
    }


def _git() -> str:
    """The commit, with a + where files differ from it; "none" outside a checkout."""

    def said(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return said("rev-parse", "--short", "HEAD") + "+" * bool(said("status", "--porcelain"))
    except (OSError, subprocess.CalledProcessError):
        return "none"


def _write(path: Path | None, found: Mapping[str, Any]) -> None:
    if path is not None:
        path.write_text(json.dumps(found, indent=2, default=str) + "\n")
