/* The part of session_state that makes a session what the steps that are done had made of theirs.
 */
#include "apply/session_state.hpp"

#include "pg/error.hpp"
#include "pg/jsonb.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"

#include <optional>

namespace confiture::apply {

namespace {

std::string listed(const std::vector<std::string> &names) {
    std::string list;
    for (const std::string &name : names)
        list += (list.empty() ? "" : ", ") + name;
    return list.empty() ? "none" : list;
}

std::string quoted(const std::string &name) {
    return pg::query("SELECT quote_ident($1)", {name})[0][0].value();
}

std::string path_of(const std::vector<std::string> &schemas) {
    std::string path;
    for (const std::string &schema : schemas)
        path += (path.empty() ? "" : ", ") + quoted(schema);
    return path.empty() ? "\"\"" : path;
}

/* The path of another role: "$user" is that role, whoever looks. */
std::string path_for(const std::string &path, const std::string &user) {
    std::string resolved;
    std::size_t from = 0;
    bool in_quotes = false;
    for (std::size_t i = 0; i <= path.size(); i++) {
        if (i < path.size() && path[i] == '"')
            in_quotes = !in_quotes;
        if (i < path.size() && (path[i] != ',' || in_quotes))
            continue;
        std::string element = path.substr(from, i - from);
        const std::size_t begin = element.find_first_not_of(" \t\n"),
                          end = element.find_last_not_of(" \t\n");
        element = begin == std::string::npos ? "" : element.substr(begin, end - begin + 1);
        if (element == "$user" || element == "\"$user\"")
            element = quoted(user);
        resolved += (resolved.empty() ? "" : ", ") + element;
        from = i + 1;
    }
    return resolved;
}

bool is_subsequence(const std::vector<std::string> &of, const std::vector<std::string> &whole) {
    auto next = of.begin();
    for (const std::string &each : whole)
        if (next != of.end() && *next == each)
            ++next;
    return next == of.end();
}

/* What the journal has, and the refusals. */
class reader {
public:
    explicit reader(const resumed_migration &migration)
        : migration_(migration), subject_("migration \"" + migration.version + "\"") {}

    std::optional<std::string> text(const char *key) const {
        return pg::query("SELECT $1::jsonb ->> $2", {migration_.session, key})[0][0];
    }

    std::map<std::string, std::string> members(const char *key) const {
        std::map<std::string, std::string> found;
        for (const pg::record &row :
             pg::query("SELECT key, value FROM jsonb_each_text(coalesce($1::jsonb -> $2, '{}'))",
                       {migration_.session, key}))
            found.emplace(*row[0], row[1].value_or(""));
        return found;
    }

    std::vector<std::string> elements(const char *key) const {
        std::vector<std::string> found;
        for (const pg::record &row : pg::query(
                 "SELECT value FROM jsonb_array_elements_text(coalesce($1::jsonb -> $2, '[]'))",
                 {migration_.session, key}))
            found.push_back(*row[0]);
        return found;
    }

    std::map<std::string, std::string> stats() const {
        std::map<std::string, std::string> found;
        for (const pg::record &row :
             pg::query("SELECT key, value FROM jsonb_each(coalesce($1::jsonb -> 'stats', '{}'))",
                       {migration_.session}))
            found.emplace(*row[0], pg::jsonb_image(row[1].value()));
        return found;
    }

    [[noreturn]] void refuse(std::string detail, const std::string &first) const {
        const std::string version = pg::sql_literal(migration_.version);
        throw failure{repair_needed,
                      subject_ + " cannot be resumed: what its steps have made of their session "
                                 "cannot be restored",
                      std::move(detail),
                      first + "  Or do by hand what is left of it and SELECT confiture.repair(" +
                          version + ", '" +
                          (migration_.direction == "forward" ? "applied" : "reverted") +
                          "'), or undo by hand what is done and SELECT confiture.repair(" +
                          version + ", 'abandon')."};
    }

    /* Values are not told: a setting may be a secret. */
    [[noreturn]] void refuse_setting(const std::string &name, const pg::error &raised) const {
        refuse("Its steps have set " + name +
                   ", which cannot be set again: " + std::string(raised.what()) + ".",
               "CALL it as a role that may set it.");
    }

    /* False where it cannot be set yet. */
    bool set(const std::string &name, const std::string &value, bool last_try) const {
        try {
            pg::in_subtransaction([&] { pg::set_for_session(name.c_str(), value.c_str()); });
            return true;
        } catch (const pg::error &raised) {
            if (raised.is_intervention())
                throw;
            if (last_try)
                refuse_setting(name, raised);
            return false;
        }
    }

