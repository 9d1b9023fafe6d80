"""The tables of PostgreSQL's `pg_catalog` that have rows here, as views over DuckDB's metadata.

All the others of `catalogue_layout` are empty, and so is each column that a view does not fill.
A name that ends in `_` is a view of our own that others are made of. What stands in braces is
filled in by `storage.pgwire.catalogue`. Source of the columns: PostgreSQL 15, chapter 53.
"""

from __future__ import annotations

# name -> the view's SELECT. {type_oid} and the like are filled in by `install_catalogue`.
VIEWS = {
    "namespaces_": """
      SELECT CASE schema_name WHEN 'main' THEN 2200 ELSE oid END::UINTEGER AS oid,
             CASE schema_name WHEN 'main' THEN 'public' ELSE schema_name END AS nspname
      FROM duckdb_schemas() WHERE database_name = current_database()
        AND schema_name NOT IN ('pg_catalog', 'information_schema', '{segments}')
      UNION ALL VALUES (11::UINTEGER, 'pg_catalog'), (13183, 'information_schema')""",
    "relations_": """
      SELECT table_oid::UINTEGER AS oid, table_name AS relname,
             CASE schema_name WHEN 'main' THEN 'public' ELSE schema_name END AS schema,
             'r' AS relkind, estimated_size AS tuples, column_count AS columns,
             comment, table_oid AS object, has_primary_key OR index_count > 0 AS indexed,
             NULL AS definition
      FROM duckdb_tables() WHERE database_name = current_database() AND NOT internal
        AND schema_name <> '{segments}'
      UNION ALL
      SELECT view_oid::UINTEGER, view_name,
             CASE schema_name WHEN 'main' THEN 'public' ELSE schema_name END,
             -- `latest` and what reads segments are tables to a reader: data, not derived
             CASE WHEN contains(sql, '{frame}') OR contains(sql, '{segments}.') THEN 'r'
                  ELSE 'v' END,
             0, column_count, comment, view_oid, false, sql
      FROM duckdb_views() WHERE database_name = current_database() AND NOT internal
        AND schema_name <> '{segments}'
      UNION ALL
      SELECT coalesce({known_oids}[view_name], view_oid)::UINTEGER, view_name,
             CASE schema_name WHEN 'pg' THEN 'pg_catalog' ELSE 'information_schema' END,
             'v', 0, column_count, comment, view_oid, false, NULL
      FROM (SELECT view_oid, view_name, schema_name, column_count, comment
            FROM duckdb_views() WHERE database_name = 'pg_door' AND NOT internal
            UNION ALL
            SELECT table_oid, table_name, schema_name, column_count, comment
            FROM duckdb_tables() WHERE database_name = 'pg_door' AND NOT internal)
      WHERE schema_name IN ('pg', 'info') AND NOT suffix(view_name, '_')""",
    "keys_": """
      SELECT ({index_oids} + table_oid * 64 + constraint_index)::UINTEGER AS oid,
             table_oid::UINTEGER AS relid,
             CASE schema_name WHEN 'main' THEN 'public' ELSE schema_name END AS schema,
             table_name, constraint_name AS name, constraint_type = 'PRIMARY KEY' AS is_primary,
             list_transform(constraint_column_indexes, lambda i: (i + 1)::INT2) AS attnums,
             constraint_column_names AS names
      FROM duckdb_constraints()
      WHERE database_name = current_database() AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')""",
    "pg_namespace": """
      SELECT oid, nspname, 10::UINTEGER AS nspowner, NULL::VARCHAR[] AS nspacl FROM {pg}.namespaces_
      """,
    "pg_class": """
      SELECT r.oid, r.relname, n.oid AS relnamespace, r.oid AS reltype,
             0::UINTEGER AS reloftype,
             10::UINTEGER AS relowner, CASE relkind WHEN 'r' THEN 2 ELSE 0 END::UINTEGER AS relam,
             r.oid AS relfilenode, 0::UINTEGER AS reltablespace, 0 AS relpages,
             r.tuples::FLOAT AS reltuples, 0 AS relallvisible, 0::UINTEGER AS reltoastrelid,
             r.indexed AS relhasindex, false AS relisshared, 'p' AS relpersistence, r.relkind,
             r.columns::INT2 AS relnatts, 0::INT2 AS relchecks, false AS relhasrules,
             false AS relhastriggers, false AS relhassubclass, false AS relrowsecurity,
             false AS relforcerowsecurity, true AS relispopulated, 'd' AS relreplident,
             false AS relispartition, 0::UINTEGER AS relrewrite, 0::UINTEGER AS relfrozenxid,
             0::UINTEGER AS relminmxid, NULL::VARCHAR[] AS relacl, NULL::VARCHAR[] AS reloptions,
             NULL::VARCHAR AS relpartbound
      FROM {pg}.relations_ r JOIN {pg}.namespaces_ n ON n.nspname = r.schema
      UNION ALL
      SELECT k.oid, k.name, n.oid, 0, 0, 10::UINTEGER, 403, k.oid, 0::UINTEGER, 0, 0, 0,
             0::UINTEGER, false, false, 'p', 'i',
             len(k.names), 0, false, false, false, false, false, true, 'n', false, 0, 0, 0, NULL,
             NULL, NULL
      FROM {pg}.keys_ k JOIN {pg}.namespaces_ n ON n.nspname = k.schema""",
    "pg_attribute": """
      SELECT r.oid AS attrelid, c.column_name AS attname, {pg}.type_oid_(c.data_type) AS atttypid,
             -1 AS attstattarget, -1::INT2 AS attlen, c.column_index::INT2 AS attnum,
             (len(c.data_type) - len(rtrim(c.data_type, '[]')))::INT4 // 2 AS attndims,
             -1 AS attcacheoff, {pg}.typmod_(c.data_type) AS atttypmod, false AS attbyval,
             'i' AS attalign, 'p' AS attstorage, '' AS attcompression,
             NOT c.is_nullable AS attnotnull, c.column_default IS NOT NULL AS atthasdef,
             false AS atthasmissing, '' AS attidentity, '' AS attgenerated,
             false AS attisdropped, true AS attislocal, 0 AS attinhcount,
             0::UINTEGER AS attcollation, NULL::VARCHAR[] AS attacl, NULL::VARCHAR[] AS attoptions,
             NULL::VARCHAR[] AS attfdwoptions, NULL::VARCHAR AS attmissingval
      FROM duckdb_columns() c JOIN {pg}.relations_ r ON r.object = c.table_oid
      WHERE c.database_name IN (current_database(), 'pg_door')
      UNION ALL
      SELECT k.oid, c.column_name, {pg}.type_oid_(c.data_type), -1, -1,
             list_position(k.names, c.column_name), 0, -1, -1, false, 'i', 'p', '', false, false,
             false, '', '', false, true, 0, 0, NULL, NULL, NULL, NULL
      FROM {pg}.keys_ k JOIN duckdb_columns() c ON c.table_oid = k.relid
       AND list_contains(k.names, c.column_name)""",
    "pg_attrdef": """
      SELECT (table_oid * 1024 + column_index)::UINTEGER AS oid, table_oid::UINTEGER AS adrelid,
             column_index::INT2 AS adnum, column_default AS adbin
      FROM duckdb_columns() WHERE database_name = current_database()
        AND column_default IS NOT NULL AND NOT internal""",
    "pg_description": """
      SELECT oid AS objoid, 1259::UINTEGER AS classoid, 0 AS objsubid, comment AS description
      FROM {pg}.relations_ WHERE comment IS NOT NULL
      UNION ALL
      SELECT table_oid::UINTEGER, 1259::UINTEGER, column_index, comment FROM duckdb_columns()
      WHERE database_name = current_database() AND comment IS NOT NULL""",
    "pg_index": """
      SELECT oid AS indexrelid, relid AS indrelid, len(names)::INT2 AS indnatts,
             len(names)::INT2 AS indnkeyatts, true AS indisunique, false AS indnullsnotdistinct,
             is_primary AS indisprimary, false AS indisexclusion, true AS indimmediate,
             false AS indisclustered, true AS indisvalid, false AS indcheckxmin,
             true AS indisready, true AS indislive, false AS indisreplident, attnums AS indkey,
             [0::UINTEGER] AS indcollation, [0::UINTEGER] AS indclass,
             list_transform(attnums, lambda i: 0::INT2) AS indoption, NULL::VARCHAR AS indexprs,
             NULL::VARCHAR AS indpred
      FROM {pg}.keys_""",
    "pg_constraint": """
      SELECT (k.oid + 32)::UINTEGER AS oid, k.name AS conname, n.oid AS connamespace,
             CASE WHEN k.is_primary THEN 'p' ELSE 'u' END AS contype, false AS condeferrable,
             false AS condeferred, true AS convalidated, k.relid AS conrelid,
             0::UINTEGER AS contypid, k.oid AS conindid, 0::UINTEGER AS conparentid,
             0::UINTEGER AS confrelid, '' AS confupdtype, '' AS confdeltype, '' AS confmatchtype,
             true AS conislocal, 0 AS coninhcount, true AS connoinherit, k.attnums AS conkey,
             NULL::INT2[] AS confkey, NULL::UINTEGER[] AS conpfeqop, NULL::UINTEGER[] AS conppeqop,
             NULL::UINTEGER[] AS conffeqop, NULL::INT2[] AS confdelsetcols,
             NULL::UINTEGER[] AS conexclop, NULL::VARCHAR AS conbin
      FROM {pg}.keys_ k JOIN {pg}.namespaces_ n ON n.nspname = k.schema""",
    "pg_indexes": """
      SELECT schema AS schemaname, table_name AS tablename, name AS indexname,
             NULL::VARCHAR AS tablespace,
             'CREATE UNIQUE INDEX ' || name || ' ON ' || schema || '.' || table_name
               || ' USING btree (' || array_to_string(names, ', ') || ')' AS indexdef
      FROM {pg}.keys_""",
    "pg_type": """
      SELECT oid, typname, 11::UINTEGER AS typnamespace, 10::UINTEGER AS typowner, typlen,
             typlen > 0 AS typbyval,
             CASE typcategory WHEN 'P' THEN 'p' ELSE 'b' END AS typtype,
             typcategory, false AS typispreferred,
             true AS typisdefined, ',' AS typdelim, 0::UINTEGER AS typrelid,
             0::UINTEGER AS typsubscript, typelem, typarray, proc AS typinput,
             (proc + 1)::UINTEGER AS typoutput, (proc + 2)::UINTEGER AS typreceive,
             (proc + 3)::UINTEGER AS typsend, 0::UINTEGER AS typmodin, 0::UINTEGER AS typmodout,
             0::UINTEGER AS typanalyze, 'i' AS typalign, 'p' AS typstorage, false AS typnotnull,
             0::UINTEGER AS typbasetype, -1 AS typtypmod, 0 AS typndims,
             0::UINTEGER AS typcollation, NULL::VARCHAR AS typdefaultbin,
             NULL::VARCHAR AS typdefault, NULL::VARCHAR[] AS typacl
      FROM {pg}.types_""",
    # The functions that read and write each type: drivers know arrays by their array_recv.
    "pg_proc": """
      SELECT DISTINCT (proc + k)::UINTEGER AS oid, stem || ['in', 'out', 'recv', 'send'][k + 1]
               AS proname, 11::UINTEGER AS pronamespace, 10::UINTEGER AS proowner,
             12::UINTEGER AS prolang, 1::FLOAT AS procost, 0::FLOAT AS prorows,
             0::UINTEGER AS provariadic, 0::UINTEGER AS prosupport, 'f' AS prokind,
             false AS prosecdef, false AS proleakproof, true AS proisstrict, false AS proretset,
             'i' AS provolatile, 's' AS proparallel, 1::INT2 AS pronargs,
             0::INT2 AS pronargdefaults, 2278::UINTEGER AS prorettype,
             [2281::UINTEGER] AS proargtypes, NULL::UINTEGER[] AS proallargtypes,
             NULL::VARCHAR[] AS proargmodes, NULL::VARCHAR[] AS proargnames,
             NULL::VARCHAR AS proargdefaults, NULL::UINTEGER[] AS protrftypes,
             '' AS prosrc, NULL::VARCHAR AS probin, NULL::VARCHAR AS prosqlbody,
             NULL::VARCHAR[] AS proconfig, NULL::VARCHAR[] AS proacl
      FROM {pg}.types_, range(4) n(k)""",
    "pg_database": """
      SELECT 5::UINTEGER AS oid, {database} AS datname, 10::UINTEGER AS datdba, 6 AS encoding,
             'c' AS datlocprovider, false AS datistemplate, true AS datallowconn,
             -1 AS datconnlimit, 0::UINTEGER AS datfrozenxid, 0::UINTEGER AS datminmxid,
             1663::UINTEGER AS dattablespace, 'C.UTF-8' AS datcollate, 'C.UTF-8' AS datctype,
             NULL::VARCHAR AS daticulocale, NULL::VARCHAR AS datcollversion,
             NULL::VARCHAR[] AS datacl""",
    "pg_roles": """
      SELECT {user} AS rolname, false AS rolsuper, true AS rolinherit, false AS rolcreaterole,
             false AS rolcreatedb, true AS rolcanlogin, false AS rolreplication,
             -1 AS rolconnlimit, '********' AS rolpassword, NULL::TIMESTAMPTZ AS rolvaliduntil,
             false AS rolbypassrls, NULL::VARCHAR[] AS rolconfig, 10::UINTEGER AS oid""",
    "pg_user": """
      SELECT rolname AS usename, oid AS usesysid, false AS usecreatedb, false AS usesuper,
             false AS userepl, false AS usebypassrls, '********' AS passwd,
             NULL::TIMESTAMPTZ AS valuntil, NULL::VARCHAR[] AS useconfig FROM {pg}.pg_roles""",
    "pg_authid": "SELECT * FROM {pg}.pg_roles",
    "pg_shadow": "SELECT * FROM {pg}.pg_user",
    "pg_am": """SELECT * FROM (VALUES (2::UINTEGER, 'heap', 't', 3::UINTEGER),
      (403, 'btree', 'i', 330)) t(oid, amname, amtype, amhandler)""",
    "pg_language": """SELECT * FROM (VALUES (12::UINTEGER, 'internal', 10::UINTEGER, false, false),
      (14, 'sql', 10, false, true)) t(oid, lanname, lanowner, lanispl, lanpltrusted),
      (SELECT 0::UINTEGER AS lanplcallfoid, 0::UINTEGER AS laninline, 0::UINTEGER AS lanvalidator,
              NULL::VARCHAR[] AS lanacl)""",
    "pg_tablespace": """
      SELECT 1663::UINTEGER AS oid, 'pg_default' AS spcname, 10::UINTEGER AS spcowner,
      NULL::VARCHAR[] AS spcacl, NULL::VARCHAR[] AS spcoptions""",
    "pg_collation": """SELECT 100::UINTEGER AS oid, 'default' AS collname,
      11::UINTEGER AS collnamespace,
      10::UINTEGER AS collowner, 'd' AS collprovider, true AS collisdeterministic,
      -1 AS collencoding, NULL::VARCHAR AS collcollate, NULL::VARCHAR AS collctype,
      NULL::VARCHAR AS colliculocale, NULL::VARCHAR AS collversion""",
    "pg_tables": """
      SELECT schema AS schemaname, relname AS tablename, {user} AS tableowner,
             NULL::VARCHAR AS tablespace, indexed AS hasindexes, false AS hasrules,
             false AS hastriggers, false AS rowsecurity
      FROM {pg}.relations_ WHERE relkind = 'r'""",
    "pg_views": """
      SELECT schema AS schemaname, relname AS viewname, {user} AS viewowner, definition
      FROM {pg}.relations_ WHERE relkind = 'v'""",
    "pg_stat_user_tables": """
      SELECT oid AS relid, schema AS schemaname, relname, tuples AS n_live_tup
      FROM {pg}.relations_ WHERE relkind = 'r'""",
    "pg_timezone_names": "SELECT * FROM pg_timezone_names()",
}

# Those that are the same for ever: rows are made once, when the catalogue is installed.
CONSTANT = frozenset(
    {
        "pg_type", "pg_proc", "pg_database", "pg_roles", "pg_user", "pg_authid", "pg_shadow",
        "pg_am", "pg_language", "pg_tablespace", "pg_collation",
    }
)  # fmt: skip
