#pragma once
/* From what was recorded to the row that the caller gets. */
#include "pg/plain.hpp"

#include "dry_run/lock_summary.hpp"
#include "dry_run/run.hpp"
#include "dry_run/side_effects.hpp"
#include "pg/json.hpp"

#include <optional>
#include <string>
#include <vector>

namespace confiture::dry_run {

/* What the estimate of one migration says, and why. */
struct estimate {
    bool known = true; // else there are no times
    double expected_ms = 0, low_ms = 0, high_ms = 0;
    int confidence_percent = 0;
    std::string basis;
};

/* Until a profile of production is known, the measured time is the estimate. */
estimate estimate_of(const std::vector<double> &times_ms, const migration_record &migration);

/* One migration of the chain, ready to be told. */
struct migration_result {
    const chain_record *chain;
    std::size_t index;
    std::vector<double> times_ms; // one for each iteration
    lock_summary locks;
    estimate expected;
    std::vector<side_effect> side_effects;
    std::vector<std::string> warnings;

    const migration_record &migration() const { return chain->migrations[index]; }
    std::optional<bool> success() const;
    double execution_ms() const;
};

std::vector<std::string> warnings_of(const migration_result &result);

/* The document of docs/stats.schema.json, at most 1 MB. */
void write_stats(const migration_result &result, json_writer &json);

double median(std::vector<double> values);

} // namespace confiture::dry_run
