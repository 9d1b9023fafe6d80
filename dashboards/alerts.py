"""Alert rules of Grafana's unified alerting, from the catalogue's limits; one query a rule.

A rule's query gives one number a group (fleet and shell, or fleet): Grafana makes an alert of each.
A limit on a derived state asks for the worst satellite's value, so that the alert carries it; it
clears only when the value is well inside the limit again (hysteresis). Limits on what is measured
are judged by the processors at full rate, whatever the fleet's size: their rules count the
satellites on which such a limit stands.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dashboards.pipeline import LATE_S
from dashboards.sql import standing, text
from dashboards.states import TITLES, states_of
from dashboards.subsystem import ALL, subsystems_of
from dashboards.subsystems import subsystem_of
from dashboards.units import limits_in_words, limits_of
from orbitwin.catalogue import DERIVED, SEVERITIES, Limit, Vehicle

HYSTERESIS = {"1": 0.02, "W": 20.0, "K": 1.0, "dB": 0.2, "TOPS": 10.0}
"""By unit: how far inside a limit a value must be before its alert clears. Several times the
noise of the derived states, so that a satellite that wavers on a limit is one alert."""


@dataclass(frozen=True)
class Alert:
    """A rule: what it asks, when it fires, and what it says.

    `above` fires over `fires`, else below it; `clears` is the recovery threshold. `for_` is how
    long it must hold, `keep` how long it goes on after it no longer does. `topic` is the
    runbook's section.
    """

    uid: str
    title: str
    subsystem: str
    severity: str
    sql: str
    above: bool
    fires: float
    clears: float
    summary: str
    topic: str
    dashboard: str
    for_: str = "1m"
    keep: str = "5m"
    no_data: str = "OK"  # a fleet that is gone is the business of the rules on the pipeline
    error: str = "KeepLast"  # a door that does not answer is that of one rule, not of each


def all_alerts(vehicles: Sequence[Vehicle]) -> list[Alert]:
    """Every rule, in the order of the file."""
    return [
        *(a for v in vehicles for a in _of_states(v)),
        *(a for v in vehicles for a in _of_parameters(v, vehicles)),
        *_of_model(),
        *_of_pipeline(vehicles),
    ]


# --- limits of the catalogue ----------------------------------------------------------------------


def _of_states(vehicle: Vehicle) -> Iterable[Alert]:
    for state in states_of(vehicle):
        for limit in limits_of(vehicle, state):
            for bound, above in ((limit.below, False), (limit.above, True)):
                if bound is not None:
                    yield _of_state(vehicle, state, limit, bound, above)


def _of_state(vehicle: Vehicle, state: str, limit: Limit, bound: float, above: bool) -> Alert:
    unit = DERIVED[state][0]
    inside = HYSTERESIS[unit]
    light = {"any": "", "sunlit": " AND sunlit", "eclipse": " AND NOT sunlit"}[limit.context]
    subsystem = next(name for name, of in ALL.items() if state in of.states)
    shown = "" if unit == "1" else f" {unit}"
    return Alert(
        uid=_uid(vehicle, state, limit.severity, above),
        title=f"{TITLES[state]}: {limit.severity} ({vehicle.name})",
        subsystem=subsystem,
        severity=limit.severity,
        sql=f"""
SELECT fleet, shell, round({"max" if above else "min"}(CAST({state} AS DOUBLE)), 3) AS value
FROM latest
WHERE vehicle = {text(vehicle.name)} AND NOT stale AND {state} IS NOT NULL{light}
GROUP BY fleet, shell""",
        above=above,
        fires=bound,
        clears=bound - inside if above else bound + inside,
        summary=f"{TITLES[state]} {'over' if above else 'under'} {bound:g}{shown} in fleet "
        "{{ $labels.fleet }}, shell {{ $labels.shell }}: the worst satellite has "
        f"{{{{ $values.A.Value }}}}{shown}",
        topic=TITLES[state],
        dashboard=ALL[subsystem].uid,
    )


def _of_parameters(vehicle: Vehicle, vehicles: Sequence[Vehicle]) -> Iterable[Alert]:
    """A rule a parameter and severity: on how many satellites of a fleet does the limit stand?"""
    made = subsystems_of(vehicles).values()
    for name, column in vehicle.parameters.items():
        limits = limits_of(vehicle, name)
        subsystem = subsystem_of(vehicle, column)
        for severity in sorted({x.severity for x in limits}, key=SEVERITIES.index):
            words = limits_in_words(x for x in limits if x.severity == severity)
            yield Alert(
                uid=_uid(vehicle, name, severity, False),
                title=f"{name}: {severity} ({vehicle.name})",
                subsystem=subsystem,
                severity=severity,
                sql=_limit_standing(vehicle, name, severity),
                above=True,
                fires=0.5,
                clears=0.5,
                summary=f"{column.description}: {words}"
                f"{'' if column.unit == '1' else ' ' + column.unit}, on "
                "{{ $values.A.Value }} satellites of fleet {{ $labels.fleet }}",
                topic="A limit on a measured parameter",
                dashboard=next((of.uid for of in made if subsystem in of.parts), "orbitwin-fleet"),
            )


def _limit_standing(vehicle: Vehicle, name: str, severity: str) -> str:
    """SQL: satellites of the vehicle type on which a limit of a severity stands, by fleet.

    A fleet without one counts 0: a row that is missing would end the alert at once, whatever it
    is to be kept for.
    """
    which = f" AND kind = 'limit' AND parameter = {text(name)}"
    return f"""
{standing("now()", which)}
SELECT fleet, count(DISTINCT sat_id) FILTER (newest % 8 IN ({_codes([severity])})) AS value
FROM (SELECT DISTINCT fleet FROM satellite WHERE vehicle = {text(vehicle.name)})
  LEFT JOIN standing USING (fleet)
