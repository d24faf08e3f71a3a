#pragma once
/* The options of a dry run, as the caller gives them in JSON. */
#include "pg/plain.hpp"

#include "pg/json.hpp"

#include <string>
#include <vector>

namespace confiture::dry_run {

/* What to do with a statement that cannot run inside a transaction but has a plain form. */
enum class concurrently_policy {
    automatic, // emulate on tables that are new or small, predict otherwise
    emulate,
    predict,
};

struct options {
    concurrently_policy concurrently = concurrently_policy::automatic;
    bool raise = false;           // raise dry_run_error instead of returning success = false
    bool strict = false;          // refuse what a rollback cannot undo, before anything runs
    int max_wait_caused_ms = 500; // 0: off
    int lock_timeout_ms = 2000;   // 0: off
    int max_lock_hold_ms = 0;     // 0: off
    std::int64_t max_locks = -1;  // -1: half of the shared lock table; 0: off
};

/* Reads a duration in milliseconds: the units are those of the server's settings. */
using duration_reader = bool (*)(const std::string &text, int &milliseconds);

/* Throws failure{configuration_invalid} naming the option and what it takes. */
options read_options(const std::vector<json_member> &members, duration_reader read_duration);

} // namespace confiture::dry_run
