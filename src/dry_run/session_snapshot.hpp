#pragma once
/* What of a session outlives a rollback: locks of the session, prepared statements, cursors. */
#include "pg/plain.hpp"

#include "pg/locks.hpp"
#include "running/advisory_locks.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace confiture::dry_run {

struct session_snapshot {
    std::vector<pg::held_lock> held;
    std::vector<running::advisory_hold> advisory;
    std::vector<std::string> prepared, cursors; // names
    /* Those that the transaction has used, with their last values: its locks tell no more. */
    std::vector<std::pair<std::uint32_t, std::string>> sequences;
    bool temporary_rows = false; // the transaction may have written some

    /* Would this statement take away or move what the session has? */
    bool loses_by(std::string_view tag, std::string_view text) const;
};

session_snapshot snapshot_of_session();

/* Of those of the snapshot, what was advanced since. */
std::vector<std::uint32_t> sequences_advanced_since(const session_snapshot &before);

/* Drops what was prepared since, and names it. */
std::vector<std::string> drop_prepared_since(const session_snapshot &before);

} // namespace confiture::dry_run
