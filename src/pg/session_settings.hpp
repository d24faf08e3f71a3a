#pragma once
/* The settings of the session, for code that changes them across commits. */
#include "pg/plain.hpp"

#include "pg/query.hpp"

#include <map>
#include <string>
#include <vector>

namespace confiture::pg {

/* What the session had when this was made. */
class session_settings {
public:
    session_settings();

    /* Sets back whatever differs now, the role too; in a transaction of its own, which is to be
     * committed. */
    void restore() const;

private:
    std::vector<record> settings_; // name, value, whether the session has set it
    std::map<std::string, std::string> placeholders_;
    std::string role_, session_role_;
};

} // namespace confiture::pg
