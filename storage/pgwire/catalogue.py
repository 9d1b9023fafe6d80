"""PostgreSQL's catalogue over DuckDB's metadata: schemas `pg` and `info` of database `pg_door`.

`pg_door` is an attached in-memory database: nothing of it reaches the twin's file, it is one
for all cursors of the process, and it can be made beside a database that is open read-only.
Its views ask duckdb_tables(), duckdb_columns() and the like whenever they are read, so they are
always true. `storage.pgwire.rewrite` points a client's `pg_catalog.pg_class` here.

DuckDB's schema `main` is shown as `public`, the name that clients ask for.
Source of columns and fixed OIDs: PostgreSQL 15, chapters 37 and 53, and its server.
"""

from __future__ import annotations

import duckdb

from storage.admission import CATALOGUE
from storage.latest_view import FRAME
from storage.pgwire import types
from storage.segments import SCHEMA as SEGMENTS

OWNER_OID = 10
KNOWN_OIDS = {
    "pg_type": 1247, "pg_attribute": 1249, "pg_proc": 1255, "pg_class": 1259,
    "pg_database": 1262, "pg_constraint": 2606, "pg_index": 2610, "pg_description": 2609,
    "pg_namespace": 2615, "pg_am": 2601, "pg_attrdef": 2604, "pg_roles": 12001,
    "pg_settings": 12002, "pg_tablespace": 1213, "pg_extension": 3079, "pg_trigger": 2620,
    "pg_rewrite": 2618, "pg_language": 2612, "pg_collation": 3456, "pg_enum": 3501,
}  # fmt: skip
_INDEX_OIDS = 1 << 30  # an index has no object of DuckDB's behind it: constraints are numbered

# Tables that a reader's door has nothing to say in: "column type" as PostgreSQL has them.
_EMPTY = {
    "pg_aggregate": "aggfnoid oid, aggkind text, aggnumdirectargs int2",
    "pg_auth_members": "roleid oid, member oid, grantor oid, admin_option bool",
    "pg_cast": "oid oid, castsource oid, casttarget oid, castfunc oid, castcontext text, "
    "castmethod text",
    "pg_conversion": "oid oid, conname text, connamespace oid, conowner oid, "
    "conforencoding int4, contoencoding int4, condefault bool",
    "pg_db_role_setting": "setdatabase oid, setrole oid, setconfig text[]",
    "pg_default_acl": "oid oid, defaclrole oid, defaclnamespace oid, defaclobjtype text, "
    "defaclacl text[]",
    "pg_depend": "classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid, "
    "refobjsubid int4, deptype text",
    "pg_enum": "oid oid, enumtypid oid, enumsortorder float4, enumlabel text",
    "pg_event_trigger": "oid oid, evtname text, evtevent text, evtowner oid, evtfoid oid, "
    "evtenabled text, evttags text[]",
    "pg_extension": "oid oid, extname text, extowner oid, extnamespace oid, "
    "extrelocatable bool, extversion text, extconfig oid[], extcondition text[]",
    "pg_foreign_data_wrapper": "oid oid, fdwname text, fdwowner oid, fdwhandler oid, "
    "fdwvalidator oid, fdwacl text[], fdwoptions text[]",
    "pg_foreign_server": "oid oid, srvname text, srvowner oid, srvfdw oid, srvtype text, "
    "srvversion text, srvacl text[], srvoptions text[]",
    "pg_foreign_table": "ftrelid oid, ftserver oid, ftoptions text[]",
    "pg_inherits": "inhrelid oid, inhparent oid, inhseqno int4, inhdetachpending bool",
    "pg_locks": "locktype text, database oid, relation oid, pid int4, mode text, granted bool",
    "pg_matviews": "schemaname text, matviewname text, matviewowner text, tablespace text, "
    "hasindexes bool, ispopulated bool, definition text",
    "pg_opclass": "oid oid, opcmethod oid, opcname text, opcnamespace oid, opcowner oid, "
    "opcfamily oid, opcintype oid, opcdefault bool, opckeytype oid",
    "pg_operator": "oid oid, oprname text, oprnamespace oid, oprowner oid, oprkind text, "
    "oprleft oid, oprright oid, oprresult oid",
    "pg_opfamily": "oid oid, opfmethod oid, opfname text, opfnamespace oid, opfowner oid",
    "pg_partitioned_table": "partrelid oid, partstrat text, partnatts int2, partdefid oid",
    "pg_policies": "schemaname text, tablename text, policyname text, permissive text, "
    "roles text[], cmd text, qual text, with_check text",
    "pg_policy": "oid oid, polname text, polrelid oid, polcmd text, polpermissive bool, "
    "polroles oid[], polqual text, polwithcheck text",
    "pg_prepared_xacts": "transaction int8, gid text, prepared timestamptz, owner text, "
    "database text",
    "pg_proc": "oid oid, proname text, pronamespace oid, proowner oid, prolang oid, "
    "procost float4, prorows float4, provariadic oid, prokind text, prosecdef bool, "
    "proleakproof bool, proisstrict bool, proretset bool, provolatile text, proparallel text, "
    "pronargs int2, pronargdefaults int2, prorettype oid, proargtypes oid[], "
    "proallargtypes oid[], proargmodes text[], proargnames text[], prosrc text, probin text, "
    "proconfig text[], proacl text[]",
    "pg_publication": "oid oid, pubname text, pubowner oid, puballtables bool, "
    "pubinsert bool, pubupdate bool, pubdelete bool, pubtruncate bool, pubviaroot bool",
    "pg_publication_namespace": "oid oid, pnpubid oid, pnnspid oid",
    "pg_publication_rel": "oid oid, prpubid oid, prrelid oid, prqual text, prattrs int2[]",
    "pg_range": "rngtypid oid, rngsubtype oid, rngmultitypid oid, rngcollation oid, "
    "rngsubopc oid",
    "pg_rewrite": "oid oid, rulename text, ev_class oid, ev_type text, ev_enabled text, "
    "is_instead bool",
    "pg_rules": "schemaname text, tablename text, rulename text, definition text",
    "pg_sequence": "seqrelid oid, seqtypid oid, seqstart int8, seqincrement int8, "
    "seqmax int8, seqmin int8, seqcache int8, seqcycle bool",
    "pg_sequences": "schemaname text, sequencename text, sequenceowner text, last_value int8",
    "pg_shdescription": "objoid oid, classoid oid, description text",
    "pg_stat_activity": "datid oid, datname text, pid int4, usename text, "
    "application_name text, client_addr text, state text, query text, backend_start timestamptz",
    "pg_statistic_ext": "oid oid, stxrelid oid, stxname text, stxnamespace oid, stxowner oid, "
    "stxstattarget int4, stxkeys int2[], stxkind text[]",
    "pg_subscription": "oid oid, subdbid oid, subname text, subowner oid, subenabled bool, "
    "subpublications text[]",
    "pg_trigger": "oid oid, tgrelid oid, tgparentid oid, tgname text, tgfoid oid, tgtype int2, "
    "tgenabled text, tgisinternal bool, tgconstrrelid oid, tgconstrindid oid, "
    "tgconstraint oid, tgdeferrable bool, tginitdeferred bool, tgnargs int2",
    "pg_user_mapping": "oid oid, umuser oid, umserver oid, umoptions text[]",
}

