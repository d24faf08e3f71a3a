#pragma once
/* Every lock that a run took: object, mode, when, by which statement, until when. */
#include "pg/plain.hpp"

#include "pg/locks.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace confiture::running {

/* One mode of one lock, from its acquisition to its release. */
struct lock_entry {
    pg::lock_tag tag{};
    std::uint8_t mode = 0;
    bool held_before = false;    // by the caller, before the run
    bool taken_again = false;    // what the caller held, by the run as well
    bool predicted = false;      // that of the real form, which did not run
    bool emulation = false;      // of the plain form, which ran in its place
    std::int32_t migration = -1; // index in the chain
    std::int32_t statement = 0;  // ordinal; 0 for the check of deferred constraints
    std::int32_t hook = -1;      // index of the hook of the migration that took it; -1 for none
    std::int32_t line = 0;
    double not_before_ms = 0;  // it was not there then: a hold counts from here
    double acquired_ms = 0;    // it was, when it was first seen
    double released_ms = -1;   // -1: not before its step ended
    double step_ended_ms = -1; // where a commit would have released it
    double waited_ms = 0;
    double wait_began_ms = -1; // -1: it was not waited for
    std::vector<int> blockers; // process ids
    bool erased = false;

    /* The moment of taking is known to the tick of a session_watch; else the time of the hold is an
     * upper bound. */
    bool hold_is_upper_bound() const { return acquired_ms - not_before_ms > 12; }

    /* Others queue behind whoever waits for a lock as behind him who holds it. */
    double in_the_way_since_ms() const {
        return wait_began_ms >= 0 ? std::min(wait_began_ms, not_before_ms) : not_before_ms;
    }
};

/* Where the run stands. */
struct ledger_place {
    std::int32_t migration = -1, statement = 0, line = 0;
    bool emulating = false;
    std::int32_t hook = -1;
};

class lock_ledger {
public:
    /* The locks that the caller holds already, at `now_ms`.  The ledger's times begin at `began_ms`
     * on the clock of pg::now_ms(). */
    void begin(const std::vector<pg::held_lock> &held, double began_ms, double now_ms);

    void move_to(const ledger_place &place) { place_ = place; }
    const ledger_place &place() const { return place_; }

    /* Nobody else sees this relation: no writer waits for it. */
    void made_here(std::uint32_t relation);

    /* Takes the changes of one look at `now_ms`, which was whole or not, and what a timer has seen
     * since the look before; that one was at the previous call. */
    void note(const std::vector<pg::lock_watch::change> &changes, double now_ms, bool whole = true,
              const pg::lock_sightings *sighted = nullptr);

    /* What an earlier step or the caller took and still holds, for nothing was committed, is taken
     * again without a change in the lock manager: the count of its holds tells. */
    void note_taken_again(double now_ms);
    /* The same within a statement, as long as there are few of them. */
    void note_taken_again_soon(double now_ms);

    /* A commit would release here what the migration holds. */
    void end_step(double now_ms);

    /* A wait belongs to the entry of its lock and mode that was acquired after it began; false
     * where there is none, for it was waited for in vain. */
    bool note_wait(const pg::lock_tag &tag, int mode, double began_ms, double ended_ms,
                   const std::vector<int> &blockers);

    /* A lock that is known without being taken. */
    void note_predicted(const pg::lock_tag &tag, int mode, double now_ms);

    /* From here on, what is taken counts for taken_since_mark(). */
    void mark() { taken_.clear(); }
    /* The strongest mode newly taken on each relation since the mark. */
    const std::unordered_map<std::uint32_t, int> &taken_since_mark() const { return taken_; }
    bool holds(std::uint32_t relation, int mode) const;

    const std::vector<lock_entry> &entries() const { return entries_; }
    /* Since when the run holds a lock that blocks writers; nothing for none held. */
    std::optional<double> blocking_writers_since() const;

private:
    struct key {
        pg::lock_tag tag;
        int mode;
        bool operator==(const key &) const = default;
    };
    struct key_hash {
        std::size_t operator()(const key &key) const noexcept {
            return pg::lock_tag_hash{}(key.tag) * 9 + static_cast<std::size_t>(key.mode);
        }
    };

    struct earlier_hold {
        earlier_hold(const key &held, const pg::counted_hold &counted)
            : lock(held), count(counted), times(counted.times()), times_before(times) {}
        key lock;
        pg::counted_hold count;
        std::int64_t times, times_before;
        std::optional<std::size_t> taken_again; // its entry
    };

    /* Between these two moments. */
    struct taking {
        double not_before_ms, seen_ms;
    };

    std::size_t acquired(const pg::lock_tag &tag, int mode, const taking &when);
    void released(const pg::lock_tag &tag, int mode, double now_ms);
    taking taken(const pg::lock_tag &tag, int mode, double now_ms, double last_look_ms,
                 const pg::lock_sightings *sighted) const;
    void remember_holds();

    std::vector<lock_entry> entries_;
    std::vector<std::size_t> free_;
    std::size_t step_begins_ = 0; // no entry before this one belongs to the open step
    std::unordered_map<key, std::size_t, key_hash> open_;
    std::vector<earlier_hold> earlier_;
    double counted_ms_ = 0;                             // when their holds were last counted
    std::set<std::pair<double, std::size_t>> blocking_; // writers: since when, and the entry
    std::unordered_map<std::uint32_t, int> taken_;
    std::unordered_map<std::uint32_t, std::uint16_t> ever_taken_; // modes, also released ones
    std::unordered_set<std::uint32_t> made_here_;
    ledger_place place_;
    double began_ms_ = 0;
    double last_look_ms_ = 0, last_whole_look_ms_ = 0;
};

/* Lock modes that writers have to wait for: Share and above. */
constexpr int share_lock = 5;
constexpr int row_exclusive_lock = 3;
constexpr int access_exclusive_lock = 8;

} // namespace confiture::running
