#pragma once
/*
 * A cancel that this session asks of itself, from a timer.  Users, statement_timeout and the server
 * cancel by SIGINT: theirs is told apart from ours, and never taken for it.
 */
#include "pg/plain.hpp"

#include <csignal>

namespace confiture::pg {

class error;

/* Counts the SIGINTs that come while it lives, but for those of lock_timeout.  The handler is
 * changed by the first of several alone: who needs many of them in turn keeps one around. */
class interrupt_counter {
public:
    interrupt_counter();
    interrupt_counter(const interrupt_counter &) = delete;
    interrupt_counter &operator=(const interrupt_counter &) = delete;
    ~interrupt_counter();

    bool interrupted() const noexcept;
    /* Raises the cancel again, which code inside has caught. */
    [[noreturn]] void raise() const;

private:
    const std::sig_atomic_t before_;
};

/* A client's cancel comes as two signals up to PostgreSQL 17, one to the process and one to its
 * group (signal_child() of the postmaster).  Who has caught the error of the first and goes on to
 * clean up is not stopped by the second, which this waits for a moment. */
void drop_second_cancel() noexcept;

class self_cancel {
public:
    self_cancel() = default;
    self_cancel(const self_cancel &) = delete;
    self_cancel &operator=(const self_cancel &) = delete;
    /* Takes back a request that nobody noticed. */
    ~self_cancel();

    /* For a timer's handler.  Does nothing while somebody else's cancel is on its way. */
    void request() noexcept;

    /* As if it had never been requested. */
    void take_back() noexcept;

    /* Is this error our own request, and nobody else's? */
    bool caused(const error &raised) const;

private:
    bool ours() const noexcept { return requested_ && !counter_.interrupted(); }

    interrupt_counter counter_;
    volatile std::sig_atomic_t requested_ = 0;
};

} // namespace confiture::pg
