#include "apply/step_locks.hpp"

#include <algorithm>

namespace confiture::apply {

namespace {

constexpr std::uint32_t pg_class = 1259;

bool is_of_users(const pg::lock_tag &tag) {
    return tag.is_relation() && tag.field1 == pg::current_database() &&
           tag.relation() >= pg::first_user_oid;
}

} // namespace

void step_locks::begin_step(pg::session_watch &watch) {
    session_ = &watch;
    ledger_ = {};
    ledger_.begin(pg::held_locks(), 0, pg::now_ms());
    ledger_.move_to({0, 1, 0, false, -1});
    made_here_.clear();
    names_.clear();
    watch_.look(true); // what the session holds anyway
    ledger_.note({}, pg::now_ms());
    watch.sample(&watch_);
}

/* Its name before the statement that may change it. */
void step_locks::meet(pg::oid relation) {
    if (relation < pg::first_user_oid || made_here_.count(relation) || names_.count(relation))
        return;
    const auto found = pg::name_of_relation(relation);
    const bool counts = found && pg::is_table(found->kind) && !found->temporary &&
                        found->name.rfind("confiture.", 0) != 0; // read on the way
    names_[relation] = counts ? found->name : "";
}

void step_locks::look(bool whole) {
    const auto &changes = watch_.look(whole);
    for (const pg::lock_watch::change &change : changes)
        if (change.now & ~change.before && is_of_users(change.tag))
            meet(change.tag.relation());
    const double now_ms = pg::now_ms();
    ledger_.note(changes, now_ms, watch_.last_was_whole(), &watch_.sighted());
    ledger_.note_taken_again_soon(now_ms);
    session_->blocking_writers_since(ledger_.blocking_writers_since().value_or(0));
}

void step_locks::look_after_error() {
    const auto &changes = watch_.look(true);
    const double now_ms = pg::now_ms();
    ledger_.note(changes, now_ms, true, &watch_.sighted());
    ledger_.note_taken_again(now_ms);
}

void step_locks::utility_begins(const char *, const std::vector<std::uint32_t> &relations) {
    for (const std::uint32_t relation : relations)
        meet(relation);
}

void step_locks::object_touched(const pg::object_event &event) {
    if (event.class_id == pg_class && event.sub_id == 0 &&
        event.what == pg::object_event::action::created) {
        made_here_.insert(event.object_id);
        ledger_.made_here(event.object_id);
    }
    look(false); // what is dropped has its name still
}

void step_locks::end_step(const std::vector<pg::lock_wait> &waits) {
    for (const pg::lock_wait &wait : waits)
        ledger_.note_wait(wait.tag, wait.mode, wait.began_ms, wait.ended_ms, wait.blockers);
    const double now_ms = pg::now_ms();
    for (const running::lock_entry &entry : ledger_.entries())
        if (!entry.erased && (!entry.held_before || entry.taken_again) && is_of_users(entry.tag)) {
            meet(entry.tag.relation());
            settle(entry, now_ms);
        }
}

void step_locks::settle(const running::lock_entry &entry, double now_ms) {
    const auto name = names_.find(entry.tag.relation());
    if (name == names_.end() || name->second.empty() || made_here_.count(name->first))
        return;
    table_lock &known = tables_[name->second];
    const bool blocks = entry.mode >= running::share_lock;
    const bool others_block = known.mode >= running::share_lock;
    if (entry.mode < known.mode && !(others_block && blocks))
        return;
    if (entry.mode > known.mode && !others_block)
        known = {};
    known.mode = std::max(known.mode, static_cast<int>(entry.mode));
    const double until = entry.released_ms >= 0 ? entry.released_ms : now_ms;
    known.held_ms = std::max(known.held_ms, until - entry.not_before_ms);
    known.waited_ms = std::max(known.waited_ms, entry.waited_ms);
}

void step_locks::write(json_writer &json) const {
    constexpr std::size_t most = 50;
    using line = std::pair<const std::string, table_lock>;
    std::vector<const line *> lines;
    for (const line &table : tables_)
        lines.push_back(&table);
    std::stable_sort(lines.begin(), lines.end(), [](const line *left, const line *right) {
        return left->second.mode != right->second.mode
                   ? left->second.mode > right->second.mode
                   : left->second.held_ms > right->second.held_ms;
    });
    if (lines.size() > most)
        lines.resize(most);
    json.begin_array();
    for (const line *each : lines) {
        json.begin_object();
        json.member("table", each->first);
        json.member("mode", pg::lock_mode_name(each->second.mode));
        json.member("held_ms", each->second.held_ms);
        json.member("waited_ms", each->second.waited_ms);
        json.end_object();
    }
    json.end_array();
}

} // namespace confiture::apply
