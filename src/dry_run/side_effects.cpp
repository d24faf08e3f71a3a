#include "dry_run/side_effects.hpp"

#include "dry_run/telling_names.hpp"
#include "pg/catalog.hpp"
#include "pg/outside_effects.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"

#include <algorithm>
#include <string_view>

namespace confiture::dry_run {

namespace {

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
    return lower.find("language") != std::string::npos || has_telling_name(lower);
}

/* Code of an untrusted language may run when it is compiled, as BEGIN blocks of Perl do. */
bool compiles_or_runs(std::string_view tag) {
    return tag == "DO" || tag == "CREATE FUNCTION" || tag == "CREATE PROCEDURE";
}

/* Such a statement keeps the calls in its text for later, or makes rows call them: what is really
 * called while it runs is told then. */
bool keeps_for_later(std::string_view tag) {
    if (tag == "CREATE TABLE AS" || tag == "CREATE MATERIALIZED VIEW")
        return false;
    return tag.starts_with("CREATE ") || tag.starts_with("ALTER ") || tag.starts_with("DROP ") ||
           tag == "PREPARE" || tag == "COMMENT" || tag == "GRANT" || tag == "REVOKE";
}

void foresee_command(std::string_view text, std::string_view command, std::int32_t line,
                     std::vector<side_effect> &found) {
    for (const char *telling : {"COPY", "DISCARD SEQUENCES", "LOAD", "CHECKPOINT"})
        if (command == telling)
            if (const auto effect = pg::outside_effect_of(text); effect != pg::outside_effect::none)
                found.push_back(effect_of(effect, line));
}

void foresee_names(std::string_view text, std::string_view command, std::int32_t line,
                   std::vector<side_effect> &found) {
    if (!keeps_for_later(command))
        for (const std::string &name : pg::calls_in(text))
            if (const telling_name *telling = find_telling(name))
                found.push_back({telling->kind, name, telling->message, 0, line});
    if (compiles_or_runs(command))
        for (const std::string &name : pg::names_in(text))
            if (is_untrusted_language(name))
                found.push_back(effect_of_language(name, line));
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
    for (const std::uint32_t sequence : sequences_advanced_since(before))
        if (const auto known = pg::name_of_relation(sequence))
            found.push_back({"sequence", known->name,
                             "sequence " + known->name + " was advanced and stays so"});
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

/* AccessExclusiveLocks of relations are in the WAL: a standby takes them, too, and gives them back
 * with the end of the transaction. */
void look_at_standbys(const chain_record &chain, std::vector<side_effect> &found) {
    constexpr const char *standbys = R"(
SELECT FROM pg_catalog.pg_stat_get_wal_senders() s
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_get_replication_slots() r
                  WHERE r.active_pid = s.pid AND r.slot_type = 'logical') LIMIT 1)";
    std::string tables;
    for (const auto &[oid, relation] : chain.relations.all())
        if (!relation.created_here && !relation.temporary && pg::is_table(relation.kind) &&
            chain.ledger.holds(oid, running::access_exclusive_lock))
            tables += (tables.empty() ? "" : ", ") + relation.name;
    if (!tables.empty() && pg::setting("wal_level") != "minimal" && !pg::query(standbys).empty())
        found.push_back({"server", tables,
                         "standbys replayed the AccessExclusiveLocks on " + tables +
                             ": queries there waited for them or were cancelled"});
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
        const std::string_view command = pg::tag_name(statement.tag);
        foresee_command(text, command, statement.line, found);
        if (names_tell)
            foresee_names(text, command, statement.line, found);
    };
    for (const pg::statement &statement : input.script.statements)
        look_at(statement);
    for (const auto &hook : input.hooks) // their statements stand in the same text
        for (const pg::statement &statement : hook->statements)
            look_at(statement);
    return found;
}

failure refusal_of(const side_effect &effect, const std::string &file) {
    const std::string line = effect.line > 0 ? std::to_string(effect.line) : "";
    const std::string place = line.empty()   ? ""
                              : file.empty() ? "Line " + line + ": "
                                             : "File \"" + file + "\", line " + line + ": ";
    return {dry_run_error, "the migration does what a rollback cannot undo",
            place + effect.message + ".", "Without the option strict it is run and warned of."};
}

void add_met(const std::vector<side_effect> &met, std::vector<side_effect> &found) {
    for (const side_effect &effect : met)
        if (std::none_of(found.begin(), found.end(), [&](const side_effect &other) {
                return other.kind == effect.kind && other.line == effect.line &&
                       (other.object == effect.object || effect.kind == "untrusted_language");
            }))
            found.push_back(effect);
}

std::vector<side_effect> clean_up(const chain_record &chain, const session_snapshot &before) {
    std::vector<side_effect> found;
    look_at_dead_space(chain, found);
    look_at_sequences(chain, before, found);
    restore_advisory_locks(before, found);
    look_at_names(before, found);
    look_at_statistics(chain, found);
    look_at_standbys(chain, found);
    return found;
}

} // namespace confiture::dry_run
