#pragma once
/* What becomes of a statement at top level whose outcome the journal does not have. */
#include "pg/plain.hpp"

#include "apply/journal.hpp"
#include "apply/outcome.hpp"
#include "apply/transactions.hpp"

#include <string>

namespace confiture::apply {

struct settlement {
    outcome what;
    std::string sentence; // what the catalog says
};

/* Looks at the catalog, takes leftovers away and writes the outcome to the journal: a step that is
 * not done, or may simply run again, is not begun any more; one that nobody knows of stays as it
 * is. Throws failure{repair_needed} where leftovers cannot be taken away. */
settlement settle(const std::string &version, const journal_entry &entry, transactions &whose);

/* The same for whoever was cancelled and waits to be told: leftovers that another session holds
 * fast after one try are left to the next migrator, with the step that is begun. */
void settle_in_haste(const std::string &version, const journal_entry &entry, transactions &whose);

/* Where the outcome is known, and only the journal has not got it. */
settlement settle_as(outcome known, const std::string &version, const journal_entry &entry,
                     transactions &whose);

} // namespace confiture::apply
