#pragma once
/* What becomes of a statement at top level whose outcome the journal does not have. */
#include "pg/plain.hpp"

#include "apply/journal.hpp"
#include "apply/outcome.hpp"
#include "apply/transactions.hpp"
#include "migration/failure_record.hpp"

#include <string>

namespace confiture::apply {

struct settlement {
    outcome what;
    std::string sentence; // what the catalog says
    /* What removes the leftovers that are there still, and what kept it from that.  The step stays
     * begun then, for whoever settles it next.  Empty where nothing is left. */
    std::string leftover{};
    migration::failure_record hindrance{};
};

/* Looks at the catalog, removes leftovers under the lock policy and writes the outcome to the
 * journal: a step that is not done, or may simply run again, is not begun any more; one that nobody
 * knows of stays as it is. */
settlement settle(const std::string &version, const journal_entry &entry, transactions &whose);

/* The same for whoever was cancelled and waits to be told: one try. */
settlement settle_in_haste(const std::string &version, const journal_entry &entry,
                           transactions &whose);

/* Where the outcome is known, and only the journal has not got it. */
settlement settle_as(outcome known, const std::string &version, const journal_entry &entry,
                     transactions &whose);

/* Where leftovers are there still: as MG015, or as a warning beside the error that left them. */
void refuse_leftover(const std::string &version, const settlement &settled);
void warn_of_leftover(const std::string &version, const settlement &settled);

} // namespace confiture::apply
