#include "dry_run/statement_observer.hpp"

#include "dry_run/side_effects.hpp"
#include "dry_run/telling_names.hpp"

#include <algorithm>
#include <cstring>

namespace confiture::dry_run {

namespace {

constexpr std::size_t most_nested = 100; // distinct texts in one statement
constexpr std::size_t most_named = 20;   // objects of each kind in one statement
constexpr std::int64_t most_described = 1000;
constexpr std::size_t most_plan_bytes = 4096;
constexpr std::uint32_t pg_class = 1259, pg_attrdef = 2604, pg_constraint = 2606, pg_type = 1247;

bool is_of_users(const pg::lock_tag &tag) {
    return tag.is_relation() && tag.field1 == pg::current_database() &&
           tag.relation() >= pg::first_user_oid;
}

void add_name(std::vector<std::string> &names, const std::string &name) {
    if (names.size() < most_named && std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
}

} // namespace

statement_observer::statement_observer(chain_record &record, pg::session_watch &watch, bool strict)
    : record_(record), watch_(watch), strict_(strict) {
    for (const pg::lock_watch::change &held : locks_.look(true)) // no news, but to be named
        if (is_of_users(held.tag))
            record_.relations.meet(held.tag.relation());
    watch_.sample(&locks_);
}

statement_observer::~statement_observer() { watch_.sample(nullptr); }

void statement_observer::begin(statement_record &statement) {
    look(false);
    statement_ = &statement;
    nested_.clear();
    events_.clear();
}

void statement_observer::end() { statement_ = nullptr; }

void statement_observer::look(bool whole) {
    const auto &changes = locks_.look(whole);
    for (const pg::lock_watch::change &change : changes)
        if (is_of_users(change.tag))
            record_.relations.meet(change.tag.relation());
    const double now_ms = pg::now_ms() - record_.began_ms;
    record_.ledger.note(changes, now_ms, locks_.last_was_whole(), &locks_.sighted());
    record_.ledger.note_taken_again_soon(now_ms);
    const auto since = record_.ledger.blocking_writers_since();
    watch_.blocking_writers_since(since ? *since + record_.began_ms : 0);
}

void statement_observer::look_after_error() {
    const auto &changes = locks_.look(true);
    for (const pg::lock_watch::change &change : changes)
        if (is_of_users(change.tag))
            record_.relations.meet_unnamed(change.tag.relation());
    const double now_ms = pg::now_ms() - record_.began_ms;
    record_.ledger.note(changes, now_ms, true, &locks_.sighted());
    record_.ledger.note_taken_again(now_ms);
}

void statement_observer::note_waits() {
    const std::size_t known = record_.waits.size();
    if (watch_.wait_count() == known)
        return;
    const std::vector<pg::lock_wait> waits = watch_.waits();
    for (std::size_t i = known; i < waits.size(); i++) {
        const pg::lock_wait &wait = waits[i];
        const bool granted =
            record_.ledger.note_wait(wait.tag, wait.mode, wait.began_ms - record_.began_ms,
                                     wait.ended_ms - record_.began_ms, wait.blockers);
        record_.waits.push_back({wait, record_.ledger.place(), !granted});
    }
}

void statement_observer::query_begins(const std::vector<std::uint32_t> &relations) {
    look(false);
    for (const std::uint32_t relation : relations)
        record_.relations.touched(relation);
}

void statement_observer::utility_begins(const char *tag,
                                        const std::vector<std::uint32_t> &relations) {
    bool all_new = !relations.empty();
    for (const std::uint32_t relation : relations) {
        record_.relations.expect(relation);
        const relation_info *known = record_.relations.find(relation);
        all_new = all_new && known && known->created_here;
    }
    // They write pg_class in place: reltuples, relpages, relhasindex.
    for (const char *writer : {"ANALYZE", "CREATE INDEX", "REINDEX"})
        if (std::strcmp(tag, writer) == 0 && !all_new)
            record_.statistics_written_by = writer;
}

void statement_observer::nested_ended(const pg::nested_statement &ended) {
    look(std::strcmp(ended.tag, "ALTER TABLE") == 0);
    if (!statement_)
        return;
    std::string text = shorten(ended.text, 300);
    auto found = nested_.find(text);
    if (found == nested_.end()) {
        if (statement_->nested.size() >= most_nested) {
            statement_->nested_left_out++;
            return;
        }
        found = nested_.emplace(text, place_of_outer(ended.depth)).first;
        statement_->nested.insert(statement_->nested.begin() +
                                      static_cast<std::ptrdiff_t>(found->second),
                                  {std::move(text), ended.tag, ended.depth, 0, 0, 0, {}});
    }
    nested_record &nested = statement_->nested[found->second];
    nested.calls++;
    nested.rows += ended.rows;
    nested.elapsed_ms += ended.elapsed_ms;
    nested.spent += ended.spent;
}

void statement_observer::leaves_transaction(pg::outside_effect effect, std::string_view statement) {
    note_effect(effect_of(effect, 0), statement);
}

statement_observer::called statement_observer::look_at_function(std::uint32_t function) const {
    const auto facts = pg::facts_of_function(function);
    if (!facts)
        return {};
    if (!facts->untrusted_language.empty())
        return {effect_of_language(facts->untrusted_language, 0), false};
    const telling_name *telling = find_telling(*facts);
    return telling
               ? called{{telling->kind, telling->name, telling->message}, telling->found_afterwards}
               : called{};
}

void statement_observer::function_called(std::uint32_t function, std::string_view statement) {
    if (!statement_)
        return;
    auto known = functions_.find(function);
    if (known == functions_.end())
        known = functions_.emplace(function, look_at_function(function)).first;
    const called &found = known->second;
    if (found.effect.kind.empty() || (found.found_afterwards && !strict_))
        return;
    if (found.effect.kind == "sequence" && made_sequences()) // it may be one that goes again
        return;
    note_effect(found.effect, statement);
}

bool statement_observer::made_sequences() const {
    const auto &relations = record_.relations.all();
    return std::any_of(relations.begin(), relations.end(), [](const auto &known) {
        return known.second.kind == 'S' && known.second.created_here;
    });
}

void statement_observer::note_effect(side_effect effect, std::string_view statement) {
    if (!statement_)
        return;
    effect.line = statement_->where.line;
    if (!statement.empty())
        effect.message += ", in: " + shorten(statement, 100);
    if (strict_) {
        if (!record_.refused)
            record_.refused = effect;
        throw refusal_of(effect, "");
    }
    constexpr std::size_t most = 100;
    std::vector<side_effect> &met = statement_->side_effects;
    const bool is_known = std::any_of(met.begin(), met.end(), [&](const side_effect &other) {
        return other.kind == effect.kind && other.object == effect.object;
    });
    if (!is_known && met.size() < most)
        met.push_back(std::move(effect));
}

/* The inner statements of one that ends now were told before it; it goes before them. */
std::size_t statement_observer::place_of_outer(int depth) {
    std::size_t place = statement_->nested.size();
    while (place > 0 && statement_->nested[place - 1].depth > depth)
        place--;
    for (auto &[text, index] : nested_)
        if (index >= place)
            index++;
    return place;
}

void statement_observer::object_touched(const pg::object_event &event) {
    using action = pg::object_event::action;
    if (event.class_id == pg_class && event.sub_id == 0 && event.what == action::created) {
        record_.ledger.made_here(event.object_id);
        record_.relations.created(event.object_id);
    } else if (event.class_id == pg_class)
        record_.relations.touched(event.object_id);
    look(false);
    if (!statement_)
        return;
    if (event.what == action::dropped) {
        statement_->objects_dropped++;
        if (event.sub_id == 0 && statement_->objects_dropped <= most_described)
            note_dropped(event);
        return;
    }
    if (event.what == action::created)
        record_.objects[object_key(event.class_id, event.object_id)].created_here = true;
    (event.what == action::created ? statement_->objects_created : statement_->objects_altered)++;
    if (events_.size() < 4 * most_named || event.class_id == pg_constraint)
        events_.push_back(event);
}

/* An object's description is gone with it. */
void statement_observer::note_dropped(const pg::object_event &event) {
    auto name = pg::describe(event.class_id, event.object_id, 0);
    if (!name)
        return;
    const relation_info *relation =
        event.class_id == pg_class ? record_.relations.find(event.object_id) : nullptr;
    const bool is_told = !(relation && relation->transient) &&
                         !(event.class_id == pg_type && pg::is_accompanying_type(event.object_id));
    if (statement_->dropped.size() < most_named && is_told)
        statement_->dropped.push_back(*name);
    record_.objects[object_key(event.class_id, event.object_id)].name = std::move(*name);
}

void statement_observer::plan_executed(std::string_view plan, int, double) {
    if (statement_ && statement_->plans.size() < 3)
        statement_->plans.push_back(shorten(plan, most_plan_bytes));
}

void statement_observer::describe_objects() {
    using action = pg::object_event::action;
    const bool makes_relations =
        std::any_of(events_.begin(), events_.end(), [](const pg::object_event &event) {
            return event.class_id == pg_class && event.what == action::created;
        });
    for (const pg::object_event &event : events_) {
        // Defaults are told with the number of their column, and row types come with their tables.
        const bool is_default = event.class_id == pg_attrdef;
        if (event.class_id == pg_type && makes_relations)
            continue;
        const relation_info *relation =
            event.class_id == pg_class ? record_.relations.find(event.object_id) : nullptr;
        if (relation && relation->transient)
            continue;
        const std::uint32_t class_id = is_default ? pg_class : event.class_id;
        const auto name = pg::describe(class_id, event.object_id, event.sub_id);
        if (!name)
            continue;
        const bool created = event.what == action::created;
        add_name(created ? statement_->created : statement_->altered, *name);
        if (created && event.sub_id != 0 && relation && !relation->created_here)
            add_name(statement_->altered,
                     pg::describe(class_id, event.object_id, 0).value_or(relation->name));
        if (relation && relation->kind == 'i' && event.what == action::created)
            statement_->indexes_built.push_back(relation->name);
        if (event.class_id != pg_constraint)
            continue;
        const auto state = pg::state_of_constraint(event.object_id);
        const relation_info *table = state ? record_.relations.find(state->relation) : nullptr;
        const bool was_read =
            table && std::any_of(statement_->scans.begin(), statement_->scans.end(),
                                 [&](const relation_scan &scan) {
                                     return scan.relation == table->name_now ||
                                            state->is_foreign_key;
                                 });
        if (state && state->validated && state->checks_rows && was_read && !table->created_here)
            statement_->constraints_validated.push_back(*name);
    }
}

} // namespace confiture::dry_run
