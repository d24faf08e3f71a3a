#include "pg/session_watch.hpp"

#include "pg/boundary.hpp"
#include "pg/proc.hpp"
#include "pg/tracer.hpp"

#include <algorithm>
#include <csignal>

extern "C" {
#include "storage/ipc.h"

#include <sys/time.h>
}

namespace confiture::pg {

namespace {

constexpr int most_waits = 128;
constexpr int most_blockers = 8;
constexpr int most_caused = 64;
constexpr int most_links = 1000000; // bounds every walk through shared memory

struct own_wait {
    LOCKTAG tag;
    int mode;
    double began_ms, ended_ms;
    int blockers[most_blockers];
    int blocker_count;
    bool behind_autovacuum;
};

struct waiter {
    const LOCK *lock; // awaited at the last tick; null for none
    double since_ms;
};

struct caused_wait {
    LOCKTAG tag;
    int mode, process_id;
    double longest_ms;
};

/* All that the handlers touch: plain data, allocated before the timer starts. */
struct watch_state {
    TimeoutId timer;
    bool registered, on, resting;
    watch_limits limits;
    LOCKMASK conflicts[MaxLockMode + 1];
    waiter *waiters; // one for each PGPROC
    own_wait waits[most_waits];
    int wait_count;
    bool waiting;
    caused_wait caused[most_caused];
    int caused_count;
    volatile double blocking_since_ms, statement_ends_ms;
    lock_watch *sampled;               // null for none
    volatile std::sig_atomic_t reason; // a stop_reason
    self_cancel *cancel;
};
constinit watch_state state{};

/* Again at every tick, for code that catches it. */
void stop(stop_reason reason) {
    if (!state.reason)
        state.reason = static_cast<std::sig_atomic_t>(reason);
    state.cancel->request();
}

void note_blockers(own_wait &wait, LOCK *lock) {
    PROCLOCK *held = peek_first(&lock->procLocks, offsetof(PROCLOCK, lockLink));
    for (int steps = 0; held && held->tag.myLock == lock && steps < most_links; steps++) {
        PGPROC *holder = held->tag.myProc;
        if (holder != MyProc && (held->holdMask & state.conflicts[wait.mode]) &&
            wait.blocker_count < most_blockers) {
            wait.behind_autovacuum = wait.behind_autovacuum || would_be_cancelled(holder);
            int *end = wait.blockers + wait.blocker_count;
            if (std::find(wait.blockers, end, holder->pid) == end)
                wait.blockers[wait.blocker_count++] = holder->pid;
        }
        held = peek_next(&lock->procLocks, &held->lockLink, offsetof(PROCLOCK, lockLink));
    }
}

/* When the wait began: the server knows from 14 on. */
double wait_began(double now) {
#if PG_VERSION_NUM >= 140000
    const auto began = static_cast<TimestampTz>(pg_atomic_read_u64(&MyProc->waitStart));
    if (began != 0)
        return now - static_cast<double>(GetCurrentTimestamp() - began) / 1000;
#endif
    return now;
}

void watch_own_wait(double now) {
    LOCK *lock = MyProc->waitLock;
    if (!lock) {
        state.waiting = false;
        return;
    }
    own_wait *last = state.wait_count ? &state.waits[state.wait_count - 1] : nullptr;
    const bool goes_on = state.waiting && last && last->mode == MyProc->waitLockMode &&
                         std::memcmp(&last->tag, &lock->tag, sizeof(LOCKTAG)) == 0;
    if (!goes_on) {
        if (state.wait_count == most_waits)
            return;
        last = &state.waits[state.wait_count++];
        *last = {lock->tag, MyProc->waitLockMode, wait_began(now), now, {}, 0, false};
        state.waiting = true;
    }
    last->ended_ms = now;
    note_blockers(*last, lock);
    // DeadLockCheck() would cancel it for us after deadlock_timeout.
    if (state.limits.spares_autovacuum && last->behind_autovacuum &&
        now - last->began_ms >= 0.8 * DeadlockTimeout)
        stop(stop_reason::autovacuum);
    // The server's own lock_timeout comes first, unless the script has changed it.
    constexpr double after_the_server_ms = 30;
    if (state.limits.lock_wait_ms &&
        now - last->began_ms >= state.limits.lock_wait_ms + after_the_server_ms)
        stop(stop_reason::lock_timeout);
}

void note_caused(const LOCK *lock, const PGPROC *process, double waited_ms) {
    for (int i = 0; i < state.caused_count; i++) {
        caused_wait &known = state.caused[i];
        if (known.process_id == process->pid &&
            std::memcmp(&known.tag, &lock->tag, sizeof(LOCKTAG)) == 0) {
            known.longest_ms = std::max(known.longest_ms, waited_ms);
            return;
        }
    }
    if (state.caused_count < most_caused)
        state.caused[state.caused_count++] = {lock->tag, process->waitLockMode, process->pid,
                                              waited_ms};
}

/* The sessions that wait for `lock` because of modes of ours and not because of `theirs`. */
void watch_waiters(LOCK *lock, LOCKMASK ours, LOCKMASK theirs, double now) {
    for (std::uint32_t i = 0; i < ProcGlobal->allProcCount; i++) {
        const PGPROC *process = &ProcGlobal->allProcs[i];
        if (process->waitLock != lock || process == MyProc || process->pid == 0 ||
            process->lockGroupLeader == MyProc || process->waitLockMode < 1 ||
            process->waitLockMode > MaxLockMode ||
            !(state.conflicts[process->waitLockMode] & ours) ||
            (state.conflicts[process->waitLockMode] & theirs))
            continue;
        waiter &seen = state.waiters[i];
        if (seen.lock != lock)
            seen = {lock, now};
        const double waited = now - seen.since_ms;
        note_caused(lock, process, waited);
        if (state.limits.wait_caused_ms && waited >= state.limits.wait_caused_ms)
            stop(stop_reason::wait_caused);
    }
}

/* Returns how many locks of the process are in the shared table.  The lists of parallel workers
 * change while they are read: an entry that is not theirs ends the walk. */
int watch_held_by(PGPROC *process, double now) {
    int count = 0;
    for (auto &partition : process->myProcLocks) {
        PROCLOCK *held = peek_first(&partition, offsetof(PROCLOCK, procLink));
        for (; held && held->tag.myProc == process && count < most_links; count++) {
            LOCK *lock = held->tag.myLock;
            if (held->holdMask && lock->waitMask && !(plain(lock->tag) == state.limits.queue))
                watch_waiters(lock, held->holdMask, 0, now);
            held = peek_next(&partition, &held->procLink, offsetof(PROCLOCK, procLink));
        }
    }
    return count;
}

/* Parallel workers hold locks for the leader's sake. */
int watch_held(double now) {
    int count = watch_held_by(MyProc, now);
    if (MyProc->lockGroupLeader == MyProc) {
        constexpr int most_workers = 64;
        PGPROC *workers[most_workers];
        const int found = lock_group_members(MyProc, workers, most_workers);
        for (int i = 0; i < found; i++)
            count += watch_held_by(workers[i], now);
    }
    // Whoever queues behind our own request waits for us, unless a holder keeps him waiting anyway.
    if (LOCK *lock = MyProc->waitLock)
        watch_waiters(lock, LOCKBIT_ON(MyProc->waitLockMode), lock->grantMask, now);
    return count;
}

void forget_those_who_wait_no_more() {
    for (std::uint32_t i = 0; i < ProcGlobal->allProcCount; i++)
        if (state.waiters[i].lock && ProcGlobal->allProcs[i].waitLock != state.waiters[i].lock)
            state.waiters[i].lock = nullptr;
}

/* As the looks found it, or earlier, as the timer sees it since. */
double blocking_writers_since() {
    const double told = state.blocking_since_ms;
    const double sighted = state.sampled ? state.sampled->blocking_writers_since() : 0;
    return told > 0 && sighted > 0 ? std::min(told, sighted) : std::max(told, sighted);
}

/* Runs in a signal handler: reads shared memory, writes plain data, allocates and locks nothing. */
void on_tick() {
    if (!state.on || state.resting || proc_exit_inprogress || !MyProc) // a FATAL runs no destructor
        return;
    const double now = now_ms();
    forget_those_who_wait_no_more();
    watch_own_wait(now);
    const int held = watch_held(now);
    if (state.limits.locks && static_cast<std::size_t>(held) > state.limits.locks)
        stop(stop_reason::too_many_locks);
    if (state.sampled)
        state.sampled->sample(now);
    const double blocking_since = blocking_writers_since();
    if (state.limits.lock_hold_ms && blocking_since > 0 &&
        now - blocking_since >= state.limits.lock_hold_ms)
        stop(stop_reason::lock_hold);
    if (state.statement_ends_ms > 0 && now >= state.statement_ends_ms)
        stop(stop_reason::statement_timeout);
    enable_timeout_after(state.timer, 10 + std::min(held / 50, 90));
}

} // namespace

session_watch::session_watch(const watch_limits &limits) {
    const std::size_t waiters = sizeof(waiter) * ProcGlobal->allProcCount;
    auto *room = call([&] { return MemoryContextAllocZero(TopMemoryContext, waiters); });
    if (state.on) {
        state.on = false;
        outer_ = new watch_state(state);
    }
    if (!state.registered) {
        state.timer = call([] { return RegisterTimeout(USER_TIMEOUT, on_tick); });
        state.registered = true;
    }
    for (int mode = 1; mode <= MaxLockMode; mode++) {
        state.conflicts[mode] = 0;
        for (int other = 1; other <= MaxLockMode; other++)
            if (DoLockModesConflict(mode, other))
                state.conflicts[mode] |= LOCKBIT_ON(other);
    }
    state.limits = limits;
    state.waiters = static_cast<waiter *>(room);
    state.wait_count = state.caused_count = 0;
    state.waiting = false;
    state.blocking_since_ms = 0;
    state.statement_ends_ms = 0;
    state.sampled = nullptr;
    state.reason = 0;
    state.cancel = &cancel_;
    state.resting = false;
    state.on = true;
    enable_timeout_after(state.timer, 10);
}

session_watch::~session_watch() {
    state.on = false;
    disable_timeout(state.timer, false);
    pfree(state.waiters);
    state.waiters = nullptr;
    if (outer_) {
        const std::unique_ptr<watch_state> outer(static_cast<watch_state *>(outer_));
        state = *outer;
        state.on = true;
        if (!state.resting)
            enable_timeout_after(state.timer, 10);
    }
}

resting_watch::resting_watch() noexcept
    : rests_(state.on && !state.resting && !state.limits.wait_caused_ms &&
             !state.limits.lock_hold_ms && !state.limits.locks && state.statement_ends_ms <= 0) {
    if (!rests_)
        return;
    state.resting = true;
    disable_timeout(state.timer, false);
    // From 14 on an alarm that is set already comes all the same: schedule_alarm().
    constexpr long longest_tick_us = 110'000;
    struct itimerval left = {};
    if (getitimer(ITIMER_REAL, &left) != 0 || left.it_value.tv_sec > 0)
        return;
    if (left.it_value.tv_usec > 0 && left.it_value.tv_usec <= longest_tick_us)
        pg_usleep(left.it_value.tv_usec + 1000); // ends with it
}

resting_watch::~resting_watch() {
    if (!rests_)
        return;
    state.resting = false;
    enable_timeout_after(state.timer, 10);
}

void session_watch::blocking_writers_since(double since_ms) { state.blocking_since_ms = since_ms; }

void session_watch::sample(lock_watch *locks) noexcept { state.sampled = locks; }

void session_watch::limit_statement(int milliseconds) {
    state.statement_ends_ms = milliseconds > 0 ? now_ms() + milliseconds : 0;
}

void session_watch::limit_lock_waits(int milliseconds) noexcept {
    state.limits.lock_wait_ms = milliseconds;
}

void session_watch::lift_limits() noexcept {
    state.limits = {0, 0, 0, state.limits.queue, 0, false};
    state.statement_ends_ms = 0;
    cancel_.take_back();
}

void session_watch::forget_statement() noexcept {
    state.statement_ends_ms = 0;
    const auto reason = static_cast<stop_reason>(state.reason);
    if (reason == stop_reason::statement_timeout || reason == stop_reason::lock_timeout) {
        cancel_.take_back(); // the timer asks again and again
        state.reason = static_cast<std::sig_atomic_t>(stop_reason::none);
    }
}

stop_reason session_watch::stopped() const { return static_cast<stop_reason>(state.reason); }

bool session_watch::caused(const error &raised) const { return cancel_.caused(raised); }

std::vector<lock_wait> session_watch::waits() const {
    std::vector<lock_wait> waits;
    for (int i = 0; i < state.wait_count; i++) {
        const own_wait &seen = state.waits[i];
        waits.push_back({plain(seen.tag),
                         seen.mode,
                         seen.began_ms,
                         seen.ended_ms,
                         {seen.blockers, seen.blockers + seen.blocker_count}});
    }
    return waits;
}

std::size_t session_watch::wait_count() const { return static_cast<std::size_t>(state.wait_count); }

double session_watch::waited_ms() const {
    double waited = 0;
    for (int i = 0; i < state.wait_count; i++)
        waited += state.waits[i].ended_ms - state.waits[i].began_ms;
    return waited;
}

std::vector<wait_caused> session_watch::waits_caused() const {
    std::vector<wait_caused> waits;
    for (int i = 0; i < state.caused_count; i++) {
        const caused_wait &seen = state.caused[i];
        waits.push_back({plain(seen.tag), seen.mode, seen.process_id, seen.longest_ms});
    }
    return waits;
}

} // namespace confiture::pg
