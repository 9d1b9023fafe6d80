"""Functions that PostgreSQL's clients ask the catalogue with, as macros.

What stands in braces is filled in by `storage.pgwire.catalogue`. Source of the behaviour:
PostgreSQL 15, chapter 9.26 and its server.
"""

from __future__ import annotations

# Functions by behaviour; DuckDB's own of the same name are used where they agree.
MACROS = (
    "shown_schema_(s) AS CASE s WHEN 'main' THEN 'public' ELSE s END",
    "base_(t) AS regexp_replace(t, '(\\(.*\\))?(\\[\\d*\\])*$', '')",
    "type_oid_(t) AS coalesce({type_oids}[{pg}.base_(t) || if(suffix(t, ']'), '[]', '')], "
    "if(suffix(t, ']'), 1009, 25))::UINTEGER",
    "typmod_(t) AS CASE WHEN prefix(t, 'DECIMAL(') THEN "
    "(regexp_extract(t, '\\((\\d+),', 1)::INT * 65536 "
    "+ regexp_extract(t, ',\\s*(\\d+)\\)', 1)::INT) + 4 ELSE -1 END",
    "format_type(t, m) AS (SELECT format || CASE WHEN t = 1700 AND m > 3 THEN "
    "'(' || ((m - 4) >> 16) || ',' || ((m - 4) & 65535) || ')' ELSE '' END "
    "FROM {pg}.types_ WHERE oid = t)",
    "pg_get_userbyid(o) AS CASE o WHEN 10 THEN {user} ELSE 'unknown (OID=' || o || ')' END",
    "pg_table_is_visible(o) AS EXISTS (SELECT 1 FROM {pg}.relations_ r WHERE r.oid = o "
    "AND r.schema IN ('public', 'pg_catalog'))",
    "pg_type_is_visible(o) AS true",
    "pg_collation_is_visible(o) AS true",
    "pg_opclass_is_visible(o) AS true",
    "pg_operator_is_visible(o) AS true",
    "pg_function_is_visible(o) AS true",
    "pg_conversion_is_visible(o) AS true",
    "pg_opfamily_is_visible(o) AS true",
    "pg_statistics_obj_is_visible(o) AS true",
    "pg_ts_config_is_visible(o) AS true",
    "pg_ts_dict_is_visible(o) AS true",
    "pg_ts_parser_is_visible(o) AS true",
    "pg_ts_template_is_visible(o) AS true",
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
    "pg_get_function_sqlbody(o) AS NULL::VARCHAR",
    "pg_get_function_arg_default(o, n) AS NULL::VARCHAR",
    "pg_get_statisticsobjdef(o) AS NULL::VARCHAR",
    "pg_get_statisticsobjdef_expressions(o) AS NULL::VARCHAR[]",
    "pg_get_partition_constraintdef(o) AS NULL::VARCHAR",
    "pg_get_replica_identity_index(o) AS NULL::UINTEGER",
    "pg_describe_object(c, o, n) AS NULL::VARCHAR",
    "pg_relation_is_updatable(o, all_) AS 0",
    "pg_column_is_updatable(o, n, all_) AS false",
    "pg_relation_filenode(o) AS o::UINTEGER",
    "pg_relation_filepath(o) AS NULL::VARCHAR",
    "pg_index_column_has_property(o, n, p) AS p IN ('asc', 'orderable', 'nulls_last')",
    "pg_index_has_property(o, p) AS false",
    "pg_indexam_has_property(o, p) AS p IN ('can_order', 'can_unique')",
    "pg_sequence_last_value(o) AS NULL::BIGINT",
    "pg_stat_get_live_tuples(o) AS (SELECT tuples::BIGINT FROM {pg}.relations_ r "
    "WHERE r.oid = o)",
    "pg_stat_get_dead_tuples(o) AS 0::BIGINT",
    "pg_stat_get_numscans(o) AS 0::BIGINT",
    "pg_blocking_pids(p) AS []::INTEGER[]",
    "pg_is_wal_replay_paused() AS false",
    "pg_last_wal_receive_lsn() AS NULL::VARCHAR",
    "pg_last_wal_replay_lsn() AS NULL::VARCHAR",
    "pg_last_xact_replay_timestamp() AS NULL::TIMESTAMPTZ",
    "pg_current_wal_lsn() AS '0/0'",
    "pg_conf_load_time() AS now()",
    "pg_jit_available() AS false",
    "pg_encoding_max_length(e) AS CASE e WHEN 6 THEN 4 END",
    "pg_collation_for(v) AS NULL::VARCHAR",
    "pg_column_compression(v) AS NULL::VARCHAR",
    "pg_trigger_depth() AS 0",
    "pg_current_logfile() AS NULL::VARCHAR",
    "pg_tablespace_size(o) AS 0::BIGINT",
    "pg_table_size(o) AS 0::BIGINT",
    "pg_relation_size(o) AS 0::BIGINT, (o, f) AS 0::BIGINT",
    "pg_total_relation_size(o) AS 0::BIGINT",
    "pg_indexes_size(o) AS 0::BIGINT",
    "pg_database_size(o) AS (SELECT coalesce(sum(block_size * total_blocks), 0)::BIGINT "
    "FROM pragma_database_size() WHERE database_name = current_database())",
    "pg_size_pretty(n) AS CASE WHEN abs(n) < 10240 THEN n || ' bytes' WHEN abs(n) < 10485760 "
    "THEN (n // 1024) || ' kB' ELSE (n // 1048576) || ' MB' END",
    "pg_encoding_to_char(e) AS CASE e WHEN 6 THEN 'UTF8' ELSE '' END",
    "pg_char_to_encoding(e) AS CASE upper(e) WHEN 'UTF8' THEN 6 ELSE -1 END",
    "pg_client_encoding() AS 'UTF8'",
    "getdatabaseencoding() AS 'UTF8'",
    "pg_tablespace_location(o) AS ''",
    "pg_is_in_recovery() AS false",
    "pg_my_temp_schema() AS 0::UINTEGER",
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
    "has_sequence_privilege(a, b) AS false, (a, b, c) AS false",
    "has_function_privilege(a, b) AS true, (a, b, c) AS true",
    "has_language_privilege(a, b) AS true, (a, b, c) AS true",
    "has_type_privilege(a, b) AS true, (a, b, c) AS true",
    "has_tablespace_privilege(a, b) AS false, (a, b, c) AS false",
    "has_parameter_privilege(a, b) AS false, (a, b, c) AS false",
    "has_server_privilege(a, b) AS false, (a, b, c) AS false",
    "has_foreign_data_wrapper_privilege(a, b) AS false, (a, b, c) AS false",
    "row_security_active(t) AS false",
    "acldefault(k, o) AS NULL::VARCHAR[]",
    # information_schema's own, which tools call by that name
    "_pg_truetypid(a, t) AS a.atttypid",
    "_pg_truetypmod(a, t) AS a.atttypmod",
    "_pg_char_max_length(t, m) AS NULL::INTEGER",
    "_pg_char_octet_length(t, m) AS CASE WHEN t IN (25, 1042, 1043) THEN 1073741824 END",
    "_pg_numeric_precision(t, m) AS CASE WHEN t = 21 THEN 16 WHEN t = 23 THEN 32 "
    "WHEN t = 20 THEN 64 WHEN t = 700 THEN 24 WHEN t = 701 THEN 53 "
    "WHEN t = 1700 AND m > 3 THEN (m - 4) >> 16 END",
    "_pg_numeric_precision_radix(t, m) AS CASE WHEN t IN (20, 21, 23, 700, 701) THEN 2 "
    "WHEN t = 1700 THEN 10 END",
    "_pg_numeric_scale(t, m) AS CASE WHEN t IN (20, 21, 23) THEN 0 "
    "WHEN t = 1700 AND m > 3 THEN (m - 4) & 65535 END",
    "_pg_datetime_precision(t, m) AS CASE WHEN t = 1082 THEN 0 "
    "WHEN t IN (1083, 1114, 1184, 1186, 1266) THEN 6 END",
    "_pg_interval_type(t, m) AS NULL::VARCHAR",
    "_pg_index_position(o, n) AS (SELECT list_position(k.attnums, n) FROM {pg}.keys_ k "
    "WHERE k.oid = o)",
    "obj_description(o) AS (SELECT any_value(description) FROM {pg}.pg_description d "
    "WHERE d.objoid = o AND d.objsubid = 0), (o, c) AS (SELECT any_value(description) "
    "FROM {pg}.pg_description d WHERE d.objoid = o AND d.objsubid = 0)",
    "col_description(o, n) AS (SELECT any_value(description) FROM {pg}.pg_description d "
    "WHERE d.objoid = o AND d.objsubid = n)",
    "shobj_description(o, c) AS NULL::VARCHAR",
    "parse_ident(s) AS list_transform(string_split(s, '.'), lambda p: trim(p, '\"'))",
    "_pg_expandarray(a) AS unnest(list_transform(a, lambda v, i: {'x': v, 'n': i::INT}))",
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
    "to_regtype(s) AS (SELECT min(t.oid) FROM {pg}.types_ t "
    "WHERE t.format = coalesce({type_aliases}[lower(s)], lower(s)) "
    "OR t.typname = "
    "replace(list_last(string_split(lower(s), '.')), '\"', ''))",
    "regtype_in_(s) AS coalesce({pg}.to_regtype(s), error('type \"' || s || '\" does not exist'))",
    "regtype_out_(o) AS coalesce((SELECT any_value(format) FROM {pg}.types_ t WHERE t.oid = o), "
    "o::VARCHAR)",
    "to_regproc(s) AS CASE WHEN s = '-' THEN 0::UINTEGER ELSE (SELECT min(p.oid) "
    "FROM {pg}.pg_proc p WHERE p.proname = replace(list_last(string_split(lower(s), '.')), "
    "'\"', '')) END",
    "regproc_out_(o) AS CASE WHEN o = 0 THEN '-' ELSE coalesce((SELECT any_value(p.proname) "
    "FROM {pg}.pg_proc p WHERE p.oid = o), o::VARCHAR) END",
    "to_regnamespace(s) AS (SELECT min(oid) FROM {pg}.namespaces_ n WHERE n.nspname = s)",
    "regnamespace_out_(o) AS coalesce((SELECT any_value(nspname) FROM {pg}.namespaces_ n "
    "WHERE n.oid = o), o::VARCHAR)",
    "regrole_out_(o) AS CASE o WHEN 10 THEN {user} ELSE o::VARCHAR END",
    "to_regrole(s) AS CASE s WHEN {user} THEN 10::UINTEGER END",
    "txid_current_if_assigned() AS NULL::BIGINT",
    "pg_current_xact_id() AS 1::BIGINT",
    "nameconcatoid(n, o) AS n || '_' || o",
    "inet_server_addr() AS NULL::VARCHAR",
    "inet_server_port() AS NULL::INTEGER",
    "inet_client_addr() AS NULL::VARCHAR",
    "inet_client_port() AS NULL::INTEGER",
    "to_char_(v) AS v::VARCHAR",
)

