#pragma once
/* A NOTICE to the calling client from time to time: what runs, and for how long.  Between two
 * statements, and while one runs in a worker; a statement of the session itself leaves no moment at
 * which something could be sent. */
#include "pg/plain.hpp"

#include "pg/progress.hpp"
#include "pg/session_watch.hpp"

#include <string>
#include <vector>

namespace confiture::apply {

class heartbeat {
public:
    heartbeat();

    /* Where the last one is 10 s ago. */
    void tell(const pg::progress &now);

    /* The same of a statement in the worker, and as soon as it waits for the end of a transaction
     * for whose; null where it waits for nothing.  True where the server was asked for something:
     * the transaction is to be ended. */
    bool tell_of_worker(const pg::progress &now, int worker, const pg::lock_wait *waits);

private:
    double told_ms_;
    std::vector<int> told_blockers_; // whom the last notice of a wait has named
};

} // namespace confiture::apply
