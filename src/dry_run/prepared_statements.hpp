#pragma once
/* Prepared statements belong to the session: no rollback takes them away or brings them back. */
#include "pg/plain.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace confiture::dry_run {

class prepared_statements {
public:
    /* A statement with this command tag ran. */
    void note(std::string_view tag, std::string_view text);

    /* Would this statement take away what the caller has prepared? */
    bool takes_the_callers(std::string_view tag, std::string_view text) const;

    /* Drops what the run prepared, and names it. */
    std::vector<std::string> drop();

    /* Nested code deallocated what the run had not prepared. */
    bool lost_the_callers() const { return lost_; }

private:
    bool has(const std::string &name) const;

    std::vector<std::string> names_;
    bool lost_ = false;
};

} // namespace confiture::dry_run
