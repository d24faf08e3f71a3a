#pragma once
/* What the lock ledger means: who is kept waiting, for how long. */
#include "pg/plain.hpp"

#include "dry_run/run.hpp"

#include <string>
#include <vector>

namespace confiture::dry_run {

/* The kinds of statements that a lock mode on a table keeps waiting. */
std::vector<std::string> blocked_by(int mode);

/* One line of the answer. */
struct lock_line {
    const running::lock_entry *entry = nullptr;
    std::string object;
    const relation_info *relation = nullptr; // null for what is none
    double held_ms = 0;
    bool new_object = false;
};

/* The strongest lock on a table that was there before, where it keeps writers waiting. */
struct table_hold {
    std::string table;
    int mode = 0;
    double held_ms = 0;
};

struct lock_summary {
    std::vector<lock_line> lines; // strongest first, then the longest held
    std::int64_t left_out = 0;
    std::int64_t total = 0;
    std::vector<std::string> locked_tables; // that existed before, strongest lock first
    double longest_exclusive_hold_ms = 0;   // of an AccessExclusiveLock on what existed before
    double expected_downtime_ms = 0;        // longest time that writers of one table had to wait
    std::vector<table_hold> holds;          // AccessExclusiveLock first, then the longest
    std::size_t holds_left_out = 0;
};

/* The locks of one migration of the chain; at most `most` lines. */
lock_summary summarise(const chain_record &chain, std::size_t migration, std::size_t most);

} // namespace confiture::dry_run
