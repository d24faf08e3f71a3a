#include "apply/session_limits.hpp"

#include "pg/query.hpp"
#include "pg/session.hpp"

namespace confiture::apply {

/* Those of idle sessions are none for us: a session that runs a CALL is not idle.  lock_timeout is
 * that of the lock policy. */
void tell_session_limits() {
    for (const pg::record &row :
         pg::query("SELECT name, current_setting(name, true) "
                   "FROM unnest('{statement_timeout,transaction_timeout}'::text[]) AS name "
                   "WHERE coalesce(current_setting(name, true), '0') <> '0'")) {
        const std::string name = row[0].value();
        const bool of_transactions = name == "transaction_timeout";
        pg::warn(name + " is " + row[1].value_or("") + ": it may end this " +
                     (of_transactions ? "session" : "call"),
                 of_transactions ? "It limits every transaction: a step, a wait for a lock or for "
                                   "another migrator, a statement that the background worker runs."
                                 : "It limits the call as a whole, with all its steps and waits.",
                 "SET " + name +
                     " = 0 before it.  confiture.migrator_wait, confiture.lock_timeout and "
                     "confiture.concurrent_timeout limit it still.");
    }
}

} // namespace confiture::apply
