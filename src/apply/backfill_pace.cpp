#include "apply/backfill_pace.hpp"

#include <algorithm>
#include <cmath>

namespace confiture::apply {

/* What a batch costs whatever its size is little below this. */
static constexpr double shortest_ms = 10;

backfill_pace::backfill_pace(int first, int largest, double wanted_ms)
    : least_(std::min(first, 100)), largest_(largest), wanted_ms_(wanted_ms),
      allowed_ms_(wanted_ms), size_(std::min(first, largest)) {}

void backfill_pace::batch_took(double ms, bool others_waited) {
    if (others_waited)
        allowed_ms_ = std::max(std::min(allowed_ms_, ms) / 2, std::min(shortest_ms, wanted_ms_));
    else
        allowed_ms_ = std::min(allowed_ms_ * 1.25, wanted_ms_);
    const double change = std::clamp(allowed_ms_ / std::max(ms, 0.01), 0.25, 4.0);
    const double least = std::min(size_, least_);
    size_ = static_cast<int>(std::lround(std::clamp(size_ * change, least, 1.0 * largest_)));
}

void backfill_pace::batch_failed() { size_ = std::max(size_ / 4, 1); }

} // namespace confiture::apply
