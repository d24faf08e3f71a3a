#pragma once
/* What a statement will lock, rewrite and scan: from its parse tree and the catalog, without
 * running it and without keeping a lock. */
#include "pg/plain.hpp"

#include "pg/catalog.hpp"

#include <memory>
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
    bool planned = false;  // the planner chooses how it is read: scans says nothing then
    bool unknown = false;  // it may do more than was foreseen
    bool doubtful = false; // an earlier statement may have changed what it rests on
    std::string reason;    // why it is not certain

    certainty sure() const;
};

class script_book;
struct script_savepoints;

/* The plan of a script, or of a chain of them, made before any of it runs.  What an earlier
 * statement has touched is likely or open in all that follow. */
class planner {
public:
    planner();
    planner(const planner &) = delete;
    planner &operator=(const planner &) = delete;
    ~planner();

    /* One prediction for each relation that the next statement locks. */
    std::vector<prediction> next(std::string_view text, int line);
    /* Code that is not the script's runs between its statements; `what` names it in reasons. */
    void code_runs(const std::string &what);
    /* What the script SETs ends with it; reasons tell another script's lines as such. */
    void end_script();

private:
    std::unique_ptr<script_book> book_;
    std::unique_ptr<script_savepoints> savepoints_;
    int statements_ = 0;
};

} // namespace confiture::pg
