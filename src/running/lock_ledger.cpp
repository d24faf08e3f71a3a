#include "running/lock_ledger.hpp"

#include <algorithm>

namespace confiture::running {

namespace {

constexpr std::uint32_t first_user_relation = 16384;

bool is_system(const pg::lock_tag &tag) {
    return tag.is_relation() && tag.relation() < first_user_relation;
}

template <typename F> void each_mode(pg::lock_modes modes, F &&act) {
    for (int mode = 1; mode <= access_exclusive_lock; mode++)
        if (modes & (1 << mode))
            act(mode);
}

} // namespace

void lock_ledger::begin(const std::vector<pg::held_lock> &held) {
    for (const pg::held_lock &lock : held)
        each_mode(lock.modes, [&](int mode) {
            acquired(lock.tag, mode, 0);
            entries_[open_[{lock.tag, mode}]].held_before = true;
        });
    blocking_since_ms_ = 0;
}

void lock_ledger::acquired(const pg::lock_tag &tag, int mode, double now_ms) {
    // Between statements it is the dry run itself that reads the catalogs.
    if (place_.statement == 0 && place_.migration >= 0 && is_system(tag))
        return;
    std::size_t index = entries_.size();
    if (free_.empty())
        entries_.emplace_back();
    else {
        index = free_.back();
        free_.pop_back();
        entries_[index] = {};
    }
    lock_entry &entry = entries_[index];
    entry.tag = tag;
    entry.mode = static_cast<std::uint8_t>(mode);
    entry.migration = place_.migration;
    entry.statement = place_.statement;
    entry.hook = place_.hook;
    entry.line = place_.line;
    entry.emulation = place_.emulating;
    entry.not_before_ms = last_look_ms_;
    entry.acquired_ms = now_ms;
    open_[{tag, mode}] = index;
    if (tag.is_relation()) {
        int &strongest = taken_[tag.relation()];
        strongest = std::max(strongest, mode);
        ever_taken_[tag.relation()] |= static_cast<std::uint16_t>(1 << mode);
    }
    if (mode >= share_lock && tag.is_relation() && !is_system(tag) && blocking_since_ms_ == 0 &&
        made_here_.count(tag.relation()) == 0) {
        blocking_since_ms_ = now_ms;
        blocking_relation_ = tag.relation();
    }
}

/* The server opens and closes its own catalogs all the time: what a statement let go again of those
 * locks is not worth a line. */
void lock_ledger::released(const pg::lock_tag &tag, int mode, double now_ms) {
    const auto found = open_.find({tag, mode});
    if (found == open_.end())
        return;
    lock_entry &entry = entries_[found->second];
    entry.released_ms = now_ms;
    if (is_system(tag) && mode <= row_exclusive_lock && entry.statement == place_.statement) {
        entry.erased = true;
        free_.push_back(found->second);
    }
    open_.erase(found);
}

bool lock_ledger::holds(std::uint32_t relation, int mode) const {
    const auto taken = ever_taken_.find(relation);
    return taken != ever_taken_.end() && (taken->second & (1 << mode));
}

void lock_ledger::note(const std::vector<pg::lock_watch::change> &changes, double now_ms) {
    for (const pg::lock_watch::change &change : changes) {
        each_mode(static_cast<pg::lock_modes>(change.before & ~change.now),
                  [&](int mode) { released(change.tag, mode, now_ms); });
        each_mode(static_cast<pg::lock_modes>(change.now & ~change.before),
                  [&](int mode) { acquired(change.tag, mode, now_ms); });
    }
    last_look_ms_ = now_ms;
}

void lock_ledger::note_taken_again(double now_ms) {
    for (earlier_hold &hold : earlier_) {
        if (hold.taken_again)
            continue;
        const std::int64_t times = pg::times_held(hold.lock.tag, hold.lock.mode).all;
        if (times > hold.times) {
            acquired(hold.lock.tag, hold.lock.mode, now_ms);
            hold.taken_again = true;
        }
        hold.times = times;
    }
}

void lock_ledger::end_step(double now_ms) {
    for (std::size_t i = step_begins_; i < entries_.size(); i++)
        if (!entries_[i].held_before && entries_[i].step_ended_ms < 0)
            entries_[i].step_ended_ms = now_ms;
    step_begins_ = entries_.size();
    free_.clear(); // new entries stand behind the mark
    earlier_.clear();
    for (const auto &[lock, entry] : open_)
        if (lock.tag.is_relation() && !is_system(lock.tag) && !entries_[entry].held_before)
            earlier_.push_back({lock, pg::times_held(lock.tag, lock.mode).all, false});
}

void lock_ledger::note_wait(const pg::lock_tag &tag, int mode, double began_ms, double ended_ms,
                            const std::vector<int> &blockers) {
    for (lock_entry &entry : entries_)
        if (!entry.erased && entry.tag == tag && entry.mode == mode &&
            entry.acquired_ms >= began_ms && entry.waited_ms == 0) {
            entry.waited_ms = ended_ms - began_ms;
            entry.blockers = blockers;
            return;
        }
}

void lock_ledger::note_predicted(const pg::lock_tag &tag, int mode, double now_ms) {
    const auto same = [&](const lock_entry &entry) {
        return !entry.erased && entry.tag == tag && entry.mode == mode &&
               entry.migration == place_.migration;
    };
    if (std::any_of(entries_.begin(), entries_.end(), same))
        return;
    lock_entry entry;
    entry.tag = tag;
    entry.mode = static_cast<std::uint8_t>(mode);
    entry.predicted = true;
    entry.migration = place_.migration;
    entry.statement = place_.statement;
    entry.hook = place_.hook;
    entry.line = place_.line;
    entry.not_before_ms = entry.acquired_ms = now_ms;
    entries_.push_back(entry);
}

} // namespace confiture::running
