#include "apply/session_text.hpp"

#include "pg/query.hpp"

namespace confiture::apply {

std::string sessions_text(const std::vector<int> &process_ids) {
    std::string text;
    for (const int process_id : process_ids)
        for (const pg::record &row :
             pg::query("SELECT format('Process %s (role \"%s\", application \"%s\") %s%s.', pid, "
                       "usename, application_name, 'is in a transaction since ' || "
                       "to_char(xact_start, 'YYYY-MM-DD HH24:MI:SS'), "
                       "CASE WHEN query IS DISTINCT FROM '<insufficient privilege>' "
                       "THEN ': ' || rtrim(left(query, 300), E'; \\n') "
                       "ELSE 'does what only members of pg_read_all_stats see' END) "
                       "FROM pg_stat_activity WHERE pid = $1::integer",
                       {std::to_string(process_id)}))
            text += (text.empty() ? "" : "\n") + row[0].value_or("");
    return text;
}

} // namespace confiture::apply
