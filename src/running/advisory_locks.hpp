#pragma once
/* The advisory locks that the session holds, which no rollback takes back. */
#include "pg/plain.hpp"

#include "pg/locks.hpp"

#include <cstdint>
#include <vector>

namespace confiture::running {

struct advisory_hold {
    pg::lock_tag tag;
    int mode;
    std::int64_t times; // by the session, not by a transaction
};

std::vector<advisory_hold> advisory_holds(const std::vector<pg::held_lock> &held);

/* Releases what is held more often than before, and returns it. */
std::vector<advisory_hold> release_taken_since(const std::vector<advisory_hold> &before);

} // namespace confiture::running