# name -> the view's SELECT. {type_oid} and the like are filled in by `install_catalogue`.
_VIEWS = {
    "namespaces_": """
      SELECT CASE schema_name WHEN 'main' THEN 2200 ELSE oid END AS oid,
             CASE schema_name WHEN 'main' THEN 'public' ELSE schema_name END AS nspname
      FROM duckdb_schemas() WHERE database_name = current_database()
        AND schema_name NOT IN ('pg_catalog', 'information_schema', '{segments}')
      UNION ALL VALUES (11, 'pg_catalog'), (13183, 'information_schema')""",
    "relations_": """
      SELECT table_oid AS oid, table_name AS relname,
             CASE schema_name WHEN 'main' THEN 'public' ELSE schema_name END AS schema,
             'r' AS relkind, estimated_size AS tuples, column_count AS columns,
             comment, table_oid AS object, has_primary_key OR index_count > 0 AS indexed,
             NULL AS definition
      FROM duckdb_tables() WHERE database_name = current_database() AND NOT internal
        AND schema_name <> '{segments}'
      UNION ALL
      SELECT view_oid, view_name,
             CASE schema_name WHEN 'main' THEN 'public' ELSE schema_name END,
             -- `latest` and what reads segments are tables to a reader: data, not derived
             CASE WHEN contains(sql, '{frame}') OR contains(sql, '{segments}.') THEN 'r'
                  ELSE 'v' END,
             0, column_count, comment, view_oid, false, sql
      FROM duckdb_views() WHERE database_name = current_database() AND NOT internal
        AND schema_name <> '{segments}'
      UNION ALL
      SELECT coalesce({known_oids}[view_name], view_oid), view_name,
             CASE schema_name WHEN 'pg' THEN 'pg_catalog' ELSE 'information_schema' END,
             'v', 0, column_count, comment, view_oid, false, NULL
      FROM duckdb_views() WHERE database_name = 'pg_door' AND NOT internal
        AND schema_name IN ('pg', 'info') AND NOT suffix(view_name, '_')""",
    "keys_": """
      SELECT {index_oids} + table_oid * 64 + constraint_index AS oid, table_oid AS relid,
             CASE schema_name WHEN 'main' THEN 'public' ELSE schema_name END AS schema,
             table_name, constraint_name AS name, constraint_type = 'PRIMARY KEY' AS is_primary,
             list_transform(constraint_column_indexes, lambda i: (i + 1)::INT2) AS attnums,
             constraint_column_names AS names
      FROM duckdb_constraints()
      WHERE database_name = current_database() AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')""",
    "pg_namespace": """
      SELECT oid, nspname, 10::BIGINT AS nspowner, NULL::VARCHAR[] AS nspacl FROM {pg}.namespaces_
      """,
    "pg_class": """
      SELECT r.oid, r.relname, n.oid AS relnamespace, 0::BIGINT AS reltype, 0::BIGINT AS reloftype,
             10::BIGINT AS relowner, CASE relkind WHEN 'r' THEN 2 ELSE 0 END AS relam,
             r.oid AS relfilenode, 0::BIGINT AS reltablespace, 0 AS relpages,
             r.tuples::FLOAT AS reltuples, 0 AS relallvisible, 0::BIGINT AS reltoastrelid,
             r.indexed AS relhasindex, false AS relisshared, 'p' AS relpersistence, r.relkind,
             r.columns::INT2 AS relnatts, 0::INT2 AS relchecks, false AS relhasrules,
             false AS relhastriggers, false AS relhassubclass, false AS relrowsecurity,
             false AS relforcerowsecurity, true AS relispopulated, 'd' AS relreplident,
             false AS relispartition, 0::BIGINT AS relrewrite, 0::BIGINT AS relfrozenxid,
             0::BIGINT AS relminmxid, NULL::VARCHAR[] AS relacl, NULL::VARCHAR[] AS reloptions,
             NULL::VARCHAR AS relpartbound
      FROM {pg}.relations_ r JOIN {pg}.namespaces_ n ON n.nspname = r.schema
      UNION ALL
      SELECT k.oid, k.name, n.oid, 0, 0, 10, 403, k.oid, 0, 0, 0, 0, 0, false, false, 'p', 'i',
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
             0::BIGINT AS attcollation, NULL::VARCHAR[] AS attacl, NULL::VARCHAR[] AS attoptions,
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
      SELECT table_oid * 1024 + column_index AS oid, table_oid AS adrelid,
             column_index::INT2 AS adnum, column_default AS adbin
      FROM duckdb_columns() WHERE database_name = current_database()
        AND column_default IS NOT NULL AND NOT internal""",
    "pg_description": """
      SELECT oid AS objoid, 1259::BIGINT AS classoid, 0 AS objsubid, comment AS description
      FROM {pg}.relations_ WHERE comment IS NOT NULL
      UNION ALL
      SELECT table_oid, 1259, column_index, comment FROM duckdb_columns()
      WHERE database_name = current_database() AND comment IS NOT NULL""",
    "pg_index": """
      SELECT oid AS indexrelid, relid AS indrelid, len(names)::INT2 AS indnatts,
             len(names)::INT2 AS indnkeyatts, true AS indisunique, false AS indnullsnotdistinct,
             is_primary AS indisprimary, false AS indisexclusion, true AS indimmediate,
             false AS indisclustered, true AS indisvalid, false AS indcheckxmin,
             true AS indisready, true AS indislive, false AS indisreplident, attnums AS indkey,
             [0::BIGINT] AS indcollation, [0::BIGINT] AS indclass,
             list_transform(attnums, lambda i: 0::INT2) AS indoption, NULL::VARCHAR AS indexprs,
             NULL::VARCHAR AS indpred
      FROM {pg}.keys_""",
    "pg_constraint": """
      SELECT k.oid + 32 AS oid, k.name AS conname, n.oid AS connamespace,
             CASE WHEN k.is_primary THEN 'p' ELSE 'u' END AS contype, false AS condeferrable,
             false AS condeferred, true AS convalidated, k.relid AS conrelid,
             0::BIGINT AS contypid, k.oid AS conindid, 0::BIGINT AS conparentid,
             0::BIGINT AS confrelid, '' AS confupdtype, '' AS confdeltype, '' AS confmatchtype,
             true AS conislocal, 0 AS coninhcount, true AS connoinherit, k.attnums AS conkey,
             NULL::INT2[] AS confkey, NULL::BIGINT[] AS conpfeqop, NULL::BIGINT[] AS conppeqop,
             NULL::BIGINT[] AS conffeqop, NULL::INT2[] AS confdelsetcols,
             NULL::BIGINT[] AS conexclop, NULL::VARCHAR AS conbin
      FROM {pg}.keys_ k JOIN {pg}.namespaces_ n ON n.nspname = k.schema""",
    "pg_indexes": """
      SELECT schema AS schemaname, table_name AS tablename, name AS indexname,
             NULL::VARCHAR AS tablespace,
             'CREATE UNIQUE INDEX ' || name || ' ON ' || schema || '.' || table_name
               || ' USING btree (' || array_to_string(names, ', ') || ')' AS indexdef
      FROM {pg}.keys_""",
    "pg_type": """
      SELECT oid, typname, 11::BIGINT AS typnamespace, 10::BIGINT AS typowner, typlen,
             typlen > 0 AS typbyval, 'b' AS typtype, typcategory, false AS typispreferred,
             true AS typisdefined, ',' AS typdelim, 0::BIGINT AS typrelid,
             '-' AS typsubscript, typelem, typarray, typname || 'in' AS typinput,
             typname || 'out' AS typoutput, typname || 'recv' AS typreceive,
             typname || 'send' AS typsend, '-' AS typmodin, '-' AS typmodout,
             '-' AS typanalyze, 'i' AS typalign, 'p' AS typstorage, false AS typnotnull,
             0::BIGINT AS typbasetype, -1 AS typtypmod, 0 AS typndims,
             0::BIGINT AS typcollation, NULL::VARCHAR AS typdefaultbin,
             NULL::VARCHAR AS typdefault, NULL::VARCHAR[] AS typacl, format AS format_
      FROM (VALUES {types}) t(oid, typname, typlen, typcategory, typelem, typarray, format)""",
    "pg_database": """
      SELECT 5::BIGINT AS oid, '{database}' AS datname, 10::BIGINT AS datdba, 6 AS encoding,
             'c' AS datlocprovider, false AS datistemplate, true AS datallowconn,
             -1 AS datconnlimit, 0::BIGINT AS datfrozenxid, 0::BIGINT AS datminmxid,
             1663::BIGINT AS dattablespace, 'C.UTF-8' AS datcollate, 'C.UTF-8' AS datctype,
             NULL::VARCHAR AS daticulocale, NULL::VARCHAR AS datcollversion,
             NULL::VARCHAR[] AS datacl""",
    "pg_roles": """
      SELECT '{user}' AS rolname, false AS rolsuper, true AS rolinherit, false AS rolcreaterole,
             false AS rolcreatedb, true AS rolcanlogin, false AS rolreplication,
             -1 AS rolconnlimit, '********' AS rolpassword, NULL::TIMESTAMPTZ AS rolvaliduntil,
             false AS rolbypassrls, NULL::VARCHAR[] AS rolconfig, 10::BIGINT AS oid""",
    "pg_user": """
      SELECT rolname AS usename, oid AS usesysid, false AS usecreatedb, false AS usesuper,
             false AS userepl, false AS usebypassrls, '********' AS passwd,
             NULL::TIMESTAMPTZ AS valuntil, NULL::VARCHAR[] AS useconfig FROM {pg}.pg_roles""",
    "pg_authid": "SELECT * FROM {pg}.pg_roles",
    "pg_am": """SELECT * FROM (VALUES (2::BIGINT, 'heap', 't'), (403, 'btree', 'i'))
      t(oid, amname, amtype)""",
    "pg_language": """SELECT * FROM (VALUES (12::BIGINT, 'internal', 10::BIGINT, false, false),
      (14, 'sql', 10, false, true)) t(oid, lanname, lanowner, lanispl, lanpltrusted),
      (SELECT 0::BIGINT AS lanplcallfoid, 0::BIGINT AS laninline, 0::BIGINT AS lanvalidator,
              NULL::VARCHAR[] AS lanacl)""",
    "pg_tablespace": """SELECT 1663::BIGINT AS oid, 'pg_default' AS spcname, 10::BIGINT AS spcowner,
      NULL::VARCHAR[] AS spcacl, NULL::VARCHAR[] AS spcoptions""",
    "pg_collation": """SELECT 100::BIGINT AS oid, 'default' AS collname,
      11::BIGINT AS collnamespace,
      10::BIGINT AS collowner, 'd' AS collprovider, true AS collisdeterministic,
      -1 AS collencoding, NULL::VARCHAR AS collcollate, NULL::VARCHAR AS collctype,
      NULL::VARCHAR AS colliculocale, NULL::VARCHAR AS collversion""",
    "pg_tables": """
      SELECT schema AS schemaname, relname AS tablename, '{user}' AS tableowner,
             NULL::VARCHAR AS tablespace, indexed AS hasindexes, false AS hasrules,
             false AS hastriggers, false AS rowsecurity
      FROM {pg}.relations_ WHERE relkind = 'r'""",
    "pg_views": """
      SELECT schema AS schemaname, relname AS viewname, '{user}' AS viewowner, definition
      FROM {pg}.relations_ WHERE relkind = 'v'""",
    "pg_stat_user_tables": """
      SELECT oid AS relid, schema AS schemaname, relname, tuples AS n_live_tup
      FROM {pg}.relations_ WHERE relkind = 'r'""",
    "pg_timezone_names": "SELECT * FROM pg_timezone_names()",
}

