#pragma once
/* Runs the statements of a script in the step that is open: for a dry run, and for good. */
#include "pg/plain.hpp"

#include "pg/execute.hpp"
#include "pg/memory.hpp"
#include "pg/parse.hpp"
#include "pg/session_watch.hpp"
#include "running/script_savepoints.hpp"

#include <string_view>

namespace confiture::running {

class statement_runner {
public:
    statement_runner();

    /* Within the statement_timeout that the script has set.  BEGIN and COMMIT do nothing: the
     * caller ends the step.  `plain_form`: without CONCURRENTLY; `memory` as in
     * pg::run_statement(). Throws pg::error, and failure for what a script may not do: to end its
     * transaction, to go back to a savepoint that is not there. */
    pg::completion run(const pg::statement &where, std::string_view text, bool plain_form,
                       pg::session_watch &watch, pg::memory_context &memory);

    /* At the end of a step; forget: they went with a rollback of what was around them. */
    void release_savepoints() { savepoints_.release_all(); }
    void forget_savepoints() { savepoints_.forget(); }

private:
    void end_savepoint(const pg::statement &where, const std::string &name);
    void refuse_read_only() const;

    script_savepoints savepoints_;
    const int callers_timeout_;
    const bool callers_default_is_read_only_;
};

} // namespace confiture::running
