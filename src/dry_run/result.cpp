#include "dry_run/result.hpp"

#include <algorithm>
#include <cmath>

namespace confiture::dry_run {

double median(std::vector<double> values) {
    if (values.empty())
        return 0;
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::optional<bool> migration_result::success() const {
    switch (migration().status) {
    case run_status::complete:
        return migration().not_run.empty() ? std::optional(true) : std::nullopt;
    case run_status::failed:
    case run_status::stopped:
        return false;
    case run_status::needs_commit:
    case run_status::not_run:
        break;
    }
    return std::nullopt;
}

double migration_result::execution_ms() const { return median(times_ms); }

/* As stats tells it, so that an estimate never lies outside of its rounded bounds. */
static double rounded(double milliseconds) { return std::round(milliseconds * 1000) / 1000; }

/* A first run that is slower than all others by half was cold. */
static std::vector<double> without_cold_run(std::vector<double> times) {
    if (times.size() > 2 && times.front() > 1.5 * *std::max_element(times.begin() + 1, times.end()))
        times.erase(times.begin());
    return times;
}

estimate estimate_of(const std::vector<double> &times_ms, const migration_record &migration) {
    estimate expected;
    const std::vector<double> times = without_cold_run(times_ms);
    expected.expected_ms = rounded(median(times));
    expected.low_ms = rounded(*std::min_element(times.begin(), times.end()));
    expected.high_ms = rounded(*std::max_element(times.begin(), times.end()));
    expected.confidence_percent = times.size() > 2 ? 20 : 10;
    expected.basis = times.size() > 1
                         ? "the spread of " + std::to_string(times.size()) + " runs on this server"
                         : "one run on this server";
    expected.basis += "; nothing is known of production's data, hardware and load";
    if (migration.status == run_status::stopped && migration.statements_run == 0) {
        expected.known = false;
        expected.confidence_percent = 5;
        expected.basis += "; the run was stopped before its first statement had ended";
    } else if (migration.status == run_status::stopped) {
        const double share = static_cast<double>(migration.statement_count) /
                             static_cast<double>(migration.statements_run);
        expected.expected_ms = rounded(expected.expected_ms * share);
        expected.high_ms = rounded(expected.high_ms * share);
        expected.confidence_percent = 5;
        expected.basis += "; the run was stopped after " +
                          std::to_string(migration.statements_run) + " of " +
                          std::to_string(migration.statement_count) +
                          " statements, and the rest was taken to cost as much each";
    } else if (migration.status != run_status::complete) {
        expected.confidence_percent = 0;
        expected.basis += "; the migration was not run to its end";
    } else if (!migration.not_run.empty()) {
        expected.confidence_percent = 0;
        expected.basis += "; what was not run is not part of it (" +
                          std::to_string(migration.not_run.size()) + " of " +
                          std::to_string(migration.statement_count) + " statements)";
    }
    return expected;
}

} // namespace confiture::dry_run
