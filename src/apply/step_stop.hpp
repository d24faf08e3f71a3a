#pragma once
/* What stops a step in its middle, beside its own errors: the limits that a session watches itself
 * for, and what a stop by one of them says. */
#include "pg/plain.hpp"

#include "migration/failure_record.hpp"
#include "pg/error.hpp"
#include "pg/session_watch.hpp"
#include "pg/worker.hpp"

#include <optional>
#include <string>

namespace confiture::apply {

pg::watch_limits limits_of_step(const pg::lock_tag &queue, int lock_ms);
pg::worker_watch limits_of_worker(int lock_ms, bool transactions_may_last);

/* What the stop stands for where the error is one; the place in the script is the caller's. */
std::optional<migration::failure_record> stop_of(const pg::session_watch &watch,
                                                 const pg::error &raised);

/* In DETAIL: who waited longest.  Reads the catalog. */
void name_who_waited(const std::vector<pg::wait_caused> &waits, migration::failure_record &stopped);

} // namespace confiture::apply
