#include "pg/time_limit.hpp"

#include "pg/boundary.hpp"
#include "pg/tracer.hpp"

#include <algorithm>

extern "C" {
#include "storage/ipc.h"
}

namespace confiture::pg {

namespace {

constexpr int again_ms = 100; // for code that catches the cancel and goes on

constinit time_limit *volatile innermost = nullptr;
constinit TimeoutId timer{};
constinit bool registered = false;

void arm(double milliseconds) {
    // The timer counts whole milliseconds and must not come early.
    enable_timeout_after(timer, std::max(1, static_cast<int>(milliseconds) + 1));
}

} // namespace

/* Runs in a signal handler. */
void time_limit::on_timer() {
    if (proc_exit_inprogress || !MyProc) // a FATAL runs no destructor
        return;
    const double now = now_ms();
    for (time_limit *limit = innermost; limit; limit = limit->outer_)
        if (limit->ends_ms_ > 0 && now >= limit->ends_ms_) {
            limit->passed_ = 1;
            limit->cancel_.request();
        }
    arm_for_next(now);
}

/* For the limit that is over first; one that is over already is told again. */
void time_limit::arm_for_next(double now) {
    double next = 0;
    for (const time_limit *limit = innermost; limit; limit = limit->outer_) {
        if (limit->ends_ms_ <= 0)
            continue;
        const double remaining = limit->passed_ ? again_ms : limit->ends_ms_ - now;
        next = next > 0 ? std::min(next, std::max(remaining, 1.0)) : std::max(remaining, 1.0);
    }
    if (next > 0)
        arm(next);
}

time_limit::time_limit(int milliseconds)
    : outer_(innermost), ends_ms_(milliseconds > 0 ? now_ms() + milliseconds : 0) {
    if (!registered) {
        timer = call([] { return RegisterTimeout(USER_TIMEOUT, on_timer); });
        registered = true;
    }
    innermost = this;
    if (ends_ms_ > 0)
        arm_for_next(now_ms());
}

time_limit::~time_limit() {
    innermost = outer_;
    if (ends_ms_ <= 0)
        return;
    disable_timeout(timer, false);
    if (outer_)
        arm_for_next(now_ms());
}

} // namespace confiture::pg
