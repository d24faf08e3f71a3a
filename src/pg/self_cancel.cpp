#include "pg/self_cancel.hpp"

#include "pg/boundary.hpp"

#include <cstdlib>

extern "C" {
#include "libpq/pqsignal.h"
#include "storage/latch.h"
#include "utils/timeout.h"
}

namespace confiture::pg {

namespace {

constinit volatile std::sig_atomic_t interrupts = 0; // that came while somebody listened
constinit int listeners = 0;
constinit volatile std::sig_atomic_t last_was_timeout = 0; // statement_timeout

/* lock_timeout comes as one, too, and with an error of its own: code that tries a lock again and
 * again is not cancelled by that. */
void on_interrupt(SIGNAL_ARGS) {
    if (!get_timeout_indicator(LOCK_TIMEOUT, false)) {
        interrupts = interrupts + 1;
        last_was_timeout = get_timeout_indicator(STATEMENT_TIMEOUT, false);
    }
#if PG_VERSION_NUM >= 190000
    StatementCancelHandler(postgres_signal_arg, pg_siginfo);
#else
    StatementCancelHandler(postgres_signal_arg);
#endif
}

} // namespace

interrupt_counter::interrupt_counter() : before_(interrupts) {
    if (listeners++ == 0)
        pqsignal(SIGINT, on_interrupt);
}

interrupt_counter::~interrupt_counter() {
    if (--listeners == 0)
        pqsignal(SIGINT, StatementCancelHandler);
}

bool interrupt_counter::interrupted() const noexcept { return interrupts != before_; }

void interrupt_counter::raise() const {
    call([] {
        QueryCancelPending = false;
        ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED),
                        last_was_timeout ? errmsg("canceling statement due to statement timeout")
                                         : errmsg("canceling statement due to user request")));
    });
    std::abort(); // not reached
}

void drop_second_cancel() noexcept {
    constexpr long patience_us = 50'000;
    if (!QueryCancelPending)
        pg_usleep(patience_us); // ends with a signal
    QueryCancelPending = false;
}

self_cancel::~self_cancel() { take_back(); }

void self_cancel::take_back() noexcept {
    if (!ours())
        return;
    QueryCancelPending = false;
    if (!ours()) { // an interrupt has come in between
        InterruptPending = true;
        QueryCancelPending = true;
    }
    requested_ = 0;
}

void self_cancel::request() noexcept {
    if (QueryCancelPending || ProcDiePending)
        return;
    requested_ = 1;
    InterruptPending = true;
    QueryCancelPending = true;
    SetLatch(MyLatch);
}

bool self_cancel::caused(const error &raised) const {
    return ours() && raised.sqlstate() == "57014";
}

} // namespace confiture::pg
