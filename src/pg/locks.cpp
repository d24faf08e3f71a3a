#include "pg/locks.hpp"

#include "pg/boundary.hpp"
#include "pg/proc.hpp"
#include "pg/tracer.hpp"

#include <algorithm>
#include <atomic>

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
    : memory_("confiture lock watch"),
      known_([this]<std::size_t... Partition>(std::index_sequence<Partition...>) {
          return std::array<entries, partition_count>{
              ((void)Partition, entries(context_allocator<entry>(&memory_)))...};
      }(std::make_index_sequence<partition_count>())),
      fresh_(context_allocator<entry>(&memory_)), fast_(context_allocator<entry>(&memory_)) {
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

namespace {

/* The handler runs in this thread: it sees the flag, or all that was done before. */
class handler_kept_out {
public:
    explicit handler_kept_out(volatile std::sig_atomic_t &flag) : flag_(flag) {
        flag_ = 1;
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    handler_kept_out(const handler_kept_out &) = delete;
    handler_kept_out &operator=(const handler_kept_out &) = delete;
    ~handler_kept_out() {
        std::atomic_signal_fence(std::memory_order_seq_cst);
        flag_ = 0;
    }

private:
    volatile std::sig_atomic_t &flag_;
};

} // namespace

const std::vector<lock_watch::change> &lock_watch::look(bool whole) {
    constexpr std::size_t few = 200; // a whole look at them costs no more than a microsecond
    whole = whole || shared_count() <= few;
    const handler_kept_out alone(looking_);
    changes_.clear();
    look_at_fast_path();
    for (int partition = 0; partition < partition_count; partition++)
        look_at_partition(partition, whole);
    if (whole)
        look_at_group();
    sighted_.last_ms = sighting_.last_ms;
    sighted_.complete = sighting_.complete;
    sighted_.count = sighting_.count;
    std::copy_n(sighting_.locks.begin(), sighting_.count, sighted_.locks.begin());
    sighting_.count = 0;
    sighting_.complete = true;
    looked_ms_ = now_ms();
    if (whole)
        looked_whole_ms_ = looked_ms_;
    return changes_;
}

/* Walks the lists as look_at_partition() does; both are in the order of acquisition. */
void lock_watch::sample(double now_ms) noexcept {
    if (looking_)
        return;
    constexpr int most_links = 1000000;
    constexpr lock_modes strong = static_cast<lock_modes>(-(1 << lock_sightings::weakest_mode));
    for (int partition = 0; partition < partition_count; partition++) {
        const entries &known = known_[static_cast<std::size_t>(partition)];
        auto &list = MyProc->myProcLocks[partition];
        std::size_t old = 0;
        PROCLOCK *held = peek_first(&list, offsetof(PROCLOCK, procLink));
        for (int links = 0; held && held->tag.myProc == MyProc && links < most_links; links++) {
            const lock_tag tag = plain(held->tag.myLock->tag);
            while (old < known.size() && (known[old].address != held || !(known[old].tag == tag)))
                old++;
            const bool was_known = old < known.size();
            const lock_modes before = was_known ? known[old++].modes : lock_modes{0};
            const auto news = static_cast<lock_modes>(held->holdMask & strong & ~before);
            if (news && tag.is_relation() && tag.relation() >= FirstNormalObjectId)
                sight(tag, news, was_known, now_ms);
            held = peek_next(&list, &held->procLink, offsetof(PROCLOCK, procLink));
        }
    }
    sighting_.last_ms = now_ms;
}

void lock_watch::sight(const lock_tag &tag, lock_modes modes, bool was_known,
                       double now_ms) noexcept {
    for (int mode = lock_sightings::weakest_mode; mode <= MaxLockMode; mode++) {
        if (!(modes & LOCKBIT_ON(mode)) || sighting_.find(tag, mode))
            continue;
        if (sighting_.count == lock_sightings::most) {
            sighting_.complete = false;
            return;
        }
        // A quick look sees no stronger mode of what was held.
        const double looked = was_known ? looked_whole_ms_ : looked_ms_;
        sighting_.locks[sighting_.count++] = {tag, mode, std::max(looked, sighting_.last_ms),
                                              now_ms};
    }
}

double lock_watch::blocking_writers_since() const noexcept {
    double since = 0;
    for (std::size_t i = 0; i < sighting_.count && !looking_; i++) {
        const lock_sighting &seen = sighting_.locks[i];
        if (seen.mode >= ShareLock && (since == 0 || seen.not_before_ms < since))
            since = seen.not_before_ms;
    }
    return since;
}

const lock_sighting *lock_sightings::find(const lock_tag &tag, int mode) const {
    for (std::size_t i = 0; i < count; i++)
        if (locks[i].mode == mode && locks[i].tag == tag)
            return &locks[i];
    return nullptr;
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
static LOCALLOCK *local_lock(const LOCKTAG &locktag, int mode) {
    if (!LockHeldByMe(&locktag, mode CONFITURE_LOCK_HELD_EXACTLY))
        return nullptr;
    LOCALLOCK *held = nullptr;
    LockAcquireExtended(&locktag, mode, false, true, false, &held CONFITURE_LOG_LOCK_FAILURE);
    LockRelease(&locktag, mode, false);
    return held;
}

hold_count times_held(const lock_tag &tag, int mode) {
    const LOCKTAG locktag = raw(tag);
    return call([&]() -> hold_count {
        const LOCALLOCK *held = local_lock(locktag, mode);
        if (!held)
            return {};
        hold_count count;
        count.all = held->nLocks;
        for (int i = 0; i < held->numLockOwners; i++)
            if (!held->lockOwners[i].owner)
                count.session = held->lockOwners[i].nLocks;
        return count;
    });
}

counted_hold::counted_hold(const lock_tag &tag, int mode) : tag_(tag), mode_(mode) {
    const LOCKTAG locktag = raw(tag);
    local_ = call([&] { return local_lock(locktag, mode); });
}

/* The hash table of local locks never gives memory back: an entry that is gone is another lock's or
 * nobody's. */
std::int64_t counted_hold::times() const noexcept {
    const auto *local = static_cast<const LOCALLOCK *>(local_);
    return local && plain(local->tag.lock) == tag_ && local->tag.mode == mode_ ? local->nLocks : 0;
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
