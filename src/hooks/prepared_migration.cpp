#include "hooks/prepared_migration.hpp"

#include "hooks/script_hooks.hpp"
#include "migration/script.hpp"
#include "migration/transaction_statements.hpp"
#include "pg/error.hpp"

namespace confiture::hooks {

static prepared_migration parse(const migration::stored &found, const std::string &text,
                                const std::string &file) {
    migration::parsed_script parsed = migration::parse(text, file, found.version);
    migration::check_transactions(parsed.script);
    std::vector<std::string> depends = found.depends;
    depends.insert(depends.end(), parsed.marks.depends.begin(), parsed.marks.depends.end());
    hook_list own = hooks_of(parsed);
    return {found.version,
            found.name,
            "forward",
            std::move(parsed.script),
            std::move(own),
            parsed.marks.lock_timeout.value_or(found.lock_timeout),
            found.transactional && !parsed.marks.no_transaction,
            std::move(depends),
            {},
            {}};
}

prepared_migration prepare(const migration::stored &found, const std::string &direction) {
    if (direction == "forward")
        return parse(found, found.forward, found.source);
    if (!found.backward)
        migration::refuse_irreversible(found.version);
    prepared_migration back = parse(found, *found.backward, found.backward_source);
    back.direction = "backward";
    back.depends.clear(); // those that depend on it are another question
    return back;
}

prepared_migration prepare_script(const std::string &text) {
    migration::stored unnamed;
    unnamed.name = "script";
    return parse(unnamed, text, "");
}

} // namespace confiture::hooks
