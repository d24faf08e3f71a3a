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
    double held_ms = 0;                      // never less than it was
    bool new_object = false;
};

/* How long others cannot read and write a table that was there before, or cannot write it: while
 * it or an index of it is locked, and while they queue behind the wait for that. */
struct table_hold {
    std::string table;
    char kind = 'r';
    bool exclusive = false; // readers wait, too
    double downtime_ms = 0; // never less than it was
    double waited_ms = 0;   // a part of it
    bool is_upper_bound = false;
    bool until_end = true;
    std::int32_t statement = 0;
};

/* A time that is never less than the true one. */
struct upper_time {
    double ms = 0;
    bool is_upper_bound = false; // and may be more
    void raise_to(double milliseconds, bool upper_bound) {
        if (milliseconds > ms)
            *this = {milliseconds, upper_bound};
    }
};

struct lock_summary {
    std::vector<lock_line> lines; // strongest first, then the longest held
    std::int64_t left_out = 0;
    std::int64_t total = 0;
    std::vector<std::string> locked_tables; // that existed before, strongest lock first
    upper_time longest_exclusive_hold;      // of an AccessExclusiveLock on what existed before
    upper_time expected_downtime;           // longest time that writers of one table had to wait
    std::vector<table_hold> holds;          // AccessExclusiveLock first, then the longest
    std::size_t holds_left_out = 0;
};

/* The locks of one migration of the chain; at most `most` lines. */
lock_summary summarise(const chain_record &chain, std::size_t migration, std::size_t most);

} // namespace confiture::dry_run
