#include "running/statement_runner.hpp"

#include "pg/error.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"

#include <string>

namespace confiture::running {

static bool default_is_read_only() { return pg::setting("default_transaction_read_only") == "on"; }

statement_runner::statement_runner()
    : callers_timeout_(pg::statement_timeout()),
      callers_default_is_read_only_(default_is_read_only()) {}

/* As SET TRANSACTION READ ONLY is refused when a script is registered: what is recorded of it has
 * to be written. */
void statement_runner::refuse_read_only() const {
    if (pg::transaction_is_read_only() ||
        (default_is_read_only() && !callers_default_is_read_only_))
        throw failure{migration_invalid, "the script makes its transactions read-only",
                      "A migration is recorded in the transaction that it runs in.",
                      "Leave transaction_read_only and default_transaction_read_only as they are."};
}

pg::completion statement_runner::run(const pg::statement &where, std::string_view text,
                                     bool plain_form, pg::session_watch &watch,
                                     pg::memory_context &memory) {
    using kind = pg::statement_kind;
    switch (where.kind) {
    case kind::begin:
    case kind::commit:
        break;
    case kind::rollback:
        throw failure{sqlstate{"0A000"},
                      "a migration cannot end its transaction by " +
                          std::string(pg::tag_name(where.tag)),
                      "", "Undo parts of a script with SAVEPOINT and ROLLBACK TO."};
    case kind::savepoint:
        savepoints_.open(pg::facts_of(text).savepoint);
        break;
    case kind::rollback_to:
    case kind::release:
        end_savepoint(where, pg::facts_of(text).savepoint);
        break;
    default: {
        // The server's own timer runs for the statement that called us.
        const int timeout = pg::statement_timeout();
        watch.limit_statement(timeout != callers_timeout_ ? timeout : 0);
        const pg::completion done = pg::run_statement(text, plain_form, memory);
        watch.limit_statement(0);
        refuse_read_only();
        return done;
    }
    }
    return {pg::tag_name(where.tag), 0};
}

void statement_runner::end_savepoint(const pg::statement &where, const std::string &name) {
    const bool releases = where.kind == pg::statement_kind::release;
    if (!(releases ? savepoints_.release(name) : savepoints_.roll_back_to(name)))
        throw failure{sqlstate{"3B001"}, "savepoint \"" + name + "\" does not exist"};
}

} // namespace confiture::running
