#include "dry_run/record.hpp"

#include <algorithm>

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
    if (kept_.size() == most_) {
        std::pop_heap(kept_.begin(), kept_.end(), cheaper_first);
        kept_.pop_back();
    }
    kept_.push_back(std::move(record));
    std::push_heap(kept_.begin(), kept_.end(), cheaper_first);
}

void statement_store::count(const char *tag, double elapsed_ms, const row_counts &written) {
    tag_total &total = totals_[tag];
    total.statements++;
    total.elapsed_ms += elapsed_ms;
    total.written += written;
    counted_++;
}

std::vector<statement_record> statement_store::take() {
    std::sort(kept_.begin(), kept_.end(),
              [](const auto &left, const auto &right) { return left.ordinal < right.ordinal; });
    return std::move(kept_);
}

} // namespace confiture::dry_run
