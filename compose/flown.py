"""A history without Kafka: a scenario flown through the processors' code and stored.

What stands in it depends on the plan alone, so that answers can be compared: docs/sql.md is made
from such a history, and a test asks it again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from compose.evaluation.offline import Plan, fly
from orbitwin import fleet
from orbitwin.fleet import Fleet
from processors.record import Output, Rules
from storage import database, tables
from storage.intake import Record
from storage.writer import Writer

COMMIT_RECORDS = 500
KEPT_S = 1e9  # whatever a plan's start: nothing is dropped


def store(
    plan: Plan, rules: Rules, data_dir: Path, progress: Callable[[int], None] = lambda _: None
) -> None:
    """Fly a plan and leave its history in `data_dir`, as a twin that has stopped does."""
    opened = database.open_writer(data_dir, threads=1)
    try:
        writer = Writer(
            opened,
            data_dir,
            retention_s={ring.name: KEPT_S for ring in tables.RINGS},
            raw_max_satellites=plan.satellites,
        )
        next_offset: defaultdict[tuple[str, int], int] = defaultdict(int)

        def begin(flown: Fleet) -> None:
            writer.register([fleet.encode(chunk) for chunk in flown.chunks()])
            writer.recover()

        def take(output: Output, t_us: int) -> None:
            at = (output.topic, 0)
            record = Record(
                output.topic, 0, next_offset[at], t_us, output.value, tuple(output.headers)
            )
            next_offset[at] += 1
            writer.intake.take(record)
            if writer.intake.pending.records >= COMMIT_RECORDS:
                writer.commit()

        fly(plan, rules, progress, begin=begin, publish=take)
        writer.close()
    finally:
        opened.close()
