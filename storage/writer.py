"""Rows and the offsets they came from, in one transaction: exactly once, whatever is killed when.

Nothing here knows Kafka: `intake.take` gets records, `intake.start_offsets` says where to read
from, `commit` stores what was taken.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from orbitwin.contract import FrameError
from orbitwin.errors import UsageError
from orbitwin.log import get
from orbitwin.records import Source
from storage import ddl, quoting, snapshot, tables
from storage.database import Database
from storage.fleet_tables import minute_of_seconds
from storage.intake import Intake, Stored
from storage.latency import Latency
from storage.latest import Latest, schema
from storage.latest_view import FRAME, LatestView
from storage.pending import Pending
from storage.registry import Registry
from storage.rollup import MINUTE_US
from storage.segments import Ring
from storage.snapshot import Mark, Place
from storage.table import Field, Table

_IN = "incoming"  # the name that tables to be inserted are registered under

log = get(__name__)


class Writer:
    """Commits what `intake` took. One thread; readers use cursors of their own.

    `learn` is called when a record names a chunk or vehicle type that is not known: it should
    `register` what the fleet topic has. `retention_s` maps a ring's name to its retention.
    """

    def __init__(
        self,
        database: Database,
        data_dir: Path,
        *,
        retention_s: Mapping[str, float],
        raw_max_satellites: int,
        learn: Callable[[], None] = lambda: None,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self.database = database
        self.data_dir = data_dir
        self.registry = Registry()
        self.latest = Latest(self.registry, raw_max_satellites)
        self.intake = Intake(self.registry, self.latest, raw_max_satellites, learn)
        self.latency = Latency()
        self.recent = Latency()  # the same since someone put another one in its place
        self._wall_s = wall_s
        self._started_us = int(wall_s() * 1e6)
        self._connection = database.connection.cursor()
        self.rings = {t.name: Ring(self._connection, t, retention_s[t.name]) for t in tables.RINGS}
        self._registered = -1
        self._published = -1
        self._snapshot: threading.Thread | None = None
        with self._transaction():
            for ring in self.rings.values():
                ring.start(wall_s())
        self.view = self._last_view()

    # --- who flies, and where to begin -----------------------------------------------------

    def recognise(self, topic_ids: Mapping[str, str]) -> None:
        """Note whose history this is; UsageError where it is that of other topics of these names.

        Offsets mean nothing in another log: what it holds below them would never be stored.
        """
        table = tables.SOURCE_TOPIC.name
        known = dict(self._connection.execute(f"SELECT topic, topic_id FROM {table}").fetchall())
        for topic, number in topic_ids.items():
            if known.get(topic, number) != number:
                raise UsageError(
                    f"the topic {topic} is another one than history was stored from so far",
                    "choose a new directory with --data, or bring back the broker's data",
                )
            if topic not in known:
                self._connection.execute(f"INSERT INTO {table} VALUES (?, ?)", [topic, number])

    def register(self, values: Sequence[bytes]) -> None:
        """Take records of the fleet topic; tables follow."""
        for value in values:
            try:
                self.registry.add(value)
            except FrameError as error:
                self.intake.refuse("fleet", error)
        if self._registered == self.registry.version:
            return
        self.commit()
        self.intake.follow_registry()
        raw = self.rings["sat_raw"]
        known = {f.name for f in raw.table.fields}
        new = [f for f in self.registry.measured.fields.values() if f.name not in known]
        with self._transaction():
            if new:
                raw.add(new)
            self._replace(tables.SATELLITE.name, self.registry.satellites())
            self._replace(tables.PARAMETER.name, self.registry.parameters())
            self._connection.execute(
                f"DELETE FROM {tables.FORECAST_LATEST.name} WHERE sat_id NOT IN "
                f"(SELECT sat_id FROM {tables.SATELLITE.name})"
            )
        self._registered = self.registry.version

    def recover(self) -> None:
        """Load offsets and the newest state; call it once, after the first `register`."""
        saved = snapshot.load(
            snapshot.path_in(self.data_dir), self.latest, self.database.database_id
        )
        self.intake.resume(self._stored(), saved or {})
        if self.registry.chunks:
            self.publish()

    # --- storing ---------------------------------------------------------------------------

    def commit(self) -> int:
        """Store what was taken, rows and offsets together; returns the records in it."""
        pending = self.intake.pending
        if not pending.records:
            return 0  # what a change of the fleet closed waits for an offset to go with
        self.intake.pending = Pending()
        now_s = self._wall_s()
        with self._transaction():
            for ring in self.rings.values():
                if ring.is_due(now_s):
                    ring.turn(now_s)
            self._insert_all(pending, int(now_s * 1e6))
            self._store_offsets()
        self.intake.counts["commits"] += 1
        self.publish()
        self._measure(pending)
        return pending.records

    def _insert_all(self, pending: Pending, now_us: int) -> None:
        if pending.frames:
            self._insert("frame", pending.frame_table())
        for table in pending.raw_tables(self.registry.vehicles, self.registry.measured):
            self._insert_raw(table)
        if pending.events:
            self._insert("event", pending.event_table(now_us))
        if pending.seconds:
            self._insert("fleet_1s", pending.second_table())
        if pending.fleet_minutes:
            self._insert_fleet_minutes(pending)
        if pending.minutes:
            self._insert("sat_1m", pending.minute_table())
        for name, table in pending.computed.tables():
            self._insert(name, table)
            if name == tables.FORECAST.name:
                self._replace_forecasts(table)
        if pending.letters:
            self._insert(
                "dead_letter",
                pending.letter_table(),
                f"SELECT DISTINCT * FROM {_IN} i WHERE NOT EXISTS (SELECT 1 FROM dead_letter d "
                'WHERE d.topic = i.topic AND d."partition" = i."partition" AND d."offset" = '
                'i."offset" AND d.part = i.part AND d.reason = i.reason)',
            )

    def _insert(self, ring: str, table: pa.Table, select: str = f"FROM {_IN}") -> None:
        self._connection.register(_IN, table)
        self._connection.execute(f"INSERT INTO {self.rings[ring].target} BY NAME {select}")
        self._connection.unregister(_IN)
        self.rings[ring].written(table.num_rows)

    def _insert_raw(self, table: pa.Table) -> None:
        """Late rows may come again, from a recording played twice: only new ones are kept."""
        late = table["late"]
        if pa.compute.any(late).as_py():
            on_time = table.filter(pa.compute.invert(late))
            again = table.filter(late)
            if on_time.num_rows:
                self._insert("sat_raw", on_time)
            times = pa.compute.min_max(again["ts"].cast(pa.int64())).as_py()
            self._insert(
                "sat_raw",
                again,
                f"SELECT DISTINCT ON (sat_id, packet, ts, seq) * FROM {_IN} i WHERE NOT EXISTS "
                "(SELECT 1 FROM sat_raw r WHERE r.sat_id = i.sat_id AND r.packet = i.packet AND "
                "r.ts = i.ts AND r.seq = i.seq AND r.ts BETWEEN "
                f"make_timestamptz({times['min']}) AND make_timestamptz({times['max']}))",
            )
        else:
            self._insert("sat_raw", table)

    def _insert_fleet_minutes(self, pending: Pending) -> None:
        seconds, minutes = self.rings["fleet_1s"], self.rings["fleet_1m"]
        starts = [minute for minute, _, _ in pending.fleet_minutes]
        select = minute_of_seconds(seconds.source, _IN, min(starts), max(starts) + MINUTE_US)
        self._insert(minutes.table.name, pending.fleet_minute_keys(), select)

    def _replace_forecasts(self, table: pa.Table) -> None:
        """Of forecasts in the order in which they came, the last of each satellite is shown."""
        newest = tables.FORECAST_LATEST.name
        last = table.append_column("number", pa.array(np.arange(table.num_rows)))
        self._connection.register(_IN, last)
        self._connection.execute(f"DELETE FROM {newest} WHERE sat_id IN (SELECT sat_id FROM {_IN})")
        self._connection.execute(
            f"INSERT INTO {newest} BY NAME SELECT DISTINCT ON (sat_id) * EXCLUDE (number) "
            f"FROM {_IN} ORDER BY number DESC"
        )
        self._connection.unregister(_IN)

    def _stored(self) -> dict[Place, Stored]:
        rows = self._connection.execute(
            'SELECT topic, "partition", next_offset, window_offset, source_partition, '
            f"source_offset, source_part FROM {tables.INGEST_OFFSET.name}"
        ).fetchall()
        return {
            (topic, partition): Stored(
                Mark(next_offset, None if source[0] is None else Source(*source)), window_offset
            )
            for topic, partition, next_offset, window_offset, *source in rows
        }

    def _store_offsets(self) -> None:
        marks = list(self.intake.marks.items())
        sources = [mark.source for _, mark in marks]
        self._replace(
            tables.INGEST_OFFSET.name,
            pa.table(
                {
                    "topic": pa.array([topic for (topic, _), _ in marks], pa.string()),
                    "partition": pa.array([p for (_, p), _ in marks], pa.int32()),
                    "next_offset": pa.array([m.next_offset for _, m in marks], pa.int64()),
                    "window_offset": pa.array(
                        [self.intake.window_offset(at) for at, _ in marks], pa.int64()
                    ),
                    "source_partition": pa.array([s and s.partition for s in sources], pa.int32()),
                    "source_offset": pa.array([s and s.offset for s in sources], pa.int64()),
                    "source_part": pa.array([s and s.part for s in sources], pa.int32()),
                }
            ),
        )

    def _replace(self, name: str, table: pa.Table) -> None:
        self._connection.execute(f"DELETE FROM {quoting.name(name)}")
        self._connection.register(_IN, table)
        self._connection.execute(f"INSERT INTO {quoting.name(name)} BY NAME FROM {_IN}")
        self._connection.unregister(_IN)

    def _measure(self, pending: Pending) -> None:
        """Latency of each frame, from its due time to now; those that waited for us apart."""
        due_us = np.array([frame.t_due_us for frame, _, _ in pending.frames], dtype=np.int64)
        ours = due_us >= self._started_us
        self.latency.backlog += int((~ours).sum())
        taken_s = (self._wall_s() * 1e6 - due_us[ours]) * 1e-6
        self.latency.add(taken_s)
        self.recent.add(taken_s)

    # --- the newest state ------------------------------------------------------------------

    def publish(self) -> None:
        """Show readers the newest state, if it is newer than what they see."""
        if self._published == self.latest.version:
            return
        table = self.latest.table()
        if table.schema.equals(self.view.newest.schema):
            self.view.publish(table)
        else:
            self.view.reshape(table)
            self._make_view()
        self._published = self.latest.version

    def save_snapshot(self, wait: bool = False) -> None:
        """Save the newest state as of the last commit, in a thread of its own.

        Call it right after `commit`: marks and state must be what is stored. While records from
        before the start are still read again, the old snapshot is the better one and stays.
        """
        if self._snapshot is not None:
            if self._snapshot.is_alive() and not wait:
                return
            self._snapshot.join()
        if self.intake.is_replaying() or self.intake.pending.records or not self.latest.states:
            return
        self.publish()
        table = snapshot.build(
            self.view.newest, self.latest, self.intake.marks, self.database.database_id
        )
        path = snapshot.path_in(self.data_dir)
        self._snapshot = threading.Thread(target=_save, args=(path, table), name="snapshot")
        self._snapshot.start()
        if wait:
            self._snapshot.join()

    def note(self, minute: pa.Table) -> None:
        """Store rows of `pipeline_1m`. They follow from no record, so no offset goes with them."""
        with self._transaction():
            self._insert(tables.PIPELINE_1M.name, minute)

    def drop_oldest(self, ring: str) -> bool:
        """Drop the oldest segment of a ring for want of space; whether there was one to drop."""
        with self._transaction():
            return self.rings[ring].drop_oldest(self._wall_s())

    def close(self) -> None:
        """Commit, save the newest state, write the write-ahead log into the file, let go."""
        self.commit()
        self.save_snapshot(wait=True)
        self._connection.execute("CHECKPOINT")
        self.release()

    def release(self) -> None:
        """Let go of the database as it is: what is not committed is as if it had not come.

        DuckDB keeps a database open for as long as one cursor on it is.
        """
        if self._snapshot is not None:
            self._snapshot.join()
        with contextlib.suppress(duckdb.Error):
            self._connection.close()

    def _last_view(self) -> LatestView:
        """`latest` as it was saved last, until something newer is known."""
        saved = snapshot.read(snapshot.path_in(self.data_dir))
        view = LatestView(schema(list(tables.LATEST.fields)))
        if saved is not None:
            view.reshape(saved)
        self.view = view
        self._make_view()
        return view

    def _make_view(self) -> None:
        """The view names its columns, so that a frame with more of them fits it as well."""
        self.view.attach(self._connection)
        names = self.view.newest.schema.names
        known = {
            f.name: f for f in [*tables.LATEST.fields, *self.registry.measured.fields.values()]
        }
        fields = tuple(known.get(n) or Field(n, "", n) for n in names)
        table = Table(tables.LATEST.name, tables.LATEST.text, fields)
        with self._transaction():
            self._connection.execute(ddl.latest_view(names, FRAME))
            for statement in ddl.comments(table, "VIEW"):
                self._connection.execute(statement)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            with contextlib.suppress(duckdb.Error):  # a fatal error has ended it already
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _save(path: Path, table: pa.Table) -> None:
    try:
        snapshot.save(path, table)
    except OSError as error:
        log.warning("the newest state could not be saved", path=str(path), why=str(error))
