#pragma once
/* What another process waits for, and keeps waiting, straight from the lock manager. */
#include "pg/plain.hpp"

#include "pg/session_watch.hpp"

#include <optional>
#include <vector>

namespace confiture::pg {

/* Without blockers; ended_ms is now.  Up to PostgreSQL 13 a wait begins when it is first seen. */
std::optional<lock_wait> awaited_lock(int process_id);

/* As pg_blocking_pids() says; 0 stands for a prepared transaction. */
std::vector<int> blockers_of(int process_id);

/* The sessions that wait for a lock of the process, or behind it; longest_ms is 0. */
std::vector<wait_caused> waiters_for(int process_id);

/* The relations on which it holds a lock that writers wait for: Share and above. */
std::vector<lock_tag> writers_blocked_by(int process_id);

/* A wait for the end of a transaction, and for no object. */
bool is_transaction(const lock_tag &tag);

} // namespace confiture::pg
