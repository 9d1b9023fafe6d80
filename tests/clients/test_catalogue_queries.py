"""What tools that cannot run here ask the catalogue, in their manner, and what PostgreSQL answers.

Npgsql (Power BI), DBeaver, Metabase, Superset, Grafana, pgcli and postgres.js: each family of
their queries is asked by psycopg of the product's own tables, and compared with the layout.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from storage import tables
from tests.clients.conftest import Served


@pytest.fixture(scope="module")
def client(history_door: Served) -> Iterator[psycopg.Connection]:
    with psycopg.connect(history_door.uri, autocommit=True) as connection:
        yield connection


def asked(client: psycopg.Connection, sql: str, *values: object) -> list[tuple]:
    return client.execute(sql, values or None).fetchall()  # type: ignore[call-overload]


def test_npgsql_loads_types_by_their_receive_functions(client: psycopg.Connection) -> None:
    found = asked(
        client,
        """SELECT ns.nspname, t.oid, t.typname, t.kind, e.typname
           FROM (SELECT typ.oid, typ.typnamespace, typ.typname,
                        CASE WHEN proc.proname = 'array_recv' THEN 'a' ELSE typ.typtype END AS kind,
                        CASE WHEN proc.proname = 'array_recv' THEN typ.typelem
                             WHEN typ.typtype = 'r' THEN rngsubtype
                             WHEN typ.typtype = 'd' THEN typ.typbasetype END AS elemoid
                 FROM pg_type AS typ
                 LEFT JOIN pg_class AS cls ON cls.oid = typ.typrelid
                 LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive
                 LEFT JOIN pg_range ON pg_range.rngtypid = typ.oid) AS t
           LEFT JOIN pg_type AS e ON e.oid = t.elemoid
           JOIN pg_namespace AS ns ON ns.oid = t.typnamespace ORDER BY t.oid""",
    )
    told = {oid: (schema, name, kind, element) for schema, oid, name, kind, element in found}
    assert told[20] == ("pg_catalog", "int8", "b", None)
    assert told[1016] == ("pg_catalog", "_int8", "a", "int8")
    assert told[1185] == ("pg_catalog", "_timestamptz", "a", "timestamptz")
    assert asked(client, "SELECT typreceive FROM pg_type WHERE typname = 'uuid'") == [
        ("uuid_recv",)
    ]
    assert asked(
        client, "SELECT typname FROM pg_type WHERE typinput = 'pg_catalog.array_in'::regproc"
        " AND typelem = 'int4'::regtype",
    ) == [("_int4",)]  # fmt: skip


def test_npgsql_and_postgres_js_know_enums_and_composites_by_none(
    client: psycopg.Connection,
) -> None:
    assert asked(client, "SELECT pg_type.oid, enumlabel FROM pg_enum JOIN pg_type"
                 " ON pg_type.oid = enumtypid ORDER BY oid, enumsortorder") == []  # fmt: skip
    assert asked(
        client,
        "SELECT b.oid, b.typarray FROM pg_catalog.pg_type a LEFT JOIN pg_catalog.pg_type b"
        " ON b.oid = a.typelem WHERE a.typcategory = 'A' AND b.oid = 20 GROUP BY b.oid, b.typarray",
    ) == [(20, 1016)]


def test_dbeaver_reads_schemas_tables_and_columns(client: psycopg.Connection) -> None:
    databases = asked(
        client,
        "SELECT db.datname, db.oid, pg_encoding_to_char(db.encoding), pg_get_userbyid(db.datdba)"
        " FROM pg_catalog.pg_database db WHERE NOT datistemplate AND datallowconn",
    )
    assert databases == [("twin", 5, "UTF8", "orbitwin")]
    schemas = asked(
        client,
        "SELECT n.oid, n.*, d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN"
        " pg_catalog.pg_description d ON d.objoid = n.oid AND d.objsubid = 0"
        " AND d.classoid = 'pg_namespace'::regclass ORDER BY nspname",
    )
    public = next(row[0] for row in schemas if row[2] == "public")
    classes = asked(
        client,
        "SELECT c.oid, c.relname, c.relkind, d.description, pg_catalog.pg_get_expr(c.relpartbound,"
        " c.oid), pg_catalog.pg_get_partkeydef(c.oid) FROM pg_catalog.pg_class c"
        " LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0"
        " AND d.classoid = 'pg_class'::regclass"
        " WHERE c.relnamespace = %s AND c.relkind NOT IN ('i', 'I', 'c')",
        public,
    )
    event = next(row for row in classes if row[1] == "event")
    assert event[2:] == ("r", tables.EVENT.text, None, None)
    columns = asked(
        client,
        "SELECT c.relname, a.*, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) AS def_value,"
        " dsc.description, dep.objid FROM pg_catalog.pg_attribute a INNER JOIN pg_catalog.pg_class"
        " c ON (a.attrelid = c.oid) LEFT OUTER JOIN pg_catalog.pg_attrdef ad"
        " ON (a.attrelid = ad.adrelid AND a.attnum = ad.adnum) LEFT OUTER JOIN"
        " pg_catalog.pg_description dsc ON (c.oid = dsc.objoid AND a.attnum = dsc.objsubid)"
        " LEFT OUTER JOIN pg_depend dep ON (dep.refobjid = a.attrelid AND dep.deptype = 'i'"
        " AND dep.refobjsubid = a.attnum AND dep.classid = dep.refclassid)"
        " WHERE NOT a.attisdropped AND c.oid = %s ORDER BY a.attnum",
        event[0],
    )
    assert [(row[2], row[-2]) for row in columns] == [
        (field.name, field.comment) for field in tables.EVENT.fields
    ]
    constraints = asked(
        client,
        "SELECT c.oid, c.*, t.relname FROM pg_catalog.pg_constraint c INNER JOIN"
        " pg_catalog.pg_class t ON t.oid = c.conrelid WHERE c.conrelid = %s",
        event[0],
    )
    assert constraints == []
    assert asked(client, "SELECT state FROM pg_catalog.pg_stat_activity") == []
    ((size,),) = asked(client, "SELECT pg_database_size(5) >= 0")
    assert size is True


def test_metabase_and_superset_read_columns(client: psycopg.Connection) -> None:
    rows = asked(
        client,
        """SELECT c.column_name, c.udt_name, c.ordinal_position - 1,
                  col_description(CAST(CAST(format('%%I.%%I', CAST(c.table_schema AS TEXT),
                    CAST(c.table_name AS TEXT)) AS REGCLASS) AS OID), c.ordinal_position)
           FROM information_schema.columns AS c
           WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND table_name = %s
           ORDER BY 3""",
        "satellite",
    )
    assert [(name, text) for name, _, _, text in rows] == [
        (field.name, field.comment) for field in tables.SATELLITE.fields
    ]
    assert rows[0][1:3] == ("int8", 0)


def test_grafana_lists_tables_and_columns(client: psycopg.Connection) -> None:
    assert asked(client, "SELECT current_setting('server_version_num')::int/100 AS version") == [
        (1500,)
    ]
    assert asked(client, "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'") == []
    found = asked(
        client,
        """SELECT CASE WHEN quote_ident(table_schema) IN (
                    SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
                    FROM generate_series(array_lower(string_to_array(
                           current_setting('search_path'), ','), 1),
                         array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS i,
                         string_to_array(current_setting('search_path'), ',') s)
                  THEN quote_ident(table_name)
                  ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table"
           FROM information_schema.tables WHERE quote_ident(table_schema) NOT IN (
             'information_schema', 'pg_catalog', '_timescaledb_cache', '_timescaledb_catalog')
           ORDER BY 1""",
    )
    assert {("latest",), ("satellite",), ("event",)} <= set(found)
    assert not [name for (name,) in found if "." in name]
    (kind,) = asked(client, "SELECT data_type FROM information_schema.columns WHERE table_name ="
                    " 'event' AND column_name = 'ts'")  # fmt: skip
    assert kind == ("timestamp with time zone",)


def test_pgcli_asks_at_connect(client: psycopg.Connection) -> None:
    assert asked(client, "SHOW TIME ZONE") == [("UTC",)]
    assert asked(client, "SELECT * FROM unnest(current_schemas(true))") == [
        ("pg_catalog",), ("public",),
    ]  # fmt: skip
    rows = asked(
        client,
        "SELECT att.attname, att.atttypid::regtype::text FROM pg_catalog.pg_attribute att INNER"
        " JOIN pg_catalog.pg_class cls ON att.attrelid = cls.oid WHERE cls.relkind = ANY(%s)"
        " AND cls.relname = 'satellite' AND att.attnum > 0 ORDER BY att.attnum",
        ["r", "v"],
    )
    assert rows[:2] == [("sat_id", "bigint"), ("name", "text")]
    assert ("internal",) in asked(client, "SELECT lanname FROM pg_language")
    assert asked(
        client,
        "SELECT p.proname FROM pg_catalog.pg_proc p WHERE p.prorettype::regtype"
        " = 'trigger'::regtype",
    ) == []  # fmt: skip
    assert asked(client, "SELECT 'void'::regtype, 2281::regtype") == [("void", "internal")]


def test_oids_are_oids(client: psycopg.Connection) -> None:
    """Drivers with binary results read an oid as four bytes, and int8 as eight."""
    cursor = client.execute(
        "SELECT c.oid, c.relnamespace, a.atttypid, d.classoid, i.indexrelid,"
        " 'latest'::regclass::oid"
        " FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid"
        " LEFT JOIN pg_description d ON d.objoid = c.oid LEFT JOIN pg_index i ON i.indrelid = c.oid"
        " WHERE c.relname = 'latest' LIMIT 1",
        binary=True,
    )
    assert cursor.description is not None
    assert {column.type_code for column in cursor.description} == {26}
    row = cursor.fetchone()
    assert row is not None and row[0] == row[5]


def test_functions_keep_their_names_in_catalogue_queries(client: psycopg.Connection) -> None:
    cursor = client.execute(
        "SELECT now(), string_agg(relname, ','), count(*), max(relname)::text, json_build_object("
        "'a', 1, 'b', 2, 'c', 3) FROM pg_class"
    )
    assert cursor.description is not None
    assert [column.name for column in cursor.description] == [
        "now", "string_agg", "count", "max", "json_build_object",
    ]  # fmt: skip


def test_datagrip_asks_for_system_columns_and_the_age_of_transactions(
    client: psycopg.Connection,
) -> None:
    namespaces = asked(
        client,
        "select N.oid::bigint as id, N.xmin as state_number, nspname as name, D.description"
        " from pg_catalog.pg_namespace N left join pg_catalog.pg_description D on N.oid = D.objoid"
        " order by case when nspname = pg_catalog.current_schema() then -1::bigint"
        " else N.oid::bigint end",
    )
    assert namespaces[0][1:3] == (1, "public")
    tables_ = asked(
        client,
        "select T.relname, T.xmin as state, (select pg_catalog.array_agg(inhparent::bigint order by"
        " inhseqno)::varchar from pg_catalog.pg_inherits where T.oid = inhrelid) as ancestors"
        " from pg_catalog.pg_class T where relnamespace = 2200::oid and relkind in ('r', 'v')"
        " and pg_catalog.age(T.xmin) <= coalesce(nullif(greatest(pg_catalog.age('9'::varchar::xid),"
        " -1), -1), 2147483647)",
    )
    assert "latest" in {name for name, *_ in tables_}
    ((current,),) = asked(
        client,
        "select case when pg_catalog.pg_is_in_recovery() then null"
        " else (pg_catalog.txid_current() % (2^32)::bigint)::varchar::bigint end",
    )
    assert current == 1
    cursor = client.execute("select xmin, ctid, oid from pg_class limit 1")
    assert [column.name for column in cursor.description or ()] == ["xmin", "ctid", "oid"]


def test_metabase_asks_who_may_do_what(client: psycopg.Connection) -> None:
    """Its names are words of SQL: `as select`, `t.select`."""
    found = asked(
        client,
        """with table_privileges as (
             select NULL as role, t.schemaname as schema, t.objectname as table,
               pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"',
                 '""') || '"' || '.' || '"' || t.objectname || '"', 'update') as update,
               pg_catalog.has_any_column_privilege(current_user, '"' || t.schemaname || '"' || '.'
                 || '"' || t.objectname || '"', 'select') as select
             from (select schemaname, tablename as objectname from pg_catalog.pg_tables
                   union select schemaname, viewname from pg_catalog.pg_views
                   union select schemaname, matviewname from pg_catalog.pg_matviews) t
             where t.schemaname !~ '^pg_' and t.schemaname <> 'information_schema')
           select t.* from table_privileges t where t.select or t.update""",
    )
    assert (None, "public", "event", False, True) in found


def test_prisma_takes_relations_that_have_a_type(client: psycopg.Connection) -> None:
    found = asked(
        client,
        "SELECT relname FROM pg_class JOIN pg_namespace on pg_namespace.oid = pg_class.relnamespace"
        " AND pg_namespace.nspname = ANY ( %s ) WHERE reltype > 0",
        ["public"],
    )
    assert {("latest",), ("event",)} <= set(found)


def test_drizzle_names_types_by_their_aliases(client: psycopg.Connection) -> None:
    ((integers,),) = asked(
        client,
        "SELECT count(*) FROM pg_attribute a WHERE a.attrelid = 'event'::regclass"
        " AND a.atttypid = ANY ('{int,int8,int2}'::regtype[]) AND NOT EXISTS (SELECT FROM"
        " pg_attrdef ad WHERE ad.adrelid = a.attrelid AND ad.adnum = a.attnum)",
    )
    assert integers == sum("INT" in field.type for field in tables.EVENT.fields)


def test_django_reads_the_columns_of_an_index(history_door: Served) -> None:
    """unnest() of two vectors, with ordinality, of the row before it."""
    with psycopg.connect(history_door.uri) as connection:
        rows = connection.execute(
            "SELECT * FROM pg_index i, unnest(i.indkey, i.indoption)"
            " WITH ORDINALITY koi(key, option, arridx)"
        ).fetchall()
    assert all(row[-1] >= 1 for row in rows)


def test_pgjdbc_reads_vectors_as_numbers_between_spaces(client: psycopg.Connection) -> None:
    cursor = client.execute("SELECT pg_catalog.pg_proc.proargtypes, proname FROM pg_proc LIMIT 1")
    assert [column.name for column in cursor.description or ()] == ["proargtypes", "proname"]
    row = cursor.fetchone()
    assert row is not None and row[0] == "2281"


def test_jooq_and_dbt_use_names_of_columns_as_names_of_tables(client: psycopg.Connection) -> None:
    assert asked(client, "SELECT repeat('a', greatest(1, attndims)) FROM pg_attribute LIMIT 1") == [
        ("a",)
    ]
    assert asked(client, "SELECT nameconcatoid('f', 7::oid)") == [("f_7",)]
    assert asked(
        client,
        "SELECT n.nspname AS n FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid"
        " WHERE c.relname = 'event' GROUP BY n",
    ) == [("public",)]  # fmt: skip


def test_pgx_is_told_that_an_oid_is_asked_for(client: psycopg.Connection) -> None:
    """Of `oid = $1` the type is that of the catalogue's column, not of DuckDB's of the name."""
    cursor = client.execute(
        "PREPARE of_oid AS SELECT typtype::text, typbasetype FROM pg_type WHERE oid = $1"
    )
    cursor = client.execute("EXECUTE of_oid(1016)")
    assert cursor.fetchall() == [("b", 0)]


def test_sqlx_reads_the_plan_of_a_prepared_statement(client: psycopg.Connection) -> None:
    client.execute("PREPARE of_event AS SELECT ts, name FROM event WHERE sat_id = $1")
    ((plan,),) = asked(client, "EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE of_event(NULL)")
    assert set(plan[0]) == {"Plan"}
    assert asked(client, "EXPLAIN EXECUTE of_event(1)")
    with pytest.raises(psycopg.errors.InvalidSqlStatementName):
        asked(client, "EXPLAIN EXECUTE nothing(1)")
