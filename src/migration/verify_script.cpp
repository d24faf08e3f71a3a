#include "migration/verify_script.hpp"

#include "migration/script_line.hpp"

#include <string>

namespace confiture::migration {

namespace {

[[noreturn]] void refuse(const pg::script &verify, const pg::statement &where,
                         const std::string &what, std::string detail, std::string hint) {
    refuse_line({verify.file, where.line}, "verify script " + what, std::move(detail),
                std::move(hint));
}

void refuse_ending(const pg::script &verify, const pg::statement &where) {
    using kind = pg::transaction_ending;
    switch (pg::facts_of(verify.text_of(where)).ending) {
    case kind::plain:
        return;
    case kind::chained:
        refuse(verify, where,
               std::string("chains a transaction by ") + pg::tag_name(where.tag) + " AND CHAIN",
               "It runs in a savepoint, and a savepoint has no characteristics to hand on.",
               "Write the statement without AND CHAIN, and BEGIN after it.");
    case kind::prepared:
        refuse(verify, where, std::string("cannot run ") + pg::tag_name(where.tag),
               "It runs in a savepoint that is rolled back, which cannot be prepared.",
               "Write ROLLBACK, or remove the statement.");
    }
}

} // namespace

void refuse_unverifiable(const pg::script &verify) {
    using kind = pg::statement_kind;
    for (const pg::statement &each : verify.statements)
        switch (each.kind) {
        case kind::begin:
            if (pg::facts_of(verify.text_of(each)).has_transaction_modes)
                refuse(verify, each, "begins a transaction with modes",
                       "It runs in a savepoint of a transaction whose modes are set already.",
                       "Write BEGIN alone.");
            break;
        case kind::commit:
        case kind::rollback:
            refuse_ending(verify, each);
            break;
        case kind::concurrently:
        case kind::top_level_only:
            refuse(verify, each, std::string("cannot run ") + pg::tag_name(each.tag),
                   "The statement does not run inside a transaction, and a verify script does.",
                   "Look at what the statement has done, or remove it.");
        default:
            break;
        }
}

} // namespace confiture::migration
