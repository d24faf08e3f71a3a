#pragma once
/* What a dry run did not run, and which errors of later statements may come of that. */
#include "pg/plain.hpp"

#include "migration/failure_record.hpp"
#include "pg/error.hpp"
#include "pg/parse.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace confiture::dry_run {

class left_out {
public:
    void add(const pg::statement_facts &facts, std::string_view tag);

    bool any() const { return any_; }
    /* Of what was not made, dropped or renamed. */
    const std::vector<std::string> &names() const { return names_; }

    /* May a statement of this text have failed only for want of it?  Where the answer is yes, the
     * error says nothing of the migration. */
    bool explains(const pg::error &raised, std::string_view text) const;
    bool explains(const migration::failure_record &failed) const;

private:
    bool explains(const std::string &sqlstate, const std::string &told,
                  std::string_view text) const;

    bool any_ = false;
    bool code_left_out_ = false; // a DO block or a query may make anything
    std::vector<std::string> names_;
    std::vector<std::string> tables_; // whose index was not built
};

} // namespace confiture::dry_run
