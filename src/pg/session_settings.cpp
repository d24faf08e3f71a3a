#include "pg/session_settings.hpp"

#include "pg/boundary.hpp"
#include "pg/compat.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"

#include <algorithm>

extern "C" {
#include "utils/guc_tables.h"
}

namespace confiture::pg {

namespace {

struct variables {
    config_generic **all;
    int count;
};

variables all_variables() {
#if PG_VERSION_NUM >= 160000
    return call([]() -> variables {
        int count = 0;
        config_generic **all = get_guc_variables(&count);
        return {all, count};
    });
#else
    return {get_guc_variables(), GetNumConfigOptions()};
#endif
}

/* To the last bit. */
std::string text_of(double value) {
    char text[40];
    return {text, static_cast<std::size_t>(pg_snprintf(text, sizeof text, "%.17g", value))};
}

/* As set_config_option() reads it, in the setting's base unit.  `stacked`: another value than the
 * one in force. */
std::string text_of(config_generic *setting, const config_var_value *stacked) {
    switch (setting->vartype) {
    case PGC_BOOL: {
        const bool value = stacked ? stacked->val.boolval : *compat::bool_of(setting);
        return value ? "on" : "off";
    }
    case PGC_INT:
        return std::to_string(stacked ? stacked->val.intval : *compat::int_of(setting));
    case PGC_REAL:
        return text_of(stacked ? stacked->val.realval : *compat::real_of(setting));
    case PGC_STRING: {
        const char *value = stacked ? stacked->val.stringval : *compat::string_of(setting);
        return value ? value : "";
    }
    case PGC_ENUM:
        return call([&] {
            return compat::enum_name(setting,
                                     stacked ? stacked->val.enumval : *compat::enum_of(setting));
        });
    }
    return {};
}

/* What AtEOXact_GUC() leaves of it when all that is open commits. */
session_setting after_commit(config_generic *setting) {
    const config_var_value *value = nullptr;
    GucSource source = setting->source;
    for (const guc_stack *level = setting->stack; level; level = level->prev) {
        if (level->state == GUC_SET)
            break;
        if (level->state == GUC_SET_LOCAL) {
            value = &level->masked;
            source = PGC_S_SESSION;
            break;
        }
        value = &level->prior;
        source = level->source;
    }
    return {text_of(setting, value), source == PGC_S_SESSION};
}

bool is_carried(const config_generic *setting) {
    static constexpr std::string_view left_out[] = {"client_encoding",
                                                    "role",
                                                    "seed",
                                                    "session_authorization",
                                                    "transaction_deferrable",
                                                    "transaction_isolation",
                                                    "transaction_read_only"};
    return (setting->context == PGC_USERSET || setting->context == PGC_SUSET) &&
           std::find(std::begin(left_out), std::end(left_out), setting->name) == std::end(left_out);
}

std::string after_commit(const variables &of, std::string_view name) {
    for (int i = 0; i < of.count; i++)
        if (of.all[i]->name == name)
            return after_commit(of.all[i]).value;
    return {};
}

} // namespace

settings_by_name settings_after_commit() {
    const variables of = all_variables();
    settings_by_name found;
    for (int i = 0; i < of.count; i++)
        if (is_carried(of.all[i]))
            found.emplace(of.all[i]->name, after_commit(of.all[i]));
    return found;
}

session_roles roles_after_commit() {
    const variables of = all_variables();
    session_roles roles{after_commit(of, "session_authorization"), after_commit(of, "role")};
    if (roles.role.empty())
        roles.role = "none";
    return roles;
}

std::vector<std::string> schemas_in_path() {
    std::vector<std::string> names;
    const List *schemas = call([] { return fetch_search_path(false); });
    const ListCell *cell;
    foreach (cell, schemas)
        if (const char *name = call([&] {
                const Oid schema = lfirst_oid(cell);
                return isAnyTempNamespace(schema) ? nullptr : get_namespace_name(schema);
            }))
            names.emplace_back(name);
    return names;
}

void session_settings::restore() const {
    const session_roles roles = roles_after_commit();
    if (roles.session != roles_.session)
        set_for_session("session_authorization", roles_.session.c_str());
    if (roles.role != roles_.role || roles.session != roles_.session)
        set_for_session("role", roles_.role.c_str());
    for (const auto &[name, now] : settings_after_commit()) {
        const auto before = settings_.find(name);
        if (before == settings_.end() ? !now.by_session : before->second.value == now.value)
            continue; // settings come with libraries, and do not go
        // What the session had not set itself follows its file or its role again.
        const char *value = before != settings_.end() && before->second.by_session
                                ? before->second.value.c_str()
                                : nullptr;
        try {
            in_subtransaction([name = name.c_str(), value] { set_for_session(name, value); });
        } catch (const error &) { // a superuser's, set by what is no superuser's any more
        }
    }
}

std::map<std::string, std::string> session_settings::changes() const {
    std::map<std::string, std::string> changed;
    for (const auto &[name, now] : settings_after_commit()) {
        const auto before = settings_.find(name);
        if (before == settings_.end() ? now.by_session
                                      : before->second.value != now.value &&
                                            (now.by_session || before->second.by_session))
            changed.emplace(name, now.value);
    }
    return changed;
}

} // namespace confiture::pg
