"""The other settings of PostgreSQL that a client may ask for or set; none changes what is done.

Source of names and values: PostgreSQL 15, chapter 20, and its server as it is installed.
"""

from __future__ import annotations


def _parsed(text: str) -> dict[str, str]:
    pairs = (one.strip().partition(" ") for one in text.replace("\n", " ").split(";"))
    return {name: value for name, _, value in pairs}


KEPT = _parsed("""
temp_file_limit -1; vacuum_cost_page_dirty 20;
allow_in_place_tablespaces off; allow_system_table_mods off; array_nulls on;
backend_flush_after 0; backtrace_functions; client_connection_check_interval 0; commit_delay 0;
commit_siblings 5; compute_query_id auto; constraint_exclusion partition;
cpu_index_tuple_cost 0.005; cpu_operator_cost 0.0025; cpu_tuple_cost 0.01;
cursor_tuple_fraction 0.1; deadlock_timeout 1s; debug_discard_caches 0; debug_pretty_print on;
debug_print_parse off; debug_print_plan off; debug_print_rewritten off;
default_statistics_target 100; default_toast_compression pglz; dynamic_library_path $libdir;
effective_cache_size 4GB; effective_io_concurrency 1; enable_async_append on;
enable_gathermerge on; enable_incremental_sort on; enable_indexonlyscan on; enable_material on;
enable_memoize on; enable_parallel_append on; enable_parallel_hash on;
enable_partition_pruning on; enable_partitionwise_aggregate off; enable_partitionwise_join off;
enable_tidscan on; exit_on_error off; force_parallel_mode off; from_collapse_limit 8; geqo on;
geqo_effort 5; geqo_generations 0; geqo_pool_size 0; geqo_seed 0; geqo_selection_bias 2;
geqo_threshold 12; gin_fuzzy_search_limit 0; gin_pending_list_limit 4MB; hash_mem_multiplier 2;
ignore_checksum_failure off; jit_above_cost 100000; jit_dump_bitcode off; jit_expressions on;
jit_inline_above_cost 500000; jit_optimize_above_cost 500000; jit_tuple_deforming on;
join_collapse_limit 8; lo_compat_privileges off; local_preload_libraries; log_duration off;
log_error_verbosity default; log_executor_stats off; log_lock_waits off;
log_min_duration_statement -1; log_min_error_statement error; log_min_messages warning;
log_parser_stats off; log_planner_stats off; log_statement none; log_statement_stats off;
log_temp_files -1; logical_decoding_work_mem 64MB; maintenance_io_concurrency 10;
maintenance_work_mem 64MB; max_parallel_maintenance_workers 2; max_parallel_workers 8;
max_parallel_workers_per_gather 2; max_stack_depth 2MB; min_parallel_index_scan_size 512kB;
min_parallel_table_scan_size 8MB; parallel_leader_participation on; parallel_setup_cost 1000;
parallel_tuple_cost 0.1; password_encryption scram-sha-256; random_page_cost 4;
recursive_worktable_factor 10; restrict_nonsystem_relation_kind; seq_page_cost 1;
session_preload_libraries; session_replication_role origin; stats_fetch_consistency cache;
tcp_keepalives_count 9; tcp_keepalives_idle 7200; tcp_keepalives_interval 75; tcp_user_timeout 0;
temp_buffers 8MB; timezone_abbreviations Default; trace_notify off; trace_sort off;
track_activities on; track_counts on; track_functions none; track_io_timing off;
track_wal_io_timing off; transform_null_equals off; update_process_title on; vacuum_cost_delay 0;
vacuum_cost_limit 200; vacuum_cost_page_hit 1; vacuum_cost_page_miss 2;
vacuum_failsafe_age 1600000000; vacuum_freeze_min_age 50000000; vacuum_freeze_table_age 150000000;
vacuum_multixact_failsafe_age 1600000000; vacuum_multixact_freeze_min_age 5000000;
vacuum_multixact_freeze_table_age 150000000; wal_compression off; wal_consistency_checking;
wal_init_zero on; wal_recycle on; wal_sender_timeout 1min; wal_skip_threshold 2MB;
xmlbinary base64; zero_damaged_pages off
""")
FIXED = _parsed("""
authentication_timeout 1min; autovacuum_analyze_scale_factor 0.1; autovacuum_analyze_threshold 50;
autovacuum_freeze_max_age 200000000; autovacuum_max_workers 3;
autovacuum_multixact_freeze_max_age 400000000; autovacuum_naptime 1min;
autovacuum_vacuum_cost_delay 2ms; autovacuum_vacuum_cost_limit -1;
autovacuum_vacuum_insert_scale_factor 0.2; autovacuum_vacuum_insert_threshold 1000;
autovacuum_vacuum_scale_factor 0.2; autovacuum_vacuum_threshold 50; autovacuum_work_mem -1;
bgwriter_delay 200ms; bgwriter_flush_after 512kB; bgwriter_lru_maxpages 100;
bgwriter_lru_multiplier 2; checkpoint_completion_target 0.9; checkpoint_flush_after 256kB;
checkpoint_timeout 5min; checkpoint_warning 30s; db_user_namespace off;
dynamic_shared_memory_type posix; hot_standby on; hot_standby_feedback off; huge_page_size 0;
huge_pages try; ignore_invalid_pages off; ignore_system_indexes off; jit_provider llvmjit;
logging_collector off; max_function_args 100; max_locks_per_transaction 64;
max_logical_replication_workers 4; max_pred_locks_per_page 2; max_pred_locks_per_relation -2;
max_pred_locks_per_transaction 64; max_prepared_transactions 0; max_replication_slots 10;
max_slot_wal_keep_size -1; max_standby_streaming_delay 30s; max_sync_workers_per_subscription 2;
max_wal_senders 10; max_wal_size 1GB; max_worker_processes 8; min_dynamic_shared_memory 0;
min_wal_size 80MB; old_snapshot_threshold -1; post_auth_delay 0; pre_auth_delay 0;
restart_after_crash on; segment_size 1GB; shared_buffers 128MB; shared_memory_size 140MB;
shared_memory_size_in_huge_pages 70; shared_memory_type mmap; shared_preload_libraries;
superuser_reserved_connections 3; synchronous_standby_names; track_activity_query_size 1kB;
track_commit_timestamp off; vacuum_defer_cleanup_age 0; wal_block_size 8192; wal_buffers 4MB;
wal_decode_buffer_size 512kB; wal_keep_size 0; wal_receiver_create_temp_slot off;
wal_receiver_status_interval 10s; wal_receiver_timeout 1min; wal_retrieve_retry_interval 5s;
wal_segment_size 16MB; wal_sync_method fdatasync; wal_writer_delay 200ms;
wal_writer_flush_after 1MB
""")
