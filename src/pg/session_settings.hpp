#pragma once
/* The settings of the session, for code that changes them across commits. */
#include "pg/plain.hpp"

#include <map>
#include <string>
#include <vector>

namespace confiture::pg {

struct session_setting {
    std::string value;
    bool by_session; // it has SET it
};
using settings_by_name = std::map<std::string, session_setting>;

/* Those that SET can change, of no library (SET my.tenant) too, with the values that they have once
 * the transaction that runs has committed: without what is SET LOCAL.  Not the roles, nor what
 * belongs to a transaction or to the client: its encoding. */
settings_by_name settings_after_commit();

/* session_authorization and role ("none" where none is set), as above. */
struct session_roles {
    std::string session, role;
    const std::string &current() const { return role == "none" ? session : role; }
};
session_roles roles_after_commit();

/* The schemas that an unqualified name is looked for in now, pg_temp and pg_catalog aside. */
std::vector<std::string> schemas_in_path();

/* What the session had when this was made. */
class session_settings {
public:
    session_settings() : settings_(settings_after_commit()), roles_(roles_after_commit()) {}

    /* Sets back whatever differs now, the role too; in a transaction of its own, which is to be
     * committed. */
    void restore() const;

    /* What was SET or RESET since, by name. */
    std::map<std::string, std::string> changes() const;
    const session_roles &roles() const { return roles_; }

private:
    settings_by_name settings_;
    session_roles roles_;
};

} // namespace confiture::pg
