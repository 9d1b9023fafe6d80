"""docs/sql.md: how to connect, and ten questions with the answers of a real run.

`make docs` flies the run (an orbit of 24 satellites, some of which fall ill), asks the questions
through the SQL door and writes the page; a test does the same and compares.
"""

from __future__ import annotations

import dataclasses
import decimal
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compose.evaluation.offline import Plan
from compose.flown import store
from orbitwin import profile
from orbitwin.door import DoorSession
from orbitwin.scenario import Fault, Scenario
from orbitwin.settings import Settings
from processors.record import Rules

PROFILE, SATELLITES, SEED = "three_tier", 24, 1
START_US = 1_813_536_000_000_000  # 2027-06-21: the low orbits have long eclipses
DURATION_S = 6_000
PERIOD_S = 30.0  # between two rows of a satellite; a live twin has one a second
WINDOW_S = 60.0  # so that there are several rows in each comparison with the model
FAULTS = (
    Fault(name="panel_dead", sat=3, at_s=600, severity=0.7),
    Fault(name="radiator_area_loss", sat=10, at_s=900, severity=0.7),
    Fault(name="terminal_loss", sat=14, at_s=1200, severity=0.6),
    Fault(name="pump_stop", sat=6, at_s=1500, severity=0.8),
    Fault(name="hung_job", sat=22, at_s=4200, severity=0.8),
    Fault(name="safe_mode", sat=20, at_s=4800, severity=0.8),
)
PAGE = Path(__file__).with_name("sql_page.md")  # what stands before the questions
MOST_ROWS = 12  # of an answer, on the page


@dataclass(frozen=True)
class Question:
    """What an operator asks, how it is said in SQL, and what to know of the answer."""

    title: str
    sql: str
    note: str = ""