TABLE_MACROS = (
    "pg_options_to_table(o) AS TABLE SELECT NULL::VARCHAR AS option_name, "
    "NULL::VARCHAR AS option_value WHERE false",
    "pg_get_keywords() AS TABLE SELECT keyword_name AS word, CASE keyword_category "
    "WHEN 'reserved' THEN 'R' WHEN 'unreserved' THEN 'U' WHEN 'column_name' THEN 'C' "
    "ELSE 'T' END AS catcode, keyword_category <> 'reserved' AS barelabel, "
    "keyword_category AS catdesc, '' AS baredesc FROM duckdb_keywords()",
    "aclexplode(a) AS TABLE SELECT NULL::UINTEGER AS grantor, NULL::UINTEGER AS grantee, "
    "NULL::VARCHAR AS privilege_type, NULL::BOOLEAN AS is_grantable WHERE false",
    "pg_available_extensions() AS TABLE SELECT NULL::VARCHAR AS name, "
    "NULL::VARCHAR AS default_version, NULL::VARCHAR AS comment WHERE false",
    "pg_available_extension_versions() AS TABLE SELECT NULL::VARCHAR AS name, "
    "NULL::VARCHAR AS version, NULL::VARCHAR AS comment WHERE false",
    "pg_listening_channels() AS TABLE SELECT NULL::VARCHAR AS pg_listening_channels WHERE false",
    "pg_partition_tree(o) AS TABLE SELECT o AS relid, NULL::UINTEGER AS parentrelid, "
    "true AS isleaf, 0 AS level WHERE false",
    "pg_partition_ancestors(o) AS TABLE SELECT o AS relid WHERE false",
    "pg_get_publication_tables(o) AS TABLE SELECT NULL::UINTEGER AS relid WHERE false",
)