_INFO = {
    "schemata": """
      SELECT '{database}' AS catalog_name, nspname AS schema_name, '{user}' AS schema_owner,
             NULL::VARCHAR AS default_character_set_catalog,
             NULL::VARCHAR AS default_character_set_schema,
             NULL::VARCHAR AS default_character_set_name, NULL::VARCHAR AS sql_path
      FROM {pg}.namespaces_""",
    "tables": """
      SELECT '{database}' AS table_catalog, schema AS table_schema, relname AS table_name,
             CASE relkind WHEN 'r' THEN 'BASE TABLE' ELSE 'VIEW' END AS table_type,
             NULL::VARCHAR AS self_referencing_column_name, NULL::VARCHAR AS reference_generation,
             NULL::VARCHAR AS user_defined_type_catalog, NULL::VARCHAR AS user_defined_type_schema,
             NULL::VARCHAR AS user_defined_type_name, 'NO' AS is_insertable_into,
             'NO' AS is_typed, NULL::VARCHAR AS commit_action
      FROM {pg}.relations_""",
    "views": """
      SELECT '{database}' AS table_catalog, schema AS table_schema, relname AS table_name,
             definition AS view_definition, 'NONE' AS check_option, 'NO' AS is_updatable,
             'NO' AS is_insertable_into
      FROM {pg}.relations_ WHERE relkind = 'v'""",
    "columns": """
      SELECT '{database}' AS table_catalog, r.schema AS table_schema, r.relname AS table_name,
             c.column_name, c.column_index AS ordinal_position, c.column_default,
             CASE WHEN c.is_nullable THEN 'YES' ELSE 'NO' END AS is_nullable,
             CASE WHEN suffix(c.data_type, ']') THEN 'ARRAY' ELSE t.format_ END AS data_type,
             NULL::INTEGER AS character_maximum_length, NULL::INTEGER AS character_octet_length,
             CASE WHEN t.typcategory = 'N' THEN c.numeric_precision END AS numeric_precision,
             CASE WHEN t.typcategory = 'N' THEN c.numeric_precision_radix END
               AS numeric_precision_radix,
             CASE WHEN t.typcategory = 'N' THEN c.numeric_scale END AS numeric_scale,
             CASE WHEN t.typcategory = 'D' THEN 6 END AS datetime_precision,
             NULL::VARCHAR AS interval_type, NULL::VARCHAR AS character_set_name,
             NULL::VARCHAR AS collation_name, NULL::VARCHAR AS domain_name,
             '{database}' AS udt_catalog, 'pg_catalog' AS udt_schema, t.typname AS udt_name,
             c.column_index::VARCHAR AS dtd_identifier, 'NO' AS is_self_referencing,
             'NO' AS is_identity, NULL::VARCHAR AS identity_generation,
             'NEVER' AS is_generated, NULL::VARCHAR AS generation_expression,
             'NO' AS is_updatable
      FROM duckdb_columns() c JOIN {pg}.relations_ r ON r.object = c.table_oid
      LEFT JOIN {pg}.pg_type t ON t.oid = {pg}.type_oid_(c.data_type)
      WHERE c.database_name IN (current_database(), 'pg_door')""",
    "table_constraints": """
      SELECT '{database}' AS constraint_catalog, schema AS constraint_schema,
             name AS constraint_name, '{database}' AS table_catalog, schema AS table_schema,
             table_name, CASE WHEN is_primary THEN 'PRIMARY KEY' ELSE 'UNIQUE' END
               AS constraint_type, 'NO' AS is_deferrable, 'NO' AS initially_deferred,
             'YES' AS enforced
      FROM {pg}.keys_""",
    "key_column_usage": """
      SELECT '{database}' AS constraint_catalog, schema AS constraint_schema,
             name AS constraint_name, '{database}' AS table_catalog, schema AS table_schema,
             table_name, unnest(names) AS column_name,
             generate_subscripts(names, 1) AS ordinal_position
      FROM {pg}.keys_""",
}

