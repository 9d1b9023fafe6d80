"""The `information_schema` over the views of `pg_catalog`.

What stands in braces is filled in by `storage.pgwire.catalogue`. Source of the columns:
PostgreSQL 15, chapter 37.
"""

from __future__ import annotations

VIEWS = {
    "schemata": """
      SELECT {database} AS catalog_name, nspname AS schema_name, {user} AS schema_owner,
             NULL::VARCHAR AS default_character_set_catalog,
             NULL::VARCHAR AS default_character_set_schema,
             NULL::VARCHAR AS default_character_set_name, NULL::VARCHAR AS sql_path
      FROM {pg}.namespaces_""",
    "tables": """
      SELECT {database} AS table_catalog, schema AS table_schema, relname AS table_name,
             CASE relkind WHEN 'r' THEN 'BASE TABLE' ELSE 'VIEW' END AS table_type,
             NULL::VARCHAR AS self_referencing_column_name, NULL::VARCHAR AS reference_generation,
             NULL::VARCHAR AS user_defined_type_catalog, NULL::VARCHAR AS user_defined_type_schema,
             NULL::VARCHAR AS user_defined_type_name, 'NO' AS is_insertable_into,
             'NO' AS is_typed, NULL::VARCHAR AS commit_action
      FROM {pg}.relations_""",
    "views": """
      SELECT {database} AS table_catalog, schema AS table_schema, relname AS table_name,
             definition AS view_definition, 'NONE' AS check_option, 'NO' AS is_updatable,
             'NO' AS is_insertable_into
      FROM {pg}.relations_ WHERE relkind = 'v'""",
    "columns": """
      SELECT {database} AS table_catalog, r.schema AS table_schema, r.relname AS table_name,
             c.column_name, c.column_index AS ordinal_position, c.column_default,
             CASE WHEN c.is_nullable THEN 'YES' ELSE 'NO' END AS is_nullable,
             CASE WHEN suffix(c.data_type, ']') THEN 'ARRAY' ELSE t.format END AS data_type,
             NULL::INTEGER AS character_maximum_length, NULL::INTEGER AS character_octet_length,
             CASE WHEN t.typcategory = 'N' THEN c.numeric_precision END AS numeric_precision,
             CASE WHEN t.typcategory = 'N' THEN c.numeric_precision_radix END
               AS numeric_precision_radix,
             CASE WHEN t.typcategory = 'N' THEN c.numeric_scale END AS numeric_scale,
             CASE WHEN t.typcategory = 'D' THEN 6 END AS datetime_precision,
             NULL::VARCHAR AS interval_type, NULL::VARCHAR AS character_set_name,
             NULL::VARCHAR AS collation_name, NULL::VARCHAR AS domain_name,
             {database} AS udt_catalog, 'pg_catalog' AS udt_schema, t.typname AS udt_name,
             c.column_index::VARCHAR AS dtd_identifier, 'NO' AS is_self_referencing,
             'NO' AS is_identity, NULL::VARCHAR AS identity_generation,
             'NEVER' AS is_generated, NULL::VARCHAR AS generation_expression,
             'NO' AS is_updatable
      FROM duckdb_columns() c JOIN {pg}.relations_ r ON r.object = c.table_oid
      LEFT JOIN {pg}.types_ t ON t.oid = {pg}.type_oid_(c.data_type)
      WHERE c.database_name IN (current_database(), 'pg_door')""",
    "key_column_usage": """
      SELECT {database} AS constraint_catalog, schema AS constraint_schema,
             name AS constraint_name, {database} AS table_catalog, schema AS table_schema,
             table_name, unnest(names) AS column_name,
             generate_subscripts(names, 1) AS ordinal_position
      FROM {pg}.keys_""",
    "information_schema_catalog_name": "SELECT {database} AS catalog_name",
    "enabled_roles": "SELECT {user} AS role_name",
    "character_sets": """
      SELECT 'UTF8' AS character_set_name, 'UCS' AS character_repertoire, 'UTF8' AS form_of_use,
             {database} AS default_collate_catalog, 'pg_catalog' AS default_collate_schema,
             'default' AS default_collate_name""",
    "table_privileges": """
      SELECT {user} AS grantor, {user} AS grantee, {database} AS table_catalog,
             schema AS table_schema, relname AS table_name, 'SELECT' AS privilege_type,
             'NO' AS is_grantable, 'YES' AS with_hierarchy
      FROM {pg}.relations_""",
    "role_table_grants": "SELECT * FROM {info}.table_privileges",
    "column_privileges": """
      SELECT {user} AS grantor, {user} AS grantee, table_catalog, table_schema, table_name,
             column_name, 'SELECT' AS privilege_type, 'NO' AS is_grantable
      FROM {info}.columns""",
    "role_column_grants": "SELECT * FROM {info}.column_privileges",
    "constraint_table_usage": """
      SELECT DISTINCT table_catalog, table_schema, table_name, constraint_catalog,
             constraint_schema, constraint_name
      FROM {info}.key_column_usage""",
    "constraint_column_usage": """
      SELECT table_catalog, table_schema, table_name, column_name, constraint_catalog,
             constraint_schema, constraint_name
      FROM {info}.key_column_usage""",
    "table_constraints": """
      SELECT {database} AS constraint_catalog, schema AS constraint_schema,
             name AS constraint_name, {database} AS table_catalog, schema AS table_schema,
             table_name, CASE WHEN is_primary THEN 'PRIMARY KEY' ELSE 'UNIQUE' END
               AS constraint_type, 'NO' AS is_deferrable, 'NO' AS initially_deferred,
             'YES' AS enforced
      FROM {pg}.keys_""",
}