QUESTIONS = (
    Question(
        "How is the fleet now?",
        """
SELECT severity, count(*) AS satellites,
       count(*) FILTER (WHERE sunlit) AS sunlit, count(*) FILTER (WHERE stale) AS stale,
       round(min(power_margin_w)::numeric) AS least_margin_w,
       round(min(link_margin_db)::numeric) AS least_link_db
FROM latest
GROUP BY severity ORDER BY severity DESC
""",
        "Severities sort by how bad they are. A negative power margin in eclipse is what the "
        "battery is for; in sunlight it is a finding.",
    ),
    Question(
        "Which hundred satellites have the least power margin?",
        """
SELECT name, severity, sunlit, round(power_margin_w::numeric) AS margin_w,
       round(state_of_charge_ratio::numeric, 3) AS charge
FROM latest
ORDER BY power_margin_w, sat_id LIMIT 100
""",
        "`latest` is in memory: this takes milliseconds at any fleet size.",
    ),
    Question(
        "How did one satellite come through its last eclipse?",
        """
WITH seen AS (
  SELECT ts, flags & 4 <> 0 AS lit, lag(flags & 4 <> 0) OVER (ORDER BY ts) AS was_lit,
         load_w, state_of_charge_ratio, battery_v, radiator_t_degc
  FROM sat_raw WHERE sat_id = 5 AND packet = 'fast' AND NOT late
), edges AS (
  SELECT max(ts) FILTER (WHERE was_lit AND NOT lit) AS entry,
         max(ts) FILTER (WHERE lit AND NOT was_lit) AS exit FROM seen
)
SELECT (floor(extract(epoch FROM ts - entry) / 300) * 5)::int AS minutes,
       bool_or(lit) AS lit, round(avg(load_w)::numeric) AS load_w,
       round(min(state_of_charge_ratio)::numeric, 3) AS charge,
       round(avg(battery_v)::numeric, 1) AS battery_v,
       round(avg(radiator_t_degc)::numeric, 1) AS radiator_degc
FROM seen, edges
WHERE ts BETWEEN entry - interval '5 minutes' AND exit + interval '10 minutes'
GROUP BY minutes ORDER BY minutes
""",
        "`minutes` count from the entry into the shadow; bit 4 of `flags` is sunlight. `sat_raw` "
        "has every row of fleets up to `historian.raw_max_satellites`; for larger ones ask "
        "`sat_1m`.",
    ),
    Question(
        "Which shell loses links?",
        """
SELECT s.shell, count(DISTINCT s.sat_id) AS satellites,
       round(avg(m.link_health_ratio_mean)::numeric, 3) AS health,
       round(min(m.link_margin_db_min)::numeric, 1) AS least_margin_db,
       count(DISTINCT m.sat_id) FILTER (WHERE m.link_health_ratio_min < 0.5) AS below_half
FROM sat_1m m JOIN satellite s USING (sat_id)
WHERE m.ts > (SELECT max(ts) FROM sat_1m) - interval '1 hour'
GROUP BY s.shell ORDER BY health
""",
        "For fleets of a million `fleet_1m` has the same by shell and block of planes.",
    ),
    Question(
        "How much energy does an orbit take?",
        """
WITH orbit AS (
  SELECT sat_id, shell, t_event,
         2 * pi() * sqrt((x_km ^ 2 + y_km ^ 2 + z_km ^ 2) ^ 1.5 / 398600.4418) AS period_s
  FROM latest
)
SELECT o.shell, round((avg(o.period_s) / 60)::numeric, 1) AS orbit_min,
       round((avg(r.load_w) * avg(o.period_s) / 3.6e6)::numeric, 1) AS used_kwh,
       round((avg(r.array_v * r.array_a) * avg(o.period_s) / 3.6e6)::numeric, 1) AS made_kwh
FROM sat_raw r JOIN orbit o USING (sat_id)
WHERE r.packet = 'fast' AND r.ts > o.t_event - o.period_s * interval '1 second'
GROUP BY o.shell ORDER BY used_kwh DESC
""",
        "The period follows from the distance to the Earth's centre (Kepler's third law, circular "
        "orbits). What the arrays make beyond what is used is shunted once batteries are full.",
    ),
    Question(
        "What happened in the last hour, by cause?",
        """
SELECT kind, parameter AS cause, severity, count(*) AS times,
       count(DISTINCT sat_id) AS satellites, max(ts) AS last
FROM event
WHERE state = 'raised' AND severity >= 'warning'::severity
  AND ts > (SELECT max(t_event) FROM latest) - interval '1 hour'
GROUP BY kind, parameter, severity ORDER BY severity DESC, times DESC, cause
""",
        "`limit` is a limit crossed, `fault` a verdict of the model: its cause is a fault of "
        "[faults.md](faults.md), its `message` tells how sure and by what. The panels that are "
        "called degraded here are healthy: with a row each 30 s the model sees less than in a "
        "live twin.",
    ),
    Question(
        "How do the tiers compare, by percentiles?",
        """
SELECT split_part(shell, '_', 1) AS tier, count(*) AS satellites,
       round(percentile_cont(0.05) WITHIN GROUP (ORDER BY power_margin_w)::numeric) AS margin_p5_w,
       round(percentile_cont(0.5) WITHIN GROUP (ORDER BY power_margin_w)::numeric) AS margin_p50_w,
       round(percentile_cont(0.5) WITHIN GROUP (ORDER BY state_of_charge_ratio)::numeric, 3)
         AS charge_p50,
       round(percentile_cont(0.95) WITHIN GROUP (ORDER BY chip_max_t_degc)::numeric, 1)
         AS chip_p95_degc
FROM latest
GROUP BY tier ORDER BY tier
""",
    ),
    Question(
        "Where does a satellite differ from its model?",
        """
SELECT parameter, unit, round(avg(measured)::numeric, 2) AS measured,
       round(avg(predicted)::numeric, 2) AS predicted, round(avg(z)::numeric, 1) AS sigmas,
       round(avg(inside)::numeric, 2) AS inside
FROM residual_1m
WHERE sat_id = 6 AND ts > (SELECT max(ts) FROM residual_1m) - interval '1 hour'
GROUP BY parameter, unit ORDER BY abs(avg(z)) DESC LIMIT 5
""",
        "`inside` is 0.95 where the model holds. The pump of this satellite has stopped.",
    ),
    Question(
        "Who has had more dose than allowed?",
        """
WITH allowed AS (
  SELECT vehicle, least((limits -> 0 ->> 'above')::float8, (limits -> 1 ->> 'above')::float8)
         AS rad
  FROM parameter WHERE name = 'dose_rad'
)
SELECT s.shell, count(*) AS satellites, max(a.rad) AS limit_rad,
       round(max(s.dose_rad)::numeric) AS most_rad,
       count(*) FILTER (WHERE s.dose_rad > a.rad) AS above
FROM latest s JOIN allowed a USING (vehicle)
GROUP BY s.shell ORDER BY most_rad DESC
""",
        "Limits are rows of `parameter`, so a question need not repeat a number.",
    ),
    Question(
        "What does a job cost?",
        """
WITH work AS (
  SELECT split_part(s.shell, '_', 1) AS tier, avg(r.load_w) AS load_w,
         avg(r.work_done_tops * (1 - r.work_redone_ratio)) AS useful_tops,
         avg(r.work_redone_ratio) AS redone
  FROM sat_raw r JOIN satellite s USING (sat_id)
  WHERE r.packet = 'fast' GROUP BY tier
)
SELECT tier, round(useful_tops::numeric) AS useful_tops,
       round((100 * redone)::numeric, 1) AS redone_pct,
       round((1e9 / useful_tops / 3600)::numeric) AS satellite_hours,
       round((1e9 / useful_tops * load_w / 3.6e6)::numeric) AS kwh
FROM work ORDER BY kwh
""",
        "The job is of 10^21 operations; what was rolled back and done again does not count, and "
        "its energy does. The whole satellite's power is charged to it.",
    ),
)


