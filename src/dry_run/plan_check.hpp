#pragma once
/* Checks the plan, as it was made before the first statement ran, against what was seen. */
#include "pg/plain.hpp"

#include "dry_run/run.hpp"
#include "pg/json.hpp"
#include "pg/prediction.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace confiture::dry_run {

/* What is predicted of each statement of a script. */
using script_plan = std::vector<std::vector<pg::prediction>>;

/* The plan of the next migration of a chain; its hooks may do anything to what follows them. */
script_plan plan_of(const migration_input &input, hooks::registered_hooks &registered,
                    pg::planner &planner);

/* Only tables that existed before the run count: nobody waits for the others. */
class plan_checker {
public:
    /* Makes the plan of the whole chain, as plan() prints it: before anything of it runs. */
    void plan(const std::vector<migration_input> &chain, hooks::registered_hooks &registered);
    /* Before a statement runs. */
    void begin(std::size_t migration, std::size_t ordinal, relation_book &relations);
    /* After it, with what it took, rewrote and scanned already in the books. */
    void compare(const statement_record &statement, const running::lock_ledger &ledger,
                 const relation_book &relations, plan_accuracy &accuracy);

private:
    std::vector<script_plan> plans_;
    std::vector<pg::prediction> predicted_; // of the statement that runs
};

void write_plan_check(const plan_accuracy &accuracy, json_writer &json);

} // namespace confiture::dry_run
