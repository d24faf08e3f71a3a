#include "dry_run/ending.hpp"

#include "migration/failure_hint.hpp"
#include "pg/error.hpp"
#include "pg/session.hpp"
#include "pg/tracer.hpp"

#include <algorithm>

namespace confiture::dry_run {

std::size_t most_locks(const options &chosen) {
    return chosen.max_locks < 0 ? pg::lock_table_capacity() / 2
                                : static_cast<std::size_t>(chosen.max_locks);
}

ending::ending(const options &chosen, const pg::session_watch &watch)
    : chosen_(chosen), watch_(watch) {}

void ending::begin(migration_record &migration, const migration_input &input) {
    migration_ = &migration;
    script_ = &input.script;
    steps_ = migration::steps_of(input.script, input.transactional);
    forward_ = input.direction == "forward";
    forget_step();
}

void ending::forget_step() {
    enums_made_.clear();
    labels_added_.clear();
    labels_of_new_enums_.clear();
}

void ending::step_ended() {
    labels_before_ = enums_.take_for_committed();
    forget_step();
}

void ending::enum_changed(const pg::statement_facts &facts) {
    if (facts.enum_label.empty()) {
        if (!facts.enum_type.empty())
            enums_made_.push_back(facts.enum_type);
        return;
    }
    labels_added_.push_back(facts.enum_label);
    if (std::find(enums_made_.begin(), enums_made_.end(), facts.enum_type) != enums_made_.end())
        labels_of_new_enums_.push_back(facts.enum_label);
}

void ending::fail(statement_record &record, const failure &refused) {
    failure_record failed = migration::failure_of(refused);
    failed.line = record.where.line;
    failed.column = record.where.column;
    file(record, std::move(failed));
}

void ending::fail(failure_record &&violation) {
    violation.file = migration_->file;
    migration_->error = std::move(violation);
    migration_->status = run_status::failed;
}

void ending::hook_failed(failure_record &&failed) {
    if (!missing_.explains(failed))
        return fail(std::move(failed));
    migration_->status = run_status::needs_commit;
    migration_->reason = needs_what_was_not_run + failed.message;
}

void ending::file(statement_record &record, failure_record &&failed) {
    failed.statement = record.ordinal;
    record.status = statement_status::failed;
    record.reason = failed.message;
    fail(std::move(failed));
}

void ending::stop(statement_record &record, std::string reason) {
    record.status = statement_status::stopped;
    record.reason = reason;
    migration_->status = run_status::stopped;
    migration_->reason = std::move(reason);
}

void ending::need_commit(statement_record &record, std::string reason) {
    record.status = statement_status::needs_commit;
    record.reason = reason;
    migration_->status = run_status::needs_commit;
    migration_->reason = std::move(reason);
}

void ending::end_by(pg::stop_reason reason, statement_record &record) {
    if (reason == pg::stop_reason::statement_timeout)
        fail(record, failure{sqlstate{"57014"}, "canceling statement due to statement timeout", "",
                             "The script sets statement_timeout itself."});
    else
        stop(record, sentence(reason));
}

bool ending::stops(statement_record &record, std::size_t shared_locks) {
    pg::stop_reason reason = watch_.stopped();
    if (reason == pg::stop_reason::none && most_locks(chosen_) &&
        shared_locks > most_locks(chosen_)) // in too short a time for the timer
        reason = pg::stop_reason::too_many_locks;
    if (reason == pg::stop_reason::none)
        return false;
    end_by(reason, record);
    return true;
}

bool ending::stops_without_lock(const std::string &sqlstate, statement_record &record) {
    if (sqlstate != "55P03" || migration_->status != run_status::complete || !lock_timeout_passed())
        return false;
    stop(record, sentence(pg::stop_reason::lock_timeout));
    return true;
}

std::string ending::sentence(pg::stop_reason reason) const {
    const auto limit = [](int milliseconds) { return std::to_string(milliseconds) + " ms"; };
    switch (reason) {
    case pg::stop_reason::wait_caused:
        return "another session has waited for a lock of this dry run longer than "
               "max_wait_caused (" +
               limit(chosen_.max_wait_caused_ms) + ")";
    case pg::stop_reason::lock_hold:
        return "a lock that blocks writers was held longer than max_lock_hold (" +
               limit(chosen_.max_lock_hold_ms) + ")";
    case pg::stop_reason::too_many_locks:
        return "more locks were taken than max_locks allows (" +
               std::to_string(most_locks(chosen_)) + " in a shared lock table with room for " +
               std::to_string(pg::lock_table_capacity()) + ")";
    case pg::stop_reason::autovacuum:
        return "autovacuum works on a table that it needs a lock of; the server would cancel it if "
               "the dry run went on waiting";
    case pg::stop_reason::lock_timeout:
        return "a lock could not be acquired within lock_timeout";
    case pg::stop_reason::statement_timeout: // is filed as the script's own failure
    case pg::stop_reason::none:
        break;
    }
    return "";
}

bool ending::label_needs_commit(const std::string &message) const {
    const auto named = [&](const std::string &label) {
        return message.find("\"" + label + "\"") != std::string::npos;
    };
    const auto among = [&](const std::vector<std::string> &labels) {
        return std::any_of(labels.begin(), labels.end(), named);
    };
    return among(labels_added_) ? pg::server_major_version() >= 17 && among(labels_of_new_enums_)
                                : among(labels_before_);
}

void ending::note_error(const pg::error &raised, statement_record &record) {
    const std::string state = raised.sqlstate();
    if (watch_.caused(raised))
        return end_by(watch_.stopped(), record);
    if (state == "57014" || state.rfind("57P", 0) == 0 || state == "40001")
        throw raised;
    if (record.ordinal > 0 && stops_without_lock(state, record))
        return;
    if (commits_itself(state, record.ordinal))
        return need_commit(record,
                           "it ends transactions itself, which cannot be tried inside of one");
    if (state == "55P04" && label_needs_commit(raised.what()))
        return need_commit(record, raised.what());
    if (missing_.explains(raised,
                          record.ordinal > 0 ? script_->text_of(record.where) : std::string_view()))
        return need_commit(record, std::string(needs_what_was_not_run) + raised.what());
    if (record.ordinal == 0)
        return file(record, migration::failure_of(raised));
    failure_record failed = migration::failure_in(*script_, record.where, raised);
    migration::add_hint(
        failed, {migration_->version, forward_, pg::tag_name(record.where.tag), running_as_});
    file(record, std::move(failed));
}

/* A procedure that commits, and confiture's own that refuse where they cannot: up() runs such a
 * step at the top level. */
bool ending::commits_itself(const std::string &sqlstate, std::int32_t ordinal) const {
    if (sqlstate != "2D000" && sqlstate != not_transactional.code)
        return false;
    return std::any_of(steps_.begin(), steps_.end(), [&](const migration::step &step) {
        return step.may_commit && step.first + 1 == static_cast<std::size_t>(ordinal);
    });
}

/* NOWAIT raises the same SQLSTATE without having waited. */
bool ending::lock_timeout_passed() const {
    const std::vector<pg::lock_wait> waits = watch_.waits();
    return !waits.empty() && pg::now_ms() - waits.back().ended_ms < 100;
}

} // namespace confiture::dry_run