    void set_role(const char *setting, const std::string &role) const {
        try {
            pg::in_subtransaction([&] { pg::set_for_session(setting, role.c_str()); });
        } catch (const pg::error &raised) {
            if (raised.is_intervention())
                throw;
            refuse("Its steps have set the role \"" + role +
                       "\", which cannot be set again: " + std::string(raised.what()) + ".",
                   "CALL it as a superuser or as a member of that role.");
        }
    }

    const std::string &subject() const { return subject_; }
    void notice(const std::string &message) const { pg::notice(subject_ + " " + message); }

private:
    const resumed_migration &migration_;
    const std::string subject_;
};

/* Names of the steps that follow mean what they meant to those that are done. */
void check_objects(const reader &recorded, const session_objects &here) {
    const auto needed = recorded.members("objects");
    std::vector<std::string> missing, replaced, shadowing;
    for (const auto &[name, identity] : needed) {
        const auto found = here.find(name);
        if (found == here.end())
            missing.push_back(name);
        else if (found->second.identity != identity)
            replaced.push_back(name);
    }
    for (const auto &[name, object] : here)
        if (object.shadows && !needed.count(name))
            shadowing.push_back(name);
    if (!missing.empty())
        recorded.refuse("Its session had what this one has not: " + listed(missing) + ".",
                        "CALL it in the session that began it, or make them again in this one, "
                        "with all that they held.");
    if (!shadowing.empty())
        recorded.refuse("This session has what hides permanent objects of the same name: " +
                            listed(shadowing) + ".",
                        "Drop them, or CALL it in a new session.");
    if (!replaced.empty())
        pg::warn(recorded.subject() +
                     " is resumed with objects of this session in place of its own",
                 "They have the same names: " + listed(replaced) + ".", "");
}

/* A superuser's settings can have been set before the role was, or after. */
void set_settings_and_roles(const reader &recorded) {
    std::map<std::string, std::string> settings = recorded.members("settings");
    settings.erase("search_path");
    std::erase_if(settings,
                  [&](const auto &each) { return recorded.set(each.first, each.second, false); });
    if (const auto session_role = recorded.text("session_authorization"))
        recorded.set_role("session_authorization", *session_role);
    if (const auto role = recorded.text("role"); role && *role != pg::current_role_name())
        recorded.set_role("role", *role);
    for (const auto &[name, value] : settings)
        recorded.set(name, value, true);
}

/* "$user" is another schema for another role.  What the script itself has set holds as it was
 * written, also for a schema that has come since. */
void set_path(const reader &recorded, bool scripts) {
    const std::vector<std::string> schemas = recorded.elements("schemas");
    const std::string user = *recorded.text("user"), own = pg::setting("search_path");
    std::string path = *recorded.text("search_path");
    if (user != pg::current_role_name())
        path = path_for(path, user);
    if (path != own)
        recorded.set("search_path", path, true);
    if (!scripts && pg::schemas_in_path() != schemas) {
        path = path_of(schemas);
        recorded.set("search_path", path, true);
    }
    const std::vector<std::string> found = pg::schemas_in_path();
    if (!is_subsequence(schemas, found))
        recorded.refuse("Its last step looked for names in the schemas " + listed(schemas) +
                            "; of them this session finds " + listed(found) +
                            " by the search_path " + path + ".",
                        "Make the schemas again, or grant USAGE on them.");
    if (found != schemas)
        recorded.notice("is resumed with more schemas in its search_path: " + listed(found));
    else if (!scripts && path != own)
        recorded.notice("is resumed with the search_path that it began with: " + path);
}

} // namespace

void session_state::resume(const resumed_migration &migration, hooks::migration_run &run) {
    const reader recorded(migration);
    if (migration.session.empty())
        recorded.refuse("The journal does not have it: another version of confiture wrote the row "
                        "of its last step.",
                        "Nothing was run.");
    check_objects(recorded, own_objects_);
    path_was_set_ = recorded.members("settings").count("search_path") > 0;
    set_settings_and_roles(recorded);
    set_path(recorded, path_was_set_);
    for (const auto &[name, value] : recorded.members("settings"))
        set_before_.insert(name);
    for (const auto &[name, identity] : recorded.members("objects"))
        needed_before_.insert(name);
    role_was_set_ = recorded.text("role").has_value();
    session_role_was_set_ = recorded.text("session_authorization").has_value();
    if (!path_was_set_)
        first_path_ = pg::setting("search_path");
    const std::string began_as = *recorded.text("began_as");
    if (began_as != began_as_)
        recorded.notice("was begun by role \"" + began_as + "\" and is resumed by role \"" +
                        began_as_ + "\"");
    run.resume(recorded.stats(), *recorded.text("first_search_path"));
}

} // namespace confiture::apply
