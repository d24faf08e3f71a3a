/* confiture.verify(): is what is applied still as it was, and in place? */
#include "apply/verify_run.hpp"
#include "migration/acceptance.hpp"
#include "migration/registry.hpp"
#include "migration/script.hpp"
#include "migration/verify_script.hpp"
#include "pg/error.hpp"
#include "pg/function.hpp"
#include "pg/query.hpp"
#include "pg/transaction.hpp"

#include <optional>

namespace confiture::apply {

namespace {

struct finding {
    const char *state = "";
    std::optional<std::string> detail;
};

finding verify(const migration::stored &applied) {
    if (!applied.verify)
        return {"unverified", "It has no verify script."};
    try {
        migration::refuse_untrusted({&applied, 1});
        const pg::script script = migration::parse(*applied.verify, "", applied.version).script;
        migration::refuse_unverifiable(script); // one that is older than this refusal
        run_verify_script(script);
    } catch (const pg::error &raised) {
        if (raised.is_intervention())
            throw;
        return {"failed", std::string(raised.what())};
    } catch (const failure &refused) {
        return {"failed", refused.message};
    }
    return {"verified", {}};
}

finding look_at(const std::string &version, const std::string &status) {
    if (status == "missing")
        return {"missing", "It is applied and is not registered any more."};
    if (status == "changed")
        return {"changed", "Its scripts are not those that were applied."};
    return verify(migration::find(version));
}

std::vector<pg::record> all_applied() {
    const pg::as_owner owner;
    return pg::query("SELECT version, name, status FROM confiture.status "
                     "WHERE applied_at IS NOT NULL ORDER BY coalesce(repeatable, false), sort_key");
}

} // namespace

CONFITURE_FUNCTION(confiture_verify) {
    pg::row_set rows(arguments);
    for (const pg::record &row : all_applied()) {
        const finding found = look_at(*row[0], *row[2]);
        rows.add({pg::text(*row[0]), pg::text(*row[1]), pg::text(found.state),
                  pg::text_or_null(found.detail)});
    }
    return {};
}

} // namespace confiture::apply
