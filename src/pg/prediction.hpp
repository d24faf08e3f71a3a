#pragma once
/* What a statement will lock, rewrite and scan: from its parse tree and the catalog, without
 * running it and without a lock on what it names. */
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

struct prediction {
    oid relation = 0;   // 0 where it is not there yet or not known
    std::string object; // qualified; empty where nothing can be said
    int mode = 0;       // of the lock; 0 for none
    bool rewrites = false, scans = false;
    certainty sure = certainty::certain;
    std::string reason; // why it is not certain
};

/* One prediction for each relation.  `made_before` holds names that earlier statements of the
 * script make; they are not predicted.  Names that the statement makes itself are added to it. */
std::vector<prediction> predict(std::string_view statement, std::vector<std::string> &made_before);

} // namespace confiture::pg