# Functions by behaviour; DuckDB's own of the same name are used where they agree.
_MACROS = (
    "shown_schema_(s) AS CASE s WHEN 'main' THEN 'public' ELSE s END",
    "base_type_oid_(t) AS CASE {type_cases} ELSE 25 END",
    "base_(t) AS regexp_replace(t, '(\\(.*\\))?(\\[\\d*\\])*$', '')",
    "type_oid_(t) AS CASE WHEN suffix(t, ']') THEN {pg}.array_oid_({pg}.base_type_oid_("
    "{pg}.base_(t))) ELSE {pg}.base_type_oid_({pg}.base_(t)) END",
    "typmod_(t) AS CASE WHEN prefix(t, 'DECIMAL(') THEN "
    "(regexp_extract(t, '\\((\\d+),', 1)::INT * 65536 "
    "+ regexp_extract(t, ',\\s*(\\d+)\\)', 1)::INT) + 4 ELSE -1 END",
    "format_type(t, m) AS (SELECT format_ || CASE WHEN t = 1700 AND m > 3 THEN "
    "'(' || ((m - 4) >> 16) || ',' || ((m - 4) & 65535) || ')' ELSE '' END "
    "FROM {pg}.pg_type WHERE oid = t)",
    "pg_get_userbyid(o) AS CASE o WHEN 10 THEN '{user}' ELSE 'unknown (OID=' || o || ')' END",
    "pg_table_is_visible(o) AS EXISTS (SELECT 1 FROM {pg}.relations_ r WHERE r.oid = o "
    "AND r.schema IN ('public', 'pg_catalog'))",
    "pg_type_is_visible(o) AS true",
    "pg_function_is_visible(o) AS true",
    "pg_relation_is_publishable(o) AS false",
    "pg_get_expr(e, o) AS e::VARCHAR, (e, o, p) AS e::VARCHAR",
    "pg_get_viewdef(o) AS (SELECT regexp_replace(definition, '(?is)^create\\s+view\\s+.*?\\sas\\s+'"
    ", ' ') FROM {pg}.relations_ WHERE oid = o), "
    "(o, p) AS (SELECT regexp_replace(definition, '(?is)^create\\s+view\\s+.*?\\sas\\s+', ' ') "
    "FROM {pg}.relations_ WHERE oid = o)",
    "pg_get_indexdef(o) AS (SELECT i.indexdef FROM {pg}.pg_indexes i JOIN {pg}.keys_ k "
    "ON k.name = i.indexname WHERE k.oid = o), (o, c, p) AS (SELECT CASE WHEN c = 0 THEN "
    "i.indexdef ELSE k.names[c] END FROM {pg}.pg_indexes i JOIN {pg}.keys_ k "
    "ON k.name = i.indexname WHERE k.oid = o)",
    "pg_get_constraintdef(o) AS (SELECT CASE WHEN is_primary THEN 'PRIMARY KEY (' ELSE 'UNIQUE (' "
    "END || array_to_string(names, ', ') || ')' FROM {pg}.keys_ k WHERE k.oid + 32 = o), "
    "(o, p) AS (SELECT CASE WHEN is_primary THEN 'PRIMARY KEY (' ELSE 'UNIQUE (' "
    "END || array_to_string(names, ', ') || ')' FROM {pg}.keys_ k WHERE k.oid + 32 = o)",
    "pg_get_partkeydef(o) AS NULL::VARCHAR",
    "pg_get_ruledef(o) AS NULL::VARCHAR, (o, p) AS NULL::VARCHAR",
    "pg_get_triggerdef(o) AS NULL::VARCHAR, (o, p) AS NULL::VARCHAR",
    "pg_get_function_result(o) AS NULL::VARCHAR",
    "pg_get_function_arguments(o) AS NULL::VARCHAR",
    "pg_get_function_identity_arguments(o) AS NULL::VARCHAR",
    "pg_get_functiondef(o) AS NULL::VARCHAR",
    "pg_get_serial_sequence(t, c) AS NULL::VARCHAR",
    "pg_get_statisticsobjdef_columns(o) AS NULL::VARCHAR",
    "pg_table_size(o) AS 0::BIGINT",
    "pg_relation_size(o) AS 0::BIGINT, (o, f) AS 0::BIGINT",
    "pg_total_relation_size(o) AS 0::BIGINT",
    "pg_indexes_size(o) AS 0::BIGINT",
    "pg_database_size(o) AS 0::BIGINT",
    "pg_size_pretty(n) AS CASE WHEN abs(n) < 10240 THEN n || ' bytes' WHEN abs(n) < 10485760 "
    "THEN (n // 1024) || ' kB' ELSE (n // 1048576) || ' MB' END",
    "pg_encoding_to_char(e) AS CASE e WHEN 6 THEN 'UTF8' ELSE '' END",
    "pg_char_to_encoding(e) AS CASE upper(e) WHEN 'UTF8' THEN 6 ELSE -1 END",
    "pg_client_encoding() AS 'UTF8'",
    "getdatabaseencoding() AS 'UTF8'",
    "pg_tablespace_location(o) AS ''",
    "pg_is_in_recovery() AS false",
    "pg_my_temp_schema() AS 0::BIGINT",
    "pg_is_other_temp_schema(o) AS false",
    "pg_postmaster_start_time() AS now()",
    "pg_sleep(s) AS sleep_ms((s * 1000)::BIGINT)",
    "pg_advisory_unlock_all() AS NULL::VARCHAR",
    "pg_has_role(a, b) AS true, (a, b, c) AS true",
    "has_schema_privilege(a, b) AS upper(b) = 'USAGE', (a, b, c) AS upper(c) = 'USAGE'",
    "has_table_privilege(a, b) AS upper(b) = 'SELECT', (a, b, c) AS upper(c) = 'SELECT'",
    "has_any_column_privilege(a, b) AS upper(b) = 'SELECT', (a, b, c) AS upper(c) = 'SELECT'",
    "has_column_privilege(a, b, c) AS upper(c) = 'SELECT'",
    "has_database_privilege(a, b) AS upper(b) = 'CONNECT', (a, b, c) AS upper(c) = 'CONNECT'",
    "obj_description(o) AS (SELECT any_value(description) FROM {pg}.pg_description d "
    "WHERE d.objoid = o AND d.objsubid = 0), (o, c) AS (SELECT any_value(description) "
    "FROM {pg}.pg_description d WHERE d.objoid = o AND d.objsubid = 0)",
    "col_description(o, n) AS (SELECT any_value(description) FROM {pg}.pg_description d "
    "WHERE d.objoid = o AND d.objsubid = n)",
    "shobj_description(o, c) AS NULL::VARCHAR",
    "quote_ident(s) AS CASE WHEN regexp_full_match(s, '[a-z_][a-z0-9_]*') THEN s "
    "ELSE '\"' || replace(s, '\"', '\"\"') || '\"' END",
    "quote_literal(s) AS '''' || replace(s::VARCHAR, '''', '''''') || ''''",
    "parse_ident(s) AS list_transform(string_split(s, '.'), lambda p: trim(p, '\"'))",
    "array_lower(a, d) AS CASE WHEN len(a) > 0 THEN 1 END",
    "array_upper(a, d) AS CASE WHEN len(a) > 0 THEN len(a)::INT END",
    "current_schemas(implicit) AS CASE WHEN implicit THEN ['pg_catalog', 'public'] "
    "ELSE ['public'] END",
    "to_regclass(s) AS (SELECT min(r.oid) FROM {pg}.pg_class r JOIN {pg}.namespaces_ n "
    "ON n.oid = r.relnamespace WHERE r.relname = replace(list_last(string_split(s::VARCHAR, '.')), "
    "'\"', '') AND (NOT contains(s::VARCHAR, '.') OR {pg}.shown_schema_(replace("
    "string_split(s::VARCHAR, '.')[-2], '\"', '')) = n.nspname))",
    "regclass_in_(s) AS coalesce({pg}.to_regclass(s), "
    "error('relation \"' || s || '\" does not exist'))",
    "regclass_out_(o) AS coalesce((SELECT any_value(CASE n.nspname WHEN 'public' THEN '' "
    "WHEN 'pg_catalog' THEN '' ELSE n.nspname || '.' END || r.relname) FROM {pg}.pg_class r "
    "JOIN {pg}.namespaces_ n ON n.oid = r.relnamespace WHERE r.oid = o), o::VARCHAR)",
    "to_regtype(s) AS (SELECT min(t.oid) FROM {pg}.pg_type t WHERE t.format_ = lower(s) "
    "OR t.typname = "
    "replace(list_last(string_split(lower(s), '.')), '\"', ''))",
    "regtype_out_(o) AS coalesce((SELECT any_value(format_) FROM {pg}.pg_type t WHERE t.oid = o), "
    "o::VARCHAR)",
    "to_regnamespace(s) AS (SELECT min(oid) FROM {pg}.namespaces_ n WHERE n.nspname = s)",
    "regnamespace_out_(o) AS coalesce((SELECT any_value(nspname) FROM {pg}.namespaces_ n "
    "WHERE n.oid = o), o::VARCHAR)",
    "regrole_out_(o) AS CASE o WHEN 10 THEN '{user}' ELSE o::VARCHAR END",
    "to_regrole(s) AS CASE s WHEN '{user}' THEN 10 END",
    "inet_server_addr() AS NULL::VARCHAR",
    "inet_server_port() AS NULL::INTEGER",
    "inet_client_addr() AS NULL::VARCHAR",
    "to_char_(v) AS v::VARCHAR",
)

