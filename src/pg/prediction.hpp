#pragma once
/* What a statement will lock, rewrite and scan: from its parse tree and the catalog, without
 * running it and without keeping a lock. */
#include "pg/plain.hpp"

#include "pg/catalog.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace confiture::pg {

enum class certainty : std::uint8_t {
    certain, // the server's own rules leave no other way
    likely,  // depends on data or on parts of the catalog that are not looked at
    unknown, // runs code, or names what is not there yet
};
const char *name_of(certainty sure);

/* Something that is done to a relation, or not. */
struct expectation {
    bool expected = false;
    certainty sure = certainty::certain;
};

struct prediction {
    oid relation = 0;     // 0 where it is not there yet or not known
    std::string object;   // qualified; empty where nothing can be said
    int mode = 0;         // the strongest lock that may be taken; 0 for none
    int certain_mode = 0; // the strongest that is taken in any case
    expectation rewrites, scans;
    bool planned = false; // the planner chooses how it is read: scans says nothing then
    bool unknown = false; // it may do more than was foreseen
    std::string reason;   // why it is not certain

    certainty sure() const;
};

/* What an earlier statement of the script made or renamed: nobody waits for the one, and the other
 * is not found under its new name yet. */
struct script_names {
    struct name {
        std::string schema, relation;
        oid was = 0; // the relation that was renamed; 0 for a new one
    };
    std::vector<name> names;
    int statements = 0; // that were predicted before
};

/* One prediction for each relation.  Names that the statement makes are added to `names`. */
std::vector<prediction> predict(std::string_view text, script_names &names);

} // namespace confiture::pg
