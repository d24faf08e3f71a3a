#pragma once
/* Every lock that a run took: object, mode, when, by which statement, until when. */
#include "pg/plain.hpp"

#include "pg/locks.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace confiture::running {

/* One mode of one lock, from its acquisition to its release. */
struct lock_entry {
    pg::lock_tag tag{};
    std::uint8_t mode = 0;
    bool held_before = false;    // by the caller, before the run
    bool predicted = false;      // that of the real form, which did not run
    bool emulation = false;      // of the plain form, which ran in its place
    std::int32_t migration = -1; // index in the chain
    std::int32_t statement = 0;  // ordinal; 0 for the check of deferred constraints
    std::int32_t hook = -1;      // index of the hook of the migration that took it; -1 for none
    std::int32_t line = 0;
    double not_before_ms = 0;  // nothing of it was there at this look …
    double acquired_ms = 0;    // … it was at this one
    double released_ms = -1;   // -1: not before its step ended
    double step_ended_ms = -1; // where a commit would have released it
    double waited_ms = 0;
    std::vector<int> blockers; // process ids
    bool erased = false;
};

/* Where the run stands. */
struct ledger_place {
    std::int32_t migration = -1, statement = 0, line = 0;
    bool emulating = false;
    std::int32_t hook = -1;
};

class lock_ledger {
public:
    /* The locks that the caller holds already. */
    void begin(const std::vector<pg::held_lock> &held);

    void move_to(const ledger_place &place) { place_ = place; }

    /* Nobody else sees this relation: no writer waits for it. */
    void made_here(std::uint32_t relation) {
        made_here_.insert(relation);
        if (relation == blocking_relation_)
            blocking_since_ms_ = 0;
    }

    /* Takes the changes of one look at `now_ms`; the look before was at the previous call. */
    void note(const std::vector<pg::lock_watch::change> &changes, double now_ms);

    /* What an earlier step took and still holds, for nothing was committed, is taken again without
     * a change in the lock manager: the count of its holds tells. */
    void note_taken_again(double now_ms);

    /* A commit would release here what the migration holds. */
    void end_step(double now_ms);

    /* A wait belongs to the entry of its lock and mode that was acquired after it began. */
    void note_wait(const pg::lock_tag &tag, int mode, double began_ms, double ended_ms,
                   const std::vector<int> &blockers);

    /* A lock that is known without being taken. */
    void note_predicted(const pg::lock_tag &tag, int mode, double now_ms);

    /* From here on, what is taken counts for taken_since_mark(). */
    void mark() { taken_.clear(); }
    /* The strongest mode newly taken on each relation since the mark. */
    const std::unordered_map<std::uint32_t, int> &taken_since_mark() const { return taken_; }
    bool holds(std::uint32_t relation, int mode) const;

    const std::vector<lock_entry> &entries() const { return entries_; }
    /* When the first lock that blocks writers was taken by the run; 0 for none held. */
    double blocking_writers_since() const { return blocking_since_ms_; }

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
        key lock;
        std::int64_t times;
        bool taken_again;
    };

    void acquired(const pg::lock_tag &tag, int mode, double now_ms);
    void released(const pg::lock_tag &tag, int mode, double now_ms);

    std::vector<lock_entry> entries_;
    std::vector<std::size_t> free_;
    std::size_t step_begins_ = 0; // no entry before this one belongs to the open step
    std::unordered_map<key, std::size_t, key_hash> open_;
    std::vector<earlier_hold> earlier_;
    std::unordered_map<std::uint32_t, int> taken_;
    std::unordered_map<std::uint32_t, std::uint16_t> ever_taken_; // modes, also released ones
    std::unordered_set<std::uint32_t> made_here_;
    ledger_place place_;
    double last_look_ms_ = 0;
    double blocking_since_ms_ = 0;
    std::uint32_t blocking_relation_ = 0;
};

/* Lock modes that writers have to wait for: Share and above. */
constexpr int share_lock = 5;
constexpr int row_exclusive_lock = 3;
constexpr int access_exclusive_lock = 8;

} // namespace confiture::running
