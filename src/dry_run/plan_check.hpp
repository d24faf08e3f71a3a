#pragma once
/* Checks what was predicted of each statement against what it did. */
#include "pg/plain.hpp"

#include "dry_run/run.hpp"
#include "pg/json.hpp"
#include "pg/prediction.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace confiture::dry_run {

/* Only tables that existed before the run count: nobody waits for the others. */
class plan_checker {
public:
    /* Before the statement runs. */
    void predict(std::string_view statement, relation_book &relations);
    /* After it, with what it took, rewrote and scanned already in the books. */
    void compare(const statement_record &statement, const running::lock_ledger &ledger,
                 const relation_book &relations, plan_accuracy &accuracy);

private:
    pg::script_names names_;
    std::vector<pg::prediction> predicted_;
};

void write_plan_check(const plan_accuracy &accuracy, json_writer &json);

} // namespace confiture::dry_run
