#pragma once
/*
 * The locks of this session, straight from the lock manager: its own PGPROC, the fast path and the
 * lock group of parallel workers.  What other sessions hold costs nothing.
 */
#include "pg/plain.hpp"

#include "pg/memory.hpp"

#include <array>
#include <csignal>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace confiture::pg {

/* A LOCKTAG. */
struct lock_tag {
    std::uint32_t field1, field2, field3;
    std::uint16_t field4;
    std::uint8_t type;
    std::uint8_t method;

    bool operator==(const lock_tag &) const = default;
    bool is_relation() const { return type == 0; } // LOCKTAG_RELATION
    /* Relation locks: the OID; field1 is the database, 0 for a shared catalog. */
    std::uint32_t relation() const { return field2; }
};

struct lock_tag_hash {
    std::size_t operator()(const lock_tag &tag) const noexcept {
        std::uint64_t mixed = (std::uint64_t{tag.field1} << 32 | tag.field2) * 0x9E3779B97F4A7C15u;
        mixed ^= (std::uint64_t{tag.field3} << 32 | std::uint64_t{tag.field4} << 16 |
                  std::uint64_t{tag.type} << 8 | tag.method) +
                 (mixed >> 29);
        return mixed * 0xBF58476D1CE4E5B9u;
    }
};

/* A set of lock modes: bit m is mode m of storage/lockdefs.h (1 AccessShare … 8 AccessExclusive).
 */
using lock_modes = std::uint16_t;

struct held_lock {
    lock_tag tag;
    lock_modes modes;
};

/* Everything that this session holds now, once each, unsorted. */
std::vector<held_lock> held_locks();

/* A mode of a lock that was seen for the first time between two looks; times as now_ms(). */
struct lock_sighting {
    lock_tag tag;
    int mode;
    double not_before_ms, seen_ms;
};

/* What a timer saw since the look before, of the strong modes: those that no fast path holds. */
struct lock_sightings {
    static constexpr std::size_t most = 128;
    static constexpr int weakest_mode = 4; // ShareUpdateExclusive

    double last_ms = 0;   // of the last sample; 0 for none
    bool complete = true; // else there was no room for all
    std::size_t count = 0;
    std::array<lock_sighting, most> locks{};

    const lock_sighting *find(const lock_tag &tag, int mode) const;
};

/* Notices what this session acquires and releases, look by look. */
class lock_watch {
public:
    struct change {
        lock_tag tag;
        lock_modes before, now;
    };

    lock_watch();

    /* The changes since the look before, valid until the next one.  A quick look is some tens of
     * nanoseconds where nothing new was locked; it may miss a stronger mode on what was held and
     * releases, which the next whole look finds. */
    const std::vector<change> &look(bool whole);
    bool last_was_whole() const { return looked_ms_ == looked_whole_ms_; }

    /* When what the last look found was taken, as far as a timer saw it; valid until the next. */
    const lock_sightings &sighted() const { return sighted_; }

    /* For a timer's handler, between two looks: allocates and locks nothing. */
    void sample(double now_ms) noexcept;

    /* For the same handler: since when a lock that blocks writers may be held that no look has
     * found yet; 0 for none. */
    double blocking_writers_since() const noexcept;

    /* Locks of this session in the shared lock table, as of the last look. */
    std::size_t shared_count() const;

private:
    struct entry {
        const void *address;
        lock_tag tag;
        lock_modes modes;
    };
    struct sources {
        lock_modes fast = 0, shared = 0, group = 0;
        lock_modes all() const { return fast | shared | group; }
    };
    using entries = std::vector<entry, context_allocator<entry>>;

    static bool holds_still(const entries &known);
    void look_at_fast_path();
    void look_at_partition(int partition, bool whole);
    void look_at_group();
    void collect(const void *process, int partition);
    void account(const lock_tag &tag, lock_modes sources::*where, lock_modes now);
    void sight(const lock_tag &tag, lock_modes modes, bool was_known, double now_ms) noexcept;

    memory_context memory_;
    static constexpr int partition_count = 16;
    std::array<entries, partition_count> known_;
    std::array<const void *, partition_count> tails_{};
    entries fresh_;
    entries fast_;
    std::unordered_map<lock_tag, sources, lock_tag_hash> held_;
    std::vector<change> changes_;
    volatile std::sig_atomic_t looking_ = 0; // the handler keeps out meanwhile
    double looked_ms_ = 0, looked_whole_ms_ = 0;
    lock_sightings sighting_, sighted_; // by the handler now, and before the last look
};

/* The shared lock table has room for this many locks of all sessions together. */
std::size_t lock_table_capacity();

/* 'relation', 'advisory' … as pg_locks says it; 'AccessExclusiveLock'. */
const char *lock_type_name(const lock_tag &tag);
const char *lock_mode_name(int mode);
int strongest(lock_modes modes);
bool conflicts(int mode, int other);

/* Process ids of the sessions that hold or await the lock in a mode that conflicts with `mode`. */
std::vector<int> conflicting_sessions(const lock_tag &tag, int mode);

/* How often this session has taken a lock that it holds: in all, and for the session rather than
 * for a transaction.  Taking a lock again is seen nowhere else. */
struct hold_count {
    std::int64_t all = 0, session = 0;
};
hold_count times_held(const lock_tag &tag, int mode);

/* The same for a lock of a transaction, asked again and again at next to no cost. */
class counted_hold {
public:
    counted_hold(const lock_tag &tag, int mode);
    std::int64_t times() const noexcept;

private:
    const void *local_; // its LOCALLOCK
    lock_tag tag_;
    int mode_;
};

/* Takes or releases a session-level lock once.  False where another session has it now. */
bool take_session_lock(const lock_tag &tag, int mode);
void release_session_lock(const lock_tag &tag, int mode);

} // namespace confiture::pg
