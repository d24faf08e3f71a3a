#include "apply/session_state.hpp"

#include "pg/jsonb.hpp"
#include "pg/settings.hpp"

namespace confiture::apply {

/* Those that the path finds, which need not be in force. */
static std::vector<std::string> schemas_of(const std::string &path) {
    pg::settings_scope settings;
    settings.set("search_path", path.c_str());
    return pg::schemas_in_path();
}

session_state::session_state()
    : own_objects_(session_objects_now()), first_path_(pg::setting("search_path")),
      began_as_(own_.roles().current()) {}

std::string session_state::after_step(hooks::migration_run &run) const {
    const pg::session_roles roles = pg::roles_after_commit(), &own = own_.roles();
    const pg::settings_by_name now = pg::settings_after_commit();
    const std::string &path_now = now.at("search_path").value;
    std::map<std::string, std::string> set = own_.changes();
    for (const std::string &name : set_before_)
        if (const auto found = now.find(name); found != now.end())
            set[name] = found->second.value;
    set.erase("search_path");
    if (path_was_set_ || path_now != first_path_)
        set["search_path"] = path_now;

    pg::jsonb_builder json;
    json.begin_object();
    json.member("began_as", began_as_);
    json.member("user", roles.current());
    if (session_role_was_set_ || roles.session != own.session)
        json.member("session_authorization", roles.session);
    if (role_was_set_ || roles.session != own.session || roles.role != own.role)
        json.member("role", roles.current());
    json.member("first_search_path", run.search_path());
    json.member("search_path", path_now);
    json.member("schemas", schemas_of(path_now));
    json.key("settings");
    json.begin_object();
    for (const auto &[name, value] : set)
        json.member(name, value);
    json.end_object();
    json.key("objects");
    json.begin_object();
    for (const auto &[name, object] : session_objects_now())
        if (object.shadows || !own_objects_.count(name) || needed_before_.count(name))
            json.member(name, object.identity);
    json.end_object();
    json.key("stats");
    json.document(run.input().stats);
    json.end_object();
    return pg::jsonb_text(json.finish_image());
}

} // namespace confiture::apply
