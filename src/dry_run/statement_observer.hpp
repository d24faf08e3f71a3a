#pragma once
/* Hears what happens inside a statement and keeps the books of the run. */
#include "pg/plain.hpp"

#include "dry_run/run.hpp"
#include "pg/tracer.hpp"

#include <unordered_map>

namespace confiture::dry_run {

class statement_observer final : public pg::observer {
public:
    statement_observer(chain_record &record, pg::session_watch &watch);

    void begin(statement_record &statement);
    void end();

    /* Looks for changes of locks now; `whole` also finds releases and stronger modes. */
    void look(bool whole);
    /* After an ERROR the catalogs cannot be read before the rollback: names are asked for then. */
    void look_after_error();
    std::size_t shared_lock_count() const { return locks_.shared_count(); }

    void relations_locked() override { look(false); }
    void query_begins(const std::vector<std::uint32_t> &relations) override;
    void utility_begins(const char *tag, const std::vector<std::uint32_t> &relations) override;
    void nested_ended(const pg::nested_statement &ended) override;
    void object_touched(const pg::object_event &event) override;
    void plan_executed(std::string_view plan, int depth, double elapsed_ms) override;
    double plan_threshold_ms() const override { return 100; }

    /* Describes the objects of the statement, which exist as long as it is not rolled back. */
    void describe_objects();

private:
    std::size_t place_of_outer(int depth);
    void note_dropped(const pg::object_event &event);

    chain_record &record_;
    pg::session_watch &watch_;
    pg::lock_watch locks_;
    statement_record *statement_ = nullptr;
    std::unordered_map<std::string, std::size_t> nested_;
    std::vector<pg::object_event> events_;
};

} // namespace confiture::dry_run
