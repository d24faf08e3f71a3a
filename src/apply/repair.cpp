/* confiture.repair(): settles what was cut off in its middle. */
#include "apply/journal.hpp"
#include "apply/settlement.hpp"
#include "apply/transactions.hpp"
#include "migration/history.hpp"
#include "migration/registry.hpp"
#include "migration/version.hpp"
#include "pg/error.hpp"
#include "pg/function.hpp"
#include "pg/migrator_lock.hpp"
#include "pg/read_only.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"

namespace confiture::apply {

namespace {

enum class verdict { asked_of_the_catalog, done, not_done, abandon, applied, reverted, accept };

verdict verdict_of(const pg::arguments &arguments) {
    const auto said = arguments.optional_text(1);
    if (!said)
        return verdict::asked_of_the_catalog;
    if (arguments.null(0))
        throw failure{configuration_invalid, "a verdict is for one migration",
                      "The version is null.", "Name the migration."};
    if (*said == "done")
        return verdict::done;
    if (*said == "not done")
        return verdict::not_done;
    if (*said == "abandon")
        return verdict::abandon;
    if (*said == "applied")
        return verdict::applied;
    if (*said == "reverted")
        return verdict::reverted;
    if (*said == "accept")
        return verdict::accept;
    throw failure{
        configuration_invalid, "invalid verdict \"" + *said + "\"",
        "It is done or not done, of the step that was begun last; or applied, reverted, accept "
        "or abandon, of the migration.",
        "Leave it out to have the catalog asked."};
}

const char *state_of(outcome what) {
    switch (what) {
    case outcome::done:
        return "done";
    case outcome::not_done:
        return "not done";
    case outcome::unknown:
        return "unknown";
    }
    return "";
}

std::string next_command(const journal &of, outcome what) {
    if (what == outcome::unknown)
        return "SELECT * FROM confiture.repair(" + pg::sql_literal(of.version) +
               ", 'done'), or 'not done'";
    return of.direction == "forward" ? "CALL confiture.up()" : "CALL confiture.down()";
}

class repairer {
public:
    explicit repairer(const pg::arguments &arguments)
        : said_(verdict_of(arguments)), rows_(arguments) {}

    bool is_of_the_whole() const { return said_ == verdict::applied || said_ == verdict::reverted; }
    bool accepts() const { return said_ == verdict::accept; }

    /* Its text was changed after it was applied, and does the same. */
    void accept(const std::string &version) {
        const migration::stored found = migration::find(version);
        const bool settled = migration::accept_change(found);
        rows_.add({pg::text(found.version),
                   pg::text("forward"),
                   {},
                   {},
                   {},
                   pg::text("accepted"),
                   pg::text(settled ? "its text stands for the one that was applied"
                                    : "the next text that is registered stands for the one that "
                                      "was applied"),
                   settled ? pg::text("CALL confiture.up()") : pg::value{}});
    }

    /* It was finished by hand, or undone. */
    void declare(const std::string &version) {
        const migration::stored found = migration::find(version);
        const std::string sort_key = migration::version_sort_key(found.version);
        const bool applied = said_ == verdict::applied;
        if (!read_journal().count(sort_key) && migration::is_applied(found.version) == applied)
            throw failure{out_of_order,
                          "migration \"" + found.version + "\" is " +
                              (applied ? "applied already" : "not applied"),
                          "Nothing was written down.", "SELECT * FROM confiture.status."};
        close_journal(sort_key);
        migration::record(
            found, {applied ? "baseline" : "backward", pg::clock_timestamp(), 0, {}, {}, {}});
        rows_.add({pg::text(found.version),
                   pg::text(applied ? "forward" : "backward"),
                   {},
                   {},
                   {},
                   pg::text(applied ? "applied" : "reverted"),
                   pg::text("as it was said"),
                   pg::text("CALL confiture.up()")});
    }

    void repair(const std::string &sort_key, const journal &of) {
        if (said_ == verdict::abandon) {
            close_journal(sort_key);
            add(of, of.entries.back(), "abandoned", "its steps are forgotten",
                of.direction == "forward" ? "CALL confiture.up()" : "CALL confiture.down()");
            return;
        }
        bool asked = false;
        for (const journal_entry &entry : of.entries) {
            if (entry.done)
                continue;
            asked = true;
            const settlement settled = settled_by(of, sort_key, entry);
            add(of, entry, state_of(settled.what), settled.sentence,
                next_command(of, settled.what));
        }
        if (!asked && said_ != verdict::asked_of_the_catalog)
            throw failure{configuration_invalid,
                          "no step of migration \"" + of.version + "\" waits for a verdict",
                          "What was begun of it is done, or was rolled back.",
                          next_command(of, outcome::done) +
                              " resumes it; finished or undone "
                              "by hand, it is \"applied\" or \"reverted\"."};
    }

private:
    settlement settled_by(const journal &of, const std::string &sort_key,
                          const journal_entry &entry) {
        if (said_ == verdict::asked_of_the_catalog) {
            settlement settled = settle(of.version, entry, whose_);
            refuse_leftover(of.version, settled);
            return settled;
        }
        const bool done = said_ == verdict::done;
        settle_entry(sort_key, entry.step, done);
        return {done ? outcome::done : outcome::not_done, "as it was said"};
    }

    void add(const journal &of, const journal_entry &entry, const char *state,
             const std::string &sentence, const std::string &next) {
        rows_.add({pg::text(of.version), pg::text(of.direction), pg::integer(entry.step),
                   pg::integer(entry.steps), pg::text(entry.command), pg::text(state),
                   pg::text(sentence), pg::text(next)});
    }

    const verdict said_;
    pg::row_set rows_;
    callers_transaction whose_;
};

} // namespace

CONFITURE_FUNCTION(confiture_repair) {
    const auto version = arguments.optional_text(0);
    repairer work(arguments);
    pg::refuse_where_read_only("repair", not_transactional);
    pg::lock_migrator();
    if (work.accepts()) {
        work.accept(*version);
        return {};
    }
    if (work.is_of_the_whole()) {
        work.declare(*version);
        return {};
    }
    bool found = false;
    for (const auto &[sort_key, of] : read_journal()) {
        if (version && sort_key != migration::version_sort_key(*version))
            continue;
        found = true;
        work.repair(sort_key, of);
    }
    if (version && !found)
        throw failure{migration_not_found,
                      "no migration \"" + *version + "\" was left in its middle",
                      "Whatever was begun of it is done, or was rolled back.",
                      "SELECT * FROM confiture.status."};
    return {};
}

} // namespace confiture::apply
