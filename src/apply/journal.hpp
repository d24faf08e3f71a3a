#pragma once
/* confiture.journal: the steps of migrations that are begun and not finished.  A step that is one
 * transaction commits together with its row; of a statement at top level it is known before that it
 * begins. */
#include "pg/plain.hpp"

#include "migration/registry.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace confiture::apply {

struct journal_entry {
    std::int32_t step = 0;  // from 1; 0 for the hooks before the first one
    std::int32_t steps = 0; // of the migration
    bool done = false;
    std::string content;              // SHA-256 of the step's text
    std::string statement;            // that runs at top level; empty for a transactional step
    std::string before;               // what the catalog said before it
    std::string names;                // what its names found, while it is run
    bool is_restored = false;         // of another database, whose OIDs `before` names
    std::int32_t statements_done = 0; // of the migration, with this step
    std::int32_t line = 0;
    std::string command; // command tag
    std::string session; // what the step leaves in it, see session_state; empty where not known
};

/* One migration that is not finished. */
struct journal {
    std::string version, direction;
    std::vector<journal_entry> entries; // by step
};

/* All of them, by the sort key of their version. */
std::map<std::string, journal> read_journal();

/* The row of a step, in the transaction that runs. */
void write_entry(const migration::registered &migration, const std::string &direction,
                 const journal_entry &entry);

/* What the worker does after the statement of a step: the receipt names the step. */
std::string receipt_of(const migration::registered &migration, const journal_entry &entry);
void take_receipt(const std::string &receipt);

/* The outcome of a step that was begun: done, or not begun. */
void settle_entry(const std::string &sort_key, std::int32_t step, bool done);

/* The migration is finished, or given up. */
void close_journal(const std::string &sort_key);

} // namespace confiture::apply
