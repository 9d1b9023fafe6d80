"""SQLAlchemy 2 and pandas, by psycopg 3: what their inspector and readers see of history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from storage import tables
from tests.clients.conftest import Served


@pytest.fixture(scope="module")
def engine(history_door: Served) -> Iterator[sa.Engine]:
    made = sa.create_engine(history_door.uri.replace("postgresql:", "postgresql+psycopg:"))
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def inspector(engine: sa.Engine) -> sa.Inspector:
    return sa.inspect(engine)


def test_tables_are_those_of_the_layout(inspector: sa.Inspector) -> None:
    plain = {t.name for t in tables.PLAIN} | {t.name for t in tables.RINGS} | {"latest"}
    assert plain <= set(inspector.get_table_names()) | set(inspector.get_view_names())
    assert {"satellite", "latest", "event", "sat_1m"} <= set(inspector.get_table_names())
    assert not set(inspector.get_table_names()) & set(inspector.get_view_names())
    assert inspector.has_table("latest") and not inspector.has_table("nowhere")
    assert inspector.has_table("event", schema="public")
    assert "public" in inspector.get_schema_names()
    assert inspector.default_schema_name == "public"


def test_columns_carry_types_and_units(inspector: sa.Inspector) -> None:
    for table in (tables.SATELLITE, tables.EVENT, tables.PARAMETER):
        told = inspector.get_columns(table.name)
        assert [(c["name"], c["comment"]) for c in told] == [
            (f.name, f.comment) for f in table.fields
        ]
        assert inspector.get_table_comment(table.name) == {"text": table.text}
    kinds = {c["name"]: c["type"] for c in inspector.get_columns("event")}
    assert isinstance(kinds["sat_id"], sa.BigInteger)
    assert isinstance(kinds["ts"], pg.TIMESTAMP) and kinds["ts"].timezone
    kinds = {c["name"]: c["type"] for c in inspector.get_columns("parameter")}
    assert isinstance(kinds["limits"], pg.JSON)
    assert isinstance(kinds["low"], (sa.Double, sa.Float))
    units = {c["name"]: c["comment"] for c in inspector.get_columns("latest")}
    assert units["power_margin_w"].endswith("[W]")


def test_keys_and_indexes(inspector: sa.Inspector) -> None:
    assert inspector.get_pk_constraint("event")["constrained_columns"] == []
    assert inspector.get_foreign_keys("event") == []
    assert inspector.get_indexes("event") == []
    assert inspector.get_unique_constraints("event") == []
    assert inspector.get_check_constraints("event") == []
    with pytest.raises(sa.exc.NoSuchTableError):
        inspector.get_columns("nowhere")


def test_a_reflected_table_is_selected(engine: sa.Engine) -> None:
    satellite = sa.Table("satellite", sa.MetaData(), autoload_with=engine)
    assert satellite.c.plane.comment == "orbital plane within the shell"
    wanted = sa.select(satellite.c.sat_id, satellite.c.name).where(
        satellite.c.shell == "low", satellite.c.sat_id.in_([1001, 1003, 43589])
    )
    with engine.connect() as connection:
        rows = connection.execute(wanted.order_by(satellite.c.sat_id)).all()
        assert rows == [(1001, "ODC-1"), (1003, "ODC-3")]
        whole = sa.MetaData()
        whole.reflect(connection, views=True, only=["satellite", "latest", "event"])
        assert len(whole.tables["event"].columns) == len(tables.EVENT.fields)


def test_stream_results_come_in_parts(engine: sa.Engine) -> None:
    with engine.connect().execution_options(stream_results=True, max_row_buffer=100) as connection:
        result = connection.execute(sa.text("SELECT i FROM range(10000) t(i) WHERE i >= :low"),
                                    {"low": 5})  # fmt: skip
        assert sum(len(part) for part in result.partitions(500)) == 9_995


def test_pandas_reads_queries_and_tables(engine: sa.Engine) -> None:
    since = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    asked = sa.text(
        "SELECT sat_id, t_event, power_margin_w FROM latest WHERE fleet = :f AND t_event > :t"
    )
    frame = pd.read_sql(asked, engine, params={"f": "cloud", "t": since})
    assert len(frame) == 40 and frame.t_event.dtype.tz is not None
    assert frame.power_margin_w.dtype.kind == "f"
    told = pd.read_sql_table("satellite", engine, columns=["sat_id", "name"], index_col="sat_id")
    assert told.loc[1005, "name"] == "ODC-5" and len(told) == 42
    parts = list(pd.read_sql("SELECT * FROM satellite", engine, chunksize=10))
    assert [len(part) for part in parts] == [10, 10, 10, 10, 2]


def test_writing_is_refused(engine: sa.Engine) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="read-only"):
        pd.DataFrame({"a": [1]}).to_sql("mine", engine)