def page() -> str:
    """docs/sql.md, from a run of its own."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        fly(data)
        answers = ask(data)
    parts = [PAGE.read_text(encoding="utf-8")]
    for number, (question, (columns, rows)) in enumerate(zip(QUESTIONS, answers, strict=True), 1):
        parts.append(f"### {number}. {question.title}\n\n```sql\n{question.sql.strip()}\n```\n")
        parts.append(_table(columns, rows))
        if question.note:
            parts.append(f"{question.note}\n")
    return "\n".join(parts)


def fly(data_dir: Path) -> None:
    """The run of the page, stored in `data_dir`; the same each time."""
    flown = profile.load(PROFILE)
    rare = flown.profile.model_copy(update={"period_s": PERIOD_S})
    plan = Plan(
        flown.model_copy(update={"profile": rare}),
        Scenario(FAULTS),
        SATELLITES,
        SEED,
        START_US,
        DURATION_S,
    )
    rules = dataclasses.replace(Rules.of(Settings()), window_s=WINDOW_S, forecast_max_satellites=0)
    store(plan, rules, data_dir)


def ask(data_dir: Path) -> list[tuple[list[str], Sequence[Sequence[Any]]]]:
    """Columns and rows of each question's answer, through a door on what is stored."""
    from storage import stopped

    answers = []
    with stopped.door_on(Settings(data=data_dir)) as (door, password):
        session = DoorSession(door.host, door.port, door.user, door.database, password)
        try:
            for question in QUESTIONS:
                answer = session.run(question.sql)
                answers.append((answer.columns, answer.rows))
        finally:
            session.close()
    return answers


def numbers(text: str) -> tuple[str, list[float]]:
    """A page's words with # for each number in a table, and the numbers: to compare two pages."""
    found: list[float] = []
    lines = []
    for line in text.splitlines():
        if line.startswith("|"):
            found += [float(number) for number in re.findall(r"(?<![\w.:-])-?\d+(?:\.\d+)?", line)]
            line = re.sub(r"(?<![\w.:-])-?\d+(?:\.\d+)?", "#", line)
        lines.append(line)
    return "\n".join(lines), found


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [" | ".join(columns), " | ".join(["---"] * len(columns))]
    lines += [" | ".join(_cell(value) for value in row) for row in rows[:MOST_ROWS]]
    text = "".join(f"| {line} |\n" for line in lines)
    more = len(rows) - MOST_ROWS
    return text + (f"\n... and {more} more.\n" if more > 0 else "")


def _cell(value: Any) -> str:
    if isinstance(value, (float, decimal.Decimal)):
        return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:%H:%M:%S}" if hasattr(value, "hour") else str(value)


if __name__ == "__main__":
    sys.stdout.write(page())
