#pragma once
/* confiture.history: every attempt to apply or revert a migration. */
#include "pg/plain.hpp"

#include "migration/failure_record.hpp"
#include "migration/registry.hpp"
#include "pg/function.hpp"

#include <optional>
#include <string>

namespace confiture::migration {

struct attempt {
    std::string action; // forward, backward, baseline
    pg::value began_at; // timestamp with time zone
    std::int32_t statements_done = 0;
    std::optional<failure_record> error; // of one that failed
    pg::value locks{};                   // jsonb
    std::string executed_by{};           // empty: the role that is the current one
};

/* Adds its row, in the transaction that runs; for once no code of a user runs any more. */
void record(const registered &migration, const attempt &made);

/* How long the same scripts took the last time that they succeeded here; 0 where they never did. */
double last_duration_ms(const registered &migration, const std::string &action);

} // namespace confiture::migration
