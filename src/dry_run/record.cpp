#include "dry_run/record.hpp"

#include <algorithm>
#include <iterator>

namespace confiture::dry_run {

const char *name_of(statement_status status) {
    switch (status) {
    case statement_status::done:
        return "done";
    case statement_status::emulated:
        return "emulated";
    case statement_status::not_run:
        return "not_run";
    case statement_status::needs_commit:
        return "needs_commit";
    case statement_status::stopped:
        return "stopped";
    case statement_status::failed:
        return "failed";
    }
    return "";
}

const char *name_of(run_status status) {
    switch (status) {
    case run_status::complete:
        return "complete";
    case run_status::failed:
        return "failed";
    case run_status::stopped:
        return "stopped";
    case run_status::needs_commit:
        return "needs_commit";
    case run_status::not_run:
        return "not_run";
    }
    return "";
}

static bool cheaper_first(const statement_record &left, const statement_record &right) {
    return left.elapsed_ms > right.elapsed_ms;
}

void statement_store::add(statement_record &&record) {
    std::vector<statement_record> &kept = kept_[record.importance];
    if (kept.size() == most[record.importance]) {
        std::pop_heap(kept.begin(), kept.end(), cheaper_first);
        kept.pop_back();
    }
    kept.push_back(std::move(record));
    std::push_heap(kept.begin(), kept.end(), cheaper_first);
}

int importance_of(const statement_record &record, bool locks_strongly) {
    const bool ended_well =
        record.status == statement_status::done || record.status == statement_status::emulated;
    if (!ended_well || !record.rewrites.empty() || record.waited_ms > 0)
        return 2;
    const bool scans_table = std::any_of(record.scans.begin(), record.scans.end(),
                                         [](const relation_scan &scan) { return !scan.index; });
    return locks_strongly || scans_table || !record.indexes_built.empty() ||
                   !record.constraints_validated.empty()
               ? 1
               : 0;
}

void statement_store::count(const char *tag, double elapsed_ms, const row_counts &written) {
    tag_total &total = totals_[tag];
    total.statements++;
    total.elapsed_ms += elapsed_ms;
    total.written += written;
    counted_++;
}

std::vector<statement_record> statement_store::take() {
    std::vector<statement_record> all;
    for (std::vector<statement_record> &kept : kept_)
        std::move(kept.begin(), kept.end(), std::back_inserter(all));
    std::sort(all.begin(), all.end(),
              [](const auto &left, const auto &right) { return left.ordinal < right.ordinal; });
    return all;
}

} // namespace confiture::dry_run
