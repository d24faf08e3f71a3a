#include "dry_run/side_effects.hpp"

#include "pg/catalog.hpp"
#include "pg/session.hpp"

#include <algorithm>
#include <string_view>

namespace confiture::dry_run {

namespace {

struct telling_name {
    const char *name;
    const char *kind;
    const char *message;
};

/* Functions of the server and of contrib whose effect is not transactional. */
constexpr telling_name telling_names[] = {
    {"setval", "sequence", "setval() moves a sequence for good"},
    {"nextval", "sequence", "nextval() advances a sequence for good"},
    {"dblink", "remote", "dblink() works in a session of its own"},
    {"dblink_exec", "remote", "dblink_exec() works in a session of its own"},
    {"dblink_send_query", "remote", "dblink_send_query() works in a session of its own"},
    {"lo_export", "file", "lo_export() writes a file"},
    {"pg_file_write", "file", "pg_file_write() writes a file"},
    {"pg_advisory_lock", "advisory_lock", "pg_advisory_lock() takes a lock of the session"},
    {"pg_advisory_lock_shared", "advisory_lock",
     "pg_advisory_lock_shared() takes a lock of the session"},
    {"pg_try_advisory_lock", "advisory_lock", "pg_try_advisory_lock() takes a lock of the session"},
    {"pg_try_advisory_lock_shared", "advisory_lock",
     "pg_try_advisory_lock_shared() takes a lock of the session"},
    {"pg_advisory_unlock", "advisory_lock", "pg_advisory_unlock() releases a lock of the session"},
    {"pg_advisory_unlock_shared", "advisory_lock",
     "pg_advisory_unlock_shared() releases a lock of the session"},
    {"pg_advisory_unlock_all", "advisory_lock",
     "pg_advisory_unlock_all() releases the locks of the session"},
    {"pg_terminate_backend", "server", "pg_terminate_backend() ends another session"},
    {"pg_cancel_backend", "server", "pg_cancel_backend() cancels another session's query"},
    {"pg_reload_conf", "server", "pg_reload_conf() reloads the server's configuration"},
    {"pg_logical_emit_message", "server",
     "pg_logical_emit_message() may write to the WAL for good"},
    {"pg_create_physical_replication_slot", "server", "a replication slot stays"},
    {"pg_create_logical_replication_slot", "server", "a replication slot stays"},
    {"pg_drop_replication_slot", "server", "a dropped replication slot does not come back"},
    {"pg_switch_wal", "server", "pg_switch_wal() switches the WAL file for good"},
};

bool is_untrusted_language(const std::string_view name) {
    return name.size() > 2 && name.rfind("pl", 0) == 0 && name.back() == 'u' && name != "plu";
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char &letter : lower)
        if (letter >= 'A' && letter <= 'Z')
            letter = static_cast<char>(letter - 'A' + 'a');
    return lower;
}

/* Tokens are read only where one of the telling words stands somewhere: most scripts have none. */
bool may_tell(const std::string &script) {
    const std::string lower = lower_case(script);
    if (lower.find("language") != std::string::npos)
        return true;
    return std::any_of(
        std::begin(telling_names), std::end(telling_names),
        [&](const telling_name &telling) { return lower.find(telling.name) != std::string::npos; });
}

void foresee_command(std::string_view text, std::string_view command, std::int32_t line,
                     std::vector<side_effect> &found) {
    const auto add = [&](const char *kind, std::string object, std::string message) {
        found.push_back({kind, std::move(object), std::move(message), 0, line});
    };
    if (command == "COPY") {
        if (pg::mentions(text, {"program"}))
            add("program", "COPY", "COPY ... PROGRAM runs a program of the server");
        else if (pg::mentions(text, {"to"}))
            add("file", "COPY", "COPY ... TO writes a file of the server");
    } else if (command == "DISCARD SEQUENCES")
        add("sequence", std::string(command),
            "the session forgets what currval() and lastval() say");
    else if (command == "LOAD")
        add("server", "LOAD", "a library that was loaded stays loaded");
    else if (command == "CHECKPOINT")
        add("server", "CHECKPOINT", "a checkpoint is made for all");
}

void foresee_names(std::string_view text, std::int32_t line, std::vector<side_effect> &found) {
    const auto add = [&](const char *kind, const std::string &object, std::string message) {
        found.push_back({kind, object, std::move(message), 0, line});
    };
    for (const std::string &name : pg::names_in(text)) {
        for (const telling_name &telling : telling_names)
            if (name == telling.name)
                add(telling.kind, name, telling.message);
        if (is_untrusted_language(name))
            add("untrusted_language", name,
                "code in the untrusted language " + name + " may do anything outside the database");
    }
}

std::string megabytes(std::int64_t bytes) {
    return bytes >= 1024 * 1024 ? std::to_string(bytes / (1024 * 1024)) + " MB"
                                : std::to_string(bytes / 1024) + " kB";
}

/* ALTER SEQUENCE and TRUNCATE … RESTART IDENTITY give a sequence a new file, which the rollback
 * takes away; whoever took a value before it, took it for good. */
bool was_advanced(const running::lock_ledger &ledger, const pg::lock_tag &sequence) {
    double used_ms = -1, replaced_ms = -1;
    for (const running::lock_entry &entry : ledger.entries()) {
        if (entry.erased || !(entry.tag == sequence))
            continue;
        if (entry.mode == running::row_exclusive_lock && used_ms < 0)
            used_ms = entry.acquired_ms;
        if (entry.mode > running::share_lock && replaced_ms < 0 && entry.released_ms < 0)
            replaced_ms = entry.acquired_ms;
    }
    return replaced_ms < 0 || (used_ms >= 0 && used_ms < replaced_ms);
}

/* The transaction keeps the lock on a sequence whose value it took. */
void look_at_sequences(const chain_record &chain, const session_snapshot &before,
                       std::vector<side_effect> &found) {
    for (const pg::held_lock &lock : pg::held_locks()) {
        const auto same = [&](const pg::held_lock &held) {
            return held.tag == lock.tag && (lock.modes & ~held.modes) == 0;
        };
        if (!lock.tag.is_relation() || std::any_of(before.held.begin(), before.held.end(), same))
            continue;
        const relation_info *relation = chain.relations.find(lock.tag.relation());
        if (relation && relation->kind == 'S' && was_advanced(chain.ledger, lock.tag))
            found.push_back({"sequence", relation->name,
                             "sequence " + relation->name + " was advanced and stays so"});
    }
}

std::string key_of(const pg::lock_tag &tag) {
    return std::to_string(tag.field2) + "," + std::to_string(tag.field3);
}

/* What is held more often than before is released, what is held less often is taken again. */
void restore_advisory_locks(const session_snapshot &before, std::vector<side_effect> &found) {
    for (const running::advisory_hold &taken : running::release_taken_since(before.advisory))
        found.push_back({"advisory_lock", key_of(taken.tag),
                         "a session-level advisory lock was taken; it was released again"});
    for (const running::advisory_hold &hold : before.advisory) {
        const std::int64_t fewer = hold.times - pg::times_held(hold.tag, hold.mode).session;
        if (fewer <= 0)
            continue;
        bool taken = true;
        for (std::int64_t i = 0; taken && i < fewer; i++)
            taken = pg::take_session_lock(hold.tag, hold.mode);
        found.push_back({"advisory_lock", key_of(hold.tag),
                         std::string("a session-level advisory lock of the caller was released; ") +
                             (taken ? "it was taken again" : "another session has it now")});
    }
}

void look_at_names(const session_snapshot &before, std::vector<side_effect> &found) {
    for (const std::string &name : drop_prepared_since(before))
        found.push_back({"prepared_statement", name,
                         "prepared statement " + name + " was left behind; it was dropped"});
    const session_snapshot now = snapshot_of_session();
    const auto tell_lost = [&](const std::vector<std::string> &had,
                               const std::vector<std::string> &has, const char *kind,
                               const std::string &message) {
        for (const std::string &name : had)
            if (std::find(has.begin(), has.end(), name) == has.end())
                found.push_back({kind, name, message + name});
    };
    tell_lost(before.prepared, now.prepared, "prepared_statement",
              "the script deallocated the session's prepared statement ");
    tell_lost(before.cursors, now.cursors, "cursor", "the script closed the session's cursor ");
}

void look_at_dead_space(const chain_record &chain, std::vector<side_effect> &found) {
    for (const auto &[oid, relation] : chain.relations.all()) {
        if (relation.created_here || relation.name.empty() || relation.kind == 'S')
            continue;
        const std::int64_t grown = pg::bytes_of_relation(oid).value_or(0) - relation.bytes_before;
        if (relation.written.all() == 0 && grown <= 0)
            continue;
        if (relation.kind == 'i' && grown <= 0)
            continue;
        found.push_back({"dead_space", relation.name,
                         relation.name + " keeps " + megabytes(std::max<std::int64_t>(grown, 0)) +
                             " more and " + std::to_string(relation.written.all()) +
                             " dead row versions; VACUUM frees them",
                         std::max<std::int64_t>(grown, 0)});
    }
    std::sort(found.begin(), found.end(), [](const side_effect &left, const side_effect &right) {
        return left.bytes != right.bytes ? left.bytes > right.bytes : left.object < right.object;
    });
}

void look_at_statistics(const chain_record &chain, std::vector<side_effect> &found) {
    if (chain.statistics_written_by)
        found.push_back({"statistics", chain.statistics_written_by,
                         "pg_class keeps row and page counts that " +
                             std::string(chain.statistics_written_by) + " wrote in place"});
}

} // namespace

std::vector<side_effect> foresee(const migration_input &input) {
    std::vector<side_effect> found;
    const bool names_tell = may_tell(input.script.text);
    const auto look_at = [&](const pg::statement &statement) {
        if (found.size() >= 100)
            return;
        const std::string_view text = input.script.text_of(statement);
        foresee_command(text, pg::tag_name(statement.tag), statement.line, found);
        if (names_tell)
            foresee_names(text, statement.line, found);
    };
    for (const pg::statement &statement : input.script.statements)
        look_at(statement);
    for (const auto &hook : input.hooks) // their statements stand in the same text
        for (const pg::statement &statement : hook->statements)
            look_at(statement);
    return found;
}

std::vector<side_effect> clean_up(const chain_record &chain, const session_snapshot &before) {
    std::vector<side_effect> found;
    look_at_dead_space(chain, found);
    look_at_sequences(chain, before, found);
    restore_advisory_locks(before, found);
    look_at_names(before, found);
    look_at_statistics(chain, found);
    return found;
}

} // namespace confiture::dry_run
