/* The sentences of a dry run, the most severe first. */
#include "dry_run/result.hpp"

#include <algorithm>
#include <cmath>

namespace confiture::dry_run {

namespace {

std::string duration(double ms) {
    if (ms >= 1000) {
        const auto tenths = static_cast<std::int64_t>(std::llround(ms / 100));
        return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
    }
    return std::to_string(std::llround(ms)) + " ms";
}

std::string megabytes(std::int64_t bytes) { return std::to_string(bytes / (1024 * 1024)) + " MB"; }

std::string place_of(const failure_record &error) {
    return (error.line > 0 ? " in line " + std::to_string(error.line) : "") +
           (error.file.empty() ? "" : (error.line > 0 ? " of \"" : " in \"") + error.file + "\"");
}

void tell_outcome(const migration_record &migration, std::vector<std::string> &told) {
    const std::string progress = std::to_string(migration.statements_run) + " of " +
                                 std::to_string(migration.statement_count) + " statements were run";
    switch (migration.status) {
    case run_status::failed:
        told.push_back("The migration fails" + place_of(*migration.error) + ": " +
                       migration.error->message + " (SQLSTATE " + migration.error->sqlstate +
                       "); " + progress + "." +
                       (migration.error->detail.empty() ? "" : " " + migration.error->detail));
        break;
    case run_status::stopped:
        told.push_back("The dry run was stopped: " + migration.reason + "; " + progress + ".");
        break;
    case run_status::needs_commit:
        told.push_back("A commit is needed in between: " + migration.reason + "; " + progress +
                       ", the rest cannot be tried before.");
        break;
    case run_status::not_run:
        told.emplace_back("The migration was not run: one before it could not be completed.");
        break;
    case run_status::complete:
        break;
    }
}

std::string sentence_of(const table_hold &hold) {
    const char *what = hold.kind == 'S' ? "Nobody can take values from "
                       : hold.exclusive ? "Nobody can read or write "
                                        : "Nobody can write to ";
    std::string told = what + hold.table + " for " + (hold.is_upper_bound ? "at most " : "") +
                       duration(hold.downtime_ms);
    if (hold.waited_ms > 0)
        told += ", " + duration(hold.waited_ms) + " of it behind the wait for the lock";
    if (hold.exclusive && hold.until_end && hold.kind != 'S')
        told += ": an AccessExclusiveLock is held until the end";
    return told + ".";
}

/* For the locks that keep others waiting longest. */
void tell_locks(const lock_summary &locks, std::vector<std::string> &told) {
    for (const table_hold &hold : locks.holds)
        told.push_back(sentence_of(hold));
    if (locks.holds_left_out > 0)
        told.push_back(std::to_string(locks.holds_left_out) +
                       " more tables are locked against writers.");
}

void tell_statements(const migration_record &migration, std::vector<std::string> &told) {
    for (const statement_record &statement : migration.statements)
        for (const relation_rewrite &rewrite : statement.rewrites)
            told.push_back("The statement in line " + std::to_string(statement.where.line) +
                           " rewrites " + rewrite.relation + " (" + megabytes(rewrite.bytes) +
                           ").");
    for (const statement_record &statement : migration.statements)
        for (const std::string &constraint : statement.constraints_validated)
            told.push_back("The statement in line " + std::to_string(statement.where.line) +
                           " checks every row for " + constraint + ".");
}

void tell_waits(const chain_record &chain, const migration_record &migration,
                std::vector<std::string> &told) {
    for (const pg::wait_caused &wait : chain.waits_caused) {
        const relation_info *relation =
            wait.tag.is_relation() ? chain.relations.find(wait.tag.relation()) : nullptr;
        told.push_back("Process " + std::to_string(wait.process_id) + " had to wait " +
                       duration(wait.longest_ms) + " for a lock of this dry run" +
                       (relation ? " on " + relation->name : "") + ".");
    }
    if (migration.waited_ms > 0)
        told.push_back("The migration waited " + duration(migration.waited_ms) +
                       " for locks of other sessions.");
}

} // namespace

std::vector<std::string> warnings_of(const migration_result &result) {
    const migration_record &migration = result.migration();
    std::vector<std::string> told;
    if (!migration.standing.empty())
        told.push_back(migration.standing);
    tell_outcome(migration, told);
    tell_locks(result.locks, told);
    tell_waits(*result.chain, migration, told);
    tell_statements(migration, told);
    for (const std::vector<std::string> *sentences :
         {&migration.not_run, &migration.emulated, &migration.warnings})
        for (const std::string &sentence : *sentences)
            told.push_back(sentence + ".");
    for (const side_effect &effect : result.side_effects)
        told.push_back("The rollback does not undo this: " + effect.message + ".");
    constexpr std::size_t most = 50;
    if (told.size() > most) {
        const std::size_t more = told.size() - most;
        told.resize(most);
        told.push_back("There are " + std::to_string(more) + " more warnings.");
    }
    return told;
}

} // namespace confiture::dry_run
