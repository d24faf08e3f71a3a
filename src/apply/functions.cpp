/* confiture.apply() and revert(): one migration in the transaction of the caller. */
#include "apply/chain.hpp"
#include "apply/journal.hpp"
#include "apply/migrator.hpp"
#include "apply/transactions.hpp"
#include "migration/acceptance.hpp"
#include "migration/history.hpp"
#include "migration/version.hpp"
#include "pg/error.hpp"
#include "pg/function.hpp"
#include "pg/migrator_lock.hpp"
#include "pg/query.hpp"
#include "pg/read_only.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"

namespace confiture::apply {

namespace {

[[noreturn]] void refuse_half_done(const journal &of) {
    throw failure{repair_needed, "migration \"" + of.version + "\" was left in the middle",
                  "Some of its steps are done, and each of them is a transaction.",
                  of.direction == "forward" ? "CALL confiture.up() resumes it."
                                            : "CALL confiture.down() resumes it."};
}

pg::value run(const pg::arguments &arguments, const std::string &direction) {
    arguments.refuse_null({"version"});
    const std::string version = arguments.text(0);
    pg::refuse_where_read_only("migrate", not_transactional);
    pg::lock_migrator();
    const migration::stored found = migration::find(version);
    const bool forward = direction == "forward";
    for (const auto &[sort_key, half_done] : read_journal())
        refuse_half_done(half_done);
    if (migration::is_applied(found.version) == forward && !(forward && found.repeatable))
        throw failure{out_of_order,
                      "migration \"" + found.version + "\" is " +
                          (forward ? "applied already" : "not applied"),
                      "Nothing was run.", "SELECT * FROM confiture.status."};
    if (forward)
        look_at_order(found);
    migration::refuse_untrusted({&found, 1});
    if (forward || found.backward)
        refuse_unreadable(found, direction);
    callers_transaction whose;
    const migration_outcome outcome = migrator(whose).run(found, direction, nullptr);
    return arguments.row({pg::text(found.version), pg::text(found.name),
                          pg::integer(outcome.statements), pg::real(outcome.elapsed_ms)});
}

} // namespace

CONFITURE_FUNCTION(confiture_apply) { return run(arguments, "forward"); }

CONFITURE_FUNCTION(confiture_revert) { return run(arguments, "backward"); }

/* Nothing of the scripts runs. */
CONFITURE_FUNCTION(confiture_baseline) {
    arguments.refuse_null({"through"});
    const std::string through = arguments.text(0);
    pg::refuse_where_read_only("migrate", not_transactional);
    pg::lock_migrator();
    const std::string last = migration::version_sort_key(migration::find(through).version);
    const auto journals = read_journal();
    pg::row_set rows(arguments);
    for (const migration::registered &each : migration::all_registered()) {
        if (each.repeatable || migration::version_sort_key(each.version) > last ||
            migration::is_applied(each.version))
            continue;
        const auto half_done = journals.find(migration::version_sort_key(each.version));
        if (half_done != journals.end())
            refuse_half_done(half_done->second);
        migration::record(each, {"baseline", pg::clock_timestamp(), 0, {}, {}, {}});
        rows.add({pg::text(each.version), pg::text(each.name)});
    }
    return {};
}

} // namespace confiture::apply