GROUP BY fleet"""


def _faults_standing(severities: Sequence[str]) -> str:
    """SQL: satellites on which a fault of some severities stands, by fleet and fault."""
    return f"""
{standing("now()", " AND kind = 'fault'")}
SELECT fleet, parameter, count(DISTINCT sat_id) AS value
FROM standing WHERE newest % 8 IN ({_codes(severities)})
GROUP BY fleet, parameter"""


def _codes(severities: Sequence[str]) -> str:
    return ", ".join(str(SEVERITIES.index(s)) for s in severities)


def _uid(vehicle: Vehicle, of: str, severity: str, above: bool) -> str:
    """The same at every writing, and at most 40 characters, as Grafana asks."""
    words = f"ot-{vehicle.name}-{of}-{severity}{'-above' if above else ''}".replace("_", "-")
    return words if len(words) <= 40 else f"{words[:31]}-{zlib.crc32(words.encode()):08x}"


# --- the model, and the pipeline ------------------------------------------------------------------


def _of_model() -> Iterable[Alert]:
    serious = SEVERITIES.index("distress")
    for uid, title, severity, severities in (
        ("serious", "A fault was named: distress or worse", "critical", SEVERITIES[serious:]),
        ("light", "A fault was named", "warning", SEVERITIES[1:serious]),
    ):
        yield Alert(
            uid=f"ot-fault-{uid}",
            title=title,
            subsystem="model",
            severity=severity,
            sql=_faults_standing(severities),
            above=True,
            fires=0.5,
            clears=0.5,
            summary="{{ $labels.parameter }} explains the alarms of {{ $values.A.Value }} "
            "satellites of fleet {{ $labels.fleet }}",
            topic=title.partition(":")[0],
            dashboard="orbitwin-fleet",
            keep="10m",
        )


SILENT_S = 60.0
PERIODS_SILENT = 5  # of the packet that comes most seldom


def _known(sql: str) -> str:
    """Only groups that have a value: Grafana takes NULL for a number that no threshold is passed
    by, and a rule without a row for one without data."""
    return f"SELECT * FROM ({sql}) WHERE value IS NOT NULL"


def _of_pipeline(vehicles: Sequence[Vehicle]) -> Iterable[Alert]:
    silent_s = max([SILENT_S, *(PERIODS_SILENT * v.primary.period_s for v in vehicles)])
    by_fleet = "GROUP BY fleet"
    minute = "FROM pipeline_1m WHERE ts > now() - INTERVAL 3 MINUTE"
    for uid, title, severity, sql, fires, clears, summary, no_data in (
        (
            "silent",
            "A fleet is silent",
            "critical",
            # One that was never heard: since history begins.
            "SELECT fleet, round(epoch(now() - coalesce(max(t_received), (SELECT min(ts) "
            f"FROM pipeline_1m)))) AS value FROM latest {by_fleet}",
            silent_s,
            silent_s / 2,
            "Nothing came from fleet {{ $labels.fleet }} for {{ $values.A.Value }} s",
            "Alerting",
        ),
        (
            "stale",
            "Many satellites are stale",
            "warning",
            "SELECT fleet, shell, round(100 * avg(CAST(coalesce(stale, true) AS INTEGER)), 1) "
            f"AS value FROM latest {by_fleet}, shell",
            5.0,
            2.0,
            "{{ $values.A.Value }} % of the satellites of fleet {{ $labels.fleet }}, shell "
            "{{ $labels.shell }}, are stale or were never heard",
            "OK",
        ),
        (
            "late",
            "History is late",
            "warning",
            f"SELECT round(max(CAST(latency_p95_s AS DOUBLE)), 3) AS value {minute}",
            LATE_S,
            0.8 * LATE_S,
            "95 % of the frames were readable only {{ $values.A.Value }} s after their due time",
            "OK",
        ),
        (
            "lag",
            "The historian falls behind",
            "warning",
            f"SELECT max(lag_records) AS value {minute}",
            1000.0,
            100.0,
            "{{ $values.A.Value }} records wait to be stored",
            "OK",
        ),
        (
            "store",
            "The historian does not store",
            "critical",
            "SELECT round(epoch(now() - max(ts))) AS value FROM pipeline_1m",
            180.0,
            150.0,
            "The newest minute that the historian wrote of began {{ $values.A.Value }} s ago",
            "Alerting",
        ),
        (
            "lost",
            "Records were lost",
            "critical",
            "SELECT CAST(sum(records_lost) AS DOUBLE) AS value FROM pipeline_1m "
            "WHERE ts > now() - INTERVAL 10 MINUTE",
            0.5,
            0.5,
            "{{ $values.A.Value }} records were deleted from a log before they were stored",
            "OK",
        ),
        (
            "letters",
            "Dead letters",
            "warning",
            "SELECT reason, count(*) AS value FROM dead_letter "
            "WHERE ts > now() - INTERVAL 10 MINUTE GROUP BY reason",
            0.5,
            0.5,
            "{{ $values.A.Value }} dead letters for {{ $labels.reason }} in ten minutes",
            "OK",
        ),
    ):
        yield Alert(
            uid=f"ot-pipeline-{uid}",
            title=title,
            subsystem="pipeline",
            severity=severity,
            sql=_known(sql),
            above=True,
            fires=fires,
            clears=clears,
            summary=summary,
            topic=title,
            dashboard="orbitwin-pipeline",
            for_={"lost": "0s", "store": "2m"}.get(uid, "1m"),  # a new twin has no minute yet
            no_data=no_data,
            error="Alerting" if uid == "store" else "KeepLast",
        )
