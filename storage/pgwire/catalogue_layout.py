"""Every table and column of PostgreSQL's `pg_catalog`: what a client may name.

A line a table: its name, then its columns in order, each with its type where that is not text; what
is indented goes on from the line before. `name`, `"char"` and node trees are text here, `xid` and
`cid` are oid. Source: PostgreSQL 15, chapter 53, and its server.
"""

from __future__ import annotations

import re


def parsed(text: str) -> dict[str, list[tuple[str, str]]]:
    """Table -> its columns, each with its type."""
    found = {}
    for line in re.sub(r"\n\s+", " ", text).strip().splitlines():
        name, _, columns = line.partition(": ")
        pairs = (one.partition(" ") for one in columns.split(", "))
        found[name] = [(column, kind or "text") for column, _, kind in pairs]
    return found


TABLES = parsed("""
pg_aggregate: aggfnoid oid, aggkind, aggnumdirectargs int2, aggtransfn oid, aggfinalfn oid,
  aggcombinefn oid, aggserialfn oid, aggdeserialfn oid, aggmtransfn oid, aggminvtransfn oid,
  aggmfinalfn oid, aggfinalextra bool, aggmfinalextra bool, aggfinalmodify, aggmfinalmodify,
  aggsortop oid, aggtranstype oid, aggtransspace int4, aggmtranstype oid, aggmtransspace int4,
  agginitval, aggminitval
pg_am: oid oid, amname, amhandler oid, amtype
pg_amop: oid oid, amopfamily oid, amoplefttype oid, amoprighttype oid, amopstrategy int2,
  amoppurpose, amopopr oid, amopmethod oid, amopsortfamily oid
pg_amproc: oid oid, amprocfamily oid, amproclefttype oid, amprocrighttype oid, amprocnum int2,
  amproc oid
pg_attrdef: oid oid, adrelid oid, adnum int2, adbin
pg_attribute: attrelid oid, attname, atttypid oid, attstattarget int4, attlen int2, attnum int2,
  attndims int4, attcacheoff int4, atttypmod int4, attbyval bool, attalign, attstorage,
  attcompression, attnotnull bool, atthasdef bool, atthasmissing bool, attidentity, attgenerated,
  attisdropped bool, attislocal bool, attinhcount int4, attcollation oid, attacl text[],
  attoptions text[], attfdwoptions text[], attmissingval
pg_auth_members: roleid oid, member oid, grantor oid, admin_option bool
pg_authid: oid oid, rolname, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool,
  rolcanlogin bool, rolreplication bool, rolbypassrls bool, rolconnlimit int4, rolpassword,
  rolvaliduntil timestamptz
pg_available_extension_versions: name, version, installed bool, superuser bool, trusted bool,
  relocatable bool, schema, requires text[], comment
pg_available_extensions: name, default_version, installed_version, comment
pg_backend_memory_contexts: name, ident, parent, level int4, total_bytes int8, total_nblocks int8,
  free_bytes int8, free_chunks int8, used_bytes int8
pg_cast: oid oid, castsource oid, casttarget oid, castfunc oid, castcontext, castmethod
pg_class: oid oid, relname, relnamespace oid, reltype oid, reloftype oid, relowner oid, relam oid,
  relfilenode oid, reltablespace oid, relpages int4, reltuples float4, relallvisible int4,
  reltoastrelid oid, relhasindex bool, relisshared bool, relpersistence, relkind, relnatts int2,
  relchecks int2, relhasrules bool, relhastriggers bool, relhassubclass bool, relrowsecurity bool,
  relforcerowsecurity bool, relispopulated bool, relreplident, relispartition bool, relrewrite
  oid, relfrozenxid oid, relminmxid oid, relacl text[], reloptions text[], relpartbound
pg_collation: oid oid, collname, collnamespace oid, collowner oid, collprovider,
  collisdeterministic bool, collencoding int4, collcollate, collctype, colliculocale, collversion
pg_config: name, setting
pg_constraint: oid oid, conname, connamespace oid, contype, condeferrable bool, condeferred bool,
  convalidated bool, conrelid oid, contypid oid, conindid oid, conparentid oid, confrelid oid,
  confupdtype, confdeltype, confmatchtype, conislocal bool, coninhcount int4, connoinherit bool,
  conkey int2[], confkey int2[], conpfeqop oid[], conppeqop oid[], conffeqop oid[], confdelsetcols
  int2[], conexclop oid[], conbin
pg_conversion: oid oid, conname, connamespace oid, conowner oid, conforencoding int4,
  contoencoding int4, conproc oid, condefault bool
pg_cursors: name, statement, is_holdable bool, is_binary bool, is_scrollable bool, creation_time
  timestamptz
pg_database: oid oid, datname, datdba oid, encoding int4, datlocprovider, datistemplate bool,
  datallowconn bool, datconnlimit int4, datfrozenxid oid, datminmxid oid, dattablespace oid,
  datcollate, datctype, daticulocale, datcollversion, datacl text[]
pg_db_role_setting: setdatabase oid, setrole oid, setconfig text[]
pg_default_acl: oid oid, defaclrole oid, defaclnamespace oid, defaclobjtype, defaclacl text[]
pg_depend: classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid, refobjsubid int4,
  deptype
pg_description: objoid oid, classoid oid, objsubid int4, description
pg_enum: oid oid, enumtypid oid, enumsortorder float4, enumlabel
pg_event_trigger: oid oid, evtname, evtevent, evtowner oid, evtfoid oid, evtenabled, evttags
  text[]
pg_extension: oid oid, extname, extowner oid, extnamespace oid, extrelocatable bool, extversion,
  extconfig oid[], extcondition text[]
pg_file_settings: sourcefile, sourceline int4, seqno int4, name, setting, applied bool, error
pg_foreign_data_wrapper: oid oid, fdwname, fdwowner oid, fdwhandler oid, fdwvalidator oid, fdwacl
  text[], fdwoptions text[]
pg_foreign_server: oid oid, srvname, srvowner oid, srvfdw oid, srvtype, srvversion, srvacl text[],
  srvoptions text[]
pg_foreign_table: ftrelid oid, ftserver oid, ftoptions text[]
pg_group: groname, grosysid oid, grolist oid[]
pg_hba_file_rules: line_number int4, type, database text[], user_name text[], address, netmask,
  auth_method, options text[], error
pg_ident_file_mappings: line_number int4, map_name, sys_name, pg_username, error
pg_index: indexrelid oid, indrelid oid, indnatts int2, indnkeyatts int2, indisunique bool,
  indnullsnotdistinct bool, indisprimary bool, indisexclusion bool, indimmediate bool,
  indisclustered bool, indisvalid bool, indcheckxmin bool, indisready bool, indislive bool,
  indisreplident bool, indkey int2[], indcollation oid[], indclass oid[], indoption int2[],
  indexprs, indpred
pg_indexes: schemaname, tablename, indexname, tablespace, indexdef
pg_inherits: inhrelid oid, inhparent oid, inhseqno int4, inhdetachpending bool
pg_init_privs: objoid oid, classoid oid, objsubid int4, privtype, initprivs text[]
pg_language: oid oid, lanname, lanowner oid, lanispl bool, lanpltrusted bool, lanplcallfoid oid,
  laninline oid, lanvalidator oid, lanacl text[]
pg_largeobject: loid oid, pageno int4, data bytea
pg_largeobject_metadata: oid oid, lomowner oid, lomacl text[]
pg_locks: locktype, database oid, relation oid, page int4, tuple int2, virtualxid, transactionid
  oid, classid oid, objid oid, objsubid int2, virtualtransaction, pid int4, mode, granted bool,
  fastpath bool, waitstart timestamptz
pg_matviews: schemaname, matviewname, matviewowner, tablespace, hasindexes bool, ispopulated bool,
  definition
pg_namespace: oid oid, nspname, nspowner oid, nspacl text[]
pg_opclass: oid oid, opcmethod oid, opcname, opcnamespace oid, opcowner oid, opcfamily oid,
  opcintype oid, opcdefault bool, opckeytype oid
pg_operator: oid oid, oprname, oprnamespace oid, oprowner oid, oprkind, oprcanmerge bool,
  oprcanhash bool, oprleft oid, oprright oid, oprresult oid, oprcom oid, oprnegate oid, oprcode
  oid, oprrest oid, oprjoin oid
pg_opfamily: oid oid, opfmethod oid, opfname, opfnamespace oid, opfowner oid
pg_parameter_acl: oid oid, parname, paracl text[]
pg_partitioned_table: partrelid oid, partstrat, partnatts int2, partdefid oid, partattrs int2[],
  partclass oid[], partcollation oid[], partexprs
pg_policies: schemaname, tablename, policyname, permissive, roles text[], cmd, qual, with_check
pg_policy: oid oid, polname, polrelid oid, polcmd, polpermissive bool, polroles oid[], polqual,
  polwithcheck
pg_prepared_statements: name, statement, prepare_time timestamptz, parameter_types oid[], from_sql
  bool, generic_plans int8, custom_plans int8
pg_prepared_xacts: transaction oid, gid, prepared timestamptz, owner, database
pg_proc: oid oid, proname, pronamespace oid, proowner oid, prolang oid, procost float4, prorows
  float4, provariadic oid, prosupport oid, prokind, prosecdef bool, proleakproof bool, proisstrict
  bool, proretset bool, provolatile, proparallel, pronargs int2, pronargdefaults int2, prorettype
  oid, proargtypes oid[], proallargtypes oid[], proargmodes text[], proargnames text[],
  proargdefaults, protrftypes oid[], prosrc, probin, prosqlbody, proconfig text[], proacl text[]
pg_publication: oid oid, pubname, pubowner oid, puballtables bool, pubinsert bool, pubupdate bool,
  pubdelete bool, pubtruncate bool, pubviaroot bool
pg_publication_namespace: oid oid, pnpubid oid, pnnspid oid
pg_publication_rel: oid oid, prpubid oid, prrelid oid, prqual, prattrs int2[]
pg_publication_tables: pubname, schemaname, tablename, attnames text[], rowfilter
pg_range: rngtypid oid, rngsubtype oid, rngmultitypid oid, rngcollation oid, rngsubopc oid,
  rngcanonical oid, rngsubdiff oid
pg_replication_origin: roident oid, roname
pg_replication_origin_status: local_id oid, external_id, remote_lsn, local_lsn
pg_replication_slots: slot_name, plugin, slot_type, datoid oid, database, temporary bool, active
  bool, active_pid int4, xmin oid, catalog_xmin oid, restart_lsn, confirmed_flush_lsn, wal_status,
  safe_wal_size int8, two_phase bool
pg_rewrite: oid oid, rulename, ev_class oid, ev_type, ev_enabled, is_instead bool, ev_qual,
  ev_action
pg_roles: rolname, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool,
  rolcanlogin bool, rolreplication bool, rolconnlimit int4, rolpassword, rolvaliduntil
  timestamptz, rolbypassrls bool, rolconfig text[], oid oid
pg_rules: schemaname, tablename, rulename, definition
pg_seclabel: objoid oid, classoid oid, objsubid int4, provider, label
pg_seclabels: objoid oid, classoid oid, objsubid int4, objtype, objnamespace oid, objname,
  provider, label
pg_sequence: seqrelid oid, seqtypid oid, seqstart int8, seqincrement int8, seqmax int8, seqmin
  int8, seqcache int8, seqcycle bool
pg_sequences: schemaname, sequencename, sequenceowner, data_type, start_value int8, min_value
  int8, max_value int8, increment_by int8, cycle bool, cache_size int8, last_value int8
pg_settings: name, setting, unit, category, short_desc, extra_desc, context, vartype, source,
  min_val, max_val, enumvals text[], boot_val, reset_val, sourcefile, sourceline int4,
  pending_restart bool
pg_shadow: usename, usesysid oid, usecreatedb bool, usesuper bool, userepl bool, usebypassrls
  bool, passwd, valuntil timestamptz, useconfig text[]
pg_shdepend: dbid oid, classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid,
  deptype
pg_shdescription: objoid oid, classoid oid, description
pg_shmem_allocations: name, off int8, size int8, allocated_size int8
pg_shseclabel: objoid oid, classoid oid, provider, label
pg_stat_activity: datid oid, datname, pid int4, leader_pid int4, usesysid oid, usename,
  application_name, client_addr, client_hostname, client_port int4, backend_start timestamptz,
  xact_start timestamptz, query_start timestamptz, state_change timestamptz, wait_event_type,
  wait_event, state, backend_xid oid, backend_xmin oid, query_id int8, query, backend_type
pg_stat_all_indexes: relid oid, indexrelid oid, schemaname, relname, indexrelname, idx_scan int8,
  idx_tup_read int8, idx_tup_fetch int8
pg_stat_all_tables: relid oid, schemaname, relname, seq_scan int8, seq_tup_read int8, idx_scan
  int8, idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8,
  n_live_tup int8, n_dead_tup int8, n_mod_since_analyze int8, n_ins_since_vacuum int8, last_vacuum
  timestamptz, last_autovacuum timestamptz, last_analyze timestamptz, last_autoanalyze
  timestamptz, vacuum_count int8, autovacuum_count int8, analyze_count int8, autoanalyze_count
  int8
pg_stat_archiver: archived_count int8, last_archived_wal, last_archived_time timestamptz,
  failed_count int8, last_failed_wal, last_failed_time timestamptz, stats_reset timestamptz
pg_stat_bgwriter: checkpoints_timed int8, checkpoints_req int8, checkpoint_write_time float8,
  checkpoint_sync_time float8, buffers_checkpoint int8, buffers_clean int8, maxwritten_clean int8,
  buffers_backend int8, buffers_backend_fsync int8, buffers_alloc int8, stats_reset timestamptz
pg_stat_database: datid oid, datname, numbackends int4, xact_commit int8, xact_rollback int8,
  blks_read int8, blks_hit int8, tup_returned int8, tup_fetched int8, tup_inserted int8,
  tup_updated int8, tup_deleted int8, conflicts int8, temp_files int8, temp_bytes int8, deadlocks
  int8, checksum_failures int8, checksum_last_failure timestamptz, blk_read_time float8,
  blk_write_time float8, session_time float8, active_time float8, idle_in_transaction_time float8,
  sessions int8, sessions_abandoned int8, sessions_fatal int8, sessions_killed int8, stats_reset
  timestamptz
pg_stat_database_conflicts: datid oid, datname, confl_tablespace int8, confl_lock int8,
  confl_snapshot int8, confl_bufferpin int8, confl_deadlock int8
pg_stat_gssapi: pid int4, gss_authenticated bool, principal, encrypted bool
pg_stat_progress_analyze: pid int4, datid oid, datname, relid oid, phase, sample_blks_total int8,
  sample_blks_scanned int8, ext_stats_total int8, ext_stats_computed int8, child_tables_total
  int8, child_tables_done int8, current_child_table_relid oid
pg_stat_progress_basebackup: pid int4, phase, backup_total int8, backup_streamed int8,
  tablespaces_total int8, tablespaces_streamed int8
pg_stat_progress_cluster: pid int4, datid oid, datname, relid oid, command, phase,
  cluster_index_relid oid, heap_tuples_scanned int8, heap_tuples_written int8, heap_blks_total
  int8, heap_blks_scanned int8, index_rebuild_count int8
pg_stat_progress_copy: pid int4, datid oid, datname, relid oid, command, type, bytes_processed
  int8, bytes_total int8, tuples_processed int8, tuples_excluded int8
pg_stat_progress_create_index: pid int4, datid oid, datname, relid oid, index_relid oid, command,
  phase, lockers_total int8, lockers_done int8, current_locker_pid int8, blocks_total int8,
  blocks_done int8, tuples_total int8, tuples_done int8, partitions_total int8, partitions_done
  int8
pg_stat_progress_vacuum: pid int4, datid oid, datname, relid oid, phase, heap_blks_total int8,
  heap_blks_scanned int8, heap_blks_vacuumed int8, index_vacuum_count int8, max_dead_tuples int8,
  num_dead_tuples int8
pg_stat_recovery_prefetch: stats_reset timestamptz, prefetch int8, hit int8, skip_init int8,
  skip_new int8, skip_fpw int8, skip_rep int8, wal_distance int4, block_distance int4, io_depth
  int4
pg_stat_replication: pid int4, usesysid oid, usename, application_name, client_addr,
  client_hostname, client_port int4, backend_start timestamptz, backend_xmin oid, state, sent_lsn,
  write_lsn, flush_lsn, replay_lsn, write_lag interval, flush_lag interval, replay_lag interval,
  sync_priority int4, sync_state, reply_time timestamptz
pg_stat_replication_slots: slot_name, spill_txns int8, spill_count int8, spill_bytes int8,
  stream_txns int8, stream_count int8, stream_bytes int8, total_txns int8, total_bytes int8,
  stats_reset timestamptz
pg_stat_slru: name, blks_zeroed int8, blks_hit int8, blks_read int8, blks_written int8,
  blks_exists int8, flushes int8, truncates int8, stats_reset timestamptz
pg_stat_ssl: pid int4, ssl bool, version, cipher, bits int4, client_dn, client_serial numeric,
  issuer_dn
pg_stat_subscription: subid oid, subname, pid int4, relid oid, received_lsn, last_msg_send_time
  timestamptz, last_msg_receipt_time timestamptz, latest_end_lsn, latest_end_time timestamptz
pg_stat_subscription_stats: subid oid, subname, apply_error_count int8, sync_error_count int8,
  stats_reset timestamptz
pg_stat_sys_indexes: relid oid, indexrelid oid, schemaname, relname, indexrelname, idx_scan int8,
  idx_tup_read int8, idx_tup_fetch int8
pg_stat_sys_tables: relid oid, schemaname, relname, seq_scan int8, seq_tup_read int8, idx_scan
  int8, idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8,
  n_live_tup int8, n_dead_tup int8, n_mod_since_analyze int8, n_ins_since_vacuum int8, last_vacuum
  timestamptz, last_autovacuum timestamptz, last_analyze timestamptz, last_autoanalyze
  timestamptz, vacuum_count int8, autovacuum_count int8, analyze_count int8, autoanalyze_count
  int8
pg_stat_user_functions: funcid oid, schemaname, funcname, calls int8, total_time float8, self_time
  float8
pg_stat_user_indexes: relid oid, indexrelid oid, schemaname, relname, indexrelname, idx_scan int8,
  idx_tup_read int8, idx_tup_fetch int8
pg_stat_user_tables: relid oid, schemaname, relname, seq_scan int8, seq_tup_read int8, idx_scan
  int8, idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd int8,
  n_live_tup int8, n_dead_tup int8, n_mod_since_analyze int8, n_ins_since_vacuum int8, last_vacuum
  timestamptz, last_autovacuum timestamptz, last_analyze timestamptz, last_autoanalyze
  timestamptz, vacuum_count int8, autovacuum_count int8, analyze_count int8, autoanalyze_count
  int8
pg_stat_wal: wal_records int8, wal_fpi int8, wal_bytes numeric, wal_buffers_full int8, wal_write
  int8, wal_sync int8, wal_write_time float8, wal_sync_time float8, stats_reset timestamptz
pg_stat_wal_receiver: pid int4, status, receive_start_lsn, receive_start_tli int4, written_lsn,
  flushed_lsn, received_tli int4, last_msg_send_time timestamptz, last_msg_receipt_time
  timestamptz, latest_end_lsn, latest_end_time timestamptz, slot_name, sender_host, sender_port
  int4, conninfo
pg_stat_xact_all_tables: relid oid, schemaname, relname, seq_scan int8, seq_tup_read int8,
  idx_scan int8, idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd
  int8
pg_stat_xact_sys_tables: relid oid, schemaname, relname, seq_scan int8, seq_tup_read int8,
  idx_scan int8, idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd
  int8
pg_stat_xact_user_functions: funcid oid, schemaname, funcname, calls int8, total_time float8,
  self_time float8
pg_stat_xact_user_tables: relid oid, schemaname, relname, seq_scan int8, seq_tup_read int8,
  idx_scan int8, idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_tup_hot_upd
  int8
pg_statio_all_indexes: relid oid, indexrelid oid, schemaname, relname, indexrelname, idx_blks_read
  int8, idx_blks_hit int8
pg_statio_all_sequences: relid oid, schemaname, relname, blks_read int8, blks_hit int8
pg_statio_all_tables: relid oid, schemaname, relname, heap_blks_read int8, heap_blks_hit int8,
  idx_blks_read int8, idx_blks_hit int8, toast_blks_read int8, toast_blks_hit int8, tidx_blks_read
  int8, tidx_blks_hit int8
pg_statio_sys_indexes: relid oid, indexrelid oid, schemaname, relname, indexrelname, idx_blks_read
  int8, idx_blks_hit int8
pg_statio_sys_sequences: relid oid, schemaname, relname, blks_read int8, blks_hit int8
pg_statio_sys_tables: relid oid, schemaname, relname, heap_blks_read int8, heap_blks_hit int8,
  idx_blks_read int8, idx_blks_hit int8, toast_blks_read int8, toast_blks_hit int8, tidx_blks_read
  int8, tidx_blks_hit int8
pg_statio_user_indexes: relid oid, indexrelid oid, schemaname, relname, indexrelname,
  idx_blks_read int8, idx_blks_hit int8
pg_statio_user_sequences: relid oid, schemaname, relname, blks_read int8, blks_hit int8
pg_statio_user_tables: relid oid, schemaname, relname, heap_blks_read int8, heap_blks_hit int8,
  idx_blks_read int8, idx_blks_hit int8, toast_blks_read int8, toast_blks_hit int8, tidx_blks_read
  int8, tidx_blks_hit int8
pg_statistic: starelid oid, staattnum int2, stainherit bool, stanullfrac float4, stawidth int4,
  stadistinct float4, stakind1 int2, stakind2 int2, stakind3 int2, stakind4 int2, stakind5 int2,
  staop1 oid, staop2 oid, staop3 oid, staop4 oid, staop5 oid, stacoll1 oid, stacoll2 oid, stacoll3
  oid, stacoll4 oid, stacoll5 oid, stanumbers1 float4[], stanumbers2 float4[], stanumbers3
  float4[], stanumbers4 float4[], stanumbers5 float4[], stavalues1, stavalues2, stavalues3,
  stavalues4, stavalues5
pg_statistic_ext: oid oid, stxrelid oid, stxname, stxnamespace oid, stxowner oid, stxstattarget
  int4, stxkeys int2[], stxkind text[], stxexprs
pg_statistic_ext_data: stxoid oid, stxdinherit bool, stxdndistinct, stxddependencies, stxdmcv,
  stxdexpr
pg_stats: schemaname, tablename, attname, inherited bool, null_frac float4, avg_width int4,
  n_distinct float4, most_common_vals, most_common_freqs float4[], histogram_bounds, correlation
  float4, most_common_elems, most_common_elem_freqs float4[], elem_count_histogram float4[]
pg_stats_ext: schemaname, tablename, statistics_schemaname, statistics_name, statistics_owner,
  attnames text[], exprs text[], kinds text[], inherited bool, n_distinct, dependencies,
  most_common_vals text[], most_common_val_nulls, most_common_freqs float8[],
  most_common_base_freqs float8[]
pg_stats_ext_exprs: schemaname, tablename, statistics_schemaname, statistics_name,
  statistics_owner, expr, inherited bool, null_frac float4, avg_width int4, n_distinct float4,
  most_common_vals, most_common_freqs float4[], histogram_bounds, correlation float4,
  most_common_elems, most_common_elem_freqs float4[], elem_count_histogram float4[]
pg_subscription: oid oid, subdbid oid, subskiplsn, subname, subowner oid, subenabled bool,
  subbinary bool, substream bool, subtwophasestate, subdisableonerr bool, subconninfo,
  subslotname, subsynccommit, subpublications text[]
pg_subscription_rel: srsubid oid, srrelid oid, srsubstate, srsublsn
pg_tables: schemaname, tablename, tableowner, tablespace, hasindexes bool, hasrules bool,
  hastriggers bool, rowsecurity bool
pg_tablespace: oid oid, spcname, spcowner oid, spcacl text[], spcoptions text[]
pg_timezone_abbrevs: abbrev, utc_offset interval, is_dst bool
pg_timezone_names: name, abbrev, utc_offset interval, is_dst bool
pg_transform: oid oid, trftype oid, trflang oid, trffromsql oid, trftosql oid
pg_trigger: oid oid, tgrelid oid, tgparentid oid, tgname, tgfoid oid, tgtype int2, tgenabled,
  tgisinternal bool, tgconstrrelid oid, tgconstrindid oid, tgconstraint oid, tgdeferrable bool,
  tginitdeferred bool, tgnargs int2, tgattr int2[], tgargs bytea, tgqual, tgoldtable, tgnewtable
pg_ts_config: oid oid, cfgname, cfgnamespace oid, cfgowner oid, cfgparser oid
pg_ts_config_map: mapcfg oid, maptokentype int4, mapseqno int4, mapdict oid
pg_ts_dict: oid oid, dictname, dictnamespace oid, dictowner oid, dicttemplate oid, dictinitoption
pg_ts_parser: oid oid, prsname, prsnamespace oid, prsstart oid, prstoken oid, prsend oid,
  prsheadline oid, prslextype oid
pg_ts_template: oid oid, tmplname, tmplnamespace oid, tmplinit oid, tmpllexize oid
pg_type: oid oid, typname, typnamespace oid, typowner oid, typlen int2, typbyval bool, typtype,
  typcategory, typispreferred bool, typisdefined bool, typdelim, typrelid oid, typsubscript oid,
  typelem oid, typarray oid, typinput oid, typoutput oid, typreceive oid, typsend oid, typmodin
  oid, typmodout oid, typanalyze oid, typalign, typstorage, typnotnull bool, typbasetype oid,
  typtypmod int4, typndims int4, typcollation oid, typdefaultbin, typdefault, typacl text[]
pg_user: usename, usesysid oid, usecreatedb bool, usesuper bool, userepl bool, usebypassrls bool,
  passwd, valuntil timestamptz, useconfig text[]
pg_user_mapping: oid oid, umuser oid, umserver oid, umoptions text[]
pg_user_mappings: umid oid, srvid oid, srvname, umuser oid, usename, umoptions text[]
pg_views: schemaname, viewname, viewowner, definition
""")
