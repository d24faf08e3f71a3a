#pragma once
/* A change of many rows in batches along a key: each is committed together with how far it has
 * come. */
#include "apply/backfill_key.hpp"
#include "apply/backfill_pace.hpp"
#include "apply/backfill_run.hpp"
#include "apply/board.hpp"
#include "apply/lock_policy.hpp"
#include "apply/standby_lag.hpp"
#include "pg/committing.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace confiture::apply {

/* What is run for each batch: an UPDATE of ours with parts of the user's, or a statement of his
 * with the first key of the batch as $1 and the last one as $2, or so for each column of the key.
 */
struct batch_statement {
    bool whole = false;
    std::string text;      // UPDATE … SET …, or the whole statement
    std::string condition; // of the rows that are to be changed; empty for all
};

struct backfill_options {
    int batch_size, max_batch_size;
    double batch_time_ms;
    int pause_ms;
    std::optional<double> max_lag_ms;
    int max_wait_caused_ms; // 0: no limit
    bool restart;
};

struct backfill_totals {
    std::int64_t rows = 0;
    std::int32_t batches = 0;
};

class backfill {
public:
    backfill(pg::oid table, std::string table_name, batch_statement statement,
             std::optional<std::string> name, backfill_options options);

    /* Commits as it goes.  Returns what this call has done. */
    backfill_totals run(pg::committing_call &transactions);

private:
    struct batch {
        std::optional<key_value> first, last; // nothing: from the lowest key, up to the highest
        bool final = false;
    };

    void check() const;
    batch next_batch() const;
    std::int64_t run_statement(const batch &rows) const;
    std::string update_of(const batch &rows) const;
    /* The batch that comes now, until it is committed. */
    void run_batch(pg::committing_call &transactions);
    std::optional<failed_attempt> try_batch(pg::committing_call &transactions,
                                            bool &stopped_for_others);
    backfill_run work();
    void pause_before_retry(lock_policy &policy);
    void wait_for_standbys(pg::committing_call &transactions);
    failure told(const migration::failure_record &error, const std::string &where) const;
    std::string place() const;
    std::string what_stays() const;
    void begin_board();
    void tell_beginning() const;
    void tell_progress();

    const pg::oid table_;
    const batch_statement statement_;
    const backfill_options options_;
    const std::string search_path_;
    const backfill_key key_;
    backfill_run run_;
    backfill_pace pace_;
    standby_lag lag_;

    board board_;
    pg::memory_context memory_{"confiture backfill constraints"};

    batch current_;
    backfill_totals totals_;
    std::int64_t passed_before_ = 0; // this call
    double rows_expected_ = 0;       // in the table; 0 where nobody knows
    double told_at_ms_ = 0, kept_up_at_ms_ = 0;
};

} // namespace confiture::apply
