#include "pg/locks.hpp"

#include "pg/boundary.hpp"
#include "pg/proc.hpp"

#include <algorithm>

extern "C" {
#include "access/twophase.h"
}

namespace confiture::pg {

static_assert(NUM_LOCK_PARTITIONS == 16);
static_assert(LOCKTAG_RELATION == 0);

static lock_tag relation_tag(Oid database, Oid relation) {
    LOCKTAG tag;
    SET_LOCKTAG_RELATION(tag, database, relation);
    return plain(tag);
}

lock_watch::lock_watch()
    : memory_("confiture lock watch"), known_{entries(&memory_), entries(&memory_),
                                              entries(&memory_), entries(&memory_),
                                              entries(&memory_), entries(&memory_),
                                              entries(&memory_), entries(&memory_),
                                              entries(&memory_), entries(&memory_),
                                              entries(&memory_), entries(&memory_),
                                              entries(&memory_), entries(&memory_),
                                              entries(&memory_), entries(&memory_)},
      fresh_(&memory_), fast_(&memory_) {
    fresh_.reserve(256);
    fast_.resize(static_cast<std::size_t>(fast_path_slots()), entry{});
}

void lock_watch::account(const lock_tag &tag, lock_modes sources::*where, lock_modes now) {
    sources &held = held_[tag];
    const lock_modes before = held.all();
    held.*where = now;
    const lock_modes after = held.all();
    if (after == 0)
        held_.erase(tag);
    if (after == before)
        return;
    // A lock that moves from the fast path to the shared table is no news.
    for (std::size_t i = 0; i < changes_.size(); i++)
        if (changes_[i].tag == tag) {
            changes_[i].now = after;
            if (changes_[i].now == changes_[i].before)
                changes_.erase(changes_.begin() + static_cast<std::ptrdiff_t>(i));
            return;
        }
    changes_.push_back({tag, before, after});
}

/* Only this session fills its slots; others may empty one while they move the lock to the shared
 * table, where it is found then. */
void lock_watch::look_at_fast_path() {
    for (int slot = 0; slot < fast_path_slots(); slot++) {
        entry &known = fast_[static_cast<std::size_t>(slot)];
        const auto modes = static_cast<lock_modes>(fast_path_modes(MyProc, slot));
        if (modes == 0 && known.modes == 0)
            continue;
        const Oid relation = MyProc->fpRelId[slot];
        if (modes == known.modes && relation == known.tag.field2)
            continue;
        if (known.modes && (modes == 0 || relation != known.tag.field2))
            account(known.tag, &sources::fast, 0);
        if (modes) {
            known.tag = relation_tag(MyProc->databaseId, relation);
            account(known.tag, &sources::fast, modes);
        }
        known.modes = modes;
    }
}

/* Fills fresh_ with the locks of a process in one partition.  Nothing is allocated while the LWLock
 * is held: where there is too little room, it is let go, room is made, and the walk begins again.
 */
void lock_watch::collect(const void *process, int partition) {
    auto *proc = static_cast<PGPROC *>(const_cast<void *>(process));
    for (;;) {
        const std::size_t room = fresh_.capacity();
        fresh_.resize(room);
        std::size_t size = 0;
        LWLock *lock = LockHashPartitionLockByIndex(partition);
        call([&] { LWLockAcquire(lock, LW_SHARED); });
        for (PROCLOCK *held = first_lock(proc, partition); held;
             held = next_lock(proc, partition, held), size++)
            if (size < room)
                fresh_[size] = {held, plain(held->tag.myLock->tag),
                                static_cast<lock_modes>(held->holdMask)};
        LWLockRelease(lock);
        if (size <= room) {
            fresh_.resize(size);
            return;
        }
        fresh_.clear();
        fresh_.reserve(size + size / 2);
    }
}

/* Needs no LWLock: only this session releases its locks or adds modes to them, and CleanUpLock()
 * leaves no mode in the PROCLOCK that it frees. */
bool lock_watch::holds_still(const entries &known) {
    return std::all_of(known.begin(), known.end(), [](const entry &before) {
        const auto *held = static_cast<const PROCLOCK *>(before.address);
        return held->tag.myProc == MyProc && held->holdMask == before.modes && before.modes != 0 &&
               plain(held->tag.myLock->tag) == before.tag;
    });
}

/* New locks are appended to a partition's list, so an unchanged tail means that nothing came. */
void lock_watch::look_at_partition(int partition, bool whole) {
    const auto index = static_cast<std::size_t>(partition);
    const void *tail = last_link(MyProc, partition);
    entries &known = known_[index];
    if (tail == tails_[index] && (!whole || holds_still(known)))
        return;
    if (known.empty() && tail == empty_link(MyProc, partition)) {
        tails_[index] = tail;
        return;
    }
    collect(MyProc, partition);
    tails_[index] = tail;

    // Both lists are in the order of acquisition: what of the old one was passed over is gone.
    std::size_t old = 0;
    for (const entry &now : fresh_) {
        while (old < known.size() &&
               (known[old].address != now.address || !(known[old].tag == now.tag)))
            account(known[old++].tag, &sources::shared, 0);
        if (old == known.size() || known[old].modes != now.modes)
            account(now.tag, &sources::shared, now.modes);
        if (old < known.size())
            old++;
    }
    while (old < known.size())
        account(known[old++].tag, &sources::shared, 0);
    known.assign(fresh_.begin(), fresh_.end());
}

/* Parallel workers hold locks of their own for the leader's sake. */
void lock_watch::look_at_group() {
    if (MyProc->lockGroupLeader != MyProc)
        return;
    constexpr int most = 64;
    PGPROC *members[most];
    int count = 0;
    LWLock *lock = LockHashPartitionLockByProc(MyProc);
    call([&] { LWLockAcquire(lock, LW_SHARED); });
    count = lock_group_members(MyProc, members, most);
    LWLockRelease(lock);
    for (int i = 0; i < count; i++)
        for (int partition = 0; partition < partition_count; partition++) {
            collect(members[i], partition);
            for (const entry &now : fresh_) {
                const auto found = held_.find(now.tag);
                const lock_modes seen = found == held_.end() ? 0 : found->second.group;
                account(now.tag, &sources::group, seen | now.modes);
            }
        }
}

const std::vector<lock_watch::change> &lock_watch::look(bool whole) {
    constexpr std::size_t few = 200; // a whole look at them costs no more than a microsecond
    whole = whole || shared_count() <= few;
    changes_.clear();
    look_at_fast_path();
    for (int partition = 0; partition < partition_count; partition++)
        look_at_partition(partition, whole);
    if (whole)
        look_at_group();
    return changes_;
}

std::size_t lock_watch::shared_count() const {
    std::size_t count = 0;
    for (const entries &partition : known_)
        count += partition.size();
    return count;
}

std::vector<held_lock> held_locks() {
    lock_watch watch;
    std::vector<held_lock> locks;
    for (const lock_watch::change &change : watch.look(true)) {
        bool merged = false;
        for (held_lock &known : locks)
            if (change.before && known.tag == change.tag) {
                known.modes = change.now;
                merged = true;
            }
        if (!merged && change.now)
            locks.push_back({change.tag, change.now});
    }
    return locks;
}

std::size_t lock_table_capacity() {
    return static_cast<std::size_t>(max_locks_per_xact) *
           static_cast<std::size_t>(MaxBackends + max_prepared_xacts);
}

const char *lock_type_name(const lock_tag &tag) {
    return tag.type <= LOCKTAG_LAST_TYPE ? LockTagTypeNames[tag.type] : "unknown";
}

const char *lock_mode_name(int mode) { return GetLockmodeName(DEFAULT_LOCKMETHOD, mode); }

int strongest(lock_modes modes) {
    int mode = 0;
    for (int bit = 1; bit <= MaxLockMode; bit++)
        if (modes & LOCKBIT_ON(bit))
            mode = bit;
    return mode;
}

bool conflicts(int mode, int other) { return DoLockModesConflict(mode, other); }

std::vector<int> conflicting_sessions(const lock_tag &tag, int mode) {
    std::vector<int> sessions;
    const LOCKTAG locktag = raw(tag);
    int count = 0;
    VirtualTransactionId *conflicting =
        call([&] { return GetLockConflicts(&locktag, mode, &count); });
    for (int i = 0; i < count; i++)
        if (PGPROC *process = process_of(conflicting[i]); process && process->pid)
            sessions.push_back(process->pid);
    pfree(conflicting);
    return sessions;
}

/* LockAcquireExtended() hands out the lock's local entry; a lock that is held already is granted
 * there, without a look at the shared table. */
hold_count times_held(const lock_tag &tag, int mode) {
    const LOCKTAG locktag = raw(tag);
    return call([&]() -> hold_count {
        if (!LockHeldByMe(&locktag, mode CONFITURE_LOCK_HELD_EXACTLY))
            return {};
        LOCALLOCK *held = nullptr;
        LockAcquireExtended(&locktag, mode, false, true, false, &held CONFITURE_LOG_LOCK_FAILURE);
        hold_count count;
        count.all = held->nLocks - 1;
        for (int i = 0; i < held->numLockOwners; i++)
            if (!held->lockOwners[i].owner)
                count.session = held->lockOwners[i].nLocks;
        LockRelease(&locktag, mode, false);
        return count;
    });
}

bool take_session_lock(const lock_tag &tag, int mode) {
    const LOCKTAG locktag = raw(tag);
    return call([&] { return LockAcquire(&locktag, mode, true, true) != LOCKACQUIRE_NOT_AVAIL; });
}

void release_session_lock(const lock_tag &tag, int mode) {
    const LOCKTAG locktag = raw(tag);
    call([&] { LockRelease(&locktag, mode, true); });
}

} // namespace confiture::pg
