#pragma once
/*
 * What the steps of a migration make of the session that runs them, and what those that follow rely
 * on: settings, the role, the search_path, temporary tables, the stats that hooks share.  The
 * journal has it for every step that is done, and a migration that is resumed gets it back.
 */
#include "pg/plain.hpp"

#include "apply/session_objects.hpp"
#include "hooks/migration_run.hpp"
#include "pg/session_settings.hpp"

#include <set>
#include <string>

namespace confiture::apply {

struct resumed_migration {
    std::string version, direction;
    std::string session; // of the last step in the journal
};

class session_state {
public:
    /* Before the migration has changed anything. */
    session_state();

    /* For the journal, as JSON: what the session is once the transaction that runs has committed.
     */
    std::string after_step(hooks::migration_run &run) const;

    /* Makes it so again, in a transaction of its own, which is to be committed.  Throws
     * failure{repair_needed} where that cannot be: names would mean other objects, or code would
     * run with other rights. */
    void resume(const resumed_migration &migration, hooks::migration_run &run);

    /* The session's own settings and role, as restore() of pg::session_settings. */
    void restore() const { own_.restore(); }

private:
    const pg::session_settings own_;
    const session_objects own_objects_;
    std::string first_path_; // the search_path that the migration began with
    const std::string began_as_;
    // By the steps that were done before it was resumed.
    std::set<std::string> set_before_, needed_before_;
    bool path_was_set_ = false, role_was_set_ = false, session_role_was_set_ = false;
};

} // namespace confiture::apply
