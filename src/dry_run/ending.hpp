#pragma once
/* How a migration ends before its end: failed, stopped by a limit, in need of a commit. */
#include "pg/plain.hpp"

#include "dry_run/left_out.hpp"
#include "dry_run/options.hpp"
#include "dry_run/record.hpp"
#include "dry_run/run.hpp"
#include "migration/steps.hpp"
#include "pg/session_watch.hpp"
#include "pg/uncommitted_enums.hpp"

#include <string>
#include <vector>

namespace confiture::dry_run {

inline constexpr const char *needs_what_was_not_run = "it needs what was not run: ";

class ending {
public:
    ending(const options &chosen, const pg::session_watch &watch);

    void begin(migration_record &migration, const migration_input &input);

    /* The role that the next statement runs as. */
    void running_as(std::string role) { running_as_ = std::move(role); }

    void fail(statement_record &record, const failure &refused);
    void fail(failure_record &&violation);

    /* A hook that failed for good: by itself, or for want of what was not run. */
    void hook_failed(failure_record &&failed);

    /* What was not run so far. */
    left_out &missing() { return missing_; }

    /* Files an ERROR of a statement, or of the end of a step for a record without an ordinal.  What
     * belongs to the server or the user, cancels above all, is thrown on. */
    void note_error(const pg::error &raised, statement_record &record);

    /* Stops where a limit was passed; true if so. */
    bool stops(statement_record &record, std::size_t shared_locks);
    /* Stops where an error of this SQLSTATE means that lock_timeout passed; true if so. */
    bool stops_without_lock(const std::string &sqlstate, statement_record &record);

    /* A label that was added to an enum can be used when the step that added it is committed; from
     * PostgreSQL 17 on at once where that step made the type, but not in a subtransaction, which a
     * dry run is.  At the end of a step it is taken for committed where that does no harm. */
    void enum_changed(const pg::statement_facts &facts);
    void step_ended();

private:
    void file(statement_record &record, failure_record &&failed);
    void end_by(pg::stop_reason reason, statement_record &record);
    void need_commit(statement_record &record, std::string reason);
    void stop(statement_record &record, std::string reason);
    std::string sentence(pg::stop_reason reason) const;
    bool label_needs_commit(const std::string &message) const;
    bool lock_timeout_passed() const;
    bool commits_itself(const std::string &sqlstate, std::int32_t ordinal) const;
    void forget_step();

    const options &chosen_;
    const pg::session_watch &watch_;
    migration_record *migration_ = nullptr;
    const pg::script *script_ = nullptr;
    bool forward_ = true;
    std::string running_as_;
    left_out missing_; // in the whole chain
    std::vector<migration::step> steps_;
    const pg::uncommitted_enums enums_;
    std::vector<std::string> enums_made_;          // in this step
    std::vector<std::string> labels_added_;        // in this step
    std::vector<std::string> labels_before_;       // before it, and not usable
    std::vector<std::string> labels_of_new_enums_; // in this step
};

/* The limit of locks in the shared lock table; 0 for none. */
std::size_t most_locks(const options &chosen);

} // namespace confiture::dry_run