_TABLE_MACROS = (
    "pg_options_to_table(o) AS TABLE SELECT NULL::VARCHAR AS option_name, "
    "NULL::VARCHAR AS option_value WHERE false",
    "pg_partition_ancestors(o) AS TABLE SELECT o AS relid WHERE false",
    "pg_get_publication_tables(o) AS TABLE SELECT NULL::BIGINT AS relid WHERE false",
)

TABLES = frozenset(name for name in (*_VIEWS, *_EMPTY, "pg_settings") if not name.endswith("_"))
INFO_TABLES = frozenset(_INFO)
FUNCTIONS = frozenset(macro.split("(", 1)[0] for macro in _MACROS)
TABLE_FUNCTIONS = frozenset(macro.split("(", 1)[0] for macro in _TABLE_MACROS)


def install_catalogue(
    connection: duckdb.DuckDBPyConnection, *, user: str, database: str
) -> None:
    """Attach `pg_door` and fill it. Call again at will; the twin's database is not written.

    Works beside a database opened read-only, and also after `storage.admission.harden`.
    """
    connection.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {CATALOGUE} (READ_WRITE)")
    for schema in ("pg", "info"):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {CATALOGUE}.{schema}")
    pg = f"{CATALOGUE}.pg"
    fills = {
        "{pg}": pg,
        "{user}": user.replace("'", "''"),
        "{database}": database.replace("'", "''"),
        "{frame}": FRAME,
        "{segments}": SEGMENTS,
        "{types}": _type_rows(),
        "{type_cases}": _type_cases(),
        "{known_oids}": "MAP {" + ", ".join(f"'{k}': {v}" for k, v in KNOWN_OIDS.items()) + "}",
        "{index_oids}": str(_INDEX_OIDS),
    }

    def filled(sql: str) -> str:
        for key, value in fills.items():
            sql = sql.replace(key, value)
        return sql

    def view(schema: str, name: str, select: str) -> None:
        connection.execute(f"CREATE OR REPLACE VIEW {CATALOGUE}.{schema}.{name} AS {select}")

    def macro(text: str) -> None:
        connection.execute(f"CREATE OR REPLACE MACRO {pg}.{filled(text)}")

    arrays = " ".join(f"WHEN {t.oid} THEN {t.array_oid}" for t in types.ALL if t.array_oid)
    macro(f"array_oid_(o) AS CASE o {arrays} ELSE 1009 END")
    waiting = [text for text in _MACROS if "{pg}." in text.split(" AS ", 1)[1]]
    for text in _MACROS:
        if text not in waiting:
            macro(text)
    for text in waiting[:2]:  # type_oid_, which the views use
        if text.startswith("type_oid_"):
            macro(text)
    for name, select in _VIEWS.items():
        view("pg", name, filled(select))
    for name, columns in _EMPTY.items():
        empty = ", ".join(
            f"NULL::{_duckdb_name(kind)} AS {column}"
            for column, kind in (one.split() for one in columns.split(", "))
        )
        view("pg", name, f"SELECT {empty} WHERE false")
    for text in (*waiting, *_TABLE_MACROS):
        macro(text)
    for name, select in _INFO.items():
        view("info", name, filled(select))


