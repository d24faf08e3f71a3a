#pragma once
/* The relations that a run meets: what they were before, and what each statement did to them. */
#include "pg/plain.hpp"

#include "dry_run/record.hpp"
#include "pg/catalog.hpp"

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace confiture::dry_run {

struct relation_info {
    std::string name; // when it was met; empty while it is not visible
    std::string name_now;
    char kind = 0;
    bool temporary = false;
    bool created_here = false;
    bool transient = false; // the new heap of a rewrite, gone with its statement
    bool gone = false;
    std::int64_t bytes_before = 0;
    std::vector<pg::oid> files; // the last one is the current one
    pg::relation_activity seen;
    row_counts written; // in the file that it had before
};

class relation_book {
public:
    /* A lock on the relation was noticed: what it is from now on counts, or from when it was
     * expected.  Works inside hooks. */
    relation_info &meet(pg::oid relation);
    /* The relation, its indexes and its partitions are as they were before a statement that will
     * lock them in its middle. */
    void expect(pg::oid relation);
    /* The same where the catalogs cannot be read; name_what_is_there() makes up for it. */
    void meet_unnamed(pg::oid relation) { relations_.try_emplace(relation); }
    void name_what_is_there();
    /* The relation was made by the run. */
    void created(pg::oid relation);
    /* A statement works on the relation. */
    void touched(pg::oid relation) { touched_.insert(relation); }

    /* Reads off what the statement scanned, wrote and rewrote of the relations that it touched, of
     * their indexes and their partitions. */
    void settle(statement_record &record);
    /* After ROLLBACK TO: files are what they were, and nothing was rewritten. */
    void look_again();

    const relation_info *find(pg::oid relation) const;
    const relation_info *find_named(const std::string &name) const;
    const std::unordered_map<pg::oid, relation_info> &all() const { return relations_; }

private:
    void settle_one(pg::oid relation, relation_info &info, statement_record &record);
    void settle_file(pg::oid relation, relation_info &info, statement_record &record);

    struct earlier_state {
        pg::relation_activity seen;
        pg::oid file = 0;
        std::int64_t bytes = 0;
    };
    void remember(pg::oid relation);

    std::unordered_map<pg::oid, relation_info> relations_;
    std::unordered_map<std::string, pg::oid> named_; // the last one that was seen with the name
    std::unordered_map<pg::oid, earlier_state> expected_;
    std::unordered_set<pg::oid> touched_;
};

} // namespace confiture::dry_run
