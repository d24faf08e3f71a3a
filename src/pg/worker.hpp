#pragma once
/*
 * One statement at top level, in a background worker: for what the server runs in no transaction
 * block (CREATE INDEX CONCURRENTLY, VACUUM, CREATE DATABASE, CALL of a procedure that commits …).
 *
 * The worker is a session of its own.  It has the roles, settings and loaded libraries of ours, but
 * neither our temporary tables, prepared statements, cursors and LISTENs nor our locks: a statement
 * that needs a lock that we hold waits for us as we wait for it, until we notice.
 */
#include "pg/plain.hpp"

#include "pg/error.hpp"
#include "pg/execute.hpp"
#include "pg/session_watch.hpp"

#include <functional>
#include <string>
#include <vector>

namespace confiture::pg {

struct top_level_job {
    std::string statement; // exactly one
    std::string receipt;   // for on_top_level_done(); empty for none
    int timeout_ms;        // of the statement; 0 for no limit
    /* The caller's transaction holds snapshots, which the statement does not wait for. */
    bool in_callers_transaction = false;
    std::string names = {}; // of resolve_names(), checked before the statement; empty for none
};

/* What the session watches its worker for. */
struct worker_watch {
    int lock_ms = 0; // how long it waits for a lock at a time; 0 for no limit
    /* CREATE INDEX CONCURRENTLY and its kin wait for the end of transactions, and keep nobody
     * waiting who reads or writes: that is not limited then. */
    bool transactions_may_last = false;
    int wait_caused_ms = 0; // how long others wait for a lock of it; 0 for no limit
    int lock_hold_ms = 0;   // how long it holds a lock that blocks writers; 0 for no limit

    /* Called about once a second with the worker's process and what it waits for, or null.  It may
     * end the caller's transaction, and must where it has asked the server for something: the
     * statement may wait for the end of that, too. */
    std::function<void(int process_id, const lock_wait *waits)> look = nullptr;

    /* What was seen.  The lock that it waits for now, or waited for last, comes last. */
    std::vector<lock_wait> waits;
    std::vector<wait_caused> waits_caused; // where that is limited
    bool committed_nothing = false;        // it failed, in the transaction that it began in
};

/* The SQLSTATE of a server without a free worker: configuration_limit_exceeded. */
inline constexpr sqlstate no_free_worker{"53400"};
/* The SQLSTATE of worker_lost, operator_intervention; not one of class 57P, which clients take for
 * the end of their own connection. */
inline constexpr sqlstate lost_worker{"57000"};

/* The SQLSTATE of a statement that waits for a lock of ours, as we wait for it. */
inline constexpr sqlstate deadlock_detected{"40P01"};
/* The SQLSTATE of a statement that waited longer for a lock than worker_watch::lock_ms. */
inline constexpr sqlstate lock_timed_out{"55P03"};

/* What ends a statement that others have waited for too long, or that has held a lock that blocks
 * writers too long. */
failure wait_caused_too_long(int limit_ms);
failure lock_held_too_long(int limit_ms);

/* The worker ended without an answer: killed, or refused by the server.  Never an error of the
 * statement itself. */
class worker_lost : public failure {
public:
    enum class outcome {
        not_begun, // the statement was not run
        unknown,   // it may have had its effect, a part of it, or none
        done,      // it was run and has committed, but the receipt was not taken
    };

    worker_lost(outcome known, const std::string &cause);

    outcome known;
};

/*
 * Runs the statement with the roles and settings of this session, but for lock_timeout and
 * statement_timeout, and waits for its end.  Notices go on to our client.
 *
 * Unless the job says otherwise, the caller must hold neither a snapshot nor a transaction id: he
 * has just committed.  Otherwise CREATE INDEX CONCURRENTLY would wait for him for ever; throws
 * std::logic_error.
 *
 * Throws pg::error, the worker's whole error, when the statement failed: its position() counts in
 * the statement.  Throws failure{no_free_worker} when nothing was run, failure{deadlock_detected}
 * when it waited for a lock of ours, directly or through others, failure{lock_timed_out},
 * failure{limit_exceeded}, and worker_lost.
 *
 * When the wait is cancelled, times out or ends with this session, the worker is ended first:
 * however this returns, and before this session gives up its locks, nothing of it runs any more.
 */
completion run_at_top_level(const top_level_job &job, worker_watch &watch);

/* What the worker does with the receipt of a statement that succeeded: in a transaction right after
 * the statement's own, with the session as it was before the statement.  Called by _PG_init. */
void on_top_level_done(void (*take)(const std::string &receipt));

} // namespace confiture::pg