def _duckdb_name(kind: str) -> str:
    base = kind.removesuffix("[]")
    return types.BY_NAME[base].duckdb + ("[]" if kind.endswith("[]") else "")


def _type_rows() -> str:
    """VALUES of pg_type: every type and its array type."""
    rows = []
    for kind in types.ALL:
        rows.append(
            f"({kind.oid}::BIGINT, '{kind.name}', {kind.size}::INT2, '{kind.category}', 0::BIGINT, "
            f"{kind.array_oid}::BIGINT, '{kind.sql_name}')"
        )
        if kind.array_oid:
            rows.append(
                f"({kind.array_oid}, '_{kind.name}', -1, 'A', {kind.oid}, 0, '{kind.sql_name}[]')"
            )
    return ", ".join(rows)


def _type_cases() -> str:
    """CASE arms from the name of a DuckDB type, without its arguments, to an OID."""
    names = {
        "BOOLEAN": types.BOOL, "TINYINT": types.INT2, "UTINYINT": types.INT2,
        "SMALLINT": types.INT2, "USMALLINT": types.INT4, "INTEGER": types.INT4,
        "UINTEGER": types.INT8, "BIGINT": types.INT8, "UBIGINT": types.NUMERIC,
        "HUGEINT": types.NUMERIC, "UHUGEINT": types.NUMERIC, "DECIMAL": types.NUMERIC,
        "FLOAT": types.FLOAT4, "DOUBLE": types.FLOAT8, "VARCHAR": types.TEXT,
        "BLOB": types.BYTEA, "DATE": types.DATE, "TIME": types.TIME,
        "TIMESTAMP": types.TIMESTAMP, "TIMESTAMP_S": types.TIMESTAMP,
        "TIMESTAMP_MS": types.TIMESTAMP, "TIMESTAMP_NS": types.TIMESTAMP,
        "TIMESTAMP WITH TIME ZONE": types.TIMESTAMPTZ, "TIME WITH TIME ZONE": types.TIMETZ,
        "INTERVAL": types.INTERVAL, "UUID": types.UUID, "JSON": types.JSON,
        "STRUCT": types.JSON, "MAP": types.JSON, "UNION": types.JSON, "BIT": types.VARBIT,
    }  # fmt: skip
    return " ".join(f"WHEN t = '{name}' THEN {kind.oid}" for name, kind in names.items())
