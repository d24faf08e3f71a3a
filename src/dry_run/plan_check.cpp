#include "dry_run/plan_check.hpp"

#include <algorithm>

namespace confiture::dry_run {

namespace {

constexpr std::size_t most_examples = 20;

bool is_table(char kind) { return kind == 'r' || kind == 'p' || kind == 'm' || kind == 'f'; }

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

template <typename Facts, typename Named>
void compare_facts(const std::vector<pg::prediction> &predicted, bool pg::prediction::*foreseen,
                   const Facts &seen, Named &&counts, const char *word, tally tally) {
    for (const auto &fact : seen) {
        if (!counts(fact.relation))
            continue;
        const bool told =
            std::any_of(predicted.begin(), predicted.end(), [&](const pg::prediction &one) {
                return one.*foreseen && one.object == fact.relation;
            });
        told ? tally.both() : tally.missed(word + (" of " + fact.relation));
    }
    for (const pg::prediction &one : predicted) {
        const bool happened = std::any_of(seen.begin(), seen.end(), [&](const auto &fact) {
            return fact.relation == one.object;
        });
        if (one.*foreseen && !happened && one.sure == pg::certainty::certain && counts(one.object))
            tally.surplus(word + (" of " + one.object));
    }
}

} // namespace

void plan_checker::predict(std::string_view statement) {
    predicted_ = pg::predict(statement, made_);
}

void plan_checker::compare(const statement_record &statement, const lock_ledger &ledger,
                           const relation_book &relations, plan_accuracy &accuracy) {
    const bool open_ended =
        std::any_of(predicted_.begin(), predicted_.end(),
                    [](const pg::prediction &one) { return one.sure == pg::certainty::unknown; });
    if (open_ended) {
        accuracy.unpredictable++;
        return;
    }
    accuracy.statements++;
    const auto existed_before = [&](const relation_info *info) {
        return info && !info->created_here && is_table(info->kind);
    };
    const auto counts = [&](const std::string &name) {
        const relation_info *info = relations.find_named(name);
        return existed_before(info);
    };

    tally locks{accuracy.locks, statement, accuracy};
    for (const auto &[relation, mode] : ledger.taken_since_mark()) {
        const relation_info *info = relations.find(relation);
        if (!existed_before(info))
            continue;
        const auto told = std::find_if(
            predicted_.begin(), predicted_.end(),
            [&, wanted = relation](const pg::prediction &one) { return one.relation == wanted; });
        if (told != predicted_.end() && told->mode == mode)
            locks.both();
        else
            locks.missed(std::string(pg::lock_mode_name(mode)) + " on " + info->name);
    }
    for (const pg::prediction &one : predicted_) {
        const relation_info *info = relations.find(one.relation);
        if (one.sure != pg::certainty::certain || one.mode == 0 || (info && !existed_before(info)))
            continue;
        if (!ledger.holds(one.relation, one.mode))
            locks.surplus(std::string(pg::lock_mode_name(one.mode)) + " on " + one.object);
    }

    compare_facts(predicted_, &pg::prediction::rewrites, statement.rewrites, counts, "rewrite",
                  tally{accuracy.rewrites, statement, accuracy});
    const bool plans_are_chosen_late = statement.rows > 0 || statement.written.all() > 0;
    if (!plans_are_chosen_late) {
        std::vector<relation_scan> tables;
        std::copy_if(statement.scans.begin(), statement.scans.end(), std::back_inserter(tables),
                     [](const relation_scan &scan) { return !scan.index; });
        compare_facts(predicted_, &pg::prediction::scans, tables, counts, "scan",
                      tally{accuracy.scans, statement, accuracy});
    }
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
