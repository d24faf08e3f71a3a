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

void lock_ledger::begin(const std::vector<pg::held_lock> &held, double began_ms, double now_ms) {
    began_ms_ = began_ms;
    last_look_ms_ = last_whole_look_ms_ = counted_ms_ = now_ms;
    for (const pg::held_lock &lock : held)
        each_mode(lock.modes, [&](int mode) {
            entries_[acquired(lock.tag, mode, {now_ms, now_ms})].held_before = true;
        });
    blocking_.clear();
    remember_holds();
}

std::size_t lock_ledger::acquired(const pg::lock_tag &tag, int mode, const taking &when) {
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
    entry.not_before_ms = when.not_before_ms;
    entry.acquired_ms = when.seen_ms;
    open_[{tag, mode}] = index;
    if (tag.is_relation()) {
        int &strongest = taken_[tag.relation()];
        strongest = std::max(strongest, mode);
        ever_taken_[tag.relation()] |= static_cast<std::uint16_t>(1 << mode);
    }
    if (mode >= share_lock && tag.is_relation() && !is_system(tag) &&
        made_here_.count(tag.relation()) == 0)
        blocking_.insert({when.not_before_ms, index});
    return index;
}

void lock_ledger::made_here(std::uint32_t relation) {
    made_here_.insert(relation);
    for (auto blocking = blocking_.begin(); blocking != blocking_.end();)
        blocking = entries_[blocking->second].tag.relation() == relation ? blocking_.erase(blocking)
                                                                         : std::next(blocking);
}

std::optional<double> lock_ledger::blocking_writers_since() const {
    return blocking_.empty() ? std::nullopt : std::optional(blocking_.begin()->first);
}

/* The server opens and closes its own catalogs all the time: what a statement let go again of those
 * locks is not worth a line. */
void lock_ledger::released(const pg::lock_tag &tag, int mode, double now_ms) {
    const auto found = open_.find({tag, mode});
    if (found == open_.end())
        return;
    lock_entry &entry = entries_[found->second];
    entry.released_ms = now_ms;
    blocking_.erase({entry.not_before_ms, found->second});
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

/* No earlier than at the look before, which may have missed a stronger mode of what was held where
 * it was not whole; a timer that saw what was there between them knows better. */
lock_ledger::taking lock_ledger::taken(const pg::lock_tag &tag, int mode, double now_ms,
                                       double last_look_ms,
                                       const pg::lock_sightings *sighted) const {
    const bool was_watched = sighted && sighted->last_ms > 0 && sighted->complete &&
                             mode >= pg::lock_sightings::weakest_mode && tag.is_relation() &&
                             !is_system(tag);
    if (!was_watched)
        return {last_look_ms, now_ms};
    if (const pg::lock_sighting *seen = sighted->find(tag, mode))
        return {std::max(last_look_ms, seen->not_before_ms - began_ms_), seen->seen_ms - began_ms_};
    return {std::max(last_look_ms, sighted->last_ms - began_ms_), now_ms};
}

void lock_ledger::note(const std::vector<pg::lock_watch::change> &changes, double now_ms,
                       bool whole, const pg::lock_sightings *sighted) {
    for (const pg::lock_watch::change &change : changes) {
        each_mode(static_cast<pg::lock_modes>(change.before & ~change.now),
                  [&](int mode) { released(change.tag, mode, now_ms); });
        // Between statements it is the dry run itself that reads the catalogs.
        if (place_.statement == 0 && place_.migration >= 0 && is_system(change.tag))
            continue;
        const double last_look = change.before ? last_whole_look_ms_ : last_look_ms_;
        each_mode(static_cast<pg::lock_modes>(change.now & ~change.before), [&](int mode) {
            acquired(change.tag, mode, taken(change.tag, mode, now_ms, last_look, sighted));
        });
    }
    last_look_ms_ = now_ms;
    if (whole)
        last_whole_look_ms_ = now_ms;
}

void lock_ledger::note_taken_again(double now_ms) {
    for (earlier_hold &hold : earlier_) {
        const std::int64_t times = hold.count.times();
        if (const auto held = open_.find(hold.lock);
            held != open_.end() && entries_[held->second].held_before) {
            entries_[held->second].taken_again |= times > hold.times;
        } else if (hold.taken_again &&
                   times <= hold.times_before) { // by a block that was rolled back
            entries_[*hold.taken_again].released_ms = now_ms;
            hold.taken_again.reset();
        } else if (!hold.taken_again && times > hold.times) {
            hold.times_before = hold.times;
            hold.taken_again = acquired(hold.lock.tag, hold.lock.mode, {counted_ms_, now_ms});
        }
        hold.times = times;
    }
    counted_ms_ = now_ms;
}

void lock_ledger::note_taken_again_soon(double now_ms) {
    constexpr std::size_t few = 500;
    if (earlier_.size() <= few)
        note_taken_again(now_ms);
}

void lock_ledger::end_step(double now_ms) {
    for (std::size_t i = step_begins_; i < entries_.size(); i++)
        if (!entries_[i].held_before && entries_[i].step_ended_ms < 0)
            entries_[i].step_ended_ms = now_ms;
    step_begins_ = entries_.size();
    free_.clear(); // new entries stand behind the mark
    remember_holds();
    counted_ms_ = now_ms;
}

void lock_ledger::remember_holds() {
    earlier_.clear();
    for (const auto &[lock, entry] : open_)
        if (lock.tag.is_relation() && !is_system(lock.tag)) {
            const pg::counted_hold count(lock.tag, lock.mode);
            earlier_.emplace_back(lock, count);
        }
}

bool lock_ledger::note_wait(const pg::lock_tag &tag, int mode, double began_ms, double ended_ms,
                            const std::vector<int> &blockers) {
    for (lock_entry &entry : entries_)
        if (!entry.erased && entry.tag == tag && entry.mode == mode &&
            entry.acquired_ms >= began_ms && entry.waited_ms == 0) {
            entry.waited_ms = ended_ms - began_ms;
            entry.wait_began_ms = began_ms;
            entry.blockers = blockers;
            return true;
        }
    return false;
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
