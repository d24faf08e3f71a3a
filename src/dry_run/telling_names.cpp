#include "dry_run/telling_names.hpp"

#include <algorithm>

namespace confiture::dry_run {

namespace {

constexpr telling_name telling_names[] = {
    {"setval", "sequence", "setval() moves a sequence for good", true},
    {"nextval", "sequence", "nextval() advances a sequence for good", true},
    {"dblink", "remote", "dblink() works in a session of its own", false, false},
    {"dblink_exec", "remote", "dblink_exec() works in a session of its own", false, false},
    {"dblink_send_query", "remote", "dblink_send_query() works in a session of its own", false,
     false},
    {"dblink_open", "remote", "dblink_open() works in a session of its own", false, false},
    {"dblink_connect", "remote",
     "dblink_connect() opens a connection that stays open until dblink_disconnect()", false, false},
    {"dblink_connect_u", "remote",
     "dblink_connect_u() opens a connection that stays open until dblink_disconnect()", false,
     false},
    {"dblink_disconnect", "remote", "dblink_disconnect() closes a connection for good", false,
     false},
    {"lo_export", "file", "lo_export() writes a file"},
    {"pg_file_write", "file", "pg_file_write() writes a file", false, false},
    {"pg_file_rename", "file", "pg_file_rename() renames a file", false, false},
    {"pg_file_unlink", "file", "pg_file_unlink() removes a file", false, false},
    {"pg_file_sync", "file", "pg_file_sync() writes a file to the disk", false, false},
    {"pg_advisory_lock", "advisory_lock", "pg_advisory_lock() takes a lock of the session", true},
    {"pg_advisory_lock_shared", "advisory_lock",
     "pg_advisory_lock_shared() takes a lock of the session", true},
    {"pg_try_advisory_lock", "advisory_lock", "pg_try_advisory_lock() takes a lock of the session",
     true},
    {"pg_try_advisory_lock_shared", "advisory_lock",
     "pg_try_advisory_lock_shared() takes a lock of the session", true},
    {"pg_advisory_unlock", "advisory_lock", "pg_advisory_unlock() releases a lock of the session",
     true},
    {"pg_advisory_unlock_shared", "advisory_lock",
     "pg_advisory_unlock_shared() releases a lock of the session", true},
    {"pg_advisory_unlock_all", "advisory_lock",
     "pg_advisory_unlock_all() releases the locks of the session", true},
    {"pg_terminate_backend", "server", "pg_terminate_backend() ends another session"},
    {"pg_cancel_backend", "server", "pg_cancel_backend() cancels another session's query"},
    {"pg_reload_conf", "server", "pg_reload_conf() reloads the server's configuration"},
    {"pg_rotate_logfile", "server", "pg_rotate_logfile() begins a new log file"},
    {"pg_promote", "server", "pg_promote() ends the recovery of a standby"},
    {"pg_wal_replay_pause", "server", "pg_wal_replay_pause() pauses recovery"},
    {"pg_wal_replay_resume", "server", "pg_wal_replay_resume() resumes recovery"},
    {"pg_logical_emit_message", "server",
     "pg_logical_emit_message() may write to the WAL for good"},
    {"pg_log_standby_snapshot", "server", "pg_log_standby_snapshot() writes to the WAL for good"},
    {"pg_create_restore_point", "server", "pg_create_restore_point() writes to the WAL for good"},
    {"pg_switch_wal", "server", "pg_switch_wal() switches the WAL file for good"},
    {"pg_start_backup", "server", "pg_start_backup() begins a backup"},
    {"pg_backup_start", "server", "pg_backup_start() begins a backup"},
    {"pg_stop_backup", "server", "pg_stop_backup() ends a backup"},
    {"pg_backup_stop", "server", "pg_backup_stop() ends a backup"},
    {"pg_create_physical_replication_slot", "server", "a replication slot stays"},
    {"pg_create_logical_replication_slot", "server", "a replication slot stays"},
    {"pg_copy_physical_replication_slot", "server", "a replication slot stays"},
    {"pg_copy_logical_replication_slot", "server", "a replication slot stays"},
    {"pg_drop_replication_slot", "server", "a dropped replication slot does not come back"},
    {"pg_replication_slot_advance", "server", "a replication slot is advanced for good"},
    {"pg_sync_replication_slots", "server", "replication slots are synchronized for good"},
    {"pg_logical_slot_get_changes", "server", "a replication slot is advanced for good"},
    {"pg_logical_slot_get_binary_changes", "server", "a replication slot is advanced for good"},
    {"pg_replication_origin_advance", "server", "a replication origin is advanced for good"},
    {"pg_replication_origin_session_setup", "server", "the session keeps its replication origin"},
    {"pg_replication_origin_session_reset", "server", "the session loses its replication origin"},
    {"pg_stat_reset", "statistics", "pg_stat_reset() discards the statistics of the database"},
    {"pg_stat_reset_shared", "statistics",
     "pg_stat_reset_shared() discards statistics of the server"},
    {"pg_stat_reset_single_table_counters", "statistics",
     "pg_stat_reset_single_table_counters() discards the statistics of a table"},
    {"pg_stat_reset_single_function_counters", "statistics",
     "pg_stat_reset_single_function_counters() discards the statistics of a function"},
    {"pg_stat_reset_slru", "statistics", "pg_stat_reset_slru() discards statistics of the server"},
    {"pg_stat_reset_replication_slot", "statistics",
     "pg_stat_reset_replication_slot() discards the statistics of replication slots"},
    {"pg_stat_reset_subscription_stats", "statistics",
     "pg_stat_reset_subscription_stats() discards the statistics of subscriptions"},
    {"pg_stat_reset_backend_stats", "statistics",
     "pg_stat_reset_backend_stats() discards the statistics of a session"},
    {"pg_stat_statements_reset", "statistics",
     "pg_stat_statements_reset() discards the statistics of queries", false, false},
};

} // namespace

const telling_name *find_telling(std::string_view function) {
    const auto *found =
        std::find_if(std::begin(telling_names), std::end(telling_names),
                     [&](const telling_name &telling) { return function == telling.name; });
    return found == std::end(telling_names) ? nullptr : found;
}

const telling_name *find_telling(const pg::function_facts &function) {
    const telling_name *found = find_telling(function.name);
    return found && found->built_in == function.built_in ? found : nullptr;
}

bool has_telling_name(std::string_view lower_case) {
    return std::any_of(std::begin(telling_names), std::end(telling_names),
                       [&](const telling_name &telling) {
                           return lower_case.find(telling.name) != std::string_view::npos;
                       });
}

side_effect effect_of(pg::outside_effect effect, std::int32_t line) {
    using pg::outside_effect;
    switch (effect) {
    case outside_effect::runs_program:
        return {"program", "COPY", "COPY ... PROGRAM runs a program of the server", 0, line};
    case outside_effect::writes_file:
        return {"file", "COPY", "COPY ... TO writes a file of the server", 0, line};
    case outside_effect::forgets_sequences:
        return {"sequence", "DISCARD SEQUENCES",
                "the session forgets what currval() and lastval() say", 0, line};
    case outside_effect::loads_library:
        return {"server", "LOAD", "a library that was loaded stays loaded", 0, line};
    case outside_effect::makes_checkpoint:
        return {"server", "CHECKPOINT", "a checkpoint is made for all", 0, line};
    case outside_effect::runs_untrusted:
        return {"untrusted_language", "DO",
                "code in an untrusted language may do anything outside the database", 0, line};
    case outside_effect::none:
        break;
    }
    return {};
}

side_effect effect_of_language(const std::string &language, std::int32_t line) {
    return {"untrusted_language", language,
            "code in the untrusted language " + language + " may do anything outside the database",
            0, line};
}

} // namespace confiture::dry_run
