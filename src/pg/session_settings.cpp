#include "pg/session_settings.hpp"

#include "pg/error.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"

namespace confiture::pg {

static std::vector<record> settings_now() {
    auto found =
        query("SELECT name, current_setting(name), source = 'session' FROM pg_settings "
              "WHERE context IN ('user', 'superuser') AND name NOT IN ('transaction_isolation', "
              "'transaction_read_only', 'transaction_deferrable') ORDER BY name COLLATE \"C\"");
    for (record &row : found)
        if (*row[0] == "search_path") // query() has one of its own
            row[1] = setting("search_path");
    return found;
}

/* Those of no library, which pg_settings does not show: SET my.tenant. */
static std::map<std::string, std::string> placeholders_now() {
    std::map<std::string, std::string> found;
    for_each_placeholder([&](const char *name, const char *value) { found[name] = value; });
    return found;
}

session_settings::session_settings()
    : settings_(settings_now()), placeholders_(placeholders_now()), role_(setting("role")),
      session_role_(setting("session_authorization")) {}

void session_settings::restore() const {
    if (setting("session_authorization") != session_role_)
        set_for_session("session_authorization", session_role_.c_str());
    if (setting("role") != role_)
        set_for_session("role", role_.c_str());
    for (const auto &[name, value] : placeholders_now()) {
        const auto before = placeholders_.find(name);
        if (before == placeholders_.end() || before->second != value)
            set_for_session(name.c_str(),
                            before == placeholders_.end() ? nullptr : before->second.c_str());
    }
    const std::vector<record> now = settings_now();
    auto before = settings_.begin();
    for (const record &row : now) { // settings come with libraries, and do not go
        while (before != settings_.end() && *(*before)[0] < *row[0])
            ++before;
        if (before == settings_.end() || *(*before)[0] != *row[0] || (*before)[1] == row[1])
            continue;
        try {
            // What the session had not set itself follows its file or its role again.
            const char *value = (*before)[2] == "t" ? (*before)[1]->c_str() : nullptr;
            in_subtransaction([&] { set_for_session(row[0]->c_str(), value); });
        } catch (const error &) { // a superuser's, set by what is no superuser's any more
        }
    }
}

} // namespace confiture::pg
