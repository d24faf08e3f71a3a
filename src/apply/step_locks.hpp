#pragma once
/* What the steps of a migration really lock, and for how long: for the history. */
#include "pg/plain.hpp"

#include "pg/catalog.hpp"
#include "pg/json.hpp"
#include "pg/locks.hpp"
#include "pg/session_watch.hpp"
#include "pg/settings.hpp"
#include "pg/tracer.hpp"
#include "running/lock_ledger.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace confiture::apply {

class step_locks final : public pg::observer {
public:
    /* From here to end_step() it must be the observer of what runs.  `watch` lives as long, and is
     * told since when writers are blocked. */
    void begin_step(pg::session_watch &watch);
    /* Not whole: it may miss a stronger mode on what was held, which the next whole look finds. */
    void look(bool whole);
    /* Before the rollback, where the catalogs cannot be read. */
    void look_after_error();
    /* While the locks are held still, or right after the rollback: attempts that failed count, they
     * kept others waiting as well. */
    void end_step(const std::vector<pg::lock_wait> &waits);

    /* Writes an array with an object for each table that was there before: its strongest lock, and
     * the longest time that one attempt at a step held it, or any lock that blocks writers where it
     * is such a one; the strongest first, at most 50. */
    void write(json_writer &json) const;
    bool empty() const { return tables_.empty(); }

    void relations_locked() override { look(false); }
    void query_begins(const std::vector<std::uint32_t> &) override { look(false); }
    void utility_begins(const char *tag, const std::vector<std::uint32_t> &relations) override;
    void nested_ended(const pg::nested_statement &) override {}
    void object_touched(const pg::object_event &event) override;
    void subtransaction_aborts() override { look_after_error(); }
    void plan_executed(std::string_view, int, double) override {}
    double plan_threshold_ms() const override { return 0; }
    /* A lock whose hold is limited may be taken in the middle of a block. */
    bool hears_queries() const override { return pg::max_lock_hold() > 0; }

private:
    struct table_lock {
        int mode = 0;
        double held_ms = 0, waited_ms = 0;
    };

    void meet(pg::oid relation);
    void settle(const running::lock_entry &entry, double now_ms);

    pg::lock_watch watch_;
    pg::session_watch *session_ = nullptr; // of the step
    running::lock_ledger ledger_;          // of the step
    std::unordered_set<pg::oid> made_here_;
    std::unordered_map<pg::oid, std::string> names_; // empty for what is no table
    std::map<std::string, table_lock> tables_;       // of the steps before
};

} // namespace confiture::apply
