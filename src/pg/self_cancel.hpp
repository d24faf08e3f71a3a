#pragma once
/*
 * A cancel that this session asks of itself, from a timer.  Users, statement_timeout and the server
 * cancel by SIGINT: theirs is told apart from ours, and never taken for it.
 */
#include "pg/plain.hpp"

#include <csignal>

namespace confiture::pg {

class error;

class self_cancel {
public:
    self_cancel();
    self_cancel(const self_cancel &) = delete;
    self_cancel &operator=(const self_cancel &) = delete;
    /* Takes back a request that nobody noticed. */
    ~self_cancel();

    /* For a timer's handler.  Does nothing while somebody else's cancel is on its way. */
    void request() noexcept;

    /* Is this error our own request, and nobody else's? */
    bool caused(const error &raised) const;

private:
    bool ours() const noexcept;

    const std::sig_atomic_t interrupts_before_;
    volatile std::sig_atomic_t requested_ = 0;
};

} // namespace confiture::pg
