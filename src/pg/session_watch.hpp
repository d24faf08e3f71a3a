#pragma once
/*
 * Watches this session by a timer while a script runs: who waits for a lock of ours, what we wait
 * for, how long and how much we hold.  It can stop the statement that runs, in its middle.
 */
#include "pg/plain.hpp"

#include "pg/locks.hpp"
#include "pg/self_cancel.hpp"

#include <cstddef>
#include <vector>

namespace confiture::pg {

enum class stop_reason {
    none,
    wait_caused,
    lock_hold,
    too_many_locks,
    autovacuum, // holds a lock that we wait for; the server would soon cancel it for us
    lock_timeout,
    statement_timeout,
};

struct watch_limits {
    int wait_caused_ms = 0;        // 0: no limit
    int lock_hold_ms = 0;          // 0: no limit
    std::size_t locks = 0;         // in the shared lock table; 0: no limit
    lock_tag queue{};              // what others are meant to queue for, see migrators_queue()
    int lock_wait_ms = 0;          // as lock_timeout, whatever a script makes of that; 0: no limit
    bool spares_autovacuum = true; // else the server cancels what is in our way
};

/* A wait of this session for a lock, seen by the timer (it looks every 10 ms). */
struct lock_wait {
    lock_tag tag;
    int mode;
    double began_ms, ended_ms; // as now_ms()
    std::vector<int> blockers; // process ids of holders in a conflicting mode
};

/* A wait of another session for a lock that we hold or stand before it in the queue for. */
struct wait_caused {
    lock_tag tag;
    int mode;
    int process_id;
    double longest_ms;
};

/* Watches from construction to destruction; one that is around it sleeps meanwhile. */
class session_watch {
public:
    explicit session_watch(const watch_limits &limits);
    session_watch(const session_watch &) = delete;
    session_watch &operator=(const session_watch &) = delete;
    ~session_watch();

    /* Since when a lock that blocks writers is held; 0 while none is. */
    void blocking_writers_since(double since_ms);

    /* Is to see, by the timer, what is taken between its looks; null for none, and at its end. */
    void sample(lock_watch *locks) noexcept;

    void limit_lock_waits(int milliseconds) noexcept;

    /* The statement that begins now may take this long; 0 for no limit. */
    void limit_statement(int milliseconds);

    /* Once its end is filed: its limits are no reason to stop what comes later. */
    void forget_statement() noexcept;

    /* What follows is not stopped any more. */
    void lift_limits() noexcept;

    stop_reason stopped() const;
    /* Is this the cancel of ours, and not a user's, a statement_timeout's or the server's? */
    bool caused(const error &raised) const;

    std::vector<lock_wait> waits() const;
    std::size_t wait_count() const;
    /* Milliseconds waited for locks so far. */
    double waited_ms() const;
    std::vector<wait_caused> waits_caused() const;

private:
    self_cancel cancel_;
    void *outer_ = nullptr; // the state of the one around this
};

/* While it lives, a watch that limits nothing looks at nothing: its timer's signal ends every sleep
 * of foreign code early.  One that has limits to keep goes on. */
class resting_watch {
public:
    resting_watch() noexcept;
    resting_watch(const resting_watch &) = delete;
    resting_watch &operator=(const resting_watch &) = delete;
    ~resting_watch();

private:
    bool rests_;
};

} // namespace confiture::pg
