#include "dry_run/plan_check.hpp"

#include "pg/error.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"

#include <algorithm>

namespace confiture::dry_run {

namespace {

constexpr std::size_t most_examples = 20;

bool is_table(char kind) {
    return kind == 'r' || kind == 'p' || kind == 'm' || kind == 'f' || kind == 'v';
}

void example(std::vector<std::string> &examples, const statement_record &statement,
             const std::string &text) {
    if (examples.size() < most_examples)
        examples.push_back("line " + std::to_string(statement.where.line) + ": " + text);
}

/* Counts one kind of forecast: what was foreseen and seen, seen only, foreseen only. */
struct tally {
    forecast_count &count;
    const statement_record &statement;
    plan_accuracy &accuracy;

    void both() { count.confirmed++; }
    void missed(const std::string &text) {
        count.missed++;
        example(accuracy.missed, statement, text);
    }
    void surplus(const std::string &text) {
        count.surplus++;
        example(accuracy.surplus, statement, text);
    }
};

/* Compares one kind of fact about relations: rewrites or scans. */
template <typename Facts, typename Known>
void compare_facts(const std::vector<pg::prediction> &predicted,
                   pg::expectation pg::prediction::*foreseen, const Facts &seen, Known &&known,
                   const char *word, tally tally) {
    for (const auto &fact : seen) {
        if (!known(fact.relation))
            continue;
        const auto told = std::find_if(predicted.begin(), predicted.end(), [&](const auto &one) {
            return known(one) == known(fact.relation);
        });
        if (told == predicted.end() || !((*told).*foreseen).expected)
            tally.missed(word + (" of " + fact.relation));
        else
            tally.both();
    }
    for (const pg::prediction &one : predicted) {
        const pg::expectation &fact = one.*foreseen;
        const relation_info *info = known(one);
        const bool happened = std::any_of(seen.begin(), seen.end(), [&](const auto &other) {
            return known(other.relation) == info;
        });
        if (fact.expected && fact.sure == pg::certainty::certain && info && !happened)
            tally.surplus(word + (" of " + one.object));
    }
}

/* The books, as far as others may wait: relations that existed before. */
struct known_relations {
    const relation_book &book;

    const relation_info *counted(const relation_info *info) const {
        return info && !info->created_here && is_table(info->kind) ? info : nullptr;
    }
    const relation_info *operator()(const std::string &name) const {
        const relation_info *info = book.find_named(name);
        return info && info->gone ? nullptr : counted(info); // another one has the name now
    }
    const relation_info *operator()(const pg::prediction &one) const {
        return counted(book.find(one.relation));
    }
};

} // namespace

script_plan plan_of(const migration_input &input, hooks::registered_hooks &registered,
                    pg::planner &planner) {
    using hooks::phase;
    hooks::hook_book of_migration(registered, input.version, input.direction, input.hooks);
    const auto note_hooks = [&](std::initializer_list<phase> phases) {
        for (const phase which : phases)
            if (!of_migration.of(which).empty())
                planner.code_runs("hooks that run before");
    };
    note_hooks({phase::before_validation, phase::before_ddl});
    script_plan plan;
    plan.reserve(input.script.statements.size());
    for (const pg::statement &statement : input.script.statements)
        plan.push_back(planner.next(input.script.text_of(statement), statement.line));
    note_hooks({phase::after_ddl, phase::after_validation, phase::cleanup});
    planner.end_script();
    return plan;
}

void plan_checker::plan(const std::vector<migration_input> &chain,
                        hooks::registered_hooks &registered) {
    pg::planner planner;
    plans_.clear();
    for (const migration_input &input : chain)
        plans_.push_back(plan_of(input, registered, planner));
}

/* What is foreseen is looked at now: the lock on it may only be noticed once all is done. */
void plan_checker::begin(std::size_t migration, std::size_t ordinal, relation_book &relations) {
    predicted_ = plans_.at(migration).at(ordinal - 1);
    try {
        pg::in_subtransaction([&] {
            for (const pg::prediction &one : predicted_)
                if (one.relation != 0 && !relations.find(one.relation))
                    relations.expect(one.relation);
        });
    } catch (const pg::error &raised) {
        if (raised.sqlstate() == "57014") // cancelled
            throw;
        // Another session drops it just now: the statement will say so.
    }
}

void plan_checker::compare(const statement_record &statement, const running::lock_ledger &ledger,
                           const relation_book &relations, plan_accuracy &accuracy) {
    if (std::any_of(predicted_.begin(), predicted_.end(),
                    [](const pg::prediction &one) { return one.unknown; })) {
        accuracy.unpredictable++;
        return;
    }
    accuracy.statements++;
    const known_relations known{relations};

    tally locks{accuracy.locks, statement, accuracy};
    for (const auto &[relation, mode] : ledger.taken_since_mark()) {
        const relation_info *info = known.counted(relations.find(relation));
        if (!info)
            continue;
        const auto told = std::find_if(
            predicted_.begin(), predicted_.end(),
            [&, wanted = relation](const pg::prediction &one) { return one.relation == wanted; });
        // Where the strongest lock was there before, a weaker one may be all that is new; what is
        // not certain is the strongest that is possible.
        const bool foreseen =
            told != predicted_.end() &&
            ((told->sure() != pg::certainty::certain && mode <= told->mode) || told->mode == mode ||
             told->certain_mode == mode ||
             (mode < told->mode && ledger.holds(relation, told->mode)) ||
             (mode < told->certain_mode && ledger.holds(relation, told->certain_mode)));
        if (foreseen)
            locks.both();
        else
            locks.missed(std::string(pg::lock_mode_name(mode)) + " on " + info->name);
    }
    for (const pg::prediction &one : predicted_) {
        const relation_info *info = relations.find(one.relation);
        if (one.certain_mode == 0 || (info && !known.counted(info)))
            continue;
        if (!ledger.holds(one.relation, one.certain_mode))
            locks.surplus(std::string(pg::lock_mode_name(one.certain_mode)) + " on " + one.object);
    }

    compare_facts(predicted_, &pg::prediction::rewrites, statement.rewrites, known, "rewrite",
                  tally{accuracy.rewrites, statement, accuracy});
    std::vector<relation_scan> tables;
    const auto planned = [&](const relation_scan &scan) {
        return std::any_of(predicted_.begin(), predicted_.end(), [&](const pg::prediction &one) {
            return one.planned && known(one) == known(scan.relation);
        });
    };
    std::copy_if(statement.scans.begin(), statement.scans.end(), std::back_inserter(tables),
                 [&](const relation_scan &scan) { return !scan.index && !planned(scan); });
    compare_facts(predicted_, &pg::prediction::scans, tables, known, "scan",
                  tally{accuracy.scans, statement, accuracy});
}

void write_plan_check(const plan_accuracy &accuracy, json_writer &json) {
    json.begin_object();
    json.member("statements", accuracy.statements);
    json.member("unpredictable", accuracy.unpredictable);
    const std::pair<const char *, const forecast_count *> kinds[] = {
        {"locks", &accuracy.locks}, {"rewrites", &accuracy.rewrites}, {"scans", &accuracy.scans}};
    for (const auto &[name, count] : kinds) {
        json.key(name);
        json.begin_object();
        json.member("confirmed", count->confirmed);
        json.member("missed", count->missed);
        json.member("surplus", count->surplus);
        json.end_object();
    }
    json.member("missed", accuracy.missed);
    json.member("surplus", accuracy.surplus);
    json.end_object();
}

} // namespace confiture::dry_run
