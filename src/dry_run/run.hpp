#pragma once
/* Runs a chain of migrations for real and measures it.  The caller opens the subtransaction around
 * it and rolls it back. */
#include "pg/plain.hpp"

#include "dry_run/options.hpp"
#include "dry_run/record.hpp"
#include "dry_run/relation_book.hpp"
#include "dry_run/session_snapshot.hpp"
#include "hooks/prepared_migration.hpp"
#include "hooks/registry.hpp"
#include "pg/memory.hpp"
#include "pg/session_watch.hpp"
#include "running/lock_ledger.hpp"
#include "running/row_counter.hpp"

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace confiture::dry_run {

using migration_input = hooks::prepared_migration;

/* An object that is no relation: whether the run made it, and its name if the run dropped it. */
struct object_note {
    bool created_here = false;
    std::string name;
};
inline std::uint64_t object_key(std::uint32_t class_id, std::uint32_t object_id) {
    return std::uint64_t{class_id} << 32 | object_id;
}

/* A wait for a lock, and which statement or hook waited. */
struct wait_record {
    pg::lock_wait wait; // times as pg::now_ms()
    running::ledger_place place;
    bool in_vain = false;
};

/* A chain after one iteration. */
struct chain_record {
    std::vector<migration_record> migrations;
    running::lock_ledger ledger;
    relation_book relations;
    running::row_counter rows; // of the migration that runs
    std::vector<wait_record> waits;
    std::vector<pg::wait_caused> waits_caused;
    const char *statistics_written_by = nullptr;            // a command tag
    std::unordered_map<std::uint64_t, object_note> objects; // by object_key()
    std::optional<side_effect> refused;                     // by strict, while it ran
    double began_ms = 0;                                    // on pg::now_ms()'s clock
};

/* Cancels, timeouts and serialization failures that are not ours are thrown on; what fails in a
 * migration is in its record.  Either way the subtransaction must be rolled back, and
 * `statement_memory` must live until then. */
void run_chain(const std::vector<migration_input> &inputs, hooks::registered_hooks &registered,
               const options &chosen, const session_snapshot &before,
               pg::memory_context &statement_memory, chain_record &record);

} // namespace confiture::dry_run
