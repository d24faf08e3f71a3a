#pragma once
/* The lock that another process waits for, straight from its PGPROC. */
#include "pg/plain.hpp"

#include "pg/session_watch.hpp"

#include <optional>

namespace confiture::pg {

/* Without blockers; ended_ms is now.  Up to PostgreSQL 13 a wait begins when it is first seen. */
std::optional<lock_wait> awaited_lock(int process_id);

/* A wait for the end of a transaction, and for no object. */
bool is_transaction(const lock_tag &tag);

} // namespace confiture::pg
