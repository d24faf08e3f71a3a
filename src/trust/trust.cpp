#include "trust/trust.hpp"

#include "pg/error.hpp"
#include "pg/query.hpp"
#include "pg/read_only.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"

namespace confiture::trust {

bool is_trusted_role(const std::string &role) {
    return role == pg::current_role_name() || pg::is_superuser(role).value_or(false);
}

std::string hash_of(const std::string &definition) { return pg::sha256(definition); }

std::string hash_of_parts(const std::vector<std::string> &parts) {
    std::string definition;
    for (const std::string &part : parts)
        definition += std::to_string(part.size()) + ' ' + part + '\n';
    return hash_of(definition);
}

bool is_pinned(const std::string &kind, const std::string &name,
               const std::string &definition_hash) {
    const std::string role = pg::current_role_name();
    pg::as_owner owner;
    return !pg::query("SELECT FROM confiture.trusted WHERE role = $1 AND kind = $2 AND name = $3 "
                      "AND definition = $4",
                      {role, kind, name, definition_hash})
                .empty();
}

bool was_pinned(const std::string &kind, const std::string &name) {
    const std::string role = pg::current_role_name();
    pg::as_owner owner;
    return !pg::query("SELECT FROM confiture.trusted WHERE role = $1 AND kind = $2 AND name = $3",
                      {role, kind, name})
                .empty();
}

void pin(const std::string &kind, const std::string &name, const std::string &definition_hash) {
    pg::refuse_where_read_only("declare trust");
    const std::string role = pg::current_role_name();
    pg::as_owner owner;
    pg::execute("INSERT INTO confiture.trusted (role, kind, name, definition) "
                "VALUES ($1, $2, $3, $4) ON CONFLICT (role, kind, name) DO UPDATE "
                "SET definition = excluded.definition, trusted_at = excluded.trusted_at",
                {role, kind, name, definition_hash});
}

int unpin(const std::string &kind, const std::string &name) {
    pg::refuse_where_read_only("take back trust");
    const std::string role = pg::current_role_name();
    pg::as_owner owner;
    return static_cast<int>(
        pg::execute("DELETE FROM confiture.trusted WHERE role = $1 AND kind = $2 AND name = $3",
                    {role, kind, name}));
}

int unpin_all(const std::string &kind) {
    pg::refuse_where_read_only("take back trust");
    const std::string role = pg::current_role_name();
    pg::as_owner owner;
    return static_cast<int>(
        pg::execute("DELETE FROM confiture.trusted WHERE role = $1 AND kind = $2", {role, kind}));
}

std::string described(const std::string &role) {
    const std::string named = "role \"" + role + "\", ";
    return named + (pg::is_superuser(role) ? "who is no superuser" : "which no longer exists");
}

failure refusal(const std::string &kind, const std::string &name, const std::string &reason,
                std::size_t more) {
    const std::string one = kind + " \"" + name + "\"";
    const std::string call =
        "SELECT confiture.trust('" + kind + "', " + pg::sql_literal(name) + ")";
    std::string detail = (more ? "The first " : "It ") + reason + ".";
    if (was_pinned(kind, name))
        detail += " It has changed since it was trusted.";
    return failure{not_trusted,
                   one + (more ? " and " + std::to_string(more) + " more are" : " is") +
                       " not trusted by role \"" + pg::current_role_name() + "\"",
                   detail,
                   more ? "Read them, then " + call + " and so on, or '*' for all."
                        : "Read it, then " + call + "."};
}

void refuse_change_by_others(const std::string &role, const std::string &registrar,
                             const std::string &what, const std::string &advice) {
    if (role == registrar || pg::stands_for(role, registrar))
        return;
    const bool is_there = pg::is_superuser(registrar).has_value();
    throw failure{configuration_invalid, what + " belongs to another role",
                  "It was registered by role \"" + registrar + "\"" +
                      (is_there ? "." : ", which no longer exists."),
                  std::string(is_there ? "That role, its members and superusers may change it; "
                                       : "Superusers may change it; ") +
                      advice + "."};
}

} // namespace confiture::trust
