#pragma once
/* Prepared statements and cursors belong to the session: no rollback brings back what the caller
 * had, and none takes away what was prepared. */
#include "pg/plain.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace confiture::dry_run {

class session_objects {
public:
    /* A statement with this command tag ran. */
    void note(std::string_view tag, std::string_view text);

    /* Would this statement take away what the caller has prepared or opened? */
    bool takes_the_callers(std::string_view tag, std::string_view text) const;

    /* Drops what the run prepared, and names it. */
    std::vector<std::string> drop_prepared();

    /* Nested code took away what the run had not made. */
    bool lost_prepared() const { return lost_prepared_; }
    bool lost_cursor() const { return lost_cursor_; }

private:
    std::vector<std::string> prepared_, cursors_;
    bool lost_prepared_ = false, lost_cursor_ = false;
};

} // namespace confiture::dry_run
